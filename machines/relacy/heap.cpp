#include "recycler.hpp"

#include <algorithm>
#include <new>

/// operator new and delete of the processes that check. Relacy has definitions of its own, for whatever is compiled with it; what both hand
/// out are blocks of malloc, so that each can take back the other's.

namespace {

using daxtorture::recycled;
using daxtorture::recycled_lines;
using daxtorture::recycler;

void* get(recycler& from, std::size_t size) {
    void* const block = from.get(std::max<std::size_t>(size, 1));
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

void* operator new(std::size_t size) { return get(recycled, size); }
void* operator new[](std::size_t size) { return get(recycled, size); }
void operator delete(void* block) noexcept { recycled.put(block); }
void operator delete[](void* block) noexcept { recycled.put(block); }
void operator delete(void* block, std::size_t) noexcept { recycled.put(block); }
void operator delete[](void* block, std::size_t) noexcept { recycled.put(block); }

void* operator new(std::size_t size, std::align_val_t a) { return get_aligned(size, a); }
void* operator new[](std::size_t size, std::align_val_t a) { return get_aligned(size, a); }
void operator delete(void* block, std::align_val_t) noexcept { recycled_lines.put(block); }
void operator delete[](void* block, std::align_val_t) noexcept { recycled_lines.put(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { recycled_lines.put(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { recycled_lines.put(block); }
