#include "scenario/known.hpp"

#include "scenario/printer.hpp"

namespace daxtorture {

namespace {

std::vector<std::string_view> used_by(const program& what) {
    std::vector<std::string_view> used;
    const auto add = [&](const std::vector<operation>& operations) {
        for (const operation& one : operations)
            used.push_back(info(one.kind).name);
    };
    add(what.setup);
    for (const thread_program& one : what.threads)
        add(one.operations);
    for (const file_config& file : what.world.files)
        used.push_back(fs_name(file.fs));
    return used;
}

} // namespace

std::string findings_like(const program& what, invariant broken, std::string_view cause) {
    return findings_like(broken, cause, what.world.rules, used_by(what));
}

std::vector<finding> findings_possible(const program& what) {
    return findings_possible(what.world.rules, used_by(what));
}

} // namespace daxtorture
