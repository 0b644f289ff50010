#include <arch/membarrier.hpp>

#include <cstdlib>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace arch {
inline namespace host {

namespace {

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }
bool join() { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

} // namespace

bool detail::membarrier_registered = join();

void fence_everybody() {
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return;
    // A child process may have to register anew.
    if (!join() || !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        std::abort();
}

} // namespace host
} // namespace arch
