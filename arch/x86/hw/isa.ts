// SPDX-License-Identifier: GPL-2.0
/*
 * User-mode instructions of the current CPU: what userland may do to memory.
 *
 * Port-only. Each access goes through the TLB, the page walker and, on a fault, the kernel's #PF
 * entry, and is retried when that returns. An access may therefore throw: the task was killed, or
 * a signal handler left by siglongjmp(). Addresses are numbers; one that is not canonical raises
 * #GP. Accesses wider than a byte need no alignment.
 */
import type { pfn_nr } from "#asm-generic/types.ts";
import {
	FRAME_META, PAGE_BYTES, frame_get32, frame_get64, frame_get64n, frame_get8, frame_put32,
	frame_put64, frame_put64n, frame_put8, frame_fill, frame_read, frame_state, frame_write,
} from "./memory.ts";
import { tlb_direct_again, tlb_lookup, tracking } from "./tlb.ts";
import {
	NEED_DIRECT, NEED_EXEC, NEED_READ, NEED_USER, NEED_WRITE, host_fault, host_translate,
	host_walk, host_walk_fast, walk_flags,
} from "./walk.ts";
import { X86_PF_INSTR, X86_PF_PROT, X86_PF_USER, X86_PF_WRITE, X86_TRAP_GP, X86_TRAP_PF,
	cpu_exception, cpu_vendor, this_cpu, type struct_cpu } from "./cpu.ts";
import { USER_ACCESS_COST_NS, clock_cell } from "./clock.ts";
import { type cpuid_regs, hw_cpuid } from "./cpuid.ts";
import { mce_host } from "./mce.ts";
import { tme_write } from "./tme.ts";

/** A thread of a user program, as the scheduler runs it. */
export type user_thread = Generator<void, number, void>;

/* end of the lower canonical half */
const LOW_HALF_END	= 2 ** 47;
const HIGH_HALF		= 2 ** 64 - 2 ** 47;
const INV_2_32		= 2 ** -32;

const LOAD		= NEED_USER | NEED_READ;
const STORE		= NEED_USER | NEED_READ | NEED_WRITE;
const FETCH		= NEED_USER | NEED_EXEC;
const DIRECT_LOAD	= LOAD | NEED_DIRECT;
const DIRECT_STORE	= STORE | NEED_DIRECT;

/**
 * Frame of a page for a user access; never -1. What is not a user address never gets a
 * translation: #GP between the canonical halves, #PF in the upper one.
 */
function translate(va: number, need: number): number {
	const cpu = this_cpu;

	if (cpu.cpl !== 3)
		throw new Error(`machine: cpu ${cpu.id}: user access outside user mode`);
	while (!(va >= 0 && va < LOW_HALF_END)) {
		if (va >= HIGH_HALF)
			cpu_exception(cpu, X86_TRAP_PF, X86_PF_USER | X86_PF_PROT |
				((need & NEED_WRITE) !== 0 ? X86_PF_WRITE : 0) |
				((need & NEED_EXEC) !== 0 ? X86_PF_INSTR : 0), va);
		else
			cpu_exception(cpu, X86_TRAP_GP, 0, 0);
	}
	const pfn = host_translate(cpu, va, va | 0, (va * INV_2_32) | 0, need);
	if (pfn < 0)
		throw new Error("machine: the kernel gave up a user access");
	return pfn;
}

const scratch = new Uint8Array(8);
const scratch_view = new DataView(scratch.buffer);

/* Any size, any alignment, frames with metadata. */

/** Frame of the second page of the access that translate2() translated. */
let second = 0;

/** Frames of both pages of an access, translated with no fault in between. */
function translate2(va: number, next: number, need: number): number {
	const cpu = this_cpu;

	for (;;) {
		const first = translate(va, need);
		const faults = cpu.nr_faults;
		second = translate(next, need);
		if (cpu.nr_faults === faults && this_cpu === cpu)
			return first;
	}
}

/*
 * Loads into scratch, which nothing else touches until the caller has read it. Poison is a machine
 * check, which the access survives only if the kernel has put another page there.
 */
function slow_load(va: number, n: number): void {
	const off = va & (PAGE_BYTES - 1);
	const here = Math.min(n, PAGE_BYTES - off);

	for (;;) {
		const pfn = here < n ? translate2(va, va + here, LOAD) : translate(va, LOAD);
		if (frame_read(pfn as pfn_nr, off, scratch, 0, here) && (here === n ||
		    frame_read(second as pfn_nr, 0, scratch, here, n - here)))
			break;
		mce_host();
	}
	clock_cell[0]! += USER_ACCESS_COST_NS;
}

/** Stores the @n low bytes of (@lo, @hi). */
function slow_store(va: number, n: number, lo: number, hi: number): void {
	const off = va & (PAGE_BYTES - 1);
	const here = Math.min(n, PAGE_BYTES - off);

	for (;;) {
		const pfn = here < n ? translate2(va, va + here, STORE) : translate(va, STORE);
		scratch_view.setInt32(0, lo, true);
		scratch_view.setInt32(4, hi, true);
		if (frame_write(pfn as pfn_nr, off, scratch, 0, here) && (here === n ||
		    frame_write(second as pfn_nr, 0, scratch, here, n - here)))
			break;
		mce_host();
	}
	clock_cell[0]! += USER_ACCESS_COST_NS;
}

/*
 * Frame for an aligned access to a frame without metadata, or -1 to go the slow way. Loads and
 * stores have one each: loads mostly hit, and what follows a miss is inlined where it is frequent.
 */

function fast_load(va: number): number {
	const cpu = this_cpu;

	if (cpu.cpl !== 3 || !(va >= 0 && va < LOW_HALF_END))
		return -1;
	clock_cell[0]! += USER_ACCESS_COST_NS;
	const pfn = tlb_lookup(cpu.tlb, va | 0, (va * INV_2_32) | 0, DIRECT_LOAD);
	return pfn >= 0 ? pfn : fast_miss(cpu, va, DIRECT_LOAD, pfn);
}

function fast_store(va: number): number {
	const cpu = this_cpu;

	if (cpu.cpl !== 3 || !(va >= 0 && va < LOW_HALF_END))
		return -1;
	clock_cell[0]! += USER_ACCESS_COST_NS;
	const pfn = tlb_lookup(cpu.tlb, va | 0, (va * INV_2_32) | 0, DIRECT_STORE);
	return pfn >= 0 ? pfn : fast_miss(cpu, va, DIRECT_STORE, pfn);
}

/* @found: what tlb_lookup() answered */
function fast_miss(cpu: struct_cpu, va: number, need: number, found: number): number {
	const lo = va | 0, hi = (va * INV_2_32) | 0;

	return found === -1 ? fast_walk(cpu, va, lo, hi, need) : fast_again(cpu, lo, hi, need);
}

/* an entry without the right, or that is not direct although it could be */
function fast_again(cpu: struct_cpu, lo: number, hi: number, need: number): number {
	const pfn = tlb_lookup(cpu.tlb, lo, hi, need & ~NEED_DIRECT);

	if (!tracking || pfn < 0 || (frame_state(pfn) & FRAME_META) !== 0)
		return -1;
	tlb_direct_again(cpu.tlb, lo, hi, pfn);
	return pfn;
}

/* what the TLB does not know: a walk, and if that fails the fault */
function fast_walk(cpu: struct_cpu, va: number, lo: number, hi: number, need: number): number {
	let pfn = host_walk_fast(cpu, lo, hi, need);

	if (pfn >= 0)
		return pfn;
	pfn = host_walk(cpu, lo, hi, need);
	if (pfn >= 0)
		return (walk_flags & need) === need ? pfn : -1;
	if (host_fault(cpu, va, lo, hi, 0))
		pfn = host_translate(cpu, va, lo, hi, need & ~NEED_DIRECT);
	if (pfn < 0)
		throw new Error("machine: the kernel gave up a user access");
	return tlb_lookup(cpu.tlb, lo, hi, need);
}

export function user_load8(va: number): number {
	const pfn = fast_load(va);
	if (pfn >= 0)
		return frame_get8(pfn, va & 0xfff);
	slow_load(va, 1);
	return scratch[0]!;
}

export function user_load16(va: number): number {
	slow_load(va, 2);
	return scratch_view.getUint16(0, true);
}

export function user_load32(va: number): number {
	if ((va & 3) === 0) {
		const pfn = fast_load(va);
		if (pfn >= 0)
			return frame_get32(pfn, va & 0xfff) >>> 0;
	}
	slow_load(va, 4);
	return scratch_view.getUint32(0, true);
}

export function user_load64(va: number): bigint {
	if ((va & 7) === 0) {
		const pfn = fast_load(va);
		if (pfn >= 0)
			return BigInt.asUintN(64, frame_get64(pfn, va & 0xfff));
	}
	slow_load(va, 8);
	return scratch_view.getBigUint64(0, true);
}

/** 64 bits as a number; rounded above 2^53. */
export function user_load64n(va: number): number {
	if ((va & 7) === 0) {
		const pfn = fast_load(va);
		if (pfn >= 0)
			return frame_get64n(pfn, va & 0xfff);
	}
	slow_load(va, 8);
	return scratch_view.getUint32(0, true) + scratch_view.getUint32(4, true) * 2 ** 32;
}

export function user_store8(va: number, x: number): void {
	const pfn = fast_store(va);
	if (pfn >= 0) {
		frame_put8(pfn, va & 0xfff, x);
		return;
	}
	slow_store(va, 1, x, 0);
}

export function user_store16(va: number, x: number): void {
	slow_store(va, 2, x, 0);
}

export function user_store32(va: number, x: number): void {
	if ((va & 3) === 0) {
		const pfn = fast_store(va);
		if (pfn >= 0) {
			frame_put32(pfn, va & 0xfff, x);
			return;
		}
	}
	slow_store(va, 4, x, 0);
}

export function user_store64(va: number, x: bigint): void {
	if ((va & 7) === 0) {
		const pfn = fast_store(va);
		if (pfn >= 0) {
			frame_put64(pfn, va & 0xfff, x);
			return;
		}
	}
	slow_store(va, 8, Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, x >> 32n)));
}

/** A number of up to 53 bits, as 64. */
export function user_store64n(va: number, x: number): void {
	const hi = Math.floor(x * INV_2_32);

	if ((va & 7) === 0) {
		const pfn = fast_store(va);
		if (pfn >= 0) {
			frame_put64n(pfn, va & 0xfff, x, hi);
			return;
		}
	}
	slow_store(va, 8, x, hi);
}

/** Locked compare and exchange: the old value; stores @next if it was @expected. */
export function user_cmpxchg32(va: number, expected: number, next: number): number {
	translate(va, STORE);
	const old = user_load32(va);
	if (old === expected >>> 0)
		user_store32(va, next);
	return old;
}

export function user_cmpxchg64(va: number, expected: bigint, next: bigint): bigint {
	translate(va, STORE);
	const old = user_load64(va);
	if (old === BigInt.asUintN(64, expected))
		user_store64(va, next);
	return old;
}

export function user_xchg32(va: number, next: number): number {
	translate(va, STORE);
	const old = user_load32(va);
	user_store32(va, next);
	return old;
}

/** Locked add; the old value. */
export function user_xadd32(va: number, n: number): number {
	translate(va, STORE);
	const old = user_load32(va);
	user_store32(va, old + n);
	return old;
}

/** REP MOVS from memory: page by page; a fault leaves the bytes before it copied. */
export function user_read(va: number, to: Uint8Array): void {
	for (let done = 0; done < to.length;) {
		const off = (va + done) & (PAGE_BYTES - 1);
		const n = Math.min(PAGE_BYTES - off, to.length - done);

		while (!frame_read(translate(va + done, LOAD) as pfn_nr, off, to, done, n))
			mce_host();
		clock_cell[0]! += n >> 3;
		done += n;
	}
}

export function user_write(va: number, from: Uint8Array): void {
	for (let done = 0; done < from.length;) {
		const off = (va + done) & (PAGE_BYTES - 1);
		const n = Math.min(PAGE_BYTES - off, from.length - done);

		while (!frame_write(translate(va + done, STORE) as pfn_nr, off, from, done, n))
			mce_host();
		clock_cell[0]! += n >> 3;
		done += n;
	}
}

/** REP STOS: memset(). */
export function user_fill(va: number, byte: number, len: number): void {
	for (let done = 0; done < len;) {
		const off = (va + done) & (PAGE_BYTES - 1);
		const n = Math.min(PAGE_BYTES - off, len - done);

		while (!frame_fill(translate(va + done, STORE) as pfn_nr, off, byte, n))
			mce_host();
		clock_cell[0]! += n >> 3;
		done += n;
	}
}

/** MOVNTI: 8 aligned bytes past the caches. A lone one is a partial write for memory. */
export function user_movnti64(va: number, x: bigint): void {
	const pfn = translate(va - (va & 7), STORE);

	scratch_view.setBigUint64(0, BigInt.asUintN(64, x), true);
	tme_write(pfn * PAGE_BYTES + (va & 0xff8), 0, scratch, "nt");
	clock_cell[0]! += USER_ACCESS_COST_NS;
}

/** Instruction fetch at an address: only whether it is allowed, and no poison. */
export function user_fetch(va: number): void {
	while (!frame_read(translate(va, FETCH) as pfn_nr, va & (PAGE_BYTES - 1), scratch, 0, 1))
		mce_host(true);
	clock_cell[0]! += USER_ACCESS_COST_NS;
}

/** CPUID. */
export function user_cpuid(leaf: number, sub: number): cpuid_regs {
	return hw_cpuid(cpu_vendor, leaf, sub);
}
