// SPDX-License-Identifier: GPL-2.0
/*
 * A machine with the TDX module, and a host that makes SEAMCALLs by hand.
 *
 * Port-only. 2 GiB: the first for the host, with PAMTs at 16 MiB; the second is the only TDMR.
 */
import { expect } from "vitest";
import { cpus, cpus_install, set_cpu_vendor, set_this_cpu, this_cpu, X86_VENDOR_INTEL } from
	"#hw/cpu.ts";
import { clock_reset } from "#hw/clock.ts";
import { frame_bytes, memory_install } from "#hw/memory.ts";
import { mce_setup } from "#hw/mce.ts";
import { tme_setup, type tme_config } from "#hw/tme.ts";
import * as d from "#hw/tdx/defs.ts";
import { SEAMCALL_DONE, seamcall } from "#hw/tdx/dispatch.ts";
import { hkid_shift } from "#hw/tdx/keys.ts";
import { seam_regs } from "#hw/tdx/regs.ts";
import { tdx, type struct_tdr, type struct_tdvps, type tdx_environment } from
	"#hw/tdx/state.ts";
import { tdx_install } from "#hw/tdx/sys.ts";
import type { pfn_nr } from "#asm-generic/types.ts";

export const GIB	= 2 ** 30;
export const TDMR_BASE	= GIB;
const PAMT_BASE		= 16 * 2 ** 20;
export const PAMT_4K_BASE = PAMT_BASE + 2 ** 20;
const HOST_BUFFERS	= 8 * 2 ** 20;
export const GLOBAL_HKID = 32;

export interface env_options {
	cpus?: number;
	packages?: number;
	tme?: Partial<tme_config>;
	loaded?: boolean;
	seamrr?: boolean;
}

/** Operands by register; what is left out is 0. */
/** */
export interface operands {
	rcx?: number;
	rdx?: number | bigint;
	r8?: number | bigint;
	r9?: number | bigint;
}

export class td_env {
	readonly r = new seam_regs();
	private next_frame = TDMR_BASE / 4096;
	private next_buffer = HOST_BUFFERS;
	/** KeyID for the next TD. */
	next_hkid = GLOBAL_HKID + 1;

	constructor(o: env_options = {}) {
		const config: tme_config = { integrity: "li", keyid_bits: 6, tdx_keyid_bits: 2,
			pw_erratum: false, emca2: false, seam_nr: false, lmce: true, ...o.tme };
		memory_install(2 * GIB);
		set_cpu_vendor(X86_VENDOR_INTEL);
		cpus_install(o.cpus ?? 1, 40);
		clock_reset();
		tme_setup(config);
		mce_setup({ on: true, ...config });
		tdx_install({ packages: o.packages ?? 1, seamrr: o.seamrr ?? true,
			loaded: o.loaded ?? true });
		for (const cpu of cpus) {
			cpu.vmxon_pfn = 1;
			cpu.online = true;
		}
	}

	/* Memory. */

	/** Frames of TDX memory, aligned to @n of them: a power of two. */
	frames(n = 1): number {
		const first = Math.ceil(this.next_frame / n) * n;
		this.next_frame = first + n;
		return first * 4096;
	}

	/** A page of the host's. */
	buffer(): number {
		const hpa = this.next_buffer;
		this.next_buffer += 4096;
		return hpa;
	}

	view(hpa: number): DataView {
		const b = frame_bytes(Math.floor(hpa / 4096) as pfn_nr);
		return new DataView(b.buffer, b.byteOffset + hpa % 4096, 4096 - hpa % 4096);
	}

	/* SEAMCALL. */

	/** Raw: what the instruction did; registers stay in this.r. */
	raw(leaf: number, o: operands = {}): number {
		const { r } = this;
		r.u64.fill(0n);
		r.u64[0] = BigInt(leaf);
		r.u64[1] = BigInt(o.rcx ?? 0);
		r.u64[2] = BigInt(o.rdx ?? 0);
		r.u64[8] = BigInt(o.r8 ?? 0);
		r.u64[9] = BigInt(o.r9 ?? 0);
		return seamcall(this_cpu, r);
	}

	/** The completion code's name. */
	call(leaf: number, o: operands = {}): string {
		expect(this.raw(leaf, o)).toBe(SEAMCALL_DONE);
		return this.status;
	}

	get env(): tdx_environment {
		return tdx.env;
	}

	get status(): string {
		return d.tdx_status_name(this.r.u64[0]!);
	}

	/** Must succeed. */
	ok(leaf: number, o: operands = {}): void {
		const s = this.call(leaf, o);
		if (s !== "SUCCESS")
			expect(`leaf ${leaf}: ${s}`).toBe("SUCCESS");
	}

	out(reg: number): number {
		return Number(this.r.u64[reg]!);
	}

	on(cpu: number): this {
		set_this_cpu(cpus[cpu]!);
		return this;
	}

	/* Bringing up. */

	/** TDMR_INFO of the one region; @change may spoil it. */
	tdmr_info(change: (v: DataView) => void = (): void => {}): number {
		const hpa = this.buffer(), v = this.view(hpa);
		const put = (at: number, x: number): void => v.setBigUint64(at, BigInt(x), true);
		put(0, TDMR_BASE);
		put(8, GIB);
		put(16, PAMT_BASE);
		put(24, 4096);
		put(32, PAMT_BASE + 4096);
		put(40, 8192);
		put(48, PAMT_4K_BASE);
		put(56, 4 * 2 ** 20);
		change(v);
		return hpa;
	}

	/** Array of addresses for TDH.SYS.CONFIG. */
	pointers(...hpas: number[]): number {
		const hpa = this.buffer();
		hpas.forEach((x, i) => this.view(hpa).setBigUint64(i * 8, BigInt(x), true));
		return hpa;
	}

	init_lps(): void {
		this.on(0).ok(d.TDH_SYS_INIT);
		for (let i = 0; i < cpus.length; i++)
			this.on(i).ok(d.TDH_SYS_LP_INIT);
		this.on(0);
	}

	/** On one CPU of each package. */
	each_package(fn: () => void): void {
		const step = cpus.length / tdx.config.packages;
		for (let i = 0; i < tdx.config.packages; i++) {
			this.on(i * step);
			fn();
		}
		this.on(0);
	}

	bring_up(init = true): this {
		this.init_lps();
		this.ok(d.TDH_SYS_CONFIG, { rcx: this.pointers(this.tdmr_info()), rdx: 1,
			r8: GLOBAL_HKID });
		this.each_package(() => this.ok(d.TDH_SYS_KEY_CONFIG));
		while (init && this.call(d.TDH_SYS_TDMR_INIT, { rcx: TDMR_BASE }) === "SUCCESS")
			;
		return this;
	}

	/* TDs. */

	td_params(change: (v: DataView) => void = (): void => {}): number {
		const hpa = this.buffer(), v = this.view(hpa);
		v.setBigUint64(8, 3n, true);
		v.setUint32(16, 4, true);
		v.setBigUint64(24, 6n | (3n << 3n), true);
		v.setUint16(40, 40, true);
		change(v);
		return hpa;
	}

	/** A TD whose keys are configured. */
	create_td(): struct_tdr {
		const tdr = this.frames();
		this.ok(d.TDH_MNG_CREATE, { rcx: tdr, rdx: this.next_hkid++ });
		this.each_package(() => this.ok(d.TDH_MNG_KEY_CONFIG, { rcx: tdr }));
		return tdx.tdrs.get(tdr / 4096)!;
	}

	add_tdcx(t: struct_tdr): void {
		for (let i = 0; i < d.TDCS_PAGES; i++)
			this.ok(d.TDH_MNG_ADDCX, { rcx: this.frames(), rdx: t.pfn * 4096 });
	}

	/** A TD in OP_STATE INITIALIZED. */
	build_td(change?: (v: DataView) => void): struct_tdr {
		const t = this.create_td();
		this.add_tdcx(t);
		this.ok(d.TDH_MNG_INIT, { rcx: t.pfn * 4096, rdx: this.td_params(change) });
		return t;
	}

	create_vp(t: struct_tdr): struct_tdvps {
		const tdvpr = this.frames();
		this.ok(d.TDH_VP_CREATE, { rcx: tdvpr, rdx: t.pfn * 4096 });
		return tdx.tdvpss.get(tdvpr / 4096)!;
	}

	/** A VCPU in state READY. */
	build_vp(t: struct_tdr, rcx = 0): struct_tdvps {
		const v = this.create_vp(t);
		for (let i = 1; i < d.TDVPS_PAGES; i++)
			this.ok(d.TDH_VP_ADDCX, { rcx: this.frames(), rdx: v.pfn * 4096 });
		this.ok(d.TDH_VP_INIT, { rcx: v.pfn * 4096, rdx: rcx });
		return v;
	}

	finalize(t: struct_tdr): void {
		this.ok(d.TDH_MR_FINALIZE, { rcx: t.pfn * 4096 });
	}

	/** A TD in OP_STATE RUNNABLE, with one VCPU. */
	runnable_td(change?: (v: DataView) => void): struct_tdr {
		const t = this.build_td(change);
		this.build_vp(t);
		this.finalize(t);
		return t;
	}

	/** A leaf on a private range: RCX gpa and level, RDX the TD. */
	mem(leaf: number, t: struct_tdr, gpa: number, level: number, r8 = 0, r9 = 0): string {
		return this.call(leaf, { rcx: gpa + level, rdx: t.pfn * 4096, r8, r9 });
	}

	mem_ok(leaf: number, t: struct_tdr, gpa: number, level: number, r8 = 0, r9 = 0): void {
		const s = this.mem(leaf, t, gpa, level, r8, r9);
		if (s !== "SUCCESS")
			expect(`leaf ${leaf} at 0x${gpa.toString(16)}: ${s}`).toBe("SUCCESS");
	}

	/** Tables of secure EPT down to the one whose entries map @level. */
	add_tables(t: struct_tdr, gpa: number, level = 0): void {
		for (let l = t.tdcs.sept_levels - 1; l > level; l--) {
			const size = 4096 * 512 ** l;
			const s = this.mem(d.TDH_MEM_SEPT_ADD, t, gpa - gpa % size, l,
				this.frames());
			expect(["SUCCESS", "EPT_ENTRY_NOT_FREE|RCX"]).toContain(s);
		}
	}

	/** State of an entry as TDH.MEM.SEPT.RD tells it, and in the name of its level. */
	state(t: struct_tdr, gpa: number, level: number): number {
		this.mem_ok(d.TDH_MEM_SEPT_RD, t, gpa, level);
		expect(this.out(2) & 7).toBe(level);
		return this.out(2) >> 8;
	}

	/** [type, owner, level] of a page */
	rdmd(hpa: number): [number, number, number] {
		this.ok(d.TDH_PHYMEM_PAGE_RDMD, { rcx: hpa });
		return [this.out(1), this.out(2) / 4096, this.out(8)];
	}

	/** BLOCK and TRACK, twice, so that nothing that ran before can run still. */
	block_and_track(t: struct_tdr, gpa: number, level: number): void {
		this.mem_ok(d.TDH_MEM_RANGE_BLOCK, t, gpa, level);
		this.ok(d.TDH_MEM_TRACK, { rcx: t.pfn * 4096 });
	}

	/** All the way to TEARDOWN, from any state in which its VCPUs are not running. */
	release_hkid(t: struct_tdr): void {
		for (const v of t.tdcs.vcpus)
			if (v.lp >= 0)
				this.on(v.lp).ok(d.TDH_VP_FLUSH, { rcx: v.pfn * 4096 });
		this.on(0).ok(d.TDH_MNG_VPFLUSHDONE, { rcx: t.pfn * 4096 });
		this.each_package(() => this.ok(d.TDH_PHYMEM_CACHE_WB));
		this.ok(d.TDH_MNG_KEY_FREEID, { rcx: t.pfn * 4096 });
	}

	with_hkid(hpa: number, hkid: number): number {
		return hpa + hkid * 2 ** hkid_shift();
	}
}
