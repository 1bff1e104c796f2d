// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on in the host around the private memory of a guest that runs: attempts to get at it,
 * caches that are dropped, memory that breaks, descriptors that are closed, a second VM with the
 * same file.
 *
 * Port-only. Of each check the guest is part: it has to find what it left.
 */
import { memchk, memset } from "#hw/isa_guest.ts";
import { EHWPOISON } from "#uapi/asm-generic/errno.ts";
import { O_PATH, O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_EXIT_IO, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
	KVM_PRIVATE_MEM_TESTING_BITMAP,
} from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MADV_DONTNEED, MADV_PAGEOUT, MADV_REMOVE, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED,
	PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import {
	close, copy_file_range, dup, errno, errno_name, fallocate, fstat, ftruncate, madvise,
	malloc, memfd_create, mmap, munmap, open, peek, pipe, pread, printf, pwrite, read,
	read_file, sendfile, splice, syscall_by_number, write, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import {
	__vcpu_run, exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_DONE, type guest_program,
	GUEST_SYNC, kvm_vm_free, REPORT_GUEST_ASSERT, type struct_kvm_vcpu, type struct_kvm_vm,
	struct_ucall, UCALL_ABORT, UCALL_DONE, UCALL_SYNC, vcpu_run, virt_map, type wait,
} from "./include/kvm_util.ts";
import {
	require_private_mem_testing, vm_create_with_private_mem_testing, vm_mem_add,
	vm_mem_set_shared,
} from "./include/private_mem.ts";
import { TEST_ASSERT } from "./include/test_util.ts";

const PAGE	= 4096;
const PAGES	= 8;
const SIZE	= PAGES * PAGE;
const GPA	= 2 ** 32;
const SLOT	= 10;
const SZ_2M	= 2 ** 21;
/* a hint for mmap(), on a large page's boundary */
const HVA	= 2 ** 40;
const SECRET	= 0x5e;
const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const STATE	= "/sys/kernel/debug/privmem/state";
const CORRUPT	= "/sys/kernel/debug/privmem/corrupt";
const PUNCH	= FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;

function* guest_expects(pattern: number): guest_program {
	yield* GUEST_ASSERT(yield* memchk(GPA, pattern, SIZE), `memory is 0x${pattern.toString(16)}`);
}

/** Leaves a secret; finds it; finds nothing after a hole was punched. */
function* guest_code(): guest_program {
	yield* memset(GPA, SECRET, SIZE);
	yield* GUEST_SYNC(0);
	yield* guest_expects(SECRET);
	yield* GUEST_SYNC(1);
	yield* guest_expects(0);
	yield* GUEST_DONE();
}

/** Finds what another VM left, then a hole. */
function* guest_reader(): guest_program {
	yield* guest_expects(SECRET);
	yield* GUEST_SYNC(0);
	yield* guest_expects(0);
	yield* GUEST_DONE();
}

function ok(r: number, what: string): number {
	TEST_ASSERT(r >= 0, "%s: %s", what, errno_name(errno()));
	return r;
}

/* what a check works with */
class guest {
	readonly vm: struct_kvm_vm;
	readonly vcpu: struct_kvm_vcpu;
	readonly hva: number;
	readonly size: number;
	readonly fd: number;

	constructor(mode: number, code: () => guest_program, fd = new_file(), size = SIZE,
		offset = 0) {
		const vcpus: struct_kvm_vcpu[] = [];

		this.vm = vm_create_with_private_mem_testing(mode, 1024, 1, code, vcpus);
		this.vcpu = vcpus[0]!;
		this.fd = fd;
		this.size = size;
		/* so that there can be large pages, whatever there is at present */
		this.hva = ok(mmap(HVA, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), "mmap");
		vm_mem_add(this.vm, this.hva, GPA, SLOT, size, 0, fd, offset);
		virt_map(this.vm, GPA, GPA, size / PAGE);
	}

	/** Runs to the next call, which has to be @cmd. */
	* run_to(cmd: number): wait {
		const uc = new struct_ucall(), run = this.vcpu.run;

		yield* vcpu_run(this.vcpu);
		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "Unexpected exit reason %u (%s)",
			run.exit_reason, exit_reason_str(run.exit_reason));
		if ((yield* get_ucall(this.vcpu, uc)) === UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		TEST_ASSERT(uc.cmd === cmd, "ucall %u, expected %u", uc.cmd, cmd);
	}

	/** The secret is still there, is gone after a hole, and then all goes. */
	* finish(): wait {
		yield* this.run_to(UCALL_SYNC);
		ok(fallocate(this.fd, PUNCH, 0, SIZE), "punching a hole");
		yield* this.run_to(UCALL_DONE);
		this.free();
		close(this.fd);
	}

	free(): void {
		kvm_vm_free(this.vm);
		munmap(this.hva, this.size);
	}
}

function new_file(size = SIZE): number {
	const fd = ok(memfd_create("host", MFD_INACCESSIBLE), "memfd_create");

	ok(ftruncate(fd, size), "ftruncate");
	return fd;
}

function pages_of(fd: number): number {
	return Number(fstat(fd)!.st_blocks) * 512 / PAGE;
}

function pages_are(fd: number, pages: number, when: string): void {
	TEST_ASSERT(pages_of(fd) === pages, "%d pages in the file %s, expected %d", pages_of(fd),
		when, pages);
}

function free_pages(): number {
	return Number(/^free (\d+)$/m.exec(read_file(STATE) ?? "")![1]);
}

/* ---- attempts ------------------------------------------------------------------------------- */

/* where calls put what they read */
let buf = 0;

function no_secret(at: number, size: number, what: string): void {
	TEST_ASSERT(!peek(at, size).includes(SECRET), "%s shows the secret", what);
}

/** Every call that takes a descriptor and hands bytes over, from and to the file. */
function try_calls(fd: number): void {
	const call = (n: number, ...args: number[]): number => syscall_by_number(n, fd, ...args);
	const plain = ok(memfd_create("plain", 0), "memfd_create"), ends = pipe()!;
	const off = malloc(8);

	ok(ftruncate(plain, SIZE), "ftruncate");
	for (const [what, r] of [
		["read", read(fd, buf, PAGE)], ["pread", pread(fd, buf, PAGE, 0)],
		["write", write(fd, buf, PAGE)], ["pwrite", pwrite(fd, buf, PAGE, 0)],
		["sendfile", sendfile(plain, fd, null, PAGE)],
		["sendfile at 0", sendfile(plain, fd, 0, PAGE)],
		["sendfile to it", sendfile(fd, plain, 0, PAGE)],
		["splice", splice(fd, ends[1], PAGE, 0)],
		["splice at 0", call(nr.__NR_splice, off, ends[1], 0, PAGE, 0)],
		["copy_file_range", copy_file_range(fd, 0, plain, 0, PAGE, 0)],
		["copy_file_range to it", copy_file_range(plain, 0, fd, 0, PAGE, 0)],
		["mmap", mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0)],
		["mmap private", mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)],
		["open", open(`/proc/self/fd/${fd}`, O_RDWR)],
	] as const)
		TEST_ASSERT(r < 0, "%s: %d", what, r);
	no_secret(buf, PAGE, "a buffer");
	ok(pread(plain, buf, PAGE, 0), "pread");
	no_secret(buf, PAGE, "another file");
	[plain, ...ends].forEach(close);
}

/** Neither the file nor the slot's addresses let anybody in. */
function* test_attempts(mode: number): wait {
	const g = new guest(mode, guest_code);

	yield* g.run_to(UCALL_SYNC);
	try_calls(g.fd);
	const handle = ok(open(`/proc/self/fd/${g.fd}`, O_PATH), "O_PATH");
	try_calls(handle);
	close(handle);
	no_secret(g.hva, SIZE, "the slot's user memory");
	for (const advice of [MADV_PAGEOUT, MADV_DONTNEED, MADV_REMOVE])
		madvise(g.hva, SIZE, advice);
	syscall_by_number(nr.__NR_fadvise64, g.fd, 0, 0, 4);
	for (let at = 0; at < SIZE; at += PAGE)
		ok(read_zeros(g.hva + at), "reading /dev/zero");
	pages_are(g.fd, PAGES, "after all attempts");
	yield* g.finish();
}

function read_zeros(at: number): number {
	const fd = ok(memfd_create("zeros", 0), "memfd_create");

	ok(ftruncate(fd, PAGE), "ftruncate");
	const r = read(fd, at, PAGE);
	close(fd);
	return r;
}

/** What is dropped is what can be read again from somewhere, and this cannot. */
function* test_drop_caches(mode: number, fill: boolean): wait {
	const g = new guest(mode, guest_code);

	if (fill)
		ok(fallocate(g.fd, 0, 0, SIZE), "fallocate");
	yield* g.run_to(UCALL_SYNC);
	ok(write_file("/proc/sys/vm/drop_caches", "1\n"), "drop_caches");
	pages_are(g.fd, PAGES, "after drop_caches");
	yield* g.finish();
}

/**
 * A fallocate() that fails takes back what it has added, and no more: not the first or the last
 * page it came across, which the guest has.
 */
function* test_failing_fallocate(mode: number, first: number): wait {
	const g = new guest(mode, guest_code, new_file(3 * SIZE), SIZE, SIZE);

	yield* g.run_to(UCALL_SYNC);
	for (const dir of ["failslab", "fail_page_alloc"]) {
		ok(write_file(`/sys/kernel/debug/${dir}/ignore-gfp-wait`, "N\n"), dir);
		ok(write_file(`/sys/kernel/debug/${dir}/verbose`, "0\n"), dir);
	}
	ok(write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N\n"), "highmem");
	ok(write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0\n"), "min-order");
	let n = 1;
	for (let failed = true; failed; n++) {
		TEST_ASSERT(n < 100, "no end of it");
		ok(write_file("/proc/self/fail-nth", `${n}`), "fail-nth");
		failed = fallocate(g.fd, 0, first, 3 * SIZE - first) < 0;
		/* it may be this that gets what is left of n */
		while (write_file("/proc/self/fail-nth", "0") < 0)
			continue;
		if (failed)
			pages_are(g.fd, PAGES, "after a fallocate() that failed");
	}
	TEST_ASSERT(n - 2 >= PAGES, "it failed only %d times", n - 2);
	yield* g.run_to(UCALL_SYNC);
	ok(fallocate(g.fd, PUNCH, 0, 3 * SIZE), "punching a hole");
	yield* g.run_to(UCALL_DONE);
	g.free();
	close(g.fd);
}

function* guest_at_the_end(): guest_program {
	yield* memset(GPA + SZ_2M, SECRET, PAGE);
	yield* GUEST_SYNC(0);
	yield* GUEST_ASSERT(yield* memchk(GPA + SZ_2M, SECRET, PAGE), "the last page is the same");
	yield* GUEST_SYNC(1);
	yield* memset(GPA + SZ_2M + PAGE, SECRET, PAGE);
	yield* GUEST_DONE();
}

/**
 * The file ends in the middle of a huge page: what is beyond its end the kernel may split off and
 * free, so the guest does not get it until the file grows.
 */
function* test_end_of_file(mode: number): wait {
	ok(write_file(SHMEM_ENABLED, "always\n"), SHMEM_ENABLED);
	const g = new guest(mode, guest_at_the_end, new_file(SZ_2M + PAGE), 2 * SZ_2M);

	yield* g.run_to(UCALL_SYNC);
	pages_are(g.fd, 512, "with a huge page at its end");
	ok(write_file("/proc/sys/vm/drop_caches", "2\n"), "drop_caches");
	pages_are(g.fd, 1, "with its end split off");
	yield* g.run_to(UCALL_SYNC);

	const r = yield* __vcpu_run(g.vcpu);
	TEST_ASSERT(r < 0, "KVM_RUN beyond the end: %d, exit %u", r, g.vcpu.run.exit_reason);
	ok(fallocate(g.fd, 0, SZ_2M + PAGE, PAGE), "fallocate");
	yield* g.run_to(UCALL_DONE);
	g.free();
	close(g.fd);
	ok(write_file(SHMEM_ENABLED, "never\n"), SHMEM_ENABLED);
}

const BROKEN	= 3;

function* guest_of_broken_page(): guest_program {
	yield* memset(GPA, SECRET, SIZE);
	yield* GUEST_SYNC(0);
	yield* GUEST_ASSERT(yield* memchk(GPA, SECRET, BROKEN * PAGE), "in front of it");
	yield* GUEST_ASSERT(yield* memchk(GPA + BROKEN * PAGE, 0, PAGE), "a new page");
	yield* GUEST_ASSERT(yield* memchk(GPA + (BROKEN + 1) * PAGE, SECRET,
		SIZE - (BROKEN + 1) * PAGE), "behind it");
	yield* GUEST_DONE();
}

/** A page that breaks is no more the guest's, until there is another in its place. */
function* test_broken_page(mode: number, size: number): wait {
	ok(write_file(SHMEM_ENABLED, size === SIZE ? "never\n" : "always\n"), SHMEM_ENABLED);
	const g = new guest(mode, guest_of_broken_page, new_file(size), size);

	yield* g.run_to(UCALL_SYNC);
	pages_are(g.fd, size / PAGE, "when the guest has been there");
	ok(write_file(CORRUPT, `${g.fd} ${BROKEN}`), CORRUPT);
	for (let i = 0; i < 2; i++) {
		const r = yield* __vcpu_run(g.vcpu);
		TEST_ASSERT(r < 0 && errno() === EHWPOISON, "KVM_RUN on a broken page: %d %s", r,
			errno_name(errno()));
	}
	ok(fallocate(g.fd, PUNCH, BROKEN * PAGE, PAGE), "punching a hole");
	yield* g.run_to(UCALL_DONE);
	g.free();
	close(g.fd);
	ok(write_file(SHMEM_ENABLED, "never\n"), SHMEM_ENABLED);
}

/** Shared memory of a private slot is ordinary memory, which is not in the file. */
function* test_shared_part(mode: number): wait {
	const g = new guest(mode, guest_code);

	vm_mem_set_shared(g.vm, GPA, SIZE);
	yield* g.run_to(UCALL_SYNC);
	pages_are(g.fd, 0, "with all memory shared");
	TEST_ASSERT(peek(g.hva, SIZE).every((b) => b === SECRET), "shared memory was not written");
	ok(write_file("/proc/sys/vm/drop_caches", "1\n"), "drop_caches");
	yield* g.run_to(UCALL_SYNC);
	ok(madvise(g.hva, SIZE, MADV_DONTNEED), "madvise");
	yield* g.run_to(UCALL_DONE);
	g.free();
	close(g.fd);
}

/** The VM, and with it the memory, lives as long as a vCPU's descriptor. */
function* test_vcpu_last(mode: number): wait {
	/* once before, for what is made once */
	for (let i = 0; i < 2; i++) {
		const g = new guest(mode, guest_code);
		const vcpu_fd = ok(dup(g.vcpu.fd), "dup");

		yield* g.run_to(UCALL_SYNC);
		close(g.fd);
		const free = free_pages();
		g.free();
		TEST_ASSERT((read_file(STATE) ?? "").includes(`slot 0:${SLOT}`), "the slot went");
		TEST_ASSERT(free_pages() - free < PAGES + 1024, "the guest's memory went");
		close(vcpu_fd);
		TEST_ASSERT(!(read_file(STATE) ?? "").includes(`slot 0:${SLOT}`), "the slot stayed");
		TEST_ASSERT(free_pages() - free >= PAGES, "the guest's memory stayed");
	}
}

/**
 * This version ties no file to a VM: whoever has the descriptor can make a guest that reads it.
 * Holes have to reach each of them.
 */
function* test_two_vms(mode: number, first_dies: boolean): wait {
	const fd = new_file();
	const one = new guest(mode, guest_code, fd);
	yield* one.run_to(UCALL_SYNC);
	const two = new guest(mode, guest_reader, fd);
	yield* two.run_to(UCALL_SYNC);

	if (first_dies) {
		one.free();
		pages_are(fd, PAGES, "when its first VM is gone");
	} else {
		yield* one.run_to(UCALL_SYNC);
	}
	ok(fallocate(fd, PUNCH, 0, SIZE), "punching a hole");
	yield* two.run_to(UCALL_DONE);
	if (!first_dies) {
		yield* one.run_to(UCALL_DONE);
		one.free();
	}
	two.free();
	close(fd);
}

export function* main(): wait<number> {
	require_private_mem_testing();
	buf = malloc(PAGE);

	for (const mode of [KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_PRIVATE_MEM_TESTING_BITMAP]) {
		printf("attempts to get at it, mode %d\n", mode);
		yield* test_attempts(mode);
		printf("caches dropped, mode %d\n", mode);
		yield* test_drop_caches(mode, false);
		yield* test_drop_caches(mode, true);
		printf("fallocate() that fails, mode %d\n", mode);
		yield* test_failing_fallocate(mode, 0);
		yield* test_failing_fallocate(mode, SIZE);
		printf("huge pages and the end of the file, mode %d\n", mode);
		yield* test_end_of_file(mode);
		printf("broken memory, mode %d\n", mode);
		yield* test_broken_page(mode, SIZE);
		yield* test_broken_page(mode, SZ_2M);
		printf("the last descriptor, mode %d\n", mode);
		yield* test_vcpu_last(mode);
		printf("a second VM, mode %d\n", mode);
		yield* test_two_vms(mode, false);
		yield* test_two_vms(mode, true);
	}
	yield* test_shared_part(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
	return 0;
}
