// The scenario files of the repository, how files are found, and input that means no good.
#include "scenario/library.hpp"
#include "scenario/printer.hpp"

#include "base/seed.hpp"
#include "tests/catch.hpp"
#include "tests/scratch.hpp"

#include "daxtorture_config.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

using namespace daxtorture;
using daxtorture::tests::scratch;
namespace fs = std::filesystem;

namespace {

const fs::path models = fs::path(DAXTORTURE_SOURCE_ROOT) / "models";
const scenario_library library({models / "scenarios", models / "museum"});

std::string note_of(const program& p, std::string_view key) {
    for (const auto& [name, text] : p.notes)
        if (name == key)
            return text;
    return "";
}

} // namespace

TEST_CASE("every scenario file parses, says what it is about and prints back") {
    const std::vector<fs::path> files = library.list();
    REQUIRE(files.size() >= 25);
    std::set<std::string> names;
    for (const fs::path& file : files) {
        INFO(file);
        parse_result result = load_scenario(file);
        INFO(result.error.text());
        REQUIRE(result);
        const program& p = *result.value;
        CHECK(p.name == file.stem());
        CHECK(names.insert(p.name).second);
        CHECK_FALSE(p.comment.empty());
        CHECK_FALSE(p.title.empty());
        CHECK_FALSE(p.claims.empty());
        CHECK(expectation_of(p));
        const std::string text = print(p);
        const parse_result again = parse_scenario(text, "printed");
        INFO(text);
        REQUIRE(again);
        CHECK(*again.value == p);
        CHECK(print(*again.value) == text);
    }
}

TEST_CASE("every museum file names its bug, commit, story, need and fix, and the fix changes the protocol") {
    for (const fs::path& file : scenarios_in(models / "museum")) {
        INFO(file);
        program p = *load_scenario(file).value;
        for (const char* key : {"bug", "commit", "story"})
            CHECK_FALSE(note_of(p, key).empty());
        if (!note_of(p, "inexpressible").empty()) {
            CHECK(expectation_of(p)->verdict == verdict_kind::pass);
            CHECK(p.rules.empty());
            continue;
        }
        CHECK_FALSE(note_of(p, "fixed").empty());
        const std::string needs = note_of(p, "needs");
        CHECK((needs == "sc" || needs == "tso" || needs == "weak"));
        REQUIRE(expectation_of(p));
        CHECK(expectation_of(p)->verdict == verdict_kind::fail);
        // One that breaks now this invariant and now that one names both.
        CHECK_FALSE(expectation_of(p)->broken.empty());
        const protocol broken = p.world.rules;
        std::istringstream words(note_of(p, "fixed"));
        const std::vector<std::string> rules{std::istream_iterator<std::string>(words), {}};
        REQUIRE_FALSE(resolve_rules(p, "", rules));
        CHECK(p.world.rules != broken);
    }
}

TEST_CASE("scenarios are found by name, file and directory") {
    const fs::path file = models / "scenarios" / "break-vs-pin.dax";
    CHECK(library.find("break-vs-pin").files == std::vector<fs::path>{file});
    CHECK(library.find(file.string()).files == std::vector<fs::path>{file});
    CHECK(library.find("bug-08").files == std::vector<fs::path>{models / "museum" / "bug-08.dax"});
    CHECK(library.find((models / "museum").string()).files == scenarios_in(models / "museum"));

    CHECK(library.find("break-vs-pim").error == "unknown scenario 'break-vs-pim'; did you mean "
                                                "'break-vs-pin'?; `daxtorture check --list` lists them");
    CHECK(library.find("no/such.dax").error == "no/such.dax: No such file or directory");
    CHECK(library.find("").error.starts_with("unknown scenario ''"));
    const scratch empty;
    CHECK(library.find(empty.path.string()).error ==
          empty.path.string() + ": expected a directory with *.dax files, found none");
}

TEST_CASE("a file that cannot be read is an error of the file") {
    const scratch at;
    CHECK(load_scenario(at.path / "none.dax").error.text() ==
          (at.path / "none.dax").string() + ": No such file or directory");
    CHECK(load_scenario(at.path).error.text() == at.path.string() + ": Is a directory");
    std::ofstream(at.path / "bad.dax") << "scenario x\nthread a: unpim\n";
    CHECK(load_scenario(at.path / "bad.dax").error.text() ==
          (at.path / "bad.dax").string() +
              ":2:11: expected an operation, got 'unpim'; did you mean 'unpin'?");
}

TEST_CASE("no input makes the parser do anything but parse or refuse") {
    std::vector<std::string> texts;
    for (const fs::path& file : library.list())
        texts.push_back(print(*load_scenario(file).value));
    constexpr char bytes[] = "\0\t\r\n :;#=.0189azAZ_-\x7f\x80\xff";
    constexpr std::uint32_t byte_count = sizeof bytes - 1; // it has a NUL inside
    std::uint64_t accepted = 0;
    for (std::uint64_t round = 0; round < 20'000; ++round) {
        generator random(derive(1, round));
        std::string text = texts[random.below(static_cast<std::uint32_t>(texts.size()))];
        for (std::uint32_t change = random.below(4) + 1; change != 0; --change) {
            const std::size_t at = random.below(static_cast<std::uint32_t>(text.size()));
            const std::string& other = texts[random.below(static_cast<std::uint32_t>(texts.size()))];
            const std::size_t from = random.below(static_cast<std::uint32_t>(other.size()));
            switch (random.below(5)) {
            case 0:
                text[at] = bytes[random.below(byte_count)];
                break;
            case 1:
                text.insert(at, 1, bytes[random.below(byte_count)]);
                break;
            case 2:
                text.erase(at, random.below(20) + 1);
                break;
            case 3:
                text.insert(at, other, from, random.below(40));
                break;
            case 4:
                text.resize(at + 1);
                break;
            }
            if (text.empty())
                text = "\n";
        }
        const parse_result result = parse_scenario(text, "fuzz");
        if (!result) {
            if (result.error.line == 0 || result.error.column == 0 ||
                !result.error.message.starts_with("expected "))
                FAIL(result.error.text() + "\n" + text);
            continue;
        }
        ++accepted;
        const parse_result again = parse_scenario(print(*result.value), "printed");
        if (!again || !(*again.value == *result.value))
            FAIL(text);
    }
    CHECK(accepted > 100);
}
