// Ladders, verdict lines and JSON.
#include "report/json.hpp"
#include "report/text.hpp"
#include "report/wrap.hpp"
#include "scenario/parser.hpp"

#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

using namespace daxtorture;

namespace {

program with_threads(unsigned count) {
    std::string text = "scenario s\nfile A pages=2\nmm m0 maps A 0..2 shared rw\n";
    for (unsigned i = 0; i < count; ++i)
        text += "thread thread-number-" + std::to_string(i) + ": pin m0 0; truncate A 0; unpin\n";
    return *parse_scenario(text, "s").value;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

event step(unsigned thread, const char* function, const char* kind, const char* object,
           const char* before = "", const char* after = "", bool preempted = false) {
    return {thread, 0,     function, "src/dax/layout_break.cpp", 40, kind, object, before,
            after,  false, preempted};
}

/// A waiter that reads the count before the last put, and sleeps after the wake-up.
failure lost_wake_up() {
    failure f;
    f.kind = failure_kind::deadlock;
    f.invariant = invariant::I16;
    f.cause = "lost wake-up: the page is idle and its waiter sleeps";
    f.events = {step(2, "set_up", "store", "page 0 refcount", "0", "5"),
                step(0, "", "begin", "truncate A 0"),
                step(0, "file_truncate", "lock", "i_rwsem A"),
                step(0, "wait_page_idle", "load", "page 0 refcount", "1025", "", true),
                step(1, "", "begin", "unpin"),
                step(1, "folio_put", "rmw", "page 0 refcount", "1025", "0"),
                step(1, "wake_up_var", "load", "queue of page 0", "empty", "", true),
                step(0, "prepare_to_wait_event", "store", "queue of page 0", "empty", "waiter"),
                step(0, "schedule", "block", "task")};
    f.state.tasks = {{0,
                      "thread-number-0",
                      "truncate A 0",
                      true,
                      "page 0 to become idle",
                      "wait_page_idle at x:1",
                      true,
                      {}},
                     {1, "thread-number-1", "", false, "", "", false, {}}};
    f.state.cause = f.cause;
    f.state.invariant = invariant::I16;
    return f;
}

scenario_verdict sample(verdict_kind verdict) {
    scenario_verdict v;
    v.name = "break-vs-pin";
    v.protocol = "v6.15";
    v.memory = "weak";
    v.scheduler = "pct";
    v.verdict = verdict;
    v.executions = 7191;
    v.seconds = 0.25;
    v.exhaustive = verdict == verdict_kind::pass;
    v.expected = expectation{verdict_kind::pass, {}, ""};
    if (verdict == verdict_kind::fail)
        v.found = lost_wake_up();
    return v;
}

} // namespace

TEST_CASE("text wraps at blanks and joints, and never beyond the width") {
    CHECK(wrap("short", 10) == std::vector<std::string>{"short"});
    CHECK(wrap("", 10) == std::vector<std::string>{""});
    CHECK(wrap("two words here", 10, 2) == std::vector<std::string>{"two words", "  here"});
    CHECK(wrap("dax_layout_busy_page_range()", 16) ==
          std::vector<std::string>{"dax_layout_busy_", "page_range()"});
    CHECK(wrap("xxxxxxxxxxxxxxxxxxxx", 8, 2) == std::vector<std::string>{"xxxxxxxx", "  xxxxxx", "  xxxxxx"});
}

TEST_CASE("a ladder tells the story in order, with values, preemptions and the violation last") {
    const std::string text = ladder(lost_wake_up(), with_threads(2));
    INFO(text);
    std::size_t at = 0;
    for (const char* part :
         {"thread-number-0", "thread-number-1", "> truncate A 0", "wait_page_idle()",
          "page 0 refcount = 1025", "-- preempted --", "> unpin", "folio_put()", "page 0 refcount 1025 -> 0",
          "wake_up_var()", "queue of page 0 = empty", "-- preempted --", "prepare_to_wait_event()",
          "queue of page 0 empty ->", "waiter", "sleeps", "never wakes",
          "hang, violates I16: nobody sleeps waiting for a page that is idle", "cause: lost wake-up"}) {
        INFO(part);
        const std::size_t found = text.find(part, at);
        REQUIRE(found != std::string::npos);
        at = found;
    }
    CHECK(text.find("i_rwsem") == std::string::npos);
    CHECK(text.find("set_up") == std::string::npos);
    CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("a ladder is at most 75 columns wide for any number of threads, without blanks at line ends") {
    for (unsigned threads = 1; threads <= 8; ++threads) {
        failure f = lost_wake_up();
        f.detail = std::string(200, 'x');
        for (unsigned t = 0; t < threads; ++t)
            f.events.push_back(step(t, "a_function_name_that_is_longer_than_any_column_of_a_ladder", "note",
                                    "a_note_without_a_blank_that_is_longer_than_any_column_of_a_ladder"));
        for (const std::string& line : lines_of(ladder(f, with_threads(threads), {75, false, true}))) {
            INFO(line);
            CHECK(line.size() <= 75);
            CHECK_FALSE(line.ends_with(' '));
        }
    }
}

TEST_CASE("with many threads a column names who makes the steps") {
    failure f = lost_wake_up();
    f.events.erase(f.events.begin()); // of the set-up, when there are two threads
    f.events.push_back(step(6, "", "begin", "truncate A 0"));
    const std::vector<std::string> lines = lines_of(ladder(f, with_threads(7)));
    REQUIRE(lines.size() > 6);
    CHECK(lines[0] == "                | step");
    CHECK(lines[2] == "thread-number-0 | > truncate A 0");
    CHECK(lines[3] == "                | wait_page_idle()");
    CHECK(std::ranges::count(lines, "thread-number-6 | > truncate A 0") == 1);
}

TEST_CASE("the steps of a guard stand under the function that has it") {
    failure f = lost_wake_up();
    f.events = {step(0, "dax_associate_entry", "rmw", "page 0 refcount", "0", "1"),
                step(0, "share_guard", "rmw", "page 0 refcount", "1", "2"),
                step(0, "~share_guard", "rmw", "page 0 refcount", "2", "3"),
                step(1, "folio_put", "rmw", "page 0 refcount", "3", "0")};
    const std::string text = ladder(f, with_threads(2));
    INFO(text);
    CHECK(text.find("dax_associate_entry()") != std::string::npos);
    CHECK(text.find("page 0 refcount 0 -> 1 -> 2 ->") != std::string::npos);
    CHECK(text.find("share_guard") == std::string::npos);
}

TEST_CASE("no return on top says that any schedule fails") {
    failure f = lost_wake_up();
    f.events[1].no_return = true;
    CHECK(ladder(f, with_threads(2)).find("nearly every schedule fails, from the start") !=
          std::string::npos);
    std::swap(f.events[1].no_return, f.events[5].no_return);
    CHECK(ladder(f, with_threads(2)).find("from there on nearly every way to go on fails") !=
          std::string::npos);
}

TEST_CASE("the first line of a summary is wrapped, too") {
    scenario_verdict v = sample(verdict_kind::fail);
    v.rules = "a-rule=with-a-long-value another-rule=with-a-long-value a-third-rule=with-a-long-value";
    for (const std::string& line : lines_of(failure_summary(v, with_threads(2), "")))
        CHECK(line.size() <= 75);
}

TEST_CASE("a ladder names the model file and lines of each function, once") {
    const std::string text = ladder(lost_wake_up(), with_threads(2));
    INFO(text);
    const std::string place = "folio_put at src/dax/layout_break.cpp:40";
    const std::size_t at = text.find(place);
    REQUIRE(at != std::string::npos);
    CHECK(text.find(place, at + 1) == std::string::npos);
}

TEST_CASE("the same step again and again is one rung") {
    failure f;
    f.kind = failure_kind::livelock;
    for (int i = 0; i < 12; ++i)
        f.events.push_back(step(0, "dax_fault", "note", "retry"));
    const std::string text = ladder(f, with_threads(2));
    CHECK(text.find("retry (x12)") != std::string::npos);
    CHECK(text.find("retry (x12)") == text.rfind("retry"));
}

TEST_CASE("a failure without events still says what it is") {
    failure f = lost_wake_up();
    f.events.clear();
    CHECK(ladder(f, with_threads(2)) == "hang, violates I16: nobody sleeps waiting for a page that is idle\n"
                                        "cause: lost wake-up: the page is idle and its waiter sleeps\n");
}

TEST_CASE("verdict lines say what ran, what came of it and what was expected") {
    scenario_verdict passed = sample(verdict_kind::pass);
    passed.note = "every interleaving, 7,191 executions";
    CHECK(verdict_line(passed) ==
          "pass         break-vs-pin  v6.15, memory weak: every interleaving, 7,191 executions, in 0.25 s");
    CHECK(verdict_line(passed, {.verbose = true}).ends_with("in 0.25 s (pct)"));
    scenario_verdict v = sample(verdict_kind::fail);
    CHECK(verdict_line(v) ==
          "fail         break-vs-pin  v6.15, memory weak: I16, lost wake-up: the page is idle and its "
          "waiter sleeps; after 7,191 executions in 0.25 s; expected pass");
    v.expected = expectation{verdict_kind::fail, {invariant::I7, invariant::I8}, ""};
    CHECK(verdict_line(v).ends_with("; expected fail I7 I8"));
    v.expected = expectation{verdict_kind::fail, {invariant::I7, invariant::I16}, ""};
    v.rules = "wake-key=refcount";
    CHECK(verdict_line(v).find("v6.15 wake-key=refcount, memory weak") != std::string::npos);
    CHECK(verdict_line(v).ends_with("; as expected"));
    CHECK(verdict_line(v, {.colour = true}).find("\033[31") == 0);
    v.finding = "docs/findings/a.md";
    CHECK(verdict_line(v).ends_with("; looks like docs/findings/a.md; as expected"));
    v.known_finding = true;
    CHECK(verdict_line(v).ends_with("; known: docs/findings/a.md"));
    v.known_finding = false;
    v.verdict = verdict_kind::error;
    CHECK(verdict_line(v).starts_with("error        break-vs-pin"));

    const std::vector<scenario_verdict> all{sample(verdict_kind::pass), sample(verdict_kind::fail),
                                            sample(verdict_kind::inconclusive)};
    CHECK(count_text(all) ==
          "3 scenarios: 1 pass, 1 fail (break-vs-pin), 1 inconclusive (break-vs-pin); 1 not as expected");
    CHECK(counted(1, "stale load") == "1 stale load");
    CHECK(counted(7191, "context switch", "es") == "7,191 context switches");
    CHECK(exit_code_of(all) == exit_code::violation);
    CHECK(exit_code_of(std::vector{all[0], all[2]}) == exit_code::inconclusive);
    CHECK(exit_code_of(std::vector{all[0]}) == exit_code::pass);
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(18446744073709551615u) == "18,446,744,073,709,551,615");
}

TEST_CASE("a failure summary has the ladder, who sleeps, and the replay command on a line of its own") {
    const std::string text =
        failure_summary(sample(verdict_kind::fail), with_threads(2), "daxtorture replay out/x");
    CHECK(text.find("-- preempted --") != std::string::npos);
    CHECK(
        text.find(
            "INFO: task thread-number-0:0 is blocked in 'truncate A 0'\n  waits for page 0 to become idle") !=
        std::string::npos);
    CHECK(text.ends_with("\nreplay: daxtorture replay out/x\n"));
}

TEST_CASE("check JSON has the documented keys") {
    const std::vector<scenario_verdict> all{sample(verdict_kind::pass), sample(verdict_kind::fail)};
    const nlohmann::json j = nlohmann::json::parse(check_json(all));
    CHECK(j.at("version") == 1);
    REQUIRE(j.at("scenarios").size() == 2);
    for (const nlohmann::json& one : j.at("scenarios"))
        for (const char* key :
             {"name", "protocol", "rules", "memory", "scheduler", "verdict", "invariant", "kind", "cause",
              "executions", "seconds", "exhaustive", "expected", "expected_invariant", "as_expected", "note"})
            CHECK(one.contains(key));
    CHECK(j.at("scenarios")[0].at("invariant").is_null());
    CHECK(j.at("scenarios")[0].at("as_expected") == true);
    CHECK(j.at("scenarios")[1].at("invariant") == "I16");
    CHECK(j.at("scenarios")[1].at("kind") == "hang");
    CHECK(j.at("scenarios")[1].at("verdict") == "fail");
    CHECK(j.at("scenarios")[1].at("as_expected") == false);
    CHECK(nlohmann::json::parse(check_json({})).at("scenarios").empty());
}

TEST_CASE("stress JSON and table") {
    stress_summary s;
    s.what = "default";
    s.protocol = "v6.15";
    s.verdict = verdict_kind::fail;
    s.operations = 12'000;
    s.seconds = 2;
    s.workers = 4;
    s.per_operation = {{"pin", 12'000, 11'000}, {"evict", 0, 0}};
    s.failures = {lost_wake_up()};
    s.failures_seen = 2;
    const nlohmann::json j = nlohmann::json::parse(stress_json(s));
    CHECK(j.at("version") == 1);
    CHECK(j.at("verdict") == "fail");
    CHECK(j.at("operations") == 12'000);
    CHECK(j.at("workers") == 4);
    CHECK(j.at("per_operation").at("pin").at("done") == 11'000);
    CHECK(j.at("failures")[0].at("invariant") == "I16");
    CHECK(j.at("failures")[0].at("tasks")[0].at("operation") == "truncate A 0");

    const std::string text = stress_table(s);
    CHECK(text.find("6,000") != std::string::npos);
    CHECK(text.find("evict") == std::string::npos);
    CHECK(text.find("waits for page 0 to become idle") != std::string::npos);
}

TEST_CASE("writes of one function to one object are one line, and internals stand under their caller") {
    failure f;
    f.kind = failure_kind::invariant;
    event inside = step(1, "store_head", "store", "entry A[0]", "none", "locked pfn 0");
    inside.file = "src/xarray/store.cpp";
    f.events = {step(0, "", "begin", "pin m0 0"),
                step(0, "gup_fast_pte_range", "rmw", "page 0 refcount", "1", "2"),
                step(0, "gup_fast_pte_range", "rmw", "page 0 refcount", "2", "1025"),
                step(1, "", "begin", "truncate A 0"),
                step(1, "dax_lock_entry", "load", "page 0 refcount", "1025"),
                inside,
                step(1, "try_to_wake_up", "wake", "task truncater"),
                step(0, "dax_busy_page", "load", "entry A[0]", "locked pfn 0")};
    f.events[6].no_return = true;
    const std::string text = ladder(f, with_threads(2));
    INFO(text);
    CHECK(text.find("page 0 refcount 1 -> 2 -> 1025") != std::string::npos);
    CHECK(text.find("store_head") == std::string::npos);
    CHECK(text.find("entry A[0] none -> ") != std::string::npos);
    CHECK(text.find("wakes truncater") != std::string::npos);
    CHECK(text.find("-- no return --") != std::string::npos);
    CHECK(text.find("nearly every way to go on fails") != std::string::npos);
}

TEST_CASE("a value is said shorter before its line is broken") {
    failure f;
    f.events = {step(0, "folio_put", "rmw", "page 0 refcount", "1025", "1024"),
                step(1, "folio_put", "rmw", "page 0 refcount", "1024", "0")};
    CHECK(ladder(f, with_threads(3)).find("page 0 ref 1025->1024") != std::string::npos);
}
