/// The first minute: what the tool does, on its main case.
#include "cli/commands.hpp"
#include "jobs/interrupt.hpp"
#include "jobs/scenarios.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace daxtorture::cli {
namespace {

void headline(int number, const char* text, const char* command) {
    fmt::print("\n[{}/3] {}\n      $ {}\n\n", number, text, command);
    std::fflush(stdout);
}

} // namespace

exit_code run_demo() {
    fmt::print("Truncate must not free a block that a DMA pin still writes, and must not sleep for ever once "
               "it is idle.\n");

    headline(1,
             "Model-check it: the protocol of v7.3, all interleavings within a bound and many random ones.",
             "daxtorture check break-vs-pin");
    check_options correct;
    correct.targets = {"break-vs-pin"};
    correct.search.seconds = 20;
    const exit_code sound = run_check(correct);

    headline(2, "Bring back a historical bug: the last put wakes another address than the waiter sleeps on.",
             "daxtorture check break-vs-pin --rule wake-key=refcount");
    check_options broken = correct;
    broken.rules = {"wake-key=refcount"};
    const exit_code caught = run_check(broken);

    headline(3, "Race real threads over the same model for ten seconds.",
             "daxtorture stress break-vs-pin --duration 10s");
    stress_command stress;
    stress.scenarios = {"break-vs-pin"};
    stress.seconds = 10;
    const exit_code raced = run_stress_command(stress);

    if (interrupted())
        return exit_code::inconclusive;
    const bool as_told = (sound == exit_code::pass || sound == exit_code::inconclusive) &&
                         caught == exit_code::violation && raced == exit_code::pass;
    fmt::print("\n{}\n",
               as_told ? "Next: `daxtorture check` runs every scenario, `daxtorture museum` every known bug, "
                         "`daxtorture protocols` lists what you can change."
                       : "The demo did not go as it should: see above.");
    return as_told ? exit_code::pass : exit_code::tool_failed;
}

} // namespace daxtorture::cli
