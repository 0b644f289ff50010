/// A scenario as a world of real pages: geometry, files, areas, operands. std only.
///
/// A scenario of small PMDs (`geometry tiny pmd=1`: two pages under one) becomes one of real ones: each of its pages stands for 512 >> order
/// pages, and an operation on one page touches the first of them.
#pragma once

#include "abi.h"

#include "scenario/program.hpp"

#include <string>

namespace daxtorture::kernel_machine {

/// Why the scenario cannot run on real objects; empty: it can.
std::string obstacle(const program& what);

/// Real pages for each page of the scenario.
unsigned pages_per_page(const program& what);

machine_world_config make_world(const program& what);

} // namespace daxtorture::kernel_machine
