// SPDX-License-Identifier: GPL-2.0
/*
 * What every lock, and every section without preemption, interrupts or sleep, counts.
 *
 * Upstream: struct pcpu_hot of arch/x86/include/asm/current.h (of later versions), and what of the
 * current task is read as often. An array, because V8 knows where an element of it is, and an
 * element is stored without asking what it was: the same in a task would cost several times that.
 * A task has its own while another one is current: sched_types.ts.
 */

/* members of pcpu_hot */
/** preempt_count as preempt.const.ts has it, and lockdep_recursion above it */
export const HOT_PREEMPT	= 0;
/** C: the CPU's IF; IRQS_OFF: local_irq_disable() in force, or 0 */
export const HOT_IRQS		= 1;
export const HOT_RCU_NESTING	= 2;
export const HOT_NON_BLOCK	= 3;
/** how many locks are held, and lockdep's chain of them; see lockdep/lockdep.ts */
export const HOT_LOCK_DEPTH	= 4;
export const HOT_LOCK_CHAIN	= 5;
/** how many of them are merged ones */
export const HOT_LOCK_MERGED	= 6;
/** the number of the current task as an owner of locks, never 0 */
export const HOT_OWNER		= 7;
export const NR_HOT		= 8;

/* long enough for its bytes to stay where they are */
export const pcpu_hot = new Int32Array(32);
pcpu_hot[HOT_OWNER] = 1;

/** lockdep's bit for it in what names an acquisition */
export const IRQS_OFF		= 1 << 15;
