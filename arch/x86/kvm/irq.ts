// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that wait for a vCPU, from whatever controller it has.
 *
 * Upstream: arch/x86/kvm/irq.c. Left out: Xen, the PICs (their output never rises), timers to
 * migrate, irqfd.
 */
import { WARN_ON } from "#linux/bug.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { kvm_x86_ops } from "#asm/kvm_host.ts";
import { apic_has_pending_timer, irqchip_split, kvm_inject_apic_timer_irqs } from
	"#arch/x86/kvm/irq.h.ts";
import { is_guest_mode } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { kvm_apic_accept_pic_intr, kvm_apic_has_interrupt, kvm_get_apic_interrupt,
	kvm_vcpu_apicv_active, lapic_in_kernel } from "#arch/x86/kvm/lapic.h.ts";

/** arch/x86/kvm/irq.c:kvm_cpu_has_pending_timer() */
export function kvm_cpu_has_pending_timer(vcpu: struct_kvm_vcpu): number {
	let r = 0;

	if (lapic_in_kernel(vcpu))
		r = apic_has_pending_timer(vcpu);

	return r;
}

/** arch/x86/kvm/irq.c:pending_userspace_extint() */
function pending_userspace_extint(v: struct_kvm_vcpu): boolean {
	return v.arch.pending_external_vector !== -1;
}

/**
 * arch/x86/kvm/irq.c:kvm_cpu_has_extint(). Without a local APIC here, interrupt.injected stands for
 * an interrupt of user space's, although it means one that has been acknowledged already.
 */
export function kvm_cpu_has_extint(v: struct_kvm_vcpu): boolean {
	if (!lapic_in_kernel(v))
		return v.arch.interrupt.injected;

	if (!kvm_apic_accept_pic_intr(v))
		return false;

	if (irqchip_split(v.kvm))
		return pending_userspace_extint(v);
	else
		return false;
}

/** arch/x86/kvm/irq.c:kvm_cpu_has_injectable_intr(): not what hardware would inject by itself. */
export function kvm_cpu_has_injectable_intr(v: struct_kvm_vcpu): boolean {
	if (kvm_cpu_has_extint(v))
		return true;

	if (!is_guest_mode(v) && kvm_vcpu_apicv_active(v))
		return false;

	return kvm_apic_has_interrupt(v) !== -1;
}

/** arch/x86/kvm/irq.c:kvm_cpu_has_interrupt() */
export function kvm_cpu_has_interrupt(v: struct_kvm_vcpu): boolean {
	if (kvm_cpu_has_extint(v))
		return true;

	if (lapic_in_kernel(v) && v.arch.apic!.guest_apic_protected)
		return kvm_x86_ops.protected_apic_has_interrupt!(v);

	return kvm_apic_has_interrupt(v) !== -1;
}

/** arch/x86/kvm/irq.c:kvm_cpu_get_extint() */
function kvm_cpu_get_extint(v: struct_kvm_vcpu): number {
	if (!kvm_cpu_has_extint(v)) {
		WARN_ON(!lapic_in_kernel(v));
		return -1;
	}

	if (!lapic_in_kernel(v))
		return v.arch.interrupt.nr;

	const vector = v.arch.pending_external_vector;

	v.arch.pending_external_vector = -1;
	return vector;
}

/** arch/x86/kvm/irq.c:kvm_cpu_get_interrupt(): its vector, acknowledged, or -1. */
export function kvm_cpu_get_interrupt(v: struct_kvm_vcpu): number {
	const vector = kvm_cpu_get_extint(v);
	if (vector !== -1)
		return vector;

	return kvm_get_apic_interrupt(v);
}

/** arch/x86/kvm/irq.c:kvm_inject_pending_timer_irqs() */
export function kvm_inject_pending_timer_irqs(vcpu: struct_kvm_vcpu): void {
	if (lapic_in_kernel(vcpu))
		kvm_inject_apic_timer_irqs(vcpu);
}
