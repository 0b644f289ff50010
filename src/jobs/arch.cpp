#include "jobs/arch.hpp"

#include "arch/target/targets.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace daxtorture::jobs {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> families{{
    {"arm64", "arm64-4k"},
    {"arm", "arm64-4k"},
    {"powerpc", "powerpc-radix"},
    {"ppc64le", "powerpc-radix"},
    {"i386", "x86_64"},
}};

} // namespace

std::vector<std::string> known_archs() {
    std::vector<std::string> names;
    names.reserve(target_table.size() + families.size());
    for (const target& one : target_table)
        names.emplace_back(one.name);
    for (const auto& [family, member] : families)
        names.emplace_back(family);
    return names;
}

const target& arch_named(const std::string& name) {
    for (const auto& [family, member] : families)
        if (family == name)
            return *find_target(member);
    return *find_target(name);
}

/// On tso machines only a load may pass an earlier store; compilers may still reorder what the model leaves relaxed, which `tso` does not
/// show: `weak` is the question about the source code.
std::string memory_of_arch(const target& machine) {
    return machine.memory == memory_strength::tso ? "tso" : "weak";
}

} // namespace daxtorture::jobs
