// g++ 12 sees that Relacy's wait set of one thread has one element, but not that nobody indexes past it.
#pragma GCC diagnostic ignored "-Warray-bounds"

#include "context.hpp"

namespace daxtorture {

template std::unique_ptr<simulation> make_simulation<1>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<2>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<3>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<4>(relacy_machine&);

} // namespace daxtorture
