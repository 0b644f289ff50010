/// Random numbers that repeat: everything random in a run is a function of one 64-bit seed and of numbers that name the draw.
///
/// `generator` is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): one word of state,
/// period 2^64, every seed is a good one. Not for secrets. Machine-neutral, std only.
#pragma once

#include <cstdint>
#include <random>

namespace daxtorture {

/// A bijection of 64-bit numbers in which each input bit changes half of the output bits.
constexpr std::uint64_t mix_bits(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

inline constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15ULL;

/// The seed of a part of a run: derive(seed, worker, step). Different numbers, or their order, give unrelated seeds.
constexpr std::uint64_t derive(std::uint64_t seed, std::uint64_t part) {
    return mix_bits(seed + golden_gamma * (part + 1));
}
template <class... More>
constexpr std::uint64_t derive(std::uint64_t seed, std::uint64_t part, More... more) {
    return derive(derive(seed, part), static_cast<std::uint64_t>(more)...);
}

/// Also a UniformRandomBitGenerator, but the standard distributions differ between libraries: use below().
class generator {
  public:
    using result_type = std::uint64_t;

    constexpr explicit generator(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t operator()() {
        state_ += golden_gamma;
        return mix_bits(state_);
    }
    /// Uniform in [0, bound); bound must not be 0. The bias is below bound / 2^32.
    constexpr std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(((operator()() >> 32) * bound) >> 32);
    }
    /// True with probability part / whole.
    constexpr bool chance(std::uint32_t part, std::uint32_t whole) { return below(whole) < part; }

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }

  private:
    std::uint64_t state_;
};

/// A seed that nobody chose, for runs without one. Print it.
inline std::uint64_t fresh_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

} // namespace daxtorture
