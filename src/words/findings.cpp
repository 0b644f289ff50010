#include "words/findings.hpp"

#include <algorithm>
#include <array>

namespace daxtorture {
namespace {

constexpr std::string_view drops_dirty = "docs/findings/break-layout-drops-dirty-marks.md";
constexpr std::string_view cow_copy = "docs/findings/cow-copy-is-not-flushed.md";
constexpr std::string_view cow_fault = "docs/findings/cow-fault-undoes-write.md";
constexpr std::string_view cow_write = "docs/findings/cow-write-vs-read-fault.md";
constexpr std::string_view ext2 = "docs/findings/ext2-breaks-no-layouts.md";
constexpr std::string_view failed_cow = "docs/findings/failed-cow-frees-block.md";
constexpr std::string_view failed_pmd_copy = "docs/findings/failed-pmd-copy-is-committed.md";
constexpr std::string_view fsync_locked = "docs/findings/fsync-skips-locked-entries.md";
constexpr std::string_view let_go = "docs/findings/holder-let-go.md";
constexpr std::string_view invalidation = "docs/findings/invalidation-hides-busy-pages.md";
constexpr std::string_view mapped = "docs/findings/invalidation-of-mapped-pages.md";
constexpr std::string_view last_put = "docs/findings/last-put-reads-a-tail.md";
constexpr std::string_view first_page = "docs/findings/memory-failure-unmaps-first-page.md";
constexpr std::string_view follows_tail = "docs/findings/memory-failure-follows-a-tail.md";
constexpr std::string_view misses_mremap = "docs/findings/memory-failure-misses-mremap.md";
constexpr std::string_view mremap = "docs/findings/mremap-hides-pmd.md";
constexpr std::string_view pmd_truncate = "docs/findings/pmd-truncate-drops-dirty-half.md";
constexpr std::string_view pmd_unmap = "docs/findings/pmd-unmap-passes-by.md";
constexpr std::string_view refault = "docs/findings/refault-during-idle-wait.md";
constexpr std::string_view reflink_busy = "docs/findings/reflink-cow-hides-busy-page.md";
constexpr std::string_view share_count = "docs/findings/reflink-share-count-race.md";
constexpr std::string_view source_twice = "docs/findings/reflink-source-associates-twice.md";
constexpr std::string_view shared_wait = "docs/findings/shared-page-idle-wait.md";
constexpr std::string_view shared_pmd = "docs/findings/shared-pmd-entries.md";
constexpr std::string_view hole_store = "docs/findings/store-to-hole-hides-write.md";
constexpr std::string_view sync_bad = "docs/findings/sync-fault-maps-bad-page.md";
constexpr std::string_view unbind = "docs/findings/unbind-while-mounted.md";
constexpr std::string_view late_store = "docs/findings/v6.12-munmap-loses-late-stores.md";
constexpr std::string_view unflushed = "docs/findings/v6.12-unflushed-munmap.md";
constexpr std::string_view unmapped = "docs/findings/v6.12-unmapped-busy-page.md";
constexpr std::string_view failed_fault = "docs/findings/write-after-failed-fault.md";

constexpr std::string_view not_flushed = "fsync returned and a store from before it is not flushed";
constexpr std::string_view foreign_entry = "an entry refers to a block that its file does not own";
constexpr std::string_view foreign_pte = "a page table maps a block that its file does not own";
constexpr std::string_view foreign_pin = "got a page of a block that its file does not own";
constexpr std::string_view foreign_store = "a store hit a block that its file does not own";
constexpr std::string_view still_busy = "layouts counted as broken while a page is held";
constexpr std::string_view freed_held = "a block was freed or reused while";
constexpr std::string_view freed_mapped = "a block was freed or reused while it is mapped";
constexpr std::string_view left_over = "what an earlier owner left in a block was read";
constexpr std::string_view lost_data = "a page of a file has lost its data";
constexpr std::string_view twice = "a folio was associated twice";
constexpr std::string_view let_go_held = "a folio lost its last entry while references are held";
constexpr std::string_view dissolved = "a large folio was dissolved while references are held";
constexpr std::string_view gone_page = "a page was touched after its device was unbound";
constexpr std::string_view gone_device = "a page table maps a device that was unbound";

constexpr std::array table{
    finding{cow_fault, invariant::I34, lost_data, "write", "cow-write-lock=invalidate-lock"},
    finding{cow_copy, invariant::I20, "after a power cut a page lacks data that was durable", "reflink",
            "cow-copy=flushed"},
    finding{failed_pmd_copy, invariant::I34, lost_data, "memory-failure", "pmd-copy-failure=cancel"},
    finding{failed_cow, invariant::I34, lost_data, "write", "cow-cancel=later"},
    finding{let_go, invariant::I22, "", "umount", "holder-null=check"},
    finding{mapped, invariant::I14, let_go_held, "invalidate", ""},
    finding{mapped, invariant::I14, let_go_held, "write", ""},
    finding{mapped, invariant::I14, let_go_held, "lease", ""},
    finding{mapped, invariant::I14, dissolved, "invalidate", ""},
    finding{mapped, invariant::I14, dissolved, "write", ""},
    finding{last_put, invariant::I25, "", "", "free-pgmap=before-put"},
    finding{first_page, invariant::I31, "a page with bad memory is mapped again", "memory-failure",
            "mf-page=page"},
    finding{misses_mremap, invariant::I31, "a page with bad memory is mapped again", "mremap",
            "mf-look=entry"},
    finding{follows_tail, invariant::I15, "the poison in a tail page's mapping was followed",
            "memory-failure", "mf-folio=again"},
    finding{hole_store, invariant::I8, "a load saw the zero page where the file has data", "write",
            "hole-unmap=before-iomap"},
    finding{source_twice, invariant::I13, twice, "reflink", "reflink-source=exclusive"},
    finding{refault, invariant::I16, "mapped again", "", "wait-for=mappings"},
    finding{shared_wait, invariant::I16, "mapped again", "reflink", "idle=one"},
    finding{drops_dirty, invariant::I20, not_flushed, "truncate", "break-delete=never break-delete=clean"},
    finding{drops_dirty, invariant::I20, not_flushed, "insert", "break-delete=never break-delete=clean"},
    finding{fsync_locked, invariant::I20, not_flushed, "writeback", "writeback-locked=wait"},
    finding{pmd_truncate, invariant::I20, not_flushed, "truncate", "partial-entry=flush"},
    finding{late_store, invariant::I20, not_flushed, "munmap", "mapping-ref=yes"},
    finding{invalidation, invariant::I7, freed_held, "invalidate", "invalidation=locked"},
    finding{invalidation, invariant::I7, foreign_pin, "invalidate", "invalidation=locked"},
    finding{reflink_busy, invariant::I7, freed_held, "reflink", "free-busy=when-idle"},
    finding{reflink_busy, invariant::I14, let_go_held, "reflink", "dissolve-warning=large-only"},
    finding{reflink_busy, invariant::I6, "refcount below mapcount", "reflink", "free-busy=when-idle"},
    finding{failed_cow, invariant::I7, "write() hit a block that its file does not own", "reflink",
            "cow-cancel=later"},
    finding{failed_cow, invariant::I13, foreign_entry, "memory-failure", "cow-cancel=later"},
    finding{failed_cow, invariant::I13, "a folio was associated twice", "memory-failure", "cow-cancel=later"},
    finding{cow_write, invariant::I13, foreign_entry, "write", ""},
    finding{cow_write, invariant::I8, foreign_pte, "write", ""},
    finding{cow_write, invariant::I8, freed_mapped, "write", ""},
    finding{cow_write, invariant::I8, "a private copy was made of a block that the file does not own",
            "write", "cow-write-lock=invalidate-lock"},
    finding{share_count, invariant::I13, "the share count of a folio differs", "reflink",
            "share-update=locked"},
    finding{share_count, invariant::I13, "a folio without an entry keeps an index or a share count",
            "reflink", "share-update=locked"},
    finding{shared_pmd, invariant::I11, "nrpages differs from the entries", "reflink",
            "pmd-sharing=fall-back"},
    finding{shared_pmd, invariant::I13, "mapping and index of a folio differ", "reflink",
            "pmd-sharing=fall-back"},
    finding{shared_pmd, invariant::I14, "an entry shares a folio of another size", "reflink",
            "pmd-sharing=fall-back"},
    finding{pmd_unmap, invariant::I14, dissolved, "munmap", "zap-empty-pmd=lock"},
    finding{mremap, invariant::I14, dissolved, "mremap", "zap-empty-pmd=lock"},
    finding{mremap, invariant::I8, foreign_pte, "mremap", "zap-empty-pmd=lock"},
    finding{mremap, invariant::I23, gone_device, "mremap", "zap-empty-pmd=lock"},
    finding{sync_bad, invariant::I31, "a page with bad memory is mapped again", "memory-failure",
            "sync-fault-poison=check"},
    finding{failed_fault, invariant::I8, "the zero page is mapped where the file has", "memory-failure",
            "recovery-write=invalidate"},
    finding{unbind, invariant::I14, let_go_held, "unbind", "pre-remove=shutdown-then-break"},
    finding{unbind, invariant::I14, dissolved, "unbind", "pre-remove=shutdown-then-break"},
    finding{unbind, invariant::I22, gone_page, "unbind", "pre-remove=shutdown-then-break"}, // of a file
    finding{unbind, invariant::I22, gone_page, "unbind", "unbind-pages=while-busy"},
    finding{unbind, invariant::I5, "refcount dropped below its idle value", "unbind",
            "unbind-pages=while-busy"},
    finding{unbind, invariant::I23, gone_device, "unbind",
            "pre-remove=shutdown-then-unmap pre-remove=shutdown-then-break"},
    finding{ext2, invariant::I18, "truncation found an entry", "ext2", "ext2-layouts=break"},
    finding{ext2, invariant::I18, "the entry of a busy page was deleted", "ext2", "ext2-layouts=break"},
    finding{unmapped, invariant::I18, still_busy, "munmap", "scan-unmapped=scan"},
    finding{unflushed, invariant::I8, foreign_store, "munmap", "mapping-ref=yes"},
    finding{unflushed, invariant::I8, "user access through a mapping of a freed block", "munmap",
            "mapping-ref=yes"},
    finding{unflushed, invariant::I24, "", "munmap", "mapping-ref=yes"},
    finding{unflushed, invariant::I33, left_over, "munmap", "mapping-ref=yes"},
};

/// Does the protocol have one of these values?
bool has_any(const protocol& rules, std::string_view values) {
    while (!values.empty()) {
        const std::string_view one = values.substr(0, values.find(' '));
        values.remove_prefix(std::min(values.size(), one.size() + 1));
        protocol with = rules;
        if (!set_rule(with, one) && with == rules)
            return true;
    }
    return false;
}

} // namespace

std::span<const finding> finding_table() { return table; }

std::vector<finding> findings_possible(const protocol& rules, std::span<const std::string_view> used) {
    std::vector<finding> all;
    for (const finding& known : table)
        if ((known.needs.empty() || std::ranges::find(used, known.needs) != used.end()) &&
            !has_any(rules, known.cures))
            all.push_back(known);
    return all;
}

std::string findings_like(invariant broken, std::string_view cause, const protocol& rules,
                          std::span<const std::string_view> used) {
    std::string pages;
    for (const finding& known : findings_possible(rules, used)) {
        const bool fits = known.broken == broken && cause.starts_with(known.cause);
        if (fits && pages.find(known.page) == std::string::npos)
            pages.append(pages.empty() ? "" : " or ").append(known.page);
    }
    return pages;
}

} // namespace daxtorture
