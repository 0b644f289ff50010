#include "random.hpp"
#include "stale_loads.hpp"
#include "strategies.hpp"

#include <array>

namespace daxtorture {

namespace {

/// Every step to come has a random priority, and the highest runs. What has waited for a step that it conflicts with gets a new one, so
/// that of two conflicting steps either may come first, however long the ways to them are.
class pos : public strategy {
  public:
    explicit pos(std::uint64_t seed) : seed_(seed) {}

    bool begin(std::uint64_t iteration, unsigned threads) override {
        random_ = random_source(seed_, iteration);
        threads_ = threads;
        for (unsigned i = 0; i < threads; ++i)
            priority_[i] = random_.next();
        stale_.begin(random_);
        return true;
    }

    unsigned next_thread(const turn& t) override {
        unsigned best = turn::nobody;
        for (unsigned i = 0; i < threads_; ++i)
            if ((t.allowed >> i & 1) != 0 && (best == turn::nobody || priority_[i] > priority_[best]))
                best = i;
        for (unsigned i = 0; i < threads_; ++i)
            if (i == best || t.next[i].conflicts(t.next[best]))
                priority_[i] = random_.next();
        return best;
    }

    unsigned pick(const question& q) override { return stale_.pick(q, random_); }

  private:
    std::uint64_t seed_;
    random_source random_;
    stale_loads stale_;
    unsigned threads_ = 0;
    std::array<std::uint64_t, max_threads> priority_{}; ///< of each thread's next step
};

} // namespace

std::unique_ptr<strategy> make_pos(std::uint64_t seed) { return std::make_unique<pos>(seed); }

} // namespace daxtorture
