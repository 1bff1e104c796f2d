// SPDX-License-Identifier: GPL-2.0
/*
 * Programs at addresses of their own, far jumps into them, and TDCALL where there is no TD.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import { gva_t, type pfn_nr } from "#asm-generic/types.ts";
import * as isa from "#hw/isa_guest.ts";
import { guest_text_image, guest_text_place, type guest_program } from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { frame_bytes } from "#hw/memory.ts";
import { vmread32 } from "#hw/vmx.ts";
import * as v from "#hw/vmx_defs.ts";
import * as s from "#hw/svm_defs.ts";
import { AMD, GDT_GPA, INTEL, vm, type vm_exit } from "./vm.ts";

const VENDORS: [string, number][] = [["intel", INTEL], ["amd", AMD]];
const UD = 6, NP = 11, GP = 13;
const PLACE = 0x700000, KERNEL_CS = 8, KERNEL_DS = 16, USER_CS = 0x1b, SLOT = 0x20;
let next = PLACE;

/** A program of @m's at a page of its own. */
function place(m: vm, fn: () => guest_program): number {
	const at = next;

	next += 4096;
	guest_text_place(fn, gva_t(at));
	frame_bytes(m.identity(at) as pfn_nr).set(guest_text_image());
	return at;
}

function out(m: vm, e: vm_exit = m.run()): number {
	expect(m.is(e, v.EXIT_REASON_IO_INSTRUCTION, s.SVM_EXIT_IOIO)).toBe(true);
	const x = Number(m.rax);
	m.skip(e);
	return x;
}

/** Vector and error code of an exception that was intercepted. */
function exception(m: vm, e: vm_exit): [number, number] {
	if (m.vendor === INTEL) {
		expect(e.code).toBe(v.EXIT_REASON_EXCEPTION_NMI);
		return [vmread32(v.VM_EXIT_INTR_INFO) & 0xff, vmread32(v.VM_EXIT_INTR_ERROR_CODE)];
	}
	return [e.code - s.SVM_EXIT_EXCP_BASE, Number(e.qual)];
}

describe.each(VENDORS)("text, %s", (_, vendor) => {
	test("a program is wherever it was put", () => {
		const m = new vm(vendor);
		const at = place(m, function* () {
			yield* isa.outl(1, Number(yield* isa.get_rip()) - at);
		});
		m.start(function* () {
			yield* isa.outl(1, 1);
			yield* isa.jmp(at);
		});
		expect(out(m)).toBe(1);
		expect(out(m)).toBeGreaterThan(0);
	});

	test("its window is nobody else's", () => {
		const fn = function* (): guest_program {
			yield* isa.nop();
		};
		guest_text_place(fn, gva_t(next));
		expect(() => guest_text_place(fn, gva_t(next + 255))).toThrow("two programs");
		expect(() => guest_text_place(fn, gva_t(isa.GUEST_TEXT_BASE))).toThrow("guest_text_alloc");
		next += 4096;
	});

	test("far jumps load CS", () => {
		const m = new vm(vendor);
		const at = place(m, function* () {
			yield* isa.outl(1, 2);
		});
		/* conforming, 64-bit */
		m.put64(GDT_GPA + SLOT, 0x00af9f000000ffffn);
		m.start(function* () {
			yield* isa.jmp_far(SLOT, at);
		});
		expect(out(m)).toBe(2);
		expect(m.guest.cs.selector).toBe(SLOT);
		expect(m.guest.cs.ar & 0xf).toBe(0xf);
	});

	const CODE64 = 0x00af9b000000ffffn;
	test.each<[string, number, bigint, number, number]>([
		["null", 0, CODE64, GP, 0],
		["data", KERNEL_DS, CODE64, GP, KERNEL_DS],
		["user's", USER_CS, CODE64, GP, 0x18],
		["beyond the limit", 0xfff8, CODE64, GP, 0xfff8],
		["32 and 64-bit", SLOT, 0x00ef9b000000ffffn, GP, SLOT],
		["not present", SLOT, 0x00af1b000000ffffn, NP, SLOT],
	])("no far jump to a segment: %s", (_what, selector, desc, vector, error) => {
		const m = new vm(vendor);
		const at = place(m, function* () {
			yield* isa.outl(1, 2);
		});
		m.put64(GDT_GPA + SLOT, desc);
		m.exceptions((1 << GP) | (1 << NP));
		m.start(function* () {
			yield* isa.jmp_far(selector, at);
		});
		const e = m.run();
		expect(exception(m, e)).toEqual([vector, error]);
		expect(m.guest.cs.selector).toBe(KERNEL_CS);
	});

	test("TDCALL is the host's to refuse outside a TD", () => {
		const m = new vm(vendor);
		m.exceptions(1 << UD);
		m.start(function* () {
			yield* isa.outl(1, Number(yield* tdcall(6, 0x200001n, 0n, 5n)));
		});
		const e = m.run();
		expect(m.is(e, v.EXIT_REASON_TDCALL, s.SVM_EXIT_EXCP_BASE + UD)).toBe(true);
		expect([m.rax, m.regs[isa.REG_RCX], m.regs[isa.REG_R8]])
			.toEqual([6n, 0x200001n, 5n]);
		/* 66 0f 01 cc */
		m.skip({ ...e, next: e.rip + 4 });
		expect(out(m)).toBe(6);
	});
});
