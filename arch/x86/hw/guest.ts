// SPDX-License-Identifier: GPL-2.0
/*
 * Running a guest: from entry to exit, a slice at a time.
 *
 * Port-only. vmx_enter() or svm_enter() loads a struct_guest_cpu; guest_run() then executes its
 * programs until something makes it leave. In between other tasks and CPUs may run; an interrupt to
 * its CPU, or the end of its task's turn there, makes it leave at once (cpu.force_exit).
 */
import { TLB_DIRECT } from "./tlb.ts";
import { clock_cell } from "./clock.ts";
import { GUEST_EXIT_COST_NS, run, run_clock } from "./guest_cells.ts";
import { guest_events, guest_single_step } from "./guest_event.ts";
import { guest_step } from "./guest_exec.ts";
import { RFLAGS_TF } from "./guest_paging.ts";
import { script_result } from "./isa_guest.ts";
import { GOP_RET, type guest_context, type guest_op, type struct_guest_cpu } from
	"./guest_types.ts";
import { text_length, text_offset } from "./guest_text.ts";

export { struct_guest_cpu, guest_op } from "./guest_types.ts";
export { guest_element_done } from "./guest_memory.ts";
export { guest_interrupt } from "./guest_event.ts";
export { GUEST_OP_COST_NS } from "./guest_cells.ts";
export * from "./guest_ops.ts";

/**
 * The operation at which the guest left: pending if it has yet to be done. RIP is the operation's;
 * the kernel that does it in the guest's stead sets RIP to next_rip. null: it had none decoded.
 */
export function guest_pending(g: struct_guest_cpu): guest_op | null {
	const top = g.top;

	return top !== null && top.op.pending ? top.op : null;
}

/** The script's function returned: RET. */
function post_return(ctx: guest_context): void {
	const op = ctx.op, at = text_offset(GOP_RET, 0);

	op.kind = GOP_RET;
	op.pending = true;
	op.rip = ctx.window + at;
	op.next_rip = op.rip + text_length(at);
	op.bytes = false;
}

/** Lets a script go on until it has something for the CPU to do. */
function resume(g: struct_guest_cpu, ctx: guest_context): void {
	const op = ctx.op;

	run.op = op;
	run.window = ctx.window;
	run.text_stamp = Math.floor(ctx.window / 4096) === g.text_page ? g.text_stamp : 0;
	if (op.posted)
		script_result(op, g.regs, g.regs32);
	else
		run.resuming = false;
	op.posted = true;
	run.load = g.need_load | TLB_DIRECT;
	run.store = g.need_store | TLB_DIRECT;
	if (g.attention)
		run.text_stamp = 0;
	const r = ctx.program!.next();
	if (r.done === true)
		post_return(ctx);
	else if (!op.pending)
		throw new Error("guest script: a yield that is not an instruction's");
}

/**
 * Executes at most about @steps operations. True when the guest has left: the reason is in its VMCS
 * or VMCB. False: its turn is over, call again.
 */
export function guest_run(g: struct_guest_cpu, steps: number): boolean {
	if (g.in_guest === false)
		return true;
	const t = g.cpu!.guest_tlb!;
	if (run.guest !== g || run.tlb !== t || run.regs32 !== g.regs32) {
		run.guest = g;
		run.tlb = t;
		run.regs32 = g.regs32;
	}
	run.budget = run.counted = steps;
	while (g.in_guest === true) {
		if (g.attention === true && guest_events(g) === false)
			break;
		if (g.halted === true || run.budget <= 0)
			break;
		const ctx = g.top!;
		if (ctx.op.pending === false && ctx.program !== null) {
			resume(g, ctx);
			continue;
		}
		run.budget--;
		g.step = (g.rflags & RFLAGS_TF) !== 0;
		guest_step(g, ctx);
		if (g.step === true && g.in_guest === true &&
		    !(ctx.op.pending && ctx.op.rip === g.rip))
			guest_single_step(g);
	}
	run_clock();
	if (g.in_guest === true)
		return false;
	clock_cell[0]! += GUEST_EXIT_COST_NS;
	return true;
}
