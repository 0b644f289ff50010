// The xarray on the simulated machine: small scenarios, every interleaving within a bound of context switches, weak memory.
#include "tests/catch.hpp"
#include "tests/xarray/relacy_scenarios.hpp"

#include "machines/relacy/machine.hpp"
#include "search/strategies.hpp"

#include <arch/task.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

using namespace daxtorture;
using namespace daxtorture::xarray_scenarios;

namespace {

template <class S> class scenario_body : public body {
  public:
    explicit scenario_body(const scenario<S>& what) : what_(what) {}

    unsigned threads() const override { return static_cast<unsigned>(what_.threads.size()); }
    void set_up() override {
        tasks_ = std::make_unique<std::array<arch::task, 4>>();
        for (unsigned i = 0; i < tasks_->size(); ++i)
            (*tasks_)[i].id = i;
        arch::bind_current(tasks_->back());
        objects_ = std::make_unique<S>();
    }
    void thread(unsigned i) override {
        arch::bind_current((*tasks_)[i]);
        what_.threads[i](*objects_);
    }
    void finish() override {
        if (what_.finally)
            what_.finally(*objects_);
        objects_.reset();
        tasks_.reset();
    }
    void abandon() override {
        static_cast<void>(objects_.release());
        static_cast<void>(tasks_.release());
    }

  private:
    const scenario<S>& what_;
    std::unique_ptr<S> objects_;
    std::unique_ptr<std::array<arch::task, 4>> tasks_;
};

template <class S>
exploration_result run(const scenario<S>& what, std::unique_ptr<strategy> how, double seconds) {
    scenario_body<S> body(what);
    exploration_options options;
    options.memory = memory_class::weak;
    options.seconds = seconds;
    return explore(body, *how, options);
}

template <class S> void passes(const scenario<S>& what) {
    for (const bool pct : {false, true}) {
        const exploration_result result = run(what, pct ? make_pct(1, 3) : make_bound(4, 3), 2);
        INFO(what.name << ", " << (pct ? "pct" : "bound 4") << ", " << result.executions
                       << " executions: " << result.found.cause << " " << result.found.detail);
        CHECK(result.found.kind == failure_kind::none);
        CHECK(result.executions > 20);
        if (std::getenv("VERBOSE") != nullptr)
            std::printf("%s: %s %llu executions, %.1f s%s\n", what.name, pct ? "pct" : "bound 4",
                        static_cast<unsigned long long>(result.executions), result.seconds,
                        result.exhausted ? ", all" : "");
    }
}

} // namespace

TEST_CASE("a store publishes") { passes(store_publishes()); }
TEST_CASE("a collapse publishes") { passes(collapse_publishes()); }
TEST_CASE("reader against collapse") { passes(reader_vs_collapse()); }
TEST_CASE("permanent entry") { passes(permanent_entry()); }
TEST_CASE("reader against erase") { passes(reader_vs_erase()); }
TEST_CASE("reader against join") { passes(reader_vs_join()); }
TEST_CASE("reader against split") { passes(reader_vs_split()); }
TEST_CASE("reader stays in a collapsed root") { passes(reader_stays_in_collapsed_root()); }
TEST_CASE("reader stays in a replaced leaf") { passes(reader_stays_in_replaced_leaf()); }
TEST_CASE("marked reader against erase") { passes(marked_reader_vs_erase()); }

TEST_CASE("a reader without a read section is found") {
    const exploration_result result = run(reader_without_rcu(), make_pct(1, 3), 10);
    INFO(result.executions << " executions: " << result.found.cause);
    CHECK(result.found.kind != failure_kind::none);
}

TEST_CASE("a reader that a sibling leads to a smaller neighbour is found") {
    const exploration_result result = run(torn_sibling(), make_bound(2, 3), 10);
    INFO(result.executions << " executions: " << result.found.cause);
    CHECK(result.found.cause == "index 1 has its neighbour's entry");
}

TEST_CASE("a marked iterator that is handed a sibling is found") {
    const exploration_result result = run(marked_sibling(), make_bound(2, 3), 10);
    INFO(result.executions << " executions: " << result.found.cause);
    CHECK(result.found.cause == "a sibling entry got out");
}
