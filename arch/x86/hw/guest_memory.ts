// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of a guest on memory: loads, stores, atomics, and the bulk ones that stop and restart.
 *
 * Port-only. Functions return false when the operation is not done: the guest has left, went to a
 * handler, or its turn is over; it is then tried again, from the element at which it stands.
 */
import { FRAME_META, frame_get32, frame_put32, frame_state } from "./memory.ts";
import { guest_keyid, page_read, page_write } from "./guest_bytes.ts";
import { tlb_lookup, TLB_DIRECT } from "./tlb.ts";
import { run } from "./guest_cells.ts";
import { guest_exception, guest_page, guest_page_failed } from "./guest_event.ts";
import { GP_VECTOR } from "./guest_paging.ts";
import { guest_walk } from "./guest_walk.ts";
import {
	GOP_CMPXCHG, GOP_MEMCHK, GOP_MEMCMP, GOP_MEMCPY, GOP_MEMSET, GOP_STRIDE_LOAD,
	GOP_STRIDE_STORE, GOP_XADD, type guest_op, type struct_guest_cpu,
} from "./guest_types.ts";

const canonical = (gva: number): boolean => gva < 0x800000000000 && gva >= -0x800000000000;

const scratch = new Uint8Array(16);
const view = new DataView(scratch.buffer);
const words = new Int32Array(scratch.buffer);

/** Frame of the second page of an access that page_pair() allowed. */
let second = -1;

/** Frames of the one or two pages of an access; -1 if it may not be, or not yet. */
function page_pair(g: struct_guest_cpu, gva: number, n: number, need: number): number {
	const last = gva + n - 1;

	if (!canonical(gva) || !canonical(last)) {
		guest_exception(g, GP_VECTOR, 0);
		return -1;
	}
	const first = guest_page(g, gva, need);
	second = -1;
	if (first < 0 || (gva & 0xfff) + n <= 4096)
		return first;
	second = guest_page(g, last - (last & 0xfff), need);
	return second < 0 ? -1 : first;
}

/** Bytes into scratch, zero-extended to 8. */
function read(g: struct_guest_cpu, pfn: number, gva: number, n: number): boolean {
	const here = Math.min(n, 4096 - (gva & 0xfff));

	words[0] = words[1] = 0;
	return page_read(g, pfn, gva, scratch, 0, here) &&
		(here === n || page_read(g, second, gva + here, scratch, here, n - here));
}

function write(g: struct_guest_cpu, pfn: number, gva: number, n: number): boolean {
	const here = Math.min(n, 4096 - (gva & 0xfff));

	return page_write(g, pfn, gva, scratch, 0, here) &&
		(here === n || page_write(g, second, gva + here, scratch, here, n - here));
}

/** 8 bytes at @gva, whose page is @pfn, are as they lie in memory, and aligned. */
function plain_quad(g: struct_guest_cpu, pfn: number, gva: number): boolean {
	return (gva & 7) === 0 && (frame_state(pfn) & FRAME_META) === 0 &&
		guest_keyid(g, gva) === 0;
}

export function guest_load(g: struct_guest_cpu, op: guest_op): boolean {
	const gva = op.gva, n = op.size;
	const pfn = page_pair(g, gva, n, g.need_load);
	const at = 2 * op.reg;

	if (pfn < 0)
		return false;
	if (n === 8 && plain_quad(g, pfn, gva)) {
		g.regs32[at] = frame_get32(pfn, gva & 0xfff);
		g.regs32[at + 1] = frame_get32(pfn, (gva & 0xfff) + 4);
		return true;
	}
	if (!read(g, pfn, gva, n))
		return false;
	/* into part of a register, from bytes: the rest of it stays */
	if (op.bytes && n < 4 && !op.rep) {
		const mask = n === 1 ? 0xff : 0xffff;
		g.regs32[at] = (g.regs32[at]! & ~mask) | words[0]!;
		return true;
	}
	g.regs32[at] = words[0]!;
	g.regs32[at + 1] = words[1]!;
	return true;
}

export function guest_store(g: struct_guest_cpu, op: guest_op): boolean {
	const gva = op.gva, n = op.size;

	/* from here on an exit shows the value in the register it comes from */
	if (!op.bytes) {
		g.regs32[0] = op.lo;
		g.regs32[1] = op.hi;
	}
	const pfn = page_pair(g, gva, n, g.need_store);
	if (pfn < 0)
		return false;
	if (n === 8 && plain_quad(g, pfn, gva)) {
		frame_put32(pfn, gva & 0xfff, op.lo);
		frame_put32(pfn, (gva & 0xfff) + 4, op.hi);
		return true;
	}
	words[0] = op.lo;
	words[1] = op.hi;
	return write(g, pfn, gva, n);
}

/** Locked read, compute, write. */
export function guest_atomic(g: struct_guest_cpu, op: guest_op): boolean {
	const gva = op.gva, n = op.size;

	g.access_rmw = true;
	const pfn = page_pair(g, gva, n, g.need_store);
	g.access_rmw = false;
	if (pfn < 0 || !read(g, pfn, gva, n))
		return false;
	const lo = words[0]!, hi = words[1]!;
	g.regs32[0] = lo;
	g.regs32[1] = hi;
	if (op.kind === GOP_CMPXCHG) {
		if (lo !== (op.exp_lo | 0) || (n === 8 && hi !== (op.exp_hi | 0)))
			return true;
		words[0] = op.lo;
		words[1] = op.hi;
	} else if (op.kind === GOP_XADD) {
		view.setBigUint64(0, view.getBigUint64(0, true) +
			((BigInt(op.hi >>> 0) << 32n) | BigInt(op.lo >>> 0)), true);
	} else {
		words[0] = op.lo;
		words[1] = op.hi;
	}
	return write(g, pfn, gva, n);
}

/* Bulk. */

const buf_a = new Uint8Array(4096);
const buf_b = new Uint8Array(4096);
const fill = new Uint8Array(4096);
let fill_byte = 0;

/* one page counts as one operation */
function spend(): boolean {
	return --run.budget >= 0;
}

function advance(op: guest_op, n: number): void {
	op.done += n;
	op.gva += n;
	op.gva2 += n;
}

function memset(g: struct_guest_cpu, op: guest_op): boolean {
	if (fill_byte !== op.lo) {
		fill.fill(op.lo);
		fill_byte = op.lo;
	}
	while (op.done < op.len) {
		const n = Math.min(op.len - op.done, 4096 - (op.gva & 0xfff));
		const pfn = page_pair(g, op.gva, 1, g.need_store);
		if (pfn < 0 || !page_write(g, pfn, op.gva, fill, 0, n))
			return false;
		advance(op, n);
		if (op.done < op.len && !spend())
			return false;
	}
	return true;
}

function memcpy(g: struct_guest_cpu, op: guest_op): boolean {
	while (op.done < op.len) {
		const to = op.gva & 0xfff, from = op.gva2 & 0xfff;
		const n = Math.min(op.len - op.done, 4096 - to, 4096 - from);
		const src = page_pair(g, op.gva2, 1, g.need_load);
		if (src < 0)
			return false;
		const dst = page_pair(g, op.gva, 1, g.need_store);
		if (dst < 0 || !page_read(g, src, op.gva2, buf_a, 0, n) ||
		    !page_write(g, dst, op.gva, buf_a, 0, n))
			return false;
		advance(op, n);
		if (op.done < op.len && !spend())
			return false;
	}
	return true;
}

function memcmp(g: struct_guest_cpu, op: guest_op): boolean {
	while (op.done < op.len) {
		const a = op.gva & 0xfff, b = op.gva2 & 0xfff;
		const n = Math.min(op.len - op.done, 4096 - a, 4096 - b);
		const one = page_pair(g, op.gva, 1, g.need_load);
		if (one < 0)
			return false;
		const two = page_pair(g, op.gva2, 1, g.need_load);
		if (two < 0 || !page_read(g, one, op.gva, buf_a, 0, n) ||
		    !page_read(g, two, op.gva2, buf_b, 0, n))
			return false;
		for (let i = 0; i < n; i++) {
			if (buf_a[i] !== buf_b[i]) {
				op.diff = buf_a[i]! < buf_b[i]! ? -1 : 1;
				advance(op, i);
				return true;
			}
		}
		advance(op, n);
		if (op.done < op.len && !spend())
			return false;
	}
	return true;
}

function memchk(g: struct_guest_cpu, op: guest_op): boolean {
	while (op.done < op.len) {
		const n = Math.min(op.len - op.done, 4096 - (op.gva & 0xfff));
		const pfn = page_pair(g, op.gva, 1, g.need_load);
		if (pfn < 0 || !page_read(g, pfn, op.gva, buf_a, 0, n))
			return false;
		for (let i = 0; i < n; i++) {
			if (buf_a[i] !== op.lo) {
				op.diff = buf_a[i]! < op.lo ? -1 : 1;
				advance(op, i);
				return true;
			}
		}
		advance(op, n);
		if (op.done < op.len && !spend())
			return false;
	}
	return true;
}

function step(op: guest_op): void {
	op.done++;
	op.gva += op.stride;
}

/**
 * What guest_load() and guest_store() do for 8 plain bytes that the TLB does not have: their frame;
 * -2: by them, then.
 */
function stride_miss(g: struct_guest_cpu, op: guest_op, store: boolean, lo: number,
	hi: number): number {
	const need = store ? g.need_store : g.need_load;
	const pfn = guest_walk(g, g.cpu!, run.tlb, lo, hi, need);

	if (pfn >= 0)
		return (frame_state(pfn) & FRAME_META) === 0 && guest_keyid(g, op.gva) === 0 ? pfn :
			-2;
	if (store && op.bytes === false) {
		g.regs32[0] = op.lo;
		g.regs32[1] = op.hi;
	}
	guest_page_failed(g, op.gva, lo, hi, need, pfn);
	return -1;
}

/** One access of 8 bytes a stride; what the TLB lets through takes no detour. */
function stride(g: struct_guest_cpu, op: guest_op): boolean {
	const store = op.kind === GOP_STRIDE_STORE;
	const need = (store ? g.need_store : g.need_load) | TLB_DIRECT;
	const t = run.tlb, { lo, hi } = op;

	while (op.done < op.len) {
		const gva = op.gva, glo = gva | 0, ghi = Math.floor(gva * 2 ** -32) | 0;
		let pfn = -2;
		/* aligned and canonical */
		if ((glo & 7) === 0 && (ghi + 0x8000) >>> 16 === 0) {
			pfn = tlb_lookup(t, glo, ghi, need);
			if (pfn === -1) {
				pfn = stride_miss(g, op, store, glo, ghi);
				if (pfn === -1)
					return false;
			}
		}
		if (pfn >= 0) {
			const off = glo & 0xfff;
			if (store) {
				frame_put32(pfn, off, lo);
				frame_put32(pfn, off + 4, hi);
			} else {
				g.regs32[0] = frame_get32(pfn, off);
				g.regs32[1] = frame_get32(pfn, off + 4);
			}
		} else if (store ? !guest_store(g, op) : !guest_load(g, op)) {
			return false;
		}
		step(op);
		if (op.done < op.len && !spend())
			return false;
	}
	return true;
}

export function guest_bulk(g: struct_guest_cpu, op: guest_op): boolean {
	switch (op.kind) {
	case GOP_MEMSET:
		return memset(g, op);
	case GOP_MEMCPY:
		return memcpy(g, op);
	case GOP_MEMCMP:
		return memcmp(g, op);
	case GOP_MEMCHK:
		return memchk(g, op);
	default:
		return stride(g, op);
	}
}

/**
 * For the kernel's emulator, after it did the element at which a pending operation stands: moves on
 * to the next one. True if that was the last, so that RIP is the next instruction's. @diff: how a
 * comparison of this element came out (sign), which ends it unless 0.
 */
export function guest_element_done(op: guest_op, diff = 0): boolean {
	switch (op.kind) {
	case GOP_STRIDE_STORE:
	case GOP_STRIDE_LOAD:
		step(op);
		break;
	case GOP_MEMSET:
	case GOP_MEMCPY:
		advance(op, op.size);
		break;
	case GOP_MEMCMP:
	case GOP_MEMCHK:
		op.diff = diff;
		if (diff !== 0)
			return true;
		advance(op, op.size);
		break;
	default:
		return true;
	}
	return op.done >= op.len;
}

/* The stack. */

/** Pushes 8 bytes. */
export function guest_push(g: struct_guest_cpu, value: number): boolean {
	const rsp = Number(BigInt.asIntN(64, g.regs[4]!)) - 8;
	const pfn = page_pair(g, rsp, 8, g.need_store);

	if (pfn < 0)
		return false;
	view.setBigInt64(0, BigInt(value), true);
	if (!write(g, pfn, rsp, 8))
		return false;
	g.regs[4] = BigInt.asUintN(64, BigInt(rsp));
	return true;
}

/** What guest_pop() popped. */
export const popped = new BigUint64Array(1);

export function guest_pop(g: struct_guest_cpu): boolean {
	const rsp = Number(BigInt.asIntN(64, g.regs[4]!));
	const pfn = page_pair(g, rsp, 8, g.need_load);

	if (pfn < 0 || !read(g, pfn, rsp, 8))
		return false;
	popped[0] = view.getBigUint64(0, true);
	g.regs[4] = BigInt.asUintN(64, g.regs[4]! + 8n);
	return true;
}

/** One element of INS or OUTS without the kernel: @n bytes at @gva from, or to, nowhere. */
export function guest_string_element(g: struct_guest_cpu, gva: number, n: number,
	in_: boolean): boolean {
	const pfn = page_pair(g, gva, n, in_ ? g.need_store : g.need_load);

	if (pfn < 0)
		return false;
	if (in_) {
		words[0] = words[1] = -1;
		return write(g, pfn, gva, n);
	}
	return true;
}
