/// Named rows of the protocol table: the protocol as it stood in a kernel version.
#pragma once

#include "protocol/rules.hpp"

namespace daxtorture {

struct preset {
    std::string_view name;        ///< "v6.15"
    std::string_view description; ///< what that version was
    protocol rules;
};

std::span<const preset> preset_table();
const preset* find_preset(std::string_view name);

} // namespace daxtorture
