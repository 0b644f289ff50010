#include "tests/catch.hpp"

#include "daxtorture_config.hpp"

#include "scenario/known.hpp"
#include "scenario/library.hpp"
#include "scenario/printer.hpp"
#include "words/findings.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

using namespace daxtorture;

namespace {

namespace fs = std::filesystem;

const fs::path root = DAXTORTURE_SOURCE_ROOT;

std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string note(const program& what, std::string_view key) {
    for (const auto& [name, text] : what.notes)
        if (name == key)
            return text;
    return "";
}

program named(const char* scenario) {
    parse_result read = load_scenario(root / "models" / "scenarios" / (std::string(scenario) + ".dax"));
    REQUIRE(read);
    return std::move(*read.value);
}

} // namespace

TEST_CASE("every row of the table of findings is about its page") {
    for (const finding& row : finding_table()) {
        INFO(row.page << ", " << row.cause);
        const std::string page = text_of(root / row.page);
        REQUIRE_FALSE(page.empty());
        std::istringstream cures{std::string(row.cures)};
        for (std::string cure; cures >> cure;) {
            protocol rules;
            CHECK(set_rule(rules, cure) == std::nullopt);
        }
        const bool operation =
            std::ranges::find(operation_table, row.needs, &operation_info::name) != operation_table.end();
        CHECK((row.needs.empty() || operation || row.needs == fs_name(fs_kind::ext2)));
    }
}

TEST_CASE("every page of a finding of the protocol has a row, and the rule that helps is its cure") {
    std::size_t pages = 0;
    for (const fs::directory_entry& file : fs::directory_iterator(root / "docs" / "findings")) {
        INFO(file.path().string());
        const std::string text = text_of(file.path());
        if (file.path().filename() == "README.md" ||
            text.find("no rule of the protocol is concerned") != std::string::npos)
            continue;
        ++pages;
        const std::string page = "docs/findings/" + file.path().filename().string();
        CHECK(std::ranges::count(finding_table(), page, &finding::page) != 0);
        if (const std::size_t helps = text.find("| helps | `"); helps != std::string::npos) {
            const std::size_t begin = helps + std::string_view("| helps | `").size();
            const std::string cure = text.substr(begin, text.find('`', begin) - begin);
            for (const finding& row : finding_table())
                CHECK((row.page != page || row.cures == cure));
        }
    }
    CHECK(pages > 15);
}

TEST_CASE("what a scenario documents of a protocol as it stands is a finding of the table") {
    std::size_t documented = 0;
    for (const fs::path& file : scenarios_in(root / "models" / "scenarios")) {
        const parse_result read = load_scenario(file);
        REQUIRE(read);
        const program& what = *read.value;
        const auto expected = expectation_of(what);
        if (!what.rules.empty() || !expected || expected->verdict != verdict_kind::fail)
            continue;
        INFO(file.string());
        ++documented;
        const std::string page = note(what, "finding");
        CHECK(std::ranges::count(finding_table(), page, &finding::page) != 0);
        const std::string cause = note(what, "cause");
        if (!expected->broken.empty() && !cause.empty())
            CHECK(findings_like(what, expected->broken.front(), cause).find(page) != std::string::npos);
    }
    CHECK(documented > 20);
}

TEST_CASE("a failure looks like a finding by invariant, cause, what the scenario has, and rules") {
    constexpr const char* page = "docs/findings/refault-during-idle-wait.md";
    program what = named("break-vs-refault");
    const std::string cause = "mapped again: only page tables hold the awaited page";
    CHECK(findings_like(what, invariant::I16, cause) == page);
    CHECK(findings_like(what, invariant::I17, cause).empty());
    CHECK(findings_like(what, invariant::I16, "lost wake-up").empty());
    CHECK(findings_like(named("reflink-wait-mapped"), invariant::I16, cause) ==
          std::string(page) + " or docs/findings/shared-page-idle-wait.md");
    REQUIRE(resolve_rules(what, "", std::vector<std::string>{"wait-for=mappings"}) == std::nullopt);
    CHECK(findings_like(what, invariant::I16, cause).empty());
}
