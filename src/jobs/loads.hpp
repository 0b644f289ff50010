/// What a run's parameters ask of the stress engine: the same whether this process races a load or a campaign's worker does.
#pragma once

#include "run/campaign/parameters.hpp"
#include "run/totals.hpp"
#include "stress/stress.hpp"

#include <vector>

namespace daxtorture::jobs {

/// Of a mix: its preset's rules, changed as it says. Throws usage_error, as the next does.
protocol rules_of(const load& what);

stress_options options_of(const run_parameters& parameters, const load& what);

/// What the engine has counted.
stress_totals totals_of(const stress_counts& counts);

} // namespace daxtorture::jobs
