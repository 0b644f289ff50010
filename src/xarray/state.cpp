/// The state's range, order and memory; whole operations without one (facts X4, X11, X12).
#include "xarray/xarray.hpp"

namespace daxtorture {
inline namespace ARCH_MACHINE {

namespace {

void set_range(xa_state& xas, std::uint64_t index, unsigned order) {
    const unsigned chunk_shift = xas.xa->chunk_shift();
    xas.xa_index = order < 64 ? index >> order << order : 0;
    xas.xa_shift = static_cast<std::uint8_t>(order - order % chunk_shift);
    xas.xa_sibs = static_cast<std::uint8_t>((1U << order % chunk_shift) - 1);
}

} // namespace

xa_state::xa_state(xarray& array, std::uint64_t index, unsigned order) : xa(&array) {
    set_range(*this, index, order);
}

void xa_state::put_back(xarray& array, struct xa_node& unused) { array.pool().put_back(unused); }

void xas_set_order(xa_state& xas, std::uint64_t index, unsigned order) {
    set_range(xas, index, order);
    xas_reset(xas);
}

void xas_set_err(xa_state& xas, int error) {
    xas.xa_node = reinterpret_cast<xa_node*>(xa_detail::error_bits(error));
}

unsigned xas_get_order(const xa_state& xas) {
    const xa_node* const node = xas.xa_node;
    if (node == nullptr)
        return 0;
    unsigned order = 0;
    for (;;) {
        const unsigned slot = xas.xa_offset + (1U << order);
        if (slot >= xas.xa->chunk_size() || !xa_is_sibling(xa_detail::load(*node, slot)))
            break;
        ++order;
    }
    return order + node->shift.get();
}

void xas_destroy(xa_state& xas) {
    if (xas.xa_alloc != nullptr) {
        xas.xa->pool().put_back(*xas.xa_alloc);
        xas.xa_alloc = nullptr;
    }
}

bool xa_detail::nomem(xa_state& xas) {
    xarray& xa = *xas.xa;
    if (xas_error(xas) != -xa_enomem) {
        xas_destroy(xas);
        return false;
    }
    arch::guard held(xa.xa_lock); // guards the pool, which in the kernel guards itself
    xa_node* node = xa.pool().alloc();
    if (node == nullptr && xa.pool().exhausted()) {
        held.unlock();
        xa.rcu().barrier(); // freed nodes may wait for their grace period
        held.relock();
        node = xa.pool().alloc();
    }
    if (node == nullptr)
        return false;
    xas_destroy(xas);
    xas.xa_alloc = node;
    xas_reset(xas);
    return true;
}

std::uint64_t xa_store(xarray& xa, std::uint64_t index, std::uint64_t entry, int* error) {
    xa_state xas(xa, index);
    std::uint64_t old = 0;
    do {
        const arch::guard held(xa.xa_lock);
        old = xas_store(xas, entry);
    } while (xas_nomem(xas));
    if (error != nullptr)
        *error = xas_error(xas);
    return xas_error(xas) != 0 || xa_is_zero(old) ? 0 : old;
}

std::uint64_t xa_erase(xarray& xa, std::uint64_t index) {
    xa_state xas(xa, index);
    const arch::guard held(xa.xa_lock);
    const std::uint64_t old = xas_store(xas, 0);
    return xa_is_zero(old) ? 0 : old;
}

} // namespace ARCH_MACHINE
} // namespace daxtorture
