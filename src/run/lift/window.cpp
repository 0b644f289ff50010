#include "run/lift/lift.hpp"

#include "scenario/parser.hpp"
#include "scenario/printer.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace daxtorture {

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
