#include "dax/dax_folio.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

folio& dax_to_folio(kernel& k, dax_entry entry) {
    if (entry.has_folio())
        return k.mem[entry.pfn()];
    arch::fail(invariant::I27, "a zero or empty entry was turned into a folio", "dax_to_folio");
    return k.mem[0];
}

void dax_folio_init(kernel& k, dax_entry entry) {
    if (!entry.pmd() || k.rules.compound == compound_folio::no)
        return;
    folio& head = dax_to_folio(k, entry);
    if (folio_test_large(k, head))
        arch::fail(invariant::I14, "a large folio was built over another", "dax_folio_init");
    prep_compound_page(k, head, k.pmd_order);
}

bool held_pages(const kernel& k, dax_entry entry, std::uint64_t first, std::uint64_t last) {
    bool held = false;
    for (std::uint64_t i = first; i < last; ++i)
        held |= k.mem.ledger(entry.pfn() + i).held();
    return held;
}

void dax_folio_reset_order(kernel& k, folio& head) {
    // relaxed, all of it: the entry lock keeps faults away, and no reference is left through which anybody else looks
    if (!folio_test_large(k, head))
        return;
    folio* const pages = &head;
    const std::uint64_t count = std::uint64_t{1} << folio_order(head);
    // Read before the head's word changes; the order before it is reset.
    const auto pgmap = reinterpret_cast<std::uintptr_t>(page_pgmap(head));
    for (std::uint64_t i = 0; i < count; ++i) {
        folio& page = pages[i];
        page.order_and_head.store(0, order::relaxed);
        // clear_compound_head, then the pgmap that prep_compound_page overwrote
        page.compound_head.store(i == 0 || k.rules.tail_pgmap == tail_reset::yes ? pgmap : 0, order::release);
        if (i != 0 && k.rules.tail_mapping == tail_reset::yes)
            page.mapping.store(nullptr, order::relaxed);
        page.index_or_share.store(0, order::relaxed);
        if (page.refcount.peek() != k.idle_count())
            arch::fail(invariant::I14, "a large folio was dissolved while references are held",
                       "dax_folio_reset_order");
    }
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
