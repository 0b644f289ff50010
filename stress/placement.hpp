/// On which processors workers run. Left alone, the scheduler likes to put threads that wake each other on one, where they never
/// race.
#pragma once

#include <vector>

namespace daxtorture::stress {

/// Processors that this process may use.
std::vector<unsigned> allowed_processors();
/// Keeps the calling thread on one of them.
void stay_on_processor(unsigned processor);

} // namespace daxtorture::stress
