#include "mm/durability.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

durability::durability(unsigned pages) : pages_(std::make_unique<page[]>(pages)) {}

void durability::stored(std::uint64_t pfn) { pages_[pfn].stored.set(versions_.add(1)); }

void durability::stored_through(std::uint64_t pfn) {
    stored(pfn);
    flushed(pfn);
}

void durability::copied(std::uint64_t from, std::uint64_t to) {
    pages_[to].stored.set(pages_[from].stored.get());
    pages_[to].on_media.set(0);
}

void durability::flushed(std::uint64_t pfn) {
    step();
    pages_[pfn].on_media.set(pages_[pfn].stored.get());
}

void durability::linked(std::uint64_t pfn, std::uint64_t fsyncs) {
    step();
    pages_[pfn].linked_at.set(fsyncs);
}

void durability::step() { steps_.fetch_add(1, arch::order::relaxed); } // relaxed: it orders nothing

} // namespace ARCH_MACHINE
} // namespace daxtorture
