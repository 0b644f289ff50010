/// The memory of one execution: whatever the set-up takes lies one behind the other in one range, and all of it goes back at once.
///
/// Every execution's set-up makes the same allocations, so each object has the same address in all of them: addresses name objects in
/// footprints. An execution that is left in the middle leaves nothing behind. A block given back is not handed out again before the
/// execution ends, so what uses it later still finds what it was.
/// There is one, for operator new, which heap.cpp defines, has no other argument than a size.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daxtorture {

class region {
  public:
    /// Everything goes back; whatever is taken from now on comes from here.
    void open();
    /// The set-up is done. False: it took other memory than the one before, so addresses do not name the same objects.
    bool close() {
        const bool same = before_ == 0 || before_ == shape_;
        before_ = shape_;
        open_ = false;
        return same;
    }
    /// Another program's set-ups come now.
    void forget() { before_ = 0; }
    bool is_open() const { return open_; }

    /// nullptr: out of memory.
    void* take(std::size_t size, std::size_t alignment) {
        const std::size_t start = (used_ + alignment - 1) / alignment * alignment;
        if (size > limit - start || start > limit)
            return nullptr;
        used_ = start + size;
        shape_ = (shape_ ^ size) * 0x100000001b3u;
        return base_ + start;
    }
    bool contains(const void* block) const {
        return reinterpret_cast<std::uintptr_t>(block) - reinterpret_cast<std::uintptr_t>(base_) < limit;
    }

    const unsigned char* begin() const { return base_; }
    std::size_t size() const { return used_; }

  private:
    static constexpr std::size_t limit = std::size_t{256} << 20; ///< of addresses; memory comes as it is used

    unsigned char* base_ = nullptr;
    std::size_t used_ = 0;
    std::uint64_t shape_ = 0;  ///< digest of the sizes taken
    std::uint64_t before_ = 0; ///< and of those of the set-up before; 0: none
    bool open_ = false;
};

inline constinit region execution_memory;

} // namespace daxtorture
