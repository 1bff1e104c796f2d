// SPDX-License-Identifier: GPL-2.0
/*
 * clear_on_drop=0: pages that were a TD's come back as they are, and are counted.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { memset } from "#hw/isa_guest.ts";
import { tme_page_owner } from "#hw/tme.ts";
import { tdx_pages_unclean } from "#asm/tdx.ts";
import { in_task } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { td_accept, td_create, td_free, td_long_mode, td_map_gpa, td_report, td_run_until_report,
	TD_FREE_GPA, TD_SHARED_BIT } from "#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { to_kvm_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";
import { fget, fput } from "#linux/file.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { boot_tdx } from "./host.ts";

boot_tdx({ cmdline: "clear_on_drop=0" });

test("a page that was private", () => {
	in_task(function* () {
		const td = td_create([function* () {
			yield* td_long_mode();
			yield* td_report(yield* td_accept(TD_FREE_GPA));
			yield* memset(TD_FREE_GPA, 1, 4096);
			const shared = TD_FREE_GPA + TD_SHARED_BIT;
			yield* td_report(Number(yield* td_map_gpa(shared, 4096)));
		}]);
		for (const want of [0, 0])
			expect(yield* td_run_until_report(td)).toBe(want);
		/* it, and the table that had no other page */
		expect(tdx_pages_unclean).toBe(2);
		const file = fget(td.fd)!;
		const root = to_kvm_tdx(file.private_data as struct_kvm).tdr!.pfn * 4096;
		fput(file);
		td_free(td);
		/* the TD's root too, and all that was below it */
		expect(tdx_pages_unclean).toBeGreaterThan(20);
		expect(tme_page_owner(root).owner).toEqual([0xffffffff, 0xffffffff]);
	});
});
