/// Which threads and files a failure of real threads is about.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <set>
#include <span>
#include <vector>

namespace daxtorture::lifting {

/// Which files an operation touches; none for unpin and the like.
std::set<unsigned> files_of(const operation& one, const world_config& world);

/// Threads that the failure is about first: those that sleep, then the one that met the violation, then the others.
std::vector<unsigned> by_involvement(const program& window, const failure& found);

/// Files, the most involved first: that of the newest operation of each thread in order of involvement.
std::vector<unsigned> involved_files(const program& window, std::span<const unsigned> order);

/// Does the operation take pages away from who holds them?
bool breaks_layouts(op kind);

} // namespace daxtorture::lifting
