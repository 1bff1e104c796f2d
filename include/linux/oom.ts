// SPDX-License-Identifier: GPL-2.0
/*
 * Out of memory.
 *
 * Upstream: include/linux/oom.h. Left out: cpusets, memory cgroups, notifiers.
 */
import { VM_FAULT_SIGBUS } from "#linux/mm.const.ts";
import type { struct_mm_struct, vm_fault_t } from "#linux/mm_types.ts";
import { DEFINE_MUTEX } from "#linux/mutex_types.ts";
import { MMF_UNSTABLE } from "#linux/sched/coredump.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
export { exit_oom_victim, out_of_memory, pagefault_out_of_memory, tsk_is_oom_victim } from
	"#mm/oom_kill.ts";

/** What an allocation that failed was; C: struct oom_control. */
export class oom_control {
	readonly gfp_mask: gfp_t;
	readonly order: number;
	totalpages = 0;

	constructor(gfp_mask: gfp_t, order: number) {
		this.gfp_mask = gfp_mask;
		this.order = order;
	}
}

export const oom_lock = DEFINE_MUTEX("oom_lock");

/** A mapping of an mm that the reaper may be taking apart: no new pages. */
export function check_stable_address_space(mm: struct_mm_struct): vm_fault_t {
	if ((mm.flags & (1 << MMF_UNSTABLE)) !== 0)
		return VM_FAULT_SIGBUS;
	return 0;
}
