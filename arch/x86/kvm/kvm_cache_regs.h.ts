// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's registers: in vcpu.arch if they are there, else fetched from the vendor first.
 *
 * Upstream: arch/x86/kvm/kvm_cache_regs.h. General registers are bigints; control registers, all of
 * whose bits lie below bit 32, unsigned numbers, and so are the masks given for them.
 *
 *	avail	dirty
 *	0	0	in the VMCS or VMCB
 *	0	1	cannot be
 *	1	0	in vcpu.arch
 *	1	1	in vcpu.arch, to be stored back
 */
import { U32_MAX } from "#asm-generic/types.ts";
import { HF_GUEST_MASK, HF_SMM_MASK, KVM_REQ_LOAD_EOI_EXITMAP, NR_VCPU_REGS, VCPU_EXREG_CR0,
	VCPU_EXREG_CR3, VCPU_EXREG_CR4, VCPU_EXREG_PDPTR, VCPU_REGS_R10, VCPU_REGS_R11,
	VCPU_REGS_R12, VCPU_REGS_R13, VCPU_REGS_R14, VCPU_REGS_R15, VCPU_REGS_R8, VCPU_REGS_R9,
	VCPU_REGS_RAX, VCPU_REGS_RBP, VCPU_REGS_RBX, VCPU_REGS_RCX, VCPU_REGS_RDI, VCPU_REGS_RDX,
	VCPU_REGS_RIP, VCPU_REGS_RSI, VCPU_REGS_RSP, type kvm_reg } from "#asm/kvm_host.const.ts";
import { X86_CR0_CD, X86_CR0_NW, X86_CR0_PG, X86_CR0_TS, X86_CR4_DE, X86_CR4_FSGSBASE,
	X86_CR4_OSFXSR, X86_CR4_OSXMMEXCPT, X86_CR4_PAE, X86_CR4_PCE, X86_CR4_PCIDE, X86_CR4_PGE,
	X86_CR4_PSE, X86_CR4_PVI, X86_CR4_SMEP, X86_CR4_TSD } from "#asm/processor-flags.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { might_sleep } from "#linux/kernel.ts";
import { kvm_make_request, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { kvm_x86_ops } from "#asm/kvm_host.ts";

export const KVM_POSSIBLE_CR0_GUEST_BITS	= X86_CR0_TS;
export const KVM_POSSIBLE_CR4_GUEST_BITS	= X86_CR4_PVI | X86_CR4_DE | X86_CR4_PCE |
	X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_PGE | X86_CR4_TSD | X86_CR4_FSGSBASE;

/* none of KVM_POSSIBLE_CR0_GUEST_BITS may be among them */
export const X86_CR0_PDPTR_BITS		= (X86_CR0_CD | X86_CR0_NW | X86_CR0_PG) >>> 0;
export const X86_CR4_TLBFLUSH_BITS	= X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_PAE | X86_CR4_SMEP;
export const X86_CR4_PDPTR_BITS		= X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_SMEP;

export function kvm_rax_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RAX]!;
}

export function kvm_rax_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RAX] = val;
}

export function kvm_rbx_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RBX]!;
}

export function kvm_rbx_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RBX] = val;
}

export function kvm_rcx_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RCX]!;
}

export function kvm_rcx_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RCX] = val;
}

export function kvm_rdx_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RDX]!;
}

export function kvm_rdx_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RDX] = val;
}

export function kvm_rbp_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RBP]!;
}

export function kvm_rbp_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RBP] = val;
}

export function kvm_rsi_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RSI]!;
}

export function kvm_rsi_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RSI] = val;
}

export function kvm_rdi_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_RDI]!;
}

export function kvm_rdi_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_RDI] = val;
}

export function kvm_r8_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R8]!;
}

export function kvm_r8_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R8] = val;
}

export function kvm_r9_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R9]!;
}

export function kvm_r9_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R9] = val;
}

export function kvm_r10_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R10]!;
}

export function kvm_r10_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R10] = val;
}

export function kvm_r11_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R11]!;
}

export function kvm_r11_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R11] = val;
}

export function kvm_r12_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R12]!;
}

export function kvm_r12_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R12] = val;
}

export function kvm_r13_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R13]!;
}

export function kvm_r13_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R13] = val;
}

export function kvm_r14_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R14]!;
}

export function kvm_r14_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R14] = val;
}

export function kvm_r15_read(vcpu: struct_kvm_vcpu): bigint {
	return vcpu.arch.regs[VCPU_REGS_R15]!;
}

export function kvm_r15_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R15] = val;
}

export function kvm_register_is_available(vcpu: struct_kvm_vcpu, reg: kvm_reg): boolean {
	return (vcpu.arch.regs_avail & 1 << reg) !== 0;
}

export function kvm_register_is_dirty(vcpu: struct_kvm_vcpu, reg: kvm_reg): boolean {
	return (vcpu.arch.regs_dirty & 1 << reg) !== 0;
}

export function kvm_register_mark_available(vcpu: struct_kvm_vcpu, reg: kvm_reg): void {
	vcpu.arch.regs_avail |= 1 << reg;
}

export function kvm_register_mark_dirty(vcpu: struct_kvm_vcpu, reg: kvm_reg): void {
	vcpu.arch.regs_avail |= 1 << reg;
	vcpu.arch.regs_dirty |= 1 << reg;
}

/** All 64 bits, whatever the vCPU's mode: seldom what is wanted, see kvm_register_read(). */
export function kvm_register_read_raw(vcpu: struct_kvm_vcpu, reg: number): bigint {
	if (WARN_ON_ONCE(reg >>> 0 >= NR_VCPU_REGS))
		return 0n;

	if (!kvm_register_is_available(vcpu, reg))
		kvm_x86_ops.cache_reg(vcpu, reg);

	return vcpu.arch.regs[reg]!;
}

export function kvm_register_write_raw(vcpu: struct_kvm_vcpu, reg: number, val: bigint): void {
	if (WARN_ON_ONCE(reg >>> 0 >= NR_VCPU_REGS))
		return;

	vcpu.arch.regs[reg] = val;
	kvm_register_mark_dirty(vcpu, reg);
}

export function kvm_rip_read(vcpu: struct_kvm_vcpu): bigint {
	return kvm_register_read_raw(vcpu, VCPU_REGS_RIP);
}

export function kvm_rip_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	kvm_register_write_raw(vcpu, VCPU_REGS_RIP, val);
}

export function kvm_rsp_read(vcpu: struct_kvm_vcpu): bigint {
	return kvm_register_read_raw(vcpu, VCPU_REGS_RSP);
}

export function kvm_rsp_write(vcpu: struct_kvm_vcpu, val: bigint): void {
	kvm_register_write_raw(vcpu, VCPU_REGS_RSP, val);
}

export function kvm_pdptr_read(vcpu: struct_kvm_vcpu, index: number): bigint {
	might_sleep();	/* SVM reads guest memory */

	if (!kvm_register_is_available(vcpu, VCPU_EXREG_PDPTR))
		kvm_x86_ops.cache_reg(vcpu, VCPU_EXREG_PDPTR);

	return vcpu.arch.walk_mmu!.pdptrs[index]!;
}

export function kvm_pdptr_write(vcpu: struct_kvm_vcpu, index: number, value: bigint): void {
	vcpu.arch.walk_mmu!.pdptrs[index] = value;
}

export function kvm_read_cr0_bits(vcpu: struct_kvm_vcpu, mask: number): number {
	const tmask = mask & KVM_POSSIBLE_CR0_GUEST_BITS;
	if ((tmask & vcpu.arch.cr0_guest_owned_bits) !== 0 &&
	    !kvm_register_is_available(vcpu, VCPU_EXREG_CR0))
		kvm_x86_ops.cache_reg(vcpu, VCPU_EXREG_CR0);
	return (vcpu.arch.cr0 & mask) >>> 0;
}

export function kvm_read_cr0(vcpu: struct_kvm_vcpu): number {
	return kvm_read_cr0_bits(vcpu, U32_MAX);
}

export function kvm_read_cr4_bits(vcpu: struct_kvm_vcpu, mask: number): number {
	const tmask = mask & KVM_POSSIBLE_CR4_GUEST_BITS;
	if ((tmask & vcpu.arch.cr4_guest_owned_bits) !== 0 &&
	    !kvm_register_is_available(vcpu, VCPU_EXREG_CR4))
		kvm_x86_ops.cache_reg(vcpu, VCPU_EXREG_CR4);
	return (vcpu.arch.cr4 & mask) >>> 0;
}

export function kvm_read_cr3(vcpu: struct_kvm_vcpu): number {
	if (!kvm_register_is_available(vcpu, VCPU_EXREG_CR3))
		kvm_x86_ops.cache_reg(vcpu, VCPU_EXREG_CR3);
	return vcpu.arch.cr3;
}

export function kvm_read_cr4(vcpu: struct_kvm_vcpu): number {
	return kvm_read_cr4_bits(vcpu, U32_MAX);
}

export function kvm_read_edx_eax(vcpu: struct_kvm_vcpu): bigint {
	return (kvm_rax_read(vcpu) & 0xffffffffn) | ((kvm_rdx_read(vcpu) & 0xffffffffn) << 32n);
}

export function enter_guest_mode(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.hflags |= HF_GUEST_MASK;
	vcpu.stat.guest_mode = 1;
}

export function leave_guest_mode(vcpu: struct_kvm_vcpu): void {
	vcpu.arch.hflags &= ~HF_GUEST_MASK;

	if (vcpu.arch.load_eoi_exitmap_pending) {
		vcpu.arch.load_eoi_exitmap_pending = false;
		kvm_make_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu);
	}

	vcpu.stat.guest_mode = 0;
}

/** Always false: nobody calls enter_guest_mode(), as there are no nested guests. */
export function is_guest_mode(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.hflags & HF_GUEST_MASK) !== 0;
}

export function is_smm(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.hflags & HF_SMM_MASK) !== 0;
}
