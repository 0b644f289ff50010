#include "jobs/checker.hpp"

#include "jobs/interrupt.hpp"
#include "jobs/paths.hpp"
#include "jobs/usage_error.hpp"

#include "run/failure_json.hpp"
#include "scenario/printer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include <poll.h>

namespace daxtorture::jobs {
namespace {

using nlohmann::json;

std::string text_of(const checker_request& request) {
    json message{{"scenario", request.scenario}, {"file", request.file}, {"seconds", request.seconds}};
    if (!request.memory.empty())
        message["memory"] = request.memory;
    switch (request.what) {
    case checker_request::kind::search:
        message.update({{"kind", "search"},
                        {"scheduler", request.scheduler},
                        {"depth", request.depth},
                        {"bound", request.bound},
                        {"reduce", request.reduce},
                        {"part", {request.tree.index, request.tree.count}},
                        {"targets", request.targets},
                        {"seed", request.seed},
                        {"first", request.first},
                        {"iterations", request.iterations},
                        {"coverage", request.coverage},
                        {"collect_orders", request.collect_orders}});
        if (request.wanted)
            message["wanted"] = encode(*request.wanted);
        if (!request.weaken_file.empty())
            message["weaken"] = {{"file", request.weaken_file},
                                 {"line", request.weaken_line},
                                 {"kind", request.weaken_kind},
                                 {"order", request.weaken_order}};
        break;
    case checker_request::kind::replay:
        message.update(
            {{"kind", "replay"}, {"schedule", request.schedule}, {"no_return", request.no_return}});
        break;
    case checker_request::kind::shrink:
        message.update({{"kind", "shrink"},
                        {"schedule", request.schedule},
                        {"no_return", request.no_return},
                        {"by_executions", request.by_executions}});
        break;
    }
    return message.dump(-1, ' ', false, json::error_handler_t::replace); // a file name may hold any bytes
}

checker_answer answer_from(const json& line) {
    checker_answer answer;
    if (const auto found = line.find("failure"); found != line.end() && !found->is_null())
        answer.found = decode_failure(*found);
    answer.executions = line.value("executions", answer.executions);
    answer.repetitions = line.value("repetitions", answer.repetitions);
    answer.failed_at = line.value("failed_at", answer.failed_at);
    answer.passed_by = line.value("passed_by", answer.passed_by);
    answer.seconds = line.value("seconds", answer.seconds);
    answer.exhausted = line.value("exhausted", answer.exhausted);
    answer.explored = line.value("explored", answer.explored);
    answer.depth_limit_hits = line.value("depth_limit_hits", answer.depth_limit_hits);
    answer.diverged = line.value("diverged", answer.diverged);
    answer.unanswered = line.value("unanswered", answer.unanswered);
    answer.divergence_step = line.value("divergence_step", answer.divergence_step);
    answer.divergence = line.value("divergence", answer.divergence);
    if (const auto events = line.find("events"); events != line.end())
        answer.events = decode_events(*events);
    answer.reduced = line.value("scenario", answer.reduced);
    answer.reproduced = line.value("reproduced", answer.reproduced);
    answer.preemptions = line.value("preemptions", answer.preemptions);
    answer.stale = line.value("stale", answer.stale);
    answer.switches = line.value("switches", answer.switches);
    if (const auto shown = line.find("shown_stale"); shown != line.end() && !shown->is_null())
        answer.shown_stale = shown->get<unsigned>();
    answer.undecided = line.value("undecided", answer.undecided);
    answer.rechecked = line.value("rechecked", answer.rechecked);
    answer.gave_up = line.value("gave_up", answer.gave_up);
    if (const auto counts = line.find("operations"); counts != line.end())
        answer.counts = counts->get<outcome_table>();
    if (const auto covered = line.find("coverage"); covered != line.end()) {
        answer.covered.outcomes = covered->at("outcomes").get<std::set<std::uint64_t>>();
        for (const json& one : covered->at("pairs"))
            answer.covered.pairs[one.at(0).get<operation_pair>()] =
                one.at(1).get<std::vector<std::uint64_t>>();
        for (const json& one : covered->at("steps"))
            answer.covered.steps[one.at(0).get<std::array<unsigned, 2>>()] = one.at(1);
        answer.covered.last_new = covered->at("last_new");
    }
    if (const auto orders = line.find("orders"); orders != line.end())
        for (const json& one : *orders)
            answer.orders.push_back(
                {one.at("file"), one.at("function"), one.at("line"), one.at("kind"), one.at("order")});
    return answer;
}

/// How a process ended: "exit code 4", "signal 11: Segmentation fault".
std::string end_text(int code) {
    constexpr int first_signal = 128;
    if (code <= first_signal)
        return "exit code " + std::to_string(code);
    return "signal " + std::to_string(code - first_signal) + ": " + strsignal(code - first_signal);
}

} // namespace

void add(outcome_table& sum, const outcome_table& more) {
    if (sum.empty())
        sum = more;
    else
        for (std::size_t thread = 0; thread < more.size(); ++thread)
            for (std::size_t operation = 0; operation < more[thread].size(); ++operation)
                for (std::size_t outcome = 0; outcome < more[thread][operation].size(); ++outcome)
                    sum[thread][operation][outcome] += more[thread][operation][outcome];
}

void search_coverage::add(const search_coverage& other) {
    outcomes.insert(other.outcomes.begin(), other.outcomes.end());
    for (const auto& [pair, rows] : other.pairs) {
        std::vector<std::uint64_t>& mine = pairs[pair];
        mine.resize(std::max(mine.size(), rows.size()));
        for (std::size_t i = 0; i < rows.size(); ++i)
            mine[i] |= rows[i];
    }
    for (const auto& [operation, number] : other.steps)
        steps[operation] = std::max(steps[operation], number);
}

std::uint64_t search_coverage::ways(const operation_pair& pair) const {
    std::uint64_t met = 0;
    if (const auto rows = pairs.find(pair); rows != pairs.end())
        for (const std::uint64_t row : rows->second)
            met += static_cast<unsigned>(std::popcount(row));
    return met;
}

std::uint64_t search_coverage::ways_possible(const operation_pair& pair) const {
    const auto most = [&](unsigned thread, unsigned operation) {
        const auto found = steps.find({thread, operation});
        return found == steps.end() ? 0 : std::uint64_t{found->second};
    };
    const std::uint64_t outer = most(pair[0], pair[1]);
    return outer < 2 ? 0 : (outer - 1) * most(pair[2], pair[3]);
}

checker::checker(const checker_request& request) : child_(checker_program(), text_of(request)) {}
checker::checker() : child_(checker_program(), child_process::open_input{}, {"--stream"}) {}

void checker::ask(const checker_request& request) {
    answer_ = {};
    answered_ = false;
    child_.write(text_of(request) + "\n");
}

void checker::hear(const std::string& text) {
    try {
        take(json::parse(text));
    } catch (const json::exception&) {
        constexpr std::size_t shown = 60;
        throw std::runtime_error(
            "the checker's line is no answer: expected those of daxtorture-checker, got '" +
            text.substr(0, shown) + "'");
    }
}

void checker::take(const json& line) {
    const std::string type = line.at("type");
    if (type == "progress") {
        answer_.executions = line.at("executions");
        answer_.seconds = line.at("seconds");
        answer_.explored = line.at("explored");
    } else if (type == "error") {
        const std::string message = line.at("message");
        if (line.at("what") == "tool")
            throw checker_failed("the checker failed: " + message);
        if (line.at("what") == "set-up")
            throw blocked_setup(line.at("operation"), message);
        throw usage_error(message);
    } else {
        answer_ = answer_from(line);
        answered_ = true;
    }
}

bool checker::advance() {
    const bool open = child_.read_more();
    while (const auto line = child_.next_line())
        hear(*line);
    if (!open && !answered_) {
        const int code = child_.wait();
        // A terminal's signal goes to all processes, and may end the checker before it has reached this one.
        if (code == 128 + SIGINT || code == 128 + SIGTERM || code == 128 + SIGHUP)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (interrupted())
            throw stopped_by_signal();
        throw checker_failed("the checker ended without an answer (" + end_text(code) + ")");
    }
    return answered_;
}

usage_error unusable_setup(const program& what, const blocked_setup& problem) {
    const operation& at = what.setup.at(problem.operation);
    return usage_error(fmt::format("{}:{}:{}: expected a set-up that ends, but '{}' waits for {}",
                                   what.source.name, at.line, at.column, print(at, what), problem.what()));
}

void check_setup(const program& what) {
    checker_request once;
    once.scenario = print(what);
    once.file = what.name;
    once.scheduler = "uniform";
    once.iterations = 1;
    with_usable_setup(what, [&] { return ask_checker(once); });
}

checker_answer wait_for_answer(checker& one) {
    while (!one.advance()) {
        pollfd more{one.output(), POLLIN, 0};
        poll(&more, 1, 200); // a signal wakes one thread of those that wait
        if (interrupted())
            throw stopped_by_signal();
    }
    return one.answer();
}

checker_answer ask_checker(const checker_request& request) {
    if (interrupted())
        throw stopped_by_signal();
    checker one(request);
    return wait_for_answer(one);
}

} // namespace daxtorture::jobs
