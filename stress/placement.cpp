#include "stress/placement.hpp"

#include <sched.h>

namespace daxtorture::stress {

std::vector<unsigned> allowed_processors() {
    std::vector<unsigned> all;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return all;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed))
            all.push_back(cpu);
    return all;
}

void stay_on_processor(unsigned processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one);
}

} // namespace daxtorture::stress
