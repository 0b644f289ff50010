#include "report/markup.hpp"

#include "report/near_misses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace daxtorture {

namespace {

constexpr std::size_t rows_max = 60;
constexpr double page_width = 1080; ///< that of a page on a large screen
constexpr double lane_width_min = 170;
constexpr double character_width = 6.3; ///< of 11 pixels, somewhat more than the average
constexpr double text_margin = 26;
constexpr double left = 62; ///< times
constexpr double row_height = 21;
constexpr double head = 52; ///< names of the workers, and what each was in before the first row

bool worth_a_row(const event& e) {
    for (const char* kind : {"begin", "end", "block", "resume", "wake", "violation"})
        if (e.kind == kind)
            return true;
    return e.kind == "rmw" && e.object.ends_with("refcount");
}

/// One line of the drawing. An operation that ended before anything else happened is one row.
struct line {
    const event* what;
    const event* end = nullptr;
};

class drawing {
  public:
    drawing(const failure& what, const std::vector<std::string>& workers) : what_(what), workers_(workers) {
        std::vector<bool> waits(workers.size());
        for (const event& e : what.events) {
            if (!worth_a_row(e) || e.thread >= workers.size())
                continue;
            if (e.kind == "end" && !rows_.empty() && rows_.back().what->kind == "begin" &&
                rows_.back().what->thread == e.thread) {
                rows_.back().end = &e;
                continue;
            }
            // The last events of a hang, without a time, say once more who waits.
            if (e.kind == "block" && e.time == 0 && waits[e.thread])
                continue;
            if (e.kind == "block" || e.kind == "resume")
                waits[e.thread] = e.kind == "block";
            rows_.push_back({&e});
        }
        if (rows_.size() > rows_max)
            drop_until(rows_.size() - rows_max);
        find_guilty();
        // As wide as the page, and wide enough for the longest text: nothing is cut.
        lane_width_ = std::max(lane_width_min, (page_width - left) / static_cast<double>(workers.size()));
        for (const line& row : rows_)
            lane_width_ = std::max(lane_width_, text_width(text_of(row)));
        for (const entered& before : entered_)
            for (const event* e : {before.operation, before.wait})
                if (e != nullptr)
                    lane_width_ = std::max(lane_width_, text_width("waits: " + e->object));
    }

    std::string draw() {
        if (rows_.empty())
            return "";
        const double height = bottom() + 16 + 9 * static_cast<double>(workers_.size());
        const double width = left + lane_width_ * static_cast<double>(workers_.size());
        std::string lines;
        for (unsigned lane = 0; lane < workers_.size(); ++lane)
            lines += fmt::format("<text x=\"{0:.0f}\" y=\"14\" text-anchor=\"middle\" "
                                 "class=\"ink\">{1}</text><line x1=\"{0:.0f}\" "
                                 "x2=\"{0:.0f}\" y1=\"{2:.0f}\" y2=\"{3:.0f}\" stroke=\"var(--line)\"/>",
                                 middle(lane), escaped(workers_[lane]), head - 6, bottom());
        spans();
        for (std::size_t row = 0; row < rows_.size(); ++row)
            mark(row);
        final_waits();
        return fmt::format(
            "<div class=\"wide\"><svg viewBox=\"0 0 {0:.0f} {1:.0f}\" "
            "style=\"min-width:{0:.0f}px\" "
            "role=\"img\" aria-label=\"the last steps of every worker\">{2}{3}{4}{5}</svg></div>\n",
            width, height, lines, boxes_, texts_, arrows_);
    }

  private:
    /// Leaves out the first rows; what they began and did not end runs in from above.
    void drop_until(std::size_t first) {
        for (std::size_t row = 0; row < first; ++row) {
            const event& e = *rows_[row].what;
            if (e.kind == "begin" || e.kind == "end")
                entered_[e.thread].operation = e.kind == "begin" && rows_[row].end == nullptr ? &e : nullptr;
            else if (e.kind == "block" || e.kind == "resume")
                entered_[e.thread].wait = e.kind == "block" ? &e : nullptr;
        }
        rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(first));
    }

    static double y_of(std::size_t row) { return head + row_height * (static_cast<double>(row) + 0.5); }
    double middle(unsigned lane) const { return left + lane_width_ * (lane + 0.5); }
    static double text_width(const std::string& text) {
        return static_cast<double>(text.size()) * character_width + text_margin;
    }
    double bottom() const { return head + row_height * static_cast<double>(rows_.size()); }

    /// Operations and waits as boxes from their begin to their end; what is open at either end of the window runs through.
    void spans() {
        for (unsigned lane = 0; lane < workers_.size(); ++lane) {
            const entered& before = entered_[lane];
            std::optional<std::size_t> operation = before.operation ? above : std::optional<std::size_t>();
            std::optional<std::size_t> wait = before.wait ? above : std::optional<std::size_t>();
            if (before.operation != nullptr)
                boxed_text(lane, before.operation->object + " (began before)", "ink strong", 0);
            if (before.wait != nullptr)
                boxed_text(lane, "waits: " + before.wait->object, "wait", 1);
            for (std::size_t row = 0; row < rows_.size(); ++row) {
                const event& e = *rows_[row].what;
                if (e.thread != lane)
                    continue;
                if (e.kind == "begin" && rows_[row].end != nullptr)
                    box(lane, row, row, false);
                else if (e.kind == "begin")
                    operation = row;
                else if (e.kind == "end")
                    box(lane, std::exchange(operation, std::nullopt), row, false);
                else if (e.kind == "block" && !wait)
                    wait = row;
                else if (e.kind == "resume")
                    box(lane, std::exchange(wait, std::nullopt), row, true);
            }
            if (operation)
                box(lane, operation, rows_.size(), false);
            if (wait) {
                box(lane, wait, rows_.size(), true);
                if (what_.kind == failure_kind::deadlock)
                    text(lane, bottom() - row_height / 2, "never wakes", "bad strong");
            }
        }
    }

    void box(unsigned lane, std::optional<std::size_t> from, std::size_t to, bool wait) {
        if (!from)
            return; // its begin is older than the recorder
        const double top = *from == above ? head - 32 : y_of(*from) - row_height / 2 + 1;
        const double end = to == rows_.size() ? bottom() : y_of(to) + row_height / 2 - 1;
        const double inset = wait ? 8 : 3;
        boxes_ += fmt::format(
            "<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.1f}\" rx=\"4\" fill=\"{}\" "
            "stroke=\"{}\"/>",
            left + lane_width_ * lane + inset, top, lane_width_ - 2 * inset, std::max(4.0, end - top),
            wait ? "var(--waitfill)" : "var(--fill)", wait ? "var(--wait)" : "none");
    }

    /// Above the first row: what the worker was in already.
    void boxed_text(unsigned lane, const std::string& what, const char* look, int line) {
        text(lane, head - 23 + 14 * line, what, look);
    }

    void text(unsigned lane, double y, const std::string& what, const char* look) {
        texts_ += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" class=\"{}\">{}</text>",
                              left + lane_width_ * lane + 12, y + 4, look, escaped(what));
    }

    void arrow(unsigned from, unsigned to, double y, const char* colour, bool dashed) {
        if (from == to)
            return;
        const double direction = from < to ? 1 : -1;
        const double x1 = middle(from) + direction * (lane_width_ / 2 - 14);
        const double x2 = middle(to) - direction * (lane_width_ / 2 - 14);
        arrows_ += fmt::format("<path d=\"M{0:.0f},{1:.1f} H{2:.0f} m{3:.0f},-4 l{4:.0f},4 l{3:.0f},4\" "
                               "fill=\"none\" stroke=\"{5}\" "
                               "stroke-width=\"1.8\"{6}/>",
                               x1, y, x2, -direction * 6, direction * 6, colour,
                               dashed ? " stroke-dasharray=\"4 3\"" : "");
    }

    std::optional<unsigned> lane_of(const std::string& name) const {
        const auto found = std::ranges::find(workers_, name);
        if (found == workers_.end())
            return std::nullopt;
        return static_cast<unsigned>(found - workers_.begin());
    }

    void mark(std::size_t row) {
        const event& e = *rows_[row].what;
        const double y = y_of(row);
        // Time since the row above: what lies between is what is of interest.
        if (row != 0 && e.time != 0 && rows_[row - 1].what->time != 0)
            texts_ +=
                fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">+{}</text>", left - 6, y + 4,
                            nanoseconds_text(static_cast<double>(e.time - rows_[row - 1].what->time)));
        const char* look = "soft";
        if (e.kind == "begin")
            look = "ink strong";
        else if (e.kind == "block" || e.kind == "resume")
            look = "wait";
        else if (e.kind == "wake")
            look = "wake";
        else if (e.kind == "violation")
            look = "bad strong";
        if (row == guilty_) {
            look = "bad strong";
            boxes_ += fmt::format(
                "<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.1f}\" rx=\"4\" "
                "fill=\"none\" stroke=\"var(--fail)\" class=\"guilty\"/>",
                left + lane_width_ * e.thread + 5, y - row_height / 2 + 1, lane_width_ - 10, row_height - 2);
        }
        text(e.thread, y, text_of(rows_[row]), look);
        if (e.kind == "violation")
            texts_ += fmt::format("<circle cx=\"{:.0f}\" cy=\"{:.1f}\" r=\"5\" fill=\"var(--fail)\"/>",
                                  left + lane_width_ * e.thread + 8, y);
        if (const auto to = lane_of(e.object); to && e.kind == "wake")
            arrow(e.thread, *to, y, "var(--wake)", false);
    }

    std::string text_of(const line& row) const {
        const event& e = *row.what;
        if (e.kind == "begin")
            return e.object + (row.end != nullptr ? " → " + row.end->after : "");
        if (e.kind == "end")
            return "→ " + e.after;
        if (e.kind == "block")
            return "waits: " + (e.object.empty() ? e.function : e.object);
        if (e.kind == "resume")
            return "goes on";
        if (e.kind == "rmw")
            return e.object + " " + e.before + " → " + e.after;
        if (e.kind == "violation")
            return what_.cause;
        return "wakes " + e.object;
    }

    /// Of a hang: the last step of another worker, after the sleeper went to sleep, that should have ended the wait. It woke somebody
    /// else, or dropped a reference and woke nobody.
    void find_guilty() {
        if (what_.kind != failure_kind::deadlock)
            return;
        std::optional<std::size_t> asleep;
        std::vector<std::optional<std::size_t>> waits(workers_.size());
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            const event& e = *rows_[row].what;
            if (e.kind == "block")
                waits[e.thread] = row;
            else if (e.kind == "resume")
                waits[e.thread].reset();
        }
        for (const std::optional<std::size_t>& since : waits)
            if (since && (!asleep || *since < *asleep))
                asleep = since;
        if (!asleep)
            return;
        for (std::size_t row = rows_.size(); row-- > *asleep + 1;) {
            const event& e = *rows_[row].what;
            const bool put = e.kind == "rmw" && smaller(e.after, e.before);
            if (e.thread != rows_[*asleep].what->thread && (put || e.kind == "wake")) {
                guilty_ = row;
                return;
            }
        }
    }

    /// Numbers as the events have them.
    static bool smaller(const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    }

    /// Below the lanes: who waits for whom in the end.
    void final_waits() {
        double y = bottom() + 12;
        for (const task_snapshot& waiter : what_.state.tasks) {
            const auto from = lane_of(waiter.name);
            if (!waiter.blocked || !from)
                continue;
            for (const task_snapshot& holder : what_.state.tasks)
                if (const auto to = lane_of(holder.name);
                    to && std::ranges::find(holder.held, waiter.waits_for) != holder.held.end()) {
                    arrow(*from, *to, y, "var(--wait)", true);
                    y += 9;
                }
        }
    }

    static constexpr std::size_t above = ~std::size_t{0};
    static constexpr std::size_t nobody = above;
    struct entered {
        const event* operation = nullptr;
        const event* wait = nullptr;
    };

    const failure& what_;
    const std::vector<std::string>& workers_;
    std::vector<line> rows_;
    double lane_width_ = lane_width_min;
    std::size_t guilty_ = nobody; ///< row of the step that should have ended a wait
    std::vector<entered> entered_ = std::vector<entered>(workers_.size()); ///< by lane
    std::string boxes_;
    std::string texts_;
    std::string arrows_;
};

} // namespace

std::string lanes(const failure& what, const std::vector<std::string>& workers) {
    return drawing(what, workers).draw();
}

} // namespace daxtorture
