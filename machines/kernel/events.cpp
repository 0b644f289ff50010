#include "events.hpp"

#include "sites.hpp"

#include <map>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

const char* kind_of(const raw_event& e) {
    switch (e.what) {
    case raw_event::kind::access:
        return e.write ? "store" : "load";
    case raw_event::kind::lock:
        return "lock";
    case raw_event::kind::unlock:
        return "unlock";
    case raw_event::kind::block:
        return "block";
    case raw_event::kind::wake:
        return "wake";
    case raw_event::kind::begin:
        return "begin";
    case raw_event::kind::end:
        return "end";
    }
    return "?";
}

std::string value_text(std::uint64_t value, unsigned size) {
    const auto as_count = static_cast<std::int32_t>(value);
    if (size == 4 && as_count > -4096 && as_count < 65536)
        return std::to_string(as_count);
    return value < 4096 ? std::to_string(value) : fmt::format("{:#x}", value);
}

class describer {
  public:
    event describe(const raw_event& e) {
        event made;
        made.thread = e.thread;
        made.operation = e.operation;
        made.kind = kind_of(e);
        made.preempted = e.preempted;
        if (e.place != nullptr) {
            const source_place at = source_of(e.place);
            made.function = at.function;
            made.file = at.file;
            made.line = at.line;
        }
        if (e.what == raw_event::kind::access) {
            made.object = name(e.address);
            made.before = value_text(e.before, e.size);
            if (e.write)
                made.after = value_text(e.after, e.size);
        } else if (e.what == raw_event::kind::wake) {
            made.object = fmt::format("task {}", e.address);
        }
        return made;
    }

  private:
    const std::string& name(std::uintptr_t address) {
        std::string& known = names_[address];
        if (known.empty()) {
            char text[96];
            glue_name_address(reinterpret_cast<const void*>(address), text, sizeof text);
            known = text;
        }
        return known;
    }

    std::map<std::uintptr_t, std::string> names_;
};

} // namespace

std::vector<event> describe_events() {
    std::vector<event> all;
    describer of;
    for (const raw_event& e : machine::get().events())
        all.push_back(of.describe(e));
    return all;
}

} // namespace daxtorture::kernel_machine
