// SPDX-License-Identifier: GPL-2.0
/*
 * What a file made with MFD_INACCESSIBLE refuses, and what it allows: its owner may give memory to
 * it, take memory back and hand it to the kernel; nobody gets at a byte through it.
 *
 * Port-only. A check that fails prints a line; the program goes on, and fails in the end.
 */
import {
	EACCES, EBADF, EFAULT, EFBIG, EINVAL, ENODEV, ENOTTY, ENXIO, EPERM, ESPIPE, EXDEV,
} from "#uapi/asm-generic/errno-base.ts";
import { EOPNOTSUPP } from "#uapi/asm-generic/errno.ts";
import {
	F_GETFD, F_GETFL, F_SETFL, O_ACCMODE, O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECT, O_LARGEFILE,
	O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY,
} from "#uapi/asm-generic/fcntl.ts";
import {
	FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE,
	FALLOC_FL_NO_HIDE_STALE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_UNSHARE_RANGE,
	FALLOC_FL_ZERO_RANGE,
} from "#uapi/linux/falloc.ts";
import {
	F_ADD_SEALS, F_DUPFD_CLOEXEC, F_GET_SEALS, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL,
	F_SEAL_SHRINK, F_SEAL_WRITE,
} from "#uapi/linux/fcntl.ts";
import {
	KVM_CAP_PRIVATE_MEM_TESTING, KVM_CHECK_EXTENSION, KVM_CREATE_VM, KVM_ENABLE_CAP,
	KVM_MEM_PRIVATE, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_SET_USER_MEMORY_REGION,
	struct_kvm_enable_cap, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import {
	MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_HUGE_2MB, MFD_HUGETLB, MFD_INACCESSIBLE,
} from "#uapi/linux/memfd.ts";
import {
	MAP_ANONYMOUS, MAP_FIXED, MAP_HUGETLB, MAP_LOCKED, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE,
	MAP_SHARED, MAP_SHARED_VALIDATE, PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import {
	alloca, close, copy_file_range, dup, dup2, errno, errno_name, exit, fallocate, fcntl, fork,
	fstat, fsync, ftruncate, ioctl, lseek, malloc, memfd_create, memset, mmap, munmap, type num,
	open, pipe, poke, pread, printf, pwrite, read, read_file, readlink, release, sendfile,
	splice, syscall_by_number, u64_bytes, user_load8, waitpid, WEXITSTATUS, WIFEXITED, write,
} from "#tools/include/nolibc/nolibc.ts";

type wait<T = void> = Generator<void, T, void>;

const PAGE = 4096;
const SIZE = 16 * PAGE;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const STATE = "/sys/kernel/debug/privmem/state";
const FD_CLOEXEC = 1;
const SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4;
const S_IFMT = 0o170000, S_IFREG = 0o100000;
const U64_PAGE = 2n ** 64n - BigInt(PAGE);

let failures = 0;

function check(ok: boolean, fmt: string, ...args: (string | number | bigint)[]): void {
	if (ok)
		return;
	printf(`# not as expected: ${fmt}\n`, ...args);
	failures++;
}

const outcome = (r: num): string => r < 0 ? `-1 ${errno_name(errno())}` : `${r}`;

/** @r has to be -1, with one of @errnos. */
function refused(what: string, r: num, ...errnos: number[]): void {
	check(r < 0 && errnos.includes(errno()), "%s: %s, expected %s", what, outcome(r),
		errnos.map(errno_name).join(" or "));
}

function allowed(what: string, r: num, expected: num = 0): void {
	check(BigInt(r) === BigInt(expected), "%s: %s, expected %d", what, outcome(r), expected);
}

function new_fd(flags = 0): number {
	const fd = memfd_create("inaccessible", MFD_INACCESSIBLE | flags);
	if (fd < 0) {
		printf("# memfd_create: %m\n");
		exit(1);
	}
	return fd;
}

/** One with memory in it. */
function filled_fd(): number {
	const fd = new_fd();

	allowed("fallocate", fallocate(fd, 0, 0, SIZE));
	return fd;
}

function size_of(fd: number): number {
	const st = fstat(fd);

	return st === null ? -1 : Number(st.st_size);
}

/** How many pages of memory are in the file. */
function pages_of(fd: number): number {
	const st = fstat(fd);

	return st === null ? -1 : Number(st.st_blocks) * 512 / PAGE;
}

/* a page of the test's with a pattern, to see whether it was read or written */
let buf = 0;

function untouched(what: string): void {
	check(user_load8(buf) === 0x5a && user_load8(buf + PAGE - 1) === 0x5a,
		"%s wrote to the buffer", what);
}

function test_create(): void {
	printf("memfd-inaccessible: CREATE\n");

	let fd = new_fd();
	check(fcntl(fd, F_GETFD) === 0, "without MFD_CLOEXEC: F_GETFD %d", fcntl(fd, F_GETFD));
	const fl = fcntl(fd, F_GETFL);
	check((fl & O_ACCMODE) === O_RDWR && (fl & O_LARGEFILE) !== 0, "F_GETFL 0x%x", fl);
	check(readlink(`/proc/self/fd/${fd}`) === "/[memfd:inaccessible] (deleted)",
		"the link is to %s", readlink(`/proc/self/fd/${fd}`) ?? "nothing");
	close(fd);

	fd = new_fd(MFD_CLOEXEC);
	check(fcntl(fd, F_GETFD) === FD_CLOEXEC, "MFD_CLOEXEC: F_GETFD %d", fcntl(fd, F_GETFD));
	close(fd);

	for (const [what, flags] of [
		["MFD_ALLOW_SEALING", MFD_ALLOW_SEALING],
		["MFD_HUGETLB", MFD_HUGETLB],
		["MFD_HUGETLB | MFD_HUGE_2MB", MFD_HUGETLB | MFD_HUGE_2MB],
		["MFD_ALLOW_SEALING | MFD_HUGETLB", MFD_ALLOW_SEALING | MFD_HUGETLB],
		["MFD_HUGE_2MB alone", MFD_HUGE_2MB],
		["0x10", 0x10],
		["0x80000000", 0x80000000],
	] as const)
		refused(what, memfd_create("x", MFD_INACCESSIBLE | flags), EINVAL);

	refused("no name", memfd_create(null, MFD_INACCESSIBLE), EFAULT);
	refused("long name", memfd_create("x".repeat(250), MFD_INACCESSIBLE), EINVAL);
	/* the flags are looked at first */
	refused("no name, bad flags", memfd_create(null, MFD_INACCESSIBLE | MFD_HUGETLB), EINVAL);
	fd = memfd_create("x".repeat(249), MFD_INACCESSIBLE);
	check(fd >= 0, "longest name: %s", outcome(fd));
	close(fd);
	fd = memfd_create("", MFD_INACCESSIBLE);
	check(fd >= 0, "empty name: %s", outcome(fd));
	close(fd);
}

/** struct iovec for the buffer */
function with_iovec(f: (iov: number) => number): number {
	const iov = alloca(16);

	poke(iov, u64_bytes(buf));
	poke(iov + 8, u64_bytes(PAGE));
	const r = f(iov);
	release(iov);
	return r;
}

function test_read_write(): void {
	printf("memfd-inaccessible: READ-WRITE\n");
	const fd = filled_fd();
	const call = (n: number, ...args: num[]): number => syscall_by_number(n, fd, ...args);

	for (const len of [PAGE, 1, 0]) {
		refused(`read ${len}`, read(fd, buf, len), EINVAL);
		refused(`write ${len}`, write(fd, buf, len), EINVAL);
	}
	refused("pread", pread(fd, buf, PAGE, 0), ESPIPE);
	refused("pwrite", pwrite(fd, buf, PAGE, 0), ESPIPE);
	refused("pwrite beyond the end", pwrite(fd, buf, PAGE, SIZE), ESPIPE);

	refused("readv", with_iovec((iov) => call(nr.__NR_readv, iov, 1)), EINVAL);
	refused("writev", with_iovec((iov) => call(nr.__NR_writev, iov, 1)), EINVAL);
	for (const [what, n] of [
		["preadv", nr.__NR_preadv], ["pwritev", nr.__NR_pwritev],
		["preadv2", nr.__NR_preadv2], ["pwritev2", nr.__NR_pwritev2],
	] as const)
		refused(what, with_iovec((iov) => call(n, iov, 1, 0, 0, 0)), ESPIPE);
	/* at the file's position, as readv() and writev() */
	for (const [what, n] of [
		["preadv2 at -1", nr.__NR_preadv2], ["pwritev2 at -1", nr.__NR_pwritev2],
	] as const)
		refused(what, with_iovec((iov) => call(n, iov, 1, -1, -1, 0)), EINVAL);

	for (const [what, whence] of [
		["SEEK_SET", SEEK_SET], ["SEEK_CUR", SEEK_CUR], ["SEEK_END", SEEK_END],
		["SEEK_DATA", SEEK_DATA], ["SEEK_HOLE", SEEK_HOLE],
	] as const)
		refused(`lseek ${what}`, lseek(fd, 0, whence), ESPIPE);

	refused("fsync", fsync(fd), EINVAL);
	refused("fdatasync", call(nr.__NR_fdatasync), EINVAL);
	refused("ioctl", ioctl(fd, 0x5401, buf), ENOTTY);
	refused("O_DIRECT", fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
	allowed("O_NONBLOCK, O_APPEND", fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));
	refused("read, O_NONBLOCK", read(fd, buf, PAGE), EINVAL);
	refused("write, O_APPEND", write(fd, buf, PAGE), EINVAL);

	untouched("reading");
	check(pages_of(fd) === SIZE / PAGE, "pages: %d", pages_of(fd));
	close(fd);
}

function test_mmap(): void {
	printf("memfd-inaccessible: MMAP\n");
	const fd = filled_fd(), empty = new_fd();
	const flavours: [string, number][] = [
		["shared", MAP_SHARED], ["private", MAP_PRIVATE],
		["shared, validated", MAP_SHARED_VALIDATE],
		["shared, populated", MAP_SHARED | MAP_POPULATE],
		["private, populated", MAP_PRIVATE | MAP_POPULATE],
		["shared, locked", MAP_SHARED | MAP_LOCKED],
		["private, no reserve", MAP_PRIVATE | MAP_NORESERVE],
	];
	const prots: [string, number][] = [
		["none", PROT_NONE], ["read", PROT_READ], ["write", PROT_WRITE],
		["read and write", PROT_READ | PROT_WRITE],
	];

	for (const [flavour, flags] of flavours) {
		for (const [prot_name, prot] of prots) {
			for (const f of [fd, empty])
				refused(`mmap ${flavour}, ${prot_name}`,
					mmap(0, PAGE, prot, flags, f, 0), ENODEV);
		}
		/* the file system has no programs */
		refused(`mmap ${flavour}, exec`, mmap(0, PAGE, PROT_READ | PROT_EXEC, flags, fd, 0),
			EPERM);
	}
	refused("mmap from the middle", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 3 * PAGE), ENODEV);
	refused("mmap beyond the end", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, SIZE), ENODEV);
	refused("mmap unaligned", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 1), EINVAL);
	refused("mmap of huge pages", mmap(0, 2 ** 21, PROT_READ, MAP_SHARED | MAP_HUGETLB, fd, 0),
		EINVAL);

	/* MAP_FIXED takes away what was there, as it always does when the mapping fails late */
	const p = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	refused("mmap at a fixed address", mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0),
		ENODEV);
	munmap(p, PAGE);
	check(!(read_file("/proc/self/maps") ?? "").includes("inaccessible"), "it is mapped");

	close(fd);
	close(empty);
}

function test_seals(): void {
	printf("memfd-inaccessible: SEALS\n");
	const fd = filled_fd();

	refused("F_GET_SEALS", fcntl(fd, F_GET_SEALS), EINVAL);
	for (const [what, seal] of [
		["F_SEAL_SEAL", F_SEAL_SEAL], ["F_SEAL_SHRINK", F_SEAL_SHRINK],
		["F_SEAL_GROW", F_SEAL_GROW], ["F_SEAL_WRITE", F_SEAL_WRITE],
		["F_SEAL_FUTURE_WRITE", F_SEAL_FUTURE_WRITE], ["no seal", 0],
	] as const)
		refused(`F_ADD_SEALS ${what}`, fcntl(fd, F_ADD_SEALS, seal), EINVAL);
	allowed("punch", fallocate(fd, PUNCH, 0, PAGE));
	close(fd);
}

function test_splice(): void {
	printf("memfd-inaccessible: SPLICE\n");
	const fd = filled_fd(), other = filled_fd();
	const memfd = memfd_create("plain", 0);
	const ends = pipe();

	if (ends === null || memfd < 0) {
		check(false, "pipe or memfd_create: %s", errno_name(errno()));
		return;
	}
	write(memfd, buf, PAGE);
	lseek(memfd, 0, SEEK_SET);

	refused("splice to a pipe", splice(fd, ends[1], PAGE, 0), EINVAL);
	write(ends[1], buf, 100);
	refused("splice from a pipe", splice(ends[0], fd, 100, 0), EINVAL);
	refused("tee", syscall_by_number(nr.__NR_tee, ends[0], fd, 100, 0), EINVAL);

	refused("sendfile from it", sendfile(memfd, fd, null, PAGE), EINVAL);
	refused("sendfile from an offset in it", sendfile(memfd, fd, 0, PAGE), ESPIPE);
	refused("sendfile from it to a pipe", sendfile(ends[1], fd, null, PAGE), EINVAL);
	refused("sendfile to it", sendfile(fd, memfd, 0, PAGE), EINVAL);
	refused("sendfile from one to another", sendfile(other, fd, null, PAGE), EINVAL);

	refused("copy_file_range from it", copy_file_range(fd, 0, memfd, 0, PAGE, 0), EXDEV);
	refused("copy_file_range to it", copy_file_range(memfd, 0, fd, 0, PAGE, 0), EXDEV);
	/* of one file system, which says that the file is empty, or has no way to copy */
	for (const [what, r] of [
		["one to another", copy_file_range(fd, 0, other, 0, PAGE, 0)],
		["its front to its back", copy_file_range(fd, 0, fd, 8 * PAGE, PAGE, 0)],
	] as const)
		check(r <= 0, "copy_file_range from %s: %s", what, outcome(r));

	check(size_of(memfd) === PAGE, "size of the memfd: %d", size_of(memfd));
	for (const f of [fd, other, memfd, ...ends])
		close(f);
}

/** Nothing here reads from it, and nothing brings pages in or out. */
function test_advice(): void {
	printf("memfd-inaccessible: ADVICE\n");
	const fd = new_fd();
	const call = (n: number, ...args: num[]): number => syscall_by_number(n, fd, ...args);

	allowed("ftruncate", ftruncate(fd, SIZE));
	for (let advice = 0; advice <= 5; advice++)
		call(nr.__NR_fadvise64, 0, SIZE, advice);
	call(nr.__NR_readahead, 0, SIZE);
	call(nr.__NR_sync_file_range, 0, SIZE, 7);
	check(pages_of(fd) === 0, "%d pages came in", pages_of(fd));

	allowed("fallocate", fallocate(fd, 0, 0, SIZE));
	for (let advice = 0; advice <= 5; advice++)
		call(nr.__NR_fadvise64, 0, SIZE, advice);
	call(nr.__NR_sync_file_range, 0, SIZE, 7);
	check(pages_of(fd) === SIZE / PAGE, "%d pages went out", SIZE / PAGE - pages_of(fd));
	close(fd);
}

function test_reopen(): void {
	printf("memfd-inaccessible: REOPEN\n");
	const fd = filled_fd(), path = `/proc/self/fd/${fd}`;

	for (const [what, flags] of [
		["O_RDONLY", O_RDONLY], ["O_WRONLY", O_WRONLY], ["O_RDWR", O_RDWR],
		["O_TRUNC", O_RDWR | O_TRUNC], ["O_CREAT", O_RDWR | O_CREAT],
		["O_CLOEXEC", O_RDWR | O_CLOEXEC],
	] as const)
		refused(`open ${what}`, open(path, flags, 0o600), ENXIO);
	check(size_of(fd) === SIZE, "size after O_TRUNC: %d", size_of(fd));

	/* a handle for the name, and for nothing else */
	const handle = open(path, O_PATH);
	check(handle >= 0, "O_PATH: %s", outcome(handle));
	refused("read, O_PATH", read(handle, buf, PAGE), EBADF);
	refused("mmap, O_PATH", mmap(0, PAGE, PROT_READ, MAP_SHARED, handle, 0), EBADF);
	refused("fallocate, O_PATH", fallocate(handle, PUNCH, 0, PAGE), EBADF);
	refused("ftruncate, O_PATH", ftruncate(handle, 0), EBADF);
	refused("open through O_PATH", open(`/proc/self/fd/${handle}`, O_RDWR), ENXIO);
	untouched("reading");
	close(handle);
	close(fd);
}

function test_truncate(): void {
	printf("memfd-inaccessible: TRUNCATE\n");

	let fd = new_fd();
	allowed("size of a new one", size_of(fd));
	allowed("to nothing", ftruncate(fd, 0));
	for (const size of [1, PAGE - 1, PAGE + 1, 100 * PAGE + 2048])
		refused(`to ${size} bytes`, ftruncate(fd, size), EINVAL);
	refused("to -1", ftruncate(fd, -1), EINVAL);
	refused("to -4096", ftruncate(fd, -PAGE), EINVAL);
	allowed("size after these", size_of(fd));

	allowed("to four pages", ftruncate(fd, 4 * PAGE));
	allowed("size", size_of(fd), 4 * PAGE);
	allowed("pages", pages_of(fd));
	/* once it has a size, that is final */
	for (const size of [0, PAGE, 4 * PAGE, 5 * PAGE, 4 * PAGE + 1])
		refused(`from four pages to ${size} bytes`, ftruncate(fd, size), EPERM);
	allowed("size", size_of(fd), 4 * PAGE);
	close(fd);

	fd = new_fd();
	allowed("to 1 TiB", ftruncate(fd, 2 ** 40));
	allowed("size", size_of(fd), 2 ** 40);
	allowed("pages", pages_of(fd));
	close(fd);

	fd = filled_fd();
	refused("of one that fallocate() gave its size", ftruncate(fd, 0), EPERM);
	refused("the same, unaligned", ftruncate(fd, 1), EPERM);
	close(fd);
}

function test_fallocate(): void {
	printf("memfd-inaccessible: FALLOCATE\n");
	const fd = new_fd();

	allowed("allocate", fallocate(fd, 0, 0, 4 * PAGE));
	allowed("size", size_of(fd), 4 * PAGE);
	allowed("pages", pages_of(fd), 4);
	allowed("again", fallocate(fd, 0, 0, 4 * PAGE));
	allowed("beyond, growing", fallocate(fd, 0, 8 * PAGE, 8 * PAGE));
	allowed("size", size_of(fd), SIZE);
	allowed("pages", pages_of(fd), 12);
	allowed("beyond, keeping the size", fallocate(fd, FALLOC_FL_KEEP_SIZE, SIZE, 2 * PAGE));
	allowed("size", size_of(fd), SIZE);
	allowed("pages", pages_of(fd), 14);
	allowed("bytes, which are their page", fallocate(fd, FALLOC_FL_KEEP_SIZE, 5 * PAGE + 1, 1));
	allowed("pages", pages_of(fd), 15);

	allowed("punch a page", fallocate(fd, PUNCH, PAGE, PAGE));
	allowed("pages", pages_of(fd), 14);
	allowed("the same again", fallocate(fd, PUNCH, PAGE, PAGE));
	allowed("pages", pages_of(fd), 14);
	allowed("size", size_of(fd), SIZE);
	for (const [offset, len] of [
		[1, PAGE], [0, PAGE - 1], [0, 1], [PAGE - 1, 1], [2048, 2048], [PAGE, PAGE + 1],
	] as const)
		refused(`punch ${len} bytes at ${offset}`, fallocate(fd, PUNCH, offset, len),
			EINVAL);
	allowed("pages", pages_of(fd), 14);
	allowed("punch beyond the end", fallocate(fd, PUNCH, 2 ** 30, PAGE));
	allowed("punch all, and what is beyond", fallocate(fd, PUNCH, 0, 2 ** 40));
	allowed("pages", pages_of(fd));
	allowed("size", size_of(fd), SIZE);
	allowed("and back", fallocate(fd, 0, 0, SIZE));
	allowed("pages", pages_of(fd), 16);

	refused("punch without keeping the size", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE),
		EOPNOTSUPP);
	for (const [what, mode] of [
		["collapse", FALLOC_FL_COLLAPSE_RANGE], ["insert", FALLOC_FL_INSERT_RANGE],
		["zero", FALLOC_FL_ZERO_RANGE],
		["zero, keeping the size", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE],
		["unshare", FALLOC_FL_UNSHARE_RANGE],
		["show stale data", FALLOC_FL_NO_HIDE_STALE],
		["unknown", 0x100],
		["punch and zero", PUNCH | FALLOC_FL_ZERO_RANGE],
	] as const)
		refused(what, fallocate(fd, mode, 0, PAGE), EOPNOTSUPP);
	for (const mode of [0, PUNCH]) {
		refused(`mode ${mode}: no length`, fallocate(fd, mode, 0, 0), EINVAL);
		refused(`mode ${mode}: negative length`, fallocate(fd, mode, 0, -PAGE), EINVAL);
		refused(`mode ${mode}: negative offset`, fallocate(fd, mode, -PAGE, PAGE), EINVAL);
		refused(`mode ${mode}: too far`,
			fallocate(fd, mode, 2n ** 63n - BigInt(PAGE), PAGE), EFBIG);
		refused(`mode ${mode}: wraps`, fallocate(fd, mode, U64_PAGE, 2 * PAGE), EINVAL);
	}
	allowed("pages after all these", pages_of(fd), 16);
	allowed("size after all these", size_of(fd), SIZE);
	close(fd);
}

function test_stat(): void {
	printf("memfd-inaccessible: STAT\n");
	const fd = new_fd(), other = new_fd();
	const st = fstat(fd), st2 = fstat(other);

	check(st !== null && st2 !== null, "fstat: %s", errno_name(errno()));
	if (st === null || st2 === null)
		return;
	check((st.st_mode & S_IFMT) === S_IFREG, "st_mode 0%o", st.st_mode);
	check(st.st_size === 0n && st.st_blocks === 0n, "st_size %d st_blocks %d", st.st_size,
		st.st_blocks);
	check(st.st_blksize === BigInt(PAGE), "st_blksize %d", st.st_blksize);
	check(st.st_nlink <= 1n, "st_nlink %d", st.st_nlink);
	check(st.st_ino !== st2.st_ino, "two files with st_ino %d", st.st_ino);

	allowed("fallocate", fallocate(fd, 0, 0, SIZE));
	const now = fstat(fd);
	check(now !== null && now.st_size === BigInt(SIZE) && now.st_blocks === BigInt(SIZE / 512),
		"st_size %d st_blocks %d", now?.st_size ?? -1, now?.st_blocks ?? -1);
	check(now?.st_ino === st.st_ino && now.st_dev === st.st_dev, "it became another file");
	check(size_of(other) === 0, "the other one's size %d", size_of(other));

	/* whatever its mode is, it opens nothing */
	syscall_by_number(nr.__NR_fchmod, fd, 0o777);
	refused("open after fchmod", open(`/proc/self/fd/${fd}`, O_RDWR), ENXIO);
	refused("read after fchmod", read(fd, buf, PAGE), EINVAL);
	close(fd);
	close(other);
}

function test_dup(): void {
	printf("memfd-inaccessible: DUP\n");
	const fd = new_fd();
	const copies = [dup(fd), dup2(fd, 300), fcntl(fd, F_DUPFD_CLOEXEC, 200)];

	for (const copy of copies) {
		check(copy >= 0, "dup: %s", outcome(copy));
		refused("read of a copy", read(copy, buf, PAGE), EINVAL);
		refused("mmap of a copy", mmap(0, PAGE, PROT_READ, MAP_SHARED, copy, 0), ENODEV);
	}
	check(fcntl(copies[2]!, F_GETFD) === FD_CLOEXEC, "F_DUPFD_CLOEXEC: %d",
		fcntl(copies[2]!, F_GETFD));

	/* one file: what is done through one of them the others see */
	allowed("ftruncate of a copy", ftruncate(copies[0]!, SIZE));
	allowed("size", size_of(fd), SIZE);
	refused("ftruncate of the original", ftruncate(fd, 2 * SIZE), EPERM);
	allowed("fallocate of a copy", fallocate(copies[1]!, 0, 0, SIZE));
	allowed("pages", pages_of(fd), SIZE / PAGE);
	close(fd);
	allowed("punch after the original is closed", fallocate(copies[2]!, PUNCH, 0, PAGE));
	allowed("pages", pages_of(copies[0]!), SIZE / PAGE - 1);
	copies.forEach(close);
	refused("fallocate of what is closed", fallocate(copies[0]!, 0, 0, PAGE), EBADF);
}

function* in_child(what: string, code: () => void): wait {
	const pid = fork(function* (): wait {
		const before = failures;
		code();
		exit(failures === before ? 0 : 1);
	});
	const { status } = yield* waitpid(pid, 0);

	check(WIFEXITED(status) && WEXITSTATUS(status) === 0, "%s: status 0x%x", what, status);
}

function* test_fork(): wait {
	printf("memfd-inaccessible: FORK\n");
	const fd = new_fd(MFD_CLOEXEC);

	yield* in_child("a child", () => {
		/* not closed: there was no exec */
		allowed("ftruncate in the child", ftruncate(fd, SIZE));
		allowed("fallocate in the child", fallocate(fd, 0, 0, 4 * PAGE));
		refused("read in the child", read(fd, buf, PAGE), EINVAL);
		refused("write in the child", write(fd, buf, PAGE), EINVAL);
		refused("mmap in the child", mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
		refused("open in the child", open(`/proc/self/fd/${fd}`, O_RDWR), ENXIO);
		close(fd);
	});
	allowed("size", size_of(fd), SIZE);
	allowed("pages", pages_of(fd), 4);
	refused("ftruncate after the child's", ftruncate(fd, 2 * SIZE), EPERM);

	/* as somebody else */
	yield* in_child("another user's child", () => {
		allowed("setresuid", syscall_by_number(nr.__NR_setresuid, 1000, 1000, 1000));
		refused("open as another user", open(`/proc/self/fd/${fd}`, O_RDWR), EACCES);
		refused("read as another user", read(fd, buf, PAGE), EINVAL);
		allowed("punch as another user", fallocate(fd, PUNCH, 0, PAGE));
	});
	allowed("pages", pages_of(fd), 3);
	close(fd);
}

/* ---- with a VM that uses the file ----------------------------------------------------------- */

interface vm {
	readonly kvm: number;
	readonly fd: number;
	readonly hva: number;
}

/** A VM with one slot on @memfd, or null where there is no such thing. */
function vm_with(memfd: number): vm | null {
	const kvm = open("/dev/kvm", O_RDWR);

	if (kvm < 0 || ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_PRIVATE_MEM_TESTING) <= 0) {
		close(kvm);
		return null;
	}
	const fd = ioctl(kvm, KVM_CREATE_VM, 0);
	const cap = struct_kvm_enable_cap.alloc();
	cap.cap = KVM_CAP_PRIVATE_MEM_TESTING;
	cap.args[0] = BigInt(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
	allowed("KVM_ENABLE_CAP", ioctl(fd, KVM_ENABLE_CAP, cap.bytes));

	const hva = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const ext = struct_kvm_userspace_memory_region_ext.alloc();
	ext.region.flags = KVM_MEM_PRIVATE;
	ext.region.memory_size = BigInt(SIZE);
	ext.region.userspace_addr = BigInt(hva);
	ext.private_fd = memfd;
	allowed("KVM_SET_USER_MEMORY_REGION", ioctl(fd, KVM_SET_USER_MEMORY_REGION, ext.bytes));
	return { kvm, fd, hva };
}

function close_vm(v: vm): void {
	close(v.fd);
	close(v.kvm);
	munmap(v.hva, SIZE);
}

/** Counts of what the kernel has allocated; reading them does not change them. */
function state(): string {
	read_file(STATE);
	return read_file(STATE) ?? "";
}

function test_close_order(): void {
	printf("memfd-inaccessible: CLOSE-ORDER\n");
	const warm = filled_fd(), first = vm_with(warm);

	close(warm);
	if (first === null) {
		printf("# SKIP no VMs with private memory\n");
		return;
	}
	close_vm(first);
	const before = state();

	for (const [what, code] of [
		["the descriptor first", (fd: number, v: vm): void => {
			allowed("close", close(fd));
			close_vm(v);
		}],
		["the VM first", (fd: number, v: vm): void => {
			close_vm(v);
			allowed("pages after the VM", pages_of(fd), SIZE / PAGE);
			allowed("punch after the VM", fallocate(fd, PUNCH, 0, SIZE));
			allowed("allocate after the VM", fallocate(fd, 0, 0, SIZE));
			refused("ftruncate after the VM", ftruncate(fd, 0), EPERM);
			refused("mmap after the VM",
				mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
			allowed("close", close(fd));
		}],
		["a copy of the descriptor last", (fd: number, v: vm): void => {
			const copy = dup(fd);
			close(fd);
			close_vm(v);
			allowed("punch through the copy", fallocate(copy, PUNCH, 0, PAGE));
			allowed("close", close(copy));
		}],
		["punched while the VM lives", (fd: number, v: vm): void => {
			allowed("punch", fallocate(fd, PUNCH, 0, SIZE));
			allowed("pages", pages_of(fd));
			refused("read", read(fd, buf, PAGE), EINVAL);
			close_vm(v);
			allowed("close", close(fd));
		}],
	] as const) {
		const fd = filled_fd(), v = vm_with(fd);

		code(fd, v!);
		const after = state();
		check(after === before, "%s: what is left differs:\n%s", what,
			after.split("\n").filter((l) => !before.includes(l)).join("\n"));
	}
}

/** Memory belongs to the VM when the descriptor is gone, and not to the process that made it. */
function* test_exit(): wait {
	printf("memfd-inaccessible: EXIT\n");
	yield* in_child("an exit with all still open", () => {
		const fd = filled_fd();

		dup(fd);
		vm_with(fd);
		vm_with(fd);
	});
	const before = state();
	yield* in_child("the same again", () => {
		const fd = filled_fd();

		dup(fd);
		vm_with(fd);
		vm_with(fd);
	});
	check(state() === before, "an exit left something");
}

export function* main(): wait<number> {
	const fd = memfd_create("probe", MFD_INACCESSIBLE);
	if (fd < 0) {
		printf("# memfd_create(MFD_INACCESSIBLE): %m\n");
		return 1;
	}
	close(fd);
	buf = malloc(PAGE);
	memset(buf, 0x5a, PAGE);

	test_create();
	test_stat();
	test_read_write();
	test_mmap();
	test_seals();
	test_splice();
	test_advice();
	test_reopen();
	test_truncate();
	test_fallocate();
	test_dup();
	yield* test_fork();
	test_close_order();
	yield* test_exit();
	printf("memfd-inaccessible: %s\n", failures === 0 ? "DONE" : "FAILED");
	return failures === 0 ? 0 : 1;
}
