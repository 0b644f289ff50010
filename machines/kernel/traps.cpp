/// Signals: WARN and BUG are trapping instructions; privileged instructions are made nops; anything else that the kernel's code does to get
/// one, a wild pointer for instance, ends the execution as a failure with its place.
#include "traps.hpp"

#include "bugs.hpp"
#include "machine.hpp"
#include "sites.hpp"

#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

namespace daxtorture::kernel_machine {
namespace {

constexpr std::size_t alternate_stack_size = 128 << 10;
constexpr unsigned patience = 20; ///< ticks of a second without a hook: the kernel's code loops
alignas(16) char emergency_stack[64 << 10];
failure pending;

void make_nops(unsigned char* code, int length) {
    const auto page = reinterpret_cast<unsigned long>(code) & ~4095ul;
    mprotect(reinterpret_cast<void*>(page), 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
    std::memset(code, 0x90, static_cast<std::size_t>(length));
}

void end_execution() { machine::get().fail(std::move(pending)); }

[[noreturn]] void die_outside(int signal) {
    std::signal(signal, SIG_DFL);
    raise(signal);
    _exit(4);
}

/// Does an execution end twice? Then it is the machine that crashes.
bool ends_again() {
    static std::uint64_t last = 0;
    const std::uint64_t execution = machine::get().count().executions;
    return std::exchange(last, execution) == execution;
}

/// The handler's return leads into `end_execution`, on a stack that the fault has not touched.
void end_after_return(ucontext_t& context, failure what) {
    if (ends_again())
        die_outside(SIGABRT);
    pending = std::move(what);
    context.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(end_execution);
    context.uc_mcontext.gregs[REG_RSP] =
        reinterpret_cast<greg_t>(emergency_stack + sizeof emergency_stack - 8);
}

failure crash(const void* place, const char* kind, const void* address) {
    failure f;
    f.kind = failure_kind::invariant;
    f.cause = fmt::format("{} at {} in {}", kind, place_of(place), function_of(place));
    f.detail = fmt::format("address {:#x}", reinterpret_cast<std::uintptr_t>(address));
    return f;
}

void on_fault(int signal, siginfo_t* info, void* at) {
    auto& context = *static_cast<ucontext_t*>(at);
    auto* const code = reinterpret_cast<unsigned char*>(context.uc_mcontext.gregs[REG_RIP]);
    if (!machine::get().in_kernel())
        die_outside(signal);
    if (signal == SIGSEGV &&
        code == info->si_addr) { // nothing is there to be looked at; the caller's place is on the stack
        const auto* const stack = reinterpret_cast<const void* const*>(context.uc_mcontext.gregs[REG_RSP]);
        end_after_return(context, crash(*stack, "a jump into nowhere", code));
        return;
    }
    if (signal == SIGILL && code[0] == 0x0f && code[1] == 0x0b) {
        int warning = 0;
        const char* file = nullptr;
        int line = 0;
        const bool is_bug = glue_bug_at(code, &warning, &file, &line) != 0;
        failure met = is_bug ? failure_of_bug(code) : crash(code, "a trap", nullptr);
        if (warning != 0 && machine::get().is_known(met))
            context.uc_mcontext.gregs[REG_RIP] += 2;
        else
            end_after_return(context, std::move(met));
        return;
    }
    if (const int length = glue_fix_up(code); length != 0 && (signal == SIGILL || signal == SIGSEGV)) {
        make_nops(code, length);
        return;
    }
    end_after_return(
        context, crash(code, signal == SIGSEGV || signal == SIGBUS ? "wild access" : "crash", info->si_addr));
}

/// Code that loops without a hook never comes back.
void on_tick(int, siginfo_t*, void* at) {
    static std::uint64_t seen = 0;
    static unsigned ticks = 0;
    machine& m = machine::get();
    const std::uint64_t now = m.count().accesses + m.count().executions;
    if (!m.in_kernel() || now != seen) {
        seen = now;
        ticks = 0;
        return;
    }
    if (++ticks < patience)
        return;
    ticks = 0;
    auto& context = *static_cast<ucontext_t*>(at);
    failure f =
        crash(reinterpret_cast<const void*>(context.uc_mcontext.gregs[REG_RIP]), "endless loop", nullptr);
    f.kind = failure_kind::livelock;
    end_after_return(context, std::move(f));
}

} // namespace

void catch_traps() {
    static char stack[alternate_stack_size];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (const int signal : {SIGSEGV, SIGILL, SIGBUS, SIGFPE})
        sigaction(signal, &action, nullptr);
    action.sa_sigaction = on_tick;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    const itimerval each_second{{1, 0}, {1, 0}};
    setitimer(ITIMER_REAL, &each_second, nullptr);
}

} // namespace daxtorture::kernel_machine
