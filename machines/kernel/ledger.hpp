/// What the oracle remembers of one execution: who owns each block, who holds references to its page, which stores no flush has reached.
/// It is no scheduling point, but steps of which one changes it do not commute. std only.
#pragma once

#include "abi.h"

#include "words/invariant.hpp"

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
    void hold(long block, bool pinned) { ++(pinned ? at(block).pins : at(block).gets); }
    void drop(long block, bool pinned) { --(pinned ? at(block).pins : at(block).gets); }
    int gets(long block) const { return of(block).gets; }
    int pins(long block) const { return of(block).pins; }
    int held(long block) const { return gets(block) + pins(block); }
    /// Counts the owners that a block has had.
    unsigned generation(long block) const { return of(block).generation; }
    /// I18: layouts were broken, so nobody holds a page of the range.
    void layouts_broken(int file, long first, long last) const;

    // What the filesystem tells.
    void taken(long block, int file, long page);
    void freed(long block, int file, long page);
    void moved(long block, int file, long from, long to);
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
        int gets = 0;
        int pins = 0;
        unsigned generation = 0;
    };
    struct dirty_page {
        int file;
        long page;
        long block;
        std::uint64_t since; ///< the first store that was not flushed
    };

    static void touched(bool write);
    block_state& at(long block) {
        touched(true);
        const auto number = static_cast<std::size_t>(block);
        if (number >= blocks_.size())
            blocks_.resize(number + 1);
        return blocks_[number];
    }
    block_state of(long block) const {
        touched(false);
        const auto number = static_cast<std::size_t>(block);
        return number < blocks_.size() ? blocks_[number] : block_state{};
    }

    std::vector<block_state> blocks_; ///< up to the last one that somebody had
    std::vector<dirty_page> dirty_;
    std::uint64_t stores_ = 0;
};

/// Ends the execution.
[[noreturn]] void violation(invariant broken, const char* cause, std::string detail);

} // namespace daxtorture::kernel_machine
