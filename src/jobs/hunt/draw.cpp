#include "jobs/hunt/draw.hpp"

#include "jobs/hunt/canonical.hpp"
#include "jobs/hunt/worlds.hpp"

#include "scenario/choices.hpp"

#include <algorithm>
#include <optional>

namespace daxtorture::jobs::hunt {
namespace {

constexpr std::size_t index_of(op kind) { return static_cast<std::size_t>(kind); }

/// How often an operation is drawn, as an operation of a thread and in the set-up, before a batch has its say.
struct share {
    op kind;
    unsigned of_thread;
    unsigned of_setup;
};
constexpr std::array shares{
    share{op::load, 8, 8},      share{op::store, 10, 14},
    share{op::mmap, 2, 0},      share{op::munmap, 7, 3},
    share{op::pin, 8, 0},       share{op::unpin, 12, 0},
    share{op::get, 6, 0},       share{op::put, 12, 0},
    share{op::dma_write, 6, 0}, share{op::truncate, 7, 1},
    share{op::punch, 4, 5},     share{op::brk, 4, 0},
    share{op::reuse, 5, 1},     share{op::evict, 3, 1},
    share{op::writeback, 7, 2}, share{op::invalidate, 4, 0},
    share{op::interrupt, 1, 0}, share{op::reflink, 4, 8},
    share{op::collapse, 2, 0},  share{op::insert, 2, 0},
    share{op::zero, 3, 0},      share{op::unbind, 4, 1},
    share{op::bind, 3, 0},      share{op::mount, 2, 0},
    share{op::umount, 3, 1},    share{op::memory_failure, 5, 2},
    share{op::alloc, 8, 0},     share{op::grab, 4, 0},
    share{op::write, 6, 1},     share{op::reclaim, 8, 1},
    share{op::lease, 4, 0},     share{op::unlease, 12, 0},
    share{op::kread, 3, 0},     share{op::mremap, 6, 1},
    share{op::fork, 6, 1},      share{op::mlock, 1, 0},
    share{op::pagemap, 1, 0},   share{op::power_cut, 0, 0},
};
static_assert(shares.size() == static_cast<std::size_t>(op::count_));

/// Operations on devices make every step of a world longer, and most of their programs fail in the same few ways.
constexpr bool is_rare(op kind) { return concerns_devices(kind); }

/// What a thread holds at this point of its program.
struct held {
    unsigned pins = 0;
    unsigned gets = 0;
    unsigned leases = 0;

    unsigned count() const { return pins + gets + leases; }
    void note(const operation& o) {
        pins += o.kind == op::pin;
        gets += takes_reference(o.kind);
        leases += o.kind == op::lease;
        pins -= o.kind == op::unpin;
        gets -= o.kind == op::put;
        leases -= o.kind == op::unlease;
    }
    bool allows(const operation& o) const {
        switch (o.kind) {
        case op::unpin:
        case op::dma_write:
            return pins != 0;
        case op::put:
            return gets != 0;
        case op::unlease:
            return leases != 0;
        case op::lease:
            return count() == 0;
        default:
            return count() == 0 || !may_wait_for_holders(o.kind) || (o.has(flag::nowait) && leases == 0);
        }
    }
};

/// Operations that a world has, but that are no question to the protocol there: only xfs hears of it when its device is unbound, and what the
/// others have mapped then stays mapped.
bool is_idle_question(const operation& o, const world_config& world) {
    const operands takes = info(o.kind).takes;
    if ((takes == operands::device || takes == operands::device_page) && o.object == 0 &&
        pmem_pages(world) == 0)
        return true;
    if (o.kind != op::unbind || o.object != 0 || o.has(flag::unmounted))
        return false;
    return std::ranges::any_of(world.files, [&](const file_config& file) {
        const auto number = static_cast<unsigned>(&file - world.files.data());
        const auto maps = [&](const area_config& area) { return area.file == number; };
        return file.fs == fs_kind::fuse || ((file.fs == fs_kind::ext4 || file.fs == fs_kind::ext2) &&
                                            std::ranges::any_of(world.mms, [&](const mm_config& mm) {
                                                return std::ranges::any_of(mm.areas, maps);
                                            }));
    });
}

/// Operations of a world, each drawn as often as a batch likes it.
class menu {
  public:
    menu(const world_config& world, const taste& batch) {
        for (const share& one : shares) {
            kinds_[index_of(one.kind)].operations = sensible_choices(one.kind, world);
            kinds_[index_of(one.kind)].of_thread = batch.weights[index_of(one.kind)];
            kinds_[index_of(one.kind)].of_setup = std::min(batch.weights[index_of(one.kind)], one.of_setup);
        }
        // What a set-up is for is not a matter of taste.
        for (const op kind : {op::load, op::store, op::punch})
            kinds_[index_of(kind)].of_setup = shares[index_of(kind)].of_setup;
    }

    template <class Allowed> std::optional<operation> draw(generator& random, Allowed allowed) const {
        return draw(random, &entry::of_thread, allowed);
    }
    std::optional<operation> draw_setup(generator& random) const {
        return draw(random, &entry::of_setup, [](const operation&) { return true; });
    }
    bool has(op kind) const { return !kinds_[index_of(kind)].operations.empty(); }
    const operation& any(op kind, generator& random) const {
        const std::vector<operation>& all = kinds_[index_of(kind)].operations;
        return all[random.below(static_cast<std::uint32_t>(all.size()))];
    }

  private:
    struct entry {
        std::vector<operation> operations;
        unsigned of_thread = 0;
        unsigned of_setup = 0;
    };

    template <class Allowed>
    std::optional<operation> draw(generator& random, unsigned entry::*weight, Allowed allowed) const {
        unsigned total = 0;
        for (const entry& kind : kinds_)
            total += kind.operations.empty() ? 0 : kind.*weight;
        for (unsigned attempt = 0; total != 0 && attempt < 20; ++attempt) {
            std::uint32_t at = random.below(total);
            std::size_t kind = 0;
            for (;; ++kind) {
                const unsigned here = kinds_[kind].operations.empty() ? 0 : kinds_[kind].*weight;
                if (at < here)
                    break;
                at -= here;
            }
            const operation& drawn = any(static_cast<op>(kind), random);
            if (allowed(drawn))
                return drawn;
        }
        return std::nullopt;
    }

    std::array<entry, static_cast<std::size_t>(op::count_)> kinds_;
};

op next_drop(const held& now) { return now.pins != 0 ? op::unpin : now.gets != 0 ? op::put : op::unlease; }

/// `length` operations, the ones that let go included.
std::vector<operation> draw_thread(const menu& from, unsigned length, generator& random) {
    std::vector<operation> all;
    held now;
    while (all.size() < length) {
        const std::size_t left = length - all.size();
        if (left == now.count()) {
            all.push_back({next_drop(now)});
            now.note(all.back());
            continue;
        }
        // A pair that belongs together is drawn as such more often than chance would.
        const bool reuses = !all.empty() && all.back().kind == op::truncate && from.has(op::reuse) &&
                            now.count() == 0 && random.chance(1, 3);
        const std::optional<operation> drawn =
            reuses ? from.any(op::reuse, random) : from.draw(random, [&](const operation& o) {
                return now.allows(o) && (!drop_of(o.kind) || left >= now.count() + 2);
            });
        if (!drawn)
            break;
        all.push_back(*drawn);
        now.note(*drawn);
    }
    while (now.count() != 0) {
        all.push_back({next_drop(now)});
        now.note(all.back());
    }
    return all;
}

std::vector<operation> draw_setup(const menu& from, generator& random) {
    std::vector<operation> all;
    if (from.has(op::reflink) && random.chance(3, 4))
        all.push_back(from.any(op::reflink, random));
    else if (from.has(op::punch) && random.chance(1, 6))
        all.push_back(from.any(op::punch, random));
    for (unsigned more = random.below(4); more != 0; --more)
        if (const std::optional<operation> drawn = from.draw_setup(random))
            all.push_back(*drawn);
    return all;
}

/// Who holds something may break layouts without waiting for pages, but takes the lock of a file for it, which others keep while they wait.
bool breaks_while_holding(const thread_program& thread) {
    held now;
    return std::ranges::any_of(thread.operations, [&](const operation& o) {
        const bool breaks = o.has(flag::nowait) && now.count() != 0;
        now.note(o);
        return breaks;
    });
}
bool waits_with_a_lock(const thread_program& thread) {
    return std::ranges::any_of(thread.operations, [](const operation& o) {
        return may_wait_for_holders(o.kind) && o.kind != op::invalidate && !o.has(flag::nowait);
    });
}
/// A hang would be the program's own fault.
bool holds_itself_up(const program& what) {
    return std::ranges::any_of(what.threads, breaks_while_holding) &&
           std::ranges::any_of(what.threads, waits_with_a_lock);
}

/// A child of fork has nothing mapped, or fork does nothing.
void empty_children(program& what, generator& random) {
    for (const thread_program& thread : what.threads)
        for (const operation& o : thread.operations)
            if (o.kind == op::fork && random.chance(3, 4))
                what.setup.insert(what.setup.begin(), {op::munmap, 0, o.other});
}

/// The power fails once, beside everything else. What is durable is kept track of only in programs that have the operation.
void add_power_cut(program& what) {
    what.threads.push_back({"t" + std::to_string(what.threads.size()), {{op::power_cut}}});
    what.world.workers = static_cast<unsigned>(what.threads.size());
}

unsigned draw_thread_count(generator& random) {
    const unsigned at = random.below(16);
    return at < 10 ? 2 : at < 15 ? 3 : 4;
}
unsigned draw_length(unsigned threads, generator& random) {
    const unsigned most = threads == 2 ? operations_max : threads == 3 ? 3 : 2;
    return 1 + std::min(random.below(most), random.below(most + 1));
}

std::vector<operation> draw_whole_thread(const menu& from, unsigned threads, generator& random) {
    std::vector<operation> all;
    while (all.empty())
        all = draw_thread(from, draw_length(threads, random), random);
    return all;
}

bool can_act(const menu& from, generator& random) {
    return from.draw(random, [](const operation& o) { return !is_drop(o.kind) && o.kind != op::dma_write; })
        .has_value();
}

program with_world(const program& header, world_config world, unsigned threads) {
    program made = header;
    world.rules = header.world.rules;
    world.workers = threads;
    made.world = std::move(world);
    for (unsigned i = 0; i < threads; ++i)
        made.threads.push_back({"t" + std::to_string(i), {}});
    return made;
}

} // namespace

std::vector<operation> sensible_choices(op kind, const world_config& world) {
    std::vector<operation> all = choices(kind, world);
    std::erase_if(all, [&](const operation& o) { return is_idle_question(o, world); });
    return all;
}

std::optional<op> drop_of(op kind) {
    if (kind == op::pin)
        return op::unpin;
    if (kind == op::lease)
        return op::unlease;
    return takes_reference(kind) ? std::optional(op::put) : std::nullopt;
}

taste draw_taste(generator& random) {
    taste made;
    for (const share& one : shares) {
        const bool taken =
            is_drop(one.kind) || (is_rare(one.kind) ? random.chance(1, 4) : random.chance(3, 5));
        made.weights[index_of(one.kind)] = taken ? one.of_thread * (1 + random.below(3)) : 0;
    }
    unsigned total = 0;
    for (const world_kind& one : world_kinds())
        total += one.weight;
    for (unsigned kinds = 1 + random.below(3); kinds != 0; --kinds) {
        std::uint32_t at = random.below(total);
        std::size_t kind = 0;
        while (at >= world_kinds()[kind].weight)
            at -= world_kinds()[kind++].weight;
        made.worlds.push_back(kind);
    }
    return made;
}

program draw_program(const program& header, const taste& batch, generator& random) {
    for (;;) {
        const std::size_t kind = batch.worlds[random.below(static_cast<std::uint32_t>(batch.worlds.size()))];
        const world_config world = world_kinds()[kind].draw(random);
        const unsigned most = threads_max - (world.power_cuts ? 1 : 0);
        const unsigned threads = std::min(most, draw_thread_count(random));
        program made = with_world(header, world, threads);
        taste here = batch;
        menu from(made.world, here);
        if (!can_act(from, random)) { // a batch may like nothing that this world has
            for (const share& one : shares)
                here.weights[index_of(one.kind)] = one.of_thread;
            from = menu(made.world, here);
        }
        made.setup = draw_setup(from, random);
        for (thread_program& thread : made.threads)
            thread.operations = draw_whole_thread(from, threads, random);
        empty_children(made, random);
        if (made.world.power_cuts)
            add_power_cut(made);
        if (!holds_itself_up(made))
            return canonical(made);
    }
}

program vary_program(const program& what, const taste& batch, generator& random) {
    program made = what;
    const menu from(made.world, batch);
    if (!can_act(from, random))
        return what;
    const auto threads = static_cast<unsigned>(made.threads.size());
    switch (random.below(4)) {
    case 0: // another thread instead
        made.threads[random.below(threads)].operations = draw_whole_thread(from, threads, random);
        break;
    case 1: // one more
        if (threads < threads_max) {
            made.threads.push_back({"t" + std::to_string(threads), draw_whole_thread(from, threads, random)});
            break;
        }
        [[fallthrough]];
    case 2: // another operation in the set-up
        if (const std::optional<operation> more = from.draw_setup(random))
            made.setup.insert(
                made.setup.begin() + random.below(static_cast<std::uint32_t>(made.setup.size()) + 1), *more);
        break;
    default: // one less there
        if (!made.setup.empty())
            made.setup.erase(made.setup.begin() +
                             random.below(static_cast<std::uint32_t>(made.setup.size())));
        break;
    }
    return holds_itself_up(made) ? what : canonical(made);
}

} // namespace daxtorture::jobs::hunt
