// g++ 12 sees that Relacy's wait set of one thread has one element, but not that nobody indexes past it.
#pragma GCC diagnostic ignored "-Warray-bounds"

#include "context.hpp"

namespace daxtorture {

template void run_exploration<1>(exploration&);
template void run_exploration<2>(exploration&);
template void run_exploration<3>(exploration&);
template void run_exploration<4>(exploration&);

} // namespace daxtorture
