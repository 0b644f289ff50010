/// A world without a model, for tests of the stress engine: what its operations do is a function that the test supplies.
///
/// Link tests/host/fake_world.cpp before the model's library and the real world is not taken from it.
#pragma once

#include "world/world.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace daxtorture::fake {

struct behaviour {
    std::function<outcome(world&, unsigned worker, const operation&)> perform;
    /// Before each operation and each release, while the worker is not yet inside it: here it can be kept from its processor.
    std::function<void(unsigned worker)> between = [](unsigned) {};
    std::function<void()> check = [] {};
    std::function<void(unsigned worker)> release = [](unsigned) {};
    std::atomic<bool> predicate_true{false}; ///< what snapshots say of sleepers
    std::atomic<unsigned> worlds{0};         ///< built so far
};

/// What worlds do from now on.
void behave(std::shared_ptr<behaviour> how);

} // namespace daxtorture::fake
