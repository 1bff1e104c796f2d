// SPDX-License-Identifier: GPL-2.0
/*
 * What the memfd tests share.
 *
 * Upstream: tools/testing/selftests/memfd/common.c.
 */
import { MFD_HUGETLB } from "#uapi/linux/memfd.ts";
import { memfd_create, read_file } from "#tools/include/nolibc/nolibc.ts";

export let hugetlbfs_test = 0;

export function set_hugetlbfs_test(on: number): void {
	hugetlbfs_test = on;
}

/** common.c:default_huge_page_size(), in bytes; 0 when /proc/meminfo does not say. */
export function default_huge_page_size(): number {
	const m = /^Hugepagesize: +(\d+) kB$/m.exec(read_file("/proc/meminfo") ?? "");
	return m === null ? 0 : Number(m[1]) * 1024;
}

/** common.c:sys_memfd_create() */
export function sys_memfd_create(name: string | number | null, flags: number): number {
	if (hugetlbfs_test)
		flags |= MFD_HUGETLB;
	return memfd_create(name, flags);
}
