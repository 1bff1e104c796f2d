// SPDX-License-Identifier: GPL-2.0
/*
 * TDH.SYS.CONFIG fails: what the module was to have goes back.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { seamcall_fail, TDH_SYS_CONFIG, TDX_INVALID_TDMR } from "#asm/tdx.ts";
import { tme_pages_with_metadata } from "#hw/tme.ts";
import { boot_tdx, vm_types } from "./host.ts";

seamcall_fail(TDH_SYS_CONFIG, TDX_INVALID_TDMR, 1);
const said = boot_tdx({});

test("the host says so, and runs VMs", () => {
	expect(said.filter((l) => !/mktme|tme:|KeyID range|CMR|vendor_id/.test(l))).toEqual([
		"virt/tdx: SEAMCALL (0x000000000000002d) failed: 0xc0000a0000000001",
		"virt/tdx: module initialization failed (-5)",
	]);
	expect(vm_types()).toBe(1);
});

test("nothing is left", () => {
	expect(tme_pages_with_metadata()).toBe(0);
});
