/// The default mix of the stress engine, by the number of workers: MODEL/mixed/<workers>, nanoseconds per operation of all together.
#include "protocol/presets.hpp"
#include "stress/stress.hpp"

#include <benchmark/benchmark.h>

namespace {

template <bool Record, bool Ledger> void mixed(benchmark::State& state) {
    for (auto _ : state) {
        daxtorture::stress_options o;
        o.workers = static_cast<unsigned>(state.range(0));
        o.record = Record;
        o.ledger = Ledger;
        o.seconds = 0.3;
        o.seed = 1;
        o.preempt = false;
        const daxtorture::stress_result r = daxtorture::run_stress(o);
        if (!r.failures.empty())
            state.SkipWithError("the mix failed");
        state.SetIterationTime(r.seconds / static_cast<double>(r.operations));
    }
}
BENCHMARK(mixed<true, true>)->Name("MODEL/mixed")->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);
BENCHMARK(mixed<false, true>)->Name("MODEL/mixed_unrecorded")->Arg(1)->UseManualTime()->Iterations(1);
BENCHMARK(mixed<true, false>)->Name("MODEL/mixed_no_ledger")->Arg(1)->UseManualTime()->Iterations(1);
BENCHMARK(mixed<false, false>)->Name("MODEL/mixed_bare")->Arg(1)->UseManualTime()->Iterations(1);

} // namespace
