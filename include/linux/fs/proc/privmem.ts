// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/privmem/state: counts and states as text, for tests to compare.
 * /sys/kernel/debug/privmem/corrupt: "FD INDEX", a page of an inaccessible file, which breaks.
 *
 * Port-only. A section of state is a heading with lines "name value":
 *
 *	[files]
 *	files 3
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { pfn_nr, pgoff_t, ref } from "#asm-generic/types.ts";
import { get_nr_dentry } from "#linux/dcache.ts";
import { EBADF, EINVAL } from "#linux/errno.ts";
import { fget, fput } from "#linux/file.ts";
import { get_nr_files, get_nr_inodes } from "#linux/fs.ts";
import type { struct_file } from "#linux/fs.types.ts";
import { drain_all_pages } from "#linux/gfp.ts";
import { file_is_inaccessible, inaccessible_get_pfn, inaccessible_put_pfn } from
	"#linux/memfd.ts";
import { MF_SW_SIMULATED, memory_failure } from "#linux/mm.ts";
import { vm_memory_committed } from "#linux/mman.ts";
import { NR_FOLL_PIN_ACQUIRED, NR_FOLL_PIN_RELEASED, NR_FREE_PAGES, NR_MLOCK } from
	"#linux/mmzone.const.ts";
import { next_made_page } from "#linux/mmzone.ts";
import { is_free_buddy_page, PageAnon, PageCompound, PageHWPoison } from "#linux/page-flags.ts";
import { page_count } from "#linux/page_ref.ts";
import { TAINT_MACHINE_CHECK, test_taint } from "#linux/panic.ts";
import { pfn_t_to_pfn, type pfn_t } from "#linux/pfn_t.ts";
import { max_pfn } from "#asm/e820.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { drop_lazy_mms } from "#linux/sched/core.ts";
import { seq_puts } from "#linux/seq_file.ts";
import { slab_live_counts } from "#linux/slab.ts";
import { lru_add_drain_all } from "#linux/swap.ts";
import { num_poisoned_pages_read } from "#linux/swapops.ts";
import { global_node_page_state, global_zone_page_state } from "#linux/vmstat.ts";

const sections = new Map<string, () => readonly string[]>();

/** Adds a section; @lines is called at each read. Sections appear in alphabetical order. */
export function privmem_state_section(name: string, lines: () => readonly string[]): void {
	sections.set(name, lines);
}

/** The whole text, for the host runner's leak check too. */
export function privmem_state_text(): string {
	let text = "";

	for (const name of [...sections.keys()].sort()) {
		text += `[${name}]\n`;
		for (const line of sections.get(name)!())
			text += `${line}\n`;
	}
	return text;
}

/** Pages that memory_failure() took for good; those that a file still holds will follow. */
function pages_offline(): number {
	let n = 0;

	if (num_poisoned_pages_read() === 0 && !test_taint(TAINT_MACHINE_CHECK))
		return 0;
	for (let pfn = 0; ; ) {
		const page = next_made_page(pfn, max_pfn);
		if (page === null)
			return n;
		/*
		 * One that was freed with a larger page is free. An anonymous one still names its
		 * mapping when only memory_failure() holds it, or nobody.
		 */
		if (PageHWPoison(page) && !PageCompound(page) && !is_free_buddy_page(page) &&
		    (page.mapping === null || PageAnon(page) && page_count(page) <= 1))
			n++;
		pfn = page.pfn + 1;
	}
}

/** Other pages have addresses, for madvise(MADV_HWPOISON). */
function corrupt(file: struct_file, index: pgoff_t): number {
	const pfn = new ref<pfn_t>(null as unknown as pfn_t);

	if (!file_is_inaccessible(file))
		return -EINVAL;
	const r = inaccessible_get_pfn(file, index, pfn, new ref(0));
	if (r)
		return r;
	inaccessible_put_pfn(file, pfn.v);
	return memory_failure(pfn_nr(pfn_t_to_pfn(pfn.v)), MF_SW_SIMULATED);
}

function privmem_corrupt_write(text: string): number {
	const [, fd, index] = /^(\d+) (\d+)\n?$/.exec(text) ?? [];

	if (fd === undefined || index === undefined)
		return -EINVAL;
	const file = fget(Number(fd));
	if (!file)
		return -EBADF;
	const r = corrupt(file, pgoff_t(Number(index)));
	fput(file);
	return r;
}

function privmem_state_init(): number {
	privmem_state_section("files", () => [
		`files ${get_nr_files()}`,
		`inodes ${get_nr_inodes()}`,
		`dentries ${get_nr_dentry()}`,
	]);
	privmem_state_section("slab", () => [...slab_live_counts()].sort()
		.map(([cache, live]) => `${cache} ${live}`));
	privmem_state_section("pages", () => {
		/* what sits in batches is neither here nor there */
		drop_lazy_mms();
		rcu_barrier();
		lru_add_drain_all();
		drain_all_pages(null);
		return [
			`free ${global_zone_page_state(NR_FREE_PAGES) + pages_offline()}`,
			`committed ${vm_memory_committed()}`,
			`mlocked ${global_zone_page_state(NR_MLOCK)}`,
			`pinned ${global_node_page_state(NR_FOLL_PIN_ACQUIRED) -
				global_node_page_state(NR_FOLL_PIN_RELEASED)}`,
		];
	});
	proc_create_single("/sys/kernel/debug/privmem/state", 0o444, (m) => {
		seq_puts(m, privmem_state_text());
		return 0;
	});
	proc_create_single("/sys/kernel/debug/privmem/corrupt", 0o200, () => 0,
		privmem_corrupt_write);
	return 0;
}
late_initcall("fs/proc/privmem", privmem_state_init);
