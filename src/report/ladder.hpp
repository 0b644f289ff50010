/// An interleaving as a ladder: one column per thread, time runs downwards, ready for a commit message. When there are more threads than
/// readable columns, one column names the thread and one has its steps.
///
/// What is shown  operations, sleeps and wake-ups; writes to what several threads use, with both values; reads that another thread's
///                write made, or soon makes, untrue. The rest of a run is left out, or counted when nothing else is left of it.
/// Names          steps inside the XArray, in lambdas and in guards stand under the function that used them. Writes of one function to one object that
///                follow each other are one line. In narrow columns "refcount" becomes "ref" before a line is broken.
/// Places         a list below says where in the model the functions' steps are, as file:line.
/// Marks          "-- no return --": with all decisions up to here, (nearly) every way to go on fails; with one less, not. On top: any schedule fails.
///                "-- preempted --": the thread could have gone on here, but another one ran. "(old)": a read that did not see the
///                newest value. "(x12)": the same step again and again.
#pragma once

#include "scenario/program.hpp"
#include "words/failure.hpp"

#include <string>

namespace daxtorture {

struct ladder_options {
    unsigned width = 75; ///< columns of text, whatever the number of threads
    bool colour = false; ///< the caller knows terminals and NO_COLOR
    bool all = false;    ///< every event
    bool places = true;  ///< where the functions' steps are, below the ladder
};

std::string ladder(const failure& what, const program& of, const ladder_options& options = {});

/// "hang, violates I16: nobody sleeps ...", the cause and this run's values, wrapped.
std::string violation_text(const failure& what, const ladder_options& options = {});

} // namespace daxtorture
