#include "random.hpp"
#include "strategies.hpp"

namespace daxtorture {

namespace {

/// One target an execution, in turn. Before the target is met the strategy leads towards it, afterwards turns are random, so that
/// what follows from the meeting is explored too.
class aim : public strategy {
  public:
    aim(std::uint64_t seed, std::vector<aim_target> targets) : seed_(seed), targets_(std::move(targets)) {}

    bool begin(std::uint64_t iteration, unsigned) override {
        if (targets_.empty())
            return false;
        random_ = random_source(seed_, iteration);
        target_ = targets_[iteration % targets_.size()];
        stage_ = stage::lead_inner;
        outer_steps_ = random_.below(1u << random_.below(max_steps_log2));
        inner_steps_ = random_.below(1u << random_.below(max_steps_log2));
        return true;
    }

    unsigned next_thread(const turn& t) override {
        const unsigned wanted = lead(t);
        return (t.allowed >> wanted & 1) != 0 ? wanted : random_.bit_of(t.allowed);
    }
    unsigned pick(const question& q) override { return random_.below(q.options); }

  private:
    static constexpr unsigned max_steps_log2 = 7; ///< up to 64 steps inside either operation
    enum class stage : std::uint8_t { lead_inner, lead_outer, inside_outer, inside_inner, met };

    /// The thread that the plan wants to run: the inner one up to its operation, the outer one into its own for some steps, then the
    /// inner one for some.
    unsigned lead(const turn& t) {
        const int inner = t.operations[target_.thread];
        const int outer = t.operations[target_.outer_thread];
        if (stage_ == stage::lead_inner && inner >= static_cast<int>(target_.operation))
            stage_ = stage::lead_outer;
        if (stage_ == stage::lead_outer && outer >= static_cast<int>(target_.outer))
            stage_ = stage::inside_outer;
        if (stage_ == stage::inside_outer && outer_steps_-- == 0)
            stage_ = stage::inside_inner;
        if (stage_ == stage::inside_inner && inner_steps_-- == 0)
            stage_ = stage::met;
        switch (stage_) {
        case stage::lead_inner:
        case stage::inside_inner:
            return target_.thread;
        case stage::lead_outer:
        case stage::inside_outer:
            return target_.outer_thread;
        case stage::met:
            break;
        }
        return random_.bit_of(t.allowed);
    }

    std::uint64_t seed_;
    std::vector<aim_target> targets_;
    random_source random_;
    aim_target target_{};
    stage stage_ = stage::lead_inner;
    unsigned outer_steps_ = 0;
    unsigned inner_steps_ = 0;
};

} // namespace

std::unique_ptr<strategy> make_aim(std::uint64_t seed, std::vector<aim_target> targets) {
    return std::make_unique<aim>(seed, std::move(targets));
}

} // namespace daxtorture
