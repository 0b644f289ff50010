#include <arch/check.hpp>

#include <arch/task.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace arch {
inline namespace host {

namespace {
std::atomic<violation_handler> installed{nullptr};
}

violation_handler set_violation_handler(violation_handler handler) { return installed.exchange(handler); }

void fail(daxtorture::invariant broken, const char* cause, const char* detail, site at) noexcept {
    const violation what{broken, cause, detail, at, current().id};
    if (const violation_handler handler = installed.load()) {
        handler(what);
        return;
    }
    std::fprintf(stderr, "I%d violated: %s: %s, in %s at %s:%u, task %u\n", number(broken), cause, detail,
                 at.function, at.file, at.line, what.task);
    std::abort();
}

} // namespace host
} // namespace arch
