#include "ledger.hpp"

#include "machine.hpp"
#include "sites.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

[[noreturn]] void violation(invariant broken, const char* cause, std::string detail) {
    failure f;
    f.kind = failure_kind::invariant;
    f.invariant = broken;
    f.cause = cause;
    f.detail = std::move(detail);
    machine::get().fail(std::move(f));
}

std::string page_name(int file, long page) {
    return fmt::format("{}[{}]", machine_world.file[file].name, page);
}

} // namespace

ledger& ledger::get() {
    static ledger only;
    return only;
}

void ledger::begin() {
    std::fill(blocks_.begin(), blocks_.end(), block_state{});
    dirty_.clear();
    stores_ = 0;
}

void ledger::device_writes(long block) {
    if (at(block).owner < 0)
        violation(invariant::I7, "a device writes to a free block", fmt::format("block {}", block));
}

void ledger::taken(long block, int file, long page) {
    if (held(block) != 0)
        violation(invariant::I7, "a block is reused while references to its page are held",
                  fmt::format("block {} for {}: {} held", block, page_name(file, page), held(block)));
    at(block).owner = file;
}

void ledger::freed(long block, int file, long page) {
    at(block).owner = -1;
    discard(file, page, page + 1);
    if (held(block) != 0)
        violation(invariant::I7, "a block is freed while references to its page are held",
                  fmt::format("block {} of {}: {} held", block, page_name(file, page), held(block)));
    char text[96];
    if (glue_find_mapping(block, text, sizeof text) != 0)
        violation(invariant::I8, "a block is freed while its page is mapped",
                  fmt::format("block {} of {}: {}; refcount {}", block, page_name(file, page), text,
                              glue_refcount(block)));
}

void ledger::flushed(long block, unsigned long count) {
    std::erase_if(dirty_,
                  [&](const dirty_page& d) { return static_cast<unsigned long>(d.block - block) < count; });
}

void ledger::discard(int file, long first, long last) {
    std::erase_if(dirty_,
                  [&](const dirty_page& d) { return d.file == file && d.page >= first && d.page < last; });
}

void ledger::stored(int file, long page, long block, long expected) {
    ++stores_;
    if (block != expected)
        violation(invariant::I8, "a store reaches a block that is not behind its page",
                  fmt::format("{}: block {}, the file has {} there", page_name(file, page), block, expected));
    const bool known = std::ranges::any_of(
        dirty_, [&](const dirty_page& d) { return d.file == file && d.page == page && d.block == block; });
    if (!known)
        dirty_.push_back({file, page, block, stores_});
}

void ledger::loaded(int file, long page, long block, long expected) {
    if (block != expected && block >= 0)
        violation(invariant::I8, "a load reads a block that is not behind its page",
                  fmt::format("{}: block {}, the file has {} there", page_name(file, page), block, expected));
}

void ledger::check_flushed(int file, std::uint64_t since) const {
    for (const dirty_page& d : dirty_)
        if (d.file == file && d.since <= since &&
            glue_owner_block(file, static_cast<unsigned long>(d.page)) == d.block)
            violation(invariant::I20, "fsync returned and an earlier store is not flushed",
                      fmt::format("{}, block {}", page_name(file, d.page), d.block));
}

void note_bug(const void* place) {
    int warning = 1;
    const char* file = "?";
    int line = 0;
    glue_bug_at(place, &warning, &file, &line);
    const std::string at = line == 0 ? place_of(place) : fmt::format("{}:{}", below_tree(file), line);
    const std::string text =
        fmt::format("{} at {} in {}", warning != 0 ? "WARN" : "BUG", at, function_of(place));
    machine& m = machine::get();
    if (warning != 0) {
        m.warn(text);
        return;
    }
    failure f;
    f.kind = failure_kind::invariant;
    f.cause = text;
    m.fail(std::move(f));
}

} // namespace daxtorture::kernel_machine
