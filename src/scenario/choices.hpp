/// What a world has operations for: every choice of operands, less what can do nothing to them. std only.
#pragma once

#include "words/config.hpp"
#include "words/operation.hpp"

#include <cstdint>
#include <vector>

namespace daxtorture {

/// Every operation of a kind that may do something in the world, plain and with each of its flags.
std::vector<operation> choices(op kind, const world_config& world);

/// The area that a page of an mm lies in; null: none, or at its second place.
const area_config* area_of(const operation& what, const world_config& world);

/// A device as operands count them: pmem0, then the files that are devices.
struct device_operand {
    const file_config* file; ///< null: pmem0
    unsigned pages;
};
std::vector<device_operand> device_operands(const world_config& world);

/// May it wait for pages to become idle, or for a lock that such a waiter holds? Then a worker first drops its own pins: a process that
/// waits for its own pin hangs in Linux too. True of every operation that is not known to be harmless.
bool may_wait_for_holders(op kind);

/// Does it end with one more reference (not pin) for `put` to drop?
bool takes_reference(op kind);

/// The files that an operation works on, as bits; an operation on an mm works on all that the mm maps.
std::uint64_t files_touched(const operation& what, const world_config& world);

} // namespace daxtorture
