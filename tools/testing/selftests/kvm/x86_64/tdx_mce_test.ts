// SPDX-License-Identifier: GPL-2.0-only
/*
 * What private memory that is mapped leads to, where machine checks are not firmware's: the VMM
 * writes a byte into memory of its TD, and the TD's next read of it is a machine check. That ends
 * the TD, and sends the VMM a SIGBUS; all else goes on, and what the TD had is free in the end.
 *
 * Port-only. Runs on a kernel without HAVE_KVM_PRIVATE_MEM.
 */
import { KVM_EXIT_INTERNAL_ERROR, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON } from
	"#uapi/linux/kvm.ts";
import { SIGBUS } from "#uapi/asm-generic/signal.ts";
import { memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import { errno, poke, read_file, sigaction, type siginfo } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_accept, td_create, td_free, td_long_mode, td_report, td_require, td_run,
	td_run_until_report, TD_FREE_GPA } from "../include/x86_64/tdx.ts";

const DATA = TD_FREE_GPA, PAGE = 4096;

/* of TDH.VP.ENTER, for the vCPU that met the machine check and for any one after */
const TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE = 0x6000000500000000n;
const TDX_TD_FATAL = 0xe000060400000000n;

function* guest_code(): guest_program {
	yield* td_long_mode();
	yield* td_accept(DATA);
	yield* memset(DATA, 0x66, PAGE);
	yield* td_report(1);
	yield* td_report(Number(yield* memchk(DATA, 0x66, PAGE)));
}

const tdx_state = (): string =>
	/\[tdx\]\n(?:.*\n){2}/.exec(read_file("/sys/kernel/debug/privmem/state") ?? "")?.[0] ?? "";

export function* main(): wait<number> {
	td_require();

	const before = tdx_state(), seen: siginfo[] = [];
	const other = td_create([guest_code], { mapped: true });
	const td = td_create([guest_code], { mapped: true }), { run } = td.vcpus[0]!;
	function* expect_dead(code: bigint): wait {
		TEST_ASSERT((yield* td_run(td)) === 0, "KVM_RUN: errno %d", errno());
		TEST_ASSERT(run.exit_reason === KVM_EXIT_INTERNAL_ERROR &&
			run.internal.suberror === KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON &&
			run.internal.ndata === 2 && run.internal.data[0] === code,
		"exit %d, 0x%x", run.exit_reason, run.internal.data[0]!);
		TEST_ASSERT(seen.length === 1, "%d SIGBUS", seen.length);
	}

	sigaction(SIGBUS, (_, info) => { seen.push(info); });
	yield* td_run_until_report(td);
	yield* td_run_until_report(other);
	poke(td.hva + DATA, new Uint8Array([0x11]));
	TEST_ASSERT(seen.length === 0, "writing is noticed");

	yield* expect_dead(TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	yield* expect_dead(TDX_TD_FATAL);

	TEST_ASSERT((yield* td_run_until_report(other)) === 1, "another TD's memory");
	td_free(other);
	td_free(td);
	TEST_ASSERT(tdx_state() === before, "left behind: %s", tdx_state());
	return 0;
}
