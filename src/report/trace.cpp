#include "report/trace.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace daxtorture {
namespace {

using nlohmann::json;

/// Operations and waits are spans, everything else is an instant.
class trace {
  public:
    json make(const failure& what, const program& of) {
        for (std::size_t i = 0; i < of.threads.size(); ++i)
            out_.push_back({{"ph", "M"},
                            {"name", "thread_name"},
                            {"pid", 1},
                            {"tid", i},
                            {"args", {{"name", of.threads[i].name}}}});
        for (const event& e : what.events)
            add(e);
        const double end = what.events.empty() ? 0 : microseconds(what.events.back());
        for (auto& [thread, depth] : open_)
            for (; depth > 0; --depth)
                out_.push_back({{"ph", "E"}, {"pid", 1}, {"tid", thread}, {"ts", end}});
        return {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(out_)}};
    }

  private:
    static double microseconds(const event& e) { return static_cast<double>(e.time) / 1000; }

    void add(const event& e) {
        json one{{"pid", 1}, {"tid", e.thread}, {"ts", microseconds(e)}};
        if (e.kind == "begin" || e.kind == "block") {
            one["ph"] = "B";
            one["name"] =
                e.kind == "begin" ? e.object : "waits: " + (e.object.empty() ? e.function : e.object);
            ++open_[e.thread];
        } else if (e.kind == "end" || e.kind == "resume") {
            if (open_[e.thread] == 0)
                return; // its begin is older than the ring
            one["ph"] = "E";
            --open_[e.thread];
        } else {
            one["ph"] = "i";
            one["s"] = "t";
            one["name"] = e.kind + (e.object.empty() ? "" : " " + e.object);
        }
        json arguments = json::object();
        if (!e.function.empty())
            arguments["function"] = e.function;
        if (!e.before.empty())
            arguments["before"] = e.before;
        if (!e.after.empty())
            arguments["after"] = e.after;
        if (!arguments.empty())
            one["args"] = std::move(arguments);
        out_.push_back(std::move(one));
    }

    json out_ = json::array();
    std::map<unsigned, unsigned> open_; ///< spans per thread
};

} // namespace

std::string chrome_trace(const failure& what, const program& of) {
    if (std::ranges::none_of(what.events, [](const event& e) { return e.time != 0; }))
        return "";
    return trace().make(what, of).dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace daxtorture
