// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of TDs: posted by the host, delivered when the guest can be interrupted and when
 * nothing of its priority is in service; the registers that it has of an APIC.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import * as isa from "#hw/isa_guest.ts";
import { TDH_VP_RD, TDH_VP_WR } from "#hw/tdx/defs.ts";
import { long_mode, report, td_vm } from "./td_vm.ts";

const TPR = 0x808, PPR = 0x80a, EOI = 0x80b, ISR = 0x810, IRR = 0x820, SELF_IPI = 0x83f;
const PIN_POSTED = 1n << 7n;
/* what a handler reports is its vector, and this */
const HANDLER = 0x1000;
const DONE = 0xdddn;

/** A TD whose handlers of vectors 0x31, 0x35 and 0x41 report, and do not say EOI. */
class apic_vm extends td_vm {
	readonly desc = this.buffer() + 64;

	constructor(script: () => isa.guest_program) {
		super();
		const handler = (vector: number): isa.guest_fn => function* () {
			yield* report(HANDLER + vector);
			yield* isa.iret();
		};
		this.boot([script], { 0x31: handler(0x31), 0x35: handler(0x35),
			0x41: handler(0x41) });
		this.wr(0x2n, 0xf2n);
		this.wr(0x2016n, BigInt(this.desc));
		this.wr(0x4000n, PIN_POSTED, PIN_POSTED);
	}

	vp(leaf: number, field: bigint, value = 0n, mask = (1n << 64n) - 1n): string {
		return this.call(leaf, { rcx: this.vps[0]!.pfn * 4096, rdx: field, r8: value,
			r9: mask });
	}

	wr(field: bigint, value: bigint, mask?: bigint): void {
		expect(this.vp(TDH_VP_WR, field, value, mask)).toBe("SUCCESS");
	}

	/** As the host does: the vector, then ON. */
	post(vector: number): void {
		const v = this.view(this.desc), at = vector >> 5 << 2;
		v.setUint32(at, v.getUint32(at, true) | 1 << (vector & 31), true);
		v.setUint32(32, v.getUint32(32, true) | 1, true);
	}

	posted(): number[] {
		const v = this.view(this.desc);
		return Array.from({ length: 9 }, (_, i) => v.getUint32(4 * i, true));
	}

	/** Bit 0 of the VCPU's details: something is pending. */
	pending(): bigint {
		expect(this.vp(TDH_VP_RD, 17n << 56n | 0x100n)).toBe("SUCCESS");
		return this.r.u64[8]!;
	}

	/** The next reports. */
	reports(...want: readonly bigint[]): void {
		expect(want.map(() => this.reported())).toEqual(want);
	}
}

const handled = (vector: number): bigint => BigInt(HANDLER + vector);

test("what is posted waits for IF, and is delivered once", () => {
	const m = new apic_vm(function* () {
		yield* long_mode();
		yield* report(1);
		yield* report((yield* isa.rdmsr(IRR + 1)));
		yield* isa.sti();
		yield* isa.nop();
		yield* report(DONE);
		yield* report((yield* isa.rdmsr(ISR + 1)));
	});

	m.reports(1n);
	m.post(0x31);
	expect(m.pending()).toBe(0n);
	m.reports(1n << 0x11n);
	/* taken over by the entry */
	expect(m.posted()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
	expect(m.pending()).toBe(1n);
	m.reports(handled(0x31), DONE, 1n << 0x11n);
	expect(m.pending()).toBe(0n);
});

test("without ON, or without leave to post, nothing is looked at", () => {
	const m = new apic_vm(function* () {
		yield* long_mode();
		yield* isa.sti();
		for (let i = 1; ; i++)
			yield* report(i);
	});

	m.reports(1n);
	m.view(m.desc).setUint32(4, 1 << 0x11, true);
	m.reports(2n);
	m.wr(0x4000n, 0n, PIN_POSTED);
	m.post(0x31);
	m.reports(3n);
	m.wr(0x4000n, PIN_POSTED, PIN_POSTED);
	m.reports(handled(0x31), 4n);
});

test("by priority: above what is in service, and above TPR", () => {
	const m = new apic_vm(function* () {
		yield* long_mode();
		yield* isa.sti();
		yield* report(1);
		yield* isa.nop();
		yield* report((yield* isa.rdmsr(PPR)));
		yield* isa.wrmsr(EOI, 0n);
		yield* isa.nop();
		yield* report((yield* isa.rdmsr(PPR)));
		yield* isa.wrmsr(TPR, 0x40n);
		yield* isa.wrmsr(EOI, 0n);
		yield* isa.nop();
		yield* report((yield* isa.rdmsr(PPR)));
		yield* isa.wrmsr(TPR, 0n);
		yield* isa.nop();
		yield* report(DONE);
	});

	m.reports(1n);
	m.post(0x31);
	m.post(0x35);
	m.post(0x41);
	/* one after the other: 0x35 and 0x31 are of one class */
	m.reports(handled(0x41), 0x40n, handled(0x35), 0x30n);
	m.reports(0x40n, handled(0x31), DONE);
});

test("one that comes while the TD runs is delivered at the next entry; SELF_IPI at once", () => {
	const m = new apic_vm(function* () {
		yield* long_mode();
		yield* isa.sti();
		yield* isa.wrmsr(SELF_IPI, 0x35n);
		yield* isa.nop();
		yield* report(DONE);
		for (;;)
			yield* isa.nop();
	});

	m.reports(handled(0x35), DONE);
	expect(m.enter(0, 100)).toBe(null);
	m.post(0x41);
	/* the host's interrupt has it leave */
	m.vps[0]!.guest.force_exit!();
	m.r.u32[0] = 0;
	m.reports(handled(0x41));
});

const BAD: readonly (readonly [string, () => isa.guest_program, bigint])[] = [
	["EOI read", function* () {
		yield* isa.rdmsr(EOI);
	}, 13n],
	...[[TPR, 0x100n], [PPR, 0n], [EOI, 1n], [ISR, 0n], [IRR + 7, 0n], [SELF_IPI, 15n]].map(
		([msr, value]): readonly [string, () => isa.guest_program, bigint] =>
			[`0x${msr!.toString(16)} written`, function* () {
				yield* isa.wrmsr(msr as number, value as bigint);
			}, 13n]),
	["the host's ICR", function* () {
		yield* isa.rdmsr(0x830);
	}, 20n],
];

test.each(BAD)("%s", (_name, access, vector) => {
	const m = new td_vm();
	m.boot([function* () {
		yield* long_mode();
		yield* access();
		yield* report(DONE);
	}], { 13: function* () {
		yield* report(13);
	}, 20: function* () {
		yield* report(20);
	} });

	expect(m.reported()).toBe(vector);
});
