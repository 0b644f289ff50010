/// The lock bit of a DAX entry and its waiters. Mirrors the first third of fs/dax.c, v6.12 and v6.15.
///
/// States    absent -> locked -> unlocked -> locked ... -> absent. The bit changes by plain stores under xa_lock.
/// Waiting   exclusive, on a queue hashed by (file, index), the index aligned down when the entry is a PMD's; a waiter queues itself under xa_lock, so a waker that looks at the queue
///           after dropping xa_lock cannot miss it (O9)
/// Baton     a wake-up goes to one exclusive waiter. Whoever wakes and does not lock the entry must wake the next one
///           (put_unlocked_entry); whoever removes the entry must wake all, for nobody after it has anything to put (X21, X22)
/// Checked   fault-vs-fault, four-way-baton; broken by the rules entry-baton=drop and removal-wake=next                [I17]
#pragma once

#include "dax/entry.hpp"
#include "mm/address_space.hpp"
#include "mm/kernel.hpp"

#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

enum class wake_mode : unsigned char { all, next };

/// Everything here that takes an xa_state is called with xa_lock held, unless it says otherwise.

/// The first entry of the state's range that is not locked, waiting exclusively while it is; null when there is none; `dax_conflict`
/// when it is smaller than `order`, without waiting: whoever unlocks it wakes another queue (X23). Resets the state when it slept.
inline constexpr std::uint64_t dax_conflict = xa_retry_entry;
std::uint64_t get_next_unlocked_entry(kernel& k, address_space& mapping, xa_state& xas, unsigned order);

/// Waits until the entry at the state's index is not locked and returns it; null when it has gone. `entry` is the entry there now.
std::uint64_t wait_entry_unlocked_exclusive(kernel& k, address_space& mapping, xa_state& xas,
                                            std::uint64_t entry);

/// Sleeps once, not exclusively, on the entry that is locked now: for who may never lock it and so has no baton to pass. Returns with
/// xa_lock dropped, and then the file itself may be gone.
void wait_entry_unlocked(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry);

/// Passes the baton of a wait that did not end in locking the entry. Null and conflicts have none.
void put_unlocked_entry(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry,
                        wake_mode mode);
/// Whom the removal of an entry wakes.
wake_mode removal_wake(const kernel& k);

/// Sets the lock bit; returns the entry as it stood.
std::uint64_t dax_lock_entry(xa_state& xas, std::uint64_t entry);

/// Stores `entry` without its lock bit and wakes the next waiter. Takes xa_lock itself.
void dax_unlock_entry(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry);

void dax_wake_entry(kernel& k, address_space& mapping, const xa_state& xas, std::uint64_t entry,
                    wake_mode mode);

} // namespace ARCH_MACHINE
} // namespace daxtorture
