#include "random.hpp"
#include "strategies.hpp"

namespace daxtorture {

namespace {

class uniform : public strategy {
  public:
    explicit uniform(std::uint64_t seed) : seed_(seed) {}

    bool begin(std::uint64_t iteration, unsigned) override {
        random_ = random_source(seed_, iteration);
        return true;
    }
    unsigned next_thread(const turn& t) override { return random_.bit_of(t.allowed); }
    unsigned pick(const question& q) override { return random_.below(q.options); }

  private:
    std::uint64_t seed_;
    random_source random_;
};

} // namespace

std::unique_ptr<strategy> make_uniform(std::uint64_t seed) { return std::make_unique<uniform>(seed); }

} // namespace daxtorture
