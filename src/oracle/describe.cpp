#include "oracle/describe.hpp"

#include "dax/entry.hpp"
#include "fs/lease.hpp"
#include "oracle/state.hpp"

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace daxtorture {
inline namespace ARCH_MACHINE {
namespace {

template <class T> bool within(const T& object, const void* address) {
    const auto begin = reinterpret_cast<std::uintptr_t>(&object);
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return begin <= at && at < begin + sizeof(T);
}

std::string describe_folio(const memmap& mem, const void* address) {
    for (unsigned pfn = 0; pfn < mem.pages(); ++pfn) {
        const folio& f = mem[pfn];
        if (!within(f, address))
            continue;
        std::string page = "page " + std::to_string(pfn);
        if (within(f.refcount, address))
            return page + " refcount";
        if (within(f.mapcount, address))
            return page + " mapcount";
        if (within(f.pincount, address))
            return page + " pincount";
        if (within(f.compound_head, address))
            return page + " compound_head";
        if (within(f.order_and_head, address))
            return page + " order";
        if (within(f.mapping, address))
            return page + " mapping";
        if (within(f.index_or_share, address))
            return page + " index";
        return page;
    }
    return "";
}

std::string describe_mm(const world_state& w, const void* address) {
    for (unsigned i = 0; i < w.mms.size(); ++i) {
        const mm_struct& mm = *w.mms[i];
        const std::string& name = w.config.mms[i].name;
        for (unsigned page = 0; page < mm.table.pages(); ++page)
            if (mm.table.address(page) == address)
                return "pte " + name + "[" + std::to_string(page) + "]";
        for (std::uint64_t page = 0; mm.table.has_pmd() && page < mm.table.pages();
             page += mm.table.pmd_pages())
            if (mm.table.pmd_address(page) == address)
                return "pmd " + name + "[" + std::to_string(page) + "]";
        for (std::uint64_t page = 0; mm.table.has_pud() && page < mm.table.pages();
             page += mm.table.pud_pages())
            if (mm.table.pud_address(page) == address)
                return "pud " + name + "[" + std::to_string(page) + "]";
        if (within(mm.table.pud_lock, address))
            return "pud lock " + name;
        if (within(mm.table.pmd_lock, address))
            return "pmd lock " + name;
        if (within(mm.table.ptl, address))
            return "ptl " + name;
        if (within(mm.mmap_lock, address))
            return "mmap_lock " + name;
    }
    return "";
}

/// The index that a slot of the tree below `node` stands for, if this is one of its leaves' slots.
bool find_slot(const xa_node& node, unsigned chunk_size, std::uint64_t base, const void* address,
               std::uint64_t& index) {
    const unsigned shift = node.shift.peek();
    for (unsigned i = 0; i < chunk_size; ++i) {
        const std::uint64_t first = base + (static_cast<std::uint64_t>(i) << shift);
        const std::uint64_t entry = node.slot(i).peek();
        if (within(node.slot(i), address) && !xa_is_node(entry)) {
            index = first;
            return true;
        }
        if (shift != 0 && xa_is_node(entry) &&
            find_slot(*xa_to_node(entry), chunk_size, first, address, index))
            return true;
    }
    return false;
}

/// "entry A[3]", for the head or a slot that holds entries; "" for whatever else.
std::string describe_entry(const xarray& pages, const std::string& name, const void* address) {
    std::uint64_t index = 0;
    const std::uint64_t head = pages.xa_head.peek();
    if (xa_is_node(head) ? find_slot(*xa_to_node(head), pages.chunk_size(), 0, address, index)
                         : within(pages.xa_head, address))
        return "entry " + name + "[" + std::to_string(index) + "]";
    return "";
}

std::string describe_queue(const world_state& w, const void* address) {
    for (unsigned i = 0; i < w.k.var_waits.buckets(); ++i)
        if (within(w.k.var_waits.peek(i), address))
            return "idle waiters " + std::to_string(i);
    for (unsigned i = 0; i < w.k.entry_waits.buckets(); ++i)
        if (within(w.k.entry_waits.peek(i), address))
            return "entry waiters " + std::to_string(i);
    return "";
}

std::string describe_file(const world_state& w, const void* address) {
    for (unsigned i = 0; i < w.files.size(); ++i) {
        const inode& file = *w.files[i];
        const std::string& name = w.config.files[i].name;
        if (within(file.mapping.i_pages.xa_lock, address))
            return "xa_lock " + name;
        if (std::string entry = describe_entry(file.mapping.i_pages, name, address); !entry.empty())
            return entry;
        if (within(file.mapping.i_pages.xa_mark_flags, address))
            return "marks of " + name;
        if (within(file.mapping.i_pages.pool(), address))
            return "free nodes of " + name;
        if (within(file.mapping.i_pages, address))
            return "i_pages " + name;
        if (within(file.mapping.invalidate_lock, address))
            return "invalidate_lock " + name;
        if (within(file.mapping.i_mmap_rwsem, address))
            return "i_mmap_rwsem " + name;
        if (within(file.mapping.mapped_areas, address))
            return "i_mmap " + name;
        if (within(file.mapping, address))
            return "mapping " + name;
        if (within(file.i_rwsem, address))
            return "i_rwsem " + name;
        if (within(file.ilock, address))
            return "ilock " + name;
        if (within(file.i_size, address))
            return "i_size " + name;
        if (file.remapping != nullptr && within(*file.remapping, address))
            return "IREMAPPING " + name;
        if (file.leases != nullptr && within(*file.leases, address))
            return "layout leases " + name;
    }
    return "";
}

std::string describe_task(const world_state& w, const void* address) {
    for (unsigned i = 0; i < w.worker_count(); ++i) {
        const arch::task& task = w.workers[i].task;
        if (within(task.state, address))
            return std::string("state of ") + w.workers[i].name.get();
        if (within(task.signal, address))
            return std::string("signal of ") + w.workers[i].name.get();
        if (within(task, address))
            return std::string("task ") + w.workers[i].name.get();
    }
    return "";
}

std::string describe_cpu(const world_state& w, const void* address) {
    for (unsigned i = 0; i < w.config.workers; ++i)
        if (w.k.tlbs.is_cpu(i, address))
            return std::string("CPU of ") + w.workers[i].name.get();
    return "";
}

std::string describe_device(const world_state& w, const void* address) {
    if (within(w.pmem.alive, address))
        return "DAXDEV_ALIVE";
    if (within(w.pmem, address))
        return "pmem0";
    if (within(w.sb.range_waitq, address))
        return "free dmap ranges";
    if (within(w.sb, address))
        return "super block";
    for (unsigned page = 0; w.pmem.badblocks != nullptr && page < w.pmem.pgmap.pages; ++page)
        if (within(w.pmem.badblocks[page], address))
            return "bad block " + std::to_string(page);
    if (within(w.k.pgmaps.front()->done, address))
        return "the release of pmem0's pagemap";
    if (within(*w.k.pgmaps.front(), address))
        return "pagemap of pmem0";
    return "";
}

} // namespace

std::string describe(const world_state& w, const void* address) {
    for (auto* look :
         {describe_mm, describe_file, describe_task, describe_queue, describe_cpu, describe_device})
        if (std::string name = look(w, address); !name.empty())
            return name;
    return describe_folio(w.k.mem, address);
}

namespace {

std::string pte_text(std::uint64_t bits) {
    const pte_t pte{bits};
    if (pte.none())
        return "none";
    if (pte == pte_t::table())
        return "table";
    if (!pte.present())
        return "not present";
    return std::string(pte.leaf() ? "leaf" : "present") + " pfn " + std::to_string(pte.pfn()) +
           (pte.writable() ? " rw" : " ro") + (pte.special() ? " special" : "");
}

std::string entry_text(std::uint64_t entry) {
    if (entry == 0)
        return "none";
    if (xa_is_node(entry))
        return "node";
    if (xa_is_retry(entry))
        return "retry";
    if (xa_is_sibling(entry))
        return "sibling";
    if (!xa_is_value(entry))
        return "internal";
    const dax_entry e(entry);
    return std::string(e.locked() ? "locked " : "") + (e.pmd() ? "pmd " : "") +
           (e.empty()       ? "empty"
            : e.zero_page() ? "zero page"
                            : "pfn " + std::to_string(e.pfn()));
}

/// As the page cache uses the three marks of an xarray.
std::string marks_text(std::uint64_t bits) {
    std::string text;
    for (const auto& [mark, name] :
         {std::pair(xa_mark_0, "dirty"), std::pair(xa_mark_1, "writeback"), std::pair(xa_mark_2, "towrite")})
        if ((bits >> mark & 1) != 0)
            text += (text.empty() ? "" : "+") + std::string(name);
    return text.empty() ? "none" : text;
}

/// A pagemap, or with the lowest bit set the head of a compound page. Never an address: no two runs have the same.
std::string compound_head_text(const world_state& w, std::uint64_t bits) {
    if (bits == 0)
        return "none";
    const std::string name = describe(w, reinterpret_cast<const void*>(bits & ~std::uint64_t{1}));
    return (bits & 1) != 0 ? "tail of " + name : name;
}

bool starts_with(const std::string& text, const char* head) { return text.rfind(head, 0) == 0; }
bool ends_with(const std::string& text, const std::string& tail) {
    return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

} // namespace

std::string value_text(const world_state& w, const void* address, const std::string& value) {
    const std::string object = describe(w, address);
    if (starts_with(object, "idle waiters") || starts_with(object, "entry waiters"))
        return value == "null" ? "empty" : "waiter";
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(value.c_str(), &end, 0);
    if (end == value.c_str() || *end != 0)
        return value;
    if (starts_with(object, "pte ") || starts_with(object, "pmd ") || starts_with(object, "pud "))
        return pte_text(number);
    if (ends_with(object, " compound_head"))
        return compound_head_text(w, number);
    if (starts_with(object, "marks of "))
        return marks_text(number);
    if (starts_with(object, "entry ") || starts_with(object, "i_pages "))
        return entry_text(number);
    if (starts_with(object, "state of ") && number <= 2)
        return number == 0 ? "running" : number == 1 ? "interruptible" : "uninterruptible";
    return value;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
