// SPDX-License-Identifier: GPL-2.0
/*
 * What of a PC's interrupt controllers is in the kernel.
 *
 * Upstream: arch/x86/kvm/irq.h, ioapic.h. KVM_CREATE_IRQCHIP gives a VM local APICs only: there are
 * no PICs and no I/O APIC behind them, so interrupts come from vCPUs and from user space.
 */
import { smp_rmb } from "#linux/compiler.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { KVM_IRQCHIP_KERNEL, KVM_IRQCHIP_NONE, KVM_IRQCHIP_SPLIT } from "#asm/kvm_host.const.ts";

export function irqchip_split(kvm: struct_kvm): boolean {
	const mode = kvm.arch.irqchip_mode;

	/* pairs with the setting of irqchip_mode */
	smp_rmb();
	return mode === KVM_IRQCHIP_SPLIT;
}

export function irqchip_kernel(kvm: struct_kvm): boolean {
	const mode = kvm.arch.irqchip_mode;

	/* pairs with the setting of irqchip_mode */
	smp_rmb();
	return mode === KVM_IRQCHIP_KERNEL;
}

export function pic_in_kernel(kvm: struct_kvm): boolean {
	return irqchip_kernel(kvm);
}

/** What guests and user space are told, though the chip would do nothing. */
export function ioapic_in_kernel(kvm: struct_kvm): boolean {
	return irqchip_kernel(kvm);
}

export function irqchip_in_kernel(kvm: struct_kvm): boolean {
	const mode = kvm.arch.irqchip_mode;

	/* pairs with the setting of irqchip_mode */
	smp_rmb();
	return mode !== KVM_IRQCHIP_NONE;
}

export { kvm_cpu_has_pending_timer, kvm_inject_pending_timer_irqs } from "#arch/x86/kvm/irq.ts";
export { apic_has_pending_timer, kvm_inject_apic_timer_irqs } from "#arch/x86/kvm/lapic.ts";
export { kvm_intr_is_single_vcpu, kvm_irq_delivery_to_apic } from "#arch/x86/kvm/irq_comm.ts";
