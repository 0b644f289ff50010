// The journal of a campaign: whole records or none, damage named by its place, totals the sum of records, merging a union.
#include "base/fnv1a.hpp"
#include "run/campaign/codec.hpp"
#include "run/campaign/journal.hpp"
#include "run/campaign/merge.hpp"
#include "run/campaign/summary.hpp"
#include "run/campaign/worker_protocol.hpp"

#include "tests/catch.hpp"
#include "tests/scratch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

using namespace daxtorture;
using daxtorture::tests::scratch;
namespace fs = std::filesystem;

namespace {

begin_record begun(const std::string& run, unsigned shard = 0) {
    begin_record r;
    r.origin.run = run;
    r.origin.version = "1.0";
    r.parameters.loads = {{"default", "", "v6.15", {}, "arm64-4k"}};
    r.parameters.seconds = 60;
    r.parameters.seed = 7;
    r.parameters.shard_index = shard;
    r.parameters.shard_count = 2;
    return r;
}

slice_record slice(double seconds, std::uint64_t pins) {
    slice_record r;
    r.seconds = seconds;
    r.at = seconds;
    r.rounds = 2;
    r.quiescent_checks = 1;
    r.per_operation = {{"pin", pins, pins / 2}};
    r.seen.latencies = {{"pin", pins, {0, 3, 1}}};
    r.seen.near_misses = {{"gup-recheck", pins / 2, {}}};
    r.seen.overlaps = {{"pin|truncate", 2, {}}};
    return r;
}

end_record passed() {
    end_record r;
    r.verdict = verdict_kind::pass;
    r.complete = true;
    return r;
}

fs::path run_of(const fs::path& where, const begin_record& begin, std::uint64_t pins, bool ended = true) {
    journal_writer journal = journal_writer::create(where);
    journal.append(begin);
    journal.append(slice(1, pins));
    journal.append(slice(2, pins));
    if (ended)
        journal.append(passed());
    return where;
}

std::string contents(const fs::path& directory) {
    std::ifstream file(journal_file(directory), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void replace_contents(const fs::path& directory, const std::string& text) {
    std::ofstream(journal_file(directory), std::ios::binary) << text;
}

std::string error_of(const fs::path& directory) {
    try {
        read_journal(directory);
    } catch (const journal_error& wrong) {
        return wrong.what();
    }
    return "";
}

std::uint64_t pins(const run_contents& run) { return summarise(run).per_operation.at(0).total; }

} // namespace

TEST_CASE("totals are the sum of the records") {
    const scratch dir;
    const run_contents run = read_journal(run_of(dir.path / "r", begun("a"), 10));
    CHECK(run.records == 4);
    CHECK(run.notice.empty());
    const stress_summary sum = summarise(run);
    CHECK(sum.operations == 20);
    CHECK(sum.per_operation.at(0).done == 10);
    CHECK(sum.rounds == 4);
    CHECK(sum.seen.latencies == tallies{{"pin", 20, {0, 6, 2}}});
    CHECK(sum.seen.near_misses == tallies{{"gup-recheck", 10, {}}});
    CHECK(sum.seen.overlaps == tallies{{"pin|truncate", 4, {}}});
    CHECK(sum.seconds == 3);
    CHECK(sum.verdict == verdict_kind::pass);
}

TEST_CASE("a journal cut anywhere keeps every whole record and goes on") {
    const scratch dir;
    const std::string text = contents(run_of(dir.path / "r", begun("a"), 10));
    const std::size_t first = text.find('\n') + 1;
    for (std::size_t cut = first; cut < text.size(); cut += 7) {
        replace_contents(dir.path / "r", text.substr(0, cut));
        const run_contents run = read_journal(dir.path / "r");
        const auto whole = static_cast<std::uint64_t>(
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
        CHECK(run.records == whole);
        CHECK(run.notice.empty() == (text[cut - 1] == '\n'));
        {
            journal_writer journal = journal_writer::resume(run);
            journal.append(slice(1, 100));
        }
        const run_contents more = read_journal(dir.path / "r");
        CHECK(more.notice.empty());
        CHECK(more.records == whole + 1);
        CHECK(summarise(more).operations == summarise(run).operations + 100);
    }
}

TEST_CASE("damage in the middle is an error with its line") {
    const scratch dir;
    const std::string text = contents(run_of(dir.path / "r", begun("a"), 10));
    const std::size_t second = text.find('\n') + 1;
    const std::string place = journal_file(dir.path / "r").string() + ":2: ";
    std::string changed = text;
    changed[text.find("\"pin\":[", second) + 7] = '9';
    replace_contents(dir.path / "r", changed);
    CHECK(error_of(dir.path / "r") == place + "wrong checksum: the record was damaged");

    replace_contents(dir.path / "r", text.substr(0, second) + text.substr(text.find('\n', second) + 1));
    CHECK(error_of(dir.path / "r") == place + "expected record 1, got 2");

    replace_contents(dir.path / "r", text.substr(0, second) + "hello\n" + text.substr(second));
    CHECK(error_of(dir.path / "r") == place + "expected a journal record");

    replace_contents(dir.path / "r", "");
    CHECK(error_of(dir.path / "r").find(":1: expected the record that begins a run") != std::string::npos);
    CHECK(error_of(dir.path / "none").find("No such file") != std::string::npos);
}

TEST_CASE("a run directory has one writer and one run") {
    const scratch dir;
    CHECK_THROWS_AS(journal_writer::create("/proc/none"), journal_error);
    run_of(dir.path / "r", begun("a"), 10);
    CHECK_THROWS_AS(journal_writer::create(dir.path / "r"), journal_error);
    const run_contents run = read_journal(dir.path / "r");
    journal_writer one = journal_writer::resume(run);
    CHECK_THROWS_AS(journal_writer::resume(run), journal_error);
    one.append(slice(1, 1));
}

TEST_CASE("a device that is full takes nothing away") {
    const scratch dir;
    fs::create_directory(dir.path / "r");
    fs::create_symlink("/dev/full", journal_file(dir.path / "r"));
    {
        journal_writer journal = journal_writer::create(dir.path / "r");
        CHECK_THROWS_AS(journal.append(begun("a")), journal_full);
    }
    const fs::path run = run_of(dir.path / "s", begun("a"), 10);
    const std::string before = contents(run);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t all = limit.rlim_cur;
    {
        journal_writer journal = journal_writer::resume(read_journal(run));
        limit.rlim_cur = before.size() + 20; // the record begins, and does not fit
        setrlimit(RLIMIT_FSIZE, &limit);
        CHECK_THROWS_AS(journal.append(slice(1, 1)), journal_full);
        limit.rlim_cur = all;
        setrlimit(RLIMIT_FSIZE, &limit);
        CHECK(contents(run) == before);
        journal.append(slice(1, 1)); // there is room again
    }
    CHECK(pins(read_journal(run)) == 21);
}

TEST_CASE("merged shards have the totals of their sum, also when merged again") {
    const scratch dir;
    const fs::path a = run_of(dir.path / "a", begun("a", 0), 10);
    const fs::path b = run_of(dir.path / "b", begun("b", 1), 100);
    const fs::path m = dir.path / "m";
    const run_contents once = merge_runs({a, b}, m);
    CHECK(pins(once) == 220);
    CHECK(summarise(once).seconds == 6);
    CHECK(summarise(once).verdict == verdict_kind::pass);
    CHECK(pins(read_journal(m)) == 220);
    const std::string text = contents(m);
    merge_runs({a, b}, m);
    CHECK(contents(m) == text);
    merge_runs({b}, m);
    CHECK(contents(m) == text);
    merge_runs({m, a}, dir.path / "n");
    CHECK(contents(dir.path / "n") == text);
    CHECK_THROWS_AS(merge_runs({b}, a), journal_error); // `a` is a run of its own
    CHECK(pins(read_journal(a)) == 20);
}

TEST_CASE("a merge with a run that has not ended is inconclusive until it has") {
    const scratch dir;
    const fs::path a = run_of(dir.path / "a", begun("a", 0), 10);
    const fs::path b = run_of(dir.path / "b", begun("b", 1), 100, false);
    CHECK(summarise(merge_runs({a, b}, dir.path / "m")).verdict == verdict_kind::inconclusive);
    {
        journal_writer journal = journal_writer::resume(read_journal(b));
        journal.append(passed());
    }
    const run_contents ended = merge_runs({a, b}, dir.path / "m");
    CHECK(summarise(ended).verdict == verdict_kind::pass);
    CHECK(pins(ended) == 220);
}

TEST_CASE("mixed versions and parameters are not merged") {
    const scratch dir;
    const fs::path a = run_of(dir.path / "a", begun("a"), 10);
    begin_record other = begun("b");
    other.origin.version = "2.0";
    CHECK_THROWS_AS(merge_runs({a, run_of(dir.path / "b", other, 10)}, dir.path / "m"), journal_error);
    other = begun("c");
    other.parameters.loads.front().protocol = "v6.12";
    CHECK_THROWS_AS(merge_runs({a, run_of(dir.path / "c", other, 10)}, dir.path / "m"), journal_error);
    other = begun("d");
    other.parameters.seed = 8;
    CHECK(pins(merge_runs({a, run_of(dir.path / "d", other, 10)}, dir.path / "m")) == 40);
}

TEST_CASE("messages of a worker process survive, half lines do not") {
    leg_report report;
    report.rounds = 3;
    report.per_operation = {{"pin", 5, 4}};
    report.seen.near_misses = {{"idle-wake", 3, {0, 0, 3}}};
    const std::string line = encode_message(report);
    const auto back = decode_message(line);
    REQUIRE(back.has_value());
    CHECK(std::get<leg_report>(*back).per_operation.at(0).done == 4);
    CHECK(std::get<leg_report>(*back).seen == report.seen);
    CHECK_FALSE(decode_message(line.substr(0, line.size() / 2)).has_value());
    failure found;
    found.cause = "lost wake-up";
    CHECK(std::get<failure>(*decode_message(encode_message(found))).cause == "lost wake-up");
}

TEST_CASE("observations grow by their difference and add up again") {
    const observations before{{{"pin", 3, {1, 2}}}, {}, {{"pin|pin", 1, {}}}};
    const observations now{
        {{"load", 1, {0, 0, 1}}, {"pin", 5, {1, 2, 0, 2}}}, {{"busy-page", 2, {}}}, {{"pin|pin", 1, {}}}};
    const observations grown = difference(now, before);
    CHECK(grown.latencies == tallies{{"load", 1, {0, 0, 1}}, {"pin", 2, {0, 0, 0, 2}}});
    CHECK(grown.overlaps.empty());
    observations sum = before;
    add(sum, grown);
    CHECK(sum.latencies == tallies{{"pin", 5, {1, 2, 0, 2}}, {"load", 1, {0, 0, 1}}});
    CHECK(sum.near_misses == now.near_misses);
}

TEST_CASE("quantiles lie inside their buckets") {
    const tally of{"x", 100, {0, 0, 0, 90, 0, 10}}; // 90 in [8, 16), 10 in [32, 64)
    CHECK(closest(of) == 8);
    CHECK(quantile(of, 0.5) > 8);
    CHECK(quantile(of, 0.5) < 16);
    CHECK(quantile(of, 0.99) > 32);
    CHECK(quantile(of, 0.99) < 64);
    CHECK(quantile(tally{"none", 7, {}}, 0.5) == 0);
}

TEST_CASE("a record that is whole but not as expected names the path of its field") {
    const scratch dir;
    run_of(dir.path / "r", begun("a"), 10);
    const std::string text = contents(dir.path / "r");
    // Somebody else's journal, or that of another version: its checksums are right.
    const auto error_with = [&](const std::string& from, const std::string& to) {
        std::string changed;
        std::size_t at = 0;
        while (at < text.size()) {
            const std::size_t end = text.find('\n', at);
            std::string line = text.substr(at, end - at);
            const std::string head = R"({"check":"0123456789abcdef","record":)";
            std::string record = line.substr(head.size(), line.size() - head.size() - 1);
            if (const std::size_t found = record.find(from); found != std::string::npos)
                record.replace(found, from.size(), to);
            changed += fmt::format(R"({{"check":"{:016x}","record":{}}})", fnv1a(record), record) + "\n";
            at = end + 1;
        }
        REQUIRE(changed != text);
        replace_contents(dir.path / "r", changed);
        return error_of(dir.path / "r");
    };
    const std::string file = journal_file(dir.path / "r").string();
    CHECK(error_with(R"("workers":0)", R"("workers":"two")") ==
          file + ":1: record.parameters.workers: expected a whole number");
    CHECK(error_with(R"("workers":0)", R"("warkers":0)") ==
          file + ":1: record.parameters: expected key 'workers'");
    CHECK(error_with(R"("rounds":2)", R"("rounds":-2)") ==
          file + ":2: record.rounds: expected a number in range");
    CHECK(error_with(R"("pin":[10,5])", R"("pin":[10])") ==
          file + ":2: record.per_operation.pin: expected two numbers");
}
