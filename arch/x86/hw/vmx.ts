// SPDX-License-Identifier: GPL-2.0
/*
 * VMX instructions of the current CPU.
 *
 * Port-only. Functions that can VMfail return false then; vmx_error has the reason, and so has the
 * current VMCS if there is one. Outside VMX operation they raise #UD, which nothing expects: they
 * throw. A VMCS is named by the frame it is in.
 */
import { frame_get32, frame_get64, frame_mark_used, frame_put32, frame_put64, memory_has_frame }
	from "./memory.ts";
import { this_cpu } from "./cpu.ts";
import { VMCS_REVISION_ID } from "./msr.ts";
import { vmcs_mark_dirty, vmcs_offset, vmcs_put32, vmcs_read_only, vmcs_revision, vmcs_set_dirty,
	vmcs_set_launched, vmcs_width } from "./vmcs.ts";
import {
	VMXERR_INVALID_OPERAND_TO_INVEPT_INVVPID, VMXERR_UNSUPPORTED_VMCS_COMPONENT,
	VMXERR_VMCLEAR_INVALID_ADDRESS, VMXERR_VMCLEAR_VMXON_POINTER,
	VMXERR_VMPTRLD_INCORRECT_VMCS_REVISION_ID, VMXERR_VMPTRLD_INVALID_ADDRESS,
	VMXERR_VMPTRLD_VMXON_POINTER, VMXERR_VMWRITE_READ_ONLY_VMCS_COMPONENT,
	VMXERR_VMXON_IN_VMX_ROOT_OPERATION, VMX_EPT_EXTENT_CONTEXT, VMX_EPT_EXTENT_GLOBAL,
	VMX_VPID_EXTENT_ALL_CONTEXT, VMX_VPID_EXTENT_INDIVIDUAL_ADDR,
	VMX_VPID_EXTENT_SINGLE_CONTEXT, VMX_VPID_EXTENT_SINGLE_NON_GLOBAL, VM_INSTRUCTION_ERROR,
} from "./vmx_defs.ts";
import { guest_tlb_flush_all, guest_tlb_flush_gva, guest_tlb_flush_root, guest_tlb_flush_vpid } from
	"./guest_tlb.ts";

export { vmx_enter } from "./vmx_entry.ts";

/** Stands for VMfailInvalid: no current VMCS to say why. */
export const VMX_FAIL_INVALID	= -1;

/** Why the last instruction failed (VMXERR_*, VMX_FAIL_INVALID); 0 if it did not. */
export let vmx_error = 0;

function fail(error: number): false {
	if (this_cpu.vmcs_pfn < 0) {
		vmx_error = VMX_FAIL_INVALID;
	} else {
		vmx_error = error;
		vmcs_put32(this_cpu.vmcs_pfn, VM_INSTRUCTION_ERROR, error);
	}
	return false;
}

function succeed(): true {
	vmx_error = 0;
	return true;
}

function check_vmx(insn: string): void {
	if (this_cpu.vmxon_pfn < 0)
		throw new Error(`machine: cpu ${this_cpu.id}: ${insn} outside VMX operation`);
}

/** VMXON: the frame has the revision identifier. */
export function vmxon(pfn: number): boolean {
	if (this_cpu.vmxon_pfn >= 0)
		return fail(VMXERR_VMXON_IN_VMX_ROOT_OPERATION);
	if (!memory_has_frame(pfn) || vmcs_revision(pfn) !== VMCS_REVISION_ID) {
		vmx_error = VMX_FAIL_INVALID;
		return false;
	}
	this_cpu.vmxon_pfn = pfn;
	this_cpu.vmcs_pfn = -1;
	return succeed();
}

export function vmxoff(): boolean {
	check_vmx("VMXOFF");
	this_cpu.vmxon_pfn = -1;
	this_cpu.vmcs_pfn = -1;
	return succeed();
}

/** Launch state to "clear"; not current any more. */
export function vmclear(pfn: number): boolean {
	check_vmx("VMCLEAR");
	if (!memory_has_frame(pfn))
		return fail(VMXERR_VMCLEAR_INVALID_ADDRESS);
	if (pfn === this_cpu.vmxon_pfn)
		return fail(VMXERR_VMCLEAR_VMXON_POINTER);
	frame_mark_used(pfn);
	vmcs_set_launched(pfn, false);
	vmcs_set_dirty(pfn, true);
	if (this_cpu.vmcs_pfn === pfn)
		this_cpu.vmcs_pfn = -1;
	return succeed();
}

/** Makes the VMCS current. */
export function vmptrld(pfn: number): boolean {
	check_vmx("VMPTRLD");
	if (!memory_has_frame(pfn))
		return fail(VMXERR_VMPTRLD_INVALID_ADDRESS);
	if (pfn === this_cpu.vmxon_pfn)
		return fail(VMXERR_VMPTRLD_VMXON_POINTER);
	if (vmcs_revision(pfn) !== VMCS_REVISION_ID)
		return fail(VMXERR_VMPTRLD_INCORRECT_VMCS_REVISION_ID);
	frame_mark_used(pfn);
	this_cpu.vmcs_pfn = pfn;
	return succeed();
}

/** Frame of the current VMCS, -1 for none. */
export function vmptrst(): number {
	return this_cpu.vmcs_pfn;
}

/* there is no current VMCS, or no such field in it */
function no_field(): 0 {
	fail(VMXERR_UNSUPPORTED_VMCS_COMPONENT);
	return 0;
}

/* VMREAD: 0 if it fails, which vmx_error tells. */

export function vmread64(field: number): bigint {
	const pfn = this_cpu.vmcs_pfn, at = vmcs_offset(field);

	if (pfn < 0 || at === 0)
		return BigInt(no_field());
	vmx_error = 0;
	switch (vmcs_width(field)) {
	case 8:
		return BigInt.asUintN(64, frame_get64(pfn, at));
	case 4:
		return BigInt(frame_get32(pfn, at) >>> 0);
	default:
		return BigInt(frame_get32(pfn, at) & 0xffff);
	}
}

/** The low 32 bits of any field (all of a 16- or 32-bit one), unsigned. */
export function vmread32(field: number): number {
	const pfn = this_cpu.vmcs_pfn, at = vmcs_offset(field);

	if (pfn < 0 || at === 0)
		return no_field();
	vmx_error = 0;
	const x = frame_get32(pfn, at);
	return (field & 0x6000) === 0 ? x & 0xffff : x >>> 0;
}

/** Any field as a number, unsigned, exact below 2^53. */
export function vmreadn(field: number): number {
	const pfn = this_cpu.vmcs_pfn, at = vmcs_offset(field);

	if (pfn < 0 || at === 0)
		return no_field();
	vmx_error = 0;
	const lo = frame_get32(pfn, at) >>> 0;
	return vmcs_width(field) === 8 ? lo + (frame_get32(pfn, at + 4) >>> 0) * 2 ** 32 :
		(field & 0x6000) === 0 ? lo & 0xffff : lo;
}

/* VMWRITE */

function put(field: number, lo: number, hi: number): boolean {
	const pfn = this_cpu.vmcs_pfn, at = vmcs_offset(field);

	if (pfn < 0 || at === 0)
		return fail(VMXERR_UNSUPPORTED_VMCS_COMPONENT);
	if (vmcs_read_only(field))
		return fail(VMXERR_VMWRITE_READ_ONLY_VMCS_COMPONENT);
	frame_put32(pfn, at, (field & 0x6000) === 0 ? lo & 0xffff : lo);
	if (vmcs_width(field) === 8)
		frame_put32(pfn, at + 4, hi);
	vmcs_mark_dirty(pfn, field);
	vmx_error = 0;
	return true;
}

export function vmwrite64(field: number, x: bigint): boolean {
	if (vmcs_width(field) !== 8)
		return put(field, Number(BigInt.asIntN(32, x)), 0);
	const pfn = this_cpu.vmcs_pfn, at = vmcs_offset(field);
	if (pfn < 0 || at === 0 || vmcs_read_only(field))
		return put(field, 0, 0);
	frame_put64(pfn, at, x);
	vmcs_mark_dirty(pfn, field);
	vmx_error = 0;
	return true;
}

/** Zero-extended to the field's width. */
export function vmwrite32(field: number, x: number): boolean {
	return put(field, x, 0);
}

/** A safe integer; a negative one is sign-extended (linear addresses). */
export function vmwriten(field: number, x: number): boolean {
	return put(field, x, Math.floor(x * 2 ** -32));
}

/** INVEPT: @type VMX_EPT_EXTENT_*; @eptp as in EPT_POINTER. */
export function invept(type: number, eptp: number): boolean {
	check_vmx("INVEPT");
	if (type === VMX_EPT_EXTENT_CONTEXT)
		guest_tlb_flush_root(this_cpu, Math.floor(eptp / 4096));
	else if (type === VMX_EPT_EXTENT_GLOBAL)
		guest_tlb_flush_all(this_cpu);
	else
		return fail(VMXERR_INVALID_OPERAND_TO_INVEPT_INVVPID);
	return succeed();
}

/** INVVPID: @type VMX_VPID_EXTENT_*; @gva a signed number. */
export function invvpid(type: number, vpid: number, gva: number): boolean {
	check_vmx("INVVPID");
	if (type !== VMX_VPID_EXTENT_ALL_CONTEXT && vpid === 0)
		return fail(VMXERR_INVALID_OPERAND_TO_INVEPT_INVVPID);
	if (type === VMX_VPID_EXTENT_INDIVIDUAL_ADDR)
		guest_tlb_flush_gva(this_cpu, vpid, gva);
	else if (type === VMX_VPID_EXTENT_SINGLE_CONTEXT ||
		 type === VMX_VPID_EXTENT_SINGLE_NON_GLOBAL)
		guest_tlb_flush_vpid(this_cpu, vpid);
	else if (type === VMX_VPID_EXTENT_ALL_CONTEXT)
		guest_tlb_flush_all(this_cpu);
	else
		return fail(VMXERR_INVALID_OPERAND_TO_INVEPT_INVVPID);
	return succeed();
}
