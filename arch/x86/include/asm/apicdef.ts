// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of local APICs, and their bits.
 *
 * Upstream: arch/x86/include/asm/apicdef.h. Left out: the host's own APIC, AMD's extended
 * registers.
 */
export const IO_APIC_DEFAULT_PHYS_BASE	= 0xfec00000;
export const APIC_DEFAULT_PHYS_BASE	= 0xfee00000;
export const APIC_ID			= 0x20;
export const APIC_LVR			= 0x30;
export const APIC_LVR_MASK		= 0xff00ff;
export const APIC_LVR_DIRECTED_EOI	= 1 << 24;

export function GET_APIC_VERSION(x: number): number {
	return x & 0xff;
}

export function GET_APIC_MAXLVT(x: number): number {
	return x >> 16 & 0xff;
}

export function APIC_XAPIC(x: number): boolean {
	return x >= 0x14;
}

export function APIC_EXT_SPACE(x: number): number {
	return x & 0x80000000;
}

export const APIC_TASKPRI		= 0x80;
export const APIC_TPRI_MASK		= 0xff;
export const APIC_ARBPRI		= 0x90;
export const APIC_ARBPRI_MASK		= 0xff;
export const APIC_PROCPRI		= 0xa0;
export const APIC_EOI			= 0xb0;
export const APIC_EOI_ACK		= 0x0;
export const APIC_RRR			= 0xc0;
export const APIC_LDR			= 0xd0;
export const APIC_LDR_MASK		= 0xff000000;

export function GET_APIC_LOGICAL_ID(x: number): number {
	return x >>> 24;
}

export function SET_APIC_LOGICAL_ID(x: number): number {
	return (x << 24) >>> 0;
}

export const APIC_ALL_CPUS		= 0xff;
export const APIC_DFR			= 0xe0;
export const APIC_DFR_CLUSTER		= 0x0fffffff;
export const APIC_DFR_FLAT		= 0xffffffff;
export const APIC_SPIV			= 0xf0;
export const APIC_SPIV_DIRECTED_EOI	= 1 << 12;
export const APIC_SPIV_FOCUS_DISABLED	= 1 << 9;
export const APIC_SPIV_APIC_ENABLED	= 1 << 8;
export const APIC_ISR			= 0x100;
export const APIC_ISR_NR		= 0x8;
export const APIC_TMR			= 0x180;
export const APIC_IRR			= 0x200;
export const APIC_ESR			= 0x280;
export const APIC_ESR_SEND_CS		= 0x00001;
export const APIC_ESR_RECV_CS		= 0x00002;
export const APIC_ESR_SEND_ACC		= 0x00004;
export const APIC_ESR_RECV_ACC		= 0x00008;
export const APIC_ESR_SENDILL		= 0x00020;
export const APIC_ESR_RECVILL		= 0x00040;
export const APIC_ESR_ILLREGA		= 0x00080;
export const APIC_LVTCMCI		= 0x2f0;
export const APIC_ICR			= 0x300;
export const APIC_DEST_SELF		= 0x40000;
export const APIC_DEST_ALLINC		= 0x80000;
export const APIC_DEST_ALLBUT		= 0xc0000;
export const APIC_ICR_RR_MASK		= 0x30000;
export const APIC_ICR_RR_INVALID	= 0x00000;
export const APIC_ICR_RR_INPROG		= 0x10000;
export const APIC_ICR_RR_VALID		= 0x20000;
export const APIC_INT_LEVELTRIG		= 0x08000;
export const APIC_INT_ASSERT		= 0x04000;
export const APIC_ICR_BUSY		= 0x01000;
export const APIC_DEST_LOGICAL		= 0x00800;
export const APIC_DEST_PHYSICAL		= 0x00000;
export const APIC_DM_FIXED		= 0x00000;
export const APIC_DM_FIXED_MASK		= 0x00700;
export const APIC_DM_LOWEST		= 0x00100;
export const APIC_DM_SMI		= 0x00200;
export const APIC_DM_REMRD		= 0x00300;
export const APIC_DM_NMI		= 0x00400;
export const APIC_DM_INIT		= 0x00500;
export const APIC_DM_STARTUP		= 0x00600;
export const APIC_DM_EXTINT		= 0x00700;
export const APIC_VECTOR_MASK		= 0x000ff;
export const APIC_ICR2			= 0x310;

export function GET_XAPIC_DEST_FIELD(x: number): number {
	return x >>> 24;
}

export function SET_XAPIC_DEST_FIELD(x: number): number {
	return (x << 24) >>> 0;
}

export const APIC_LVTT			= 0x320;
export const APIC_LVTTHMR		= 0x330;
export const APIC_LVTPC			= 0x340;
export const APIC_LVT0			= 0x350;
export const APIC_LVT_TIMER_ONESHOT	= 0 << 17;
export const APIC_LVT_TIMER_PERIODIC	= 1 << 17;
export const APIC_LVT_TIMER_TSCDEADLINE	= 2 << 17;
export const APIC_LVT_MASKED		= 1 << 16;
export const APIC_LVT_LEVEL_TRIGGER	= 1 << 15;
export const APIC_LVT_REMOTE_IRR	= 1 << 14;
export const APIC_INPUT_POLARITY	= 1 << 13;
export const APIC_SEND_PENDING		= 1 << 12;
export const APIC_MODE_MASK		= 0x700;

export function GET_APIC_DELIVERY_MODE(x: number): number {
	return x >> 8 & 0x7;
}

export function SET_APIC_DELIVERY_MODE(x: number, y: number): number {
	return (x & ~0x700) | (y << 8);
}

export const APIC_MODE_FIXED		= 0x0;
export const APIC_MODE_NMI		= 0x4;
export const APIC_MODE_EXTINT		= 0x7;
export const APIC_LVT1			= 0x360;
export const APIC_LVTERR		= 0x370;
export const APIC_TMICT			= 0x380;
export const APIC_TMCCT			= 0x390;
export const APIC_TDCR			= 0x3e0;
export const APIC_SELF_IPI		= 0x3f0;
export const APIC_TDR_DIV_TMBASE	= 1 << 2;
export const APIC_TDR_DIV_1		= 0xb;
export const APIC_TDR_DIV_2		= 0x0;
export const APIC_TDR_DIV_4		= 0x1;
export const APIC_TDR_DIV_8		= 0x2;
export const APIC_TDR_DIV_16		= 0x3;
export const APIC_TDR_DIV_32		= 0x8;
export const APIC_TDR_DIV_64		= 0x9;
export const APIC_TDR_DIV_128		= 0xa;
export const APIC_BASE_MSR		= 0x800;
export const XAPIC_ENABLE		= 1 << 11;
export const X2APIC_ENABLE		= 1 << 10;
