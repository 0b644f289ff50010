/// What the oracle remembers of one execution: who owns each block, who holds references to its page, which stores no flush has reached.
/// It orders nothing and is no scheduling point. std only.
#pragma once

#include "abi.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace daxtorture::kernel_machine {

class ledger {
  public:
    static ledger& get();

    void begin();

    // References that operations hold.
    void hold(long block) { ++at(block).held; }
    void drop(long block) { --at(block).held; }
    int held(long block) const { return blocks_[static_cast<std::size_t>(block)].held; }
    /// I7: the device writes to a page that it pinned.
    void device_writes(long block);

    // What the filesystem tells.
    void taken(long block, int file, long page);
    void freed(long block, int file, long page);
    void flushed(long block, unsigned long count);

    // What users do.
    void stored(int file, long page, long block, long expected);
    void loaded(int file, long page, long block, long expected);
    /// The pages go: what was stored to them need not be flushed any more.
    void discard(int file, long first, long last);

    std::uint64_t now() const { return stores_; }
    /// I20: an fsync that began at this moment has returned.
    void check_flushed(int file, std::uint64_t since) const;

  private:
    struct block_state {
        int owner = -1; ///< file; -1: free
        int held = 0;
    };
    struct dirty_page {
        int file;
        long page;
        long block;
        std::uint64_t since; ///< the first store that was not flushed
    };

    block_state& at(long block) { return blocks_[static_cast<std::size_t>(block)]; }

    std::vector<block_state> blocks_ = std::vector<block_state>(machine_pmem_pages);
    std::vector<dirty_page> dirty_;
    std::uint64_t stores_ = 0;
};

/// The kernel met a WARN or BUG there: a warning of this execution, or its end.
void note_bug(const void* place);

} // namespace daxtorture::kernel_machine
