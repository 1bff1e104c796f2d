// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow of private_mem_test on TDs: memory is accepted, converted to shared and back, by MapGPA
 * or by being accessed the other way, on one vCPU and on several at a time, in small pages and in
 * large ones. How often user space is asked, and what KVM asks of the TDX module, is exact at each
 * stage. And what an access to memory that was not accepted leads to.
 *
 * Port-only.
 */
import { get_reg, iret, ld64, memchk, memset, REG_R9, REG_RCX, type guest_program } from
	"#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_EXIT_TDX, KVM_MEMORY_EXIT_FLAG_PRIVATE } from
	"#uapi/linux/kvm.ts";
import { memset as host_memset, peek, pthread_create, pthread_join, sched_yield, write_file } from
	"#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT, TEST_FAIL } from "../include/test_util.ts";
import { TDG_VP_VEINFO_GET, TDVMCALL_SUCCESS, td_accept, td_convert, td_create, td_free,
	td_long_mode, td_map_gpa, td_report, td_run, td_run_until_report, TD_FREE_GPA,
	TD_SHARED_BIT, TD_SHARED_VA, VE_VECTOR, type struct_td } from "../include/x86_64/tdx.ts";
import { TDH_MEM_PAGE_AUG, TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_REMOVE, TDH_MEM_RANGE_BLOCK,
	TDH_MEM_SEPT_ADD, TDH_MEM_SEPT_REMOVE, TDH_MEM_TRACK, TDH_PHYMEM_PAGE_WBINVD, TDH_VP_ENTER,
	td_assert_left, td_audit, td_require_debug, td_seamcalls, td_seamcalls_reset } from
	"../include/x86_64/tdx_debug.ts";

const PAGE = 4096;
/* each vCPU's area, and the part of it that is converted */
const AREA_SIZE		= 2 * 1024 * 1024;
const MEM_OFFSET	= 1 * 1024 * 1024;
const MEM_SIZE		= 10 * PAGE;
const MEM_END		= MEM_OFFSET + MEM_SIZE;

const PATTERN1 = 0x66, PATTERN2 = 0x99, PATTERN3 = 0x33, PATTERN4 = 0xaa, PATTERN5 = 0x12;

const TDX_PAGE_SIZE_MISMATCH	= 0xc0000b0b;
const ATTR_SEPT_VE_DISABLE	= 1n << 28n;
const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/* stages, as the guest reports them */
const STARTED			= 0;
const PRIVATE_POPULATED		= 1;
const SHARED_POPULATED		= 2;
const PRIVATE_POPULATED2	= 3;
const DONE			= 4;
/* and below it what was not as it should be */
const FAILED			= 0xbad00;

/* in the guest */

function* check(ok: boolean, what: number): guest_program {
	if (!ok)
		yield* td_report(FAILED + what);
}

/** As firmware does it: 2 MiB at a time where the host has them. */
function* accept_memory(gpa: number, size: number): guest_program {
	const end = gpa + size;

	for (let at = gpa; at < end;) {
		const stop = at - at % AREA_SIZE + AREA_SIZE;
		let status = TDX_PAGE_SIZE_MISMATCH;
		if (at % AREA_SIZE === 0 && stop <= end)
			status = yield* td_accept(at, 1);
		yield* check(status === 0 || status === TDX_PAGE_SIZE_MISMATCH, 1);
		for (; status !== 0 && at < stop && at < end; at += PAGE)
			yield* check((yield* td_accept(at)) === 0, 2);
		if (status === 0)
			at = stop;
	}
}

/** The part that is converted holds @mem, the rest of the area @rest. */
function* verify_area(area: number, mem_va: number, rest: number, mem: number, what: number):
	guest_program {
	yield* check(yield* memchk(area, rest, MEM_OFFSET), what);
	yield* check(yield* memchk(mem_va + MEM_OFFSET, mem, MEM_SIZE), what + 1);
	yield* check(yield* memchk(area + MEM_END, rest, AREA_SIZE - MEM_END), what + 2);
}

function* conversions(area: number, explicit_: boolean): guest_program {
	const mem = area + MEM_OFFSET, shared = TD_SHARED_VA + area;

	yield* td_long_mode();
	yield* td_report(STARTED);

	yield* accept_memory(area, AREA_SIZE);
	yield* verify_area(area, area, 0, 0, 0x10);
	yield* memset(area, PATTERN1, AREA_SIZE);
	yield* td_report(PRIVATE_POPULATED);
	yield* verify_area(area, area, PATTERN1, PATTERN1, 0x20);

	/* what the host has written there, and then what the guest writes for it */
	if (explicit_)
		yield* check((yield* td_map_gpa(mem + TD_SHARED_BIT, MEM_SIZE)) === 0n, 3);
	yield* verify_area(area, shared, PATTERN1, PATTERN4, 0x30);
	yield* memset(shared + MEM_OFFSET, PATTERN2, MEM_SIZE);
	yield* td_report(SHARED_POPULATED);
	yield* verify_area(area, shared, PATTERN1, PATTERN5, 0x40);

	/* nothing is left of what it was */
	if (explicit_)
		yield* check((yield* td_map_gpa(mem, MEM_SIZE)) === 0n, 4);
	yield* accept_memory(mem, MEM_SIZE);
	yield* verify_area(area, area, PATTERN1, 0, 0x50);
	yield* memset(mem, PATTERN3, MEM_SIZE);
	yield* td_report(PRIVATE_POPULATED2);

	yield* verify_area(area, area, PATTERN1, PATTERN3, 0x60);
	yield* td_report(DONE);
}

/* in the host */

function host_verify(hva: number, rest: number, mem: number, what: string): void {
	const ok = peek(hva, AREA_SIZE).every((b, i) => b ===
		(i >= MEM_OFFSET && i < MEM_END ? mem : rest));

	TEST_ASSERT(ok, "%s: the host sees something else", what);
}

/** What the host does between stages, on the shared side. */
function host_stage(hva: number, stage: number): void {
	switch (stage) {
	case STARTED:
		host_memset(hva, PATTERN4, AREA_SIZE);
		break;
	case PRIVATE_POPULATED:
		host_verify(hva, PATTERN4, PATTERN4, "private memory populated");
		break;
	case SHARED_POPULATED:
		host_verify(hva, PATTERN4, PATTERN2, "shared memory populated");
		host_memset(hva + MEM_OFFSET, PATTERN5, MEM_SIZE);
		break;
	default:
		host_verify(hva, PATTERN4, PATTERN5, "private memory populated again");
	}
}

class exit_counts {
	io = 0;
	map_gpa = 0;
	to_shared = 0;
	to_private = 0;
}

/** Runs the vCPU to its next report, and counts. */
function* run_stage(td: struct_td, vcpu: number, counts: exit_counts): wait<number> {
	const { run } = td.vcpus[vcpu]!;

	for (;;) {
		TEST_ASSERT((yield* td_run(td, vcpu)) === 0, "KVM_RUN");
		switch (run.exit_reason) {
		case KVM_EXIT_IO:
			counts.io++;
			return new DataView(peek(td.vcpus[vcpu]!.run_hva +
				Number(run.io.data_offset), 4).buffer).getUint32(0, true);
		case KVM_EXIT_TDX: {
			const { vmcall } = run.tdx.u, gpa = Number(vmcall.in_r12);
			counts.map_gpa++;
			TEST_ASSERT(vmcall.in_r13 === BigInt(MEM_SIZE), "MapGPA of 0x%lx",
				vmcall.in_r13);
			td_convert(td, gpa % TD_SHARED_BIT, MEM_SIZE, gpa < TD_SHARED_BIT);
			vmcall.status_code = TDVMCALL_SUCCESS;
			break;
		}
		case KVM_EXIT_MEMORY_FAULT: {
			const { flags, gpa, size } = run.memory;
			const to_private = (flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0;
			TEST_ASSERT(size === BigInt(PAGE), "a fault of 0x%lx", size);
			counts[to_private ? "to_private" : "to_shared"]++;
			td_convert(td, Number(gpa), PAGE, to_private);
			break;
		}
		default:
			TEST_FAIL("unexpected exit %d", run.exit_reason);
		}
	}
}

/** Exits to user space of one vCPU between two reports: [MapGPA, to shared, to private]. */
function expected_exits(stage: number, explicit_: boolean): readonly number[] {
	const n = MEM_SIZE / PAGE;

	if (stage === SHARED_POPULATED)
		return explicit_ ? [1, 0, 0] : [0, n, 0];
	if (stage === PRIVATE_POPULATED2)
		return explicit_ ? [1, 0, 0] : [0, 0, n];
	return [0, 0, 0];
}

/** One vCPU from its start to its end. */
function* run_vcpu(td: struct_td, vcpu: number, explicit_: boolean,
	after: (stage: number) => void): wait {
	for (let stage = STARTED; stage <= DONE; stage++) {
		const c = new exit_counts(), area = TD_FREE_GPA + vcpu * AREA_SIZE;
		const got = yield* run_stage(td, vcpu, c);
		TEST_ASSERT(got === stage, "vcpu %d: 0x%x instead of stage %d", vcpu, got, stage);
		const want = expected_exits(stage, explicit_);
		TEST_ASSERT(c.io === 1 && c.map_gpa === want[0] && c.to_shared === want[1] &&
			c.to_private === want[2], "vcpu %d, stage %d: exits %d %d %d %d", vcpu,
		stage, c.io, c.map_gpa, c.to_shared, c.to_private);
		host_stage(td.hva + area, stage);
		td_audit(`vcpu ${vcpu}, stage ${stage}`);
		after(stage);
	}
}

/* What KVM asks of the module for one vCPU's stage. */
const LEAVES = [
	["SEPT.ADD", TDH_MEM_SEPT_ADD], ["PAGE.AUG", TDH_MEM_PAGE_AUG],
	["RANGE.BLOCK", TDH_MEM_RANGE_BLOCK], ["TRACK", TDH_MEM_TRACK],
	["PAGE.REMOVE", TDH_MEM_PAGE_REMOVE], ["PAGE.WBINVD", TDH_PHYMEM_PAGE_WBINVD],
	["PAGE.DEMOTE", TDH_MEM_PAGE_DEMOTE], ["SEPT.REMOVE", TDH_MEM_SEPT_REMOVE],
] as const;

type calls = readonly number[];
const NONE: calls = [0, 0, 0, 0, 0, 0, 0, 0];
const n = MEM_SIZE / PAGE;

/** By stage. Pages that are converted together are forgotten by all CPUs together: one TRACK. */
function expected_calls(explicit_: boolean, large: boolean): readonly calls[] {
	const tracks = explicit_ ? 1 : n;

	/* first the area's table, and its pages; or a page, which first becomes small ones */
	return large ? [NONE, [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, n + 1, tracks + 1, n, n, 1, 0],
		[0, n, 0, 0, 0, 0, 0, 0], NONE] :
		[NONE, [1, 512, 0, 0, 0, 0, 0, 0], [0, 0, n, tracks, n, n, 0, 0],
			[0, n, 0, 0, 0, 0, 0, 0], NONE];
}

/** As often as @want says, since the last time. */
function expect_calls(want: calls, what: string): void {
	const got = td_seamcalls();

	for (const [i, [name, leaf]] of LEAVES.entries())
		TEST_ASSERT(got[leaf] === want[i], "%s: %d calls of %s, expected %d", what,
			got[leaf]!, name, want[i]!);
	td_seamcalls_reset();
}

function* test_one_vcpu(explicit_: boolean, large: boolean): wait {
	const what = `${explicit_ ? "explicit" : "implicit"}, ${large ? "large" : "small"} pages`;
	const td = td_create([function* () {
		yield* conversions(TD_FREE_GPA, explicit_);
	}]);

	td_seamcalls_reset();
	yield* run_vcpu(td, 0, explicit_, (stage) => {
		expect_calls(expected_calls(explicit_, large)[stage]!, `${what}, stage ${stage}`);
	});
	td_free(td);
	td_assert_left(0, 0, 0, what);
}

/** All at the same time, every other one without asking. */
function* test_vcpus(nr: number, large: boolean): wait {
	const explicit_ = (vcpu: number): boolean => vcpu % 2 === 0;
	const td = td_create(Array.from({ length: nr }, (_, vcpu) => function* (): guest_program {
		yield* conversions(TD_FREE_GPA + vcpu * AREA_SIZE, explicit_(vcpu));
	}));
	let ended = 0;

	td_seamcalls_reset();
	const threads = td.vcpus.map((_, vcpu) => pthread_create(function* () {
		yield* run_vcpu(td, vcpu, explicit_(vcpu), () => {});
		ended++;
	}));
	for (const t of threads)
		yield* pthread_join(t);
	TEST_ASSERT(ended === nr, "%d of %d vCPUs came to the end", ended, nr);
	expect_calls(NONE.map((_, i) => td.vcpus.flatMap((_v, vcpu) =>
		expected_calls(explicit_(vcpu), large)).reduce((sum, c) => sum + c[i]!, 0)),
	`${nr} vCPUs`);
	td_free(td);
	td_assert_left(0, 0, 0, `${nr} vCPUs`);
}

/* what the handler of #VE tells: exit reason and page */
const EXIT_REASON_EPT_VIOLATION	= 48;

/** Without SEPT_VE_DISABLE an access to what was not accepted is a #VE; the handler accepts. */
function* test_unaccepted_ve(): wait {
	const gpa = TD_FREE_GPA;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* td_report(Number(yield* ld64(gpa)));
		yield* memset(gpa, PATTERN1, PAGE);
		yield* td_report(Number(yield* memchk(gpa, PATTERN1, PAGE)));
	}], { handlers: { [VE_VECTOR]: function* () {
		yield* tdcall(TDG_VP_VEINFO_GET);
		yield* td_report(Number(yield* get_reg(REG_RCX)));
		yield* tdcall(TDG_VP_VEINFO_GET);
		yield* td_report(Number(yield* get_reg(REG_R9)));
		yield* td_report(yield* td_accept(gpa));
		yield* iret();
	} } });

	for (const want of [EXIT_REASON_EPT_VIOLATION, gpa, 0, 0, 1]) {
		const got = yield* td_run_until_report(td);
		TEST_ASSERT(got === want, "#VE: 0x%x instead of 0x%x", got, want);
	}
	td_free(td);
}

/** With it the access is an exit, again and again, until somebody else accepts the page. */
function* test_unaccepted_exit(): wait {
	const gpa = TD_FREE_GPA, TRIES = 20;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* td_report(Number(yield* ld64(gpa)));
	}, function* () {
		yield* td_long_mode();
		yield* td_report(1);
		yield* td_report(yield* td_accept(gpa));
	}], { attributes: ATTR_SEPT_VE_DISABLE, handlers: { [VE_VECTOR]: function* () {
		yield* td_report(FAILED);
	} } });
	let loaded = -1;

	TEST_ASSERT((yield* td_run_until_report(td, 1)) === 1, "the other vCPU");
	td_seamcalls_reset();
	const t = pthread_create(function* () {
		loaded = yield* td_run_until_report(td);
	});
	while (td_seamcalls()[TDH_VP_ENTER]! < TRIES)
		yield* sched_yield();
	const calls = td_seamcalls();
	TEST_ASSERT(loaded < 0 && calls[TDH_MEM_PAGE_AUG] === 1, "%d PAGE.AUG, got 0x%x",
		calls[TDH_MEM_PAGE_AUG]!, loaded);
	TEST_ASSERT((yield* td_run_until_report(td, 1)) === 0, "accept");
	yield* pthread_join(t);
	TEST_ASSERT(loaded === 0, "0x%x where it was accepted", loaded);
	TEST_ASSERT(td_seamcalls()[TDH_MEM_PAGE_AUG] === 1, "another page");
	td_free(td);
}

/** A shared page that was only read is mapped read-only; a write to it is for the host, too. */
function* test_shared_read_write(): wait {
	const gpa = TD_FREE_GPA, va = TD_SHARED_VA + gpa;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* check((yield* td_map_gpa(gpa + TD_SHARED_BIT, PAGE)) === 0n, 5);
		yield* td_report(Number(yield* ld64(va)));
		yield* memset(va, PATTERN2, PAGE);
		yield* td_report(1);
	}], { handlers: { [VE_VECTOR]: function* () {
		yield* td_report(FAILED);
	} } });

	for (const want of [0, 1]) {
		const got = yield* td_run_until_report(td);
		TEST_ASSERT(got === want, "read, then written: 0x%x instead of %d", got, want);
	}
	TEST_ASSERT(peek(td.hva + gpa, PAGE).every((b) => b === PATTERN2), "the host's bytes");
	td_free(td);
}

export function* main(): wait<number> {
	td_require_debug();

	td_assert_left(0, 0, 0, "before");
	for (const huge of ["never", "always"]) {
		TEST_ASSERT(write_file(HUGE, huge) === 0, "%s", HUGE);
		for (const explicit_ of [true, false])
			yield* test_one_vcpu(explicit_, huge === "always");
		yield* test_vcpus(3, huge === "always");
	}
	TEST_ASSERT(write_file(HUGE, "never") === 0, "%s", HUGE);
	yield* test_unaccepted_ve();
	yield* test_unaccepted_exit();
	yield* test_shared_read_write();
	td_assert_left(0, 0, 0, "at the end");
	return 0;
}
