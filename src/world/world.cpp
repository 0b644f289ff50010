#include "world/world.hpp"

#include "mm/lock_classes.hpp"
#include "oracle/describe.hpp"
#include "oracle/hang.hpp"
#include "oracle/quiescent.hpp"
#include "oracle/state.hpp"

#include <algorithm>

namespace daxtorture::inline ARCH_MACHINE {

held_page holdings::take_oldest(gup_kind kind) {
    for (unsigned i = 0; i < count_; ++i) {
        if (pages_[i].kind != kind)
            continue;
        const held_page oldest = pages_[i];
        for (unsigned j = i + 1; j < count_; ++j)
            pages_[j - 1] = pages_[j];
        --count_;
        return oldest;
    }
    return {};
}

namespace {

unsigned device_pages(const world_config& config) {
    unsigned pages = config.spare_blocks;
    for (const file_config& file : config.files)
        pages += file.pages;
    // Runs start at multiples of their size: room for the gap before each huge file
    for (const file_config& file : config.files)
        pages += file.huge ? (1u << config.shape.pmd_order) - 1 : 0;
    return pages;
}

unsigned virtual_pages(const mm_config& mm) {
    unsigned pages = 0;
    for (const area_config& area : mm.areas)
        pages = std::max(pages, area.at + (area.last_page - area.first_page));
    return pages;
}

xarray_config file_pages(const world_config& config, kernel& k, unsigned pages) {
    return {config.shape.chunk_shift, xa_nodes_needed(config.shape.chunk_shift, pages),
            &lock_classes::xa_lock, &k.rcu};
}

} // namespace

world_state::world_state(const world_config& given)
    : config(given), k(config.rules, config.machine, device_pages(config), config.shape.wait_buckets,
                       config.shape.pmd_order, config.workers + 1),
      blocks(k, device_pages(config)), workers(std::make_unique<worker_state[]>(config.workers + 1)) {
    for (unsigned i = 0; i < worker_count(); ++i)
        workers[i].task.id = i;
    arch::bind_current(workers[config.workers].task); // locks are taken from here on
    for (unsigned i = 0; i < config.files.size(); ++i)
        files.push_back(std::make_unique<inode>(static_cast<int>(i), config.files[i].fs,
                                                config.files[i].pages,
                                                config.files[i].huge ? config.shape.pmd_order : 0, blocks,
                                                file_pages(config, k, config.files[i].pages)));
    for (unsigned i = 0; i < config.mms.size(); ++i) {
        mms.push_back(std::make_unique<mm_struct>(i, virtual_pages(config.mms[i]), config.shape.pmd_order));
        mm_struct& mm = *mms.back();
        for (const area_config& area : config.mms[i].areas) {
            inode& file = *files[area.file];
            mm.areas.push_back({&mm, &file.mapping, &file, &file_vm_ops, area.at,
                                area.at + (area.last_page - area.first_page), area.first_page, area.shared,
                                area.writable, area.sync});
        }
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

outcome hold(worker_state& self, held_page page) {
    if (!page)
        return outcome::nothing;
    self.held.add(page);
    return outcome::done;
}

outcome get_page(world_state& w, worker_state& self, const operation& what) {
    const gup_kind kind = what.kind == op::pin ? gup_kind::pin : gup_kind::get;
    mm_struct& mm = *w.mms[what.object];
    if (self.held.full())
        return outcome::refused;
    if (what.has(flag::longterm))
        return hold(self, gup_slow(w.k, mm, what.first, kind, true)) == outcome::done ? outcome::done
                                                                                      : outcome::refused;
    if (what.has(flag::fast))
        return hold(self, gup_fast_only(w.k, mm, what.first, kind));
    if (what.has(flag::slow))
        return hold(self, gup_slow(w.k, mm, what.first, kind, false));
    return hold(self, gup_fast(w.k, mm, what.first, kind));
}

outcome put_page(world_state& w, worker_state& self, gup_kind kind) {
    const held_page oldest = self.held.take_oldest(kind);
    if (!oldest)
        return outcome::nothing;
    gup_put(w.k, oldest);
    return outcome::done;
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

outcome done_or_nothing(bool done) { return done ? outcome::done : outcome::nothing; }

outcome dispatch(world_state& w, worker_state& self, const operation& what) {
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
        return file_break(w.k, *w.files[what.object], what.first, what.last, what.has(flag::nowait));
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
    case op::reflink:
        return file_reflink(w.k, *w.files[what.object], *w.files[what.other]);
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
}

void world::check_quiescent() const { daxtorture::check_quiescent(*state_); }
snapshot world::take_snapshot() const { return daxtorture::take_snapshot(*state_); }
std::string world::describe(const void* address) const { return daxtorture::describe(*state_, address); }
std::string world::value_text(const void* address, const std::string& value) const {
    return daxtorture::value_text(*state_, address, value);
}

} // namespace daxtorture::inline ARCH_MACHINE
