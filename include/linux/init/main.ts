// SPDX-License-Identifier: GPL-2.0
/*
 * From power on to the first program.
 *
 * Upstream: init/main.c. Left out: freeing init memory, early consoles, what the port has no
 * subsystem for.
 */
import { freeze_registry, initcalls_of, INITCALL_LEVELS, type initcall_level } from
	"#asm-generic/registry.ts";
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { HOT_IRQS, pcpu_hot } from "#asm/current.ts";
import { irqs_disabled } from "#linux/irqflags.ts";
import { preempt_count, preempt_count_add } from "#linux/preempt.ts";
import { mem_init, setup_arch, trap_init } from "#asm/setup.ts";
import { clock_read } from "#asm/timex.ts";
import { cred_init } from "#linux/cred.ts";
import { enter_lazy_tlb } from "#asm/mmu_context.ts";
import { hrtimers_init } from "#linux/hrtimer.ts";
import { kmem_cache_init, kmem_cache_init_late } from "#linux/slab.ts";
import { SYSTEM_BOOTING, SYSTEM_RUNNING, SYSTEM_SCHEDULING, set_system_state } from
	"#linux/kernel.ts";
import { mmgrab } from "#linux/sched/mm.ts";
import { anon_vma_init } from "#linux/rmap.ts";
import { page_alloc_init, page_alloc_init_late } from "#linux/gfp.ts";
import { build_all_zonelists } from "#linux/mmzone.ts";
import { pagecache_init } from "#linux/pagemap.ts";
import { init_mm, pgtable_init, setup_per_cpu_pageset } from "#linux/mm.ts";
import { parse_args } from "#linux/moduleparam.ts";
import { panic, panic_message, panic_reset } from "#linux/panic.ts";
import { pid_idr_init } from "#linux/pid.ts";
import { pr_debug, pr_notice, printk } from "#linux/printk.ts";
import { radix_tree_init } from "#linux/radix-tree.ts";
import { random_init } from "#linux/random.ts";
import { rcu_init } from "#linux/rcupdate.ts";
import { sched_init, sched_set_running, sched_set_seed } from "#linux/sched/core.ts";
import { schedule_loop, wake_up_new_task } from "#linux/sched.ts";
import { fork_init, init_task_fs, init_task_init, proc_caches_init, user_mode_thread } from
	"#linux/sched/fork.ts";
import { current, init_task, type struct_task_struct, type user_context } from
	"#linux/sched_types.ts";
import { get_task_struct, put_task_struct } from "#linux/sched/task.ts";
import { setup_nr_cpu_ids } from "#linux/smp.ts";
import { signals_init } from "#linux/signal.ts";
import { timekeeping_init } from "#linux/timekeeping.ts";
import { init_utsname } from "#linux/utsname.ts";
import { vfs_caches_init, vfs_caches_init_early } from "#linux/fs.ts";
import { workqueue_init, workqueue_init_early } from "#linux/workqueue.ts";
import { WARN } from "#linux/bug.ts";

/** What the host runner gives; the machine itself was built before (arch/x86/hw). */
export interface boot_config {
	/** of the schedule and of all randomness */
	seed: number;
	/** boot options: "kvm_intel.ept=1 transparent_hugepage=never" */
	cmdline?: string;
	/** seconds since the epoch at power on */
	date?: number;
}

/* kernel/params.c, init/main.c:unknown_bootoption() */
function parse_command_line(cmdline: string): void {
	const unknown = parse_args(cmdline);
	if (unknown.length !== 0)
		pr_notice("Unknown kernel command line parameters \"%s\", " +
			"will be passed to user space.\n",
			unknown.join(" "));
}

/** init/main.c:mm_init() */
function mm_init(): void {
	mem_init();
	kmem_cache_init();
	pgtable_init();
}

/** init/main.c:do_one_initcall() */
export function do_one_initcall(object: string, fn: () => number): number {
	const count = preempt_count();
	const ret = fn();

	if (preempt_count() !== count) {
		WARN(true, "initcall %s returned with preemption imbalance \n", object);
		preempt_count_add(count - preempt_count());
	}
	if (irqs_disabled()) {
		WARN(true, "initcall %s returned with disabled interrupts \n", object);
		pcpu_hot[HOT_IRQS] = 0;
	}
	if (ret !== 0)
		pr_debug("initcall %s returned %d\n", object, ret);
	return ret;
}

function do_initcall_level(level: initcall_level): void {
	for (const call of initcalls_of(level))
		do_one_initcall(call.object, call.fn);
}

function do_initcalls(): void {
	for (const level of INITCALL_LEVELS) {
		if (level !== "early")
			do_initcall_level(level);
	}
}

/** init/main.c:start_kernel(). Ends with the idle task current and no program started. */
export function start_kernel(config: boot_config): void {
	set_system_state(SYSTEM_BOOTING);
	panic_reset();
	freeze_registry();
	random_init(config.seed);
	sched_set_seed(config.seed);

	const u = init_utsname();
	pid_idr_init();
	init_task_init();
	timekeeping_init(config.date);
	pr_notice("%s version %s (privmem) %s\n", u.sysname, u.release, u.version);
	setup_arch();
	setup_nr_cpu_ids();
	pr_notice("Kernel command line: %s\n", config.cmdline ?? "");
	build_all_zonelists(null);
	page_alloc_init();
	parse_command_line(config.cmdline ?? "");
	vfs_caches_init_early();
	trap_init();
	mm_init();
	mmgrab(init_mm);
	enter_lazy_tlb(init_mm, current);
	sched_init();
	radix_tree_init();
	workqueue_init_early();
	rcu_init();
	hrtimers_init();
	kmem_cache_init_late();
	setup_per_cpu_pageset();
	anon_vma_init();
	cred_init();
	fork_init();
	proc_caches_init();
	vfs_caches_init();
	pagecache_init();
	signals_init();
	init_task_fs();
	rest_init();
}

/* init/main.c:rest_init(), kernel_init_freeable(): no thread of its own, the idle task goes on */
function rest_init(): void {
	set_system_state(SYSTEM_SCHEDULING);
	workqueue_init();
	do_initcall_level("early");
	page_alloc_init_late();
	do_initcalls();
	set_system_state(SYSTEM_RUNNING);
	sched_set_running();
}

/**
 * init/main.c:run_init_process(): @user becomes process 1 (or the next number, when the host runs
 * several programs one after another); not scheduled yet.
 */
export function run_init_process(user: user_context, comm: string): struct_task_struct {
	printk("Run %s as init process\n", comm);
	const init = user_mode_thread(user, comm);

	if (IS_ERR(init))
		panic("No working init found.  Try passing init= option to kernel. (%d)",
			PTR_ERR(init));
	get_task_struct(init);
	wake_up_new_task(init);
	return init;
}

/** Runs @user as init until it and its children have ended; wait()'s status. */
export function kernel_run(user: user_context, comm: string): number {
	const init = run_init_process(user, comm);
	const status = schedule_loop(init);

	put_task_struct(init);
	return status;
}

/** Whether the host is dead, and of what. */
export function host_panic(): string | null {
	return panic_message;
}

/** Virtual time since power on, ns. */
export function host_uptime(): number {
	return clock_read();
}

export { init_task };
