// SPDX-License-Identifier: GPL-2.0
/*
 * Part of memfd_inaccessible_test: what is different for different processes and users, and what
 * is not.
 *
 * Port-only.
 */
import { EACCES, EFBIG, EINVAL, EMFILE, ENODEV, ENXIO, EPERM } from
	"#uapi/asm-generic/errno-base.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { RLIMIT_FSIZE, RLIMIT_NOFILE } from "#uapi/asm-generic/resource.ts";
import { SIGXFSZ } from "#uapi/asm-generic/signal.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MFD_CLOEXEC, MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { MAP_PRIVATE, MAP_SHARED, PROT_READ } from "#uapi/linux/mman.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import {
	close, fallocate, fstat, ftruncate, getrlimit, memfd_create, mmap, open, printf, read,
	setrlimit, SIG_IGN, sigaction, syscall_by_number, write,
} from "#tools/include/nolibc/nolibc.ts";
import {
	allowed, buf, check, filled_fd, in_child, new_fd, PAGE, pages_of, refused, SIZE, size_of,
	type wait,
} from "./inaccessible.ts";

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

/** Both limits are the process's own; SIGXFSZ would end it. */
function* test_limits(): wait {
	printf("memfd-inaccessible: LIMITS\n");

	yield* in_child("RLIMIT_FSIZE", () => {
		const limit = getrlimit(RLIMIT_FSIZE)!;
		sigaction(SIGXFSZ, SIG_IGN);
		allowed("setrlimit", setrlimit(RLIMIT_FSIZE, { ...limit,
			rlim_cur: BigInt(4 * PAGE) }));
		const fd = new_fd();
		refused("fallocate beyond", fallocate(fd, 0, 0, 5 * PAGE), EFBIG);
		refused("the same, keeping the size",
			fallocate(fd, FALLOC_FL_KEEP_SIZE, 4 * PAGE, PAGE), EFBIG);
		refused("ftruncate beyond", ftruncate(fd, 5 * PAGE), EFBIG);
		allowed("size", size_of(fd));
		allowed("pages", pages_of(fd));
		allowed("ftruncate up to it", ftruncate(fd, 4 * PAGE));
		allowed("fallocate up to it", fallocate(fd, 0, 0, 4 * PAGE));
	});
	yield* in_child("RLIMIT_NOFILE", () => {
		const limit = getrlimit(RLIMIT_NOFILE)!;
		allowed("setrlimit", setrlimit(RLIMIT_NOFILE, { ...limit, rlim_cur: 0n }));
		refused("one descriptor too many", memfd_create("x", MFD_INACCESSIBLE), EMFILE);
	});
}

/** Mode and owner are those of a file like any other; whatever they are, nothing is opened. */
function* test_owner(): wait {
	printf("memfd-inaccessible: OWNER\n");
	const fd = filled_fd();
	const chmod = (mode: number): number => syscall_by_number(nr.__NR_fchmod, fd, mode);
	const mode = (): number => fstat(fd)!.st_mode & 0o7777;

	allowed("fchmod", chmod(0o640));
	allowed("mode", mode(), 0o640);
	yield* in_child("another user", () => {
		allowed("setresuid", syscall_by_number(nr.__NR_setresuid, 1000, 1000, 1000));
		refused("fchmod of somebody else's", chmod(0o777), EPERM);
		refused("fchown of somebody else's",
			syscall_by_number(nr.__NR_fchown, fd, 1000, -1), EPERM);
	});
	allowed("mode", mode(), 0o640);
	allowed("fchown", syscall_by_number(nr.__NR_fchown, fd, 1000, 1000));
	check(fstat(fd)!.st_uid === 1000 && fstat(fd)!.st_gid === 1000, "st_uid %d st_gid %d",
		fstat(fd)!.st_uid, fstat(fd)!.st_gid);
	yield* in_child("the new owner", () => {
		allowed("setresuid", syscall_by_number(nr.__NR_setresuid, 1000, 1000, 1000));
		allowed("fchmod", chmod(0o777));
		refused("ftruncate", ftruncate(fd, 2 * SIZE), EPERM);
		refused("read", read(fd, buf, PAGE), EINVAL);
	});
	allowed("mode", mode(), 0o777);
	refused("open after fchmod", open(`/proc/self/fd/${fd}`, O_RDWR), ENXIO);
	refused("read after fchmod", read(fd, buf, PAGE), EINVAL);
	refused("mmap after fchmod", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	check(size_of(fd) === SIZE && pages_of(fd) === SIZE / PAGE, "the file changed");
	close(fd);
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

export function* test_tasks(): wait {
	yield* test_limits();
	yield* test_owner();
	yield* test_fork();
}
