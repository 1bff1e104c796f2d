// SPDX-License-Identifier: GPL-2.0
/*
 * Preemption and execution context; preempt notifiers.
 *
 * Upstream: include/linux/preempt.h, include/linux/hardirq.h, include/linux/bottom_half.h, and the
 * notifier functions of kernel/sched/core.c. The count belongs to the task; code that runs for an
 * interrupt counts in the task it interrupted.
 */
import { container_of } from "#asm-generic/owner.ts";
import { HOT_IRQS, HOT_PREEMPT, pcpu_hot } from "#asm/current.ts";
import { HARDIRQ_MASK, HARDIRQ_OFFSET, NMI_MASK, NMI_OFFSET, PREEMPT_COUNT_MASK, PREEMPT_MASK,
	SOFTIRQ_DISABLE_OFFSET, SOFTIRQ_MASK, SOFTIRQ_OFFSET } from "#linux/preempt.const.ts";
import { hlist_add_head, hlist_del, struct_hlist_node } from "#linux/list.ts";
import { WARN } from "#linux/bug.ts";
import { current, type struct_task_struct } from "#linux/sched_types.ts";

export * from "#linux/preempt.const.ts";

export function preempt_count(): number {
	return pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK;
}

export function preempt_count_add(val: number): void {
	pcpu_hot[HOT_PREEMPT]! += val;
}

export function preempt_count_sub(val: number): void {
	pcpu_hot[HOT_PREEMPT]! -= val;
}

export function hardirq_count(): number {
	return pcpu_hot[HOT_PREEMPT]! & HARDIRQ_MASK;
}

export function softirq_count(): number {
	return pcpu_hot[HOT_PREEMPT]! & SOFTIRQ_MASK;
}

export function irq_count(): number {
	return pcpu_hot[HOT_PREEMPT]! & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK);
}

export function in_nmi(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & NMI_MASK) !== 0;
}

export function in_hardirq(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & HARDIRQ_MASK) !== 0;
}

export const in_irq = in_hardirq;

export function in_serving_softirq(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & SOFTIRQ_OFFSET) !== 0;
}

export function in_softirq(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & SOFTIRQ_MASK) !== 0;
}

export function in_interrupt(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK)) !== 0;
}

export function in_task(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)) === 0;
}

export function in_atomic(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) !== 0;
}

export function preemptible(): boolean {
	return (pcpu_hot[HOT_PREEMPT]! & PREEMPT_COUNT_MASK) === 0 && pcpu_hot[HOT_IRQS] === 0;
}

export function preempt_disable(): void {
	pcpu_hot[HOT_PREEMPT]!++;
}

export function preempt_enable(): void {
	const count = pcpu_hot[HOT_PREEMPT]!;
	if ((count & PREEMPT_MASK) === 0)
		underflow();
	pcpu_hot[HOT_PREEMPT] = count - 1;
}

function underflow(): void {
	WARN(true, "DEBUG_LOCKS_WARN_ON(val > preempt_count())");
}

export const preempt_enable_no_resched = preempt_enable;
export const sched_preempt_enable_no_resched = preempt_enable;
export const preempt_disable_notrace = preempt_disable;
export const preempt_enable_notrace = preempt_enable;

export function migrate_disable(): void {
	current.migration_disabled++;
}

export function migrate_enable(): void {
	current.migration_disabled--;
}

export function local_bh_disable(): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_DISABLE_OFFSET;
}

export function local_bh_enable(): void {
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_DISABLE_OFFSET;
}

/* entry and exit of handlers; kernel/softirq.c */
export function irq_enter(): void {
	pcpu_hot[HOT_PREEMPT]! += HARDIRQ_OFFSET;
}

export function irq_exit(): void {
	pcpu_hot[HOT_PREEMPT]! -= HARDIRQ_OFFSET;
}

export function __softirq_enter(): void {
	pcpu_hot[HOT_PREEMPT]! += SOFTIRQ_OFFSET;
}

export function __softirq_exit(): void {
	pcpu_hot[HOT_PREEMPT]! -= SOFTIRQ_OFFSET;
}

export function nmi_enter(): void {
	pcpu_hot[HOT_PREEMPT]! += NMI_OFFSET + HARDIRQ_OFFSET;
}

export function nmi_exit(): void {
	pcpu_hot[HOT_PREEMPT]! -= NMI_OFFSET + HARDIRQ_OFFSET;
}

/* ---- preempt notifiers ---------------------------------------------------------------------- */

export interface struct_preempt_ops {
	sched_in(notifier: struct_preempt_notifier, cpu: number): void;
	sched_out(notifier: struct_preempt_notifier, next: struct_task_struct): void;
}

export class struct_preempt_notifier {
	link = new struct_hlist_node(this);
	ops: struct_preempt_ops | null = null;
	readonly owner: object | null;
	constructor(owner: object | null) {
		this.owner = owner;
	}
}

let preempt_notifier_key = 0;

export function preempt_notifier_inc(): void {
	preempt_notifier_key++;
}

export function preempt_notifier_dec(): void {
	preempt_notifier_key--;
}

export function preempt_notifier_init(notifier: struct_preempt_notifier,
	ops: struct_preempt_ops): void {
	notifier.ops = ops;
}

/** kernel/sched/core.c:preempt_notifier_register() */
export function preempt_notifier_register(notifier: struct_preempt_notifier): void {
	if (preempt_notifier_key === 0)
		WARN(true, "registering preempt_notifier while notifiers disabled\n");
	hlist_add_head(notifier.link, current.preempt_notifiers);
}

/** kernel/sched/core.c:preempt_notifier_unregister() */
export function preempt_notifier_unregister(notifier: struct_preempt_notifier): void {
	hlist_del(notifier.link);
}

export function fire_sched_in_preempt_notifiers(curr: struct_task_struct): void {
	for (let n = curr.preempt_notifiers.first; n !== null; n = n.next) {
		const notifier = container_of(n, struct_preempt_notifier, "link");
		notifier.ops!.sched_in(notifier, curr.cpu);
	}
}

export function fire_sched_out_preempt_notifiers(curr: struct_task_struct,
	next: struct_task_struct): void {
	for (let n = curr.preempt_notifiers.first; n !== null; n = n.next) {
		const notifier = container_of(n, struct_preempt_notifier, "link");
		notifier.ops!.sched_out(notifier, next);
	}
}
