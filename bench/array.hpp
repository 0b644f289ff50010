/// See array.cpp.
#pragma once

#include "array.h"

namespace daxtorture::bench {

/// Registers the benchmarks of our xarray, and of Linux's when a library with it is given (bench/linux-xarray.sh).
void add_arrays(const char* linux_library);

} // namespace daxtorture::bench
