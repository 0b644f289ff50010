#include "dax/layout_break.hpp"

#include "dax/associate.hpp"
#include "dax/dax_folio.hpp"
#include "dax/entry_lock.hpp"
#include "dax/share.hpp"
#include "dax/truncate.hpp"
#include "mm/wait_bit.hpp"
#include "mm/zap.hpp"
#include "words/near_miss.hpp"

#include <arch/check.hpp>
#include <arch/near_miss.hpp>

#include <algorithm>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Looks at the entries of the range until one is busy, under xa_lock.
folio* scan_entries(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last) {
    xa_state xas(mapping.i_pages, first);
    arch::guard held(mapping.i_pages.xa_lock);
    for (std::uint64_t entry = xas_find(xas, last - 1); entry != 0; entry = xas_next_entry(xas, last - 1)) {
        if (!xa_is_value(entry))
            continue;
        if (k.rules.locked == scan_locked::skip && dax_entry(entry).locked())
            continue; // xas_find_conflict on a walked state finds nothing: the page goes untested (X9)
        if (dax_entry(entry).locked())
            arch::near_miss(near_miss::scan_locked);
        entry = wait_entry_unlocked_exclusive(k, mapping, xas, entry);
        if (entry == 0)
            continue;
        folio* busy = dax_busy_page(k, dax_entry(entry));
        put_unlocked_entry(k, mapping, xas, entry, wake_mode::next);
        if (busy != nullptr)
            return busy;
    }
    return nullptr;
}

/// ___wait_var_event on the page's count. False when a signal ended it: then the callback did not run and its lock is held.
bool wait_page_idle(kernel& k, address_space& mapping, folio& f, arch::task_state state,
                    break_callback callback) {
    const int awaited = k.rules.wait_for == idle_wait::for_one ? 1 : 0;
    const var_wait wait = page_wait(k, f, k.rules.waiter_key);
    wait_queue_entry waiter(arch::current(), wait.key, false);
    const queued_wait queued(wait.queue, waiter);
    const arch::stopwatch since_scan;
    for (bool slept = false;; slept = true) {
        const bool no_signal = wait.queue.prepare_to_wait_event(waiter, state, k.rules.waiter_fence);
        if (folio_ref_count(f) == awaited) {
            arch::near_miss(slept ? near_miss::idle_wake : near_miss::idle_before_sleep, since_scan);
            if (!no_signal)
                arch::near_miss(near_miss::signal_when_idle);
            return true;
        }
        if (!no_signal)
            return false;
        arch::current().waiting.begin(arch::wait_kind::page_idle, &f, static_cast<std::uint64_t>(awaited),
                                      arch::site::here());
        callback(k, mapping);
        arch::current().waiting.end();
    }
}

/// Of private mappings only what is the file's: a copy is the process's own [I30].
void unmap_files_pages(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last) {
    const private_copies copies =
        k.rules.copies == break_cows::unmap ? private_copies::unmap : private_copies::keep;
    if (unmap_mapping_pages(k, mapping, first, last, copies) != 0)
        arch::fail(invariant::I30, "a layout break unmapped a private copy",
                   "what the process had stored there is lost");
}

void schedule_only(kernel&, address_space&) { arch::schedule(); }

} // namespace

void check_nobody_holds(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                        invariant broken, const char* cause) {
    mapping.i_pages.for_each_peek([&](std::uint64_t index, unsigned, std::uint64_t entry, unsigned) {
        if (!xa_is_value(entry) || !dax_entry(entry).has_folio())
            return;
        const dax_entry known(entry);
        const std::uint64_t from = std::max(first, index);
        const std::uint64_t to = std::min(last, index + dax_entry_pages(k, known));
        if (from < to && held_pages(k, known, from - index, to - index) &&
            !shared_with_others(k, k.mem[known.pfn()]))
            arch::fail(broken, cause, "a page of the range has a pin or a get reference");
    });
}

folio* dax_layout_busy_page_range(kernel& k, address_space& mapping, std::uint64_t first,
                                  std::uint64_t last) {
    if (k.rules.unmapped == scan_unmapped::skip && !mapping.mapped())
        return nullptr;
    if (k.rules.scan == scan_order::scan_first) {
        folio* busy = scan_entries(k, mapping, first, last);
        unmap_files_pages(k, mapping, first, last);
        return busy;
    }
    unmap_files_pages(k, mapping, first, last);
    return scan_entries(k, mapping, first, last);
}

break_result dax_break_layout(kernel& k, address_space& mapping, std::uint64_t first, std::uint64_t last,
                              break_callback callback) {
    break_result result = break_result::broken;
    for (bool again = false;; again = true) {
        folio* busy = dax_layout_busy_page_range(k, mapping, first, last);
        if (busy == nullptr)
            break;
        arch::near_miss(again ? near_miss::busy_again : near_miss::busy_page);
        if (callback == nullptr)
            result = break_result::busy;
        else if (!wait_page_idle(k, mapping, *busy, arch::task_state::interruptible, callback))
            result = break_result::interrupted;
        if (result != break_result::broken || k.rules.rescan == break_rescan::no)
            break;
    }
    if (result == break_result::broken)
        check_nobody_holds(k, mapping, first, last, invariant::I18,
                           "layouts counted as broken while a page is held");
    if (k.rules.deletes == break_delete::always ||
        (k.rules.deletes == break_delete::when_idle && result == break_result::broken))
        dax_delete_mapping_range(k, mapping, first, last);
    else if (k.rules.deletes == break_delete::clean && result == break_result::broken)
        dax_delete_mapping_range(k, mapping, first, last, delete_what::clean);
    return result;
}

void dax_break_layout_final(kernel& k, address_space& mapping) {
    while (folio* busy = dax_layout_busy_page_range(k, mapping, 0, to_the_end))
        wait_page_idle(k, mapping, *busy, arch::task_state::uninterruptible, schedule_only);
    dax_delete_mapping_range(k, mapping, 0, to_the_end);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
