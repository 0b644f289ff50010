/// What one step of a thread read and wrote, and whether two steps commute. std only.
///
/// Two steps of different threads commute when neither writes what the other reads or writes: run in either order from one state, each does
/// the same as in the other, and they lead to one state. Addresses are numbers that mean the same object in every execution (address_map).
/// A step whose effects cannot be told by addresses has `everything` and commutes with none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace daxtorture {

class footprint {
  public:
    bool everything = false;
    unsigned steps_of = 0; ///< mask of threads: it asked whether they have made a step

    void clear() {
        everything = false;
        steps_of = 0;
        read_bits_ = written_bits_ = 0;
        read_.clear();
        written_.clear();
    }
    void add(std::uint64_t object, bool written) {
        insert(written ? written_ : read_, object);
        (written ? written_bits_ : read_bits_) |= bit(object);
    }
    /// Becomes that of a step which did either.
    void add(const footprint& other) {
        everything = everything || other.everything;
        steps_of |= other.steps_of;
        read_bits_ |= other.read_bits_;
        written_bits_ |= other.written_bits_;
        for (const std::uint64_t object : other.read_)
            insert(read_, object);
        for (const std::uint64_t object : other.written_)
            insert(written_, object);
    }

    const std::vector<std::uint64_t>& reads() const { return read_; }
    const std::vector<std::uint64_t>& writes() const { return written_; }

    /// Of two threads: their order matters.
    static bool dependent(unsigned thread, const footprint& a, unsigned other_thread, const footprint& b) {
        return a.everything || b.everything || (a.steps_of >> other_thread & 1) != 0 ||
               (b.steps_of >> thread & 1) != 0 || a.disturbs(b) || b.disturbs(a);
    }

  private:
    static std::uint64_t bit(std::uint64_t object) { return 1ull << (object * 0x9e3779b97f4a7c15u >> 58); }
    static void insert(std::vector<std::uint64_t>& set, std::uint64_t object) {
        const auto at = std::lower_bound(set.begin(), set.end(), object);
        if (at == set.end() || *at != object)
            set.insert(at, object);
    }
    static bool meet(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
        for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
            if (*i == *j)
                return true;
            ++(*i < *j ? i : j);
        }
        return false;
    }
    bool disturbs(const footprint& other) const {
        return (written_bits_ & (other.read_bits_ | other.written_bits_)) != 0 &&
               (meet(written_, other.written_) || meet(written_, other.read_));
    }

    std::uint64_t read_bits_ = 0; ///< hashed, so that most pairs need no look at the lists
    std::uint64_t written_bits_ = 0;
    std::vector<std::uint64_t> read_; ///< sorted
    std::vector<std::uint64_t> written_;
};

} // namespace daxtorture
