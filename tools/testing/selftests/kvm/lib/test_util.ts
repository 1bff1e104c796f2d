// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sizes, times, backing sources of guest memory.
 *
 * Upstream: tools/testing/selftests/kvm/lib/test_util.c. Left out: struct timespec arithmetic (a
 * time is a number of nanoseconds), get_run_delay().
 */
import {
	MAP_ANONYMOUS, MAP_HUGETLB, MAP_PRIVATE, MAP_SHARED,
} from "#uapi/linux/mman.ts";
import { O_RDONLY } from "#uapi/asm-generic/fcntl.ts";
import { clock_gettime, close, open, printf, type printf_arg, puts, read_file } from
	"#tools/include/nolibc/nolibc.ts";
import {
	DEFAULT_VM_MEM_SRC, NUM_SRC_TYPES, TEST_ASSERT, TEST_FAIL, VM_MEM_SRC_ANONYMOUS,
	VM_MEM_SRC_ANONYMOUS_HUGETLB, VM_MEM_SRC_ANONYMOUS_THP, VM_MEM_SRC_SHARED_HUGETLB,
	VM_MEM_SRC_SHMEM, type struct_vm_mem_backing_src_alias, type vm_mem_backing_src_type,
} from "../include/test_util.ts";

/** Parses "[0-9]+[kmgt]?". */
export function parse_size(size: string): number {
	TEST_ASSERT(/^\d/.test(size), "Need at least one digit in '%s'", size);

	const [, base, scale] = /^(0x[0-9a-f]+|\d+)(.?)/i.exec(size)!;
	const shift = "bkmgt".indexOf((scale === "" ? "b" : scale!).toLowerCase());
	TEST_ASSERT(shift >= 0, "Unknown size letter %c", scale!);

	return Number(base) * 1024 ** shift;
}

/** Nanoseconds since @start. */
export function timespec_elapsed(start: number): number {
	return clock_gettime() - start;
}

export function print_skip(fmt: string, ...args: printf_arg[]): void {
	printf(fmt, ...args);
	puts(", skipping test");
}

/* the kernel's configuration: asked once, not for each region of thousands */
let thp: boolean | null = null;

export function thp_configured(): boolean {
	if (thp !== null)
		return thp;

	const fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
	if (fd >= 0)
		close(fd);
	thp = fd >= 0;
	return thp;
}

export function get_trans_hugepagesz(): number {
	TEST_ASSERT(thp_configured(), "THP is not configured in host kernel");

	const text = read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
	TEST_ASSERT(text !== null, "Error in opening transparent_hugepage/hpage_pmd_size");
	return Number(text);
}

export function get_def_hugetlb_pagesz(): number {
	const text = read_file("/proc/meminfo");
	TEST_ASSERT(text !== null, "Error in opening /proc/meminfo");

	const m = /^Hugepagesize: *(\d+)/m.exec(text!);
	if (m === null)
		TEST_FAIL("HUGETLB is not configured in host kernel");
	return Number(m[1]) << 10;
}

const ANON_FLAGS	= MAP_PRIVATE | MAP_ANONYMOUS;
const ANON_HUGE_FLAGS	= ANON_FLAGS | MAP_HUGETLB;
const MAP_HUGE_SHIFT	= 26;

const huge = (name: string, order: number): struct_vm_mem_backing_src_alias =>
	({ name: `anonymous_hugetlb_${name}`, flag: ANON_HUGE_FLAGS | order << MAP_HUGE_SHIFT });

/* by vm_mem_backing_src_type */
const aliases: readonly struct_vm_mem_backing_src_alias[] = [
	{ name: "anonymous", flag: ANON_FLAGS },
	{ name: "anonymous_thp", flag: ANON_FLAGS },
	{ name: "anonymous_hugetlb", flag: ANON_HUGE_FLAGS },
	huge("16kb", 14),
	huge("64kb", 16),
	huge("512kb", 19),
	huge("1mb", 20),
	huge("2mb", 21),
	huge("8mb", 23),
	huge("16mb", 24),
	huge("32mb", 25),
	huge("256mb", 28),
	huge("512mb", 29),
	huge("1gb", 30),
	huge("2gb", 31),
	huge("16gb", 34),
	{ name: "shmem", flag: MAP_SHARED },
	/* the huge pages are the file's, not the mapping's */
	{ name: "shared_hugetlb", flag: MAP_SHARED },
];

export function vm_mem_backing_src_alias(i: number): struct_vm_mem_backing_src_alias {
	TEST_ASSERT(i < NUM_SRC_TYPES, "Backing src type ID %d too big", i);

	return aliases[i]!;
}

export function get_backing_src_pagesz(i: vm_mem_backing_src_type): number {
	const flag = vm_mem_backing_src_alias(i).flag;

	switch (i) {
	case VM_MEM_SRC_ANONYMOUS:
	case VM_MEM_SRC_SHMEM:
		return 4096;
	case VM_MEM_SRC_ANONYMOUS_THP:
		return get_trans_hugepagesz();
	case VM_MEM_SRC_ANONYMOUS_HUGETLB:
	case VM_MEM_SRC_SHARED_HUGETLB:
		return get_def_hugetlb_pagesz();
	default:
		return 2 ** (flag >>> MAP_HUGE_SHIFT & 0x3f);
	}
}

export function is_backing_src_hugetlb(i: vm_mem_backing_src_type): boolean {
	return (vm_mem_backing_src_alias(i).flag & MAP_HUGETLB) !== 0;
}

function print_available_backing_src_types(prefix: string): void {
	printf("%sAvailable backing src types:\n", prefix);

	for (let i = 0; i < NUM_SRC_TYPES; i++)
		printf("%s    %s\n", prefix, vm_mem_backing_src_alias(i).name);
}

export function backing_src_help(flag: string): void {
	printf(" %s: specify the type of memory that should be used to\n" +
		"     back the guest data region. (default: %s)\n",
	flag, vm_mem_backing_src_alias(DEFAULT_VM_MEM_SRC).name);
	print_available_backing_src_types("     ");
}

export function parse_backing_src_type(type_name: string): vm_mem_backing_src_type {
	for (let i = 0; i < NUM_SRC_TYPES; i++)
		if (type_name === vm_mem_backing_src_alias(i).name)
			return i;

	print_available_backing_src_types("");
	TEST_FAIL("Unknown backing src type: %s", type_name);
}
