/// The invariants as data: the one list that the model's checks, the oracle, reports, tests and docs share.
///
/// Their numbers stay: bundles and JSON have them. docs/scenarios.md tells which scenario checks which. `when` says when a check may look: continuously,
/// or only at quiescent points, when no thread is inside an operation. Machine-neutral, std only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace daxtorture {

/// I1 to I33 as the docs number them; `none` is no violation, or one of no invariant.
enum class invariant : std::uint8_t {
    none,
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I14,
    I15,
    I16,
    I17,
    I18,
    I19,
    I20,
    I21,
    I22,
    I23,
    I24,
    I25,
    I26,
    I27,
    I28,
    I29,
    I30,
    I31,
    I32,
    I33,
    count_
};

enum class check_time : unsigned char { continuous, quiescent };

struct invariant_info {
    invariant id;
    check_time when;
    std::string_view text;
};

inline constexpr std::array<invariant_info, static_cast<std::size_t>(invariant::count_) - 1> invariant_table{{
    {invariant::I1, check_time::quiescent,
     "mapcount equals the number of present page-table entries that map the folio"},
    {invariant::I2, check_time::quiescent,
     "refcount equals idle value + mappings + get references + 1024 per pin"},
    {invariant::I3, check_time::quiescent,
     "one-based: refcount equals 1 + get references + 1024 per pin, mapcount stays 0"},
    {invariant::I4, check_time::quiescent,
     "a large folio's pincount equals its live pins and never exceeds refcount"},
    {invariant::I5, check_time::continuous,
     "refcount is never negative; nothing is dropped below the idle value"},
    {invariant::I6, check_time::continuous, "refcount is at least mapcount"},
    {invariant::I7, check_time::continuous,
     "a block is not freed or reused while somebody may still access its old content"},
    {invariant::I8, check_time::continuous,
     "a present page-table entry maps the block that backs its file offset"},
    {invariant::I9, check_time::continuous,
     "a PMD entry is installed only over an order-9 file entry, congruent and inside EOF"},
    {invariant::I10, check_time::continuous,
     "at most one entry covers an index; a locked entry has exactly one owner"},
    {invariant::I11, check_time::quiescent, "no entry stays locked; nrpages equals the sizes of all entries"},
    {invariant::I12, check_time::quiescent, "after eviction the file has no entries"},
    {invariant::I13, check_time::quiescent,
     "mapping, index and share of a folio agree with the entries that refer to it"},
    {invariant::I14, check_time::quiescent,
     "order of folio and entry agree; an unreferenced folio is dissolved on every page"},
    {invariant::I15, check_time::continuous,
     "a folio's head is stable while a reference taken by try-get and recheck is held"},
    {invariant::I16, check_time::quiescent, "nobody sleeps waiting for a page that is idle"},
    {invariant::I17, check_time::quiescent, "nobody sleeps waiting for an entry that is not locked"},
    {invariant::I18, check_time::continuous,
     "after layouts are broken the range has no mapping, no busy page and no entry"},
    {invariant::I19, check_time::continuous, "DIRTY is set whenever a writable mapping of the entry exists"},
    {invariant::I20, check_time::quiescent,
     "every store that happened before fsync is flushed when fsync returns"},
    {invariant::I21, check_time::continuous, "no FOLL_LONGTERM pin on an FS-DAX folio"},
    {invariant::I22, check_time::continuous,
     "a dead percpu_ref gives no reference; no page is touched after its memory is removed"},
    {invariant::I23, check_time::quiescent, "after unbind no pagemap reference, waiter or mapping is left"},
    {invariant::I24, check_time::continuous, "no TLB holds a translation whose reference was dropped"},
    {invariant::I25, check_time::continuous,
     "a put is the thread's last access to the folio unless it made the count idle"},
    {invariant::I26, check_time::quiescent,
     "wait queues are empty, and nobody touches a waiter that has left its queue"},
    {invariant::I27, check_time::continuous, "zero pages are never associated, counted or waited on"},
    {invariant::I28, check_time::continuous, "waiter and waker use the same key for the same folio"},
    {invariant::I29, check_time::continuous, "locks are taken in the documented order"},
    {invariant::I30, check_time::quiescent, "private copies are not unmapped by breaking layouts"},
    {invariant::I31, check_time::quiescent, "a page with bad memory that was dealt with is mapped by nobody"},
    {invariant::I32, check_time::quiescent,
     "a block that is not free is a file's; nothing is reserved behind a file's end"},
    {invariant::I33, check_time::continuous, "nobody reads what an earlier owner of a block has left in it"},
}};

static_assert(
    [] {
        std::size_t place = 0;
        for (const invariant_info& row : invariant_table)
            if (static_cast<std::size_t>(row.id) != ++place)
                return false;
        return true;
    }(),
    "the rows of invariant_table stand in the order of their numbers");

/// What the docs call it: 7 for I7, 0 for none.
constexpr int number(invariant id) { return static_cast<int>(id); }
/// Not for `none`.
constexpr const invariant_info& info(invariant id) {
    return invariant_table[static_cast<std::size_t>(id) - 1];
}
/// "I7"; "" for none.
inline std::string name(invariant id) {
    return id == invariant::none ? std::string() : "I" + std::to_string(number(id));
}
/// The one that the docs call I`number`; none for 0 and for numbers that no invariant has.
constexpr invariant invariant_numbered(int number) {
    return number > 0 && number < static_cast<int>(invariant::count_) ? static_cast<invariant>(number)
                                                                      : invariant::none;
}

/// What only the reference ledger can see: without it (`stress --no-ledger`) nobody reports these. Other violations of the same invariants are.
struct ledger_check {
    invariant id; ///< none: a name for a hang, which is found without
    std::string_view text;
};
inline constexpr std::array<ledger_check, 6> ledger_checks{{
    {invariant::I7, "a block is freed or reused while a page reference is held"},
    {invariant::I7, "an inode is evicted while its pages are held"},
    {invariant::I18, "layouts count as broken while a page is held"},
    {invariant::I18, "the entry of a busy page is deleted"},
    {invariant::I22, "a percpu_ref is released while references are held"},
    {invariant::none, "whether a hang's awaited page is held or its reference leaked"},
}};

} // namespace daxtorture
