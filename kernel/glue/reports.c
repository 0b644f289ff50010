// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel says of itself: WARN, BUG, printk. The compiler puts the place of each into __bug_table; the host's signal
 * handler finds it there by the address of the trapping instruction.
 *
 * The hooks that KCSAN has beside those of the compiler are here, too: explicit checks of atomics tell the host of accesses.
 */
#include "glue.h"

#include <linux/bug.h>
#include <linux/kcsan-checks.h>

int _printk(const char *format, ...) { return 0; }
void __warn_printk(const char *format, ...) {} /* the trap that follows is what counts */
void dump_page(const struct page *page, const char *reason) {}
void dump_stack(void) {}
void refcount_warn_saturate(refcount_t *r, enum refcount_saturation_type type)
{
    machine_warning(RETURN_ADDRESS, "refcount");
}

static void *place_of_bug(const struct bug_entry *bug) { return (char *)&bug->bug_addr_disp + bug->bug_addr_disp; }

#if HAVE_SCT_WARN
/* A WARN with a format makes this static call instead of trapping. */
__used void warn_with_format(struct bug_entry *bug) { machine_warning(place_of_bug(bug), NULL); }
asm(".globl __SCT__WARN_trap\n.set __SCT__WARN_trap, warn_with_format\n");
#endif

extern struct bug_entry __start___bug_table[], __stop___bug_table[];

int glue_bug_at(const void *place, int *warning, const char **file, int *line)
{
    const struct bug_entry *bug;

    for (bug = __start___bug_table; bug < __stop___bug_table; bug++) {
        if (place_of_bug(bug) != place)
            continue;
        *warning = (bug->flags & BUGFLAG_WARNING) != 0;
        *file = (const char *)&bug->file_disp + bug->file_disp;
        *line = bug->line;
        return 1;
    }
    return 0;
}

/* Instructions that userspace may not run: sti and cli (GUP-fast), stac and clac. They are made nops where they stand. */
int glue_fix_up(unsigned char *instruction)
{
    if (instruction[0] == 0xfa || instruction[0] == 0xfb)
        return 1;
    if (instruction[0] == 0x0f && instruction[1] == 0x01 && (instruction[2] == 0xca || instruction[2] == 0xcb))
        return 3;
    return 0;
}

/* ---- KCSAN */

void kcsan_atomic_next(int count) {}
void kcsan_nestable_atomic_begin(void) {}
void kcsan_nestable_atomic_end(void) {}
void kcsan_disable_current(void) {}
void kcsan_enable_current(void) {}
void kcsan_enable_current_nowarn(void) {}
void kcsan_set_access_mask(unsigned long mask) {}

void __kcsan_check_access(const volatile void *address, size_t size, int type)
{
    int kind = 0;

    if (type & (KCSAN_ACCESS_WRITE | KCSAN_ACCESS_COMPOUND))
        kind |= machine_access_write;
    if (type & KCSAN_ACCESS_ATOMIC)
        kind |= machine_access_marked;
    if ((type & KCSAN_ACCESS_COMPOUND) && (type & KCSAN_ACCESS_ATOMIC))
        kind |= machine_access_atomic;
    machine_accessed(address, size, kind, RETURN_ADDRESS);
}
