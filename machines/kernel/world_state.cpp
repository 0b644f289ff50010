#include "world_state.hpp"

#include <algorithm>

namespace daxtorture::kernel_machine {

void world_state::add(region r, std::uintptr_t base, std::size_t size) {
    part& p = parts_[r];
    p.base = base;
    p.lines = size / line_size;
    p.compared = r == region_arena ? 0 : p.lines;
    p.kept = map_memory(size);
    p.marks = reinterpret_cast<mark*>(map_memory(p.lines));
    if (r == region_data || r == region_cpus) // the others are zero
        p.keep(0, p.lines);
}

void world_state::take(std::size_t arena_used) {
    parts_[region_arena].compared = arena_used / line_size;
    for (const place& w : written_) {
        parts_[w.part].keep(w.line, 1);
        parts_[w.part].marks[w.line] = mark::before;
    }
    written_.clear();
    for (const region whole : {region_data, region_cpus, region_memory_map})
        parts_[whole].keep(0, parts_[whole].lines);
    parts_[region_arena].keep(0, parts_[region_arena].compared);
}

void world_state::restore(const std::vector<std::uintptr_t>& cpus, std::size_t cpu_bytes) {
    for (const place& w : written_) {
        parts_[w.part].put_back(w.line, 1);
        parts_[w.part].marks[w.line] = mark::before;
    }
    written_.clear();
    for (const place& w : always_)
        parts_[w.part].put_back(w.line, 1);
    const part& areas = parts_[region_cpus];
    for (const std::uintptr_t area : cpus)
        areas.put_back((area - areas.base) / line_size, cpu_bytes / line_size);
}

/// Of the direct map, most of which is never touched, only lines are compared that were written some time.
template <class Visit> void world_state::each_difference(Visit visit) const {
    for (std::uint32_t number = 0; number < region_count; ++number) {
        const part& p = parts_[number];
        const bool sparse = number == region_direct_map;
        if (p.compared == 0 || (!sparse && std::memcmp(p.at(0), p.kept, p.compared * line_size) == 0))
            continue;
        for (std::uint32_t line = 0; line < p.compared; ++line)
            if ((!sparse || p.marks[line] != mark::never) && p.differs(line))
                visit(place{number, line});
    }
}

const void* world_state::difference() const {
    const void* first = nullptr;
    each_difference([&](place w) { first = first == nullptr ? parts_[w.part].at(w.line) : first; });
    return first;
}

void world_state::learn() {
    each_difference([&](place w) {
        parts_[w.part].put_back(w.line, 1);
        always_.push_back(w);
    });
}

} // namespace daxtorture::kernel_machine
