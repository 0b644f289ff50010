/// The commands of the daxtorture executable, with the options that the command line fills in.
///
/// Log lines go to stderr, results to stdout. A command reports bad input by throwing usage_error: one line that names the place.
#pragma once

#include "jobs/museum.hpp"
#include "jobs/portfolio.hpp"
#include "jobs/reproduce.hpp"
#include "jobs/usage_error.hpp"

#include "run/exit_code.hpp"
#include "words/failure.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace daxtorture::cli {

using namespace jobs; // whose services the commands are the options of

struct check_options {
    std::vector<std::string> targets; ///< scenario files, names or directories; empty: all scenarios
    std::string protocol;             ///< empty: as each file says
    std::vector<std::string> rules;   ///< "NAME=VALUE"
    std::string memory;               ///< empty: as each file says, else weak
    search_options search;
    bool list = false;
    bool shrink = true;
    bool verbose = false;         ///< say which searches ran
    bool show_known = false;      ///< show known findings as other failures
    bool bisect = false;          ///< exit codes as `git bisect run` wants them
    std::string memory_from_arch; ///< "arm64": its memory model
    std::string arch;             ///< the modelled machine; empty: as each file says
    bool summary = false;         ///< a few lines at the end instead of one for each scenario
    std::string json;             ///< file, "-" for stdout
    std::string junit;
    std::string html;
    std::string out; ///< where failures go
};

struct stress_command {
    std::vector<std::string> scenarios; ///< files or names; empty, and no mixes: the default mix
    std::vector<std::string> mixes;
    std::vector<std::string> protocols; ///< empty: as each file says, v7.3 for a mix
    std::vector<std::string> rules;
    std::string arch; ///< the modelled machine; empty: as each file says, none in particular for a mix
    unsigned workers = 0;
    double seconds = 10;
    bool until = false; ///< `seconds` came from a time of day
    double turn = 60;   ///< of each load, in seconds, when there are several
    double slice = 0;   ///< seconds between journal records; 0: by the run's length
    std::uint64_t seed = 0;
    double hang_after = 30;
    bool keep_going = false;
    bool record = true;               ///< flight recorders
    bool ledger = true;               ///< who holds each page is counted
    bool pin = true;                  ///< each worker stays on a processor
    std::vector<unsigned> processors; ///< on which; empty: those that the process may use
    shard part;
    bool part_given = false;
    std::string json;
    std::string prometheus; ///< textfile, written while a campaign runs
    std::string out;        ///< run directory: makes it a campaign
    bool or_resume = false; ///< goes on with the run of these parameters that `out` may hold
    std::string job;        ///< already read when the command runs
    std::string resume;     ///< run directory to go on with
};

struct report_options {
    std::string directory;
    bool summary = false;
    std::string html;
    std::string junit;
    std::string json;
};

struct compare_options {
    std::string before; ///< a run directory, or a document of `check --json`
    std::string after;
};

struct explain_options {
    std::string bundle;
};

struct fstest_options {
    std::string target; ///< a bundle or a scenario
    std::string out;    ///< directory of the two files; empty: here
};

struct merge_options {
    std::vector<std::string> directories;
    std::string out;
};

struct museum_options {
    std::vector<std::string> bugs; ///< ids; empty: all
    museum_budget budget;
    bool list = false;
    bool memory_table = false; ///< which memory models each bug needs
    bool summary = false;      ///< a few lines at the end instead of one for each bug
    std::string json;
    std::string junit;
    std::string html;
};

struct orders_options {
    std::vector<std::string> targets; ///< scenarios; empty: all
    double seconds = 5;               ///< per scenario and weakened order
    unsigned jobs = 0;
    std::string json;
};

struct hunt_command {
    std::string protocol = "v7.3"; ///< a preset
    std::vector<std::string> rules;
    double seconds = 600;
    std::uint64_t programs = 0; ///< 0: as many as the time allows
    std::uint64_t seed = 1;
    unsigned jobs = 0;
    shard part;
    std::string json;
    std::string out;    ///< empty: the default, without a journal
    std::string resume; ///< directory of a hunt to go on with
};

struct replay_options {
    std::string bundle;
    bool trace = false; ///< every event, not only the interleaving that matters
    std::string tree;   ///< of a failure of a kernel: another tree than the one that it was found on
};

struct reproduce_options {
    std::string from; ///< a bundle, or a directory that has some
    reproduce_budget budget;
    std::string json;
    std::string out;
};

exit_code run_check(const check_options& options);
exit_code run_stress_command(const stress_command& options);
exit_code run_report(const report_options& options);
exit_code run_merge(const merge_options& options);
exit_code run_compare(const compare_options& options);
exit_code run_explain(const explain_options& options);
exit_code run_fstest(const fstest_options& options);
exit_code run_museum(const museum_options& options);
exit_code run_orderings(const orders_options& options);
exit_code run_reproduce(const reproduce_options& options);
exit_code run_hunt(const hunt_command& options);
exit_code run_replay(const replay_options& options);
/// The table of presets and rules. With names of presets or preset files: one shows that one; several only where they differ.
exit_code run_protocols(const std::vector<std::string>& names);
exit_code run_demo();

} // namespace daxtorture::cli
