// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a host whose kernel forgets something when it takes a page from a TD:
 * node scenarios.js NAME "HOST" "COMMAND LINE". Prints what forgets.test.ts looks at, as JSON.
 *
 * Port-only.
 */
import { writeSync } from "node:fs";
import { pfn_nr, pgoff_t, ref } from "#asm-generic/types.ts";
import { fget, fput } from "#linux/file.ts";
import { GFP_KERNEL } from "#linux/gfp_types.ts";
import { __free_page, alloc_page } from "#linux/gfp.ts";
import { memcpy_from_page } from "#linux/highmem.ts";
import { inaccessible_get_pfn } from "#linux/memfd.ts";
import { page_count, put_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { pfn_t_to_page, type pfn_t } from "#linux/pfn_t.ts";
import { kmsg_text } from "#linux/printk.ts";
import * as x from "#asm/tdx.ts";
import { run_init } from "#arch/x86/entry/boot.ts";
import { memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import { tme_write } from "#hw/tme.ts";
import { run_thread, struct_thread } from "#tools/include/nolibc/nolibc.ts";
import { boot_host, kernel } from "#tools/testing/kunit/mce/host.ts";
import { td_accept, td_create, td_free, td_long_mode, td_map_gpa, td_report, td_run_until_report,
	TD_FREE_GPA, TD_SHARED_BIT, type struct_td } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";

const DATA = TD_FREE_GPA, PAGE = 4096;
type wait = Generator<void, void, void>;

/* what a scenario that the host survives has to say */
let found: unknown = null;

function* use(): guest_program {
	yield* td_long_mode();
	yield* td_accept(DATA);
	/* the table that has it stays */
	yield* td_accept(DATA + PAGE);
	yield* memset(DATA, 0x66, PAGE);
	yield* td_report(2);
}

function* share(): guest_program {
	yield* use();
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, PAGE)));
}

function* check(): guest_program {
	yield* use();
	yield* td_report(Number(yield* memchk(DATA, 0x66, PAGE)));
}

function private_page(td: struct_td): struct_page {
	const pfn = new ref<pfn_t>({ val: pfn_nr(0), flags: 0 }), order = new ref(0);
	const file = fget(td.private_fd)!;

	if (inaccessible_get_pfn(file, pgoff_t(DATA / PAGE), pfn, order) !== 0)
		throw new Error("no private page");
	fput(file);
	const page = pfn_t_to_page(pfn.v)!;
	put_page(page);
	return page;
}

/** The page is somebody else's now: whoever gets it next. */
function allocate(page: struct_page): void {
	const others: struct_page[] = [];

	for (let next = alloc_page(GFP_KERNEL); next !== page; next = alloc_page(GFP_KERNEL)) {
		if (next === null)
			throw new Error("the page is not free");
		others.push(next);
	}
	others.forEach(__free_page);
}

const scenarios: Record<string, () => wait> = {
	/* a device writes a word to the page's next use, and the kernel reads it */
	* dropped() {
		const td = td_create([share]), buf = new Uint8Array(8);

		yield* td_run_until_report(td);
		const page = private_page(td);
		yield* td_run_until_report(td);
		kernel(() => {
			allocate(page);
			tme_write(page.pfn * PAGE, 0, new Uint8Array(8).fill(7), "nt");
			memcpy_from_page(buf, page, 0, 8);
			found = [...buf];
			x.tdx_clear_page(page);
			__free_page(page);
		});
		td_free(td);
	},
	/* the page's next user clears it, and the TD has it still */
	* mapped() {
		const td = td_create([check]);

		yield* td_run_until_report(td);
		const page = private_page(td);
		kernel(() => x.tdx_clear_page(page));
		yield* td_run_until_report(td);
	},
	/* KVM goes on without TDH.MEM.PAGE.REMOVE */
	* no_remove() {
		const td = td_create([share]);

		yield* td_run_until_report(td);
		const page = private_page(td);
		x.seamcall_fail(x.TDH_MEM_PAGE_REMOVE, x.TDX_SUCCESS);
		yield* td_run_until_report(td);
		found = { leaked: x.tdx_pages_leaked, count: page_count(page) };
	},
};

function main(): void {
	const [name = "", host = "", cmdline = ""] = process.argv.slice(2);
	let end: string | null = null;

	boot_host(host, false, cmdline);
	try {
		run_init(run_thread(new struct_thread(), scenarios[name]!()), "test");
	} catch (e) {
		end = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
	}
	writeSync(1, JSON.stringify({ end, found, log: kmsg_text().join("\n") }));
}

main();
