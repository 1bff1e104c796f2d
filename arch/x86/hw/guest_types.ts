// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual CPU as the hardware sees it: what it executes, and its state while in the guest.
 *
 * Port-only. Linear addresses (gva) are signed numbers, canonical ones in [-2^47, 2^47); physical
 * ones unsigned. 64-bit values are two int32 halves; registers a BigUint64Array in KVM's order with
 * a Uint32Array over the same bytes.
 */

import type { struct_cpu } from "./cpu.ts";

/* general registers, by their number in instructions */
export const REG_RAX	= 0;
export const REG_RCX	= 1;
export const REG_RDX	= 2;
export const REG_RBX	= 3;
export const REG_RSP	= 4;
export const REG_RBP	= 5;
export const REG_RSI	= 6;
export const REG_RDI	= 7;
export const REG_R8	= 8;
export const REG_R9	= 9;
export const REG_R10	= 10;
export const REG_R11	= 11;
export const REG_R12	= 12;
export const REG_R13	= 13;
export const REG_R14	= 14;
export const REG_R15	= 15;
export const REG_RIP	= 16;

/* kinds of operations. Accesses to memory: */
export const GOP_LOAD		= 1;	/* RAX = [gva] */
export const GOP_STORE		= 2;	/* [gva] = RAX */
export const GOP_CMPXCHG	= 3;	/* if [gva] == expected: [gva] = value; RAX = old */
export const GOP_XCHG		= 4;	/* [gva] = value; RAX = old */
export const GOP_XADD		= 5;	/* [gva] += value; RAX = old */
/* in bulk; len bytes (stride: len accesses), of which done are done */
export const GOP_MEMSET		= 6;	/* STOS: [gva] = value */
export const GOP_MEMCPY		= 7;	/* MOVS: [gva] = [gva2] */
export const GOP_MEMCMP		= 8;	/* CMPS: [gva] against [gva2], until they differ */
export const GOP_MEMCHK		= 9;	/* SCAS: [gva] against value, until it differs */
export const GOP_STRIDE_STORE	= 10;	/* [gva] = value, each stride further */
export const GOP_STRIDE_LOAD	= 11;
/* ports */
export const GOP_IN		= 16;	/* RAX = port */
export const GOP_OUT		= 17;	/* port = RAX */
export const GOP_INS		= 18;	/* [gva] = port, len times */
export const GOP_OUTS		= 19;	/* port = [gva], len times */
/* the processor */
export const GOP_HLT		= 24;
export const GOP_CPUID		= 25;
export const GOP_RDMSR		= 26;
export const GOP_WRMSR		= 27;
export const GOP_VMCALL		= 28;
export const GOP_VMMCALL	= 29;
export const GOP_RDTSC		= 30;
export const GOP_PAUSE		= 31;
export const GOP_NOP		= 32;
export const GOP_MFENCE		= 33;
export const GOP_UD2		= 34;
export const GOP_INT3		= 35;
export const GOP_INT		= 36;	/* INT value */
export const GOP_CLI		= 37;
export const GOP_STI		= 38;
export const GOP_INVLPG		= 39;
export const GOP_READ_CR	= 40;	/* RAX = CRn, n in reg */
export const GOP_WRITE_CR	= 41;
export const GOP_READ_DR	= 42;
export const GOP_WRITE_DR	= 43;
export const GOP_LIDT		= 44;	/* base gva, limit len */
export const GOP_LGDT		= 45;
export const GOP_WBINVD		= 46;
export const GOP_TDCALL		= 47;
/* control flow */
export const GOP_CALL		= 48;	/* call gva */
export const GOP_RET		= 49;
export const GOP_IRET		= 50;
export const GOP_JMP		= 51;	/* jump to gva */
export const GOP_RELOAD_CS	= 52;	/* far jump to what follows, CS from register reg */
export const GOP_JMP_FAR	= 53;	/* jump to gva in the segment lo */
/* of scripts only: registers without an instruction */
export const GOP_GET_REG	= 56;
export const GOP_SET_REG	= 57;
export const GOP_GET_RIP	= 58;
export const GOP_GET_RFLAGS	= 59;
export const GOP_SET_RFLAGS	= 60;
/* between registers, from bytes only */
export const GOP_MOV_IMM	= 61;	/* gpr = value */
export const GOP_MOV_REG	= 62;	/* gpr = register reg */
/* bytes that are no instruction the CPU knows: #UD, or for the kernel to look at */
export const GOP_UNKNOWN	= 63;

/* what a script is handed when its operation is done */
export const GRET_NONE		= 0;
export const GRET_U32		= 1;	/* low bytes of RAX, a number */
export const GRET_N64		= 2;	/* RAX as a number */
export const GRET_U64		= 3;	/* RAX as a bigint */
export const GRET_DONE		= 4;	/* how far a bulk operation came */
export const GRET_CPUID		= 5;
export const GRET_EDX_EAX	= 6;
export const GRET_BOOL		= 7;	/* bulk comparison: everything equal */
export const GRET_DIFF		= 8;	/* memcmp(): sign of the difference */
export const GRET_REG		= 9;	/* value of register reg */

/**
 * An operation: decoded once, and pending until it is done. While it is in memory, @gva, @gva2 and
 * @size are the element at which it stands: what an exit is about.
 */
export class guest_op {
	kind = 0;
	/** Still to be executed, wholly or in part. */
	pending = false;
	/** The script has begun: it waits for a result. */
	posted = false;
	rip = 0;
	next_rip = 0;
	gva = 0;
	gva2 = 0;
	/** Bytes of an access, of a port, of an element. */
	size = 0;
	/** Value stored, added, compared with, written; a port's data is in RAX. */
	lo = 0;
	hi = 0;
	/** GOP_CMPXCHG: what is expected. */
	exp_lo = 0;
	exp_hi = 0;
	port = 0;
	/** Bytes or elements in all, and done. */
	len = 0;
	done = 0;
	stride = 0;
	/** Register the operation names: CR or DR; of memory accesses the general one. */
	reg = 0;
	/** General register of a MOV to or from CR or DR. */
	gpr = 0;
	/** IN, OUT: the port is in the instruction. */
	imm = false;
	/** A REP prefix: RCX counts. */
	rep = false;
	/** Sign of the difference that ended a comparison. */
	diff = 0;
	/** GRET_* */
	ret = 0;
	/** From bytes: operands come from and go to registers as the instruction says. */
	bytes = false;
}

/** What a script's program is: see isa_guest.ts. */
export type guest_program = Generator<number, void, void>;
export type guest_fn = (...args: bigint[]) => guest_program;

/** A script, or a run of bytes, with what interrupted it above it. */
export class guest_context {
	/** null: bytes in memory */
	program: guest_program | null;
	/** Linear address of the script's window of text. */
	window: number;
	readonly op = new guest_op();
	/** Where it goes on when no operation is pending. */
	rip = 0;
	constructor(program: guest_program | null, window: number, rip: number) {
		this.program = program;
		this.window = window;
		this.rip = rip;
	}
}

/** A segment register. @ar is in the VMCS's format. */
export class guest_segment {
	selector = 0;
	ar = 0;
	limit = 0;
	base = 0;
}

/** What makes a guest a TD. */
export class guest_td {
	/** KeyID of its private memory. */
	hkid = 0;
	/** Guest frames from this one on are shared: the bit that says so. */
	shared_gfn = 0;
	/** Levels of secure EPT, and of shared EPT with its root, -1 for none. */
	levels = 4;
	shared_root = -1;
	/** The machine check of the last exit: where, and whether it comes as an SMI. */
	poison_hpa = 0;
	msmi = false;
}

/** One virtual CPU. KVM makes it with the vCPU, and may touch only what says so. */
export class struct_guest_cpu {
	/** For KVM (VMX): CR2's halves, signed, to be loaded before entry and saved after exit. */
	cr2_lo = 0;
	cr2_hi = 0;
	/** For KVM: DR0 to DR3; VMX: DR6, and DR7 out of the VMCS. */
	readonly dr = new BigUint64Array(8);

	/** In the guest: between entry and exit. */
	in_guest = false;
	/** SVM, not VMX. */
	svm = false;
	/** A VCPU of a TD: the module's, not KVM's. */
	td: guest_td | null = null;
	/** Of a TD: bits of entries' high halves above its physical addresses. */
	rsvd_hi = 0;
	/** Frame of the VMCS or VMCB it runs on, and its words. */
	vmc = -1;
	words: Int32Array = new Int32Array(1);
	/** Registers, KVM's own array while in the guest. */
	regs: BigUint64Array = new BigUint64Array(17);
	regs32: Uint32Array = new Uint32Array(this.regs.buffer);
	/** The CPU it runs on; null before it has. */
	cpu: struct_cpu | null = null;

	/* architectural state, valid while in the guest */
	/** Linear: RIP and the base of CS, which is 0 in 64-bit mode. */
	rip = 0;
	rip_base = 0;
	/** RIP as it was at entry: the VMCS has it; NaN once rip_base is another. */
	entry_rip = NaN;
	rflags = 2;
	/** Signed, as it has bit 31. */
	cr0 = 0;
	cr3 = 0;
	cr4 = 0;
	cr8 = 0;
	efer = 0;
	cpl = 0;
	readonly cs = new guest_segment();
	readonly ss = new guest_segment();
	tr_base = 0;
	gdt_base = 0;
	gdt_limit = 0;
	idt_base = 0;
	idt_limit = 0;
	/** STI or MOV SS before the next operation. */
	shadow = false;
	shadow_mov_ss = false;
	/** The operation that runs casts one. */
	shadow_next = false;
	nmi_blocked = false;
	/** The activity state HLT. */
	halted = false;
	/** TF was set when the operation that runs began: a trap behind it. */
	step = false;
	/** State changed that exits do not always save: control registers, segments, tables. */
	state_dirty = false;

	/** Intercepts by word (SVM). */
	readonly intercepts = new Uint32Array(6);
	/** int_ctl, virtual interrupt included (SVM). */
	int_ctl = 0;
	int_vector = 0;

	/* controls, from the VMCS or VMCB */
	exceptions = 0;
	pin = 0;
	/** Signed, for the same reason. */
	exec = 0;
	exec2 = 0;
	/** Top table and pointer of EPT or NPT; -1 without. */
	eptp = 0;
	root = -1;
	ept_levels = 4;
	ept_ad = false;
	pml = false;
	vpid = 0;
	tsc_offset = 0n;
	cr0_mask = 0;
	cr4_mask = 0;
	cr0_shadow = 0;
	cr4_shadow = 0;
	apic_access_pfn = -1;

	/* what it executes, innermost last */
	readonly stack: guest_context[] = [];
	top: guest_context | null = null;

	/* translation */
	/** Context in the TLB, and what it stands for. */
	context = -1;
	context_vpid = -1;
	context_root = -1;
	context_pcid = -1;
	/** rights that accesses need */
	need_load = 0;
	need_store = 0;
	need_fetch = 0;
	/** Page of text whose fetch was checked, while the TLB has that stamp. */
	text_page = NaN;
	text_pfn = -1;
	text_stamp = 0;
	/** INVLPGs the TLB had seen by then. */
	text_invlpg = -1;
	/** Privilege level that the rights are for. */
	need_cpl = -1;
	/** What cpu.force_exit calls. */
	force_exit: (() => void) | null = null;

	/* events */
	/** Before the next operation: an event to inject, a window, a virtual interrupt. */
	attention = false;
	/** Event to inject, as VM-entry interruption information; 0 for none. */
	inject = 0;
	inject_error = 0;
	inject_len = 0;
	/** Event being delivered, as IDT-vectoring information; 0 for none. */
	vectoring = 0;
	vectoring_error = 0;
	vectoring_len = 0;
	/** The access that runs reads and writes. */
	access_rmw = false;
	/** Counter, for tests. */
	nr_exits = 0;
}
