// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator over a made-up vCPU: operands, write-back, flags, string instructions, failures.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { EMULTYPE_TRAP_UD, VCPU_REGS_RAX, VCPU_REGS_RCX, VCPU_REGS_RDI, VCPU_REGS_RSI } from
	"#asm/kvm_host.const.ts";
import { X86_EFLAGS_CF, X86_EFLAGS_DF, X86_EFLAGS_OF, X86_EFLAGS_ZF } from "#asm/processor-flags.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { GP_VECTOR, PF_VECTOR } from "#uapi-asm/kvm.ts";
import { GOP_CMPXCHG, GOP_INS, GOP_LOAD, GOP_MEMCMP, GOP_MEMCPY, GOP_MEMSET, GOP_OUTS, GOP_RDTSC,
	GOP_STORE, GOP_VMCALL, GOP_VMMCALL, GOP_XADD, GOP_XCHG, guest_context, struct_guest_cpu,
	type guest_op } from "#hw/guest_types.ts";
import { EMULATION_FAILED, EMULATION_OK, EMULATION_RESTART, X86EMUL_CONTINUE, X86EMUL_IO_NEEDED,
	X86EMUL_MODE_PROT64, X86EMUL_PROPAGATE_FAULT, init_decode_cache, struct_x86_emulate_ctxt,
	x86_decode_insn, x86_emulate_insn, x86_page_table_writing_insn, type x86_emulate_ops } from
	"#arch/x86/kvm/kvm_emulate.h.ts";

const RIP = 0x401000, NEXT = 0x401003;

/** 64 KiB of memory from 0x10000, ports that count, and a note of what was asked for. */
class machine {
	readonly mem = new Uint8Array(0x10000);
	readonly view = new DataView(this.mem.buffer);
	readonly regs = new BigUint64Array(16);
	readonly guest = new struct_guest_cpu();
	readonly op: guest_op;
	readonly ctxt = new struct_x86_emulate_ctxt();
	/** reads of memory that user space has yet to answer */
	io_needed = false;
	cpl = 0;
	hypercalls = 0;
	next_in = 0;
	out: number[] = [];
	in_chunks: number[] = [];
	locked = 0;

	constructor(op: Partial<guest_op>) {
		const top = new guest_context(null, 0, RIP);

		this.guest.stack.push(top);
		this.guest.top = top;
		this.op = Object.assign(top.op, { pending: true, rip: RIP, next_rip: NEXT }, op);
		this.ctxt.vcpu = { arch: { guest: this.guest } } as struct_kvm_vcpu;
		this.ctxt.ops = this.ops();
		this.ctxt.eip = BigInt(RIP);
		this.ctxt.mode = X86EMUL_MODE_PROT64;
		this.ctxt.eflags = 2;
		init_decode_cache(this.ctxt);
	}

	access(addr: number, bytes: number): Uint8Array | null {
		const at = addr - 0x10000;

		return at < 0 || at + bytes > this.mem.length ? null :
			this.mem.subarray(at, at + bytes);
	}

	fault(): number {
		this.ctxt.exception.vector = PF_VECTOR;
		this.ctxt.exception.error_code = 0;
		return X86EMUL_PROPAGATE_FAULT;
	}

	ops(): x86_emulate_ops {
		const write = (addr: number, val: Uint8Array, bytes: number): number => {
			const to = this.access(addr, bytes);
			if (to === null)
				return this.fault();
			to.set(val.subarray(0, bytes));
			return X86EMUL_CONTINUE;
		};

		return {
			read_gpr: (_, reg) => this.regs[reg]!,
			write_gpr: (_, reg, val) => {
				this.regs[reg] = val;
			},
			fetch: (_, addr, val, bytes) => {
				if (addr >= 0x600000)
					return this.fault();
				val.fill(0x90, 0, bytes);
				return X86EMUL_CONTINUE;
			},
			read_emulated: (_, addr, val, bytes) => {
				const from = this.access(addr, bytes);
				if (this.io_needed)
					return X86EMUL_IO_NEEDED;
				if (from === null)
					return this.fault();
				val.set(from);
				return X86EMUL_CONTINUE;
			},
			write_emulated: (_, addr, val, bytes) => write(addr, val, bytes),
			cmpxchg_emulated: (_, addr, old, new_, bytes) => {
				this.locked++;
				expect(this.access(addr, bytes)).toEqual(old.subarray(0, bytes));
				return write(addr, new_, bytes);
			},
			pio_in_emulated: (_, size, _port, val, count) => {
				if (this.io_needed)
					return 0;
				this.in_chunks.push(count);
				for (let i = 0; i < size * count; i++)
					val[i] = this.next_in++;
				return 1;
			},
			pio_out_emulated: (_, size, _port, val, count) => {
				this.out.push(...val.subarray(0, size * count));
				return 1;
			},
			get_cr: () => 0,
			cpl: () => this.cpl,
			get_hflags: () => 0,
			get_cached_segment_base: () => 0n,
			fix_hypercall: () => {
				this.hypercalls++;
				return X86EMUL_CONTINUE;
			},
		} as Partial<x86_emulate_ops> as x86_emulate_ops;
	}

	run(type = 0): number {
		let r = x86_decode_insn(this.ctxt, null, 0, type);

		if (r !== EMULATION_OK)
			return r;
		do
			r = x86_emulate_insn(this.ctxt);
		while (r === EMULATION_RESTART);
		return r;
	}
}

const A = 0x10100, B = 0x10200;

describe("moves", () => {
	test("a load is zero-extended", () => {
		const m = new machine({ kind: GOP_LOAD, gva: A, size: 1 });
		m.mem[0x100] = 0xab;
		m.regs[VCPU_REGS_RAX] = ~0n;
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.regs[VCPU_REGS_RAX]).toBe(0xabn);
		expect(m.ctxt.eip).toBe(BigInt(NEXT));
	});
	test("bytes load part of a register", () => {
		const m = new machine({ kind: GOP_LOAD, gva: A, size: 2, bytes: true,
			reg: 3 });
		m.view.setUint16(0x100, 0x1234, true);
		m.regs[3] = 0xffffffffffffffffn;
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.regs[3]).toBe(0xffffffffffff1234n);
	});
	test.each([1, 2, 4, 8])("a store of %i bytes", (size) => {
		const m = new machine({ kind: GOP_STORE, gva: A, size,
			lo: 0x89abcdef | 0, hi: -2 });
		m.mem.fill(0x55);
		expect(m.run()).toBe(EMULATION_OK);
		expect(x86_page_table_writing_insn(m.ctxt)).toBe(true);
		expect(m.view.getBigUint64(0x100, true)).toBe(
			BigInt.asUintN(8 * size, 0xfffffffe89abcdefn) |
			(0x5555555555555555n >> BigInt(8 * size) << BigInt(8 * size)));
	});
	test("user space answers a load", () => {
		const m = new machine({ kind: GOP_LOAD, gva: A, size: 8 });
		m.io_needed = true;
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.ctxt.eip).toBe(BigInt(RIP));
		m.io_needed = false;
		m.view.setBigUint64(0x100, 0x1122334455667788n, true);
		expect(x86_emulate_insn(m.ctxt)).toBe(EMULATION_OK);
		expect(m.regs[VCPU_REGS_RAX]).toBe(0x1122334455667788n);
		expect(m.ctxt.eip).toBe(BigInt(NEXT));
	});
	test("a fault leaves RIP", () => {
		const m = new machine({ kind: GOP_STORE, gva: 0x90000, size: 4 });
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.ctxt.have_exception).toBe(true);
		expect(m.ctxt.exception.vector).toBe(PF_VECTOR);
		expect(m.ctxt.eip).toBe(BigInt(RIP));
	});
	test("a non-canonical address", () => {
		const m = new machine({ kind: GOP_STORE, gva: 2 ** 47, size: 4 });
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.ctxt.exception.vector).toBe(GP_VECTOR);
	});
});

describe("atomics", () => {
	test("cmpxchg that succeeds", () => {
		const m = new machine({ kind: GOP_CMPXCHG, gva: A, size: 8, exp_lo: 7,
			exp_hi: 0, lo: 9, hi: 1 });
		m.view.setBigUint64(0x100, 7n, true);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.view.getBigUint64(0x100, true)).toBe(0x100000009n);
		expect(m.regs[VCPU_REGS_RAX]).toBe(7n);
		expect(m.ctxt.eflags & X86_EFLAGS_ZF).not.toBe(0);
		expect(m.locked).toBe(1);
	});
	test("cmpxchg that fails", () => {
		const m = new machine({ kind: GOP_CMPXCHG, gva: A, size: 4, exp_lo: 7, lo: 9 });
		m.view.setUint32(0x100, 8, true);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.view.getUint32(0x100, true)).toBe(8);
		expect(m.regs[VCPU_REGS_RAX]).toBe(8n);
		expect(m.ctxt.eflags & X86_EFLAGS_ZF).toBe(0);
		expect(m.ctxt.eflags & X86_EFLAGS_CF).not.toBe(0);	/* 7 - 8 */
	});
	test("xchg", () => {
		const m = new machine({ kind: GOP_XCHG, gva: A, size: 4, lo: -1 });
		m.view.setUint32(0x100, 0x80000001, true);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.view.getUint32(0x100, true)).toBe(0xffffffff);
		expect(m.regs[VCPU_REGS_RAX]).toBe(0x80000001n);
		expect(m.locked).toBe(1);
	});
	test("xadd", () => {
		const m = new machine({ kind: GOP_XADD, gva: A, size: 4, lo: 1 });
		m.view.setUint32(0x100, 0x7fffffff, true);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.view.getUint32(0x100, true)).toBe(0x80000000);
		expect(m.regs[VCPU_REGS_RAX]).toBe(0x7fffffffn);
		expect(m.ctxt.eflags & X86_EFLAGS_OF).not.toBe(0);
	});
});

describe("strings", () => {
	test("rep ins reads ahead up to the page, in chunks of the cache", () => {
		const m = new machine({ kind: GOP_INS, gva: 0x10f00, size: 2, rep: true,
			port: 0x80 });
		m.regs[VCPU_REGS_RCX] = 0x200n;
		m.regs[VCPU_REGS_RDI] = 0x10f00n;
		expect(m.run()).toBe(EMULATION_OK);
		/* min3(bytes in the page, elements in the cache, count), as C has it */
		expect(m.in_chunks[0]).toBe(0x100);
		expect(m.ctxt.eip).toBe(BigInt(RIP));
		expect(m.regs[VCPU_REGS_RDI]).toBe(0x10f00n + 2n * 0x100n);
		expect(m.regs[VCPU_REGS_RCX]).toBe(0x100n);
		expect(m.mem[0xf00 + 0x41]).toBe(0x41);
	});
	test("rep ins with no count left steps over itself", () => {
		const m = new machine({ kind: GOP_INS, gva: A, size: 1, rep: true, port: 0x80 });
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.ctxt.eip).toBe(BigInt(NEXT));
		expect(m.in_chunks).toEqual([]);
	});
	test("one ins, downwards", () => {
		const m = new machine({ kind: GOP_INS, gva: A, size: 4, port: 0x80 });
		m.ctxt.eflags |= X86_EFLAGS_DF;
		m.regs[VCPU_REGS_RDI] = BigInt(A);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.view.getUint32(0x100, true)).toBe(0x03020100);
		expect(m.regs[VCPU_REGS_RDI]).toBe(BigInt(A - 4));
		expect(m.ctxt.eip).toBe(BigInt(NEXT));
	});
	test("rep outs goes on by itself, and returns to the guest when done", () => {
		const m = new machine({ kind: GOP_OUTS, gva: A, size: 1, rep: true, port: 0x80 });
		m.mem.set([1, 2, 3, 4, 5], 0x100);
		m.regs[VCPU_REGS_RCX] = 5n;
		m.regs[VCPU_REGS_RSI] = BigInt(A);
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.out).toEqual([1, 2, 3, 4, 5]);
		expect(m.regs[VCPU_REGS_RCX]).toBe(0n);
		expect(m.ctxt.eip).toBe(BigInt(RIP));	/* the CPU finds RCX 0 */
	});
	test("I/O needs a privilege", () => {
		const m = new machine({ kind: GOP_OUTS, gva: A, size: 1, port: 0x80 });
		m.cpl = 3;
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.ctxt.exception.vector).toBe(GP_VECTOR);
	});
});

describe("bulk operations", () => {
	test("memset and memcpy go on element by element", () => {
		const set = new machine({ kind: GOP_MEMSET, gva: A, size: 1, lo: 0xee, len: 2 });
		expect(set.run()).toBe(EMULATION_OK);
		expect(set.mem[0x100]).toBe(0xee);
		expect(set.ctxt.eip).toBe(BigInt(RIP));
		expect(set.op.done).toBe(1);
		init_decode_cache(set.ctxt);
		expect(set.run()).toBe(EMULATION_OK);
		expect(set.mem[0x101]).toBe(0xee);
		expect(set.ctxt.eip).toBe(BigInt(NEXT));

		const cpy = new machine({ kind: GOP_MEMCPY, gva: A, gva2: B, size: 1, len: 1 });
		cpy.mem[0x200] = 0x77;
		expect(cpy.run()).toBe(EMULATION_OK);
		expect(cpy.mem[0x100]).toBe(0x77);
		expect(cpy.ctxt.eip).toBe(BigInt(NEXT));
	});
	test("memcmp ends at a difference", () => {
		const m = new machine({ kind: GOP_MEMCMP, gva: A, gva2: B, size: 1, len: 10 });
		m.mem[0x100] = 1;
		m.mem[0x200] = 2;
		expect(m.run()).toBe(EMULATION_OK);
		expect(m.op.diff).toBe(-1);
		expect(m.ctxt.eip).toBe(BigInt(NEXT));
	});
});

describe("failures", () => {
	test("nothing pending, or not here", () => {
		const m = new machine({ kind: GOP_LOAD, gva: A, size: 1 });
		m.op.pending = false;
		expect(m.run()).toBe(EMULATION_FAILED);
		m.op.pending = true;
		m.ctxt.eip += 1n;
		expect(m.run()).toBe(EMULATION_FAILED);
		expect(m.ctxt.fetch.end).toBe(15);
	});
	test("RIP is not in memory", () => {
		const m = new machine({ kind: GOP_LOAD, gva: A, size: 1, rip: 0x600000 });
		m.ctxt.eip = 0x600000n;
		expect(m.run()).toBe(EMULATION_FAILED);
		expect(m.ctxt.have_exception).toBe(true);
	});
	test("what can only be stepped over", () => {
		const m = new machine({ kind: GOP_RDTSC });
		expect(m.run()).toBe(EMULATION_FAILED);
		expect(m.ctxt._eip).toBe(BigInt(NEXT));
	});
	test.each([GOP_VMCALL, GOP_VMMCALL])("a hypercall of either vendor after #UD", (kind) => {
		const m = new machine({ kind });
		expect(m.run(EMULTYPE_TRAP_UD)).toBe(EMULATION_OK);
		expect(m.hypercalls).toBe(1);
		expect(m.ctxt.eip).toBe(BigInt(RIP));
	});
	test("nothing else after #UD", () => {
		const m = new machine({ kind: GOP_STORE, gva: A, size: 1 });
		expect(m.run(EMULTYPE_TRAP_UD)).toBe(EMULATION_FAILED);
	});
});
