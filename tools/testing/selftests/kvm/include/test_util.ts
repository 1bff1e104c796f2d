// SPDX-License-Identifier: GPL-2.0-only
/*
 * Assertions, requirements, backing sources of guest memory.
 *
 * Upstream: tools/testing/selftests/kvm/include/test_util.h. Times are nanoseconds in a number.
 */
import { MAP_SHARED } from "#uapi/linux/mman.ts";
import { printf, type printf_arg } from "#tools/include/nolibc/nolibc.ts";
import { ksft_exit_skip } from "#tools/testing/selftests/kselftest.ts";
import { test_assert } from "../lib/assert.ts";
import { vm_mem_backing_src_alias } from "../lib/test_util.ts";

export { test_assert } from "../lib/assert.ts";
export { test_read, test_write } from "../lib/io.ts";
export { backing_src_help, get_backing_src_pagesz, get_def_hugetlb_pagesz, get_trans_hugepagesz,
	is_backing_src_hugetlb, parse_backing_src_type, parse_size, print_skip, thp_configured,
	timespec_elapsed, vm_mem_backing_src_alias } from "../lib/test_util.ts";

export function pr_debug(_fmt: string, ..._args: printf_arg[]): void {}

export function pr_info(fmt: string, ...args: printf_arg[]): void {
	printf(fmt, ...args);
}

/** Skips the program (exit status 4) unless @f. */
export function __TEST_REQUIRE(f: unknown, fmt: string, ...args: printf_arg[]): void {
	if (!f)
		ksft_exit_skip(`- ${fmt}\n`, ...args);
}

/** @what the requirement as C's macro would print it. */
export function TEST_REQUIRE(f: unknown, what: string): void {
	__TEST_REQUIRE(f, "Requirement not met: %s", what);
}

/** Ends the program with status 254 unless @e. */
export function TEST_ASSERT(e: boolean, fmt: string, ...args: printf_arg[]): asserts e {
	if (!e)
		test_assert(e, fmt, ...args);
}

/** @names the operands as they are written. */
export function ASSERT_EQ(a: number | bigint, b: number | bigint, names = "a, b"): void {
	/* 1 === 1n is false */
	if (BigInt(a) === BigInt(b))
		return;
	const [na, nb] = names.split(", ");
	test_assert(false, "ASSERT_EQ(%s, %s) failed.\n\t%s is %#lx\n\t%s is %#lx", na!, nb!, na!,
		a, nb!, b);
}

export function TEST_FAIL(fmt: string, ...args: printf_arg[]): never {
	test_assert(false, fmt, ...args);
	throw new Error("TEST_FAIL");
}

/* enum vm_mem_backing_src_type */
export const VM_MEM_SRC_ANONYMOUS			= 0;
export const VM_MEM_SRC_ANONYMOUS_THP			= 1;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB		= 2;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_16KB		= 3;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_64KB		= 4;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_512KB		= 5;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_1MB		= 6;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_2MB		= 7;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_8MB		= 8;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_16MB		= 9;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_32MB		= 10;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_256MB		= 11;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_512MB		= 12;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_1GB		= 13;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_2GB		= 14;
export const VM_MEM_SRC_ANONYMOUS_HUGETLB_16GB		= 15;
export const VM_MEM_SRC_SHMEM				= 16;
export const VM_MEM_SRC_SHARED_HUGETLB			= 17;
export const NUM_SRC_TYPES				= 18;
export type vm_mem_backing_src_type = number;

export const DEFAULT_VM_MEM_SRC = VM_MEM_SRC_ANONYMOUS;

export interface struct_vm_mem_backing_src_alias {
	readonly name: string;
	readonly flag: number;
}

export function backing_src_is_shared(t: vm_mem_backing_src_type): boolean {
	return (vm_mem_backing_src_alias(t).flag & MAP_SHARED) !== 0;
}

/** @x rounded up to @size, a power of two. */
export function align_up(x: number, size: number): number {
	TEST_ASSERT(size !== 0 && Number.isInteger(Math.log2(size)), "size not a power of 2: %lu",
		size);
	return Math.ceil(x / size) * size;
}

export function align_down(x: number, size: number): number {
	const x_aligned_up = align_up(x, size);

	if (x === x_aligned_up)
		return x;
	else
		return x_aligned_up - size;
}

export function align_ptr_up(x: number, size: number): number {
	return align_up(x, size);
}
