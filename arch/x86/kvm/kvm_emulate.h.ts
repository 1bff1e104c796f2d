// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction emulator: what it knows of an instruction, and how it reaches the vCPU.
 *
 * Upstream: arch/x86/kvm/kvm_emulate.h. Linear addresses are gva_t; values of operands and
 * registers are bigints, which the emulator moves in and out of memory as little-endian bytes. Left
 * out: vector operands, what only nested guests intercept, leaving system management mode.
 */
import { gpa_t, type gva_t, type ref } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import type { struct_desc_ptr } from "#asm/desc_defs.ts";
import type { guest_op } from "#hw/guest_types.ts";

/* what became of a step */
export const X86EMUL_CONTINUE		= 0;
export const X86EMUL_UNHANDLEABLE	= 1;	/* the emulator gives up */
export const X86EMUL_PROPAGATE_FAULT	= 2;	/* the guest gets an exception */
export const X86EMUL_RETRY_INSTR	= 3;
export const X86EMUL_CMPXCHG_FAILED	= 4;	/* another value than expected */
export const X86EMUL_IO_NEEDED		= 5;	/* user space has to complete it */
export const X86EMUL_INTERCEPTED	= 6;

/* x86_decode_insn(), x86_emulate_insn() */
export const EMULATION_FAILED		= -1;
export const EMULATION_OK		= 0;
export const EMULATION_RESTART		= 1;
export const EMULATION_INTERCEPTED	= 2;

export const REPE_PREFIX	= 0xf3;
export const REPNE_PREFIX	= 0xf2;

export class struct_x86_exception {
	vector = 0;
	error_code_valid = false;
	error_code = 0;
	nested_page_fault = false;
	/** CR2 */
	address = 0n;
	async_page_fault = 0;
}

/** For the vendor's check_intercept(). */
export class struct_x86_instruction_info {
	intercept = 0;
	rep_prefix = 0;
	src_val = 0n;
	dst_val = 0n;
	src_bytes = 0;
	dst_bytes = 0;
	ad_bytes = 0;
	next_rip = 0n;
}

/*
 * The emulator's way to registers, memory and ports. "_std" is ordinary memory, "_emulated" may be
 * a device. An instruction is assumed to touch emulated memory in one place, never by its fetch or
 * its stack. A function that fails with X86EMUL_PROPAGATE_FAULT has filled in @fault.
 */
export interface x86_emulate_ops {
	vm_bugged(ctxt: struct_x86_emulate_ctxt): void;
	read_gpr(ctxt: struct_x86_emulate_ctxt, reg: number): bigint;
	write_gpr(ctxt: struct_x86_emulate_ctxt, reg: number, val: bigint): void;
	/** @system: with the rights of CPL 0 */
	read_std(ctxt: struct_x86_emulate_ctxt, addr: gva_t, val: Uint8Array, bytes: number,
		fault: struct_x86_exception, system: boolean): number;
	write_std(ctxt: struct_x86_emulate_ctxt, addr: gva_t, val: Uint8Array, bytes: number,
		fault: struct_x86_exception, system: boolean): number;
	fetch(ctxt: struct_x86_emulate_ctxt, addr: gva_t, val: Uint8Array, bytes: number,
		fault: struct_x86_exception): number;
	read_emulated(ctxt: struct_x86_emulate_ctxt, addr: gva_t, val: Uint8Array, bytes: number,
		fault: struct_x86_exception): number;
	write_emulated(ctxt: struct_x86_emulate_ctxt, addr: gva_t, val: Uint8Array, bytes: number,
		fault: struct_x86_exception): number;
	cmpxchg_emulated(ctxt: struct_x86_emulate_ctxt, addr: gva_t, old: Uint8Array,
		new_: Uint8Array, bytes: number, fault: struct_x86_exception): number;
	invlpg(ctxt: struct_x86_emulate_ctxt, addr: gva_t): void;

	/** 1 when @val holds @count values of @size bytes, 0 when user space has to be asked. */
	pio_in_emulated(ctxt: struct_x86_emulate_ctxt, size: number, port: number, val: Uint8Array,
		count: number): number;
	pio_out_emulated(ctxt: struct_x86_emulate_ctxt, size: number, port: number, val: Uint8Array,
		count: number): number;

	get_cached_segment_base(ctxt: struct_x86_emulate_ctxt, seg: number): bigint;
	get_gdt(ctxt: struct_x86_emulate_ctxt, dt: struct_desc_ptr): void;
	get_idt(ctxt: struct_x86_emulate_ctxt, dt: struct_desc_ptr): void;
	set_gdt(ctxt: struct_x86_emulate_ctxt, dt: struct_desc_ptr): void;
	set_idt(ctxt: struct_x86_emulate_ctxt, dt: struct_desc_ptr): void;
	get_cr(ctxt: struct_x86_emulate_ctxt, cr: number): number;
	set_cr(ctxt: struct_x86_emulate_ctxt, cr: number, val: number): number;
	cpl(ctxt: struct_x86_emulate_ctxt): number;
	get_dr(ctxt: struct_x86_emulate_ctxt, dr: number, dest: ref<bigint>): void;
	set_dr(ctxt: struct_x86_emulate_ctxt, dr: number, value: bigint): number;
	set_msr_with_filter(ctxt: struct_x86_emulate_ctxt, msr_index: number, data: bigint): number;
	get_msr_with_filter(ctxt: struct_x86_emulate_ctxt, msr_index: number,
		pdata: ref<bigint>): number;
	set_msr(ctxt: struct_x86_emulate_ctxt, msr_index: number, data: bigint): number;
	get_msr(ctxt: struct_x86_emulate_ctxt, msr_index: number, pdata: ref<bigint>): number;
	halt(ctxt: struct_x86_emulate_ctxt): void;
	wbinvd(ctxt: struct_x86_emulate_ctxt): void;
	fix_hypercall(ctxt: struct_x86_emulate_ctxt): number;
	intercept(ctxt: struct_x86_emulate_ctxt, info: struct_x86_instruction_info,
		stage: x86_intercept_stage): number;

	get_cpuid(ctxt: struct_x86_emulate_ctxt, eax: ref<number>, ebx: ref<number>,
		ecx: ref<number>, edx: ref<number>, exact_only: boolean): boolean;
	guest_has_long_mode(ctxt: struct_x86_emulate_ctxt): boolean;

	set_nmi_mask(ctxt: struct_x86_emulate_ctxt, masked: boolean): void;

	get_hflags(ctxt: struct_x86_emulate_ctxt): number;
	triple_fault(ctxt: struct_x86_emulate_ctxt): void;
}

/* enum of struct operand's type */
export const OP_REG	= 0;
export const OP_MEM	= 1;
export const OP_MEM_STR	= 2;	/* several elements of a string, in data */
export const OP_IMM	= 3;
export const OP_NONE	= 4;

/** Where an operand is, and what its value is. */
export class struct_operand {
	type = OP_NONE;
	bytes = 0;
	count = 0;
	orig_val = 0n;
	/** OP_REG: number of the register */
	reg = 0;
	/** OP_MEM: C's mem.ea, though the CPU has added the segment's base already */
	ea = 0;
	seg = 0;
	val = 0n;
	/** OP_MEM: val and orig_val as bytes; user space may have to complete the access to them */
	valptr = new Uint8Array(16);
	origptr = new Uint8Array(16);
	/** OP_MEM_STR: bytes * count of them */
	data: Uint8Array | null = null;
}

export class struct_fetch_cache {
	data = new Uint8Array(15);
	/** bytes of data that were fetched (C: end - data) */
	end = 0;
}

export class struct_read_cache {
	data = new Uint8Array(1024);
	pos = 0;
	end = 0;
}

/* enum x86emul_mode */
export const X86EMUL_MODE_REAL		= 0;
export const X86EMUL_MODE_VM86		= 1;
export const X86EMUL_MODE_PROT16	= 2;
export const X86EMUL_MODE_PROT32	= 3;
export const X86EMUL_MODE_PROT64	= 4;
export type x86emul_mode = number;

/* HF_*_MASK of asm/kvm_host.ts */
export const X86EMUL_GUEST_MASK		= 1 << 5;
export const X86EMUL_SMM_MASK		= 1 << 6;
export const X86EMUL_SMM_INSIDE_NMI_MASK	= 1 << 7;

/** RIP is not among them: it is _eip. */
export const NR_EMULATOR_GPRS		= 16;

export class struct_x86_emulate_ctxt {
	vcpu: struct_kvm_vcpu | null = null;
	ops: x86_emulate_ops | null = null;

	/* state before and after */
	eflags = 0;
	eip = 0n;
	mode: x86emul_mode = 0;

	/** KVM_X86_SHADOW_INT_*: by STI or MOV SS */
	interruptibility = 0;

	/** permissions are not to be checked */
	perm_ok = false;
	/** TF before the instruction */
	tf = false;

	have_exception = false;
	exception = new struct_x86_exception();

	gpa_available = false;
	gpa_val: gpa_t = gpa_t(0);

	/* the decoded instruction */

	/** Port-only: what the CPU was executing, instead of C's opcode, ModRM and so on. */
	op: guest_op | null = null;
	opcode_len = 0;
	b = 0;
	intercept = 0;
	op_bytes = 0;
	ad_bytes = 0;
	execute: ((ctxt: struct_x86_emulate_ctxt) => number) | null = null;
	check_perm: ((ctxt: struct_x86_emulate_ctxt) => number) | null = null;

	lock_prefix = 0;
	rep_prefix = 0;
	/** registers of _regs that were read, and those that were written */
	regs_valid = 0;
	regs_dirty = 0;
	/** flags: emulate.ts */
	d = 0;
	_eip = 0n;

	src = new struct_operand();
	src2 = new struct_operand();
	dst = new struct_operand();
	_regs = new BigUint64Array(NR_EMULATOR_GPRS);
	fetch = new struct_fetch_cache();
	io_read = new struct_read_cache();
	mem_read = new struct_read_cache();
	is_branch = false;
}

export function KVM_EMULATOR_BUG_ON(cond: boolean, ctxt: struct_x86_emulate_ctxt): boolean {
	if (WARN_ON_ONCE(cond))
		ctxt.ops!.vm_bugged(ctxt);
	return cond;
}

/* vendors, as CPUID leaf 0 has them */
export const X86EMUL_CPUID_VENDOR_AuthenticAMD_ebx	= 0x68747541;
export const X86EMUL_CPUID_VENDOR_AuthenticAMD_ecx	= 0x444d4163;
export const X86EMUL_CPUID_VENDOR_AuthenticAMD_edx	= 0x69746e65;

export const X86EMUL_CPUID_VENDOR_AMDisbetterI_ebx	= 0x69444d41;
export const X86EMUL_CPUID_VENDOR_AMDisbetterI_ecx	= 0x21726574;
export const X86EMUL_CPUID_VENDOR_AMDisbetterI_edx	= 0x74656273;

export const X86EMUL_CPUID_VENDOR_HygonGenuine_ebx	= 0x6f677948;
export const X86EMUL_CPUID_VENDOR_HygonGenuine_ecx	= 0x656e6975;
export const X86EMUL_CPUID_VENDOR_HygonGenuine_edx	= 0x6e65476e;

export const X86EMUL_CPUID_VENDOR_GenuineIntel_ebx	= 0x756e6547;
export const X86EMUL_CPUID_VENDOR_GenuineIntel_ecx	= 0x6c65746e;
export const X86EMUL_CPUID_VENDOR_GenuineIntel_edx	= 0x49656e69;

export const X86EMUL_CPUID_VENDOR_CentaurHauls_ebx	= 0x746e6543;
export const X86EMUL_CPUID_VENDOR_CentaurHauls_ecx	= 0x736c7561;
export const X86EMUL_CPUID_VENDOR_CentaurHauls_edx	= 0x48727561;

export function is_guest_vendor_intel(ebx: number, ecx: number, edx: number): boolean {
	return ebx === X86EMUL_CPUID_VENDOR_GenuineIntel_ebx &&
	       ecx === X86EMUL_CPUID_VENDOR_GenuineIntel_ecx &&
	       edx === X86EMUL_CPUID_VENDOR_GenuineIntel_edx;
}

export function is_guest_vendor_amd(ebx: number, ecx: number, edx: number): boolean {
	return (ebx === X86EMUL_CPUID_VENDOR_AuthenticAMD_ebx &&
		ecx === X86EMUL_CPUID_VENDOR_AuthenticAMD_ecx &&
		edx === X86EMUL_CPUID_VENDOR_AuthenticAMD_edx) ||
	       (ebx === X86EMUL_CPUID_VENDOR_AMDisbetterI_ebx &&
		ecx === X86EMUL_CPUID_VENDOR_AMDisbetterI_ecx &&
		edx === X86EMUL_CPUID_VENDOR_AMDisbetterI_edx);
}

export function is_guest_vendor_hygon(ebx: number, ecx: number, edx: number): boolean {
	return ebx === X86EMUL_CPUID_VENDOR_HygonGenuine_ebx &&
	       ecx === X86EMUL_CPUID_VENDOR_HygonGenuine_ecx &&
	       edx === X86EMUL_CPUID_VENDOR_HygonGenuine_edx;
}

/* enum x86_intercept_stage */
export const X86_ICTP_NONE		= 0;
export const X86_ICPT_PRE_EXCEPT	= 1;
export const X86_ICPT_POST_EXCEPT	= 2;
export const X86_ICPT_POST_MEMACCESS	= 3;
export type x86_intercept_stage = number;

/* enum x86_intercept */
export const x86_intercept_none		= 0;
export const x86_intercept_cr_read	= 1;
export const x86_intercept_cr_write	= 2;
export const x86_intercept_clts		= 3;
export const x86_intercept_lmsw		= 4;
export const x86_intercept_smsw		= 5;
export const x86_intercept_dr_read	= 6;
export const x86_intercept_dr_write	= 7;
export const x86_intercept_lidt		= 8;
export const x86_intercept_sidt		= 9;
export const x86_intercept_lgdt		= 10;
export const x86_intercept_sgdt		= 11;
export const x86_intercept_lldt		= 12;
export const x86_intercept_sldt		= 13;
export const x86_intercept_ltr		= 14;
export const x86_intercept_str		= 15;
export const x86_intercept_rdtsc	= 16;
export const x86_intercept_rdpmc	= 17;
export const x86_intercept_pushf	= 18;
export const x86_intercept_popf		= 19;
export const x86_intercept_cpuid	= 20;
export const x86_intercept_rsm		= 21;
export const x86_intercept_iret		= 22;
export const x86_intercept_intn		= 23;
export const x86_intercept_invd		= 24;
export const x86_intercept_pause	= 25;
export const x86_intercept_hlt		= 26;
export const x86_intercept_invlpg	= 27;
export const x86_intercept_invlpga	= 28;
export const x86_intercept_vmrun	= 29;
export const x86_intercept_vmload	= 30;
export const x86_intercept_vmsave	= 31;
export const x86_intercept_vmmcall	= 32;
export const x86_intercept_stgi		= 33;
export const x86_intercept_clgi		= 34;
export const x86_intercept_skinit	= 35;
export const x86_intercept_rdtscp	= 36;
export const x86_intercept_rdpid	= 37;
export const x86_intercept_icebp	= 38;
export const x86_intercept_wbinvd	= 39;
export const x86_intercept_monitor	= 40;
export const x86_intercept_mwait	= 41;
export const x86_intercept_rdmsr	= 42;
export const x86_intercept_wrmsr	= 43;
export const x86_intercept_in		= 44;
export const x86_intercept_ins		= 45;
export const x86_intercept_out		= 46;
export const x86_intercept_outs		= 47;
export const x86_intercept_xsetbv	= 48;
export const nr_x86_intercepts		= 49;
export type x86_intercept = number;

/* host execution mode */
export const X86EMUL_MODE_HOST	= X86EMUL_MODE_PROT64;

export {
	emulator_can_use_gpa, emulator_invalidate_register_cache,
	emulator_writeback_register_cache, init_decode_cache, x86_decode_insn, x86_emulate_insn,
	x86_page_table_writing_insn,
} from "#arch/x86/kvm/emulate.ts";
