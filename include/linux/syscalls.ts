// SPDX-License-Identifier: GPL-2.0
/*
 * System calls.
 *
 * Upstream: include/linux/syscalls.h.
 */
export { SYSCALL_DEFINE, syscall_by_name, read_arg, type arg_kind, type reg_value } from
	"#asm-generic/syscall.ts";
export { ksys_mmap_pgoff } from "#mm/mmap.ts";
