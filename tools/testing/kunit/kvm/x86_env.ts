// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that does what it is told, an operation at a time: for tests of the ioctls of
 * arch/x86/kvm/x86.ts and of the instructions that end there.
 *
 * Port-only.
 */
import { expect } from "vitest";
import * as isa from "#hw/isa_guest.ts";
import type { guest_program } from "#hw/isa_guest.ts";
import {
	KVM_ENABLE_CAP, KVM_EXIT_IO, KVM_GET_SREGS, KVM_GET_VCPU_EVENTS, struct_kvm_enable_cap,
} from "#uapi/linux/kvm.ts";
import { struct_kvm_sregs, struct_kvm_vcpu_events } from "#uapi-asm/kvm.ts";
import { errno, poke } from "#tools/include/nolibc/arch.ts";
import { GUEST_DATA_BASE } from "#tools/include/nolibc/kvm_guest.ts";
import { ioctl } from "#tools/include/nolibc/sys.ts";
import { guest, in_task, type kvm_run } from "./vcpu.ts";

export const DATA = GUEST_DATA_BASE;
/* guest physical: the stack of handlers; the operation, its operands, its result; for accesses */
export const STACK_TOP = 0x20000, CMD = 0x30000, FREE = 0x100000, MEM = 32 * 2 ** 20;

export const OP = {
	rdmsr: 1, wrmsr: 2, read_cr: 3, write_cr: 4, read_dr: 5, write_dr: 6, cpuid: 7, vmcall: 8,
	load: 9, store: 10, cmpxchg: 11, rdtsc: 12, wbinvd: 13, invlpg: 14, ud2: 15, int3: 16,
	store16: 17,
};
/** Results of operations that end in a handler: this and the vector. */
export const FAULT = 0x1000000n, GP = FAULT + 13n;
export const U64 = 2n ** 64n - 1n;

function* obey(): guest_program {
	const at = DATA + CMD;

	for (;;) {
		yield* isa.outl(1, 0);
		const op = yield* isa.ld32(at);
		const a = yield* isa.ld64(at + 8);
		const b = yield* isa.ld64(at + 16);
		let r = 0n;

		switch (op) {
		case OP.rdmsr:
			r = yield* isa.rdmsr(Number(a));
			break;
		case OP.wrmsr:
			yield* isa.wrmsr(Number(a), b);
			break;
		case OP.read_cr:
			r = yield* isa.read_cr(Number(a));
			break;
		case OP.write_cr:
			yield* isa.write_cr(Number(a), b);
			break;
		case OP.read_dr:
			r = yield* isa.read_dr(Number(a));
			break;
		case OP.write_dr:
			yield* isa.write_dr(Number(a), b);
			break;
		case OP.cpuid:
			r = BigInt((yield* isa.cpuid(Number(a))).eax);
			break;
		case OP.vmcall:
			r = yield* isa.vmcall(a, b, 1n, 5n);
			break;
		case OP.load:
			r = yield* isa.ld64(Number(a));
			break;
		case OP.store:
			yield* isa.st64(Number(a), b);
			break;
		case OP.store16:
			yield* isa.st16(Number(a), Number(b));
			break;
		case OP.cmpxchg:
			r = yield* isa.cmpxchg64(Number(a), 0n, b);
			break;
		case OP.rdtsc:
			r = yield* isa.rdtsc();
			break;
		case OP.wbinvd:
			yield* isa.wbinvd();
			break;
		case OP.invlpg:
			yield* isa.invlpg(Number(a));
			break;
		case OP.ud2:
			yield* isa.ud2();
			break;
		case OP.int3:
			yield* isa.int3();
			break;
		}
		yield* isa.st64(at + 24, r);
	}
}

/** Says which vector it was, and goes on. */
function fault(vector: number) {
	return function* (): guest_program {
		yield* isa.set_reg(isa.REG_RSP, BigInt(DATA + STACK_TOP));
		yield* isa.st64(DATA + CMD + 24, FAULT + BigInt(vector));
		yield* isa.jmp(isa.guest_text_alloc(obey));
	};
}
const handlers = Object.fromEntries([1, 3, 6, 8, 13, 14, 18].map((v) => [v, fault(v)]));

/** A guest that obeys. */
export class servant extends guest {
	*ready(): Generator<void, void, void> {
		this.tables(handlers);
		this.start(obey);
		this.stack();
		yield* this.report();
	}
	/** Sets the operation going, to the next exit. */
	*issue(op: number, a: number | bigint = 0, b: number | bigint = 0):
		Generator<void, kvm_run, void> {
		this.put(CMD, BigInt(op));
		this.put(CMD + 8, BigInt(a));
		this.put(CMD + 16, BigInt.asUintN(64, BigInt(b)));
		return yield* this.enter();
	}
	/** The operation's result. */
	*done(r: kvm_run): Generator<void, bigint, void> {
		expect([r.exit_reason, r.io.port]).toEqual([KVM_EXIT_IO, 1]);
		return this.get(CMD + 24);
	}
	*call(op: number, a: number | bigint = 0, b: number | bigint = 0):
		Generator<void, bigint, void> {
		return yield* this.done(yield* this.issue(op, a, b));
	}
	/** 0, or the errno. */
	vcpu_op(op: number, arg: Uint8Array | number): number {
		return ioctl(this.vcpu, op, arg) < 0 ? errno() : 0;
	}
	vm_op(op: number, arg: Uint8Array | number): number {
		return ioctl(this.vm, op, arg) < 0 ? errno() : 0;
	}
	cap(cap: number, arg0 = 0n, flags = 0, fd = this.vm): number {
		const c = struct_kvm_enable_cap.alloc();
		c.cap = cap;
		c.flags = flags;
		c.args[0] = arg0;
		return ioctl(fd, KVM_ENABLE_CAP, c.bytes) < 0 ? errno() : 0;
	}
	/** Writes a member of kvm_run where @r, a copy, has it. */
	answer(r: kvm_run, at: number, bytes: Uint8Array): void {
		poke(this.run + at - r.bytes.byteOffset, bytes);
	}
	events(): ReturnType<typeof struct_kvm_vcpu_events.of> {
		const e = struct_kvm_vcpu_events.alloc();
		expect(this.vcpu_op(KVM_GET_VCPU_EVENTS, e.bytes)).toBe(0);
		return e;
	}
	sregs(): ReturnType<typeof struct_kvm_sregs.of> {
		const s = struct_kvm_sregs.alloc();
		expect(this.vcpu_op(KVM_GET_SREGS, s.bytes)).toBe(0);
		return s;
	}
}

export function serve(body: (g: servant) => Generator<void, void, void>, irqchip = false): void {
	in_task(function* () {
		const g = new servant(0, null, irqchip);
		yield* g.ready();
		yield* body(g);
		g.close();
	});
}

/* indices, and what a new guest reads */

export const bytes8 = (x: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(x).buffer);
