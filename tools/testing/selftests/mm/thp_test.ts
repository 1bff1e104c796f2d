// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages, of anonymous memory and of tmpfs: who gets them, and what is left of them
 * and of their contents when a part is unmapped, freed, protected, moved, shared or locked.
 *
 * Port-only. A case is a process of its own. It keeps a copy of what memory has to hold; the
 * kernel's counts are compared before and after. Names given as arguments select.
 */
import { O_RDONLY } from "#uapi/asm-generic/fcntl.ts";
import { SIGBUS, SIGSEGV } from "#uapi/asm-generic/signal.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { SEEK_DATA, SEEK_HOLE } from "#uapi/linux/fs.ts";
import {
	MADV_COLD, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_NORMAL,
	MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_REMOVE, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE,
	MAP_SHARED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, PROT_NONE, PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	close, errno_name, errno, exit, fallocate, fork, fstat, ftruncate, lseek, madvise, memfd_create,
	mincore, mlock, mmap, mprotect, mremap, munlock, munmap, open, peek, poke, pread, printf, pwrite,
	read_file, sched_yield, sigaction, sigjmp_buf, siglongjmp, sigsetjmp, user_load8, user_store8,
	waitpid, WEXITSTATUS, WIFEXITED, WTERMSIG, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import { prng } from "#tools/testing/kunit/lib/prng.ts";

const KiB = 2 ** 10, MiB = 2 ** 20;
const PAGE = 4 * KiB, HPAGE = 2 * MiB;
const HPAGE_NR = HPAGE / PAGE;
const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

/* far from everything else, huge page aligned */
const AT = 0x200000000000;
const ELSEWHERE = 0x300000000000;

const STATE = "/sys/kernel/debug/privmem/state";
const THP = "/sys/kernel/mm/transparent_hugepage";
const FAIL = "/sys/kernel/debug/fail_page_alloc";

type wait<T = void> = Generator<void, T, void>;

/* of the case that runs; all its processes share it */
let complaints: string[] = [];
let gates: gate[] = [];

function complain(what: string): void {
	if (complaints.length < 8)
		complaints.push(what);
}

function die(what: string): never {
	complain(`${what}: ${errno_name(errno())}`);
	exit(2);
}

function must(r: number, what: string): number {
	if (r < 0)
		die(what);
	return r;
}

function equal(got: number, expected: number, what: string): void {
	if (got !== expected)
		complain(`${what}: ${got}, expected ${expected}`);
}

function set(path: string, text: string): string {
	const old = read_file(path) ?? "";

	must(write_file(path, `${text}\n`), path);
	return /\[(\w+)\]/.exec(old)?.[1] ?? old.trim();
}

const enabled = (policy: string): string => set(`${THP}/enabled`, policy);
const shmem_enabled = (policy: string): string => set(`${THP}/shmem_enabled`, policy);

/** Splits what waits for it, frees the huge zero page. */
function shrink(): void {
	set("/proc/sys/vm/drop_caches", "2");
}

/* ------------------------------------------------------------------------- */
/* counts */

function meminfo(name: string): number {
	const m = new RegExp(`^${name}: +(\\d+)`, "m").exec(read_file("/proc/meminfo") ?? "");
	return Number(m?.[1] ?? NaN);
}

function free_pages(): number {
	return Number(/^free (\d+)$/m.exec(read_file(STATE) ?? "")?.[1] ?? NaN);
}

const COUNTS = ["AnonHugePages", "AnonPages", "ShmemHugePages", "ShmemPmdMapped", "Shmem",
	"Mlocked", "Mapped"] as const;
type count = typeof COUNTS[number];
const base = new Map<count, number>();

function remember_counts(): void {
	for (const name of COUNTS)
		base.set(name, meminfo(name));
}

/** What @name is above what it was at the start of the case, in kB. */
function above(name: count): number {
	return meminfo(name) - base.get(name)!;
}

function anon_huge(expected: number, what: string): void {
	equal(above("AnonHugePages") / 2048, expected, `${what}: AnonHugePages`);
}

function shmem_huge(expected: number, what: string): void {
	equal(above("ShmemHugePages") / 2048, expected, `${what}: ShmemHugePages`);
}

function pmd_mapped(expected: number, what: string): void {
	equal(above("ShmemPmdMapped") / 2048, expected, `${what}: ShmemPmdMapped`);
}

function mlocked(expected: number, what: string): void {
	/* reading it completes what is under way */
	read_file(STATE);
	equal(above("Mlocked") / 4, expected, `${what}: Mlocked`);
}

function blocks(fd: number, pages: number, what: string): void {
	equal(Number(fstat(fd)!.st_blocks) / 8, pages, `${what}: pages`);
}

/* ------------------------------------------------------------------------- */
/* contents */

const patterns = new Map<number, Uint8Array>();

/** @len bytes that look different for every @seed and every place; no zeros. */
function pattern(seed: number, len: number): Uint8Array {
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
class area {
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

function check_file(fd: number, want: Uint8Array, what: string): void {
	const buf = must(mmap(0, want.length, RW, ANON, -1, 0), "mmap");
	must(madvise(buf, want.length, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
	equal(pread(fd, buf, want.length, 0), want.length, `${what}: read`);
	const at = first_difference(peek(buf, want.length), want);
	if (at >= 0)
		complain(`${what}: file differs at 0x${at.toString(16)}`);
	must(munmap(buf, want.length), "munmap");
}

/** Writes a pattern by pwrite(), from small pages. */
function write_pattern(fd: number, seed: number, off: number, len: number): void {
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

function denied(what: string, access: () => void, signal = SIGSEGV): void {
	equal(signal_of(access), signal, `${what}: signal`);
}

/* ------------------------------------------------------------------------- */
/* processes */

/** Runs @code in a child and waits for its end. */
function* child(code: () => wait): wait {
	yield* reap(spawn(code));
}

function spawn(code: () => wait): number {
	return must(fork(function* (): wait {
		yield* code();
		exit(0);
	}), "fork");
}

function* reap(pid: number): wait {
	const { status } = yield* waitpid(pid, 0);
	if (!WIFEXITED(status))
		complain(`child killed by signal ${WTERMSIG(status)}`);
	else if (WEXITSTATUS(status) !== 0)
		complain(`child's exit status ${WEXITSTATUS(status)}`);
}

/** A signal between processes, in the variables that they share. */
class gate {
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
/* anonymous memory */

function map_anon(pages: number, at = AT): number {
	return must(mmap(at, pages * PAGE, RW, ANON | MAP_FIXED, -1, 0), "mmap");
}

/** A huge page, filled. */
function huge_area(seed = 1, nr = 1, at = AT): area {
	const a = new area(map_anon(nr * HPAGE_NR, at), nr * HPAGE);
	a.put(seed);
	anon_huge(nr, "filled");
	return a;
}

/* name: [offset, length] of parts that are not the whole */
const PARTS: readonly [string, number, number][] = [
	["first page", 0, PAGE],
	["head", 0, MiB],
	["middle", 64 * PAGE, 100 * PAGE],
	["tail", MiB, MiB],
	["last page", HPAGE - PAGE, PAGE],
];

type test_case = readonly [name: string, run: () => wait];

const anon: test_case[] = [
	["anon: policies", function* (): wait {
		const advices: [string, number][] = [["no advice", MADV_NORMAL],
			["MADV_HUGEPAGE", MADV_HUGEPAGE], ["MADV_NOHUGEPAGE", MADV_NOHUGEPAGE]];
		for (const policy of ["always", "madvise", "never"]) {
			enabled(policy);
			for (const [name, advice] of advices) {
				const what = `${policy}, ${name}`;
				const a = new area(map_anon(HPAGE_NR), HPAGE);
				must(madvise(a.p, HPAGE, advice), what);
				a.put(1, 5 * PAGE + 17, 8);
				const expected = policy === "always" ? advice !== MADV_NOHUGEPAGE :
					policy === "madvise" && advice === MADV_HUGEPAGE;
				anon_huge(expected ? 1 : 0, what);
				equal(above("AnonPages"), expected ? 2048 : 4, `${what}: AnonPages`);
				a.check(what);
				must(munmap(a.p, HPAGE), "munmap");
				equal(above("AnonPages"), 0, `${what}: AnonPages after munmap`);
			}
		}
	}],
	["anon: too small or not aligned", function* (): wait {
		map_anon(HPAGE_NR - 1);
		user_store8(AT, 1);
		anon_huge(0, "2 MiB less a page");
		must(munmap(AT, HPAGE), "munmap");
		/* 3 MiB from the middle of a huge page on: only the second half can be huge */
		const a = new area(map_anon(3 * MiB / PAGE, AT + MiB), 3 * MiB);
		a.put(2, 0, MiB);
		anon_huge(0, "before the border");
		a.put(3, MiB + 5, 100);
		anon_huge(1, "behind the border");
		a.check("both");
	}],
	["anon: huge zero page", function* (): wait {
		const a = new area(map_anon(2 * HPAGE_NR), 2 * HPAGE);
		equal(user_load8(a.p + 77), 0, "zero");
		equal(user_load8(a.p + HPAGE), 0, "zero");
		equal(above("AnonPages"), 0, "read: AnonPages");
		a.check("read");
		/* written: a small page of its own, the rest stays zero */
		a.put(1, 9 * PAGE, 8);
		anon_huge(0, "written");
		equal(above("AnonPages"), 4, "written: AnonPages");
		a.check("written");
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, HPAGE + 3 * PAGE, 20);
			c.check("child");
		});
		a.check("after the child");
		a.put(3, HPAGE + 5 * PAGE, 100);
		a.check("second");
		must(munmap(a.p, 2 * HPAGE), "munmap");
		shrink();
	}],
	["anon: parts of the huge zero page", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = new area(map_anon(HPAGE_NR), HPAGE);
			user_load8(a.p);
			must(munmap(a.p + off, len), name);
			map_anon(len / PAGE, a.p + off);
			a.check(`${name} unmapped`);
			must(mprotect(a.p + off, len, PROT_READ), name);
			denied(name, () => user_store8(a.p + off, 1));
			must(mprotect(a.p + off, len, RW), name);
			a.put(1, off, len);
			a.check(`${name} written`);
			must(munmap(a.p, HPAGE), "munmap");
			map_anon(HPAGE_NR);
			user_load8(a.p);
			must(mprotect(a.p, HPAGE, PROT_READ), "mprotect");
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			must(madvise(a.p, HPAGE, MADV_DONTNEED), name);
			user_load8(a.p);
			must(mremap(a.p, HPAGE, HPAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE), "mremap");
			equal(user_load8(ELSEWHERE + off), 0, "moved");
			must(munmap(ELSEWHERE, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}
	}],
	["anon: use_zero_page=0", function* (): wait {
		set(`${THP}/use_zero_page`, "0");
		const a = new area(map_anon(HPAGE_NR), HPAGE);
		equal(user_load8(a.p), 0, "zero");
		set(`${THP}/use_zero_page`, "1");
		anon_huge(1, "read");
		a.check("read");
		a.put(1);
		anon_huge(1, "written");
		a.check("written");
	}],
	["anon: munmap of parts", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			const free = free_pages();
			must(munmap(a.p + off, len), name);
			anon_huge(0, name);
			equal(above("AnonPages") * KiB, HPAGE - len, `${name}: AnonPages`);
			a.check(name, 0, off);
			a.check(name, off + len);
			denied(name, () => user_load8(a.p + off));
			if (free_pages() - free > 8)
				complain(`${name}: freed before it was split`);
			shrink();
			const freed = free_pages() - free;
			if (freed < len / PAGE - 8 || freed > len / PAGE + 8)
				complain(`${name}: ${freed} pages freed by the split, not ${len / PAGE}`);
			a.check(`${name} split`, 0, off);
			a.check(`${name} split`, off + len);
			must(munmap(a.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages after munmap`);
		}
	}],
	["anon: MADV_DONTNEED", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			anon_huge(0, name);
			a.was_zeroed(off, len);
			a.check(name);
			a.put(2, off, len);
			shrink();
			a.check(`${name} written again`);
			must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
			equal(above("AnonPages"), 0, `${name}: AnonPages after MADV_DONTNEED`);
			must(munmap(a.p, HPAGE), "munmap");
		}
		const a = huge_area(1, 2);
		must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		anon_huge(1, "whole");
		a.was_zeroed(0, HPAGE);
		a.check("whole");
	}],
	["anon: mprotect", function* (): wait {
		for (const prot of [PROT_READ, PROT_NONE]) {
			const a = huge_area();
			must(mprotect(a.p, HPAGE, prot), "mprotect");
			anon_huge(1, "whole");
			denied("whole", () => user_store8(a.p + 5, 1));
			if (prot === PROT_NONE)
				denied("whole", () => user_load8(a.p + 5));
			else
				a.check("read-only");
			must(mprotect(a.p, HPAGE, RW), "mprotect");
			a.check("back");
			a.put(2, 100, 3 * PAGE);
			anon_huge(1, "written");
			a.check("written");
			must(munmap(a.p, HPAGE), "munmap");
			for (const [name, off, len] of PARTS) {
				const b = huge_area();
				must(mprotect(b.p + off, len, prot), name);
				anon_huge(0, name);
				equal(above("AnonPages"), 2048, `${name}: AnonPages`);
				denied(name, () => user_store8(b.p + off + len - 1, 1));
				b.check(name, 0, off);
				b.check(name, off + len);
				must(mprotect(b.p, HPAGE, RW), name);
				b.check(`${name} back`);
				b.put(3);
				shrink();
				b.check(`${name} written`);
				must(munmap(b.p, HPAGE), "munmap");
			}
		}
	}],
	["anon: fork, the child writes", function* (): wait {
		const a = huge_area();
		yield* child(function* (): wait {
			const c = a.copy();
			c.check("child");
			anon_huge(1, "shared");
			c.put(2, 7 * PAGE + 1, 10);
			c.check("child wrote");
			anon_huge(1, "parent's");
			c.put(3, MiB, 300 * KiB);
			c.check("child wrote more");
		});
		a.check("parent");
		/* alone again: nothing to copy */
		a.put(4, 33, 4);
		anon_huge(1, "parent wrote");
		equal(above("AnonPages"), 2048, "parent wrote: AnonPages");
		a.check("parent wrote");
	}],
	["anon: fork, the parent writes", function* (): wait {
		const a = huge_area();
		const go = new gate(), c = a.copy();
		const pid = spawn(function* (): wait {
			yield* go.pass();
			c.check("child");
			anon_huge(1, "child's");
			c.put(3, 0, 50);
			c.check("child wrote");
		});
		a.put(2, 3 * PAGE, 2 * PAGE);
		a.check("parent wrote");
		go.open = true;
		yield* reap(pid);
		a.check("parent alone");
		a.put(5);
		a.check("parent alone, written");
		equal(above("AnonPages"), 2048, "AnonPages");
		shrink();
		a.check("shrunk");
	}],
	["anon: fork, parts go", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			const go = new gate(), c = a.copy();
			const pid = spawn(function* (): wait {
				yield* go.pass();
				c.check(`${name}: child`);
				must(munmap(c.p, HPAGE - PAGE), "munmap");
				c.check(`${name}: child`, HPAGE - PAGE);
			});
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			a.was_zeroed(off, len);
			a.check(`${name}: parent`);
			shrink();
			go.open = true;
			yield* reap(pid);
			shrink();
			a.check(`${name}: parent alone`);
			a.put(2, off, len);
			a.check(`${name}: parent wrote`);
			must(munmap(a.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}
	}],
	["anon: fork, three generations", function* (): wait {
		const a = huge_area(1, 2);
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, 0, PAGE);
			must(munmap(a.p + HPAGE + MiB, MiB), "munmap");
			yield* child(function* (): wait {
				const d = c.copy();
				d.put(3, PAGE, 2 * PAGE);
				d.put(4, HPAGE, MiB);
				d.check("grandchild", 0, HPAGE + MiB);
			});
			c.check("child", 0, HPAGE + MiB);
			c.put(5, PAGE, PAGE);
			c.check("child wrote", 0, HPAGE + MiB);
		});
		a.check("parent");
		a.put(6);
		a.check("parent wrote");
	}],
	["anon: mremap", function* (): wait {
		const move = (from: number, len: number, to: number): number =>
			must(mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to), "mremap");
		const a = huge_area(1, 2);
		a.p = move(a.p, 2 * HPAGE, ELSEWHERE);
		anon_huge(2, "whole");
		a.check("whole");
		denied("old place", () => user_load8(AT));
		a.put(2, 5, 70000);
		a.p = move(a.p, 2 * HPAGE, AT + 8 * HPAGE + 3 * PAGE);
		anon_huge(0, "to an odd address");
		a.check("to an odd address");
		shrink();
		a.check("shrunk");
		a.put(3);
		a.p = move(a.p, 2 * HPAGE, AT);
		a.check("back");
		must(munmap(a.p, 2 * HPAGE), "munmap");

		for (const [name, off, len] of PARTS) {
			const b = huge_area();
			const moved = new area(move(b.p + off, len, ELSEWHERE + off), len);
			moved.want.set(b.want.subarray(off, off + len));
			anon_huge(0, name);
			moved.check(`${name} moved`);
			b.check(`${name} left`, 0, off);
			b.check(`${name} left`, off + len);
			moved.put(4);
			yield* child(function* (): wait {
				moved.copy().put(5);
			});
			shrink();
			moved.check(`${name} written`);
			b.check(`${name} still there`, 0, off);
			must(munmap(moved.p, len), "munmap");
			must(munmap(b.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}

		const c = huge_area();
		must(mremap(c.p, HPAGE, MiB, 0), "shrink");
		c.check("shrunk", 0, MiB);
		must(mremap(c.p, MiB, HPAGE, 0), "grow");
		c.was_zeroed(MiB);
		c.check("grown");
		must(munmap(c.p, HPAGE), "munmap");

		const d = huge_area();
		must(mremap(d.p, HPAGE, HPAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			ELSEWHERE), "MREMAP_DONTUNMAP");
		anon_huge(1, "MREMAP_DONTUNMAP");
		d.copy(ELSEWHERE).check("MREMAP_DONTUNMAP");
		d.was_zeroed();
		d.check("left behind");
	}],
	["anon: mlock", function* (): wait {
		const a = huge_area();
		must(mlock(a.p, HPAGE), "mlock");
		mlocked(HPAGE_NR, "mlock");
		anon_huge(1, "mlock");
		must(munlock(a.p, HPAGE), "munlock");
		mlocked(0, "munlock");
		must(mlock(a.p, HPAGE), "mlock");
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, 0, 10 * PAGE);
			c.check("child");
		});
		mlocked(HPAGE_NR, "after the child");
		a.put(3, 0, 5);
		must(munmap(a.p, MiB), "munmap");
		a.check("half", MiB);
		shrink();
		a.check("half, shrunk", MiB);
		must(munmap(a.p, HPAGE), "munmap");
		mlocked(0, "munmap");

		/* locked before it is there */
		map_anon(HPAGE_NR);
		must(mlock(AT, HPAGE), "mlock");
		anon_huge(1, "populated");
		mlocked(HPAGE_NR, "populated");
		must(munmap(AT, HPAGE), "munmap");
		mlocked(0, "munmap");

		for (const [name, off, len] of PARTS) {
			const b = huge_area();
			must(mlock(b.p + off, len), name);
			anon_huge(0, name);
			shrink();
			b.check(name);
			must(munlock(b.p + off, len), name);
			mlocked(0, `${name} unlocked`);
			must(mlock(b.p, HPAGE), "mlock");
			b.put(4);
			must(mprotect(b.p + off, len, PROT_READ), "mprotect");
			b.check(`${name} read-only`);
			must(munmap(b.p, HPAGE), "munmap");
			mlocked(0, `${name} unmapped`);
		}
		/* the rest is up to exit */
		const c = huge_area(5, 2);
		must(mlock(c.p, 2 * HPAGE), "mlock");
		must(munmap(c.p + MiB, 5 * PAGE), "munmap");
	}],
	["anon: MADV_FREE and MADV_COLD", function* (): wait {
		for (const advice of [MADV_FREE, MADV_COLD]) {
			const a = huge_area();
			must(madvise(a.p, HPAGE, advice), "madvise");
			anon_huge(1, "whole");
			a.check("whole");
			a.put(2, 0, 100);
			a.check("written");
			must(munmap(a.p, HPAGE), "munmap");
			for (const [name, off, len] of PARTS) {
				const b = huge_area();
				must(madvise(b.p + off, len, advice), name);
				anon_huge(0, name);
				b.check(name);
				b.put(3, off, len);
				b.check(`${name} written`);
				yield* child(function* (): wait {
					must(madvise(b.p, HPAGE, advice), "madvise");
					b.check("child");
				});
				must(munmap(b.p, HPAGE), "munmap");
				equal(above("AnonPages"), 0, `${name}: AnonPages`);
			}
			/* shared, whole: stays as it is */
			const c = huge_area();
			yield* child(function* (): wait {
				must(madvise(c.p, HPAGE, advice), "madvise");
				anon_huge(1, "shared");
				c.check("shared");
			});
			must(munmap(c.p, HPAGE), "munmap");
		}
	}],
	["anon: MADV_NOHUGEPAGE and MADV_HUGEPAGE of parts", function* (): wait {
		const a = huge_area();
		must(madvise(a.p + MiB, 10 * PAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
		anon_huge(0, "part");
		a.check("part");
		must(madvise(a.p + MiB, 10 * PAGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
		must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		a.was_zeroed();
		a.put(3, 0, 4);
		a.check("again");
		must(madvise(a.p, HPAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
		a.check("whole");
	}],
	["anon: MADV_POPULATE and mincore", function* (): wait {
		const vec = map_anon(1, ELSEWHERE);
		const a = new area(map_anon(2 * HPAGE_NR), 2 * HPAGE);
		must(madvise(a.p, HPAGE, MADV_POPULATE_READ), "MADV_POPULATE_READ");
		equal(above("AnonPages"), 0, "MADV_POPULATE_READ: AnonPages");
		must(madvise(a.p + HPAGE, HPAGE, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE");
		anon_huge(1, "MADV_POPULATE_WRITE");
		must(munmap(a.p + HPAGE + MiB, MiB), "munmap");
		map_anon(MiB / PAGE, a.p + HPAGE + MiB);
		must(mincore(a.p, 2 * HPAGE, vec), "mincore");
		const there = peek(vec, 2 * HPAGE_NR);
		equal(there.indexOf(0), HPAGE_NR + MiB / PAGE, "mincore: first missing");
		equal(there.lastIndexOf(1), HPAGE_NR + MiB / PAGE - 1, "mincore: last there");
		a.check("zero");
	}],
	["anon: read() and write()", function* (): wait {
		const fd = must(memfd_create("thp", 0), "memfd_create");
		const a = huge_area(1, 2);
		equal(pwrite(fd, a.p + 77, 3 * MiB, 0), 3 * MiB, "pwrite");
		check_file(fd, a.want.slice(77, 77 + 3 * MiB), "written");
		/* into what is there, what is zero, and what is not */
		const b = new area(map_anon(3 * HPAGE_NR, ELSEWHERE), 3 * HPAGE);
		b.put(2, 0, 5);
		user_load8(b.p + HPAGE);
		equal(pread(fd, b.p + MiB + 5, 3 * MiB, 0), 3 * MiB, "pread");
		b.want.set(a.want.subarray(77, 77 + 3 * MiB), MiB + 5);
		b.check("read");
		equal(pread(fd, b.p + 2 * HPAGE + 9, MiB, MiB), MiB, "pread");
		b.want.set(a.want.subarray(77 + MiB, 77 + 2 * MiB), 2 * HPAGE + 9);
		b.check("read again");
		yield* child(function* (): wait {
			equal(pread(fd, b.p, MiB, 0), MiB, "pread");
		});
		b.check("after the child");
		close(fd);
	}],
	["anon: no huge page to be had", function* (): wait {
		const a = new area(map_anon(HPAGE_NR), HPAGE);
		with_failures(() => {
			a.put(1, 0, 3 * PAGE);
			anon_huge(0, "write");
			equal(above("AnonPages"), 12, "write: AnonPages");
		});
		a.check("written");
		must(munmap(a.p, HPAGE), "munmap");
		map_anon(HPAGE_NR);
		shrink();
		with_failures(() => equal(user_load8(a.p + PAGE), 0, "zero"));
		equal(above("AnonPages"), 0, "read: AnonPages");
		a.was_zeroed();
		a.check("read");
		a.put(2);
		a.check("written after that");
		anon_huge(0, "small by now");
	}],
	["anon: left to exit", function* (): wait {
		const a = huge_area(1, 4);
		must(munmap(a.p + 5 * PAGE, 7 * PAGE), "munmap");
		must(mprotect(a.p + HPAGE + MiB, PAGE, PROT_NONE), "mprotect");
		must(mlock(a.p + 2 * HPAGE, HPAGE), "mlock");
		map_anon(HPAGE_NR, ELSEWHERE);
		user_load8(ELSEWHERE);
		yield* child(function* (): wait {
			user_store8(a.p + 3 * HPAGE, 1);
			must(munmap(a.p + 3 * HPAGE + MiB, PAGE), "munmap");
		});
	}],
];

/** Runs @f while no huge page can be allocated. */
function with_failures(f: () => void): void {
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
/* tmpfs */

function memfd(size: number): number {
	const fd = must(memfd_create("thp", 0), "memfd_create");
	must(ftruncate(fd, size), "ftruncate");
	return fd;
}

function map_file(fd: number, len: number, flags = MAP_SHARED, at = AT, off = 0): number {
	return must(mmap(at, len, RW, flags | MAP_FIXED, fd, off), "mmap");
}

/** A file of huge pages, mapped by PMDs and filled. */
function huge_file(nr = 1, seed = 1): [number, area] {
	const fd = memfd(nr * HPAGE);
	const a = new area(map_file(fd, nr * HPAGE), nr * HPAGE);
	a.put(seed);
	shmem_huge(nr, "filled");
	pmd_mapped(nr, "filled");
	blocks(fd, nr * HPAGE_NR, "filled");
	return [fd, a];
}

function done(fd: number, a: area): void {
	must(munmap(a.p, a.want.length), "munmap");
	close(fd);
	shmem_huge(0, "closed");
	pmd_mapped(0, "closed");
	equal(above("Shmem"), 0, "closed: Shmem");
}

const shmem: test_case[] = [
	["shmem: policies", function* (): wait {
		/* policy: huge by fault, by fault with MADV_HUGEPAGE, by write, by fallocate */
		const expected: Record<string, readonly [number, number, number, number]> = {
			never:		[0, 0, 0, 0],
			always:		[1, 1, 1, 1],
			within_size:	[1, 1, 1, 1],
			advise:		[0, 1, 0, 0],
			deny:		[0, 0, 0, 0],
			force:		[1, 1, 1, 1],
		};
		for (const [policy, [fault, advised, write, alloc]] of Object.entries(expected)) {
			shmem_enabled(policy);
			const ways: [string, number, (fd: number, a: area) => void][] = [
				["fault", fault, (_, a) => a.put(1, 5 * PAGE + 1, 9)],
				["MADV_HUGEPAGE", advised, (_, a) => {
					must(madvise(a.p, HPAGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
					a.put(1, 5 * PAGE + 1, 9);
				}],
				["MADV_NOHUGEPAGE", 0, (_, a) => {
					must(madvise(a.p, HPAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
					a.put(1, 5 * PAGE + 1, 9);
				}],
				["write", write, (fd, a) => {
					write_pattern(fd, 1, 5 * PAGE + 1, 9);
					a.was_put(1, 5 * PAGE + 1, 9);
				}],
				["fallocate", alloc, (fd) => {
					must(fallocate(fd, 0, 5 * PAGE, PAGE), "fallocate");
				}],
			];
			for (const [name, huge, way] of ways) {
				const what = `${policy}, ${name}`;
				const fd = memfd(HPAGE + PAGE);
				const a = new area(map_file(fd, HPAGE), HPAGE);
				way(fd, a);
				shmem_huge(huge, what);
				blocks(fd, huge ? HPAGE_NR : 1, what);
				equal(above("Shmem"), huge ? 2048 : 4, `${what}: Shmem`);
				a.check(what);
				pmd_mapped(name === "MADV_NOHUGEPAGE" ? 0 : huge, what);
				done(fd, a);
			}
		}
	}],
	["shmem: within_size and always at the end", function* (): wait {
		const sizes: [number, string, number][] = [[HPAGE, "within_size", 1],
			[HPAGE - PAGE + 1, "within_size", 1], [HPAGE - PAGE, "within_size", 0],
			[MiB, "within_size", 0], [MiB, "always", 1], [MiB, "force", 1], [MiB, "never", 0]];
		for (const [size, policy, huge] of sizes) {
			shmem_enabled(policy);
			const what = `${policy}, ${size}`;
			let fd = memfd(size);
			const a = new area(map_file(fd, HPAGE), HPAGE);
			a.put(1, 3, 20);
			shmem_huge(huge, what);
			pmd_mapped(huge, what);
			a.check(what, 0, size & -PAGE);
			/* what lies behind the end is out of bounds with a huge page, too */
			if (size <= HPAGE - PAGE && !huge)
				denied(what, () => user_load8(a.p + ((size + PAGE - 1) & -PAGE)), SIGBUS);
			done(fd, a);
			fd = memfd(0);
			write_pattern(fd, 2, 0, 100);
			shmem_huge(policy === "always" || policy === "force" ? 1 : 0, `${what}, write`);
			close(fd);
		}
	}],
	["shmem: mapped by PMD or not", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file(2);
		/* of another alignment */
		const odd = a.copy(map_file(fd, 2 * HPAGE, MAP_SHARED, ELSEWHERE + PAGE));
		odd.check("odd");
		pmd_mapped(2, "odd");
		must(munmap(a.p, 2 * HPAGE), "munmap");
		pmd_mapped(0, "odd alone");
		odd.put(2, HPAGE - 50, 100);
		/* 1 MiB into the file: the second page only */
		const half = must(mmap(AT + MiB, 3 * MiB, PROT_READ, MAP_SHARED | MAP_FIXED, fd, MiB), "mmap");
		const b = new area(half, 3 * MiB);
		b.want.set(odd.want.subarray(MiB));
		b.check("half");
		pmd_mapped(1, "half");
		denied("half", () => user_store8(half + MiB, 1));
		must(munmap(half, 3 * MiB), "munmap");
		/* the kernel's choice of an address is aligned */
		const p = must(mmap(0, 2 * HPAGE, RW, MAP_SHARED, fd, 0), "mmap");
		odd.copy(p).check("chosen");
		pmd_mapped(2, "chosen");
		must(munmap(p, 2 * HPAGE), "munmap");
		done(fd, odd);
	}],
	["shmem: read first, then write", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(HPAGE);
		const a = new area(map_file(fd, HPAGE), HPAGE);
		a.check("zero");
		shmem_huge(1, "read");
		pmd_mapped(1, "read");
		a.put(1);
		a.check("written");
		pmd_mapped(1, "written");
		check_file(fd, a.want, "written");
		done(fd, a);
	}],
	["shmem: read(), write(), seek", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(3 * HPAGE);
		const a = new area(AT, 3 * HPAGE);
		write_pattern(fd, 1, HPAGE + 5000, 2 * MiB - 6000);
		a.was_put(1, HPAGE + 5000, 2 * MiB - 6000);
		shmem_huge(1, "write");
		check_file(fd, a.want, "written");
		equal(Number(lseek(fd, 0, SEEK_DATA)), HPAGE, "SEEK_DATA");
		equal(Number(lseek(fd, 0, SEEK_HOLE)), 0, "SEEK_HOLE");
		equal(Number(lseek(fd, HPAGE, SEEK_HOLE)), 2 * HPAGE, "SEEK_HOLE");
		write_pattern(fd, 2, 2 * HPAGE - 10, 20);
		a.was_put(2, 2 * HPAGE - 10, 20);
		shmem_huge(2, "across");
		check_file(fd, a.want, "across");
		map_file(fd, 3 * HPAGE);
		a.check("mapped");
		must(fallocate(fd, PUNCH, HPAGE + 64 * PAGE, 16 * PAGE), "punch");
		a.was_zeroed(HPAGE + 64 * PAGE, 16 * PAGE);
		equal(Number(lseek(fd, HPAGE, SEEK_HOLE)), HPAGE + 64 * PAGE, "SEEK_HOLE");
		equal(Number(lseek(fd, HPAGE + 64 * PAGE, SEEK_DATA)), HPAGE + 80 * PAGE, "SEEK_DATA");
		equal(Number(lseek(fd, HPAGE + 80 * PAGE, SEEK_HOLE)), 3 * HPAGE, "SEEK_HOLE");
		check_file(fd, a.want, "punched");
		done(fd, a);
	}],
	["shmem: punch", function* (): wait {
		shmem_enabled("always");
		for (const advice of [0, MADV_REMOVE]) {
			for (const mapped of [true, false]) {
				for (const [name, off, len] of PARTS) {
					const [fd, a] = huge_file();
					if (!mapped)
						must(munmap(a.p, HPAGE), "munmap");
					if (advice && mapped)
						must(madvise(a.p + off, len, advice), name);
					else
						must(fallocate(fd, PUNCH, off, len), name);
					a.was_zeroed(off, len);
					shmem_huge(0, name);
					pmd_mapped(0, name);
					blocks(fd, (HPAGE - len) / PAGE, name);
					check_file(fd, a.want, name);
					if (!mapped)
						map_file(fd, HPAGE);
					a.put(2, off, 7);
					a.check(name);
					done(fd, a);
				}
			}
		}
		/* not in pages */
		const [fd, a] = huge_file(3);
		must(fallocate(fd, PUNCH, 5000, 95000), "punch");
		a.was_zeroed(5000, 95000);
		shmem_huge(2, "bytes");
		blocks(fd, 3 * HPAGE_NR - 22, "bytes");
		check_file(fd, a.want, "bytes");
		must(fallocate(fd, PUNCH, HPAGE + 10, 20), "punch");
		a.was_zeroed(HPAGE + 10, 20);
		shmem_huge(1, "a few bytes");
		check_file(fd, a.want, "a few bytes");
		blocks(fd, 3 * HPAGE_NR - 22, "a few bytes");
		must(fallocate(fd, PUNCH, 2 * HPAGE, HPAGE), "punch");
		a.was_zeroed(2 * HPAGE, HPAGE);
		blocks(fd, 2 * HPAGE_NR - 22, "whole");
		check_file(fd, a.want, "whole");
		a.put(3);
		a.check("filled again");
		must(fallocate(fd, PUNCH, 0, 3 * HPAGE), "punch");
		blocks(fd, 0, "everything");
		shmem_huge(0, "everything");
		a.was_zeroed();
		a.check("everything");
		shmem_huge(3, "read again");
		done(fd, a);
	}],
	["shmem: truncate", function* (): wait {
		shmem_enabled("always");
		for (const size of [MiB + 100, MiB, 1, HPAGE - 1, HPAGE - PAGE, 0]) {
			for (const mapped of [true, false]) {
				const what = `to ${size}`;
				const [fd, a] = huge_file();
				if (!mapped)
					must(munmap(a.p, HPAGE), "munmap");
				must(ftruncate(fd, size), what);
				blocks(fd, Math.ceil(size / PAGE), what);
				pmd_mapped(0, what);
				a.was_zeroed(size);
				if (!mapped)
					map_file(fd, HPAGE);
				a.check(what, 0, Math.ceil(size / PAGE) * PAGE);
				if (size <= HPAGE - PAGE)
					denied(what, () => user_load8(a.p + HPAGE - 1), SIGBUS);
				must(ftruncate(fd, HPAGE), "ftruncate");
				a.check(`${what} and back`);
				check_file(fd, a.want, `${what} and back`);
				done(fd, a);
			}
		}
	}],
	["shmem: beyond the end", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(0);
		const a = new area(AT, 5 * PAGE);
		write_pattern(fd, 1, 0, 5 * PAGE - 7);
		a.was_put(1, 0, 5 * PAGE - 7);
		shmem_huge(1, "write");
		blocks(fd, HPAGE_NR, "write");
		map_file(fd, 5 * PAGE);
		a.check("mapped");
		must(ftruncate(fd, HPAGE), "grow");
		const b = new area(map_file(fd, HPAGE, MAP_SHARED, ELSEWHERE), HPAGE);
		b.want.set(a.want);
		b.check("grown");
		must(munmap(b.p, HPAGE), "munmap");
		done(fd, a);
	}],
	["shmem: mprotect", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		must(mprotect(a.p, HPAGE, PROT_READ), "mprotect");
		pmd_mapped(1, "whole");
		denied("whole", () => user_store8(a.p, 1));
		a.check("whole");
		must(mprotect(a.p, HPAGE, PROT_NONE), "mprotect");
		denied("nothing", () => user_load8(a.p));
		must(mprotect(a.p, HPAGE, RW), "mprotect");
		a.put(2, 10, 10000);
		pmd_mapped(1, "back");
		a.check("back");
		for (const [name, off, len] of PARTS) {
			must(mprotect(a.p + off, len, PROT_READ), name);
			pmd_mapped(0, name);
			denied(name, () => user_store8(a.p + off, 1));
			a.check(name);
			must(mprotect(a.p, HPAGE, RW), name);
			a.put(3, off, len);
			a.check(`${name} written`);
			must(munmap(a.p, HPAGE), "munmap");
			map_file(fd, HPAGE);
			a.check(`${name} mapped again`);
			pmd_mapped(1, `${name} mapped again`);
		}
		shmem_huge(1, "never split");
		done(fd, a);
	}],
	["shmem: munmap, MADV_DONTNEED, mremap of parts", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		for (const [name, off, len] of PARTS) {
			must(munmap(a.p + off, len), name);
			pmd_mapped(0, `${name} unmapped`);
			denied(name, () => user_load8(a.p + off));
			a.check(name, 0, off);
			a.check(name, off + len);
			map_file(fd, len, MAP_SHARED, a.p + off, off);
			a.check(`${name} mapped again`);
			must(munmap(a.p, HPAGE), "munmap");

			map_file(fd, HPAGE);
			a.put(2, off, len);
			pmd_mapped(1, name);
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			pmd_mapped(0, `${name} not needed`);
			a.check(`${name} not needed`);

			pmd_mapped(1, `${name} read again`);
			must(mremap(a.p + off, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE), name);
			pmd_mapped(0, `${name} moved`);
			a.check(`${name} left`, 0, off);
			a.check(`${name} left`, off + len);
			const moved = new area(ELSEWHERE, len);
			moved.want.set(a.want.subarray(off, off + len));
			moved.check(`${name} moved`);
			must(munmap(ELSEWHERE, len), "munmap");
			must(munmap(a.p, HPAGE), "munmap");
			map_file(fd, HPAGE);
			a.check(`${name} whole again`);
		}
		must(mremap(a.p, HPAGE, HPAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE), "mremap");
		a.p = ELSEWHERE;
		pmd_mapped(1, "moved");
		a.put(3, 5, 5);
		a.check("moved");
		check_file(fd, a.want, "file");
		done(fd, a);
	}],
	["shmem: fork", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		const go = new gate();
		const pid = spawn(function* (): wait {
			a.check("child");
			a.put(2, MiB, 5000);
			yield* go.pass();
			a.check("child, punched");
			pmd_mapped(0, "child");
		});
		while (a.want[MiB] !== pattern(2, 1)[0])
			yield* sched_yield();
		a.check("parent");
		pmd_mapped(1, "parent and child");
		must(munmap(a.p, HPAGE), "munmap");
		pmd_mapped(1, "child alone");
		must(fallocate(fd, PUNCH, 100 * PAGE, PAGE), "punch");
		a.was_zeroed(100 * PAGE, PAGE);
		go.open = true;
		yield* reap(pid);
		map_file(fd, HPAGE);
		a.check("parent alone");
		done(fd, a);
	}],
	["shmem: private", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(HPAGE);
		write_pattern(fd, 1, 0, HPAGE);
		const p = new area(map_file(fd, HPAGE, MAP_PRIVATE), HPAGE);
		p.was_put(1, 0, HPAGE);
		const file = p.want.slice();
		p.check("read");
		pmd_mapped(1, "read");
		p.put(2, 7 * PAGE + 3, 2 * PAGE);
		pmd_mapped(0, "written");
		equal(above("AnonPages"), 12, "written: AnonPages");
		p.check("written");
		check_file(fd, file, "written");
		yield* child(function* (): wait {
			const c = p.copy();
			c.put(3, 8 * PAGE, PAGE);
			c.put(4, MiB, PAGE);
			c.check("child");
		});
		p.check("parent");
		/* the file goes on without the copies */
		must(fallocate(fd, PUNCH, 8 * PAGE, 4 * PAGE), "punch");
		p.was_zeroed(10 * PAGE, 2 * PAGE);
		file.fill(0, 8 * PAGE, 12 * PAGE);
		p.check("punched");
		check_file(fd, file, "punched");
		must(madvise(p.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		p.want = file;
		p.check("not needed");
		done(fd, p);
	}],
	["shmem: mlock", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		must(mlock(a.p, HPAGE), "mlock");
		mlocked(HPAGE_NR, "mlock");
		must(munlock(a.p, HPAGE), "munlock");
		mlocked(0, "munlock");
		must(mlock(a.p, HPAGE), "mlock");
		must(fallocate(fd, PUNCH, MiB, MiB), "punch");
		a.was_zeroed(MiB, MiB);
		a.check("punched");
		must(munlock(a.p, HPAGE), "munlock");
		must(munmap(a.p, HPAGE), "munmap");
		mlocked(0, "munmap");
		map_file(fd, HPAGE);
		for (const [name, off, len] of PARTS) {
			must(mlock(a.p + off, len), name);
			a.check(name);
			must(munlock(a.p + off, len), name);
			mlocked(0, name);
		}
		must(mlock(a.p, HPAGE), "mlock");
		must(ftruncate(fd, 0), "ftruncate");
		mlocked(0, "truncated");
		done(fd, a);
	}],
	["shmem: no huge page to be had", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(2 * HPAGE);
		const a = new area(map_file(fd, 2 * HPAGE), 2 * HPAGE);
		with_failures(() => {
			a.put(1, 0, 2 * PAGE);
			write_pattern(fd, 2, 5 * PAGE, 10);
			a.was_put(2, 5 * PAGE, 10);
			must(fallocate(fd, 0, 9 * PAGE, PAGE), "fallocate");
		});
		blocks(fd, 4, "small");
		shmem_huge(0, "small");
		a.check("small", 0, HPAGE);
		a.put(3, HPAGE, 2 * PAGE);
		shmem_huge(1, "huge again");
		a.check("huge again");
		done(fd, a);
	}],
	["shmem: left to exit", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file(3);
		must(munmap(a.p + 5 * PAGE, 7 * PAGE), "munmap");
		must(mlock(a.p + HPAGE, HPAGE), "mlock");
		must(fallocate(fd, PUNCH, 2 * HPAGE, MiB), "punch");
		yield* child(function* (): wait {
			user_store8(a.p, 1);
			must(mprotect(a.p + 2 * HPAGE, PAGE, PROT_NONE), "mprotect");
		});
	}],
];

/* ------------------------------------------------------------------------- */
/* at random */

/** Bounds, in bytes, of a random part of @len: sometimes of whole huge pages. */
function random_part(r: prng, len: number): [number, number] {
	const unit = r.chance(1, 6) ? HPAGE : PAGE;
	const off = r.below(len / unit) * unit;
	const most = r.chance(1, 3) ? 4 : len;
	return [off, unit * (1 + r.below(Math.min(most, (len - off) / unit)))];
}

function* random_anon(seed: number, steps: number): wait {
	const r = new prng(seed);
	const len = 3 * HPAGE;
	const fd = memfd(0);
	const a = new area(map_anon(len / PAGE), len);
	const go = new gate();
	const pids: number[] = [];
	const trace: string[] = [];

	enabled("always");
	a.put(1);
	for (let i = 0; i < steps && complaints.length === 0; i++) {
		const [off, n] = random_part(r, len);
		const p = a.p + off;
		const op = r.below(14);
		trace.push(`${op}: ${off / PAGE}+${n / PAGE}`);
		switch (op) {
		case 0:
		case 1:
			a.put(2 + r.below(8), off + r.below(PAGE), r.below(n - PAGE + 1));
			break;
		case 2:
			must(munmap(p, n), "munmap");
			map_anon(n / PAGE, p);
			a.was_zeroed(off, n);
			break;
		case 3:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_DONTNEED), "MADV_DONTNEED");
			a.was_zeroed(off, n);
			break;
		case 4:
			must(mprotect(p, n, r.chance(1, 2) ? PROT_READ : PROT_NONE), "mprotect");
			denied("mprotect", () => user_store8(p + r.below(n), 1));
			must(mprotect(p, n, RW), "mprotect");
			break;
		case 5: {
			const to = ELSEWHERE + (r.chance(1, 2) ? off : r.below(1024) * PAGE);
			if (mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to) < 0)
				break;
			user_store8(to + n - 1, a.want[off + n - 1] = 0x77);
			must(mremap(to, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, p), "mremap");
			break;
		}
		case 6:
			must(mlock(p, n), "mlock");
			break;
		case 7:
			must(munlock(p, n), "munlock");
			break;
		case 8:
			yield* child(function* (): wait {
				const c = a.copy();
				c.put(12, off, n);
				if (r.chance(1, 2))
					must(munmap(c.p, off + PAGE), "munmap");
				else
					c.check(`child, ${trace.slice(-4).join(", ")}`);
			});
			break;
		case 9: {
			if (pids.length >= 3)
				break;
			const c = a.copy();
			pids.push(spawn(function* (): wait {
				yield* go.pass();
				c.check("left behind");
				c.put(13, off, n);
				c.check("left behind, written");
			}));
			break;
		}
		case 10:
			must(madvise(p, n, r.chance(1, 3) ? MADV_NOHUGEPAGE : MADV_HUGEPAGE), "madvise");
			break;
		case 11:
			shrink();
			break;
		case 12:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, r.chance(1, 2) ? MADV_FREE : MADV_COLD), "madvise");
			break;
		case 13: {
			const m = Math.min(n, MiB);
			equal(pwrite(fd, p, m, 0), m, "pwrite");
			const to = r.below(len - m);
			equal(pread(fd, a.p + to, m, 0), m, "pread");
			a.want.copyWithin(to, off, off + m);
			break;
		}
		}
		if (i % 5 === 4 || i === steps - 1)
			a.check(`seed ${seed}, step ${i}, ${trace.slice(-5).join(", ")}`);
	}
	go.open = true;
	for (const pid of pids)
		yield* reap(pid);
	a.check("at the end");
	must(munmap(a.p, len), "munmap");
	mlocked(0, "munmap");
	equal(above("AnonPages"), 0, "AnonPages");
	anon_huge(0, "at the end");
}

function* random_shmem(seed: number, steps: number): wait {
	const r = new prng(seed);
	const len = 3 * HPAGE;
	const fd = memfd(len);
	const trace: string[] = [];

	shmem_enabled(r.pick(["always", "always", "within_size", "advise", "force"]));
	const a = new area(map_file(fd, len), len);
	must(madvise(a.p, len, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	const odd = ELSEWHERE + PAGE;
	map_file(fd, len, MAP_SHARED, odd);
	const private_ = ELSEWHERE + 16 * HPAGE;
	map_file(fd, len, MAP_PRIVATE, private_);
	a.put(1);
	for (let i = 0; i < steps && complaints.length === 0; i++) {
		const [off, n] = random_part(r, len);
		const p = a.p + off;
		const op = r.below(15);
		trace.push(`${op}: ${off / PAGE}+${n / PAGE}`);
		switch (op) {
		case 0:
			a.put(2 + r.below(8), off + r.below(PAGE), r.below(n - PAGE + 1));
			break;
		case 1: {
			const b = a.copy(odd);
			b.put(2 + r.below(8), off, n);
			a.want = b.want;
			break;
		}
		case 2: {
			const m = Math.min(n, MiB), to = off + r.below(PAGE);
			write_pattern(fd, 10, to, Math.min(m, len - to));
			a.was_put(10, to, Math.min(m, len - to));
			break;
		}
		case 3: {
			const from = off + r.below(PAGE);
			must(fallocate(fd, PUNCH, from, Math.min(n, len - from)), "punch");
			a.was_zeroed(from, Math.min(n, len - from));
			break;
		}
		case 4:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_REMOVE), "MADV_REMOVE");
			a.was_zeroed(off, n);
			break;
		case 5:
			if (!r.chance(1, 3))
				break;
			must(ftruncate(fd, off + 5), "ftruncate");
			must(ftruncate(fd, len), "ftruncate");
			a.was_zeroed(off + 5);
			break;
		case 6:
			must(fallocate(fd, 0, off, n), "fallocate");
			break;
		case 7:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_DONTNEED), "MADV_DONTNEED");
			break;
		case 8:
			must(munmap(p, n), "munmap");
			map_file(fd, n, MAP_SHARED, p, off);
			break;
		case 9:
			must(mprotect(p, n, PROT_READ), "mprotect");
			denied("mprotect", () => user_store8(p + r.below(n), 1));
			must(mprotect(p, n, RW), "mprotect");
			break;
		case 10:
			must(mlock(p, n), "mlock");
			if (r.chance(2, 3))
				must(munlock(p, n), "munlock");
			break;
		case 11:
			yield* child(function* (): wait {
				a.check(`child, ${trace.slice(-4).join(", ")}`, off, n);
				user_store8(p, a.want[off] = 0x33);
			});
			break;
		case 12: {
			const b = a.copy(private_);
			must(madvise(private_, len, MADV_DONTNEED), "MADV_DONTNEED");
			b.put(11, off, n);
			b.check(`private, ${trace.slice(-4).join(", ")}`);
			break;
		}
		case 13:
			shrink();
			break;
		case 14: {
			const to = ELSEWHERE + 8 * HPAGE + (r.chance(1, 2) ? off : PAGE * r.below(512));
			if (mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to) < 0)
				break;
			user_store8(to + n - 1, a.want[off + n - 1] = 0x77);
			must(mremap(to, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, p), "mremap");
			break;
		}
		}
		if (i % 5 === 4 || i === steps - 1) {
			const what = `seed ${seed}, step ${i}, ${trace.slice(-5).join(", ")}`;
			if (r.chance(1, 2))
				check_file(fd, a.want, what);
			else
				(r.chance(1, 2) ? a : a.copy(odd)).check(what);
		}
	}
	must(munmap(private_, len), "munmap");
	must(munmap(odd, len), "munmap");
	done(fd, a);
	mlocked(0, "munmap");
}

const random: test_case[] = [1, 2, 3].flatMap((seed): test_case[] => [
	[`anon: at random, seed ${seed}`, () => random_anon(seed, 100)],
	[`shmem: at random, seed ${seed}`, () => random_shmem(seed, 100)],
]);

/* ------------------------------------------------------------------------- */

function difference(before: string, after: string): string {
	const was = before.split("\n"), is = after.split("\n");
	return [...was.filter((l) => !is.includes(l)).map((l) => `-${l}`),
		...is.filter((l) => !was.includes(l)).map((l) => `+${l}`)].join(", ");
}

/** The kernel's counts, with nothing kept for later. */
function state(): string {
	shrink();
	return COUNTS.map((name) => `${name} ${meminfo(name)}`).join("\n") + "\n" +
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

export function* main(argc: number, argv: string[]): wait<number> {
	const cases = [...anon, ...shmem, ...random]
		.filter(([name]) => argc < 2 || argv.slice(1).some((a) => name.startsWith(a)));
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
