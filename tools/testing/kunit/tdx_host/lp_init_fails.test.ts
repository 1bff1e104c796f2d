// SPDX-License-Identifier: GPL-2.0
/*
 * TDH.SYS.LP.INIT fails on one CPU.
 *
 * Port-only.
 */
import { seamcall_fail, TDH_SYS_LP_INIT, TDX_SYS_BUSY } from "#asm/tdx.ts";
import { boot_tdx, has_no_tdx } from "./host.ts";

seamcall_fail(TDH_SYS_LP_INIT, TDX_SYS_BUSY, 0, 1, 1);
has_no_tdx(boot_tdx({}), [
	"virt/tdx: SEAMCALL (0x0000000000000023) failed: 0x8000020200000000",
]);
