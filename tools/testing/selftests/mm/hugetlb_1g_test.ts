// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages of 1 GiB: the pool grows and shrinks, a memfd takes its pages from it, and they come
 * back when the file is punched or closed.
 *
 * Port-only.
 */
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MFD_HUGE_1GB, MFD_HUGETLB } from "#uapi/linux/memfd.ts";
import { ENOMEM, ENOSPC } from "#uapi/asm-generic/errno.ts";
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import {
	close, errno, errno_name, fallocate, fork, fstat, ftruncate, memfd_create, mmap, munmap,
	printf, read_file, user_load8, user_store8, waitpid, WEXITSTATUS, WIFEXITED, write_file,
} from "#tools/include/nolibc/nolibc.ts";

type wait<T = void> = Generator<void, T, void>;

const GiB = 2 ** 30;
const POOL = "/sys/kernel/mm/hugepages/hugepages-1048576kB";
const RW = PROT_READ | PROT_WRITE;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

let wrong: string[] = [];

function equal(got: number | string, expected: number | string, what: string): void {
	if (got !== expected)
		wrong.push(`${what}: ${got}, expected ${expected}`);
}

const count = (name: string): number => Number(read_file(`${POOL}/${name}`) ?? NaN);

/** nr, free and reserved pages of the pool. */
function pool(nr: number, free: number, resv: number, what: string): void {
	equal(`${count("nr_hugepages")} ${count("free_hugepages")} ${count("resv_hugepages")}`,
		`${nr} ${free} ${resv}`, what);
}

function resize(nr: number): void {
	if (write_file(`${POOL}/nr_hugepages`, `${nr}\n`) < 0)
		wrong.push(`nr_hugepages = ${nr}: ${errno_name(errno())}`);
}

function huge_memfd(pages: number): number {
	const fd = memfd_create("1g", MFD_HUGETLB | MFD_HUGE_1GB);
	if (fd < 0 || ftruncate(fd, pages * GiB) < 0)
		wrong.push(`memfd_create: ${errno_name(errno())}`);
	return fd;
}

const cases: [string, () => wait][] = [
	["empty pool", function* (): wait {
		const fd = huge_memfd(1);
		pool(0, 0, 0, "at first");
		equal(mmap(0, GiB, RW, MAP_SHARED, fd, 0), -1, "mmap");
		equal(errno(), ENOMEM, "mmap: errno");
		equal(fallocate(fd, 0, 0, GiB), -1, "fallocate");
		equal(errno(), ENOSPC, "fallocate: errno");
		close(fd);
	}],
	["reserve, fault, punch, close", function* (): wait {
		resize(2);
		pool(2, 2, 0, "grown");
		const fd = huge_memfd(2);
		const p = mmap(0, 2 * GiB, RW, MAP_SHARED, fd, 0);
		pool(2, 2, 2, "mapped");
		for (const at of [0, GiB - 1, GiB, 2 * GiB - 1]) {
			equal(user_load8(p + at), 0, `byte ${at}, fresh`);
			user_store8(p + at, 0x5a);
		}
		pool(2, 0, 0, "touched");
		equal(Number(fstat(fd)!.st_blocks), 2 * GiB / 512, "st_blocks");
		equal(fallocate(fd, PUNCH, GiB, GiB), 0, "punch");
		/* the hole's reservation went with its page */
		pool(2, 1, 0, "punched");
		equal(user_load8(p + GiB - 1), 0x5a, "the page before the hole");
		equal(user_load8(p + GiB), 0, "the hole");
		munmap(p, 2 * GiB);
		close(fd);
		pool(2, 2, 0, "closed");
	}],
	["private: copied on write after fork", function* (): wait {
		const fd = huge_memfd(1);
		const p = mmap(0, GiB, RW, MAP_PRIVATE, fd, 0);
		user_store8(p, 1);
		const pid = fork(function* () {
			yield;
			return user_load8(p) === 1 && user_load8(p + GiB - 1) === 0 ? 0 : 1;
		});
		const { status } = yield* waitpid(pid, 0);
		equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, "the child's view");
		user_store8(p, 2);
		equal(user_load8(p), 2, "the parent's view");
		munmap(p, GiB);
		const q = mmap(0, GiB, RW, MAP_SHARED, fd, 0);
		equal(user_load8(q), 0, "the file");
		munmap(q, GiB);
		close(fd);
		pool(2, 2, 0, "closed");
	}],
	["shrink", function* (): wait {
		const fd = huge_memfd(1);
		equal(fallocate(fd, 0, 0, GiB), 0, "fallocate");
		resize(0);
		pool(1, 0, 0, "shrunk as far as free pages go; the other is surplus");
		equal(count("surplus_hugepages"), 1, "surplus");
		close(fd);
		pool(0, 0, 0, "closed");
	}],
];

export function* main(): wait<number> {
	let failed = 0, n = 0;

	printf("TAP version 13\n1..%d\n", cases.length);
	for (const [name, run] of cases) {
		wrong = [];
		yield* run();
		for (const w of wrong)
			printf("# %s\n", w);
		printf("%s %d %s\n", wrong.length ? "not ok" : "ok", ++n, name);
		failed += wrong.length ? 1 : 0;
	}
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0\n", n - failed, failed);
	return failed ? 1 : 0;
}
