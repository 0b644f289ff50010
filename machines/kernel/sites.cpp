#include "sites.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

struct site {
    std::uintptr_t place = 0;
    std::string chain; ///< function@file:line<function@file:line
};
struct function_entry {
    std::uintptr_t start = 0;
    std::string name;
};

std::string path;
std::string tree_directory;
std::vector<site> sites;
std::vector<function_entry> functions;

std::uintptr_t from_hex(std::string_view text) {
    std::uintptr_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

void load() {
    if (!sites.empty())
        return;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("= ")) {
            const std::size_t name = line.find(' ', 2);
            functions.push_back(
                {from_hex(std::string_view(line).substr(2, name - 2)), line.substr(name + 1)});
        } else if (const std::size_t chain = line.find(' '); chain != std::string::npos) {
            sites.push_back({from_hex(std::string_view(line).substr(0, chain)), line.substr(chain + 1)});
        }
    }
    std::ranges::sort(sites, {}, &site::place);
    std::ranges::stable_sort(functions, {}, &function_entry::start);
}

source_place parse_frame(std::string_view frame) {
    const std::size_t at = frame.find('@');
    const std::size_t colon = frame.rfind(':');
    source_place place{std::string(frame.substr(0, at)), std::string(frame.substr(at + 1, colon - at - 1)),
                       0};
    std::from_chars(frame.data() + colon + 1, frame.data() + frame.size(), place.line);
    return place;
}

template <class Visit> void each_frame(std::string_view chain, Visit visit) {
    while (!chain.empty()) {
        const std::size_t end = std::min(chain.find('<'), chain.size());
        visit(parse_frame(chain.substr(0, end)));
        chain.remove_prefix(std::min(end + 1, chain.size()));
    }
}

std::string symbol_of(std::uintptr_t place) {
    const auto after = std::ranges::upper_bound(functions, place, {}, &function_entry::start);
    return after == functions.begin() ? "?" : std::prev(after)->name;
}

} // namespace

void use_sites(std::string file, std::string tree) {
    path = std::move(file);
    tree_directory = std::move(tree);
}

std::string source_line(const std::string& file, unsigned line) {
    std::ifstream source(tree_directory + "/" + file);
    std::string text;
    for (unsigned number = 0; number < line && std::getline(source, text);)
        ++number;
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string::npos || !source ? "" : text.substr(first);
}

source_place source_of(const void* place) {
    load();
    const auto number = reinterpret_cast<std::uintptr_t>(place);
    const auto found = std::ranges::lower_bound(sites, number, {}, &site::place);
    source_place best;
    if (found != sites.end() && found->place == number)
        each_frame(found->chain, [&](source_place frame) {
            if (best.function.empty() || (!best.file.ends_with(".c") && frame.file.ends_with(".c")))
                best = std::move(frame);
        });
    if (best.function.empty())
        best.function = symbol_of(number);
    return best;
}

std::string place_of(const void* place) {
    const source_place at = source_of(place);
    return at.file.empty() ? at.function : fmt::format("{}:{}", at.file, at.line);
}

std::string function_of(const void* place) { return source_of(place).function; }

std::vector<const void*> sites_in(const std::string& function, unsigned line) {
    load();
    std::vector<const void*> found;
    for (const site& one : sites) {
        bool inside = false;
        each_frame(one.chain, [&](const source_place& frame) {
            inside = inside || (frame.function == function && (line == 0 || frame.line == line));
        });
        if (inside)
            found.push_back(reinterpret_cast<const void*>(one.place));
    }
    return found;
}

bool is_function(const std::string& name) {
    load();
    return std::ranges::find(functions, name, &function_entry::name) != functions.end();
}

std::string below_tree(const std::string& path_of_file) {
    constexpr std::array<std::string_view, 7> tops{"arch/",   "drivers/", "fs/", "include/",
                                                   "kernel/", "lib/",     "mm/"};
    std::size_t best = std::string::npos;
    for (const std::string_view top : tops) {
        const std::size_t at = path_of_file.starts_with(top) ? 0 : path_of_file.find("/" + std::string(top));
        if (at != std::string::npos)
            best = std::min(best, at == 0 && path_of_file.starts_with(top) ? 0 : at + 1);
    }
    return best == std::string::npos ? path_of_file : path_of_file.substr(best);
}

} // namespace daxtorture::kernel_machine
