/// The window of a failure in a world that is small enough to be searched.
#pragma once

#include "scenario/program.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace daxtorture::lifting {

/// How small a world becomes.
struct scale {
    bool huge = false;    ///< a file of huge pages stays one: a PMD of two pages
    bool devices = false; ///< what happens to the device of the files stays, too
    bool pages =
        false; ///< files have two pages, the first and the others: blocks can move from one to the other
};

/// A world of one or two files of one page, or of one PMD, and how the window's operands are called in it.
class projection {
  public:
    projection(const program& window, std::vector<unsigned> files, scale size);

    const program& base() const { return small_; }

    /// The mm that maps all of file `i`.
    std::uint8_t mm_of(unsigned i) const { return static_cast<std::uint8_t>(size_.huge ? 2 * i : i); }
    bool huge() const { return size_.huge; }

    /// The operation in the small world; nothing when it is about something else.
    std::optional<operation> project(operation one) const;

  private:
    unsigned pages(unsigned i) const { return small_.world.files[i].pages; }
    void add_file(unsigned i, const file_config& from);
    operation project_to(unsigned i, operation one) const;
    void project_range(bool large, operation& one) const;
    const area_config* area_of(const operation& one, unsigned file) const;
    bool holds_pmd(const area_config& area, unsigned page) const;
    bool maps_pmd(unsigned mm, unsigned file) const;
    std::optional<operation> project_two_files(operation one) const;

    const program& window_;
    const std::vector<unsigned> files_;
    const scale size_;
    const unsigned run_; ///< how many pages of the window's world become two: those of a PMD, or all
    program small_;
};

} // namespace daxtorture::lifting
