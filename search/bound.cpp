#include "decision_path.hpp"

#include <bit>

namespace daxtorture {

namespace {

/// The tree of decisions, depth first. Going on comes before switching and the newest value before older ones, so that the
/// first failure of a branch is a simple one.
class bound : public strategy {
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

} // namespace

std::unique_ptr<strategy> make_bound(unsigned preemptions, unsigned unusual, tree_part part) {
    return std::make_unique<bound>(preemptions, unusual, part);
}

} // namespace daxtorture
