/// Store buffers of x86 (memory model tso), one for each thread. std only.
///
/// A hook comes before its store, so the value is taken at the thread's next hook. Until a thread is switched away from, its stores are in
/// memory, where only itself reads; then those that stay buffered are taken back, and put in place again when it goes on. Fences, atomic
/// operations, locks and sleeping empty the buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace daxtorture::kernel_machine {

class store_buffer {
  public:
    static constexpr std::size_t capacity = 12;

    void clear() {
        stores_.clear();
        expected_ = {};
    }

    /// The thread is about to store.
    void expect(std::uintptr_t address, unsigned size) {
        expected_ = {address, size, read(address, size), 0};
    }
    /// The store that was expected has been made.
    void take() {
        if (expected_.size == 0)
            return;
        if (stores_.size() == capacity)
            stores_.erase(stores_.begin());
        expected_.value = read(expected_.address, expected_.size);
        stores_.push_back(expected_);
        expected_ = {};
    }
    void drain() { clear(); }
    std::size_t size() const { return stores_.size(); }

    /// The thread stops; its youngest `kept` stores have not reached memory yet.
    void hide(std::size_t kept) {
        stores_.erase(stores_.begin(), stores_.end() - static_cast<std::ptrdiff_t>(kept));
        for (auto s = stores_.rbegin(); s != stores_.rend(); ++s)
            write(*s, s->before);
    }
    /// The thread goes on, and sees what it has stored.
    void show() {
        for (buffered& s : stores_) {
            s.before = read(s.address, s.size);
            write(s, s.value);
        }
    }

  private:
    struct buffered {
        std::uintptr_t address = 0;
        unsigned size = 0; ///< 0: none
        std::uint64_t before = 0;
        std::uint64_t value = 0;
    };

    static std::uint64_t read(std::uintptr_t address, unsigned size) {
        std::uint64_t value = 0;
        std::memcpy(&value, reinterpret_cast<const void*>(address), size);
        return value;
    }
    static void write(const buffered& s, std::uint64_t value) {
        std::memcpy(reinterpret_cast<void*>(s.address), &value, s.size);
    }

    std::vector<buffered> stores_;
    buffered expected_;
};

} // namespace daxtorture::kernel_machine
