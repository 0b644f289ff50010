#include "dax/device_dax.hpp"

#include "mm/huge_memory.hpp"
#include "mm/vmf_insert.hpp"
#include "mm/zap.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

/// Where the page is mapped, for memory failure. Every mapping of a device page says the same.
void dax_set_mapping(folio& f, address_space& mapping, std::uint64_t pgoff) {
    // relaxed: whoever comes second stores what is there
    if (f.mapping.load(arch::order::relaxed) != nullptr)
        return;
    f.index_or_share.store(pgoff, arch::order::relaxed);
    f.mapping.store(&mapping, arch::order::relaxed);
}

/// check_vma: areas are made of whole pages of the device's size, and these lie in memory as in the device.
bool is_aligned(const dev_pagemap& pgmap, const vm_fault& fault) {
    const std::uint64_t colour = (std::uint64_t{1} << pgmap.order) - 1;
    return ((fault.vma.first | fault.vma.last | (fault.page ^ fault.pgoff)) & colour) == 0;
}

/// A fault of 2^order pages, mapped by `insert`: of the size that the device's pages have, or none.
vm_fault_result dev_dax_fault_of(kernel& k, vm_fault& fault, unsigned order,
                                 void (*insert)(kernel&, vm_fault&, folio&)) {
    device_dax& dev = *static_cast<device_dax*>(fault.vma.host);
    const dax_read_guard reading(k, dev.device);
    if (!dax_alive(k, dev.device))
        return vm_fault_result::sigbus;
    const dev_pagemap& pgmap = dev.device.pgmap;
    if (order > pgmap.order)
        return vm_fault_result::fallback;
    if (order < pgmap.order || !is_aligned(pgmap, fault))
        return vm_fault_result::sigbus;
    const std::uint64_t pgoff = fault.pgoff >> order << order;
    folio& f = k.mem[pgmap.first_pfn + pgoff];
    dax_set_mapping(f, dev.mapping, k.rules.devdax_index == devdax_pgoff::aligned ? pgoff : fault.pgoff);
    insert(k, fault, f);
    return vm_fault_result::nopage;
}

vm_fault_result dev_dax_fault(kernel& k, vm_fault& fault) {
    return dev_dax_fault_of(k, fault, 0, vmf_insert_page_mkwrite);
}

vm_fault_result dev_dax_pmd_fault(kernel& k, vm_fault& fault) {
    return dev_dax_fault_of(k, fault, k.pmd_order, vmf_insert_folio_pmd);
}

vm_fault_result dev_dax_pud_fault(kernel& k, vm_fault& fault) {
    return dev_dax_fault_of(k, fault, fault.mm.table.pud_order(), vmf_insert_folio_pud);
}

} // namespace

const vm_operations dev_dax_vm_ops{
    .fault = dev_dax_fault, .huge_fault = dev_dax_pmd_fault, .pud_fault = dev_dax_pud_fault};

void kill_dev_dax(kernel& k, device_dax& dev) {
    kill_dax(k, dev.device);
    unmap_mapping_pages(k, dev.mapping, 0, to_the_end);
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
