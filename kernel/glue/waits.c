// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree's own wait queues and completions, instrumented like its other objects. They are a part of kernel/sched, whose
 * files are compiled as one with the whole scheduler; here they are compiled without it.
 */
#include <linux/completion.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/wake_q.h>
#include <linux/swait.h>
#include <linux/wait.h>
#include <linux/wait_api.h>
#include <linux/wait_bit.h>

/* They are defined in kernel/sched/sched.h, which needs all of the scheduler. */
#define WF_CURRENT_CPU 0x40
#define WF_SYNC 0x10

#include "kernel/sched/wait.c"
#include "kernel/sched/wait_bit.c"

void wait_tables_init(void) { wait_bit_init(); }
