// SPDX-License-Identifier: GPL-2.0
/*
 * A TD whose VCPUs run scripts, and a host that does what it must for that and no more.
 *
 * Port-only. Guest physical memory, all of it private and added before the TD runs:
 *
 *	0x1000 PML4	0x2000 PDPT: the first 4 GiB	0x3000 PDPT: the same, SHARED, at SHARED_VA
 *	0x4000 GDT	0x5000 IDT	0x6000 stacks	0x400000 text	0xfffff000 the reset vector
 *
 * The reset vector jumps to the script, which is in protected mode then; long_mode() leads on.
 */
import { expect } from "vitest";
import { frame_bytes } from "#hw/memory.ts";
import { this_cpu } from "#hw/cpu.ts";
import * as isa from "#hw/isa_guest.ts";
import { reload_cs, tdcall, tdvmcall } from "#hw/isa_td.ts";
import type { guest_program } from "#hw/isa_guest.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_DONE, SEAMCALL_IN_TD, seamcall } from "#hw/tdx/dispatch.ts";
import type { struct_tdr, struct_tdvps } from "#hw/tdx/state.ts";
import { tdx_run_td } from "#hw/tdx/td_guest.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { td_env, type env_options } from "./td_env.ts";

const PML4 = 0x1000, PDPT = 0x2000, PDPT_SHARED = 0x3000;
export const GDT = 0x4000, IDT = 0x5000, STACK_TOP = 0x7000;
const RESET_PAGE = 0xfffff000;
/** Where linear addresses are shared memory's. */
export const SHARED_VA = 2 ** 39;
/** R11 of a script's report to its host. */
export const REPORT = 0x7777n;

export interface td_exit {
	status: string;
	reason: number;
	qual: number;
	ext: number;
	ext_info: number;
	gpa: number;
	intr: number;
}

/** From protected mode without paging to 64-bit mode, with a stack. */
export function* long_mode(vcpu = 0): guest_program {
	yield* isa.lgdt(GDT, 0x1f);
	yield* isa.lidt(IDT, 0xfff);
	yield* isa.write_cr(4, 0x660n);
	yield* isa.write_cr(3, BigInt(PML4));
	yield* isa.write_cr(0, 0x80010031n);
	yield* reload_cs(8);
	yield* isa.set_reg(isa.REG_RSP, BigInt(STACK_TOP - vcpu * 1024));
}

/** Tells the host a number. */
export function* report(x: bigint | number): guest_program {
	yield* tdvmcall(1n, REPORT, BigInt.asUintN(64, BigInt(x)));
}

/** TDG.MEM.PAGE.ACCEPT; the completion code's name goes to the host. */
export function* accept(gpa: number, level = 0): guest_program {
	yield* report(yield* tdcall(d.TDG_MEM_PAGE_ACCEPT, BigInt(gpa + level)));
}

/** Where a gate of the IDT has its handler's address. */
function gate_offset(at: number): bigint {
	return BigInt(at & 0xffff) | BigInt(at >>> 16) << 48n;
}

export class td_vm extends td_env {
	t!: struct_tdr;
	readonly vps: struct_tdvps[] = [];
	/** Bits of ATTRIBUTES; GPAW 52. */
	attributes = 0n;
	wide = false;

	constructor(o: env_options = {}) {
		super(o);
		this.bring_up(false);
		/* 64 MiB are enough */
		for (let i = 0; i < 16; i++)
			this.ok(d.TDH_SYS_TDMR_INIT, { rcx: 2 ** 30 });
	}

	/** PAGE.ADD of @bytes; the frame's address. */
	add_page(gpa: number, bytes: Uint8Array): number {
		const source = this.buffer(), hpa = this.frames();
		frame_bytes(source / 4096 as pfn_nr).set(bytes);
		this.add_tables(this.t, gpa);
		this.mem_ok(d.TDH_MEM_PAGE_ADD, this.t, gpa, 0, hpa, source);
		return hpa;
	}

	private add_words(gpa: number, words: [number, bigint][]): void {
		const page = new Uint8Array(4096), v = new DataView(page.buffer);
		for (const [i, x] of words)
			v.setBigUint64(i * 8, x, true);
		this.add_page(gpa, page);
	}

	/** A TD with a VCPU for each script. @handlers: interrupt handlers by vector. */
	boot(scripts: isa.guest_fn[], handlers: Record<number, isa.guest_fn> = {}): void {
		const { attributes, wide } = this;
		this.t = this.build_td((v) => {
			v.setBigUint64(0, attributes, true);
			if (wide) {
				v.setBigUint64(24, 6n | (4n << 3n), true);
				v.setBigUint64(32, 1n, true);
			}
		});
		const shared = 1n << BigInt(wide ? 51 : 47), gib = 2n ** 30n;
		this.add_words(PML4, [[0, BigInt(PDPT) | 7n], [1, BigInt(PDPT_SHARED) | 7n]]);
		const pages = [0, 1, 2, 3].map((i): [number, bigint] =>
			[i, BigInt(i) * gib | 0xe7n]);
		this.add_words(PDPT, pages);
		this.add_words(PDPT_SHARED, pages.map(([i, x]) => [i, x | shared]));
		this.add_words(GDT, [[1, 0x00af9b000000ffffn], [2, 0x00cf93000000ffffn]]);
		this.add_words(IDT, Object.entries(handlers).flatMap(([vector, fn]) =>
			[[Number(vector) * 2, 0x8e00n << 32n | 8n << 16n |
				gate_offset(isa.guest_text_alloc(fn))]]));
		this.add_page(STACK_TOP - 4096, new Uint8Array(0));
		const starts = scripts.map((fn) => isa.guest_text_alloc(fn));
		for (let at = 0; at < isa.GUEST_TEXT_SIZE; at += 4096) {
			const text = new Uint8Array(4096);
			for (let i = 0; i < 4096; i += isa.GUEST_TEXT_WINDOW)
				text.set(isa.guest_text_image(), i);
			this.add_page(isa.GUEST_TEXT_BASE + at, text);
		}
		scripts.forEach((_, i) => this.vps.push(this.on(i).build_vp(this.t, 0xabc000)));
		this.on(0);
		/* all begin with the same script, which tells them apart */
		const choose = isa.guest_text_alloc(function* () {
			yield* isa.jmp(starts[Number(yield* isa.get_reg(isa.REG_RSI))]!);
		});
		const first = scripts.length === 1 ? starts[0]! : choose;
		this.add_page(RESET_PAGE, this.reset_page(first));
		this.finalize(this.t);
	}

	/** JMP @start */
	private reset_page(start: number): Uint8Array {
		const page = new Uint8Array(4096), v = new DataView(page.buffer);
		page[0xff0] = 0xe9;
		v.setInt32(0xff1, start - 0xfffffff5, true);
		return page;
	}

	/** TDH.VP.ENTER; null when it would go on and on. */
	enter(i = 0, steps = 20000): td_exit | null {
		const r = this.raw_enter(i);
		if (r === SEAMCALL_DONE)
			return this.exit();
		expect(r).toBe(SEAMCALL_IN_TD);
		for (let n = 0; n < 100; n++)
			if (tdx_run_td(steps))
				return this.exit();
		return null;
	}

	/** Only begins; R10 to R15 are what the host has put there. */
	raw_enter(i: number): number {
		const { r } = this;
		r.u64[0] = BigInt(d.TDH_VP_ENTER);
		r.u64[1] = BigInt(this.vps[i]!.pfn * 4096);
		return seamcall(this_cpu, r);
	}

	exit(): td_exit {
		const { r } = this;
		const reason = r.u32[0]!;
		r.u32[0] = 0;
		const status = this.status;
		r.u32[0] = reason;
		return { status, reason, qual: this.out(1), ext: r.u32[4]!, ext_info: r.u32[5]!,
			gpa: this.out(8), intr: this.out(9) };
	}

	/** Enters and expects the script's report. */
	reported(i = 0): bigint {
		const e = this.enter(i);
		expect(e).toMatchObject({ status: "SUCCESS", reason: d.EXIT_REASON_TDCALL });
		expect(this.r.u64[11]).toBe(REPORT);
		return this.r.u64[12]!;
	}

	/** Enters and expects an EPT violation at @gpa. */
	violation(gpa: number, i = 0): td_exit {
		const e = this.enter(i)!;
		expect(e).toMatchObject({ status: "SUCCESS", reason: 48, gpa: gpa - gpa % 4096 });
		return e;
	}

	/** AUG of a new page, with its tables. */
	aug(gpa: number, level = 0): number {
		const hpa = this.frames(512 ** level);
		this.add_tables(this.t, gpa, level);
		this.mem_ok(d.TDH_MEM_PAGE_AUG, this.t, gpa, level, hpa);
		return hpa;
	}
}
