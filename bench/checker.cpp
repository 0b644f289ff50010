/// Executions per second of the checker on break-vs-pin with 2, 3 and 4 threads; bench/relacy_reference.cpp does the same steps.
///
/// usage: bench-checker THREADS SECONDS uniform|pct
/// prints: THREADS EXECUTIONS SECONDS STEPS
#include "search/checker.hpp"
#include "machines/relacy/machine.hpp"
#include "scenario/parser.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
    using namespace daxtorture;
    if (argc != 4)
        return 2;
    const int threads = std::atoi(argv[1]);
    std::string text = "scenario  break-vs-pin\n"
                       "claim     I7 I16 I18\n"
                       "protocol  v6.15\n"
                       "geometry  tiny\n"
                       "file      A fs=xfs pages=2\n"
                       "mm        m0 maps A 0..2 shared rw\n"
                       "setup     store m0 0\n"
                       "thread    pinner:    pin m0 0 fast; dma-write; unpin\n"
                       "thread    truncater: truncate A 0; reuse A\n";
    if (threads >= 3)
        text += "thread    unmapper:  munmap m0\n";
    if (threads >= 4)
        text += "thread    second:    pin m0 0 fast; dma-write; unpin\n";
    text += "expect    pass\n";
    const parse_result parsed = parse_scenario(text, "bench");
    if (!parsed) {
        std::fprintf(stderr, "%s\n", parsed.error.text().c_str());
        return 2;
    }
    search_options o;
    o.scheduler = argv[3];
    o.seconds = std::atof(argv[2]);
    const search_result r = search(*make_machine(*parsed.value), o);
    if (r.found.kind != failure_kind::none) {
        std::fprintf(stderr, "break-vs-pin failed: %s\n", r.found.cause.c_str());
        return 1;
    }
    std::printf("%d %llu %f %llu\n", threads, static_cast<unsigned long long>(r.executions), r.seconds,
                static_cast<unsigned long long>(r.steps));
}
