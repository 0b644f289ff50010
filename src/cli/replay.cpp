#include "cli/commands.hpp"
#include "jobs/checker.hpp"
#include "jobs/failure_report.hpp"
#include "jobs/kernel_machine.hpp"
#include "jobs/terminal.hpp"

#include "report/text.hpp"
#include "report/wrap.hpp"
#include "run/bundle.hpp"
#include "run/divergence.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <optional>
#include <string>
#include <vector>

namespace daxtorture::cli {
namespace {

std::string paragraph(const std::string& text, std::size_t indent = 2) {
    std::string lines;
    for (const std::string& line : wrap(text, ladder_options{}.width, indent))
        lines += line + "\n";
    return lines;
}

/// The step with this number, or how the run ended before it.
std::string step_or_end(const std::vector<event>& events, std::size_t step, const failure& found,
                        const program& of) {
    if (step < events.size())
        return step_text(events[step], of);
    return found.kind == failure_kind::none ? "it ended without a failure" : "it failed: " + found.cause;
}

/// Where the run left what the bundle recorded: its first other step, and its first other decision. Empty: nowhere.
std::string divergence_text(const bundle& kept, const checker_answer& answer) {
    std::string text;
    const std::vector<event>& recorded = kept.found.events;
    std::optional<std::size_t> shown;
    if (const auto apart = compare_runs(recorded, answer.events); apart && !recorded.empty()) {
        shown = apart->step;
        text += paragraph(
            apart->place_only
                ? fmt::format("the same steps, but the model has them elsewhere; the first is step {} of {}",
                              *shown + 1, recorded.size())
                : fmt::format("diverged at step {} of {}", *shown + 1, recorded.size()));
        text += paragraph("  recorded: " + step_or_end(recorded, *shown, kept.found, kept.what), 4);
        text += paragraph("  now: " + step_or_end(answer.events, *shown, answer.found, kept.what), 4);
    }
    if (!answer.diverged)
        return text;
    const std::size_t decisions = kept.found.schedule.size();
    if (!answer.unanswered)
        text += paragraph(fmt::format(
            "the schedule's {} decisions were used up before step {}, and the run went on by itself",
            decisions, answer.divergence_step + 1));
    else
        text += paragraph(
            fmt::format("decision {} of {} was asked otherwise than when the failure was found, or not at "
                        "all, before step {}",
                        answer.divergence + 1, decisions, answer.divergence_step + 1));
    if (shown != answer.divergence_step)
        text +=
            paragraph("  " + step_or_end(answer.events, answer.divergence_step, answer.found, kept.what), 4);
    return text;
}

checker_answer replay_on_model(const bundle& kept, const std::string& file) {
    checker_request request;
    request.what = checker_request::kind::replay;
    request.scenario = print(kept.what);
    request.file = file;
    request.memory = kept.memory;
    request.schedule = kept.found.schedule;
    request.no_return = true;
    return ask_checker(request);
}

/// `note`: what is to be said of the tree and of where the schedule was left.
checker_answer replay_on_kernel(const bundle& kept, const std::string& directory, std::string& note) {
    const kernel_tree tree = build_kernel_machine(directory.empty() ? kept.tree : directory);
    kernel_job job(kept.what, tree, kept.memory, kept.found.schedule);
    while (job.read_more()) {
        pollfd output{job.output(), POLLIN, 0};
        poll(&output, 1, -1);
    }
    const kernel_verdict now = job.result();
    if (!now.unsupported.empty())
        throw usage_error(now.unsupported);
    if (tree.hash != kept.source_hash)
        note = fmt::format("this tree (kernel {}) is not as it was when the failure was found", tree.release);
    if (!now.left.empty())
        note += (note.empty() ? "" : "; ") + now.left;
    checker_answer answer;
    answer.found = now.verdict.found;
    answer.events = now.events;
    return answer;
}

} // namespace

exit_code run_replay(const replay_options& options) {
    const bundle_result read = read_bundle(options.bundle);
    if (!read)
        throw usage_error(read.error);
    const bundle& kept = *read.value;
    if (kept.of_real_threads())
        throw usage_error(options.bundle +
                          ": has no schedule, it was found on real threads; `daxtorture reproduce " +
                          options.bundle + "` searches for one");
    checker_answer answer;
    std::string note;
    if (kept.of_kernel()) {
        answer = replay_on_kernel(kept, options.tree, note);
    } else {
        if (!options.tree.empty())
            throw usage_error(options.bundle +
                              ": --tree is for failures of a kernel, this one is of the model");
        answer = replay_on_model(kept, options.bundle);
        if (kept.source_hash != checker_fingerprint())
            note = "the checker has changed since this failure was found";
    }
    answer.found.events = answer.events;

    const std::string rules = print_rules(kept.what);
    fmt::print("{}", paragraph(fmt::format("{} under {}{}, memory {}", kept.what.name, kept.what.protocol,
                                           rules.empty() ? "" : " " + rules, kept.memory)));
    if (!note.empty())
        fmt::print("note: {}\n", note);
    fmt::print("{}", divergence_text(kept, answer));
    ladder_options look = screen_look();
    look.all = options.trace;
    fmt::print("{}", failure_text(answer.found, kept.what, look));
    if (answer.found.kind == failure_kind::tool)
        return exit_code::tool_failed;
    if (answer.found.kind == failure_kind::none) {
        fmt::print("no failure\n");
        return answer.unanswered ? exit_code::inconclusive : exit_code::pass;
    }
    if (!same_failure(answer.found, kept.found)) {
        fmt::print("{}", paragraph(fmt::format("another failure than the one kept: I{} {}",
                                               number(kept.found.invariant), kept.found.cause)));
        return exit_code::inconclusive;
    }
    fmt::print("the same failure again, after {} decisions\n", kept.found.schedule.size());
    return exit_code::violation;
}

} // namespace daxtorture::cli
