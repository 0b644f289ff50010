/// Names for addresses, so that a history can say "folio 0 refcount" where the machine saw a pointer.
#pragma once

#include <arch/machine.hpp>

#include <string>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct world_state;

/// "" when the address belongs to nothing of the world.
std::string describe(const world_state& w, const void* address);

/// The meaning of a value of the object at this address, given as text: of page-table entries, DAX entries, task states and wait
/// queues. Other values come back as they are.
std::string value_text(const world_state& w, const void* address, const std::string& value);

} // namespace ARCH_MACHINE
} // namespace daxtorture
