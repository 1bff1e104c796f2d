// SPDX-License-Identifier: GPL-2.0
/*
 * The last resort: killing a process for its memory.
 *
 * Upstream: mm/oom_kill.c. Left out: the reaper, cpusets, memory cgroups, notifiers, waiting for
 * victims: a victim cannot run while the kernel allocates, so that an allocation which still finds
 * nothing fails, and a page fault is retried after others ran.
 */
import { __GFP_FS, __GFP_NOFAIL } from "#linux/gfp_types.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { get_mm_rss, mm_pgtables_bytes, totalram_pages } from "#linux/mm.ts";
import type { oom_control } from "#linux/oom.ts";
import { panic } from "#linux/panic.ts";
import { pr_err, pr_warn, pr_warn_ratelimited } from "#linux/printk.ts";
import {
	PF_EXITING, PF_KTHREAD, TIF_MEMDIE, current, fatal_signal_pending, for_each_process,
	for_each_thread, is_global_init, set_tsk_thread_flag, test_tsk_thread_flag,
} from "#linux/sched.ts";
import { MMF_OOM_SKIP, MMF_OOM_VICTIM } from "#linux/sched/coredump.ts";
import { mmgrab } from "#linux/sched/mm.ts";
import { SEND_SIG_PRIV } from "#linux/sched/signal.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";
import { PIDTYPE_TGID } from "#linux/sched_types.ts";
import { do_send_sig_info } from "#linux/signal.ts";
import { total_swap_pages } from "#linux/swap.ts";
import { count_vm_event, OOM_KILL } from "#linux/vmstat.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { SIGKILL } from "#uapi/asm-generic/signal.ts";

const OOM_SCORE_ADJ_MIN	= -1000;
const LONG_MIN		= -(2 ** 53);

/** mm/oom_kill.c:tsk_is_oom_victim() */
export function tsk_is_oom_victim(tsk: struct_task_struct): boolean {
	return tsk.signal.oom_mm !== null;
}

/* mm/oom_kill.c:find_lock_task_mm(), without the lock: a thread of @p that still has its mm */
function find_task_mm(p: struct_task_struct): struct_task_struct | null {
	for (const t of for_each_thread(p))
		if (t.mm !== null)
			return t;
	return null;
}

function oom_unkillable_task(p: struct_task_struct): boolean {
	return is_global_init(p) || (p.flags & PF_KTHREAD) !== 0;
}

/** mm/oom_kill.c:oom_badness(): pages that killing @p would free, shifted by its adjustment. */
function oom_badness(p: struct_task_struct, totalpages: number): number {
	if (oom_unkillable_task(p))
		return LONG_MIN;

	const t = find_task_mm(p);
	if (t === null)
		return LONG_MIN;

	const adj = p.signal.oom_score_adj;
	if (adj === OOM_SCORE_ADJ_MIN || (t.mm!.flags & (1 << MMF_OOM_SKIP)) !== 0)
		return LONG_MIN;

	return get_mm_rss(t.mm!) + Math.floor(mm_pgtables_bytes(t.mm!) / PAGE_SIZE) +
	       adj * Math.floor(totalpages / 1000);
}

function select_bad_process(oc: oom_control): struct_task_struct | null {
	let chosen: struct_task_struct | null = null;
	let chosen_points = LONG_MIN;

	for (const p of for_each_process()) {
		/* one victim at a time: it has to die first */
		if (tsk_is_oom_victim(p) && (p.signal.oom_mm!.flags & (1 << MMF_OOM_SKIP)) === 0)
			return null;

		const points = oom_badness(p, oc.totalpages);
		if (points === LONG_MIN || points < chosen_points)
			continue;
		chosen = p;
		chosen_points = points;
	}
	return chosen;
}

function mark_oom_victim(tsk: struct_task_struct): void {
	const mm = tsk.mm!;

	if (test_tsk_thread_flag(tsk, TIF_MEMDIE))
		return;
	set_tsk_thread_flag(tsk, TIF_MEMDIE);

	if (tsk.signal.oom_mm === null) {
		tsk.signal.oom_mm = mm;
		mmgrab(mm);
		mm.flags |= 1 << MMF_OOM_VICTIM;
	}
}

/** mm/oom_kill.c:exit_oom_victim(); oom_mm is dropped with the signal struct. */
export function exit_oom_victim(): void {
	current.thread_info_flags &= ~(1 << TIF_MEMDIE);
}

function __oom_kill_process(victim: struct_task_struct, message: string): void {
	const p = find_task_mm(victim);

	if (p === null)
		return;
	const mm = p.mm!;

	count_vm_event(OOM_KILL);
	do_send_sig_info(SIGKILL, SEND_SIG_PRIV, victim, PIDTYPE_TGID);
	mark_oom_victim(p);
	pr_err("%s: Killed process %d (%s) total-vm:%dkB, rss:%dkB, pgtables:%dkB oom_score_adj:%d\n",
		message, victim.pid, victim.comm, mm.total_vm * 4, get_mm_rss(mm) * 4,
		mm_pgtables_bytes(mm) >> 10, victim.signal.oom_score_adj);

	/* whoever else uses the mm would keep its memory */
	for (const q of for_each_process()) {
		if (q === victim || find_task_mm(q)?.mm !== mm || oom_unkillable_task(q))
			continue;
		do_send_sig_info(SIGKILL, SEND_SIG_PRIV, q, PIDTYPE_TGID);
	}
}

function dump_header(oc: oom_control): void {
	pr_warn("%s invoked oom-killer: gfp_mask=0x%x, order=%d, oom_score_adj=%d\n", current.comm,
		oc.gfp_mask, oc.order, current.signal.oom_score_adj);
}

function task_will_free_mem(task: struct_task_struct): boolean {
	return task.mm !== null && (fatal_signal_pending(task) || (task.flags & PF_EXITING) !== 0);
}

/** mm/oom_kill.c:out_of_memory(): true if a victim was found, or one is dying. */
export function out_of_memory(oc: oom_control): boolean {
	/* it is dying already: let it use the reserves */
	if (task_will_free_mem(current)) {
		mark_oom_victim(current);
		return true;
	}

	/* reclaim without __GFP_FS did not try everything */
	if (oc.gfp_mask !== 0 && (oc.gfp_mask & (__GFP_FS | __GFP_NOFAIL)) === 0)
		return true;

	oc.totalpages = totalram_pages() + total_swap_pages;
	VM_BUG_ON(oc.totalpages === 0);

	for (const p of for_each_process())
		if (tsk_is_oom_victim(p))
			return true;

	const chosen = select_bad_process(oc);
	if (chosen === null) {
		dump_header(oc);
		pr_warn("Out of memory and no killable processes...\n");
		panic("System is deadlocked on memory\n");
	}
	dump_header(oc);
	__oom_kill_process(chosen, "Out of memory");
	return true;
}

/** mm/oom_kill.c:pagefault_out_of_memory() */
export function pagefault_out_of_memory(): void {
	if (fatal_signal_pending(current))
		return;

	pr_warn_ratelimited("Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF\n");
}

