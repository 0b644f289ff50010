/// The commands that work on what others left: report, merge, compare, explain, fstest.
#pragma once

#include "cli/commands.hpp"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace daxtorture::cli {

class result_commands {
  public:
    /// Adds them; the one that is given puts what it does into `run`.
    void add(CLI::App& app, std::function<exit_code()>& run);
    /// Where they are to write: looked at before the command begins.
    std::vector<std::string> outputs() const { return {report_.html, report_.junit, report_.json}; }

  private:
    void add_report(CLI::App& app, std::function<exit_code()>& run);
    void add_merge(CLI::App& app, std::function<exit_code()>& run);
    void add_compare(CLI::App& app, std::function<exit_code()>& run);
    void add_explain(CLI::App& app, std::function<exit_code()>& run);
    void add_fstest(CLI::App& app, std::function<exit_code()>& run);

    report_options report_;
    merge_options merge_;
    compare_options compare_;
    explain_options explain_;
    fstest_options fstest_;
};

/// --width, of every command that prints interleavings or tables.
void add_width(CLI::App& command);

} // namespace daxtorture::cli
