// SPDX-License-Identifier: GPL-2.0
/*
 * Secure EPT: every leaf in every state of an entry, TLB tracking, locks, pages and their content.
 *
 * Port-only. The table of transitions is written down here apart from the module's.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { frame_bytes, table_hi, table_lo } from "#hw/memory.ts";
import { tme_page_owner, tme_read, TME_DATA } from "#hw/tme.ts";
import * as d from "#hw/tdx/defs.ts";
import { LOCK_EXCLUSIVE, LOCK_PAMT_2M, LOCK_PAMT_4K, LOCK_SEPT_ENTRY, LOCK_SEPT_TREE, LOCK_SHARED,
	LOCK_TD_EPOCH, tdx_lock_on, tdx_unlock_on } from "#hw/tdx/locks.ts";
import { pamt_used } from "#hw/tdx/pamt.ts";
import { sept_walk, walk_index, walk_table } from "#hw/tdx/sept.ts";
import type { struct_tdr } from "#hw/tdx/state.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { td_env } from "./td_env.ts";

const MIB2 = 2 ** 21, GPA = 2 ** 30;
/* states as the host sees them */
const FREE = 0, BLOCKED = 1, PENDING = 2, PENDING_BLOCKED = 3, MAPPED = 4, NL_BLOCKED = 0x81,
	NL_MAPPED = 0x84;
const STATES: [string, number][] = [["FREE", FREE], ["NL_MAPPED", NL_MAPPED],
	["NL_BLOCKED", NL_BLOCKED], ["MAPPED", MAPPED], ["BLOCKED", BLOCKED], ["PENDING", PENDING],
	["PENDING_BLOCKED", PENDING_BLOCKED]];

let e: td_env, t: struct_tdr;

beforeEach(() => {
	e = new td_env({ cpus: 2 });
	e.bring_up(false);
	for (let i = 0; i < 8; i++)
		e.ok(d.TDH_SYS_TDMR_INIT, { rcx: 2 ** 30 });
	t = e.build_td();
});

const call = (leaf: number, gpa: number, level: number, r8 = 0, r9 = 0): string =>
	e.mem(leaf, t, gpa, level, r8, r9);
const ok = (leaf: number, gpa: number, level: number, r8 = 0, r9 = 0): void =>
	e.mem_ok(leaf, t, gpa, level, r8, r9);

/** A page of the host's with this byte all over. */
function source(byte: number): number {
	const hpa = e.buffer();
	frame_bytes(hpa / 4096 as pfn_nr).fill(byte);
	return hpa;
}

/** Brings the entry at @level into a state; the page or table behind it. */
function reach(state: number, level: number, gpa = GPA): number {
	let hpa = 0;
	e.add_tables(t, gpa, level);
	const leaf = state & 0x80;
	if (leaf !== 0) {
		hpa = e.frames();
		ok(d.TDH_MEM_SEPT_ADD, gpa, level, hpa);
	} else if (state === PENDING || state === PENDING_BLOCKED) {
		hpa = e.frames(512 ** level);
		ok(d.TDH_MEM_PAGE_AUG, gpa, level, hpa);
	} else if (state !== FREE && level === 0) {
		hpa = e.frames();
		ok(d.TDH_MEM_PAGE_ADD, gpa, 0, hpa, source(0x5a));
	} else if (state !== FREE) {
		/* MAPPED as a whole: 512 pages, promoted */
		hpa = e.frames(512);
		ok(d.TDH_MEM_SEPT_ADD, gpa, level, e.frames());
		add_512(gpa, hpa);
		ok(d.TDH_MEM_RANGE_BLOCK, gpa, level);
		ok(d.TDH_MEM_PAGE_PROMOTE, gpa, level);
	}
	if (state === BLOCKED || state === PENDING_BLOCKED || state === NL_BLOCKED)
		ok(d.TDH_MEM_RANGE_BLOCK, gpa, level);
	expect(e.state(t, gpa, level)).toBe(state);
	return hpa;
}

function add_512(gpa: number, hpa: number): void {
	for (let i = 0; i < 512; i++)
		ok(d.TDH_MEM_PAGE_ADD, gpa + i * 4096, 0, hpa + i * 4096, SOURCE());
}

let one_source = 0;
function SOURCE(): number {
	if (one_source === 0 || frame_bytes(one_source / 4096 as pfn_nr)[0] !== 0x5a)
		one_source = source(0x5a);
	return one_source;
}

beforeEach(() => {
	one_source = 0;
});

/* leaf: what it comes to in the states in the order above; a number is the next state */
const NF = "EPT_ENTRY_NOT_FREE", FR = "EPT_ENTRY_FREE", NB = "GPA_RANGE_NOT_BLOCKED",
	AB = "GPA_RANGE_ALREADY_BLOCKED", NL = "EPT_ENTRY_NOT_LEAF", LF = "EPT_ENTRY_LEAF";
const TABLE: [string, number, (number | string)[]][] = [
	["SEPT.ADD", d.TDH_MEM_SEPT_ADD, [NL_MAPPED, NF, NF, NF, NF, NF, NF]],
	["PAGE.AUG", d.TDH_MEM_PAGE_AUG, [PENDING, NF, NF, NF, NF, NF, NF]],
	["PAGE.ADD", d.TDH_MEM_PAGE_ADD, [MAPPED, NF, NF, NF, NF, NF, NF]],
	["RANGE.BLOCK", d.TDH_MEM_RANGE_BLOCK,
		[FR, NL_BLOCKED, AB, BLOCKED, AB, PENDING_BLOCKED, AB]],
	["RANGE.UNBLOCK", d.TDH_MEM_RANGE_UNBLOCK, [FR, NB, NL_MAPPED, NB, MAPPED, NB, PENDING]],
	["PAGE.REMOVE", d.TDH_MEM_PAGE_REMOVE, [FR, NL, NL, NB, FREE, NB, FREE]],
	["SEPT.REMOVE", d.TDH_MEM_SEPT_REMOVE, [FR, NB, FREE, LF, LF, LF, LF]],
	["PAGE.RELOCATE", d.TDH_MEM_PAGE_RELOCATE, [FR, NL, NL, NB, MAPPED, NB, PENDING]],
	["PAGE.PROMOTE", d.TDH_MEM_PAGE_PROMOTE, [FR, NB, MAPPED, LF, LF, LF, LF]],
	["PAGE.DEMOTE", d.TDH_MEM_PAGE_DEMOTE, [FR, NL, NL, NB, NL_MAPPED, NB, NL_MAPPED]],
];
const ONLY_4K = [d.TDH_MEM_PAGE_ADD, d.TDH_MEM_PAGE_RELOCATE];
const ONLY_LARGE = [d.TDH_MEM_SEPT_ADD, d.TDH_MEM_SEPT_REMOVE, d.TDH_MEM_PAGE_PROMOTE,
	d.TDH_MEM_PAGE_DEMOTE];

describe.each(TABLE)("%s", (_, leaf, want) => {
	test.each(STATES.map(([name, state], i): [string, number, number | string] =>
		[name, state, want[i]!]))("in state %s", (_state, state, expected) => {
		for (const level of [0, 1]) {
			if ((level === 0 ? ONLY_LARGE : ONLY_4K).includes(leaf) ||
			    (level === 0 && (state & 0x80) !== 0))
				continue;
			const gpa = GPA * (level + 1), lvl = level;
			/* a table that can be promoted has pages */
			if (leaf === d.TDH_MEM_PAGE_PROMOTE && state === NL_BLOCKED) {
				const hpa = e.frames(512);
				e.add_tables(t, gpa, 0);
				add_512(gpa, hpa);
				ok(d.TDH_MEM_RANGE_BLOCK, gpa, 1);
			} else {
				reach(state, lvl, gpa);
			}
			const r8 = e.frames(leaf === d.TDH_MEM_PAGE_AUG ? 512 ** lvl : 1);
			const got = call(leaf, gpa, lvl, r8, SOURCE());
			if (typeof expected === "number") {
				expect([lvl, got]).toEqual([lvl, "SUCCESS"]);
				expect(e.state(t, gpa, lvl)).toBe(expected);
				continue;
			}
			expect([lvl, got]).toEqual([lvl, `${expected}|RCX`]);
			/* level and state of the entry; nothing has changed */
			expect(e.out(2)).toBe(lvl | (state << 8));
			expect(e.state(t, gpa, lvl)).toBe(state);
			expect(e.rdmd(r8)[0]).toBe(d.PT_NDA);
		}
	});
});

test("what the processor sees of each state", () => {
	const entry = (gpa: number, level: number): [number, number] => {
		sept_walk(t, gpa, level);
		return [table_lo(walk_table, walk_index), table_hi(walk_table, walk_index)];
	};
	STATES.forEach(([, state], i) => {
		const gpa = GPA * (i + 1), level = (state & 0x80) !== 0 ? 1 : 0;
		reach(state, level, gpa);
		const [lo, hi] = entry(gpa, level);
		expect(lo & 7).toBe(state === MAPPED || state === NL_MAPPED ? 7 : 0);
		expect(hi < 0).toBe(state !== PENDING);
		expect((hi >>> 21) & 15).toBe({ [FREE]: 7, [BLOCKED]: 4, [PENDING]: 8,
			[PENDING_BLOCKED]: 12, [NL_BLOCKED]: 4 }[state] ?? 0);
	});
});

describe("operands", () => {
	test("GPA and level", () => {
		const bad = (leaf: number, gpa: number, level: number): void =>
			expect([leaf, gpa, level, call(leaf, gpa, level)])
				.toEqual([leaf, gpa, level, "OPERAND_INVALID|RCX"]);
		for (const [, leaf] of TABLE) {
			bad(leaf, 2 ** 47, 1);
			bad(leaf, 2 ** 50, 1);
			bad(leaf, 4096, 1);
			bad(leaf, 0, 4);
			bad(leaf, 0, 7);
			bad(leaf, 8, 1);
		}
		for (const leaf of ONLY_LARGE)
			bad(leaf, 0, 0);
		for (const leaf of ONLY_4K)
			bad(leaf, 0, 1);
		bad(d.TDH_MEM_PAGE_AUG, 0, 2);
		bad(d.TDH_MEM_PAGE_PROMOTE, 0, 3);
		bad(d.TDH_MEM_PAGE_DEMOTE, 0, 3);
		expect(e.call(d.TDH_MEM_SEPT_RD, { rcx: 2 ** 63, rdx: t.pfn * 4096 }))
			.toBe("OPERAND_INVALID|RCX");
	});

	test("five levels", () => {
		t = e.build_td((v) => {
			v.setBigUint64(24, 6n | (4n << 3n), true);
			v.setBigUint64(32, 1n, true);
		});
		const gpa = 2 ** 50;
		expect(call(d.TDH_MEM_SEPT_ADD, 2 ** 51, 4, e.frames())).toBe("OPERAND_INVALID|RCX");
		for (const level of [4, 3, 2, 1])
			ok(d.TDH_MEM_SEPT_ADD, gpa, level, e.frames());
		ok(d.TDH_MEM_PAGE_AUG, gpa, 0, e.frames());
		expect(e.state(t, gpa, 0)).toBe(PENDING);
	});

	test("tables on the way", () => {
		for (const [, leaf] of TABLE)
			if (!ONLY_LARGE.includes(leaf))
				expect(call(leaf, GPA, 0)).toBe("EPT_WALK_FAILED|RCX");
		/* where it ended: the top level, free */
		expect(e.out(2)).toBe(3);
		reach(PENDING, 1);
		expect(call(d.TDH_MEM_PAGE_AUG, GPA, 0, e.frames())).toBe("EPT_WALK_FAILED|RCX");
		expect(e.out(2)).toBe(1 | (PENDING << 8));
		/* nothing new below what is blocked */
		reach(NL_BLOCKED, 1, 2 * GPA);
		expect(call(d.TDH_MEM_PAGE_AUG, 2 * GPA, 0, e.frames())).toBe("GPA_RANGE_BLOCKED|RCX");
	});

	test.each([[d.TDH_MEM_SEPT_ADD, 1], [d.TDH_MEM_PAGE_ADD, 0], [d.TDH_MEM_PAGE_AUG, 0],
		[d.TDH_MEM_PAGE_AUG, 1]])("the page, leaf %i level %i", (leaf, level) => {
		e.add_tables(t, GPA, level);
		const n = 512 ** level && leaf === d.TDH_MEM_PAGE_AUG ? 512 ** level : 1;
		const page = e.frames(n), src = SOURCE();
		const add = (r8: number, r9 = src): string => call(leaf, GPA, level, r8, r9);
		expect(add(page + 64)).toBe("OPERAND_INVALID|R8");
		expect(add(e.with_hkid(page, 1))).toBe("OPERAND_INVALID|R8");
		expect(add(0)).toBe("OPERAND_ADDR_RANGE_ERROR|R8");
		/* its own TDR, which the leaf has locked already */
		expect(add(t.pfn * 4096 - (n === 512 ? t.pfn * 4096 % MIB2 : 0)))
			.toBe("OPERAND_BUSY|R8");
		const other = e.create_td();
		expect(add(n === 512 ? page : other.pfn * 4096)).toBe(n === 512 ? "SUCCESS" :
			"PAGE_METADATA_INCORRECT|R8");
		if (n === 512)
			return;
		tdx_lock_on(1, LOCK_PAMT_4K, page / 4096, LOCK_SHARED);
		expect(add(page)).toBe("OPERAND_BUSY|R8");
		tdx_unlock_on(1, LOCK_PAMT_4K, page / 4096);
		const far = e.frames(512);
		tdx_lock_on(1, LOCK_PAMT_2M, far / MIB2, LOCK_EXCLUSIVE);
		expect(add(far)).toBe("OPERAND_BUSY|R8");
		tdx_unlock_on(1, LOCK_PAMT_2M, far / MIB2);
		if (leaf === d.TDH_MEM_PAGE_ADD) {
			expect(add(page, src + 64)).toBe("OPERAND_INVALID|R9");
			expect(add(page, e.with_hkid(src, t.hkid))).toBe("OPERAND_INVALID|R9");
			expect(add(page, e.with_hkid(src, 64))).toBe("OPERAND_INVALID|R9");
		}
		expect(add(page)).toBe("SUCCESS");
		/* a page has one place only */
		e.add_tables(t, 2 * GPA, level);
		expect(call(leaf, 2 * GPA, level, page, src)).toBe("PAGE_METADATA_INCORRECT|R8");
	});

	test("2 MiB of which a part is in use", () => {
		e.add_tables(t, GPA, 1);
		const large = e.frames(512), one = large + 5 * 4096;
		e.add_tables(t, 2 * GPA, 0);
		ok(d.TDH_MEM_PAGE_AUG, 2 * GPA, 0, one);
		expect(call(d.TDH_MEM_PAGE_AUG, GPA, 1, large)).toBe("PAGE_METADATA_INCORRECT|R8");
		ok(d.TDH_MEM_RANGE_BLOCK, 2 * GPA, 0);
		ok(d.TDH_MEM_PAGE_REMOVE, 2 * GPA, 0);
		ok(d.TDH_MEM_PAGE_AUG, GPA, 1, large);
		expect(call(d.TDH_MEM_PAGE_AUG, 2 * GPA, 0, one)).toBe("PAGE_METADATA_INCORRECT|R8");
		expect([e.rdmd(one), e.rdmd(large)]).toEqual([[d.PT_REG, t.pfn, 1],
			[d.PT_REG, t.pfn, 1]]);
	});
});

describe("locks", () => {
	const TREE: [number, "s" | "x" | "-"][] = [[d.TDH_MEM_SEPT_ADD, "s"], [d.TDH_MEM_PAGE_AUG, "s"],
		[d.TDH_MEM_PAGE_REMOVE, "s"], [d.TDH_MEM_PAGE_RELOCATE, "s"],
		[d.TDH_MEM_PAGE_PROMOTE, "s"], [d.TDH_MEM_PAGE_DEMOTE, "s"], [d.TDH_MEM_SEPT_RD, "s"],
		[d.TDH_MEM_RANGE_BLOCK, "x"], [d.TDH_MEM_RANGE_UNBLOCK, "x"],
		[d.TDH_MEM_SEPT_REMOVE, "x"], [d.TDH_MEM_PAGE_ADD, "-"]];
	test.each(TREE)("leaf %i: tree %s, and the entry", (leaf, mode) => {
		const level = ONLY_LARGE.includes(leaf) ? 1 : 0;
		e.add_tables(t, GPA, level);
		tdx_lock_on(1, LOCK_SEPT_TREE, t.pfn, LOCK_SHARED);
		expect(call(leaf, GPA, level) === "OPERAND_BUSY|SEPT_TREE").toBe(mode === "x");
		tdx_unlock_on(1, LOCK_SEPT_TREE, t.pfn);
		tdx_lock_on(1, LOCK_SEPT_TREE, t.pfn, LOCK_EXCLUSIVE);
		expect(call(leaf, GPA, level) === "OPERAND_BUSY|SEPT_TREE").toBe(mode !== "-");
		tdx_unlock_on(1, LOCK_SEPT_TREE, t.pfn);
		sept_walk(t, GPA, level);
		const word = walk_table * 512 + walk_index;
		tdx_lock_on(1, LOCK_SEPT_ENTRY, word, LOCK_EXCLUSIVE);
		expect(call(leaf, GPA, level)).toBe(leaf === d.TDH_MEM_SEPT_RD ? "SUCCESS" :
			"OPERAND_BUSY|RCX");
		tdx_unlock_on(1, LOCK_SEPT_ENTRY, word);
	});
	test("a failed leaf has given all of its locks back", () => {
		for (let i = 0; i < 2; i++)
			for (const [, leaf] of TABLE)
				expect(call(leaf, GPA, ONLY_LARGE.includes(leaf) ? 1 : 0))
					.toBe("EPT_WALK_FAILED|RCX");
	});
});

describe("tracking", () => {
	const track = (): string => e.call(d.TDH_MEM_TRACK, { rcx: t.pfn * 4096 });
	const NEED: [string, number, number][] = [["UNBLOCK", d.TDH_MEM_RANGE_UNBLOCK, BLOCKED],
		["PAGE.REMOVE", d.TDH_MEM_PAGE_REMOVE, BLOCKED],
		["SEPT.REMOVE", d.TDH_MEM_SEPT_REMOVE, NL_BLOCKED],
		["RELOCATE", d.TDH_MEM_PAGE_RELOCATE, BLOCKED],
		["PROMOTE", d.TDH_MEM_PAGE_PROMOTE, NL_BLOCKED],
		["DEMOTE", d.TDH_MEM_PAGE_DEMOTE, PENDING_BLOCKED]];
	test.each(NEED)("%s needs it, of a TD that runs", (_, leaf, state) => {
		const level = ONLY_LARGE.includes(leaf) ? 1 : 0;
		const gpa = GPA;
		e.build_vp(t);
		reach(state === BLOCKED ? MAPPED : state === NL_BLOCKED ? NL_MAPPED : PENDING,
			level);
		if (leaf === d.TDH_MEM_PAGE_PROMOTE) {
			const hpa = e.frames(512);
			add_512(gpa, hpa);
		}
		e.finalize(t);
		ok(d.TDH_MEM_RANGE_BLOCK, gpa, level);
		const r8 = e.frames();
		expect(call(leaf, gpa, level, r8)).toBe("TLB_TRACKING_NOT_DONE|RCX");
		expect(track()).toBe("SUCCESS");
		expect(call(leaf, gpa, level, r8)).toBe("SUCCESS");
	});

	test("epochs: who entered when", () => {
		e.build_vp(t);
		reach(MAPPED, 0);
		e.finalize(t);
		const c = t.tdcs, { epoch } = c;
		/* as if a VCPU ran since before */
		c.refcount[epoch & 1]!++;
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 0);
		expect(track()).toBe("SUCCESS");
		expect(call(d.TDH_MEM_PAGE_REMOVE, GPA, 0)).toBe("TLB_TRACKING_NOT_DONE|RCX");
		/* a second epoch can't begin while somebody is in the last but one */
		expect(track()).toBe("PREVIOUS_TLB_EPOCH_BUSY");
		/* one that entered in the new epoch is no hindrance */
		c.refcount[(epoch + 1) & 1]!++;
		c.refcount[epoch & 1]!--;
		expect(call(d.TDH_MEM_PAGE_REMOVE, GPA, 0)).toBe("SUCCESS");
		expect(track()).toBe("SUCCESS");
		expect(track()).toBe("PREVIOUS_TLB_EPOCH_BUSY");
		expect(c.epoch).toBe(epoch + 2);
		tdx_lock_on(1, LOCK_TD_EPOCH, t.pfn, LOCK_SHARED);
		expect(track()).toBe("OPERAND_BUSY|TD_EPOCH");
		tdx_unlock_on(1, LOCK_TD_EPOCH, t.pfn);
	});

	test("where the epoch is kept: RDMD shows it", () => {
		const page = reach(MAPPED, 0), c = t.tdcs;
		c.epoch = 7;
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 0);
		e.rdmd(page);
		expect(e.out(9)).toBe(7);
		const table = reach(NL_MAPPED, 1, 2 * GPA);
		ok(d.TDH_MEM_RANGE_BLOCK, 2 * GPA, 1);
		e.rdmd(table);
		expect(e.out(9)).toBe(7);
	});
});

describe("pages", () => {
	const content = (hpa: number): number => {
		const buf = new Uint8Array(4);
		expect(tme_read(hpa, t.hkid, 4, buf)).toBe(TME_DATA);
		return buf[3]!;
	};

	test("ADD copies, under the TD's key", () => {
		const hpa = reach(MAPPED, 0);
		expect(content(hpa + 2048)).toBe(0x5a);
		expect(tme_page_owner(hpa)).toMatchObject({ keyid: t.hkid });
		expect(e.rdmd(hpa)).toEqual([d.PT_REG, t.pfn, 0]);
	});

	test("AUG leaves the page as it is", () => {
		const page = e.frames();
		frame_bytes(page / 4096 as pfn_nr).fill(7);
		e.add_tables(t, GPA);
		ok(d.TDH_MEM_PAGE_AUG, GPA, 0, page);
		expect(tme_page_owner(page).owner).toEqual([0, 0]);
		expect(frame_bytes(page / 4096 as pfn_nr)[9]).toBe(7);
	});

	test("REMOVE and SEPT.REMOVE tell which page, and count", () => {
		const before = [t.chldcnt, pamt_used()];
		const page = reach(BLOCKED, 0);
		ok(d.TDH_MEM_PAGE_REMOVE, GPA, 0);
		expect([e.out(1), e.rdmd(page)[0]]).toEqual([page, d.PT_NDA]);
		for (const level of [1, 2, 3]) {
			const gpa = GPA - GPA % (4096 * 512 ** level);
			ok(d.TDH_MEM_RANGE_BLOCK, gpa, level);
			ok(d.TDH_MEM_SEPT_REMOVE, gpa, level);
			expect(e.rdmd(e.out(1))[0]).toBe(d.PT_NDA);
		}
		expect([t.chldcnt, pamt_used()]).toEqual(before);
	});

	test("SEPT.REMOVE of a table that maps something", () => {
		reach(PENDING, 0);
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 1);
		expect(call(d.TDH_MEM_SEPT_REMOVE, GPA, 1)).toBe("EPT_PAGE_NOT_FREE|RCX");
		/* below a blocked range, pages can still go */
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 0);
		ok(d.TDH_MEM_PAGE_REMOVE, GPA, 0);
		ok(d.TDH_MEM_SEPT_REMOVE, GPA, 1);
	});

	test("RELOCATE: content moves, the old page is free", () => {
		const old = reach(BLOCKED, 0), page = e.frames();
		ok(d.TDH_MEM_PAGE_RELOCATE, GPA, 0, page);
		expect([e.out(1), e.rdmd(old)[0], e.rdmd(page)]).toEqual(
			[old, d.PT_NDA, [d.PT_REG, t.pfn, 0]]);
		expect(content(page)).toBe(0x5a);
		const busy = reach(BLOCKED, 0, 2 * GPA);
		expect(call(d.TDH_MEM_PAGE_RELOCATE, 2 * GPA, 0, busy))
			.toBe("PAGE_METADATA_INCORRECT|R8");
	});

	test("PROMOTE and DEMOTE are each other's reverse", () => {
		const hpa = reach(MAPPED, 1), n = t.chldcnt;
		expect(e.rdmd(hpa + 8192)).toEqual([d.PT_REG, t.pfn, 1]);
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 1);
		const table = e.frames();
		tdx_env().interrupt_after = 0;
		expect(call(d.TDH_MEM_PAGE_DEMOTE, GPA, 1, table)).toBe("INTERRUPTED_RESTARTABLE");
		expect([e.rdmd(table)[0], e.state(t, GPA, 1)]).toEqual([d.PT_NDA, BLOCKED]);
		ok(d.TDH_MEM_PAGE_DEMOTE, GPA, 1, table);
		expect(e.rdmd(hpa + 8192)).toEqual([d.PT_REG, t.pfn, 0]);
		expect(e.rdmd(table)).toEqual([d.PT_EPT, t.pfn, 0]);
		expect([t.chldcnt, e.state(t, GPA + 511 * 4096, 0)]).toEqual([n + 1, MAPPED]);
		expect(content(hpa + 511 * 4096)).toBe(0x5a);
		ok(d.TDH_MEM_RANGE_BLOCK, GPA, 1);
		ok(d.TDH_MEM_PAGE_PROMOTE, GPA, 1);
		expect([e.out(1), t.chldcnt, e.rdmd(table)[0]]).toEqual([table, n, d.PT_NDA]);
	});

	const tdx_env = (): { interrupt_after: number } => e.env;

	test("PROMOTE: what must be true of the pages", () => {
		const hpa = e.frames(512), promote = (gpa: number): string => {
			ok(d.TDH_MEM_RANGE_BLOCK, gpa, 1);
			return call(d.TDH_MEM_PAGE_PROMOTE, gpa, 1);
		};
		e.add_tables(t, GPA, 0);
		for (let i = 0; i < 511; i++)
			ok(d.TDH_MEM_PAGE_AUG, GPA + i * 4096, 0, hpa + i * 4096);
		expect(promote(GPA)).toBe("EPT_INVALID_PROMOTE_CONDITIONS|RCX");
		ok(d.TDH_MEM_RANGE_UNBLOCK, GPA, 1);
		/* one that is not the next */
		ok(d.TDH_MEM_PAGE_AUG, GPA + 511 * 4096, 0, e.frames());
		expect(promote(GPA)).toBe("EPT_INVALID_PROMOTE_CONDITIONS|RCX");
		ok(d.TDH_MEM_RANGE_UNBLOCK, GPA, 1);
		ok(d.TDH_MEM_RANGE_BLOCK, GPA + 511 * 4096, 0);
		ok(d.TDH_MEM_PAGE_REMOVE, GPA + 511 * 4096, 0);
		/* one in another state */
		ok(d.TDH_MEM_PAGE_ADD, GPA + 511 * 4096, 0, hpa + 511 * 4096, SOURCE());
		expect(promote(GPA)).toBe("EPT_INVALID_PROMOTE_CONDITIONS|RCX");
		ok(d.TDH_MEM_RANGE_UNBLOCK, GPA, 1);
		ok(d.TDH_MEM_RANGE_BLOCK, GPA + 511 * 4096, 0);
		ok(d.TDH_MEM_PAGE_REMOVE, GPA + 511 * 4096, 0);
		ok(d.TDH_MEM_PAGE_AUG, GPA + 511 * 4096, 0, hpa + 511 * 4096);
		expect(promote(GPA)).toBe("SUCCESS");
		expect(e.state(t, GPA, 1)).toBe(PENDING);
		/* in order, but not where a large page can be */
		e.frames(512);
		const off = e.frames(1024) + 4096;
		e.add_tables(t, 2 * GPA, 0);
		for (let i = 0; i < 512; i++)
			ok(d.TDH_MEM_PAGE_AUG, 2 * GPA + i * 4096, 0, off + i * 4096);
		expect(promote(2 * GPA)).toBe("EPT_INVALID_PROMOTE_CONDITIONS|RCX");
	});
});

describe("TDH.MEM.RD and WR", () => {
	test("under debug only", () => {
		reach(MAPPED, 0);
		for (const leaf of [d.TDH_MEM_RD, d.TDH_MEM_WR])
			expect(e.call(leaf, { rcx: GPA, rdx: t.pfn * 4096 })).toBe("TD_NON_DEBUG");
		t = e.build_td((v) => v.setBigUint64(0, 1n, true));
		reach(MAPPED, 0);
		const at = (leaf: number, rcx: number, r8 = 0n): string =>
			e.call(leaf, { rcx, rdx: t.pfn * 4096, r8 });
		expect(at(d.TDH_MEM_RD, GPA + 8)).toBe("SUCCESS");
		expect(e.r.u64[8]).toBe(0x5a5a5a5a5a5a5a5an);
		expect(at(d.TDH_MEM_WR, GPA + 8, 2n ** 63n + 1n)).toBe("SUCCESS");
		expect(e.r.u64[8]).toBe(0x5a5a5a5a5a5a5a5an);
		expect(at(d.TDH_MEM_RD, GPA + 8)).toBe("SUCCESS");
		expect(e.r.u64[8]).toBe(2n ** 63n + 1n);
		expect(at(d.TDH_MEM_RD, GPA + 4)).toBe("OPERAND_INVALID|RCX");
		expect(at(d.TDH_MEM_RD, 2 ** 47)).toBe("OPERAND_INVALID|RCX");
		expect(at(d.TDH_MEM_RD, 5 * GPA)).toBe("EPT_WALK_FAILED|RCX");
		expect(at(d.TDH_MEM_RD, GPA + 4096)).toBe("EPT_ENTRY_NOT_PRESENT|RCX");
	});
});
