// SPDX-License-Identifier: GPL-2.0
/*
 * Security hooks without a security module: the capability checks alone.
 *
 * Upstream: include/linux/security.h, security/commoncap.c, security/min_addr.c.
 */
import { CAP_SYS_ADMIN, cap_raised } from "#linux/capability.ts";
import { OVERCOMMIT_NEVER } from "#uapi/linux/mman.ts";
import { __vm_enough_memory, sysctl_overcommit_memory } from "#linux/mm.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";
import { current } from "#linux/sched_types.ts";

/** Lowest address that may be mapped (CONFIG_DEFAULT_MMAP_MIN_ADDR). */
export const mmap_min_addr = 65536;

/** security/security.c:security_vm_enough_memory_mm(); 0, or -ENOMEM when @pages are too many. */
export function security_vm_enough_memory_mm(mm: struct_mm_struct, pages: number): number {
	/* as cap_capable() asks: nothing is noted in the task. Of no interest to other policies. */
	return __vm_enough_memory(mm, pages, sysctl_overcommit_memory === OVERCOMMIT_NEVER &&
		cap_raised(current.cred!.cap_effective, CAP_SYS_ADMIN) ? 1 : 0);
}
