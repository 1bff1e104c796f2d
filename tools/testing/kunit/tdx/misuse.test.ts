// SPDX-License-Identifier: GPL-2.0
/*
 * A host that does things in the wrong order, or to pages that it gave away: what the module says,
 * and what it cannot know.
 *
 * Port-only. Orders that user space has no call for; tdx_scenarios_test has the others.
 */
import { describe, expect, test } from "vitest";
import { cpus } from "#hw/cpu.ts";
import { machine_shutdown } from "#hw/mce.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_VMFAIL } from "#hw/tdx/dispatch.ts";
import { tme_page_owner, tme_write } from "#hw/tme.ts";
import { td_vm } from "./td_vm.ts";

const DATA = 0x800000, BYTE = new Uint8Array([0x11]);

describe.each(["li", "ci"] as const)("integrity=%s: between PAGE.ADD and MR.EXTEND", (integrity) => {
	const tme = { integrity, keyid_bits: 6, tdx_keyid_bits: 2, pw_erratum: false, emca2: true,
		seam_nr: false, lmce: true };
	/** A TD whose first page is added: the page, and where it came from. */
	function add(): { m: td_vm; hpa: number; source: number; extend: () => string } {
		const m = new td_vm({ cpus: 2, tme }), t = m.build_td();

		m.build_vp(t);
		m.add_tables(t, DATA);
		const source = m.buffer(), hpa = m.frames();
		m.mem_ok(d.TDH_MEM_PAGE_ADD, t, DATA, 0, hpa, source);
		return { m, hpa, source,
			extend: () => m.call(d.TDH_MR_EXTEND, { rcx: DATA, rdx: t.pfn * 4096 }) };
	}

	test("a byte into the TD's page: unbreakable shutdown, and TDX is gone", () => {
		const { m, hpa, extend } = add();

		tme_write(hpa + 100, 0, BYTE, "wb");
		expect(extend).toThrow(machine_shutdown);
		expect(cpus[0]!.online).toBe(false);
		m.on(1);
		expect(m.raw(d.TDH_SYS_KEY_CONFIG)).toBe(SEAMCALL_VMFAIL);
	});

	test("a byte beyond what is measured now, or into the source: nothing", () => {
		const { hpa, source, extend } = add();

		tme_write(hpa + 256, 0, BYTE, "wb");
		tme_write(source, 0, BYTE, "wb");
		expect(extend()).toBe("SUCCESS");
	});
});

describe("a page for a second TD", () => {
	const TD2 = 2 * DATA;
	function two_tds(): { m: td_vm; hpa: number; aug: () => string; remove: () => void } {
		const m = new td_vm(), t = m.build_td(), other = m.build_td();

		for (const [td, gpa] of [[t, DATA], [other, TD2]] as const) {
			m.build_vp(td);
			m.add_tables(td, gpa);
		}
		const hpa = m.frames();
		m.mem_ok(d.TDH_MEM_PAGE_ADD, t, DATA, 0, hpa, m.buffer());
		return { m, hpa,
			aug: () => m.call(d.TDH_MEM_PAGE_AUG,
				{ rcx: TD2, rdx: other.pfn * 4096, r8: hpa }),
			remove: () => {
				m.mem_ok(d.TDH_MEM_RANGE_BLOCK, t, DATA, 0);
				m.mem_ok(d.TDH_MEM_PAGE_REMOVE, t, DATA, 0);
			} };
	}

	test("while the first one has it: PAGE_METADATA_INCORRECT", () => {
		const { aug, remove } = two_tds();

		expect(aug()).toBe("PAGE_METADATA_INCORRECT|R8");
		remove();
		expect(aug()).toBe("SUCCESS");
	});

	test("not cleared: the module does not look", () => {
		const { hpa, aug, remove } = two_tds();

		remove();
		expect(tme_page_owner(hpa).owner).toEqual([0xffffffff, 0xffffffff]);
		expect(aug()).toBe("SUCCESS");
		expect(tme_page_owner(hpa).owner).toEqual([0xffffffff, 0xffffffff]);
	});
});
