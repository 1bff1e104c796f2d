// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured: each benchmark is a user program that repeats a round and times its core.
 *
 * Port-only. The first round is the cold one; some after it warm up and are not used (sizes.ts);
 * the rest are the figures. Pages are given back between rounds: later rounds recycle them.
 */
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { __NR_getppid } from "#uapi-asm/unistd_64.ts";
import {
	close, fallocate, ftruncate, memfd_create, mmap, munmap, syscall, user_load64n,
	user_store64n,
} from "#tools/include/nolibc/nolibc.ts";
import { kvm_benches } from "./kvm.ts";
import { private_mem_benches } from "./private_mem.ts";
import { MANY_PAGES, PAGED_ROUNDS, PAGES } from "./sizes.ts";
import { tdx_benches } from "./tdx.ts";

/** Times of the rounds, in the benchmark's unit. */
export type rounds = number[];
/** Runs as init of a host; @clock gives nanoseconds. */
export type bench_fn = (clock: () => number, n: number) => Generator<void, rounds, void>;

export interface bench {
	unit: string;
	/** figure to be at or below */
	target: number | null;
	/** rounds, the cold and the warm-up ones included; 1: that one is the figure */
	rounds: number;
	/** needs the selftests' configuration, where ordinary VMs have private memory */
	testing?: boolean;
	/** the host it wants, as parse_host() takes it */
	host?: string;
	fn: bench_fn;
}

const PAGE = 4096;
const CALLS = 200000;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

function check(ok: boolean, what: string): void {
	if (!ok)
		throw new Error(`bench: ${what} failed`);
}

/** A memfd of @pages pages, mapped shared; calls @round and unmaps. */
function* with_memfd(pages: number, n: number, round: (fd: number, at: number) => number):
	Generator<void, rounds, void> {
	const fd = memfd_create("bench", 0);
	const times: rounds = [];

	check(fd >= 0 && ftruncate(fd, pages * PAGE) === 0, "memfd_create");
	const at = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at > 0, "mmap");
	for (let i = 0; i < n; i++)
		times.push(round(fd, at) / pages);
	munmap(at, pages * PAGE);
	close(fd);
	return times;
}

function touch_all(at: number, pages: number): void {
	for (let i = 0; i < pages; i++)
		user_store64n(at + i * PAGE, i);
}

function punch_all(fd: number, pages: number): void {
	check(fallocate(fd, PUNCH, 0, pages * PAGE) === 0, "fallocate(PUNCH_HOLE)");
}

const fallocate_page: bench_fn = (clock, n) => with_memfd(PAGES, n, (fd) => {
	const t = clock();
	check(fallocate(fd, 0, 0, PAGES * PAGE) === 0, "fallocate");
	const d = clock() - t;
	punch_all(fd, PAGES);
	return d;
});

const host_first_touch: bench_fn = (clock, n) => with_memfd(PAGES, n, (fd, at) => {
	const t = clock();
	touch_all(at, PAGES);
	const d = clock() - t;
	punch_all(fd, PAGES);
	return d;
});

const host_second_touch: bench_fn = (clock, n) => {
	let ready = false;
	return with_memfd(MANY_PAGES, n, (_fd, at) => {
		if (!ready)
			touch_all(at, MANY_PAGES);
		ready = true;
		let sum = 0;
		const t = clock();
		for (let i = 0; i < MANY_PAGES; i++)
			sum += user_load64n(at + i * PAGE);
		const d = clock() - t;
		check(sum === MANY_PAGES * (MANY_PAGES - 1) / 2, "reading back");
		return d;
	});
};

const host_punch_page: bench_fn = (clock, n) => with_memfd(PAGES, n, (fd, at) => {
	touch_all(at, PAGES);
	const t = clock();
	punch_all(fd, PAGES);
	return clock() - t;
});

function* syscall_cost(clock: () => number, n: number): Generator<void, rounds, void> {
	const times: rounds = [];
	for (let i = 0; i < n; i++) {
		const t = clock();
		for (let j = 0; j < CALLS; j++)
			syscall(__NR_getppid);
		times.push((clock() - t) / CALLS);
	}
	return times;
}

/* no port code: what the machine under us takes for 4 KiB, to read the other figures against */
function* native_fill_page(clock: () => number, n: number): Generator<void, rounds, void> {
	const bytes = new Uint8Array(PAGES * PAGE);
	const times: rounds = [];
	for (let i = 0; i < n; i++) {
		const t = clock();
		for (let at = 0; at < bytes.length; at += PAGE)
			bytes.fill(i, at, at + PAGE);
		times.push((clock() - t) / PAGES);
	}
	return times;
}

/** boot_ms is measured by the runner itself. */
export const benches: Record<string, bench> = {
	native_fill_page_ns: { unit: "ns", target: null, rounds: PAGED_ROUNDS,
		fn: native_fill_page },
	fallocate_page_ns: { unit: "ns", target: 500, rounds: PAGED_ROUNDS, fn: fallocate_page },
	host_first_touch_ns: { unit: "ns", target: 980, rounds: PAGED_ROUNDS, fn: host_first_touch },
	host_second_touch_ns: { unit: "ns", target: 100, rounds: 9, fn: host_second_touch },
	host_punch_page_ns: { unit: "ns", target: 280, rounds: PAGED_ROUNDS, fn: host_punch_page },
	syscall_ns: { unit: "ns", target: 230, rounds: 9, fn: syscall_cost },
	...kvm_benches,
	...private_mem_benches,
	...tdx_benches,
};
