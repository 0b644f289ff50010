#include "context.hpp"

namespace daxtorture {

template std::unique_ptr<simulation> make_simulation<5>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<6>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<7>(relacy_machine&);
template std::unique_ptr<simulation> make_simulation<8>(relacy_machine&);

} // namespace daxtorture
