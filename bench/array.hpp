/// See array.cpp.
#pragma once

#include "array.h"

#include <cstdint>

namespace daxtorture::bench {

/// As benchmark::DoNotOptimize, without its header.
inline void keep(std::uint64_t value) { asm volatile("" : : "r"(value)); }

/// Loads, overwrites and pairs of erase and store on the barest tree there is.
extern const array_side bare_array_side;

/// Registers the benchmarks of our xarray, and of Linux's when a library with it is given (bench/linux-xarray.sh).
void add_arrays(const char* linux_library);

} // namespace daxtorture::bench
