// SPDX-License-Identifier: GPL-2.0
/*
 * What KVM keeps of a TD and of its vCPUs.
 *
 * Upstream: arch/x86/kvm/vmx/tdx.h of the TDX branch, where these structs take the place of those
 * of VMX; here they hang from them.
 */
import type { kvm_pfn_t } from "#asm-generic/types.ts";
import type { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { CONFIG_INTEL_TDX_HOST } from "#generated/autoconf.ts";
import { KVM_X86_TDX_VM } from "#uapi-asm/kvm.ts";
import { struct_tdx_module_args, TDX_ERROR, TDX_OPERAND_BUSY, TDX_PREVIOUS_TLB_EPOCH_BUSY,
	TDX_SYS_BUSY } from "#asm/tdx.ts";
import { to_kvm_vmx, to_vmx } from "#arch/x86/kvm/vmx/vmx.h.ts";

/*
 * A TD: made by KVM_CREATE_VM, initialised by KVM_TDX_INIT_VM (it has a KeyID then), finalized by
 * KVM_TDX_FINALIZE_VM, and torn down when its memory goes: first its KeyID, then its pages.
 */
export class struct_kvm_tdx {
	/** -1: none. */
	hkid = -1;
	tdr: struct_page | null = null;
	tdcs: struct_page[] = [];
	/** KVM_TDX_INIT_VM was done. */
	initialized = false;
	finalized = false;
	/** The KeyID could not be freed: no page comes back. */
	lost = false;
	attributes = 0n;
	xfam = 0n;
	/** Guest physical addresses have 52 bits, not 48. */
	wide = false;
	/**
	 * What the fault under way adds to the TD, and whether it is measured; under the vCPU's
	 * mutex.
	 */
	source: struct_page | null = null;
	measure = false;
	/** Since the last TDH.MEM.TRACK something was blocked. */
	has_range_blocked = false;
	/** So many are in tdx_track(), after the kick and before TDH.MEM.TRACK. */
	tdh_mem_track = 0;
	/** Pages that a TD without a future has not given back yet. */
	readonly late: { pfn: kvm_pfn_t; level: number }[] = [];
}

/** A vCPU: created by KVM_CREATE_VCPU, initialised by KVM_TDX_INIT_VCPU. */
export class struct_vcpu_tdx {
	readonly vcpu: struct_kvm_vcpu;
	tdvpr: struct_page | null = null;
	tdvpx: struct_page[] = [];
	initialized = false;
	/** TDH.VP.INIT was done: from then on the module counts it as some CPU's. */
	associated = false;
	/** The CPU that may have its state cached, and that CPU's list. */
	cpu = -1;
	cpu_list = new struct_list_head(this);
	/** The vCPU's registers, as those of TDH.VP.ENTER. */
	readonly args: struct_tdx_module_args;
	/** Completion code of the last entry, and the exit reason below it. */
	exit_code = 0;
	exit_reason = 0;
	/** Registers that TDG.VP.VMCALL passes; 0: the exit was something else. */
	vmcall_mask = 0;
	/** TDG.VP.VMCALL of HLT came with interrupts off. */
	halted_without_interrupts = false;
	/** Its descriptor of posted interrupts, by which alone it gets any. */
	pi_desc: struct_page | null = null;
	constructor(vcpu: struct_kvm_vcpu) {
		this.vcpu = vcpu;
		this.args = new struct_tdx_module_args(vcpu.arch.regs);
	}
}

export function is_td(kvm: struct_kvm): boolean {
	return IS_ENABLED(CONFIG_INTEL_TDX_HOST) && kvm.arch.vm_type === KVM_X86_TDX_VM;
}

export function is_td_vcpu(vcpu: struct_kvm_vcpu): boolean {
	return is_td(vcpu.kvm);
}

export function to_kvm_tdx(kvm: struct_kvm): struct_kvm_tdx {
	return to_kvm_vmx(kvm).tdx!;
}

export function to_tdx(vcpu: struct_kvm_vcpu): struct_vcpu_tdx {
	return to_vmx(vcpu).tdx!;
}

export function is_hkid_assigned(kvm_tdx: struct_kvm_tdx): boolean {
	return kvm_tdx.hkid >= 0;
}

/** A completion code that is an error. */
export function tdx_failed(code: number): boolean {
	return code >= TDX_ERROR;
}

/** Somebody else has a lock, or has yet to leave the guest: once more will do. */
export function tdx_busy(code: number): boolean {
	return code === TDX_OPERAND_BUSY || code === TDX_PREVIOUS_TLB_EPOCH_BUSY ||
		code === TDX_SYS_BUSY;
}

/* of the VCPU's own VMCS and state: fields that the host may read, or write */
export const TD_VMCS_SHARED_EPT_POINTER	= 0x203c;
export const TD_VMCS_POSTED_INTR_NV	= 0x0002;
export const TD_VMCS_POSTED_INTR_DESC_ADDR = 0x2016;
export const TD_VMCS_PIN_BASED		= 0x4000;
/** Bit 0: an interrupt is pending. */
export const TD_VCPU_STATE_DETAILS	= 17 * 2 ** 32 + 0x100;
export const TD_VCPU_PEND_NMI		= 32 * 2 ** 32 + 11;

export { tdx_dev_ioctl, tdx_hardware_disable, tdx_hardware_setup, tdx_is_vm_type_supported,
	tdx_mmu_release_hkid, tdx_vcpu_ioctl, tdx_vcpu_create, tdx_vcpu_free, tdx_vcpu_load,
	tdx_vcpu_reset, tdx_vm_free, tdx_vm_init, tdx_vm_ioctl } from "#arch/x86/kvm/vmx/tdx.ts";
export { pr_tdx_error, tdx_clear_and_free_page, tdx_flush_tlb, tdx_late_reclaim, tdx_load_mmu_pgd,
	tdx_reclaim_page,
	tdx_sept_free_private_spt, tdx_sept_link_private_spt, tdx_sept_merge_private_spt,
	tdx_sept_remove_private_spte,
	tdx_sept_set_private_spte, tdx_sept_split_private_spt, tdx_sept_tlb_remote_flush,
	tdx_sept_zap_private_spte, tdx_track } from "#arch/x86/kvm/vmx/tdx_mem.ts";
export { tdx_deliver_interrupt, tdx_get_exit_info, tdx_handle_exit, tdx_handle_exit_irqoff,
	tdx_inject_nmi, tdx_protected_apic_has_interrupt, tdx_vcpu_pre_run, tdx_vcpu_run } from
	"#arch/x86/kvm/vmx/tdx_vcpu.ts";
export { handle_tdvmcall } from "#arch/x86/kvm/vmx/tdx_vmcall.ts";

