#include "random.hpp"
#include "stale_loads.hpp"
#include "strategies.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace daxtorture {

namespace {

/// For each execution one object is drawn. The orders of the accesses to it are to be equally likely: the thread that is meant to make the
/// next one is drawn by how many each has left, and until it has, no other thread may make one. All else is random turns. How often each
/// thread accesses which object is counted in a probe; an execution that does otherwise is only less even.
class surw : public strategy {
  public:
    explicit surw(std::uint64_t seed) : seed_(seed) {}

    bool wants_probe() const override { return probing_; }
    bool watches() const override { return probing_; }
    bool notes() const override { return probing_; }

    bool begin(std::uint64_t iteration, unsigned threads) override {
        constexpr std::uint64_t probe = 0;
        random_ = random_source(seed_, probing_ ? probe : iteration);
        threads_ = threads;
        object_ = 0;
        left_.fill(0);
        if (!probing_ && !shared_.empty()) {
            const auto& [object, accesses] = shared_[random_.below(static_cast<unsigned>(shared_.size()))];
            object_ = object;
            left_ = accesses;
        }
        stale_.begin(random_);
        meant_ = draw();
        return true;
    }

    unsigned next_thread(const turn& t) override {
        unsigned free = t.allowed;
        for (unsigned i = 0; i < threads_; ++i)
            if (i != meant_ && accesses_object(t.next[i]))
                free &= ~(1u << i);
        const unsigned chosen = random_.bit_of(free != 0 ? free : t.allowed);
        if (accesses_object(t.next[chosen])) {
            left_[chosen] -= left_[chosen] != 0 ? 1 : 0;
            meant_ = draw();
        }
        return chosen;
    }

    unsigned pick(const question& q) override { return stale_.pick(q, random_); }

    bool stepped(unsigned thread, const footprint& did, unsigned) override {
        for (const std::uint64_t object : did.reads())
            ++seen_[object].accesses[thread];
        for (const std::uint64_t object : did.writes()) {
            ++seen_[object].accesses[thread];
            seen_[object].written = true;
        }
        return true;
    }

    void end(std::uint64_t) override {
        if (!probing_)
            return;
        probing_ = false;
        for (const auto& [object, one] : seen_)
            if (one.written && std::ranges::count(one.accesses, 0u) <= max_threads - 2)
                shared_.emplace_back(object, one.accesses);
        seen_.clear();
    }

  private:
    using accesses_of_threads = std::array<unsigned, max_threads>;
    struct object_use {
        accesses_of_threads accesses{};
        bool written = false;
    };

    bool accesses_object(const access& next) const {
        return object_ != 0 && reinterpret_cast<std::uintptr_t>(next.object) == object_;
    }
    unsigned draw() {
        unsigned all = 0;
        for (const unsigned one : left_)
            all += one;
        if (all == 0)
            return turn::nobody;
        unsigned number = random_.below(all);
        unsigned thread = 0;
        while (number >= left_[thread])
            number -= left_[thread++];
        return thread;
    }

    std::uint64_t seed_;
    random_source random_;
    stale_loads stale_;
    unsigned threads_ = 0;
    bool probing_ = true;
    std::map<std::uint64_t, object_use> seen_; ///< by the probe
    std::vector<std::pair<std::uint64_t, accesses_of_threads>>
        shared_;               ///< written objects of two threads or more
    std::uint64_t object_ = 0; ///< of this execution; 0: none
    accesses_of_threads left_{};
    unsigned meant_ = turn::nobody; ///< the thread to access the object next; nobody: as it comes
};

} // namespace

std::unique_ptr<strategy> make_surw(std::uint64_t seed) { return std::make_unique<surw>(seed); }

} // namespace daxtorture
