// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: whether this allocation shall fail.
 *
 * Upstream: include/linux/fault-inject.h and lib/fault-inject.c. Left out: stack filters. The files
 * of debugfs are made by linux/fault-inject/fault-inject.ts, where it is linked in.
 */
import { weak } from "#asm-generic/registry.ts";
import { pr_notice, pr_warn } from "#linux/printk.ts";
import { dump_stack } from "#linux/panic.ts";
import { in_task } from "#linux/preempt.ts";
import { prandom_u32 } from "#linux/prandom.ts";
import { current } from "#linux/sched_types.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";
export { should_fail_alloc_page } from "#mm/page_alloc.ts";
export { should_failslab } from "#mm/slub.ts";
export { __should_failslab } from "#mm/failslab.ts";

export class struct_fault_attr {
	probability = 0;
	interval = 1;
	times = 1;
	space = 0;
	verbose = 2;
	task_filter = false;
	no_warn = false;
	count = 0;
	dname = "";
}

export function setup_fault_attr(attr: struct_fault_attr, str: string): number {
	const m = /^(\d+),(\d+),(-?\d+),(-?\d+)/.exec(str);

	if (m === null) {
		pr_warn("FAULT_INJECTION: failed to parse arguments\n");
		return 0;
	}

	attr.interval = Number(m[1]);
	attr.probability = Number(m[2]);
	attr.space = Number(m[3]);
	attr.times = Number(m[4]);

	return 1;
}

function fail_dump(attr: struct_fault_attr): void {
	if (attr.no_warn)
		return;

	if (attr.verbose > 0) {
		pr_notice("FAULT_INJECTION: forcing a failure.\n" +
			"name %s, interval %d, probability %d, space %d, times %d\n", attr.dname,
			attr.interval, attr.probability, attr.space, attr.times);
		if (attr.verbose > 1)
			dump_stack();
	}
}

function fail_task(_attr: struct_fault_attr, task: struct_task_struct): boolean {
	return in_task() && task.make_it_fail !== 0;
}

/** lib/fault-inject.c:should_fail(); a task's fail_nth takes precedence over the attributes. */
export function should_fail(attr: struct_fault_attr, size: number): boolean {
	fail: {
		if (current.fail_nth !== 0 && in_task()) {
			const fail_nth = current.fail_nth - 1;

			current.fail_nth = fail_nth;
			if (fail_nth === 0)
				break fail;

			return false;
		}

		if (attr.probability === 0)
			return false;

		if (attr.task_filter && !fail_task(attr, current))
			return false;

		if (attr.times === 0)
			return false;

		if (attr.space > size) {
			attr.space -= size;
			return false;
		}

		if (attr.interval > 1) {
			attr.count++;
			if (attr.count % attr.interval !== 0)
				return false;
		}

		if (attr.probability <= prandom_u32() % 100)
			return false;
	}

	fail_dump(attr);

	if (attr.times > 0)
		attr.times--;

	return true;
}

/** A file of /sys/kernel/debug/<dir>/: one number or, as "Y" and "N", one flag. */
export interface fault_attr_file {
	readonly name: string;
	readonly kind: "ul" | "atomic" | "bool";
	get(): number;
	set(value: number): void;
}

export interface fault_attr_dir {
	readonly name: string;
	readonly files: fault_attr_file[];
}

/** What fault_create_debugfs_attr() made: the directories below /sys/kernel/debug. */
export const fault_attr_dirs: fault_attr_dir[] = [];

function create_file(dir: fault_attr_dir, file: fault_attr_file): void {
	dir.files.push(file);
	weak("fault_debugfs_create_file", (_dir: fault_attr_dir, _file: fault_attr_file): void =>
		undefined)(dir, file);
}

export function debugfs_create_bool(name: string, dir: fault_attr_dir, get: () => boolean,
	set: (v: boolean) => void): void {
	create_file(dir, { name, kind: "bool", get: () => Number(get()), set: (v) => set(v !== 0) });
}

export function debugfs_create_u32(name: string, dir: fault_attr_dir, get: () => number,
	set: (v: number) => void): void {
	create_file(dir, { name, kind: "ul", get, set });
}

export function fault_create_debugfs_attr(name: string, attr: struct_fault_attr): fault_attr_dir {
	const dir: fault_attr_dir = { name, files: [] };
	const file = (file_name: string, kind: "ul" | "atomic",
		field: "probability" | "interval" | "times" | "space" | "verbose"): void => {
		create_file(dir, {
			name: file_name,
			kind,
			get: () => attr[field],
			set: (v) => {
				attr[field] = v;
			},
		});
	};

	file("probability", "ul", "probability");
	file("interval", "ul", "interval");
	file("times", "atomic", "times");
	file("space", "atomic", "space");
	file("verbose", "ul", "verbose");
	debugfs_create_bool("task-filter", dir, () => attr.task_filter, (v) => {
		attr.task_filter = v;
	});

	attr.dname = name;
	fault_attr_dirs.push(dir);
	return dir;
}
