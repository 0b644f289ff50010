// Every check of the model and of the oracle can fail: each is handed the state that it must object to.
#include "catch.hpp"

#include "dax/associate.hpp"
#include "dax/dax_folio.hpp"
#include "dax/entry_lock.hpp"
#include "dax/layout_break.hpp"
#include "dax/memory_failure.hpp"
#include "dax/share.hpp"
#include "dax/sync_fault.hpp"
#include "dax/truncate.hpp"
#include "fs/all_or_nothing.hpp"
#include "fs/lease.hpp"
#include "fs/power_cut.hpp"
#include "mm/huge_memory.hpp"
#include "mm/memremap.hpp"
#include "mm/pagewalk.hpp"
#include "mm/private_cow.hpp"
#include "mm/rmap.hpp"
#include "mm/zap.hpp"
#include "oracle/hang.hpp"
#include "oracle/quiescent.hpp"
#include "oracle/state.hpp"
#include "protocol/presets.hpp"

#include <arch/check.hpp>

#include <algorithm>
#include <memory>
#include <vector>

using namespace daxtorture;

namespace {

std::vector<invariant> violated; // invariants, in the order they were reported

/// A host world of two files, one mapped by one mm, whose violations are collected.
class fixture {
  public:
    explicit fixture(const char* protocol = "v6.15") : fixture(config(protocol)) {}
    explicit fixture(const world_config& world) : w(world) {
        violated.clear();
        before_ =
            arch::set_violation_handler([](const arch::violation& v) { violated.push_back(v.invariant); });
        arch::bind_current(w.workers[0].task);
    }
    ~fixture() {
        arch::unbind_current();
        arch::set_violation_handler(before_);
    }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;

    /// Faults page 0 of file A in, writable; returns its folio.
    folio& touch() {
        REQUIRE(user_access(w.k, *w.mms[0], 0, true));
        return w.k.mem[w.mms[0]->table.peek_walk(0).pfn()];
    }
    address_space& mapping() { return w.files[0]->mapping; }
    /// Worker 0 pins a page.
    const held_page& pin(std::uint64_t at) {
        held_page* const space = w.workers[0].held.space();
        REQUIRE(gup_fast(w.k, *w.mms[0], at, at + 1, gup_kind::pin, space) == 1);
        w.workers[0].held.add(1);
        return *space;
    }
    /// Worker 0 believes that it has pinned the page, and so does the ledger; its count does not know.
    void believe_pinned(folio& page) {
        held_page& pin = *w.workers[0].held.space();
        pin = {&page, &page, gup_kind::pin, 0, 0, nullptr, nullptr};
        note_held(w.k, pin, 1);
        w.workers[0].held.add(1);
    }

    /// The same with PMDs of two pages, and a file that they can map.
    static world_config large() {
        world_config c = config("v6.15");
        c.shape.pmd_order = 1;
        c.files[0].huge = true;
        return c;
    }

    /// The same with a TLB that keeps what it has translated.
    static world_config with_tlb() {
        world_config c = config("v6.15");
        c.shape.tlb_entries = 2;
        return c;
    }

    /// The same where the power is cut.
    static world_config with_power_cuts() {
        world_config c = config("v7.3");
        c.power_cuts = true;
        return c;
    }

    /// The same without the reference ledger.
    static world_config without_ledger() {
        world_config c = with_two_workers();
        c.ledger = false;
        return c;
    }
    static world_config with_two_workers() {
        world_config c = config("v6.15");
        c.workers = 2;
        return c;
    }

    world_state w;

  private:
    static world_config config(const char* protocol) {
        world_config c;
        c.rules = find_preset(protocol)->rules;
        c.files = {{"A", fs_kind::xfs, 2}, {"B", fs_kind::xfs, 1}};
        c.mms = {{"m0", {{0, 0, 2, 0, true, true}}}};
        c.spare_blocks = 1;
        c.unbinds = true;
        return c;
    }

    arch::violation_handler before_ = nullptr;
};

bool reported(invariant broken) {
    return std::find(violated.begin(), violated.end(), broken) != violated.end();
}

bool quiescent_check_reports(const fixture& f, invariant broken) {
    violated.clear();
    check_quiescent(f.w);
    return reported(broken);
}

} // namespace

TEST_CASE("a healthy world breaks nothing") {
    for (const char* protocol : {"v6.15", "v6.12"}) {
        fixture f(protocol);
        f.touch();
        check_quiescent(f.w);
        CHECK(violated.empty());
    }
}

TEST_CASE("quiescent checks can fail") {
    SECTION("I1: a mapcount without a page-table entry") {
        fixture f;
        folio& page = f.touch();
        page.mapcount.fetch_add(1, arch::order::relaxed);
        page.refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I1));
    }
    SECTION("I2: a reference that nobody holds") {
        fixture f;
        f.touch().refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I2));
    }
    SECTION("I2: a pin that the count forgot") {
        fixture f;
        f.believe_pinned(f.touch());
        CHECK(quiescent_check_reports(f, invariant::I2));
    }
    SECTION("I3: the same, one-based") {
        fixture f("v6.12");
        f.touch().refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I3));
    }
    SECTION("I8: a mapping of another file's block") {
        fixture f;
        f.w.k.mem.ledger(f.touch()).block.owners[0].set(block_owner::owner(1, 0));
        CHECK(quiescent_check_reports(f, invariant::I8));
    }
    SECTION("I8: the zero page where the file has a block") {
        fixture f;
        f.w.mms[0]->table.set(1, pte_t::map(f.w.k.mem.zero_page(), false, true));
        CHECK(quiescent_check_reports(f, invariant::I8));
    }
    SECTION("I8: a page beyond the end of its file") {
        fixture f;
        f.touch();
        f.w.files[0]->i_size.store(0, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I8));
    }
    SECTION("I34: a block with the data of another page") {
        fixture f;
        f.w.k.mem.ledger(f.w.files[0]->extents[1].get()).data.set(f.w.files[0]->data[0].get());
        CHECK(quiescent_check_reports(f, invariant::I34));
    }
    SECTION("I34: a block that nobody has written for its owner") {
        fixture f;
        f.w.k.mem.ledger(f.w.files[0]->extents[1].get()).block.generation.add(1);
        CHECK(quiescent_check_reports(f, invariant::I34));
    }
    SECTION("I34: an operation that failed and has changed its file") {
        fixture f;
        const all_or_nothing attempt(*f.w.files[0]);
        CHECK(attempt.failed(outcome::busy) == outcome::busy);
        CHECK(violated.empty());
        free_blocks(*f.w.files[0], 1, 2);
        attempt.failed(outcome::busy);
        CHECK(reported(invariant::I34));
    }
    SECTION("I34: an operation that failed and has given a page other data") {
        fixture f;
        const all_or_nothing attempt(*f.w.files[0]);
        f.w.files[0]->data[0].set(f.w.files[0]->data[0].get() + 1);
        attempt.failed(outcome::interrupted);
        CHECK(reported(invariant::I34));
    }
    SECTION("I34: a hole where data was") {
        fixture f;
        free_blocks(*f.w.files[0], 1, 2);
        f.w.files[0]->data[1].set(7);
        CHECK(quiescent_check_reports(f, invariant::I34));
    }
    SECTION("I11: a lock bit that stayed") {
        fixture f;
        f.touch();
        xa_state xas(f.mapping().i_pages, 0);
        f.mapping().i_pages.xa_lock.lock();
        dax_lock_entry(xas, xas_load(xas));
        f.mapping().i_pages.xa_lock.unlock();
        CHECK(quiescent_check_reports(f, invariant::I11));
    }
    SECTION("I11: nrpages off by one") {
        fixture f;
        f.touch();
        f.mapping().nrpages.set(2);
        CHECK(quiescent_check_reports(f, invariant::I11));
    }
    SECTION("I13: a folio that forgot its file") {
        fixture f;
        f.touch().mapping.store(nullptr, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I13));
    }
    SECTION("I13: a folio associated without an entry") {
        fixture f;
        f.w.k.mem[2].mapping.store(&f.mapping(), arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I13));
    }
    SECTION("I13: a share count that no two entries explain") {
        fixture f;
        folio& page = f.touch();
        page.mapping.store(nullptr, arch::order::relaxed);
        page.index_or_share.store(2, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I13));
    }
    SECTION("I13: an index that stays when the last entry has gone") {
        fixture f;
        f.w.k.mem[2].index_or_share.store(1, arch::order::relaxed);
        f.w.k.mem[2].mapping.store(nullptr, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I13) == (f.w.k.rules.reset == share_reset::always));
        fixture fixed("v6.12");
        fixed.w.k.mem[2].index_or_share.store(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(fixed, invariant::I13));
    }
    SECTION("I13: an entry of a block that went to another file") {
        fixture f;
        f.w.k.mem.ledger(f.touch()).block.owners[0].set(block_owner::owner(1, 0));
        CHECK(quiescent_check_reports(f, invariant::I13));
    }
    SECTION("I22: a holder that is not told any more") {
        fixture f;
        f.w.pmem.holder_ops.store(nullptr, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I22));
    }
    SECTION("I23: a pagemap reference that nobody accounts for") {
        fixture f;
        REQUIRE(get_dev_pagemap(f.w.k, 0) != nullptr);
        CHECK(quiescent_check_reports(f, invariant::I23));
    }
    SECTION("I23: a mapping that outlives its device") {
        fixture f;
        f.touch();
        f.w.k.mem.remove_page(f.w.mms[0]->table.peek(0).pfn());
        CHECK(quiescent_check_reports(f, invariant::I23));
    }
    SECTION("I32: a block that its file has forgotten") {
        fixture f;
        f.w.files[0]->extents[0].set(block_allocator::none);
        CHECK(quiescent_check_reports(f, invariant::I32));
    }
    SECTION("I32: a reservation behind the end of a file") {
        fixture f;
        inode& file = *f.w.files[0];
        std::swap(file.cow_fork, file.extents); // as many blocks as before
        file.i_size.store(0, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I32));
    }
    SECTION("I31: a page that failed and is mapped") {
        fixture f;
        f.w.k.mem.ledger(f.touch()).failed.set(true);
        CHECK(quiescent_check_reports(f, invariant::I31));
    }
    SECTION("I26: a waiter left on a queue") {
        fixture f;
        wait_queue_head& queue = f.w.k.var_waits[0];
        wait_queue_entry entry(f.w.workers[0].task, {&f, 0}, false);
        const queued_wait queued(queue, entry);
        queue.prepare_to_wait_event(entry, arch::task_state::uninterruptible, full_fence::full);
        CHECK(quiescent_check_reports(f, invariant::I26));
    }
}

TEST_CASE("continuous checks can fail") {
    fixture f;
    folio& page = f.touch();
    violated.clear();
    SECTION("I5: a put below the idle value") {
        folio_put(f.w.k, page, 2);
        CHECK(reported(invariant::I5));
    }
    SECTION("I1: an unmap too many") {
        folio_remove_rmap_pte(page);
        folio_remove_rmap_pte(page);
        CHECK(reported(invariant::I1));
    }
    SECTION("I33: what an earlier owner left in a block") {
        REQUIRE(user_access(f.w.k, *f.w.mms[0], 0, false));
        CHECK(violated.empty());
        f.w.k.mem.ledger(page).block.generation.add(1);
        REQUIRE(user_access(f.w.k, *f.w.mms[0], 0, false));
        CHECK(reported(invariant::I33));
        violated.clear();
        f.w.k.mem.store_part(f.w.k.mem.pfn(page), writer::user); // what is in the rest stays
        REQUIRE(user_access(f.w.k, *f.w.mms[0], 0, false));
        CHECK(reported(invariant::I33));
        violated.clear();
        f.w.k.mem.store_whole(f.w.k.mem.pfn(page), writer::kernel);
        REQUIRE(user_access(f.w.k, *f.w.mms[0], 0, false));
        CHECK(violated.empty());
    }
    SECTION("I26: a waker touches a waiter that is off its queue") {
        const wait_queue_entry entry(f.w.workers[0].task, {&f, 0}, false);
        CHECK(&entry.waiter() == &f.w.workers[0].task);
        CHECK(reported(invariant::I26));
    }
    SECTION("I6: fewer references than mappings") {
        page.mapcount.fetch_add(2, arch::order::relaxed);
        folio_remove_rmap_pte(page);
        CHECK(reported(invariant::I6));
    }
    SECTION("I7: a block freed while pinned") {
        const held_page pin = gup_fast(f.w.k, *f.w.mms[0], 0, gup_kind::pin);
        REQUIRE(pin);
        f.w.blocks.free(f.w.k.mem.pfn(page), 0, 0);
        CHECK(reported(invariant::I7));
        gup_put(f.w.k, pin);
    }
    SECTION("I7: DMA into a block with a new owner") {
        const held_page pin = gup_fast(f.w.k, *f.w.mms[0], 0, gup_kind::pin);
        REQUIRE(pin);
        f.w.k.mem.ledger(page).block.generation.add(1);
        dma_write(f.w.k, pin);
        CHECK(reported(invariant::I7));
        gup_put(f.w.k, pin);
    }
    SECTION("I7: a store into a block that two files share") {
        f.w.k.mem.ledger(page).block.owners[1].set(block_owner::owner(1, 0));
        user_access(f.w.k, *f.w.mms[0], 0, true);
        CHECK(reported(invariant::I7));
    }
    SECTION("I7: DMA into a block that two files share") {
        const held_page pin = gup_fast(f.w.k, *f.w.mms[0], 0, gup_kind::pin);
        REQUIRE(pin);
        f.w.k.mem.ledger(page).block.owners[1].set(block_owner::owner(1, 0));
        dma_write(f.w.k, pin);
        CHECK(reported(invariant::I7));
        gup_put(f.w.k, pin);
    }
    SECTION("I7: write() to a block of another file") {
        f.w.k.mem.ledger(page).block.owners[0].set(block_owner::owner(1, 0));
        file_write(f.w.k, *f.w.files[0], 0, 1);
        CHECK(reported(invariant::I7));
    }
    SECTION("I8: a load that sees the zero page where the file has data") {
        f.w.mms[0]->table.set(1, pte_t::map(f.w.k.mem.zero_page(), false, true));
        user_access(f.w.k, *f.w.mms[0], 1, false);
        CHECK(reported(invariant::I8));
    }
    SECTION("I8: a write fault that finds another page") {
        f.w.mms[0]->table.set(0, pte_t::map(f.w.files[0]->extents[1].get(), false, false));
        CHECK(handle_mm_fault(f.w.k, *f.w.mms[0], 0, true) == vm_fault_result::sigbus);
        CHECK(reported(invariant::I8));
    }
    SECTION("I22: a holder that is gone") {
        f.w.pmem.holder_data.store(nullptr, arch::order::relaxed);
        memory_failure(f.w.k, f.w.pmem, f.w.k.mem.pfn(page));
        CHECK(reported(invariant::I22));
    }
    SECTION("I7: a block freed under a layout lease") {
        f.w.files[0]->leases = std::make_unique<layout_leases>();
        REQUIRE(file_lease(f.w.k, *f.w.files[0]) == outcome::done);
        free_blocks(*f.w.files[0], 1, 2);
        CHECK(reported(invariant::I7));
        violated.clear();
        file_unlease(*f.w.files[0]);
        free_blocks(*f.w.files[0], 0, 1);
        CHECK(!reported(invariant::I7));
    }
    SECTION("I31: a failed page that is mapped and whose file cannot be found") {
        f.w.pmem.holder_ops.store(nullptr, arch::order::relaxed);
        page.mapping.store(nullptr, arch::order::relaxed);
        CHECK(memory_failure(f.w.k, f.w.pmem, f.w.k.mem.pfn(page)) == mf_result::no_file);
        CHECK(reported(invariant::I31));
    }
    SECTION("I20: a MAP_SYNC store into a block that the log does not know") {
        f.w.mms[0]->areas[0].sync = true;
        f.w.k.mem.ledger(page).block.uncommitted.set(true);
        user_access(f.w.k, *f.w.mms[0], 0, true);
        CHECK(reported(invariant::I20));
    }
    SECTION("I20: a synchronous fault after an fsync that flushed nothing") {
        page_ledger& record = f.w.k.mem.ledger(page);
        record.block.dirty_since.set(1);
        vm_fault fault{*f.w.mms[0], f.w.mms[0]->areas[0], 0, 0, true};
        dax_finish_sync_fault(f.w.k, f.w.pmem, fault, f.w.k.mem.pfn(page), 0,
                              [](kernel&, void*, std::uint64_t, std::uint64_t) {});
        CHECK(reported(invariant::I20));
    }
    SECTION("I13: a page of a file that looks anonymous") {
        page.mapping.store(reinterpret_cast<address_space*>(folio::mapping_anon), arch::order::relaxed);
        REQUIRE(pagemap_read(f.w.k, *f.w.mms[0]));
        CHECK(reported(invariant::I13));
    }
    SECTION("I1: a mapped page that pagemap finds without a mapcount") {
        page.mapcount.store(0, arch::order::relaxed);
        REQUIRE(pagemap_read(f.w.k, *f.w.mms[0]));
        CHECK(reported(invariant::I1));
    }
    SECTION("I14: a page that mlock took for one of the page cache") {
        page.order_and_head.fetch_or(folio::mlocked_bit, arch::order::relaxed);
        page.refcount.store(0, arch::order::relaxed);
        page.mapcount.store(0, arch::order::relaxed);
        f.w.blocks.free(f.w.k.mem.pfn(page), 0, 0);
        CHECK(reported(invariant::I14));
    }
    SECTION("I8: a private copy of a block that the file lost") {
        f.w.k.mem.ledger(page).block.owners[0].set(0);
        const vm_fault fault{*f.w.mms[0], f.w.mms[0]->areas[0], 0, 0, false};
        copy_to_cow_page(f.w.k, fault, f.w.k.mem.pfn(page));
        CHECK(reported(invariant::I8));
    }
    SECTION("I8: an access to a block that the file lost") {
        f.w.k.mem.ledger(page).block.owners[0].set(0);
        user_access(f.w.k, *f.w.mms[0], 0, false);
        CHECK(reported(invariant::I8));
    }
    SECTION("I10: an unlock of what is not locked") {
        xa_state xas(f.mapping().i_pages, 0);
        f.mapping().i_pages.xa_lock.lock();
        const std::uint64_t entry = xas_load(xas);
        f.mapping().i_pages.xa_lock.unlock();
        dax_unlock_entry(f.w.k, f.mapping(), xas, entry);
        CHECK(reported(invariant::I10));
    }
    SECTION("I13: a folio associated twice") {
        dax_associate_entry(f.w.k, dax_entry::make(f.w.k.mem.pfn(page), 0), f.mapping(), 0, false);
        CHECK(reported(invariant::I13));
    }
    SECTION("I18: the entry of a held page deleted") {
        f.believe_pinned(page);
        dax_delete_mapping_range(f.w.k, f.mapping(), 0, 2);
        CHECK(reported(invariant::I18));
    }
    SECTION("I18: layouts counted as broken with an entry left") {
        truncate_pagecache(f.w.k, f.mapping(), 0, 2);
        CHECK(reported(invariant::I18));
    }
    SECTION("I22: a page of a device that is gone") {
        REQUIRE(pmem_detach(f.w.k, f.w.sb, false) == outcome::done);
        folio_put(f.w.k, page);
        CHECK(reported(invariant::I22));
    }
    SECTION("I22: a device that is not bound") {
        dev_pagemap* const pgmap = get_dev_pagemap(f.w.k, f.w.pmem.pgmap.first_pfn);
        REQUIRE(pgmap != nullptr);
        CHECK(violated.empty());
        pgmap->bound.set(false);
        put_dev_pagemap(*pgmap);
        CHECK(reported(invariant::I22));
    }
    SECTION("I22: a device killed twice") {
        REQUIRE(pmem_detach(f.w.k, f.w.sb, false) == outcome::done);
        f.w.pmem.pgmap.ref.kill();
        CHECK(reported(invariant::I22));
    }
    SECTION("I22: a reference that exits before its release") {
        f.w.pmem.pgmap.ref.exit();
        CHECK(reported(invariant::I22));
    }
    SECTION("I22: the lock of a freed inode") {
        f.mapping().freed.set(true);
        f.w.pmem.holder_ops.store(nullptr, arch::order::relaxed);
        memory_failure(f.w.k, f.w.pmem, f.w.k.mem.pfn(page));
        CHECK(reported(invariant::I22));
    }
    SECTION("I29: locks against the order") {
        arch::guard inner(f.mapping().i_pages.xa_lock);
        arch::read_guard outer(f.mapping().invalidate_lock);
        CHECK(reported(invariant::I29));
    }
}

TEST_CASE("a healthy large folio breaks nothing") {
    fixture f(fixture::large());
    folio& head = f.touch();
    CHECK(folio_test_large(f.w.k, head));
    const held_page& pin = f.pin(1);
    CHECK(pin.head == &head);
    check_quiescent(f.w);
    CHECK(violated.empty());
    gup_put(f.w.k, f.w.workers[0].held.take_oldest(gup_kind::pin).front());
    file_truncate(f.w.k, *f.w.files[0], 0);
    CHECK_FALSE(folio_test_large(f.w.k, head));
    check_quiescent(f.w);
    CHECK(violated.empty());
}

TEST_CASE("checks of large folios can fail") {
    fixture f(fixture::large());
    folio& head = f.touch();
    folio& tail = (&head)[1];
    page_table& table = f.w.mms[0]->table;
    violated.clear();
    SECTION("I1: an entire mapcount without a leaf") {
        head.entire_mapcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I1));
    }
    SECTION("I2: a reference of a tail") {
        tail.refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I2));
    }
    SECTION("I4: a pin that pincount forgot") {
        f.believe_pinned(tail);
        head.refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I4));
    }
    SECTION("I4: pincount above refcount") {
        const held_page pin = gup_fast(f.w.k, *f.w.mms[0], 1, gup_kind::pin);
        REQUIRE(pin);
        head.pincount.fetch_add(5, arch::order::relaxed);
        gup_put(f.w.k, pin);
        CHECK(reported(invariant::I4));
    }
    SECTION("I5: a page table withdrawn twice") {
        table.deposits.set(0);
        split_huge_pmd(f.w.k, *f.w.mms[0], 0);
        CHECK(reported(invariant::I5));
    }
    SECTION("I8: a leaf over another file's block") {
        f.w.k.mem.ledger(tail).block.owners[0].set(block_owner::owner(1, 0));
        CHECK(quiescent_check_reports(f, invariant::I8));
    }
    SECTION("I9: a PTE under a leaf") {
        pte_alloc(*f.w.mms[0], 1);
        CHECK(reported(invariant::I9));
    }
    SECTION("I11: nrpages counts entries and not pages") {
        f.mapping().nrpages.set(1);
        CHECK(quiescent_check_reports(f, invariant::I11));
    }
    SECTION("I14: an entry whose folio fell apart") {
        dax_folio_put(f.w.k, head);
        CHECK(reported(invariant::I14)); // the leaf's reference
        CHECK(quiescent_check_reports(f, invariant::I14));
    }
    SECTION("I14: a page that still names a head") {
        f.w.k.mem[2].compound_head.store(tail.compound_head.peek(), arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I14));
    }
    SECTION("I14: a block freed while its page is a tail") {
        head.refcount.store(0, arch::order::relaxed);
        head.mapcount.store(0, arch::order::relaxed);
        f.w.blocks.free(f.w.k.mem.pfn(tail), 0, 1);
        CHECK(reported(invariant::I14));
    }
    SECTION("I25: the last put of a page that is a tail by now") {
        free_zone_device_folio(f.w.k, tail);
        CHECK(reported(invariant::I25));
    }
    SECTION("I14: a folio built over another") {
        dax_folio_init(f.w.k, dax_entry::make(f.w.k.mem.pfn(head), dax_entry::pmd_bit));
        CHECK(reported(invariant::I14));
    }
    SECTION("I15: a folio that falls apart while a page of it is held") {
        const held_page pin = gup_fast(f.w.k, *f.w.mms[0], 1, gup_kind::pin);
        REQUIRE(pin);
        tail.compound_head.store(head.compound_head.peek(), arch::order::relaxed);
        gup_put(f.w.k, pin);
        CHECK(reported(invariant::I15));
    }
    SECTION("I18: one page of a deleted entry is held") {
        f.believe_pinned(tail);
        dax_delete_mapping_range(f.w.k, f.mapping(), 0, 2);
        CHECK(reported(invariant::I18));
    }
    SECTION("I19: a writable leaf over a clean entry") {
        xa_state xas(f.mapping().i_pages, 0);
        f.mapping().i_pages.xa_lock.lock();
        xas_load(xas);
        xas_clear_mark(xas, pagecache_tag_dirty);
        f.mapping().i_pages.xa_lock.unlock();
        CHECK(quiescent_check_reports(f, invariant::I19));
    }
    SECTION("I27: the frame number of an empty entry") {
        dax_to_folio(f.w.k, dax_entry::make(0, dax_entry::empty_bit));
        CHECK(reported(invariant::I27));
    }
}

TEST_CASE("a mapped page that loses its last entry is reported, of any size since 7.1") {
    for (const auto& [protocol, warns] : {std::pair{"v7.3", true}, std::pair{"v6.18", false}}) {
        fixture f(protocol);
        folio& page = f.touch();
        violated.clear();
        dax_folio_reset_order(f.w.k, page);
        CHECK(reported(invariant::I14) == warns);
    }
}

TEST_CASE("what was durable and is lost in a power cut is reported") {
    fixture f(fixture::with_power_cuts());
    inode& file = *f.w.files[0];
    const std::uint64_t block = file.extents[0].get();
    f.touch();
    check_power_cut(f.w.k, file);
    CHECK(violated.empty()); // nothing was promised of the store
    REQUIRE(file_writeback(f.w.k, file, true) == outcome::done);
    f.touch(); // a newer store promises nothing, and takes nothing away
    check_power_cut(f.w.k, file);
    CHECK(violated.empty());

    SECTION("the file leads to a copy that was not flushed") {
        f.w.k.mem.power->copied(block, block);
        check_power_cut(f.w.k, file);
        CHECK(reported(invariant::I20));
    }
    SECTION("the file leads to another page's block") {
        file.extents[0].set(f.w.files[1]->extents[0].get());
        check_power_cut(f.w.k, file);
        CHECK(reported(invariant::I20));
    }
    SECTION("the file leads to nothing") {
        file.extents[0].set(block_allocator::none);
        check_power_cut(f.w.k, file);
        CHECK(reported(invariant::I20));
    }
    SECTION("what is thrown away may go") {
        REQUIRE(file_punch(f.w.k, file, 0, 1) == outcome::done);
        check_power_cut(f.w.k, file);
        CHECK(violated.empty());
    }
    SECTION("an fsync that did not force the log") {
        f.w.k.mem.ledger(block).block.uncommitted.set(true);
        const std::uint64_t fsync = f.w.k.fsync_count.add(1);
        promise_file(f.w.k, file, fsync);
        CHECK(reported(invariant::I20));
    }
}

TEST_CASE("a TLB that outlives a reference is reported") {
    fixture f(fixture::with_tlb());
    mm_struct& mm = *f.w.mms[0];
    folio& page = f.touch(); // by worker 0, a CPU, which keeps the translation
    mmu_gather gather(f.w.k, mm);
    gather.add(page, 0, 1);
    violated.clear();
    SECTION("I24: dropped before the flush") {
        gather.flush_and_put();
        CHECK(reported(invariant::I24));
    }
    SECTION("not when it was flushed") {
        gather.note_cleared(0, 1);
        gather.flush_and_put();
        CHECK_FALSE(reported(invariant::I24));
    }
    SECTION("not a translation that was made later") {
        gather.note_cleared(0, 1);
        gather.flush();
        REQUIRE(user_access(f.w.k, mm, 0, false));
        gather.flush_and_put();
        CHECK_FALSE(reported(invariant::I24));
    }
    gather.finish();
}

TEST_CASE("without the ledger nothing is counted, and what was held is still compared at rest") {
    fixture f(fixture::without_ledger());
    folio& page = f.touch();
    const page_ledger& record = f.w.k.mem.ledger(page);
    CHECK(f.pin(0).taken == nullptr);
    CHECK(record.pins.get() == 0);
    check_quiescent(f.w);
    CHECK(violated.empty());
    SECTION("I2: a reference that nobody holds") {
        page.refcount.fetch_add(1, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I2));
    }
    SECTION("I2: a pin that the count forgot") {
        page.refcount.fetch_sub(pin_bias, arch::order::relaxed);
        CHECK(quiescent_check_reports(f, invariant::I2));
    }
    SECTION("I23: a pagemap reference that nobody accounts for") {
        REQUIRE(get_dev_pagemap(f.w.k, 0) != nullptr);
        CHECK(quiescent_check_reports(f, invariant::I23));
    }
    SECTION("I7: the page is not idle, although nobody knows who holds it") {
        f.w.blocks.free(f.w.k.mem.pfn(page), 0, 0);
        CHECK(reported(invariant::I7));
    }
    SECTION("I18 of an entry deleted is not seen") {
        dax_delete_mapping_range(f.w.k, f.mapping(), 0, 2);
        CHECK_FALSE(reported(invariant::I18));
    }
    SECTION("the pin is given back as it was got") {
        gup_put(f.w.k, f.w.workers[0].held.take_oldest(gup_kind::pin).front());
        CHECK(record.pins.get() == 0);
        check_quiescent(f.w);
        CHECK(violated.empty());
    }
}

TEST_CASE("a hang over a held page is named by the ledger, or says that it is off") {
    const bool ledger = GENERATE(true, false);
    fixture f(ledger ? fixture::with_two_workers() : fixture::without_ledger());
    folio& page = f.touch();
    f.pin(0);
    f.w.workers[0].name.set("pinner");
    f.w.workers[1].task.waiting.begin(arch::wait_kind::page_idle, &page, 0, arch::site::here());
    const auto cause = [&] { return take_snapshot(f.w).cause; };
    CHECK(cause().starts_with(ledger ? "held page: " : "ledger off: "));
    const snapshot state = take_snapshot(f.w);
    CHECK(state.ledger == ledger);
    REQUIRE(state.folios.size() == 1);
    CHECK(state.folios[0].pins == (ledger ? 1 : 0));
    REQUIRE(state.folios[0].holders.size() == 1);
    CHECK(state.folios[0].holders[0] ==
          (ledger ? "pinner (pin, taken in gup_fast_pte_range)" : "pinner (pin)"));
    // A reference that nobody holds
    page.refcount.fetch_add(1, arch::order::relaxed);
    CHECK(cause().starts_with(ledger ? "leaked reference: " : "ledger off: "));
    // What needs no ledger: the page is idle, or only page tables hold it
    page.refcount.store(page.mapcount.peek(), arch::order::relaxed);
    note_held(f.w.k, f.w.workers[0].held.take_oldest(gup_kind::pin).front(), -1);
    CHECK(cause().starts_with("mapped again: "));
    page.refcount.store(0, arch::order::relaxed);
    CHECK(cause().starts_with("lost wake-up: "));
    f.w.workers[1].task.waiting.end();
}

TEST_CASE("one-based: a put that yields 0 is reported") {
    fixture f("v6.12");
    folio& page = f.touch();
    violated.clear();
    folio_put(f.w.k, page);
    CHECK(reported(invariant::I5));
}
