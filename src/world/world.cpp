#include "world/world.hpp"

#include "dax/memory_failure.hpp"
#include "fs/dmap.hpp"
#include "fs/lease.hpp"
#include "fs/power_cut.hpp"
#include "mm/fork.hpp"
#include "mm/lock_classes.hpp"
#include "mm/mremap.hpp"
#include "mm/pagewalk.hpp"
#include "oracle/describe.hpp"
#include "oracle/hang.hpp"
#include "oracle/quiescent.hpp"
#include "oracle/state.hpp"

#include <algorithm>
#include <utility>

namespace daxtorture {
inline namespace ARCH_MACHINE {

void holdings::add(unsigned count) {
    ++calls_;
    for (const unsigned end = count_ + count; count_ < end; ++count_)
        pages_[count_].call = calls_;
}

std::span<const held_page> holdings::take_oldest(gup_kind kind) {
    unsigned kept = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < count_; ++i) {
        if (pages_[i].kind == kind && (count == 0 || pages_[i].call == taken_[0].call))
            taken_[count++] = pages_[i];
        else
            pages_[kept++] = pages_[i];
    }
    count_ = kept;
    return {taken_.data(), count};
}

namespace {

unsigned virtual_pages(const mm_config& mm) {
    unsigned pages = 0;
    for (const area_config& area : mm.areas)
        pages = std::max(pages, std::max(area.at, area.or_at.value_or(0)) + area.pages());
    return pages;
}

xarray_config file_pages(const world_config& config, kernel& k, unsigned pages) {
    return {config.shape.chunk_shift, xa_nodes_needed(config.shape.chunk_shift, pages),
            &lock_classes::xa_lock, &k.rcu};
}

memory_type type_of(fs_kind kind) {
    switch (kind) {
    case fs_kind::devdax:
        return memory_type::generic;
    case fs_kind::private_pages:
        return memory_type::device_private;
    case fs_kind::coherent:
        return memory_type::coherent;
    case fs_kind::p2pdma:
        return memory_type::pci_p2pdma;
    default:
        return memory_type::fs_dax;
    }
}

std::vector<pagemap_range> memory_ranges(const world_config& config) {
    std::vector<pagemap_range> ranges{{memory_type::fs_dax, pmem_pages(config), 0, config.altmap_pages}};
    for (const file_config& file : config.files)
        if (is_device(file.fs))
            ranges.push_back({type_of(file.fs), file.pages, config.shape.order_of(file.align)});
    return ranges;
}

/// What costs steps and is there only where operations need it.
void add_what_is_used(const world_config& config, inode& file) {
    if (config.leases)
        file.leases = std::make_unique<layout_leases>();
    if (config.power_cuts && !file.has_dmaps()) // a dmap is a window: what it shows is durable with the host
        file.promised = std::make_unique<arch::oracle<std::uint32_t>[]>(file.max_pages);
    if (config.reflinks)
        file.remapping = std::make_unique<arch::atomic<bool>>();
    if (config.rules.holes != hole_entry::zero_entry)
        file.mapping.hole_pages = std::make_unique<hole_page[]>(file.max_pages);
}

} // namespace

block_allocator& world_state::blocks_of(const file_config& file) {
    if (!is_device(file.fs))
        return blocks;
    dev_pagemap& pgmap = *k.pgmaps[1 + device_blocks.size()];
    device_blocks.push_back(std::make_unique<block_allocator>(k, pgmap.pages, pgmap.first_pfn));
    return *device_blocks.back();
}

driver_device& world_state::device_behind(const inode& file) {
    std::size_t i = 0;
    while (&devices[i]->dax.mapping != &file.mapping)
        ++i;
    return *devices[i];
}

void world_state::add_device(inode& file) {
    devices.push_back(std::make_unique<driver_device>(k, *k.pgmaps[1 + devices.size()], file.mapping));
    driver_attach(k, *devices.back());
}

void world_state::add_area(mm_struct& mm, const area_config& area) {
    inode& file = *files[area.file];
    const bool device = is_device(config.files[area.file].fs);
    const vm_area first{.mm = &mm,
                        .mapping = &file.mapping,
                        .host = device ? static_cast<void*>(&device_behind(file).dax) : &file,
                        .ops = device ? &dev_dax_vm_ops : &file_vm_ops,
                        .first = area.at,
                        .last = area.at + area.pages(),
                        .pgoff = area.first_page,
                        .shared = area.shared,
                        .writable = area.writable,
                        .sync = area.sync,
                        .mixedmap = config.files[area.file].fs == fs_kind::fuse};
    mm.areas.push_back(first);
    if (!area.or_at)
        return;
    mm.areas.push_back(first);
    vm_area& second = mm.areas.back();
    second.first = *area.or_at;
    second.last = *area.or_at + area.pages();
    second.second = true;
    second.other_place = &mm.areas[mm.areas.size() - 2];
    second.other_place->other_place = &second;
}

world_state::world_state(const world_config& given)
    : config(given),
      k(config.rules, config.machine, memory_ranges(config), config.shape.wait_buckets,
        config.shape.pmd_order, config.workers + 1, config.unbinds, config.shape.tlb_entries, config.ledger),
      blocks(k, pmem_pages(config) - config.altmap_pages, config.altmap_pages), pmem(*k.pgmaps.front()),
      sb(pmem), workers(std::make_unique_for_overwrite<worker_state[]>(config.workers + 1)) {
    for (unsigned i = 0; i < worker_count(); ++i)
        workers[i].task.id = i;
    arch::bind_current(workers[config.workers].task); // locks are taken from here on
    if (config.power_cuts)
        k.mem.power = std::make_unique<durability>(k.mem.pages());
    pmem_attach(k, sb);
    if (config.unbinds)
        pmem.badblocks = std::make_unique<arch::atomic<bool>[]>(pmem.pgmap.pages);
    for (unsigned i = 0; i < config.files.size(); ++i) {
        files.push_back(std::make_unique<inode>(
            static_cast<int>(i), config.files[i], config.files[i].huge ? config.shape.pmd_order : 0,
            blocks_of(config.files[i]), file_pages(config, k, config.files[i].pages)));
        files.back()->sb = &sb;
        add_what_is_used(config, *files.back());
        if (is_device(config.files[i].fs)) {
            add_device(*files.back());
            continue;
        }
        sb.files.push_back(files.back().get());
        sb.wants_to_hold = sb.wants_to_hold || config.files[i].fs == fs_kind::xfs;
    }
    do_mount(k, sb);
    for (unsigned i = 0; i < config.mms.size(); ++i) {
        mms.push_back(std::make_unique<mm_struct>(i, virtual_pages(config.mms[i]), config.shape.pmd_order,
                                                  config.shape.pud_order));
        mm_struct& mm = *mms.back();
        mm.areas.reserve(2 * config.mms[i].areas.size()); // they point at each other
        for (const area_config& area : config.mms[i].areas)
            add_area(mm, area);
    }
    for (const std::unique_ptr<mm_struct>& mm : mms)
        do_mmap(*mm, file_may_map);
}

world::world(const world_config& config) : state_(std::make_unique<world_state>(config)) {}
world::~world() = default;

arch::task& world::task(unsigned worker) { return state_->workers[worker].task; }

void world::label(unsigned worker, const char* name, const char* operation) {
    state_->workers[worker].name.set(name);
    state_->workers[worker].operation.set(operation);
}

namespace {

/// What a pin or a get asks of GUP; returns how many pages it got.
unsigned get_pages(world_state& w, const operation& what, gup_kind kind, page_list pages) {
    mm_struct& mm = *w.mms[what.object];
    const std::uint64_t end = what.pages_end();
    if (what.has(flag::fast))
        return gup_fast_only(w.k, mm, what.first, end, kind, pages);
    if (what.has(flag::slow) || what.has(flag::longterm))
        return gup_slow(w.k, mm, what.first, end, kind, what.has(flag::longterm), pages);
    return gup_fast(w.k, mm, what.first, end, kind, pages);
}

outcome get_page(world_state& w, worker_state& self, const operation& what) {
    const gup_kind kind = what.kind == op::pin ? gup_kind::pin : gup_kind::get;
    if (what.pages_end() - what.first > self.held.room())
        return outcome::refused;
    const unsigned got = get_pages(w, what, kind, self.held.space());
    self.held.add(got);
    if (got != 0)
        return outcome::done;
    return what.has(flag::longterm) ? outcome::refused : outcome::nothing;
}

outcome put_page(world_state& w, worker_state& self, gup_kind kind) {
    const std::span<const held_page> oldest = self.held.take_oldest(kind);
    gup_put(w.k, oldest.data(), static_cast<unsigned>(oldest.size()));
    return oldest.empty() ? outcome::nothing : outcome::done;
}

outcome write_through_pins(world_state& w, const worker_state& self) {
    outcome result = outcome::nothing;
    for (const held_page& page : self.held) {
        if (page.kind != gup_kind::pin)
            continue;
        dma_write(w.k, page);
        result = outcome::done;
    }
    return result;
}

outcome access(world_state& w, const operation& what) {
    const bool write = what.kind == op::store;
    return user_access(w.k, *w.mms[what.object], what.first, write) ? outcome::done : outcome::sigbus;
}

/// read() of a page that the caller knows by its frame number: what dax_iomap_rw does with a block of the device.
outcome kernel_read(world_state& w, const operation& what) {
    if (what.object != 0 && w.devices[what.object - 1U]->pool != nullptr)
        return outcome::refused; // not a DAX device: nobody asks it for direct access
    dax_device& device = what.object == 0 ? w.pmem : w.devices[what.object - 1U]->device;
    const std::uint64_t pfn = device.pgmap.first_pfn + what.first;
    if (device.pgmap.is_metadata(pfn))
        return outcome::refused; // offsets in the device begin behind it
    return dax_kernel_read(w.k, device, pfn) ? outcome::done : outcome::refused;
}

outcome done_or_nothing(bool done) { return done ? outcome::done : outcome::nothing; }

outcome outcome_of(mf_result result) {
    return result == mf_result::handled   ? outcome::done
           : result == mf_result::no_file ? outcome::busy
                                          : outcome::refused;
}

/// From here on the worker relies on the page.
outcome hold_device_page(world_state& w, worker_state& self, folio& page,
                         const char* by = __builtin_FUNCTION()) {
    held_page& held = *self.held.space();
    const std::uint64_t generation = w.k.mem.ledger(page).block.generation.get();
    held = {&page, &page, gup_kind::get, 0, generation, nullptr, w.k.ledger ? by : nullptr};
    note_held(w.k, held, 1);
    self.held.add(1);
    return outcome::done;
}

outcome alloc_page(world_state& w, worker_state& self, const operation& what) {
    if (what.object == 0 || w.devices[what.object - 1U]->pool == nullptr || self.held.full())
        return outcome::refused;
    folio* page = w.devices[what.object - 1U]->pool->alloc();
    return page == nullptr ? outcome::nothing : hold_device_page(w, self, *page);
}

/// Whoever walks all frames (compaction, /proc/kpageflags) looks whether the page is there, which takes its device, and tries to get it.
outcome grab_page(world_state& w, worker_state& self, const operation& what) {
    const std::uint64_t pfn = w.k.pgmaps[what.object]->first_pfn + what.first;
    dev_pagemap* pgmap = self.held.full() ? nullptr : get_dev_pagemap(w.k, pfn);
    if (pgmap == nullptr)
        return outcome::refused;
    const bool got = pgmap_pfn_valid(w.k, *pgmap, pfn) && folio_try_get(w.k.mem[pfn]);
    if (got)
        hold_device_page(w, self, w.k.mem[pfn]);
    put_dev_pagemap(*pgmap);
    return got ? outcome::done : outcome::nothing;
}

/// Does the operation need a filesystem where there is a device?
bool needs_filesystem(const world_state& w, const operation& what) {
    const operands takes = info(what.kind).takes;
    const bool file =
        takes == operands::file || takes == operands::file_size || takes == operands::file_range;
    return (file && is_device(w.config.files[what.object].fs)) ||
           (takes == operands::two_files &&
            (is_device(w.config.files[what.object].fs) || is_device(w.config.files[what.other].fs)));
}

outcome take_lease(world_state& w, worker_state& self, const operation& what) {
    if (self.leased != nullptr)
        return outcome::refused;
    const outcome result = file_lease(w.k, *w.files[what.object]);
    if (result == outcome::done)
        self.leased = w.files[what.object].get();
    return result;
}

outcome return_lease(worker_state& self) {
    inode* const file = std::exchange(self.leased, nullptr);
    if (file == nullptr)
        return outcome::nothing;
    file_unlease(*file);
    return outcome::done;
}

/// Nothing goes off: it is asked what a power cut at this step would leave.
outcome cut_power(world_state& w) {
    w.k.mem.power->step();
    for (const inode* file : w.sb.files)
        check_power_cut(w.k, *file);
    return outcome::done;
}

outcome dispatch(world_state& w, worker_state& self, const operation& what) {
    if (needs_filesystem(w, what))
        return outcome::refused;
    switch (what.kind) {
    case op::load:
    case op::store:
        return access(w, what);
    case op::mmap:
        return done_or_nothing(do_mmap(*w.mms[what.object], file_may_map));
    case op::munmap:
        return done_or_nothing(do_munmap(w.k, *w.mms[what.object]));
    case op::pin:
    case op::get:
        return get_page(w, self, what);
    case op::unpin:
        return put_page(w, self, gup_kind::pin);
    case op::put:
        return put_page(w, self, gup_kind::get);
    case op::dma_write:
        return write_through_pins(w, self);
    case op::truncate:
        return file_truncate(w.k, *w.files[what.object], what.first);
    case op::punch:
        return file_punch(w.k, *w.files[what.object], what.first, what.last);
    case op::brk:
        return file_break(w.k, *w.files[what.object], what.has(flag::nowait));
    case op::reuse:
        return file_reuse(w.k, *w.files[what.object]);
    case op::evict:
        return file_evict(w.k, *w.files[what.object]);
    case op::writeback:
        return file_writeback(w.k, *w.files[what.object], !what.has(flag::background));
    case op::invalidate:
        return file_invalidate(w.k, *w.files[what.object], what.first, what.last);
    case op::interrupt:
        arch::send_signal(w.workers[what.object].task);
        return outcome::done;
    case op::collapse:
        return file_collapse(w.k, *w.files[what.object], what.first, what.last);
    case op::insert:
        return file_insert(w.k, *w.files[what.object], what.first, what.last);
    case op::zero:
        return file_zero(w.k, *w.files[what.object], what.first, what.last);
    case op::write:
        return file_write(w.k, *w.files[what.object], what.first, what.last);
    case op::reclaim:
        return file_reclaim(w.k, *w.files[what.object], what.first, what.last);
    case op::lease:
        return take_lease(w, self, what);
    case op::unlease:
        return return_lease(self);
    case op::kread:
        return kernel_read(w, what);
    case op::reflink:
        return file_reflink(w.k, *w.files[what.object], *w.files[what.other]);
    case op::unbind:
        return what.object == 0 ? pmem_detach(w.k, w.sb, what.has(flag::unmounted))
                                : driver_detach(w.k, *w.devices[what.object - 1U]);
    case op::bind:
        return what.object == 0 ? pmem_attach(w.k, w.sb, what.has(flag::fails))
                                : driver_attach(w.k, *w.devices[what.object - 1U]);
    case op::mount:
        return what.object == 0 ? do_mount(w.k, w.sb) : outcome::refused;
    case op::umount:
        return what.object == 0 ? do_umount(w.k, w.sb) : outcome::refused;
    case op::alloc:
        return alloc_page(w, self, what);
    case op::grab:
        return grab_page(w, self, what);
    case op::memory_failure:
        return what.object == 0 ? outcome_of(memory_failure(w.k, w.pmem, what.first)) : outcome::refused;
    case op::mremap:
        return done_or_nothing(do_mremap(w.k, *w.mms[what.object]));
    case op::fork:
        return done_or_nothing(dup_mmap(w.k, *w.mms[what.object], *w.mms[what.other]));
    case op::mlock:
        return done_or_nothing(do_mlock(w.k, *w.mms[what.object]));
    case op::pagemap:
        return done_or_nothing(pagemap_read(w.k, *w.mms[what.object]));
    case op::power_cut:
        return cut_power(w);
    case op::count_:
        break;
    }
    return outcome::refused;
}

} // namespace

outcome world::perform(unsigned worker, const operation& what) {
    worker_state& self = state_->workers[worker];
    const outcome result = dispatch(*state_, self, what);
    if (result == outcome::interrupted)
        self.task.signal.store(false,
                               arch::order::relaxed); // the signal is delivered on the way back to user space
    return result;
}

void world::release(unsigned worker) {
    worker_state& self = state_->workers[worker];
    while (put_page(*state_, self, gup_kind::pin) == outcome::done ||
           put_page(*state_, self, gup_kind::get) == outcome::done) {
    }
    return_lease(self);
}

void world::check_quiescent() const { daxtorture::check_quiescent(*state_); }
snapshot world::take_snapshot() const { return daxtorture::take_snapshot(*state_); }
std::string world::describe(const void* address) const { return daxtorture::describe(*state_, address); }
std::string world::value_text(const void* address, const std::string& value) const {
    return daxtorture::value_text(*state_, address, value);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
