/// All modelled architectures.
#pragma once

#include "arch/target/arm64_16k.hpp"
#include "arch/target/arm64_4k.hpp"
#include "arch/target/arm64_64k.hpp"
#include "arch/target/loongarch64.hpp"
#include "arch/target/powerpc_hash.hpp"
#include "arch/target/powerpc_radix.hpp"
#include "arch/target/riscv64.hpp"
#include "arch/target/s390x.hpp"
#include "arch/target/x86_64.hpp"

#include <array>

namespace daxtorture {

inline constexpr std::array target_table{
    targets::x86_64,    targets::arm64_4k,      targets::arm64_16k,
    targets::arm64_64k, targets::powerpc_radix, targets::powerpc_hash,
    targets::riscv64,   targets::loongarch64,   targets::s390x,
};

constexpr const target* find_target(std::string_view name) {
    for (const target& one : target_table)
        if (one.name == name)
            return &one;
    return nullptr;
}

} // namespace daxtorture
