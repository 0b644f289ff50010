#include "dax/device_dax.hpp"

#include "mm/vmf_insert.hpp"
#include "mm/zap.hpp"

namespace daxtorture::inline ARCH_MACHINE {
namespace {

/// Where the page is mapped, for memory failure. Every mapping of a device page says the same.
void dax_set_mapping(folio& f, address_space& mapping, std::uint64_t pgoff) {
    // relaxed: whoever comes second stores what is there
    if (f.mapping.load(arch::order::relaxed) != nullptr)
        return;
    f.index_or_share.store(pgoff, arch::order::relaxed);
    f.mapping.store(&mapping, arch::order::relaxed);
}

vm_fault_result dev_dax_fault(kernel& k, vm_fault& fault) {
    device_dax& dev = *static_cast<device_dax*>(fault.vma.host);
    const dax_read_guard reading(k, dev.device);
    if (!dax_alive(k, dev.device))
        return vm_fault_result::sigbus;
    folio& f = k.mem[dev.device.pgmap.first_pfn + fault.pgoff];
    dax_set_mapping(f, dev.mapping, fault.pgoff);
    vmf_insert_page_mkwrite(k, fault, f);
    return vm_fault_result::nopage;
}

} // namespace

const vm_operations dev_dax_vm_ops{.fault = dev_dax_fault, .huge_fault = nullptr};

void kill_dev_dax(kernel& k, device_dax& dev) {
    kill_dax(k, dev.device);
    unmap_mapping_pages(k, dev.mapping, 0, to_the_end);
}

} // namespace daxtorture::inline ARCH_MACHINE
