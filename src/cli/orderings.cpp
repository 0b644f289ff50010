/// `orderings`: which memory orders of the model are shown to be needed, as a list and as JSON.
#include "cli/commands.hpp"

#include "jobs/interrupt.hpp"
#include "jobs/orderings.hpp"
#include "jobs/output.hpp"
#include "jobs/scenarios.hpp"
#include "jobs/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace daxtorture::cli {
namespace {

std::string reason(const weakening& w) {
    return fmt::format("{}: {}{}", w.scenario, w.invariant != invariant::none ? name(w.invariant) + ", " : "",
                       w.cause);
}

void print_results(const order_examination& all) {
    std::size_t needed = 0;
    const auto untried = static_cast<std::size_t>(std::count_if(
        all.results().begin(), all.results().end(), [](const order_result& r) { return r.tried.empty(); }));
    for (const bool wanted : {true, false}) {
        fmt::print("{}\n", wanted ? "shown necessary" : "\nnot shown necessary");
        for (const order_result& r : all.results()) {
            if (r.tried.empty() || r.tried.front().needed != wanted)
                continue;
            needed += wanted ? 1 : 0;
            fmt::print("  {}:{} {}() {}{}\n", r.examined.place.file, r.examined.place.line,
                       r.examined.place.function, r.examined.place.kind,
                       r.examined.place.kind == "fence" ? "" : " " + r.examined.place.order);
            for (const weakening& w : r.tried) {
                if (w.needed)
                    fmt::print("      {} is not enough: {}\n", w.order, reason(w));
                else
                    fmt::print("      {}: {} scenario{} passed {} executions\n", w.order,
                               r.examined.scenarios.size(), r.examined.scenarios.size() == 1 ? "" : "s",
                               w.executions);
            }
        }
    }
    fmt::print("\n{} memory orders met, {} shown necessary, {} not{}\n", all.results().size(), needed,
               all.results().size() - needed - untried,
               untried == 0 ? "" : fmt::format(", {} not tried", untried));
    if (interrupted())
        fmt::print("stopped by a signal\n");
    if (!all.left_out().empty())
        fmt::print("left out, because they fail as written: {}\n", fmt::join(all.left_out(), ", "));
}

nlohmann::json json_of(const order_examination& all) {
    nlohmann::json orders = nlohmann::json::array();
    for (const order_result& r : all.results()) {
        nlohmann::json tried = nlohmann::json::array();
        for (const weakening& w : r.tried)
            tried.push_back({{"order", w.order},
                             {"needed", w.needed},
                             {"scenario", w.scenario},
                             {"invariant", name(w.invariant)},
                             {"cause", w.cause},
                             {"executions", w.executions}});
        orders.push_back(
            {{"file", r.examined.place.file},
             {"line", r.examined.place.line},
             {"function", r.examined.place.function},
             {"kind", r.examined.place.kind},
             {"order", r.examined.place.order},
             {"needed", r.tried.empty() ? nlohmann::json() : nlohmann::json(r.tried.front().needed)},
             {"weaker", tried}});
    }
    return {{"version", 1}, {"orders", orders}, {"left_out", all.left_out()}};
}

} // namespace

exit_code run_orderings(const orders_options& options) {
    order_examination all(load_scenarios(options.targets), options.seconds, options.jobs);
    end_on_signals();
    status_line status;
    status.show("searching the scenarios as written");
    all.collect();
    all.weaken([&](std::size_t done, std::size_t of) {
        status.show(fmt::format("{} of {} memory orders weakened", done, of));
    });
    status.clear();
    if (options.json != "-")
        print_results(all);
    if (!options.json.empty())
        write_result(options.json, json_of(all));
    return interrupted() ? exit_code::inconclusive : exit_code::pass;
}

} // namespace daxtorture::cli
