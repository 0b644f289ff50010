/// What a world consists of, as its oracles and its operations see it. Everything above sees world/world.hpp.
#pragma once

#include "fs/driver.hpp"
#include "fs/super.hpp"
#include "mm/gup.hpp"
#include "mm/mm_struct.hpp"
#include "words/config.hpp"

#include <arch/machine.hpp>
#include <arch/task.hpp>

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace daxtorture {
inline namespace ARCH_MACHINE {

/// The pages one worker holds, oldest first.
class holdings {
  public:
    static constexpr unsigned limit = 32;
    unsigned room() const { return limit - count_; }
    bool full() const { return room() == 0; }
    /// Where the next call puts its pages; then they are added.
    held_page* space() { return pages_.data() + count_; }
    void add(unsigned count);
    /// Removes the pages of the oldest call of that kind. What is returned stands until the next call.
    std::span<const held_page> take_oldest(gup_kind kind);
    /// For the watchdog, which may look while the worker goes on: the race is deliberate.
    __attribute__((no_sanitize("thread"))) bool peek_holds(const void* head) const {
        const held_page* const pages = pages_.data();
        const unsigned count = *const_cast<const volatile unsigned*>(&count_);
        for (unsigned i = 0; i < count && i < limit; ++i)
            if (pages[i].head == head)
                return true;
        return false;
    }
    const held_page* begin() const { return pages_.data(); }
    const held_page* end() const { return pages_.data() + count_; }

  private:
    std::array<held_page, limit> pages_; ///< the first count_ mean something
    std::array<held_page, limit> taken_;
    unsigned count_ = 0;
    unsigned calls_ = 0;
};

/// One actor: its task, what it holds, and how reports call it and what it does.
struct alignas(64) worker_state {
    arch::task task;
    holdings held;
    inode* leased = nullptr; ///< the file on which it has a layout lease
    arch::oracle<const char*> name{""};
    arch::oracle<const char*> operation{""};
};

struct world_state {
    explicit world_state(const world_config& config);

    const world_config config;
    kernel k;
    block_allocator blocks;
    dax_device pmem; ///< that all files are on
    super_block sb;
    std::vector<std::unique_ptr<block_allocator>> device_blocks; ///< of the devices without a filesystem
    std::vector<std::unique_ptr<driver_device>> devices;         ///< those, by device operand less 1
    std::vector<std::unique_ptr<inode>> files;
    std::vector<std::unique_ptr<mm_struct>> mms;
    std::unique_ptr<worker_state[]> workers; ///< config.workers + 1: the last does set-up and checks
    /// The device that processes map as this file.
    driver_device& device_behind(const inode& file);

    unsigned worker_count() const { return config.workers + 1; }

  private:
    block_allocator& blocks_of(const file_config& file);
    void add_device(inode& file);
    void add_area(mm_struct& mm, const area_config& area);
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
