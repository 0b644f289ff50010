/// `report` and `merge`: run directories as documents, and several as one.
#include "cli/commands.hpp"
#include "jobs/campaign.hpp"
#include "jobs/output.hpp"
#include "jobs/terminal.hpp"

#include "report/run.hpp"
#include "run/campaign/journal.hpp"
#include "run/campaign/merge.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace daxtorture::cli {

exit_code run_report(const report_options& options) {
    try {
        const run_contents run = read_journal(options.directory);
        if (!run.notice.empty())
            spdlog::warn("{}", run.notice);
        if (options.summary)
            fmt::print("{}", run_digest(run));
        else if (options.html != "-" && options.junit != "-" && options.json != "-")
            fmt::print("{}", run_text(run, colours_on_stdout()));
        if (!options.html.empty())
            write_result(options.html, run_html(run));
        if (!options.junit.empty())
            write_result(options.junit, run_junit(run));
        if (!options.json.empty())
            write_result(options.json, run_json(run));
        return exit_code_of_run(run);
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
}

exit_code run_merge(const merge_options& options) {
    try {
        const run_contents run =
            merge_runs({options.directories.begin(), options.directories.end()}, options.out);
        fmt::print("{}", run_text(run, colours_on_stdout()));
        return exit_code_of_run(run);
    } catch (const journal_error& wrong) {
        throw usage_error(wrong.what());
    }
}

} // namespace daxtorture::cli
