#include "run/lift/projection.hpp"

#include "run/lift/involvement.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace daxtorture::lifting {
namespace {

/// The area that a page of an mm lies in.
const area_config* area_at(const mm_config& mm, std::uint32_t page) {
    const auto found = std::ranges::find_if(mm.areas, [&](const area_config& area) {
        return page >= area.at && page < area.at + area.last_page - area.first_page;
    });
    return found == mm.areas.end() ? nullptr : &*found;
}

} // namespace

projection::projection(const program& window, std::vector<unsigned> files, scale size)
    : window_(window), files_(std::move(files)), size_(size),
      run_(size.huge ? 1U << window.world.shape.pmd_order : ~0U) {
    small_.protocol = window.protocol;
    small_.rules = window.rules;
    small_.world.rules = window.world.rules;
    small_.world.unbinds = size.devices;
    small_.geometry = "tiny";
    small_.world.shape = geometry::tiny();
    small_.world.shape.pmd_order = size.huge ? 1 : 0;
    for (unsigned i = 0; i < files_.size(); ++i)
        add_file(i, window.world.files[files_[i]]);
    if (files_.size() == 2) // the second is where freed blocks go
        small_.setup.push_back({op::punch, 0, 1, 0, pages(1)});
}

std::optional<operation> projection::project(operation one) const {
    one.line = 0;
    const operands takes = info(one.kind).takes;
    if (takes == operands::none)
        return one;
    if (one.kind == op::interrupt)
        return std::nullopt;
    if (takes == operands::device || takes == operands::device_page) {
        one.first = 0;
        return size_.devices && one.object == 0 ? std::optional(one) : std::nullopt;
    }
    if (takes == operands::two_files)
        return project_two_files(one);
    const std::set<unsigned> touched = files_of(one, window_.world);
    for (unsigned i = 0; i < files_.size(); ++i)
        if (touched.contains(files_[i]))
            return project_to(i, one);
    return std::nullopt;
}

void projection::add_file(unsigned i, const file_config& from) {
    const unsigned count = size_.pages || (size_.huge && from.huge) ? 2 : 1;
    small_.world.files.push_back(
        {std::string(1, static_cast<char>('A' + i)), from.fs, count, size_.huge && count == 2});
    // One mm that may write for each file: which process it is matters less than that it maps the page. Where a PMD can be mapped, another
    // one whose area is too small for it.
    small_.world.mms.push_back({"m" + std::to_string(i), {{i, 0, count, 0, true, true}}});
    if (size_.huge)
        small_.world.mms.push_back({"p" + std::to_string(i), {{i, count - 1, count, count - 1, true, true}}});
    for (unsigned page = 0; page < (size_.pages ? count : 1); ++page)
        small_.setup.push_back({op::store, 0, mm_of(i), page});
}

/// The operation on file `i`. Of a PMD's pages the first stays the first, and all others are one.
operation projection::project_to(unsigned i, operation one) const {
    const operands takes = info(one.kind).takes;
    const bool large = pages(i) == 2;
    const auto small_page = [&](unsigned page) { return large && page % run_ != 0 ? 1U : 0U; };
    if (takes == operands::mm || takes == operands::mm_page || takes == operands::mm_pages) {
        const area_config* area = area_of(one, files_[i]);
        const unsigned page =
            takes == operands::mm ? area->first_page : area->first_page + one.first - area->at;
        const bool fits = !size_.huge || !large ||
                          (takes == operands::mm ? maps_pmd(one.object, files_[i]) : holds_pmd(*area, page));
        one.object = static_cast<std::uint8_t>(mm_of(i) + (large && !fits ? 1 : 0));
        one.first = takes == operands::mm ? 0 : large && !fits ? 1 : small_page(page);
        if (one.last != 0) // a range: all that the area has from there on
            one.last = large && one.first == 0 ? 2 : 0;
        return one;
    }
    one.object = static_cast<std::uint8_t>(i);
    if (takes == operands::file_range)
        project_range(large, one);
    else
        one.first = small_page(one.first);
    return one;
}

/// A range keeps whether it begins with the first page of a PMD and whether it has more than one page.
void projection::project_range(bool large, operation& one) const {
    const bool single = one.last == one.first + 1;
    const bool first_of_pmd = one.first % run_ == 0 || one.first / run_ != (one.last - 1) / run_;
    const unsigned from = large && !first_of_pmd ? 1 : 0;
    one.last = large && !(single && one.first % run_ == 0) ? 2 : 1;
    one.first = from;
    if (large && one.kind == op::collapse) { // something must be left behind the range
        one.first = 0;
        one.last = 1;
    }
}

/// Where the operation's mm maps the file; for a page, the area of that page.
const area_config* projection::area_of(const operation& one, unsigned file) const {
    const mm_config& mm = window_.world.mms[one.object];
    if (info(one.kind).takes == operands::mm_page)
        return area_at(mm, one.first);
    return &*std::ranges::find(mm.areas, file, &area_config::file);
}

/// Is the PMD of this page of the file inside the area, at an address where it can be mapped?
bool projection::holds_pmd(const area_config& area, unsigned page) const {
    const unsigned first = page / run_ * run_;
    return area.at % run_ == area.first_page % run_ && first >= area.first_page &&
           first + run_ <= area.last_page;
}

bool projection::maps_pmd(unsigned mm, unsigned file) const {
    return std::ranges::any_of(window_.world.mms[mm].areas, [&](const area_config& area) {
        return area.file == file &&
               (holds_pmd(area, area.first_page) || holds_pmd(area, area.first_page + run_));
    });
}

/// Both files must be there; each keeps its part.
std::optional<operation> projection::project_two_files(operation one) const {
    const auto first = std::ranges::find(files_, one.object);
    const auto second = std::ranges::find(files_, one.other);
    if (first == files_.end() || second == files_.end())
        return std::nullopt;
    one.object = static_cast<std::uint8_t>(first - files_.begin());
    one.other = static_cast<std::uint8_t>(second - files_.begin());
    return one;
}

} // namespace daxtorture::lifting
