// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs of a TD and its VMM convert the same pages at the same time, for a few seeds, in small
 * pages, in parts of a large one, and with all of it, its table included, while the kernel tries to
 * put it together again. Memory has what it may have, pages that nobody converts forget nothing,
 * KVM and the TDX module always agree on whose each page is, and in the end nothing is left.
 *
 * Port-only.
 */
import { pthread_create, pthread_join, write_file } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_free } from "../include/x86_64/tdx.ts";
import { chaos, chaos_create, chaos_host, chaos_vcpu, CHAOS_DONE, CHAOS_READY, sched_seed } from
	"../include/x86_64/tdx_chaos.ts";
import { TDH_MEM_PAGE_AUG, TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_PROMOTE, TDH_MEM_PAGE_REMOVE,
	TDH_MEM_SEPT_REMOVE, td_assert_left, td_audit, td_require_debug, td_seamcalls,
	td_seamcalls_reset } from
	"../include/x86_64/tdx_debug.ts";

const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const PERIOD = "/sys/module/kvm/parameters/nx_huge_pages_recovery_period_ms";
const RATIO = "/sys/module/kvm/parameters/nx_huge_pages_recovery_ratio";
const SEEDS = 6, ROUNDS = 60, VCPUS = 3;

/** How often each leaf was called. */
function* test_seed(seed: number, large: boolean, whole: boolean): wait<number[]> {
	const c = new chaos(seed, ROUNDS, whole), what = `seed ${seed}${whole ? ", whole" : ""}`;

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
	td_free(c.td);
	td_assert_left(0, 0, 0, what);
	return calls;
}

export function* main(): wait<number> {
	td_require_debug();

	for (let seed = 1; seed <= SEEDS; seed++) {
		const large = seed % 2 === 0, calls = yield* test_seed(seed, large, false);
		TEST_ASSERT(calls[TDH_MEM_PAGE_DEMOTE]! === Number(large), "seed %d: %d DEMOTE", seed,
			calls[TDH_MEM_PAGE_DEMOTE]!);
	}

	const sum = new Array<number>(64).fill(0);
	TEST_ASSERT(write_file(PERIOD, "1\n") === 0 && write_file(RATIO, "1\n") === 0, "%s", PERIOD);
	for (let seed = 1; seed <= SEEDS; seed++)
		(yield* test_seed(seed, seed % 3 !== 0, true)).forEach((n, leaf) => {
			sum[leaf]! += n;
		});
	for (const leaf of [TDH_MEM_SEPT_REMOVE, TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_PROMOTE])
		TEST_ASSERT(sum[leaf]! > 0, "leaf %d was never called", leaf);
	write_file(HUGE, "never");
	return 0;
}
