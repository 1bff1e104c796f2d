// SPDX-License-Identifier: GPL-2.0
/*
 * The parts of preempt_count.
 *
 * Upstream: include/linux/preempt.h (constants).
 */

export const PREEMPT_BITS	= 8;
export const SOFTIRQ_BITS	= 8;
export const HARDIRQ_BITS	= 4;
export const NMI_BITS		= 4;

export const PREEMPT_SHIFT	= 0;
export const SOFTIRQ_SHIFT	= 8;
export const HARDIRQ_SHIFT	= 16;
export const NMI_SHIFT		= 20;

export const PREEMPT_MASK	= 0x0000ff;
export const SOFTIRQ_MASK	= 0x00ff00;
export const HARDIRQ_MASK	= 0x0f0000;
export const NMI_MASK		= 0xf00000;

export const PREEMPT_OFFSET	= 1 << PREEMPT_SHIFT;
export const SOFTIRQ_OFFSET	= 1 << SOFTIRQ_SHIFT;
export const HARDIRQ_OFFSET	= 1 << HARDIRQ_SHIFT;
export const NMI_OFFSET		= 1 << NMI_SHIFT;

export const SOFTIRQ_DISABLE_OFFSET	= 2 * SOFTIRQ_OFFSET;
export const PREEMPT_DISABLED		= PREEMPT_OFFSET;

/* the rest of the word: how often lockdep is off in this task */
export const PREEMPT_COUNT_MASK		= 0xffffff;
export const LOCKDEP_RECURSION_OFFSET	= 1 << 24;
