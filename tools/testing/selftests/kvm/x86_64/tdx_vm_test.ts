// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD's life: made by the ioctls, accepting memory, converting it by MapGPA and by just accessing it
 * the other way, and torn down with nothing left.
 *
 * Port-only.
 */
import { ld64, memset, memchk, st64, type guest_program } from "#hw/isa_guest.ts";
import { memset as host_memset, peek, read_file } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { struct_td, td_accept, td_create, td_free, td_long_mode, td_map_gpa, td_report, td_require,
	td_run_until_report, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA } from
	"../include/x86_64/tdx.ts";

const DATA	= TD_FREE_GPA;
const SIZE	= 10 * 4096;
const PATTERN1 = 0x66, PATTERN2 = 0x99, PATTERN3 = 0x33;

/** Accepts page by page. */
function* accept_range(gpa: number, size: number): guest_program {
	for (let at = gpa; at < gpa + size; at += 4096)
		yield* td_report(yield* td_accept(at));
}

function* conversions(explicit_: boolean): guest_program {
	yield* td_long_mode();
	yield* accept_range(DATA, SIZE);
	yield* td_report(Number(yield* memchk(DATA, 0, SIZE)));
	yield* memset(DATA, PATTERN1, SIZE);
	yield* td_report(Number(yield* memchk(DATA, PATTERN1, SIZE)));

	/* to shared: the host's bytes, then the guest's for it */
	if (explicit_)
		yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, SIZE)));
	yield* td_report(Number(yield* memchk(TD_SHARED_VA + DATA, PATTERN2, SIZE)));
	yield* memset(TD_SHARED_VA + DATA, PATTERN3, SIZE);
	yield* td_report(1);

	/* to private: nothing is left of what it was */
	if (explicit_)
		yield* td_report(Number(yield* td_map_gpa(DATA, SIZE)));
	yield* accept_range(DATA, SIZE);
	yield* td_report(Number(yield* memchk(DATA, 0, SIZE)));
	yield* memset(DATA, PATTERN1, SIZE);
	yield* td_report(Number(yield* memchk(DATA, PATTERN1, SIZE)));
}

function* expect_reports(td: struct_td, numbers: readonly number[], what: string): wait {
	for (const [i, want] of numbers.entries()) {
		const got = yield* td_run_until_report(td);
		TEST_ASSERT(got === want, "%s, %d: 0x%x instead of 0x%x", what, i, got, want);
	}
}

const accepted: readonly number[] = new Array<number>(SIZE / 4096).fill(0);

const host_is = (td: struct_td, pattern: number): boolean =>
	peek(td.hva + DATA, SIZE).every((b) => b === pattern);

function* test_conversions(explicit_: boolean): wait {
	const what = explicit_ ? "explicit" : "implicit", map = explicit_ ? [0] : [];
	const td = td_create([function* () {
		yield* conversions(explicit_);
	}]);

	host_memset(td.hva + DATA, PATTERN2, SIZE);
	yield* expect_reports(td, [...accepted, 1, 1], `${what}: private`);
	TEST_ASSERT(host_is(td, PATTERN2), "%s: the host sees private memory", what);
	yield* expect_reports(td, [...map, 1, 1], `${what}: shared`);
	TEST_ASSERT(host_is(td, PATTERN3), "%s: the host does not see shared memory", what);
	yield* expect_reports(td, [...map, ...accepted, 1, 1], `${what}: private again`);
	TEST_ASSERT(td.map_gpas === (explicit_ ? 2 : 0), "%s: %d calls of MapGPA", what, td.map_gpas);
	/* one fault a page, there and back */
	TEST_ASSERT(td.memory_faults === (explicit_ ? 0 : 2 * SIZE / 4096), "%s: %d memory faults",
		what, td.memory_faults);
	td_free(td);
}

/** Two vCPUs, each with memory of its own. */
function* test_two_vcpus(): wait {
	const script = (gpa: number): (() => guest_program) => function* () {
		yield* td_long_mode();
		yield* td_report(yield* td_accept(gpa));
		yield* st64(gpa, BigInt(gpa));
		yield* td_report(Number(yield* ld64(gpa)));
	};
	const td = td_create([script(DATA), script(DATA + 4096)]);

	for (let vcpu = 0; vcpu < 2; vcpu++) {
		TEST_ASSERT((yield* td_run_until_report(td, vcpu)) === 0, "accept");
		TEST_ASSERT((yield* td_run_until_report(td, vcpu)) === DATA + vcpu * 4096, "load");
	}
	td_free(td);
}

const state = (): string => (read_file("/sys/kernel/debug/privmem/state") ?? "");
const tdx_state = (): string => /\[tdx\]\n(?:.*\n){2}/.exec(state())?.[0] ?? "";

export function* main(): wait<number> {
	td_require();

	const before = tdx_state();
	TEST_ASSERT(before.includes("keyids 0\n"), "state: %s", before);
	yield* test_conversions(true);
	yield* test_conversions(false);
	yield* test_two_vcpus();
	TEST_ASSERT(tdx_state() === before, "left behind: %s", tdx_state());
	return 0;
}
