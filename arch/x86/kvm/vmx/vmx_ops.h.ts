// SPDX-License-Identifier: GPL-2.0
/*
 * VMX instructions, with the errors they may raise.
 *
 * Upstream: arch/x86/kvm/vmx/vmx_ops.h. vmcs_read64() and vmcs_readl() give bigints. Port-only
 * vmcs_readn() and vmcs_writen() are the same for values below 2^53, as numbers. Left out:
 * enlightened VMCSs; the compile-time checks of an accessor's width.
 */
import type { gva_t } from "#asm-generic/types.ts";
import { page_to_phys } from "#asm/page.ts";
import { VMX_EPT_EXTENT_CONTEXT, VMX_EPT_EXTENT_GLOBAL, VMX_VPID_EXTENT_ALL_CONTEXT,
	VMX_VPID_EXTENT_INDIVIDUAL_ADDR, VMX_VPID_EXTENT_SINGLE_CONTEXT } from "#asm/vmx.ts";
import { invept, invvpid, vmclear, vmptrld, vmread32, vmread64, vmreadn, vmwrite32, vmwrite64,
	vmwriten, vmx_error } from "#hw/vmx.ts";
import { cpu_has_vmx_invept_context, cpu_has_vmx_invvpid_individual_addr,
	cpu_has_vmx_invvpid_single } from "#arch/x86/kvm/vmx/capabilities.h.ts";
import type { struct_vmcs } from "#arch/x86/kvm/vmx/vmcs.h.ts";
import { invept_error, invvpid_error, vmclear_error, vmptrld_error, vmread_error, vmwrite_error }
	from "#arch/x86/kvm/vmx/vmx.ts";

export { invept_error, invvpid_error, vmclear_error, vmptrld_error, vmread_error, vmwrite_error }
	from "#arch/x86/kvm/vmx/vmx.ts";

export function vmcs_read16(field: number): number {
	const value = vmread32(field);

	if (vmx_error !== 0)
		vmread_error(field);
	return value;
}

export function vmcs_read32(field: number): number {
	const value = vmread32(field);

	if (vmx_error !== 0)
		vmread_error(field);
	return value;
}

export function vmcs_read64(field: number): bigint {
	const value = vmread64(field);

	if (vmx_error !== 0)
		vmread_error(field);
	return value;
}

export { vmcs_read64 as vmcs_readl };

export function vmcs_readn(field: number): number {
	const value = vmreadn(field);

	if (vmx_error !== 0)
		vmread_error(field);
	return value;
}

export function vmcs_write16(field: number, value: number): void {
	if (!vmwrite32(field, value))
		vmwrite_error(field, value);
}

export function vmcs_write32(field: number, value: number): void {
	if (!vmwrite32(field, value))
		vmwrite_error(field, value);
}

export function vmcs_write64(field: number, value: bigint): void {
	if (!vmwrite64(field, value))
		vmwrite_error(field, value);
}

export { vmcs_write64 as vmcs_writel };

/** A negative @value is sign-extended: ~mask, or C's -1. */
export function vmcs_writen(field: number, value: number): void {
	if (!vmwriten(field, value))
		vmwrite_error(field, value);
}

/** Not for 64-bit fields. */
export function vmcs_clear_bits(field: number, mask: number): void {
	vmcs_write32(field, vmcs_read32(field) & ~mask);
}

/** Not for 64-bit fields. */
export function vmcs_set_bits(field: number, mask: number): void {
	vmcs_write32(field, vmcs_read32(field) | mask);
}

export function vmcs_clear(vmcs: struct_vmcs): void {
	if (!vmclear(vmcs.pfn))
		vmclear_error(vmcs, page_to_phys(vmcs));
}

export function vmcs_load(vmcs: struct_vmcs): void {
	if (!vmptrld(vmcs.pfn))
		vmptrld_error(vmcs, page_to_phys(vmcs));
}

export function __invvpid(ext: number, vpid: number, gva: gva_t): void {
	if (!invvpid(ext, vpid, gva))
		invvpid_error(ext, vpid, gva);
}

export function __invept(ext: number, eptp: number, gpa: number): void {
	if (!invept(ext, eptp))
		invept_error(ext, eptp, gpa);
}

export function vpid_sync_vcpu_single(vpid: number): void {
	if (vpid === 0)
		return;

	__invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vpid, 0 as gva_t);
}

export function vpid_sync_vcpu_global(): void {
	__invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0, 0 as gva_t);
}

export function vpid_sync_context(vpid: number): void {
	if (cpu_has_vmx_invvpid_single())
		vpid_sync_vcpu_single(vpid);
	else if (vpid !== 0)
		vpid_sync_vcpu_global();
}

export function vpid_sync_vcpu_addr(vpid: number, addr: gva_t): void {
	if (vpid === 0)
		return;

	if (cpu_has_vmx_invvpid_individual_addr())
		__invvpid(VMX_VPID_EXTENT_INDIVIDUAL_ADDR, vpid, addr);
	else
		vpid_sync_context(vpid);
}

export function ept_sync_global(): void {
	__invept(VMX_EPT_EXTENT_GLOBAL, 0, 0);
}

export function ept_sync_context(eptp: number): void {
	if (cpu_has_vmx_invept_context())
		__invept(VMX_EPT_EXTENT_CONTEXT, eptp, 0);
	else
		ept_sync_global();
}
