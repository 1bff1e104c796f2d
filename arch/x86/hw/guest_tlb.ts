// SPDX-License-Identifier: GPL-2.0
/*
 * What a CPU remembers of guests' translations, and the instructions that make it forget.
 *
 * Port-only. cpu.guest_tlb holds combined mappings (guest linear address to host frame), each
 * context of it one (VPID, EPT top table, PCID) or, with SVM, (ASID, PCID). cpu.nested_cache holds
 * guest-physical ones: which table of the second dimension maps 2 MiB of guest physical memory,
 * tagged by the EPT top table, or the ASID. Both go stale until flushed.
 */
import { struct_tlb, tlb_drop_page, tlb_flush_all, tlb_flush_context, tlb_flush_matching,
	tlb_invlpg, tlb_switch } from "./tlb.ts";
import type { struct_cpu } from "./cpu.ts";
import type { struct_guest_cpu } from "./guest_types.ts";

/* contexts kept beside the current one, before the TLB drops all */
const MAX_CONTEXTS	= 512;

interface context {
	readonly vpid: number;
	/** -1 for SVM */
	readonly root: number;
	readonly pcid: number;
	/** Of a TD: the shared EPT's top table. */
	shared: number;
}

/* index: the context's number in every CPU's TLB; 0 is nobody's */
const contexts: context[] = [{ vpid: -1, root: -1, pcid: 0, shared: -1 }];
const by_tag = new Map<number, number>();
const by_pcid = new Map<string, number>();

function context_of(vpid: number, root: number, pcid: number): number {
	const tag = (root + 1) * 65536 + vpid;
	const known = pcid === 0 ? by_tag.get(tag) : by_pcid.get(`${tag}:${pcid}`);

	if (known !== undefined)
		return known;
	const id = contexts.push({ vpid, root, pcid, shared: -1 }) - 1;
	if (pcid === 0)
		by_tag.set(tag, id);
	else
		by_pcid.set(`${tag}:${pcid}`, id);
	return id;
}

const NESTED_SLOTS	= 256;
const NESTED_WORDS	= NESTED_SLOTS * 4;
/*
 * [guest physical address / 2 MiB][stamp][frame of the table][rights], of all CPUs one after the
 * other: one array for good, whose place V8 knows
 */
const nested = new Int32Array(32 * NESTED_WORDS);
/* keeps an index of a first word in range, as V8 sees */
const FIRST_WORDS	= 32 * NESTED_WORDS - 4;

export class struct_nested_cache {
	/** Where this CPU's entries begin. */
	readonly base: number;
	/** Whose entries the current stamp marks. */
	tag = -1;
	stamp = 1;
	last_stamp = 1;
	readonly stamps = new Map<number, number>();
	/** By context of the TLB: control bits (guest_mmu_mode()) its entries were made under. */
	readonly modes: number[] = [];

	constructor(cpu: number) {
		this.base = cpu * NESTED_WORDS;
		nested.fill(0, this.base, this.base + NESTED_WORDS);
	}
}

function nested_new_stamp(n: struct_nested_cache): number {
	if (n.last_stamp >= 0x7ffffff0) {
		nested.fill(0, n.base, n.base + NESTED_WORDS);
		n.stamps.clear();
		n.last_stamp = 0;
	}
	return ++n.last_stamp;
}

function nested_switch(n: struct_nested_cache, tag: number): void {
	if (tag === n.tag)
		return;
	if (n.stamps.size >= MAX_CONTEXTS)
		n.stamps.clear();
	if (n.tag !== -1)
		n.stamps.set(n.tag, n.stamp);
	n.tag = tag;
	n.stamp = n.stamps.get(tag) ?? nested_new_stamp(n);
	n.stamps.delete(tag);
}

function nested_flush(n: struct_nested_cache, tag: number): void {
	if (tag === n.tag)
		n.stamp = nested_new_stamp(n);
	else
		n.stamps.delete(tag);
}

/* 2 MiB of guest physical memory by a guest frame of up to 40 bits */
const tag_of = (gfn: number): number => gfn <= 0x7fffffff ? gfn >> 9 : (gfn / 512) | 0;
const slot_of = (tag: number): number => ((tag ^ (tag >>> 8)) & (NESTED_SLOTS - 1)) << 2;

/** Rights of the entry that nested_lookup() found. */
export let nested_found = 0;

/** Frame of the lowest table for the guest frame, or -1. */
export function nested_lookup(n: struct_nested_cache, gfn: number): number {
	const tag = tag_of(gfn), s = (n.base | slot_of(tag)) & FIRST_WORDS;

	if (nested[s] !== tag || nested[s + 1] !== n.stamp)
		return -1;
	nested_found = nested[s + 3]!;
	return nested[s + 2]!;
}

export function nested_fill(n: struct_nested_cache, gfn: number, pfn: number,
	rights: number): void {
	const tag = tag_of(gfn), s = (n.base | slot_of(tag)) & FIRST_WORDS;

	nested[s] = tag;
	nested[s + 1] = n.stamp;
	nested[s + 2] = pfn;
	nested[s + 3] = rights;
}

/** What a violation drops: nothing stale can keep it going. */
export function nested_drop(n: struct_nested_cache, gfn: number): void {
	const tag = tag_of(gfn), s = (n.base | slot_of(tag)) & FIRST_WORDS;

	if (nested[s] === tag)
		nested[s + 1] = 0;
}

/* ASIDs and EPT top tables share the cache, if not a machine */
const nested_tag = (svm: boolean, vpid: number, root: number): number =>
	svm === true ? -2 - vpid : root;

export function guest_tlb_of(cpu: struct_cpu): struct_tlb {
	if (cpu.guest_tlb === null) {
		cpu.nested_cache ??= new struct_nested_cache(cpu.id);
		cpu.guest_tlb = new struct_tlb();
		cpu.guest_tlb.id = 2 * cpu.id + 1;
	}
	return cpu.guest_tlb;
}

/** Makes the guest's translations current on @cpu. */
export function guest_tlb_switch(cpu: struct_cpu, g: struct_guest_cpu): void {
	const t = guest_tlb_of(cpu);
	const pcid = (g.cr4 & 0x20000) !== 0 ? g.cr3 & 0xfff : 0;
	const root = g.svm === true ? -1 : g.root;

	if (g.vpid !== g.context_vpid || root !== g.context_root || pcid !== g.context_pcid) {
		g.context = context_of(g.vpid, root, pcid);
		g.context_vpid = g.vpid;
		g.context_root = root;
		g.context_pcid = pcid;
	}
	const c = g.context;
	if (g.td !== null)
		contexts[c]!.shared = g.td.shared_root;
	if (c !== t.context && t.stamps.size >= MAX_CONTEXTS)
		tlb_flush_all(t);
	tlb_switch(t, c);
	nested_switch(cpu.nested_cache!, nested_tag(g.svm, g.vpid, g.root));
}

/* What instructions ask for. */

/** Everything of every guest. */
export function guest_tlb_flush_all(cpu: struct_cpu): void {
	const n = cpu.nested_cache;

	if (cpu.guest_tlb !== null)
		tlb_flush_all(cpu.guest_tlb);
	if (n !== null) {
		n.stamps.clear();
		n.stamp = nested_new_stamp(n);
	}
}

/**
 * INVEPT, single context: what was made with this EPT top table. A TD's, whose cached tables go by
 * its secure EPT's, is meant by either of its two.
 */
export function guest_tlb_flush_root(cpu: struct_cpu, root: number): void {
	if (cpu.guest_tlb !== null)
		tlb_flush_matching(cpu.guest_tlb, (c) => contexts[c]!.root === root ||
			contexts[c]!.shared === root);
	if (cpu.nested_cache === null)
		return;
	nested_flush(cpu.nested_cache, root);
	for (const c of contexts)
		if (c.shared === root)
			nested_flush(cpu.nested_cache, c.root);
}

/** INVVPID, single context: linear and combined mappings of this VPID. */
export function guest_tlb_flush_vpid(cpu: struct_cpu, vpid: number): void {
	if (cpu.guest_tlb !== null)
		tlb_flush_matching(cpu.guest_tlb, (c) => contexts[c]!.vpid === vpid);
}

/** TLB_CONTROL: everything of an ASID. */
export function guest_tlb_flush_asid(cpu: struct_cpu, asid: number): void {
	guest_tlb_flush_vpid(cpu, asid);
	if (cpu.nested_cache !== null)
		nested_flush(cpu.nested_cache, nested_tag(true, asid, -1));
}

/** INVVPID, individual address, and INVLPGA. */
export function guest_tlb_flush_gva(cpu: struct_cpu, vpid: number, gva: number): void {
	const t = cpu.guest_tlb;

	if (t === null)
		return;
	if (contexts[t.context]?.vpid === vpid)
		tlb_invlpg(t, gva | 0, Math.floor(gva * 2 ** -32));
	tlb_flush_matching(t, (c) => c !== t.context && contexts[c]!.vpid === vpid);
}

/** A guest's own flushes. MOV to CR3: */
export function guest_tlb_flush_current(cpu: struct_cpu): void {
	const t = guest_tlb_of(cpu);
	tlb_flush_context(t, t.context);
}

/** INVLPG */
export function guest_tlb_invlpg(cpu: struct_cpu, gva: number): void {
	tlb_invlpg(guest_tlb_of(cpu), gva | 0, Math.floor(gva * 2 ** -32));
}

/** What a page fault drops: the page's own entry. */
export function guest_tlb_drop(cpu: struct_cpu, gva: number): void {
	tlb_drop_page(guest_tlb_of(cpu), gva | 0, Math.floor(gva * 2 ** -32));
}
