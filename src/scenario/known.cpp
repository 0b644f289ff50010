#include "scenario/known.hpp"

#include "scenario/printer.hpp"
#include "words/findings.hpp"

#include <vector>

namespace daxtorture {

std::string findings_like(const program& what, invariant broken, std::string_view cause) {
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
    return findings_like(broken, cause, what.world.rules, used);
}

} // namespace daxtorture
