// SPDX-License-Identifier: GPL-2.0
/*
 * The walk over a guest's own page tables: permissions, error codes, accessed and dirty bits, as
 * the CPU would have it.
 *
 * Port-only.
 */
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { gva_t } from "#asm-generic/types.ts";
import { INVALID_GPA } from "#asm/kvm_host.ts";
import { struct_x86_exception } from "#arch/x86/kvm/kvm_emulate.h.ts";
import { KVM_GET_SREGS, KVM_MEM_READONLY, KVM_SET_SREGS } from "#uapi/linux/kvm.ts";
import { struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import { peek, poke } from "#tools/include/nolibc/arch.ts";
import { guest_sregs, guest_tables, GUEST_DATA_BASE } from "#tools/include/nolibc/kvm_guest.ts";
import { ioctl } from "#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, FETCH, in_task, PAGE, PRESENT, RSVD, state, USER, vm, WRITE } from
	"#tools/testing/kunit/kvm/mmu_env.ts";

const MEM = 2 ** 24;
/* the tables of the test, behind those of guest_tables(): PML4 entry 511, upper half */
const PDPT = 0x10000, PD = 0x11000, PT = 0x12000;
const HIGH = -(2 ** 39);
const P = 1n, RW = 2n, US = 4n, A = 0x20n, D = 0x40n, PS = 0x80n, NX = 1n << 63n;
const CR0_WP = 1n << 16n, CR4_SMEP = 1n << 20n, CR4_SMAP = 1n << 21n, EFER_NX = 1n << 11n;

let before = "";

beforeAll(() => {
	boot_kvm("intel");
});
beforeEach(() => {
	before = state();
});
afterEach(() => {
	expect(state()).toBe(before);
});

class guest {
	m = new vm();
	mem = anon(MEM);

	constructor(flags = 0) {
		guest_tables(this.mem, 0);
		this.put(511, 0, BigInt(PDPT) | P | RW | US);
		this.put(0, PDPT, BigInt(PD) | P | RW | US);
		this.put(0, PD, BigInt(PT) | P | RW | US);
		this.m.slot(0, this.mem, MEM, flags);
		expect(guest_sregs(this.m.vcpu_fd, 0)).toBe(0);
	}
	put(i: number, table: number, x: bigint): void {
		const b = new Uint8Array(8);
		new DataView(b.buffer).setBigUint64(0, x, true);
		poke(this.mem + table + 8 * i, b);
	}
	get(i: number, table: number): bigint {
		return new DataView(peek(this.mem + table + 8 * i, 8).slice().buffer)
			.getBigUint64(0, true);
	}
	sregs(change: (s: ReturnType<typeof struct_kvm_sregs.alloc>) => void): void {
		const s = struct_kvm_sregs.alloc();
		expect(ioctl(this.m.vcpu_fd, KVM_GET_SREGS, s.bytes)).toBe(0);
		change(s);
		expect(ioctl(this.m.vcpu_fd, KVM_SET_SREGS, s.bytes)).toBe(0);
	}
	/** gpa, or "#PF" and its error code. */
	walk(gva: number, access: number): number | string {
		const e = new struct_x86_exception();
		const gpa = this.m.loaded(() => {
			const mmu = this.m.vcpu.arch.walk_mmu!;
			return mmu.gva_to_gpa!(this.m.vcpu, mmu, gva_t(gva), access, e);
		});
		if (gpa !== INVALID_GPA)
			return gpa;
		expect(e.vector).toBe(14);
		expect(e.address).toBe(BigInt.asUintN(64, BigInt(gva)));
		return `#PF ${e.error_code}`;
	}
	close(): void {
		this.m.close();
	}
}

test("leads to the page, and marks the way", () => in_task(() => {
	const g = new guest();

	g.put(7, PT, 0x20000n | P | RW | US);
	expect(g.walk(HIGH + 7 * PAGE + 0x123, 0)).toBe(0x20123);
	expect(g.get(7, PT)).toBe(0x20000n | P | RW | US | A);
	expect(g.get(0, PD) & (A | D)).toBe(A);
	expect(g.get(511, 0) & (A | D)).toBe(A);
	expect(g.walk(HIGH + 7 * PAGE + 0xfff, WRITE)).toBe(0x20fff);
	expect(g.get(7, PT)).toBe(0x20000n | P | RW | US | A | D);
	expect(g.get(0, PD) & (A | D)).toBe(A);
	/* the windows of guest_tables(), by a page of 1 GiB */
	expect(g.walk(GUEST_DATA_BASE + 0x345678, WRITE)).toBe(0x345678);
	g.close();
}));

test("ends at large pages", () => in_task(() => {
	const g = new guest();

	g.put(1, PD, 0x400000n | P | RW | PS);
	expect(g.walk(HIGH + 2 ** 21 + 0x54321, 0)).toBe(0x454321);
	/* address bits below the large page's are reserved */
	g.put(1, PD, 0x402000n | P | RW | PS);
	expect(g.walk(HIGH + 2 ** 21, 0)).toBe(`#PF ${PRESENT | RSVD}`);
	g.close();
}));

test("faults as permissions say", () => in_task(() => {
	const g = new guest();
	const at = HIGH + 7 * PAGE;

	expect(g.walk(at, WRITE)).toBe(`#PF ${WRITE}`);
	expect(g.walk(at, USER)).toBe(`#PF ${USER}`);
	g.put(7, PT, 0x20000n | P);
	expect(g.walk(at, 0)).toBe(0x20000);
	expect(g.walk(at, USER)).toBe(`#PF ${PRESENT | USER}`);
	expect(g.walk(at, USER | WRITE)).toBe(`#PF ${PRESENT | USER | WRITE}`);
	/* the supervisor may write all the same, but for CR0.WP */
	expect(g.walk(at, WRITE)).toBe(0x20000);
	g.sregs((s) => {
		s.cr0 |= CR0_WP;
	});
	expect(g.walk(at, WRITE)).toBe(`#PF ${PRESENT | WRITE}`);
	g.put(7, PT, 0x20000n | P | RW | US | NX);
	expect(g.walk(at, USER)).toBe(0x20000);
	expect(g.walk(at, USER | FETCH)).toBe(`#PF ${PRESENT | USER | FETCH}`);
	/* an upper level counts for all below */
	g.put(0, PD, BigInt(PT) | P | RW);
	expect(g.walk(at, USER)).toBe(`#PF ${PRESENT | USER}`);
	g.close();
}));

test("knows NX, SMEP and SMAP", () => in_task(() => {
	const g = new guest();
	const at = HIGH + 7 * PAGE;

	g.put(7, PT, 0x20000n | P | RW | US);
	expect(g.walk(at, FETCH)).toBe(0x20000);
	g.sregs((s) => {
		s.cr4 |= CR4_SMEP | CR4_SMAP;
	});
	expect(g.walk(at, FETCH)).toBe(`#PF ${PRESENT | FETCH}`);
	expect(g.walk(at, 0)).toBe(`#PF ${PRESENT}`);
	expect(g.walk(at, USER | FETCH)).toBe(0x20000);
	/* without EFER.NX the bit is reserved */
	g.put(7, PT, 0x20000n | P | RW | US | NX);
	g.sregs((s) => {
		s.cr4 &= ~(CR4_SMEP | CR4_SMAP);
		s.efer &= ~EFER_NX;
	});
	expect(g.walk(at, USER)).toBe(`#PF ${PRESENT | RSVD | USER}`);
	g.close();
}));

test("leaves tables in a read-only slot as they are", () => in_task(() => {
	const g = new guest(KVM_MEM_READONLY);

	g.put(7, PT, 0x20000n | P | RW | US);
	expect(g.walk(HIGH + 7 * PAGE, WRITE)).toBe(0x20000);
	expect(g.get(7, PT)).toBe(0x20000n | P | RW | US);
	g.close();
}));

test("is none while paging is off", () => in_task(() => {
	const m = new vm(), at = anon(PAGE);

	m.slot(0, at, PAGE);
	const mmu = m.vcpu.arch.walk_mmu!;
	expect(m.loaded(() => mmu.gva_to_gpa!(m.vcpu, mmu, 0x12345, WRITE, null))).toBe(0x12345);
	m.close();
}));
