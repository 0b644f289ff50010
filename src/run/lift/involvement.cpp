#include "run/lift/involvement.hpp"

#include <algorithm>
#include <string>

namespace daxtorture::lifting {
namespace {

constexpr unsigned no_file = ~0U;

/// The file behind an operation's operand.
unsigned file_of(const operation& one, const world_config& world) {
    switch (info(one.kind).takes) {
    case operands::file:
    case operands::file_size:
    case operands::file_range:
        return one.object;
    case operands::mm_page:
    case operands::mm_pages:
        if (one.object < world.mms.size())
            for (const area_config& area : world.mms[one.object].areas)
                if (one.first >= area.at && one.first < area.at + area.last_page - area.first_page)
                    return area.file;
        return no_file;
    default:
        return no_file;
    }
}

} // namespace

bool breaks_layouts(op kind) {
    return kind == op::truncate || kind == op::punch || kind == op::brk || kind == op::reuse ||
           kind == op::evict || kind == op::reflink || kind == op::collapse || kind == op::insert ||
           kind == op::zero || kind == op::write || kind == op::umount || kind == op::unbind;
}

std::set<unsigned> files_of(const operation& one, const world_config& world) {
    std::set<unsigned> files;
    if (info(one.kind).takes == operands::mm && one.object < world.mms.size())
        for (const area_config& area : world.mms[one.object].areas)
            files.insert(area.file);
    else if (info(one.kind).takes == operands::two_files)
        files = {one.object, one.other};
    else if (const unsigned file = file_of(one, world); file != no_file)
        files.insert(file);
    return files;
}

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

} // namespace daxtorture::lifting
