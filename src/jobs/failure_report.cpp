#include "jobs/failure_report.hpp"

#include "jobs/checker.hpp"
#include "jobs/paths.hpp"

#include "base/fnv1a.hpp"
#include "report/text.hpp"
#include "report/trace.hpp"
#include "report/wrap.hpp"
#include "run/lift/lift.hpp"
#include "scenario/known.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace daxtorture::jobs {
namespace {

std::string file_contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace

std::string bundle_name(const bundle& what, const std::string& scenario) {
    const std::uint64_t hash =
        fnv1a(differences(protocol{}, what.what.world.rules) + what.found.cause + what.memory + what.tree);
    return fmt::format("{}-I{}-{:06x}", scenario, number(what.found.invariant), hash & 0xffffff);
}

std::string checker_fingerprint() { return fmt::format("{:016x}", fnv1a(file_contents(checker_program()))); }

std::vector<std::string> own_command() {
    const std::string all = file_contents("/proc/self/cmdline");
    std::vector<std::string> words;
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.find('\0', at), all.size());
        words.push_back(all.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

namespace {

/// What is left of the schedule, and what was shown about that: no more than was searched.
std::string size_text(const checker_answer& smaller) {
    std::string text = counted(smaller.preemptions, "preemption") + " in " +
                       counted(smaller.switches, "context switch", "es");
    if (smaller.stale != 0)
        text += ", " + counted(smaller.stale, "stale load");
    if (smaller.shown_stale)
        text += ": no schedule with fewer preemptions and at most " +
                counted(*smaller.shown_stale, "stale load") + " fails so";
    else if (smaller.preemptions != 0)
        text += "; not shown to be the fewest preemptions";
    if (smaller.undecided != 0)
        text += fmt::format("; the program may not be the smallest: {} smaller {} searched in part",
                            smaller.undecided, smaller.undecided == 1 ? "one was" : "ones were");
    return text;
}

/// Asks a checker process for a smaller failure. Throws std::runtime_error when it has no answer that can be used.
void shrink_to(told_failure& told, double seconds, bool by_executions) {
    checker_request request;
    request.what = checker_request::kind::shrink;
    request.scenario = print(told.kept.what);
    request.file = told.kept.what.name;
    request.memory = told.kept.memory;
    request.seconds = seconds;
    request.by_executions = by_executions;
    request.schedule = told.kept.found.schedule;
    request.no_return = true;
    checker_answer smaller = ask_checker(request);
    if (!smaller.reproduced)
        throw std::runtime_error("it did not happen again under its own schedule");
    parse_result reduced = parse_scenario(smaller.reduced, told.kept.what.name);
    if (!reduced)
        throw std::runtime_error("the shrunk scenario does not parse: " + reduced.error.text());
    told.kept.what = std::move(*reduced.value);
    told.kept.found = std::move(smaller.found);
    told.preemptions = smaller.preemptions;
    told.size = size_text(smaller);
    if (std::ranges::none_of(told.kept.found.events, &event::no_return))
        told.size += "; the time ended before the point of no return was found";
}

/// A word of a command line, as a shell takes it.
std::string quoted(const std::string& word) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-./=,:+@%").find(c) != std::string_view::npos;
    };
    if (!word.empty() && std::ranges::all_of(word, plain))
        return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

} // namespace

told_failure failure_as_found(const program& what, const std::string& memory, const failure& found) {
    told_failure told;
    told.kept.what = what;
    told.kept.memory = memory;
    told.kept.command = own_command();
    told.kept.source_hash = checker_fingerprint();
    told.kept.found = found;
    return told;
}

told_failure shrink_failure(const program& what, const std::string& memory, const failure& found,
                            double seconds, bool by_executions) {
    told_failure told = failure_as_found(what, memory, found);
    try {
        shrink_to(told, seconds, by_executions);
    } catch (const std::exception& problem) {
        told.size = std::string("not shrunk: ") + problem.what();
    }
    return told;
}

kept_failure keep_failure(const told_failure& told, const scenario_verdict& verdict,
                          const std::string& directory, const ladder_options& look) {
    const std::filesystem::path place =
        std::filesystem::path(directory.empty() ? default_failure_directory : directory) /
        bundle_name(told.kept, verdict.name);
    scenario_verdict shown = verdict;
    shown.found = told.kept.found;
    if (shown.finding.empty())
        shown.finding = findings_like(told.kept.what, shown.found.invariant, shown.found.cause);
    if (told.kept.of_real_threads()) // the recorders hold far more than one can read
        shown.found.events = last_of_each(told.kept.found.events, 40);
    const auto text = [&](const ladder_options& wanted, const std::string& replay) {
        std::string all = failure_summary(shown, told.kept.what, replay, wanted);
        if (!told.size.empty())
            for (const std::string& line : wrap("schedule: " + told.size, wanted.width, 2))
                all += line + "\n";
        return all;
    };
    const std::string replay =
        told.kept.of_real_threads() ? "" : "daxtorture replay " + quoted(place.string());
    std::error_code ignored; // write_bundle names the place if it cannot be made
    std::filesystem::create_directories(place.parent_path(), ignored);
    if (const auto wrong =
            write_bundle(place, told.kept, text({}, replay), chrome_trace(told.kept.found, told.kept.what)))
        return {
            text(look, ""), "cannot keep the failure: " + *wrong + " (choose a directory with --out)", {}};
    return {text(look, replay), "", place};
}

void tell_unkept(const kept_failure& kept) {
    if (kept.problem.empty())
        return;
    std::fflush(stdout);
    fmt::print(stderr, "daxtorture: {}\n\n{}\n", kept.problem, kept.report);
}

} // namespace daxtorture::jobs
