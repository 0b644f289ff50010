/// A failure as a mail to a mailing list: what happens, in which versions, by which interleaving, why, how to confirm it, what would fix it,
/// and which commits a `Fixes:` line may name. Plain text of at most 72 columns.
///
/// What a page of docs/findings says of it is taken from the page; without one the mail has what the failure itself shows.
#pragma once

#include "run/bundle.hpp"

#include <string>
#include <utility>
#include <vector>

namespace daxtorture {

/// A page of docs/findings, as far as a mail needs it. Paragraphs are without line breaks and without markup.
struct finding_page {
    std::string name; ///< "docs/findings/refault-during-idle-wait.md"; empty: there is none
    std::string title;
    std::vector<std::pair<std::string, std::string>> facts; ///< the rows of its first table
    struct section {
        std::string title; ///< empty: what stands before the first one
        std::vector<std::string> paragraphs;
    };
    std::vector<section> sections;
    std::vector<std::string> commits; ///< hashes that it names, in its order
};
finding_page parse_finding(const std::string& name, const std::string& markdown);

/// `place`: the directory of the bundle, for the commands that the mail gives.
std::string explanation(const bundle& kept, const std::string& place, const finding_page& page);

} // namespace daxtorture
