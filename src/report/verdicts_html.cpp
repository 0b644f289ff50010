#include "report/verdicts_html.hpp"

#include "report/markup.hpp"
#include "report/page.hpp"
#include "report/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace daxtorture {
namespace {

/// Where the pages of findings are read by whoever has only the report.
std::string finding_link(const std::string& page) {
    return page.empty() ? "" : fmt::format("<p>finding: <code>{}</code></p>\n", escaped(page));
}

void add_once(std::vector<std::string>& names, const std::string& name) {
    if (std::ranges::find(names, name) == names.end())
        names.push_back(name);
}

std::string cell_markup(const html_verdict& cell, std::size_t number) {
    const bool linked = !cell.report.empty() || !cell.page.empty();
    return fmt::format("<{0} class=\"cell {1}\" title=\"{2}\"{3}>{4}</{0}>", linked ? "a" : "span", cell.look,
                       escaped(cell.line), linked ? fmt::format(" href=\"#f{}\"", number) : "",
                       escaped(cell.text));
}

std::string matrix(std::span<const html_verdict> all) {
    std::vector<std::string> rows;
    std::vector<std::string> columns;
    for (const html_verdict& one : all) {
        add_once(rows, one.row);
        add_once(columns, one.column);
    }
    std::string text = "<div class=\"wide\"><table class=\"matrix\"><tr><th></th>";
    for (const std::string& column : columns)
        text += "<th>" + escaped(column) + "</th>";
    text += "</tr>\n";
    for (const std::string& row : rows) {
        text += "<tr><td>" + escaped(row) + "</td>";
        for (const std::string& column : columns) {
            text += "<td>";
            for (std::size_t i = 0; i < all.size(); ++i)
                if (all[i].row == row && all[i].column == column)
                    text += cell_markup(all[i], i);
            text += "</td>";
        }
        text += "</tr>\n";
    }
    return text + "</table></div>\n";
}

std::string details(const html_verdict& one, std::size_t number) {
    std::string text = fmt::format("<h3 id=\"f{}\">{} <span class=\"{}\">{}</span></h3>\n<p>{}</p>\n", number,
                                   escaped(one.row), one.look == "known" ? "inconclusive" : one.look,
                                   escaped(one.text), escaped(one.line));
    text += finding_link(one.page);
    if (!one.next.empty())
        text += html_command(one.next);
    if (!one.report.empty())
        text += "<pre>" + escaped(one.report) + "</pre>\n";
    if (!one.program.empty())
        text += "<details><summary>the scenario</summary><pre>" + escaped(one.program) + "</pre></details>\n";
    return text;
}

} // namespace

html_verdict cell_of(const scenario_verdict& v) {
    html_verdict cell;
    cell.row = v.name;
    cell.column = v.protocol + (v.rules.empty() ? "" : " " + v.rules);
    cell.look = v.known_finding ? "known" : name(v.verdict);
    cell.text = v.verdict == verdict_kind::fail && v.found.invariant != invariant::none
                    ? name(v.found.invariant)
                    : name(v.verdict);
    cell.line = verdict_line(v);
    cell.page = v.finding;
    return cell;
}

std::string verdicts_html(std::string_view title, std::string_view summary,
                          std::span<const html_verdict> all) {
    std::string body = fmt::format("<h1>{}</h1>\n<p>{}</p>\n", escaped(title), escaped(summary));
    body +=
        "<p class=\"hint\">A cell leads to its failure. Dashed: a finding that is known.</p>\n" + matrix(all);
    std::string failures;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!all[i].report.empty() || !all[i].page.empty())
            failures += details(all[i], i);
    if (!failures.empty())
        body += "<h2>Failures</h2>\n" + failures;
    return html_page(title, body);
}

} // namespace daxtorture
