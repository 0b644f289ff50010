// Runs the same random operations on two xarrays and stops at the first difference.
//
// usage: driver LINUX.so OURS.so CHUNK_SHIFT OPERATIONS [SEED]      exit code 0: no difference, 1: a difference, 2: usage
//        driver LINUX.so OURS.so bench
//
// One sequence is a few hundred operations on one array with two xa_states. After each operation the result and both states are
// compared, now and then and at the end the whole tree: shape, slots, counts, marks. A difference prints the sequence so far.
// Only what the kernel permits is generated: a state is not used across another state's change without a reset or
// pause, marks are set where an entry stands, a state stores where a walk has put it.
#include "side.h"

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

const char* const op_names[] = {
    "xas_load",        "xas_store",         "xas_find",      "xas_next_entry", "xas_find_marked",
    "xas_next_marked", "xas_find_conflict", "xas_pause",     "xas_reset",      "xas_set",
    "xas_set_order",   "xas_nomem",         "xas_destroy",   "xas_set_mark",   "xas_get_mark",
    "xas_clear_mark",  "xas_init_marks",    "xas_get_order", "xas_error",      "xa_marked",
    "xa_empty",        "xa_load",           "xa_store",      "xa_erase",       "xas_retry"};
static_assert(sizeof op_names / sizeof *op_names == op_count_of_ops);
const char* const class_names[] = {"node", "head", "bounds", "restart", "enomem", "error"};

struct random_source {
    std::uint64_t state;
    std::uint64_t draw() {
        std::uint64_t z = state += 0x9e3779b97f4a7c15ULL;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        return z ^ z >> 31;
    }
    std::uint64_t below(std::uint64_t n) { return draw() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
};

struct step {
    unsigned state;
    side_op op;
    std::uint64_t a, b, result;
    side_cursor after; ///< of Linux
};

// What the driver knows of a state, to generate only what is permitted.
struct knowledge {
    bool walked = false;   ///< a walk has put it where a store may go
    bool conflict = false; ///< xas_find_conflict has moved it away from its index
    bool ended = false;    ///< an iteration has left it past its end
    std::uint64_t entry = 0;
};

class sequence {
  public:
    sequence(const side& linux, const side& ours, unsigned chunk_shift, int pause_rounds_down,
             std::uint64_t seed)
        : sides_{&linux, &ours}, arrays_{linux.create(chunk_shift, pause_rounds_down),
                                         ours.create(chunk_shift, pause_rounds_down)},
          shift_(chunk_shift), random_{seed}, seed_(seed) {
        // Small universes, so that operations meet; and the end of the index space.
        static constexpr unsigned widths[] = {1, 3, 6, 8, 11, 14, 20, 30, 64};
        width_ = widths[random_.below(chunk_shift < 4 ? 7 : 9)];
        order_max_ = static_cast<unsigned>(random_.below(4) == 0 ? random_.below(20) : random_.below(11));
        at_the_end_ = chunk_shift >= 4 && random_.one_in(12);
        // nr_values counts slots: where entries of different sizes replace each other, all are values or none is.
        values_percent_ = order_max_ == 0 ? 50 : random_.one_in(3) ? 0 : 100;
        failures_ = random_.one_in(3);
        marked_often_ = random_.one_in(2);
    }
    ~sequence() {
        for (int i = 0; i < 2; ++i) {
            sides_[i]->fail(arrays_[i], 0, 0);
            sides_[i]->destroy(arrays_[i]);
        }
    }

    bool run(unsigned length, std::uint64_t (&histogram)[op_count_of_ops]) {
        for (unsigned i = 0; i < length; ++i) {
            if (failures_ && random_.one_in(20)) {
                const std::uint64_t first = 1 + random_.below(6);
                const std::uint64_t times = random_.one_in(4) ? 1000 : 1;
                for (int s = 0; s < 2; ++s)
                    sides_[s]->fail(arrays_[s], first, times);
            }
            if (!one())
                return false;
            histogram[steps_.back().op] += 1;
            if (random_.one_in(24) && !compare_trees("tree"))
                return false;
            if (random_.one_in(64)) {
                for (int s = 0; s < 2; ++s)
                    sides_[s]->quiesce(arrays_[s]);
            }
        }
        return compare_trees("tree at the end");
    }

  private:
    side_cursor cursor(int s, unsigned state) const {
        side_cursor c;
        sides_[s]->cursor(arrays_[s], state, &c);
        return c;
    }

    std::uint64_t index() {
        std::uint64_t base = at_the_end_ ? ~std::uint64_t{0} : 0;
        std::uint64_t offset = width_ == 64 ? random_.draw() : random_.below(std::uint64_t{1} << width_);
        if (random_.one_in(3))
            offset = last_ + random_.below(5) - 2; // near the one before
        if (random_.one_in(4))
            offset >>= random_.below(width_); // small ones more often
        last_ = offset;
        return at_the_end_ ? base - offset : offset;
    }
    std::uint64_t max() {
        const std::uint64_t choice = random_.below(4);
        return choice == 0   ? ~std::uint64_t{0}
               : choice == 1 ? index()
                             : cursor(0, current_).index + random_.below(300);
    }
    std::uint64_t entry() {
        const std::uint64_t n = 1 + random_.below(1U << 20);
        return random_.below(100) < values_percent_ ? n << 1 | 1 : n << 2;
    }

    bool do_op(side_op op, std::uint64_t a = 0, std::uint64_t b = 0) {
        std::uint64_t result[2];
        for (int s = 0; s < 2; ++s)
            result[s] = sides_[s]->run(arrays_[s], current_, op, a, b);
        steps_.push_back({current_, op, a, b, result[0], cursor(0, current_)});
        if (result[0] != result[1]) {
            report("result");
            std::printf("  linux %" PRIx64 "\n  ours  %" PRIx64 "\n", result[0], result[1]);
            return false;
        }
        for (unsigned state = 0; state < side_states; ++state) {
            const side_cursor l = cursor(0, state);
            const side_cursor o = cursor(1, state);
            if (std::memcmp(&l, &o, sizeof l) != 0) {
                report("state");
                print_cursor("linux", state, l);
                print_cursor("ours ", state, o);
                return false;
            }
        }
        return true;
    }

    bool one() {
        if (random_.one_in(40)) {
            // What whoever drops the lock does.
            know_[current_] = {};
            const side_op drop = random_.one_in(2) ? op_pause : op_reset;
            if (!do_op(drop))
                return false;
            current_ = (current_ + 1) % side_states;
        }
        const side_cursor at = cursor(0, current_);
        knowledge& know = know_[current_];
        const bool stands = at.klass == side_node || at.klass == side_head;
        const bool in_slot = at.klass == side_head || (at.klass == side_node && at.offset < (1U << shift_));
        const bool has_entry = know.entry != 0 && (know.entry & 3) != 2 && stands && in_slot;
        if (at.klass == side_nomem && !random_.one_in(8)) {
            know = {};
            return random_.one_in(6) ? do_op(op_set, index()) : do_op(op_nomem);
        }
        const std::uint64_t choice = random_.below(100);
        if (choice < 22)
            return store(at, know, in_slot);
        if (choice < 30)
            return walk(know, op_load, 0, 0);
        if (choice < 38)
            return walk(know, op_find, max(), 0);
        if (choice < 46)
            return walk(know, op_next_entry, max(), 0);
        if (choice < 52)
            return walk(know, op_find_marked, max(), random_.below(3));
        if (choice < 56)
            return walk(know, op_next_marked, max(), random_.below(3));
        if (choice < 63)
            return conflict(at, know);
        if (choice < 71) {
            know = {};
            return do_op(op_set, index());
        }
        if (choice < 80) {
            know = {};
            return do_op(op_set_order, index(), random_.below(order_max_ + 1));
        }
        if (choice < (marked_often_ ? 90U : 83U)) {
            const side_op op = random_.one_in(3) ? op_clear_mark : op_set_mark;
            if (!has_entry)
                return walk(know, op_load, 0, 0);
            return do_op(op, 0, random_.below(3));
        }
        switch (random_.below(14)) {
        case 0:
            know = {};
            return do_op(op_pause);
        case 1:
            know = {};
            return do_op(op_reset);
        case 2:
            return in_slot ? do_op(op_get_mark, 0, random_.below(3)) : do_op(op_error);
        case 3:
            return in_slot ? do_op(op_get_order) : do_op(op_error);
        case 4:
            return do_op(op_error);
        case 5:
            return do_op(op_marked, 0, random_.below(3));
        case 6:
            return do_op(op_empty);
        case 7:
        case 8:
            return do_op(op_xa_load, index());
        case 9:
            return drop_states() && do_op(op_xa_store, index(), entry());
        case 10:
            return drop_states() && do_op(op_xa_erase, index());
        case 11:
            return know.walked ? do_op(op_retry, know.entry) : do_op(op_nomem);
        case 12:
            return do_op(op_destroy);
        default:
            return has_entry ? do_op(op_init_marks) : do_op(op_nomem);
        }
    }

    bool drop_states() {
        const unsigned mine = current_;
        for (current_ = 0; current_ < side_states; ++current_) {
            const side_class klass = static_cast<side_class>(cursor(0, current_).klass);
            if ((klass == side_node || klass == side_head) && !do_op(op_reset))
                return false;
            know_[current_] = {};
        }
        current_ = mine;
        return true;
    }

    bool walk(knowledge& know, side_op op, std::uint64_t a, std::uint64_t b) {
        if ((know.conflict && op != op_find_conflict) || know.ended) {
            know = {};
            if (!do_op(op_reset))
                return false;
        }
        const side_cursor before = cursor(0, current_);
        if (!do_op(op, a, b))
            return false;
        know.entry = steps_.back().result;
        know.conflict = op == op_find_conflict;
        know.ended = know.entry == 0 && op != op_load && op != op_find_conflict;
        const bool fresh = before.klass != side_node;
        know.walked = op == op_load ? fresh : know.entry != 0;
        return true;
    }

    /// A range begins at a multiple of its size; xas_set, xas_pause and iterations leave any index.
    bool align(side_cursor& at, knowledge& know) {
        const std::uint64_t size = (std::uint64_t{at.sibs} + 1) << at.shift;
        if ((at.index & (size - 1)) == 0)
            return true;
        know = {};
        if (!do_op(op_set, at.index & ~(size - 1)))
            return false;
        at = cursor(0, current_);
        return true;
    }

    bool conflict(side_cursor at, knowledge& know) {
        if (!align(at, know))
            return false;
        // A walked state may go on only from a position inside its own range.
        if (at.klass == side_node && at.node_shift <= at.shift &&
            (!know.walked || at.offset >= (1U << shift_) ||
             (know.entry != 0 && last_op() != op_find_conflict)) &&
            at.sibs + at.shift != 0)
            know = {}, do_op(op_reset);
        return walk(know, op_find_conflict, 0, 0);
    }
    side_op last_op() const { return steps_.empty() ? op_reset : steps_.back().op; }

    bool store(side_cursor at, knowledge& know, bool in_slot) {
        if (!align(at, know))
            return false;
        // A store goes where the walk stands: from the head, or in a slot that is aligned for the state's order.
        const bool from_head = at.klass == side_restart || at.klass == side_bounds || at.klass == side_head;
        const bool aligned =
            at.node_shift > at.shift || (at.node_shift == at.shift && (at.offset & at.sibs) == 0);
        if (!from_head && !(know.walked && in_slot && aligned)) {
            know = {};
            if (at.klass == side_nomem)
                return do_op(op_nomem);
            if (!do_op(op_reset))
                return false;
        }
        if (!do_op(op_store, random_.one_in(3) ? 0 : entry()))
            return false;
        const side_cursor after = cursor(0, current_);
        // Who erased a larger entry from the middle stands at its first slot, and no longer where the index is.
        const unsigned slot = static_cast<unsigned>(after.index >> after.node_shift) & ((1U << shift_) - 1);
        know.walked = after.klass == side_head ||
                      (after.klass == side_node && (steps_.back().a != 0 || after.offset == slot));
        know.entry = steps_.back().a;
        return true;
    }

    bool compare_trees(const char* what) {
        if (sides_[0]->dump(arrays_[0], 0) == sides_[1]->dump(arrays_[1], 0))
            return true;
        report(what);
        for (int s = 0; s < 2; ++s) {
            std::printf("--- %s\n", sides_[s]->name);
            sides_[s]->dump(arrays_[s], 1);
        }
        return false;
    }

  public:
    void report(const char* what) const {
        std::printf("DIFFERENCE in %s: chunk shift %u, sequence seed %" PRIu64 ", after %zu operations:\n",
                    what, shift_, seed_, steps_.size());
        const std::size_t from = steps_.size() > 300 ? steps_.size() - 300 : 0;
        for (std::size_t i = from; i < steps_.size(); ++i) {
            const step& s = steps_[i];
            std::printf("  %5zu  state %u  %s(%" PRIx64 ", %" PRIx64 ") = %" PRIx64 "  -> %s %" PRIx64
                        " order %u+%u at %u:%u\n",
                        i, s.state, op_names[s.op], s.a, s.b, s.result, class_names[s.after.klass],
                        s.after.index, s.after.shift, s.after.sibs, s.after.node_shift, s.after.offset);
        }
    }

  private:
    static void print_cursor(const char* who, unsigned state, const side_cursor& c) {
        std::printf("  %s state %u: %s index %" PRIx64
                    " shift %u sibs %u offset %u node shift %u path %" PRIx64 " alloc %u\n",
                    who, state, class_names[c.klass], c.index, c.shift, c.sibs, c.offset, c.node_shift,
                    c.node_base, c.has_alloc);
    }

    const side* sides_[2];
    void* arrays_[2];
    const unsigned shift_;
    random_source random_;
    const std::uint64_t seed_;
    unsigned width_ = 0;
    unsigned order_max_ = 0;
    bool at_the_end_ = false;
    unsigned values_percent_ = 100;
    bool failures_ = false;
    bool marked_often_ = false;
    unsigned current_ = 0;
    std::uint64_t last_ = 0;
    knowledge know_[side_states];
    std::vector<step> steps_;
};

// A failed assertion inside a side: the sequence that led there.
const sequence* running = nullptr;
void aborted(int) {
    running->report("assertion, in the operation after these:");
    std::fflush(stdout);
    _exit(1);
}

const side* open_side(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        std::exit(2);
    }
    const auto get = reinterpret_cast<const side* (*)()>(dlsym(library, "side_get"));
    return get();
}

/// Where does xas_pause go from the second index of an entry? That changed in v6.14.
int pause_rounds_down(const side& linux, unsigned chunk_shift) {
    void* array = linux.create(chunk_shift, 0);
    if (array == nullptr) {
        std::fprintf(stderr, "%s was not built for chunk shift %u\n", linux.name, chunk_shift);
        std::exit(2);
    }
    const std::uint64_t base = std::uint64_t{2} << chunk_shift;
    linux.run(array, 0, op_set_order, base, chunk_shift + 1);
    while (linux.run(array, 0, op_store, 1, 0), linux.run(array, 0, op_nomem, 0, 0) != 0) {
    }
    linux.run(array, 0, op_set, base + 1, 0);
    linux.run(array, 0, op_load, 0, 0);
    linux.run(array, 0, op_pause, 0, 0);
    side_cursor after;
    linux.cursor(array, 0, &after);
    linux.destroy(array);
    return after.index == 2 * base;
}

int bench(const side& linux, const side& ours) {
    static constexpr const char* names[] = {"random load", "overwrite", "erase + store pair"};
    constexpr unsigned entries = 65536;
    constexpr unsigned rounds = 4'000'000;
    std::printf("65,536 entries, ns per operation, best of 5\n%-20s %8s %8s\n", "", linux.name, ours.name);
    for (int what = 0; what < bench_count; ++what) {
        double best[2] = {1e9, 1e9};
        for (int turn = 0; turn < 5; ++turn) {
            for (int s = 0; s < 2; ++s)
                best[s] = std::min(
                    best[s], (s == 0 ? linux : ours).bench(static_cast<side_bench>(what), entries, rounds));
        }
        std::printf("%-20s %8.1f %8.1f\n", names[what], best[0], best[1]);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: driver LINUX.so OURS.so bench | CHUNK_SHIFT OPERATIONS [SEED]\n");
        return 2;
    }
    const side& linux = *open_side(argv[1]);
    const side& ours = *open_side(argv[2]);
    if (std::strcmp(argv[3], "bench") == 0)
        return bench(linux, ours);
    if (argc < 5)
        return 2;
    const auto chunk_shift = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
    const std::uint64_t wanted = std::strtoull(argv[4], nullptr, 10);
    std::uint64_t seed = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 1;
    const int rounds_down = pause_rounds_down(linux, chunk_shift);
    std::printf("linux: xas_pause inside a larger entry %s\n",
                rounds_down ? "rounds down" : "does not round down");
    std::signal(SIGABRT, aborted);
    constexpr unsigned length = 400;
    std::uint64_t histogram[op_count_of_ops] = {};
    std::uint64_t done = 0;
    for (; done < wanted; done += length, ++seed) {
        sequence one(linux, ours, chunk_shift, rounds_down, seed);
        running = &one;
        if (!one.run(length, histogram)) {
            std::fflush(stdout);
            _exit(1);
        }
    }
    std::printf("chunk shift %u: %" PRIu64 " operations, no difference\n", chunk_shift, done);
    for (int op = 0; op < op_count_of_ops; ++op)
        std::printf("  %-18s %10" PRIu64 "\n", op_names[op], histogram[op]);
    return 0;
}
