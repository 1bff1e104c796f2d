// SPDX-License-Identifier: GPL-2.0
/*
 * What a CPU's signature (CPUID leaf 1, EAX) says.
 *
 * Upstream: arch/x86/include/asm/cpu.h, arch/x86/lib/cpu.c.
 */

/** arch/x86/lib/cpu.c:x86_family() */
export function x86_family(sig: number): number {
	let x86 = (sig >> 8) & 0xf;

	if (x86 === 0xf)
		x86 += (sig >> 20) & 0xff;

	return x86;
}

/** arch/x86/lib/cpu.c:x86_model() */
export function x86_model(sig: number): number {
	const fam = x86_family(sig);
	let model = (sig >> 4) & 0xf;

	if (fam >= 0x6)
		model += ((sig >> 16) & 0xf) << 4;

	return model;
}

/** arch/x86/lib/cpu.c:x86_stepping() */
export function x86_stepping(sig: number): number {
	return sig & 0xf;
}
