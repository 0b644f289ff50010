// Comparing runs: intervals of changes, how often failures come, and what counts as a regression.
#include "tests/catch.hpp"

#include "report/compare.hpp"
#include "report/digest.hpp"
#include "report/explain.hpp"

#include <algorithm>
#include <cmath>

using namespace daxtorture;

namespace {

run_contents run_of(std::vector<std::uint64_t> operations) {
    run_contents run;
    run.begin.parameters.loads.push_back({"default", "", "v7.3", {}, ""});
    double at = 0;
    for (const std::uint64_t count : operations) {
        slice_record slice;
        slice.seconds = 1;
        slice.at = at += 1;
        slice.per_operation = {{"load", count, count}};
        run.slices.push_back(slice);
    }
    return run;
}

} // namespace

TEST_CASE("the interval of a change is Welch's") {
    // Means 11 and 13, variances 1 and 1, three samples each: t with 4 degrees of freedom at 99 % is 4.604.
    const change c = change_of({10, 11, 12}, {12, 13, 14});
    REQUIRE(c.known);
    const double half = 4.604 * std::sqrt(1.0 / 3 + 1.0 / 3);
    CHECK(std::abs(c.low - (2 - half) / 11) < 0.02);
    CHECK(std::abs(c.high - (2 + half) / 11) < 0.02);
    CHECK_FALSE(c.higher());
    CHECK(change_of({10, 10.1, 9.9, 10}, {12, 12.1, 11.9, 12}).higher());
    CHECK(change_of({10, 10.1, 9.9, 10}, {8, 8.1, 7.9, 8}).lower());
    CHECK_FALSE(change_of({10}, {20, 21}).known);
}

TEST_CASE("how often failures come is compared by counts") {
    CHECK(chance_of_more(0, 1, 0, 1) == 1);
    // One event in all, in the second of two equal times: one half.
    CHECK(std::abs(chance_of_more(0, 10, 1, 10) - 0.5) < 1e-9);
    CHECK(std::abs(chance_of_more(1, 10, 9, 10) - 11.0 / 1024) < 1e-9);
    CHECK(chance_of_more(9, 10, 1, 10) > 0.99);
}

TEST_CASE("fewer operations are a regression when slices leave no doubt") {
    const run_contents before = run_of({1000, 1010, 990, 1000, 1005, 995});
    CHECK(compare_runs(before, before, 80).regressions.empty());
    CHECK(compare_runs(before, run_of({800, 810, 790, 800, 805, 795}), 80).regressions.size() == 1);
    CHECK(compare_runs(before, run_of({980, 990, 970, 980, 985, 975}), 80).regressions.empty()); // 2 % only
    CHECK(compare_runs(before, run_of({100, 1900, 90, 1800, 120, 700}), 80).regressions.empty());
}

TEST_CASE("a failure that comes more often is a regression") {
    run_contents before = run_of({10, 10});
    run_contents after = before;
    const failure_note known{"b", "hang", 16, "the same", 0};
    before.slices[0].failures = after.slices[0].failures = {known};
    before.slices[0].failures_seen = 1;
    after.slices[0].failures_seen = 2;
    CHECK(compare_runs(before, after, 80).regressions.empty());
    after.slices[0].failures_seen = 20;
    CHECK(compare_runs(before, after, 80).regressions.size() == 1);
    after.slices[0].failures.push_back({"c", "hang", 28, "another", 0});
    CHECK(compare_runs(before, after, 80).regressions.size() == 2);
    CHECK(compare_runs(after, before, 80).regressions.empty());
    CHECK(compare_runs(after, before, 80).text.find("gone: hang, I28: another") != std::string::npos);
}

TEST_CASE("a digest never has more than its lines") {
    for (std::size_t problems = 0; problems < 30; ++problems) {
        digest all;
        all.head = {"head", std::string(100, 'x')};
        all.problems.assign(problems, "p " + std::string(90, 'y'));
        all.tail = {"tail"};
        const std::string text = digest_text(all);
        CHECK(static_cast<std::size_t>(std::ranges::count(text, '\n')) <= digest_lines);
        CHECK(text.ends_with("tail\n"));
        CHECK((text.find("and ") != std::string::npos) == (problems > 8));
        std::size_t line = 0;
        for (const char c : text) {
            line = c == '\n' ? 0 : line + 1;
            REQUIRE(line <= digest_width);
        }
    }
}

TEST_CASE("a page of findings is read without its markup") {
    const finding_page page =
        parse_finding("p.md", "# A `title`\n\n| | |\n|---|---|\n| versions | 6.15 (38607c62b34b) |\n\n"
                              "One [link](x.md)\nand **more**.\n\n```\ncode\n```\n## Why\n\n* a\n  b\n* c\n");
    CHECK(page.title == "A title");
    REQUIRE(page.facts.size() == 1);
    CHECK(page.facts[0].second == "6.15 (38607c62b34b)");
    REQUIRE(page.sections.size() == 2);
    CHECK(page.sections[0].paragraphs == std::vector<std::string>{"One link and more."});
    CHECK(page.sections[1].paragraphs == std::vector<std::string>{"* a b", "* c"});
    CHECK(page.commits == std::vector<std::string>{"38607c62b34b"});
}
