// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of tdx_scenarios_test: what a VMM and its TD do to each other's memory, by accident or
 * on purpose.
 *
 * Port-only. Each is named by its argument, and says what it sees.
 */
import { SIGBUS } from "#uapi/asm-generic/signal.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { user_load8, user_movnti64 } from "#hw/isa.ts";
import { ld64, memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { close, errno, errno_name, ftruncate, malloc, memfd_create, mmap, munmap, peek, pipe, poke,
	pread, printf, pthread_create, pthread_join, sched_yield, sigaction, siglongjmp,
	sigjmp_buf, sigsetjmp, write } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_accept, td_add_page_from, td_create, td_create_empty, td_free, td_long_mode, td_map_gpa,
	td_report, td_require, td_run_until_report, TDG_MR_REPORT, TD_FREE_GPA,
	TD_MEM_SIZE, TD_SHARED_BIT, TD_SHARED_VA, type struct_td } from
	"../include/x86_64/tdx.ts";

const DATA = TD_FREE_GPA, PAGE = 4096, PATTERN = 0x66, RW = PROT_READ | PROT_WRITE;

/* ---- what TDs do ---------------------------------------------------------------------------- */

function* fill(): guest_program {
	yield* td_long_mode();
	yield* td_accept(DATA);
	yield* memset(DATA, PATTERN, PAGE);
	yield* td_report(2);
}

/** ... and reads it again. */
function* fill_and_check(): guest_program {
	yield* fill();
	yield* td_report(Number(yield* memchk(DATA, PATTERN, PAGE)));
}

function* fill_and_share(): guest_program {
	yield* fill();
	yield* td_map_gpa(DATA + TD_SHARED_BIT, PAGE);
	yield* td_report(3);
}

/** Has the module write to its memory. */
function* fill_and_report(): guest_program {
	yield* fill();
	yield* tdcall(TDG_MR_REPORT, BigInt(DATA), BigInt(DATA + 2048));
	yield* td_report(3);
}

const ROUNDS = 8;

/** Memory comes back from shared: nothing of the host's is in it, whenever the host writes. */
function* take_back(): guest_program {
	yield* td_long_mode();
	for (let i = 0; i < ROUNDS; i++) {
		yield* td_map_gpa(DATA + TD_SHARED_BIT, PAGE);
		yield* memset(TD_SHARED_VA + DATA, PATTERN, PAGE);
		yield* td_map_gpa(DATA, PAGE);
		yield* td_report(yield* td_accept(DATA));
		yield* td_report(Number(yield* memchk(DATA, 0, PAGE)));
		yield* memset(DATA, PATTERN, PAGE);
		/* time for the host */
		for (let n = 0; n < 100; n++)
			yield* ld64(DATA + 8 * n);
		yield* td_report(Number(yield* memchk(DATA, PATTERN, PAGE)));
	}
}

/* ---- what VMMs do --------------------------------------------------------------------------- */

function* start(code: () => guest_program, hva?: number): wait<struct_td> {
	const td = td_create([code], { mapped: true, ...hva === undefined ? {} : { hva } });

	TEST_ASSERT((yield* td_run_until_report(td)) === 2, "the TD does not start");
	return td;
}

/** The first byte at @at, or the SIGBUS that comes instead. */
function load(at: number): void {
	const env = new sigjmp_buf();
	let byte = 0;

	sigaction(SIGBUS, (_, info) => {
		printf("SIGBUS, code %d, at %d\n", info.code, info.addr - at);
		siglongjmp(env, 1);
	});
	if (sigsetjmp(env, () => {
		byte = user_load8(at);
	}) === 0)
		printf("loads 0x%x\n", byte);
}

const WORD = 0x1122334455667788n;

const scenarios: Record<string, () => wait> = {
	* read() {
		const td = yield* start(fill_and_check);
		const zeros = peek(td.hva + DATA, PAGE).every((b) => b === 0);

		printf("%s\n", zeros ? "zeros" : "something");
		printf("TD: %d\n", yield* td_run_until_report(td));
		td_free(td);
	},
	* fill() {
		const td = yield* start(fill_and_check);

		poke(td.hva + DATA, new Uint8Array(PAGE).fill(PATTERN));
		printf("wrote\n");
		printf("TD: %d\n", yield* td_run_until_report(td));
	},
	/* the TD has the module use what the VMM has written to */
	* report() {
		const td = yield* start(fill_and_report);

		poke(td.hva + DATA + 2048, new Uint8Array([1]));
		printf("wrote\n");
		yield* td_run_until_report(td);
		printf("lives\n");
	},
	/* a page of one TD is what another one is made from */
	* source() {
		const td = yield* start(fill), other = td_create_empty(1, { mapped: true });

		user_movnti64(td.hva + DATA, WORD);
		printf("wrote\n");
		td_add_page_from(other, 0, td.hva + DATA);
		printf("lives\n");
		td_free(other);
		td_free(td);
	},
	* movnti() {
		const td = yield* start(fill);

		user_movnti64(td.hva + DATA, WORD);
		printf("wrote\n");
		load(td.hva + DATA);
		td_free(td);
	},
	/* the kernel reads for the VMM, from user space's addresses */
	* movnti_write() {
		const td = yield* start(fill), [from, to] = pipe()!;

		user_movnti64(td.hva + DATA, WORD);
		printf("wrote\n");
		const r = write(to, td.hva + DATA, 8);
		printf("write: %s\n", r < 0 ? errno_name(errno()) : String(r));
		td_free(td);
		[from, to].forEach(close);
	},
	/* ... and from its own */
	* movnti_pread() {
		const fd = memfd_create("td", 0);

		ftruncate(fd, TD_MEM_SIZE);
		const hva = mmap(0, TD_MEM_SIZE, RW, MAP_SHARED, fd, 0);
		const td = yield* start(fill, hva);
		user_movnti64(td.hva + DATA, WORD);
		printf("wrote\n");
		printf("pread: %d\n", pread(fd, malloc(8), 8, DATA));
		td_free(td);
		munmap(hva, TD_MEM_SIZE);
		close(fd);
	},
	/* what was the TD's is the VMM's again, cleared or not */
	* given_back() {
		const td = yield* start(fill_and_share);

		TEST_ASSERT((yield* td_run_until_report(td)) === 3, "MapGPA");
		user_movnti64(td.hva + DATA, WORD);
		printf("wrote\n");
		load(td.hva + DATA);
		td_free(td);
	},
	* take_back() {
		const td = td_create([take_back]);
		let on = true;
		const writer = pthread_create(function* () {
			for (let n = 1; on; n++) {
				poke(td.hva + DATA, new Uint8Array(PAGE).fill(n));
				yield* sched_yield();
			}
			return 0;
		});

		for (let i = 0; i < 3 * ROUNDS; i++) {
			const got = yield* td_run_until_report(td);
			TEST_ASSERT(got === Number(i % 3 !== 0), "round %d, %d: 0x%x",
				Math.floor(i / 3), i % 3, got);
		}
		on = false;
		yield* pthread_join(writer);
		printf("%d rounds\n", ROUNDS);
		td_free(td);
	},
	/* one page for two TDs, at once and one after the other */
	* two_tds() {
		const hva = mmap(0, TD_MEM_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		const td = yield* start(fill_and_check, hva);
		const other = td_create_empty(1, { mapped: true, hva });

		const { r } = td_add_page_from(other, DATA, other.scratch);
		printf("second TD: %s\n", r < 0 ? "refused" : "has the page");
		td_free(other);
		printf("TD: %d\n", yield* td_run_until_report(td));
		td_free(td);
		const next = yield* start(fill_and_check, hva);
		printf("next TD: %d\n", yield* td_run_until_report(next));
		td_free(next);
		munmap(hva, TD_MEM_SIZE);
	},
	* two_tds_file() {
		const td = td_create([fill_and_check]);
		const other = td_create_empty(1, { private_fd: td.private_fd });

		TEST_ASSERT((yield* td_run_until_report(td)) === 2, "the TD does not start");
		const { r } = td_add_page_from(other, DATA, other.scratch);
		printf("second TD: %s\n", r < 0 ? "refused" : "has the page");
		td_free(other);
		printf("TD: %d\n", yield* td_run_until_report(td));
		td_free(td);
	},
};

export function* scenario_main(_argc: number, argv: string[]): wait<number> {
	td_require();
	yield* scenarios[argv[1]!]!();
	return 0;
}
