// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data and small functions that other objects of a kernel image would define: the memory layout, the CPUs, statistics that
 * nobody reads, features that are off.
 */
#include "glue.h"

#include <linux/cpuhotplug.h>
#include <linux/huge_mm.h>
#include <linux/memory_hotplug.h>
#include <linux/mman.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/radix-tree.h>
#include <linux/vmstat.h>
#include <linux/writeback.h>
#include <asm/pgtable.h>

/* ---- memory layout: everything is mapped at fixed addresses */

unsigned long page_offset_base, vmemmap_base, phys_base;
pteval_t __supported_pte_mask = ~0ul, __default_kernel_pte_mask = ~0ul;
#if HAVE_L5_ALWAYS
unsigned int pgdir_shift = 39, ptrs_per_p4d = 1;
#endif
struct cpuinfo_x86 boot_cpu_data;
struct mm_struct init_mm;
struct task_struct init_task;
struct pglist_data contig_page_data;
unsigned long volatile jiffies;
int percpu_counter_batch = 32;
bool static_key_initialized = true;
#if HAVE_ZERO_PFN_VAR
unsigned long zero_page_pfn;
#else
unsigned long empty_zero_page[PAGE_SIZE / 8] __aligned(PAGE_SIZE);
unsigned long zero_pfn;
#endif
#if HAVE_DUMMY_VMOPS
const struct vm_operations_struct vma_dummy_vm_ops;
#endif

/* All pages lie in the first section, which is there from the start. */
static struct mem_section first_section = {
    .section_mem_map = SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP | SECTION_IS_EARLY | SECTION_IS_ONLINE,
};
static struct mem_section *section_roots[2048] = { &first_section }; /* NR_SECTION_ROOTS with page tables of four levels */
struct mem_section **mem_section = section_roots;

/* ---- CPUs: one for each task. The preemption count never reaches 0, so that preempt_enable() does not call the scheduler. */

unsigned int nr_cpu_ids = machine_tasks;
unsigned long __per_cpu_offset[NR_CPUS];
struct cpumask __cpu_possible_mask, __cpu_online_mask;
#if HAVE_PCPU_HOT
DEFINE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot) = { .preempt_count = (int)PREEMPT_NEED_RESCHED };
#else
DEFINE_PER_CPU_CACHE_HOT(struct task_struct *, current_task);
DEFINE_PER_CPU_CACHE_HOT(unsigned long, __preempt_count) = PREEMPT_NEED_RESCHED;
DEFINE_PER_CPU_CACHE_HOT(int, cpu_number);
#endif
#if HAVE_CACHE_HOT
DEFINE_PER_CPU_CACHE_HOT(unsigned long, this_cpu_off);
#else
DEFINE_PER_CPU(unsigned long, this_cpu_off);
#endif
#ifdef CONFIG_VM_EVENT_COUNTERS
DEFINE_PER_CPU(struct vm_event_state, vm_event_states);
#endif

void glue_boot(void)
{
    unsigned int cpu;

    page_offset_base = machine_direct_map;
    vmemmap_base = machine_memmap;
    boot_cpu_data.x86_phys_bits = 46;
    highest_memmap_pfn = ~0ul >> 20; /* else vm_normal_page() takes every pfn for a corrupted one */
    for (cpu = 0; cpu < machine_tasks; cpu++) {
        cpumask_set_cpu(cpu, &__cpu_possible_mask);
        cpumask_set_cpu(cpu, &__cpu_online_mask);
        __per_cpu_offset[cpu] = machine_cpu(cpu) - glue_cpu_begin;
        per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
        thread_task[cpu] = machine_allocate(sizeof(struct task_struct));
        glue_start_task(cpu);
    }
#if !HAVE_ZERO_REF
    atomic_set(&devmap_managed_key.key.enabled, 1); /* else no put wakes anybody */
#endif
}

extern atomic_t huge_zero_refcount; /* static in mm/huge_memory.c; made global by the build */

void restart_image(void)
{
    huge_zero_folio = NULL;
    huge_zero_pfn = ~0ul;
    atomic_set(&huge_zero_refcount, 0);
#if HAVE_ZERO_PFN_VAR
    zero_page_pfn = page_to_pfn(ram_pages(0));
#else
    zero_pfn = page_to_pfn(ram_pages(0));
#endif
}

#if HAVE_ZERO_REF
const char glue_one_based[] = "";
#else
const char glue_one_based[] = "one-based";
#endif

/* ---- statistics and accounting */

void __mod_node_page_state(struct pglist_data *node, enum node_stat_item item, long delta) {}
void mod_node_page_state(struct pglist_data *node, enum node_stat_item item, long delta) {}
void __mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta) {}
void mod_zone_page_state(struct zone *zone, enum zone_stat_item item, long delta) {}
void percpu_counter_add_batch(struct percpu_counter *counter, s64 amount, s32 batch) {}
unsigned long vm_memory_committed(void) { return 0; }
int cap_vm_enough_memory(struct mm_struct *mm, long pages) { return 0; }
int cap_mmap_addr(unsigned long address) { return 0; }
void perf_event_mmap(struct vm_area_struct *vma) {}
void add_taint(unsigned int flag, enum lockdep_ok lockdep) {}

/* ---- reclaim, the LRU lists and khugepaged: pages of a DAX file are on none */

void workingset_activation(struct folio *folio) {}
void workingset_update_node(struct xa_node *node) {}
void folio_add_lru(struct folio *folio) {}
void folio_add_lru_vma(struct folio *folio, struct vm_area_struct *vma) {}
void inode_lru_list_add(struct inode *inode) {}
void inode_add_lru(struct inode *inode) {}
void mlock_drain_local(void) {}
bool need_mlock_drain(int cpu) { return false; }
void khugepaged_enter_vma(struct vm_area_struct *vma, vm_flags_t flags) {}
#if !HAVE_ZERO_REF
void mark_page_accessed(struct page *page) {}
#endif

/* ---- memory hotplug: the memory map is always there; the host notices who touches it after its removal */

#if HAVE_MEM_HOTPLUG_FUNCTIONS
void mem_hotplug_begin(void) {}
void mem_hotplug_done(void) {}
#endif
struct range mhp_get_pluggable_range(bool need_mapping) { return (struct range){ 0, ~0ull }; }
bool mhp_range_allowed(u64 start, u64 size, bool need_mapping) { return true; }
int region_intersects(resource_size_t start, size_t size, unsigned long flags, unsigned long desc)
{
    return REGION_DISJOINT;
}
void arch_remove_memory(u64 start, u64 size, struct vmem_altmap *altmap
#if HAVE_REMOVE_MEMORY_PGMAP
                        , struct dev_pagemap *pgmap
#endif
)
{
    machine_device_removed();
}
int arch_add_memory(int node, u64 start, u64 size, struct mhp_params *params) { return 0; }
void remove_pfn_range_from_zone(struct zone *zone, unsigned long start, unsigned long pages) {}
void move_pfn_range_to_zone(struct zone *zone, unsigned long start, unsigned long pages, struct vmem_altmap *altmap,
                            int migratetype
#if HAVE_MOVE_PFN_ISOLATE
                            , bool isolate
#endif
)
{
}
void memblk_nr_poison_inc(unsigned long pfn) {}
struct page *pfn_to_online_page(unsigned long pfn) { return NULL; } /* memory of devices is not online */

/* ---- files, signals, protection, other subsystems */

void fput(struct file *file) {}
#if HAVE_DUP_MMAP
void dup_mm_exe_file(struct mm_struct *mm, struct mm_struct *of) {}
void __khugepaged_enter(struct mm_struct *mm) {}
int ldt_dup_context(struct mm_struct *of, struct mm_struct *mm) { return 0; }
#endif
void mmput(struct mm_struct *mm) {}
void __mark_inode_dirty(struct inode *inode, int flags) {}
int file_update_time(struct file *file) { return 0; }
bool shmem_mapping(SHMEM_CONST struct address_space *mapping) { return false; }
bool vma_is_shmem(SHMEM_CONST struct vm_area_struct *vma) { return false; }
bool vma_is_secretmem(struct vm_area_struct *vma) { return false; }
struct vm_area_struct *get_gate_vma(struct mm_struct *mm) { return NULL; }
int in_gate_area(struct mm_struct *mm, unsigned long address) { return 0; }
bool pfn_modify_allowed(unsigned long pfn, pgprot_t protection) { return true; }
void set_pte_vaddr(unsigned long address, pte_t pte) {}
void smp_call_function(smp_call_func_t function, void *argument, int wait) {}
int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke, int (*startup)(unsigned int),
                        int (*teardown)(unsigned int), bool multi)
{
    return 0;
}
int do_send_sig_info(int signal, struct kernel_siginfo *info, struct task_struct *task, enum pid_type type) { return 0; }
int send_sig_mceerr(int code, void __user *address, short lsb, struct task_struct *task) { return 0; }
int force_sig_mceerr(int code, void __user *address, short lsb) { return 0; }
#if HAVE_VM_GET_PROT
pgprot_t vm_get_page_prot(unsigned long flags) { return PAGE_READONLY; } /* the MMU of the glue looks at PTEs alone */
#endif
#if HAVE_TRACK_PFN
int track_pfn_remap(struct vm_area_struct *vma, pgprot_t *protection, unsigned long pfn, unsigned long address,
                    unsigned long size)
{
    return 0;
}
void track_pfn_insert(struct vm_area_struct *vma, pgprot_t *protection, pfn_t pfn) {}
void untrack_pfn(struct vm_area_struct *vma, unsigned long pfn, unsigned long size, bool mm_wr_locked) {}
void untrack_pfn_clear(struct vm_area_struct *vma) {}
#endif
#if HAVE_PFNMAP_TRACK
int pfnmap_track(unsigned long pfn, unsigned long size, pgprot_t *protection) { return 0; }
void pfnmap_untrack(unsigned long pfn, unsigned long size) {}
#endif

/* ---- areas of an mm, where their code is part of fork.c */

#if !HAVE_VMA_INIT
void vma_state_init(void) {}

static void give_lock(struct vm_area_struct *vma)
{
#ifdef CONFIG_PER_VMA_LOCK
    vma->vm_lock = machine_allocate(sizeof *vma->vm_lock);
    init_rwsem(&vma->vm_lock->lock);
    vma->vm_lock_seq = -1;
#endif
}

struct vm_area_struct *vm_area_alloc(struct mm_struct *mm)
{
    struct vm_area_struct *vma = machine_allocate(sizeof *vma);

    vma_init(vma, mm);
    give_lock(vma);
    return vma;
}

struct vm_area_struct *vm_area_dup(struct vm_area_struct *of)
{
    struct vm_area_struct *vma = machine_allocate(sizeof *vma);

    memcpy(vma, of, sizeof *vma); /* some of its members are const */
    INIT_LIST_HEAD(&vma->anon_vma_chain);
    give_lock(vma);
    return vma;
}

void vm_area_free(struct vm_area_struct *vma) {}
void __vm_area_free(struct vm_area_struct *vma) {}
#endif
