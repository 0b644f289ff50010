/// What the kernel says of itself: a WARN or BUG as a failure. Where it checks what the model checks, too, it has the model's words.
#pragma once

#include "words/failure.hpp"

#include <string>
#include <vector>

namespace daxtorture::kernel_machine {

/// `place`: of the instruction that the kernel's table of bugs has.
failure failure_of_bug(const void* place);

/// "WARN at fs/dax.c:452 in dax_disassociate_entry": of such a failure alone.
std::vector<std::string> warnings_of(const failure& what);
/// "fs/dax.c:452"; empty when the kernel did not say where.
std::string place_of_bug(const failure& what);

} // namespace daxtorture::kernel_machine
