// SPDX-License-Identifier: GPL-2.0
/*
 * A host brings its TDX module up: two packages, a hole in RAM.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { boot_cpu_data } from "#asm/processor.ts";
import { tdx_enable, tdx_get_sysinfo, tdx_keyid_alloc, tdx_keyid_free, tdx_keyids_used,
	tdx_nr_guest_keyids } from "#asm/tdx.ts";
import { cpus } from "#hw/cpu.ts";
import { PT_NDA, PT_RSVD, SYS_READY } from "#hw/tdx/defs.ts";
import { pamt_find, pamt_type } from "#hw/tdx/pamt.ts";
import { tdx } from "#hw/tdx/state.ts";
import { tme_page_owner } from "#hw/tme.ts";
import { boot_tdx } from "./host.ts";

const GIB = 2 ** 30;
const said = boot_tdx({ packages: 2, memory: 4 * GIB });

test("and says so", () => {
	expect(said).toEqual([
		"x86/tme: enabled by BIOS",
		"x86/mktme: enabled by BIOS",
		"x86/mktme: 63 KeyIDs available",
		"virt/tdx: BIOS enabled: private KeyID range [16, 64)",
		"virt/tdx: TDX module: vendor_id 0x8086, major_version 1, minor_version 0, " +
			`build_date ${0x20220715}, build_num 1`,
		"virt/tdx: CMR[0]: [0x100000, 0xc0000000)",
		"virt/tdx: CMR[1]: [0x100000000, 0x140000000)",
		"virt/tdx: 16424 KB allocated for PAMT",
		"virt/tdx: module initialized",
		"kvm: TDX is supported. hkid start 17, number 47",
		"kvm: TDX enabled",
	]);
});

test("on all CPUs and packages, with all memory but holes and PAMTs", () => {
	expect(tdx.state).toBe(SYS_READY);
	expect(tdx.lp_init).toEqual([true, true]);
	expect(tdx.pkg_config).toBe(3);
	/* nobody stays in VMX operation for it */
	expect(cpus.map((c) => c.vmxon_pfn)).toEqual([-1, -1]);
	expect(tdx.tdmrs.map((t) => [t.base, t.size])).toEqual([[0, 3 * GIB], [4 * GIB, GIB]]);
	for (const t of tdx.tdmrs) {
		expect(t.next).toBe(t.base + t.size);
		for (const p of t.pamt) {
			expect(pamt_find(p.base / 4096)).toBe(true);
			expect(pamt_type).toBe(PT_RSVD);
			/* the last array may be a line or two */
			expect(tme_page_owner(p.base).owner[0] & 1).toBe(1);
		}
	}
	pamt_find(0);
	expect(pamt_type).toBe(PT_RSVD);
	pamt_find(0x8000);
	expect(pamt_type).toBe(PT_NDA);
	expect(tdx_enable()).toBe(0);
	expect(tdx_get_sysinfo()!.max_tdmrs).toBe(64);
	expect(boot_cpu_data.x86_phys_bits).toBe(40);
});

test("KeyIDs for TDs: the lowest that is free", () => {
	const ids = Array.from({ length: tdx_nr_guest_keyids }, tdx_keyid_alloc);

	expect([ids[0], ids.at(-1), tdx_keyids_used()]).toEqual([17, 63, 47]);
	expect(tdx_keyid_alloc()).toBe(-28);
	tdx_keyid_free(30);
	expect(tdx_keyid_alloc()).toBe(30);
	ids.forEach(tdx_keyid_free);
	expect(tdx_keyids_used()).toBe(0);
});
