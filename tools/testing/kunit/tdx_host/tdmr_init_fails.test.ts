// SPDX-License-Identifier: GPL-2.0
/*
 * TDH.SYS.TDMR.INIT fails in the middle: PAMTs that are the module's already are cleared.
 *
 * Port-only.
 */
import { seamcall_fail, TDH_SYS_TDMR_INIT, TDX_OPERAND_BUSY } from "#asm/tdx.ts";
import { boot_tdx, has_no_tdx } from "./host.ts";

seamcall_fail(TDH_SYS_TDMR_INIT, TDX_OPERAND_BUSY, 1, 1, 100);
has_no_tdx(boot_tdx({}), [
	"virt/tdx: SEAMCALL (0x0000000000000024) failed: 0x8000020000000001",
	"virt/tdx: module initialization failed (-5)",
]);
