#include "cli/result_commands.hpp"

#include "jobs/terminal.hpp"

#include <CLI/CLI.hpp>

namespace daxtorture::cli {

void add_width(CLI::App& command) {
    command
        .add_option_function<unsigned>(
            "--width", set_width, "columns of what is printed (default: those of the terminal, at least 60)")
        ->check(CLI::Range(width_min, 1000u));
}

void result_commands::add(CLI::App& app, std::function<exit_code()>& run) {
    add_report(app, run);
    add_merge(app, run);
    add_compare(app, run);
    add_explain(app, run);
    add_fstest(app, run);
}

void result_commands::add_report(CLI::App& app, std::function<exit_code()>& run) {
    CLI::App& command = *app.add_subcommand("report", "the results of a stress run directory again");
    command.add_option("run", report_.directory, "directory that stress --out or merge wrote")->required();
    command.add_flag("--summary", report_.summary, "twelve lines at most, for a mail");
    command.add_option("--html", report_.html, "write one self-contained page to this file, - for stdout");
    command.add_option("--junit", report_.junit, "write JUnit XML to this file, - for stdout");
    command.add_option("--json", report_.json, "write JSON to this file, - for stdout");
    command.callback([this, &run] { run = [this] { return run_report(report_); }; });
}

void result_commands::add_merge(CLI::App& app, std::function<exit_code()>& run) {
    CLI::App& command =
        *app.add_subcommand("merge", "fold stress run directories of shards or machines into one");
    command.add_option("runs", merge_.directories, "run directories")->required();
    command.add_option("--out", merge_.out, "directory of the merged run")->required();
    command.callback([this, &run] { run = [this] { return run_merge(merge_); }; });
}

void result_commands::add_compare(CLI::App& app, std::function<exit_code()>& run) {
    CLI::App& command =
        *app.add_subcommand("compare", "two stress runs, or two results of check: what became worse?");
    command.add_option("before", compare_.before, "run directory, or file that check --json wrote")
        ->required();
    command.add_option("after", compare_.after, "what to compare with it, of the same kind")->required();
    add_width(command);
    command.callback([this, &run] { run = [this] { return run_compare(compare_); }; });
}

void result_commands::add_explain(CLI::App& app, std::function<exit_code()>& run) {
    CLI::App& command = *app.add_subcommand("explain", "a failure as text for a mailing list");
    command.add_option("bundle", explain_.bundle, "directory that check, reproduce or stress wrote")
        ->required();
    command.callback([this, &run] { run = [this] { return run_explain(explain_); }; });
}

void result_commands::add_fstest(CLI::App& app, std::function<exit_code()>& run) {
    CLI::App& command =
        *app.add_subcommand("fstest", "a scenario as a test of a real kernel: a C program and its script");
    command.add_option("target", fstest_.target, "bundle or scenario")->required();
    command.add_option("--out", fstest_.out, "directory of the two files (default: the current one)");
    command.callback([this, &run] { run = [this] { return run_fstest(fstest_); }; });
}

} // namespace daxtorture::cli
