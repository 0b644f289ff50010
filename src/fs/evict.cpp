/// Eviction of an inode at unmount (kernel facts 2.20): no VMA is left, only pins may be.
#include "dax/truncate.hpp"
#include "fs/inode.hpp"
#include "fs/layouts.hpp"
#include "mm/zap.hpp"

#include <arch/check.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

/// No file reference is left, so nothing maps the inode and nothing can map it again.
bool last_iput(inode& file) {
    arch::write_guard i_mmap(file.mapping.i_mmap_rwsem);
    // acquire: pairs with the last close, whose operation is over
    if (file.mapping.mapped() || file.evicted.get() || file.open_count.load(arch::order::acquire) != 0)
        return false;
    file.evicted.set(true);
    return true;
}

/// The last look at the entries: whoever waits for an entry by its page has left the lock, and finds the page without a file.
void clear_inode(kernel& k, inode& file) {
    {
        arch::guard held(file.mapping.i_pages.xa_lock);
        if (file.mapping.nrpages.get() != 0)
            arch::fail(invariant::I12, "entries left after eviction", "clear_inode met nrpages != 0");
    }
    if (!k.unbinds)
        return; // nobody in this world comes to a file by its pages
    k.rcu.call(file.mapping, [](arch::rcu_head& head) { static_cast<address_space&>(head).freed.set(true); });
}

} // namespace

bool file_is_evicted(inode& file) {
    arch::read_guard i_mmap(file.mapping.i_mmap_rwsem);
    return file.evicted.get();
}

outcome file_evict(kernel& k, inode& file) {
    arch::write_guard io(file.i_rwsem);
    if (!last_iput(file))
        return outcome::refused;
    const discarding all(file, 0, to_the_end);
    if (k.rules.evict == evict_break::yes && has_layout_break(k, file))
        dax_break_layout_final(k, file.mapping);
    check_nobody_holds(k, file.mapping, 0, to_the_end, invariant::I7,
                       "an inode was evicted while its pages are held");
    dax_delete_mapping_range(k, file.mapping, 0, to_the_end); // truncate_inode_pages_final
    clear_inode(k, file);
    file.i_size.store(0, arch::order::relaxed);
    itruncate_extents(file, 0);
    return outcome::done;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
