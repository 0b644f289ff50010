/// Recorded events as a Chrome trace: opens in Perfetto (ui.perfetto.dev) and chrome://tracing. One track per worker.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <string>

namespace daxtorture {

/// Empty when the events have no time stamps: only real threads have a time.
std::string chrome_trace(const failure& what, const program& of);

} // namespace daxtorture
