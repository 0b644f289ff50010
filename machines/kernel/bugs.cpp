#include "bugs.hpp"

#include "abi.h"
#include "sites.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace daxtorture::kernel_machine {
namespace {

/// A condition that the kernel warns of, by its text, and what the model calls it. The first that fits counts.
struct known_check {
    std::string_view file;
    std::string_view condition;
    daxtorture::invariant invariant;
    std::string_view cause;
};
constexpr std::string_view let_go = "a folio lost its last entry while references are held";
constexpr std::string_view dissolved = "a large folio was dissolved while references are held";
constexpr std::array known_checks{
    known_check{"fs/dax.c", "trunc && page_ref_count(", invariant::I18,
                "the entry of a busy page was deleted"},
    known_check{"fs/dax.c", "dax_entry_order(entry) != folio_order(folio)", invariant::I14,
                "an entry shares a folio of another size"},
    known_check{"fs/dax.c", "folio_ref_count(", invariant::I14, let_go},
    known_check{"fs/dax.c", "folio_order(folio)", invariant::I14, "a folio was built over a large one"},
    known_check{"fs/dax.c", "!folio->share", invariant::I13,
                "the share count of a folio differs from its entries"},
    known_check{"fs/dax.c", "->mapping &&", invariant::I13,
                "a folio does not belong to the file whose entry refers to it"},
    known_check{"mm/memremap.c", "WARN_ON_ONCE(!pgmap)", invariant::I25,
                "the last put took a page of another folio for its own"},
    known_check{"fs/dax.c", "->mapping)", invariant::I13, "a folio was associated twice"},
};

} // namespace

failure failure_of_bug(const void* place) {
    int warning = 1;
    const char* path = "?";
    int line = 0;
    glue_bug_at(place, &warning, &path, &line);
    const std::string file = line == 0 ? place_of(place) : below_tree(path);
    failure f;
    f.kind = failure_kind::invariant;
    f.detail = fmt::format("{} at {}{} in {}", warning != 0 ? "WARN" : "BUG", file,
                           line == 0 ? "" : fmt::format(":{}", line), function_of(place));
    f.cause = f.detail;
    const std::string condition = source_line(file, static_cast<unsigned>(line));
    for (const known_check& one : known_checks)
        if (file == one.file && condition.find(one.condition) != std::string::npos) {
            f.invariant = one.invariant;
            f.cause = one.cause == let_go && glue_a_large_folio_is_dissolved() != 0 ? dissolved : one.cause;
            break;
        }
    return f;
}

std::vector<std::string> warnings_of(const failure& what) {
    return what.detail.starts_with("WARN at ") || what.detail.starts_with("BUG at ")
               ? std::vector<std::string>{what.detail}
               : std::vector<std::string>{};
}

std::string place_of_bug(const failure& what) {
    const std::size_t at = what.detail.find(" at "), in = what.detail.find(" in ");
    return warnings_of(what).empty() ? "" : what.detail.substr(at + 4, in - at - 4);
}

} // namespace daxtorture::kernel_machine
