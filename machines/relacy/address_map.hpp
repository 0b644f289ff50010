/// Names objects by the block of memory they lie in: the world of each execution is built by the same allocations in the same order, but not
/// at the same addresses. What lies in no such block, on a fibre's stack or in static memory, stays where it is. std only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace daxtorture {

class address_map {
  public:
    void clear() { blocks_.clear(); }
    void add(const void* start, std::size_t size) {
        blocks_.push_back({reinterpret_cast<std::uintptr_t>(start), size, blocks_.size()});
    }
    /// After the last block. False: these are not the blocks of the execution before.
    bool finish() {
        std::uint64_t hash = blocks_.size() + 1;
        for (const block& one : blocks_)
            hash = (hash ^ one.size) * 0x100000001b3u;
        const bool same = blocks_hash_ == 0 || blocks_hash_ == hash;
        blocks_hash_ = hash;
        // Of blocks at one address the last one is there; the others were given back.
        std::sort(blocks_.begin(), blocks_.end(), [](const block& a, const block& b) {
            return a.address != b.address ? a.address < b.address : a.number > b.number;
        });
        blocks_.erase(std::unique(blocks_.begin(), blocks_.end(),
                                  [](const block& a, const block& b) { return a.address == b.address; }),
                      blocks_.end());
        return same;
    }
    std::uint64_t number(const void* object) const {
        const auto address = reinterpret_cast<std::uintptr_t>(object);
        const auto after = std::upper_bound(blocks_.begin(), blocks_.end(), address,
                                            [](std::uintptr_t a, const block& b) { return a < b.address; });
        if (after == blocks_.begin() || address - std::prev(after)->address >= std::prev(after)->size)
            return address;
        return 1ull << 63 | std::prev(after)->number << 32 | (address - std::prev(after)->address);
    }

  private:
    struct block {
        std::uintptr_t address;
        std::size_t size;
        std::uint64_t number;
    };
    std::vector<block> blocks_;
    std::uint64_t blocks_hash_ = 0;
};

} // namespace daxtorture
