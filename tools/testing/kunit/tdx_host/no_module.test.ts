// SPDX-License-Identifier: GPL-2.0
/*
 * BIOS has not loaded the module: there are no TDs, and VMs as ever.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { tme_pages_with_metadata } from "#hw/tme.ts";
import { boot_tdx, vm_types } from "./host.ts";

const said = boot_tdx({ tdx_module: false });

test("the host says so, and runs VMs", () => {
	expect(said.filter((l) => !/mktme|tme:|KeyID range|CMR|vendor_id/.test(l))).toEqual([
		"virt/tdx: module not loaded",
	]);
	expect(vm_types()).toBe(1);
});

test("nothing is left", () => {
	expect(tme_pages_with_metadata()).toBe(0);
});
