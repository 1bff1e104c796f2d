// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: intercepts, clean bits, the way from a vCPU to its VMCB.
 *
 * Upstream: arch/x86/kvm/svm/svm.h. Left out: nested guests, AVIC, virtual GIF, SEV-ES.
 */
import type { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { CONFIG_KVM_AMD_SEV } from "#generated/autoconf.ts";
import { HF_GIF_MASK, VCPU_EXREG_PDPTR } from "#asm/kvm_host.const.ts";
import { INTERCEPT_DR, INTERCEPT_DR0_READ, INTERCEPT_DR0_WRITE, INTERCEPT_DR1_READ,
	INTERCEPT_DR1_WRITE, INTERCEPT_DR2_READ, INTERCEPT_DR2_WRITE, INTERCEPT_DR3_READ,
	INTERCEPT_DR3_WRITE, INTERCEPT_DR4_READ, INTERCEPT_DR4_WRITE, INTERCEPT_DR5_READ,
	INTERCEPT_DR5_WRITE, INTERCEPT_DR6_READ, INTERCEPT_DR6_WRITE, INTERCEPT_DR7_READ,
	INTERCEPT_DR7_WRITE, INTERCEPT_EXCEPTION_OFFSET, MAX_INTERCEPT, type vmcb,
	type vmcb_control_area } from "#asm/svm.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import type { struct_kvm_svm, struct_vcpu_svm } from "#arch/x86/kvm/svm/svm_types.h.ts";

export * from "#arch/x86/kvm/svm/svm_types.h.ts";
export { npt_enabled, svm_data } from "#arch/x86/kvm/svm/svm.ts";

export const IOPM_SIZE	= PAGE_SIZE * 3;
export const MSRPM_SIZE	= PAGE_SIZE * 2;

/* bits of control.clean: what has not changed since the VMCB was last run */
export const VMCB_INTERCEPTS	= 0;	/* intercepts, TSC offset, pause filter */
export const VMCB_PERM_MAP	= 1;	/* where the I/O and MSR permission maps are */
export const VMCB_ASID		= 2;
export const VMCB_INTR		= 3;	/* int_ctl, int_vector */
export const VMCB_NPT		= 4;	/* nested_ctl, nested_cr3, g_pat */
export const VMCB_CR		= 5;	/* and EFER, not CR2 */
export const VMCB_DR		= 6;	/* DR6, DR7 */
export const VMCB_DT		= 7;	/* GDT, IDT */
export const VMCB_SEG		= 8;	/* and CPL; no FS, no GS */
export const VMCB_CR2		= 9;
export const VMCB_LBR		= 10;
export const VMCB_AVIC		= 11;
export const VMCB_SW		= 31;	/* for hypervisors' own use */

export const VMCB_ALL_CLEAN_MASK = (
	(1 << VMCB_INTERCEPTS) | (1 << VMCB_PERM_MAP) |
	(1 << VMCB_ASID) | (1 << VMCB_INTR) |
	(1 << VMCB_NPT) | (1 << VMCB_CR) | (1 << VMCB_DR) |
	(1 << VMCB_DT) | (1 << VMCB_SEG) | (1 << VMCB_CR2) |
	(1 << VMCB_LBR) | (1 << VMCB_AVIC) |
	(1 << VMCB_SW)) >>> 0;

/* TPR and CR2 are written before every entry */
export const VMCB_ALWAYS_DIRTY_MASK	= (1 << VMCB_INTR) | (1 << VMCB_CR2);

export function to_kvm_svm(kvm: struct_kvm): struct_kvm_svm {
	return kvm.owner as struct_kvm_svm;
}

export function sev_guest(kvm: struct_kvm): boolean {
	if (!CONFIG_KVM_AMD_SEV)
		return false;
	const sev = to_kvm_svm(kvm).sev_info;

	return sev.active;
}

export function vmcb_mark_all_dirty(vmcb: vmcb): void {
	vmcb.control.clean = 0;
}

export function vmcb_mark_all_clean(vmcb: vmcb): void {
	vmcb.control.clean = VMCB_ALL_CLEAN_MASK & ~VMCB_ALWAYS_DIRTY_MASK;
}

export function vmcb_mark_dirty(vmcb: vmcb, bit: number): void {
	vmcb.control.clean &= ~(1 << bit);
}

export function to_svm(vcpu: struct_kvm_vcpu): struct_vcpu_svm {
	return vcpu.owner as struct_vcpu_svm;
}

/*
 * All but the PDPTRs is fetched at every exit, as reading a VMCB is cheap. CR3 in it may be old:
 * whoever changes vcpu.arch.cr3 asks for KVM_REQ_LOAD_MMU_PGD, and svm_load_mmu_pgd() stores it.
 */
export const SVM_REGS_LAZY_LOAD_SET	= 1 << VCPU_EXREG_PDPTR;

export function vmcb_set_intercept(control: vmcb_control_area, bit: number): void {
	WARN_ON_ONCE(bit >= 32 * MAX_INTERCEPT);
	control.intercepts[bit >> 5]! |= 1 << (bit & 31);
}

export function vmcb_clr_intercept(control: vmcb_control_area, bit: number): void {
	WARN_ON_ONCE(bit >= 32 * MAX_INTERCEPT);
	control.intercepts[bit >> 5]! &= ~(1 << (bit & 31));
}

export function vmcb_is_intercept(control: vmcb_control_area, bit: number): boolean {
	WARN_ON_ONCE(bit >= 32 * MAX_INTERCEPT);
	return (control.intercepts[bit >> 5]! & (1 << (bit & 31))) !== 0;
}

/** arch/x86/kvm/svm/nested.c:recalc_intercepts(): no nested guest's VMCB to merge them in. */
export function recalc_intercepts(svm: struct_vcpu_svm): void {
	vmcb_mark_dirty(svm.vmcb, VMCB_INTERCEPTS);
}

export function set_dr_intercepts(svm: struct_vcpu_svm): void {
	const { control } = svm.vmcb01.ptr!;

	vmcb_set_intercept(control, INTERCEPT_DR0_READ);
	vmcb_set_intercept(control, INTERCEPT_DR1_READ);
	vmcb_set_intercept(control, INTERCEPT_DR2_READ);
	vmcb_set_intercept(control, INTERCEPT_DR3_READ);
	vmcb_set_intercept(control, INTERCEPT_DR4_READ);
	vmcb_set_intercept(control, INTERCEPT_DR5_READ);
	vmcb_set_intercept(control, INTERCEPT_DR6_READ);
	vmcb_set_intercept(control, INTERCEPT_DR0_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR1_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR2_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR3_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR4_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR5_WRITE);
	vmcb_set_intercept(control, INTERCEPT_DR6_WRITE);

	vmcb_set_intercept(control, INTERCEPT_DR7_READ);
	vmcb_set_intercept(control, INTERCEPT_DR7_WRITE);

	recalc_intercepts(svm);
}

export function clr_dr_intercepts(svm: struct_vcpu_svm): void {
	svm.vmcb01.ptr!.control.intercepts[INTERCEPT_DR] = 0;

	recalc_intercepts(svm);
}

export function set_exception_intercept(svm: struct_vcpu_svm, bit: number): void {
	WARN_ON_ONCE(bit >= 32);
	vmcb_set_intercept(svm.vmcb01.ptr!.control, INTERCEPT_EXCEPTION_OFFSET + bit);

	recalc_intercepts(svm);
}

export function clr_exception_intercept(svm: struct_vcpu_svm, bit: number): void {
	WARN_ON_ONCE(bit >= 32);
	vmcb_clr_intercept(svm.vmcb01.ptr!.control, INTERCEPT_EXCEPTION_OFFSET + bit);

	recalc_intercepts(svm);
}

export function svm_set_intercept(svm: struct_vcpu_svm, bit: number): void {
	vmcb_set_intercept(svm.vmcb01.ptr!.control, bit);

	recalc_intercepts(svm);
}

export function svm_clr_intercept(svm: struct_vcpu_svm, bit: number): void {
	vmcb_clr_intercept(svm.vmcb01.ptr!.control, bit);

	recalc_intercepts(svm);
}

/** Asked at every exit: the intercepts are the VMCB's first words. */
export function svm_is_intercept(svm: struct_vcpu_svm, bit: number): boolean {
	return (svm.vmcb32[bit >> 5]! & (1 << (bit & 31))) !== 0;
}

export function enable_gif(svm: struct_vcpu_svm): void {
	svm.vcpu.arch.hflags |= HF_GIF_MASK;
}

export function gif_set(svm: struct_vcpu_svm): boolean {
	return (svm.vcpu.arch.hflags & HF_GIF_MASK) !== 0;
}

/* svm.c */
export const MSR_INVALID		= 0xffffffff;

export { set_msr_interception, svm_interrupt_blocked, svm_msrpm_offset, svm_nmi_blocked,
	svm_set_cr0, svm_set_cr4, svm_set_efer } from "#arch/x86/kvm/svm/svm.ts";

/* sev.c */
export { max_sev_asid, pre_sev_run, sev_cpu_init, sev_guest_memory_reclaimed, sev_hardware_setup,
	sev_hardware_unsetup, sev_init_vmcb, sev_mem_enc_ioctl, sev_mem_enc_register_region,
	sev_mem_enc_unregister_region, sev_set_cpu_caps, sev_vm_destroy } from
	"#arch/x86/kvm/svm/sev.ts";
