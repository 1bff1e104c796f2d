// SPDX-License-Identifier: GPL-2.0
/*
 * A host brings its TDX module up.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { boot_tdx } from "./host.ts";
import { tdx_enable, tdx_get_sysinfo, tdx_global_keyid, tdx_keyid_alloc, tdx_keyid_free,
	tdx_nr_guest_keyids } from "#asm/tdx.ts";
import { boot_cpu_data } from "#asm/processor.ts";
import { tdx } from "#hw/tdx/state.ts";
import { SYS_READY } from "#hw/tdx/defs.ts";
import { tme_page_owner } from "#hw/tme.ts";
import { cpus } from "#hw/cpu.ts";

const said = boot_tdx({ packages: 2 });

test("and says so", () => {
	console.log(said.join("\n"));
});
