// SPDX-License-Identifier: GPL-2.0
/*
 * Context of execution.
 *
 * Upstream: include/linux/hardirq.h, interrupt.h.
 */
export { in_hardirq, in_interrupt, in_irq, in_nmi, in_serving_softirq, in_softirq, in_task,
	irq_enter, irq_exit, nmi_enter, nmi_exit } from "#linux/preempt.ts";
export { synchronize_rcu as synchronize_irq } from "#linux/rcupdate.ts";
