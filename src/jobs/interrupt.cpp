#include "jobs/interrupt.hpp"

#include <csignal>

namespace daxtorture::jobs {
namespace {

std::atomic<bool> signalled{false};

} // namespace

void end_on_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { signalled.store(true); };
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESETHAND; // a second one ends the process at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    // A connection that breaks; but whoever runs under nohup does not want to hear of it.
    struct sigaction hang_up {};
    sigaction(SIGHUP, nullptr, &hang_up);
    if (hang_up.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, nullptr);
}

bool interrupted() { return signalled.load(std::memory_order_relaxed); }
const std::atomic<bool>& interruption() { return signalled; }

} // namespace daxtorture::jobs
