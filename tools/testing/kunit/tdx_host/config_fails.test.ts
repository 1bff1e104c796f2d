// SPDX-License-Identifier: GPL-2.0
/*
 * TDH.SYS.CONFIG fails: what the module was to have goes back.
 *
 * Port-only.
 */
import { seamcall_fail, TDH_SYS_CONFIG, TDX_INVALID_TDMR } from "#asm/tdx.ts";
import { boot_tdx, has_no_tdx } from "./host.ts";

seamcall_fail(TDH_SYS_CONFIG, TDX_INVALID_TDMR, 1);
has_no_tdx(boot_tdx({}), [
	"virt/tdx: SEAMCALL (0x000000000000002d) failed: 0xc0000a0000000001",
	"virt/tdx: module initialization failed (-5)",
]);
