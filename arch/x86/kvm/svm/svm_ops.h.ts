// SPDX-License-Identifier: GPL-2.0
/*
 * SVM's instructions. Outside SVM operation they fault: kvm_spurious_fault().
 *
 * Upstream: arch/x86/kvm/svm/svm_ops.h.
 */
import type { gva_t, hpa_t, pfn_nr } from "#asm-generic/types.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { invlpga as hw_invlpga, vmload as hw_vmload, vmsave as hw_vmsave } from "#hw/svm.ts";

/* between the two nothing interrupts the kernel, which is so without them */
export function clgi(): void {}
export function stgi(): void {}

export function invlpga(addr: gva_t, asid: number): void {
	hw_invlpga(addr, asid);
}

export function vmsave(pa: hpa_t): void {
	hw_vmsave(pa / PAGE_SIZE as pfn_nr);
}

export function vmload(pa: hpa_t): void {
	hw_vmload(pa / PAGE_SIZE as pfn_nr);
}
