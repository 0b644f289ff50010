/// Which words the threads of a scenario share: touched by two of them, written by one. std only.
///
/// Addresses are the same in every execution, so the set grows over all of them. The search stops a thread only at words of a frozen
/// copy of the set, so that the decisions of an execution depend on its schedule alone; when new shared words were met meanwhile, what was
/// searched is not all there is, and the search is repeated with them.
///
/// The glue's accesses are no steps, but two steps of which one writes what the glue reads in the other do not commute: words that are
/// shared so are known, too.
#pragma once

#include "regions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace daxtorture::kernel_machine {

class footprints {
  public:
    /// The region's words can be shared; those of regions that were not added never are.
    void add(region r, std::uintptr_t base, std::size_t size) {
        parts_[r] = {base, size / word_size,
                     reinterpret_cast<word*>(map_memory(size / word_size * sizeof(word)))};
    }

    struct answer {
        bool stops = false;     ///< the word is in the frozen set; not frozen yet: it is shared
        bool conflicts = false; ///< another thread's access to it may not commute with this one
    };
    /// Notes an access of the kernel's code, or of the glue.
    answer touch(std::uintptr_t address, unsigned thread, bool write, bool by_glue) {
        word* const w = find(address);
        if (w == nullptr)
            return {};
        if ((w->all.readers | w->all.writers) == 0)
            touched_.push_back(w);
        fresh_ += w->all.touch(thread, write);
        if (!by_glue)
            fresh_ += w->kernel.touch(thread, write);
        return {!by_glue && (frozen_ ? w->frozen : w->kernel.shared()), w->all.shared()};
    }
    bool is_shared(std::uintptr_t address) {
        const word* const w = find(address);
        return w != nullptr && w->kernel.shared();
    }

    /// From now on the set is what is known at this moment.
    void freeze() {
        for (word* w : touched_)
            w->frozen = w->kernel.shared();
        frozen_ = true;
        fresh_ = 0;
    }
    std::size_t fresh() const { return fresh_; } ///< words that became shared since the set was frozen
    std::size_t shared_words() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(touched_, [](const word* w) { return w->kernel.shared(); }));
    }

  private:
    static constexpr std::size_t word_size = 8;

    struct users {
        std::uint8_t readers;
        std::uint8_t writers;

        bool shared() const {
            const unsigned both = readers | static_cast<unsigned>(writers);
            return writers != 0 && (both & (both - 1)) != 0;
        }
        /// It became shared by this access.
        bool touch(unsigned thread, bool write) {
            const bool before = shared();
            (write ? writers : readers) |= static_cast<std::uint8_t>(1u << thread);
            return !before && shared();
        }
    };
    struct word {
        users kernel; ///< of the kernel's code
        users all;    ///< and the glue
        bool frozen;
    };
    struct part {
        std::uintptr_t base = 0;
        std::size_t words = 0;
        word* first = nullptr;
    };

    word* find(std::uintptr_t address) {
        const std::uintptr_t number = address >> region_shift;
        if (number >= region_count)
            return nullptr;
        const part& p = parts_[number];
        const std::size_t at = (address - p.base) / word_size;
        return at < p.words ? p.first + at : nullptr;
    }

    std::array<part, region_count> parts_;
    std::vector<word*> touched_;
    std::size_t fresh_ = 0;
    bool frozen_ = false;
};

} // namespace daxtorture::kernel_machine
