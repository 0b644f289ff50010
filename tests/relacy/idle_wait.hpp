/// The core of the protocol as other checkers were given it: references, one PTE, and a breaker that waits for the page to become idle.
///
/// Thread 0 breaks layouts, with three threads or more thread 1 maps the page, the others pin it; with two the page is mapped at the start. All
/// accesses have the order `full` (or, where C++ has no such access, stand beside a full fence) unless they say otherwise.
#pragma once

#include "small_body.hpp"

#include <arch/check.hpp>
#include <arch/plain.hpp>

namespace daxtorture::test {

enum class idle_bug : unsigned { none, no_second_look, relaxed_put, no_recheck };

struct idle_page {
    arch::atomic<int> ref{0}, pte{0}, inval{0}, waiter{0}, woken{0};
    arch::atomic<int> fin[8];
    arch::plain<int> data[8];
};

class idle_wait : public small_body<idle_page> {
  public:
    explicit idle_wait(unsigned threads, idle_bug bug = idle_bug::none)
        : small_body<idle_page>(threads_of(threads, bug)), mapped_(threads == 2) {}
    void set_up() override {
        small_body<idle_page>::set_up();
        objects().ref.store(mapped_ ? 1 : 0, arch::order::relaxed);
        objects().pte.store(mapped_ ? 1 : 0, arch::order::relaxed);
    }

  private:
    using order = arch::order;

    static void store(arch::atomic<int>& a, int value) {
        a.store(value, order::release);
        arch::smp_mb();
    }
    static int load(arch::atomic<int>& a) {
        arch::smp_mb();
        return a.load(order::acquire);
    }
    static void put(idle_page& p, idle_bug bug) {
        const bool relaxed = bug == idle_bug::relaxed_put;
        if (p.ref.fetch_sub(1, relaxed ? order::relaxed : order::full) != 1)
            return;
        if (relaxed)
            arch::smp_mb();
        if (load(p.waiter) != 0)
            store(p.woken, 1);
    }
    static void map(idle_page& p, unsigned me, idle_bug bug) {
        p.ref.fetch_add(1, order::full);
        if (load(p.inval) != 0) {
            put(p, bug);
        } else {
            p.data[me].set(1);
            store(p.pte, 1);
            if (p.pte.exchange(0, order::full) == 1)
                put(p, bug);
        }
        p.fin[me].store(1, order::release);
    }
    static void pin(idle_page& p, unsigned me, idle_bug bug) {
        if (load(p.pte) != 0) {
            for (int r = p.ref.load(order::relaxed); r != 0;) {
                if (!p.ref.compare_exchange(r, r + 1, order::full))
                    continue;
                if (bug == idle_bug::no_recheck || load(p.pte) != 0)
                    p.data[me].set(2);
                put(p, bug);
                break;
            }
        }
        p.fin[me].store(1, order::release);
    }
    static void break_layout(idle_page& p, unsigned threads, idle_bug bug) {
        store(p.inval, 1);
        if (p.pte.exchange(0, order::full) == 1)
            put(p, bug);
        if (load(p.ref) != 0) {
            store(p.waiter, 1);
            if (bug == idle_bug::no_second_look || load(p.ref) != 0) {
                bool all = true;
                for (unsigned i = 1; i < threads; ++i)
                    all = p.fin[i].load(order::acquire) != 0 && all;
                const bool woken = load(p.woken) != 0;
                if (all && !woken)
                    arch::fail(invariant::I14, "lost wake-up", "");
                if (!woken || load(p.ref) != 0)
                    return;
            }
        }
        p.ref.fetch_add(1, order::full);
        for (unsigned i = 1; i < threads; ++i)
            p.data[i].set(9);
    }

    static std::vector<step> threads_of(unsigned threads, idle_bug bug) {
        std::vector<step> all{[threads, bug](idle_page& p) { break_layout(p, threads, bug); }};
        if (threads >= 3)
            all.push_back([bug](idle_page& p) { map(p, 1, bug); });
        while (all.size() < threads) {
            const unsigned me = static_cast<unsigned>(all.size());
            all.push_back([me, bug](idle_page& p) { pin(p, me, bug); });
        }
        return all;
    }

    bool mapped_;
};

} // namespace daxtorture::test
