// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD before the series: its private memory is what the VMM has mapped, pinned while the TD has
 * it. The VMM reads zeros there, and has the page back when it is shared.
 *
 * Port-only. Runs on a kernel without HAVE_KVM_PRIVATE_MEM.
 */
import { memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import { peek, poke, read_file } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_accept, td_create, td_free, td_long_mode, td_map_gpa, td_report, td_require,
	td_run_until_report, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA } from
	"../include/x86_64/tdx.ts";

const DATA = TD_FREE_GPA, PAGE = 4096;

function* guest_code(): guest_program {
	yield* td_long_mode();
	yield* td_report(yield* td_accept(DATA));
	yield* memset(DATA, 0x66, PAGE);
	yield* td_report(Number(yield* memchk(DATA, 0x66, PAGE)));
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, PAGE)));
	yield* td_report(Number(yield* memchk(TD_SHARED_VA + DATA, 0, PAGE)));
	yield* memset(TD_SHARED_VA + DATA, 0x99, PAGE);
	yield* td_report(1);
	yield* td_report(Number(yield* td_map_gpa(DATA, PAGE)));
	yield* td_report(yield* td_accept(DATA));
	yield* td_report(Number(yield* memchk(DATA, 0, PAGE)));
}

const tdx_state = (): string =>
	/\[tdx\]\n(?:.*\n){2}/.exec(read_file("/sys/kernel/debug/privmem/state") ?? "")?.[0] ?? "";

export function* main(): wait<number> {
	td_require();

	const before = tdx_state();
	const td = td_create([guest_code], { mapped: true });
	const host_is = (byte: number): boolean =>
		peek(td.hva + DATA, PAGE).every((b) => b === byte);
	function* expect_report(want: number, what: string): wait {
		const got = yield* td_run_until_report(td);
		TEST_ASSERT(got === want, "%s: 0x%x", what, got);
	}

	poke(td.hva + DATA, new Uint8Array(PAGE).fill(0x11));
	yield* expect_report(0, "accept");
	yield* expect_report(1, "private memory");
	TEST_ASSERT(host_is(0), "the host reads private memory");
	yield* expect_report(0, "to shared");
	yield* expect_report(1, "what was private is cleared");
	yield* expect_report(1, "shared memory");
	TEST_ASSERT(host_is(0x99), "the host does not read shared memory");
	yield* expect_report(0, "to private");
	yield* expect_report(0, "accept again");
	yield* expect_report(1, "private memory again");
	TEST_ASSERT(td.memory_faults === 0 && td.map_gpas === 0, "conversions by user space");
	td_free(td);
	TEST_ASSERT(tdx_state() === before, "left behind: %s", tdx_state());
	return 0;
}
