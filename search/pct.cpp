#include "random.hpp"
#include "stale_loads.hpp"
#include "strategies.hpp"

#include <algorithm>
#include <array>

namespace daxtorture {

namespace {

class pct : public strategy {
  public:
    pct(std::uint64_t seed, unsigned depth) : seed_(seed), depth_(std::max(depth, 1u)) {}

    bool wants_probe() const override { return length_ == 0; }

    bool begin(std::uint64_t iteration, unsigned threads) override {
        // The probe is the same whatever comes first, so that an iteration is the same in every process and shard.
        constexpr std::uint64_t probe = 0;
        random_ = random_source(seed_, length_ == 0 ? probe : iteration);
        threads_ = threads;
        for (unsigned i = 0; i < threads; ++i) {
            priority_[i] = static_cast<int>(i + 1);
            std::swap(priority_[i], priority_[random_.below(i + 1)]);
        }
        lowest_ = 0;
        step_ = 0;
        // A bug of depth d needs d - 1 change points; each depth up to the limit gets an equal share of the iterations.
        changes_.clear();
        if (length_ != 0) {
            const unsigned depth = 1 + random_.below(depth_);
            for (unsigned i = 1; i < depth; ++i)
                changes_.push_back(random_.below(length_));
        }
        stale_.begin(random_);
        return true;
    }

    unsigned next_thread(const turn& t) override {
        ++step_;
        if (t.current != turn::nobody &&
            (t.yielding || std::find(changes_.begin(), changes_.end(), step_) != changes_.end()))
            priority_[t.current] = --lowest_;
        unsigned best = turn::nobody;
        for (unsigned i = 0; i < threads_; ++i)
            if ((t.allowed >> i & 1) != 0 && (best == turn::nobody || priority_[i] > priority_[best]))
                best = i;
        return best;
    }

    unsigned pick(const question& q) override { return stale_.pick(q, random_); }

    void end(std::uint64_t) override {
        if (length_ == 0)
            length_ = std::max(
                step_ * 2, 16u); // preempted executions are longer than the probe, which had no preemption
    }

  private:
    std::uint64_t seed_;
    unsigned depth_;
    unsigned threads_ = 0;
    unsigned length_ = 0; ///< thread decisions of an execution, estimated
    unsigned step_ = 0;
    int lowest_ = 0;
    stale_loads stale_;
    std::array<int, max_threads> priority_{};
    std::vector<unsigned> changes_;
    random_source random_;
};

} // namespace

std::unique_ptr<strategy> make_pct(std::uint64_t seed, unsigned depth) {
    return std::make_unique<pct>(seed, depth);
}

} // namespace daxtorture
