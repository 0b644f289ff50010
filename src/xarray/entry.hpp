/// How one 64-bit word says what it is: a value, a pointer of the user, or something internal to the tree.
///
/// Mirrors include/linux/xarray.h, v6.12 (facts X2, X4).
///
///   low bits   meaning
///   .. 00      NULL (all zero), or a pointer of the user
///   .. .1      value entry: 63 bits of the user's
///   .. 10      internal: n << 2 | 2
///              n = 0..62   sibling: this slot belongs to the entry in slot n of the same node
///              n = 256     RETRY: the node was taken out of the tree, start again from the head
///              n = 257     ZERO: reserved, reads as NULL through xa_load
///              larger      a node: its address with bit 1 set
#pragma once

#include <arch/machine.hpp>

#include <cstdint>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct xa_node;

constexpr std::uint64_t xa_mk_value(std::uint64_t value) { return value << 1 | 1; }
constexpr std::uint64_t xa_to_value(std::uint64_t entry) { return entry >> 1; }
constexpr bool xa_is_value(std::uint64_t entry) { return (entry & 1) != 0; }

constexpr std::uint64_t xa_mk_internal(std::uint64_t number) { return number << 2 | 2; }
constexpr std::uint64_t xa_to_internal(std::uint64_t entry) { return entry >> 2; }
constexpr bool xa_is_internal(std::uint64_t entry) { return (entry & 3) == 2; }

inline constexpr std::uint64_t xa_retry_entry = xa_mk_internal(256);
inline constexpr std::uint64_t xa_zero_entry = xa_mk_internal(257);
constexpr bool xa_is_retry(std::uint64_t entry) { return entry == xa_retry_entry; }
constexpr bool xa_is_zero(std::uint64_t entry) { return entry == xa_zero_entry; }

constexpr std::uint64_t xa_mk_sibling(unsigned canonical_offset) { return xa_mk_internal(canonical_offset); }
constexpr unsigned xa_to_sibling(std::uint64_t entry) { return static_cast<unsigned>(entry >> 2); }
/// Offset 63 never has siblings, in no chunk shift: an entry that has them starts at an even offset.
constexpr bool xa_is_sibling(std::uint64_t entry) {
    return xa_is_internal(entry) && entry < xa_mk_sibling(63);
}

inline std::uint64_t xa_mk_node(const xa_node* node) { return reinterpret_cast<std::uint64_t>(node) | 2; }
inline xa_node* xa_to_node(std::uint64_t entry) { return reinterpret_cast<xa_node*>(entry - 2); }
/// No node lies in the first page of memory, so its number is larger than every other internal one.
constexpr bool xa_is_node(std::uint64_t entry) { return xa_is_internal(entry) && entry > 4096; }

} // namespace ARCH_MACHINE
} // namespace daxtorture
