// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's virtual APIC: interrupts that the host posts, and the x2APIC registers that the guest has
 * without asking its host.
 *
 * Port-only. The host's descriptor, 64 bytes, has a bit for each vector, and ON (bit 256), which it
 * sets after them. The processor moves them to VIRR at an entry with ON set; a host that wants to
 * be heard makes the VCPU exit. The highest vector above the priority of TPR and of what is in
 * service is delivered when the guest can be interrupted, and stays in service until EOI.
 */
import type { pfn_nr } from "#asm-generic/types.ts";
import { FRAME_META, frame_get32, frame_put32, frame_state } from "../memory.ts";
import { vmcs_get32, vmcs_getn, vmcs_put32 } from "../vmcs.ts";
import * as x from "../vmx_defs.ts";
import type { struct_tdvps } from "./state.ts";

const RFLAGS_IF		= 1 << 9;
const PID_ON		= 32;

/* x2APIC MSRs */
const X2APIC_TPR	= 0x808;
const X2APIC_PPR	= 0x80a;
const X2APIC_EOI	= 0x80b;
const X2APIC_ISR	= 0x810;
const X2APIC_TMR	= 0x818;
const X2APIC_IRR	= 0x820;
const X2APIC_IRR_LAST	= 0x827;
const X2APIC_SELF_IPI	= 0x83f;

function highest(bits: Uint32Array): number {
	for (let i = 7; i >= 0; i--)
		if (bits[i] !== 0)
			return i * 32 + 31 - Math.clz32(bits[i]!);
	return -1;
}

/** Processor priority: what is not above it waits. */
function ppr(v: struct_tdvps): number {
	const isr = highest(v.visr);

	return (v.vtpr & 0xf0) >= (isr & 0xf0) || isr < 0 ? v.vtpr : isr & 0xf0;
}

/** The vector that is next, -1: none. */
export function td_apic_pending(v: struct_tdvps): number {
	const vector = highest(v.virr);

	return vector >= 0 && (vector & 0xf0) > (ppr(v) & 0xf0) ? vector : -1;
}

/** What the host has posted. */
function take_posted(v: struct_tdvps): void {
	const at = Number(v.posted_intr_desc), pfn = Math.floor(at / 4096) as pfn_nr;
	const off = at % 4096;

	if ((frame_state(pfn) & FRAME_META) !== 0 || (frame_get32(pfn, off + PID_ON) & 1) === 0)
		return;
	frame_put32(pfn, off + PID_ON, frame_get32(pfn, off + PID_ON) & ~1);
	for (let i = 0; i < 8; i++) {
		v.virr[i]! |= frame_get32(pfn, off + 4 * i);
		frame_put32(pfn, off + 4 * i, 0);
	}
}

/** Before an entry, from the host or from the module. */
export function td_apic_deliver(v: struct_tdvps): void {
	const g = v.guest, m = g.vmc;

	if (v.posted_intr)
		take_posted(v);
	const vector = td_apic_pending(v);
	g.exec &= ~x.CPU_BASED_INTR_WINDOW_EXITING;
	if (vector < 0)
		return;
	const blocked = vmcs_get32(m, x.GUEST_INTERRUPTIBILITY_INFO) &
		(x.GUEST_INTR_STATE_STI | x.GUEST_INTR_STATE_MOV_SS);
	const busy = vmcs_get32(m, x.VM_ENTRY_INTR_INFO_FIELD) & x.INTR_INFO_VALID_MASK;
	if (blocked !== 0 || busy !== 0 || (vmcs_getn(m, x.GUEST_RFLAGS) & RFLAGS_IF) === 0) {
		/* back as soon as it can be */
		g.exec |= x.CPU_BASED_INTR_WINDOW_EXITING;
		return;
	}
	v.virr[vector >> 5]! &= ~(1 << (vector & 31));
	v.visr[vector >> 5]! |= 1 << (vector & 31);
	vmcs_put32(m, x.VM_ENTRY_INTR_INFO_FIELD,
		x.INTR_INFO_VALID_MASK | x.INTR_TYPE_EXT_INTR | vector);
}

/** Value of the register that td_apic_read() found. */
export let td_apic_value = 0;

/** RDMSR of a register that is here: false, it is the host's, or can't be read. */
export function td_apic_read(v: struct_tdvps, msr: number): boolean {
	if (msr === X2APIC_TPR)
		td_apic_value = v.vtpr;
	else if (msr === X2APIC_PPR)
		td_apic_value = ppr(v);
	else if (msr >= X2APIC_ISR && msr < X2APIC_TMR)
		td_apic_value = v.visr[msr - X2APIC_ISR]!;
	else if (msr >= X2APIC_TMR && msr < X2APIC_IRR)
		td_apic_value = 0;
	else if (msr >= X2APIC_IRR && msr <= X2APIC_IRR_LAST)
		td_apic_value = v.virr[msr - X2APIC_IRR]!;
	else
		return false;
	return true;
}

/* what td_apic_write() came to */
export const APIC_DONE		= 0;
export const APIC_INVALID	= 1;
export const APIC_NOT_HERE	= 2;

export function td_apic_write(v: struct_tdvps, msr: number, value: bigint): number {
	switch (msr) {
	case X2APIC_TPR:
		if (value > 0xffn)
			return APIC_INVALID;
		v.vtpr = Number(value);
		return APIC_DONE;
	case X2APIC_EOI: {
		const vector = highest(v.visr);
		if (value !== 0n)
			return APIC_INVALID;
		if (vector >= 0)
			v.visr[vector >> 5]! &= ~(1 << (vector & 31));
		return APIC_DONE;
	}
	case X2APIC_SELF_IPI: {
		const vector = Number(value & 0xffn);
		if (value > 0xffn || vector < 16)
			return APIC_INVALID;
		v.virr[vector >> 5]! |= 1 << (vector & 31);
		return APIC_DONE;
	}
	default:
		/* what can only be read */
		return msr === X2APIC_PPR || (msr >= X2APIC_ISR && msr <= X2APIC_IRR_LAST) ?
			APIC_INVALID : APIC_NOT_HERE;
	}
}
