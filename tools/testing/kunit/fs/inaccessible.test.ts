// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of inaccessible memory: what they say of themselves, what they let happen.
 */
import { describe, expect, it } from "vitest";
import { EINVAL, ENODEV, EPERM } from "#linux/errno.ts";
import { MAP_SHARED, PROT_EXEC, PROT_READ } from "#uapi/linux/mman.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MFD_ALLOW_SEALING, MFD_HUGETLB, MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { mmap } from "#tools/include/nolibc/mman.ts";
import { close, fallocate, fstat, ftruncate, memfd_create, read_bytes, write_bytes } from
	"#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "./fs_env.ts";

boot_fs();

describe("inaccessible memfd", () => {
	it("is refused with seals and on huge pages", () => {
		in_task(() => {
			expect(err(memfd_create("m", MFD_INACCESSIBLE | MFD_ALLOW_SEALING)))
				.toBe(-EINVAL);
			expect(err(memfd_create("m", MFD_INACCESSIBLE | MFD_HUGETLB)))
				.toBe(-EINVAL);
		});
	});

	it("is sized once and tells its size and blocks", () => {
		in_task(() => {
			const fd = memfd_create("m", MFD_INACCESSIBLE);

			expect(fstat(fd)!.st_size).toBe(0n);
			expect(err(ftruncate(fd, 100))).toBe(-EINVAL);
			expect(ftruncate(fd, 8192)).toBe(0);
			expect(err(ftruncate(fd, 4096))).toBe(-EPERM);
			expect(fallocate(fd, 0, 0, 8192)).toBe(0);
			expect(fstat(fd)!.st_size).toBe(8192n);
			expect(fstat(fd)!.st_blocks).toBe(16n);
			expect(err(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				100))).toBe(-EINVAL);
			expect(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096))
				.toBe(0);
			expect(fstat(fd)!.st_blocks).toBe(8n);
			close(fd);
		});
	});

	it("is neither read, written nor mapped, to execute least of all", () => {
		in_task(() => {
			const fd = memfd_create("m", MFD_INACCESSIBLE);

			expect(err(mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0))).toBe(-ENODEV);
			expect(err(mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0)))
				.toBe(-EPERM);

			expect(read_bytes(fd, 1)).toBe(null);
			expect(write_bytes(fd, new Uint8Array(1))).toBe(-1);
			close(fd);
		});
	});
});
