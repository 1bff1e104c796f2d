// SPDX-License-Identifier: GPL-2.0
/*
 * From an interrupt's destination to local APICs.
 *
 * Upstream: arch/x86/kvm/irq_comm.c. Left out: GSI routing, MSIs, mask notifiers, what the I/O APIC
 * scans.
 */
import { ref } from "#asm-generic/types.ts";
import { kvm_for_each_vcpu, kvm_get_vcpu, type struct_kvm, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { KERN_INFO, printk } from "#linux/printk.ts";
import { APIC_DEST_PHYSICAL, APIC_DM_FIXED } from "#asm/apicdef.ts";
import { KVM_MAX_VCPUS, type struct_kvm_lapic_irq } from "#asm/kvm_host.ts";
import { kvm_apic_compare_prio, kvm_apic_match_dest, kvm_apic_present, kvm_apic_set_irq,
	kvm_apic_sw_enabled, kvm_intr_is_single_vcpu_fast, kvm_irq_delivery_to_apic_fast,
	kvm_lowest_prio_delivery, kvm_vector_to_index, type struct_kvm_lapic } from
	"#arch/x86/kvm/lapic.h.ts";
import { kvm_vector_hashing_enabled } from "#arch/x86/kvm/x86.h.ts";

/** arch/x86/kvm/irq_comm.c:kvm_irq_delivery_to_apic(): how many took it, -1 if there is nobody. */
export function kvm_irq_delivery_to_apic(kvm: struct_kvm, src: struct_kvm_lapic | null,
	irq: struct_kvm_lapic_irq, dest_map: null): number {
	const r = new ref(-1);
	let lowest: struct_kvm_vcpu | null = null;
	let dest_vcpus = 0;

	if (kvm_irq_delivery_to_apic_fast(kvm, src, irq, r, dest_map))
		return r.v;

	if (irq.dest_mode === APIC_DEST_PHYSICAL &&
	    irq.dest_id === 0xff && kvm_lowest_prio_delivery(irq)) {
		printk(KERN_INFO + "kvm: apic: phys broadcast and lowest prio\n");
		irq.delivery_mode = APIC_DM_FIXED;
	}

	const dest_vcpu_bitmap = new Uint8Array(KVM_MAX_VCPUS / 8);

	let i = 0;
	for (const vcpu of kvm_for_each_vcpu(kvm)) {
		const idx = i++;

		if (!kvm_apic_present(vcpu))
			continue;

		if (!kvm_apic_match_dest(vcpu, src, irq.shorthand, irq.dest_id, irq.dest_mode))
			continue;

		if (!kvm_lowest_prio_delivery(irq)) {
			if (r.v < 0)
				r.v = 0;
			r.v += kvm_apic_set_irq(vcpu, irq, dest_map);
		} else if (kvm_apic_sw_enabled(vcpu.arch.apic!)) {
			if (!kvm_vector_hashing_enabled()) {
				if (lowest === null)
					lowest = vcpu;
				else if (kvm_apic_compare_prio(vcpu, lowest) < 0)
					lowest = vcpu;
			} else {
				dest_vcpu_bitmap[idx >> 3]! |= 1 << (idx & 7);
				dest_vcpus++;
			}
		}
	}

	if (dest_vcpus !== 0) {
		const idx = kvm_vector_to_index(irq.vector, dest_vcpus, dest_vcpu_bitmap,
			KVM_MAX_VCPUS);

		lowest = kvm_get_vcpu(kvm, idx);
	}

	if (lowest !== null)
		r.v = kvm_apic_set_irq(lowest, irq, dest_map);

	return r.v;
}

/** arch/x86/kvm/irq_comm.c:kvm_intr_is_single_vcpu() */
export function kvm_intr_is_single_vcpu(kvm: struct_kvm, irq: struct_kvm_lapic_irq,
	dest_vcpu: ref<struct_kvm_vcpu | null>): boolean {
	let r = 0;

	if (kvm_intr_is_single_vcpu_fast(kvm, irq, dest_vcpu))
		return true;

	for (const vcpu of kvm_for_each_vcpu(kvm)) {
		if (!kvm_apic_present(vcpu))
			continue;

		if (!kvm_apic_match_dest(vcpu, null, irq.shorthand, irq.dest_id, irq.dest_mode))
			continue;

		if (++r === 2)
			return false;

		dest_vcpu.v = vcpu;
	}

	return r === 1;
}
