// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on other CPUs.
 *
 * Upstream: include/linux/smp.h, kernel/smp.c. A CPU that runs no kernel code now takes the call at
 * once, in the context of the task it has loaded; a guest there exits.
 */
import { cpu_interrupt, cpus, this_cpu_id } from "#asm/smp.ts";
import { HARDIRQ_OFFSET, NMI_OFFSET } from "#linux/preempt.const.ts";
import { cpu_curr } from "#linux/sched.ts";
import { HOT_IRQS, HOT_PREEMPT, pcpu_hot } from "#asm/current.ts";
import { irqs_disabled, local_irq_save } from "#linux/irqflags.ts";
import { current, set_current } from "#linux/sched_types.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";

/** C: nr_cpu_ids is a variable; here the number of CPUs installed. */
export let nr_cpu_ids = 1;

/** kernel/smp.c:setup_nr_cpu_ids() */
export function setup_nr_cpu_ids(): void {
	nr_cpu_ids = cpus.length;
}

export function smp_processor_id(): number {
	return this_cpu_id[0]!;
}

export const raw_smp_processor_id = smp_processor_id;
export const __smp_processor_id = smp_processor_id;

export function get_cpu(): number {
	preempt_disable();
	return this_cpu_id[0]!;
}

export function put_cpu(): void {
	preempt_enable();
}

export type smp_call_func_t<T> = (info: T) => void;

/* the pending call, for the handler: one at a time, they nest */
function call_function<T>(cpu: number, func: smp_call_func_t<T>, info: T): void {
	const prev = current;
	const t = cpu_curr(cpu);

	if (this_cpu_id[0]! === cpu) {
		const flags = local_irq_save();
		func(info);
		pcpu_hot[HOT_IRQS] = flags;
		return;
	}
	cpu_interrupt(cpus[cpu]!, () => {
		set_current(t);
		const flags = local_irq_save();
		pcpu_hot[HOT_PREEMPT]! += HARDIRQ_OFFSET;
		func(info);
		pcpu_hot[HOT_IRQS] = flags;
		pcpu_hot[HOT_PREEMPT]! -= HARDIRQ_OFFSET;
		set_current(prev);
	}, null);
}

/**
 * Port-only: @func on another CPU as a handler that nothing keeps out, a machine check.
 */
export function nmi_call_on_cpu<T>(cpu: number, func: smp_call_func_t<T>, info: T): void {
	const prev = current;
	const t = cpu_curr(cpu);

	cpu_interrupt(cpus[cpu]!, () => {
		set_current(t);
		const flags = local_irq_save();
		pcpu_hot[HOT_PREEMPT]! += NMI_OFFSET + HARDIRQ_OFFSET;
		func(info);
		pcpu_hot[HOT_IRQS] = flags;
		pcpu_hot[HOT_PREEMPT]! -= NMI_OFFSET + HARDIRQ_OFFSET;
		set_current(prev);
	}, null);
}

/** kernel/smp.c:smp_call_function_single(); C: 0 or -ENXIO. */
export function smp_call_function_single<T>(cpu: number, func: smp_call_func_t<T>, info: T,
	_wait: number): number {
	WARN_ON_ONCE(irqs_disabled() && cpu !== this_cpu_id[0]!);
	call_function(cpu, func, info);
	return 0;
}

/** @mask: bits of CPUs; not this one. */
export function smp_call_function_many<T>(mask: number, func: smp_call_func_t<T>, info: T,
	_wait: number): void {
	const self = this_cpu_id[0]!;
	for (let cpu = 0; cpu < cpus.length; cpu++) {
		if (cpu !== self && (mask & (1 << cpu)) !== 0)
			call_function(cpu, func, info);
	}
}

export function smp_call_function<T>(func: smp_call_func_t<T>, info: T, wait: number): void {
	smp_call_function_many(-1, func, info, wait);
}

/** kernel/smp.c:on_each_cpu_cond_mask() */
export function on_each_cpu_cond_mask<T>(cond_func: ((cpu: number, info: T) => boolean) | null,
	func: smp_call_func_t<T>, info: T, _wait: number, mask: number): void {
	const self = this_cpu_id[0]!;
	for (let cpu = 0; cpu < cpus.length; cpu++) {
		if (cpu === self || (mask & (1 << cpu)) === 0)
			continue;
		if (cond_func === null || cond_func(cpu, info))
			call_function(cpu, func, info);
	}
	if ((mask & (1 << self)) !== 0 && (cond_func === null || cond_func(self, info)))
		call_function(self, func, info);
}

export function on_each_cpu<T>(func: smp_call_func_t<T>, info: T, wait: number): void {
	on_each_cpu_cond_mask(null, func, info, wait, -1);
}

export function on_each_cpu_mask<T>(mask: number, func: smp_call_func_t<T>, info: T,
	wait: number): void {
	on_each_cpu_cond_mask(null, func, info, wait, mask);
}

/** kernel/sched/core.c: the CPU leaves its guest or idle loop and looks again. */
export function smp_send_reschedule(cpu: number): void {
	if (cpu !== this_cpu_id[0]!)
		cpu_interrupt(cpus[cpu]!, () => {}, null);
}

export function wake_up_all_idle_cpus(): void {}

export function on_each_online_cpu(): number[] {
	return cpus.map((c) => c.id);
}
