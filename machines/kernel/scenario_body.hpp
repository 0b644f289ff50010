/// A scenario as the machine's body: its operations are calls of the glue, its final checks those of the oracle.
#pragma once

#include "ledger.hpp"
#include "machine.hpp"

#include "scenario/program.hpp"
#include "words/operation.hpp"

#include <array>
#include <vector>

namespace daxtorture::kernel_machine {

class scenario_body : public body {
  public:
    explicit scenario_body(const program& what);

    unsigned threads() const override { return static_cast<unsigned>(program_.threads.size()); }
    void begin() override;
    void set_up() override;
    void keep() override;
    void go_back() override;
    void thread(unsigned number) override;
    void check() override;
    failure explain_hang() override;

    /// What everybody is in, and what the real objects look like: of the execution that just failed.
    snapshot take_snapshot() const;
    std::string operation_text(unsigned thread) const; ///< that it is in

    /// How many executions ended with each outcome: by thread, the last of which is the set-up, by operation.
    using outcome_counts = std::vector<std::vector<std::array<std::uint64_t, outcome_names.size()>>>;
    const outcome_counts& outcomes() const { return outcomes_; }

  private:
    struct held_page {
        void* page;
        long block; ///< -1: no page of a device
        unsigned generation;
    };
    struct hold {
        bool pinned;
        std::vector<held_page> pages;
    };

    outcome run_operation(const std::vector<operation>& of, std::size_t number, unsigned task,
                          std::size_t row);
    outcome perform(const operation& what, unsigned task);
    outcome map(int mm);
    outcome perform_file(const operation& what);
    outcome perform_device(const operation& what);
    outcome get_pages(const operation& what, unsigned task);
    held_page take_hold(void* page, bool pinned, int mm, std::uint64_t at);
    outcome put_pages(bool pinned, unsigned task);
    outcome device_writes(unsigned task);
    outcome write_back(const operation& what);
    unsigned page(std::uint32_t number) const { return number * scale_; }

    program program_;
    unsigned scale_;
    std::uint64_t stored_ = 0;
    std::vector<std::vector<hold>> holds_; ///< of each task
    outcome_counts outcomes_;

    /// What the set-up left, beside the world.
    struct kept_state {
        ledger oracle;
        std::uint64_t stored = 0;
        std::vector<std::vector<hold>> holds;
        std::vector<outcome> outcomes; ///< of its operations
    };
    kept_state kept_;
};

} // namespace daxtorture::kernel_machine
