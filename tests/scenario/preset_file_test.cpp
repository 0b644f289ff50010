// Preset files: base and rules, and one error that names the place.
#include "scenario/preset_file.hpp"

#include "protocol/presets.hpp"
#include "tests/catch.hpp"

using namespace daxtorture;

TEST_CASE("a preset file is its base with its rules") {
    const preset_result read =
        parse_preset("# ours\n\nbase v6.12\nrule scan-order=scan-first  wake-key=page # both\n"
                     "rule gup-recheck=no\n",
                     "ours.preset");
    INFO(read.error.text());
    REQUIRE(read);
    CHECK(read.value->base == "v6.12");
    CHECK(read.value->rules ==
          std::vector<std::string>{"scan-order=scan-first", "wake-key=page", "gup-recheck=no"});
    protocol expected = find_preset("v6.12")->rules;
    expected.scan = scan_order::scan_first;
    expected.waker_key = wait_key::page;
    expected.recheck = gup_recheck::no;
    CHECK(read.value->row == expected);
}

TEST_CASE("a malformed preset file is refused at its place") {
    const auto error = [](std::string_view text) {
        const preset_result read = parse_preset(text, "p");
        CHECK_FALSE(read);
        return read.error.text();
    };
    CHECK(error("") == "p:1:1: expected a line 'base PRESET', got end of file");
    CHECK(error("rule idle=one\nbase v6.15\n") == "p:1:1: expected a 'base' line before the rules");
    CHECK(error("base v6.15\nbase v6.12\n") == "p:2:1: expected one 'base' line, got a second");
    CHECK(error("base\n").starts_with("p:1:5: expected a preset, got end of line"));
    CHECK(error("base v6.15 v6.12\n").starts_with("p:1:12: expected end of line"));
    CHECK(error("base v6.16\n").starts_with("p:1:6: expected a preset, got 'v6.16'"));
    CHECK(error("base v6.15\nrule\n").starts_with("p:2:5: expected RULE=VALUE"));
    CHECK(error("base v6.15\nrule idle=two\n").starts_with("p:2:6: unknown value 'two' of rule 'idle'"));
    CHECK(error("base v6.15\nrules idle=one\n").starts_with("p:2:1: expected 'base' or 'rule', got 'rules'"));
    CHECK(error("base v6.15\n# \xff\n") == "p:2:3: expected UTF-8, got byte \\xff");
    CHECK(load_preset("/nowhere/x.preset").error.text() == "/nowhere/x.preset: No such file or directory");
}
