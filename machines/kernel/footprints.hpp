/// Which words the threads of a scenario share: touched by two of them, written by one. std only.
///
/// Addresses are the same in every execution, so the set grows over all of them. The search stops a thread only at words of a frozen
/// copy of the set, so that the decisions of an execution depend on its schedule alone; when new shared words were met meanwhile, what was
/// searched is not all there is, and the search is repeated with them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace daxtorture::kernel_machine {

class footprints {
  public:
    footprints() : table_(std::size_t{1} << bits) {}

    /// Notes the access. Is the word in the frozen set? Not frozen yet: is it shared?
    bool touch(std::uintptr_t address, unsigned thread, bool write) {
        word& w = find(address >> 3);
        const bool before = w.shared();
        (write ? w.writers : w.readers) |= static_cast<std::uint8_t>(1u << thread);
        if (!before && w.shared())
            ++fresh_;
        return frozen_ ? w.frozen : w.shared();
    }
    bool is_shared(std::uintptr_t address) { return find(address >> 3).shared(); }

    /// From now on the set is what is known at this moment.
    void freeze() {
        for (word& w : table_)
            w.frozen = w.shared();
        frozen_ = true;
        fresh_ = 0;
    }
    std::size_t fresh() const { return fresh_; } ///< words that became shared since the set was frozen
    std::size_t words() const { return used_; }
    std::size_t shared_words() const {
        std::size_t count = 0;
        for (const word& w : table_)
            count += w.shared();
        return count;
    }

  private:
    static constexpr unsigned bits = 20;

    struct word {
        std::uintptr_t number = 0;
        std::uint8_t readers = 0;
        std::uint8_t writers = 0;
        bool frozen = false;

        bool shared() const {
            const unsigned all = readers | static_cast<unsigned>(writers);
            return writers != 0 && (all & (all - 1)) != 0;
        }
    };

    word& find(std::uintptr_t number) {
        std::size_t at = number * 0x9e3779b97f4a7c15u >> (64 - bits);
        while (table_[at].number != number && table_[at].number != 0)
            at = (at + 1) & (table_.size() - 1);
        word& w = table_[at];
        if (w.number == 0 && used_ < table_.size() / 4 * 3) {
            w.number = number;
            ++used_;
        }
        return w;
    }

    std::vector<word> table_;
    std::size_t used_ = 0;
    std::size_t fresh_ = 0;
    bool frozen_ = false;
};

} // namespace daxtorture::kernel_machine
