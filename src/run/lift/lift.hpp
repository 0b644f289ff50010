/// From what real threads did last to scenarios that a checker can search.
///
/// window_of       the recorder's last operations of every worker, as a scenario in the world that they ran in
/// lift            that window made small: one or two files of one page or PMD, at most four threads, few operations each. Candidates
///                 grow: the checker tries them in order until one fails in the same way
///
/// Projection  every page of an involved file becomes its page 0, so operations on neighbouring pages meet more often than they
///             did. Operations on other files are dropped. A thread drops its pins where the engine made it do so: before it
///             breaks layouts and at its end; a pin that an operation needs and that is older than the window is taken first.
/// Huge        a file of huge pages is one PMD of two pages first: of a PMD's pages the first stays the first and all others are one. Then a page
/// Condensed   candidates after the literal ones: the kinds of operations that the window has, arranged as the life of one pin beside
///             the operations that broke layouts. They stand for what happened before the recorder's ring began.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace daxtorture {

/// The last `count` operations of up to eight workers; `base` names protocol, rules, world, and the workers as empty threads.
program window_of(const program& base, const std::vector<event>& events, std::size_t count = 24);

struct lifted {
    program what;
    std::string how; ///< "2 threads, last 1 operation each, file A"
};

/// Candidates, smallest first, no two alike. Empty when no operation of the window is about a file.
std::vector<lifted> lift(const program& window, const failure& found);

/// The last events of every thread, in order: what a ladder can show of a long history.
std::vector<event> last_of_each(const std::vector<event>& events, std::size_t count);

} // namespace daxtorture
