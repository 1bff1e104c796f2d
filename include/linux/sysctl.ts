// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of /proc/sys.
 *
 * Upstream: include/linux/sysctl.h, kernel/sysctl.c (handlers of numbers). A table's data are
 * accessors; a handler reads or writes text as a whole.
 */
import { EINVAL } from "#linux/errno.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { seq_puts } from "#linux/seq_file.ts";

/** The variable behind an entry. */
export interface sysctl_data {
	get: () => number;
	set: (v: number) => void;
}

/** What a handler is given: text that was written, or text to be read. */
export class struct_sysctl_buffer {
	text = "";
}

/** @write 1: take buffer.text; 0: set it. 0 or -errno. */
export type proc_handler_t = (table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer) => number;

export interface struct_ctl_table {
	procname: string;
	/** one, or for vectors several */
	data?: sysctl_data | readonly sysctl_data[] | null;
	mode: number;
	proc_handler: proc_handler_t;
	/** lowest and highest value */
	extra1?: number | null;
	extra2?: number | null;
}

/** Accessors of a number field. */
export function sysctl_ulong<K extends string>(of: Record<K, number>, field: K): sysctl_data {
	return {
		get: () => of[field],
		set: (v) => {
			of[field] = v;
		},
	};
}

export const sysctl_int = sysctl_ulong;

export function sysctl_vals(...data: sysctl_data[]): readonly sysctl_data[] {
	return data;
}

/** @path below /proc/sys: "vm". */
export function register_sysctl(path: string, table: readonly struct_ctl_table[]): void {
	for (const entry of table) {
		const name = `/proc/sys/${path}/${entry.procname}`;

		proc_create_single(name, entry.mode,
			(m) => {
				const buffer = new struct_sysctl_buffer();
				const ret = entry.proc_handler(entry, 0, buffer);
				if (ret)
					return ret;
				seq_puts(m, buffer.text);
				return 0;
			},
			entry.mode & 0o222 ? (text) => {
				const buffer = new struct_sysctl_buffer();
				buffer.text = text;
				return entry.proc_handler(entry, 1, buffer);
			} : null);
	}
}

export const register_sysctl_init = register_sysctl;

const vector = (table: struct_ctl_table): readonly sysctl_data[] =>
	Array.isArray(table.data) ? table.data as readonly sysctl_data[] :
		table.data ? [table.data as sysctl_data] : [];

/* numbers separated by white space; null if something else stands there */
function parse(text: string): number[] | null {
	const out: number[] = [];

	for (const word of text.trim().split(/[\s]+/)) {
		if (word === "")
			continue;
		if (!/^-?(0x[0-9a-f]+|[0-9]+)$/i.test(word))
			return null;
		const neg = word.startsWith("-");
		const digits = neg ? word.slice(1) : word;
		const v = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
		out.push(neg ? -v : v);
	}
	return out;
}

function do_proc_vec(table: struct_ctl_table, write: number, buffer: struct_sysctl_buffer,
	lowest: number, highest: number, skip: boolean): number {
	const data = vector(table);

	if (!write) {
		buffer.text = `${data.map((d) => d.get()).join("\t")}\n`;
		return 0;
	}
	const values = parse(buffer.text);
	if (values === null || values.length === 0)
		return -EINVAL;
	for (const [i, d] of data.entries()) {
		const v = values[i];
		if (v === undefined)
			break;
		if (v < lowest || v > highest)
			return -EINVAL;
		if (v < (table.extra1 ?? -Infinity) || v > (table.extra2 ?? Infinity)) {
			/* unsigned longs out of range are left as they are */
			if (skip)
				continue;
			return -EINVAL;
		}
		d.set(v);
	}
	return 0;
}

/** kernel/sysctl.c:proc_dointvec() */
export function proc_dointvec(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	const { extra1: _1, extra2: _2, ...rest } = table;

	return do_proc_vec(rest, write, buffer, -0x80000000, 0x7fffffff, false);
}

/** kernel/sysctl.c:proc_dointvec_minmax() */
export function proc_dointvec_minmax(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	return do_proc_vec(table, write, buffer, -0x80000000, 0x7fffffff, false);
}

/** kernel/sysctl.c:proc_douintvec_minmax() */
export function proc_douintvec_minmax(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	return do_proc_vec(table, write, buffer, 0, 0xffffffff, false);
}

export const proc_douintvec = proc_douintvec_minmax;

/** kernel/sysctl.c:proc_doulongvec_minmax() */
export function proc_doulongvec_minmax(table: struct_ctl_table, write: number,
	buffer: struct_sysctl_buffer): number {
	return do_proc_vec(table, write, buffer, 0, Infinity, true);
}

