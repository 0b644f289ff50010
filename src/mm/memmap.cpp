#include "mm/memmap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

void block_owner::replace(std::uint64_t from, std::uint64_t to) {
    for (auto& one : owners) {
        if (one.get() == from) {
            one.set(to);
            return;
        }
    }
}

memmap::memmap(unsigned pages)
    : pages_(pages), folios_(std::make_unique<folio[]>(pages_)),
      ledgers_(std::make_unique<page_ledger[]>(pages_)), removed_pages_(pages) {}

void memmap::init_page(std::uint64_t pfn, dev_pagemap& device, int refcount) {
    folio& page = folios_[pfn];
    // relaxed: nobody can reach the page before its device's filesystem or driver is told of it
    page.refcount.store(refcount, order::relaxed);
    page.mapcount.store(0, order::relaxed);
    page.pincount.store(0, order::relaxed);
    page.order_and_head.store(0, order::relaxed);
    page.compound_head.store(reinterpret_cast<std::uintptr_t>(&device), order::relaxed);
    page.mapping.store(nullptr, order::relaxed);
    page.index_or_share.store(0, order::relaxed);
    ledgers_[pfn].removed.set(false);
    removed_pages_.add(~0U);
}

void memmap::remove_page(std::uint64_t pfn) {
    ledgers_[pfn].removed.set(true);
    removed_pages_.add(1);
}

namespace {

/// In the contents of a page: the owner generation that it was last written as a whole for, above the writer.
constexpr unsigned writer_bits = 2;
constexpr std::uint32_t writer_mask = (1U << writer_bits) - 1;

std::uint32_t written_for(const block_owner& block) {
    return static_cast<std::uint32_t>(block.generation.get()) << writer_bits;
}

} // namespace

// relaxed: user data. What orders it is its page-table entry, and what programs do that share it.

void memmap::store_whole(std::uint64_t pfn, writer by, arch::site at) {
    folios_[pfn].contents.store(written_for(ledgers_[pfn].block) | static_cast<std::uint32_t>(by),
                                order::relaxed, at);
    if (power != nullptr) [[unlikely]]
        power->stored_through(pfn);
}

void memmap::store_part(std::uint64_t pfn, writer by, arch::site at) {
    arch::atomic<std::uint32_t>& contents = folios_[pfn].contents;
    contents.store((contents.peek() & ~writer_mask) | static_cast<std::uint32_t>(by), order::relaxed, at);
    if (power != nullptr) [[unlikely]]
        power->stored(pfn);
}

std::uint32_t memmap::load_content(std::uint64_t pfn, arch::site at) const {
    return folios_[pfn].contents.load(order::relaxed, at);
}

bool memmap::is_owners(std::uint64_t pfn) const {
    return (folios_[pfn].contents.peek() & ~writer_mask) == written_for(ledgers_[pfn].block);
}

bool memmap::is_stored_to(std::uint64_t pfn) const {
    return is_owners(pfn) &&
           ((folios_[pfn].contents.peek() & writer_mask) != static_cast<std::uint32_t>(writer::nobody) ||
            ledgers_[pfn].data.get() != 0);
}

void memmap::check_content(std::uint64_t pfn, std::uint32_t seen, const char* reader) const {
    if ((seen & ~writer_mask) != written_for(ledgers_[pfn].block))
        arch::fail(invariant::I33, "what an earlier owner left in a block was read", reader);
}

void memmap::check_present(std::uint64_t pfn) const {
    if (ledgers_[pfn].metadata.get())
        arch::fail(invariant::I22, "part of a device's memory map was taken for one of its pages",
                   "it has no struct page");
    else if (removed(pfn))
        arch::fail(invariant::I22, "a page was touched after its device was unbound",
                   "its struct page is gone");
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
