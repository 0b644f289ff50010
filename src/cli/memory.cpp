#include "cli/memory.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace daxtorture::cli {
namespace {

/// By what the hardware may reorder. On tso machines only a load may pass an earlier store; compilers may still reorder what the
/// model leaves relaxed, which `tso` does not show: `weak` is the question about the source code.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> archs{{
    {"x86_64", "tso"},
    {"i386", "tso"},
    {"s390x", "tso"},
    {"arm64", "weak"},
    {"arm", "weak"},
    {"powerpc", "weak"},
    {"ppc64le", "weak"},
    {"riscv64", "weak"},
    {"loongarch64", "weak"},
}};

} // namespace

std::vector<std::string> known_archs() {
    std::vector<std::string> names;
    names.reserve(archs.size());
    for (const auto& [arch, memory] : archs)
        names.emplace_back(arch);
    return names;
}

std::string memory_of_arch(const std::string& arch) {
    for (const auto& [name, memory] : archs)
        if (name == arch)
            return std::string(memory);
    return "weak";
}

} // namespace daxtorture::cli
