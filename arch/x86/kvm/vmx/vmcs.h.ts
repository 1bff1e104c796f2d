// SPDX-License-Identifier: GPL-2.0
/*
 * A VMCS, what KVM remembers of it, and what its event fields say.
 *
 * Upstream: arch/x86/kvm/vmx/vmcs.h. A VMCS is the page it is in: software writes the header, a
 * revision identifier with a bit for shadow VMCSs above it, and reaches all else by instructions.
 * Left out: shadow VMCSs, the software timer, vmcs_field_*().
 */
import { WIDE_0 } from "#asm-generic/types.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { struct_list_head } from "#linux/list.ts";
import type { ktime_t } from "#linux/ktime.ts";
import {
	INTR_INFO_DELIVER_CODE_MASK, INTR_INFO_INTR_TYPE_MASK, INTR_INFO_VALID_MASK,
	INTR_INFO_VECTOR_MASK, INTR_TYPE_EXT_INTR, INTR_TYPE_HARD_EXCEPTION, INTR_TYPE_NMI_INTR,
	INTR_TYPE_PRIV_SW_EXCEPTION,
} from "#asm/vmx.ts";
import { AC_VECTOR, BP_VECTOR, DB_VECTOR, DF_VECTOR, GP_VECTOR, MC_VECTOR, NM_VECTOR, PF_VECTOR,
	UD_VECTOR } from "#uapi-asm/kvm.ts";

export type struct_vmcs = struct_page;

/** Host registers that an exit loads from the VMCS, as last written there: they change rarely. */
export class struct_vmcs_host_state {
	cr3 = WIDE_0;	/* may not be the CPU's */
	cr4 = 0;	/* may not be the CPU's */
}

/** Controls as last written to the VMCS. */
export class struct_vmcs_controls_shadow {
	vm_entry = 0;
	vm_exit = 0;
	pin = 0;
	exec = 0;
	secondary_exec = 0;
}

/**
 * A VMCS, and where it is: while a CPU has it loaded (cpu != -1), it is in that CPU's list, so that
 * it can be cleared there, and it is known whether VMLAUNCH was done.
 */
export class struct_loaded_vmcs {
	vmcs: struct_vmcs | null = null;
	cpu = 0;
	launched = false;
	nmi_known_unmasked = false;
	/* for CPUs without virtual NMIs */
	soft_vnmi_blocked = false;
	entry_time: ktime_t = 0;
	vnmi_blocked_time = 0;
	msr_bitmap: Uint8Array | null = null;
	msr_bitmap_page: struct_page | null = null;
	loaded_vmcss_on_cpu_link = new struct_list_head(this);
	host_state = new struct_vmcs_host_state();
	controls_shadow = new struct_vmcs_controls_shadow();
}

export function is_intr_type(intr_info: number, type: number): boolean {
	const mask = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK;

	return (intr_info & mask) === (INTR_INFO_VALID_MASK | type);
}

export function is_intr_type_n(intr_info: number, type: number, vector: number): boolean {
	const mask = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK;

	return (intr_info & mask) === (INTR_INFO_VALID_MASK | type | vector);
}

export function is_exception_n(intr_info: number, vector: number): boolean {
	return is_intr_type_n(intr_info, INTR_TYPE_HARD_EXCEPTION, vector);
}

export function is_debug(intr_info: number): boolean {
	return is_exception_n(intr_info, DB_VECTOR);
}

export function is_breakpoint(intr_info: number): boolean {
	return is_exception_n(intr_info, BP_VECTOR);
}

export function is_double_fault(intr_info: number): boolean {
	return is_exception_n(intr_info, DF_VECTOR);
}

export function is_page_fault(intr_info: number): boolean {
	return is_exception_n(intr_info, PF_VECTOR);
}

export function is_invalid_opcode(intr_info: number): boolean {
	return is_exception_n(intr_info, UD_VECTOR);
}

export function is_gp_fault(intr_info: number): boolean {
	return is_exception_n(intr_info, GP_VECTOR);
}

export function is_alignment_check(intr_info: number): boolean {
	return is_exception_n(intr_info, AC_VECTOR);
}

export function is_machine_check(intr_info: number): boolean {
	return is_exception_n(intr_info, MC_VECTOR);
}

export function is_nm_fault(intr_info: number): boolean {
	return is_exception_n(intr_info, NM_VECTOR);
}

/** INT1, which few know. */
export function is_icebp(intr_info: number): boolean {
	return is_intr_type(intr_info, INTR_TYPE_PRIV_SW_EXCEPTION);
}

export function is_nmi(intr_info: number): boolean {
	return is_intr_type(intr_info, INTR_TYPE_NMI_INTR);
}

export function is_external_intr(intr_info: number): boolean {
	return is_intr_type(intr_info, INTR_TYPE_EXT_INTR);
}

export function is_exception_with_error_code(intr_info: number): boolean {
	const mask = INTR_INFO_VALID_MASK | INTR_INFO_DELIVER_CODE_MASK;

	return (intr_info & mask) === mask;
}
