/// The TLBs of the CPUs that users run on: what a flush must reach before a page may lose its reference. Mirrors arch/*/mm/tlb.c, v6.15, and
/// what hardware does by itself (fact R3).
///
/// Two forms. Without entries, which is the default, a translation lives as long as the access that it was made for: an access is a section
/// of an RCU domain of its own, and a flush is its grace period. With entries (`tlb=N` of a scenario's geometry) each worker is a CPU that
/// keeps the translation of a page, permissions included, after the access: later accesses go through it without a look at the page tables,
/// until a flush of its range erases it, or another page takes its place.
/// Pages     a PMD leaf is kept page by page: hardware may do so, and a flush of one page of it need not reach the others
/// Flush     comes between two accesses of a CPU, as an interrupt or a broadcast invalidation that is waited for does: whoever flushes holds
///           the CPU's lock while it erases, an access holds it throughout                                          [I24]
/// Checked   tlb-munmap-vs-reuse, tlb-writeback, tlb-pmd-split; broken by the rules zap-order, mkclean-flush and mremap-flush
#pragma once

#include "mm/page_table.hpp"

#include <arch/lock.hpp>
#include <arch/machine.hpp>
#include <arch/oracle.hpp>
#include <arch/rcu.hpp>

#include <cstdint>
#include <memory>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct mm_struct;

class tlb {
  public:
    /// The first `cpus` tasks are CPUs that users run on; one more, which does set-up, keeps no translation.
    tlb(unsigned cpus, unsigned entries);

    /// Do translations outlive their access?
    bool modelled() const { return entries_ != 0; }

    /// One instruction of the current CPU: no flush comes in between, and a flush waits for its end.
    class instruction {
      public:
        explicit instruction(tlb& all) : all_(all) {
            if (all_.modelled()) [[unlikely]]
                all_.begin_instruction();
            else
                all_.accesses_.read_lock();
        }
        ~instruction() {
            if (all_.modelled()) [[unlikely]]
                all_.end_instruction();
            else
                all_.accesses_.read_unlock();
        }
        instruction(const instruction&) = delete;
        instruction& operator=(const instruction&) = delete;

      private:
        tlb& all_;
    };

    /// What the current CPU translates the page to, inside an instruction: what it has kept, unless that forbids the access; else what the page
    /// tables say, which it keeps when it is present.
    pte_t translate(const mm_struct& mm, const page_table& table, std::uint64_t page, bool write) {
        return modelled() ? look_up(mm, table, page, write) : table.walk(page);
    }

    /// When it returns, no CPU has a translation of [first, last) that is older than the call, and no access through one is under way.
    void flush(const mm_struct& mm, std::uint64_t first, std::uint64_t last);

    /// The oracle's clock: every translation that a CPU makes has its own time.
    std::uint64_t now() const { return clock_.get(); }
    /// Reports a CPU that still translates one of `count` pages as it did before `cleared` [I24].
    void check_flushed(const mm_struct& mm, std::uint64_t page, std::uint64_t count,
                       std::uint64_t cleared) const;

    /// For the oracle: is the lock of this CPU at the address?
    bool is_cpu(unsigned number, const void* address) const {
        return modelled() && address == &cpu_[number].busy;
    }

  private:
    /// One word, so that a check on another thread never sees half of it: mm, page and time; 0 is none.
    struct entry {
        arch::oracle<std::uint64_t> tag{0};
        std::uint64_t pte = 0; ///< its CPU's alone
    };
    struct alignas(64) cpu {
        arch::spinlock busy{lock_classes::cpu};
        std::unique_ptr<entry[]> entries;
    };

    pte_t look_up(const mm_struct& mm, const page_table& table, std::uint64_t page, bool write);
    /// The CPU of the current task; null for the one that does set-up.
    cpu* here();
    void begin_instruction();
    void end_instruction();

    const unsigned cpus_;
    const unsigned entries_;
    std::unique_ptr<cpu[]> cpu_;
    arch::rcu_domain accesses_;
    arch::oracle<std::uint64_t> clock_{1};
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
