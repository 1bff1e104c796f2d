// SPDX-License-Identifier: GPL-2.0
/*
 * The guest that runs now, as scripts reach it.
 *
 * Port-only. Valid inside guest_run() only: nothing else can run meanwhile.
 */
import { clock_cell } from "./clock.ts";
import { struct_tlb, tlb_lookup } from "./tlb.ts";
import { guest_op, struct_guest_cpu } from "./guest_types.ts";

/* Rights of entries in a guest's TLB; supervisor and user separately. See tlb.ts for the others. */
export const GTLB_SR		= 8;	/* TLB_READ */
export const GTLB_SW		= 2;	/* TLB_WRITE */
export const GTLB_SX		= 4;	/* TLB_EXEC */
export const GTLB_UR		= 128;
export const GTLB_UW		= 256;
export const GTLB_UX		= 512;
/* of a TD's entries: private memory */
export const GTLB_PRIVATE	= 1024;
export const GTLB_READ		= GTLB_SR | GTLB_UR;
export const GTLB_WRITE		= GTLB_SW | GTLB_UW;
export const GTLB_EXEC		= GTLB_SX | GTLB_UX;
export const GTLB_USER		= GTLB_UR | GTLB_UW | GTLB_UX;

export class struct_run {
	guest = new struct_guest_cpu();
	tlb = new struct_tlb();
	/** Operation of the script that runs. */
	op = new guest_op();
	window = 0;
	/** Operations until others get a turn, and what that was when the clock was last set. */
	budget = 0;
	counted = 0;
	/** Stamp under which the window's page was fetched; 0: fetch first. */
	text_stamp = 0;
	/** Rights that make an access direct. */
	load = 0;
	store = 0;
	regs32: Uint32Array = new Uint32Array(34);
	/** A script is being handed a result: its iterator ends instead of yielding. */
	resuming = false;
}

export const run = new struct_run();

/**
 * Virtual time that a guest's operation takes, and the way out and in again: about what it takes to
 * run them, so that a guest that spins while others sleep does not do so for long.
 */
export const GUEST_OP_COST_NS	= 50;
export const GUEST_EXIT_COST_NS	= 5000;

/** The clock shows what the guest has done so far. */
export function run_clock(): void {
	clock_cell[0]! += (run.counted - run.budget) * GUEST_OP_COST_NS;
	run.counted = run.budget;
}

/** Gives up the rest of the guest's turn. */
export function run_relax(): void {
	run_clock();
	run.budget = run.counted = 0;
}

/**
 * For a script's access: its frame if the operation may run at once and needs nobody's attention,
 * else -1. @n bytes, aligned.
 */
export function fast_frame(gva: number, need: number, n: number): number {
	if ((gva & (n - 1)) !== 0 || run.text_stamp !== run.tlb.stamp || run.budget <= 1 ||
	    !(gva < 0x800000000000 && gva >= -0x800000000000))
		return -1;
	run.budget--;
	return tlb_lookup(run.tlb, gva | 0, Math.floor(gva * 2 ** -32), need);
}
