// SPDX-License-Identifier: GPL-2.0
/*
 * A booted host whose programs are the bodies of tests.
 */
import { afterAll, beforeAll, expect } from "vitest";
import "#generated/vmlinux.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { get_nr_dentry } from "#linux/dcache.ts";
import { get_nr_files, get_nr_inodes } from "#linux/fs.ts";
import { kernel_run, start_kernel } from "#linux/init/main.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { flush_delayed_fput } from "#linux/file.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { task_exited } from "#linux/sched/exit.ts";
import { errno, run_thread, struct_thread, type user_code } from "#tools/include/nolibc/arch.ts";

export type body = () => void | user_code;

/** One host for the tests of a file; at the end nothing may be left of them. */
export function boot_fs(): void {
	let before = "";

	beforeAll(() => {
		memory_install(2 ** 29);
		cpus_install(2);
		start_kernel({ seed: 1 });
		before = counts();
	});
	afterAll(() => {
		expect(counts()).toBe(before);
	});
}

/** Open files, inodes and dentries that live. */
export function counts(): string {
	flush_delayed_fput();
	rcu_barrier();
	return `files ${get_nr_files()} inodes ${get_nr_inodes()} dentries ${get_nr_dentry()}`;
}

/** Runs @fn as a program of its own; what it throws, the caller gets. Its wait status. */
export function in_task(fn: body): number {
	let thrown: unknown = null;

	function* main(): user_code {
		try {
			const code = fn();
			if (code)
				yield* code;
		} catch (e) {
			if (e instanceof task_exited)
				throw e;
			thrown = e;
		}
		return 0;
	}
	log_buf_clear();
	const status = kernel_run(run_thread(new struct_thread(), main()), "kunit");
	if (thrown)
		throw thrown;
	expect(kmsg_text().filter((l) => /WARNING|BUG|Oops|INFO:/.test(l))).toEqual([]);
	return status;
}

/** -errno of a libc-style result. */
export function err(ret: number): number {
	return ret < 0 ? -errno() : ret;
}
