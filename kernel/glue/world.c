// SPDX-License-Identifier: GPL-2.0-only
/*
 * A world is built anew for each schedule, in the same memory and at the same addresses. What the objects keep in static data
 * is initialised as at boot when the last schedule was abandoned half-way (the host restores it).
 */
#include "glue.h"

#include <linux/maple_tree.h>
#include <linux/radix-tree.h>

void ptlock_cache_init(void);
void vma_state_init(void);
void anon_vma_init(void);
int init_dax_wait_table(void); /* static in fs/dax.c; made global by the build */

static void boot_objects(void)
{
    static bool booted;

    if (booted)
        return;
    booted = true;
    init_dax_wait_table();
    wait_tables_init();
}

void glue_build_world(void)
{
    restart_allocator();
    restart_per_cpu();
    boot_objects();
    radix_tree_init();
    maple_tree_init();
    ptlock_cache_init();
    vma_state_init();
    anon_vma_init();
    restart_image();
    forget_translations();
    restart_facts();
    build_devices();
    build_mount();
    build_files();
    build_mms();
    restart_tasks();
}
