// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a TD, however it comes: its VMM is killed while vCPUs run and memory is converted, or
 * before the TD is made; its files are closed in any order, and under running vCPUs; its memory
 * goes first. All KeyIDs and all pages are given back, and another TD does not notice.
 *
 * Port-only.
 */
import { iret, ld64, memchk, memset, pause, st64, type guest_program } from "#hw/isa_guest.ts";
import { ENOSPC } from "#uapi/asm-generic/errno-base.ts";
import { SIGKILL } from "#uapi/asm-generic/signal.ts";
import { KVM_EXIT_MEMORY_FAULT, KVM_MEMORY_EXIT_FLAG_PRIVATE } from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { KVM_TDX_FINALIZE_VM, KVM_TDX_INIT_VCPU } from "#uapi-asm/kvm.ts";
import { close, errno, exit, fork, ftruncate, kill, memfd_create, munmap, poke, pthread_create,
	pthread_join, sched_yield, waitpid, write_file } from
	"#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_accept, td_add_page, td_create, td_free, td_init_vm, td_ioctl, td_long_mode,
	td_map_gpa, td_map_memory, td_new_vcpu, td_new_vm, td_report, td_run, td_run_until_report,
	td_set_slot, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA, VE_VECTOR, type struct_td } from
	"../include/x86_64/tdx.ts";
import { chaos, chaos_create, chaos_host, chaos_vcpu, CHAOS_READY, sched_seed } from
	"../include/x86_64/tdx_chaos.ts";
import { td_assert_left, td_audit, td_left, td_require_debug, type td_left as left_counts } from
	"../include/x86_64/tdx_debug.ts";

const PAGE = 4096, HPAGE = 2 ** 21, DATA = TD_FREE_GPA;
const PATTERN = 0x5a;
const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/* what the TD that outlives the others has */
let base: left_counts = { keyids: 0, leaked: 0, owned: 0 };

function assert_gone(what: string): void {
	td_audit(what);
	td_assert_left(base.keyids, base.leaked, base.owned, what);
}

function assert_there(what: string): void {
	const left = td_left();

	td_audit(what);
	TEST_ASSERT(left.keyids === base.keyids + 1 && left.owned > base.owned, "%s: %d KeyIDs, " +
		"%d pages", what, left.keyids, left.owned);
}

/** Memory of its own, which it looks at whenever it is run. */
function* keeper(gpa: number): guest_program {
	yield* td_long_mode();
	yield* td_accept(gpa);
	yield* memset(gpa, PATTERN, PAGE);
	for (;;)
		yield* td_report(Number(yield* memchk(gpa, PATTERN, PAGE)));
}

const keeper_at = (gpa: number): (() => guest_program) => function* () {
	yield* keeper(gpa);
};

function* expect_kept(td: struct_td, vcpu: number, what: string): wait {
	const got = yield* td_run_until_report(td, vcpu);

	TEST_ASSERT(got === 1, "%s: vcpu %d lost its memory: 0x%x", what, vcpu, got);
}

/* Killed. */

function* kill_child(pid: number, what: string): wait {
	kill(pid, SIGKILL);
	const { status } = yield* waitpid(pid, 0);

	TEST_ASSERT(status === SIGKILL, "%s: status 0x%x", what, status);
	assert_gone(what);
}

/** In the middle of it, for some seeds. */
function* test_killed_running(seed: number): wait {
	const VCPUS = 3, what = `killed, seed ${seed}`, c = new chaos(seed, Infinity);

	TEST_ASSERT(write_file(HUGE, seed % 2 === 0 ? "always" : "never") === 0, "%s", HUGE);
	sched_seed(seed);
	const pid = fork(function* (): wait {
		chaos_create(c, VCPUS);
		if ((yield* chaos_vcpu(c, 0)) !== CHAOS_READY)
			exit(1);
		for (let vcpu = 0; vcpu < VCPUS; vcpu++)
			pthread_create(function* () {
				yield* chaos_vcpu(c, vcpu);
				exit(2);
			});
		yield* chaos_host(c);
	});
	while (c.conversions < seed * 11)
		yield* sched_yield();
	assert_there(what);
	yield* kill_child(pid, what);
	TEST_ASSERT(write_file(HUGE, "never") === 0, "%s", HUGE);
}

/* Ioctls that make a TD, one after the other. */
const STEPS: readonly ((td: struct_td) => number)[] = [
	(td): number => td_init_vm(td.kvm, td.fd, 0n).r,
	(td): number => {
		td.mem_size = HPAGE;
		td_map_memory(td);
		td.private_fd = memfd_create("td", MFD_INACCESSIBLE);
		ftruncate(td.private_fd, HPAGE);
		td_set_slot(td, 0, 0, HPAGE, td.hva, 0);
		return td_new_vcpu(td).fd >= 0 ? 0 : -1;
	},
	(td): number => td_ioctl(td.vcpus[0]!.fd, KVM_TDX_INIT_VCPU),
	(td): number => td_add_page(td, PAGE, new Uint8Array(8)).r,
	(td): number => td_ioctl(td.fd, KVM_TDX_FINALIZE_VM),
];

/** After each of the ioctls. */
function* test_killed_early(): wait {
	for (let n = 0; n <= STEPS.length; n++) {
		const what = `killed after ${n} steps`;
		let done = -1;
		const pid = fork(function* (): wait {
			const td = td_new_vm();
			const ok = STEPS.slice(0, n).every((step) => step(td) === 0);
			done = ok ? n : n + 1;
			for (;;)
				yield* sched_yield();
		});
		while (done < 0)
			yield* sched_yield();
		TEST_ASSERT(done === n, "%s: did not come so far", what);
		yield* kill_child(pid, what);
	}
}

/* Closed. */

type part = "vm" | "vcpu0" | "vcpu1" | "private";

function permutations(of: readonly part[]): part[][] {
	return of.length === 0 ? [[]] : of.flatMap((x) =>
		permutations(of.filter((y) => y !== x)).map((rest) => [x, ...rest]));
}

function close_part(td: struct_td, what: part): void {
	if (what === "vm") {
		close(td.fd);
	} else if (what === "private") {
		close(td.private_fd);
	} else {
		const vcpu = td.vcpus[Number(what.slice(4))]!;
		munmap(vcpu.run_hva, 3 * PAGE);
		close(vcpu.fd);
	}
}

function free_rest(td: struct_td): void {
	close(td.kvm);
	munmap(td.map_hva, td.mem_size + HPAGE);
	munmap(td.reset_hva, PAGE);
	munmap(td.scratch, 2 * PAGE);
}

/** In each order: the TD is there, with its memory, until its VM and the last vCPU are closed. */
function* test_close_order(order: readonly part[]): wait {
	const td = td_create([keeper_at(DATA), keeper_at(DATA + PAGE)]), open = new Set(order);

	for (const x of order) {
		const what = `closing ${order.join()}, at ${x}`;
		for (const vcpu of [0, 1] as const)
			if (open.has(`vcpu${vcpu}`))
				yield* expect_kept(td, vcpu, what);
		close_part(td, x);
		open.delete(x);
		if (open.size === 0 || (open.size === 1 && open.has("private")))
			assert_gone(what);
		else
			assert_there(what);
	}
	free_rest(td);
}

/** What is mapped of a vCPU keeps it, too. */
function* test_close_mapped(): wait {
	const td = td_create([keeper_at(DATA)]), [vcpu] = td.vcpus;

	yield* expect_kept(td, 0, "mapped");
	for (const fd of [td.private_fd, td.fd, vcpu!.fd])
		close(fd);
	assert_there("closed, and mapped");
	munmap(vcpu!.run_hva, 3 * PAGE);
	assert_gone("unmapped");
	free_rest(td);
}

/** Everything is closed while the vCPU is in the guest; it goes on until it leaves. */
function* test_close_running(): wait {
	const FLAG = DATA + PAGE;
	const td = td_create([function* () {
		yield* td_long_mode();
		yield* td_accept(DATA);
		yield* td_map_gpa(FLAG + TD_SHARED_BIT, PAGE);
		yield* td_report(Number(yield* ld64(TD_SHARED_VA + FLAG)));
		for (let n = 1n; (yield* ld64(TD_SHARED_VA + FLAG)) === 0n; n++) {
			yield* st64(DATA, n);
			if ((yield* ld64(DATA)) !== n)
				yield* td_report(0xbad);
			yield* pause();
		}
		yield* td_report(2);
	}]);
	const what = "closed while it runs";
	let running = false;

	TEST_ASSERT((yield* td_run_until_report(td)) === 0, "%s: start", what);
	const t = pthread_create(function* () {
		running = true;
		return yield* td_run_until_report(td);
	});
	while (!running)
		yield* sched_yield();
	for (let i = 0; i < 20; i++)
		yield* sched_yield();
	for (const x of ["private", "vcpu0", "vm"] as const) {
		if (x === "vcpu0")
			close(td.vcpus[0]!.fd);
		else
			close_part(td, x);
		yield* sched_yield();
		assert_there(`${what}: ${x}`);
	}
	poke(td.hva + FLAG, new Uint8Array([1]));
	TEST_ASSERT((yield* pthread_join(t)) === 2, "%s: it did not come to its end", what);
	munmap(td.vcpus[0]!.run_hva, 3 * PAGE);
	assert_gone(what);
	free_rest(td);
}

/* Its memory goes. */

const SLOT_GPA = 0x40000000, SLOT_SIZE = 4 * PAGE;

/** A slot goes under a vCPU that uses it, and comes back, empty. */
function* test_slot(): wait {
	const FLAG = DATA + PAGE, td = td_create([function* () {
		yield* td_long_mode();
		yield* td_report(1);
		yield* td_accept(SLOT_GPA);
		yield* memset(SLOT_GPA, PATTERN, PAGE);
		for (;;) {
			const x = yield* ld64(SLOT_GPA);
			if (x !== 0x5a5a5a5a5a5a5a5an)
				yield* td_report(x);
		}
	}], { handlers: { [VE_VECTOR]: function* () {
		yield* td_accept(SLOT_GPA);
		yield* iret();
	} } }), { run } = td.vcpus[0]!;
	const own = td.private_fd, file = memfd_create("slot", MFD_INACCESSIBLE);
	const set = (size: number): void => {
		td.private_fd = file;
		td_set_slot(td, 2, SLOT_GPA, size, td.hva + FLAG, 0);
		td.private_fd = own;
	};

	TEST_ASSERT(ftruncate(file, SLOT_SIZE) === 0, "ftruncate()");
	set(SLOT_SIZE);
	TEST_ASSERT((yield* td_run_until_report(td)) === 1, "start");
	let exited = -1;
	const t = pthread_create(function* () {
		exited = yield* td_run(td);
	});
	for (let i = 0; i < 50; i++)
		yield* sched_yield();
	TEST_ASSERT(exited < 0, "an exit %d where a slot is", run.exit_reason);
	set(0);
	td_audit("without the slot");
	yield* pthread_join(t);
	TEST_ASSERT(exited === 0 && run.exit_reason === KVM_EXIT_MEMORY_FAULT &&
		run.memory.flags === KVM_MEMORY_EXIT_FLAG_PRIVATE &&
		run.memory.gpa === BigInt(SLOT_GPA), "exit %d", run.exit_reason);
	set(SLOT_SIZE);
	/* the file still has the page; what was in it the module has taken */
	const got = yield* td_run_until_report(td);
	TEST_ASSERT(got === 0, "0x%x in memory that was accepted anew", got);
	td_audit("with it again");
	close(file);
	td_free(td);
	assert_gone("slot");
}

/** KeyIDs run out, and come back. */
function test_keyids(): void {
	const FIRST = 17, LAST = 63, room = LAST - FIRST + 1 - base.keyids;
	const tds: struct_td[] = [];
	const make = (): number => {
		tds.push(td_new_vm());
		const { kvm, fd } = tds[tds.length - 1]!;
		return td_init_vm(kvm, fd, 0n).r;
	};

	for (let round = 0; round < 2; round++) {
		for (let i = 0; i < room; i++)
			TEST_ASSERT(make() === 0, "TD %d of %d: errno %d", i, room, errno());
		TEST_ASSERT(make() === -1 && errno() === ENOSPC, "one KeyID more: errno %d",
			errno());
		TEST_ASSERT(td_left().keyids === base.keyids + room, "KeyIDs");
		for (const td of tds.splice(0))
			td_free(td);
		assert_gone("KeyIDs");
	}
}

export function* main(): wait<number> {
	td_require_debug();

	const other = td_create([keeper_at(DATA)]);
	yield* expect_kept(other, 0, "the other TD");
	base = td_left();
	for (let seed = 1; seed <= 6; seed++)
		yield* test_killed_running(seed);
	yield* test_killed_early();
	for (const order of permutations(["vm", "vcpu0", "vcpu1", "private"]))
		yield* test_close_order(order);
	yield* test_close_mapped();
	yield* test_close_running();
	yield* test_slot();
	test_keyids();
	yield* expect_kept(other, 0, "the other TD, in the end");
	td_free(other);
	td_assert_left(0, 0, 0, "in the end");
	return 0;
}
