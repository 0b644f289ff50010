#include "run/totals.hpp"

#include <algorithm>
#include <utility>

namespace daxtorture {

namespace {

void add(std::vector<stress_count>& sum, const std::vector<stress_count>& more) {
    for (const stress_count& count : more) {
        const auto known = std::ranges::find(sum, count.operation, &stress_count::operation);
        if (known == sum.end()) {
            sum.push_back(count);
            continue;
        }
        known->total += count.total;
        known->done += count.done;
    }
}

std::vector<stress_count> difference(const std::vector<stress_count>& now,
                                     const std::vector<stress_count>& before) {
    std::vector<stress_count> grown;
    for (stress_count count : now) {
        const auto old = std::ranges::find(before, count.operation, &stress_count::operation);
        if (old != before.end()) {
            count.total -= old->total;
            count.done -= old->done;
        }
        if (count.total != 0)
            grown.push_back(std::move(count));
    }
    return grown;
}

} // namespace

stress_totals& stress_totals::operator+=(const stress_totals& more) {
    seconds += more.seconds;
    workers = std::max(workers, more.workers);
    rounds += more.rounds;
    quiescent_checks += more.quiescent_checks;
    failures_seen += more.failures_seen;
    add(per_operation, more.per_operation);
    add(seen, more.seen);
    return *this;
}

stress_totals difference(const stress_totals& now, const stress_totals& before) {
    return {now.seconds - before.seconds,
            now.workers,
            now.rounds - before.rounds,
            now.quiescent_checks - before.quiescent_checks,
            now.failures_seen - before.failures_seen,
            difference(now.per_operation, before.per_operation),
            difference(now.seen, before.seen)};
}

} // namespace daxtorture
