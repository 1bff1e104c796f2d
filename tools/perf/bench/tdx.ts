// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured of TDs: SEAMCALL, faults, conversions, and accesses to memory that is there.
 *
 * Port-only. The TDs are those of the selftests. A TD's registers are not its VMM's to set, so the
 * script goes on for ever, from one report to the next, and each round lets it do so.
 */
import { TDH_PHYMEM_PAGE_RDMD, __seamcall, struct_tdx_module_args } from "#asm/tdx.ts";
import { this_cpu } from "#hw/cpu.ts";
import { ld64n, type guest_program } from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { fallocate, write_file } from "#tools/include/nolibc/nolibc.ts";
import { TD_FREE_GPA, td_accept, td_convert, td_create, td_free, td_long_mode, td_report,
	td_run_until_report, type struct_td } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import type { bench, rounds } from "./benches.ts";
import { check, type clock_fn, PAGE, repeats } from "./kvm.ts";
import { MANY_PAGES } from "./sizes.ts";

const PAGES		= 4096;
const CALLS		= 20000;
const HPAGE		= 2 ** 21;
/* rounds of many pages need no more to be warm */
const SOME_REPEAT	= 10;
const SMALL_PER_HPAGE	= HPAGE / PAGE;
const PUNCH		= FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
/* of some page */
const FRAME		= 0x1000;
const HOST		= "vendor=intel tdx=on";

/** A TD with @size bytes at TD_FREE_GPA, in pages of 4 KiB or 2 MiB. */
function create(script: () => guest_program, size: number, huge = false): struct_td {
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", huge ? "always" : "never");
	return td_create([script], { memory: TD_FREE_GPA + size });
}

/** Accepts all of @size bytes, again and again; reports how many pages that were not there. */
function accepting(size: number, level: number): () => guest_program {
	const step = level === 0 ? PAGE : HPAGE;

	return function* () {
		yield* td_long_mode();
		yield* td_report(0);
		for (;;) {
			let n = 0;
			for (let at = 0; at < size; at += step)
				n += (yield* td_accept(TD_FREE_GPA + at, level)) === 0 ? 1 : 0;
			yield* td_report(n);
		}
	};
}

/** From the kernel to the module and back, with a leaf that looks something up. */
function* seamcall(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const td = create(accepting(PAGE, 0), PAGE), args = new struct_tdx_module_args();
	const times: rounds = [];

	yield* td_run_until_report(td);
	for (let i = 0; i < n; i++) {
		let failed = 0;
		this_cpu.cpl = 0;
		const t = clock();
		for (let j = 0; j < CALLS; j++) {
			args.u32[2] = FRAME * PAGE;
			args.u32[3] = 0;
			failed |= __seamcall(TDH_PHYMEM_PAGE_RDMD, args);
		}
		const d = clock() - t;
		this_cpu.cpl = 3;
		check(failed === 0, "SEAMCALL");
		times.push(d / CALLS);
	}
	td_free(td);
	return times;
}

/** TDG.MEM.PAGE.ACCEPT of a page that is not there: exit, AUG, entry, and ACCEPT. */
function* fault(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const td = create(accepting(PAGES * PAGE, 0), PAGES * PAGE), times: rounds = [];

	yield* td_run_until_report(td);
	for (let i = 0; i < n; i++) {
		const t = clock();
		const accepted = yield* td_run_until_report(td);
		times.push((clock() - t) / PAGES / 1000);
		check(accepted === PAGES, "accepting");
		check(fallocate(td.private_fd, PUNCH, TD_FREE_GPA, PAGES * PAGE) === 0,
			"fallocate");
	}
	td_free(td);
	return times;
}

/**
 * What a VMM does to convert @size bytes of memory that is mapped, among others that stay, to
 * shared and to private again: us for one way.
 */
function* convert(clock: clock_fn, n: number, size: number, huge: boolean):
	Generator<void, rounds, void> {
	const step = huge ? HPAGE : PAGE, all = size + step, times: rounds = [];
	const td = create(accepting(all, huge ? 1 : 0), all, huge);

	yield* td_run_until_report(td);
	check((yield* td_run_until_report(td)) === all / step, "accepting");
	td_convert(td, TD_FREE_GPA, size, false);
	td_convert(td, TD_FREE_GPA, size, true);
	for (let i = 0; i < n; i++) {
		const repeat = size === HPAGE && !huge ? SOME_REPEAT : repeats(i);
		let d = 0;

		for (let j = 0; j < repeat; j++) {
			const accepted = yield* td_run_until_report(td);
			check(accepted === size / step, "accepting again");
			const t = clock();
			td_convert(td, TD_FREE_GPA, size, false);
			td_convert(td, TD_FREE_GPA, size, true);
			d += clock() - t;
		}
		times.push(d / (2 * repeat) / 1000);
	}
	td_free(td);
	return times;
}

/** As guest_second_touch_ns: loads from pages that are mapped, and lie so that a TLB has room. */
function* second_touch(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const BASE = MANY_PAGES * PAGE, times: rounds = [];
	const loads = function* (): guest_program {
		let sum = 0;
		for (let i = 0; i < MANY_PAGES; i++)
			sum += yield* ld64n(BASE + i * PAGE);
		yield* td_report(sum);
	};
	const td = create(function* () {
		yield* td_long_mode();
		for (let i = 0; i < MANY_PAGES; i++)
			yield* td_accept(BASE + i * PAGE);
		for (;;)
			yield* loads();
	}, BASE + MANY_PAGES * PAGE);

	yield* td_run_until_report(td);
	for (let i = 0; i < n; i++) {
		const t = clock();
		const sum = yield* td_run_until_report(td);
		times.push((clock() - t) / MANY_PAGES);
		check(sum === 0, "reading back");
	}
	td_free(td);
	return times;
}

export const tdx_benches: Record<string, bench> = {
	seamcall_ns: { unit: "ns", target: null, rounds: 9, host: HOST, fn: seamcall },
	td_fault_us: { unit: "us", target: null, rounds: 15, host: HOST, fn: fault },
	td_convert_4k_us: { unit: "us", target: null, rounds: 9, host: HOST,
		fn: (clock, n) => convert(clock, n, PAGE, false) },
	td_convert_2m_us: { unit: "us", target: null, rounds: 9, host: HOST,
		fn: (clock, n) => convert(clock, n, HPAGE, true) },
	/* of as many bytes, in small pages */
	[`td_convert_${SMALL_PER_HPAGE}_pages_us`]: { unit: "us", target: null, rounds: 9,
		host: HOST, fn: (clock, n) => convert(clock, n, HPAGE, false) },
	/* half as much again as guest_second_touch_ns may take */
	td_second_touch_ns: { unit: "ns", target: 150, rounds: 9, host: HOST, fn: second_touch },
};
