// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of transparent huge pages share.
 *
 * Port-only. A case is a process of its own. It keeps a copy of what memory has to hold; the
 * kernel's counts are compared before and after. Names given as arguments select.
 */
import { O_RDONLY } from "#uapi/asm-generic/fcntl.ts";
import { SIGBUS, SIGSEGV } from "#uapi/asm-generic/signal.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	MADV_NOHUGEPAGE, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MREMAP_FIXED, MREMAP_MAYMOVE,
	PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	errno_name, errno, exit, fork, fstat, ftruncate, madvise, memfd_create, mmap, mremap,
	munmap, open, peek, poke, pread, printf, pwrite, read_file, sched_yield, sigaction,
	sigjmp_buf, siglongjmp, sigsetjmp, waitpid, WEXITSTATUS, WIFEXITED, WTERMSIG,
	write_file,
} from "#tools/include/nolibc/nolibc.ts";
import type { prng } from "#tools/include/nolibc/prng.ts";

export const KiB = 2 ** 10, MiB = 2 ** 20;
export const PAGE = 4 * KiB, HPAGE = 2 * MiB;
export const HPAGE_NR = HPAGE / PAGE;
export const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
export const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

/* far from everything else, huge page aligned */
export const AT = 0x200000000000;
export const ELSEWHERE = 0x300000000000;

const STATE = "/sys/kernel/debug/privmem/state";
export const THP = "/sys/kernel/mm/transparent_hugepage";
const FAIL = "/sys/kernel/debug/fail_page_alloc";

export type wait<T = void> = Generator<void, T, void>;

/* of the case that runs; all its processes share it */
export let complaints: string[] = [];
const gates: gate[] = [];

export function complain(what: string): void {
	if (complaints.length < 8)
		complaints.push(what);
}

function die(what: string): never {
	complain(`${what}: ${errno_name(errno())}`);
	exit(2);
}

export function must(r: number, what: string): number {
	if (r < 0)
		die(what);
	return r;
}

export function equal(got: number, expected: number, what: string): void {
	if (got !== expected)
		complain(`${what}: ${got}, expected ${expected}`);
}

export function set(path: string, text: string): string {
	const old = read_file(path) ?? "";

	must(write_file(path, `${text}\n`), path);
	return /\[(\w+)\]/.exec(old)?.[1] ?? old.trim();
}

export const enabled = (policy: string): string => set(`${THP}/enabled`, policy);
export const shmem_enabled = (policy: string): string => set(`${THP}/shmem_enabled`, policy);

/** Splits what waits for it, frees the huge zero page. */
export function shrink(): void {
	set("/proc/sys/vm/drop_caches", "2");
}

/* ------------------------------------------------------------------------- */
/* counts */

const meminfo = (): string => read_file("/proc/meminfo") ?? "";

function kilobytes(text: string, name: string): number {
	const m = new RegExp(`^${name}: +(\\d+)`, "m").exec(text);
	return Number(m?.[1] ?? NaN);
}

export function free_pages(): number {
	return Number(/^free (\d+)$/m.exec(read_file(STATE) ?? "")?.[1] ?? NaN);
}

const COUNTS = ["AnonHugePages", "AnonPages", "ShmemHugePages", "ShmemPmdMapped", "Shmem",
	"Mlocked", "Mapped"] as const;
type count = typeof COUNTS[number];
const base = new Map<count, number>();

function remember_counts(): void {
	const text = meminfo();

	for (const name of COUNTS)
		base.set(name, kilobytes(text, name));
}

/** What @name is above what it was at the start of the case, in kB. */
export function above(name: count): number {
	return kilobytes(meminfo(), name) - base.get(name)!;
}

export function anon_huge(expected: number, what: string): void {
	equal(above("AnonHugePages") / 2048, expected, `${what}: AnonHugePages`);
}

export function shmem_huge(expected: number, what: string): void {
	equal(above("ShmemHugePages") / 2048, expected, `${what}: ShmemHugePages`);
}

export function pmd_mapped(expected: number, what: string): void {
	equal(above("ShmemPmdMapped") / 2048, expected, `${what}: ShmemPmdMapped`);
}

export function mlocked(expected: number, what: string): void {
	/* reading it completes what is under way */
	read_file(STATE);
	equal(above("Mlocked") / 4, expected, `${what}: Mlocked`);
}

export function blocks(fd: number, pages: number, what: string): void {
	equal(Number(fstat(fd)!.st_blocks) / 8, pages, `${what}: pages`);
}

/* ------------------------------------------------------------------------- */
/* contents */

const patterns = new Map<number, Uint8Array>();

/** @len bytes that look different for every @seed and every place; no zeros. */
export function pattern(seed: number, len: number): Uint8Array {
	const known = patterns.get(seed);
	if (known !== undefined && known.length >= len)
		return known.subarray(0, len);
	const words = new Uint32Array((len + 3) >> 2);
	for (let i = 0; i < words.length; i++)
		words[i] = Math.imul(i + seed * 0x2545f, 0x9e3779b1) | 0x01010101;
	const bytes = new Uint8Array(words.buffer);
	if (patterns.size > 16)
		patterns.clear();
	patterns.set(seed, bytes);
	return bytes.subarray(0, len);
}

function first_difference(a: Uint8Array, b: Uint8Array): number {
	if (Buffer.compare(a, b) === 0)
		return -1;
	for (let i = 0; i < a.length; i++) {
		if (a[i] !== b[i])
			return i;
	}
	return a.length;
}

/** Memory from @p on, and what it has to hold. */
export class area {
	p: number;
	want: Uint8Array;

	constructor(p: number, len: number) {
		this.p = p;
		this.want = new Uint8Array(len);
	}

	/** A copy for a process that goes another way. */
	copy(p = this.p): area {
		const a = new area(p, 0);
		a.want = this.want.slice();
		return a;
	}

	/** Stores a pattern. */
	put(seed: number, off = 0, len = this.want.length - off): void {
		const bytes = pattern(seed, len);
		poke(this.p + off, bytes);
		this.want.set(bytes, off);
	}

	/** What was put by other means. */
	was_put(seed: number, off: number, len: number): void {
		this.want.set(pattern(seed, len), off);
	}

	was_zeroed(off = 0, len = this.want.length - off): void {
		this.want.fill(0, off, off + len);
	}

	check(what: string, off = 0, len = this.want.length - off): void {
		const got = peek(this.p + off, len);
		const at = first_difference(got, this.want.subarray(off, off + len));
		if (at >= 0) {
			complain(`${what}: 0x${got[at]!.toString(16)} at 0x${(off + at).toString(16)}, ` +
				`expected 0x${this.want[off + at]!.toString(16)}`);
		}
	}
}

export function check_file(fd: number, want: Uint8Array, what: string): void {
	const buf = must(mmap(0, want.length, RW, ANON, -1, 0), "mmap");
	must(madvise(buf, want.length, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
	equal(pread(fd, buf, want.length, 0), want.length, `${what}: read`);
	const at = first_difference(peek(buf, want.length), want);
	if (at >= 0)
		complain(`${what}: file differs at 0x${at.toString(16)}`);
	must(munmap(buf, want.length), "munmap");
}

/** Writes a pattern by pwrite(), from small pages. */
export function write_pattern(fd: number, seed: number, off: number, len: number): void {
	const buf = must(mmap(0, len, RW, ANON, -1, 0), "mmap");
	must(madvise(buf, len, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
	poke(buf, pattern(seed, len));
	equal(pwrite(fd, buf, len, off), len, "pwrite");
	must(munmap(buf, len), "munmap");
}

let landing: sigjmp_buf | null = null;

/** The signal that @access ended with, or 0. */
function signal_of(access: () => void): number {
	let signal = 0;
	const env = new sigjmp_buf();
	const caught = (signo: number): void => {
		signal = signo;
		siglongjmp(landing!, 1);
	};

	sigaction(SIGBUS, caught);
	sigaction(SIGSEGV, caught);
	landing = env;
	sigsetjmp(env, access);
	landing = null;
	return signal;
}

export function denied(what: string, access: () => void, signal = SIGSEGV): void {
	equal(signal_of(access), signal, `${what}: signal`);
}

/* ------------------------------------------------------------------------- */
/* processes */

/** Runs @code in a child and waits for its end. */
export function* child(code: () => wait): wait {
	yield* reap(spawn(code));
}

export function spawn(code: () => wait): number {
	return must(fork(function* (): wait {
		yield* code();
		exit(0);
	}), "fork");
}

export function* reap(pid: number): wait {
	const { status } = yield* waitpid(pid, 0);
	if (!WIFEXITED(status))
		complain(`child killed by signal ${WTERMSIG(status)}`);
	else if (WEXITSTATUS(status) !== 0)
		complain(`child's exit status ${WEXITSTATUS(status)}`);
}

/** A signal between processes, in the variables that they share. */
export class gate {
	open = false;

	constructor() {
		gates.push(this);
	}

	*pass(): wait {
		while (!this.open)
			yield* sched_yield();
	}
}

/* ------------------------------------------------------------------------- */
/* memory */

export function map_anon(pages: number, at = AT): number {
	return must(mmap(at, pages * PAGE, RW, ANON | MAP_FIXED, -1, 0), "mmap");
}

export function memfd(size: number): number {
	const fd = must(memfd_create("thp", 0), "memfd_create");
	must(ftruncate(fd, size), "ftruncate");
	return fd;
}

export function move(from: number, len: number, to: number): number {
	return must(mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to), "mremap");
}

/* name: [offset, length] of parts that are not the whole */
export const PARTS: readonly [string, number, number][] = [
	["first page", 0, PAGE],
	["middle", 64 * PAGE, 100 * PAGE],
	["tail", MiB, MiB],
];

export type test_case = readonly [name: string, run: () => wait];

/** Runs @f while no huge page can be allocated. */
export function with_failures(f: () => void): void {
	set(`${FAIL}/ignore-gfp-wait`, "N");
	set(`${FAIL}/ignore-gfp-highmem`, "N");
	set(`${FAIL}/verbose`, "0");
	set(`${FAIL}/min-order`, "9");
	set(`${FAIL}/times`, "1000");
	set(`${FAIL}/probability`, "100");
	f();
	set(`${FAIL}/probability`, "0");
}

/* ------------------------------------------------------------------------- */
/* cases */

/** Bounds, in bytes, of a random part of @len: sometimes of whole huge pages. */
export function random_part(r: prng, len: number): [number, number] {
	const unit = r.chance(1, 6) ? HPAGE : PAGE;
	const off = r.below(len / unit) * unit;
	const most = r.chance(1, 3) ? 4 : len;
	return [off, unit * (1 + r.below(Math.min(most, (len - off) / unit)))];
}

function difference(before: string, after: string): string {
	const was = before.split("\n"), is = after.split("\n");
	return [...was.filter((l) => !is.includes(l)).map((l) => `-${l}`),
		...is.filter((l) => !was.includes(l)).map((l) => `+${l}`)].join(", ");
}

/** The kernel's counts, with nothing kept for later. */
function state(): string {
	shrink();
	const text = meminfo();
	return COUNTS.map((name) => `${name} ${kilobytes(text, name)}`).join("\n") + "\n" +
		(read_file(STATE) ?? "");
}

function* run_case(run: () => wait): wait {
	enabled("always");
	shmem_enabled("never");
	yield* reap(spawn(function* (): wait {
		remember_counts();
		yield* run();
	}));
	/* children of one that failed */
	for (const g of gates.splice(0))
		g.open = true;
	for (let i = 0; i < 20; i++)
		yield* sched_yield();
	set(`${FAIL}/probability`, "0");
	set(`${THP}/use_zero_page`, "1");
}

/** What main() does: runs the cases, or those that are named, and reports. */
export function* run_cases(all: readonly test_case[], argc: number, argv: string[]): wait<number> {
	const cases = all.filter(([name]) =>
		argc < 2 || argv.slice(1).some((a) => name.startsWith(a)));
	const policy = enabled("never"), shmem_policy = shmem_enabled("never");
	let bad = 0;

	if (open(`${THP}/enabled`, O_RDONLY) < 0)
		return 4;
	set("/proc/sys/vm/drop_caches", "4");
	printf("TAP version 13\n1..%d\n", cases.length);
	/* what is made once and kept is made now */
	yield* run_case(cases[0]![1]);
	complaints = [];
	state();
	for (const [i, [name, run]] of cases.entries()) {
		complaints = [];
		const before = state();
		yield* run_case(run);
		const after = state();
		if (after !== before)
			complain(`leaked ${difference(before, after)}`);
		for (const c of complaints)
			printf("# %s\n", c);
		printf("%s %d %s\n", complaints.length ? "not ok" : "ok", i + 1, name);
		if (complaints.length)
			bad++;
	}
	enabled(policy);
	shmem_enabled(shmem_policy);
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0\n", cases.length - bad, bad);
	return bad ? 1 : 0;
}
