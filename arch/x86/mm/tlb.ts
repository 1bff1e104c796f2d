// SPDX-License-Identifier: GPL-2.0
/*
 * Which mm each CPU has loaded, and keeping its TLB in step.
 *
 * Upstream: arch/x86/mm/tlb.c. Left out: PTI, spectre mitigations (cond_mitigation, L1D flush),
 * LDT, rdpmc, paravirt, kernel range bookkeeping beyond flush_tlb_kernel_range(), debugfs, tracing.
 *
 * Each mm counts its flushes (context.tlb_gen); each CPU remembers for each of its contexts
 * (PCIDs) up to which it is flushed. A lazy CPU gets no flush IPI and catches up when it switches
 * back; when page tables are freed it gets one all the same.
 */
import type { struct_mm_struct } from "#linux/mm_types.ts";
import type { struct_task_struct } from "#linux/sched_types.ts";
import { CONFIG_DEBUG_VM } from "#generated/autoconf.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { irqs_disabled, local_irq_disable, local_irq_enable, local_irq_restore,
	local_irq_save } from "#linux/irqflags.ts";
import { lockdep_assert_irqs_enabled } from "#linux/lockdep.ts";
import { init_mm } from "#linux/mm.ts";
import { VM_WARN_ON, VM_WARN_ON_ONCE } from "#linux/mmdebug.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";
import { on_each_cpu, smp_call_function_single } from "#linux/smp.ts";
import { cpus, flush_all_contexts, invlpg, this_cpu, write_cr3 } from "#hw/cpu.ts";
import { tlb_flush_context } from "#hw/tlb.ts";
import { PAGE_SHIFT, PAGE_SIZE, SWAPPER_PG_DIR_PFN } from "#asm/page_types.ts";
import { TLB_FLUSH_ALL, TLB_GENERATION_INVALID, TLB_NR_DYN_ASIDS, inc_mm_tlb_gen,
	type struct_arch_tlbflush_unmap_batch, struct_flush_tlb_info, struct_tlb_state,
	struct_tlb_state_shared } from "#asm/tlbflush.ts";

/** By CPU; made by tlb_init(). */
export let cpu_tlbstate: struct_tlb_state[] = [];
export let cpu_tlbstate_shared: struct_tlb_state_shared[] = [];
let flush_tlb_info: struct_flush_tlb_info[] = [];
let flush_tlb_info_idx: number[] = [];

let last_mm_ctx_id = 1;

export function new_mm_ctx_id(): number {
	return ++last_mm_ctx_id;
}

/** Port-only: storage of the per-CPU variables. */
export function tlb_init(nr_cpus: number): void {
	const per_cpu = <T>(make: () => T): T[] => Array.from({ length: nr_cpus }, make);

	cpu_tlbstate = per_cpu(() => new struct_tlb_state());
	cpu_tlbstate_shared = per_cpu(() => new struct_tlb_state_shared());
	flush_tlb_info = per_cpu(() => new struct_flush_tlb_info());
	flush_tlb_info_idx = per_cpu(() => 0);
	last_mm_ctx_id = 1;
}

/** Port-only: this CPU comes up with the kernel's page tables loaded. */
export function load_init_mm(): void {
	const state = cpu_tlbstate[this_cpu.id]!;

	init_mm.pgd = SWAPPER_PG_DIR_PFN * 512;
	init_mm.context.ctx_id = 1;
	state.loaded_mm = init_mm;
	initialize_tlbstate_and_flush();
}

/* PCID 0 stays unused, as it is where a CPU without PCIDs would be */
function kern_pcid(asid: number): number {
	return asid + 1;
}

function choose_new_asid(next: struct_mm_struct, next_tlb_gen: number): number {
	const state = cpu_tlbstate[this_cpu.id]!;

	for (let asid = 0; asid < TLB_NR_DYN_ASIDS; asid++) {
		if (state.ctxs[asid]!.ctx_id !== next.context.ctx_id)
			continue;

		choose_need_flush = state.ctxs[asid]!.tlb_gen < next_tlb_gen;
		return asid;
	}

	let new_asid = state.next_asid++;
	if (new_asid >= TLB_NR_DYN_ASIDS) {
		new_asid = 0;
		state.next_asid = 1;
	}
	choose_need_flush = true;
	return new_asid;
}

/** Second result of choose_new_asid(). */
let choose_need_flush = false;

function load_new_mm_cr3(pgdir: number, new_asid: number, need_flush: boolean): void {
	write_cr3(Math.floor(pgdir / 512), kern_pcid(new_asid), !need_flush);
}

export function leave_mm(_cpu: number): void {
	const loaded_mm = cpu_tlbstate[this_cpu.id]!.loaded_mm;

	if (loaded_mm === init_mm)
		return;

	WARN_ON(!cpu_tlbstate_shared[this_cpu.id]!.is_lazy);

	switch_mm(null, init_mm, null);
}

export function switch_mm(prev: struct_mm_struct | null, next: struct_mm_struct,
	tsk: struct_task_struct | null): void {
	const flags = local_irq_save();
	switch_mm_irqs_off(prev, next, tsk);
	local_irq_restore(flags);
}

/** arch/x86/mm/tlb.c:switch_mm_irqs_off(). prev == next when leaving lazy mode. */
export function switch_mm_irqs_off(_prev: struct_mm_struct | null, next: struct_mm_struct,
	_tsk: struct_task_struct | null): void {
	const cpu = this_cpu.id;
	const state = cpu_tlbstate[cpu]!;
	const real_prev = state.loaded_mm!;
	const prev_asid = state.loaded_mm_asid;
	const was_lazy = cpu_tlbstate_shared[cpu]!.is_lazy;
	let next_tlb_gen, need_flush, new_asid;

	/* (the scheduler of the port cannot be interrupted, and leaves interrupts on) */

	/* CR3 agrees with what is recorded as loaded */
	if (CONFIG_DEBUG_VM && WARN_ON_ONCE(this_cpu.cr3_pfn * 512 !== real_prev.pgd ||
					    this_cpu.pcid !== kern_pcid(prev_asid)))
		__flush_tlb_all();

	if (was_lazy)
		cpu_tlbstate_shared[cpu]!.is_lazy = false;

	if (real_prev === next) {
		VM_WARN_ON(state.ctxs[prev_asid]!.ctx_id !== next.context.ctx_id);

		if (WARN_ON_ONCE(real_prev !== init_mm && (next.cpu_bitmap & (1 << cpu)) === 0))
			next.cpu_bitmap |= 1 << cpu;

		/* one thread of a process to another */
		if (!was_lazy)
			return;

		next_tlb_gen = next.context.tlb_gen;
		if (state.ctxs[prev_asid]!.tlb_gen === next_tlb_gen)
			return;

		/* flushes were missed while lazy */
		new_asid = prev_asid;
		need_flush = true;
	} else {
		/* the old mm needs no more flush IPIs on this CPU */
		if (real_prev !== init_mm) {
			VM_WARN_ON_ONCE((real_prev.cpu_bitmap & (1 << cpu)) === 0);
			real_prev.cpu_bitmap &= ~(1 << cpu);
		}

		/* first let flush IPIs in, then look at tlb_gen: no flush gets lost */
		if (next !== init_mm)
			next.cpu_bitmap |= 1 << cpu;
		next_tlb_gen = next.context.tlb_gen;

		new_asid = choose_new_asid(next, next_tlb_gen);
		need_flush = choose_need_flush;

		state.loaded_mm = null;
	}

	if (need_flush) {
		state.ctxs[new_asid]!.ctx_id = next.context.ctx_id;
		state.ctxs[new_asid]!.tlb_gen = next_tlb_gen;
	}
	load_new_mm_cr3(next.pgd, new_asid, need_flush);

	state.loaded_mm = next;
	state.loaded_mm_asid = new_asid;
}

/** The CPU runs a kernel thread: the user mm stays loaded, flushes are put off. */
export function enter_lazy_tlb(_mm: struct_mm_struct, _tsk: struct_task_struct): void {
	if (cpu_tlbstate[this_cpu.id]!.loaded_mm === init_mm)
		return;

	cpu_tlbstate_shared[this_cpu.id]!.is_lazy = true;
}

/** For a CPU that comes up: CR3 is set, nothing is cached. */
export function initialize_tlbstate_and_flush(): void {
	const state = cpu_tlbstate[this_cpu.id]!;
	const mm = state.loaded_mm!;

	write_cr3(mm.pgd / 512, kern_pcid(0), false);

	state.loaded_mm_asid = 0;
	state.next_asid = 1;
	state.ctxs[0]!.ctx_id = mm.context.ctx_id;
	state.ctxs[0]!.tlb_gen = init_mm.context.tlb_gen;

	for (let i = 1; i < TLB_NR_DYN_ASIDS; i++)
		state.ctxs[i]!.ctx_id = 0;
}

/** Catches this CPU up with mm_tlb_gen; runs locally or as an IPI handler. */
function flush_tlb_func(f: struct_flush_tlb_info): void {
	const cpu = this_cpu.id;
	const state = cpu_tlbstate[cpu]!;
	const loaded_mm = state.loaded_mm!;
	const ctx = state.ctxs[state.loaded_mm_asid]!;
	const local_tlb_gen = ctx.tlb_gen;
	const local = cpu === f.initiating_cpu;

	if (local) {
		VM_WARN_ON(!irqs_disabled());
	} else {
		/* an IPI may come after this CPU has switched to another mm */
		if (f.mm !== null && f.mm !== loaded_mm)
			return;
	}

	if (loaded_mm === init_mm)
		return;

	VM_WARN_ON(ctx.ctx_id !== loaded_mm.context.ctx_id);

	if (cpu_tlbstate_shared[cpu]!.is_lazy) {
		/* the page tables may be freed: leave them */
		switch_mm_irqs_off(null, init_mm, null);
		return;
	}

	if (f.new_tlb_gen !== TLB_GENERATION_INVALID && f.new_tlb_gen <= local_tlb_gen)
		return;

	const mm_tlb_gen = loaded_mm.context.tlb_gen;

	if (local_tlb_gen === mm_tlb_gen)
		return;

	WARN_ON_ONCE(local_tlb_gen > mm_tlb_gen);
	WARN_ON_ONCE(f.new_tlb_gen > mm_tlb_gen);

	/*
	 * A partial flush only if it is the one flush missing: all before it were done here, and
	 * none came after it.
	 */
	if (f.end !== TLB_FLUSH_ALL && f.new_tlb_gen === local_tlb_gen + 1 &&
	    f.new_tlb_gen === mm_tlb_gen) {
		const step = 2 ** f.stride_shift;

		VM_WARN_ON(f.new_tlb_gen === TLB_GENERATION_INVALID);
		VM_WARN_ON(f.mm === null);

		for (let addr = f.start; addr < f.end; addr += step)
			flush_tlb_one_user(addr);
	} else {
		flush_tlb_local();
	}

	ctx.tlb_gen = mm_tlb_gen;
}

/* on_each_cpu_cond_mask() with tlb_is_not_lazy(), or without when tables are freed */
function native_flush_tlb_multi(cpumask: number, info: struct_flush_tlb_info): void {
	for (let cpu = 0; cpu < cpus.length; cpu++) {
		if ((cpumask & (1 << cpu)) === 0)
			continue;
		if (!info.freed_tables && cpu_tlbstate_shared[cpu]!.is_lazy)
			continue;
		if (cpu === this_cpu.id) {
			local_irq_disable();
			flush_tlb_func(info);
			local_irq_enable();
		} else {
			smp_call_function_single(cpu, flush_tlb_func, info, 1);
		}
	}
}

export function flush_tlb_multi(cpumask: number, info: struct_flush_tlb_info): void {
	native_flush_tlb_multi(cpumask, info);
}

/** Pages; above it everything is flushed. */
export const tlb_single_page_flush_ceiling = 33;

function get_flush_tlb_info(mm: struct_mm_struct | null, start: number, end: number,
	stride_shift: number, freed_tables: boolean, new_tlb_gen: number): struct_flush_tlb_info {
	const cpu = this_cpu.id;
	const info = flush_tlb_info[cpu]!;

	if (CONFIG_DEBUG_VM)
		BUG_ON(++flush_tlb_info_idx[cpu]! !== 1);

	info.start = start;
	info.end = end;
	info.mm = mm;
	info.stride_shift = stride_shift;
	info.freed_tables = freed_tables;
	info.new_tlb_gen = new_tlb_gen;
	info.initiating_cpu = cpu;

	return info;
}

function put_flush_tlb_info(): void {
	if (CONFIG_DEBUG_VM)
		flush_tlb_info_idx[this_cpu.id]!--;
}

export function flush_tlb_mm_range(mm: struct_mm_struct, start: number, end: number,
	stride_shift: number, freed_tables: boolean): void {
	preempt_disable();
	const cpu = this_cpu.id;

	/* flush just the requested range? */
	if (end === TLB_FLUSH_ALL ||
	    (end - start) * 2 ** -stride_shift > tlb_single_page_flush_ceiling) {
		start = 0;
		end = TLB_FLUSH_ALL;
	}

	/* the count before the CPU mask: synchronizes with switch_mm() */
	const new_tlb_gen = inc_mm_tlb_gen(mm);

	const info = get_flush_tlb_info(mm, start, end, stride_shift, freed_tables, new_tlb_gen);

	if ((mm.cpu_bitmap & ~(1 << cpu)) !== 0) {
		flush_tlb_multi(mm.cpu_bitmap, info);
	} else if (mm === cpu_tlbstate[cpu]!.loaded_mm) {
		lockdep_assert_irqs_enabled();
		local_irq_disable();
		flush_tlb_func(info);
		local_irq_enable();
	}

	put_flush_tlb_info();
	preempt_enable();
}

function do_flush_tlb_all(_info: null): void {
	__flush_tlb_all();
}

export function flush_tlb_all(): void {
	on_each_cpu(do_flush_tlb_all, null, 1);
}

function do_kernel_range_flush(f: struct_flush_tlb_info): void {
	for (let addr = f.start; addr < f.end; addr += PAGE_SIZE)
		invlpg(addr);
}

export function flush_tlb_kernel_range(start: number, end: number): void {
	if (end === TLB_FLUSH_ALL ||
	    end - start > tlb_single_page_flush_ceiling * 2 ** PAGE_SHIFT) {
		on_each_cpu(do_flush_tlb_all, null, 1);
	} else {
		preempt_disable();
		const info = get_flush_tlb_info(null, start, end, 0, false, TLB_GENERATION_INVALID);

		on_each_cpu(do_kernel_range_flush, info, 1);

		put_flush_tlb_info();
		preempt_enable();
	}
}

/** One page of the loaded mm. */
export function flush_tlb_one_user(addr: number): void {
	invlpg(addr);
}

/** The loaded context, global translations excepted. */
export function flush_tlb_local(): void {
	tlb_flush_context(this_cpu.tlb, this_cpu.pcid);
}

export function __flush_tlb_all(): void {
	flush_all_contexts();
}

export function arch_tlbbatch_add_mm(batch: struct_arch_tlbflush_unmap_batch,
	mm: struct_mm_struct): void {
	inc_mm_tlb_gen(mm);
	batch.cpumask |= mm.cpu_bitmap;
}

export function arch_tlbbatch_flush(batch: struct_arch_tlbflush_unmap_batch): void {
	preempt_disable();
	const cpu = this_cpu.id;
	const info = get_flush_tlb_info(null, 0, TLB_FLUSH_ALL, 0, false, TLB_GENERATION_INVALID);

	if ((batch.cpumask & ~(1 << cpu)) !== 0) {
		flush_tlb_multi(batch.cpumask, info);
	} else if ((batch.cpumask & (1 << cpu)) !== 0) {
		lockdep_assert_irqs_enabled();
		local_irq_disable();
		flush_tlb_func(info);
		local_irq_enable();
	}

	batch.cpumask = 0;

	put_flush_tlb_info();
	preempt_enable();
}
