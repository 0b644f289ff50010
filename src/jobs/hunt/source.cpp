#include "jobs/hunt/source.hpp"

#include "jobs/hunt/canonical.hpp"

#include <algorithm>
#include <utility>

namespace daxtorture::jobs::hunt {

program_source::program_source(program header, std::uint64_t seed, shard part)
    : header_(std::move(header)), seed_(seed), part_(part), small_(header_) {
    go_to({}, {});
}

void program_source::go_to(const source_place& place, const std::vector<std::uint64_t>& fingerprints) {
    place_ = place;
    place_.enumerated = std::max<std::uint64_t>(place.enumerated, part_.index);
    small_.go_to(place_.enumerated);
    seen_.insert(fingerprints.begin(), fingerprints.end());
}

std::optional<program> program_source::next(const steering& met) {
    program made = make(met);
    ++place_.programs;
    if (!seen_.insert(fingerprint(made)).second)
        return std::nullopt;
    return made;
}

/// Now and then one of all small programs, more often while some of one operation each are left; else one that is drawn.
program program_source::make(const steering& met) {
    const bool smallest_left = small_.done(0) < small_.total(0);
    if (place_.programs % (smallest_left ? 4 : 16) == 0)
        if (std::optional<program> small = next_small())
            return std::move(*small);
    const std::uint64_t batch = place_.drawn / batch_size;
    if (batch != batch_) {
        batch_ = batch;
        generator of_batch(derive(seed_, part_.index, batch, 0));
        taste_ = draw_taste(of_batch);
    }
    generator random(derive(seed_, part_.index, place_.drawn++, 1));
    const program* const example = random.chance(1, 3) ? met.example(random) : nullptr;
    return example != nullptr ? vary_program(*example, taste_, random)
                              : draw_program(header_, taste_, random);
}

/// A shard has every so many-th.
std::optional<program> program_source::next_small() {
    std::optional<program> made = small_.next();
    if (made)
        small_.go_to(small_.next_number() + part_.count - 1);
    place_.enumerated = small_.next_number();
    return made;
}

} // namespace daxtorture::jobs::hunt
