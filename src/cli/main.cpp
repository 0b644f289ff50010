/// The command line: options to commands, errors to one line, results to exit codes.
#include "base/suggest.hpp"
#include "cli/commands.hpp"
#include "cli/help.hpp"
#include "cli/job.hpp"
#include "cli/kernel.hpp"
#include "cli/man.hpp"
#include "cli/quantities.hpp"
#include "cli/result_commands.hpp"
#include "cli/version.hpp"
#include "jobs/arch.hpp"
#include "jobs/campaign.hpp"
#include "jobs/output.hpp"
#include "search/strategies.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daxtorture::cli {
namespace {

/// Those that search on their own.
std::vector<std::string> scheduler_names() {
    std::vector<std::string> names;
    for (const strategy_kind& one : strategies())
        if (one.walks != walk::aimed)
            names.emplace_back(one.name);
    return names;
}
std::string schedulers_help() {
    std::string text = "one strategy instead of the portfolio:";
    for (const strategy_kind& one : strategies())
        if (one.walks != walk::aimed)
            text += "\n" + std::string(one.name) + ": " + std::string(one.help);
    return text;
}

constexpr const char* description =
    "Finds races, lost wake-ups and hangs in the reference-count protocol of FS-DAX and ZONE_DEVICE pages.\n"
    "Start with: daxtorture demo";

CLI::Validator one_of(std::vector<std::string> names) {
    const auto check = [names = std::move(names)](const std::string& given) -> std::string {
        if (std::find(names.begin(), names.end(), given) != names.end())
            return "";
        std::string listed;
        for (const std::string& name : names)
            listed += (listed.empty() ? "" : ", ") + name;
        const std::vector<std::string_view> known(names.begin(), names.end());
        return "unknown value '" + given + "'" + did_you_mean(given, known) + "; expected one of " + listed;
    };
    return CLI::Validator(check, "");
}

void add_rules(CLI::App& command, std::string& protocol, std::vector<std::string>& rules) {
    command.add_option("--protocol", protocol,
                       "preset of the protocol table (see `daxtorture protocols`), or a preset file");
    command.add_option("--rule", rules, "change a rule of the preset: NAME=VALUE, repeatable")->take_all();
}

void add_arch(CLI::App& command, std::string& arch) {
    command.add_option("--arch", arch, "the modelled machine: TLB flush, leaf sizes, memory model")
        ->check(one_of(known_archs()));
}

/// "i/n", i from 1.
void add_shard(CLI::App& command, shard& part) {
    command.add_option_function<std::string>(
        "--shard", [&part](const std::string& text) { part = parse_shard(text); },
        "do part i of n, as i/n; bound, full: each part also runs one execution of every other subtree");
}

void add_duration(CLI::App& command, const char* name, double& seconds, const char* help) {
    command.add_option_function<std::string>(
        name, [&seconds](const std::string& text) { seconds = parse_duration(text); }, help);
}

/// What goes on with a run takes no options but these: the others are as it was begun.
void exclude_others(CLI::App& command, CLI::Option& resume, const std::vector<const CLI::Option*>& allowed) {
    for (CLI::Option* other : command.get_options())
        if (other != &resume && std::ranges::find(allowed, other) == allowed.end() &&
            !other->get_lnames().empty() && other->get_lnames()[0] != "help")
            resume.excludes(other);
}

/// A whole number from 1: CLI11 would take -3 for a large one.
void add_count(CLI::App& command, const char* name, std::uint64_t& count, const char* help) {
    command.add_option_function<std::string>(
        name, [name, &count](const std::string& text) { count = parse_count(name, text); }, help);
}

/// All commands, each with the function that runs it.
class command_line {
  public:
    command_line() {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", version_text);
        app_.add_flag_callback(
            "--complete", [] {}, "list commands, options and their values, for shells (alone)");
        add_check();
        add_kernel();
        add_stress();
        results_.add(app_, run_);
        add_reproduce();
        add_replay();
        add_hunt();
        add_museum();
        add_orderings();
        add_protocols();
        app_.add_subcommand("demo", "the tool in a minute: check, find a historical bug, stress")
            ->callback([this] { run_ = run_demo; });
        add_help(app_);
    }

    exit_code run(int argc, char** argv) {
        if (argc > 1 && argv[1][0] != '-')
            check_command(argv[1]);
        if (argc == 2 && std::string_view(argv[1]) == "--complete") {
            std::fputs(completion_list(app_).c_str(), stdout);
            return exit_code::pass;
        }
        if (argc > 1 &&
            std::string_view(argv[1]) == "--man") { // for the build, which installs what it prints
            std::fputs(manual_page(app_, argc > 2 ? argv[2] : "").c_str(), stdout);
            return exit_code::pass;
        }
        const std::vector<std::string> words =
            with_job_file({argv + std::min(argc, 1), argv + argc}, check_option);
        try {
            parse(words);
        } catch (const CLI::Success& help) {
            app_.exit(help);
            return exit_code::pass;
        } catch (const CLI::ExtrasError& error) {
            check_option_names(words);
            throw usage_error(std::string(error.what()) + " (try --help)");
        } catch (const CLI::ParseError& error) {
            throw usage_error(std::string(error.what()) + " (try --help)");
        }
        // A campaign looks at its own: they may lie in the directory that it makes.
        std::vector<std::string> outputs = results_.outputs();
        outputs.insert(outputs.end(), {check_.json, check_.junit, check_.html, hunt_.json, museum_.json,
                                       museum_.junit, museum_.html, orders_.json, reproduce_.json});
        for (const std::string& where : outputs)
            require_writable(where);
        return run_();
    }

  private:
    void check_command(const std::string& command) const {
        std::vector<std::string_view> names;
        for (const CLI::App* one : app_.get_subcommands({})) {
            if (one->check_name(command))
                return;
            if (!one->get_group().empty()) // else it is not for users
                names.push_back(one->get_name());
        }
        throw usage_error("unknown command '" + command + "'" + did_you_mean(command, names) +
                          " (try --help)");
    }

    static std::vector<std::string> option_names(const CLI::App& command) {
        std::vector<std::string> names;
        for (const CLI::Option* option : command.get_options())
            names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
        return names;
    }

    void check_option_names(const std::vector<std::string>& words) const {
        std::vector<std::string> known = option_names(*app_.get_subcommand(words.front()));
        for (std::string& name : known)
            name.insert(0, "--");
        const std::vector<std::string_view> names(known.begin(), known.end());
        for (const std::string& word : words) {
            const std::string name = word.substr(0, word.find('='));
            if (name == "--")
                return; // no options after it
            if (name.starts_with("--") && std::find(known.begin(), known.end(), name) == known.end())
                throw usage_error("unknown option '" + name + "'" + did_you_mean(name, names) +
                                  " (try --help)");
        }
    }

    void parse(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end()); // as CLI11 wants them
        app_.parse(std::move(words));
    }

    /// One line of a job file, tried on a command line of its own.
    static std::string check_option(const std::string& name, const std::vector<std::string>& words) {
        command_line alone;
        const CLI::App& stress = *alone.app_.get_subcommand("stress");
        const bool file_itself = name == "job" || name == "resume" || name == "help";
        if (name != "scenario" && (file_itself || stress.get_option_no_throw("--" + name) == nullptr)) {
            const std::vector<std::string> known = option_names(stress);
            return "unknown option '" + name + "'" +
                   did_you_mean(name, std::vector<std::string_view>(known.begin(), known.end())) +
                   "; those of `daxtorture stress` are known, without --job and --resume";
        }
        try {
            std::vector<std::string> all{"stress"};
            all.insert(all.end(), words.begin(), words.end());
            alone.parse(all);
        } catch (const std::exception& wrong) {
            return wrong.what();
        }
        return "";
    }

    void add_check() {
        CLI::App& command = *app_.add_subcommand(
            "check", "search a scenario's interleavings for one that breaks an invariant");
        command.add_option("scenario", check_.targets, "files, names or directories; none: all scenarios");
        add_rules(command, check_.protocol, check_.rules);
        command.add_option("--memory", check_.memory, "memory model: sc, tso or weak")
            ->check(one_of({"sc", "tso", "weak"}));
        command
            .add_option("--memory-from-arch", check_.memory_from_arch,
                        "memory model of an architecture: x86_64, arm64, ...")
            ->check(one_of(known_archs()))
            ->excludes("--memory");
        add_arch(command, check_.arch);
        command.add_option("--scheduler", check_.search.scheduler, schedulers_help())
            ->check(one_of(scheduler_names()));
        command
            .add_option("--bound", check_.search.bound, "preemptions and stale loads of the bounded search")
            ->capture_default_str()
            ->check(CLI::Range(0, 100));
        command.add_option("--depth", check_.search.depth, "pct: ordering constraints of a failure")
            ->capture_default_str()
            ->check(CLI::Range(1, 50));
        add_count(
            command, "--iterations", check_.search.iterations,
            "executions per scenario, at most, of all phases together (bound, full: of a shard its part)");
        add_duration(command, "--seconds", check_.search.seconds, "time per scenario");
        add_count(command, "--seed", check_.search.seed, "seed of the random strategies (default 1)");
        add_count(command, "--first", check_.search.first, "number of the first execution (default 1)");
        command.add_option("--jobs", check_.search.jobs, "processes (default: one per processor)")
            ->check(CLI::Range(1, 1024));
        add_shard(command, check_.search.part);
        command.add_flag("--list", check_.list, "list the scenarios and stop");
        command.add_flag(
            "--coverage", check_.search.coverage,
            "say what the search covered: outcomes, operations seen inside each other (without it "
            "the default search takes samples)");
        command.add_flag("-v,--verbose", check_.verbose, "say which searches ran, and what they left out");
        command.add_flag("--show-known", check_.show_known,
                         "show known findings of the protocol as other failures, with the interleaving");
        command.add_flag("--bisect", check_.bisect,
                         "exit code for `git bisect run`: 0 good, 1 bad, 125 skip");
        command.add_flag("!--no-reduction", check_.search.reduce,
                         "full: also run executions that differ only in the order of steps that commute");
        command.add_flag("!--no-shrink", check_.shrink, "report the schedule as it was found");
        command.add_flag("--summary", check_.summary, "twelve lines at most, for a mail");
        add_width(command);
        command.add_option("--json", check_.json, "write results as JSON to this file, - for stdout");
        command.add_option("--junit", check_.junit, "write JUnit XML to this file, - for stdout");
        command.add_option("--html", check_.html, "write one self-contained page to this file, - for stdout");
        command.add_option("--out", check_.out,
                           "directory for failure bundles (default: daxtorture-failures)");
        command.callback([this] { run_ = [this] { return run_check(check_); }; });
    }

    void add_kernel() {
        CLI::App& command = *app_.add_subcommand(
            "kernel", "run scenarios on the real objects of a kernel tree (docs/kernel.md)");
        command.add_option("scenario", kernel_.targets,
                           "scenarios; none: all; `doctor`: say what is missing to build the tree");
        command.add_option("--tree", kernel_.tree, "directory of the kernel's source")->required();
        command.add_option("--plan", kernel_.plan.search.plan, "run one schedule, in words, of this file");
        command.add_option("--memory", kernel_.plan.search.memory, "memory model: sc or tso")
            ->check(one_of({"sc", "tso"}));
        command.add_option("--scheduler", kernel_.plan.search.scheduler, "one strategy instead of all")
            ->check(one_of({"bound", "full", "pos", "pct", "surw", "uniform"}));
        command.add_flag(
            "!--no-reduction", kernel_.plan.search.reduce,
            "bound, full: run schedules, too, that differ only in the order of steps that commute");
        command.add_option("--bound", kernel_.plan.search.bound, "preemptions of the bounded search")
            ->capture_default_str()
            ->check(CLI::Range(0, 100));
        command.add_option("--depth", kernel_.plan.search.depth, "pct: ordering constraints of a failure")
            ->capture_default_str()
            ->check(CLI::Range(1, 50));
        add_count(command, "--seed", kernel_.plan.search.seed, "seed of the random strategies (default 1)");
        add_count(command, "--iterations", kernel_.plan.search.iterations,
                  "schedules of each random strategy");
        add_duration(command, "--seconds", kernel_.plan.search.seconds, "time per scenario (default 10s)");
        command.add_option("--jobs", kernel_.plan.jobs, "scenarios at a time (default: one per processor)")
            ->check(CLI::Range(1, 512));
        command.add_flag("-v,--verbose", kernel_.verbose, "say which search found a failure");
        command.add_flag("--skip-known", kernel_.plan.search.skip_known,
                         "go on after known findings, in search of others");
        command.add_flag("--show-known", kernel_.show_known,
                         "show known findings as other failures, with the interleaving");
        command.add_flag("--compare", kernel_.compare,
                         "search the scenarios in the model, too, and say where it differs from the kernel");
        command.add_flag("--bisect", kernel_.bisect,
                         "exit code for `git bisect run`: 0 good, 1 bad, 125 skip");
        command.add_option("--json", kernel_.json, "write results as JSON to this file, - for stdout");
        command.add_option("--out", kernel_.out,
                           "directory for failure bundles (default: daxtorture-failures)");
        command.callback([this] { run_ = [this] { return run_kernel(kernel_); }; });
    }

    void add_stress() {
        CLI::App& command = *app_.add_subcommand("stress", "race real threads over the model");
        command.add_option("scenario", stress_.scenarios, "scenarios to loop; none: a random mix");
        command.add_option("--mix", stress_.mixes, "random mix (default: default), repeatable")
            ->take_all()
            ->allow_extra_args(false);
        command
            .add_option(
                "--protocol", stress_.protocols,
                "preset of the protocol table (see `daxtorture protocols`) or a preset file, repeatable")
            ->take_all()
            ->allow_extra_args(false);
        command.add_option("--rule", stress_.rules, "change a rule of the preset: NAME=VALUE, repeatable")
            ->take_all()
            ->allow_extra_args(false);
        add_arch(command, stress_.arch);
        command.add_option("--workers", stress_.workers, "threads (default: one per processor, at least 2)")
            ->check(CLI::Range(1, 512));
        auto* duration = command.add_option_function<std::string>(
            "--duration", [this](const std::string& text) { stress_.seconds = parse_duration(text); },
            "how long: 60s, 10m, 8h");
        command
            .add_option_function<std::string>(
                "--until",
                [this](const std::string& text) {
                    stress_.seconds = seconds_until(text);
                    stress_.until = true;
                },
                "until a time of day: 07:30")
            ->excludes(duration);
        add_count(command, "--seed", stress_.seed, "seed (default: a fresh one, printed)");
        add_duration(command, "--hang-after", stress_.hang_after,
                     "an operation that takes longer is a hang (default 30s)");
        command.add_flag("!--no-recorder", stress_.record, "without flight recorders");
        command.add_flag("!--no-ledger", stress_.ledger,
                         "do not count who holds each page; the checks that need it are off, and named");
        command.add_option_function<std::string>(
            "--pin",
            [this](const std::string& text) {
                stress_.pin = text != "none";
                if (stress_.pin && text != "each")
                    stress_.processors = parse_processors(text);
            },
            "each worker on a processor of its own (each, the default), of this list (0,4-7), or none");
        command.add_flag("--keep-going", stress_.keep_going, "go on with the next round after a failure");
        command.add_option_function<std::string>(
            "--shard",
            [this](const std::string& text) {
                stress_.part = parse_shard(text);
                stress_.part_given = true;
            },
            "do part i of n, as i/n (default: the task of a Slurm job array)");
        add_duration(command, "--turn", stress_.turn,
                     "several scenarios, mixes or protocols: how long each at a time (default 60s)");
        add_duration(command, "--slice", stress_.slice,
                     "time between two records of the journal (default 1s to 5s)");
        command.add_option("--job", stress_.job, "file with options like these, one per line without dashes");
        auto* json =
            command.add_option("--json", stress_.json, "write results as JSON to this file, - for stdout");
        auto* prometheus = command.add_option("--prometheus", stress_.prometheus,
                                              "keep metrics in this file while running (needs --out)");
        command.add_option("--out", stress_.out,
                           "run directory: a journal, and a bundle of each failure; survives being killed");
        command.add_flag("--or-resume", stress_.or_resume,
                         "when the directory of --out holds this run already, go on with it");
        auto* resume = command.add_option("--resume", stress_.resume,
                                          "go on with the run in this directory, as it was begun");
        exclude_others(command, *resume, {json, prometheus});
        command.callback([this] { run_ = [this] { return run_stress_command(stress_); }; });
        app_.add_subcommand("stress-worker", "")->group("")->callback([this] { run_ = run_stress_worker; });
    }

    void add_reproduce() {
        CLI::App& command =
            *app_.add_subcommand("reproduce", "turn a failure of real threads into an exact schedule");
        command.add_option("from", reproduce_.from, "bundle that stress wrote, or a directory of bundles")
            ->required();
        add_duration(command, "--seconds", reproduce_.budget.seconds, "time for the search (default 2m)");
        command
            .add_option("--searches", reproduce_.budget.searches,
                        "searches with different seeds that say how reliable it is")
            ->capture_default_str();
        command.add_option("--jobs", reproduce_.budget.jobs, "processes (default: one per processor)")
            ->check(CLI::Range(1, 1024));
        add_width(command);
        command.add_option("--json", reproduce_.json, "write results as JSON to this file, - for stdout");
        command.add_option("--out", reproduce_.out,
                           "directory for the bundle (default: daxtorture-failures)");
        command.callback([this] { run_ = [this] { return run_reproduce(reproduce_); }; });
    }

    void add_replay() {
        CLI::App& command =
            *app_.add_subcommand("replay", "run a failure's schedule again; exit 1 if it fails the same way");
        command.add_option("bundle", replay_.bundle, "directory that check, kernel or reproduce wrote")
            ->required();
        command.add_flag("--trace", replay_.trace, "print every event");
        add_width(command);
        command.add_option(
            "--tree", replay_.tree,
            "of a failure of the kernel: the tree to run it on (default: the one that it was found on)");
        command.callback([this] { run_ = [this] { return run_replay(replay_); }; });
    }

    void add_protocols() {
        CLI::App& command = *app_.add_subcommand("protocols", "presets x rules");
        command.add_option("protocol", protocols_,
                           "presets, or preset files; one: that one alone; more: where they differ");
        command.callback([this] { run_ = [this] { return run_protocols(protocols_); }; });
    }

    void add_orderings() {
        CLI::App& command = *app_.add_subcommand(
            "orderings", "weaken every memory order of the model, one at a time: which are needed?");
        command.add_option("scenario", orders_.targets, "files, names or directories; none: all scenarios");
        add_duration(command, "--seconds", orders_.seconds,
                     "time per scenario and weakened order (default 5)");
        command.add_option("--jobs", orders_.jobs, "processes (default: one per processor)")
            ->check(CLI::Range(1, 1024));
        command.add_option("--json", orders_.json, "write results as JSON to this file, - for stdout");
        command.callback([this] { run_ = [this] { return run_orderings(orders_); }; });
    }

    void add_hunt() {
        CLI::App& command =
            *app_.add_subcommand("hunt", "draw small scenarios, search each, and keep what fails");
        add_rules(command, hunt_.protocol, hunt_.rules);
        add_duration(command, "--seconds", hunt_.seconds, "time for all of it (default 10m)");
        add_count(command, "--programs", hunt_.programs, "end after so many distinct programs");
        add_count(command, "--seed", hunt_.seed, "seed of what is drawn (default 1)");
        command.add_option("--jobs", hunt_.jobs, "processes (default: one per processor)")
            ->check(CLI::Range(1, 1024));
        command.add_option_function<std::string>(
            "--shard", [this](const std::string& text) { hunt_.part = parse_shard(text); },
            "draw part i of n, as i/n");
        auto* json =
            command.add_option("--json", hunt_.json, "write results as JSON to this file, - for stdout");
        command.add_option("--out", hunt_.out,
                           "directory for scenarios, bundles and a journal, which survives being killed "
                           "(default: daxtorture-hunt, without a journal)");
        auto* resume = command.add_option("--resume", hunt_.resume,
                                          "go on with the hunt in this directory, as it was begun");
        exclude_others(command, *resume, {json});
        command.callback([this] { run_ = [this] { return run_hunt(hunt_); }; });
    }

    void add_museum() {
        CLI::App& command =
            *app_.add_subcommand("museum", "every known bug: is it found, and does its fix make it go away");
        command.add_option("id", museum_.bugs, "bugs; none: all");
        command.add_flag("--list", museum_.list, "list the bugs and stop");
        command.add_flag("--memory-table", museum_.memory_table,
                         "which memory models each bug is found under");
        add_duration(command, "--seconds", museum_.budget.seconds, "time per bug (default 30)");
        add_duration(command, "--fixed-seconds", museum_.budget.fixed_seconds,
                     "time per fix, which must not fail (default 5, at most --seconds)");
        command.add_option("--jobs", museum_.budget.jobs, "processes (default: one per processor)")
            ->check(CLI::Range(1, 1024));
        command.add_flag("--summary", museum_.summary, "twelve lines at most, for a mail");
        command.add_option("--json", museum_.json, "write results as JSON to this file, - for stdout");
        command.add_option("--junit", museum_.junit, "write JUnit XML to this file, - for stdout");
        command.add_option("--html", museum_.html,
                           "write one self-contained page to this file, - for stdout");
        command.callback([this] { run_ = [this] { return run_museum(museum_); }; });
    }

    CLI::App app_{description, "daxtorture"};
    check_options check_;
    kernel_options kernel_;
    stress_command stress_;
    result_commands results_;
    reproduce_options reproduce_;
    replay_options replay_;
    std::vector<std::string> protocols_;
    hunt_command hunt_;
    museum_options museum_;
    orders_options orders_;
    std::function<exit_code()> run_;
};

/// With --bisect (check, kernel) nothing that is wrong with the command or the tool may look like a verdict on the commit: git takes every other
/// code up to 127 for a bad one.
bool asked_for_bisect(int argc, char** argv) {
    const auto is_it = [](const char* word) {
        return std::string_view(word) == "--bisect" || std::string_view(word).starts_with("--bisect=");
    };
    const auto has_it = [](std::string_view command) { return command == "check" || command == "kernel"; };
    return argc > 1 && has_it(argv[1]) && std::any_of(argv + 2, argv + argc, is_it);
}

usage_error unwritten_output() {
    return usage_error(std::string("cannot write to standard output: ") + std::strerror(errno));
}

/// A result that nobody can read is none. A violation is told by the exit code, too.
void require_written_output() {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        throw unwritten_output();
}

int failed(const char* what, const std::exception& problem, exit_code code, bool bisecting) {
    std::fprintf(stderr, "daxtorture: %s%s%s\n", what, problem.what(), bisecting ? ": skipped" : "");
    return static_cast<int>(bisecting ? exit_code::bisect_skip : code);
}

} // namespace
} // namespace daxtorture::cli

int main(int argc, char** argv) {
    using namespace daxtorture;
    using namespace daxtorture::cli;
    spdlog::set_default_logger(spdlog::stderr_color_mt("daxtorture"));
    spdlog::set_pattern("%H:%M:%S %^%l%$ %v");
    const bool bisecting = asked_for_bisect(argc, argv);
    try {
        const exit_code code = command_line().run(argc, argv);
        if (code == exit_code::pass)
            require_written_output();
        return static_cast<int>(code);
    } catch (const usage_error& error) {
        return failed("", error, exit_code::usage, bisecting);
    } catch (const std::exception& error) {
        if (std::ferror(stdout) != 0)
            return failed("", unwritten_output(), exit_code::usage, bisecting);
        return failed("internal error: ", error, exit_code::tool_failed, bisecting);
    }
}
