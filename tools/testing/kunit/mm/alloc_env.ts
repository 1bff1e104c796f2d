// SPDX-License-Identifier: GPL-2.0
/*
 * A machine with memory and a page allocator, and nothing else: what the tests of the allocators
 * run on. May be booted again and again in one realm.
 */
import { hpa_t } from "#asm-generic/types.ts";
import { memblock_add, memblock_free_all, memblock_reserve, memblock_reset } from
	"#linux/memblock.ts";
import {
	free_area_init, setup_per_cpu_pageset, sparse_init, totalram_pages, totalram_pages_add,
} from "#linux/mm.ts";
import { build_all_zonelists } from "#linux/mmzone.ts";
import { fault_attr_dirs, type fault_attr_file } from "#linux/fault-inject.ts";
import { log_buf_clear, kmsg_text } from "#linux/printk.ts";
import { panic_reset } from "#linux/panic.ts";
import { init_per_zone_wmark_min } from "#mm/page_alloc.ts";
import { swap_reset } from "#mm/swap.ts";
import { init_task_init } from "#linux/sched/fork.ts";
import { initcalls_of } from "#asm-generic/registry.ts";
import { cpus_install } from "#hw/cpu.ts";
import { E820_TYPE_RAM, memory_end_pfn, memory_install, memory_map } from "#hw/memory.ts";

export const MiB = 2 ** 20, GiB = 2 ** 30;

let initcalls_done = false;

/** @reserved: further ranges, in bytes, that boot keeps to itself. */
export function boot_memory(bytes: number, nr_cpus = 2,
	reserved: readonly { base: number; size: number }[] = []): void {
	memory_install(bytes);
	cpus_install(nr_cpus);
	memblock_reset();
	for (const r of memory_map())
		if (r.type === E820_TYPE_RAM)
			memblock_add(r.addr, r.size);
	memblock_reserve(hpa_t(0), 64 * 1024);
	for (const r of reserved)
		memblock_reserve(hpa_t(r.base), r.size);
	totalram_pages_add(-totalram_pages());
	sparse_init();
	free_area_init([2 ** 20, memory_end_pfn()]);
	build_all_zonelists(null);
	memblock_free_all();
	setup_per_cpu_pageset();
	init_per_zone_wmark_min();
	swap_reset();
	log_buf_clear();
	panic_reset();
	if (!initcalls_done) {
		initcalls_done = true;
		init_task_init();
		for (const call of initcalls_of("late"))
			if (/^mm\/(failslab|page_alloc)$/.test(call.object))
				call.fn();
	}
}

/** The file @name of /sys/kernel/debug/@dir. */
export function fault_file(dir: string, name: string): fault_attr_file {
	const file = fault_attr_dirs.find((d) => d.name === dir)?.files
		.find((f) => f.name === name);
	if (file === undefined)
		throw new Error(`no ${dir}/${name}`);
	return file;
}

/** What was printed since the last call. */
export function printed(): string {
	const text = kmsg_text().join("\n");
	log_buf_clear();
	return text;
}
