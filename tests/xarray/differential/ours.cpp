// Our side of the differential test.
#include "side.h"

#include "xarray/xarray.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace daxtorture;

constexpr arch::lock_class lock{"xa_lock", 90};

struct world {
    world(unsigned chunk_shift, unsigned nodes, xa_pause_step pause)
        : array({chunk_shift, nodes, &lock, &rcu, pause}), states{{array, 0}, {array, 0}} {}
    arch::rcu_domain rcu;
    xarray array;
    xa_state states[side_states];
};

std::uint64_t shown(std::uint64_t entry) {
    return xa_is_node(entry) ? side_entry_node | std::uint64_t{xa_to_node(entry)->shift.get()} << 8 : entry;
}

void* create(unsigned chunk_shift, int pause_rounds_down) {
    return new world(chunk_shift, 1U << 16,
                     pause_rounds_down != 0 ? xa_pause_step::from_slot : xa_pause_step::from_index);
}

std::uint64_t run(void* given, unsigned which, side_op op, std::uint64_t a, std::uint64_t b) {
    world& w = *static_cast<world*>(given);
    xa_state& xas = w.states[which];
    const auto mark = static_cast<xa_mark_t>(b);
    switch (op) {
    case op_nomem:
        return xas_nomem(xas);
    case op_xa_load:
        return xa_load(w.array, a);
    case op_xa_store: {
        int error = 0;
        const std::uint64_t old = xa_store(w.array, a, b, &error);
        return error != 0 ? static_cast<std::uint64_t>(error) : old;
    }
    case op_xa_erase:
        return xa_erase(w.array, a);
    default:
        break;
    }
    const arch::guard held(w.array.xa_lock);
    switch (op) {
    case op_load:
        return shown(xas_load(xas));
    case op_store:
        return shown(xas_store(xas, a));
    case op_find:
        return shown(xas_find(xas, a));
    case op_next_entry:
        return shown(xas_next_entry(xas, a));
    case op_find_marked:
        return shown(xas_find_marked(xas, a, mark));
    case op_next_marked:
        return shown(xas_next_marked(xas, a, mark));
    case op_find_conflict:
        return shown(xas_find_conflict(xas));
    case op_pause:
        xas_pause(xas);
        return 0;
    case op_reset:
        xas_reset(xas);
        return 0;
    case op_set:
        xas_set(xas, a);
        return 0;
    case op_set_order:
        xas_set_order(xas, a, static_cast<unsigned>(b));
        return 0;
    case op_destroy:
        xas_destroy(xas);
        return 0;
    case op_set_mark:
        xas_set_mark(xas, mark);
        return 0;
    case op_get_mark:
        return xas_get_mark(xas, mark);
    case op_clear_mark:
        xas_clear_mark(xas, mark);
        return 0;
    case op_init_marks:
        xas_init_marks(xas);
        return 0;
    case op_get_order:
        return xas_get_order(xas);
    case op_error:
        return static_cast<std::uint64_t>(xas_error(xas));
    case op_marked:
        return xa_marked(w.array, mark);
    case op_empty:
        return xa_empty(w.array);
    case op_retry:
        return xas_retry(xas, a);
    default:
        std::abort();
    }
}

void cursor(void* given, unsigned which, side_cursor* out) {
    const xa_state& xas = static_cast<world*>(given)->states[which];
    *out = {};
    out->index = xas.xa_index;
    out->shift = xas.xa_shift;
    out->sibs = xas.xa_sibs;
    out->offset = xas.xa_offset;
    out->has_alloc = xas.xa_alloc != nullptr;
    if (xas_error(xas) != 0) {
        out->klass = xas_error(xas) == -12 ? side_nomem : side_other_error;
    } else if (xas.xa_node == xas_bounds) {
        out->klass = side_bounds;
    } else if (xas.xa_node == xas_restart) {
        out->klass = side_restart;
    } else if (xas.xa_node == nullptr) {
        out->klass = side_head;
    } else {
        out->klass = side_node;
        out->node_shift = xas.xa_node->shift.get();
        for (const xa_node* node = xas.xa_node; node != nullptr; node = node->parent.peek())
            out->node_base = side_mix(out->node_base, node->offset.get());
    }
}

std::uint64_t dump_node(const xarray& xa, const xa_node& node, std::uint64_t hash, int print, int depth) {
    hash = side_mix(hash, node.shift.get());
    hash = side_mix(hash, node.offset.get());
    hash = side_mix(hash, node.count.get());
    hash = side_mix(hash, node.nr_values.get());
    for (const auto& mark : node.marks)
        hash = side_mix(hash, mark.peek());
    if (print)
        std::printf("%*snode shift %d offset %d count %d values %d marks %llx %llx %llx\n", depth, "",
                    node.shift.get(), node.offset.get(), node.count.get(), node.nr_values.get(),
                    static_cast<unsigned long long>(node.marks[0].peek()),
                    static_cast<unsigned long long>(node.marks[1].peek()),
                    static_cast<unsigned long long>(node.marks[2].peek()));
    for (unsigned i = 0; i < xa.chunk_size(); ++i) {
        const std::uint64_t entry = node.slot(i).peek();
        if (xa_is_node(entry) && node.shift.get() != 0) {
            hash = dump_node(xa, *xa_to_node(entry), hash, print, depth + 1);
            continue;
        }
        hash = side_mix(hash, entry);
        if (print && entry != 0)
            std::printf("%*s[%u] %llx\n", depth + 1, "", i, static_cast<unsigned long long>(entry));
    }
    return hash;
}

std::uint64_t dump(void* given, int print) {
    const xarray& xa = static_cast<world*>(given)->array;
    const std::uint64_t head = xa.xa_head.peek();
    std::uint64_t hash = side_mix(0, xa.xa_mark_flags.peek());
    if (print)
        std::printf("marks %x\n", xa.xa_mark_flags.peek());
    if (xa_is_node(head))
        return dump_node(xa, *xa_to_node(head), hash, print, 0);
    if (print)
        std::printf("head %llx\n", static_cast<unsigned long long>(head));
    return side_mix(hash, head);
}

void quiesce(void* given) { static_cast<world*>(given)->rcu.barrier(); }

void destroy(void* given) {
    world& w = *static_cast<world*>(given);
    for (xa_state& xas : w.states)
        xas_destroy(xas);
    xa_destroy(w.array);
    w.rcu.barrier();
    if (!xa_empty(w.array) || w.array.pool().in_use() != 0) {

        std::fprintf(stderr, "ours: %llu nodes leaked\n",
                     static_cast<unsigned long long>(w.array.pool().in_use()));
        std::abort();
    }
    delete &w;
}

void fail(void* given, std::uint64_t first, std::uint64_t times) {
    static_cast<world*>(given)->array.pool().fail_nth(first, times);
}

// Keeps what a loop computes.
volatile std::uint64_t sink;

double bench(side_bench what, unsigned entries, unsigned rounds) {
    const auto w = std::make_unique<world>(6, xa_nodes_needed(6, entries), xa_pause_step::from_slot);
    arch::task self(0);
    arch::bind_current(self);
    std::thread([] {}).join(); // before the first thread glibc's locks are cheaper
    for (unsigned i = 0; i < entries; ++i)
        xa_store(w->array, i, xa_mk_value(i));
    std::uint64_t sum = 0;
    std::uint32_t random = 1;
    const auto next = [&] { return (random = random * 1664525U + 1013904223U) >> 8 & (entries - 1); };
    const auto from = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < rounds; ++i) {
        switch (what) {
        case bench_load_random:
            sum += xa_load(w->array, next());
            break;
        case bench_overwrite: {
            const std::uint32_t at = next();
            sum += xa_store(w->array, at, xa_mk_value(i));
            break;
        }
        default: {
            const std::uint32_t at = next();
            sum += xa_erase(w->array, at);
            sum += xa_store(w->array, at, xa_mk_value(i));
        }
        }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
    sink = sum;
    arch::unbind_current();
    return took.count() / rounds;
}

constexpr side ours{"ours", create, destroy, run, cursor, dump, fail, quiesce, bench};

} // namespace

extern "C" const side* side_get(void) { return &ours; }
