// Failure bundles: written whole or not at all, read back equal, and refused with the place of what is wrong.
#include "run/bundle.hpp"
#include "scenario/parser.hpp"

#include "tests/catch.hpp"
#include "tests/scratch.hpp"

#include <atomic>
#include <barrier>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace daxtorture;
using daxtorture::tests::scratch;
namespace fs = std::filesystem;

namespace {

bundle sample() {
    bundle b;
    b.what = *parse_scenario("# why\n"
                             "scenario s\n"
                             "rule wake-key=refcount\n"
                             "file A\n"
                             "mm m0 maps A 0 shared rw\n"
                             "thread one: pin m0 0; unpin\n"
                             "thread two: truncate A 0\n",
                             "s.dax")
                  .value;
    b.command = {"daxtorture", "check", "s.dax", "--rule", "wake-key=\"quoted\""};
    b.memory = "tso";
    b.scheduler = "pct";
    b.seed = ~std::uint64_t{0};
    b.execution = 17;
    b.source_hash = "0123abcd";
    b.found.kind = failure_kind::deadlock;
    b.found.invariant = invariant::I28;
    b.found.cause = "wrong queue";
    b.found.detail = "line\nbreak";
    b.found.schedule = {0, 4'294'967'295u, 3};
    b.found.events = {
        {0, 0, "folio_put", "src/mm/folio.cpp", 51, "rmw", "page 0 refcount", "1025", "1", false, true},
        {2, -1, "", "", 0, "load", "", "", "", true, false}};
    b.found.state.tasks = {{1,
                            "two",
                            "truncate A 0",
                            true,
                            "page 0 to become idle",
                            "wait_page_idle at x:1",
                            true,
                            {"i_rwsem A"}}};
    b.found.state.folios = {{0, -1, 2, 3, "A", 4, {"one (pin)"}}};
    b.found.state.entries = {{"A", 5, 6, true, false}};
    b.found.state.wakes = {{"one", "page 0", 0}};
    b.found.state.cause = "wrong queue";
    b.found.state.invariant = invariant::I28;
    return b;
}

std::string read(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

void write(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::size_t entries_in(const fs::path& directory) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

} // namespace

TEST_CASE("a bundle reads back as it was written") {
    const scratch at;
    const bundle b = sample();
    const fs::path where = at.path / "deep" / "down" / "s-1";
    REQUIRE_FALSE(write_bundle(where / "", b, "what the user saw\n"));
    CHECK(read(where / "report.txt") == "what the user saw\n");
    CHECK(entries_in(where.parent_path()) == 1);

    const bundle_result got = read_bundle(where);
    INFO(got.error);
    REQUIRE(got);
    const bundle& r = *got.value;
    CHECK(r.what == b.what);
    CHECK(r.command == b.command);
    CHECK(r.memory == b.memory);
    CHECK(r.engine == b.engine);
    CHECK(r.scheduler == b.scheduler);
    CHECK(r.seed == b.seed);
    CHECK(r.execution == b.execution);
    CHECK(r.source_hash == b.source_hash);
    CHECK(r.found.kind == b.found.kind);
    CHECK(r.found.invariant == b.found.invariant);
    CHECK(r.found.cause == b.found.cause);
    CHECK(r.found.detail == b.found.detail);
    CHECK(r.found.schedule == b.found.schedule);
    REQUIRE(r.found.events.size() == 2);
    CHECK(r.found.events[0].function == "folio_put");
    CHECK(r.found.events[0].line == 51);
    CHECK(r.found.events[0].operation == 0);
    CHECK(r.found.events[0].preempted);
    CHECK(r.found.events[1].operation == -1);
    CHECK(r.found.events[1].stale);
    REQUIRE(r.found.state.tasks.size() == 1);
    CHECK(r.found.state.tasks[0].held == b.found.state.tasks[0].held);
    CHECK(r.found.state.tasks[0].predicate_true);
    REQUIRE(r.found.state.folios.size() == 1);
    CHECK(r.found.state.folios[0].refcount == -1);
    CHECK(r.found.state.folios[0].holders == b.found.state.folios[0].holders);
    CHECK(r.found.state.entries.at(0).locked);
    CHECK(r.found.state.wakes.at(0).key == "page 0");

    const std::string first = read(where / "bundle.json");
    REQUIRE_FALSE(write_bundle(where, r, "again"));
    CHECK(read(where / "bundle.json") == first);
    CHECK(read(where / "report.txt") == "again");
    CHECK(entries_in(where.parent_path()) == 1);
}

TEST_CASE("a bundle does not replace what is no bundle") {
    const scratch at;
    fs::create_directory(at.path / "mine");
    write(at.path / "mine" / "thesis.tex", "years of work");
    write(at.path / "file", "");
    CHECK(*write_bundle(at.path / "mine", sample(), "") ==
          (at.path / "mine").string() + ": expected a new name or an older bundle, got something else");
    CHECK(write_bundle(at.path / "file", sample(), "")->ends_with("got something else"));
    CHECK(write_bundle(at.path / "file" / "below", sample(), "")->find("Not a directory") !=
          std::string::npos);
    CHECK(read(at.path / "mine" / "thesis.tex") == "years of work");
    CHECK(entries_in(at.path) == 2);
}

TEST_CASE("a trace is part of its bundle, and goes with it") {
    const scratch at;
    REQUIRE_FALSE(write_bundle(at.path / "b", sample(), "", "[]\n"));
    CHECK(read(at.path / "b" / "trace.json") == "[]\n");
    REQUIRE_FALSE(write_bundle(at.path / "b", sample(), ""));
    CHECK_FALSE(fs::exists(at.path / "b" / "trace.json"));
    CHECK(entries_in(at.path) == 1);
}

TEST_CASE("two writers of one bundle both succeed") {
    const scratch at;
    std::atomic<unsigned> problems{0};
    for (unsigned round = 0; round < 40; ++round) {
        const fs::path where = at.path / std::to_string(round);
        std::barrier together(4);
        std::vector<std::thread> writers;
        for (int i = 0; i < 4; ++i)
            writers.emplace_back([&] {
                together.arrive_and_wait();
                for (int again = 0; again < 3; ++again)
                    problems += write_bundle(where, sample(), "").has_value();
            });
        for (std::thread& one : writers)
            one.join();
        CHECK(read_bundle(where));
    }
    CHECK(problems == 0);
    CHECK(entries_in(at.path) == 40);
}

TEST_CASE("a read-only directory is an error and stays as it was") {
    if (geteuid() == 0) {
        CHECK(write_bundle("/proc/no/bundle", sample(), "")->starts_with("/proc/no: "));
        return; // root may write anywhere else
    }
    const scratch at;
    fs::permissions(at.path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(*write_bundle(at.path / "b", sample(), "") == (at.path / "b").string() + ": Permission denied");
    CHECK(entries_in(at.path) == 0);
}

TEST_CASE("a bundle torn at any byte is refused with file and place") {
    const scratch at;
    const fs::path where = at.path / "b";
    REQUIRE_FALSE(write_bundle(where, sample(), ""));
    const std::string whole = read(where / "bundle.json");
    const std::string name = (where / "bundle.json").string();
    for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {
        write(where / "bundle.json", whole.substr(0, length));
        const bundle_result got = read_bundle(where);
        REQUIRE_FALSE(got);
        REQUIRE(got.error.starts_with(name + ":"));
        REQUIRE(got.error.find("expected") != std::string::npos);
    }
    write(where / "bundle.json", "{\n  \"version\": 1,\n  oops }\n");
    CHECK(read_bundle(where).error == name + ":3:3: expected JSON");
    write(where / "bundle.json", whole.substr(0, 2));
    CHECK(read_bundle(where).error == name + ":2:1: expected more JSON, got end of file (is it torn?)");
}

TEST_CASE("a bundle that is not one is refused with the key that is wrong") {
    const scratch at;
    const fs::path where = at.path / "b";
    CHECK(read_bundle(where).error == (where / "bundle.json").string() + ": No such file or directory");
    REQUIRE_FALSE(write_bundle(where, sample(), ""));
    const std::string whole = read(where / "bundle.json");
    const std::string name = (where / "bundle.json").string();
    const auto changed = [&](const std::string& from, const std::string& to) {
        std::string text = whole;
        const std::size_t found = text.find(from);
        REQUIRE(found != std::string::npos);
        text.replace(found, from.size(), to);
        write(where / "bundle.json", text);
        return read_bundle(where).error;
    };
    CHECK(changed("\"version\": 1", "\"version\": 2") == name + ": version: expected 1, got 2");
    CHECK(changed("\"version\": 1", "\"version\": \"1\"") == name + ": version: expected a whole number");
    CHECK(changed("\"memory\": \"tso\"", "\"memory\": \"arm\"") ==
          name + ": memory: expected sc, tso or weak");
    CHECK(changed("\"schedule\": [0,4294967295", "\"schedule\": [0,4294967296") ==
          name + ": schedule[1]: expected a number in range");
    CHECK(changed("\"schedule\": [0", "\"schedule\": [-1") ==
          name + ": schedule[0]: expected a number in range");
    CHECK(changed("\"kind\": \"hang\"", "\"kind\": \"bad luck\"") ==
          name + ": kind: expected a kind of failure");
    const std::string last = std::to_string(invariant_table.size());
    const std::string beyond = std::to_string(invariant_table.size() + 1);
    CHECK(changed("\"invariant\": 28", "\"invariant\": " + beyond) ==
          name + ": invariant: expected 0 to " + last);
    CHECK(changed("\"blocked\":true", "\"blocked\":1") ==
          name + ": state.tasks[0].blocked: expected true or false");
    CHECK(changed("\"pfn\":0,", "") == name + ": state.folios[0]: expected key 'pfn'");
    CHECK(changed("\"cause\": ", "\"because\": ") == name + ": expected key 'cause'");
    write(where / "bundle.json", "[]");
    CHECK(read_bundle(where).error == name + ": expected an object");

    write(where / "bundle.json", whole);
    write(where / "scenario.dax", "scenario s\nthread one: unpim\n");
    CHECK(read_bundle(where).error.starts_with((where / "scenario.dax").string() +
                                               ":2:13: expected an operation"));
    fs::remove(where / "scenario.dax");
    CHECK(read_bundle(where).error == (where / "scenario.dax").string() + ": No such file or directory");
}
