// SPDX-License-Identifier: GPL-2.0
/*
 * VMX, as its own files see it: structs, the MSR bitmap, controls, what an exit says.
 *
 * Upstream: arch/x86/kvm/vmx/vmx.h, run_flags.h. The structs are in vmx_types.h.ts.
 */
import type { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp_types.ts";
import { raw_smp_processor_id } from "#linux/smp.ts";
import { VCPU_EXREG_CR0, VCPU_EXREG_CR3, VCPU_EXREG_CR4,
	VCPU_EXREG_EXIT_INFO_1, VCPU_EXREG_EXIT_INFO_2, VCPU_EXREG_PDPTR, VCPU_EXREG_RFLAGS,
	VCPU_EXREG_SEGMENTS, VCPU_REGS_RIP, VCPU_REGS_RSP } from "#asm/kvm_host.ts";
import { CPU_BASED_VM_EXEC_CONTROL, EXIT_QUALIFICATION, PIN_BASED_VM_EXEC_CONTROL,
	SECONDARY_VM_EXEC_CONTROL, VM_ENTRY_CONTROLS, VM_EXIT_CONTROLS, VM_EXIT_INTR_INFO } from
	"#asm/vmx.ts";
import { kvm_register_is_available, kvm_register_mark_available } from
	"#arch/x86/kvm/kvm_cache_regs.h.ts";
import { enable_ept, enable_unrestricted_guest } from "#arch/x86/kvm/vmx/capabilities.h.ts";
import type { struct_vmcs } from "#arch/x86/kvm/vmx/vmcs.h.ts";
import { vmcs_read32, vmcs_readn, vmcs_write32 } from "#arch/x86/kvm/vmx/vmx_ops.h.ts";
import type { struct_kvm_vmx, struct_vcpu_vmx } from "#arch/x86/kvm/vmx/vmx_types.h.ts";
import { alloc_vmcs_cpu, vmx_disable_intercept_for_msr, vmx_enable_intercept_for_msr } from
	"#arch/x86/kvm/vmx/vmx.ts";

export * from "#arch/x86/kvm/vmx/vmx_types.h.ts";
export * from "#arch/x86/kvm/vmx/capabilities.h.ts";
export * from "#arch/x86/kvm/vmx/vmcs.h.ts";
export * from "#arch/x86/kvm/vmx/vmx_ops.h.ts";

/* run_flags.h */
export const VMX_RUN_VMRESUME	= 1 << 0;

export const MSR_TYPE_R		= 1;
export const MSR_TYPE_W		= 2;
export const MSR_TYPE_RW	= 3;

export {
	__vmx_set_segment, __vmx_vcpu_run_flags, alloc_loaded_vmcs, alloc_vmcs_cpu, allocate_vpid,
	construct_eptp, dump_vmcs, ept_save_pdptrs, free_loaded_vmcs, free_vmcs, free_vpid,
	loaded_vmcs_clear, set_cr4_guest_host_mask, vmx_disable_intercept_for_msr,
	vmx_emulation_required, vmx_enable_intercept_for_msr, vmx_ept_load_pdptrs,
	vmx_find_uret_msr, vmx_get_cpl, vmx_get_interrupt_shadow, vmx_get_l2_tsc_multiplier,
	vmx_get_l2_tsc_offset, vmx_get_nmi_mask, vmx_get_rflags, vmx_get_segment,
	vmx_guest_inject_ac, vmx_interrupt_blocked, vmx_nmi_blocked, vmx_prepare_switch_to_guest,
	vmx_set_constant_host_state, vmx_set_cr0, vmx_set_cr4, vmx_set_efer,
	vmx_set_interrupt_shadow, vmx_set_nmi_mask, vmx_set_rflags, vmx_set_virtual_apic_mode,
	vmx_update_cpu_dirty_logging, vmx_update_exception_bitmap, vmx_vcpu_load_vmcs,
} from "#arch/x86/kvm/vmx/vmx.ts";

export { vt_hardware_setup } from "#arch/x86/kvm/vmx/main.ts";

export function vmx_set_intercept_for_msr(vcpu: struct_kvm_vcpu, msr: number, type: number,
	value: boolean): void {
	if (value)
		vmx_enable_intercept_for_msr(vcpu, msr, type);
	else
		vmx_disable_intercept_for_msr(vcpu, msr, type);
}

/*
 * The bitmap, in bytes: reads of MSRs 0 to 1fff, reads of c0000000 to c0001fff from 400, writes of
 * both from 800 and c00. Other MSRs always exit.
 */

/** Byte that holds @msr's bit for reads; -1 for none. */
function msr_bitmap_byte(msr: number): number {
	if (msr <= 0x1fff)
		return msr >> 3;
	else if (msr >= 0xc0000000 && msr <= 0xc0001fff)
		return 0x400 + ((msr & 0x1fff) >> 3);
	return -1;
}

export function vmx_test_msr_bitmap_read(bitmap: Uint8Array, msr: number): boolean {
	const at = msr_bitmap_byte(msr);

	return at < 0 || (bitmap[at]! & 1 << (msr & 7)) !== 0;
}

export function vmx_test_msr_bitmap_write(bitmap: Uint8Array, msr: number): boolean {
	const at = msr_bitmap_byte(msr);

	return at < 0 || (bitmap[0x800 + at]! & 1 << (msr & 7)) !== 0;
}

export function vmx_clear_msr_bitmap_read(bitmap: Uint8Array, msr: number): void {
	const at = msr_bitmap_byte(msr);

	if (at >= 0)
		bitmap[at]! &= ~(1 << (msr & 7));
}

export function vmx_clear_msr_bitmap_write(bitmap: Uint8Array, msr: number): void {
	const at = msr_bitmap_byte(msr);

	if (at >= 0)
		bitmap[0x800 + at]! &= ~(1 << (msr & 7));
}

export function vmx_set_msr_bitmap_read(bitmap: Uint8Array, msr: number): void {
	const at = msr_bitmap_byte(msr);

	if (at >= 0)
		bitmap[at]! |= 1 << (msr & 7);
}

export function vmx_set_msr_bitmap_write(bitmap: Uint8Array, msr: number): void {
	const at = msr_bitmap_byte(msr);

	if (at >= 0)
		bitmap[0x800 + at]! |= 1 << (msr & 7);
}

/* C: BUILD_CONTROLS_SHADOW(). What is there already is not written again. */

export function vm_entry_controls_set(vmx: struct_vcpu_vmx, val: number): void {
	const { controls_shadow } = vmx.loaded_vmcs;

	val >>>= 0;
	if (controls_shadow.vm_entry !== val) {
		vmcs_write32(VM_ENTRY_CONTROLS, val);
		controls_shadow.vm_entry = val;
	}
}

export function vm_entry_controls_get(vmx: struct_vcpu_vmx): number {
	return vmx.loaded_vmcs.controls_shadow.vm_entry;
}

export function vm_entry_controls_setbit(vmx: struct_vcpu_vmx, val: number): void {
	vm_entry_controls_set(vmx, vm_entry_controls_get(vmx) | val);
}

export function vm_entry_controls_clearbit(vmx: struct_vcpu_vmx, val: number): void {
	vm_entry_controls_set(vmx, vm_entry_controls_get(vmx) & ~val);
}

export function vm_exit_controls_set(vmx: struct_vcpu_vmx, val: number): void {
	const { controls_shadow } = vmx.loaded_vmcs;

	val >>>= 0;
	if (controls_shadow.vm_exit !== val) {
		vmcs_write32(VM_EXIT_CONTROLS, val);
		controls_shadow.vm_exit = val;
	}
}

export function vm_exit_controls_get(vmx: struct_vcpu_vmx): number {
	return vmx.loaded_vmcs.controls_shadow.vm_exit;
}

export function vm_exit_controls_setbit(vmx: struct_vcpu_vmx, val: number): void {
	vm_exit_controls_set(vmx, vm_exit_controls_get(vmx) | val);
}

export function vm_exit_controls_clearbit(vmx: struct_vcpu_vmx, val: number): void {
	vm_exit_controls_set(vmx, vm_exit_controls_get(vmx) & ~val);
}

export function pin_controls_set(vmx: struct_vcpu_vmx, val: number): void {
	const { controls_shadow } = vmx.loaded_vmcs;

	val >>>= 0;
	if (controls_shadow.pin !== val) {
		vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, val);
		controls_shadow.pin = val;
	}
}

export function pin_controls_get(vmx: struct_vcpu_vmx): number {
	return vmx.loaded_vmcs.controls_shadow.pin;
}

export function exec_controls_set(vmx: struct_vcpu_vmx, val: number): void {
	const { controls_shadow } = vmx.loaded_vmcs;

	val >>>= 0;
	if (controls_shadow.exec !== val) {
		vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, val);
		controls_shadow.exec = val;
	}
}

export function exec_controls_get(vmx: struct_vcpu_vmx): number {
	return vmx.loaded_vmcs.controls_shadow.exec;
}

export function exec_controls_setbit(vmx: struct_vcpu_vmx, val: number): void {
	exec_controls_set(vmx, exec_controls_get(vmx) | val);
}

export function exec_controls_clearbit(vmx: struct_vcpu_vmx, val: number): void {
	exec_controls_set(vmx, exec_controls_get(vmx) & ~val);
}

export function secondary_exec_controls_set(vmx: struct_vcpu_vmx, val: number): void {
	const { controls_shadow } = vmx.loaded_vmcs;

	val >>>= 0;
	if (controls_shadow.secondary_exec !== val) {
		vmcs_write32(SECONDARY_VM_EXEC_CONTROL, val);
		controls_shadow.secondary_exec = val;
	}
}

export function secondary_exec_controls_get(vmx: struct_vcpu_vmx): number {
	return vmx.loaded_vmcs.controls_shadow.secondary_exec;
}

export function secondary_exec_controls_setbit(vmx: struct_vcpu_vmx, val: number): void {
	secondary_exec_controls_set(vmx, secondary_exec_controls_get(vmx) | val);
}

export function secondary_exec_controls_clearbit(vmx: struct_vcpu_vmx, val: number): void {
	secondary_exec_controls_set(vmx, secondary_exec_controls_get(vmx) & ~val);
}

/** Registers fetched when first asked for; all others are in vcpu.arch after every exit. */
export const VMX_REGS_LAZY_LOAD_SET = (1 << VCPU_REGS_RIP) |
	(1 << VCPU_REGS_RSP) |
	(1 << VCPU_EXREG_RFLAGS) |
	(1 << VCPU_EXREG_PDPTR) |
	(1 << VCPU_EXREG_SEGMENTS) |
	(1 << VCPU_EXREG_CR0) |
	(1 << VCPU_EXREG_CR3) |
	(1 << VCPU_EXREG_CR4) |
	(1 << VCPU_EXREG_EXIT_INFO_1) |
	(1 << VCPU_EXREG_EXIT_INFO_2);

export function to_kvm_vmx(kvm: struct_kvm): struct_kvm_vmx {
	return kvm.owner as struct_kvm_vmx;
}

export function to_vmx(vcpu: struct_kvm_vcpu): struct_vcpu_vmx {
	return vcpu.owner as struct_vcpu_vmx;
}

/** Not for exits whose qualification is a linear address: those need 64 bits. */
export function vmx_get_exit_qual(vcpu: struct_kvm_vcpu): number {
	const vmx = to_vmx(vcpu);

	if (!kvm_register_is_available(vcpu, VCPU_EXREG_EXIT_INFO_1)) {
		kvm_register_mark_available(vcpu, VCPU_EXREG_EXIT_INFO_1);
		vmx.exit_qualification = vmcs_readn(EXIT_QUALIFICATION);
	}
	return vmx.exit_qualification;
}

export function vmx_get_intr_info(vcpu: struct_kvm_vcpu): number {
	const vmx = to_vmx(vcpu);

	if (!kvm_register_is_available(vcpu, VCPU_EXREG_EXIT_INFO_2)) {
		kvm_register_mark_available(vcpu, VCPU_EXREG_EXIT_INFO_2);
		vmx.exit_intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
	}
	return vmx.exit_intr_info;
}

export function alloc_vmcs(): struct_vmcs | null {
	return alloc_vmcs_cpu(raw_smp_processor_id(), GFP_KERNEL_ACCOUNT);
}

/** C: also for a guest whose physical addresses are shorter than the host's. */
export function vmx_need_pf_intercept(_vcpu: struct_kvm_vcpu): boolean {
	return !enable_ept;
}

export function is_unrestricted_guest(_vcpu: struct_kvm_vcpu): boolean {
	return enable_unrestricted_guest;
}

/** Guests are unrestricted, or the module refuses to load. */
export function vmx_guest_state_valid(vcpu: struct_kvm_vcpu): boolean {
	return is_unrestricted_guest(vcpu);
}

