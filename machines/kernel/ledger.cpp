#include "ledger.hpp"

#include "machine.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
void violation(invariant broken, const char* cause, std::string detail) {
    failure f;
    f.kind = failure_kind::invariant;
    f.invariant = broken;
    f.cause = cause;
    f.detail = std::move(detail);
    machine::get().fail(std::move(f));
}

namespace {

std::string page_name(int file, long page) {
    return fmt::format("{}[{}]", machine_world.file[file].name, page);
}

} // namespace

ledger& ledger::get() {
    static ledger only;
    return only;
}

void ledger::touched(bool write) { machine::get().touch(unspoken::oracle, write); }

void ledger::begin() {
    blocks_.clear();
    dirty_.clear();
    stores_ = 0;
}

void ledger::layouts_broken(int file, long first, long last) const {
    for (long page = first; page < last; ++page)
        if (const long block = glue_owner_block(file, static_cast<unsigned long>(page));
            block >= 0 && held(block) != 0)
            violation(invariant::I18, "layouts counted as broken while a page is held",
                      fmt::format("{}, block {}: {} held", page_name(file, page), block, held(block)));
}

namespace {

[[noreturn]] void lost_while_held(int file, long page, long block, int held) {
    violation(invariant::I7, "a block was freed or reused while a page reference is held",
              fmt::format("block {} of {}: {} held", block, page_name(file, page), held));
}

} // namespace

void ledger::taken(long block, int file, long page) {
    if (held(block) != 0)
        lost_while_held(file, page, block, held(block));
}

void ledger::freed(long block, int file, long page) {
    ++at(block).generation;
    discard(file, page, page + 1);
    if (held(block) != 0)
        lost_while_held(file, page, block, held(block));
    char text[96];
    if (glue_find_mapping(block, text, sizeof text) != 0)
        violation(invariant::I8, "a block was freed or reused while it is mapped",
                  fmt::format("block {} of {}: {}; refcount {}", block, page_name(file, page), text,
                              glue_refcount(block)));
}

/// What was stored to the page goes with its block.
void ledger::moved(long block, int file, long from, long to) {
    touched(true);
    for (dirty_page& d : dirty_)
        if (d.file == file && d.page == from && d.block == block)
            d.page = to;
}

void ledger::flushed(long block, unsigned long count) {
    touched(true);
    std::erase_if(dirty_,
                  [&](const dirty_page& d) { return static_cast<unsigned long>(d.block - block) < count; });
}

void ledger::discard(int file, long first, long last) {
    touched(true);
    std::erase_if(dirty_,
                  [&](const dirty_page& d) { return d.file == file && d.page >= first && d.page < last; });
}

void ledger::stored(int file, long page, long block, long expected) {
    touched(true);
    ++stores_;
    if (block != expected)
        violation(invariant::I8, "a store hit a block that its file does not own",
                  fmt::format("{}: block {}, the file has {} there", page_name(file, page), block, expected));
    const bool known = std::ranges::any_of(
        dirty_, [&](const dirty_page& d) { return d.file == file && d.page == page && d.block == block; });
    if (!known)
        dirty_.push_back({file, page, block, stores_});
}

void ledger::loaded(int file, long page, long block, long expected) {
    // The zero page may still be mapped while a first write to its hole is under way.
    if (block == expected || block < 0)
        return;
    violation(invariant::I8, "user access through a mapping of a freed block",
              fmt::format("{}: block {}, the file has {} there", page_name(file, page), block, expected));
}

void ledger::check_flushed(int file, std::uint64_t since) const {
    touched(false);
    for (const dirty_page& d : dirty_)
        if (d.file == file && d.since <= since &&
            glue_owner_block(file, static_cast<unsigned long>(d.page)) == d.block)
            violation(invariant::I20, "fsync returned and a store from before it is not flushed",
                      fmt::format("{}, block {}", page_name(file, d.page), d.block));
}

} // namespace daxtorture::kernel_machine
