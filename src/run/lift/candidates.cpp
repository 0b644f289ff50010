#include "run/lift/involvement.hpp"
#include "run/lift/lift.hpp"
#include "run/lift/projection.hpp"

#include <algorithm>
#include <utility>

namespace daxtorture {
namespace {

using namespace lifting;

constexpr unsigned threads_max = 4;

/// The last `count` different operations of a thread in the small world, oldest first.
std::vector<operation> last_operations(const projection& to, const std::vector<operation>& all,
                                       std::size_t count) {
    std::vector<operation> kept;
    for (auto o = all.rbegin(); o != all.rend() && kept.size() < count; ++o) {
        const auto small = to.project(*o);
        if (small && std::ranges::find(kept, *small) == kept.end())
            kept.push_back(*small);
    }
    std::ranges::reverse(kept);
    return kept;
}

/// Adds what makes a thread complete: pins before their use, and an end of every pin.
std::vector<operation> balanced(const std::vector<operation>& from) {
    std::vector<operation> all;
    unsigned pins = 0, gets = 0;
    const auto drop_all = [&] {
        for (; pins > 0; --pins)
            all.push_back({op::unpin});
        for (; gets > 0; --gets)
            all.push_back({op::put});
    };
    for (const operation& o : from) {
        if (breaks_layouts(o.kind))
            drop_all();
        if ((o.kind == op::unpin || o.kind == op::dma_write) && pins == 0) {
            all.push_back({op::pin, static_cast<std::uint8_t>(flag::fast), 0, 0});
            ++pins;
        }
        if (o.kind == op::put && gets == 0) {
            all.push_back({op::get, static_cast<std::uint8_t>(flag::fast), 0, 0});
            ++gets;
        }
        all.push_back(o);
        pins += o.kind == op::pin;
        gets += o.kind == op::get;
        pins -= o.kind == op::unpin;
        gets -= o.kind == op::put;
    }
    drop_all();
    return all;
}

/// Without page faults of the threads themselves: a page that comes back keeps a waiter asleep for a reason of its own.
std::vector<operation> without_faults(std::vector<operation> from) {
    std::erase_if(from, [](const operation& o) {
        return o.kind == op::load || o.kind == op::store || o.kind == op::mmap;
    });
    for (operation& o : from)
        if (o.kind == op::pin || o.kind == op::get)
            o.flags = static_cast<std::uint8_t>((o.flags & ~static_cast<unsigned>(flag::slow)) |
                                                static_cast<unsigned>(flag::fast));
    return from;
}

class candidates {
  public:
    candidates(const program& window, const failure& found)
        : window_(window), order_(by_involvement(window, found)), files_(involved_files(window, order_)) {
        if (files_.empty())
            return;
        // The pagemap or its percpu_ref, or met by an operation on the device: what was done to that has a part in it
        const bool devices = found.invariant == invariant::I22 || found.invariant == invariant::I23 ||
                             concerns_devices(last_of_first());
        const auto is_huge = [&](unsigned file) {
            return window.world.shape.pmd_order != 0 && window.world.files[file].huge;
        };
        if (std::ranges::any_of(files_, is_huge))
            scaled({true, devices});
        const op last = last_of_first();
        const bool moves_blocks = last == op::collapse || last == op::insert;
        if (moves_blocks)
            scaled({false, devices, true});
        scaled({false, devices});
        if (!moves_blocks)
            scaled({false, devices, true});
    }
    std::vector<lifted> take() { return std::move(all_); }

  private:
    /// What the most involved thread was in.
    op last_of_first() const {
        const std::vector<operation>& all = window_.threads[order_.front()].operations;
        return all.empty() ? op::load : all.back().kind;
    }

    void scaled(scale size) {
        const projection one(window_, {files_.front()}, size);
        for (const std::size_t depth : {1U, 2U, 3U, 4U})
            for (const bool calm : {true, false})
                literal(one, depth, calm);
        condensed(one, false);
        for (std::size_t other = 1; other < files_.size(); ++other)
            condensed(projection(window_, {files_.front(), files_[other]}, size), true);
        for (std::size_t other = 1; other < files_.size(); ++other) {
            literal(projection(window_, {files_.front(), files_[other]}, size), 3, true);
            literal(projection(window_, {files_[other]}, size), 3, true);
        }
    }

    void literal(const projection& to, std::size_t depth, bool calm) {
        program candidate = to.base();
        for (const unsigned thread : order_) {
            std::vector<operation> kept = last_operations(to, window_.threads[thread].operations, depth);
            if (calm)
                kept = without_faults(std::move(kept));
            kept = balanced(kept);
            if (!kept.empty() && candidate.threads.size() < threads_max)
                candidate.threads.push_back(
                    {"t" + std::to_string(candidate.threads.size()), std::move(kept)});
        }
        add(std::move(candidate), "last " + std::to_string(depth) +
                                      (depth == 1 ? " operation" : " operations") + " of each worker" +
                                      (calm ? ", without their faults" : "") +
                                      (to.huge() ? ", huge pages" : ""));
    }

    bool seen(op kind) const {
        return std::ranges::any_of(window_.threads, [&](const thread_program& t) {
            return std::ranges::any_of(t.operations, [&](const operation& o) { return o.kind == kind; });
        });
    }

    /// The operations that break layouts, of all threads, newest of each kind; the most involved thread's last.
    std::vector<operation> breakers(const projection& to) const {
        std::vector<operation> kept;
        for (const unsigned thread : order_)
            for (auto o = window_.threads[thread].operations.rbegin();
                 o != window_.threads[thread].operations.rend(); ++o)
                if (const auto small = to.project(*o);
                    small && breaks_layouts(small->kind) && small->kind != op::reuse &&
                    std::ranges::find(kept, *small) == kept.end() && small->object == 0)
                    kept.push_back(*small);
        return kept;
    }

    void condensed(const projection& to, bool two_files) {
        const std::vector<operation> all = breakers(to);
        std::vector<std::vector<operation>> lives;
        const operation pin{op::pin, static_cast<std::uint8_t>(flag::fast), 0, 0};
        const operation faulting{op::pin, 0, 0, 0};
        lives.push_back({pin, {op::dma_write}, {op::unpin}});
        if (seen(op::load) || seen(op::store))
            lives.push_back({pin, {op::load, 0, 0, 0}, {op::unpin}});
        if (seen(op::munmap))
            lives.push_back({faulting, {op::munmap, 0, 0}, {op::dma_write}, {op::unpin}});
        for (const operation& last : all)
            for (const std::vector<operation>& life : lives)
                arrange(to, life, {last}, two_files);
        // What gave up before, and then one that frees.
        for (const operation& first : all)
            for (const operation& last : all)
                if (!(first == last) && first.has(flag::nowait) && last.kind != op::brk)
                    for (const std::vector<operation>& life : lives)
                        arrange(to, life, {first, last}, two_files);
        // Two busy pages in one range: a scan stops at the first.
        for (const operation& last : all) {
            if (two_files || to.huge())
                break;
            program candidate = to.base();
            candidate.world.files.front().pages = 2;
            candidate.world.mms.front().areas.front().last_page = 2;
            candidate.setup.push_back({op::store, 0, 0, 1});
            operation second = pin;
            second.first = 1;
            operation whole = last;
            whole.last = info(last.kind).takes == operands::file_range ? 2 : 0;
            candidate.threads = {
                {"holder", {pin, {op::unpin}}}, {"breaker", {whole}}, {"other", {second, {op::unpin}}}};
            add(std::move(candidate), "condensed: two pins in the range of a layout break");
        }
        // A second thread that makes the page come back, or holds it again, while the first lets go.
        const std::vector<operation> again{faulting, {op::unpin}};
        const std::vector<operation> touch{{op::load, 0, 0, 0}};
        for (const operation& last : all)
            for (const std::vector<operation>& other : {touch, again}) {
                program candidate = to.base();
                candidate.threads = {{"holder", lives.front()}, {"breaker", {last}}, {"other", other}};
                add(std::move(candidate), "condensed: the life of a pin, a layout break and a fault");
            }
    }

    void arrange(const projection& to, const std::vector<operation>& life, std::vector<operation> breaking,
                 bool two_files) {
        const bool frees = breaking.back().kind != op::brk;
        if (frees && seen(op::reuse))
            breaking.push_back({op::reuse, 0, static_cast<std::uint8_t>(two_files ? 1 : 0)});
        if (frees && two_files)
            breaking.push_back({op::store, 0, to.mm_of(1), 0});
        program candidate = to.base();
        candidate.threads = {{"holder", life}, {"breaker", std::move(breaking)}};
        add(std::move(candidate), std::string("condensed: the life of a pin beside a layout break") +
                                      (two_files ? ", two files" : ""));
    }

    void add(program candidate, std::string how) {
        if (candidate.threads.size() < 2)
            return;
        candidate.world.workers = static_cast<unsigned>(candidate.threads.size());
        candidate.name = "lifted";
        if (std::ranges::any_of(all_, [&](const lifted& l) { return l.what == candidate; }))
            return;
        all_.push_back({std::move(candidate), std::move(how)});
    }

    const program& window_;
    const std::vector<unsigned> order_;
    const std::vector<unsigned> files_;
    std::vector<lifted> all_;
};

} // namespace

std::vector<lifted> lift(const program& window, const failure& found) {
    return candidates(window, found).take();
}

} // namespace daxtorture
