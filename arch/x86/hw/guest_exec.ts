// SPDX-License-Identifier: GPL-2.0
/*
 * One operation of a guest: fetch, execute, and where it goes on.
 *
 * Port-only.
 */
import { frame_get8 } from "./memory.ts";
import { page_read } from "./guest_bytes.ts";
import { run } from "./guest_cells.ts";
import { guest_decode } from "./guest_decode.ts";
import { context_resume, guest_start } from "./guest_enter.ts";
import { guest_exception, guest_far_jump, guest_iret, guest_page } from "./guest_event.ts";
import { guest_instruction } from "./guest_insn.ts";
import { guest_atomic, guest_bulk, guest_load, guest_pop, guest_push, guest_store, popped } from
	"./guest_memory.ts";
import { GP_VECTOR } from "./guest_paging.ts";
import { INTERCEPT_IRET, SVM_EXIT_IRET } from "./svm_defs.ts";
import { svm_exit, svm_intercepts } from "./svm_exit.ts";
import { guest_text_lookup, text_byte } from "./guest_text.ts";
import {
	GOP_CALL, GOP_CMPXCHG, GOP_IRET, GOP_JMP, GOP_JMP_FAR, GOP_LOAD, GOP_MEMSET, GOP_STORE,
	GOP_STRIDE_LOAD, GOP_XADD, type guest_context, type guest_op, type struct_guest_cpu,
} from "./guest_types.ts";

const canonical = (gva: number): boolean => gva < 0x800000000000 && gva >= -0x800000000000;

const first_byte = new Uint8Array(1);

/** Fetches at @rip: g.text_pfn is the page. False if it may not be. */
function fetch(g: struct_guest_cpu, rip: number): boolean {
	const page = Math.floor(rip / 4096);

	if (page === g.text_page && g.text_stamp === run.tlb.stamp)
		return true;
	if (!canonical(rip)) {
		guest_exception(g, GP_VECTOR, 0);
		return false;
	}
	const pfn = guest_page(g, rip, g.need_fetch);
	if (pfn < 0)
		return false;
	/* later fetches from the page find the line in a cache */
	if (!page_read(g, pfn, rip, first_byte, 0, 1, true))
		return false;
	g.text_page = page;
	g.text_pfn = pfn;
	g.text_stamp = run.tlb.stamp;
	return true;
}

/** The bytes at the operation's place are what its script believes. */
function bytes_match(g: struct_guest_cpu, op: guest_op, window: number): boolean {
	const rip = op.rip, at = rip - window, off = rip & 0xfff, n = (op.next_rip - rip) | 0;

	if (at < 0 || at >= 256)
		return false;
	for (let i = 0; i < n; i++)
		if (frame_get8(g.text_pfn, off + i) !== text_byte((at | 0) + i))
			return false;
	return true;
}

function done(g: struct_guest_cpu, ctx: guest_context, op: guest_op): void {
	op.pending = false;
	ctx.rip = g.rip = op.next_rip;
	if (g.shadow || g.shadow_next) {
		g.shadow = g.shadow_next;
		g.shadow_mov_ss = g.shadow_next = false;
		g.attention = true;
	}
}

/** RET and IRET: back to whom @rip belongs, else to what lies there. */
function leave_to(g: struct_guest_cpu, rip: number): void {
	const stack = g.stack;

	g.rip = rip;
	for (let i = stack.length - 2; i >= 0; i--) {
		const ctx = stack[i]!, op = ctx.op;
		if (op.pending ? rip === op.rip || rip === op.next_rip : rip === ctx.rip) {
			stack.length = i + 1;
			g.top = ctx;
			context_resume(ctx, rip);
			return;
		}
	}
	stack.pop();
	g.top = stack[stack.length - 1] ?? null;
	/* a handler sent bytes elsewhere */
	if (g.top !== null && g.top.program === null && guest_text_lookup(rip) === null) {
		g.top.op.pending = false;
		g.top.rip = rip;
		return;
	}
	guest_start(g, rip);
}

/** JMP */
function go_to(g: struct_guest_cpu, ctx: guest_context, op: guest_op): void {
	const rip = op.gva;

	op.pending = false;
	g.rip = rip;
	if (ctx.program === null && guest_text_lookup(rip) === null) {
		ctx.rip = rip;
		return;
	}
	g.stack.pop();
	guest_start(g, rip);
}

function control_flow(g: struct_guest_cpu, ctx: guest_context, op: guest_op): void {
	switch (op.kind) {
	case GOP_CALL:
		if (!guest_push(g, op.next_rip - g.rip_base))
			return;
		/* stays pending: what is called returns behind it */
		g.rip = op.gva;
		guest_start(g, op.gva);
		return;
	case GOP_JMP:
		go_to(g, ctx, op);
		return;
	case GOP_JMP_FAR:
		if (guest_far_jump(g, op.lo))
			go_to(g, ctx, op);
		return;
	case GOP_IRET:
		if (g.svm && svm_intercepts(g, INTERCEPT_IRET))
			svm_exit(g, SVM_EXIT_IRET, 0, 0, op.next_rip);
		else if (guest_iret(g))
			leave_to(g, g.rip);
		return;
	default:
		if (!guest_pop(g))
			return;
		leave_to(g, Number(BigInt.asIntN(64, popped[0]!)) + g.rip_base);
	}
}

/** Executes the pending operation of the context on top, or the bytes it is at. */
export function guest_step(g: struct_guest_cpu, ctx: guest_context): void {
	const op = ctx.op;

	g.rip = op.pending === true ? op.rip : ctx.rip;
	if (!fetch(g, g.rip))
		return;
	if (op.pending === false || op.bytes === true) {
		if (!guest_decode(g, op, g.rip, g.text_pfn)) {
			op.pending = false;
			ctx.rip = g.rip;
			return;
		}
	} else if (op.kind > GOP_STRIDE_LOAD && !bytes_match(g, op, ctx.window)) {
		const { ret } = op;
		if (!guest_decode(g, op, op.rip, g.text_pfn))
			return;
		op.ret = ret;
	}
	const kind = op.kind;
	let finished;
	if (kind >= GOP_MEMSET && kind <= GOP_STRIDE_LOAD)
		finished = guest_bulk(g, op);
	else if (kind === GOP_LOAD)
		finished = guest_load(g, op);
	else if (kind === GOP_STORE)
		finished = guest_store(g, op);
	else if (kind >= GOP_CMPXCHG && kind <= GOP_XADD)
		finished = guest_atomic(g, op);
	else if ((kind >= GOP_CALL && kind <= GOP_JMP) || kind === GOP_JMP_FAR) {
		control_flow(g, ctx, op);
		return;
	} else
		finished = guest_instruction(g, op);
	if (finished === true)
		done(g, ctx, op);
}

