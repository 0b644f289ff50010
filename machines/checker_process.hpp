/// The process of a machine that checks: one request from the command line, its answer, the end. Or, with `--stream`, a request a line
/// and an answer to each, until the input ends: who has many small programs to search starts no process for each.
///
/// Standard input, up to its end: one JSON object; with `--stream` one in each line.
///   kind       "search" | "replay" | "shrink"
///   scenario   text of a scenario file;  file: its name, for errors
///   protocol   a preset instead of the file's;  rules: ["NAME=VALUE", ...] on top
///   memory     "sc" | "tso" | "weak", default: what the scenario asks for, else weak
///   seconds, depth_limit
///   search     scheduler: a name of search/strategies.cpp, depth, bound, seed, first, iterations; coverage: bool;
///              reduce: bool, full: leave out what differs only in the order of steps that commute, default true;
///              part: [index, count] of the tree (bound, full); targets: [[outer thread, outer operation, thread, operation], ...] (aim);
///              collect_orders: bool; weaken: {file, line, kind, order}: the model with this memory order
///   replay     schedule: [numbers]; no_return: bool, marks the event from which on everything fails
///   shrink     schedule; reduce_program: bool; no_return: bool
/// Standard output: one JSON object a line.
///   {"type": "progress", "executions", "seconds", "explored"}     about twice a second; explored: estimate of the share of the tree (bound, full)
///   {"type": "result", "kind", "failure": null or object, "executions", "seconds", "memory", ...}   the last line
///   replay: diverged: it met a decision that the schedule does not answer, number `divergence`, just before event `divergence_step`;
///           unanswered: and that was before the schedule's end, or the run ended before it
///           operations: of each operation, how many executions ended with each outcome: [thread, last the set-up][operation][outcome]
///   {"type": "error", "what": "request" | "scenario" | "tool", "message"}                           or this
///   {"type": "error", "what": "set-up", "operation": number, "message"}  that operation of the set-up sleeps; the message: for what
/// Exit code: 0 with a result, whatever it is; 2 bad request or scenario; 4 the checker itself failed. A stream goes on after a bad request,
/// and ends with 4 or 0.
/// Ends at once on SIGTERM, and soon after its parent ended.
#pragma once

#include "search/checker.hpp"

namespace daxtorture {

/// For main(): return the exit code.
int answer_request(const machine_factory& make);
int answer_requests(const machine_factory& make); ///< the stream's

} // namespace daxtorture
