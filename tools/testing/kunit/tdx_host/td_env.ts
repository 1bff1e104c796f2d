// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of one TD each, which leaves nothing behind.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { pamt_used } from "#hw/tdx/pamt.ts";
import { seamcall_counts_reset } from "#asm/tdx.ts";
import { write_file } from "#tools/include/nolibc/nolibc.ts";
import { in_task, state } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { td_run_until_report, type struct_td } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";

const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

export function* report_all(td: struct_td, want: readonly number[]): Generator<void, void, void> {
	for (const [i, w] of want.entries())
		expect([i, yield* td_run_until_report(td)]).toEqual([i, w]);
}

/** @thp what the host does about huge pages of files. Counts of SEAMCALLs begin with it. */
export function td_test(name: string, thp: "always" | "never",
	body: () => Generator<void, void, void>): void {
	test(name, () => {
		const before = state(), owned = pamt_used();

		seamcall_counts_reset();
		in_task(function* () {
			expect(write_file(HUGE, thp)).toBe(0);
			yield* body();
			expect(write_file(HUGE, "never")).toBe(0);
		});
		expect(state()).toBe(before);
		expect(pamt_used()).toBe(owned);
	});
}
