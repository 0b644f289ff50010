#include "jobs/kernel_run.hpp"

#include "jobs/failure_report.hpp"
#include "jobs/interrupt.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>

namespace daxtorture::jobs {
namespace {

class kernel_run {
  public:
    kernel_run(const kernel_tree& tree, const kernel_plan& plan, const kernel_listener& listener)
        : tree_(tree), plan_(plan), listener_(listener),
          most_(plan.jobs != 0 ? plan.jobs : std::max(1u, std::thread::hardware_concurrency())) {}

    std::vector<kernel_verdict> run() {
        while (done_.size() < plan_.programs.size() && !interrupted()) {
            start_jobs();
            wait_for_answers();
            tell_finished();
        }
        stop_jobs();
        tell_finished();
        return std::move(done_);
    }

  private:
    /// A scenario at work, or finished and not told yet.
    struct slot {
        std::optional<kernel_job> job;
        std::optional<kernel_verdict> finished;
    };

    std::size_t begun() const { return done_.size() + slots_.size(); }

    void start_jobs() {
        auto running = std::ranges::count_if(slots_, [](const slot& s) { return !s.finished; });
        for (; running < most_ && begun() < plan_.programs.size(); ++running) {
            const program& next = plan_.programs[begun()];
            slots_.emplace_back().job.emplace(next, tree_, plan_.search);
        }
    }

    void wait_for_answers() {
        std::vector<pollfd> outputs;
        std::string progress = fmt::format("[{}/{}]", begun(), plan_.programs.size());
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].finished)
                continue;
            outputs.push_back({slots_[i].job->output(), POLLIN, 0});
            progress +=
                fmt::format(" {} {}", plan_.programs[done_.size() + i].name, slots_[i].job->progress());
        }
        listener_.progress(progress);
        poll(outputs.data(), outputs.size(), 200);
        for (slot& one : slots_)
            if (!one.finished && !one.job->read_more())
                one.finished = one.job->result();
    }

    void stop_jobs() {
        for (slot& one : slots_)
            if (!one.finished)
                one.finished = one.job->stopped();
        while (begun() < plan_.programs.size()) {
            kernel_verdict v = kernel_verdict_of(plan_.programs[begun()], tree_, plan_.search.memory);
            v.verdict.note = "not begun: a signal came before";
            slots_.push_back({std::nullopt, std::move(v)});
        }
    }

    void tell_finished() {
        while (!slots_.empty() && slots_.front().finished) {
            done_.push_back(std::move(*slots_.front().finished));
            slots_.pop_front();
            listener_.done(done_.back());
        }
    }

    const kernel_tree& tree_;
    const kernel_plan& plan_;
    const kernel_listener& listener_;
    const unsigned most_;
    std::deque<slot> slots_; ///< what was begun and not told
    std::vector<kernel_verdict> done_;
};

} // namespace

std::vector<kernel_verdict> run_on_kernel(const kernel_tree& tree, const kernel_plan& plan,
                                          const kernel_listener& listener) {
    return kernel_run(tree, plan, listener).run();
}

bundle kernel_bundle(const kernel_verdict& v, const kernel_tree& tree, const kernel_search& search) {
    bundle kept;
    kept.what = v.what;
    kept.engine = "kernel";
    kept.tree = tree.directory;
    kept.source_hash = tree.hash;
    kept.memory = search.memory;
    kept.command = own_command();
    kept.scheduler = v.verdict.scheduler;
    kept.seed = search.seed;
    kept.found = v.verdict.found;
    return kept;
}

} // namespace daxtorture::jobs
