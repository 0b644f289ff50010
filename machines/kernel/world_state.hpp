/// A world as it was at one moment, and what was written since: going back costs as much as was written.
///
/// Writes are noted by lines of 64 bytes. The compiler's hooks note those of the kernel's code and of the glue, hooks.cpp those of
/// memset() and its like. What assembly writes behind their back in per-CPU areas is why these are copied whole; elsewhere such lines
/// are found by comparing (`learn`), and copied always from then on. std only.
#pragma once

#include "regions.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace daxtorture::kernel_machine {

class world_state {
  public:
    static constexpr std::size_t line_size = 64;

    /// The region has memory; it is as it shall be until the first `take`.
    void add(region r, std::uintptr_t base, std::size_t size);

    void wrote(std::uintptr_t address, std::size_t size) {
        const std::uintptr_t number = address >> region_shift;
        if (number >= region_count || size == 0)
            return;
        part& p = parts_[number];
        std::size_t line = (address - p.base) / line_size;
        const std::size_t last = (address - p.base + size - 1) / line_size;
        if (last >= p.lines) // a stack, or memory of the host
            return;
        for (; line <= last; ++line)
            if (p.marks[line] != mark::written)
                note(p, line);
    }

    /// The moment is now. `arena_used`: bytes of the arena that the world consists of.
    void take(std::size_t arena_used);
    /// Back to that moment; per-CPU areas of `cpu_bytes` bytes that are in use are copied whole.
    void restore(const std::vector<std::uintptr_t>& cpus, std::size_t cpu_bytes);

    /// Everything is as it was at that moment, after `restore`: nullptr, or where it is not.
    const void* difference() const;
    /// What differs is put right, and copied with each `restore` from now on.
    void learn();

  private:
    /// Of a line: written since the last `restore`, or some time before, or never.
    enum class mark : std::uint8_t { never, before, written };

    struct part {
        std::uintptr_t base = 0;
        std::size_t lines = 0;
        std::size_t compared = 0; ///< lines, from the first, that have to be as they were
        char* kept = nullptr;     ///< as it was
        mark* marks = nullptr;

        char* at(std::size_t line) const { return reinterpret_cast<char*>(base + line * line_size); }
        bool differs(std::size_t line) const {
            return std::memcmp(at(line), kept + line * line_size, line_size) != 0;
        }
        void keep(std::size_t first, std::size_t count) const {
            std::memcpy(kept + first * line_size, at(first), count * line_size);
        }
        void put_back(std::size_t first, std::size_t count) const {
            std::memcpy(at(first), kept + first * line_size, count * line_size);
        }
    };
    struct place {
        std::uint32_t part;
        std::uint32_t line;
    };

    void note(part& p, std::size_t line) {
        p.marks[line] = mark::written;
        written_.push_back(
            {static_cast<std::uint32_t>(&p - parts_.data()), static_cast<std::uint32_t>(line)});
    }
    template <class Visit> void each_difference(Visit visit) const;

    std::array<part, region_count> parts_;
    std::vector<place> written_;
    std::vector<place> always_;
};

} // namespace daxtorture::kernel_machine
