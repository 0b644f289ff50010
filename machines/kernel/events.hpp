/// What an execution did, in the words of reports: kernel functions, files and lines, names of objects.
#pragma once

#include "machine.hpp"

#include <vector>

namespace daxtorture::kernel_machine {

/// The events of the last execution, while its objects still stand.
std::vector<event> describe_events();

} // namespace daxtorture::kernel_machine
