// SPDX-License-Identifier: GPL-2.0
/*
 * What a file made with MFD_INACCESSIBLE refuses, and what it allows: its owner may give memory to
 * it, take memory back and hand it to the kernel; nobody gets at a byte through it.
 *
 * Port-only. A check that fails prints a line; the program goes on, and fails in the end.
 */
import {
	EBADF, EEXIST, EFAULT, EFBIG, EINVAL, ENODEV, ENOMEM, ENOTDIR, ENOTTY,
	ENXIO, EPERM, ESPIPE, EXDEV,
} from "#uapi/asm-generic/errno-base.ts";
import { EOPNOTSUPP, EOVERFLOW } from "#uapi/asm-generic/errno.ts";
import {
	F_GETFD, F_GETFL, F_SETFL, O_ACCMODE, O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECT, O_DIRECTORY,
	O_LARGEFILE, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY,
} from "#uapi/asm-generic/fcntl.ts";
import { FIONREAD, FIOQSIZE } from "#uapi/asm-generic/ioctls.ts";
import {
	FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE,
	FALLOC_FL_NO_HIDE_STALE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_UNSHARE_RANGE,
	FALLOC_FL_ZERO_RANGE,
} from "#uapi/linux/falloc.ts";
import {
	AT_EMPTY_PATH, F_ADD_SEALS, F_DUPFD_CLOEXEC, F_GET_SEALS, F_SEAL_FUTURE_WRITE, F_SEAL_GROW,
	F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE,
} from "#uapi/linux/fcntl.ts";
import { FICLONE, FIGETBSZ } from "#uapi/linux/fs.ts";
import { INACCESSIBLE_MAGIC } from "#uapi/linux/magic.ts";
import {
	MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_HUGE_2MB, MFD_HUGETLB, MFD_INACCESSIBLE,
} from "#uapi/linux/memfd.ts";
import {
	MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_HUGETLB, MAP_LOCKED,
	MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, MAP_STACK,
	MAP_SYNC, PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import { struct_stat } from "#uapi-asm/stat.ts";
import { struct_statx } from "#uapi/linux/stat.ts";
import {
	alloca, close, copy_file_range, dup, dup2, errno, errno_name, fallocate, fcntl, fstat,
	fsync, ftruncate, ioctl, lseek, malloc, memfd_create, mmap, munmap, type num,
	open, peek, pipe, poke, pread, printf, pwrite, read, read_file, readlink, release, sendfile,
	splice, syscall_by_number, u64_bytes, write,
} from "#tools/include/nolibc/nolibc.ts";
import {
	allowed, buf, check, failure_count, filled_fd, make_buf, new_fd, outcome, PAGE,
	pages_of, refused, SIZE, size_of, untouched, type wait,
} from "./inaccessible.ts";
import { test_tasks } from "./inaccessible_task.ts";
import { test_vms } from "./inaccessible_vm.ts";

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const FD_CLOEXEC = 1;
const SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4;
const S_IFMT = 0o170000, S_IFREG = 0o100000;
const U64_PAGE = 2n ** 64n - BigInt(PAGE);

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
	/* what the file system in front knows: nothing */
	refused("FICLONE", ioctl(fd, FICLONE, filled_fd()), EOPNOTSUPP);
	const answer = malloc(8);
	for (const [what, request, value, size] of [
		["FIONREAD", FIONREAD, 0, 4], ["FIOQSIZE", FIOQSIZE, 0, 8],
		["FIGETBSZ", FIGETBSZ, PAGE, 4],
	] as const) {
		poke(answer, u64_bytes(-1n));
		allowed(what, ioctl(fd, request, answer));
		const at = new DataView(peek(answer, 8).buffer);
		const got = size === 4 ? at.getInt32(0, true) : Number(at.getBigInt64(0, true));
		check(got === value, "%s says %d", what, got);
	}
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
		["private, growing", MAP_PRIVATE | MAP_GROWSDOWN],
		["private, stack", MAP_PRIVATE | MAP_STACK],
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
	refused("mmap of no length", mmap(0, 0, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	refused("mmap neither shared nor private", mmap(0, PAGE, PROT_READ, 0, fd, 0), EINVAL);
	refused("mmap of all there is", mmap(0, 2n ** 47n, PROT_READ, MAP_SHARED, fd, 0), ENOMEM);
	refused("mmap at the end of all files", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, U64_PAGE),
		EOVERFLOW);
	refused("mmap, synchronous", mmap(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0),
		EOPNOTSUPP);
	refused("mmap of huge pages", mmap(0, 2 ** 21, PROT_READ, MAP_SHARED | MAP_HUGETLB, fd, 0),
		EINVAL);

	/* MAP_FIXED takes away what was there, as it always does when the mapping fails late */
	const p = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	refused("mmap where there is something", mmap(p, PAGE, PROT_READ,
		MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0), EEXIST);
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
	/* at an offset of the file */
	const off = malloc(8);
	poke(off, u64_bytes(0));
	refused("splice from an offset in it", syscall_by_number(nr.__NR_splice, fd, off, ends[1], 0,
		PAGE, 0), EINVAL);
	refused("splice to an offset in it", syscall_by_number(nr.__NR_splice, ends[0], 0, fd, off,
		100, 0), EINVAL);
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
	refused("creat", open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600), ENXIO);
	refused("open O_DIRECTORY", open(path, O_RDONLY | O_DIRECTORY), ENOTDIR);
	check(size_of(fd) === SIZE && pages_of(fd) === SIZE / PAGE, "after O_TRUNC: %d bytes",
		size_of(fd));

	/* a handle for the name, and for nothing else */
	const handle = open(path, O_PATH);
	check(handle >= 0, "O_PATH: %s", outcome(handle));
	refused("read, O_PATH", read(handle, buf, PAGE), EBADF);
	refused("pread, O_PATH", pread(handle, buf, PAGE, 0), EBADF);
	refused("write, O_PATH", write(handle, buf, PAGE), EBADF);
	refused("F_GET_SEALS, O_PATH", fcntl(handle, F_GET_SEALS), EBADF);
	refused("fchmod, O_PATH", syscall_by_number(nr.__NR_fchmod, handle, 0o600), EBADF);
	allowed("size, O_PATH", size_of(handle), SIZE);
	refused("mmap, O_PATH", mmap(0, PAGE, PROT_READ, MAP_SHARED, handle, 0), EBADF);
	refused("fallocate, O_PATH", fallocate(handle, PUNCH, 0, PAGE), EBADF);
	refused("ftruncate, O_PATH", ftruncate(handle, 0), EBADF);
	refused("open through O_PATH", open(`/proc/self/fd/${handle}`, O_RDWR), ENXIO);
	untouched("reading");
	close(handle);
	close(fd);
	test_handle_alone();
}

/** A handle keeps the file, memory and all, when the last descriptor is closed. */
function test_handle_alone(): void {
	const fd = filled_fd(), handle = open(`/proc/self/fd/${fd}`, O_PATH);

	allowed("close", close(fd));
	allowed("size, the handle left", size_of(handle), SIZE);
	allowed("pages, the handle left", pages_of(handle), SIZE / PAGE);
	refused("open through the handle", open(`/proc/self/fd/${handle}`, O_RDWR), ENXIO);
	allowed("close", close(handle));
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
		["punch and unknown", PUNCH | 0x100],
	] as const)
		refused(what, fallocate(fd, mode, 0, PAGE), EOPNOTSUPP);
	for (const [what, mode] of [
		["punch and collapse", PUNCH | FALLOC_FL_COLLAPSE_RANGE],
		["punch and insert", PUNCH | FALLOC_FL_INSERT_RANGE],
		["punch and unshare", PUNCH | FALLOC_FL_UNSHARE_RANGE],
	] as const)
		refused(what, fallocate(fd, mode, 0, PAGE), EINVAL);
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

	/* by whichever call */
	const p = malloc(256), empty = malloc(1);
	poke(empty, new Uint8Array(1));
	allowed("newfstatat", syscall_by_number(nr.__NR_newfstatat, fd, empty, p, AT_EMPTY_PATH));
	const at = struct_stat.of(peek(p, 256));
	check(at.st_ino === st.st_ino && at.st_size === BigInt(SIZE), "newfstatat: st_size %d",
		at.st_size);
	allowed("statx", syscall_by_number(nr.__NR_statx, fd, empty, AT_EMPTY_PATH, 0x7ff, p));
	const stx = struct_statx.of(peek(p, 256));
	check(stx.stx_ino === st.st_ino && stx.stx_size === BigInt(SIZE) &&
		stx.stx_blocks === BigInt(SIZE / 512), "statx: stx_size %d", stx.stx_size);
	allowed("fstatfs", syscall_by_number(nr.__NR_fstatfs, fd, p));
	const magic = new DataView(peek(p, 8).buffer).getUint32(0, true);
	check(magic === INACCESSIBLE_MAGIC, "fstatfs: 0x%x", magic);
	allowed("syncfs", syscall_by_number(nr.__NR_syncfs, fd));
	close(fd);
	close(other);
}

function test_dup(): void {
	printf("memfd-inaccessible: DUP\n");
	const fd = new_fd();
	const copies = [dup(fd), dup2(fd, 300), fcntl(fd, F_DUPFD_CLOEXEC, 200),
		syscall_by_number(nr.__NR_dup3, fd, 301, O_CLOEXEC)];

	for (const copy of copies) {
		check(copy >= 0, "dup: %s", outcome(copy));
		refused("read of a copy", read(copy, buf, PAGE), EINVAL);
		refused("mmap of a copy", mmap(0, PAGE, PROT_READ, MAP_SHARED, copy, 0), ENODEV);
	}
	check(fcntl(copies[2]!, F_GETFD) === FD_CLOEXEC, "F_DUPFD_CLOEXEC: %d",
		fcntl(copies[2]!, F_GETFD));
	check(fcntl(copies[3]!, F_GETFD) === FD_CLOEXEC, "dup3: %d", fcntl(copies[3]!, F_GETFD));

	/* one file: what is done through one of them the others see */
	allowed("ftruncate of a copy", ftruncate(copies[0]!, SIZE));
	allowed("size", size_of(fd), SIZE);
	refused("ftruncate of the original", ftruncate(fd, 2 * SIZE), EPERM);
	allowed("fallocate of a copy", fallocate(copies[1]!, 0, 0, SIZE));
	allowed("pages", pages_of(fd), SIZE / PAGE);
	close(fd);
	allowed("punch after the original is closed", fallocate(copies[2]!, PUNCH, 0, PAGE));
	allowed("pages", pages_of(copies[0]!), SIZE / PAGE - 1);
	allowed("close_range", syscall_by_number(nr.__NR_close_range, 300, 301, 0));
	refused("fallocate of one of a closed range", fallocate(301, PUNCH, 0, PAGE), EBADF);
	copies.forEach(close);
	refused("fallocate of what is closed", fallocate(copies[0]!, 0, 0, PAGE), EBADF);
}

export function* main(): wait<number> {
	const fd = memfd_create("probe", MFD_INACCESSIBLE);
	if (fd < 0) {
		printf("# memfd_create(MFD_INACCESSIBLE): %m\n");
		return 1;
	}
	close(fd);
	make_buf();

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
	yield* test_tasks();
	yield* test_vms();
	printf("memfd-inaccessible: %s\n", failure_count() === 0 ? "DONE" : "FAILED");
	return failure_count() === 0 ? 0 : 1;
}
