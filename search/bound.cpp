#include "decision_path.hpp"

#include <bit>

namespace daxtorture {

namespace {

/// The tree of decisions, depth first. Going on comes before switching and the newest value before older ones, so that the
/// first failure of a branch is a simple one.
class bound final : public strategy {
  public:
    bound(unsigned preemptions, unsigned unusual, tree_part part)
        : preemptions_(preemptions), unusual_(unusual), path_(part) {}

    bool begin(std::uint64_t, unsigned) override {
        preemptions_left_ = preemptions_;
        unusual_left_ = unusual_;
        return path_.advance();
    }

    unsigned next_thread(const turn& t) override {
        const bool costs = t.can_go_on();
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
    double explored() const override { return path_.explored(); }

  private:
    unsigned decide(decision question, unsigned first, unsigned others) {
        if (path_.at_end())
            path_.add(question, first, others);
        return path_.visit(question).chosen;
    }

    unsigned preemptions_;
    unsigned unusual_;
    unsigned preemptions_left_ = 0;
    unsigned unusual_left_ = 0;
    decision_path<decision_node> path_;
};

/// One tree after the other. Those before the last are small, and parts of it.
class bounds : public strategy {
  public:
    bounds(unsigned last, tree_part part) : last_(last), part_(part), tree_(0, 0, part) {}

    bool begin(std::uint64_t iteration, unsigned threads) override {
        while (!tree_.begin(iteration, threads)) {
            if (bound_ == last_)
                return false;
            ++bound_;
            tree_ = bound(bound_, bound_, part_);
        }
        return true;
    }
    unsigned next_thread(const turn& t) override { return tree_.next_thread(t); }
    unsigned pick(const question& q) override { return tree_.pick(q); }
    double explored() const override { return bound_ == last_ ? tree_.explored() : 0; }

  private:
    unsigned last_;
    tree_part part_;
    unsigned bound_ = 0;
    bound tree_;
};

} // namespace

std::unique_ptr<strategy> make_bounds(unsigned last, tree_part part) {
    return std::make_unique<bounds>(last, part);
}

std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part) {
    return std::make_unique<bound>(preemptions, unusual, part);
}

} // namespace daxtorture
