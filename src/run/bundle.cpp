#include "run/bundle.hpp"

#include "run/failure_json.hpp"
#include "run/json_node.hpp"
#include "scenario/library.hpp"
#include "scenario/printer.hpp"
#include "scenario/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace daxtorture {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* scenario_file = "scenario.dax";
constexpr const char* json_file = "bundle.json";
constexpr const char* report_file = "report.txt";
constexpr const char* trace_file = "trace.json";

/// One line, ready for the user. Never leaves this file.
struct problem {
    std::string text;
};

[[noreturn]] void fail_errno(const fs::path& where) {
    throw problem{where.string() + ": " + std::strerror(errno)};
}

/// Writes and flushes to the device: the rename that follows must not overtake the contents.
void write_file(const fs::path& file, std::string_view text) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        fail_errno(file);
    int error = 0;
    while (!text.empty() && error == 0) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            error = errno;
    }
    if (error == 0 && ::fsync(fd) != 0)
        error = errno;
    if (::close(fd) != 0 && error == 0)
        error = errno;
    if (error != 0) {
        errno = error;
        fail_errno(file);
    }
}

std::string read_file(const fs::path& file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rb"), std::fclose);
    if (!stream)
        fail_errno(file);
    std::string text;
    char block[1 << 16];
    while (const std::size_t got = std::fread(block, 1, sizeof block, stream.get()))
        text.append(block, got);
    if (std::ferror(stream.get()))
        fail_errno(file);
    return text;
}

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// One key a line and one event a line: readable, and small in a diff.
std::string lines_of(const json& object) {
    std::string text = "{";
    for (auto one = object.begin(); one != object.end(); ++one) {
        text += (one == object.begin() ? "\n" : ",\n") + dump(one.key()) + ": ";
        if (one.key() != "events" || one->empty()) {
            text += dump(*one);
            continue;
        }
        for (std::size_t i = 0; i < one->size(); ++i)
            text += (i == 0 ? "[\n " : ",\n ") + dump((*one)[i]);
        text += "\n]";
    }
    return text + "\n}\n";
}

json encode(const bundle& b) {
    json all = daxtorture::encode(b.found);
    all["version"] = bundle::format_version;
    all["command"] = b.command;
    all["scenario"] = b.what.name;
    all["protocol"] = b.what.protocol;
    json rules = json::array();
    for (const auto& [name, value] : b.what.rules)
        rules.push_back(fmt::format("{}={}", name, value));
    all["rules"] = std::move(rules);
    all["memory"] = b.memory;
    all["engine"] = b.engine;
    all["scheduler"] = b.scheduler;
    all["seed"] = b.seed;
    all["execution"] = b.execution;
    all["source_hash"] = b.source_hash;
    if (!b.tree.empty())
        all["tree"] = b.tree;
    return all;
}

/// "FILE:LINE:COL: " of a byte.
std::string place_of(const fs::path& file, const std::string& text, std::size_t byte) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
    const auto line = std::count(text.begin(), end, '\n') + 1;
    const auto start = std::find(std::make_reverse_iterator(end), text.rend(), '\n').base();
    return fmt::format("{}:{}:{}: ", file.string(), line, end - start + 1);
}

json parse_json(const fs::path& file, const std::string& text) {
    if (const auto at = not_utf8(text))
        throw problem{place_of(file, text, *at) + "expected UTF-8"};
    try {
        return json::parse(text);
    } catch (const json::parse_error& error) {
        const std::size_t byte = error.byte == 0 ? 0 : error.byte - 1;
        throw problem{place_of(file, text, byte) + "expected " +
                      (byte >= text.size() ? "more JSON, got end of file (is it torn?)" : "JSON")};
    } catch (const json::exception&) { // a number that no machine can hold, of which the place is not told
        throw problem{file.string() + ": expected numbers of at most 64 bits"};
    }
}

void decode(const json& all, bundle& into) {
    const json_node from(all, "");
    if (const int version = from.get<int>("version"); version != bundle::format_version)
        throw decode_error("version: expected " + std::to_string(bundle::format_version) + ", got " +
                           std::to_string(version));
    from.required("command", into.command);
    from.required("memory", into.memory);
    if (into.memory != "sc" && into.memory != "tso" && into.memory != "weak")
        from.at("memory").fail("sc, tso or weak");
    from.required("engine", into.engine);
    from.required("scheduler", into.scheduler);
    from.required("seed", into.seed);
    from.required("execution", into.execution);
    from.required("source_hash", into.source_hash);
    from.optional("tree", into.tree);
    into.found = decode_failure(all);
}

/// Removes the directory unless it was renamed into place.
struct temporary_directory {
    fs::path path;
    ~temporary_directory() {
        std::error_code ignored;
        if (!path.empty())
            fs::remove_all(path, ignored);
    }
};

void sync_directory(const fs::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return; // not readable, and yet writable: the contents are safe, the name is as safe as it can be
    ::fsync(fd);
    ::close(fd);
}

/// A bundle, or nothing yet. Refuses what is neither.
bool holds_bundle(const fs::path& target) {
    std::error_code error;
    const fs::file_status there = fs::symlink_status(target, error);
    if (there.type() == fs::file_type::not_found)
        return false;
    if (!fs::is_directory(there) ||
        (!fs::is_empty(target, error) && !error && !fs::exists(target / json_file, error)))
        throw problem{target.string() + ": expected a new name or an older bundle, got something else"};
    return true;
}

/// Changes places with an older bundle, which is then removed as the temporary directory. False: there is none any more.
bool exchange(temporary_directory& made, const fs::path& target) {
    if (::renameat2(AT_FDCWD, made.path.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0)
        return true;
    if (errno == ENOENT)
        return false;
    if (errno != EINVAL && errno != ENOSYS)
        fail_errno(target);
    // A filesystem that cannot exchange: the older one goes first.
    const fs::path old = made.path.string() + ".old";
    if (std::rename(target.c_str(), old.c_str()) != 0 && errno != ENOENT)
        fail_errno(target);
    std::error_code ignored;
    fs::remove_all(old, ignored);
    return false;
}

/// Others may write a bundle of this name at the same time: each try looks again at what is there.
void put_in_place(temporary_directory& made, const fs::path& target) {
    constexpr unsigned tries = 1000;
    bool placed = false;
    for (unsigned i = 0; i < tries && !placed; ++i) {
        if (holds_bundle(target)) {
            placed = exchange(made, target);
        } else if (std::rename(made.path.c_str(), target.c_str()) == 0) {
            made.path.clear();
            placed = true;
        } else if (errno != ENOTEMPTY && errno != EEXIST) {
            fail_errno(target);
        }
    }
    if (!placed)
        throw problem{target.string() + ": others keep replacing it"};
    sync_directory(target.parent_path().empty() ? "." : target.parent_path());
}

} // namespace

std::optional<std::string> write_bundle(const fs::path& directory, const bundle& what,
                                        std::string_view report, std::string_view trace) {
    try {
        fs::path target = directory.lexically_normal();
        if (!target.has_filename())
            target = target.parent_path();
        if (target.has_parent_path()) {
            std::error_code error;
            fs::create_directories(target.parent_path(), error);
            if (error)
                return target.parent_path().string() + ": " + error.message();
        }
        std::string name = target.string() + ".tmp-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            return target.string() + ": " + std::strerror(errno);
        temporary_directory made{name};
        fs::permissions(made.path, fs::perms(0755));
        write_file(made.path / scenario_file, print(what.what));
        write_file(made.path / report_file, report);
        if (!trace.empty())
            write_file(made.path / trace_file, trace);
        write_file(made.path / json_file, lines_of(encode(what)));
        put_in_place(made, target);
        return std::nullopt;
    } catch (const problem& wrong) {
        return wrong.text;
    } catch (const std::exception& error) {
        return directory.string() + ": " + error.what();
    }
}

bundle_result read_bundle(const fs::path& directory) {
    const fs::path file = directory / json_file;
    bundle made;
    try {
        const json all = parse_json(file, read_file(file));
        decode(all, made);
        parse_result scenario = load_scenario(directory / scenario_file);
        if (!scenario)
            return {std::nullopt, scenario.error.text()};
        made.what = std::move(*scenario.value);
        return {std::move(made), ""};
    } catch (const problem& wrong) {
        return {std::nullopt, wrong.text};
    } catch (const std::exception& error) {
        return {std::nullopt, file.string() + ": " + error.what()};
    }
}

} // namespace daxtorture
