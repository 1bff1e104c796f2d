// SPDX-License-Identifier: GPL-2.0
/*
 * Ends of hosts: node scenarios.js NAME "OPTIONS". Prints what fatal.test.ts looks at, as JSON.
 *
 * Port-only.
 */
import { writeSync } from "node:fs";
import { GFP_KERNEL } from "#linux/gfp_types.ts";
import { __free_page, alloc_page } from "#linux/gfp.ts";
import { PageHWPoison } from "#linux/page-flags.ts";
import { kmsg_text } from "#linux/printk.ts";
import { syscall } from "#arch/x86/entry/syscall_64.ts";
import { clear_page, copy_page } from "#asm/page.ts";
import { __NR_ftruncate, __NR_pread64, __NR_pwrite64 } from "#uapi-asm/unistd_64.ts";
import { this_cpu } from "#hw/cpu.ts";
import { user_load8, user_movnti64, user_store8 } from "#hw/isa.ts";
import { mce_seam_root, mce_seamret, mce_td } from "#hw/mce.ts";
import { tme_movdir64b, tme_read } from "#hw/tme.ts";
import { MAP_SHARED, TD, boot_host, give_to_td, kernel, memfd, mmap, page_at, poison, run_program,
	scratch, sigbus_of } from "./host.ts";

/* what a scenario that the host survives has to say */
let found: unknown = null;

const scenarios: Record<string, () => void> = {
	copy_to_user(): void {
		const fd = memfd(), p = mmap(4096);

		syscall(__NR_pwrite64, fd, scratch, 8, 0);
		user_store8(p, 1);
		poison(page_at(p));
		syscall(__NR_pread64, fd, p, 8, 0);
	},
	read_file(): void {
		const fd = memfd(), p = mmap(4096);

		syscall(__NR_ftruncate, fd, 4096);
		const q = mmap(4096, MAP_SHARED, fd);
		user_store8(q, 1);
		poison(page_at(q));
		syscall(__NR_pread64, fd, p, 8, 0);
	},
	clear_page(): void {
		kernel(() => {
			const page = alloc_page(GFP_KERNEL)!;
			poison(page);
			clear_page(page);
		});
	},
	copy_page(): void {
		kernel(() => {
			const page = alloc_page(GFP_KERNEL)!, to = alloc_page(GFP_KERNEL)!;
			poison(page, 4032);
			copy_page(to, page);
		});
	},
	/* a TD consumes poison of one of its pages */
	td(): void {
		kernel(() => {
			const page = alloc_page(GFP_KERNEL)!;
			mce_td(this_cpu, page.pfn * 4096);
			mce_seamret(this_cpu);
			const marked = PageHWPoison(page);
			__free_page(page);
			const next = alloc_page(GFP_KERNEL)!;
			found = { marked, reused: next === page };
			__free_page(next);
		});
	},
	module(): void {
		kernel(() => { mce_seam_root(this_cpu, 0x1000); });
	},
	/* poison comes to be, and goes before anybody consumes it */
	unconsumed(): void {
		kernel(() => {
			const page = alloc_page(GFP_KERNEL)!;
			found = tme_read(page.pfn * 4096, TD, 8, new Uint8Array(8));
			tme_movdir64b(page.pfn * 4096, 0, new Uint8Array(64));
			__free_page(page);
		});
	},
	movnti(): void {
		const p = mmap(4096);

		user_store8(p, 1);
		give_to_td(page_at(p));
		user_movnti64(p + 8, 1n);
		found = sigbus_of(p, () => user_load8(p));
	},
	/* the host user's write, then the kernel's read of what it left to the erratum */
	movnti_kernel(): void {
		const fd = memfd();

		syscall(__NR_ftruncate, fd, 4096);
		const q = mmap(4096, MAP_SHARED, fd);
		user_store8(q, 1);
		give_to_td(page_at(q));
		user_movnti64(q + 8, 1n);
		found = syscall(__NR_pread64, fd, scratch, 8, 0);
	},
};

function main(): void {
	const [name = "", options = ""] = process.argv.slice(2);
	let end: string | null = null, status = -1;

	boot_host(options);
	try {
		status = run_program(scenarios[name]!);
	} catch (e) {
		end = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
	}
	writeSync(1, JSON.stringify({ end, status, found, log: kmsg_text().join("\n") }));
}

main();
