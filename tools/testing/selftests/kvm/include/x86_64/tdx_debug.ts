// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel with TDX_HOST_DEBUG tells of TDs and lets tests do: SEAMCALLs counted and made to
 * fail, an audit of TDs' pages, and what is left when they are gone.
 *
 * Port-only.
 */
import { read_file, write_file } from "#tools/include/nolibc/nolibc.ts";
import { __TEST_REQUIRE, TEST_ASSERT } from "../test_util.ts";
import { td_require } from "./tdx.ts";

const DIR = "/sys/kernel/debug/tdx";

/* leaves that KVM uses */
export const TDH_VP_ENTER		= 0;
export const TDH_MNG_ADDCX		= 1;
export const TDH_MEM_PAGE_ADD		= 2;
export const TDH_MEM_SEPT_ADD		= 3;
export const TDH_VP_ADDCX		= 4;
export const TDH_MEM_PAGE_AUG		= 6;
export const TDH_MEM_RANGE_BLOCK	= 7;
export const TDH_MNG_KEY_CONFIG		= 8;
export const TDH_MNG_CREATE		= 9;
export const TDH_VP_CREATE		= 10;
export const TDH_MEM_PAGE_DEMOTE	= 15;
export const TDH_MR_EXTEND		= 16;
export const TDH_MR_FINALIZE		= 17;
export const TDH_VP_FLUSH		= 18;
export const TDH_MNG_VPFLUSHDONE	= 19;
export const TDH_MNG_KEY_FREEID		= 20;
export const TDH_MNG_INIT		= 21;
export const TDH_VP_INIT		= 22;
export const TDH_MEM_PAGE_PROMOTE	= 23;
export const TDH_VP_RD			= 26;
export const TDH_PHYMEM_PAGE_RECLAIM	= 28;
export const TDH_MEM_PAGE_REMOVE	= 29;
export const TDH_MEM_SEPT_REMOVE	= 30;
export const TDH_MEM_TRACK		= 38;
export const TDH_MEM_RANGE_UNBLOCK	= 39;
export const TDH_PHYMEM_CACHE_WB	= 40;
export const TDH_PHYMEM_PAGE_WBINVD	= 41;
export const TDH_VP_WR			= 43;

/** Skips the test on hosts without TDX, and on kernels that were not made for tests. */
export function td_require_debug(): void {
	td_require();
	__TEST_REQUIRE(read_file(`${DIR}/seamcalls`) !== null, "CONFIG_TDX_HOST_DEBUG not available");
}

function must_write(name: string, text: string): void {
	const r = write_file(`${DIR}/${name}`, text);

	TEST_ASSERT(r >= 0, "%s: %s", name, text);
}

/** From now on td_seamcalls() counts from 0. */
export function td_seamcalls_reset(): void {
	must_write("seamcalls", "0\n");
}

/** How often each leaf was called. */
export function td_seamcalls(): number[] {
	const counts = new Array<number>(64).fill(0);

	for (const [, leaf, n] of (read_file(`${DIR}/seamcalls`) ?? "").matchAll(/^(\d+) (\d+)$/gm))
		counts[Number(leaf)] = Number(n);
	return counts;
}

/** @times calls of @leaf, after @skip more, fail with @code, bits 63:32 of RAX, over @details. */
export function td_fail(leaf: number, code: number, details = 0, times = 1, skip = 0): void {
	must_write("fail", `${leaf} ${code} ${details} ${times} ${skip}\n`);
}

export function td_fail_off(): void {
	must_write("fail", "off\n");
}

/** Calls that are to fail yet. */
export function td_fail_left(): number {
	return (read_file(`${DIR}/fail`) ?? "").trim().split("\n")
		.reduce((n, line) => n + Number(line.split(" ")[3] ?? 0), 0);
}

/** All who know of TDs' pages agree; a line of counts for each TD. */
export function td_audit(when: string): string[] {
	const lines = (read_file(`${DIR}/audit`) ?? "").trim().split("\n").filter((l) => l !== "");
	const bad = lines.filter((l) => l.includes(" BAD "));

	TEST_ASSERT(bad.length === 0, "%s: %d disagreements: %s", when, bad.length,
		bad.slice(0, 3).join("; "));
	return lines;
}

/** KeyIDs in use, pages that are lost for good, pages that are TDs'. */
export interface td_left {
	keyids: number;
	leaked: number;
	owned: number;
}

export function td_left(): td_left {
	const text = /\[tdx\]\n((?:\w+ \d+\n)+)/
		.exec(read_file("/sys/kernel/debug/privmem/state") ?? "")?.[1] ?? "";
	const of = (name: string): number =>
		Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? -1);

	return { keyids: of("keyids"), leaked: of("leaked"), owned: of("owned") };
}

export function td_assert_left(keyids: number, leaked: number, owned: number, what: string): void {
	const left = td_left();

	TEST_ASSERT(left.keyids === keyids && left.leaked === leaked && left.owned === owned,
		"%s: KeyIDs %d, pages lost %d, pages owned %d; expected %d, %d, %d", what,
		left.keyids, left.leaked, left.owned, keyids, leaked, owned);
}
