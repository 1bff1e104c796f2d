// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC, as the guest programs it.
 *
 * Upstream: tools/testing/selftests/kvm/include/x86_64/apic.h, lib/x86_64/apic.c.
 */
import { ld32, rdmsr, st32, wrmsr } from "#hw/isa_guest.ts";
import type { guest_program } from "../guest.ts";
import { MSR_IA32_APICBASE, MSR_IA32_APICBASE_ENABLE, MSR_IA32_APICBASE_EXTD } from
	"./msr-index.ts";

export const APIC_DEFAULT_GPA		= 0xfee00000;

export const APIC_BASE_MSR		= 0x800;
export const APIC_ID			= 0x20;
export const APIC_LVR			= 0x30;
export const APIC_TASKPRI		= 0x80;
export const APIC_PROCPRI		= 0xa0;
export const APIC_EOI			= 0xb0;
export const APIC_SPIV			= 0xf0;
export const APIC_SPIV_FOCUS_DISABLED	= 1 << 9;
export const APIC_SPIV_APIC_ENABLED	= 1 << 8;
export const APIC_IRR			= 0x200;
export const APIC_ICR			= 0x300;
export const APIC_DEST_SELF		= 0x40000;
export const APIC_DEST_ALLINC		= 0x80000;
export const APIC_DEST_ALLBUT		= 0xc0000;
export const APIC_INT_ASSERT		= 0x04000;
export const APIC_ICR_BUSY		= 0x01000;
export const APIC_DEST_PHYSICAL		= 0x00000;
export const APIC_DM_FIXED		= 0x00000;
export const APIC_DM_FIXED_MASK		= 0x00700;
export const APIC_DM_NMI		= 0x00400;
export const APIC_ICR2			= 0x310;

export function GET_APIC_ID_FIELD(x: number): number {
	return (x >>> 24) & 0xff;
}

export function SET_APIC_DEST_FIELD(x: number): number {
	return x << 24;
}

type in_guest<T> = Generator<number, T, void>;

export function* xapic_read_reg(reg: number): in_guest<number> {
	return yield* ld32(APIC_DEFAULT_GPA + reg);
}

export function* xapic_write_reg(reg: number, val: number): guest_program {
	yield* st32(APIC_DEFAULT_GPA + reg, val);
}

export function* x2apic_read_reg(reg: number): in_guest<bigint> {
	return yield* rdmsr(APIC_BASE_MSR + (reg >> 4));
}

export function* x2apic_write_reg(reg: number, value: bigint): guest_program {
	yield* wrmsr(APIC_BASE_MSR + (reg >> 4), value);
}

export function* apic_disable(): guest_program {
	const val = yield* rdmsr(MSR_IA32_APICBASE);
	yield* wrmsr(MSR_IA32_APICBASE, val & ~(MSR_IA32_APICBASE_ENABLE | MSR_IA32_APICBASE_EXTD));
}

export function* xapic_enable(): guest_program {
	const base = yield* rdmsr(MSR_IA32_APICBASE);

	/* from x2APIC the way leads over a disabled APIC */
	if ((base & MSR_IA32_APICBASE_EXTD) !== 0n) {
		yield* apic_disable();
		const val = yield* rdmsr(MSR_IA32_APICBASE);
		yield* wrmsr(MSR_IA32_APICBASE, val | MSR_IA32_APICBASE_ENABLE);
	} else if ((base & MSR_IA32_APICBASE_ENABLE) === 0n) {
		yield* wrmsr(MSR_IA32_APICBASE, base | MSR_IA32_APICBASE_ENABLE);
	}

	/* after reset, software has to enable it once more */
	const val = yield* xapic_read_reg(APIC_SPIV);
	yield* xapic_write_reg(APIC_SPIV, val | APIC_SPIV_APIC_ENABLED);
}

export function* x2apic_enable(): guest_program {
	const base = yield* rdmsr(MSR_IA32_APICBASE);
	yield* wrmsr(MSR_IA32_APICBASE, base | MSR_IA32_APICBASE_ENABLE | MSR_IA32_APICBASE_EXTD);
	const val = yield* x2apic_read_reg(APIC_SPIV);
	yield* x2apic_write_reg(APIC_SPIV, val | BigInt(APIC_SPIV_APIC_ENABLED));
}
