#include <arch/check.hpp>

#include <arch/task.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace arch::inline host {

namespace {
std::atomic<violation_handler> installed{nullptr};
}

violation_handler set_violation_handler(violation_handler handler) { return installed.exchange(handler); }

void fail(int invariant, const char* cause, const char* detail, site at) noexcept {
    const violation what{invariant, cause, detail, at, current().id};
    if (const violation_handler handler = installed.load()) {
        handler(what);
        return;
    }
    std::fprintf(stderr, "invariant %d violated: %s: %s, in %s at %s:%u, task %u\n", invariant, cause, detail,
                 at.function, at.file, at.line, what.task);
    std::abort();
}

} // namespace arch::inline host
