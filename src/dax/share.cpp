#include "dax/share.hpp"

#include "dax/dax_folio.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

using arch::order;

// Everything here is relaxed: plain words in the kernel. Entry lock and xa_lock order the entries of one file; nothing but the rule
// `share-update` orders two files.

address_space* shared_mark(const kernel& k) {
    return k.rules.shared_mark == share_mark::marker ? reinterpret_cast<address_space*>(1) : nullptr;
}

bool dax_folio_is_shared(const kernel& k, const folio& f) {
    return f.mapping.load(order::relaxed) == shared_mark(k) && f.index_or_share.load(order::relaxed) != 0;
}

bool shared_with_others(const kernel& k, const folio& f) {
    return f.mapping.peek() == shared_mark(k) && f.index_or_share.peek() > 1;
}

void dax_folio_share_get(kernel& k, folio& f) {
    if (f.mapping.load(order::relaxed) != shared_mark(k)) { // dax_folio_make_shared
        f.mapping.store(shared_mark(k), order::relaxed);
        f.index_or_share.store(1, order::relaxed);
    }
    f.index_or_share.store(f.index_or_share.load(order::relaxed) + 1, order::relaxed);
}

std::uint64_t dax_folio_put(kernel& k, folio& f) {
    std::uint64_t left = 0;
    if (dax_folio_is_shared(k, f)) {
        left = f.index_or_share.load(order::relaxed) - 1;
        f.index_or_share.store(left, order::relaxed);
    }
    if (left != 0)
        return left;
    f.mapping.store(nullptr, order::relaxed);
    if (k.rules.reset == share_reset::always)
        f.index_or_share.store(0, order::relaxed);
    dax_folio_reset_order(k, f);
    return 0;
}

share_guard::share_guard(kernel& k) : k_(k) {
    if (k_.rules.share == share_update::locked)
        k_.share_lock.lock();
}

share_guard::~share_guard() {
    if (k_.rules.share == share_update::locked)
        k_.share_lock.unlock();
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
