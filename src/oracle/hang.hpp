/// The state of a world as plain data, and the name of a hang.
///
/// Causes: lost wake-up (what is waited for already holds), wrong queue (the wake went to another key), wrong idle value (the count
/// waited for never comes), leaked reference (a count nobody owns), held page (its holder is blocked itself), lock cycle.
#pragma once

#include "words/snapshot.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct world_state;

/// Never blocks; tasks may be asleep anywhere. On the host other threads may run meanwhile: what it reads is then a moment's guess.
snapshot take_snapshot(const world_state& w);

} // namespace ARCH_MACHINE
} // namespace daxtorture
