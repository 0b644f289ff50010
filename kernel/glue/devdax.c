// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-dax: the tree's own fault handler (drivers/dax/device.c) over a dev_dax that is built here instead of by its bus.
 */
#include "glue.h"

#include "drivers/dax/dax-private.h"

struct dev_pagemap *devdax_pagemap(int file);

static const struct file_operations devdax_file_operations = { .get_unmapped_area = thp_get_unmapped_area };
static struct address_space_operations devdax_address_space_operations = { .dirty_folio = noop_dirty_folio };

void attach_devdax(struct glue_file *of)
{
    struct dev_dax *device = machine_allocate(sizeof *device);
    struct dev_dax_range *range = machine_allocate(sizeof *range);
    const struct machine_file *as = &machine_world.file[of->number];
    unsigned long page;

    range->range = devdax_pagemap(of->number)->range;
    device->dax_dev = devdax_operations(of->number);
    device->align = as->device_pmd ? PMD_SIZE : PAGE_SIZE;
    device->pgmap = devdax_pagemap(of->number);
    device->nr_range = 1;
    device->ranges = range;
    of->file.private_data = device;
    of->file.f_op = &devdax_file_operations;
    of->inode.i_data.a_ops = &devdax_address_space_operations;
    of->inode.i_mode = S_IFCHR;
    for (page = 0; page < machine_file_pages; page++) {
        of->map[page] = page < of->first_pages ? device_start(of->number) + page : -1;
        if (of->map[page] >= 0)
            machine_block_taken(of->map[page], of->number, page);
    }
}

/* Part of drivers/dax/bus.c, which would bring the driver core along: the range that holds the offset. */
phys_addr_t dax_pgoff_to_phys(struct dev_dax *device, pgoff_t offset, unsigned long size)
{
    const struct range *range = &device->ranges[0].range;
    phys_addr_t address = range->start + PFN_PHYS(offset);

    return address + size - 1 <= range->end ? address : (phys_addr_t)-1;
}

/* kill_dev_dax: nobody maps the device any more. It was found dead before, so nobody maps it again. */
void unmap_devdax(struct device_state *device)
{
    unsigned int i;

    for (i = 0; i < machine_world.files; i++)
        if (machine_world.file[i].fs == machine_devdax && devdax_pagemap(i) == &device->pagemap)
            unmap_mapping_range(&files[i]->inode.i_data, 0, 0, 1);
}
