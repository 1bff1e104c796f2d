// SPDX-License-Identifier: GPL-2.0
/*
 * What can't be torn down is lost, and never touched again: a KeyID, its TD's pages.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { kmsg_text } from "#linux/printk.ts";
import * as x from "#asm/tdx.ts";
import { pamt_used } from "#hw/tdx/pamt.ts";
import { in_task } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { td_create, td_free, td_long_mode, td_report, td_run_until_report } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { boot_tdx } from "./host.ts";

boot_tdx();

const script = function* (): Generator<number, void, void> {
	yield* td_long_mode();
	yield* td_report(1);
};

function run_td(): void {
	in_task(function* () {
		const td = td_create([script]);
		expect(yield* td_run_until_report(td)).toBe(1);
		td_free(td);
	});
}

test("TDH.MNG.KEY.FREEID fails", () => {
	x.seamcall_fail(x.TDH_MNG_KEY_FREEID, x.TDX_WBCACHE_NOT_COMPLETE);
	run_td();
	expect(kmsg_text().filter((l) => /HKID 17 is leaked/.test(l))).toHaveLength(1);
	expect(x.tdx_keyids_used()).toBe(1);
	expect(x.tdx_pages_leaked).toBe(pamt_used());
});

test("the next TD has another KeyID, and leaves nothing", () => {
	const leaked = x.tdx_pages_leaked, used = pamt_used();

	run_td();
	expect([x.tdx_keyids_used(), x.tdx_pages_leaked, pamt_used()]).toEqual([1, leaked, used]);
});
