// SPDX-License-Identifier: GPL-2.0
/*
 * BIOS has not loaded the module: there are no TDs, and VMs as ever.
 *
 * Port-only.
 */
import { boot_tdx, has_no_tdx } from "./host.ts";

has_no_tdx(boot_tdx({ tdx_module: false }), [
	"virt/tdx: module not loaded",
]);
