// SPDX-License-Identifier: GPL-2.0
/*
 * What memfd_inaccessible.ts holds while it lets a call through to the file behind.
 *
 * Port-only.
 */
import { beforeAll, expect, test } from "vitest";
import { fget, fput } from "#linux/file.ts";
import { inode_is_locked } from "#linux/fs.ts";
import type { struct_file, struct_inode_operations } from "#linux/fs.types.ts";
import { inaccessible_nr_notifiers, inaccessible_register_notifier,
	inaccessible_unregister_notifier, struct_inaccessible_notifier } from "#linux/memfd.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { EOPNOTSUPP } from "#uapi/asm-generic/errno.ts";
import { errno } from "#tools/include/nolibc/arch.ts";
import { close, fallocate, ftruncate, memfd_create } from "#tools/include/nolibc/sys.ts";
import { boot_kvm, in_task, PAGE } from "../kvm/mmu_env.ts";

beforeAll(() => boot_kvm("intel"));

/** The tmpfs file that @file stands in front of. */
function behind(file: struct_file): struct_file {
	return (file.f_mapping!.private_data as { memfd: struct_file }).memfd;
}

test("the size is looked at and set under one lock, that of the inode behind", () => in_task(() => {
	const fd = memfd_create("kunit", MFD_INACCESSIBLE);
	const file = fget(fd)!;
	const inode = behind(file).f_inode!, i_op = inode.i_op;
	const locked: boolean[] = [];
	/* else an fallocate() could grow the file in between, and what it allocated be cut off */
	const probe: struct_inode_operations = { ...i_op, setattr: (ns, dentry, attr) => {
		locked.push(inode_is_locked(inode));
		return i_op.setattr!(ns, dentry, attr);
	} };

	inode.i_op = probe;
	expect(ftruncate(fd, 4 * PAGE)).toBe(0);
	inode.i_op = i_op;
	expect(locked).toEqual([true]);
	expect(inode_is_locked(inode)).toBe(false);
	expect(ftruncate(fd, 8 * PAGE)).toBe(-1);
	expect(inode_is_locked(inode)).toBe(false);
	fput(file);
	close(fd);
}));

test("only those hear of a hole who have something of it", () => in_task(() => {
	const PUNCH = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
	const fd = memfd_create("kunit", MFD_INACCESSIBLE), file = fget(fd)!;
	const heard: string[] = [];
	/* four pages each, and one for all */
	const notifiers = Array.from({ length: 100 }, (_, i) => {
		const notifier = new struct_inaccessible_notifier(null);

		notifier.ops = {
			invalidate_start: () => heard.push(`${i}`),
			invalidate_end: () => heard.push(`-${i}`),
		};
		if (i !== 99) {
			notifier.range.start = 4 * i;
			notifier.range.last = 4 * i + 3;
		}
		inaccessible_register_notifier(file, notifier);
		return notifier;
	});
	const punch = (first: number, pages: number): string[] => {
		heard.length = 0;
		expect(fallocate(fd, PUNCH, first * PAGE, pages * PAGE)).toBe(0);
		return heard.map(Number).sort((a, b) => a - b).map(String);
	};

	expect(ftruncate(fd, 1000 * PAGE)).toBe(0);
	expect(inaccessible_nr_notifiers(file)).toBe(100);
	expect(punch(8, 4)).toEqual(["-99", "-2", "2", "99"]);
	expect(punch(11, 6)).toEqual(["-99", "-4", "-3", "-2", "2", "3", "4", "99"]);
	expect(punch(500, 1)).toEqual(["-99", "99"]);
	expect(punch(0, 1000).length).toBe(200);
	for (const notifier of notifiers)
		inaccessible_unregister_notifier(file, notifier);
	expect(inaccessible_nr_notifiers(file)).toBe(0);
	expect(punch(0, 1000)).toEqual([]);
	fput(file);
	close(fd);
}));

test("nothing is allocated where the file behind has no way to", () => in_task(() => {
	const fd = memfd_create("kunit", MFD_INACCESSIBLE);
	const file = fget(fd)!;
	const memfd = behind(file), f_op = memfd.f_op;

	/* as shmem's is without tmpfs */
	const { fallocate: _, ...rest } = f_op!;
	memfd.f_op = rest;
	expect(fallocate(fd, 0, 0, PAGE)).toBe(-1);
	expect(errno()).toBe(EOPNOTSUPP);
	memfd.f_op = f_op;
	expect(fallocate(fd, 0, 0, PAGE)).toBe(0);
	fput(file);
	close(fd);
}));
