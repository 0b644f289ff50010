/// The world: everything the modelled kernel consists of, behind one small interface. The waist of the hourglass.
///
/// Engines, scenarios and oracles above it know nothing of folios; the model below it knows nothing of engines. It is compiled once per machine.
/// Worker numbers are 0 .. config.workers - 1; `config.workers` itself is the task that does set-up and final checks.
#pragma once

#include "words/config.hpp"
#include "words/operation.hpp"
#include "words/snapshot.hpp"

#include <arch/machine.hpp>
#include <arch/task.hpp>

#include <memory>
#include <string>

namespace daxtorture {
inline namespace ARCH_MACHINE {

struct world_state;

class world {
  public:
    explicit world(const world_config& config);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// The task of a worker; the engine binds it to the thread (or fibre) that will act as it.
    arch::task& task(unsigned worker);

    /// Performs one operation as `worker`, on the calling thread, which must have bound that worker's task.
    outcome perform(unsigned worker, const operation& what);

    /// Tells the oracle which operation a worker is in, for reports: text of the operation, valid until the next call.
    void label(unsigned worker, const char* name, const char* operation);

    /// Drops whatever the worker still holds (pins, get references). Stress calls it when a worker leaves.
    void release(unsigned worker);

    /// Checks every invariant that may be checked at quiescence: no thread inside an operation. Violations go to arch::fail.
    void check_quiescent() const;

    /// The state as plain data, with `cause` filled in by the hang diagnosis. May be called while tasks sleep; never blocks.
    snapshot take_snapshot() const;

    /// Name of the object that contains this address ("folio 0 refcount"), or "" when it is not the world's.
    std::string describe(const void* address) const;

    /// What `value`, as a machine prints it, means in the object at this address: "present pfn 0 rw" instead of "7".
    std::string value_text(const void* address, const std::string& value) const;

  private:
    std::unique_ptr<world_state> state_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
