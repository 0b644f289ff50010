#include "tests/catch.hpp"

#include "jobs/hunt/canonical.hpp"
#include "jobs/hunt/draw.hpp"
#include "jobs/hunt/worlds.hpp"

#include "scenario/choices.hpp"
#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <algorithm>
#include <set>
#include <string>

using namespace daxtorture;
using namespace daxtorture::jobs::hunt;

namespace {

program header() {
    program made;
    made.name = "drawn";
    static_cast<void>(resolve_rules(made, "v7.3", {}));
    return made;
}

template <class Visit> void each_drawn(unsigned batches, Visit visit) {
    for (unsigned batch = 0; batch < batches; ++batch) {
        generator random(derive(5, batch));
        const taste liked = draw_taste(random);
        program last;
        for (unsigned i = 0; i < 40; ++i) {
            last = i % 4 == 3 ? vary_program(last, liked, random) : draw_program(header(), liked, random);
            visit(last);
        }
    }
}

program parsed(const std::string& text) {
    parse_result read = parse_scenario("scenario drawn\n" + text, "drawn");
    INFO(text << read.error.text());
    REQUIRE(read);
    return std::move(*read.value);
}

} // namespace

TEST_CASE("every drawn program parses back to itself") {
    each_drawn(60, [](const program& drawn) {
        const std::string text = print(drawn);
        INFO(text);
        const parse_result read = parse_scenario(text, "drawn");
        INFO(read.error.text());
        REQUIRE(read);
        CHECK(*read.value == drawn);
    });
}

TEST_CASE("the operands of every drawn operation are among those that the world has") {
    each_drawn(40, [](const program& drawn) {
        INFO(print(drawn));
        const auto is_choice = [&](operation o) {
            const std::vector<operation> all = choices(o.kind, drawn.world);
            return std::ranges::find(all, o) != all.end();
        };
        CHECK(std::ranges::all_of(drawn.setup, is_choice));
        for (const thread_program& thread : drawn.threads)
            CHECK(std::ranges::all_of(thread.operations, is_choice));
    });
}

TEST_CASE("nobody waits for holders while holding, and every thread lets go") {
    each_drawn(40, [](const program& drawn) {
        INFO(print(drawn));
        for (const thread_program& thread : drawn.threads) {
            int pins = 0, gets = 0, leases = 0;
            for (const operation& o : thread.operations) {
                if (pins + gets + leases != 0 && may_wait_for_holders(o.kind))
                    CHECK((o.has(flag::nowait) && leases == 0));
                pins += (o.kind == op::pin) - (o.kind == op::unpin);
                gets += takes_reference(o.kind) - (o.kind == op::put);
                leases += (o.kind == op::lease) - (o.kind == op::unlease);
            }
            CHECK(pins == 0);
            CHECK(gets == 0);
            CHECK(leases == 0);
            CHECK(thread.operations.size() <= operations_max + 1);
        }
        for (const operation& o : drawn.setup)
            CHECK_FALSE((o.kind == op::pin || o.kind == op::lease || takes_reference(o.kind)));
    });
}

TEST_CASE("a drawn program is its own canonical form") {
    each_drawn(40, [](const program& drawn) {
        INFO(print(drawn));
        CHECK(print(canonical(drawn)) == print(drawn));
    });
}

TEST_CASE("all kinds of worlds and all operations are drawn") {
    std::set<op> met;
    each_drawn(300, [&](const program& drawn) {
        for (const thread_program& thread : drawn.threads)
            for (const operation& o : thread.operations)
                met.insert(o.kind);
    });
    for (const operation_info& known : operation_table) {
        INFO(known.name);
        CHECK(met.contains(known.kind));
    }
}

TEST_CASE("names do not tell programs apart") {
    const program one = canonical(parsed("file X fs=xfs pages=3\nfile Y fs=ext4 pages=1\n"
                                         "mm a maps X 0..3 shared rw\nmm b maps Y 0..1 shared rw\n"
                                         "setup memory-failure pmem0 2\n"
                                         "thread first: store a 2; truncate Y 0\nthread second: load b 0"));
    const program other =
        canonical(parsed("file Q fs=ext4 pages=1\nfile P fs=xfs pages=2\nfile R fs=fuse pages=2\n"
                         "mm unused maps R 0..2 shared rw\n"
                         "mm n maps Q 0..1 shared rw\nmm m maps P 0..2 shared rw\n"
                         "setup memory-failure pmem0 2\n"
                         "thread x: load n 0\nthread y: store m 1; truncate Q 0"));
    // The third file lives on the device that has a bad page, so it stays: one more line than in the first.
    INFO(print(one) << print(other));
    CHECK(fingerprint(one) != fingerprint(other));
    program without = other;
    std::erase_if(without.world.files, [](const file_config& file) { return file.fs == fs_kind::fuse; });
    CHECK(fingerprint(canonical(one)) == fingerprint(canonical(without)));
}

TEST_CASE("what differs beyond names is another program") {
    const std::string head = "file A pages=2\nmm m0 maps A 0..2 shared rw\n";
    const auto number = [&](const std::string& threads) {
        return fingerprint(canonical(parsed(head + threads)));
    };
    const std::uint64_t plain = number("thread a: store m0 0\nthread b: load m0 0");
    CHECK(number("thread b: load m0 1\nthread a: store m0 1") == plain);
    CHECK(number("thread a: store m0 0\nthread b: load m0 1") != plain);
    CHECK(number("thread a: store m0 0\nthread b: store m0 0") != plain);
    CHECK(number("setup load m0 0\nthread a: store m0 0\nthread b: load m0 0") != plain);
    CHECK(number("thread a: store m0 0; load m0 0\nthread b: load m0 0") != plain);
}

TEST_CASE("the first blocks are those of the model: huge files in aligned runs, others one by one") {
    world_config world;
    world.shape.pmd_order = 1;
    world.altmap_pages = 1;
    world.files = {{.name = "A", .pages = 1}, {.name = "B", .pages = 2, .huge = true}};
    const std::vector<block_place> places = first_places(world);
    REQUIRE(places.size() == 5);
    CHECK(places[0].file == block_place::nobody);
    CHECK(places[1].file == 0);
    CHECK((places[2].file == 1 && places[2].page == 0));
    CHECK((places[3].file == 1 && places[3].page == 1));
    CHECK((places[4].file == block_place::nobody && places[4].page == 1));
}
