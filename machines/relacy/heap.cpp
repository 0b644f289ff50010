#include "heap.hpp"

#include <new>

#include <sys/mman.h>

/// operator new and delete of the processes that check. Relacy has definitions of its own, for whatever is compiled with it; what both hand
/// out are blocks of malloc or of the region, so that each can take back the other's.

namespace {

using daxtorture::give_back;
using daxtorture::recycled;
using daxtorture::recycled_lines;
using daxtorture::recycler;

void* get(recycler& from, std::size_t size) {
    void* const block = daxtorture::take_block(from, size);
    if (block == nullptr)
        throw std::bad_alloc();
    return block;
}

void* get_aligned(std::size_t size, std::align_val_t alignment) {
    if (static_cast<std::size_t>(alignment) > recycled_lines.alignment())
        throw std::bad_alloc();
    return get(recycled_lines, size);
}

} // namespace

void daxtorture::region::open() {
    if (base_ == nullptr) {
        void* const got =
            mmap(nullptr, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED)
            throw std::bad_alloc();
        base_ = static_cast<unsigned char*>(got);
    }
    used_ = 0;
    shape_ = 0;
    open_ = true;
}

void* operator new(std::size_t size) { return get(recycled, size); }
void* operator new[](std::size_t size) { return get(recycled, size); }
void operator delete(void* block) noexcept { give_back(recycled, block); }
void operator delete[](void* block) noexcept { give_back(recycled, block); }
void operator delete(void* block, std::size_t) noexcept { give_back(recycled, block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(recycled, block); }

void* operator new(std::size_t size, std::align_val_t a) { return get_aligned(size, a); }
void* operator new[](std::size_t size, std::align_val_t a) { return get_aligned(size, a); }
void operator delete(void* block, std::align_val_t) noexcept { give_back(recycled_lines, block); }
void operator delete[](void* block, std::align_val_t) noexcept { give_back(recycled_lines, block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
    give_back(recycled_lines, block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
    give_back(recycled_lines, block);
}
