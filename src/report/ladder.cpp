#include "report/ladder.hpp"

#include "report/wrap.hpp"
#include "words/invariant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace daxtorture {
namespace {

constexpr std::size_t column_width_min = 16; ///< narrower columns break every word
constexpr std::size_t name_width_max = 20;
constexpr std::string_view separator = " | ";

/// One step that is shown.
struct rung {
    unsigned thread = 0;
    std::string function; ///< empty: stands alone (an operation, a mark)
    std::string text;
    std::string
        file; ///< where the function is, with the lines of its steps; empty: not a function's own step
    std::vector<unsigned> lines;
    style look = style::plain;
    unsigned times = 1;
    std::string object; ///< of a write: the next write to it by the same function joins this line
    std::string newest; ///< the value after it
};

constexpr std::string_view no_return_mark = "-- no return --";

bool writes(const event& e) {
    return (e.kind == "store" || e.kind == "rmw" || e.kind == "cas") && e.before != e.after;
}
bool reads(const event& e) { return e.kind == "load" || e.kind == "cas-fail"; }

/// Chooses the steps that tell the story.
class selection {
  public:
    selection(const failure& what, const program& of, const ladder_options& options)
        : events_(what.events), threads_(static_cast<unsigned>(of.threads.size())), all_(options.all) {
        find_contested();
        name_functions();
        for (std::size_t i = 0; i < events_.size(); ++i)
            if (events_[i].thread < threads_)
                add(i);
        for (const task_snapshot& task : what.state.tasks)
            if (task.blocked && task.id < threads_ && what.kind == failure_kind::deadlock)
                push(
                    {task.id, "", "never wakes: waits for " + task.waits_for, "", {}, style::bad, 1, "", ""});
    }
    std::vector<rung> take() { return std::move(rungs_); }

  private:
    /// Objects that at least two threads use and one writes, with the places of the writes.
    void find_contested() {
        std::map<std::string_view, std::set<unsigned>> users;
        for (std::size_t i = 0; i < events_.size(); ++i) {
            const event& e = events_[i];
            if (e.thread >= threads_ || e.object.empty() || !(writes(e) || reads(e)))
                continue;
            users[e.object].insert(e.thread);
            if (writes(e))
                writes_[e.object].push_back(i);
        }
        std::erase_if(writes_, [&](const auto& one) { return users[one.first].size() < 2; });
        // Who sleeps and who is woken is told by "block" and "wake".
        std::erase_if(writes_, [](const auto& one) { return one.first.starts_with("state of "); });
    }

    /// The machinery below the functions that a reader knows: its steps are shown under the function that used it. So are guards, whose
    /// constructors and destructors the kernel does not have.
    bool internal(const event& e) const {
        return of_array(e) || e.function.empty() || e.function == "operator()" ||
               e.function.starts_with('~') || guards_.contains(e.function);
    }

    static bool of_array(const event& e) { return e.file.find("src/xarray/") != std::string::npos; }

    /// Steps of internals get the name of the function that their thread was last seen in, within the operation.
    void name_functions() {
        std::vector<std::string> last(threads_);
        for (const event& e : events_)
            if (e.function.starts_with('~'))
                guards_.insert(std::string_view(e.function).substr(1));
        functions_.resize(events_.size());
        for (std::size_t i = 0; i < events_.size(); ++i) {
            const event& e = events_[i];
            functions_[i] = e.function;
            if (e.thread >= threads_)
                continue;
            if (e.kind == "begin" || e.kind == "end")
                last[e.thread].clear();
            else if (!internal(e))
                last[e.thread] = e.function;
            else if (!last[e.thread].empty() || e.function == "operator()" || !of_array(e))
                functions_[i] = last[e.thread];
        }
    }

    /// The newest write before the read, or the next one after it, is another thread's.
    bool read_matters(std::size_t i) const {
        const event& e = events_[i];
        const auto found = writes_.find(e.object);
        if (found == writes_.end())
            return false;
        const auto next = std::ranges::lower_bound(found->second, i);
        if (e.stale)
            return true;
        return (next != found->second.end() && events_[*next].thread != e.thread) ||
               (next != found->second.begin() && events_[*(next - 1)].thread != e.thread);
    }

    std::string text_of(std::size_t i) const {
        const event& e = events_[i];
        if (e.kind == "begin")
            return "> " + e.object;
        if (e.kind == "end")
            return e.after == "done" && !all_ ? "" : "< " + e.after;
        const bool task = e.object == "task" || e.object.starts_with("task ");
        if (e.kind == "block")
            return e.object.empty() || task ? "sleeps" : "waits for " + e.object;
        if (e.kind == "wake")
            return e.object.empty()
                       ? "wakes a sleeper"
                       : "wakes " + (e.object.starts_with("task ") ? e.object.substr(5) : e.object);
        if (e.kind == "note" || e.kind == "violation")
            return e.object + (e.object.empty() || e.after.empty() ? "" : " ") + e.after;
        if (e.object.empty() && e.kind != "fence")
            return all_ ? fmt::format("{} private data", e.kind) : "";
        if (writes(e) && (all_ || writes_.contains(e.object)))
            return fmt::format("{} {} -> {}", e.object, e.before, e.after);
        if (reads(e) && (all_ || read_matters(i)))
            return fmt::format("{} = {}{}", e.object, e.before, e.stale ? " (old)" : "");
        return all_ ? fmt::format("{} {}", e.kind, e.object) : "";
    }

    void add(std::size_t i) {
        const event& e = events_[i];
        const bool switched = i == 0 || events_[i - 1].thread != e.thread;
        if (switched) {
            hidden_ = 0;
            shown_ = false;
        }
        if (e.no_return)
            push({e.thread, "", std::string(no_return_mark), "", {}, style::bad, 1, "", ""});
        if (std::string text = text_of(i); text.empty()) {
            ++hidden_;
        } else {
            const bool alone = e.kind == "begin" || e.kind == "end";
            const bool own = !alone && !e.file.empty() && functions_[i] == e.function;
            const bool write = writes(e);
            push({e.thread, alone ? "" : functions_[i], std::move(text), own ? e.file : "",
                  own ? std::vector{e.line} : std::vector<unsigned>(), look_of(e), 1, write ? e.object : "",
                  write ? e.after : ""});
            shown_ = true;
        }
        const bool last = i + 1 == events_.size() || events_[i + 1].thread != e.thread;
        if (last && !shown_ && hidden_ != 0 && e.preempted)
            push({e.thread,
                  functions_[i],
                  fmt::format("({} steps)", hidden_),
                  "",
                  {},
                  style::faint,
                  1,
                  "",
                  ""});
        if (e.preempted)
            push({e.thread, "", "-- preempted --", "", {}, style::doubtful, 1, "", ""});
    }

    static style look_of(const event& e) {
        if (e.kind == "begin")
            return style::strong;
        if (e.kind == "violation")
            return style::bad;
        return e.stale ? style::doubtful : style::plain;
    }

    void push(rung one) {
        if (!rungs_.empty()) {
            rung& before = rungs_.back();
            if (before.thread == one.thread && before.function == one.function && before.text == one.text) {
                ++before.times;
                return;
            }
            // 0 -> 1 and then 1 -> 2: 0 -> 1 -> 2
            const std::string joint = one.object + " " + before.newest + " -> ";
            if (!one.object.empty() && before.thread == one.thread && before.function == one.function &&
                before.object == one.object && before.times == 1 && one.text.starts_with(joint) && !all_) {
                before.text += " -> " + one.newest;
                before.newest = one.newest;
                before.lines.insert(before.lines.end(), one.lines.begin(), one.lines.end());
                return;
            }
        }
        rungs_.push_back(std::move(one));
    }

    const std::vector<event>& events_;
    const unsigned threads_;
    const bool all_;
    std::map<std::string_view, std::vector<std::size_t>>
        writes_;                         ///< object -> indices of writes, contested objects only
    std::vector<std::string> functions_; ///< of each event, as shown
    std::set<std::string_view> guards_;  ///< classes that have a destructor
    std::vector<rung> rungs_;
    std::size_t hidden_ = 0;
    bool shown_ = false;
};

/// Writes rungs into columns: one for each thread, or, when these would be too narrow, one with the thread's name and one with its step.
class page {
  public:
    page(const program& of, const ladder_options& options) : threads_(of.threads.size()), options_(options) {
        for (const thread_program& one : of.threads)
            names_.push_back(one.name);
        const std::size_t gaps = separator.size() * (threads_ - 1);
        const std::size_t room = options.width > gaps ? options.width - gaps : 0;
        columns_.assign(threads_, room / threads_);
        named_ = columns_.front() < column_width_min;
        if (!named_)
            return;
        std::size_t widest = 0;
        for (const std::string& name : names_)
            widest = std::max(widest, std::min(name.size(), name_width_max));
        columns_ = {widest, options.width - widest - separator.size()};
    }

    std::string print(const std::vector<rung>& rungs) {
        heading();
        for (std::size_t i = 0; i < rungs.size(); ++i) {
            const rung& one = rungs[i];
            const bool same =
                i != 0 && rungs[i - 1].thread == one.thread && rungs[i - 1].function == one.function;
            if (!one.function.empty() && !same)
                cell(one.thread, one.function + "()", style::plain, 0);
            std::string text = one.text;
            if (one.times > 1)
                text += fmt::format(" (x{})", one.times);
            if (!one.file.empty())
                places_[one.file][one.function].insert(one.lines.begin(), one.lines.end());
            cell(one.thread, text, one.look, one.function.empty() ? 0 : 2);
        }
        if (options_.places)
            list_places();
        const auto marked = std::ranges::find(rungs, no_return_mark, &rung::text);
        if (marked != rungs.end())
            out_ += marked == rungs.begin() ? "\nno return: nearly every schedule fails, from the start\n"
                                            : "\nno return: from there on nearly every way to go on fails\n";
        return std::move(out_);
    }

  private:
    /// Where the steps are, a line for each function: "gup_fast_pte_range at src/mm/gup.cpp:36 src/mm/gup.cpp:44".
    void list_places() {
        if (!places_.empty())
            out_ += "\n";
        for (const auto& [file, functions] : places_)
            for (const auto& [function, lines] : functions) {
                std::string text = function + " at";
                for (const unsigned line : lines)
                    text += fmt::format(" {}:{}", file, line);
                for (const std::string& part : wrap(text, options_.width, 2))
                    out_ += paint(part, style::faint, options_.colour) + "\n";
            }
    }

    /// Says the same shorter, as far as the column asks for it.
    static std::string fitted(std::string text, std::size_t room) {
        constexpr std::pair<std::string_view, std::string_view> shorter[] = {{" refcount", " ref"},
                                                                             {" mapcount", " map"},
                                                                             {" -> ", "->"},
                                                                             {"present pfn", "pfn"},
                                                                             {" = ", "="}};
        for (const auto& [from, to] : shorter) {
            if (text.size() <= room)
                break;
            for (std::size_t at = text.find(from); at != std::string::npos;
                 at = text.find(from, at + to.size()))
                text.replace(at, from.size(), to);
        }
        return text;
    }

    void heading() {
        std::vector<std::string> titles = names_;
        if (named_)
            titles = {"", "step"};
        std::vector<std::string> lines;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            titles[i].resize(std::min(titles[i].size(), columns_[i]));
            lines.emplace_back(columns_[i], '-');
        }
        line(titles, style::strong);
        line(lines, style::plain);
    }

    void cell(unsigned thread, const std::string& text, style look, std::size_t indent) {
        const std::size_t column = named_ ? 1 : thread;
        const std::size_t room = columns_[column] - indent;
        for (const std::string& part : wrap(fitted(text, room), room, 2)) {
            std::vector<std::string> cells(columns_.size());
            if (named_ && thread != last_)
                cells.front() = names_[thread].substr(0, columns_.front());
            last_ = thread;
            cells[column] = std::string(indent, ' ') + part;
            line(cells, look);
        }
    }

    void line(const std::vector<std::string>& cells, style look) {
        std::string text;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            text += (i == 0 ? "" : std::string(separator)) +
                    paint(cells[i], cells[i].empty() ? style::plain : look, options_.colour);
            text += std::string(columns_[i] - std::min(columns_[i], cells[i].size()), ' ');
        }
        while (text.ends_with(' '))
            text.pop_back();
        out_ += text + "\n";
    }

    std::size_t threads_;
    std::vector<std::string> names_; ///< of the threads
    std::vector<std::size_t> columns_;
    bool named_ = false;                 ///< two columns: who, and what
    std::size_t last_ = ~std::size_t{0}; ///< the thread of the last line
    const ladder_options& options_;
    std::map<std::string, std::map<std::string, std::set<unsigned>>> places_; ///< file, function, lines
    std::string out_;
};

std::string wrapped(std::string_view text, const ladder_options& options, style look) {
    std::string out;
    for (const std::string& one : wrap(text, options.width, 2))
        out += paint(one, look, options.colour) + "\n";
    return out;
}

} // namespace

std::string violation_text(const failure& what, const ladder_options& options) {
    if (what.kind == failure_kind::none)
        return "";
    std::string head =
        what.kind == failure_kind::invariant && what.invariant != invariant::none ? "" : name(what.kind);
    if (what.invariant != invariant::none)
        head += fmt::format("{}violates {}: {}", head.empty() ? "" : ", ", name(what.invariant),
                            info(what.invariant).text);
    std::string out = wrapped(head, options, style::bad);
    if (!what.cause.empty())
        out += wrapped("cause: " + what.cause, options, style::strong);
    if (!what.detail.empty() && what.detail != what.cause)
        out += wrapped("here:  " + what.detail, options, style::plain);
    return out;
}

std::string ladder(const failure& what, const program& of, const ladder_options& options) {
    if (what.events.empty() || of.threads.empty())
        return violation_text(what, options);
    const std::string violation = violation_text(what, options);
    return page(of, options).print(selection(what, of, options).take()) +
           (violation.empty() ? "" : "\n" + violation);
}

} // namespace daxtorture
