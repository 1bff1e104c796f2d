// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator: executes for the guest an instruction that its CPU could not, because it touches a
 * device, moves strings to or from ports, or is another vendor's.
 *
 * Upstream: arch/x86/kvm/emulate.c. Where C decodes bytes, the CPU is asked for the operation that
 * was pending when it exited; the bytes are fetched nevertheless, so that a guest whose RIP is not
 * in memory fails as it does there. Left out with the opcode tables: everything that no pending
 * operation can be, segments (the CPU has added their bases and checked their limits), vector
 * instructions, what nested guests intercept, the I/O bitmap (the CPU raises #GP before it exits).
 */
import { gva_t } from "#asm-generic/types.ts";
import { X86_CR4_LA57, X86_EFLAGS_AF, X86_EFLAGS_CF, X86_EFLAGS_DF, X86_EFLAGS_IOPL,
	X86_EFLAGS_IOPL_BIT, X86_EFLAGS_OF, X86_EFLAGS_PF, X86_EFLAGS_RF, X86_EFLAGS_SF,
	X86_EFLAGS_ZF } from "#asm/processor-flags.ts";
import { EMULTYPE_TRAP_UD, PFERR_WRITE_MASK, VCPU_REGS_RAX, VCPU_REGS_RCX, VCPU_REGS_RDI,
	VCPU_REGS_RSI, VCPU_SREG_CS, VCPU_SREG_DS, VCPU_SREG_ES } from "#asm/kvm_host.const.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { GP_VECTOR, PF_VECTOR, UD_VECTOR } from "#uapi-asm/kvm.ts";
import { guest_element_done, guest_pending } from "#hw/guest.ts";
import { GOP_CMPXCHG, GOP_HLT, GOP_IN, GOP_INS, GOP_LOAD, GOP_MEMCHK, GOP_MEMCMP, GOP_MEMCPY,
	GOP_MEMSET, GOP_MFENCE, GOP_NOP, GOP_OUT, GOP_OUTS, GOP_PAUSE, GOP_STORE, GOP_STRIDE_LOAD,
	GOP_STRIDE_STORE, GOP_UNKNOWN, GOP_VMCALL, GOP_VMMCALL, GOP_WBINVD, GOP_XADD, GOP_XCHG,
	type guest_op } from "#hw/guest_types.ts";
import { EMULATION_FAILED, EMULATION_INTERCEPTED, EMULATION_OK, EMULATION_RESTART,
	KVM_EMULATOR_BUG_ON, NR_EMULATOR_GPRS, OP_IMM, OP_MEM, OP_MEM_STR, OP_NONE, OP_REG,
	REPE_PREFIX, X86EMUL_CONTINUE, X86EMUL_INTERCEPTED, X86EMUL_IO_NEEDED,
	X86EMUL_MODE_PROT16, X86EMUL_MODE_PROT32, X86EMUL_MODE_PROT64, X86EMUL_MODE_REAL,
	X86EMUL_MODE_VM86, X86EMUL_PROPAGATE_FAULT, X86EMUL_UNHANDLEABLE, x86_intercept_none,
	type struct_operand, type struct_x86_emulate_ctxt } from "#arch/x86/kvm/kvm_emulate.h.ts";

/* ctxt.d: what C's opcode tables say of an instruction */
const ImplicitOps	= 1 << 0;	/* no destination to be written back */
const DstDI		= 1 << 1;	/* ES:RDI, which goes on */
const SrcSI		= 1 << 2;	/* DS:RSI, which goes on */
const String		= 1 << 3;	/* may have a REP prefix */
const Mov		= 1 << 4;	/* the destination is written, never read */
const EmulateOnUD	= 1 << 5;	/* the guest's vendor has it, though the host's has not */
const Lock		= 1 << 6;	/* may have a LOCK prefix */
const Priv		= 1 << 7;	/* #GP unless CPL is 0 */
const PageTable		= 1 << 8;	/* page tables are written with it */
const NoWrite		= 1 << 9;	/* no write-back */
const SrcWrite		= 1 << 10;	/* the source is written back */
const CheckPerm		= 1 << 11;	/* has a check_perm() */
const TwoMemOp		= 1 << 12;	/* two operands in memory */
/** Port-only: a script's bulk operation, whose progress the CPU keeps rather than RCX. */
const Bulk		= 1 << 13;
const NotImpl		= 1 << 14;

/** arch/x86/kvm/emulate.c:reg_read() */
function reg_read(ctxt: struct_x86_emulate_ctxt, nr: number): bigint {
	if (KVM_EMULATOR_BUG_ON(nr >= NR_EMULATOR_GPRS, ctxt))
		nr &= NR_EMULATOR_GPRS - 1;

	if ((ctxt.regs_valid & 1 << nr) === 0) {
		ctxt.regs_valid |= 1 << nr;
		ctxt._regs[nr] = ctxt.ops!.read_gpr(ctxt, nr);
	}
	return ctxt._regs[nr]!;
}

/** arch/x86/kvm/emulate.c:reg_write(); C gives a pointer to be written through. */
function reg_write(ctxt: struct_x86_emulate_ctxt, nr: number, val: bigint): void {
	if (KVM_EMULATOR_BUG_ON(nr >= NR_EMULATOR_GPRS, ctxt))
		nr &= NR_EMULATOR_GPRS - 1;

	ctxt.regs_valid |= 1 << nr;
	ctxt.regs_dirty |= 1 << nr;
	ctxt._regs[nr] = val;
}

/** arch/x86/kvm/emulate.c:writeback_registers() */
function writeback_registers(ctxt: struct_x86_emulate_ctxt): void {
	for (let reg = 0; reg < NR_EMULATOR_GPRS; reg++)
		if ((ctxt.regs_dirty & 1 << reg) !== 0)
			ctxt.ops!.write_gpr(ctxt, reg, ctxt._regs[reg]!);
}

/** arch/x86/kvm/emulate.c:invalidate_registers() */
function invalidate_registers(ctxt: struct_x86_emulate_ctxt): void {
	ctxt.regs_dirty = 0;
	ctxt.regs_valid = 0;
}

const EFLAGS_MASK = X86_EFLAGS_OF | X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF |
	X86_EFLAGS_CF;

/** arch/x86/kvm/emulate.c:assign_register(): what @reg becomes; 4 bytes are zero-extended. */
function assign_register(reg: bigint, val: bigint, bytes: number): bigint {
	switch (bytes) {
	case 1:
		return reg & ~0xffn | val & 0xffn;
	case 2:
		return reg & ~0xffffn | val & 0xffffn;
	case 4:
		return val & 0xffffffffn;
	default:
		return BigInt.asUintN(64, val);
	}
}

/** arch/x86/kvm/emulate.c:address_mask() */
function address_mask(ctxt: struct_x86_emulate_ctxt, reg: bigint): bigint {
	return BigInt.asUintN(ctxt.ad_bytes * 8, reg);
}

/** arch/x86/kvm/emulate.c:register_address(), as a linear address: these bases are 0. */
function register_address(ctxt: struct_x86_emulate_ctxt, reg: number): number {
	return Number(BigInt.asIntN(64, address_mask(ctxt, reg_read(ctxt, reg))));
}

/** arch/x86/kvm/emulate.c:register_address_increment() */
function register_address_increment(ctxt: struct_x86_emulate_ctxt, reg: number, inc: number): void {
	const val = reg_read(ctxt, reg);

	reg_write(ctxt, reg, assign_register(val, val + BigInt(inc), ctxt.ad_bytes));
}

/** arch/x86/kvm/emulate.c:emulate_exception() */
function emulate_exception(ctxt: struct_x86_emulate_ctxt, vec: number, error: number,
	valid: boolean): number {
	if (KVM_EMULATOR_BUG_ON(vec > 0x1f, ctxt))
		return X86EMUL_UNHANDLEABLE;

	ctxt.exception.vector = vec;
	ctxt.exception.error_code = error;
	ctxt.exception.error_code_valid = valid;
	return X86EMUL_PROPAGATE_FAULT;
}

/** arch/x86/kvm/emulate.c:emulate_gp() */
function emulate_gp(ctxt: struct_x86_emulate_ctxt, err: number): number {
	return emulate_exception(ctxt, GP_VECTOR, err, true);
}

/** arch/x86/kvm/emulate.c:emulate_ud() */
function emulate_ud(ctxt: struct_x86_emulate_ctxt): number {
	return emulate_exception(ctxt, UD_VECTOR, 0, false);
}

/** arch/x86/kvm/emulate.c:ctxt_virt_addr_bits() */
function ctxt_virt_addr_bits(ctxt: struct_x86_emulate_ctxt): number {
	return (ctxt.ops!.get_cr(ctxt, 4) & X86_CR4_LA57) !== 0 ? 57 : 48;
}

/**
 * arch/x86/kvm/emulate.c:__linearize(): bytes from @la on that may be accessed, -1 after a fault.
 */
function __linearize(ctxt: struct_x86_emulate_ctxt, la: number, size: number): number {
	const half = 2 ** (ctxt_virt_addr_bits(ctxt) - 1);
	let max_size: number;

	bad: {
		if (ctxt.mode === X86EMUL_MODE_PROT64) {
			if (la < -half || la >= half)
				break bad;

			/* no hole behind the lower half, no end of the upper one */
			max_size = la < 0 ? 0xffffffff : Math.min(0xffffffff, 2 * half - la);
		} else {
			max_size = 0x100000000 - la;
		}
		if (size > max_size)
			break bad;
		return max_size;
	}
	emulate_gp(ctxt, 0);
	return -1;
}

/** arch/x86/kvm/emulate.c:__do_insn_fetch_bytes(): as much as there is before the page ends. */
function __do_insn_fetch_bytes(ctxt: struct_x86_emulate_ctxt, op_size: number): number {
	const cur_size = ctxt.fetch.end;
	let linear = Number(BigInt.asIntN(64, ctxt.eip)) + cur_size;

	if (ctxt.mode !== X86EMUL_MODE_PROT64)
		linear += Number(BigInt.asIntN(64,
			ctxt.ops!.get_cached_segment_base(ctxt, VCPU_SREG_CS)));
	const max_size = __linearize(ctxt, linear, 0);
	if (max_size < 0)
		return X86EMUL_PROPAGATE_FAULT;

	let size = Math.min(15 ^ cur_size, max_size);
	size = Math.min(size, PAGE_SIZE - (linear & (PAGE_SIZE - 1)));

	/* an instruction is in two pages at most, so it is longer than 15 bytes */
	if (size < op_size)
		return emulate_gp(ctxt, 0);

	const rc = ctxt.ops!.fetch(ctxt, gva_t(linear),
		ctxt.fetch.data.subarray(cur_size, cur_size + size), size, ctxt.exception);
	if (rc !== X86EMUL_CONTINUE)
		return rc;
	ctxt.fetch.end += size;
	return X86EMUL_CONTINUE;
}

/**
 * arch/x86/kvm/emulate.c:read_emulated(); what was read is kept while the instruction is
 * repeated.
 */
function read_emulated(ctxt: struct_x86_emulate_ctxt, addr: gva_t, dest: Uint8Array,
	size: number): number {
	const mc = ctxt.mem_read;

	if (!(mc.pos < mc.end)) {
		if (KVM_EMULATOR_BUG_ON(mc.end + size >= mc.data.length, ctxt))
			return X86EMUL_UNHANDLEABLE;

		const rc = ctxt.ops!.read_emulated(ctxt, addr,
			mc.data.subarray(mc.end, mc.end + size), size, ctxt.exception);
		if (rc !== X86EMUL_CONTINUE)
			return rc;

		mc.end += size;
	}
	for (let i = 0; i < size; i++)
		dest[i] = mc.data[mc.pos + i]!;
	mc.pos += size;
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:segmented_read(), into the operand. */
function segmented_read(ctxt: struct_x86_emulate_ctxt, op: struct_operand): number {
	if (__linearize(ctxt, op.ea, op.bytes) < 0)
		return X86EMUL_PROPAGATE_FAULT;
	const rc = read_emulated(ctxt, gva_t(op.ea), op.valptr, op.bytes);
	if (rc === X86EMUL_CONTINUE)
		op.val = load_val(op.valptr, op.bytes);
	return rc;
}

/** arch/x86/kvm/emulate.c:segmented_write() */
function segmented_write(ctxt: struct_x86_emulate_ctxt, ea: number, data: Uint8Array,
	size: number): number {
	if (__linearize(ctxt, ea, size) < 0)
		return X86EMUL_PROPAGATE_FAULT;
	return ctxt.ops!.write_emulated(ctxt, gva_t(ea), data, size, ctxt.exception);
}

/** arch/x86/kvm/emulate.c:segmented_cmpxchg() */
function segmented_cmpxchg(ctxt: struct_x86_emulate_ctxt, ea: number, orig_data: Uint8Array,
	data: Uint8Array, size: number): number {
	if (__linearize(ctxt, ea, size) < 0)
		return X86EMUL_PROPAGATE_FAULT;
	return ctxt.ops!.cmpxchg_emulated(ctxt, gva_t(ea), orig_data, data, size, ctxt.exception);
}

/** The low @bytes of an operand in memory, as a value; elements may be longer. */
function load_val(data: Uint8Array, bytes: number): bigint {
	let lo = 0, hi = 0;

	for (let i = Math.min(bytes, 8) - 1; i >= 4; i--)
		hi = hi * 256 + data[i]!;
	for (let i = Math.min(bytes, 4) - 1; i >= 0; i--)
		lo = lo * 256 + data[i]!;
	return hi === 0 ? BigInt(lo) : BigInt(hi) << 32n | BigInt(lo);
}

function store_val(data: Uint8Array, val: bigint, bytes: number): void {
	const lo = Number(val & 0xffffffffn), hi = Number(val >> 32n & 0xffffffffn);

	for (let i = 0; i < bytes && i < 8; i++)
		data[i] = i < 4 ? lo >>> 8 * i : hi >>> 8 * (i - 4);
}

/** arch/x86/kvm/emulate.c:pio_in_emulated(): 0 if user space has to be asked. */
function pio_in_emulated(ctxt: struct_x86_emulate_ctxt, size: number, port: number,
	dest: struct_operand): number {
	const rc = ctxt.io_read;

	if (rc.pos === rc.end) {	/* nothing read ahead is left */
		const rdi = Number(reg_read(ctxt, VCPU_REGS_RDI) & 0xfffn);
		const count = ctxt.rep_prefix !== 0 ?
			Number(address_mask(ctxt, reg_read(ctxt, VCPU_REGS_RCX))) : 1;
		const in_page = (ctxt.eflags & X86_EFLAGS_DF) !== 0 ? rdi : PAGE_SIZE - rdi;
		let n = Math.min(in_page, Math.floor(rc.data.length / size), count);
		if (n === 0)
			n = 1;
		rc.pos = rc.end = 0;
		if (!ctxt.ops!.pio_in_emulated(ctxt, size, port, rc.data, n))
			return 0;
		rc.end = n * size;
	}

	if (ctxt.rep_prefix !== 0 && (ctxt.d & String) !== 0 &&
	    (ctxt.eflags & X86_EFLAGS_DF) === 0) {
		dest.data = rc.data.subarray(rc.pos, rc.end);
		dest.type = OP_MEM_STR;
		dest.count = Math.floor((rc.end - rc.pos) / size);
		rc.pos = rc.end;
	} else {
		dest.val = load_val(rc.data.subarray(rc.pos), size);
		rc.pos += size;
	}
	return 1;
}

/** arch/x86/kvm/emulate.c:write_register_operand() */
function write_register_operand(ctxt: struct_x86_emulate_ctxt, op: struct_operand): void {
	reg_write(ctxt, op.reg, assign_register(reg_read(ctxt, op.reg), op.val, op.bytes));
}

/** arch/x86/kvm/emulate.c:writeback() */
function writeback(ctxt: struct_x86_emulate_ctxt, op: struct_operand): number {
	switch (op.type) {
	case OP_REG:
		write_register_operand(ctxt, op);
		break;
	case OP_MEM:
		/* the bytes stay the operand's: they may have to wait for user space */
		store_val(op.valptr, op.val, op.bytes);
		if (ctxt.lock_prefix !== 0) {
			store_val(op.origptr, op.orig_val, op.bytes);
			return segmented_cmpxchg(ctxt, op.ea, op.origptr, op.valptr, op.bytes);
		} else
			return segmented_write(ctxt, op.ea, op.valptr, op.bytes);
	case OP_MEM_STR:
		return segmented_write(ctxt, op.ea, op.data!, op.bytes * op.count);
	case OP_NONE:
		/* no writeback */
		break;
	default:
		break;
	}
	return X86EMUL_CONTINUE;
}

/** Parity of the low byte, zero and sign: what addition and subtraction have in common. */
function result_flags(res: bigint, bytes: number): number {
	const low = Number(res & 0xffn);
	let flags = 0, parity = low ^ low >> 4;

	parity ^= parity >> 2;
	parity ^= parity >> 1;
	if ((parity & 1) === 0)
		flags |= X86_EFLAGS_PF;
	if (res === 0n)
		flags |= X86_EFLAGS_ZF;
	if ((res >> BigInt(bytes * 8 - 1) & 1n) !== 0n)
		flags |= X86_EFLAGS_SF;
	return flags;
}

function set_flags(ctxt: struct_x86_emulate_ctxt, flags: number): void {
	ctxt.eflags = ctxt.eflags & ~EFLAGS_MASK | flags & EFLAGS_MASK;
}

/** C: fastop(ctxt, em_cmp), flags of @a - @b. */
function em_cmp(ctxt: struct_x86_emulate_ctxt, a: bigint, b: bigint, bytes: number): void {
	const n = bytes * 8, top = BigInt(n - 1);
	const res = BigInt.asUintN(n, a - b);
	let flags = result_flags(res, bytes);

	if (a < b)
		flags |= X86_EFLAGS_CF;
	if (((a ^ b) & (a ^ res)) >> top & 1n)
		flags |= X86_EFLAGS_OF;
	if ((a ^ b ^ res) & 0x10n)
		flags |= X86_EFLAGS_AF;
	set_flags(ctxt, flags);
}

/** arch/x86/kvm/emulate.c:em_mov() */
function em_mov(ctxt: struct_x86_emulate_ctxt): number {
	ctxt.dst.val = ctxt.src.val;
	return X86EMUL_CONTINUE;
}

/** C: fastop(ctxt, em_xadd). */
function em_xadd(ctxt: struct_x86_emulate_ctxt): number {
	const { dst, src } = ctxt, n = dst.bytes * 8, top = BigInt(n - 1);
	const a = dst.val, b = BigInt.asUintN(n, src.val);
	const res = BigInt.asUintN(n, a + b);
	let flags = result_flags(res, dst.bytes);

	if (res < a)
		flags |= X86_EFLAGS_CF;
	if ((~(a ^ b) & (a ^ res)) >> top & 1n)
		flags |= X86_EFLAGS_OF;
	if ((a ^ b ^ res) & 0x10n)
		flags |= X86_EFLAGS_AF;
	set_flags(ctxt, flags);
	src.val = a;
	dst.val = res;
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:em_xchg() */
function em_xchg(ctxt: struct_x86_emulate_ctxt): number {
	/* the register at once, */
	ctxt.src.orig_val = ctxt.src.val;
	ctxt.src.val = ctxt.dst.val;
	write_register_operand(ctxt, ctxt.src);

	/* memory as if there were a LOCK prefix */
	ctxt.dst.val = ctxt.src.orig_val;
	ctxt.lock_prefix = 1;
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:em_cmpxchg(); what is expected comes with the operation. */
function em_cmpxchg(ctxt: struct_x86_emulate_ctxt): number {
	const { dst, src } = ctxt, expected = ctxt.src2.val;

	dst.orig_val = dst.val;
	src.orig_val = src.val;
	em_cmp(ctxt, expected, dst.orig_val, dst.bytes);

	if ((ctxt.eflags & X86_EFLAGS_ZF) !== 0) {
		/* success: RAX, here, has not been loaded with it before */
		dst.val = src.orig_val;
	} else {
		/* failure: the write cycle writes what is there */
		dst.val = dst.orig_val;
	}
	src.type = OP_REG;
	src.reg = VCPU_REGS_RAX;
	src.val = dst.orig_val;
	src.bytes = Math.max(dst.bytes, 4);
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:emulator_bad_iopl() */
function emulator_bad_iopl(ctxt: struct_x86_emulate_ctxt): boolean {
	const iopl = (ctxt.eflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_BIT;

	return ctxt.ops!.cpl(ctxt) > iopl;
}

/** arch/x86/kvm/emulate.c:string_addr_inc() */
function string_addr_inc(ctxt: struct_x86_emulate_ctxt, reg: number, op: struct_operand): void {
	const df = (ctxt.eflags & X86_EFLAGS_DF) !== 0 ? -op.count : op.count;

	register_address_increment(ctxt, reg, df * op.bytes);
	op.ea = register_address(ctxt, reg);
}

/** arch/x86/kvm/emulate.c:em_hypercall() */
function em_hypercall(ctxt: struct_x86_emulate_ctxt): number {
	const rc = ctxt.ops!.fix_hypercall(ctxt);

	if (rc !== X86EMUL_CONTINUE)
		return rc;

	/* the CPU executes it again, in its own form */
	ctxt._eip = ctxt.eip;
	ctxt.dst.type = OP_NONE;
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:em_in() */
function em_in(ctxt: struct_x86_emulate_ctxt): number {
	if (!pio_in_emulated(ctxt, ctxt.dst.bytes, Number(ctxt.src.val), ctxt.dst))
		return X86EMUL_IO_NEEDED;

	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:em_out() */
function em_out(ctxt: struct_x86_emulate_ctxt): number {
	store_val(ctxt.src.valptr, ctxt.src.val, ctxt.src.bytes);
	ctxt.ops!.pio_out_emulated(ctxt, ctxt.src.bytes, Number(ctxt.dst.val), ctxt.src.valptr, 1);
	ctxt.dst.type = OP_NONE;
	return X86EMUL_CONTINUE;
}

/** HLT, and what does nothing (C: in the switch of x86_emulate_insn()). */
function em_hlt(ctxt: struct_x86_emulate_ctxt): number {
	ctxt.ops!.halt(ctxt);
	return X86EMUL_CONTINUE;
}

function em_wbinvd(ctxt: struct_x86_emulate_ctxt): number {
	ctxt.ops!.wbinvd(ctxt);
	return X86EMUL_CONTINUE;
}

function em_nop(_ctxt: struct_x86_emulate_ctxt): number {
	return X86EMUL_CONTINUE;
}

/** Element of MEMCMP or MEMCHK: its sign ends the operation unless it is 0. */
function em_cmps(ctxt: struct_x86_emulate_ctxt): number {
	const { dst, src } = ctxt;

	for (let i = 0; i < dst.bytes; i++) {
		const d = dst.valptr[i]! - src.valptr[i]!;
		if (d !== 0) {
			ctxt.dst.orig_val = d < 0 ? -1n : 1n;
			return X86EMUL_CONTINUE;
		}
	}
	ctxt.dst.orig_val = 0n;
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:emulator_io_permited() */
function emulator_io_permited(ctxt: struct_x86_emulate_ctxt): boolean {
	if (ctxt.perm_ok)
		return true;

	if (emulator_bad_iopl(ctxt))
		return false;

	ctxt.perm_ok = true;

	return true;
}

/** arch/x86/kvm/emulate.c:check_perm_in() */
function check_perm_in(ctxt: struct_x86_emulate_ctxt): number {
	ctxt.dst.bytes = Math.min(ctxt.dst.bytes, 4);
	if (!emulator_io_permited(ctxt))
		return emulate_gp(ctxt, 0);

	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/emulate.c:check_perm_out() */
function check_perm_out(ctxt: struct_x86_emulate_ctxt): number {
	ctxt.src.bytes = Math.min(ctxt.src.bytes, 4);
	if (!emulator_io_permited(ctxt))
		return emulate_gp(ctxt, 0);

	return X86EMUL_CONTINUE;
}

/* decode_operand(), by what an operation says of its operands */

function decode_none(op: struct_operand): void {
	op.type = OP_NONE;
	op.bytes = 0;
	op.count = 1;
}

function decode_mem(op: struct_operand, ea: number, bytes: number, seg: number): void {
	op.type = OP_MEM;
	op.ea = ea;
	op.bytes = bytes;
	op.seg = seg;
	op.count = 1;
	op.val = 0n;
	op.orig_val = 0n;
	if (op.valptr.length < bytes) {
		op.valptr = new Uint8Array(bytes);
		op.origptr = new Uint8Array(bytes);
	}
}

function decode_reg(op: struct_operand, reg: number, bytes: number, val: bigint): void {
	op.type = OP_REG;
	op.reg = reg;
	op.bytes = bytes;
	op.count = 1;
	op.val = op.orig_val = val;
}

function decode_imm(op: struct_operand, val: bigint): void {
	op.type = OP_IMM;
	op.bytes = 2;
	op.count = 1;
	op.val = op.orig_val = val;
}

const value_of = (lo: number, hi: number): bigint =>
	hi === 0 ? BigInt(lo >>> 0) : BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);

/** The bulk operations' elements, which may be long: bytes @value repeated. */
function fill_val(op: struct_operand, value: number): void {
	for (let i = 0; i < op.bytes; i++)
		op.valptr[i] = value;
}

/** Takes the place of the opcode tables. */
function decode_op(ctxt: struct_x86_emulate_ctxt, op: guest_op): void {
	const { src, dst } = ctxt, bits = op.size * 8;
	const val = (): bigint => BigInt.asUintN(Math.min(bits, 64), value_of(op.lo, op.hi));

	ctxt.op_bytes = op.size;
	switch (op.kind) {
	case GOP_LOAD:
	case GOP_STRIDE_LOAD:
		ctxt.d = Mov | (op.kind === GOP_LOAD ? 0 : Bulk | String);
		ctxt.execute = em_mov;
		decode_mem(src, op.gva, op.size, VCPU_SREG_DS);
		/* MOVZX, and a script's narrow loads */
		decode_reg(dst, op.reg, op.bytes && !op.rep ? op.size : 8, 0n);
		break;
	case GOP_STORE:
	case GOP_STRIDE_STORE:
		ctxt.d = Mov | PageTable | (op.kind === GOP_STORE ? 0 : Bulk | String);
		ctxt.execute = em_mov;
		decode_reg(src, op.reg, op.size, val());
		decode_mem(dst, op.gva, op.size, VCPU_SREG_DS);
		break;
	case GOP_CMPXCHG:
		ctxt.d = Lock | PageTable | SrcWrite;
		ctxt.lock_prefix = 1;
		ctxt.execute = em_cmpxchg;
		decode_reg(src, op.reg, op.size, val());
		decode_mem(dst, op.gva, op.size, VCPU_SREG_DS);
		decode_imm(ctxt.src2, BigInt.asUintN(bits, value_of(op.exp_lo, op.exp_hi)));
		break;
	case GOP_XCHG:
		ctxt.d = Lock | PageTable;
		ctxt.execute = em_xchg;
		decode_reg(src, op.reg, Math.max(op.size, 4), val());
		decode_mem(dst, op.gva, op.size, VCPU_SREG_DS);
		break;
	case GOP_XADD:
		ctxt.d = Lock | SrcWrite;
		ctxt.lock_prefix = 1;
		ctxt.execute = em_xadd;
		decode_reg(src, op.reg, Math.max(op.size, 4), val());
		decode_mem(dst, op.gva, op.size, VCPU_SREG_DS);
		break;
	case GOP_MEMSET:
		ctxt.d = Mov | PageTable | Bulk | String;
		ctxt.execute = em_nop;
		decode_mem(dst, op.gva, op.size, VCPU_SREG_ES);
		fill_val(dst, op.lo & 0xff);
		dst.type = OP_MEM_STR;
		dst.data = dst.valptr;
		break;
	case GOP_MEMCPY:
		ctxt.d = Mov | PageTable | Bulk | String | TwoMemOp;
		ctxt.execute = em_nop;
		decode_mem(src, op.gva2, op.size, VCPU_SREG_DS);
		decode_mem(dst, op.gva, op.size, VCPU_SREG_ES);
		dst.type = OP_MEM_STR;
		dst.data = src.valptr;
		break;
	case GOP_MEMCMP:
		ctxt.d = Bulk | String | TwoMemOp | NoWrite;
		ctxt.execute = em_cmps;
		decode_mem(src, op.gva2, op.size, VCPU_SREG_DS);
		decode_mem(dst, op.gva, op.size, VCPU_SREG_ES);
		break;
	case GOP_MEMCHK:
		ctxt.d = Bulk | String | NoWrite;
		ctxt.execute = em_cmps;
		decode_mem(dst, op.gva, op.size, VCPU_SREG_ES);
		decode_mem(src, 0, op.size, VCPU_SREG_DS);
		fill_val(src, op.lo & 0xff);
		src.type = OP_IMM;
		break;
	case GOP_IN:
		ctxt.d = CheckPerm | Mov;
		ctxt.execute = em_in;
		ctxt.check_perm = check_perm_in;
		decode_imm(src, BigInt(op.port));
		decode_reg(dst, VCPU_REGS_RAX, op.size, 0n);
		break;
	case GOP_OUT:
		ctxt.d = CheckPerm;
		ctxt.execute = em_out;
		ctxt.check_perm = check_perm_out;
		decode_reg(src, VCPU_REGS_RAX, op.size,
			BigInt.asUintN(bits, reg_read(ctxt, VCPU_REGS_RAX)));
		decode_imm(dst, BigInt(op.port));
		break;
	case GOP_INS:
		ctxt.d = CheckPerm | Mov | String | DstDI;
		ctxt.execute = em_in;
		ctxt.check_perm = check_perm_in;
		decode_imm(src, BigInt(op.port));
		decode_mem(dst, op.gva, op.size, VCPU_SREG_ES);
		break;
	case GOP_OUTS:
		ctxt.d = CheckPerm | String | SrcSI;
		ctxt.execute = em_out;
		ctxt.check_perm = check_perm_out;
		decode_mem(src, op.gva, op.size, VCPU_SREG_DS);
		decode_imm(dst, BigInt(op.port));
		break;
	case GOP_VMCALL:
		ctxt.d = Priv | EmulateOnUD;
		ctxt.execute = em_hypercall;
		break;
	case GOP_VMMCALL:
		ctxt.d = EmulateOnUD;
		ctxt.execute = em_hypercall;
		break;
	case GOP_HLT:
		ctxt.d = ImplicitOps | Priv;
		ctxt.execute = em_hlt;
		break;
	case GOP_WBINVD:
		ctxt.d = ImplicitOps | Priv;
		ctxt.execute = em_wbinvd;
		break;
	case GOP_NOP:
	case GOP_PAUSE:
	case GOP_MFENCE:
		ctxt.d = ImplicitOps;
		ctxt.execute = em_nop;
		break;
	case GOP_UNKNOWN:
		ctxt.d = NotImpl;
		break;
	default:
		/* can be stepped over, but not emulated */
		ctxt.d = ImplicitOps;
		break;
	}
}

/**
 * arch/x86/kvm/emulate.c:x86_decode_insn(). EMULATION_FAILED also when the CPU was not executing
 * what stands at RIP: it exited before it knew, or user space has moved RIP.
 */
export function x86_decode_insn(ctxt: struct_x86_emulate_ctxt, insn: Uint8Array | null,
	insn_len: number, emulation_type: number): number {
	let rc = X86EMUL_CONTINUE;

	decode_none(ctxt.src);
	decode_none(ctxt.src2);
	decode_none(ctxt.dst);
	ctxt._eip = ctxt.eip;
	ctxt.fetch.end = insn_len;
	ctxt.opcode_len = 1;
	ctxt.b = 0;
	ctxt.intercept = x86_intercept_none;
	ctxt.op = null;
	ctxt.execute = null;
	ctxt.check_perm = null;
	ctxt.is_branch = false;

	done: {
		if (insn_len > 0)
			ctxt.fetch.data.set(insn!.subarray(0, insn_len));
		else {
			rc = __do_insn_fetch_bytes(ctxt, 1);
			if (rc !== X86EMUL_CONTINUE)
				break done;
		}

		switch (ctxt.mode) {
		case X86EMUL_MODE_REAL:
		case X86EMUL_MODE_VM86:
		case X86EMUL_MODE_PROT16:
			ctxt.ad_bytes = 2;
			break;
		case X86EMUL_MODE_PROT32:
			ctxt.ad_bytes = 4;
			break;
		case X86EMUL_MODE_PROT64:
			ctxt.ad_bytes = 8;
			break;
		default:
			return EMULATION_FAILED;
		}

		/* its RIP includes the base of CS */
		const guest = ctxt.vcpu!.arch.guest!, op = guest_pending(guest);
		if (op === null || BigInt.asUintN(64, BigInt(op.rip - guest.rip_base)) !== ctxt.eip)
			return EMULATION_FAILED;

		ctxt.op = op;
		ctxt._eip = BigInt.asUintN(64, BigInt(op.next_rip - guest.rip_base));
		if (op.rep && (op.kind === GOP_INS || op.kind === GOP_OUTS))
			ctxt.rep_prefix = REPE_PREFIX;
		decode_op(ctxt, op);

		if ((emulation_type & EMULTYPE_TRAP_UD) !== 0 && (ctxt.d & EmulateOnUD) === 0)
			return EMULATION_FAILED;

		if ((ctxt.d & NotImpl) !== 0)
			return EMULATION_FAILED;
	}
	if (rc === X86EMUL_PROPAGATE_FAULT)
		ctxt.have_exception = true;
	return rc !== X86EMUL_CONTINUE ? EMULATION_FAILED : EMULATION_OK;
}

/** arch/x86/kvm/emulate.c:x86_page_table_writing_insn() */
export function x86_page_table_writing_insn(ctxt: struct_x86_emulate_ctxt): boolean {
	return (ctxt.d & PageTable) !== 0;
}

/** arch/x86/kvm/emulate.c:init_decode_cache() */
export function init_decode_cache(ctxt: struct_x86_emulate_ctxt): void {
	ctxt.lock_prefix = 0;
	ctxt.rep_prefix = 0;
	ctxt.regs_valid = 0;
	ctxt.regs_dirty = 0;

	ctxt.io_read.pos = 0;
	ctxt.io_read.end = 0;
	ctxt.mem_read.end = 0;
}

/** arch/x86/kvm/emulate.c:x86_emulate_insn() */
export function x86_emulate_insn(ctxt: struct_x86_emulate_ctxt): number {
	const ops = ctxt.ops!;
	const saved_dst_type = ctxt.dst.type;
	let rc = X86EMUL_CONTINUE;

	ctxt.mem_read.pos = 0;

	done: {
		if (ctxt.lock_prefix !== 0 && ((ctxt.d & Lock) === 0 || ctxt.dst.type !== OP_MEM)) {
			rc = emulate_ud(ctxt);
			break done;
		}

		if ((ctxt.d & (CheckPerm | Priv | String)) !== 0) {
			if ((ctxt.d & Priv) !== 0 && ops.cpl(ctxt) !== 0) {
				rc = emulate_gp(ctxt, 0);
				break done;
			}

			if ((ctxt.d & CheckPerm) !== 0) {
				rc = ctxt.check_perm!(ctxt);
				if (rc !== X86EMUL_CONTINUE)
					break done;
			}

			if (ctxt.rep_prefix !== 0 && (ctxt.d & (String | Bulk)) === String) {
				/* what ends them all first */
				if (address_mask(ctxt, reg_read(ctxt, VCPU_REGS_RCX)) === 0n) {
					ctxt.eip = ctxt._eip;
					ctxt.eflags &= ~X86_EFLAGS_RF;
					break done;
				}
			}
		}

		if (ctxt.src.type === OP_MEM) {
			rc = segmented_read(ctxt, ctxt.src);
			if (rc !== X86EMUL_CONTINUE)
				break done;
			ctxt.src.orig_val = ctxt.src.val;
		}

		if ((ctxt.d & ImplicitOps) === 0) {
			if (ctxt.dst.type === OP_MEM && (ctxt.d & Mov) === 0) {
				/* what is only written is not read, which could be slow */
				rc = segmented_read(ctxt, ctxt.dst);
				if (rc !== X86EMUL_CONTINUE) {
					if ((ctxt.d & NoWrite) === 0 &&
					    rc === X86EMUL_PROPAGATE_FAULT &&
					    ctxt.exception.vector === PF_VECTOR)
						ctxt.exception.error_code |= PFERR_WRITE_MASK;
					break done;
				}
			}
			ctxt.dst.orig_val = ctxt.dst.val;
		}

		if (ctxt.rep_prefix !== 0 && (ctxt.d & String) !== 0)
			ctxt.eflags |= X86_EFLAGS_RF;
		else
			ctxt.eflags &= ~X86_EFLAGS_RF;

		if (ctxt.execute === null)
			return EMULATION_FAILED;
		rc = ctxt.execute(ctxt);
		if (rc !== X86EMUL_CONTINUE)
			break done;

		/* writeback */
		if ((ctxt.d & SrcWrite) !== 0) {
			rc = writeback(ctxt, ctxt.src);
			if (rc !== X86EMUL_CONTINUE)
				break done;
		}
		if ((ctxt.d & NoWrite) === 0) {
			rc = writeback(ctxt, ctxt.dst);
			if (rc !== X86EMUL_CONTINUE)
				break done;
		}

		/* for the next round of a string instruction */
		ctxt.dst.type = saved_dst_type;

		if ((ctxt.d & SrcSI) !== 0)
			string_addr_inc(ctxt, VCPU_REGS_RSI, ctxt.src);

		if ((ctxt.d & DstDI) !== 0)
			string_addr_inc(ctxt, VCPU_REGS_RDI, ctxt.dst);

		if ((ctxt.d & Bulk) !== 0) {
			/* the CPU goes on with the next element, if there is one */
			const diff = (ctxt.d & NoWrite) !== 0 ? Number(ctxt.dst.orig_val) : 0;
			if (!guest_element_done(ctxt.op!, diff))
				break done;	/* RIP stays */
			ctxt.eflags &= ~X86_EFLAGS_RF;
		} else if (ctxt.rep_prefix !== 0 && (ctxt.d & String) !== 0) {
			const r = ctxt.io_read;
			const count = (ctxt.d & SrcSI) !== 0 ? ctxt.src.count : ctxt.dst.count;

			register_address_increment(ctxt, VCPU_REGS_RCX, -count);

			/*
			 * Into the guest when what was read ahead is used up, or, where nothing is,
			 * after each 1024 rounds.
			 */
			if ((r.end !== 0 || (reg_read(ctxt, VCPU_REGS_RCX) & 0x3ffn) !== 0n) &&
			    (r.end === 0 || r.end !== r.pos)) {
				/* the next round reads anew */
				ctxt.mem_read.end = 0;
				writeback_registers(ctxt);
				return EMULATION_RESTART;
			}
			break done;	/* RIP stays */
		}

		ctxt.eip = ctxt._eip;
		if (ctxt.mode !== X86EMUL_MODE_PROT64)
			ctxt.eip = ctxt._eip & 0xffffffffn;
	}
	if (rc === X86EMUL_PROPAGATE_FAULT) {
		if (KVM_EMULATOR_BUG_ON(ctxt.exception.vector > 0x1f, ctxt))
			return EMULATION_FAILED;
		ctxt.have_exception = true;
	}
	if (rc === X86EMUL_INTERCEPTED)
		return EMULATION_INTERCEPTED;

	if (rc === X86EMUL_CONTINUE)
		writeback_registers(ctxt);

	return rc === X86EMUL_UNHANDLEABLE ? EMULATION_FAILED : EMULATION_OK;
}

/** arch/x86/kvm/emulate.c:emulator_invalidate_register_cache() */
export function emulator_invalidate_register_cache(ctxt: struct_x86_emulate_ctxt): void {
	invalidate_registers(ctxt);
}

/** arch/x86/kvm/emulate.c:emulator_writeback_register_cache() */
export function emulator_writeback_register_cache(ctxt: struct_x86_emulate_ctxt): void {
	writeback_registers(ctxt);
}

/** arch/x86/kvm/emulate.c:emulator_can_use_gpa() */
export function emulator_can_use_gpa(ctxt: struct_x86_emulate_ctxt): boolean {
	if (ctxt.rep_prefix !== 0 && (ctxt.d & String) !== 0)
		return false;

	if ((ctxt.d & TwoMemOp) !== 0)
		return false;

	return true;
}
