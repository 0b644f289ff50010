/// What a campaign is asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture {

/// One thing that a campaign runs in turn: a scenario or a mix, under a protocol.
struct load {
    std::string name; ///< of the scenario or mix
    std::string
        scenario; ///< canonical text, rules included: a resumed run does not depend on files; empty: a mix
    std::string protocol;
    std::vector<std::string> rules; ///< "NAME=VALUE"
    std::string arch;               ///< of a mix; a scenario's text has its own

    friend bool operator==(const load&, const load&) = default;
};

struct run_parameters {
    std::vector<load> loads;
    unsigned workers = 0;
    double seconds = 0;     ///< of racing, all legs together
    std::int64_t until = 0; ///< Unix time at which the run ends, resumed or not; 0: when `seconds` are over
    std::uint64_t seed = 0;
    double hang_after = 30;
    bool keep_going = false;
    bool record = true;               ///< flight recorders
    bool ledger = true;               ///< who holds each page is counted
    bool pin = true;                  ///< each worker stays on a processor
    std::vector<unsigned> processors; ///< on which; empty: those that the process may use
    double turn = 0;                  ///< seconds until the next load's turn
    double slice = 0;                 ///< seconds of one slice record
    unsigned shard_index = 0;
    unsigned shard_count = 1;
};

/// "mix default, v6.15, wake-key=refcount, 4 workers, 60 s, seed 7, shard 1/2": all parameters in one line.
std::string parameters_text(const run_parameters& parameters);

} // namespace daxtorture
