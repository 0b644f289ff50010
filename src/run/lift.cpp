#include "run/lift.hpp"

#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>

namespace daxtorture {
namespace {

constexpr unsigned threads_max = 4;
constexpr unsigned no_file = ~0U;

bool breaks(op kind) {
    return kind == op::truncate || kind == op::punch || kind == op::brk || kind == op::reuse ||
           kind == op::evict || kind == op::reflink || kind == op::collapse || kind == op::insert ||
           kind == op::zero || kind == op::write || kind == op::umount || kind == op::unbind;
}

/// The file behind an operation's operand.
unsigned file_of(const operation& what, const world_config& world) {
    switch (info(what.kind).takes) {
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        return what.object;
    case operands::mm_page:
    case operands::mm_pages:
        if (what.object < world.mms.size())
            for (const area_config& area : world.mms[what.object].areas)
                if (what.first >= area.at && what.first < area.at + area.last_page - area.first_page)
                    return area.file;
        return no_file;
    default:
        return no_file;
    }
}

/// Which files an operation touches; none for unpin and the like.
std::set<unsigned> files_of(const operation& what, const world_config& world) {
    std::set<unsigned> files;
    if (info(what.kind).takes == operands::mm && what.object < world.mms.size())
        for (const area_config& area : world.mms[what.object].areas)
            files.insert(area.file);
    else if (info(what.kind).takes == operands::two_files)
        files = {what.object, what.other};
    else if (const unsigned file = file_of(what, world); file != no_file)
        files.insert(file);
    return files;
}

/// Threads that the failure is about first: those that sleep, then the one that met the violation, then the others.
std::vector<unsigned> by_involvement(const program& window, const failure& found) {
    std::vector<unsigned> order;
    const auto add = [&](unsigned thread) {
        if (thread < window.threads.size() && std::ranges::find(order, thread) == order.end())
            order.push_back(thread);
    };
    const auto add_named = [&](const std::string& name) {
        for (unsigned i = 0; i < window.threads.size(); ++i)
            if (window.threads[i].name == name)
                add(i);
    };
    for (const task_snapshot& task : found.state.tasks)
        if (task.predicate_true)
            add_named(task.name);
    for (const task_snapshot& task : found.state.tasks)
        if (task.blocked)
            add_named(task.name);
    for (const event& e : found.events)
        if (e.kind == "violation")
            add_named("worker" + std::to_string(e.thread));
    for (unsigned i = 0; i < window.threads.size(); ++i)
        add(i);
    return order;
}

/// Files, the most involved first: that of the newest operation of each thread in order of involvement.
std::vector<unsigned> involved_files(const program& window, std::span<const unsigned> order) {
    std::vector<unsigned> files;
    const auto add = [&](unsigned file) {
        if (std::ranges::find(files, file) == files.end())
            files.push_back(file);
    };
    for (const unsigned thread : order) {
        const std::vector<operation>& all = window.threads[thread].operations;
        for (auto o = all.rbegin(); o != all.rend(); ++o)
            if (const unsigned file = file_of(*o, window.world); file != no_file) {
                add(file);
                break;
            }
    }
    for (const thread_program& thread : window.threads)
        for (const operation& o : thread.operations)
            if (const unsigned file = file_of(o, window.world); file != no_file)
                add(file);
    return files;
}

/// The area that a page of an mm lies in.
const area_config* area_at(const mm_config& mm, std::uint32_t page) {
    const auto found = std::ranges::find_if(mm.areas, [&](const area_config& area) {
        return page >= area.at && page < area.at + area.last_page - area.first_page;
    });
    return found == mm.areas.end() ? nullptr : &*found;
}

/// How small a world becomes.
struct scale {
    bool huge = false;    ///< a file of huge pages stays one: a PMD of two pages
    bool devices = false; ///< what happens to the device of the files stays, too
    bool pages =
        false; ///< files have two pages, the first and the others: blocks can move from one to the other
};

/// A world of one or two files of one page, or of one PMD, and how the window's operands are called in it.
class projection {
  public:
    projection(const program& window, std::vector<unsigned> files, scale how)
        : window_(window), files_(std::move(files)), how_(how),
          run_(how.huge ? 1U << window.world.shape.pmd_order : ~0U) {
        small_.protocol = window.protocol;
        small_.rules = window.rules;
        small_.world.rules = window.world.rules;
        small_.world.unbinds = how.devices;
        small_.geometry = "tiny";
        small_.world.shape = geometry::tiny();
        small_.world.shape.pmd_order = how.huge ? 1 : 0;
        for (unsigned i = 0; i < files_.size(); ++i)
            add_file(i, window.world.files[files_[i]]);
        if (files_.size() == 2) // the second is where freed blocks go
            small_.setup.push_back({op::punch, 0, 1, 0, pages(1)});
    }

    const program& base() const { return small_; }

    /// The mm that maps all of file `i`.
    std::uint8_t mm_of(unsigned i) const { return static_cast<std::uint8_t>(how_.huge ? 2 * i : i); }
    bool huge() const { return how_.huge; }

    /// The operation in the small world; nothing when it is about something else.
    std::optional<operation> project(operation what) const {
        what.line = 0;
        const operands takes = info(what.kind).takes;
        if (takes == operands::none)
            return what;
        if (what.kind == op::interrupt)
            return std::nullopt;
        if (takes == operands::device || takes == operands::device_page) {
            what.first = 0;
            return how_.devices && what.object == 0 ? std::optional(what) : std::nullopt;
        }
        if (takes == operands::two_files)
            return project_two_files(what);
        const std::set<unsigned> touched = files_of(what, window_.world);
        for (unsigned i = 0; i < files_.size(); ++i)
            if (touched.contains(files_[i]))
                return project_to(i, what);
        return std::nullopt;
    }

  private:
    unsigned pages(unsigned i) const { return small_.world.files[i].pages; }

    void add_file(unsigned i, const file_config& from) {
        const unsigned count = how_.pages || (how_.huge && from.huge) ? 2 : 1;
        small_.world.files.push_back(
            {std::string(1, static_cast<char>('A' + i)), from.fs, count, how_.huge && count == 2});
        // One mm that may write for each file: which process it is matters less than that it maps the page. Where a PMD can be mapped, another
        // one whose area is too small for it.
        small_.world.mms.push_back({"m" + std::to_string(i), {{i, 0, count, 0, true, true}}});
        if (how_.huge)
            small_.world.mms.push_back(
                {"p" + std::to_string(i), {{i, count - 1, count, count - 1, true, true}}});
        for (unsigned page = 0; page < (how_.pages ? count : 1); ++page)
            small_.setup.push_back({op::store, 0, mm_of(i), page});
    }

    /// The operation on file `i`. Of a PMD's pages the first stays the first, and all others are one.
    operation project_to(unsigned i, operation what) const {
        const operands takes = info(what.kind).takes;
        const bool large = pages(i) == 2;
        const auto small_page = [&](unsigned page) { return large && page % run_ != 0 ? 1U : 0U; };
        if (takes == operands::mm || takes == operands::mm_page || takes == operands::mm_pages) {
            const area_config* area = area_of(what, files_[i]);
            const unsigned page =
                takes == operands::mm ? area->first_page : area->first_page + what.first - area->at;
            const bool fits =
                !how_.huge || !large ||
                (takes == operands::mm ? maps_pmd(what.object, files_[i]) : holds_pmd(*area, page));
            what.object = static_cast<std::uint8_t>(mm_of(i) + (large && !fits ? 1 : 0));
            what.first = takes == operands::mm ? 0 : large && !fits ? 1 : small_page(page);
            if (what.last != 0) // a range: all that the area has from there on
                what.last = large && what.first == 0 ? 2 : 0;
            return what;
        }
        what.object = static_cast<std::uint8_t>(i);
        if (takes == operands::file_range) {
            const bool one = what.last == what.first + 1;
            const bool first_of_pmd = what.first % run_ == 0 || what.first / run_ != (what.last - 1) / run_;
            const unsigned from = large && !first_of_pmd ? 1 : 0;
            what.last = large && !(one && what.first % run_ == 0) ? 2 : 1;
            what.first = from;
            if (large && what.kind == op::collapse) { // something must be left behind the range
                what.first = 0;
                what.last = 1;
            }
        } else {
            what.first = small_page(what.first);
        }
        return what;
    }

    /// Where the operation's mm maps the file; for a page, the area of that page.
    const area_config* area_of(const operation& what, unsigned file) const {
        const mm_config& mm = window_.world.mms[what.object];
        if (info(what.kind).takes == operands::mm_page)
            return area_at(mm, what.first);
        return &*std::ranges::find(mm.areas, file, &area_config::file);
    }

    /// Is the PMD of this page of the file inside the area, at an address where it can be mapped?
    bool holds_pmd(const area_config& area, unsigned page) const {
        const unsigned first = page / run_ * run_;
        return area.at % run_ == area.first_page % run_ && first >= area.first_page &&
               first + run_ <= area.last_page;
    }

    bool maps_pmd(unsigned mm, unsigned file) const {
        return std::ranges::any_of(window_.world.mms[mm].areas, [&](const area_config& area) {
            return area.file == file &&
                   (holds_pmd(area, area.first_page) || holds_pmd(area, area.first_page + run_));
        });
    }

    /// Both files must be there; each keeps its part.
    std::optional<operation> project_two_files(operation what) const {
        const auto first = std::ranges::find(files_, what.object);
        const auto second = std::ranges::find(files_, what.other);
        if (first == files_.end() || second == files_.end())
            return std::nullopt;
        what.object = static_cast<std::uint8_t>(first - files_.begin());
        what.other = static_cast<std::uint8_t>(second - files_.begin());
        return what;
    }

    const program& window_;
    const std::vector<unsigned> files_;
    const scale how_;
    const unsigned run_; ///< how many pages of the window's world become two: those of a PMD, or all
    program small_;
};

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
        if (breaks(o.kind))
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

    void scaled(scale how) {
        const projection one(window_, {files_.front()}, how);
        for (const std::size_t depth : {1U, 2U, 3U, 4U})
            for (const bool calm : {true, false})
                literal(one, depth, calm);
        condensed(one, false);
        for (std::size_t other = 1; other < files_.size(); ++other)
            condensed(projection(window_, {files_.front(), files_[other]}, how), true);
        for (std::size_t other = 1; other < files_.size(); ++other) {
            literal(projection(window_, {files_.front(), files_[other]}, how), 3, true);
            literal(projection(window_, {files_[other]}, how), 3, true);
        }
    }

    void literal(const projection& to, std::size_t depth, bool calm) {
        program what = to.base();
        for (const unsigned thread : order_) {
            std::vector<operation> kept = last_operations(to, window_.threads[thread].operations, depth);
            if (calm)
                kept = without_faults(std::move(kept));
            kept = balanced(kept);
            if (!kept.empty() && what.threads.size() < threads_max)
                what.threads.push_back({"t" + std::to_string(what.threads.size()), std::move(kept)});
        }
        add(std::move(what), "last " + std::to_string(depth) + (depth == 1 ? " operation" : " operations") +
                                 " of each worker" + (calm ? ", without their faults" : "") +
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
                    small && breaks(small->kind) && small->kind != op::reuse &&
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
            program what = to.base();
            what.world.files.front().pages = 2;
            what.world.mms.front().areas.front().last_page = 2;
            what.setup.push_back({op::store, 0, 0, 1});
            operation second = pin;
            second.first = 1;
            operation whole = last;
            whole.last = info(last.kind).takes == operands::file_range ? 2 : 0;
            what.threads = {
                {"holder", {pin, {op::unpin}}}, {"breaker", {whole}}, {"other", {second, {op::unpin}}}};
            add(std::move(what), "condensed: two pins in the range of a layout break");
        }
        // A second thread that makes the page come back, or holds it again, while the first lets go.
        const std::vector<operation> again{faulting, {op::unpin}};
        const std::vector<operation> touch{{op::load, 0, 0, 0}};
        for (const operation& last : all)
            for (const std::vector<operation>& other : {touch, again}) {
                program what = to.base();
                what.threads = {{"holder", lives.front()}, {"breaker", {last}}, {"other", other}};
                add(std::move(what), "condensed: the life of a pin, a layout break and a fault");
            }
    }

    void arrange(const projection& to, const std::vector<operation>& life, std::vector<operation> breaking,
                 bool two_files) {
        const bool frees = breaking.back().kind != op::brk;
        if (frees && seen(op::reuse))
            breaking.push_back({op::reuse, 0, static_cast<std::uint8_t>(two_files ? 1 : 0)});
        if (frees && two_files)
            breaking.push_back({op::store, 0, to.mm_of(1), 0});
        program what = to.base();
        what.threads = {{"holder", life}, {"breaker", std::move(breaking)}};
        add(std::move(what), std::string("condensed: the life of a pin beside a layout break") +
                                 (two_files ? ", two files" : ""));
    }

    void add(program what, std::string how) {
        if (what.threads.size() < 2)
            return;
        what.world.workers = static_cast<unsigned>(what.threads.size());
        what.name = "lifted";
        if (std::ranges::any_of(all_, [&](const lifted& l) { return l.what == what; }))
            return;
        all_.push_back({std::move(what), std::move(how)});
    }

    const program& window_;
    const std::vector<unsigned> order_;
    const std::vector<unsigned> files_;
    std::vector<lifted> all_;
};

} // namespace

program window_of(const program& base, const std::vector<event>& events, std::size_t count) {
    std::map<unsigned, std::vector<std::string>> last;
    for (const event& e : events)
        if (e.kind == "begin" && e.thread < base.threads.size())
            last[e.thread].push_back(e.object);
    program empty = base;
    empty.threads.clear();
    std::string text = print(empty);
    unsigned threads = 0;
    for (const auto& [thread, operations] : last) {
        std::string line;
        const std::size_t skip = operations.size() > count ? operations.size() - count : 0;
        for (std::size_t i = skip; i < operations.size(); ++i)
            if (!operations[i].starts_with("interrupt ")) // its target may not be in the window
                line += (line.empty() ? "" : "; ") + operations[i];
        if (!line.empty() && threads++ < limits::threads)
            text += "thread " + base.threads[thread].name + ": " + line + "\n";
    }
    parse_result parsed = parse_scenario(text, base.name);
    return parsed ? std::move(*parsed.value) : empty;
}

std::vector<lifted> lift(const program& window, const failure& found) {
    return candidates(window, found).take();
}

std::vector<event> last_of_each(const std::vector<event>& events, std::size_t count) {
    std::map<unsigned, std::size_t> left;
    std::vector<event> kept;
    for (auto e = events.rbegin(); e != events.rend(); ++e)
        if (left[e->thread]++ < count)
            kept.push_back(*e);
    std::ranges::reverse(kept);
    return kept;
}

} // namespace daxtorture
