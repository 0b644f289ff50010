#include "mm/tlb.hpp"

#include "mm/mm_struct.hpp"

#include <arch/check.hpp>
#include <arch/task.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

constexpr unsigned page_bits = 20; // of an address: what a scenario may have
constexpr unsigned mm_bits = 8;

constexpr std::uint64_t tag_of(const mm_struct& mm, std::uint64_t page, std::uint64_t when) {
    return when << (mm_bits + page_bits) | std::uint64_t{mm.number} << page_bits | page;
}
constexpr std::uint64_t when_made(std::uint64_t tag) { return tag >> (mm_bits + page_bits); }
constexpr std::uint64_t page_of(std::uint64_t tag) { return tag & ((std::uint64_t{1} << page_bits) - 1); }

/// Is this a translation of one of the `count` pages from `first` on?
bool translates(std::uint64_t tag, const mm_struct& mm, std::uint64_t first, std::uint64_t count) {
    return tag != 0 && (tag >> page_bits & ((1U << mm_bits) - 1)) == mm.number &&
           page_of(tag) - first < count;
}

} // namespace

tlb::tlb(unsigned cpus, unsigned entries) : cpus_(cpus), entries_(entries) {
    if (!modelled())
        return;
    cpu_ = std::make_unique<cpu[]>(cpus_);
    for (unsigned i = 0; i < cpus_; ++i)
        cpu_[i].entries = std::make_unique<entry[]>(entries_);
}

tlb::cpu* tlb::here() {
    const unsigned task = arch::current().id;
    return task < cpus_ ? &cpu_[task] : nullptr;
}

void tlb::begin_instruction() {
    if (cpu* mine = here())
        mine->busy.lock();
}

void tlb::end_instruction() {
    if (cpu* mine = here())
        mine->busy.unlock();
}

pte_t tlb::look_up(const mm_struct& mm, const page_table& table, std::uint64_t page, bool write) {
    cpu* mine = here();
    if (mine == nullptr)
        return table.walk(page);
    entry& kept = mine->entries[page % entries_];
    if (translates(kept.tag.get(), mm, page, 1) && (!write || pte_t{kept.pte}.writable()))
        return {kept.pte};
    const std::uint64_t when = clock_.add(1); // before the walk: what is cleared later finds an older time
    const pte_t walked = table.walk(page);
    if (walked.present()) {
        kept.pte = walked.bits;
        kept.tag.set(tag_of(mm, page, when));
    }
    return walked;
}

void tlb::flush(const mm_struct& mm, std::uint64_t first, std::uint64_t last) {
    if (!modelled()) {
        accesses_.synchronize();
        return;
    }
    for (unsigned i = 0; i < cpus_; ++i) {
        const arch::guard between_instructions(cpu_[i].busy);
        for (unsigned e = 0; e < entries_; ++e)
            if (entry& kept = cpu_[i].entries[e]; translates(kept.tag.get(), mm, first, last - first))
                kept.tag.set(0);
    }
}

void tlb::check_flushed(const mm_struct& mm, std::uint64_t page, std::uint64_t count,
                        std::uint64_t cleared) const {
    for (unsigned i = 0; i < cpus_; ++i)
        for (unsigned e = 0; e < entries_; ++e)
            if (const std::uint64_t tag = cpu_[i].entries[e].tag.get();
                translates(tag, mm, page, count) && when_made(tag) <= cleared)
                arch::fail(invariant::I24,
                           "a mapping's reference was dropped before a TLB lost the translation",
                           "mmu_gather");
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
