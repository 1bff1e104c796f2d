// SPDX-License-Identifier: GPL-2.0
/*
 * Into the guest: what entry does on either vendor once state is loaded, and which program goes on.
 *
 * Port-only.
 */
import type { struct_cpu } from "./cpu.ts";
import { guest_tlb_flush_current, guest_tlb_switch } from "./guest_tlb.ts";
import { guest_mmu_mode } from "./guest_walk.ts";
import { guest_context, type struct_guest_cpu } from "./guest_types.ts";
import { guest_text_lookup } from "./guest_text.ts";
import { GTLB_SR, GTLB_SW, GTLB_SX, GTLB_UR, GTLB_UW, GTLB_UX } from "./guest_cells.ts";
import { AR_L, EFER_LMA } from "./guest_paging.ts";
import { guest_interrupt } from "./guest_event.ts";

/** 64-bit mode, in which the base of CS is 0. */
export function guest_long_code(g: struct_guest_cpu): boolean {
	return (g.efer & EFER_LMA) !== 0 && (g.cs.ar & AR_L) !== 0;
}

/** Rights that accesses of the current privilege level need. */
export function guest_set_cpl(g: struct_guest_cpu, cpl: number): void {
	g.cpl = cpl;
	g.need_cpl = cpl;
	g.need_load = cpl === 3 ? GTLB_UR : GTLB_SR;
	g.need_store = cpl === 3 ? GTLB_UR | GTLB_UW : GTLB_SR | GTLB_SW;
	g.need_fetch = cpl === 3 ? GTLB_UX : GTLB_SX;
	g.text_stamp = 0;
}

/** After control registers or EFER changed: entries made under the old ones go. */
export function guest_mode_changed(g: struct_guest_cpu, cpu: struct_cpu): void {
	const mode = guest_mmu_mode(g), modes = cpu.nested_cache!.modes;

	if (modes[g.context] === mode)
		return;
	modes[g.context] = mode;
	guest_tlb_flush_current(cpu);
}

/** A new context for whatever starts at @rip, on top of the others. */
export function guest_start(g: struct_guest_cpu, rip: number): void {
	const fn = guest_text_lookup(rip);
	const r = g.regs;
	const ctx = new guest_context(fn === null ? null :
		fn(r[7]!, r[6]!, r[2]!, r[1]!, r[8]!, r[9]!), rip, rip);

	g.stack.push(ctx);
	g.top = ctx;
}

/** True if the context goes on at @rip: before, or after, its operation. */
export function context_takes(ctx: guest_context, rip: number): boolean {
	const op = ctx.op;

	if (op.pending === false)
		return ctx.rip === rip || ctx.program === null;
	return rip === op.rip || rip === op.next_rip || ctx.program === null;
}

/** Lets the context go on at @rip. */
export function context_resume(ctx: guest_context, rip: number): void {
	const op = ctx.op;

	if (op.pending === true && rip !== op.rip)
		op.pending = false;
	ctx.rip = rip;
}

/** At entry: RIP is where it was left, or behind the operation, or the kernel moved it. */
function find_program(g: struct_guest_cpu): void {
	const top = g.top, linear = g.rip;

	if (top !== null && context_takes(top, linear) &&
	    (top.program !== null || guest_text_lookup(linear) === null)) {
		context_resume(top, linear);
		return;
	}
	g.stack.length = 0;
	guest_start(g, linear);
}

export function guest_set_regs(g: struct_guest_cpu, regs: BigUint64Array): void {
	g.regs = regs;
	g.regs32 = new Uint32Array(regs.buffer, regs.byteOffset, regs.length * 2);
}

/* (of its own, as whatever makes a closure makes a scope for it each time) */
function make_force_exit(g: struct_guest_cpu): () => void {
	return g.force_exit = (): void => guest_interrupt(g);
}

/** State is loaded: the guest runs from here. */
export function guest_enter(g: struct_guest_cpu, cpu: struct_cpu, regs: BigUint64Array): void {
	if (g.regs !== regs)
		guest_set_regs(g, regs);
	g.in_guest = true;
	g.vectoring = 0;
	guest_tlb_switch(cpu, g);
	if (g.cpu !== cpu) {
		g.cpu = cpu;
		g.text_stamp = 0;
	}
	if (g.vpid === 0)
		guest_tlb_flush_current(cpu);
	guest_mode_changed(g, cpu);
	if (g.text_invlpg !== cpu.guest_tlb!.nr_invlpg) {
		g.text_invlpg = cpu.guest_tlb!.nr_invlpg;
		g.text_stamp = 0;
	}
	if (g.cpl !== g.need_cpl)
		guest_set_cpl(g, g.cpl);
	g.rip_base = guest_long_code(g) ? 0 : g.cs.base;
	g.rip += g.rip_base;
	g.entry_rip = g.rip;
	g.attention = true;
	find_program(g);
	const force_exit = g.force_exit !== null ? g.force_exit : make_force_exit(g);
	if (cpu.force_exit !== force_exit)
		cpu.force_exit = force_exit;
	cpu.in_guest = true;
}
