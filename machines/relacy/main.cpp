/// daxtorture-checker: one request, or with --stream one after the other, in a process of its own (machines/checker_process.hpp). Relacy replaces global new and delete: that may
/// not happen in the process that runs real threads or prints reports.
#include "machine.hpp"
#include "machines/checker_process.hpp"

#include <string_view>

int main(int argc, char** argv) {
    using namespace daxtorture;
    const auto make = [](const program& scenario) { return make_machine(scenario); };
    return argc > 1 && std::string_view(argv[1]) == "--stream" ? answer_requests(make) : answer_request(make);
}
