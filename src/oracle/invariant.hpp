/// The invariants as data: the one list that the model's checks, the oracle, reports, tests and docs share.
///
/// Their numbers stay: bundles and JSON have them. docs/scenarios.md tells which scenario checks which. `when` says when a check may look: continuously,
/// or only at quiescent points, when no thread is inside an operation. Machine-neutral, std only.
#pragma once

#include <array>
#include <string_view>

namespace daxtorture {

enum class check_time : unsigned char { continuous, quiescent };

struct invariant_info {
    int number;
    check_time when;
    std::string_view text;
};

inline constexpr std::array<invariant_info, 33> invariant_table{{
    {1, check_time::quiescent, "mapcount equals the number of present page-table entries that map the folio"},
    {2, check_time::quiescent, "refcount equals idle value + mappings + get references + 1024 per pin"},
    {3, check_time::quiescent,
     "one-based: refcount equals 1 + get references + 1024 per pin, mapcount stays 0"},
    {4, check_time::quiescent, "a large folio's pincount equals its live pins and never exceeds refcount"},
    {5, check_time::continuous, "refcount is never negative; nothing is dropped below the idle value"},
    {6, check_time::continuous, "refcount is at least mapcount"},
    {7, check_time::continuous,
     "a block is not freed or reused while somebody may still access its old content"},
    {8, check_time::continuous, "a present page-table entry maps the block that backs its file offset"},
    {9, check_time::continuous,
     "a PMD entry is installed only over an order-9 file entry, congruent and inside EOF"},
    {10, check_time::continuous, "at most one entry covers an index; a locked entry has exactly one owner"},
    {11, check_time::quiescent, "no entry stays locked; nrpages equals the sizes of all entries"},
    {12, check_time::quiescent, "after eviction the file has no entries"},
    {13, check_time::quiescent,
     "mapping, index and share of a folio agree with the entries that refer to it"},
    {14, check_time::quiescent,
     "order of folio and entry agree; an unreferenced folio is dissolved on every page"},
    {15, check_time::continuous,
     "a folio's head is stable while a reference taken by try-get and recheck is held"},
    {16, check_time::quiescent, "nobody sleeps waiting for a page that is idle"},
    {17, check_time::quiescent, "nobody sleeps waiting for an entry that is not locked"},
    {18, check_time::continuous,
     "after layouts are broken the range has no mapping, no busy page and no entry"},
    {19, check_time::continuous, "DIRTY is set whenever a writable mapping of the entry exists"},
    {20, check_time::quiescent, "every store that happened before fsync is flushed when fsync returns"},
    {21, check_time::continuous, "no FOLL_LONGTERM pin on an FS-DAX folio"},
    {22, check_time::continuous,
     "a dead percpu_ref gives no reference; no page is touched after its memory is removed"},
    {23, check_time::quiescent, "after unbind no pagemap reference, waiter or mapping is left"},
    {24, check_time::continuous, "no TLB holds a translation whose reference was dropped"},
    {25, check_time::continuous,
     "a put is the thread's last access to the folio unless it made the count idle"},
    {26, check_time::quiescent, "wait queues are empty, and nobody touches a waiter that has left its queue"},
    {27, check_time::continuous, "zero pages are never associated, counted or waited on"},
    {28, check_time::continuous, "waiter and waker use the same key for the same folio"},
    {29, check_time::continuous, "locks are taken in the documented order"},
    {30, check_time::quiescent, "private copies are not unmapped by breaking layouts"},
    {31, check_time::quiescent, "a page with bad memory that was dealt with is mapped by nobody"},
    {32, check_time::quiescent,
     "a block that is not free is a file's; nothing is reserved behind a file's end"},
    {33, check_time::continuous, "nobody reads what an earlier owner of a block has left in it"},
}};

constexpr const invariant_info& invariant(int number) {
    return invariant_table[static_cast<std::size_t>(number - 1)];
}

/// What only the reference ledger can see: without it (`stress --no-ledger`) nobody reports these. Other violations of the same invariants are.
struct ledger_check {
    int number; ///< of the invariant; 0: a name for a hang, which is found without
    std::string_view text;
};
inline constexpr std::array<ledger_check, 6> ledger_checks{{
    {7, "a block is freed or reused while a page reference is held"},
    {7, "an inode is evicted while its pages are held"},
    {18, "layouts count as broken while a page is held"},
    {18, "the entry of a busy page is deleted"},
    {22, "a percpu_ref is released while references are held"},
    {0, "whether a hang's awaited page is held or its reference leaked"},
}};

} // namespace daxtorture
