// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is mapped of private memory, and by pages of which size, as the VM's own counts have it:
 * after faults, conversions, holes, and whatever the host does to files and slots.
 *
 * Port-only.
 */
import { ld64n, stride_store64 } from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE } from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_HUGE_1GB, MAP_HUGETLB, MAP_NORESERVE, MAP_PRIVATE,
	PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	close, errno, errno_name, fallocate, ftruncate, madvise, malloc, memfd_create, mmap,
	munmap, printf, read_file, user_load32, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, guest_global, type guest_program, GUEST_SYNC, type hva_t,
	kvm_vm_free, kvm_vm_get_dirty_log, type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall,
	sync_global_to_guest, UCALL_SYNC, vcpu_run, vm_get_stat, type vm_paddr_t,
	vm_set_user_memory_region, type wait,
} from "../include/kvm_util.ts";
import {
	__vm_set_user_memory_region_ext, require_private_mem_testing,
	vm_create_with_private_mem_testing, vm_mem_add,
	vm_mem_set_private, vm_mem_set_shared,
} from "../include/private_mem.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { __virt_pg_map, PG_LEVEL_2M } from "../include/x86_64/processor.ts";

const PAGE	= 4096;
const SZ_2M	= 2 ** 21;
const SZ_1G	= 2 ** 30;
const SLOT0_PAGES	= 1024;

const DATA_SLOT	= 10;
const DATA_GPA	= 2 ** 32;

const PUNCH = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
const POOL_1G = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
const STATE	= "/sys/kernel/debug/privmem/state";
const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/* what the guest is to store to next */
const store_gpa = new guest_global();
const store_stride = new guest_global();
const store_count = new guest_global();

function* guest_code(): guest_program {
	for (;;) {
		yield* stride_store64(yield* ld64n(store_gpa.gva), yield* ld64n(store_stride.gva),
			yield* ld64n(store_count.gva), 0x5a5a5a5a5a5a5a5an);
		yield* GUEST_SYNC(0);
	}
}

/** Where a slot is, and what is behind it. */
interface place {
	slot: number;
	gpa: vm_paddr_t;
	size: number;
	/** in the file */
	offset: number;
	/** from the first address of what is shared; as in the file, if not said */
	at: number;
	flags: number;
}

/** A VM, a file, and what is mapped by the VM beside private memory. */
class machine {
	readonly vm: struct_kvm_vm;
	readonly vcpu: struct_kvm_vcpu;
	readonly fd: number;
	readonly hva: hva_t;
	readonly file_size: number;
	/** what is mapped of slot 0: the guest itself */
	private base_4k = 0;
	private base_2m = 0;

	/** @shared_flags: of mmap(), for what is shared. */
	constructor(file_size: number, shared_flags = MAP_NORESERVE) {
		const vcpus: struct_kvm_vcpu[] = [];

		this.vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
			SLOT0_PAGES, 1, guest_code, vcpus);
		this.vcpu = vcpus[0]!;
		this.file_size = file_size;
		this.fd = memfd_create("mapping", MFD_INACCESSIBLE);
		TEST_ASSERT(this.fd >= 0 && ftruncate(this.fd, file_size) === 0, "memfd: %s",
			errno_name(errno()));
		const slack = shared_flags & MAP_HUGETLB ? 0 : SZ_2M;
		const at = mmap(0, file_size + slack, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | shared_flags, -1, 0);
		TEST_ASSERT(at > 0, "mmap failed");
		this.hva = at + slack - at % SZ_2M;
		madvise(this.hva, file_size, MADV_HUGEPAGE);
	}

	/** A slot, all of the file if nothing else is said. */
	add(change: Partial<place> = {}): void {
		const p = { slot: DATA_SLOT, gpa: DATA_GPA, size: this.file_size, offset: 0,
			...change };

		vm_mem_add(this.vm, this.hva + (p.at ?? p.offset), p.gpa, p.slot, p.size,
			p.flags ?? 0, this.fd, p.offset);
	}

	remove(slot = DATA_SLOT, gpa = DATA_GPA): void {
		TEST_ASSERT(__vm_set_user_memory_region_ext(this.vm, slot, 0, gpa, 0, this.hva, -1,
			0) === 0, "removing slot %d: %s", slot, errno_name(errno()));
	}

	/**
	 * For the guest, by large pages whatever is behind; and nothing is mapped by KVM. @first:
	 * an address there that is private memory.
	 */
	* map(gpa: vm_paddr_t, size: number, first = gpa): wait {
		for (let at = 0; at < size; at += SZ_2M)
			__virt_pg_map(this.vm, gpa + at, gpa + at, PG_LEVEL_2M);
		yield* this.touch(first, 1);
		this.punch(0, this.file_size);
		this.base_4k = vm_get_stat(this.vm, "pages_4k");
		this.base_2m = vm_get_stat(this.vm, "pages_2m");
	}

	/** That so many pages are mapped since map(). */
	mapped(when: string, pages_4k: number, pages_2m = 0, pages_1g = 0): void {
		const got_4k = vm_get_stat(this.vm, "pages_4k") - this.base_4k;
		const got_2m = vm_get_stat(this.vm, "pages_2m") - this.base_2m;
		const got_1g = vm_get_stat(this.vm, "pages_1g");

		TEST_ASSERT(got_4k === pages_4k && got_2m === pages_2m && got_1g === pages_1g,
			"%s: mapped are %d pages of 4K, %d of 2M, %d of 1G; expected %d, %d, %d",
			when, got_4k, got_2m, got_1g, pages_4k, pages_2m, pages_1g);
	}

	/** The guest stores to each of @count pages at @gpa, @stride bytes apart. */
	* touch(gpa: vm_paddr_t, count: number, stride = PAGE): wait {
		const uc = new struct_ucall();

		store_gpa.v = BigInt(gpa);
		store_stride.v = BigInt(stride);
		store_count.v = BigInt(count);
		for (const g of [store_gpa, store_stride, store_count])
			sync_global_to_guest(this.vm, g);
		yield* vcpu_run(this.vcpu);
		const run = this.vcpu.run;
		TEST_ASSERT((yield* get_ucall(this.vcpu, uc)) === UCALL_SYNC, "exit reason %u (%s)",
			run.exit_reason, exit_reason_str(run.exit_reason));
	}

	fallocate(mode: number, offset: number, size: number): void {
		TEST_ASSERT(fallocate(this.fd, mode, offset, size) === 0, "fallocate() failed: %s",
			errno_name(errno()));
	}

	punch(offset: number, size: number): void {
		this.fallocate(PUNCH, offset, size);
	}

	close(): void {
		kvm_vm_free(this.vm);
		munmap(this.hva, this.file_size);
		close(this.fd);
	}
}

/** Allocating is no reason to unmap. */
function* test_fallocate(): wait {
	const m = new machine(SZ_2M);

	m.add();
	yield* m.map(DATA_GPA, SZ_2M);
	yield* m.touch(DATA_GPA, 256);
	m.mapped("touched", 256);
	m.fallocate(0, 0, SZ_2M);
	m.mapped("allocated", 256);
	m.fallocate(FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
	m.mapped("allocated again", 256);
	m.punch(PAGE, PAGE);
	m.mapped("punched", 255);
	m.close();
}

function shmem_enabled(policy: string): void {
	TEST_ASSERT(write_file(SHMEM_ENABLED, policy) >= 0, "writing %s failed", SHMEM_ENABLED);
}

/** Of each slot that a conversion meets, the large pages that it makes mixed are split. */
function* test_conversion_over_slots(): wait {
	const m = new machine(3 * SZ_2M);

	shmem_enabled("always");
	for (let i = 0; i < 3; i++)
		m.add({ slot: DATA_SLOT + i, gpa: DATA_GPA + i * SZ_2M, size: SZ_2M,
			offset: i * SZ_2M });
	yield* m.map(DATA_GPA, 3 * SZ_2M);
	yield* m.touch(DATA_GPA, 3, SZ_2M);
	m.mapped("touched", 0, 3);

	vm_mem_set_shared(m.vm, DATA_GPA + SZ_2M - PAGE, SZ_2M + 2 * PAGE);
	m.mapped("the end of the first to the start of the third shared", 0, 0);
	yield* m.touch(DATA_GPA, 1);
	m.mapped("the first touched", 1);
	yield* m.touch(DATA_GPA + 2 * SZ_2M + PAGE, 1);
	m.mapped("the third touched", 2);
	m.close();
}

/** Large pages are back when all of them is private again. */
function* test_there_and_back(): wait {
	const m = new machine(2 * SZ_2M);

	shmem_enabled("always");
	m.add();
	yield* m.map(DATA_GPA, 2 * SZ_2M);
	yield* m.touch(DATA_GPA, 2, SZ_2M);
	m.mapped("touched", 0, 2);

	for (const [offset, size] of [[PAGE, PAGE], [0, SZ_2M], [SZ_2M - PAGE, 2 * PAGE],
		[0, 2 * SZ_2M]] as const) {
		const name = `0x${offset.toString(16)} + 0x${size.toString(16)}`;

		vm_mem_set_shared(m.vm, DATA_GPA + offset, size);
		m.mapped(`${name} shared`, 0, offset + size <= SZ_2M ? 1 : 0);
		vm_mem_set_private(m.vm, DATA_GPA + offset, size);
		yield* m.touch(DATA_GPA, 2, SZ_2M);
		m.mapped(`${name} private again`, 0, 2);
	}

	/* made private in two steps, the second as small as can be */
	vm_mem_set_shared(m.vm, DATA_GPA, SZ_2M);
	vm_mem_set_private(m.vm, DATA_GPA, SZ_2M - PAGE);
	yield* m.touch(DATA_GPA, 2, SZ_2M);
	m.mapped("private but for a page", 1, 1);
	vm_mem_set_private(m.vm, DATA_GPA + SZ_2M - PAGE, PAGE);
	m.punch(0, SZ_2M);
	yield* m.touch(DATA_GPA, 2, SZ_2M);
	m.mapped("private, that page too", 0, 2);
	m.close();
}

/**
 * What is mixed at one level is so at the next. Private memory comes by 2M at most: it is shared
 * memory that shows it.
 */
function* test_all_levels(): wait {
	write_file(POOL_1G, "1");
	const m = new machine(SZ_1G, MAP_HUGETLB | MAP_HUGE_1GB);

	m.add();
	yield* m.map(DATA_GPA, SZ_1G);
	vm_mem_set_shared(m.vm, DATA_GPA, SZ_1G);
	yield* m.touch(DATA_GPA, 1);
	m.mapped("all shared", 0, 0, 1);

	vm_mem_set_private(m.vm, DATA_GPA + SZ_2M + PAGE, PAGE);
	yield* m.touch(DATA_GPA, 1);
	m.mapped("but for a page", 0, 1, 0);
	yield* m.touch(DATA_GPA + SZ_2M, 1);
	m.mapped("beside that page", 1, 1, 0);

	vm_mem_set_shared(m.vm, DATA_GPA + SZ_2M + PAGE, PAGE);
	m.mapped("shared, that page too", 1, 1, 0);
	yield* m.touch(DATA_GPA + 2 * SZ_2M, 1);
	m.mapped("beyond what was mapped", 0, 0, 1);
	m.close();
	write_file(POOL_1G, "0");
}

/** A large page has to begin at one of the guest's, of the file's and of the host's. */
function* test_alignment(): wait {
	shmem_enabled("always");
	/* pages by which the three are off the boundary of a large page */
	for (const [gpa, at, offset] of [[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1],
		[1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 1, 2], [3, 2, 1]] as const) {
		const large = gpa === at && gpa === offset ? 1 : 0;
		const name = `guest ${gpa}, shared ${at}, file ${offset}`;
		const m = new machine(3 * SZ_2M);

		m.add({ gpa: DATA_GPA + gpa * PAGE, size: 2 * SZ_2M, at: at * PAGE,
			offset: offset * PAGE });
		yield* m.map(DATA_GPA, 3 * SZ_2M, DATA_GPA + SZ_2M);

		yield* m.touch(DATA_GPA + SZ_2M, 1);
		m.mapped(`${name}: private`, 1 - large, large);
		vm_mem_set_shared(m.vm, DATA_GPA, 3 * SZ_2M);
		yield* m.touch(DATA_GPA + SZ_2M, 1);
		m.mapped(`${name}: shared`, 1 - large, large);

		/* the slot's last page: never a large one that reaches beyond */
		yield* m.touch(DATA_GPA + 2 * SZ_2M + (gpa - 1) * PAGE, 1);
		m.mapped(`${name}: the end`, large ? Math.min(gpa, 1) : 2, large);
		m.close();
	}
}

/** A slot finds what was converted before there was one. */
function* test_converted_before(): wait {
	const m = new machine(4 * SZ_2M);
	const touch_each = function* (): wait {
		/* the second page of each large one */
		yield* m.touch(DATA_GPA + PAGE, 4, SZ_2M);
	};

	shmem_enabled("always");
	/* the first page of the first, the last of the second, all of the third */
	vm_mem_set_shared(m.vm, DATA_GPA - PAGE, 2 * PAGE);
	vm_mem_set_shared(m.vm, DATA_GPA + 2 * SZ_2M - PAGE, SZ_2M + PAGE);
	m.add();
	yield* m.map(DATA_GPA, 4 * SZ_2M, DATA_GPA + PAGE);
	yield* touch_each();
	m.mapped("slot made", 2, 2);

	m.remove();
	vm_mem_set_private(m.vm, DATA_GPA, SZ_2M);
	vm_mem_set_shared(m.vm, DATA_GPA + 4 * SZ_2M - PAGE, PAGE);
	m.add();
	yield* touch_each();
	m.mapped("made again", 2, 2);

	vm_mem_set_private(m.vm, DATA_GPA, 4 * SZ_2M);
	yield* touch_each();
	m.mapped("all private", 0, 4);
	m.close();
}

/** Where there is no private memory, attributes mean nothing. */
function* test_plain_slot(): wait {
	const m = new machine(2 * SZ_2M);
	const plain_gpa = DATA_GPA + SZ_2M;

	shmem_enabled("always");
	m.add({ size: SZ_2M });
	vm_set_user_memory_region(m.vm, DATA_SLOT + 1, 0, plain_gpa, SZ_2M, m.hva + SZ_2M);
	yield* m.map(DATA_GPA, 2 * SZ_2M);
	yield* m.touch(plain_gpa, 1);
	m.mapped("touched", 0, 1);
	vm_mem_set_shared(m.vm, plain_gpa + PAGE, PAGE);
	yield* m.touch(plain_gpa, 1);
	m.mapped("a page of it \"shared\"", 0, 1);
	m.close();
}

/** A hole unmaps what the slot has of it: nothing, if it is all in front or behind. */
function* test_holes(): wait {
	/* further in the file than in the guest: a gfn may be less than the hole is in front */
	const base = 2 * DATA_GPA, m = new machine(base + 16 * PAGE);
	/* the slots' parts, in pages from there: [4, 8) and [8, 12) */
	const gpas = [DATA_GPA, DATA_GPA + SZ_2M] as const;

	gpas.forEach((gpa, i) => {
		m.add({ slot: DATA_SLOT + i, gpa, size: 4 * PAGE, offset: base + (4 + 4 * i) * PAGE,
			at: i * SZ_2M });
	});
	yield* m.map(DATA_GPA, 2 * SZ_2M);

	for (const [first, last, left] of [
		[0, 3, 8], [0, 0, 8], [3, 3, 8], [12, 15, 8], [12, 12, 8],
		[4, 4, 7], [7, 7, 7], [7, 8, 6], [3, 12, 0], [0, 15, 0],
		[2, 4, 7], [2, 7, 4], [8, 11, 4], [11, 14, 7], [5, 6, 6], [0, 8, 3],
	] as const) {
		yield* m.touch(gpas[0], 4);
		yield* m.touch(gpas[1], 4);
		m.mapped("touched", 8);
		m.punch(base + first * PAGE, (last - first + 1) * PAGE);
		m.mapped(`a hole of pages ${first} to ${last}`, left);
	}

	yield* m.touch(gpas[0], 4);
	yield* m.touch(gpas[1], 4);
	m.punch(0, PAGE);
	m.mapped("a hole at the file's start", 8);
	m.punch(2 ** 40, 2 ** 40);
	m.mapped("a hole beyond the file", 8);
	m.punch(0, base + 5 * PAGE);
	m.mapped("a hole from the file's start", 7);
	m.close();
}

/** By level, how many large pages each slot on the file must not have. */
function ruled_out(): string {
	return [...(read_file(STATE) ?? "").matchAll(/slot (.:\d+) .* large (\S+) offset/g)]
		.map(([, slot, large]) => `${slot} ${large}`).join(", ");
}

/** A conversion is one of gfns, in whichever address space; a hole reaches slots of both. */
function* test_second_address_space(): wait {
	const m = new machine(2 * SZ_2M), second = 2 ** 16 + DATA_SLOT;
	const large = (when: string, n: number, of_1g: number): void => {
		const expected = `0:10 ${n}/${of_1g}, 1:10 ${n}/${of_1g}`;
		TEST_ASSERT(ruled_out() === expected, "%s: %s, expected %s", when, ruled_out(),
			expected);
	};

	shmem_enabled("always");
	m.add();
	m.add({ slot: second });
	/* a page of 1G is larger than the slots */
	large("made", 0, 1);
	yield* m.map(DATA_GPA, 2 * SZ_2M);
	yield* m.touch(DATA_GPA, 2, SZ_2M);
	m.mapped("touched", 0, 2);
	vm_mem_set_shared(m.vm, DATA_GPA + PAGE, PAGE);
	m.mapped("a page shared", 0, 1);
	large("a page shared", 1, 1);

	/* one that is made later knows as much */
	m.remove(second);
	m.add({ slot: second });
	large("the second made again", 1, 1);
	vm_mem_set_private(m.vm, DATA_GPA + PAGE, PAGE);
	large("private again", 0, 1);

	yield* m.touch(DATA_GPA, 2, SZ_2M);
	m.mapped("touched again", 0, 2);
	m.remove();
	m.punch(0, SZ_2M);
	m.remove(second);
	TEST_ASSERT(ruled_out() === "", "both gone: %s", ruled_out());
	m.close();
}

/** Written pages, as a bit each, and clean from now on. */
function dirty(m: machine): number {
	const log = malloc(SZ_2M / PAGE / 8);

	kvm_vm_get_dirty_log(m.vm, DATA_SLOT, log);
	return user_load32(log);
}

/** Writes are logged whatever kind of memory they go to; to be made private is no write. */
function* test_dirty_log(): wait {
	const m = new machine(SZ_2M);
	const logged = (when: string, pages: number): void => {
		const got = dirty(m);
		TEST_ASSERT(got === pages, "%s: logged 0x%x, expected 0x%x", when, got, pages);
	};

	shmem_enabled("always");
	m.add({ flags: KVM_MEM_LOG_DIRTY_PAGES });
	yield* m.map(DATA_GPA, SZ_2M);
	dirty(m);
	yield* m.touch(DATA_GPA, 8);
	/* page by page, even from a huge page: one write is one bit */
	m.mapped("touched", 8);
	logged("private pages touched", 0xff);
	logged("nothing touched", 0);
	yield* m.touch(DATA_GPA + 2 * PAGE, 1);
	logged("a private page touched again", 0x04);

	vm_mem_set_shared(m.vm, DATA_GPA, 4 * PAGE);
	logged("pages shared", 0);
	yield* m.touch(DATA_GPA + 3 * PAGE, 2);
	logged("one of each kind touched", 0x18);
	vm_mem_set_private(m.vm, DATA_GPA, 4 * PAGE);
	logged("pages private again", 0);
	m.punch(0, 8 * PAGE);
	logged("pages punched", 0);
	yield* m.touch(DATA_GPA + 5 * PAGE, 1);
	logged("one touched after that", 0x20);
	m.close();
}

/** All of a large slot by large pages, and again after conversions and holes. */
function* test_gigabyte(): wait {
	const m = new machine(SZ_1G), n = SZ_1G / SZ_2M;

	shmem_enabled("always");
	m.add();
	yield* m.map(DATA_GPA, SZ_1G);
	yield* m.touch(DATA_GPA, n, SZ_2M);
	m.mapped("touched", 0, n);
	yield* m.touch(DATA_GPA + SZ_2M - PAGE, n, SZ_2M);
	m.mapped("touched elsewhere", 0, n);

	vm_mem_set_shared(m.vm, DATA_GPA, SZ_1G);
	m.mapped("shared", 0);
	vm_mem_set_private(m.vm, DATA_GPA, SZ_1G);
	yield* m.touch(DATA_GPA, n, SZ_2M);
	m.mapped("private again", 0, n);

	/* there page by page, back at once */
	for (let i = 0; i < 16; i++)
		vm_mem_set_shared(m.vm, DATA_GPA + i * (SZ_1G / 16) + i * PAGE, PAGE);
	m.mapped("pages of it shared", 0, n - 16);
	vm_mem_set_private(m.vm, DATA_GPA, SZ_1G);
	m.mapped("all private", 0);
	yield* m.touch(DATA_GPA, n, SZ_2M);
	m.mapped("all private and touched", 0, n);

	m.punch(0, SZ_1G);
	m.mapped("punched", 0);
	yield* m.touch(DATA_GPA, n, SZ_2M);
	m.mapped("from new pages", 0, n);
	m.close();
}

const tests: readonly [string, () => wait][] = [
	["what is mapped stays so when the file's pages are allocated", test_fallocate],
	["a conversion that several slots have part of", test_conversion_over_slots],
	["large pages after a conversion there and back", test_there_and_back],
	["a page that differs, in the levels above", test_all_levels],
	["slots that are not aligned as what is behind them", test_alignment],
	["conversions before there was a slot", test_converted_before],
	["a slot without private memory", test_plain_slot],
	["holes in, around and beside the slots' parts of a file", test_holes],
	["slots of both address spaces", test_second_address_space],
	["what is written, as the log has it", test_dirty_log],
	["a gigabyte", test_gigabyte],
];

export function* main(): wait<number> {
	require_private_mem_testing();
	const policy = /\[(.*)\]/.exec(read_file(SHMEM_ENABLED) ?? "")?.[1] ?? "never";

	for (const [name, test] of tests) {
		printf("%s\n", name);
		shmem_enabled("never");
		yield* test();
	}
	shmem_enabled(policy);
	return 0;
}
