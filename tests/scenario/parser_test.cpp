// The scenario language: what it accepts, what it prints, where it points when it refuses.
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include "tests/catch.hpp"

#include <string>

using namespace daxtorture;

namespace {

/// A file that parses, with one line put in at line 2.
std::string with(const std::string& line) {
    return "scenario t\n" + line +
           "\n"
           "file A fs=xfs pages=2\n"
           "mm m0 maps A 0..2 shared rw\n"
           "thread one: pin m0 0; unpin\n"
           "thread two: truncate A 0\n";
}

std::string error_of(const std::string& text) {
    const parse_result result = parse_scenario(text, "f.dax");
    return result ? "" : result.error.text();
}

program parsed(const std::string& text) {
    parse_result result = parse_scenario(text, "f.dax");
    INFO(result.error.text());
    REQUIRE(result);
    return std::move(*result.value);
}

struct wrong {
    const char* line;            ///< put in at line 2
    const char* error;           ///< what follows "f.dax:2:"
    const char* whole = nullptr; ///< the whole message, when the mistake is on another line
};

} // namespace

TEST_CASE("a scenario with everything is read as written") {
    const program p = parsed("# First line.\n"
                             "#\n"
                             "#   indented\n"
                             "\n"
                             "scenario  all-of-it\n"
                             "title     anything: even # and ; here\n"
                             "claim     I7 I18\n"
                             "protocol  v6.12   # a comment\n"
                             "rule      scan-unmapped=scan wake-key=page\n"
                             "memory    tso\n"
                             "geometry  real pmd=5\n"
                             "file      A fs=ext4 pages=4 huge\n"
                             "file      B\n"
                             "spare     3\n"
                             "altmap    2\n"
                             "mm        m0 maps A 1..3 shared rw\n"
                             "mm        m1 maps B 0 private ro\n"
                             "mm        m0 maps B 0 at 8 shared ro\n"
                             "setup     store m0 1; pin m0 2 slow\n"
                             "thread    a-1: pin m0 1 longterm slow; unpin; interrupt b.2;\n"
                             "thread    b.2: punch A 1..3; break A 2 nowait; evict B; truncate A 0\n"
                             "expect    pass\n"
                             "expect    fail I7 under v6.1\n"
                             "expect    inconclusive under v6.12\n"
                             "note      bug BUG-00 # not a comment\n");
    CHECK(p.comment == std::vector<std::string>{"First line.", "", "  indented"});
    CHECK(p.name == "all-of-it");
    CHECK(p.title == "anything: even # and ; here");
    CHECK(p.claims == std::vector<invariant>{invariant::I7, invariant::I18});
    CHECK(p.protocol == "v6.12");
    CHECK(p.rules.size() == 2);
    CHECK(p.world.rules.unmapped == scan_unmapped::scan);
    CHECK(p.world.rules.locked == scan_locked::skip);
    CHECK(p.world.rules.waker_key == wait_key::page);
    CHECK(p.memory == "tso");
    CHECK(p.world.shape == geometry{256, 6, 5});
    REQUIRE(p.world.files.size() == 2);
    CHECK(p.world.files[0] == file_config{"A", fs_kind::ext4, 4, true});
    CHECK(p.world.files[1] == file_config{"B", fs_kind::xfs, 1});
    CHECK(p.world.spare_blocks == 3);
    CHECK(p.world.altmap_pages == 2);
    CHECK(p.world.workers == 2);
    REQUIRE(p.world.mms.size() == 2);
    REQUIRE(p.world.mms[0].areas.size() == 2);
    CHECK(p.world.mms[0].areas[0] == area_config{0, 1, 3, 1, true, true});
    CHECK(p.world.mms[0].areas[1] == area_config{1, 0, 1, 8, true, false});
    CHECK(p.world.mms[1].areas[0] == area_config{1, 0, 1, 0, false, false});
    CHECK(p.setup.size() == 2);
    REQUIRE(p.threads.size() == 2);
    REQUIRE(p.threads[0].operations.size() == 3);
    CHECK(p.threads[0].operations[0] == operation{op::pin, 3, 0, 1, 0, 0});
    CHECK(p.threads[0].operations[0].line == 20);
    CHECK(p.threads[0].operations[2] == operation{op::interrupt, 0, 1, 0, 0, 0});
    CHECK(p.threads[1].operations[0] == operation{op::punch, 0, 0, 1, 3, 0});
    CHECK(p.threads[1].operations[1] == operation{op::brk, 4, 0, 2, 3, 0});
    REQUIRE(p.expectations.size() == 3);
    CHECK(p.expectations[1] == expectation{verdict_kind::fail, {invariant::I7}, "v6.1"});
    CHECK(p.notes == std::vector<std::pair<std::string, std::string>>{{"bug", "BUG-00 # not a comment"}});

    const std::string text = print(p);
    const program again = parsed(text);
    CHECK(again == p);
    CHECK(print(again) == text);
}

TEST_CASE("CR LF, a byte order mark and a missing last newline are tolerated") {
    std::string text = "\xef\xbb\xbf" + with("claim I7");
    std::string dos;
    for (const char c : text)
        dos += c == '\n' ? std::string("\r\n") : std::string(1, c);
    while (dos.ends_with('\n') || dos.ends_with('\r'))
        dos.pop_back();
    CHECK(parsed(dos) == parsed(text));
}

TEST_CASE("lines may come in any order") {
    CHECK_NOTHROW(parsed("thread a: pin m0 0; interrupt b\n"
                         "setup store m0 0\n"
                         "thread b: evict A\n"
                         "mm m0 maps A 0 shared rw\n"
                         "file A\n"
                         "scenario upside-down\n"));
}

TEST_CASE("ranges of pins, second places and TLBs are read and printed again") {
    const program p =
        parsed("scenario s\n"
               "geometry tiny pmd=1 pud=2 tlb=2\n"
               "file D fs=devdax pages=4 align=pud\n"
               "file A fs=fuse pages=4\n"
               "mm m0 maps A 0..4 at 2 or 8 shared rw\n"
               "mm m1 maps A 0..4 at 2 or 8 shared rw\n"
               "setup munmap m1\n"
               "thread one: pin m0 2..5 fast; get m0 8..9; fork m0 m1; mremap m0; mlock m0; pagemap m1\n");
    CHECK(p.world.shape.tlb_entries == 2);
    CHECK(p.world.shape.pud_order == 2);
    CHECK(p.world.files[0].align == page_align::pud);
    CHECK(p.world.mms[0].areas[0].or_at == 8U);
    const std::vector<operation>& all = p.threads[0].operations;
    CHECK(all[0].pages_end() == 5);
    CHECK(all[1].last == 0); // one page, however it is written
    CHECK(all[1].pages_end() == 9);
    CHECK(all[2].other == 1);
    const std::string text = print(p);
    CHECK(text.find("maps A 0..4 at 2 or 8 shared rw") != std::string::npos);
    CHECK(text.find("pin m0 2..5 fast; get m0 8; fork m0 m1; mremap m0; mlock m0; pagemap m1") !=
          std::string::npos);
    CHECK(print(parsed(text)) == text);
}

TEST_CASE("each kind of mistake is named with its exact place") {
    const wrong cases[] = {
        {"sceanrio x", "1: expected a keyword, got 'sceanrio'; did you mean 'scenario'?"},
        {"  bogus", "3: expected a keyword, got 'bogus'"},
        {"scenario again", "1: expected one 'scenario' line, got a second"},
        {"title", "6: expected a title, got end of line"},
        {"claim", "6: expected an invariant, got end of line"},
        {"claim I35", "7: expected an invariant, I1 to I34, got 'I35'"},
        {"claim I7 7", "10: expected an invariant, I1 to I34, got '7'"},
        {"claim I7 I7", "10: expected an invariant not claimed yet, got 'I7'"},
        {"claim I99999999999999999999", "7: expected an invariant, I1 to I34, got 'I99999999999999999999'"},
        {"protocol v6.99x",
         "10: expected a protocol (v4.5-devmap, v4.18, v6.1, v6.12, v6.12-fixed, series-v1, "},
        {"protocol", "9: expected a protocol, got end of line"},
        {"protocol v6.1 v6.12", "15: expected end of line, got 'v6.12'"},
        {"rule wake-key", "6: expected RULE=VALUE, got 'wake-key'"},
        {"rule wak-key=page", "6: expected a rule, got 'wak-key'; did you mean 'wake-key'?"},
        {"rule wake-key=pag",
         "15: expected a value of rule wake-key (page, refcount), got 'pag'; did you mean 'page'?"},
        {"rule wake-key=page wake-key=page", "20: expected a rule not set yet, got 'wake-key'"},
        {"memory strong", "8: expected a memory model (sc, tso, weak), got 'strong'"},
        {"geometry tiny tbl=1",
         "15: expected pmd=ORDER, pud=ORDER, tlb=ENTRIES or end of line (pmd, pud, tlb), got 'tbl'"},
        {"file B align=pud", "14: expected align= of a devdax device of whole pages of a level"},
        {"geometry tiny pmd=2 pud=2",
         "25: expected the order of a PUD entry, above a PMD's (3 to 19), got '2'"},
        {"geometry tiny tlb=0", "19: expected a number of TLB entries (1 to 4096), got '0'"},
        {"geometry tiny pmd=14", "19: expected the order of a PMD entry (0 to 13), got '14'"},
        {"geometry huge", "10: expected a geometry (tiny, real), got 'huge'"},
        {"file B\nfile B", "", "f.dax:3:6: expected a new file name, got 'B' a second time"},
        {"file", "5: expected a file name, got end of line"},
        {"file .x", "6: expected a file name of letters, digits, '_', '-' and '.', got '.x'"},
        {"file B fs=zfs", "11: expected a filesystem (ext4, xfs, fuse, ext2, devdax, private, coherent, "
                          "p2pdma), got 'zfs'; did you mean 'xfs'?"},
        {"file B pages=0", "14: expected a number of pages (1 to 1048576), got '0'"},
        {"file B pages=99999999999999999999",
         "14: expected a number of pages (1 to 1048576), got '99999999999999999999'"},
        {"file B pages=2x", "14: expected a number of pages (a number), got '2x'"},
        {"file B pages=-1", "14: expected a number of pages (a number), got '-1'"},
        {"file B pages=2 dmap", "16: expected a fuse file before 'dmap', got 'dmap'"},
        {"file B pages", "8: expected fs=KIND, pages=NUMBER, align=LEVEL, huge or dmap, got 'pages'"},
        {"file B page=1",
         "8: expected fs=KIND, pages=NUMBER, align=LEVEL, huge or dmap (fs, pages, align), got "
         "'page'; did you mean 'pages'?"},
        {"spare many", "7: expected a number of blocks (a number), got 'many'"},
        {"mm m1 map A 0..2 shared rw", "7: expected 'maps FILE FIRST..END', got 'map'"},
        {"mm m1 maps C 0..2 shared rw", "12: expected a file (A), got 'C'; did you mean 'A'?"},
        {"mm m1 maps A 0..3 shared rw", "14: expected a range of A's pages (within 0..2), got '0..3'"},
        {"mm m1 maps A 2..1 shared rw", "14: expected a range whose end is above its first page, got '2..1'"},
        {"mm m1 maps A 0..0 shared rw", "14: expected a range whose end is above its first page, got '0..0'"},
        {"mm m1 maps A 0.. shared rw", "14: expected a range FIRST..END, got '0..'"},
        {"mm m1 maps A 0..2 at x shared rw", "22: expected a virtual page (a number), got 'x'"},
        {"mm m1 maps A 0..2 rw", "19: expected the sharing (shared, private), got 'rw'"},
        {"mm m1 maps A 0..2 shared", "25: expected 'rw' or 'ro', got end of line"},
        {"mm m1 maps A 0..2 shared rw ro", "29: expected end of line, got 'ro'"},
        {"setup", "6: expected an operation, got end of line"},
        {"setup stor m0 0", "7: expected an operation, got 'stor'; did you mean 'store'?"},
        {"setup frobnicate", "7: expected an operation, got 'frobnicate'"},
        {"setup store", "12: expected an mm, got end of line"},
        {"setup store m9 0", "13: expected an mm (m0), got 'm9'; did you mean 'm0'?"},
        {"setup store m0", "15: expected a page of m0, got end of line"},
        {"setup store m0 2", "16: expected a page that m0 maps (0..2), got '2'"},
        {"setup store m0 0 slow", "18: expected '->', ';' or end of line, got 'slow'"},
        {"setup pin m0 0..3", "14: expected pages that m0 maps (0..2), got '0..3'"},
        {"setup fork m0 m0", "15: expected another mm with the same areas, got 'm0'"},
        {"setup pin m0 0 quick",
         "16: expected 'slow', 'fast', 'longterm', '->', ';' or end of line, got 'quick'"},
        {"setup pin m0 0 slow slow", "21: expected 'fast', 'longterm', '->', ';' or end of line, got 'slow'"},
        {"setup truncate A 3", "18: expected a size of A in pages (0 to 2), got '3'"},
        {"setup truncate A", "17: expected a size of A in pages, got end of line"},
        {"setup punch A 1..9", "15: expected a range of A's pages (within 0..2), got '1..9'"},
        {"setup evict B", "13: expected a file (A), got 'B'; did you mean 'A'?"},
        {"setup interrupt three", "17: expected a thread (one, two), got 'three'"},
        {"setup unpin;; unpin", "13: expected an operation, got ';'"},
        {"thread one: unpin", "", "f.dax:5:8: expected a new thread name, got 'one' a second time"},
        {"thread three unpin", "14: expected ':' after the thread's name, got 'unpin'"},
        {"thread : unpin", "8: expected a thread name of letters"},
        {"thread three:", "14: expected an operation, got end of line"},
        {"expect maybe", "8: expected a verdict (pass, fail, inconclusive), got 'maybe'"},
        {"expect", "7: expected a verdict"},
        {"expect pass I7", "13: expected 'under' or end of line (only 'fail' names invariants), got 'I7'"},
        {"expect fail I7 I8 I7", "19: expected an invariant not expected yet, got 'I7'"},
        {"expect fail X7", "13: expected an invariant, I1 to I34, got 'X7'"},
        {"expect fail I7 under", "21: expected a protocol, got end of line"},
        {"expect fail under v9",
         "19: expected a protocol (v4.5-devmap, v4.18, v6.1, v6.12, v6.12-fixed, series-v1, "},
        {"note", "5: expected a note's key, got end of line"},
        {"note bug", "9: expected a note's text, got end of line"},
        {"claim I7 \x01", "10: expected text, got byte \\x01"},
        {"\x7f"
         "ELF",
         "1: expected text, got byte \\x7f"},
        {"\xff\xfe", "1: expected UTF-8, got byte \\xff"},
    };
    for (const wrong& one : cases) {
        INFO(one.line);
        const std::string error = error_of(with(one.line));
        const std::string expected = one.whole != nullptr ? one.whole : std::string("f.dax:2:") + one.error;
        // Some messages end in a list that grows with the tables.
        CHECK(error.substr(0, expected.size()) == expected);
    }
}

TEST_CASE("mistakes of a file as a whole") {
    CHECK(error_of("") == "f.dax:1:1: expected a 'scenario NAME' line, got none");
    CHECK(error_of("scenario x\n\n") ==
          "f.dax:2:1: expected at least one 'thread NAME: OPERATION; ...' line, got none");
    CHECK(error_of(std::string("scenario x\n\0y", 13)) == "f.dax:2:1: expected text, got byte \\x00");
    CHECK(error_of("scenario x\ntitle caf\xe9\n") == "f.dax:2:10: expected UTF-8, got byte \\xe9");
    CHECK(error_of(std::string(2 << 20, '#')).starts_with("f.dax:1:1: expected at most 1048576 bytes"));
    CHECK(error_of(with("file B pages=1048576"))
              .starts_with("f.dax:6:1: expected at most 1048576 pages in all files"));

    std::string many = "scenario x\n";
    for (int i = 0; i < 9; ++i)
        many += "thread t" + std::to_string(i) + ": unpin\n";
    CHECK(error_of(many) == "f.dax:10:8: expected at most 8 threads, got more");

    std::string longest = "scenario x\nthread t: unpin";
    for (unsigned i = 1; i < limits::operations; ++i)
        longest += "; unpin";
    CHECK(error_of(longest).empty());
    CHECK(error_of(longest + "; unpin").find("expected at most 256 operations, got more") !=
          std::string::npos);
}

TEST_CASE("the machine decides the size of leaves at real geometry, unless the file does") {
    const program wide = parsed(with("geometry real\narch arm64-64k"));
    CHECK(wide.world.machine.name == "arm64-64k");
    CHECK(wide.world.shape.pmd_order == 13);
    CHECK(parsed(print(wide)) == wide);
    CHECK(parsed(with("arch arm64-64k\ngeometry real pmd=3")).world.shape.pmd_order == 3);
    CHECK(parsed(with("geometry tiny\narch arm64-64k")).world.shape.pmd_order == 0);
    CHECK(error_of(with("arch arm64")).starts_with("f.dax:2:6: expected an architecture"));
}

TEST_CASE("a page of a device lies within that device") {
    const std::string devices = "scenario t\nfile A pages=1\nfile D fs=devdax pages=3\n";
    CHECK(parsed(devices + "thread a: grab D 2; put\n").threads[0].operations[0].first == 2);
    CHECK(error_of(devices + "thread a: grab D 3; put\n") ==
          "f.dax:4:18: expected a page of the device (0 to 2), got '3'");
    CHECK(error_of(devices + "thread a: grab pmem0 1\n") ==
          "f.dax:4:22: expected a page of the device (0 to 0), got '1'");
    CHECK(error_of("scenario t\nfile P fs=p2pdma\nthread a: grab pmem0 0\n") ==
          "f.dax:3:22: expected a device that has pages, got '0'");
}

TEST_CASE("areas of one mm may not overlap") {
    CHECK(error_of(with("mm m0 maps A 0..1 at 4 shared rw")).empty());
    CHECK(error_of(with("mm m0 maps A 1..2 shared rw")) ==
          "f.dax:4:14: expected an area that overlaps no other of m0, got one at virtual page 0");
}

TEST_CASE("a long or unprintable word is shortened and escaped in messages") {
    const std::string error = error_of("\xc3\xa9" + std::string(5000, 'x'));
    CHECK(error.size() < 120);
    CHECK(error.find("\\xc3\\xa9xxx") != std::string::npos);
    CHECK(error.find("...'") != std::string::npos);
}

TEST_CASE("free text with line breaks prints as one line") {
    program p = parsed(with("title t"));
    p.title = " two\nlines\t ";
    p.notes = {{"story", "a\r\nb"}};
    const program again = parsed(print(p));
    CHECK(again.title == "two lines");
    CHECK(again.notes[0].second == "a  b");
}

TEST_CASE("protocol and rules of the command line come on top of the file's") {
    program p = parsed(with("rule wake-key=refcount\nexpect fail I16\nexpect pass under v6.12"));
    const std::vector<std::string> none;

    SECTION("another protocol keeps the file's rules and changes what is expected") {
        REQUIRE_FALSE(resolve_rules(p, "v6.12", none));
        CHECK(p.protocol == "v6.12");
        CHECK(p.world.rules.idle == idle_value::one);
        CHECK(expectation_of(p)->verdict == verdict_kind::pass);
    }
    SECTION("a rule replaces the file's and ends what the file expects") {
        REQUIRE_FALSE(resolve_rules(p, "", std::vector<std::string>{"wake-key=page", "scan-locked=skip"}));
        CHECK(p.world.rules.waker_key == wait_key::page);
        CHECK(p.world.rules.locked == scan_locked::skip);
        CHECK(p.rules.size() == 2);
        CHECK_FALSE(expectation_of(p));
        CHECK(parsed(print(p)) == p);
    }
    SECTION("a rule that changes nothing leaves the expectation") {
        REQUIRE_FALSE(resolve_rules(p, "", std::vector<std::string>{"wake-key=refcount"}));
        CHECK(expectation_of(p)->expects_failure_of(invariant::I16));
        CHECK_FALSE(expectation_of(p)->expects_failure_of(invariant::I17));
    }
    SECTION("unknown names are errors and change nothing") {
        const program before = p;
        CHECK(resolve_rules(p, "v6.13", none)->starts_with("unknown protocol 'v6.13'; did you mean"));
        CHECK(
            resolve_rules(p, "", std::vector<std::string>{"wake=page"})->starts_with("unknown rule 'wake'"));
        CHECK(resolve_rules(p, "", std::vector<std::string>{"wake-key=x"})->starts_with("unknown value 'x'"));
        CHECK(resolve_rules(p, "", std::vector<std::string>{"wake-key"})->starts_with("expected RULE=VALUE"));
        CHECK(p == before);
    }
}
