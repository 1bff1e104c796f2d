// SPDX-License-Identifier: GPL-2.0
/*
 * memfd_create() and sealing, case by case; "hugetlbfs" as argument runs all on huge pages.
 *
 * Upstream: tools/testing/selftests/memfd/memfd_test.c. A failure prints a line and aborts.
 */
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	F_ADD_SEALS, F_GET_SEALS, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK,
	F_SEAL_WRITE,
} from "#uapi/linux/fcntl.ts";
import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC } from "#uapi/asm-generic/fcntl.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC } from "#uapi/linux/memfd.ts";
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { CLONE_FILES, CLONE_FS, CLONE_VM } from "#uapi/linux/sched.ts";
import { EPERM } from "#uapi/asm-generic/errno-base.ts";
import { SIGCHLD, SIGTERM } from "#uapi/asm-generic/signal.ts";
import {
	abort, c_string, clone, close, dup, exit, fallocate, fcntl, fork, free, fstat, ftruncate,
	kill, malloc, MAP_FAILED, memset, mmap, mprotect, munmap, open, poke, printf, pwrite,
	read_bytes, sigmask_of, sigwait, user_load32, user_store32, user_store8, waitpid,
	write_bytes,
} from "#tools/include/nolibc/nolibc.ts";
import {
	default_huge_page_size, hugetlbfs_test, set_hugetlbfs_test, sys_memfd_create,
} from "./common.ts";

type pid_t = number;
type wait<T = void> = Generator<void, T, void>;

const MEMFD_STR		= "memfd:";
const MEMFD_HUGE_STR	= "memfd-hugetlb:";
const SHARED_FT_STR	= "(shared file-table)";

const MFD_DEF_SIZE	= 8192;
const S_IRUSR		= 0o400;
const S_IWUSR		= 0o200;

let mfd_def_size = MFD_DEF_SIZE;
let memfd_str = MEMFD_STR;

function mfd_assert_new(name: string, sz: number, flags: number): number {
	const fd = sys_memfd_create(name, flags);
	if (fd < 0) {
		printf("memfd_create(\"%s\", %u) failed: %m\n", name, flags);
		abort();
	}

	const r = ftruncate(fd, sz);
	if (r < 0) {
		printf("ftruncate(%llu) failed: %m\n", sz);
		abort();
	}

	return fd;
}

function mfd_assert_reopen_fd(fd_in: number): number {
	const fd = open(`/proc/self/fd/${fd_in}`, O_RDWR);
	if (fd < 0) {
		printf("re-open of existing fd %d failed\n", fd_in);
		abort();
	}

	return fd;
}

function mfd_fail_new(name: string | number | null, flags: number): void {
	const r = sys_memfd_create(name, flags);
	if (r >= 0) {
		printf("memfd_create(\"%s\", %u) succeeded, but failure expected\n", name, flags);
		close(r);
		abort();
	}
}

function mfd_assert_get_seals(fd: number): number {
	const r = fcntl(fd, F_GET_SEALS);
	if (r < 0) {
		printf("GET_SEALS(%d) failed: %m\n", fd);
		abort();
	}

	return r;
}

function mfd_assert_has_seals(fd: number, seals: number): void {
	const s = mfd_assert_get_seals(fd);
	if (s !== seals) {
		printf("%u != %u = GET_SEALS(%d)\n", seals, s, fd);
		abort();
	}
}

function mfd_assert_add_seals(fd: number, seals: number): void {
	const s = mfd_assert_get_seals(fd);
	const r = fcntl(fd, F_ADD_SEALS, seals);
	if (r < 0) {
		printf("ADD_SEALS(%d, %u -> %u) failed: %m\n", fd, s, seals);
		abort();
	}
}

function mfd_fail_add_seals(fd: number, seals: number): void {
	let s: number;
	let r = fcntl(fd, F_GET_SEALS);
	if (r < 0)
		s = 0;
	else
		s = r;

	r = fcntl(fd, F_ADD_SEALS, seals);
	if (r >= 0) {
		printf("ADD_SEALS(%d, %u -> %u) didn't fail as expected\n", fd, s, seals);
		abort();
	}
}

function mfd_assert_size(fd: number, size: number): void {
	const st = fstat(fd);
	if (st === null) {
		printf("fstat(%d) failed: %m\n", fd);
		abort();
	} else if (st.st_size !== BigInt(size)) {
		printf("wrong file size %lld, but expected %lld\n", st.st_size, size);
		abort();
	}
}

function mfd_assert_dup(fd: number): number {
	const r = dup(fd);
	if (r < 0) {
		printf("dup(%d) failed: %m\n", fd);
		abort();
	}

	return r;
}

function mfd_assert_mmap_shared(fd: number): number {
	const p = mmap(0, mfd_def_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}

	return p;
}

function mfd_assert_mmap_private(fd: number): number {
	const p = mmap(0, mfd_def_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}

	return p;
}

function mfd_assert_open(fd: number, flags: number, mode: number): number {
	const buf = `/proc/self/fd/${fd}`;
	const r = open(buf, flags, mode);
	if (r < 0) {
		printf("open(%s) failed: %m\n", buf);
		abort();
	}

	return r;
}

function mfd_fail_open(fd: number, flags: number, mode: number): void {
	const buf = `/proc/self/fd/${fd}`;
	const r = open(buf, flags, mode);
	if (r >= 0) {
		printf("open(%s) didn't fail as expected\n", buf);
		abort();
	}
}

function mfd_assert_read(fd: number): void {
	const l = read_bytes(fd, 16);
	if (l?.length !== 16) {
		printf("read() failed: %m\n");
		abort();
	}

	/* reading through a private mapping is always possible */
	let p = mmap(0, mfd_def_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}
	munmap(p, mfd_def_size);

	/* and so is a writable private one */
	p = mmap(0, mfd_def_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}
	munmap(p, mfd_def_size);
}

function mfd_assert_read_shared(fd: number): void {
	const p = mmap(0, mfd_def_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}
	munmap(p, mfd_def_size);
}

function* mfd_assert_fork_private_write(fd: number): wait {
	const p = mmap(0, mfd_def_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}

	user_store32(p, 22);

	const pid = fork(function* () {
		user_store32(p, 33);
		exit(0);
	});
	yield* waitpid(pid, 0);

	if (user_load32(p) !== 22) {
		printf("MAP_PRIVATE copy-on-write failed: %m\n");
		abort();
	}

	munmap(p, mfd_def_size);
}

function mfd_assert_write(fd: number): void {
	/* hugetlbfs has no write(), the rest holds there too */
	if (!hugetlbfs_test) {
		const l = write_bytes(fd, new Uint8Array(4));
		if (l !== 4) {
			printf("write() failed: %m\n");
			abort();
		}
	}

	let p = mmap(0, mfd_def_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}
	user_store8(p, 0);
	munmap(p, mfd_def_size);

	p = mmap(0, mfd_def_size, PROT_WRITE, MAP_SHARED, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}
	user_store8(p, 0);
	munmap(p, mfd_def_size);

	/* a read-only shared mapping may become writable later */
	p = mmap(0, mfd_def_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p === MAP_FAILED) {
		printf("mmap() failed: %m\n");
		abort();
	}

	let r = mprotect(p, mfd_def_size, PROT_READ | PROT_WRITE);
	if (r < 0) {
		printf("mprotect() failed: %m\n");
		abort();
	}

	user_store8(p, 0);
	munmap(p, mfd_def_size);

	r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, mfd_def_size);
	if (r < 0) {
		printf("fallocate(PUNCH_HOLE) failed: %m\n");
		abort();
	}
}

function mfd_fail_write(fd: number): void {
	const l = write_bytes(fd, c_string("data").subarray(0, 4));
	if (l !== -EPERM) {
		printf("expected EPERM on write(), but got %d: %m\n", l);
		abort();
	}

	let p = mmap(0, mfd_def_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p !== MAP_FAILED) {
		printf("mmap() didn't fail as expected\n");
		abort();
	}

	p = mmap(0, mfd_def_size, PROT_WRITE, MAP_SHARED, fd, 0);
	if (p !== MAP_FAILED) {
		printf("mmap() didn't fail as expected\n");
		abort();
	}

	/* where a read-only shared mapping is possible, it stays read-only */
	p = mmap(0, mfd_def_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p !== MAP_FAILED) {
		const r = mprotect(p, mfd_def_size, PROT_READ | PROT_WRITE);
		if (r >= 0) {
			printf("mmap()+mprotect() didn't fail as expected\n");
			abort();
		}
		munmap(p, mfd_def_size);
	}

	const r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, mfd_def_size);
	if (r >= 0) {
		printf("fallocate(PUNCH_HOLE) didn't fail as expected\n");
		abort();
	}
}

function mfd_assert_shrink(fd: number): void {
	const r = ftruncate(fd, mfd_def_size / 2);
	if (r < 0) {
		printf("ftruncate(SHRINK) failed: %m\n");
		abort();
	}

	mfd_assert_size(fd, mfd_def_size / 2);

	const fd2 = mfd_assert_open(fd, O_RDWR | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
	close(fd2);

	mfd_assert_size(fd, 0);
}

function mfd_fail_shrink(fd: number): void {
	const r = ftruncate(fd, mfd_def_size / 2);
	if (r >= 0) {
		printf("ftruncate(SHRINK) didn't fail as expected\n");
		abort();
	}

	mfd_fail_open(fd, O_RDWR | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
}

function mfd_assert_grow(fd: number): void {
	let r = ftruncate(fd, mfd_def_size * 2);
	if (r < 0) {
		printf("ftruncate(GROW) failed: %m\n");
		abort();
	}

	mfd_assert_size(fd, mfd_def_size * 2);

	r = fallocate(fd, 0, 0, mfd_def_size * 4);
	if (r < 0) {
		printf("fallocate(ALLOC) failed: %m\n");
		abort();
	}

	mfd_assert_size(fd, mfd_def_size * 4);
}

function mfd_fail_grow(fd: number): void {
	let r = ftruncate(fd, mfd_def_size * 2);
	if (r >= 0) {
		printf("ftruncate(GROW) didn't fail as expected\n");
		abort();
	}

	r = fallocate(fd, 0, 0, mfd_def_size * 4);
	if (r >= 0) {
		printf("fallocate(ALLOC) didn't fail as expected\n");
		abort();
	}
}

function mfd_assert_grow_write(fd: number): void {
	if (hugetlbfs_test)
		return;

	const buf = malloc(mfd_def_size * 8);
	if (!buf) {
		printf("malloc(%zu) failed: %m\n", mfd_def_size * 8);
		abort();
	}

	const l = pwrite(fd, buf, mfd_def_size * 8, 0);
	if (l !== mfd_def_size * 8) {
		printf("pwrite() failed: %m\n");
		abort();
	}
	free(buf);

	mfd_assert_size(fd, mfd_def_size * 8);
}

function mfd_fail_grow_write(fd: number): void {
	if (hugetlbfs_test)
		return;

	const buf = malloc(mfd_def_size * 8);
	if (!buf) {
		printf("malloc(%zu) failed: %m\n", mfd_def_size * 8);
		abort();
	}

	const l = pwrite(fd, buf, mfd_def_size * 8, 0);
	if (l === mfd_def_size * 8) {
		printf("pwrite() didn't fail as expected\n");
		abort();
	}
	free(buf);
}

function* idle_thread_fn(): wait<number> {
	/* only there to exist; SIGTERM ends it */
	yield* sigwait(sigmask_of(SIGTERM));

	return 0;
}

function spawn_idle_thread(flags: number): pid_t {
	const pid = clone(idle_thread_fn, SIGCHLD | flags);
	if (pid < 0) {
		printf("clone() failed: %m\n");
		abort();
	}

	return pid;
}

function* join_idle_thread(pid: pid_t): wait {
	kill(pid, SIGTERM);
	yield* waitpid(pid, 0);
}

/** Name and flag checks of memfd_create(). */
function test_create(): void {
	printf("%s CREATE\n", memfd_str);

	mfd_fail_new(null, 0);

	/* too long, without and with a NUL */
	const buf = malloc(4096);
	memset(buf, 0xff, 2048);
	mfd_fail_new(buf, 0);

	poke(buf + 2047, new Uint8Array(1));
	mfd_fail_new(buf, 0);
	free(buf);

	let fd = mfd_assert_new("", 0, 0);
	close(fd);

	mfd_fail_new("", 0x0100);
	mfd_fail_new("", ~MFD_CLOEXEC);
	mfd_fail_new("", ~MFD_ALLOW_SEALING);
	mfd_fail_new("", ~0);
	mfd_fail_new("", 0x80000000);

	fd = mfd_assert_new("", 0, MFD_CLOEXEC);
	close(fd);

	fd = mfd_assert_new("", 0, MFD_ALLOW_SEALING);
	close(fd);

	fd = mfd_assert_new("", 0, MFD_ALLOW_SEALING | MFD_CLOEXEC);
	close(fd);
}

/** Seals are set, read back, and closed by F_SEAL_SEAL. */
function test_basic(): void {
	printf("%s BASIC\n", memfd_str);

	let fd = mfd_assert_new("kern_memfd_basic", mfd_def_size, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_SHRINK | F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK | F_SEAL_WRITE);

	/* once more the same */
	mfd_assert_add_seals(fd, F_SEAL_SHRINK | F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK | F_SEAL_WRITE);

	mfd_assert_add_seals(fd, F_SEAL_GROW | F_SEAL_SEAL);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);

	mfd_fail_add_seals(fd, F_SEAL_GROW);
	mfd_fail_add_seals(fd, 0);

	close(fd);

	/* without MFD_ALLOW_SEALING there is nothing to seal */
	fd = mfd_assert_new("kern_memfd_basic", mfd_def_size, MFD_CLOEXEC);
	mfd_assert_has_seals(fd, F_SEAL_SEAL);
	mfd_fail_add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_SEAL);
	close(fd);
}

function test_seal_write(): void {
	printf("%s SEAL-WRITE\n", memfd_str);

	const fd = mfd_assert_new("kern_memfd_seal_write", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_WRITE);

	mfd_assert_read(fd);
	mfd_fail_write(fd);
	mfd_assert_shrink(fd);
	mfd_assert_grow(fd);
	mfd_fail_grow_write(fd);

	close(fd);
}

function* test_seal_future_write(): wait {
	printf("%s SEAL-FUTURE-WRITE\n", memfd_str);

	const fd = mfd_assert_new("kern_memfd_seal_future_write", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);

	const p = mfd_assert_mmap_shared(fd);

	mfd_assert_has_seals(fd, 0);

	mfd_assert_add_seals(fd, F_SEAL_FUTURE_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_FUTURE_WRITE);

	mfd_assert_read(fd);
	mfd_assert_read_shared(fd);
	mfd_fail_write(fd);

	/* a new open file description is bound all the same */
	const fd2 = mfd_assert_reopen_fd(fd);
	mfd_assert_read(fd2);
	mfd_assert_read_shared(fd2);
	mfd_fail_write(fd2);

	yield* mfd_assert_fork_private_write(fd);

	munmap(p, mfd_def_size);
	close(fd2);
	close(fd);
}

function test_seal_shrink(): void {
	printf("%s SEAL-SHRINK\n", memfd_str);

	const fd = mfd_assert_new("kern_memfd_seal_shrink", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_SHRINK);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK);

	mfd_assert_read(fd);
	mfd_assert_write(fd);
	mfd_fail_shrink(fd);
	mfd_assert_grow(fd);
	mfd_assert_grow_write(fd);

	close(fd);
}

function test_seal_grow(): void {
	printf("%s SEAL-GROW\n", memfd_str);

	const fd = mfd_assert_new("kern_memfd_seal_grow", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_GROW);
	mfd_assert_has_seals(fd, F_SEAL_GROW);

	mfd_assert_read(fd);
	mfd_assert_write(fd);
	mfd_assert_shrink(fd);
	mfd_fail_grow(fd);
	mfd_fail_grow_write(fd);

	close(fd);
}

function test_seal_resize(): void {
	printf("%s SEAL-RESIZE\n", memfd_str);

	const fd = mfd_assert_new("kern_memfd_seal_resize", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW);

	mfd_assert_read(fd);
	mfd_assert_write(fd);
	mfd_fail_shrink(fd);
	mfd_fail_grow(fd);
	mfd_fail_grow_write(fd);

	close(fd);
}

/** Descriptors made by dup() share seals. */
function test_share_dup(banner: string, b_suffix: string): void {
	printf("%s %s %s\n", memfd_str, banner, b_suffix);

	const fd = mfd_assert_new("kern_memfd_share_dup", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);

	const fd2 = mfd_assert_dup(fd);
	mfd_assert_has_seals(fd2, 0);

	mfd_assert_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE);

	mfd_assert_add_seals(fd2, F_SEAL_SHRINK);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE | F_SEAL_SHRINK);

	mfd_assert_add_seals(fd, F_SEAL_SEAL);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL);

	mfd_fail_add_seals(fd, F_SEAL_GROW);
	mfd_fail_add_seals(fd2, F_SEAL_GROW);
	mfd_fail_add_seals(fd, F_SEAL_SEAL);
	mfd_fail_add_seals(fd2, F_SEAL_SEAL);

	close(fd2);

	mfd_fail_add_seals(fd, F_SEAL_GROW);
	close(fd);
}

/** A writable shared mapping stands in the way of F_SEAL_WRITE, and only of that. */
function test_share_mmap(banner: string, b_suffix: string): void {
	printf("%s %s %s\n", memfd_str, banner, b_suffix);

	const fd = mfd_assert_new("kern_memfd_share_mmap", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);

	let p = mfd_assert_mmap_shared(fd);
	mfd_fail_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, 0);
	mfd_assert_add_seals(fd, F_SEAL_SHRINK);
	mfd_assert_has_seals(fd, F_SEAL_SHRINK);
	munmap(p, mfd_def_size);

	p = mfd_assert_mmap_private(fd);
	mfd_assert_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK);
	munmap(p, mfd_def_size);

	close(fd);
}

/** A reopened file is one of its own: same seals, but its own access mode. */
function test_share_open(banner: string, b_suffix: string): void {
	printf("%s %s %s\n", memfd_str, banner, b_suffix);

	let fd = mfd_assert_new("kern_memfd_share_open", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);

	let fd2 = mfd_assert_open(fd, O_RDWR, 0);
	mfd_assert_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE);

	mfd_assert_add_seals(fd2, F_SEAL_SHRINK);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE | F_SEAL_SHRINK);

	close(fd);
	fd = mfd_assert_open(fd2, O_RDONLY, 0);

	mfd_fail_add_seals(fd, F_SEAL_SEAL);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE | F_SEAL_SHRINK);

	close(fd2);
	fd2 = mfd_assert_open(fd, O_RDWR, 0);

	mfd_assert_add_seals(fd2, F_SEAL_SEAL);
	mfd_assert_has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL);
	mfd_assert_has_seals(fd2, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL);

	close(fd2);
	close(fd);
}

/** Seals hold in the presence of a forked child. */
function* test_share_fork(banner: string, b_suffix: string): wait {
	printf("%s %s %s\n", memfd_str, banner, b_suffix);

	const fd = mfd_assert_new("kern_memfd_share_fork", mfd_def_size,
		MFD_CLOEXEC | MFD_ALLOW_SEALING);
	mfd_assert_has_seals(fd, 0);

	const pid = spawn_idle_thread(0);
	mfd_assert_add_seals(fd, F_SEAL_SEAL);
	mfd_assert_has_seals(fd, F_SEAL_SEAL);

	mfd_fail_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_SEAL);

	yield* join_idle_thread(pid);

	mfd_fail_add_seals(fd, F_SEAL_WRITE);
	mfd_assert_has_seals(fd, F_SEAL_SEAL);

	close(fd);
}

export function* main(argc: number, argv: string[]): wait<number> {
	if (argc === 2) {
		if (argv[1] === "hugetlbfs") {
			const hpage_size = default_huge_page_size();

			if (!hpage_size) {
				printf("Unable to determine huge page size\n");
				abort();
			}

			set_hugetlbfs_test(1);
			memfd_str = MEMFD_HUGE_STR;
			mfd_def_size = hpage_size * 2;
		} else {
			printf("Unknown option: %s\n", argv[1]!);
			abort();
		}
	}

	test_create();
	test_basic();

	test_seal_write();
	yield* test_seal_future_write();
	test_seal_shrink();
	test_seal_grow();
	test_seal_resize();

	test_share_dup("SHARE-DUP", "");
	test_share_mmap("SHARE-MMAP", "");
	test_share_open("SHARE-OPEN", "");
	yield* test_share_fork("SHARE-FORK", "");

	/* all again beside a task with the same file table */
	const pid = spawn_idle_thread(CLONE_FILES | CLONE_FS | CLONE_VM);
	test_share_dup("SHARE-DUP", SHARED_FT_STR);
	test_share_mmap("SHARE-MMAP", SHARED_FT_STR);
	test_share_open("SHARE-OPEN", SHARED_FT_STR);
	yield* test_share_fork("SHARE-FORK", SHARED_FT_STR);
	yield* join_idle_thread(pid);

	printf("memfd: DONE\n");

	return 0;
}
