// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of this CPU on and off.
 *
 * Upstream: include/linux/irqflags.h. The flag is kept in the running task: no task is switched
 * away with interrupts off. `const flags = local_irq_save();`
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { lockdep_hardirqs_on } from "#linux/lockdep/lockdep.ts";
import { MAX_LOCK_DEPTH } from "#linux/lockdep_types.ts";
import { current } from "#linux/sched_types.ts";

export function local_irq_disable(): void {
	current.hardirqs_disabled = 1;
}

export function local_irq_enable(): void {
	const t = current;
	if (CONFIG_PROVE_LOCKING) {
		if (t.lockdep_unmarked < t.lockdep_depth)
			lockdep_hardirqs_on();
		else
			t.lockdep_unmarked = MAX_LOCK_DEPTH;
	}
	t.hardirqs_disabled = 0;
}

export function local_irq_save(): number {
	const t = current;
	const flags = t.hardirqs_disabled;
	t.hardirqs_disabled = 1;
	return flags;
}

export function local_irq_restore(flags: number): void {
	if (flags === 0)
		local_irq_enable();
	else
		current.hardirqs_disabled = flags;
}

export function local_save_flags(): number {
	return current.hardirqs_disabled;
}

export function irqs_disabled(): boolean {
	return current.hardirqs_disabled !== 0;
}

export function irqs_disabled_flags(flags: number): boolean {
	return flags !== 0;
}

export const raw_local_irq_disable = local_irq_disable;
export const raw_local_irq_enable = local_irq_enable;
export const raw_local_irq_save = local_irq_save;
export const raw_local_irq_restore = local_irq_restore;
