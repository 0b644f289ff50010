/// 64-bit generator of the checker's strategies: xoshiro256** seeded through splitmix64 (Blackman and Vigna, 2018).
#pragma once

#include <bit>
#include <cstdint>

namespace daxtorture {

class random_source {
  public:
    explicit random_source(std::uint64_t seed = 0, std::uint64_t stream = 0) {
        std::uint64_t x = mix(seed + 0x9e3779b97f4a7c15u) ^ stream;
        for (std::uint64_t& word : state_)
            word = mix(x += 0x9e3779b97f4a7c15u);
    }

    std::uint64_t next() {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// 0 .. limit - 1; the bias is below 2^-32 for the small limits used here.
    unsigned below(unsigned limit) { return static_cast<unsigned>((next() >> 32) * limit >> 32); }

    /// One of the set bits of a mask.
    unsigned bit_of(unsigned mask) {
        for (unsigned skip = below(static_cast<unsigned>(std::popcount(mask))); skip != 0; --skip)
            mask &= mask - 1;
        return static_cast<unsigned>(std::countr_zero(mask));
    }

  private:
    static std::uint64_t mix(std::uint64_t x) {
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
    }

    std::uint64_t state_[4];
};

} // namespace daxtorture
