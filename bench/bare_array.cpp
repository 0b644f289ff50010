/// The least that an xarray operation can cost on this machine: three levels of 64 slots in the same place, one lock word, one store. No order of entries,
/// no growth, no marks, no reclaim, no report of who holds what. FLOOR/xarray_<what>: how far MODEL and LINUX are from it is what they do beyond.
#include "array.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace daxtorture::bench {
namespace {

constexpr unsigned shift = 6;
constexpr std::uint32_t mask = (1U << shift) - 1;

struct bare_node {
    std::uint64_t header[7] = {}; // as the fields and marks before a node's slots
    std::array<std::atomic<std::uint64_t>, mask + 1> slots{};
};

struct bare_array {
    std::atomic<std::uint32_t> lock{0};
    std::atomic<std::uint64_t> head{0};
    std::vector<std::unique_ptr<bare_node>> nodes;

    bare_node* add() {
        nodes.push_back(std::make_unique<bare_node>());
        return nodes.back().get();
    }
    std::atomic<std::uint64_t>& slot(std::uint32_t index) {
        auto* node = reinterpret_cast<bare_node*>(head.load(std::memory_order_acquire));
        node = reinterpret_cast<bare_node*>(node->slots[index >> 2 * shift].load(std::memory_order_acquire));
        node =
            reinterpret_cast<bare_node*>(node->slots[index >> shift & mask].load(std::memory_order_acquire));
        return node->slots[index & mask];
    }
    std::uint64_t store(std::uint32_t index, std::uint64_t entry) {
        std::uint32_t free = 0;
        while (!lock.compare_exchange_weak(free, 1, std::memory_order_acquire, std::memory_order_relaxed))
            free = 0;
        std::atomic<std::uint64_t>& at = slot(index);
        const std::uint64_t before = at.load(std::memory_order_relaxed);
        at.store(entry, std::memory_order_release);
        lock.store(0, std::memory_order_release);
        return before;
    }
};

void* create(array_operation) {
    auto* made = new bare_array;
    bare_node* root = made->add();
    made->head = reinterpret_cast<std::uintptr_t>(root);
    for (std::uint32_t middle = 0; middle < array_entries >> 2 * shift; ++middle) {
        bare_node* above = made->add();
        root->slots[middle] = reinterpret_cast<std::uintptr_t>(above);
        for (auto& leaf : above->slots)
            leaf = reinterpret_cast<std::uintptr_t>(made->add());
    }
    for (std::uint32_t i = 0; i < array_entries; ++i)
        made->store(i, i);
    return made;
}
void destroy(void* array) { delete static_cast<bare_array*>(array); }

std::uint64_t run(void* array, array_operation what, std::uint64_t count, std::uint32_t* seed) {
    bare_array& mine = *static_cast<bare_array*>(array);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t at = array_next(seed);
        if (what == array_load) {
            sum += mine.slot(at).load(std::memory_order_acquire);
            continue;
        }
        if (what == array_erase_store)
            sum += mine.store(at, 0);
        sum += mine.store(at, i);
    }
    keep(sum);
    return count;
}

} // namespace

const array_side bare_array_side{create, destroy, [](unsigned) {}, [] {}, run};

} // namespace daxtorture::bench
