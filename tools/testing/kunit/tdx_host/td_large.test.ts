// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's pages by the hundred: taken away together, and large ones that come back.
 *
 * Port-only.
 */
import { expect } from "vitest";
import { memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import * as x from "#asm/tdx.ts";
import { usleep, write_file } from "#tools/include/nolibc/nolibc.ts";
import { td_accept, td_convert, td_create, td_free, td_long_mode, td_report, TD_FREE_GPA } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { boot_tdx } from "./host.ts";
import { report_all, td_test } from "./td_env.ts";

boot_tdx();

const PAGE = 4096, HPAGE = 2 ** 21, DATA = TD_FREE_GPA;

/** How many of @n pages at @gpa were accepted. */
function* accept_small(gpa: number, n: number): Generator<number, number, void> {
	let accepted = 0;

	for (let i = 0; i < n; i++)
		accepted += (yield* td_accept(gpa + i * PAGE)) === x.TDX_SUCCESS ? 1 : 0;
	return accepted;
}

const counts = (...leaves: readonly number[]): number[] =>
	leaves.map((leaf) => x.seamcall_counts[leaf]!);

const GOING = [x.TDH_MEM_RANGE_BLOCK, x.TDH_MEM_TRACK, x.TDH_MEM_PAGE_REMOVE,
	x.TDH_PHYMEM_PAGE_WBINVD, x.TDH_MEM_SEPT_REMOVE];

td_test("a range goes with one TRACK for all of it", "never", function* () {
	const td = td_create([function* (): guest_program {
		yield* td_long_mode();
		yield* td_report(yield* accept_small(DATA, 100));
		yield* memset(DATA, 0x5a, 100 * PAGE);
		yield* td_report(1);
		yield* td_report(Number(yield* memchk(DATA, 0x5a, 10 * PAGE)));
		yield* td_report(Number(yield* memchk(DATA + 90 * PAGE, 0x5a, 10 * PAGE)));
	}]);

	yield* report_all(td, [100, 1]);
	x.seamcall_counts_reset();
	td_convert(td, DATA + 10 * PAGE, 80 * PAGE, false);
	expect(counts(...GOING)).toEqual([80, 1, 80, 80, 0]);
	yield* report_all(td, [1, 1]);
	td_free(td);
});

td_test("a table goes with the last of its pages", "never", function* () {
	const td = td_create([function* (): guest_program {
		yield* td_long_mode();
		yield* td_report(yield* accept_small(DATA, 512 + 8));
		yield* td_report(yield* accept_small(DATA, 512));
		yield* td_report(yield* accept_small(DATA, 512 + 8));
	}]);

	yield* report_all(td, [520]);
	x.seamcall_counts_reset();
	/* all at once: the table, and each page */
	td_convert(td, DATA, HPAGE, false);
	expect(counts(...GOING)).toEqual([1 + 512 + 1, 1, 512, 512 + 1, 1]);
	td_convert(td, DATA, HPAGE, true);
	yield* report_all(td, [512]);
	/* and page by page */
	x.seamcall_counts_reset();
	for (let i = 0; i < 512; i++)
		td_convert(td, DATA + i * PAGE, PAGE, false);
	expect(counts(x.TDH_MEM_PAGE_REMOVE, x.TDH_MEM_SEPT_REMOVE)).toEqual([512, 1]);
	/* what is next to it is not touched */
	td_convert(td, DATA, HPAGE, true);
	yield* report_all(td, [512]);
	td_free(td);
});

/** Split and put together again, by the recovery thread; the number of tries that it is given. */
function* split_and_merge(tries: number): Generator<void, void, void> {
	const PARAMETER = "/sys/module/kvm/parameters/nx_huge_pages_recovery_period_ms";
	const td = td_create([function* (): guest_program {
		yield* td_long_mode();
		yield* td_report(yield* td_accept(DATA, 1));
		yield* memset(DATA, 0x77, HPAGE);
		yield* td_report(1);
		yield* td_report(yield* td_accept(DATA));
		yield* td_report(Number(yield* memchk(DATA + PAGE, 0x77, HPAGE - PAGE)));
	}]);

	td.in_place = true;
	expect(write_file(PARAMETER, "1")).toBe(0);
	yield* report_all(td, [0, 1]);
	td_convert(td, DATA, PAGE, false);
	td_convert(td, DATA, PAGE, true);
	/* with a page missing it does not try */
	yield* usleep(10000);
	expect(counts(x.TDH_MEM_PAGE_PROMOTE)).toEqual([0]);
	yield* report_all(td, [0]);
	for (let i = 0; i < tries; i++)
		yield* usleep(1000);
	yield* report_all(td, [1]);
	td_free(td);
	expect(write_file(PARAMETER, "0")).toBe(0);
}

td_test("a split page becomes large with BLOCK, TRACK and PROMOTE", "always", function* () {
	x.seamcall_counts_reset();
	yield* split_and_merge(10);
	expect(counts(x.TDH_MEM_PAGE_DEMOTE, x.TDH_MEM_PAGE_PROMOTE)).toEqual([1, 1]);
	expect(counts(x.TDH_MEM_RANGE_UNBLOCK, x.TDH_MEM_SEPT_REMOVE)).toEqual([0, 0]);
});

td_test("PAGE.PROMOTE finds a lock taken, three times", "always", function* () {
	x.seamcall_counts_reset();
	x.seamcall_fail(x.TDH_MEM_PAGE_PROMOTE, x.TDX_OPERAND_BUSY, x.OPERAND_RCX, 3);
	yield* split_and_merge(10);
	expect(counts(x.TDH_MEM_PAGE_PROMOTE)).toEqual([4]);
});

td_test("PAGE.PROMOTE can't be, twice: the range is open again", "always", function* () {
	x.seamcall_counts_reset();
	x.seamcall_fail(x.TDH_MEM_PAGE_PROMOTE, x.TDX_EPT_INVALID_PROMOTE_CONDITIONS,
		x.OPERAND_RCX, 2);
	yield* split_and_merge(10);
	expect(counts(x.TDH_MEM_PAGE_PROMOTE, x.TDH_MEM_RANGE_UNBLOCK)).toEqual([3, 2]);
});
