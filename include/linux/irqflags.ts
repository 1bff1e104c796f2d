// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of this CPU on and off.
 *
 * Upstream: include/linux/irqflags.h. A task takes the flag with it: none but a vCPU is switched
 * away with interrupts off. `const flags = local_irq_save();`
 */
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";
import { HOT_IRQS, IRQS_OFF, pcpu_hot } from "#asm/current.ts";
import { lockdep_hardirqs_on } from "#linux/lockdep/lockdep.ts";

export function local_irq_disable(): void {
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
}

export function local_irq_enable(): void {
	if (CONFIG_PROVE_LOCKING)
		lockdep_hardirqs_on();
	pcpu_hot[HOT_IRQS] = 0;
}

export function local_irq_save(): number {
	const flags = pcpu_hot[HOT_IRQS]!;
	pcpu_hot[HOT_IRQS] = IRQS_OFF;
	return flags;
}

export function local_irq_restore(flags: number): void {
	if (flags === 0)
		local_irq_enable();
	else
		pcpu_hot[HOT_IRQS] = flags;
}

export function local_save_flags(): number {
	return pcpu_hot[HOT_IRQS]!;
}

export function irqs_disabled(): boolean {
	return pcpu_hot[HOT_IRQS] !== 0;
}

export function irqs_disabled_flags(flags: number): boolean {
	return flags !== 0;
}

export const raw_local_irq_disable = local_irq_disable;
export const raw_local_irq_enable = local_irq_enable;
export const raw_local_irq_save = local_irq_save;
export const raw_local_irq_restore = local_irq_restore;
