/// The state of a world as plain data, for hang reports, bundles and `reproduce`. Machine-neutral, std only.
#pragma once

#include "words/invariant.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture {

struct folio_snapshot {
    unsigned pfn = 0;
    int refcount = 0;
    int mapcount = 0;
    int pins = 0;        ///< by the reference ledger
    std::string mapping; ///< file name, "shared" or ""
    std::uint64_t index = 0;
    std::vector<std::string>
        holders; ///< "pinner (pin, taken in gup_fast_pte_range)"; without the ledger "pinner (pin)"
};

struct entry_snapshot {
    std::string file;
    std::uint64_t index = 0;
    unsigned pfn = 0;
    bool locked = false;
    bool empty = false; ///< EMPTY or ZERO entry: pfn means nothing
};

struct task_snapshot {
    unsigned id = 0;
    std::string name;
    std::string operation; ///< "truncate A 0"
    bool blocked = false;
    std::string
        waits_for; ///< "page 3 to become idle", "entry lock A[0]", "invalidate_lock A", "" when it runs
    std::string wait_site;         ///< "wait_page_idle at dax/layout_break.cpp:41"
    bool predicate_true = false;   ///< what it waits for already holds: a lost wake-up
    std::vector<std::string> held; ///< locks held, outermost first
};

struct wake_snapshot {
    std::string by;     ///< task
    std::string key;    ///< what was woken: "page 3", "refcount of page 3", "entry A[0]"
    unsigned woken = 0; ///< sleepers the wake matched
};

struct snapshot {
    std::vector<task_snapshot> tasks;
    std::vector<folio_snapshot> folios; ///< only those that are not idle or that somebody waits for
    std::vector<entry_snapshot> entries;
    std::vector<wake_snapshot> wakes; ///< the last few, oldest first
    std::string cause; ///< what `diagnose` made of it: "lost wake-up: ...", "leaked reference: ...", ...
    daxtorture::invariant invariant = daxtorture::invariant::none; ///< the invariant that cause breaks
    bool ledger = true; ///< false: nobody counted who holds each page, so no page has `pins`
};

} // namespace daxtorture
