/// How often loads are old in one execution of a random strategy: most bugs need one stale load or none; a few need many. std only.
#pragma once

#include "random.hpp"
#include "strategy.hpp"

#include <array>

namespace daxtorture {

class stale_loads {
  public:
    void begin(random_source& random) {
        constexpr std::array<unsigned, 4> rates{0, 0, 16, 128};
        of_256_ = rates[random.below(rates.size())];
    }
    unsigned pick(const question& q, random_source& random) const {
        return random.below(256) < of_256_ ? 1 + random.below(q.options - 1) : 0;
    }

  private:
    unsigned of_256_ = 0;
};

} // namespace daxtorture
