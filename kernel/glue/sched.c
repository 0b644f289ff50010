// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks, sleeping and waking. One task for each thread of the scenario, on a CPU of its own; one for each mm, which stands
 * for its process where the kernel looks for processes (memory failure).
 *
 * A task sleeps in schedule() while its state is not TASK_RUNNING; a wake-up sets the state, as try_to_wake_up() does. An
 * interruptible task with a signal does not sleep.
 */
#include "glue.h"

#include <linux/completion.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

struct task_struct *thread_task[machine_tasks];
static struct signal_struct thread_signal;
static struct task_struct process_task[machine_mms];
static struct signal_struct process_signal[machine_mms];

static void lift_limits(struct signal_struct *signal)
{
    int i;

    for (i = 0; i < RLIM_NLIMITS; i++)
        signal->rlim[i].rlim_cur = signal->rlim[i].rlim_max = RLIM_INFINITY;
}

void glue_call(void (*callback)(void *), void *argument) { callback(argument); }

void glue_start_task(unsigned int task)
{
    struct task_struct *t = thread_task[task];

    memset(t, 0, sizeof *t);
    t->pid = t->tgid = task;
    t->__state = TASK_RUNNING;
    t->mm = machine_world.mms ? mms[0] : NULL;
    t->group_leader = t;
    t->signal = &thread_signal;
    refcount_set(&t->usage, 1000);
    INIT_LIST_HEAD(&t->tasks);
#if HAVE_PCPU_HOT
    per_cpu(pcpu_hot, task).current_task = t;
    per_cpu(pcpu_hot, task).cpu_number = task;
#else
    per_cpu(current_task, task) = t;
    per_cpu(cpu_number, task) = task;
#endif
}

/* Memory failure looks at all processes of the system; those that ask to be killed early are unmapped from. */
static void build_process(int mm)
{
    struct task_struct *t = &process_task[mm];
    struct signal_struct *signal = &process_signal[mm];

    memset(t, 0, sizeof *t);
    memset(signal, 0, sizeof *signal);
    t->mm = mms[mm];
    t->signal = signal;
    t->flags = PF_MCE_PROCESS | PF_MCE_EARLY;
    t->group_leader = t;
    t->pid = t->tgid = 100 + mm;
    refcount_set(&t->usage, 1000);
    INIT_LIST_HEAD(&signal->thread_head);
    list_add_tail(&t->thread_node, &signal->thread_head);
    list_add_tail(&t->tasks, &init_task.tasks);
}

void restart_tasks(void)
{
    unsigned int mm;

    memset(&thread_signal, 0, sizeof thread_signal);
    INIT_LIST_HEAD(&thread_signal.thread_head);
    lift_limits(&thread_signal);
    INIT_LIST_HEAD(&init_task.tasks);
    for (mm = 0; mm < machine_world.mms; mm++)
        build_process(mm);
}

void become(struct mm_struct *mm) { current->mm = mm; }

/* ---- sleeping and waking */

static bool stays_awake(struct task_struct *t)
{
    unsigned int state = READ_ONCE(t->__state);

    return state == TASK_RUNNING || ((state & TASK_INTERRUPTIBLE) && signal_pending(t));
}

void schedule(void)
{
    struct task_struct *t = current;

    machine_point(machine_point_yield, NULL);
    while (!stays_awake(t))
        machine_sleep(RETURN_ADDRESS);
    WRITE_ONCE(t->__state, TASK_RUNNING);
}

/* Nobody waits for a time here: a time-out is a sleep without an end. */
long schedule_timeout(long timeout)
{
    schedule();
    return timeout;
}
long io_schedule_timeout(long timeout) { return schedule_timeout(timeout); }
void io_schedule(void) { schedule(); }

int __cond_resched(void)
{
    machine_point(machine_point_yield, NULL);
    return 0;
}

static int wake(struct task_struct *t, unsigned int mode)
{
    if (!(READ_ONCE(t->__state) & mode))
        return 0;
    WRITE_ONCE(t->__state, TASK_RUNNING);
    machine_wake(t->pid);
    return 1;
}

int wake_up_process(struct task_struct *t) { return wake(t, TASK_NORMAL); }
int wake_up_state(struct task_struct *t, unsigned int mode) { return wake(t, mode); }
int default_wake_function(wait_queue_entry_t *entry, unsigned int mode, int flags, void *key)
{
    return wake(entry->private, mode);
}

int rcuwait_wake_up(struct rcuwait *w)
{
    struct task_struct *t = READ_ONCE(w->task);

    return t ? wake(t, TASK_NORMAL) : 0;
}

void finish_rcuwait(struct rcuwait *w)
{
    WRITE_ONCE(w->task, NULL);
    __set_current_state(TASK_RUNNING);
}

void glue_signal(unsigned int task)
{
    struct task_struct *t = thread_task[task];

    set_tsk_thread_flag(t, TIF_SIGPENDING);
    wake(t, TASK_INTERRUPTIBLE);
}

/* ---- completions: a thread waits at most, and nobody completes twice */

void __init_swait_queue_head(struct swait_queue_head *queue, const char *name, struct lock_class_key *key)
{
    INIT_LIST_HEAD(&queue->task_list);
}

void complete(struct completion *c)
{
    c->done++;
    machine_released(c);
    machine_point(machine_point_yield, NULL);
}

void wait_for_completion(struct completion *c)
{
    machine_point(machine_point_yield, NULL);
    machine_rcu_wait(); /* what completes it may be a callback that is due */
    while (!c->done)
        machine_wait_for(c, RETURN_ADDRESS);
    c->done--;
}

/* ---- RCU: a callback runs when everyone who read at the time of its registration has left (host) */

void call_rcu(struct rcu_head *head, rcu_callback_t callback)
{
    machine_defer(head, (void (*)(void *))callback);
}
#ifdef CONFIG_RCU_LAZY
void call_rcu_hurry(struct rcu_head *head, rcu_callback_t callback) { call_rcu(head, callback); }
#endif
void synchronize_rcu(void) { machine_rcu_wait(); }
void rcu_barrier(void) { machine_rcu_wait(); }
void __rcu_read_lock(void) { machine_rcu_enter(); }
void __rcu_read_unlock(void) { machine_rcu_leave(); }
