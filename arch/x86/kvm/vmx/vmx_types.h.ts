// SPDX-License-Identifier: GPL-2.0
/*
 * What VMX keeps of a VM and of a vCPU.
 *
 * Upstream: arch/x86/kvm/vmx/vmx.h (structs); re-exported by vmx.h.ts. Apart, because vmx.ts's
 * table of operations names struct_kvm_vmx. Left out: nested state, vm86 mode, processor trace,
 * LBRs, posted interrupts, SGX, pause loops, the preemption timer, speculation control.
 */
import { array_of } from "#asm-generic/array.ts";
import { WIDE_0 } from "#asm-generic/types.ts";
import { DECLARE_BITMAP } from "#linux/bitmap.ts";
import { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import type { struct_page } from "#linux/mm_types.ts";
import type { struct_kvm_tdx, struct_vcpu_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";
import { struct_loaded_vmcs } from "#arch/x86/kvm/vmx/vmcs.h.ts";

export const MAX_NR_USER_RETURN_MSRS	= 7;

/** An MSR that VM exits do not restore: its guest value, which no guest instruction here uses. */
export class struct_vmx_uret_msr {
	data = 0n;
	mask = 0n;
}

/* enum segment_cache_field */
export const SEG_FIELD_SEL	= 0;
export const SEG_FIELD_BASE	= 1;
export const SEG_FIELD_LIMIT	= 2;
export const SEG_FIELD_AR	= 3;
export const SEG_FIELD_NR	= 4;

/**
 * C: union vmx_exit_reason, one word of bit fields:
 *
 *	31	27	26		15     0
 *	failed_	enclave	bus_lock_	basic
 *	vmentry	_mode	detected
 */
export class vmx_exit_reason {
	full = 0;
	get basic(): number {
		return this.full & 0xffff;
	}
	get bus_lock_detected(): boolean {
		return (this.full & 1 << 26) !== 0;
	}
	set bus_lock_detected(x: boolean) {
		this.full = (x ? this.full | 1 << 26 : this.full & ~(1 << 26)) >>> 0;
	}
	get enclave_mode(): boolean {
		return (this.full & 1 << 27) !== 0;
	}
	get failed_vmentry(): boolean {
		return (this.full & 1 << 31) !== 0;
	}
}

export const PML_ENTITY_NUM	= 512;

export const MAX_POSSIBLE_PASSTHROUGH_MSRS	= 13;

class kvm_save_segment {
	selector = 0;
	base = 0n;
	limit = 0;
	ar = 0;
}

export class struct_vcpu_vmx {
	vcpu = new struct_kvm_vcpu(this);
	/** C: another struct in this one's place. */
	tdx: struct_vcpu_tdx | null = null;
	fail = 0;

	/** MSRs that only the kernel's transitions switch have the guest's values. */
	guest_state_loaded = false;

	exit_qualification = WIDE_0;
	exit_intr_info = 0;
	idt_vectoring_info = 0;
	rflags = 0;

	guest_uret_msrs = array_of(MAX_NR_USER_RETURN_MSRS, () => new struct_vmx_uret_msr());
	msr_host_kernel_gs_base = 0n;
	msr_guest_kernel_gs_base = 0n;

	spec_ctrl = 0n;

	vmcs01 = new struct_loaded_vmcs();
	/** vmcs01, as there are no nested guests */
	loaded_vmcs = this.vmcs01;

	segment_cache = {
		bitmask: 0,	/* which fields of seg are valid */
		seg: array_of(8, () => new kvm_save_segment()),
	};
	vpid = 0;
	/** never set: unrestricted guests have no invalid state */
	emulation_required = false;

	exit_reason = new vmx_exit_reason();

	pml_pg: struct_page | null = null;

	/** msr_ia32_feature_control may have these bits only */
	msr_ia32_feature_control = 0n;
	msr_ia32_feature_control_valid_bits = 0n;

	/** What KVM would intercept, were it not for the MSR filter. */
	shadow_msr_intercept = {
		read: DECLARE_BITMAP(MAX_POSSIBLE_PASSTHROUGH_MSRS),
		write: DECLARE_BITMAP(MAX_POSSIBLE_PASSTHROUGH_MSRS),
	};
}

export class struct_kvm_vmx {
	kvm = new struct_kvm(this);
	/** C: another struct in this one's place. */
	tdx: struct_kvm_tdx | null = null;

	tss_addr = 0;
	ept_identity_map_addr = 0n;
}
