#include "jobs/hunt/steering.hpp"

#include <algorithm>
#include <bit>
#include <set>

namespace daxtorture::jobs::hunt {
namespace {

constexpr std::uint64_t promising_pairs = 8; ///< new ones; a few come with every program
constexpr std::size_t examples_max = 256;

unsigned kind_of(const program& of, unsigned thread, unsigned operation) {
    return static_cast<unsigned>(of.threads.at(thread).operations.at(operation).kind);
}

} // namespace

bool steering::learn(const program& searched, const checker_answer& covered) {
    std::uint64_t fresh = 0;
    for (const auto& [pair, rows] : covered.covered.pairs) {
        const unsigned outer = kind_of(searched, pair[0], pair[1]);
        const unsigned inner = kind_of(searched, pair[2], pair[3]);
        for (std::size_t step = 0; step < rows.size(); ++step)
            if (rows[step] != 0)
                fresh += add({outer, inner, static_cast<unsigned>(step)}, rows[step]);
    }
    count_outcomes(searched, covered.counts);
    if (fresh < promising_pairs)
        return false;
    if (examples_.size() < examples_max) {
        examples_.push_back(searched);
    } else {
        examples_[oldest_] = searched;
        oldest_ = (oldest_ + 1) % examples_max;
    }
    return true;
}

const program* steering::example(generator& random) const {
    return examples_.empty() ? nullptr
                             : &examples_[random.below(static_cast<std::uint32_t>(examples_.size()))];
}

std::uint64_t steering::operation_pairs() const {
    std::set<std::array<unsigned, 2>> pairs;
    for (const auto& [place, bits] : rows_)
        pairs.insert({place[0], place[1]});
    return pairs.size();
}

std::uint64_t steering::operation_pairs_possible() {
    constexpr auto kinds = static_cast<std::uint64_t>(op::count_);
    return kinds * kinds;
}

std::vector<std::string> steering::never_done() const {
    std::vector<std::string> names;
    for (const operation_info& known : operation_table)
        if (outcomes_[static_cast<std::size_t>(known.kind)][static_cast<std::size_t>(outcome::done)] == 0)
            names.emplace_back(known.name);
    return names;
}

void steering::restore(const step_rows& rows) {
    for (const auto& [place, bits] : rows)
        add(place, bits);
    news_.clear();
}

/// How many of the bits are new.
std::uint64_t steering::add(const std::array<unsigned, 3>& place, std::uint64_t bits) {
    std::uint64_t& known = rows_[place];
    const auto fresh = static_cast<std::uint64_t>(std::popcount(bits & ~known));
    if (fresh == 0)
        return 0;
    known |= bits;
    news_[place] = known;
    step_pairs_ += fresh;
    return fresh;
}

void steering::count_outcomes(const program& searched, const outcome_table& counts) {
    for (std::size_t thread = 0; thread < searched.threads.size() && thread < counts.size(); ++thread)
        for (std::size_t i = 0; i < searched.threads[thread].operations.size(); ++i) {
            auto& sum = outcomes_[static_cast<std::size_t>(searched.threads[thread].operations[i].kind)];
            for (std::size_t outcome = 0; outcome < sum.size(); ++outcome)
                sum[outcome] += counts[thread].at(i)[outcome];
        }
}

} // namespace daxtorture::jobs::hunt
