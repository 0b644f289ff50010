#include "strategy.hpp"

#include <bit>
#include <stdexcept>

namespace daxtorture {

namespace {

/// The tree of decisions, depth first. Going on comes before switching and the newest value before older ones, so that the
/// first failure of a branch is a simple one.
class bound : public strategy {
  public:
    bound(unsigned preemptions, unsigned unusual, tree_part part)
        : preemptions_(preemptions), unusual_(unusual), part_(part) {}

    bool begin(std::uint64_t, unsigned) override {
        preemptions_left_ = preemptions_;
        unusual_left_ = unusual_;
        depth_ = 0;
        if (!started_) {
            started_ = true;
            return true;
        }
        if (subtree_ % part_.count != part_.index && path_.size() > split_depth)
            path_.resize(
                split_depth); // another part's: one execution of it showed where the next subtree begins
        while (!path_.empty() && path_.back().untried == 0)
            path_.pop_back();
        if (path_.empty())
            return false;
        if (path_.size() <= split_depth)
            ++subtree_;
        node& last = path_.back();
        last.chosen = static_cast<std::uint8_t>(std::countr_zero(static_cast<unsigned>(last.untried)));
        last.untried &= static_cast<std::uint8_t>(last.untried - 1);
        return true;
    }

    unsigned next_thread(const turn& t) override {
        const bool costs = t.current != turn::nobody && !t.yielding;
        unsigned first = static_cast<unsigned>(std::countr_zero(t.allowed));
        unsigned others = t.allowed & (t.allowed - 1);
        if (costs) {
            first = t.current;
            others = preemptions_left_ == 0 ? 0 : t.allowed & ~(1u << first);
        }
        const unsigned chosen = decide(decision::thread(t, 0), first, others);
        if (costs && chosen != first && preemptions_left_ != unlimited)
            --preemptions_left_;
        return chosen;
    }

    unsigned pick(const question& q) override {
        const unsigned others = unusual_left_ == 0 ? 0 : ((1u << q.options) - 1) & ~1u;
        const unsigned chosen = decide(decision::value(q, 0), 0, others);
        if (chosen != 0 && unusual_left_ != unlimited)
            --unusual_left_;
        return chosen;
    }

  private:
    static constexpr std::size_t split_depth = 8; ///< decisions that tell the subtrees apart

    struct node {
        std::uint32_t question;
        std::uint8_t chosen;
        std::uint8_t untried;
    };

    unsigned decide(decision question, unsigned first, unsigned others) {
        if (depth_ == path_.size())
            path_.push_back(
                {question.bits(), static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(others)});
        else if (path_[depth_].question != question.bits())
            throw std::logic_error(
                "the model is not deterministic: one prefix of decisions led to two questions");
        return path_[depth_++].chosen;
    }

    unsigned preemptions_;
    unsigned unusual_;
    tree_part part_;
    std::uint64_t subtree_ = 0; ///< number of the subtree that the path is in
    unsigned preemptions_left_ = 0;
    unsigned unusual_left_ = 0;
    std::size_t depth_ = 0;
    bool started_ = false;
    std::vector<node> path_;
};

} // namespace

std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part) {
    return std::make_unique<bound>(preemptions, unusual, part);
}

} // namespace daxtorture
