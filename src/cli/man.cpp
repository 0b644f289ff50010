#include "cli/man.hpp"

#include "cli/commands.hpp"
#include "cli/help.hpp"

#include "daxtorture_config.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace daxtorture::cli {
namespace {

constexpr const char* outline =
    R"(is a model checker and stress tester of the protocol by which Linux decides that a page of
persistent memory is idle: faults map it, munmap unmaps it, DMA pins it, and truncate, hole punch and eviction wait for it before
its block is freed and reused. It runs in userspace, over a model of folios, page tables, the DAX entry lock and layout breaking.
)";

constexpr const char* closing = R"(.SH EXIT STATUS
.TP
.B 0
Pass.
.TP
.B 1
An invariant was violated, or a hang found.
.TP
.B 2
Wrong usage or bad input.
.TP
.B 3
Inconclusive: the time ended, or a signal came, before what was asked was covered. After SIGINT or SIGTERM what is done is told
and written; a second one ends the command at once.
.TP
.B 4
The tool itself failed, which says nothing of the protocol.
.TP
.B 125
.BR "check \-\-bisect" :
this version cannot be tested; whatever would else be 2, 3 or 4.
.SH ENVIRONMENT
.TP
.B NO_COLOR
No colours, also on a terminal.
.TP
.BR SLURM_ARRAY_TASK_ID ", " SLURM_ARRAY_TASK_COUNT
.B stress
takes its
.B \-\-shard
from them unless it is given.
.SH FILES
.TP
.I RUN\-DIR/journal.jsonl
The records of a campaign, one JSON line with a checksum each.
.TP
.I RUN\-DIR/failures/
A bundle for each distinct failure of a campaign.
.TP
.I daxtorture\-failures/
Bundles of other failures, in the directory where the command ran.
)";

/// Text for roff: a minus that can be copied, no escapes, no control lines.
std::string roff(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (safe.empty() || safe.back() == '\n'))
            safe += "\\&";
        if (c == '-')
            safe += "\\-";
        else if (c == '\\')
            safe += "\\e";
        else
            safe += c;
    }
    return safe;
}

/// A description as a sentence. What stands before a colon in its first word is a name: it keeps its case.
std::string sentence(std::string text) {
    const bool named = text.find(':') < text.find(' ');
    if (!text.empty() && !named && text.front() >= 'a' && text.front() <= 'z')
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    if (!text.empty() && text.back() != '.' && text.back() != '?')
        text += '.';
    return text;
}

/// Lines of their own, as those of a list in the help are.
std::string with_breaks(const std::string& text) {
    std::string broken;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        broken += (broken.empty() ? "" : ".br\n") + roff(line) + "\n";
    return broken;
}

std::string title(std::string_view name) {
    std::string capitals(name);
    std::ranges::transform(capitals, capitals.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return fmt::format(".TH {} 1 \"\" \"daxtorture {}\" \"User Commands\"\n", roff(capitals),
                       DAXTORTURE_VERSION);
}

/// ".TP" and the names of an option, in bold, with its value in italics.
std::string option_tag(const CLI::Option& option) {
    std::string names;
    for (const std::string& name : option.get_snames())
        names += (names.empty() ? "" : ", ") + ("\\fB\\-" + roff(name) + "\\fR");
    for (const std::string& name : option.get_lnames())
        names += (names.empty() ? "" : ", ") + ("\\fB\\-\\-" + roff(name) + "\\fR");
    if (option.get_type_size() != 0 && !option.get_type_name().empty())
        names += " \\fI" + roff(option.get_type_name()) + "\\fR";
    return ".TP\n" + names + "\n";
}

std::string options_text(const CLI::App& command) {
    std::vector<std::string> groups;
    for (const CLI::Option* option : command.get_options())
        if (!option->get_positional() && std::ranges::find(groups, option->get_group()) == groups.end())
            groups.push_back(option->get_group());
    std::string text = ".SH OPTIONS\n";
    for (const std::string& group : groups) {
        if (groups.size() > 1)
            text += ".SS " + roff(group) + "\n";
        for (const CLI::Option* option : command.get_options())
            if (!option->get_positional() && option->get_group() == group)
                text += option_tag(*option) + with_breaks(sentence(option->get_description()));
    }
    return text;
}

std::string synopsis(const CLI::App& command) {
    std::string text =
        fmt::format(".SH SYNOPSIS\n.B daxtorture {}\n.RI [ OPTION ]...\n", roff(command.get_name()));
    for (const CLI::Option* option : command.get_options()) {
        if (!option->get_positional())
            continue;
        const std::string value = roff(option->get_type_name());
        const bool many = option->get_expected_max() > 1;
        const char* more = many ? "..." : "";
        text += option->get_required() ? fmt::format(".I {}{}\n", value, more)
                                       : fmt::format(".RI [ {} ]{}\n", value, more);
    }
    return text;
}

std::string arguments(const CLI::App& command) {
    std::string text;
    for (const CLI::Option* option : command.get_options())
        if (option->get_positional())
            text += fmt::format(".TP\n.I {}\n{}", roff(option->get_type_name()),
                                with_breaks(sentence(option->get_description())));
    return text.empty() ? "" : ".SH ARGUMENTS\n" + text;
}

std::string exit_status(const std::string& codes) {
    std::string text = ".SH EXIT STATUS\n";
    std::istringstream lines(codes);
    for (std::string line; std::getline(lines, line);)
        text += fmt::format(".TP\n.B {}\n{}\n", line.substr(2, 1), roff(sentence(line.substr(5))));
    return text;
}

std::string page_of(const CLI::App& command, const command_manual& manual) {
    const std::string name = "daxtorture-" + command.get_name();
    std::string text = title(name);
    text += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(command.get_description()));
    text += synopsis(command);
    text += ".SH DESCRIPTION\n" + roff(manual.about) + "\n";
    text += arguments(command) + options_text(command);
    text += ".SH EXAMPLES\n.EX\n" + roff(manual.examples) + "\n.EE\n";
    text += exit_status(manual.exit_codes);
    return text + ".SH SEE ALSO\n.BR daxtorture (1)\n";
}

std::string overview(const std::vector<const CLI::App*>& commands) {
    std::string text = title("daxtorture");
    text += ".SH NAME\ndaxtorture \\- find races, lost wake\\-ups and hangs in the FS\\-DAX page reference "
            "protocol\n"
            ".SH SYNOPSIS\n.B daxtorture\n.I COMMAND\n.RI [ OPTION ]...\n.br\n.B daxtorture\n.I COMMAND\n"
            ".B \\-\\-help\n.SH DESCRIPTION\n.B daxtorture\n";
    text += roff(outline);
    text += ".SH COMMANDS\nEach has a page of its own.\n";
    std::string also;
    for (const CLI::App* command : commands) {
        text += fmt::format(".TP\n.BR daxtorture\\-{} (1)\n{}", roff(command->get_name()),
                            with_breaks(sentence(command->get_description())));
        also +=
            fmt::format("{}.BR daxtorture\\-{} (1)", also.empty() ? "" : ",\n", roff(command->get_name()));
    }
    return text + closing + ".SH SEE ALSO\n" + also + "\n";
}

} // namespace

std::string manual_page(const CLI::App& app, std::string_view command) {
    std::vector<const CLI::App*> shown;
    for (const CLI::App* one : app.get_subcommands({})) {
        const auto manual = manual_of(one->get_name());
        if (manual && one->get_name() == command)
            return page_of(*one, *manual);
        if (manual)
            shown.push_back(one);
    }
    if (!command.empty())
        throw usage_error("there is no manual page of '" + std::string(command) + "'");
    return overview(shown);
}

} // namespace daxtorture::cli
