#include "decision_path.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace daxtorture {

namespace {

constexpr unsigned most_threads = 8;

/// Threads whose next step was explored already, from here or from a state before which differs only by steps that commute with it, and what
/// that step does. Whatever begins with it has been explored.
class sleepers {
  public:
    unsigned mask() const { return mask_; }
    void clear() { mask_ = 0; }
    void add(unsigned thread, const footprint& does) {
        mask_ |= 1u << thread;
        does_[thread] = &does;
    }
    void keep(unsigned threads) { mask_ &= threads; }
    /// A thread did this: whoever is disturbed by it wakes up.
    void wake(unsigned thread, const footprint& did) {
        for (unsigned left = mask_; left != 0; left &= left - 1) {
            const unsigned one = static_cast<unsigned>(std::countr_zero(left));
            if (footprint::dependent(one, *does_[one], thread, did))
                mask_ &= ~(1u << one);
        }
    }

  private:
    unsigned mask_ = 0;
    std::array<const footprint*, most_threads> does_{};
};

/// For each thread, how many of its steps happened before.
using vector_clock = std::array<std::uint32_t, most_threads>;

/// Depth first, with sleep sets (Godefroid 1996) and branches on demand (after Flanagan and Godefroid, POPL 2005). A node is a decision; that of
/// a thread remembers who slept when it was reached, and what the step of each thread chosen there did: all its ways to go together. A node
/// has one branch, until a later step of another thread races with the step that began there: the two do not commute, and nothing else
/// orders them. Then it gets all. The argument is in docs/search.md.
class reduced : public strategy {
  public:
    explicit reduced(tree_part part) : path_(part) {}

    bool begin(std::uint64_t, unsigned) override {
        step_ = 0;
        latest_.fill(none);
        repeats_ = false;
        asleep_.clear();
        chooser_ = nullptr;
        if (!path_.advance())
            return false;
        last_turn_ = path_.size();
        while (last_turn_ != 0 && !path_[last_turn_ - 1].of_threads())
            --last_turn_;
        return true;
    }

    unsigned next_thread(const turn& t) override {
        if (repeats_)
            return t.usual();
        if (path_.at_end()) {
            const unsigned awake = t.allowed & ~asleep_.mask();
            unsigned first = static_cast<unsigned>(std::countr_zero(awake)); // somebody is: see stepped()
            unsigned others = awake & (awake - 1);
            if (t.can_go_on() && (awake >> t.current & 1) != 0) {
                first = t.current;
                others = awake & ~(1u << first);
            }
            // The subtrees of a split tree are the same for all parts: nothing in one of them may add to it.
            add(decision::thread(t, 0), first, path_.splits_at(path_.size()) ? others : 0).asleep = asleep_;
        }
        node& here = path_.visit(decision::thread(t, 0));
        asleep_ = here.asleep;
        for (unsigned left = here.done; left != 0; left &= left - 1) {
            const unsigned thread = static_cast<unsigned>(std::countr_zero(left));
            asleep_.add(thread, here.steps[thread]);
        }
        chooser_ = &here;
        return here.chosen;
    }

    unsigned pick(const question& q) override {
        if (repeats_)
            return 0;
        if (path_.at_end())
            add(decision::value(q, 0), 0, ((1u << q.options) - 1) & ~1u);
        if (chooser_ != nullptr && path_.splits_at(chooser_->depth))
            chooser_->steps[chooser_->chosen].everything = true; // not all its ways to go are this part's
        return path_.visit(decision::value(q, 0)).chosen;
    }

    double explored() const override { return path_.explored(); }
    bool watches() const override { return true; }
    bool notes() const override { return !repeats_ && path_.depth() >= last_turn_; }

    void stepped(unsigned thread, const footprint& did, unsigned next) override {
        if (repeats_)
            return;
        const std::size_t number = step_++;
        const std::size_t before = std::exchange(latest_[thread], number);
        node* const chooser = std::exchange(chooser_, nullptr);
        if (!notes())
            return; // as in the execution before
        if (chooser != nullptr)
            chooser->steps[thread].add(did);
        note_step(number, before, {thread, did, {}, chooser});
        asleep_.wake(thread, did);
        asleep_.keep(next);
        repeats_ = next != 0 && asleep_.mask() == next;
    }
    bool repeats() const override { return repeats_; }

  private:
    static constexpr std::size_t none = ~std::size_t{0};

    struct node : decision_node {
        std::size_t depth = 0;
        std::uint8_t done = 0; ///< options, but not the chosen one, that were explored
        sleepers asleep;       ///< when the decision was first reached
        std::array<footprint, most_threads> steps;

        bool of_threads() const { return decision(question).kind() == choice_kind::thread; }
        void next() {
            done |= static_cast<std::uint8_t>(1u << chosen);
            decision_node::next();
            if (of_threads())
                steps[chosen].clear();
        }
    };

    struct step {
        unsigned thread;
        footprint did;
        vector_clock clock; ///< of what happened before it, itself included
        node* chooser;      ///< none: no other thread was allowed

        bool after(const step& other) const { return clock[other.thread] >= other.clock[other.thread]; }
    };

    /// Orders the step after those before it with which it does not commute, and follows its races.
    void note_step(std::size_t number, std::size_t before, step&& made) {
        if (before != none)
            made.clock = steps_[before].clock;
        races_.clear();
        for (std::size_t i = number; i-- > 0;) {
            const step& earlier = steps_[i];
            if (earlier.thread == made.thread || made.after(earlier) ||
                !footprint::dependent(made.thread, made.did, earlier.thread, earlier.did))
                continue;
            for (unsigned t = 0; t < most_threads; ++t)
                made.clock[t] = std::max(made.clock[t], earlier.clock[t]);
            races_.push_back(i);
        }
        ++made.clock[made.thread];
        steps_.resize(number);
        steps_.push_back(std::move(made));
        for (const std::size_t i : races_)
            if (steps_[i].chooser != nullptr)
                expand(*steps_[i].chooser);
    }

    /// Another thread's later step raced with the one chosen here: the threads that wait at this node get their turn, but for those asleep.
    static void expand(node& at) {
        const unsigned tried = at.done | 1u << at.chosen | at.asleep.mask();
        at.untried |= static_cast<std::uint8_t>(decision(at.question).options() & ~tried);
    }

    node& add(decision question, unsigned first, unsigned others) {
        node& fresh = path_.add(question, first, others);
        fresh.depth = path_.size() - 1;
        fresh.done = 0;
        if (fresh.of_threads())
            fresh.steps[first].clear();
        return fresh;
    }

    bool repeats_ = false; ///< everybody who could run slept: the rest of the execution decides nothing
    std::size_t last_turn_ =
        0; ///< decisions up to the last among threads, which the execution repeats from the one before
    std::size_t step_ = 0;                           ///< steps of the execution so far
    std::array<std::size_t, most_threads> latest_{}; ///< each thread's last step
    std::vector<step> steps_;
    std::vector<std::size_t> races_;
    sleepers asleep_;
    node* chooser_ =
        nullptr; ///< the decision by which the present step came; none: there was no other thread
    decision_path<node> path_;
};

} // namespace

std::unique_ptr<strategy> make_reduced(tree_part part) { return std::make_unique<reduced>(part); }

} // namespace daxtorture
