// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of an operation on files and memory failed in turn, through /proc/self/fail-nth.
 *
 * Port-only. Each round is a process of its own: it prepares, arms fail-nth, does the operation and
 * undoes it. The operation either fails as it may, and then has changed nothing, or gets along
 * without the allocation. After the round the kernel's counts are what they were before. The first
 * round that uses up less than its n ends the operation. All is done twice: the second time further
 * allocations fail after the nth, so that what is tried again without waiting fails as well. Names
 * given as arguments select.
 */
import { EAGAIN, EFAULT, ENFILE, ENOMEM, ENOSPC } from "#uapi/asm-generic/errno-base.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { SIGBUS, SIGKILL, SIGSEGV, SIGUSR1 } from "#uapi/asm-generic/signal.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { F_ADD_SEALS, F_SEAL_WRITE } from "#uapi/linux/fcntl.ts";
import { MFD_ALLOW_SEALING, MFD_HUGETLB, MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MADV_DONTFORK, MADV_HUGEPAGE, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_REMOVE,
	MAP_ANONYMOUS, MAP_FIXED, MAP_HUGETLB, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED,
	MREMAP_FIXED, MREMAP_MAYMOVE, PROT_NONE, PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	alloca, copy_file_range, dup2, errno, errno_name, eventfd, exit, fallocate, fcntl, fork,
	fstat, ftruncate, kill, madvise, memfd_create, mlock, mmap, mprotect, mremap, munmap, open,
	pipe, poke, pread, printf, pwrite, read_file, sendfile, sigaction, siglongjmp, sigjmp_buf,
	sigmask_of, sigsetjmp, sigwait, splice, user_load8, user_store8, waitpid, WEXITSTATUS,
	WIFEXITED, WTERMSIG, write, write_file,
} from "#tools/include/nolibc/nolibc.ts";

const KiB = 2 ** 10, MiB = 2 ** 20, GiB = 2 ** 30;
const PAGE = 4 * KiB, HPAGE = 2 * MiB;
const RW = PROT_READ | PROT_WRITE;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const MOVE = MREMAP_MAYMOVE | MREMAP_FIXED;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const ROUNDS_MAX = 300;
const MORE = 8;

const STATE = "/sys/kernel/debug/privmem/state";
const DEBUG = "/sys/kernel/debug";
const ATTRS = [`${DEBUG}/failslab`, `${DEBUG}/fail_page_alloc`];
const THP = "/sys/kernel/mm/transparent_hugepage";
const DROP_CACHES = "/proc/sys/vm/drop_caches";
const NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages";

type wait<T = void> = Generator<void, T, void>;

/* what a round works with */
class context {
	fd = -1;
	fd2 = -1;
	/** a mapping, and its length */
	p = -1;
	len = 0;
	/** where a second one went */
	q = -1;
	buf = 0;
	pid = -1;
	/** of a task that setup() made */
	pid2 = -1;
	pipe: [number, number] | null = null;
}

interface operation {
	readonly name: string;
	readonly setup?: (c: context) => void;
	/** 0 or more, or -1 with errno */
	readonly op: (c: context) => number;
	/** after success, or failure: what setup and op made */
	readonly undo?: (c: context) => void;
	/** errnos it may fail with; none: every failure is absorbed */
	readonly errnos: readonly number[];
	/** how far it came may show in /proc/self/maps and in the file */
	readonly partial?: boolean;
	/** one failure at a time only: upstream's 6.0 does not get over more */
	readonly single?: boolean;
	/** policy for huge pages */
	readonly thp?: string;
	/** what it makes stays until a shrinker takes it */
	readonly shrink?: boolean;
	readonly shmem_enabled?: string;
}

function die(what: string): never {
	printf("# %s: %m\n", what);
	exit(2);
}

function must(r: number, what: string): number {
	if (r < 0)
		die(what);
	return r;
}

function file(c: context, pages: number, flags = 0): void {
	c.fd = must(memfd_create("fail_nth", flags), "memfd_create");
	must(ftruncate(c.fd, pages * (flags & MFD_HUGETLB ? HPAGE : PAGE)), "ftruncate");
}

function filled_file(c: context, pages: number, flags = 0): void {
	file(c, pages, flags);
	must(fallocate(c.fd, 0, 0, pages * (flags & MFD_HUGETLB ? HPAGE : PAGE)), "fallocate");
}

function map(c: context, len: number, flags: number, prot = RW): void {
	c.p = must(mmap(0, len, prot, flags, c.fd, 0), "mmap");
	c.len = len;
}

function map_at(c: context, at: number, len: number, flags: number): void {
	c.p = must(mmap(at, len, RW, flags | MAP_FIXED, c.fd, 0), "mmap");
	c.len = len;
}

function unmap(c: context): void {
	if (c.p !== -1)
		must(munmap(c.p, c.len), "munmap");
}

function unmap_p_q(c: context): void {
	unmap(c);
	if (c.q !== -1)
		must(munmap(c.q, c.len), "munmap");
}

/* where nothing has page tables yet */
const FAR = 0x200000000000;

/** A task beside us that has what we have; reaped with the round. */
function beside(c: context): void {
	c.pid2 = must(fork(function* (): wait {
		yield* sigwait(sigmask_of(SIGUSR1));
		exit(0);
	}), "fork");
}

function store(c: context, at = 0, value = 0x5a): number {
	user_store8(c.p + at, value);
	if (user_load8(c.p + at) !== value)
		die("store went elsewhere");
	return 0;
}

function load(c: context, expected = 0): number {
	if (user_load8(c.p) !== expected)
		die("load got something else");
	return 0;
}

const fault = (name: string, setup: (c: context) => void, op: (c: context) => number,
	more: Partial<operation> = {}): operation =>
	({ name, setup, op, undo: unmap, errnos: [], ...more });

const NOMEM = [ENOMEM];

const memfd: operation[] = [
	{
		name: "memfd_create",
		op: (c) => c.fd = memfd_create("fail_nth", MFD_ALLOW_SEALING),
		/* no inode: ENOSPC */
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "memfd_create inaccessible",
		op: (c) => c.fd = memfd_create("fail_nth", MFD_INACCESSIBLE),
		/* no inode: ENOSPC */
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "memfd_create hugetlb",
		op: (c) => c.fd = memfd_create("fail_nth", MFD_HUGETLB),
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "open /proc/self/fd",
		setup: (c) => file(c, 1),
		op: (c) => c.fd2 = open(`/proc/self/fd/${c.fd}`, O_RDWR),
		errnos: NOMEM,
	}, {
		name: "dup2 to a far descriptor",
		setup: (c) => file(c, 1),
		op: (c) => c.fd2 = dup2(c.fd, 500),
		errnos: NOMEM,
	}, {
		name: "pipe",
		op: (c) => (c.pipe = pipe()) === null ? -1 : 0,
		/* no inode: ENFILE */
		errnos: [ENOMEM, ENFILE],
	}, {
		name: "eventfd",
		op: (c) => c.fd = eventfd(0, 0),
		errnos: NOMEM,
	}, {
		name: "seals with a page in use",
		setup: (c) => filled_file(c, 2, MFD_ALLOW_SEALING),
		op: (c) => fcntl(c.fd, F_ADD_SEALS, F_SEAL_WRITE),
		errnos: [],
	},
];

const size: operation[] = [
	{
		name: "ftruncate grow",
		setup: (c) => file(c, 1),
		op: (c) => ftruncate(c.fd, GiB),
		errnos: [],
	}, {
		name: "ftruncate shrink into a page",
		setup: (c) => filled_file(c, 4),
		op: (c) => ftruncate(c.fd, PAGE + 100),
		errnos: [],
	}, {
		name: "ftruncate shrink into a huge page",
		setup: (c) => filled_file(c, 512),
		op: (c) => ftruncate(c.fd, 100 * PAGE + 100),
		errnos: [],
		shmem_enabled: "always",
	}, {
		name: "ftruncate hugetlb",
		setup: (c) => filled_file(c, 2, MFD_HUGETLB),
		op: (c) => ftruncate(c.fd, HPAGE),
		errnos: NOMEM,
	}, {
		name: "fallocate",
		setup: (c) => file(c, 8),
		op: (c) => fallocate(c.fd, 0, 0, 8 * PAGE),
		errnos: NOMEM,
	}, {
		name: "fallocate beside what is there",
		setup: (c) => {
			file(c, 1024);
			must(fallocate(c.fd, 0, 62 * PAGE, 2 * PAGE), "fallocate");
		},
		op: (c) => fallocate(c.fd, 0, 60 * PAGE, 8 * PAGE),
		errnos: NOMEM,
	}, {
		name: "fallocate far out, growing the file",
		setup: (c) => file(c, 1),
		op: (c) => fallocate(c.fd, 0, 16 * GiB - 2 * PAGE, 4 * PAGE),
		errnos: NOMEM,
		/* clear_inode(): nodes stay behind when a deep tree could not be made to the end */
		single: true,
	}, {
		name: "fallocate huge",
		setup: (c) => file(c, 512),
		op: (c) => fallocate(c.fd, 0, 0, HPAGE),
		errnos: NOMEM,
		shmem_enabled: "always",
	}, {
		name: "fallocate hugetlb",
		setup: (c) => file(c, 2, MFD_HUGETLB),
		op: (c) => fallocate(c.fd, 0, 0, 2 * HPAGE),
		errnos: NOMEM,
		partial: true,
		/* restore_reserve_on_error() takes -ENOMEM for "no entry": HugePages_Rsvd -1 */
		single: true,
	}, {
		name: "punch",
		setup: (c) => filled_file(c, 8),
		op: (c) => fallocate(c.fd, PUNCH, 2 * PAGE + 100,
			4 * PAGE),
		errnos: [],
	}, {
		name: "punch mapped",
		setup: (c) => {
			filled_file(c, 8);
			map(c, 8 * PAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => madvise(c.p + 2 * PAGE, 4 * PAGE, MADV_REMOVE),
		undo: unmap,
		errnos: [],
	}, {
		name: "punch into a huge page",
		setup: (c) => filled_file(c, 512),
		op: (c) => fallocate(c.fd, PUNCH, 100 * PAGE,
			4 * PAGE),
		errnos: [],
		shmem_enabled: "always",
	}, {
		name: "punch hugetlb",
		setup: (c) => filled_file(c, 3, MFD_HUGETLB),
		op: (c) => fallocate(c.fd, PUNCH, HPAGE, HPAGE),
		errnos: NOMEM,
		partial: true,
	}, {
		name: "punch hugetlb, mapped",
		setup: (c) => {
			filled_file(c, 3, MFD_HUGETLB);
			map(c, 3 * HPAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => fallocate(c.fd, PUNCH, HPAGE, HPAGE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	},
];

const buffer = (c: context): void => {
	c.buf = alloca(2 * PAGE);
	poke(c.buf, new Uint8Array(2 * PAGE).fill(7));
};

const rw: operation[] = [
	{
		name: "write",
		setup: (c) => {
			file(c, 0);
			buffer(c);
		},
		op: (c) => write(c.fd, c.buf, 2 * PAGE),
		errnos: NOMEM,
		/* a short write is one that got along */
		partial: true,
	}, {
		name: "pwrite far out",
		setup: (c) => {
			file(c, 0);
			buffer(c);
		},
		op: (c) => pwrite(c.fd, c.buf, PAGE, 16 * GiB),
		errnos: NOMEM,
		single: true,
	}, {
		name: "pwrite from memory not there yet",
		setup: (c) => {
			map_at(c, FAR, PAGE, ANON);
			file(c, 0);
		},
		op: (c) => pwrite(c.fd, c.p, 100, 0),
		undo: unmap,
		errnos: [ENOMEM, EFAULT],
	}, {
		name: "pread of a hole",
		setup: (c) => {
			file(c, 2);
			buffer(c);
		},
		op: (c) => pread(c.fd, c.buf, 2 * PAGE, 0),
		errnos: [],
	}, {
		name: "pread into memory not there yet",
		setup: (c) => {
			map_at(c, FAR, PAGE, ANON);
			filled_file(c, 1);
		},
		op: (c) => pread(c.fd, c.p, 100, 0),
		undo: unmap,
		errnos: [EFAULT],
	}, {
		name: "sendfile",
		setup: (c) => {
			filled_file(c, 2);
			buffer(c);
			must(pwrite(c.fd, c.buf, PAGE, PAGE), "pwrite");
			c.fd2 = must(memfd_create("to", 0), "memfd_create");
		},
		op: (c) => sendfile(c.fd2, c.fd, 0, 2 * PAGE),
		/* a hole that does not fit into the pipe: EAGAIN, as if that were full */
		errnos: [ENOMEM, EAGAIN],
		partial: true,
	}, {
		name: "copy_file_range",
		setup: (c) => {
			filled_file(c, 2);
			c.fd2 = must(memfd_create("to", 0), "memfd_create");
		},
		op: (c) => copy_file_range(c.fd, 0, c.fd2, 0, 2 * PAGE, 0),
		errnos: [ENOMEM, EAGAIN],
		partial: true,
	}, {
		name: "splice to a pipe",
		setup: (c) => {
			filled_file(c, 2);
			c.pipe = pipe();
		},
		op: (c) => splice(c.fd, c.pipe![1], 2 * PAGE, 0),
		errnos: [EAGAIN],
		partial: true,
	},
];

const mapping: operation[] = [
	{
		name: "mmap anonymous",
		op: (c) => c.p = mmap(FAR, c.len = 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap anonymous, shared",
		op: (c) => c.p = mmap(FAR, c.len = 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		undo: unmap,
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "mmap shared",
		setup: (c) => file(c, 4),
		op: (c) => c.p = mmap(0, c.len = 4 * PAGE, RW, MAP_SHARED, c.fd, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap private",
		setup: (c) => file(c, 4),
		op: (c) => c.p = mmap(0, c.len = 4 * PAGE, RW, MAP_PRIVATE, c.fd, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap shared, populated",
		setup: (c) => file(c, 4),
		op: (c) => c.p = mmap(FAR, c.len = 4 * PAGE, RW,
			MAP_SHARED | MAP_POPULATE | MAP_FIXED, c.fd, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap hugetlb, shared",
		setup: (c) => file(c, 2, MFD_HUGETLB),
		op: (c) => c.p = mmap(0, c.len = 2 * HPAGE, RW, MAP_SHARED, c.fd, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap hugetlb, private",
		setup: (c) => file(c, 2, MFD_HUGETLB),
		op: (c) => c.p = mmap(0, c.len = 2 * HPAGE, RW, MAP_PRIVATE, c.fd, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mmap hugetlb, anonymous",
		op: (c) => c.p = mmap(0, c.len = 2 * HPAGE, RW, ANON | MAP_HUGETLB, -1, 0),
		undo: unmap,
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "mmap over the middle",
		setup: (c) => {
			file(c, 8);
			map(c, 8 * PAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => mmap(c.p + 2 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "munmap the middle",
		setup: (c) => {
			file(c, 8);
			map(c, 8 * PAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => munmap(c.p + 2 * PAGE, 2 * PAGE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "munmap the middle, anonymous",
		setup: (c) => map(c, 8 * PAGE, ANON | MAP_POPULATE),
		op: (c) => munmap(c.p + 2 * PAGE, 2 * PAGE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "munmap the middle, hugetlb",
		setup: (c) => {
			file(c, 4, MFD_HUGETLB);
			map(c, 4 * HPAGE, MAP_PRIVATE | MAP_POPULATE);
		},
		op: (c) => munmap(c.p + HPAGE, HPAGE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "mprotect the middle",
		setup: (c) => map(c, 8 * PAGE, ANON | MAP_POPULATE),
		op: (c) => mprotect(c.p + 2 * PAGE, 2 * PAGE, PROT_READ),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "mprotect the middle of a file's",
		setup: (c) => {
			file(c, 8);
			map(c, 8 * PAGE, MAP_PRIVATE | MAP_POPULATE);
		},
		op: (c) => mprotect(c.p + 2 * PAGE, 2 * PAGE, PROT_NONE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "mprotect of a huge page's middle",
		setup: (c) => {
			map_at(c, FAR, 2 * HPAGE, ANON);
			store(c);
		},
		op: (c) => mprotect(c.p + 2 * PAGE, 2 * PAGE, PROT_READ),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
		thp: "always",
	}, {
		name: "madvise the middle",
		setup: (c) => map(c, 8 * PAGE, ANON | MAP_POPULATE),
		op: (c) => madvise(c.p + 2 * PAGE, 2 * PAGE, MADV_DONTFORK),
		undo: unmap,
		errnos: [EAGAIN],
		partial: true,
	}, {
		name: "madvise for huge pages",
		setup: (c) => map_at(c, FAR, 2 * HPAGE, ANON),
		op: (c) => madvise(c.p, HPAGE, MADV_HUGEPAGE),
		undo: unmap,
		errnos: [EAGAIN],
		partial: true,
		thp: "madvise",
	}, {
		name: "madvise populate",
		setup: (c) => map_at(c, FAR, 4 * PAGE, ANON),
		op: (c) => madvise(c.p, 4 * PAGE, MADV_POPULATE_WRITE),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "madvise populate, file read",
		setup: (c) => {
			file(c, 4);
			map_at(c, FAR, 4 * PAGE, MAP_SHARED);
		},
		op: (c) => madvise(c.p, 4 * PAGE, MADV_POPULATE_READ),
		undo: unmap,
		errnos: NOMEM,
		partial: true,
	}, {
		name: "mlock the middle",
		setup: (c) => map(c, 8 * PAGE, ANON),
		op: (c) => mlock(c.p + 2 * PAGE, 2 * PAGE),
		undo: unmap,
		errnos: [EAGAIN, ENOMEM],
		partial: true,
	}, {
		name: "mremap grow in place",
		setup: (c) => {
			map_at(c, FAR, 8 * PAGE, ANON | MAP_POPULATE);
			must(munmap(c.p + 4 * PAGE, 4 * PAGE), "munmap");
		},
		op: (c) => mremap(c.p, 4 * PAGE, 8 * PAGE, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mremap move",
		setup: (c) => {
			map_at(c, FAR, 8 * PAGE, ANON | MAP_POPULATE);
			must(mprotect(c.p + 4 * PAGE, 4 * PAGE, PROT_READ), "mprotect");
		},
		op: (c) => {
			const q = mremap(c.p, 4 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
			if (q !== -1)
				[c.q, c.len] = [q, 16 * PAGE];
			return q;
		},
		undo: unmap_p_q,
		errnos: NOMEM,
	}, {
		name: "mremap move, file, across page tables",
		setup: (c) => {
			file(c, 1024);
			map_at(c, FAR + GiB - 2 * PAGE, 4 * PAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => {
			const q = mremap(c.p, 4 * PAGE, 4 * PAGE, MOVE, FAR + 4 * GiB - PAGE);
			if (q !== -1)
				c.q = q;
			return q;
		},
		undo: unmap_p_q,
		errnos: NOMEM,
	}, {
		name: "mremap move of part, private file",
		setup: (c) => {
			file(c, 8);
			/* unaccounted: move_vma() counts wrong when it cannot split the old VMA */
			map(c, 8 * PAGE, MAP_PRIVATE | MAP_NORESERVE);
			store(c, 3 * PAGE);
		},
		op: (c) => {
			const q = mremap(c.p + 2 * PAGE, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
			if (q !== -1)
				c.q = q;
			return q;
		},
		undo: unmap_p_q,
		errnos: NOMEM,
	}, {
		name: "mremap move, hugetlb",
		setup: (c) => {
			file(c, 2, MFD_HUGETLB);
			map(c, 2 * HPAGE, MAP_SHARED | MAP_POPULATE);
		},
		op: (c) => {
			const q = mremap(c.p, 2 * HPAGE, 2 * HPAGE, MOVE, FAR);
			if (q !== -1)
				c.q = q;
			return q;
		},
		undo: unmap_p_q,
		errnos: NOMEM,
	}, {
		name: "mremap shrink",
		setup: (c) => map(c, 8 * PAGE, ANON | MAP_POPULATE),
		op: (c) => mremap(c.p, 8 * PAGE, 4 * PAGE, 0),
		undo: unmap,
		errnos: NOMEM,
	}, {
		name: "mremap move of a huge page",
		setup: (c) => {
			map_at(c, FAR, HPAGE, ANON);
			store(c);
		},
		op: (c) => {
			const q = mremap(c.p, HPAGE, HPAGE, MOVE, FAR + GiB + PAGE);
			if (q !== -1)
				c.q = q;
			return q;
		},
		undo: unmap_p_q,
		errnos: NOMEM,
		partial: true,
		thp: "always",
	},
];

const shared = (c: context): void => {
	file(c, 4);
	map_at(c, FAR, 4 * PAGE, MAP_SHARED);
};

const priv = (c: context): void => {
	filled_file(c, 4);
	map_at(c, FAR, 4 * PAGE, MAP_PRIVATE);
};

const huge = (flags: number, pages = 2) => (c: context): void => {
	file(c, pages, MFD_HUGETLB);
	map_at(c, FAR, pages * HPAGE, flags);
};

const faults: operation[] = [
	fault("fault shared file, write", shared, (c) => store(c)),
	fault("fault shared file, read of a hole", shared, (c) => load(c)),
	fault("fault shared file, page there", (c) => {
		filled_file(c, 4);
		map_at(c, FAR, 4 * PAGE, MAP_SHARED);
	}, (c) => store(c)),
	fault("fault shared file, far out", (c) => {
		file(c, 4);
		must(ftruncate(c.fd, 17 * GiB), "ftruncate");
		c.p = must(mmap(FAR, c.len = PAGE, RW, MAP_SHARED | MAP_FIXED, c.fd, 16 * GiB), "mmap");
	}, (c) => store(c)),
	fault("fault shared file, huge", (c) => {
		file(c, 512);
		map_at(c, FAR, HPAGE, MAP_SHARED);
	}, (c) => store(c), { shmem_enabled: "always" }),
	fault("fault private file, read", priv, (c) => load(c)),
	fault("fault private file, write", priv, (c) => store(c)),
	fault("fault private file, write after read", (c) => {
		priv(c);
		load(c);
	}, (c) => store(c)),
	fault("fault private file, write to a hole", (c) => {
		file(c, 4);
		map_at(c, FAR, 4 * PAGE, MAP_PRIVATE);
	}, (c) => store(c)),
	fault("fault anonymous, read", (c) => map_at(c, FAR, 4 * PAGE, ANON), (c) => load(c)),
	fault("fault anonymous, write", (c) => map_at(c, FAR, 4 * PAGE, ANON), (c) => store(c)),
	fault("fault anonymous, write after read", (c) => {
		map_at(c, FAR, 4 * PAGE, ANON);
		load(c);
	}, (c) => store(c)),
	fault("fault anonymous, shared", (c) =>
		map_at(c, FAR, 4 * PAGE, MAP_SHARED | MAP_ANONYMOUS), (c) => store(c)),
	fault("fault anonymous, copy on write", (c) => {
		map_at(c, FAR, 4 * PAGE, ANON);
		store(c);
		beside(c);
	}, (c) => store(c, 0, 0x33)),
	fault("fault anonymous, huge", (c) => map_at(c, FAR, HPAGE, ANON), (c) => store(c),
		{ thp: "always" }),
	fault("fault anonymous, huge, read", (c) => map_at(c, FAR, HPAGE, ANON), (c) => load(c),
		{ thp: "always", shrink: true }),
	fault("fault anonymous, huge, copy on write", (c) => {
		map_at(c, FAR, HPAGE, ANON);
		store(c);
		beside(c);
	}, (c) => store(c, 0, 0x33), { thp: "always" }),
	fault("fault hugetlb, shared", huge(MAP_SHARED), (c) => store(c)),
	fault("fault hugetlb, shared, page there", (c) => {
		filled_file(c, 2, MFD_HUGETLB);
		map_at(c, FAR, 2 * HPAGE, MAP_SHARED);
	}, (c) => store(c)),
	fault("fault hugetlb, private", huge(MAP_PRIVATE), (c) => store(c)),
	fault("fault hugetlb, private, copy of the file's", (c) => {
		filled_file(c, 2, MFD_HUGETLB);
		map_at(c, FAR, 2 * HPAGE, MAP_PRIVATE);
		load(c);
	}, (c) => store(c)),
	fault("fault hugetlb, copy on write", (c) => {
		huge(MAP_PRIVATE)(c);
		store(c);
		beside(c);
	}, (c) => store(c, 0, 0x33)),
];

const forking = (name: string, setup: (c: context) => void, more: Partial<operation> = {}):
	operation => ({
	name: `fork ${name}`,
	setup,
	op: (c) => c.pid = fork(function* (): wait {
		yield* sigwait(sigmask_of(SIGUSR1));
		exit(0);
	}),
	undo: unmap,
	errnos: [ENOMEM, EAGAIN],
	...more,
});

const forks: operation[] = [
	forking("with little", () => undefined),
	forking("with anonymous memory", (c) => {
		map_at(c, FAR, 4 * PAGE, ANON);
		store(c);
	}),
	forking("with anonymous memory of two generations", (c) => {
		map_at(c, FAR, 4 * PAGE, ANON);
		store(c);
		beside(c);
		store(c, PAGE);
	}),
	forking("with a private file", (c) => {
		priv(c);
		store(c);
	}),
	forking("with a shared file", (c) => {
		shared(c);
		store(c);
	}),
	forking("with many descriptors", (c) => {
		file(c, 1);
		c.fd2 = must(dup2(c.fd, 300), "dup2");
	}),
	forking("with a huge page", (c) => {
		map_at(c, FAR, HPAGE, ANON);
		store(c);
	}, { thp: "always" }),
	forking("with hugetlb, private", (c) => {
		huge(MAP_PRIVATE)(c);
		store(c);
	}),
	forking("with hugetlb, shared", (c) => {
		huge(MAP_SHARED)(c);
		store(c);
	}),
];

const operations: operation[] = [...memfd, ...size, ...rw, ...mapping, ...faults, ...forks];

/* what a round's process tells its parent, through the variables that they share */
class outcome {
	/** the n that was not used up, 0: an allocation failed */
	left = -1;
	r = 0;
	errno = 0;
	signal = 0;
	complaint = "";
}

/** What the operation must not have changed when it failed. */
function observe(c: context): string {
	let text = read_file("/proc/self/maps") ?? "";

	for (const fd of [c.fd, c.fd2]) {
		const st = fd < 0 ? null : fstat(fd);
		text += st === null ? "" : `${fd}: size ${st.st_size} blocks ${st.st_blocks}\n`;
	}
	return text;
}

interface attr_files {
	readonly times: number;
	readonly probability: number;
}

/* opened by main() */
let attrs: attr_files[] = [];

function open_rw(path: string): number {
	return must(open(path, O_RDWR), path);
}

/* files that stay open and text that is not copied on write: arming allocates nothing */
class control {
	readonly text: number;
	readonly fail_nth = open_rw("/proc/self/fail-nth");

	constructor() {
		this.text = must(mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), "mmap");
		user_store8(this.text, 0);
	}

	private put(fd: number, n: number): void {
		const digits = String(n);
		for (let i = 0; i < digits.length; i++)
			user_store8(this.text + i, digits.charCodeAt(i));
		must(pwrite(fd, this.text, digits.length, 0), "arming");
	}

	/** The @nth allocation from now on fails, and @more slab and page allocations after it. */
	arm(nth: number, more: number): void {
		if (more !== 0)
			for (const { times } of attrs)
				this.put(times, more + 1);
		this.put(this.fail_nth, nth);
		if (more !== 0)
			for (const { probability } of attrs)
				this.put(probability, 100);
	}

	/** What was left of n. */
	disarm(): number {
		let left = 0;

		for (const { probability } of attrs)
			this.put(probability, 0);
		const len = must(pread(this.fail_nth, this.text, 16, 0), "fail-nth");
		for (let i = 0; i < len - 1; i++)
			left = left * 10 + user_load8(this.text + i) - 48;
		this.put(this.fail_nth, 0);
		return left;
	}
}

function* round(o: operation, n: number, more: number, out: outcome): wait {
	const c = new context();
	const env = new sigjmp_buf();
	const ctl = new control();
	const caught = (signo: number): void => {
		out.signal = signo;
		siglongjmp(env, 1);
	};

	sigaction(SIGBUS, caught);
	sigaction(SIGSEGV, caught);
	const maps = read_file("/proc/self/maps");
	o.setup?.(c);
	const before = observe(c);

	sigsetjmp(env, () => {
		ctl.arm(n, more);
		out.r = o.op(c);
		out.errno = out.r < 0 ? errno() : 0;
	});
	out.left = ctl.disarm();

	if (out.r < 0 && !o.partial && observe(c) !== before)
		out.complaint = `the failed call changed\n${before}to\n${observe(c)}`;
	for (const pid of [c.pid, c.pid2]) {
		if (pid > 0) {
			kill(pid, SIGKILL);
			yield* waitpid(pid, 0);
		}
	}
	o.undo?.(c);
	if (out.complaint === "" && read_file("/proc/self/maps") !== maps)
		out.complaint = `left mapped:\n${read_file("/proc/self/maps")!}`;
	exit(0);
}

/* counts of the kernel that have to come back */
const MEMINFO = /^(Shmem|AnonPages|Mapped|Mlocked|PageTables|AnonHugePages|ShmemHugePages|ShmemPmdMapped|KernelStack|HugePages_\w+|Committed_AS):/;

function state(): string {
	const text = read_file(STATE) ?? "";
	return text + (read_file("/proc/meminfo") ?? "").split("\n").filter((l) => MEMINFO.test(l))
		.join("\n");
}

function difference(before: string, after: string): string {
	const was = before.split("\n"), is = after.split("\n");
	return [...was.filter((l) => !is.includes(l)).map((l) => `-${l}`),
		...is.filter((l) => !was.includes(l)).map((l) => `+${l}`)].join(", ");
}

function* run_round(o: operation, n: number, more: number): wait<outcome> {
	const out = new outcome();
	const pid = must(fork(() => round(o, n, more, out)), "fork");
	const { status } = yield* waitpid(pid, 0);

	if (o.shrink)
		set(DROP_CACHES, "2\n");
	if (!WIFEXITED(status))
		out.complaint ||= `killed by signal ${WTERMSIG(status)}`;
	else if (WEXITSTATUS(status) !== 0)
		out.complaint ||= `exit status ${WEXITSTATUS(status)}`;
	else if (out.r < 0 && n === 0)
		out.complaint ||= `${errno_name(out.errno)} without any failure`;
	else if (out.r < 0 && out.left === 0 && !o.errnos.includes(out.errno))
		out.complaint ||= `failed with ${errno_name(out.errno)}`;
	else if (out.signal !== 0)
		out.complaint ||= `signal ${out.signal}`;
	return out;
}

/* rounds of an operation */
class tally {
	failed = 0;
	absorbed = 0;
	bad = 0;
}

function* run_rounds(o: operation, more: number): wait<tally> {
	const t = new tally();
	let before = state();

	for (let n = 1; ; n++) {
		const out = yield* run_round(o, n, more);
		const after = state();

		if (after !== before)
			out.complaint ||= `leaked ${difference(before, after)}`;
		if (n === ROUNDS_MAX)
			out.complaint ||= "no end of it";
		if (out.complaint !== "") {
			printf("# %s: allocation %d%s: %s\n", o.name, n, more ? " and more" : "",
				out.complaint);
			t.bad++;
			before = after;
		}
		if (out.left !== 0 || n === ROUNDS_MAX)
			return t;
		if (out.r < 0)
			t.failed++;
		else
			t.absorbed++;
	}
}

function* run_operation(o: operation): wait<boolean> {
	/* what is made once and kept is made now */
	const cold = yield* run_round(o, 0, 0);
	if (cold.complaint !== "") {
		printf("not ok %s: %s\n", o.name, cold.complaint);
		return false;
	}
	state();
	const one = yield* run_rounds(o, 0);
	const burst = o.single ? new tally() : yield* run_rounds(o, MORE);
	const ok = one.bad + burst.bad === 0;
	printf("%s %s: %d allocations, %d fail the call%s\n", ok ? "ok" : "not ok", o.name,
		one.failed + one.absorbed, one.failed, o.single ? "" : `, ${burst.failed} with more`);
	return ok;
}

function set(path: string, text: string): string {
	const old = read_file(path) ?? "";

	if (write_file(path, text) < 0)
		die(path);
	return /\[(\w+)\]/.exec(old)?.[1] ?? old;
}

export function* main(argc: number, argv: string[]): wait<number> {
	for (const dir of ATTRS) {
		set(`${dir}/ignore-gfp-wait`, "N\n");
		set(`${dir}/verbose`, "0\n");
	}
	set(`${DEBUG}/fail_page_alloc/ignore-gfp-highmem`, "N\n");
	set(`${DEBUG}/fail_page_alloc/min-order`, "0\n");
	const pool = set(NR_HUGEPAGES, "8\n");
	attrs = ATTRS.map((dir) => ({
		times: open_rw(`${dir}/times`),
		probability: open_rw(`${dir}/probability`),
	}));

	let ok = true;
	for (const o of operations) {
		if (argc > 1 && !argv.slice(1).some((a) => o.name.startsWith(a)))
			continue;
		const thp = set(`${THP}/enabled`, o.thp ?? "never");
		const shmem = set(`${THP}/shmem_enabled`, o.shmem_enabled ?? "never");
		ok = (yield* run_operation(o)) && ok;
		set(`${THP}/enabled`, thp);
		set(`${THP}/shmem_enabled`, shmem);
	}

	set(NR_HUGEPAGES, pool);
	printf("memfd_fail_nth: %s\n", ok ? "DONE" : "FAILED");
	return ok ? 0 : 1;
}
