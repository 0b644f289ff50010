/// What a hunt keeps: a scenario file for each failure, and its bundle, with the interleaving as columns.
#pragma once

#include "jobs/hunt/examine.hpp"
#include "jobs/hunt/hunt.hpp"

namespace daxtorture::jobs::hunt {

/// Makes the failure small and writes OUT/NAME.dax and the bundle OUT/NAME. Throws usage_error when OUT cannot be written.
/// `explain` says what explains the small program, which may fail so for another reason.
trophy keep(suspect found, const hunt_options& options, const std::function<void(suspect&)>& explain);

/// Writes a program that the checker failed at; its file.
std::string keep_program(program what, const std::string& out);

} // namespace daxtorture::jobs::hunt
