/// Scopes in which a lock that the caller holds is dropped: the kernel's unlock, sleep, lock. The lock is taken again however the scope
/// is left, so that the caller's guard stays true.
#pragma once

#include <arch/lock.hpp>
#include <arch/machine.hpp>

namespace daxtorture {
inline namespace ARCH_MACHINE {

class unlocked {
  public:
    explicit unlocked(arch::spinlock& lock) : lock_(lock) { lock_.unlock(); }
    ~unlocked() { lock_.lock(); }
    unlocked(const unlocked&) = delete;
    unlocked& operator=(const unlocked&) = delete;

  private:
    arch::spinlock& lock_;
};

class write_unlocked {
  public:
    explicit write_unlocked(arch::rwsem& lock) : lock_(lock) { lock_.up_write(); }
    ~write_unlocked() { lock_.down_write(); }
    write_unlocked(const write_unlocked&) = delete;
    write_unlocked& operator=(const write_unlocked&) = delete;

  private:
    arch::rwsem& lock_;
};

} // namespace ARCH_MACHINE
} // namespace daxtorture
