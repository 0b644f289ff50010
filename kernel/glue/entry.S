// SPDX-License-Identifier: GPL-2.0-only
/* Routines that a kernel has in assembly: pages cleared and copied. */
.text
.globl clear_page_orig, clear_page_rep, clear_page_erms, copy_page
clear_page_orig:
clear_page_rep:
clear_page_erms:
	xor %eax, %eax
	mov $512, %ecx
	rep stosq
	ret
copy_page:
	mov $512, %ecx
	rep movsq
	ret
.globl __clear_pages_unrolled
__clear_pages_unrolled:
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
