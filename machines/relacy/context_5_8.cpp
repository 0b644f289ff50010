#include "context.hpp"

namespace daxtorture {

template void run_exploration<5>(exploration&);
template void run_exploration<6>(exploration&);
template void run_exploration<7>(exploration&);
template void run_exploration<8>(exploration&);

} // namespace daxtorture
