// SPDX-License-Identifier: GPL-2.0
/*
 * TDH.SYS.LP.INIT fails on one CPU.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { seamcall_fail, TDH_SYS_LP_INIT, TDX_SYS_BUSY } from "#asm/tdx.ts";
import { tme_pages_with_metadata } from "#hw/tme.ts";
import { boot_tdx, vm_types } from "./host.ts";

seamcall_fail(TDH_SYS_LP_INIT, TDX_SYS_BUSY, 0, 1, 1);
const said = boot_tdx({});

test("the host says so, and runs VMs", () => {
	expect(said.filter((l) => !/mktme|tme:|KeyID range|CMR|vendor_id/.test(l))).toEqual([
		"virt/tdx: SEAMCALL (0x0000000000000023) failed: 0x8000020200000000",
	]);
	expect(vm_types()).toBe(1);
});

test("nothing is left", () => {
	expect(tme_pages_with_metadata()).toBe(0);
});
