// SPDX-License-Identifier: GPL-2.0
/*
 * fork() with each of its allocations failed in turn: an errno, and nothing left behind.
 */
import { expect, it } from "vitest";
import "#generated/vmlinux.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { user_load32, user_store32, user_store8 } from "#hw/isa.ts";
import { set_next_child, syscall } from "#arch/x86/entry/syscall_64.ts";
import { __NR_clone, __NR_fork, __NR_mmap, __NR_open, __NR_wait4, __NR_write } from
	"#uapi-asm/unistd_64.ts";
import { ENOMEM, ERESTARTWAIT } from "#linux/errno.ts";
import { kernel_run, start_kernel } from "#linux/init/main.ts";
import { current } from "#linux/sched_types.ts";
import { slab_live_counts } from "#mm/slab_common.ts";
import { uncaught_exceptions } from "#linux/sched/core.ts";
import { warn_count, oops_count } from "#linux/panic.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { nr_free_pages } from "#linux/swap.ts";

type prog = Generator<void, number, void>;

function counts(): string {
	return JSON.stringify([[...slab_live_counts()].filter(([, n]) => n !== 0).sort(),
		nr_free_pages()]);
}

function* wait(pid: number): Generator<void, number, void> {
	for (;;) {
		const ret = syscall(__NR_wait4, pid, 0, 0, 0);
		if (ret !== -ERESTARTWAIT)
			return ret;
		yield;
	}
}

function write_file(path: string, text: string): void {
	const buf = syscall(__NR_mmap, 0, 4096, 3, 0x22, -1, 0);
	[...`${path}\0${text}`].forEach((c, i) => user_store8(buf + i, c.charCodeAt(0)));
	const fd = syscall(__NR_open, buf, 1, 0);
	expect(fd).toBeGreaterThanOrEqual(0);
	expect(syscall(__NR_write, fd, buf + path.length + 1, text.length)).toBe(text.length);
}

/* @make: the call, which answers a pid; how often it could fail */
function* fail_each(make: () => number, reap: boolean): Generator<void, number, void> {
	let n = 1;
	for (;; n++) {
		/* what the last one left to RCU */
		yield;
		rcu_barrier();
		const before = counts();
		current.fail_nth = n;
		const pid = make();
		const left = current.fail_nth;
		current.fail_nth = 0;
		if (left !== 0) {
			/* fewer than n allocations: it went through */
			expect(pid).toBeGreaterThan(0);
			if (reap)
				yield* wait(pid);
			return n - 1;
		}
		if (pid > 0) {
			/* a failure that is coped with (a page table page shared or tried again) */
			if (reap)
				yield* wait(pid);
			continue;
		}
		expect(pid).toBe(-ENOMEM);
		rcu_barrier();
		expect(counts()).toBe(before);
	}
}

it("fork and clone fail cleanly", () => {
	memory_install(2 ** 28);
	cpus_install(1);
	start_kernel({ seed: 1 });
	let forks = 0, clones = 0;

	function* p(): prog {
		for (const what of ["failslab", "fail_page_alloc"])
			write_file(`/sys/kernel/debug/${what}/ignore-gfp-wait`, "N");
		const a = syscall(__NR_mmap, 0, 1 << 23, 3, 0x22, -1, 0);
		for (let i = 0; i < 1 << 23; i += 1 << 19)
			user_store32(a + i, i);
		forks = yield* fail_each(() => {
			set_next_child(function* () {
				yield;
				return user_load32(a) === 0 ? 0 : 1;
			});
			return syscall(__NR_fork);
		}, true);
		clones = yield* fail_each(() => {
			set_next_child(function* () {
				yield;
				return 0;
			});
			return syscall(__NR_clone, 0x10f00n);
		}, false);
		return 0;
	}
	const status = kernel_run(p(), "p");
	if (uncaught_exceptions.length !== 0)
		throw uncaught_exceptions[0];
	expect(status).toBe(0);
	expect(forks).toBeGreaterThan(10);
	expect(clones).toBeGreaterThan(0);
	expect([warn_count, oops_count]).toEqual([0, 0]);
});
