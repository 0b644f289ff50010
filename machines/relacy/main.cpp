/// daxtorture-checker: one request in a process of its own (machines/checker_process.hpp). Relacy replaces global new and delete: that may
/// not happen in the process that runs real threads or prints reports.
#include "machine.hpp"
#include "machines/checker_process.hpp"

int main() {
    using namespace daxtorture;
    return answer_request([](const program& scenario) { return make_machine(scenario); });
}
