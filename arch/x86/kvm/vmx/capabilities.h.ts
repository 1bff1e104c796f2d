// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPU's VMX can do.
 *
 * Upstream: arch/x86/kvm/vmx/capabilities.h. Left out: what is for nested guests, processor trace,
 * the PMU, SGX, APICv and the preemption timer.
 */
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import {
	CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, CPU_BASED_TPR_SHADOW, CPU_BASED_USE_MSR_BITMAPS,
	PIN_BASED_VIRTUAL_NMIS, SECONDARY_EXEC_BUS_LOCK_DETECTION, SECONDARY_EXEC_DESC,
	SECONDARY_EXEC_ENABLE_EPT, SECONDARY_EXEC_ENABLE_INVPCID, SECONDARY_EXEC_ENABLE_PML,
	SECONDARY_EXEC_ENABLE_RDTSCP, SECONDARY_EXEC_ENABLE_VPID, SECONDARY_EXEC_NOTIFY_VM_EXITING,
	SECONDARY_EXEC_PAUSE_LOOP_EXITING, SECONDARY_EXEC_RDRAND_EXITING,
	SECONDARY_EXEC_RDSEED_EXITING, SECONDARY_EXEC_TSC_SCALING,
	SECONDARY_EXEC_UNRESTRICTED_GUEST, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
	SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, SECONDARY_EXEC_WBINVD_EXITING, SECONDARY_EXEC_XSAVES,
	VM_ENTRY_LOAD_IA32_EFER, VMX_EPT_1GB_PAGE_BIT, VMX_EPT_2MB_PAGE_BIT, VMX_EPT_AD_BIT,
	VMX_EPT_EXECUTE_ONLY_BIT, VMX_EPT_EXTENT_CONTEXT_BIT, VMX_EPT_EXTENT_GLOBAL_BIT,
	VMX_EPT_PAGE_WALK_4_BIT, VMX_EPT_PAGE_WALK_5_BIT, VMX_EPTP_WB_BIT,
	VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT, VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT,
	VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT, VMX_VPID_INVVPID_BIT,
} from "#asm/vmx.ts";
import { PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K } from "#asm/page_types.ts";
import { lapic_in_kernel } from "#arch/x86/kvm/lapic.h.ts";
import { vmcs_config, vmx_capability } from "#arch/x86/kvm/vmx/vmx.ts";

export { enable_ept, enable_ept_ad_bits, enable_pml, enable_unrestricted_guest, enable_vpid,
	flexpriority_enabled, vmcs_config, vmx_capability } from "#arch/x86/kvm/vmx/vmx.ts";

export class struct_vmcs_config {
	size = 0;
	basic_cap = 0;
	revision_id = 0;
	pin_based_exec_ctrl = 0;
	cpu_based_exec_ctrl = 0;
	cpu_based_2nd_exec_ctrl = 0;
	vmexit_ctrl = 0;
	vmentry_ctrl = 0;
}

export class struct_vmx_capability {
	ept = 0;
	vpid = 0;
}

export function cpu_has_virtual_nmis(): boolean {
	return (vmcs_config.pin_based_exec_ctrl & PIN_BASED_VIRTUAL_NMIS) !== 0;
}

export function cpu_has_load_ia32_efer(): boolean {
	return (vmcs_config.vmentry_ctrl & VM_ENTRY_LOAD_IA32_EFER) !== 0;
}

export function cpu_has_vmx_tpr_shadow(): boolean {
	return (vmcs_config.cpu_based_exec_ctrl & CPU_BASED_TPR_SHADOW) !== 0;
}

export function cpu_need_tpr_shadow(vcpu: struct_kvm_vcpu): boolean {
	return cpu_has_vmx_tpr_shadow() && lapic_in_kernel(vcpu);
}

export function cpu_has_vmx_msr_bitmap(): boolean {
	return (vmcs_config.cpu_based_exec_ctrl & CPU_BASED_USE_MSR_BITMAPS) !== 0;
}

export function cpu_has_secondary_exec_ctrls(): boolean {
	return (vmcs_config.cpu_based_exec_ctrl & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) !== 0;
}

export function cpu_has_vmx_virtualize_apic_accesses(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl &
		SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) !== 0;
}

export function cpu_has_vmx_ept(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_ENABLE_EPT) !== 0;
}

export function vmx_umip_emulated(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_DESC) !== 0;
}

export function cpu_has_vmx_rdtscp(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_ENABLE_RDTSCP) !== 0;
}

export function cpu_has_vmx_virtualize_x2apic_mode(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl &
		SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) !== 0;
}

export function cpu_has_vmx_vpid(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_ENABLE_VPID) !== 0;
}

export function cpu_has_vmx_wbinvd_exit(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_WBINVD_EXITING) !== 0;
}

export function cpu_has_vmx_unrestricted_guest(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_UNRESTRICTED_GUEST) !== 0;
}

export function cpu_has_vmx_ple(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_PAUSE_LOOP_EXITING) !== 0;
}

export function cpu_has_vmx_rdrand(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_RDRAND_EXITING) !== 0;
}

export function cpu_has_vmx_invpcid(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_ENABLE_INVPCID) !== 0;
}

export function cpu_has_vmx_rdseed(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_RDSEED_EXITING) !== 0;
}

export function cpu_has_vmx_pml(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_ENABLE_PML) !== 0;
}

export function cpu_has_vmx_xsaves(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_XSAVES) !== 0;
}

export function cpu_has_vmx_tsc_scaling(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_TSC_SCALING) !== 0;
}

export function cpu_has_vmx_bus_lock_detection(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_BUS_LOCK_DETECTION) !== 0;
}

export function cpu_has_vmx_flexpriority(): boolean {
	return cpu_has_vmx_tpr_shadow() && cpu_has_vmx_virtualize_apic_accesses();
}

export function cpu_has_vmx_ept_execute_only(): boolean {
	return (vmx_capability.ept & VMX_EPT_EXECUTE_ONLY_BIT) !== 0;
}

export function cpu_has_vmx_ept_4levels(): boolean {
	return (vmx_capability.ept & VMX_EPT_PAGE_WALK_4_BIT) !== 0;
}

export function cpu_has_vmx_ept_5levels(): boolean {
	return (vmx_capability.ept & VMX_EPT_PAGE_WALK_5_BIT) !== 0;
}

export function cpu_has_vmx_ept_mt_wb(): boolean {
	return (vmx_capability.ept & VMX_EPTP_WB_BIT) !== 0;
}

export function cpu_has_vmx_ept_2m_page(): boolean {
	return (vmx_capability.ept & VMX_EPT_2MB_PAGE_BIT) !== 0;
}

export function cpu_has_vmx_ept_1g_page(): boolean {
	return (vmx_capability.ept & VMX_EPT_1GB_PAGE_BIT) !== 0;
}

export function ept_caps_to_lpage_level(ept_caps: number): number {
	if ((ept_caps & VMX_EPT_1GB_PAGE_BIT) !== 0)
		return PG_LEVEL_1G;
	if ((ept_caps & VMX_EPT_2MB_PAGE_BIT) !== 0)
		return PG_LEVEL_2M;
	return PG_LEVEL_4K;
}

export function cpu_has_vmx_ept_ad_bits(): boolean {
	return (vmx_capability.ept & VMX_EPT_AD_BIT) !== 0;
}

export function cpu_has_vmx_invept_context(): boolean {
	return (vmx_capability.ept & VMX_EPT_EXTENT_CONTEXT_BIT) !== 0;
}

export function cpu_has_vmx_invept_global(): boolean {
	return (vmx_capability.ept & VMX_EPT_EXTENT_GLOBAL_BIT) !== 0;
}

export function cpu_has_vmx_invvpid(): boolean {
	return (vmx_capability.vpid & VMX_VPID_INVVPID_BIT) !== 0;
}

export function cpu_has_vmx_invvpid_individual_addr(): boolean {
	return (vmx_capability.vpid & VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT) !== 0;
}

export function cpu_has_vmx_invvpid_single(): boolean {
	return (vmx_capability.vpid & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT) !== 0;
}

export function cpu_has_vmx_invvpid_global(): boolean {
	return (vmx_capability.vpid & VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT) !== 0;
}

/** Without a PMU only bus locks are left to ask for. */
export function vmx_supported_debugctl(): bigint {
	return 0n;
}

export function cpu_has_notify_vmexit(): boolean {
	return (vmcs_config.cpu_based_2nd_exec_ctrl & SECONDARY_EXEC_NOTIFY_VM_EXITING) !== 0;
}
