#include "decision_path.hpp"

#include <array>
#include <bit>

namespace daxtorture {

namespace {

/// Threads that were preempted and have not run since.
///
/// A preemption before a step is superfluous when that step commutes with all that others do until the thread runs again: the same others
/// could have come right after the step, with as many preemptions. What follows is then left out, for the tree has it with the preemption
/// one step later (or, if that is superfluous, still later).
class preempted_threads {
  public:
    void clear() { threads_ = 0; }
    bool any() const { return threads_ != 0; }
    /// `step`: what the thread does next.
    void add(unsigned thread, const footprint& step) {
        threads_ |= 1u << thread;
        steps_[thread] = &step;
        superfluous_ |= 1u << thread;
    }
    void remove(unsigned thread) { threads_ &= ~(1u << thread); }
    void stepped(unsigned thread, const footprint& did) {
        for (unsigned left = threads_ & superfluous_ & ~(1u << thread); left != 0; left &= left - 1) {
            const unsigned one = static_cast<unsigned>(std::countr_zero(left));
            if (footprint::dependent(one, *steps_[one], thread, did))
                superfluous_ &= ~(1u << one);
        }
    }
    /// Those of them that should have made their step before.
    unsigned superfluous() const { return threads_ & superfluous_; }

  private:
    unsigned threads_ = 0;
    unsigned superfluous_ = 0;
    std::array<const footprint*, max_threads> steps_{};
};

/// The tree of decisions, depth first. Going on comes before switching and the newest value before older ones, so that the
/// first failure of a branch is a simple one.
class bound final : public strategy {
  public:
    bound(unsigned preemptions, unsigned unusual, tree_part part, bool reduce)
        : preemptions_(preemptions), unusual_(unusual), reduce_(reduce), path_(part) {}

    bool begin(std::uint64_t, unsigned) override {
        preemptions_left_ = preemptions_;
        unusual_left_ = unusual_;
        preempted_.clear();
        went_on_ = nullptr;
        return path_.advance();
    }

    unsigned next_thread(const turn& t) override {
        const bool costs = t.can_go_on();
        const unsigned useful = t.allowed & ~preempted_.superfluous();
        if (useful == 0)
            return turn::stop;
        unsigned first = static_cast<unsigned>(std::countr_zero(useful));
        unsigned others = useful & (useful - 1);
        if (costs) {
            first = t.current;
            others = preemptions_left_ == 0 ? 0 : useful & ~(1u << first);
        }
        node& here = decide(decision::thread(t, 0), first, others);
        const unsigned chosen = here.chosen;
        went_on_ = costs && chosen == first ? &here : nullptr;
        if (costs && chosen != first) {
            if (preemptions_left_ != unlimited)
                --preemptions_left_;
            // Where parts of the tree are told apart all parts must see the same branches.
            if (reduce_ && here.step_is_known && !path_.splits_at(path_.depth() - 1))
                preempted_.add(t.current, here.step);
        }
        preempted_.remove(chosen);
        runs_ = chosen;
        return chosen;
    }

    unsigned pick(const question& q) override {
        const unsigned others = unusual_left_ == 0 ? 0 : ((1u << q.options) - 1) & ~1u;
        const unsigned chosen = decide(decision::value(q, 0), 0, others).chosen;
        if (chosen != 0 && unusual_left_ != unlimited)
            --unusual_left_;
        return chosen;
    }
    double explored() const override { return path_.explored(); }

    bool watches() const override { return reduce_; }
    /// Steps that the path repeats from earlier executions were noted then, but for those that a preempted thread waits for.
    bool notes() const override { return preempted_.any() || path_.at_end(); }
    bool stepped(unsigned thread, const footprint& did, unsigned next) override {
        if (went_on_ != nullptr && thread == runs_ && path_.at_end()) {
            went_on_->step.add(did);
            went_on_->step_is_known = true;
        }
        preempted_.stepped(thread, did);
        const unsigned superfluous = preempted_.superfluous();
        if (next != 0 && (next & ~superfluous) == 0)
            return false;
        if (std::has_single_bit(next)) // it runs without being asked for
            preempted_.remove(static_cast<unsigned>(std::countr_zero(next)));
        return true;
    }

  private:
    struct node : decision_node {
        footprint step; ///< of the thread that went on here
        bool step_is_known = false;
    };

    node& decide(decision question, unsigned first, unsigned others) {
        if (path_.at_end()) {
            node& fresh = path_.add(question, first, others);
            fresh.step.clear();
            fresh.step_is_known = false;
        }
        return path_.visit(question);
    }

    unsigned preemptions_;
    unsigned unusual_;
    bool reduce_;
    unsigned preemptions_left_ = 0;
    unsigned unusual_left_ = 0;
    unsigned runs_ = 0;
    node* went_on_ = nullptr; ///< the decision by which the running thread went on
    preempted_threads preempted_;
    decision_path<node> path_;
};

/// One tree after the other. Those before the last are small, and parts of it.
class bounds : public strategy {
  public:
    bounds(unsigned last, tree_part part, bool reduce)
        : last_(last), part_(part), reduce_(reduce), tree_(0, 0, part, reduce) {}

    bool begin(std::uint64_t iteration, unsigned threads) override {
        while (!tree_.begin(iteration, threads)) {
            if (bound_ == last_)
                return false;
            ++bound_;
            tree_ = bound(bound_, bound_, part_, reduce_);
        }
        return true;
    }
    unsigned next_thread(const turn& t) override { return tree_.next_thread(t); }
    unsigned pick(const question& q) override { return tree_.pick(q); }
    double explored() const override { return bound_ == last_ ? tree_.explored() : 0; }
    bool watches() const override { return tree_.watches(); }
    bool notes() const override { return tree_.notes(); }
    bool stepped(unsigned thread, const footprint& did, unsigned next) override {
        return tree_.stepped(thread, did, next);
    }

  private:
    unsigned last_;
    tree_part part_;
    bool reduce_;
    unsigned bound_ = 0;
    bound tree_;
};

} // namespace

std::unique_ptr<strategy> make_bounds(unsigned last, tree_part part, bool reduce) {
    return std::make_unique<bounds>(last, part, reduce);
}

std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part, bool reduce) {
    return std::make_unique<bound>(preemptions, unusual, part, reduce);
}

} // namespace daxtorture
