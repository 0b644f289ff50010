/// What the wrappers recorded, with names: of objects, as the body calls them, and of places in the source.
#pragma once

#include "machine.hpp"

#include <string>
#include <vector>

namespace daxtorture {

/// "../src/mm/gup.cpp" and the like -> "src/mm/gup.cpp"
std::string path_below_root(const char* file);

/// While the objects that the events mean still stand.
std::vector<event> name_events(body& names);

} // namespace daxtorture
