#include "dax/hole_page.hpp"

#include "dax/entry.hpp"
#include "dax/entry_lock.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

bool is_hole_page(const address_space& mapping, std::uint64_t entry) {
    return mapping.hole_pages != nullptr && entry != 0 && xa_is_value(entry) &&
           dax_entry(entry).zero_page() && !dax_entry(entry).pmd();
}

bool lock_hole_page(address_space& mapping, xa_state& xas, std::uint64_t entry) {
    const std::uint64_t index = xas.xa_index;
    mapping.hole_pages[index].lock.lock();
    xas_reset(xas);
    {
        arch::guard held(mapping.i_pages.xa_lock);
        if (xas_load(xas) == entry)
            return true;
    }
    xas_reset(xas);
    unlock_hole_page(mapping, index);
    return false;
}

void unlock_hole_page(address_space& mapping, std::uint64_t index) {
    mapping.hole_pages[index].lock.unlock();
}

std::uint64_t insert_hole_page(kernel& k, address_space& mapping, xa_state& xas, std::uint64_t entry) {
    const std::uint64_t page = dax_entry::make(k.mem.zero_page(), dax_entry::zero_bit).store_form();
    mapping.hole_pages[xas.xa_index].lock.lock();
    xas_reset(xas);
    arch::guard held(mapping.i_pages.xa_lock);
    xas_store(xas, page);
    dax_wake_entry(k, mapping, xas, entry,
                   k.rules.holes == hole_entry::page_wake_next ? wake_mode::next : wake_mode::all);
    return page;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
