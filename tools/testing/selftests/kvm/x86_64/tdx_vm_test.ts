// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD's life: made by the ioctls, accepting memory, converting it by MapGPA and by just accessing
 * it the other way, and torn down with nothing left.
 *
 * Port-only.
 */
import { get_reg, iret, ld64, memset, memchk, nop, REG_R9, st64, type guest_program } from
	"#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { offsetof } from "#asm-generic/struct.ts";
import { KVM_EXIT_MMIO, KVM_EXIT_SYSTEM_EVENT, KVM_NMI, KVM_SYSTEM_EVENT_CRASH, struct_kvm_run }
	from "#uapi/linux/kvm.ts";
import { errno, errno_name, exit, fork, ioctl, memset as host_memset, peek, poke, pthread_create,
	pthread_join, read_file, usleep, waitpid, write_file } from
	"#tools/include/nolibc/nolibc.ts";
import { EHWPOISON } from "#uapi/asm-generic/errno.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { TDG_VP_VEINFO_GET, TDVMCALL_ALIGN_ERROR, TDVMCALL_INVALID_OPERAND, TDVMCALL_IO,
	TDVMCALL_MAP_GPA, TDVMCALL_MMIO, TDVMCALL_REPORT_FATAL_ERROR, TDVMCALL_SUCCESS,
	TD_FREE_GPA, TD_MEM_SIZE, TD_SHARED_BIT, TD_SHARED_VA, VE_VECTOR, td_accept, td_create,
	td_free, td_long_mode, td_map_gpa, td_report, td_require, td_run, td_run_until_report,
	td_vmcall, type struct_td } from "../include/x86_64/tdx.ts";

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

/** A vCPU's memory is converted there and back while another vCPU uses its own. */
function* test_conversion_while_running(): wait {
	const OTHER = DATA + 64 * 4096, ROUNDS = 8;
	const td = td_create([function* () {
		yield* td_long_mode();
		for (let i = 0; i < ROUNDS; i++) {
			yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, SIZE)));
			yield* memset(TD_SHARED_VA + DATA, i, SIZE);
			yield* td_report(Number(yield* td_map_gpa(DATA, SIZE)));
			yield* accept_range(DATA, SIZE);
			yield* td_report(Number(yield* memchk(DATA, 0, SIZE)));
		}
		/* for the other one to end */
		yield* td_report(Number(yield* td_map_gpa(OTHER + TD_SHARED_BIT, 4096)));
		yield* st64(TD_SHARED_VA + OTHER, 1n);
		yield* td_report(1);
	}, function* () {
		yield* td_long_mode();
		yield* td_report(yield* td_accept(OTHER + 4096));
		for (let n = 1n; ; n++) {
			yield* st64(OTHER + 4096, n);
			if ((yield* ld64(OTHER + 4096)) !== n)
				yield* td_report(0xbad);
			if ((n & 0xffn) === 0n && (yield* ld64(TD_SHARED_VA + OTHER)) === 1n)
				break;
		}
		yield* td_report(2);
	}]);
	const other = pthread_create(function* () {
		const accepted_ = yield* td_run_until_report(td, 1);
		return accepted_ === 0 ? yield* td_run_until_report(td, 1) : accepted_;
	});

	for (let i = 0; i < ROUNDS; i++)
		yield* expect_reports(td, [0, 0, ...accepted, 1], `round ${i}`);
	yield* expect_reports(td, [0, 1], "end");
	TEST_ASSERT((yield* pthread_join(other)) === 2, "the other vCPU's memory changed");
	td_free(td);
}

/** A page whose memory breaks is taken from the TD; another one it would have to accept. */
function* test_broken_page(): wait {
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* accept_range(DATA, SIZE);
		yield* memset(DATA, PATTERN1, SIZE);
		yield* td_report(1);
		/* that of both sides is there */
		yield* td_report(Number(yield* memchk(DATA, PATTERN1, 4096)));
		yield* td_report(Number(yield* memchk(DATA + 8192, PATTERN1, SIZE - 8192)));
		yield* ld64(DATA + 4096);
	}]);

	yield* expect_reports(td, [...accepted, 1], "before it breaks");
	TEST_ASSERT(write_file("/sys/kernel/debug/privmem/corrupt",
		`${td.private_fd} ${DATA / 4096 + 1}`) === 0, "corrupt: %s", errno_name(errno()));
	yield* expect_reports(td, [1, 1], "around it");
	for (let i = 0; i < 2; i++) {
		const r = yield* td_run(td);
		TEST_ASSERT(r < 0 && errno() === EHWPOISON, "the broken page: %d %s", r,
			errno_name(errno()));
	}
	td_free(td);
}

/** The process dies with a TD that runs. */
function* test_killed(): wait {
	const pid = fork(function* (): wait {
		const td = td_create([function* () {
			yield* td_long_mode();
			yield* td_report(yield* td_accept(DATA));
			for (;;)
				yield* st64(DATA, 1n);
		}, function* () {
			yield* td_long_mode();
			yield* td_report(1);
		}]);
		yield* td_run_until_report(td);
		pthread_create(function* () {
			return yield* td_run_until_report(td);
		});
		yield* td_run_until_report(td, 1);
		/* the thread is in the guest by now */
		yield* usleep(1000);
		exit(7);
	});
	const { status } = yield* waitpid(pid, 0);

	TEST_ASSERT(status === 7 << 8, "status 0x%x", status);
}

/** What TDG.VP.VMCALL says to what it does not take. */
function* test_vmcalls(): wait {
	const bad: readonly (readonly [bigint, readonly bigint[], bigint])[] = [
		[TDVMCALL_MAP_GPA, [BigInt(DATA), 0n], TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MAP_GPA, [BigInt(DATA) + 1n, 4096n], TDVMCALL_ALIGN_ERROR],
		[TDVMCALL_MAP_GPA, [BigInt(DATA), 4095n], TDVMCALL_ALIGN_ERROR],
		[TDVMCALL_MAP_GPA, [BigInt(DATA), -4096n], TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MAP_GPA, [BigInt(TD_SHARED_BIT) - 4096n, 8192n],
			TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MAP_GPA, [BigInt(TD_SHARED_BIT) * 2n, 4096n],
			TDVMCALL_INVALID_OPERAND],
		/* over the end of the slot; where there is none */
		[TDVMCALL_MAP_GPA, [BigInt(TD_MEM_SIZE) - 4096n, 8192n],
			TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MAP_GPA, [0xc0000000n, 4096n], TDVMCALL_SUCCESS],
		[TDVMCALL_MMIO, [8n, 0n, BigInt(DATA)], TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MMIO, [3n, 0n, 0xc0000000n], TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_MMIO, [8n, 0n, 0xc0000ffcn], TDVMCALL_INVALID_OPERAND],
		[TDVMCALL_IO, [3n, 0n, 0x80n], TDVMCALL_INVALID_OPERAND],
		[0x7777n, [], TDVMCALL_INVALID_OPERAND],
	];
	const td = td_create([function* () {
		yield* td_long_mode();
		for (const [fn, args, want] of bad) {
			const [a0, a1, a2] = args.map((a) => BigInt.asUintN(64, a));
			const [status] = yield* td_vmcall(fn, a0, a1, a2);
			yield* td_report(Number(status === want));
		}
		/* a device that user space has, and a register that nobody reads */
		const [, value] = yield* td_vmcall(TDVMCALL_MMIO, 4n, 0n, 0xc0000000n);
		yield* td_report(value);
		yield* td_vmcall(TDVMCALL_MMIO, 4n, 1n, BigInt(TD_SHARED_BIT) + 0xc0000004n, 5n);
		yield* td_vmcall(TDVMCALL_REPORT_FATAL_ERROR, 0x42n);
	}]);
	const { run, run_hva } = td.vcpus[0]!;
	const exit_is = (reason: number): boolean => run.exit_reason === reason;
	const mmio_is = (gpa: bigint, write: number): boolean => exit_is(KVM_EXIT_MMIO) &&
		run.mmio.phys_addr === gpa && run.mmio.len === 4 && run.mmio.is_write === write;

	yield* expect_reports(td, bad.map(() => 1), "bad vmcalls");
	TEST_ASSERT((yield* td_run(td)) === 0 && mmio_is(0xc0000000n, 0), "MMIO read: exit %d",
		run.exit_reason);
	poke(run_hva + offsetof(struct_kvm_run, "mmio") + 8,
		new Uint8Array([0x78, 0x56, 0x34, 0x12]));
	yield* expect_reports(td, [0x12345678], "MMIO read");
	TEST_ASSERT((yield* td_run(td)) === 0 && mmio_is(0xc0000004n, 1) &&
		run.mmio.data[0] === 5, "MMIO write: exit %d", run.exit_reason);
	TEST_ASSERT((yield* td_run(td)) === 0 && exit_is(KVM_EXIT_SYSTEM_EVENT) &&
		run.system_event.type === KVM_SYSTEM_EVENT_CRASH &&
		run.system_event.data[0] === 0x42n, "fatal error: exit %d", run.exit_reason);
	td_free(td);
}

/** MMIO as Linux does it: an access to shared memory is a #VE, whose handler asks the host. */
function* test_mmio_by_ve(): wait {
	const MMIO = 0xc0000000;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* st64(TD_SHARED_VA + MMIO + 8, 1n);
		yield* td_report(3);
	}], { handlers: { [VE_VECTOR]: function* () {
		yield* tdcall(TDG_VP_VEINFO_GET);
		const gpa = yield* get_reg(REG_R9);
		yield* td_report(gpa % BigInt(TD_SHARED_BIT));
		for (;;)
			yield* td_report(4);
	} } });

	yield* expect_reports(td, [MMIO + 8, 4], "#VE");
	td_free(td);
}

/** An NMI is the only interrupt that a host has the module deliver as it is. */
function* test_nmi(): wait {
	const NMI = 2;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* td_report(1);
		for (;;)
			yield* nop();
	}], { handlers: { [NMI]: function* () {
		yield* td_report(2);
		yield* iret();
	} } });

	yield* expect_reports(td, [1], "NMI");
	for (let i = 0; i < 3; i++) {
		TEST_ASSERT(ioctl(td.vcpus[0]!.fd, KVM_NMI) === 0, "KVM_NMI");
		yield* expect_reports(td, [2], "NMI");
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
	yield* test_vmcalls();
	yield* test_mmio_by_ve();
	yield* test_nmi();
	yield* test_conversion_while_running();
	yield* test_broken_page();
	yield* test_killed();
	TEST_ASSERT(tdx_state() === before, "left behind: %s", tdx_state());
	return 0;
}
