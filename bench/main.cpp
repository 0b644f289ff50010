/// daxtorture-bench: everything measured on real threads, in one process and one run. LINUX_XARRAY names the shared object that
/// bench/linux-xarray.sh built; without it Linux's xarray is left out. bench/compare.sh is the way to run it.
#include "array.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>

int main(int argc, char** argv) {
    daxtorture::bench::add_arrays(std::getenv("LINUX_XARRAY"));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
