// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM can call to get at its TD's private memory.
 *
 * Port-only. Calls that this kernel does not have (ENOSYS), or files (ENOENT), are tried all the
 * same: what they would act on is the VMM's mappings, of which none has a private page.
 */
import { F_ADD_SEALS, F_SEAL_WRITE, O_PATH, O_RDWR } from "#uapi/linux/fcntl.ts";
import { FICLONE } from "#uapi/linux/fs.ts";
import { MFD_ALLOW_SEALING } from "#uapi/linux/memfd.ts";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE,
	MREMAP_FIXED, MREMAP_MAYMOVE, PROT_EXEC, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import { close, copy_file_range, dup, errno, errno_name, exit, fcntl, fork, ftruncate, getpid,
	ioctl, malloc, memfd_create, mmap, mremap, open, peek, pipe, poke, pread, printf, pwrite,
	read, sendfile, splice, syscall_by_number, u64_bytes, write } from
	"#tools/include/nolibc/nolibc.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import type { struct_td } from "../include/x86_64/tdx.ts";

const PAGE = 4096, RW = PROT_READ | PROT_WRITE, MOVE = MREMAP_MAYMOVE | MREMAP_FIXED;
const __NR_ptrace = 101, __NR_process_vm_readv = 310, __NR_process_vm_writev = 311;
const __NR_userfaultfd = 323, __NR_io_uring_setup = 425, __NR_remap_file_pages = 216;
const PTRACE_ATTACH = 16;

type attempt = readonly [string, () => number];

interface tools {
	readonly buf: number;
	/** struct iovec of it */
	readonly iov: number;
	readonly plain: number;
	readonly ends: [number, number];
}

function iovec(base: number, len: number): number {
	const at = malloc(16);

	poke(at, u64_bytes(base));
	poke(at + 8, u64_bytes(len));
	return at;
}

/** Each takes the descriptor as a file like any other. */
function calls_on(fd: number, off: number, { buf, iov, plain, ends }: tools): attempt[] {
	const map = (prot: number, flags: number, at = 0) => (): number =>
		mmap(at, PAGE, prot, flags, fd, off);
	const vec = (n: number) => (): number => syscall_by_number(n, fd, iov, 1, off, 0);

	return [
		["mmap, shared", map(RW, MAP_SHARED)],
		["mmap, shared, validated", map(RW, MAP_SHARED_VALIDATE)],
		["mmap, private", map(RW, MAP_PRIVATE)],
		["mmap, to read", map(PROT_READ, MAP_SHARED | MAP_POPULATE)],
		["mmap, to execute", map(PROT_EXEC, MAP_PRIVATE)],
		["mmap over other memory", map(RW, MAP_SHARED | MAP_FIXED, buf)],
		["read", () => read(fd, buf, PAGE)],
		["write", () => write(fd, buf, PAGE)],
		["pread", () => pread(fd, buf, PAGE, off)],
		["pwrite", () => pwrite(fd, buf, 1, off)],
		["preadv", vec(nr.__NR_preadv)],
		["pwritev", vec(nr.__NR_pwritev)],
		["sendfile from it", () => sendfile(plain, fd, off, PAGE)],
		["sendfile to it", () => sendfile(fd, plain, 0, PAGE)],
		["splice from it", () => splice(fd, ends[1], PAGE, 0)],
		["splice to it", () => splice(ends[0], fd, PAGE, 0)],
		["copy_file_range from it", () => copy_file_range(fd, off, plain, 0, PAGE, 0)],
		["copy_file_range to it", () => copy_file_range(plain, 0, fd, off, PAGE, 0)],
		["ioctl FICLONE", () => ioctl(plain, FICLONE, fd)],
		["fcntl F_ADD_SEALS", () => fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)],
		["ftruncate", () => ftruncate(fd, off)],
	];
}

/** Ways to another descriptor of the same file. */
function reopen(td: struct_td): attempt[] {
	const again = (path: string, flags: number) => (): number => open(path, flags);

	return [
		["open /proc/self/fd, read-write", again(`/proc/self/fd/${td.private_fd}`, O_RDWR)],
		["open /proc/self/fd, read-only", again(`/proc/self/fd/${td.private_fd}`, 0)],
		["open /proc/self/map_files", again("/proc/self/map_files", 0)],
	];
}

/** Ways to memory by the VMM's address space, and not by the file. */
function around(td: struct_td, data: number, { buf, iov, ends }: tools): attempt[] {
	const at = td.hva + data, target = iovec(at, PAGE);
	const vm = (n: number) => (): number =>
		syscall_by_number(n, getpid(), iov, 1, target, 1, 0);

	return [
		["mmap of the VM", () => mmap(0, PAGE, RW, MAP_SHARED, td.fd, data)],
		["mmap of the vCPU, far off",
			() => mmap(0, PAGE, RW, MAP_SHARED, td.vcpus[0]!.fd, data) < 0 ? -1 :
				pwrite(td.vcpus[0]!.fd, buf, 1, data)],
		["mmap of /dev/kvm", () => mmap(0, PAGE, RW, MAP_SHARED, td.kvm, data)],
		["open /proc/self/mem", () => open("/proc/self/mem", O_RDWR)],
		["open /dev/mem", () => open("/dev/mem", O_RDWR)],
		["process_vm_readv", vm(__NR_process_vm_readv)],
		["process_vm_writev", vm(__NR_process_vm_writev)],
		["ptrace", () => syscall_by_number(__NR_ptrace, PTRACE_ATTACH, getpid(), 0, 0)],
		["vmsplice",
			() => syscall_by_number(nr.__NR_vmsplice, ends[1], target, 1, 0)],
		["userfaultfd", () => syscall_by_number(__NR_userfaultfd, 0)],
		["io_uring_setup", () => syscall_by_number(__NR_io_uring_setup, 1, buf)],
		["remap_file_pages", () =>
			syscall_by_number(__NR_remap_file_pages, at, PAGE, 0, data / PAGE, 0)],
	];
}

/** Everything that can be done to the slot's user memory; it all works, on shared memory. */
function use_shared(td: struct_td, data: number, secret: number, { buf, ends }: tools): void {
	const at = td.hva + data, other = mmap(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const no_secret = (va: number, what: string): void =>
		TEST_ASSERT(!peek(va, PAGE).includes(secret), "%s shows the TD's memory", what);

	no_secret(at, "the slot's user memory");
	/* into it by the kernel, by a child, at another address */
	write(ends[1], buf, PAGE);
	TEST_ASSERT(read(ends[0], at, PAGE) === PAGE, "read()");
	TEST_ASSERT(fork(function* () {
		yield;
		poke(at, new Uint8Array([1]));
		exit(0);
	}) > 0, "fork()");
	TEST_ASSERT(mremap(at, PAGE, PAGE, MOVE, other) === other, "mremap()");
	poke(other, new Uint8Array([2]));
	no_secret(other, "mremap()");
	TEST_ASSERT(mremap(other, PAGE, PAGE, MOVE, at) === at, "mremap()");
}

/**
 * Tries it all, by the descriptor, by a copy and by O_PATH; says how each call failed, and if there
 * was one that did not.
 */
export function try_everything(td: struct_td, data: number, secret: number): void {
	const buf = mmap(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), iov = iovec(buf, PAGE);
	const plain = memfd_create("plain", MFD_ALLOW_SEALING), ends = pipe()!;
	const t: tools = { buf, iov, plain, ends };
	const copy = dup(td.private_fd), handle = open(`/proc/self/fd/${copy}`, O_PATH);
	const errors = new Map<string, string[]>();
	let ways = 0;

	ftruncate(plain, PAGE);
	for (const [name, fn] of [...calls_on(td.private_fd, data, t), ...calls_on(copy, data, t),
		...calls_on(handle, data, t), ...reopen(td), ...around(td, data, t)]) {
		const r = fn(), error = errno_name(errno());
		if (r >= 0) {
			printf("VMM: %s leads to the TD's memory\n", name);
			ways++;
		} else if (!errors.get(error)?.includes(name)) {
			errors.set(error, [...errors.get(error) ?? [], name]);
		}
	}
	for (const [error, names] of errors)
		printf("# %s: %s\n", error, names.join("; "));
	use_shared(td, data, secret, t);
	if (ways === 0)
		printf("VMM: no call leads to the TD's memory\n");
	[plain, copy, handle, ...ends].forEach(close);
}
