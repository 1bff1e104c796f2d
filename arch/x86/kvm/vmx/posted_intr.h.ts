// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptor by which interrupts are posted to a vCPU.
 *
 * Upstream: arch/x86/kvm/vmx/posted_intr.h. Of VMX's vCPUs only TDs use it here: the modelled CPU
 * posts no interrupts to others. Left out: suppressed and urgent notifications, wake-up lists. A
 * descriptor is the first 64 bytes of a page.
 */
import { mem_hi, mem_lo, mem_write64 } from "#hw/memory.ts";
import type { struct_page } from "#linux/mm_types.ts";

/** For notifications. */
export const POSTED_INTR_VECTOR	= 0xf2;

/* words of 64 bits: the vectors; ON, and the notification's vector in bits 23:16 */
const PI_CONTROL		= 4;
const POSTED_INTR_ON		= 1;

const desc = (page: struct_page): number => page.pfn * 512;

export function pi_init(page: struct_page): void {
	mem_write64(desc(page) + PI_CONTROL, POSTED_INTR_VECTOR << 16, 0);
}

export function pi_test_and_set_on(page: struct_page): boolean {
	const at = desc(page) + PI_CONTROL, lo = mem_lo(at);

	mem_write64(at, lo | POSTED_INTR_ON, mem_hi(at));
	return (lo & POSTED_INTR_ON) !== 0;
}

export function pi_test_and_set_pir(vector: number, page: struct_page): boolean {
	const at = desc(page) + (vector >> 6), lo = mem_lo(at), hi = mem_hi(at);
	const bit = 1 << (vector & 31), high = (vector & 32) !== 0;

	mem_write64(at, high ? lo : lo | bit, high ? hi | bit : hi);
	return ((high ? hi : lo) & bit) !== 0;
}

export function pi_test_on(page: struct_page): boolean {
	return (mem_lo(desc(page) + PI_CONTROL) & POSTED_INTR_ON) !== 0;
}
