/// A worker process of a campaign: races one load for one leg and tells its supervisor.
#include "jobs/campaign.hpp"
#include "jobs/loads.hpp"

#include "run/campaign/worker_protocol.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <sys/prctl.h>
#include <unistd.h>

namespace daxtorture::jobs {
namespace {

std::atomic<bool> stop_asked{false};

std::string all_of_stdin() {
    std::ifstream in("/dev/stdin", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::uint64_t resident_kib() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

/// One line, one write: the pipe never holds half of a line that is not the last one.
void tell(const leg_message& what) {
    const std::string line = encode_message(what) + "\n";
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

stress_options leg_options(const leg_order& order) {
    const run_parameters& p = order.parameters;
    stress_options options = options_of(p, p.loads.at(order.load));
    options.seconds = order.seconds;
    options.seed = order.seed;
    options.cancel = &stop_asked;
    options.progress_every = std::min(1.0, p.slice / 2);
    return options;
}

} // namespace

exit_code run_stress_worker() {
    const leg_order order = decode_order(all_of_stdin());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != order.parent)
        return exit_code::tool_failed; // the supervisor died before prctl
    // A terminal sends these to the supervisor too, which then sends SIGTERM.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGTERM, [](int) { stop_asked.store(true); });
    const auto start = std::chrono::steady_clock::now();
    leg_report last;
    bool abandoned = false;
    try {
        stress_options options = leg_options(order);
        options.on_failure = [](const failure& found) { tell(found); };
        options.on_progress = [&](const stress_progress& now) {
            leg_report r;
            static_cast<stress_totals&>(r) = totals_of(now);
            r.rss_kib = resident_kib();
            tell(r);
        };
        const stress_result result = run_stress(options);
        abandoned = result.abandoned_workers;
        static_cast<stress_totals&>(last) = totals_of(result);
        last.note = result.note;
    } catch (const std::exception& wrong) {
        last.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        last.error = wrong.what();
    }
    last.last = true;
    last.rss_kib = resident_kib();
    tell(last);
    if (abandoned) // a thread of it still runs
        std::_Exit(0);
    return exit_code::pass;
}

} // namespace daxtorture::jobs
