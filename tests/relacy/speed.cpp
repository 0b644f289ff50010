/// Executions per second of the checker for n threads of so many accesses. Not a test; prints one line per case.
#include "small_body.hpp"

#include <cstdio>

using namespace daxtorture;
using namespace daxtorture::test;

int main() {
    struct state {
        arch::atomic<int> cells[8];
    };
    for (unsigned threads : {2u, 3u, 4u}) {
        for (unsigned accesses : {10u, 30u, 100u}) {
            for (int kind = 0; kind < 3; ++kind) {
                std::vector<std::function<void(state&)>> steps;
                for (unsigned t = 0; t < threads; ++t)
                    steps.push_back([=](state& s) {
                        for (unsigned i = 0; i < accesses; ++i) {
                            arch::atomic<int>& cell = s.cells[(t + i) % 8];
                            switch (i % 3) {
                            case 0:
                                cell.load(arch::order::relaxed);
                                break;
                            case 1:
                                cell.store(1, arch::order::release);
                                break;
                            case 2:
                                cell.fetch_add(1, arch::order::full);
                                break;
                            }
                        }
                    });
                small_body<state> what(steps);
                auto how = kind == 0 ? make_uniform(1) : kind == 1 ? make_pct(1, 3) : make_bound(2, 2);
                exploration_options options = under(memory_class::weak);
                options.seconds = 0.5;
                const auto r = explore(what, *how, options);
                std::printf("%u threads of %3u accesses, %s: %8.0f executions/s, %5.1f ns/access\n", threads,
                            accesses,
                            kind == 0   ? "uniform"
                            : kind == 1 ? "pct    "
                                        : "bound 2",
                            static_cast<double>(r.executions) / r.seconds,
                            r.seconds * 1e9 / static_cast<double>(r.executions * threads * accesses));
            }
        }
    }
}
