/// A cache in front of malloc, for the memory that every execution takes and gives back beside its region.
///
/// Whatever is handed out is a block of malloc and may be freed as one, and whatever is given back may come from malloc directly. Blocks
/// wait in lists by their size, the last one given back goes out first.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <malloc.h>

namespace daxtorture {

class recycler {
  public:
    constexpr explicit recycler(std::size_t alignment) : alignment_(alignment) {}

    /// nullptr: out of memory.
    void* get(std::size_t size) {
        const std::size_t list = (size + step - 1) / step;
        if (list < count)
            if (void* block = take(lists_[list]))
                return block;
        return std::aligned_alloc(alignment_, (size + alignment_ - 1) / alignment_ * alignment_);
    }

    std::size_t alignment() const { return alignment_; }

    void put(void* block) {
        if (block == nullptr)
            return;
        const std::size_t list = malloc_usable_size(block) / step;
        if (list >= count || list == 0) {
            std::free(block);
            return;
        }
        std::memcpy(block, &lists_[list], sizeof(void*));
        lists_[list] = block;
    }

  private:
    static constexpr std::size_t step = 16;
    static constexpr std::size_t count = 1024; ///< larger blocks are left to malloc

    static void* take(void*& first) {
        void* const block = first;
        if (block != nullptr)
            std::memcpy(&first, block, sizeof(void*));
        return block;
    }

    std::size_t alignment_;
    void* lists_[count] = {}; ///< list i: blocks in which at least i * step bytes fit
};

/// Of the alignment that malloc has, and of a cache line.
inline constinit recycler recycled(alignof(std::max_align_t));
inline constinit recycler recycled_lines(64);

} // namespace daxtorture
