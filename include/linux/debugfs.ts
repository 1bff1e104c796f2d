// SPDX-License-Identifier: GPL-2.0
/*
 * Files in /sys/kernel/debug.
 *
 * Upstream: include/linux/debugfs.h. A directory is its path; null stands for the root.
 */
import { proc_create, proc_create_single, proc_mkdir } from "#linux/proc_fs.ts";
import { kstrtobool, kstrtoull } from "#linux/kernel.ts";
import { seq_puts } from "#linux/seq_file.ts";
import type { struct_file_operations } from "#linux/fs.types.ts";
import { ref } from "#asm-generic/types.ts";
import { ERANGE } from "#linux/errno.ts";

export const DEBUGFS_ROOT = "/sys/kernel/debug";

/** A number elsewhere: a variable in C. */
export interface debugfs_value {
	get: () => number | bigint | boolean;
	set: (v: number) => void;
}

export function debugfs_create_dir(name: string, parent: string | null): string {
	const path = `${parent ?? DEBUGFS_ROOT}/${name}`;

	proc_mkdir(path);
	return path;
}

export function debugfs_create_file(name: string, mode: number, parent: string | null,
	data: unknown, fops: struct_file_operations): void {
	proc_create(`${parent ?? DEBUGFS_ROOT}/${name}`, mode, fops, data);
}

function create_number(name: string, mode: number, parent: string | null, value: debugfs_value,
	max: bigint, text: (v: bigint) => string): void {
	proc_create_single(`${parent ?? DEBUGFS_ROOT}/${name}`, mode,
		(m) => {
			seq_puts(m, `${text(BigInt(value.get()))}\n`);
			return 0;
		},
		(buf) => {
			const neg = /^-/.test(buf);
			const v = new ref(0n);
			const err = kstrtoull(neg ? buf.slice(1) : buf, 0, v);
			if (err)
				return err;
			if (v.v > max)
				return -ERANGE;
			value.set(neg ? -Number(v.v) : Number(v.v));
			return 0;
		});
}

export function debugfs_create_u32(name: string, mode: number, parent: string | null,
	value: debugfs_value): void {
	create_number(name, mode, parent, value, 0xffffffffn, String);
}

export function debugfs_create_ulong(name: string, mode: number, parent: string | null,
	value: debugfs_value): void {
	create_number(name, mode, parent, value, 0xffffffffffffffffn, String);
}

export const debugfs_create_size_t = debugfs_create_ulong;

export function debugfs_create_x32(name: string, mode: number, parent: string | null,
	value: debugfs_value): void {
	create_number(name, mode, parent, value, 0xffffffffn,
		(v) => `0x${v.toString(16).padStart(8, "0")}`);
}

export function debugfs_create_atomic_t(name: string, mode: number, parent: string | null,
	value: debugfs_value): void {
	create_number(name, mode, parent, value, 0x7fffffffn, String);
}

export function debugfs_create_bool(name: string, mode: number, parent: string | null,
	value: debugfs_value): void {
	proc_create_single(`${parent ?? DEBUGFS_ROOT}/${name}`, mode,
		(m) => {
			seq_puts(m, value.get() ? "Y\n" : "N\n");
			return 0;
		},
		(buf) => {
			const v = { v: false };
			const err = kstrtobool(buf, v);
			if (err)
				return err;
			value.set(v.v ? 1 : 0);
			return 0;
		});
}
