/// How many threads an execution can have. Masks of threads are bytes of the decision log, so a larger number needs another log.
#pragma once

namespace daxtorture {

inline constexpr unsigned max_threads = 8;

} // namespace daxtorture
