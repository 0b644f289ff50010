/// Near misses: moments in which a step of the protocol prevented a failure, or two steps met that must not meet unprotected.
///
/// They say how often a run came close to each invariant, so that two builds compare after minutes: a protection that never had
/// to act was not tested. Counted on the real machine only (arch/near_miss.hpp). Data; what a kind means is its row here.
#pragma once

#include "words/invariant.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace daxtorture {

enum class near_miss : std::uint8_t {
    gup_recheck,
    try_get_idle,
    scan_locked,
    busy_page,
    busy_again,
    idle_before_sleep,
    idle_wake,
    signal_when_idle,
    wake_without_waiter,
    entry_wake,
    fault_race,
    shared_flush,
    count_
};

struct near_miss_info {
    near_miss kind;
    std::string_view name;
    daxtorture::invariant invariant; ///< that would be broken without the step that acted
    bool timed;                      ///< has a distance in nanoseconds
    std::string_view help;
};

inline constexpr std::array<near_miss_info, static_cast<std::size_t>(near_miss::count_)> near_miss_table{{
    {near_miss::gup_recheck, "gup-recheck", invariant::I7, false,
     "GUP-fast's second look at the PTE found it changed: the reference was given back"},
    {near_miss::try_get_idle, "try-get-idle", invariant::I5, false,
     "a reference was refused because the page had become idle since the look at the PTE"},
    {near_miss::scan_locked, "scan-locked", invariant::I18, false,
     "the scan of a layout break met a locked entry"},
    {near_miss::busy_page, "busy-page", invariant::I18, false, "a layout break met a busy page"},
    {near_miss::busy_again, "busy-again", invariant::I18, false,
     "after its wait a layout break met a busy page again"},
    {near_miss::idle_before_sleep, "idle-before-sleep", invariant::I14, true,
     "the page became idle between the scan and the queueing of the waiter; time since the scan"},
    {near_miss::idle_wake, "idle-wake", invariant::I14, true,
     "the page became idle while the waiter was queued; time since it queued"},
    {near_miss::signal_when_idle, "signal-when-idle", invariant::I17, false,
     "a signal came and the page was idle"},
    {near_miss::wake_without_waiter, "wake-without-waiter", invariant::I28, false,
     "a wake-up of a queue in use found nobody who waits for this"},
    {near_miss::entry_wake, "entry-wake", invariant::I10, true,
     "a locked entry was waited for; time from queueing to the wake-up"},
    {near_miss::fault_race, "fault-race", invariant::I10, false,
     "a fault found that another one had mapped the page"},
    {near_miss::shared_flush, "shared-flush", invariant::I8, false,
     "two zaps in one mm at once: each flushes for the other"},
}};

constexpr const near_miss_info& info(near_miss kind) {
    return near_miss_table[static_cast<std::size_t>(kind)];
}

} // namespace daxtorture
