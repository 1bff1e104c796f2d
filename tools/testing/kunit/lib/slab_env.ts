// SPDX-License-Identifier: GPL-2.0
/*
 * The slab for the tests of the container libraries: its failures on demand, its live objects, and
 * what the kernel warned about.
 */
import { initcalls_of } from "#asm-generic/registry.ts";
import { fault_attr_dirs, type fault_attr_dir } from "#linux/fault-inject.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import type { struct_kmem_cache } from "#linux/slab.ts";
import { reset } from "#tools/testing/kunit/core/core_env.ts";

let failslab: fault_attr_dir | null = null;
let node_size = 0;

function set(name: string, value: number): void {
	failslab!.files.find((f) => f.name === name)!.set(value);
}

export function setup(): void {
	reset();
	for (const call of initcalls_of("late"))
		if (call.object === "mm/failslab")
			call.fn();
	failslab = fault_attr_dirs.find((dir) => dir.name === "failslab")!;
	set("ignore-gfp-wait", 0);
	set("verbose", 0);
}

/** Of the allocations from caches of @cache's object size, @n succeed from now on; -1: all. */
export function fail_after(n: number, cache?: struct_kmem_cache): void {
	node_size = cache?.object_size ?? node_size;
	set("times", -1);
	set("space", n < 0 ? 0 : n * node_size + 1);
	set("probability", n < 0 ? 0 : 100);
}

export function live_nodes(cache: struct_kmem_cache): number {
	return cache.nr_live;
}

/** Warnings since the last call. */
export function warnings(): string[] {
	const text = kmsg_text().filter((line) => !line.startsWith("FAULT_INJECTION"));

	log_buf_clear();
	return text;
}
