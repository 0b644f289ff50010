// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routines that a kernel has in assembly: pages cleared and copied. Their callers expect most registers as they were. What they
 * write is noted first.
 */
.macro note size
	push %rdi
	push %rsi
	push %rdx
	push %r8
	push %r9
	push %r10
	push %r11
	mov \size, %esi
	call machine_wrote
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdx
	pop %rsi
	pop %rdi
.endm

.text
.globl clear_page_orig, clear_page_rep, clear_page_erms, copy_page
clear_page_orig:
clear_page_rep:
clear_page_erms:
	note $4096
	xor %eax, %eax
	mov $512, %ecx
	rep stosq
	ret
copy_page:
	note $4096
	mov $512, %ecx
	rep movsq
	ret
.globl __clear_pages_unrolled
__clear_pages_unrolled:
	push %rcx
	note %ecx
	pop %rcx
	xor %eax, %eax
	rep stosb
	ret
/* Addresses are chosen by the scenario. */
.weak arch_get_unmapped_area, arch_get_unmapped_area_topdown
arch_get_unmapped_area:
arch_get_unmapped_area_topdown:
	mov %rsi, %rax
	ret
/* Memory is given back at the end of a world. */
.weak kvfree_call_rcu, free_unref_folios
kvfree_call_rcu:
free_unref_folios:
	ret
.section .note.GNU-stack, "", @progbits
