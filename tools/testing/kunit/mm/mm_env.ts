// SPDX-License-Identifier: GPL-2.0
/*
 * A host with memory, CPUs and address spaces, but without programs: what the tests of faults,
 * get_user_pages(), notifiers and reverse mapping run on.
 */
import type { pgoff_t } from "#asm-generic/types.ts";
import { freeze_registry, initcalls_of } from "#asm-generic/registry.ts";
import { kmem_cache_init } from "#linux/slab.ts";
import { anon_vma_init } from "#linux/rmap.ts";
import { current, sched_init } from "#linux/sched.ts";
import { MADV_DONTNEED, MADV_HUGEPAGE } from "#uapi/asm-generic/mman-common.ts";
import { PF_KTHREAD } from "#linux/sched.const.ts";
import { mmput } from "#linux/sched/mm.ts";
import { dup_mm, fork_init, init_task_init, mm_alloc,
	proc_caches_init } from "#linux/sched/fork.ts";
import { sync_mm_rss, vm_mmap, vm_munmap } from "#linux/mm.ts";
import { lru_add_drain_all, nr_free_pages } from "#linux/swap.ts";
import type { struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { p4d_none, p4d_offset, p4dp_get, pgd_offset, pmd_none, pmd_offset, pmd_pfn, pmd_trans_huge,
	pmd_write, pmdp_get, pte_offset_map, pte_pfn, pte_present, pte_write, ptep_get, pud_none,
	pud_offset, pudp_get } from "#linux/pgtable.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { init_mm } from "#mm/init-mm.ts";
import { do_madvise } from "#mm/madvise.ts";
import { sys_mprotect } from "#mm/mprotect.ts";
import { sys_mremap } from "#mm/mremap.ts";
import { build_all_zonelists, drain_all_pages, setup_per_cpu_pageset } from "#mm/page_alloc.ts";
import { slab_live_total } from "#mm/slab_common.ts";
import { mem_init } from "#arch/x86/mm/init_64.ts";
import { arch_pick_mmap_layout } from "#arch/x86/mm/mmap.ts";
import { switch_mm } from "#arch/x86/mm/tlb.ts";
import { setup_arch } from "#arch/x86/kernel/setup.ts";
import { trap_init } from "#arch/x86/kernel/traps.ts";
import { cpus, cpus_install, set_this_cpu } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { tlb_lookup } from "#hw/tlb.ts";

export const PAGE	= 4096;
export const HPAGE	= 2 * 1024 * 1024;
export const PROT_READ	= 1, PROT_WRITE = 2;
const MAP_PRIVATE	= 0x02, MAP_ANONYMOUS = 0x20, MAP_FIXED = 0x10;

/** Boots once per realm; two CPUs, so that one can be stale. */
export function boot_mm(mib = 1024): void {
	memory_install(mib * 2 ** 20);
	cpus_install(2);
	init_task_init();
	setup_arch();
	sched_init();
	build_all_zonelists(null);
	mem_init();
	kmem_cache_init();
	setup_per_cpu_pageset();
	trap_init();
	anon_vma_init();
	fork_init();
	proc_caches_init();
	freeze_registry();
	for (const level of ["early", "pure", "core", "postcore", "arch", "subsys"] as const)
		for (const call of initcalls_of(level))
			if (call.object.startsWith("mm/"))
				call.fn();
}

/* ---- address spaces ------------------------------------------------------------------------- */

export function new_mm(): struct_mm_struct {
	const mm = mm_alloc();

	if (mm === null)
		throw new Error("mm_alloc() failed");
	arch_pick_mmap_layout(mm, current.signal.rlim[3]!);
	return mm;
}

/** From here on the current task lives in @mm, as after exec. */
export function enter_mm(mm: struct_mm_struct): void {
	const prev = current.active_mm;

	sync_mm_rss_of(current.mm);
	current.flags &= ~PF_KTHREAD;
	current.mm = mm;
	current.active_mm = mm;
	current.vmacache.seqnum = -1;
	switch_mm(prev, mm, current);
}

function sync_mm_rss_of(mm: struct_mm_struct | null): void {
	if (mm !== null)
		sync_mm_rss(mm);
}

/** Runs @fn in @mm. */
export function in_mm<T>(mm: struct_mm_struct, fn: () => T): T {
	const prev = current.mm!;

	enter_mm(mm);
	try {
		return fn();
	} finally {
		enter_mm(prev);
	}
}

/** A copy of @mm as fork() makes it; null when out of memory. */
export function fork_mm(mm: struct_mm_struct): struct_mm_struct | null {
	sync_mm_rss_of(current.mm);
	return dup_mm(current, mm);
}

/** Takes @mm down; the task that is in it is left without one. */
export function exit_mm(mm: struct_mm_struct): void {
	if (current.mm === mm) {
		sync_mm_rss(mm);
		current.mm = null;
		switch_mm(mm, init_mm, current);
		current.active_mm = init_mm;
	}
	/* the other CPU may have it loaded */
	on_cpu(1, () => switch_mm(null, init_mm, current));
	mmput(mm);
}

/** Runs @fn on CPU @n, with the current task's mm loaded there. */
export function on_cpu<T>(n: number, fn: () => T): T {
	const prev = current.cpu;

	set_this_cpu(cpus[n]!);
	current.cpu = n;
	try {
		return fn();
	} finally {
		current.cpu = prev;
		set_this_cpu(cpus[prev]!);
	}
}

/*
 * ---- system calls -----------------------------------------------------------------------------
 */

export function mmap_anon(len: number, prot = PROT_READ | PROT_WRITE, addr = 0): number {
	const ret = vm_mmap(null, addr, len, prot,
		MAP_PRIVATE | MAP_ANONYMOUS | (addr === 0 ? 0 : MAP_FIXED), 0 as pgoff_t as never);

	if (ret < 0)
		throw new Error(`mmap: ${ret}`);
	return ret;
}

export const munmap = vm_munmap;

export function mprotect(addr: number, len: number, prot: number): number {
	return sys_mprotect(BigInt(addr), BigInt(len), prot);
}

export function dontneed(addr: number, len: number): number {
	return do_madvise(current.mm!, BigInt(addr), BigInt(len), MADV_DONTNEED);
}

export function advise_huge(addr: number, len: number): number {
	return do_madvise(current.mm!, BigInt(addr), BigInt(len), MADV_HUGEPAGE);
}

/** The new address, or a negative errno. */
export function mremap(addr: number, old_len: number, new_len: number): number {
	return sys_mremap(BigInt(addr), BigInt(old_len), BigInt(new_len), 1n, 0n);
}

/*
 * ---- accesses ---------------------------------------------------------------------------------
 */

const cell = new Uint8Array(1);

/** Stores a byte as the task would; false where it would get a signal. */
export function poke(addr: number, value: number): boolean {
	cell[0] = value;
	return copy_to_user(addr, cell, 1) === 0;
}

/** The byte at @addr, or -1 where the task would get a signal. */
export function peek(addr: number): number {
	return copy_from_user(cell, addr, 1) === 0 ? cell[0]! : -1;
}

/*
 * ---- what is there
 * ------------------------------------------------------------------------------
 */

export interface translation {
	pfn: number;
	write: boolean;
	huge: boolean;
}

/** What the page tables of @mm say about @addr; null if nothing is present. */
export function translate(mm: struct_mm_struct, addr: number): translation | null {
	const p4d = p4d_offset(pgd_offset(mm, addr), addr);
	if (p4d_none(p4dp_get(p4d)))
		return null;
	const pud = pud_offset(p4d, addr);
	if (pud_none(pudp_get(pud)))
		return null;
	const pmd = pmd_offset(pud, addr);
	const pmdval = pmdp_get(pmd);
	if (pmd_none(pmdval))
		return null;
	if (pmd_trans_huge(pmdval)) {
		return { pfn: pmd_pfn(pmdval) + Math.floor((addr & (HPAGE - 1)) / PAGE),
			write: pmd_write(pmdval), huge: true };
	}
	const pte = ptep_get(pte_offset_map(pmd, addr));
	if (!pte_present(pte))
		return null;
	return { pfn: pte_pfn(pte), write: pte_write(pte), huge: false };
}

/** The page that @mm maps at @addr. */
export function page_at(mm: struct_mm_struct, addr: number): struct_page {
	const t = translate(mm, addr);

	if (t === null)
		throw new Error(`nothing at 0x${addr.toString(16)}`);
	return pfn_to_page(t.pfn as never);
}

/** Whether a CPU has a translation of @addr cached, in the address space that it is in. */
export function tlbs_reach(addr: number): boolean {
	return cpus.some((cpu) => tlb_lookup(cpu.tlb, addr | 0, Math.floor(addr / 2 ** 32),
		0) !== -1);
}

/** Free pages and live slab objects, with all batches and deferred frees emptied. */
export function in_use(): { pages: number; objects: number } {
	lru_add_drain_all();
	rcu_barrier();
	drain_all_pages(null);
	return { pages: -nr_free_pages(), objects: slab_live_total() };
}
