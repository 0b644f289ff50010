/// Where operator new and Relacy's own allocations take memory: the region of the execution during its set-up, else recycled blocks.
#pragma once

#include "recycler.hpp"
#include "region.hpp"

#include <algorithm>

namespace daxtorture {

/// nullptr: out of memory.
inline void* take_block(recycler& from, std::size_t size) {
    size = std::max<std::size_t>(size, 1);
    if (execution_memory.is_open())
        return execution_memory.take(size, from.alignment());
    return from.get(size);
}

inline void give_back(recycler& to, void* block) {
    if (!execution_memory.contains(block))
        to.put(block);
}

} // namespace daxtorture
