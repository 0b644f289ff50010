/// The one door to Relacy for the wrappers: its context interface, and none of its macros.
///
/// Only context_base.hpp is needed, which neither replaces operator new nor redefines a standard name. The engine in
/// machines/relacy/ includes the rest. Standard headers come first, because Relacy defines `$` and undefines _FORTIFY_SOURCE.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <relacy/base.hpp>
#include <relacy/thread_local_ctx.hpp>

#include <relacy/context_base.hpp>
#include <relacy/thread_base.hpp>

#undef $
#undef RL_ASSERT
#undef RL_UNTIL
#undef RL_LOG
#undef RL_TEST
