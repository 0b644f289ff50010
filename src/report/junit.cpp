#include "report/junit.hpp"

#include "report/ladder.hpp"
#include "report/markup.hpp"
#include "report/text.hpp"

#include <fmt/format.h>

namespace daxtorture {
namespace {

std::string problems(const char* element, const std::vector<junit_problem>& all) {
    std::string text;
    for (const junit_problem& one : all)
        text += fmt::format("<{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n", element, escaped(one.type),
                            escaped(one.message), escaped(one.text));
    return text;
}

std::string element_of(const junit_case& one) {
    std::string inside = problems("failure", one.failures) + problems("error", one.errors);
    if (inside.empty() && !one.skipped.empty())
        inside = fmt::format("<skipped message=\"{}\"/>\n", escaped(one.skipped));
    if (!one.output.empty())
        inside += fmt::format("<system-out>{}</system-out>\n", escaped(one.output));
    return fmt::format("<testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">{}</testcase>\n",
                       escaped(one.group), escaped(one.name), one.seconds, inside);
}

junit_case case_of(std::string_view command, const scenario_verdict& v) {
    junit_case one{fmt::format("daxtorture.{}.{}", command, v.protocol),
                   v.name + (v.rules.empty() ? "" : " " + v.rules),
                   v.seconds,
                   {},
                   {},
                   "",
                   ""};
    const junit_problem problem{name(v.found.kind), short_name(v.found), violation_text(v.found)};
    switch (v.verdict) {
    case verdict_kind::pass:
        break;
    case verdict_kind::fail:
        if (v.known_finding)
            one.output = fmt::format("known finding: {}{}", short_name(v.found),
                                     v.finding.empty() ? "" : " (" + v.finding + ")");
        else
            one.failures.push_back(problem);
        break;
    case verdict_kind::inconclusive:
        one.skipped = "inconclusive: " + v.note;
        break;
    case verdict_kind::error:
        one.errors.push_back(problem);
        break;
    }
    return one;
}

} // namespace

std::string junit_document(std::string_view suite, double seconds, std::span<const junit_case> cases,
                           const junit_properties& properties) {
    std::string elements;
    unsigned failed = 0;
    unsigned errors = 0;
    unsigned skipped = 0;
    for (const junit_case& one : cases) {
        elements += element_of(one);
        failed += one.failures.empty() ? 0 : 1;
        errors += one.errors.empty() ? 0 : 1;
        skipped += one.failures.empty() && one.errors.empty() && !one.skipped.empty() ? 1 : 0;
    }
    std::string listed;
    for (const auto& [key, value] : properties)
        listed += fmt::format("<property name=\"{}\" value=\"{}\"/>", escaped(key), escaped(value));
    if (!listed.empty())
        listed = "<properties>" + listed + "</properties>\n";
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"{}\" tests=\"{}\" "
        "failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}{}</testsuite></testsuites>",
        escaped(suite), cases.size(), failed, errors, skipped, seconds, listed, elements);
}

std::string verdicts_junit(std::string_view command, std::span<const scenario_verdict> all) {
    std::vector<junit_case> cases;
    double seconds = 0;
    for (const scenario_verdict& v : all) {
        cases.push_back(case_of(command, v));
        seconds += v.seconds;
    }
    return junit_document(fmt::format("daxtorture {}", command), seconds, cases);
}

} // namespace daxtorture
