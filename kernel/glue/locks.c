// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spinlocks, reader-writer semaphores and mutexes. Taking and releasing one is a scheduling point; who cannot have a lock is
 * parked by the host, so that a lock never spins. Interrupts do not exist.
 *
 * The words look as in the kernel where its code looks at them: a semaphore's count is 1 when it is held for writing and
 * 256 for each reader. There is no fairness: a waiting writer does not hold up readers.
 */
#include "glue.h"

#include <linux/mutex.h>
#include <linux/rwsem.h>

static __always_inline void acquire(raw_spinlock_t *lock, void *caller)
{
    machine_point(machine_point_lock, lock);
    while (atomic_cmpxchg(&lock->raw_lock.val, 0, 1) != 0)
        machine_wait_for(lock, caller);
}

static __always_inline void release(raw_spinlock_t *lock)
{
    atomic_set(&lock->raw_lock.val, 0);
    machine_released(lock);
    machine_point(machine_point_unlock, NULL);
}

void _raw_spin_lock(raw_spinlock_t *lock) { acquire(lock, RETURN_ADDRESS); }
void _raw_spin_lock_irq(raw_spinlock_t *lock) { acquire(lock, RETURN_ADDRESS); }
void _raw_spin_lock_bh(raw_spinlock_t *lock) { acquire(lock, RETURN_ADDRESS); }
unsigned long _raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
    acquire(lock, RETURN_ADDRESS);
    return 0;
}

int _raw_spin_trylock(raw_spinlock_t *lock)
{
    machine_point(machine_point_lock, lock);
    return atomic_cmpxchg(&lock->raw_lock.val, 0, 1) == 0;
}

void _raw_spin_unlock(raw_spinlock_t *lock) { release(lock); }
void _raw_spin_unlock_irq(raw_spinlock_t *lock) { release(lock); }
void _raw_spin_unlock_bh(raw_spinlock_t *lock) { release(lock); }
void _raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags) { release(lock); }

void __raw_spin_lock_init(raw_spinlock_t *lock, const char *name, struct lock_class_key *key, short inner)
{
    atomic_set(&lock->raw_lock.val, 0);
}

/* ---- reader-writer semaphores */

#define WRITER 1
#define READER 0x100

void __init_rwsem(struct rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
    atomic_long_set(&sem->count, 0);
}

int down_read_trylock(struct rw_semaphore *sem)
{
    machine_point(machine_point_lock, sem);
    if (atomic_long_read(&sem->count) & WRITER)
        return 0;
    atomic_long_add(READER, &sem->count);
    return 1;
}

int down_write_trylock(struct rw_semaphore *sem)
{
    machine_point(machine_point_lock, sem);
    return atomic_long_cmpxchg(&sem->count, 0, WRITER) == 0;
}

static __always_inline void acquire_shared(struct rw_semaphore *sem, void *caller)
{
    machine_point(machine_point_lock, sem);
    while (atomic_long_read(&sem->count) & WRITER)
        machine_wait_for(sem, caller);
    atomic_long_add(READER, &sem->count);
}

static __always_inline void acquire_exclusive(struct rw_semaphore *sem, void *caller)
{
    machine_point(machine_point_lock, sem);
    while (atomic_long_cmpxchg(&sem->count, 0, WRITER) != 0)
        machine_wait_for(sem, caller);
}

static __always_inline void released(struct rw_semaphore *sem)
{
    machine_released(sem);
    machine_point(machine_point_unlock, NULL);
}

void down_read(struct rw_semaphore *sem) { acquire_shared(sem, RETURN_ADDRESS); }
int down_read_killable(struct rw_semaphore *sem)
{
    acquire_shared(sem, RETURN_ADDRESS);
    return 0;
}
void down_write(struct rw_semaphore *sem) { acquire_exclusive(sem, RETURN_ADDRESS); }
int down_write_killable(struct rw_semaphore *sem)
{
    acquire_exclusive(sem, RETURN_ADDRESS);
    return 0;
}

void up_read(struct rw_semaphore *sem)
{
    atomic_long_sub(READER, &sem->count);
    released(sem);
}

void up_write(struct rw_semaphore *sem)
{
    atomic_long_set(&sem->count, 0);
    released(sem);
}

void downgrade_write(struct rw_semaphore *sem)
{
    atomic_long_set(&sem->count, READER);
    released(sem);
}

/* ---- mutexes */

void mutex_lock(struct mutex *lock)
{
    machine_point(machine_point_lock, lock);
    while (atomic_long_cmpxchg(&lock->owner, 0, 1) != 0)
        machine_wait_for(lock, RETURN_ADDRESS);
}

int mutex_trylock(struct mutex *lock)
{
    machine_point(machine_point_lock, lock);
    return atomic_long_cmpxchg(&lock->owner, 0, 1) == 0;
}

void mutex_unlock(struct mutex *lock)
{
    atomic_long_set(&lock->owner, 0);
    machine_released(lock);
    machine_point(machine_point_unlock, NULL);
}
