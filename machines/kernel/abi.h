/// What the two halves of the kernel machine say to each other: the host, which names no kernel header, and the glue, which is
/// compiled with the headers of the user's kernel (kernel/glue). Plain C on both sides, no kernel type.
///
/// `machine_*` is what the host gives to the glue: memory, scheduling points, sleeping and waking, findings.
/// `glue_*` is what the glue gives to the host: worlds, operations, facts about the real objects.
#ifndef DAXTORTURE_KERNEL_ABI_H
#define DAXTORTURE_KERNEL_ABI_H

#ifdef __cplusplus
extern "C" {
#endif

enum {
    machine_threads = 8,                ///< threads of a scenario
    machine_tasks = machine_threads + 1, ///< and the set-up, which is task number `machine_threads`
    machine_files = 8,
    machine_mms = 8,
    machine_areas = 4,         ///< of one mm
    machine_file_pages = 2048, ///< of one file, and virtual pages of one mm
    machine_ram_pages = 16384,
    machine_pmem_pages = 8192,
};

/// The machine's memory lies at the same addresses in every process, so that what two schedules touch can be compared.
static const unsigned long machine_direct_map = 0x100000000000ul;
static const unsigned long machine_memmap = 0x200000000000ul;

enum machine_fs { machine_xfs, machine_ext4, machine_fuse, machine_devdax };

struct machine_file {
    char name[24];
    enum machine_fs fs;
    unsigned pages;
    int huge;       ///< blocks in aligned runs of a PMD's size
    int device_pmd; ///< devdax: it is mapped by PMDs
};

struct machine_area {
    unsigned file;
    unsigned first_page;
    unsigned last_page;
    unsigned at;
    unsigned other_at; ///< where mremap moves it; `at` when it has one place
    int shared;
    int writable;
    int sync;
};

struct machine_mm {
    char name[24];
    unsigned areas;
    struct machine_area area[machine_areas];
};

/// The world of a scenario, in real pages.
struct machine_world_config {
    unsigned files;
    unsigned mms;
    unsigned altmap_pages;
    unsigned spare_blocks;
    int keeps_translations; ///< translations outlive the access that made them
    struct machine_file file[machine_files];
    struct machine_mm mm[machine_mms];
};
extern struct machine_world_config machine_world;

/// What is added to the address of a per-CPU variable: where the running task's CPU has it. It is in a register while kernel code runs
/// (kernel/assembler).
extern long machine_cpu_base;

// ---- the host, called by the glue ----------------------------------------------------------------------------------

enum machine_point_kind { machine_point_lock, machine_point_unlock, machine_point_yield };
enum machine_access {
    machine_access_write = 1,
    machine_access_marked = 2, ///< volatile or atomic: no data race
    machine_access_atomic = 4,
};

void machine_wrote(const volatile void* address, unsigned long size); ///< without a hook: a world can be restored
void* machine_allocate(unsigned long size); ///< zeroed; it lives as long as the world
void machine_point(enum machine_point_kind kind, const void* object); ///< `object`: what the step that follows changes, or NULL
void machine_accessed(const volatile void* address, unsigned long size, int kind, void* caller);
void machine_wait_for(const void* lock, void* caller);
void machine_released(const void* lock);
void machine_sleep(void* caller); ///< until machine_wake
void machine_wake(unsigned task);
unsigned long machine_moment(void); ///< grows with each hook: nothing has changed in between while it stays
char* machine_cpu(unsigned task);  ///< per-CPU area of a task
unsigned machine_task(void);
void machine_defer(void* head, void (*callback)(void*)); ///< after a grace period
void machine_rcu_enter(void);
void machine_rcu_leave(void);
void machine_rcu_wait(void); ///< synchronize_rcu
void machine_warning(void* place, const char* text);
void machine_violation(int invariant, const char* cause, const char* format, ...);
void machine_format(char* text, unsigned long size, const char* format, ...); ///< snprintf, for a stack as the kernel aligns it
void machine_impossible(const char* problem) __attribute__((noreturn)); ///< the glue cannot go on: not the kernel's fault

// What the oracle is told. Blocks are counted from the first page of the device.
void machine_block_taken(long block, int file, long page);
void machine_block_freed(long block, int file, long page);
void machine_block_moved(long block, int file, long from, long to); ///< to another page of its file; -1: a hole
void machine_block_flushed(long block, unsigned long count);
void machine_stored(int file, long page, long block, long expected);
void machine_loaded(int file, long page, long block, long expected);
void machine_device_removed(void);
void machine_layouts_broken(int file, long first, long last); ///< nobody holds a page of the range
int machine_gets(long block); ///< references that operations hold
int machine_pins(long block);

// ---- the glue, called by the host ----------------------------------------------------------------------------------

void glue_boot(void);
void glue_build_world(void);
void glue_start_task(unsigned task); ///< it becomes the one of its CPU
void glue_call(void (*callback)(void*), void* argument); ///< a function of the kernel
extern char glue_cpu_begin[], glue_cpu_end[];   ///< per-CPU data as it is at the start
extern char glue_data_begin[], glue_data_end[]; ///< writable data of kernel and glue
extern const char glue_one_based[];               ///< not empty: an idle page has one reference

enum glue_gup { glue_gup_pin = 1, glue_gup_write = 2, glue_gup_lockless = 4, glue_gup_locked = 8,
                  glue_gup_longterm = 16 };

// Operations: 0 or a count when done, else a negative errno; of accesses, minus the VM_FAULT bits.
long glue_load(int mm, unsigned long page);
long glue_store(int mm, unsigned long page, unsigned long value);
long glue_get_pages(int mm, unsigned long page, unsigned long count, int flags, void** pages);
void glue_put_page(void* page, int pinned);
void glue_device_writes(void* page);
long glue_mmap(int mm);
long glue_munmap(int mm);
long glue_mremap(int mm);
long glue_fork(int parent, int child);
long glue_mlock(int mm);
long glue_truncate(int file, unsigned long pages);
long glue_punch(int file, unsigned long first, unsigned long last);
long glue_zero(int file, unsigned long first, unsigned long last);
long glue_collapse(int file, unsigned long first, unsigned long last);
long glue_insert(int file, unsigned long first, unsigned long last);
long glue_break(int file, unsigned long first, unsigned long last, int nowait);
long glue_reuse(int file);
long glue_writeback(int file);
long glue_invalidate(int file, unsigned long first, unsigned long last);
long glue_write(int file, unsigned long first, unsigned long last);
long glue_reflink(int from, int to);
long glue_evict(int file);
int glue_open(int file); ///< no eviction until glue_close; 0: it is being evicted
void glue_close(int file);
long glue_memory_failure(unsigned long block);
long glue_unbind(int device, int only_unmounted);
long glue_bind(int device);
long glue_mount(void);
long glue_umount(void);
void glue_signal(unsigned task);

// Facts about the real objects.
long glue_block_of(const void* page);
int glue_refcount(long block);
int glue_mapcount(long block);
int glue_counts_agree(const void* address); ///< of the page that a word of the memory map belongs to: not fewer references than mappings
long glue_owner_block(int file, unsigned long page); ///< the block behind a page of a file; -1: a hole
long glue_blocks(void);                              ///< blocks beyond this one were never used
int glue_find_mapping(long block, char* text, unsigned long size); ///< a page table that maps the block
void glue_check_quiescent(void);                     ///< reports violations
int glue_awaited_block(unsigned task, long* block);  ///< the block whose page the sleeping task awaits
int glue_an_entry_is_locked(void);
int glue_a_large_folio_is_dissolved(void); ///< and the entry that refers to it is not removed yet
/// The block behind a virtual page of a shared mapping, by the file; -1: a hole; -2: nobody can tell.
long glue_expected_block(int mm, unsigned long page);
void glue_name_address(const void* address, char* text, unsigned long size);
void glue_describe_state(void (*line)(const char* text));
int glue_bug_at(const void* place, int* warning, const char** file, int* line);
int glue_fix_up(unsigned char* instruction); ///< a privileged instruction that userspace must not run: its length

#ifdef __cplusplus
}
#endif

#endif
