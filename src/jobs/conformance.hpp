/// The model beside the kernel: the same scenarios on both, and where they differ the reason that the project gives.
#pragma once

#include "jobs/kernel_machine.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace daxtorture::jobs {

enum class agreement : std::uint8_t {
    same,      ///< both pass, or both fail as the protocol is known to
    explained, ///< they differ, and the table says why
    differs,   ///< they differ, and nobody has said why
    outdated,  ///< they agree, and the table says that they do not
    open,      ///< one of them came to no verdict
    not_run    ///< the scenario does not run on real objects
};
const char* name(agreement a);

struct conformance_row {
    scenario_verdict model;
    scenario_verdict kernel;
    agreement result = agreement::not_run;
    std::string reason; ///< explained, outdated: what the table says; not_run: why
};

/// Searches each scenario in the model too, with the preset that the programs have, for as long; `done` is called after each. Throws
/// usage_error when the table (kernel/differences) is bad.
std::vector<conformance_row> compare_with_model(std::span<const kernel_verdict> kernel,
                                                const kernel_search& search,
                                                const std::function<void(const conformance_row&)>& done,
                                                const std::function<void(const std::string&)>& progress);

} // namespace daxtorture::jobs
