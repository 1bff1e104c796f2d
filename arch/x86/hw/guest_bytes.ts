// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's bytes in one frame, whoever's memory that is.
 *
 * Port-only. A TD's private pages are accessed under its KeyID, all others under KeyID 0: which of
 * them a page is, its entry in the TLB says. Functions return false when there was poison, and the
 * guest has left because of it.
 */
import type { pfn_nr } from "#asm-generic/types.ts";
import { FRAME_META, frame_bytes, frame_read, frame_state, frame_write } from "./memory.ts";
import { GTLB_PRIVATE } from "./guest_cells.ts";
import { guest_machine_check } from "./guest_event.ts";
import type { struct_guest_cpu } from "./guest_types.ts";
import { tlb_lookup } from "./tlb.ts";
import { TME_POISON, tme_direct, tme_read, tme_write } from "./tme.ts";

const LINE = 64;

/**
 * KeyID of accesses to the page at @gva, which the TLB has. With one of a TD's, all depends on what
 * the page's lines are, plain ones too: those are the host's.
 */
export function guest_keyid(g: struct_guest_cpu, gva: number): number {
	if (g.td === null)
		return 0;
	const t = g.cpu!.guest_tlb!;

	return tlb_lookup(t, gva | 0, Math.floor(gva * 2 ** -32), GTLB_PRIVATE) >= 0 ?
		g.td.hkid : 0;
}

/** The TD consumes poison at @hpa. */
export function td_poison(g: struct_guest_cpu, hpa: number, fetch: boolean): false {
	g.td!.poison_hpa = hpa;
	guest_machine_check(g, fetch);
	return false;
}

function td_read(g: struct_guest_cpu, hpa: number, keyid: number, to: Uint8Array,
	fetch: boolean): boolean {
	for (let done = 0; done < to.length;) {
		const n = Math.min(LINE - (hpa + done) % LINE, to.length - done);
		if (tme_read(hpa + done, keyid, n, to.subarray(done, done + n)) === TME_POISON)
			return td_poison(g, hpa + done, fetch);
		done += n;
	}
	return true;
}

function td_write(g: struct_guest_cpu, hpa: number, keyid: number, from: Uint8Array): boolean {
	for (let done = 0; done < from.length;) {
		const n = Math.min(LINE - (hpa + done) % LINE, from.length - done);
		/* whole lines are read first, too: only MOVDIR64B does without */
		if (tme_write(hpa + done, keyid, from.subarray(done, done + n), "wb") === TME_POISON)
			return td_poison(g, hpa + done, false);
		done += n;
	}
	return true;
}

/** @n bytes at @gva, whose page is @pfn and in the TLB, to @to[@at...]. */
export function page_read(g: struct_guest_cpu, pfn: number, gva: number, to: Uint8Array, at: number,
	n: number, fetch = false): boolean {
	const off = gva & 0xfff;

	const keyid = guest_keyid(g, gva);
	if (keyid !== 0 || g.td !== null && (frame_state(pfn) & FRAME_META) !== 0) {
		if (!tme_direct(pfn * 4096, keyid, false))
			return td_read(g, pfn * 4096 + off, keyid, to.subarray(at, at + n), fetch);
		to.set(frame_bytes(pfn as pfn_nr).subarray(off, off + n), at);
		return true;
	}
	if (frame_read(pfn as pfn_nr, off, to, at, n))
		return true;
	guest_machine_check(g, fetch);
	return false;
}

export function page_write(g: struct_guest_cpu, pfn: number, gva: number, from: Uint8Array,
	at: number, n: number): boolean {
	const off = gva & 0xfff;

	const keyid = guest_keyid(g, gva);
	if (keyid !== 0 || g.td !== null && (frame_state(pfn) & FRAME_META) !== 0) {
		if (!tme_direct(pfn * 4096, keyid, true))
			return td_write(g, pfn * 4096 + off, keyid, from.subarray(at, at + n));
		frame_bytes(pfn as pfn_nr).set(from.subarray(at, at + n), off);
		return true;
	}
	if (frame_write(pfn as pfn_nr, off, from, at, n))
		return true;
	guest_machine_check(g);
	return false;
}
