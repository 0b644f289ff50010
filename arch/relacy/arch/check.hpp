/// Violations and notes.
#pragma once

#include <arch/detail/state.hpp>

#include <cstdint>

namespace arch {
inline namespace relacy {

/// Ends the execution as a violation of `invariant`; does not return. `cause` is what two runs of one bug share, `detail` the
/// values of this run.
inline void fail(daxtorture::invariant broken, const char* cause, const char* detail_text,
                 site at = site::here()) {
    detail::found_violation& v = detail::state.violation;
    v.present = true;
    v.invariant = broken;
    v.cause = cause;
    v.detail = detail_text;
    v.at = at;
    if (detail::state.recording)
        detail::record("violation", nullptr, at, {}, v.cause);
    detail::stop(rl::test_result_user_assert_failed, cause, at);
}

/// A step worth seeing in a ladder.
inline void note(const char* what, std::uint64_t value, site at = site::here()) {
    if (detail::state.recording)
        detail::record("note", nullptr, at, what, detail::text(value));
}

} // namespace relacy
} // namespace arch
