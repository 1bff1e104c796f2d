// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs of a TD and its VMM convert the same pages at the same time, for a few seeds, in small
 * pages and in parts of a large one. Memory has what it may have, pages that nobody converts forget
 * nothing, KVM and the TDX module always agree on whose each page is, and in the end nothing is
 * left.
 *
 * Port-only.
 */
import { pthread_create, pthread_join, write_file } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_free } from "../include/x86_64/tdx.ts";
import { chaos, chaos_create, chaos_host, chaos_vcpu, CHAOS_DONE, CHAOS_READY, sched_seed } from
	"../include/x86_64/tdx_chaos.ts";
import { TDH_MEM_PAGE_AUG, TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_REMOVE, td_assert_left, td_audit,
	td_require_debug, td_seamcalls, td_seamcalls_reset } from
	"../include/x86_64/tdx_debug.ts";

const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const SEEDS = 8, ROUNDS = 60, VCPUS = 3;

function* test_seed(seed: number, large: boolean): wait {
	const c = new chaos(seed, ROUNDS), what = `seed ${seed}`;

	TEST_ASSERT(write_file(HUGE, large ? "always" : "never") === 0, "%s", HUGE);
	sched_seed(seed);
	td_seamcalls_reset();
	chaos_create(c, VCPUS);
	TEST_ASSERT((yield* chaos_vcpu(c, 0)) === CHAOS_READY, "%s: the area", what);
	const ends = new Array<number>(VCPUS).fill(0);
	const threads = ends.map((_, vcpu) => pthread_create(function* () {
		ends[vcpu] = yield* chaos_vcpu(c, vcpu);
	}));
	const host = pthread_create(() => chaos_host(c));
	for (const t of threads)
		yield* pthread_join(t);
	c.stop = true;
	yield* pthread_join(host);

	ends.forEach((end, vcpu) => {
		TEST_ASSERT(end === CHAOS_DONE, "%s: vcpu %d: 0x%x", what, vcpu, end);
	});
	td_audit(what);
	const calls = td_seamcalls();
	TEST_ASSERT(c.audits > 0 && calls[TDH_MEM_PAGE_AUG]! > 10 &&
		calls[TDH_MEM_PAGE_REMOVE]! > 10, "%s: %d conversions, %d AUG, %d REMOVE", what,
	c.conversions, calls[TDH_MEM_PAGE_AUG]!, calls[TDH_MEM_PAGE_REMOVE]!);
	TEST_ASSERT(calls[TDH_MEM_PAGE_DEMOTE]! === Number(large), "%s: %d DEMOTE", what,
		calls[TDH_MEM_PAGE_DEMOTE]!);
	td_free(c.td);
	td_assert_left(0, 0, 0, what);
}

export function* main(): wait<number> {
	td_require_debug();

	for (let seed = 1; seed <= SEEDS; seed++)
		yield* test_seed(seed, seed % 2 === 0);
	write_file(HUGE, "never");
	return 0;
}
