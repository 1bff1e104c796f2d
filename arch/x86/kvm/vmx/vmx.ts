// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX: guests on Intel's CPUs.
 *
 * Upstream: arch/x86/kvm/vmx/vmx.c, vmenter.S. Guests are unrestricted and translated by EPT;
 * without either the module refuses to load. Left out: nested guests, enlightened VMCSs, posted
 * interrupts and APICv (x2APIC bitmap, RVI, PIR), vm86 and invalid guest state, processor trace,
 * the PMU, SGX, page faults of guests with shorter physical addresses than the host's, mitigations
 * (L1D flush, fill buffers, speculation control in hardware), PAUSE-loop exits, the preemption
 * timer, SMM, bus lock and notify exits, task switches, loading MSRs that are switched on return to
 * user mode (no guest instruction here uses them).
 *
 * vmx_vpid_lock		vmx_vpid_bitmap
 * interrupts off		loaded_vmcss_on_cpu, only by its own CPU
 */
import { IS_ERR, PTR_ERR } from "#asm-generic/err.ts";
import { BIT } from "#asm-generic/bits.ts";
import { PAIR_ZERO } from "#asm-generic/pair.ts";
import { gfn_t, gva_t, ref, type gpa_t, type hpa_t } from "#asm-generic/types.ts";
import { bitmap_fill, DECLARE_BITMAP } from "#linux/bitmap.ts";
import { clear_bit, set_bit, test_bit } from "#linux/bitops.ts";
import { WARN_ON, WARN_ON_ONCE, WARN_ONCE } from "#linux/bug.ts";
import { smp_rmb, smp_wmb } from "#linux/compiler.ts";
import { for_each_possible_cpu } from "#linux/cpumask.ts";
import { EBUSY, EFAULT, EIO, ENOENT, ENOMEM, EOPNOTSUPP } from "#linux/errno.ts";
import { find_first_zero_bit } from "#linux/find.ts";
import { __free_page, __get_free_page, alloc_page, free_page } from "#linux/gfp.ts";
import { __GFP_ZERO, GFP_KERNEL, GFP_KERNEL_ACCOUNT, type gfp_t } from "#linux/gfp_types.ts";
import { local_irq_disable, local_irq_enable } from "#linux/irqflags.ts";
import { KERN_ERR, KERN_WARNING } from "#linux/kern_levels.ts";
import { ktime_get, ktime_sub, ktime_to_ns } from "#linux/ktime.ts";
import {
	gfn_to_page, guest_state_enter_irqoff, guest_state_exit_irqoff,
	kvm_arch_has_noncoherent_dma, KVM_BUG, KVM_BUG_ON, kvm_exit, KVM_FAST_MMIO_BUS, kvm_init,
	kvm_io_bus_write, kvm_make_request, KVM_REQ_TLB_FLUSH, kvm_vcpu_kick,
	kvm_vcpu_mark_page_dirty, vcpu_unimpl, type struct_kvm,
	type struct_kvm_vcpu,
} from "#linux/kvm_host.ts";
import {
	INIT_LIST_HEAD, list_add, list_del, list_for_each_entry_safe, struct_list_head,
} from "#linux/list.ts";
import { put_page } from "#linux/mm.ts";
import { module_init, THIS_MODULE } from "#linux/module.ts";
import { module_param, module_param_named, param_bool } from "#linux/moduleparam.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { DEFINE_PER_CPU, per_cpu, this_cpu_read, this_cpu_write } from "#linux/percpu.ts";
import { preempt_disable, preempt_enable } from "#linux/preempt.ts";
import {
	pr_cont, pr_err, pr_err_ratelimited, pr_warn_once, pr_warn_ratelimited, printk,
} from "#linux/printk.ts";
import { guest_slice } from "#linux/sched.ts";
import { raw_smp_processor_id, smp_call_function_single, smp_processor_id } from "#linux/smp.ts";
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from "#linux/spinlock.ts";
import {
	KVM_EXIT_DEBUG, KVM_EXIT_EXCEPTION, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR,
	KVM_EXIT_SET_TPR, KVM_EXIT_SHUTDOWN, KVM_EXIT_X86_BUS_LOCK, KVM_GUESTDBG_ENABLE,
	KVM_GUESTDBG_SINGLESTEP, KVM_INTERNAL_ERROR_DELIVERY_EV, KVM_INTERNAL_ERROR_SIMUL_EX,
	KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
} from "#uapi/linux/kvm.ts";
import { APIC_DEFAULT_PHYS_BASE, APIC_EOI } from "#asm/apicdef.ts";
import {
	boot_cpu_has, this_cpu_has, X86_FEATURE_HYPERVISOR, X86_FEATURE_IBPB, X86_FEATURE_INVPCID,
	X86_FEATURE_MSR_IA32_FEAT_CTL, X86_FEATURE_MSR_SPEC_CTRL, X86_FEATURE_NX,
	X86_FEATURE_RDPID, X86_FEATURE_RDRAND, X86_FEATURE_RDSEED, X86_FEATURE_RDTSCP,
	X86_FEATURE_SPLIT_LOCK_DETECT, X86_FEATURE_UMIP, X86_FEATURE_VMX, X86_FEATURE_XSAVE,
	X86_FEATURE_XSAVES,
} from "#asm/cpufeature.ts";
import type { struct_desc_ptr } from "#asm/desc_defs.ts";
import { NMI_VECTOR } from "#asm/irq_vectors.ts";
import {
	__kvm_request_immediate_exit, __x86_set_memory_region,
	APICV_INHIBIT_REASON_ABSENT, APICV_INHIBIT_REASON_APIC_BASE_MODIFIED,
	APICV_INHIBIT_REASON_APIC_ID_MODIFIED, APICV_INHIBIT_REASON_BLOCKIRQ,
	APICV_INHIBIT_REASON_DISABLE, APICV_INHIBIT_REASON_HYPERV, DR6_ACTIVE_LOW, DR6_BD, DR6_BS,
	DR7_GD, EMULTYPE_PF, EMULTYPE_SKIP, enable_apicv, EXIT_FASTPATH_NONE, host_efer,
	kvm_complete_insn_gp, kvm_configure_mmu, KVM_DEBUGREG_WONT_EXIT, kvm_emulate_cpuid,
	kvm_emulate_halt, kvm_emulate_hypercall, kvm_emulate_instruction, kvm_emulate_invd,
	kvm_emulate_monitor, kvm_emulate_mwait, kvm_emulate_rdmsr, kvm_emulate_wbinvd,
	kvm_emulate_wrmsr, kvm_emulate_xsetbv, kvm_enable_efer_bits, kvm_fast_pio, kvm_get_cr8,
	kvm_get_dr, kvm_get_linear_rip, kvm_get_msr_common, kvm_get_rflags, kvm_handle_invalid_op,
	kvm_lmsw, kvm_mmu_invlpg, kvm_mmu_page_fault, kvm_prepare_emulation_failure_exit,
	kvm_queue_exception, kvm_queue_exception_e, kvm_queue_exception_p,
	KVM_REQ_APIC_PAGE_RELOAD, KVM_REQ_EVENT, KVM_REQ_TLB_FLUSH_CURRENT, kvm_requeue_exception,
	kvm_requeue_exception_e, kvm_require_dr, kvm_set_cr0, kvm_set_cr3, kvm_set_cr4,
	kvm_set_cr8, kvm_set_dr, kvm_set_msr_common, kvm_skip_emulated_instruction,
	kvm_vcpu_deliver_sipi_vector, PFERR_FETCH_MASK, PFERR_GUEST_FINAL_MASK,
	PFERR_GUEST_PAGE_MASK, PFERR_PRESENT_MASK, PFERR_RSVD_MASK, PFERR_USER_MASK,
	PFERR_WRITE_MASK, VALID_PAGE, VCPU_EXREG_CR0, VCPU_EXREG_CR3, VCPU_EXREG_CR4,
	VCPU_EXREG_PDPTR, VCPU_EXREG_RFLAGS, VCPU_EXREG_SEGMENTS, VCPU_REGS_RIP, VCPU_REGS_RSP,
	VCPU_SREG_CS, VCPU_SREG_DS, VCPU_SREG_ES, VCPU_SREG_FS, VCPU_SREG_GS, VCPU_SREG_LDTR,
	VCPU_SREG_SS, type fastpath_t, type kvm_apicv_inhibit, type kvm_reg,
	type struct_kvm_x86_init_ops, type struct_kvm_x86_ops, type struct_msr_data,
} from "#asm/kvm_host.ts";
import { MCG_CMCI_P, MCG_EXT_CTL_LMCE_EN, MCG_LMCE_P } from "#asm/mce.ts";
import {
	ARCH_CAP_TSX_CTRL_MSR, DEBUGCTLMSR_BTF, DEBUGCTLMSR_LBR, EFER_LMA, EFER_LME, EFER_NX,
	FEAT_CTL_LMCE_ENABLED, FEAT_CTL_LOCKED, MSR_AMD64_TSC_RATIO, MSR_AMD64_VIRT_SPEC_CTRL,
	MSR_CORE_C1_RES, MSR_CORE_C3_RESIDENCY, MSR_CORE_C6_RESIDENCY, MSR_CORE_C7_RESIDENCY,
	MSR_CSTAR, MSR_EFER, MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR,
	MSR_IA32_FEAT_CTL, MSR_IA32_MCG_EXT_CTL, MSR_IA32_PERF_CAPABILITIES, MSR_IA32_PRED_CMD,
	MSR_IA32_SMBASE, MSR_IA32_SPEC_CTRL, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP,
	MSR_IA32_SYSENTER_ESP, MSR_IA32_TSC, MSR_IA32_TSX_CTRL, MSR_IA32_VMX_BASIC,
	MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_EPT_VPID_CAP, MSR_IA32_VMX_EXIT_CTLS,
	MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_PROCBASED_CTLS2,
	MSR_IA32_VMX_VMFUNC, MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_STAR, MSR_SYSCALL_MASK,
	MSR_TSC_AUX, PRED_CMD_IBPB, TSX_CTRL_CPUID_CLEAR, TSX_CTRL_RTM_DISABLE,
} from "#asm/msr-index.ts";
import { rdmsrl, rdmsrl_safe, wrmsrl } from "#asm/msr.ts";
import { MTRR_TYPE_UNCACHABLE, MTRR_TYPE_WRBACK } from "#asm/mtrr.ts";
import {
	clear_page, page_bytes, PAGE_SHIFT, PAGE_SIZE, page_to_phys, pfn_to_ptep,
} from "#asm/page.ts";
import {
	X86_CR0_AM, X86_CR0_CD, X86_CR0_NE, X86_CR0_NW, X86_CR0_PG, X86_CR0_TS, X86_CR4_MCE,
	X86_CR4_OSXSAVE, X86_CR4_PKE, X86_CR4_UMIP, X86_CR4_VMXE, X86_EFLAGS_AC, X86_EFLAGS_IF,
	X86_EFLAGS_TF,
} from "#asm/processor-flags.ts";
import { boot_cpu_data } from "#asm/processor.ts";
import { __KERNEL_CS, __KERNEL_DS, GDT_ENTRY_TSS } from "#asm/segment.ts";
import { __read_cr3, read_cr0 } from "#asm/special_insns.ts";
import { cr4_clear_bits, cr4_read_shadow, cr4_set_bits } from "#asm/tlbflush.ts";
import { cpu_has_vmx, cpu_vmxoff } from "#asm/virtext.ts";
import {
	APIC_ACCESS_ADDR, APIC_ACCESS_OFFSET, APIC_ACCESS_PAGE_PRIVATE_MEMSLOT, APIC_ACCESS_TYPE,
	CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, CPU_BASED_CR3_LOAD_EXITING,
	CPU_BASED_CR3_STORE_EXITING, CPU_BASED_CR8_LOAD_EXITING, CPU_BASED_CR8_STORE_EXITING,
	CPU_BASED_HLT_EXITING, CPU_BASED_INTR_WINDOW_EXITING, CPU_BASED_INVLPG_EXITING,
	CPU_BASED_MONITOR_EXITING, CPU_BASED_MOV_DR_EXITING, CPU_BASED_MWAIT_EXITING,
	CPU_BASED_NMI_WINDOW_EXITING, CPU_BASED_RDPMC_EXITING, CPU_BASED_TPR_SHADOW,
	CPU_BASED_UNCOND_IO_EXITING, CPU_BASED_USE_MSR_BITMAPS, CPU_BASED_USE_TSC_OFFSETTING,
	CPU_BASED_VM_EXEC_CONTROL, CR0_GUEST_HOST_MASK, CR0_READ_SHADOW, CR3_TARGET_COUNT,
	CR4_GUEST_HOST_MASK, CR4_READ_SHADOW, DEBUG_REG_ACCESS_NUM, DEBUG_REG_ACCESS_REG,
	EPT_POINTER, EPT_VIOLATION_ACC_INSTR, EPT_VIOLATION_ACC_READ, EPT_VIOLATION_ACC_WRITE,
	EPT_VIOLATION_GVA_TRANSLATED, EPT_VIOLATION_RWX_MASK, EXCEPTION_BITMAP, EXIT_QUALIFICATION,
	EXIT_REASON_APIC_ACCESS, EXIT_REASON_CPUID, EXIT_REASON_CR_ACCESS, EXIT_REASON_DR_ACCESS,
	EXIT_REASON_EPT_MISCONFIG, EXIT_REASON_EPT_VIOLATION, EXIT_REASON_EXCEPTION_NMI,
	EXIT_REASON_EXTERNAL_INTERRUPT, EXIT_REASON_GDTR_IDTR, EXIT_REASON_HLT,
	EXIT_REASON_INTERRUPT_WINDOW, EXIT_REASON_INVD, EXIT_REASON_INVEPT, EXIT_REASON_INVLPG,
	EXIT_REASON_INVVPID, EXIT_REASON_IO_INSTRUCTION, EXIT_REASON_LDTR_TR,
	EXIT_REASON_MCE_DURING_VMENTRY, EXIT_REASON_MONITOR_INSTRUCTION, EXIT_REASON_MSR_READ,
	EXIT_REASON_MSR_WRITE, EXIT_REASON_MWAIT_INSTRUCTION, EXIT_REASON_NMI_WINDOW,
	EXIT_REASON_NOTIFY, EXIT_REASON_PML_FULL, EXIT_REASON_RDRAND, EXIT_REASON_RDSEED,
	EXIT_REASON_TASK_SWITCH, EXIT_REASON_TPR_BELOW_THRESHOLD, EXIT_REASON_TRIPLE_FAULT,
	EXIT_REASON_VMCALL, EXIT_REASON_VMCLEAR, EXIT_REASON_VMFUNC, EXIT_REASON_VMLAUNCH,
	EXIT_REASON_VMOFF, EXIT_REASON_VMON, EXIT_REASON_VMPTRLD, EXIT_REASON_VMPTRST,
	EXIT_REASON_VMREAD, EXIT_REASON_VMRESUME, EXIT_REASON_VMWRITE, EXIT_REASON_WBINVD,
	EXIT_REASON_XSETBV, GUEST_ACTIVITY_ACTIVE, GUEST_ACTIVITY_HLT, GUEST_ACTIVITY_STATE,
	GUEST_CR0, GUEST_CR3, GUEST_CR4, GUEST_CS_AR_BYTES, GUEST_CS_BASE, GUEST_CS_LIMIT,
	GUEST_CS_SELECTOR, GUEST_DR7, GUEST_DS_AR_BYTES, GUEST_DS_BASE, GUEST_DS_LIMIT,
	GUEST_DS_SELECTOR, GUEST_ES_AR_BYTES, GUEST_ES_BASE, GUEST_ES_LIMIT, GUEST_ES_SELECTOR,
	GUEST_FS_AR_BYTES, GUEST_FS_BASE, GUEST_FS_LIMIT, GUEST_FS_SELECTOR, GUEST_GDTR_BASE,
	GUEST_GDTR_LIMIT, GUEST_GS_AR_BYTES, GUEST_GS_BASE, GUEST_GS_LIMIT, GUEST_GS_SELECTOR,
	GUEST_IA32_DEBUGCTL, GUEST_IA32_EFER, GUEST_IA32_PAT, GUEST_IDTR_BASE, GUEST_IDTR_LIMIT,
	GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_MOV_SS, GUEST_INTR_STATE_NMI,
	GUEST_INTR_STATE_STI, GUEST_LDTR_AR_BYTES, GUEST_LDTR_BASE, GUEST_LDTR_LIMIT,
	GUEST_LDTR_SELECTOR, GUEST_PDPTR0, GUEST_PDPTR1, GUEST_PDPTR2, GUEST_PDPTR3,
	GUEST_PENDING_DBG_EXCEPTIONS, GUEST_PHYSICAL_ADDRESS, GUEST_PML_INDEX, GUEST_RFLAGS,
	GUEST_RIP, GUEST_RSP, GUEST_SS_AR_BYTES, GUEST_SS_BASE, GUEST_SS_LIMIT, GUEST_SS_SELECTOR,
	GUEST_SYSENTER_CS, GUEST_SYSENTER_EIP, GUEST_SYSENTER_ESP, GUEST_TR_AR_BYTES,
	GUEST_TR_BASE, GUEST_TR_LIMIT, GUEST_TR_SELECTOR, HOST_CR0, HOST_CR3, HOST_CR4,
	HOST_CS_SELECTOR, HOST_DS_SELECTOR, HOST_ES_SELECTOR, HOST_FS_BASE, HOST_FS_SELECTOR,
	HOST_GDTR_BASE, HOST_GS_BASE, HOST_GS_SELECTOR, HOST_IA32_EFER, HOST_IA32_PAT,
	HOST_IA32_SYSENTER_CS, HOST_IA32_SYSENTER_EIP, HOST_IA32_SYSENTER_ESP, HOST_IDTR_BASE,
	HOST_RIP, HOST_RSP, HOST_SS_SELECTOR, HOST_TR_BASE, HOST_TR_SELECTOR,
	IDT_VECTORING_ERROR_CODE, IDT_VECTORING_INFO_FIELD, INTR_INFO_DELIVER_CODE_MASK,
	INTR_INFO_UNBLOCK_NMI, INTR_INFO_VALID_MASK, INTR_INFO_VECTOR_MASK, INTR_TYPE_EXT_INTR,
	INTR_TYPE_HARD_EXCEPTION, INTR_TYPE_NMI_INTR, INTR_TYPE_SOFT_EXCEPTION,
	INTR_TYPE_SOFT_INTR, LMSW_SOURCE_DATA_SHIFT, MSR_BITMAP, PAGE_FAULT_ERROR_CODE_MASK,
	PAGE_FAULT_ERROR_CODE_MATCH, PIN_BASED_EXT_INTR_MASK, PIN_BASED_NMI_EXITING,
	PIN_BASED_VIRTUAL_NMIS, PIN_BASED_VM_EXEC_CONTROL, PML_ADDRESS, SECONDARY_EXEC_DESC,
	SECONDARY_EXEC_ENABLE_EPT, SECONDARY_EXEC_ENABLE_INVPCID, SECONDARY_EXEC_ENABLE_PML,
	SECONDARY_EXEC_ENABLE_RDTSCP, SECONDARY_EXEC_ENABLE_VPID, SECONDARY_EXEC_RDRAND_EXITING,
	SECONDARY_EXEC_RDSEED_EXITING, SECONDARY_EXEC_SHADOW_VMCS, SECONDARY_EXEC_TSC_SCALING,
	SECONDARY_EXEC_UNRESTRICTED_GUEST, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
	SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, SECONDARY_EXEC_WBINVD_EXITING,
	SECONDARY_EXEC_XSAVES, SECONDARY_VM_EXEC_CONTROL, TPR_THRESHOLD, TSC_MULTIPLIER,
	TSC_OFFSET, TYPE_LINEAR_APIC_INST_WRITE, TYPE_MOV_FROM_DR,
	VECTORING_INFO_DELIVER_CODE_MASK, VECTORING_INFO_TYPE_MASK, VECTORING_INFO_VALID_MASK,
	VECTORING_INFO_VECTOR_MASK, VIRTUAL_APIC_PAGE_ADDR, VIRTUAL_PROCESSOR_ID,
	VM_ENTRY_CONTROLS, VM_ENTRY_EXCEPTION_ERROR_CODE, VM_ENTRY_IA32E_MODE,
	VM_ENTRY_INSTRUCTION_LEN, VM_ENTRY_INTR_INFO_FIELD, VM_ENTRY_LOAD_DEBUG_CONTROLS,
	VM_ENTRY_LOAD_IA32_EFER, VM_ENTRY_LOAD_IA32_PAT, VM_ENTRY_MSR_LOAD_COUNT,
	VM_EXIT_ACK_INTR_ON_EXIT, VM_EXIT_CONTROLS, VM_EXIT_HOST_ADDR_SPACE_SIZE,
	VM_EXIT_INSTRUCTION_LEN, VM_EXIT_INTR_ERROR_CODE, VM_EXIT_INTR_INFO,
	VM_EXIT_LOAD_IA32_EFER, VM_EXIT_LOAD_IA32_PAT, VM_EXIT_MSR_LOAD_COUNT,
	VM_EXIT_MSR_STORE_COUNT, VM_EXIT_REASON, VM_EXIT_SAVE_DEBUG_CONTROLS, VM_INSTRUCTION_ERROR,
	VMCS_LINK_POINTER, VMX_AR_DPL, VMX_AR_TYPE_BUSY_64_TSS, VMX_AR_TYPE_MASK, VMX_EPT_IPAT_BIT,
	VMX_EPT_MT_EPTE_SHIFT, VMX_EPTP_AD_ENABLE_BIT, VMX_EPTP_MT_WB, VMX_EPTP_PWL_4,
	VMX_EPTP_PWL_5, VMX_NR_VPIDS, XSS_EXIT_BITMAP,
} from "#asm/vmx.ts";
import {
	AC_VECTOR, BP_VECTOR, DB_VECTOR, DF_VECTOR, KVM_GUESTDBG_USE_HW_BP, KVM_GUESTDBG_USE_SW_BP,
	KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE, KVM_RUN_X86_BUS_LOCK,
	KVM_X86_QUIRK_CD_NW_CLEARED, KVM_X86_SHADOW_INT_MOV_SS, KVM_X86_SHADOW_INT_STI, MC_VECTOR,
	NM_VECTOR, PF_VECTOR, UD_VECTOR, type struct_kvm_msr_entry, type struct_kvm_segment,
} from "#uapi-asm/kvm.ts";
import { guest_run, struct_guest_cpu } from "#hw/guest.ts";
import { frame_mark_used, frame_put32, mem_hi, mem_lo } from "#hw/memory.ts";
import { vmx_enter, vmxon } from "#hw/vmx.ts";
import {
	guest_cpuid_has, guest_has_pred_cmd_msr, guest_has_spec_ctrl_msr, kvm_cpu_cap_clear,
	kvm_cpu_cap_set, kvm_set_cpu_caps, kvm_update_cpuid_runtime,
} from "#arch/x86/kvm/cpuid.h.ts";
import {
	is_smm, KVM_POSSIBLE_CR0_GUEST_BITS, KVM_POSSIBLE_CR4_GUEST_BITS, kvm_read_cr0,
	kvm_read_cr0_bits, kvm_read_cr3, kvm_register_is_available, kvm_register_is_dirty,
	kvm_register_mark_available, kvm_rip_read, kvm_rip_write,
} from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import {
	X86EMUL_UNHANDLEABLE, type struct_x86_exception, type struct_x86_instruction_info,
	type x86_intercept_stage,
} from "#arch/x86/kvm/kvm_emulate.h.ts";
import {
	kvm_apic_update_ppr, kvm_get_apic_mode, kvm_lapic_set_eoi, kvm_lapic_set_irr,
	lapic_in_kernel, LAPIC_MODE_DISABLED, LAPIC_MODE_INVALID, LAPIC_MODE_X2APIC,
	LAPIC_MODE_XAPIC, type struct_kvm_lapic,
} from "#arch/x86/kvm/lapic.h.ts";
import {
	kvm_get_shadow_phys_bits, kvm_mmu_set_ept_masks, kvm_mmu_set_me_spte_mask, rsvd_bits,
} from "#arch/x86/kvm/mmu.h.ts";
import {
	KVM_ISA_VMX, trace_kvm_cr_read, trace_kvm_cr_write, trace_kvm_entry, trace_kvm_exit,
	trace_kvm_fast_mmio, trace_kvm_inj_virq, trace_kvm_page_fault, trace_kvm_pml_full,
} from "#arch/x86/kvm/trace.h.ts";
import {
	handle_fastpath_set_msr_irqoff, handle_ud, is_64_bit_mode, is_pae_paging,
	kvm_after_interrupt, kvm_before_interrupt, kvm_caps, kvm_check_has_quirk,
	kvm_clear_exception_queue, kvm_clear_interrupt_queue, kvm_cstate_in_guest,
	kvm_deliver_exception_payload, kvm_exception_is_soft, KVM_HANDLING_IRQ, kvm_hlt_in_guest,
	kvm_machine_check,
	kvm_msr_allowed, KVM_MSR_RET_INVALID, kvm_mtrr_get_guest_memory_type, kvm_mwait_in_guest,
	kvm_pat_valid, kvm_queue_interrupt, kvm_register_read, kvm_register_write,
	kvm_spurious_fault, report_ignored_msrs, set_enable_apicv,
} from "#arch/x86/kvm/x86.h.ts";
import { alloc_vmcs, cpu_has_load_ia32_efer, cpu_has_notify_vmexit, cpu_has_secondary_exec_ctrls,
	cpu_has_virtual_nmis, cpu_has_vmx_bus_lock_detection, cpu_has_vmx_ept,
	cpu_has_vmx_ept_4levels, cpu_has_vmx_ept_5levels, cpu_has_vmx_ept_ad_bits,
	cpu_has_vmx_ept_execute_only, cpu_has_vmx_ept_mt_wb, cpu_has_vmx_flexpriority,
	cpu_has_vmx_invept_global, cpu_has_vmx_invpcid, cpu_has_vmx_invvpid,
	cpu_has_vmx_invvpid_global, cpu_has_vmx_invvpid_single, cpu_has_vmx_msr_bitmap,
	cpu_has_vmx_pml, cpu_has_vmx_rdrand, cpu_has_vmx_rdseed, cpu_has_vmx_rdtscp,
	cpu_has_vmx_tpr_shadow, cpu_has_vmx_tsc_scaling, cpu_has_vmx_unrestricted_guest,
	cpu_has_vmx_vpid, cpu_has_vmx_wbinvd_exit, cpu_has_vmx_xsaves, cpu_need_tpr_shadow,
	ept_caps_to_lpage_level, ept_sync_context, ept_sync_global, exec_controls_clearbit,
	exec_controls_get, exec_controls_set, exec_controls_setbit, is_exception_with_error_code,
	is_external_intr, is_icebp, is_invalid_opcode, is_machine_check, is_nm_fault, is_nmi,
	is_page_fault, is_unrestricted_guest, MAX_POSSIBLE_PASSTHROUGH_MSRS, MSR_TYPE_R,
	MSR_TYPE_RW, MSR_TYPE_W, pin_controls_set, PML_ENTITY_NUM, secondary_exec_controls_clearbit,
	secondary_exec_controls_get, secondary_exec_controls_set, secondary_exec_controls_setbit,
	SEG_FIELD_AR, SEG_FIELD_BASE, SEG_FIELD_LIMIT, SEG_FIELD_NR, SEG_FIELD_SEL, struct_kvm_vmx,
	struct_loaded_vmcs, struct_vcpu_vmx, struct_vmcs_config, struct_vmcs_controls_shadow,
	struct_vmcs_host_state, struct_vmx_capability, to_kvm_vmx, to_vmx,
	vm_entry_controls_clearbit, vm_entry_controls_set, vm_entry_controls_setbit,
	vm_exit_controls_clearbit, vm_exit_controls_set, vm_exit_controls_setbit, vmcs_clear,
	vmcs_clear_bits, vmcs_load, vmcs_read16, vmcs_read32, vmcs_read64, vmcs_readl, vmcs_readn,
	vmcs_set_bits, vmcs_write16, vmcs_write32, vmcs_write64, vmcs_writel, vmcs_writen,
	vmx_clear_msr_bitmap_read, vmx_clear_msr_bitmap_write, vmx_get_exit_qual, vmx_get_intr_info,
	vmx_guest_state_valid, vmx_need_pf_intercept, VMX_REGS_LAZY_LOAD_SET, VMX_RUN_VMRESUME,
	vmx_set_msr_bitmap_read, vmx_set_msr_bitmap_write, vmx_supported_debugctl,
	vmx_umip_emulated, vpid_sync_context, vpid_sync_vcpu_addr, vpid_sync_vcpu_global,
	vpid_sync_vcpu_single, type struct_vmcs, type struct_vmx_uret_msr, vt_hardware_setup } from
	"#arch/x86/kvm/vmx/vmx.h.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { CONFIG_INTEL_TDX_HOST } from "#generated/autoconf.ts";

export let enable_vpid = true;
module_param_named("kvm_intel", "vpid",
	param_bool(() => enable_vpid, (v) => { enable_vpid = v; }), 0o444);

let enable_vnmi = true;
module_param_named("kvm_intel", "vnmi",
	param_bool(() => enable_vnmi, (v) => { enable_vnmi = v; }), 0o444);

export let flexpriority_enabled = true;
module_param_named("kvm_intel", "flexpriority",
	param_bool(() => flexpriority_enabled, (v) => { flexpriority_enabled = v; }), 0o444);

export let enable_ept = true;
module_param_named("kvm_intel", "ept",
	param_bool(() => enable_ept, (v) => { enable_ept = v; }), 0o444);

export let enable_unrestricted_guest = true;
module_param_named("kvm_intel", "unrestricted_guest",
	param_bool(() => enable_unrestricted_guest, (v) => { enable_unrestricted_guest = v; }),
	0o444);

export let enable_ept_ad_bits = true;
module_param_named("kvm_intel", "eptad",
	param_bool(() => enable_ept_ad_bits, (v) => { enable_ept_ad_bits = v; }), 0o444);

let emulate_invalid_guest_state = true;
module_param("kvm_intel", "emulate_invalid_guest_state",
	param_bool(() => emulate_invalid_guest_state, (v) => { emulate_invalid_guest_state = v; }),
	0o444);

let fasteoi = true;
module_param("kvm_intel", "fasteoi", param_bool(() => fasteoi, (v) => { fasteoi = v; }), 0o444);

module_param("kvm_intel", "enable_apicv",
	param_bool(() => enable_apicv, (v) => { set_enable_apicv(v); }), 0o444);

export let enable_pml = true;
module_param_named("kvm_intel", "pml",
	param_bool(() => enable_pml, (v) => { enable_pml = v; }), 0o444);

let error_on_inconsistent_vmcs_config = true;
module_param("kvm_intel", "error_on_inconsistent_vmcs_config",
	param_bool(() => error_on_inconsistent_vmcs_config,
		(v) => { error_on_inconsistent_vmcs_config = v; }), 0o444);

let dump_invalid_vmcs = false;
module_param("kvm_intel", "dump_invalid_vmcs",
	param_bool(() => dump_invalid_vmcs, (v) => { dump_invalid_vmcs = v; }), 0o644);

const KVM_VMX_TSC_MULTIPLIER_MAX	= 0xffffffffffffffffn;

const KVM_VM_CR0_ALWAYS_OFF		= X86_CR0_NW | X86_CR0_CD;
const KVM_VM_CR0_ALWAYS_ON_UNRESTRICTED_GUEST = X86_CR0_NE;

const KVM_VM_CR4_ALWAYS_ON_UNRESTRICTED_GUEST = X86_CR4_VMXE;

/** MSRs that a guest may be given to read and write by itself. */
const vmx_possible_passthrough_msrs: readonly number[] = [
	MSR_IA32_SPEC_CTRL,
	MSR_IA32_PRED_CMD,
	MSR_IA32_TSC,
	MSR_FS_BASE,
	MSR_GS_BASE,
	MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
	MSR_CORE_C1_RES,
	MSR_CORE_C3_RESIDENCY,
	MSR_CORE_C6_RESIDENCY,
	MSR_CORE_C7_RESIDENCY,
];

function vmx_insn_failed(fmt: string, ...args: unknown[]): void {
	WARN_ONCE(true, fmt, ...args);
	pr_warn_ratelimited(fmt, ...args);
}

/** Outside VMX operation the instruction would fault instead: kvm_spurious_fault(). */
export function vmread_error(field: number): void {
	vmx_insn_failed("kvm: vmread failed: field=%lx\n", field);
}

export function vmwrite_error(field: number, value: number | bigint): void {
	vmx_insn_failed("kvm: vmwrite failed: field=%lx val=%lx err=%u\n", field, value,
		vmcs_read32(VM_INSTRUCTION_ERROR));
}

export function vmclear_error(vmcs: struct_vmcs, phys_addr: hpa_t): void {
	vmx_insn_failed("kvm: vmclear failed: %x/%llx err=%u\n", vmcs.pfn, phys_addr,
		vmcs_read32(VM_INSTRUCTION_ERROR));
}

export function vmptrld_error(vmcs: struct_vmcs, phys_addr: hpa_t): void {
	vmx_insn_failed("kvm: vmptrld failed: %x/%llx err=%u\n", vmcs.pfn, phys_addr,
		vmcs_read32(VM_INSTRUCTION_ERROR));
}

export function invvpid_error(ext: number, vpid: number, gva: gva_t): void {
	vmx_insn_failed("kvm: invvpid failed: ext=0x%lx vpid=%u gva=0x%lx\n", ext, vpid, gva);
}

export function invept_error(ext: number, eptp: number, gpa: number): void {
	vmx_insn_failed("kvm: invept failed: ext=0x%lx eptp=%llx gpa=0x%llx\n", ext, eptp, gpa);
}

const vmxarea = DEFINE_PER_CPU<struct_vmcs | null>(() => null);
const current_vmcs = DEFINE_PER_CPU<struct_vmcs | null>(() => null);
/** VMCSs loaded on a CPU: to be cleared there before it leaves VMX operation. */
const loaded_vmcss_on_cpu = DEFINE_PER_CPU(() => new struct_list_head(null));

const vmx_vpid_bitmap = DECLARE_BITMAP(VMX_NR_VPIDS);
const vmx_vpid_lock = DEFINE_SPINLOCK("vmx_vpid_lock");

export const vmcs_config: struct_vmcs_config = {
	size: 0, basic_cap: 0, revision_id: 0, pin_based_exec_ctrl: 0, cpu_based_exec_ctrl: 0,
	cpu_based_2nd_exec_ctrl: 0, vmexit_ctrl: 0, vmentry_ctrl: 0,
};
export const vmx_capability: struct_vmx_capability = { ept: 0, vpid: 0 };

interface kvm_vmx_segment_field {
	readonly selector: number;
	readonly base: number;
	readonly limit: number;
	readonly ar_bytes: number;
}

/* index: VCPU_SREG_* */
const kvm_vmx_segment_fields: readonly kvm_vmx_segment_field[] = [
	{ selector: GUEST_ES_SELECTOR, base: GUEST_ES_BASE, limit: GUEST_ES_LIMIT,
	  ar_bytes: GUEST_ES_AR_BYTES },
	{ selector: GUEST_CS_SELECTOR, base: GUEST_CS_BASE, limit: GUEST_CS_LIMIT,
	  ar_bytes: GUEST_CS_AR_BYTES },
	{ selector: GUEST_SS_SELECTOR, base: GUEST_SS_BASE, limit: GUEST_SS_LIMIT,
	  ar_bytes: GUEST_SS_AR_BYTES },
	{ selector: GUEST_DS_SELECTOR, base: GUEST_DS_BASE, limit: GUEST_DS_LIMIT,
	  ar_bytes: GUEST_DS_AR_BYTES },
	{ selector: GUEST_FS_SELECTOR, base: GUEST_FS_BASE, limit: GUEST_FS_LIMIT,
	  ar_bytes: GUEST_FS_AR_BYTES },
	{ selector: GUEST_GS_SELECTOR, base: GUEST_GS_BASE, limit: GUEST_GS_LIMIT,
	  ar_bytes: GUEST_GS_AR_BYTES },
	{ selector: GUEST_TR_SELECTOR, base: GUEST_TR_BASE, limit: GUEST_TR_LIMIT,
	  ar_bytes: GUEST_TR_AR_BYTES },
	{ selector: GUEST_LDTR_SELECTOR, base: GUEST_LDTR_BASE, limit: GUEST_LDTR_LIMIT,
	  ar_bytes: GUEST_LDTR_AR_BYTES },
];

function vmx_segment_cache_clear(vmx: struct_vcpu_vmx): void {
	vmx.segment_cache.bitmask = 0;
}

function cpu_need_virtualize_apic_accesses(vcpu: struct_kvm_vcpu): boolean {
	return flexpriority_enabled && lapic_in_kernel(vcpu);
}

function possible_passthrough_msr_slot(msr: number): number {
	const i = vmx_possible_passthrough_msrs.indexOf(msr);

	return i >= 0 ? i : -ENOENT;
}

function is_valid_passthrough_msr(msr: number): boolean {
	/* vmx_update_msr_bitmap_x2apic()'s */
	if (msr >= 0x800 && msr <= 0x8ff)
		return true;

	const r = possible_passthrough_msr_slot(msr) !== -ENOENT;

	WARN_ONCE(!r, "Invalid MSR %x, please adapt vmx_possible_passthrough_msrs[]", msr);

	return r;
}

/* slots of guest_uret_msrs: those of the list in vmx_setup_user_return_msrs() that the CPU has */
const vmx_uret_msrs: number[] = [];

export function vmx_find_uret_msr(vmx: struct_vcpu_vmx, msr: number): struct_vmx_uret_msr | null {
	const i = vmx_uret_msrs.indexOf(msr);

	if (i >= 0)
		return vmx.guest_uret_msrs[i]!;
	return null;
}

/** C also loads it, where a guest could use it. */
function vmx_set_guest_uret_msr(msr: struct_vmx_uret_msr, data: bigint): number {
	msr.data = data;
	return 0;
}

/** On the CPU that has it loaded, interrupts off. */
function __loaded_vmcs_clear(loaded_vmcs: struct_loaded_vmcs): void {
	const cpu = raw_smp_processor_id();

	if (loaded_vmcs.cpu !== cpu)
		return; /* a CPU that goes down got there first */
	if (this_cpu_read(current_vmcs) === loaded_vmcs.vmcs)
		this_cpu_write(current_vmcs, null);

	vmcs_clear(loaded_vmcs.vmcs!);

	list_del(loaded_vmcs.loaded_vmcss_on_cpu_link);

	/*
	 * It has left this CPU's list before another CPU, seeing -1, puts it into its own; pairs
	 * with vmx_vcpu_load_vmcs().
	 */
	smp_wmb();

	loaded_vmcs.cpu = -1;
	loaded_vmcs.launched = false;
}

export function loaded_vmcs_clear(loaded_vmcs: struct_loaded_vmcs): void {
	const cpu = loaded_vmcs.cpu;

	if (cpu !== -1)
		smp_call_function_single(cpu, __loaded_vmcs_clear, loaded_vmcs, 1);
}

function vmx_segment_cache_test_set(vmx: struct_vcpu_vmx, seg: number, field: number): boolean {
	const mask = 1 << (seg * SEG_FIELD_NR + field);

	if (!kvm_register_is_available(vmx.vcpu, VCPU_EXREG_SEGMENTS)) {
		kvm_register_mark_available(vmx.vcpu, VCPU_EXREG_SEGMENTS);
		vmx.segment_cache.bitmask = 0;
	}
	const ret = (vmx.segment_cache.bitmask & mask) !== 0;
	vmx.segment_cache.bitmask |= mask;
	return ret;
}

function vmx_read_guest_seg_selector(vmx: struct_vcpu_vmx, seg: number): number {
	const p = vmx.segment_cache.seg[seg]!;

	if (!vmx_segment_cache_test_set(vmx, seg, SEG_FIELD_SEL))
		p.selector = vmcs_read16(kvm_vmx_segment_fields[seg]!.selector);
	return p.selector;
}

function vmx_read_guest_seg_base(vmx: struct_vcpu_vmx, seg: number): bigint {
	const p = vmx.segment_cache.seg[seg]!;

	if (!vmx_segment_cache_test_set(vmx, seg, SEG_FIELD_BASE))
		p.base = vmcs_readl(kvm_vmx_segment_fields[seg]!.base);
	return p.base;
}

function vmx_read_guest_seg_limit(vmx: struct_vcpu_vmx, seg: number): number {
	const p = vmx.segment_cache.seg[seg]!;

	if (!vmx_segment_cache_test_set(vmx, seg, SEG_FIELD_LIMIT))
		p.limit = vmcs_read32(kvm_vmx_segment_fields[seg]!.limit);
	return p.limit;
}

function vmx_read_guest_seg_ar(vmx: struct_vcpu_vmx, seg: number): number {
	const p = vmx.segment_cache.seg[seg]!;

	if (!vmx_segment_cache_test_set(vmx, seg, SEG_FIELD_AR))
		p.ar = vmcs_read32(kvm_vmx_segment_fields[seg]!.ar_bytes);
	return p.ar;
}

/** arch/x86/kvm/vmx/vmx.c:vmx_update_exception_bitmap() */
export function vmx_update_exception_bitmap(vcpu: struct_kvm_vcpu): void {
	let eb = (1 << PF_VECTOR) | (1 << UD_VECTOR) | (1 << MC_VECTOR) |
		(1 << DB_VECTOR) | (1 << AC_VECTOR);

	if ((vcpu.guest_debug & (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP)) ===
	    (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP))
		eb |= 1 << BP_VECTOR;
	if (!vmx_need_pf_intercept(vcpu))
		eb &= ~(1 << PF_VECTOR);

	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);

	vmcs_write32(EXCEPTION_BITMAP, eb);
}

export function __vmx_vcpu_run_flags(vmx: struct_vcpu_vmx): number {
	let flags = 0;

	if (vmx.loaded_vmcs.launched === true)
		flags |= VMX_RUN_VMRESUME;

	return flags;
}

function clear_atomic_switch_msr_special(vmx: struct_vcpu_vmx, entry: number, exit: number): void {
	vm_entry_controls_clearbit(vmx, entry);
	vm_exit_controls_clearbit(vmx, exit);
}

/** EFER only: the lists of MSRs to be loaded are left out. */
function clear_atomic_switch_msr(vmx: struct_vcpu_vmx, _msr: typeof MSR_EFER): void {
	clear_atomic_switch_msr_special(vmx, VM_ENTRY_LOAD_IA32_EFER, VM_EXIT_LOAD_IA32_EFER);
}

function add_atomic_switch_msr_special(vmx: struct_vcpu_vmx, entry: number, exit: number,
	guest_val_vmcs: number, guest_val: number): void {
	vmcs_writen(guest_val_vmcs, guest_val);
	vm_entry_controls_setbit(vmx, entry);
	vm_exit_controls_setbit(vmx, exit);
}

/** EFER only; HOST_IA32_EFER has host_efer already. */
function add_atomic_switch_msr(vmx: struct_vcpu_vmx, _msr: typeof MSR_EFER,
	guest_val: number): void {
	add_atomic_switch_msr_special(vmx, VM_ENTRY_LOAD_IA32_EFER, VM_EXIT_LOAD_IA32_EFER,
		GUEST_IA32_EFER, guest_val);
}

/** hardware_setup() has seen to it that entries and exits can load EFER. */
function update_transition_efer(vmx: struct_vcpu_vmx): void {
	let guest_efer = vmx.vcpu.arch.efer;

	if ((guest_efer & EFER_LMA) === 0)
		guest_efer &= ~EFER_LME;
	if (guest_efer !== Number(host_efer))
		add_atomic_switch_msr(vmx, MSR_EFER, guest_efer);
	else
		clear_atomic_switch_msr(vmx, MSR_EFER);
}

/** User space has neither FS nor GS bases here, so that only the guest's is to be loaded. */
export function vmx_prepare_switch_to_guest(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (vmx.guest_state_loaded === true)
		return;

	wrmsrl(MSR_KERNEL_GS_BASE, vmx.msr_guest_kernel_gs_base);
	vmx.guest_state_loaded = true;
}

function vmx_prepare_switch_to_host(vmx: struct_vcpu_vmx): void {
	if (!vmx.guest_state_loaded)
		return;

	++vmx.vcpu.stat.host_state_reload;

	vmx.msr_guest_kernel_gs_base = rdmsrl(MSR_KERNEL_GS_BASE);
	wrmsrl(MSR_KERNEL_GS_BASE, vmx.msr_host_kernel_gs_base);
	vmx.guest_state_loaded = false;
}

function vmx_read_guest_kernel_gs_base(vmx: struct_vcpu_vmx): bigint {
	preempt_disable();
	if (vmx.guest_state_loaded)
		vmx.msr_guest_kernel_gs_base = rdmsrl(MSR_KERNEL_GS_BASE);
	preempt_enable();
	return vmx.msr_guest_kernel_gs_base;
}

function vmx_write_guest_kernel_gs_base(vmx: struct_vcpu_vmx, data: bigint): void {
	preempt_disable();
	if (vmx.guest_state_loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, data);
	preempt_enable();
	vmx.msr_guest_kernel_gs_base = data;
}

/** The kernel has no TSS, GDT and entry stacks per CPU: HOST_TR_BASE and the like stay 0. */
export function vmx_vcpu_load_vmcs(vcpu: struct_kvm_vcpu, cpu: number): void {
	const vmx = to_vmx(vcpu);
	const already_loaded = vmx.loaded_vmcs.cpu === cpu;

	if (!already_loaded) {
		loaded_vmcs_clear(vmx.loaded_vmcs);
		local_irq_disable();

		/* after cpu was read; pairs with __loaded_vmcs_clear() */
		smp_rmb();

		list_add(vmx.loaded_vmcs.loaded_vmcss_on_cpu_link,
			per_cpu(loaded_vmcss_on_cpu, cpu));
		local_irq_enable();
	}

	const prev = this_cpu_read(current_vmcs);
	if (prev !== vmx.loaded_vmcs.vmcs) {
		this_cpu_write(current_vmcs, vmx.loaded_vmcs.vmcs);
		vmcs_load(vmx.loaded_vmcs.vmcs!);
	}

	if (!already_loaded) {
		/* this CPU may still have translations of the time when it last ran the vCPU */
		kvm_make_request(KVM_REQ_TLB_FLUSH, vcpu);

		vmx.loaded_vmcs.cpu = cpu;
	}
}

/** vcpu.mutex held; until vmx_vcpu_put(). */
function vmx_vcpu_load(vcpu: struct_kvm_vcpu, cpu: number): void {
	vmx_vcpu_load_vmcs(vcpu, cpu);
}

function vmx_vcpu_put(vcpu: struct_kvm_vcpu): void {
	vmx_prepare_switch_to_host(to_vmx(vcpu));
}

export function vmx_emulation_required(vcpu: struct_kvm_vcpu): boolean {
	return emulate_invalid_guest_state && !vmx_guest_state_valid(vcpu);
}

export function vmx_get_rflags(vcpu: struct_kvm_vcpu): number {
	const vmx = to_vmx(vcpu);

	if (!kvm_register_is_available(vcpu, VCPU_EXREG_RFLAGS)) {
		kvm_register_mark_available(vcpu, VCPU_EXREG_RFLAGS);
		vmx.rflags = vmcs_readn(GUEST_RFLAGS);
	}
	return vmx.rflags;
}

export function vmx_set_rflags(vcpu: struct_kvm_vcpu, rflags: number): void {
	const vmx = to_vmx(vcpu);

	kvm_register_mark_available(vcpu, VCPU_EXREG_RFLAGS);
	vmx.rflags = rflags;
	vmcs_writen(GUEST_RFLAGS, rflags);
}

function vmx_get_if_flag(vcpu: struct_kvm_vcpu): boolean {
	return (vmx_get_rflags(vcpu) & X86_EFLAGS_IF) !== 0;
}

export function vmx_get_interrupt_shadow(_vcpu: struct_kvm_vcpu): number {
	const interruptibility = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	let ret = 0;

	if ((interruptibility & GUEST_INTR_STATE_STI) !== 0)
		ret |= KVM_X86_SHADOW_INT_STI;
	if ((interruptibility & GUEST_INTR_STATE_MOV_SS) !== 0)
		ret |= KVM_X86_SHADOW_INT_MOV_SS;

	return ret;
}

export function vmx_set_interrupt_shadow(_vcpu: struct_kvm_vcpu, mask: number): void {
	const interruptibility_old = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	let interruptibility = interruptibility_old;

	interruptibility &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);

	if ((mask & KVM_X86_SHADOW_INT_MOV_SS) !== 0)
		interruptibility |= GUEST_INTR_STATE_MOV_SS;
	else if ((mask & KVM_X86_SHADOW_INT_STI) !== 0)
		interruptibility |= GUEST_INTR_STATE_STI;

	if (interruptibility !== interruptibility_old)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, interruptibility);
}

/** Inside an enclave nobody sees the instruction: #UD, rather than an exit the guest can cause. */
function vmx_can_emulate_instruction(vcpu: struct_kvm_vcpu, _emul_type: number,
	_insn: Uint8Array | null, _insn_len: number): boolean {
	if (to_vmx(vcpu).exit_reason.enclave_mode) {
		kvm_queue_exception(vcpu, UD_VECTOR);
		return false;
	}
	return true;
}

/* for RIP's low half: Number() would be a call */
const rip_cell = new BigUint64Array(1);
const rip_words = new Uint32Array(rip_cell.buffer);

/** arch/x86/kvm/vmx/vmx.c:skip_emulated_instruction() */
function skip_emulated_instruction(vcpu: struct_kvm_vcpu): number {
	const { exit_reason } = to_vmx(vcpu);

	rip_updated: {
		/*
		 * An EPT misconfiguration need not set the length. Hardware does all the same, but
		 * not every hypervisor beneath.
		 */
		if (!boot_cpu_has(X86_FEATURE_HYPERVISOR) ||
		    exit_reason.basic !== EXIT_REASON_EPT_MISCONFIG) {
			const instr_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);

			/* 0 where RIP is not the instruction's, in an enclave */
			if (instr_len === 0)
				break rip_updated;

			WARN_ON_ONCE(exit_reason.enclave_mode);

			const orig_rip = kvm_rip_read(vcpu);
			let rip = BigInt.asUintN(64, orig_rip + BigInt(instr_len));
			/* only a carry makes it worth asking for the mode; few leave so little */
			rip_cell[0] = rip;
			if (rip_words[0]! < instr_len &&
			    (rip ^ orig_rip) >> 31n === 3n && !is_64_bit_mode(vcpu))
				rip &= 0xffffffffn;
			kvm_rip_write(vcpu, rip);
		} else {
			if (kvm_emulate_instruction(vcpu, EMULTYPE_SKIP) === 0)
				return 0;
		}
	}

	/* the shadow is one instruction long, and that is over */
	vmx_set_interrupt_shadow(vcpu, 0);

	return 1;
}

function vmx_skip_emulated_instruction(vcpu: struct_kvm_vcpu): number {
	return skip_emulated_instruction(vcpu);
}

/** A guest that may halt by itself, and did, has its RIP after HLT already. */
function vmx_clear_hlt(vcpu: struct_kvm_vcpu): void {
	if (kvm_hlt_in_guest(vcpu.kvm) &&
	    vmcs_read32(GUEST_ACTIVITY_STATE) === GUEST_ACTIVITY_HLT)
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
}

/** arch/x86/kvm/vmx/vmx.c:vmx_queue_exception() */
function vmx_queue_exception(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);
	const nr = vcpu.arch.exception.nr;
	const has_error_code = vcpu.arch.exception.has_error_code;
	const error_code = vcpu.arch.exception.error_code;
	let intr_info = nr | INTR_INFO_VALID_MASK;

	kvm_deliver_exception_payload(vcpu);

	if (has_error_code) {
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, error_code);
		intr_info |= INTR_INFO_DELIVER_CODE_MASK;
	}

	WARN_ON_ONCE(vmx.emulation_required);

	if (kvm_exception_is_soft(nr)) {
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, vmx.vcpu.arch.event_exit_inst_len);
		intr_info |= INTR_TYPE_SOFT_EXCEPTION;
	} else
		intr_info |= INTR_TYPE_HARD_EXCEPTION;

	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, intr_info);

	vmx_clear_hlt(vcpu);
}

/** Which MSRs the guest needs in hardware; of them only EFER is loaded, by entries. */
function vmx_setup_uret_msrs(vmx: struct_vcpu_vmx): void {
	update_transition_efer(vmx);
}

/** Nested guests only: the caller asks nobody else's. */
export function vmx_get_l2_tsc_offset(_vcpu: struct_kvm_vcpu): bigint {
	return 0n;
}

/** Nested guests only. */
export function vmx_get_l2_tsc_multiplier(_vcpu: struct_kvm_vcpu): bigint {
	return kvm_caps.default_tsc_scaling_ratio;
}

function vmx_write_tsc_offset(_vcpu: struct_kvm_vcpu, offset: bigint): void {
	vmcs_write64(TSC_OFFSET, offset);
}

function vmx_write_tsc_multiplier(_vcpu: struct_kvm_vcpu, multiplier: bigint): void {
	vmcs_write64(TSC_MULTIPLIER, multiplier);
}

function vmx_feature_control_msr_valid(vcpu: struct_kvm_vcpu, val: bigint): boolean {
	const valid_bits = to_vmx(vcpu).msr_ia32_feature_control_valid_bits;

	return (val & ~valid_bits) === 0n;
}

function is_vmx_msr(index: number): boolean {
	return index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_VMFUNC;
}

function vmx_get_msr_feature(msr: struct_kvm_msr_entry): number {
	/* of nested guests */
	if (is_vmx_msr(msr.index))
		return 1;

	switch (msr.index) {
	case MSR_IA32_PERF_CAPABILITIES:
		/* of a PMU */
		msr.data = 0n;
		return 0;
	default:
		return KVM_MSR_RET_INVALID;
	}
}

/** The vCPU is loaded; 0, or not. */
function vmx_get_msr(vcpu: struct_kvm_vcpu, msr_info: struct_msr_data): number {
	const vmx = to_vmx(vcpu);

	if (is_vmx_msr(msr_info.index))
		return 1;

	find_uret_msr: switch (msr_info.index) {
	case MSR_FS_BASE:
		msr_info.data = vmcs_readl(GUEST_FS_BASE);
		return 0;
	case MSR_GS_BASE:
		msr_info.data = vmcs_readl(GUEST_GS_BASE);
		return 0;
	case MSR_KERNEL_GS_BASE:
		msr_info.data = vmx_read_guest_kernel_gs_base(vmx);
		return 0;
	case MSR_EFER:
		return kvm_get_msr_common(vcpu, msr_info);
	case MSR_IA32_TSX_CTRL:
		if (!msr_info.host_initiated &&
		    (vcpu.arch.arch_capabilities & ARCH_CAP_TSX_CTRL_MSR) === 0n)
			return 1;
		break find_uret_msr;
	case MSR_IA32_SPEC_CTRL:
		if (!msr_info.host_initiated && !guest_has_spec_ctrl_msr(vcpu))
			return 1;

		msr_info.data = to_vmx(vcpu).spec_ctrl;
		return 0;
	case MSR_IA32_SYSENTER_CS:
		msr_info.data = BigInt(vmcs_read32(GUEST_SYSENTER_CS));
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		msr_info.data = vmcs_readl(GUEST_SYSENTER_EIP);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		msr_info.data = vmcs_readl(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_MCG_EXT_CTL:
		if (!msr_info.host_initiated &&
		    (vmx.msr_ia32_feature_control & FEAT_CTL_LMCE_ENABLED) === 0n)
			return 1;
		msr_info.data = vcpu.arch.mcg_ext_ctl;
		return 0;
	case MSR_IA32_FEAT_CTL:
		msr_info.data = vmx.msr_ia32_feature_control;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		msr_info.data = vmcs_read64(GUEST_IA32_DEBUGCTL);
		return 0;
	default:
		break;
	}

	const msr = vmx_find_uret_msr(vmx, msr_info.index);
	if (msr !== null) {
		msr_info.data = msr.data;
		return 0;
	}
	return kvm_get_msr_common(vcpu, msr_info);
}

function vcpu_supported_debugctl(_vcpu: struct_kvm_vcpu): bigint {
	return vmx_supported_debugctl();
}

/** The vCPU is loaded; 0, or not. */
function vmx_set_msr(vcpu: struct_kvm_vcpu, msr_info: struct_msr_data): number {
	const vmx = to_vmx(vcpu);
	const msr_index = msr_info.index;
	let data = msr_info.data;

	/* those of nested guests: read-only, or not there */
	if (is_vmx_msr(msr_index))
		return 1;

	find_uret_msr: switch (msr_index) {
	case MSR_EFER:
		return kvm_set_msr_common(vcpu, msr_info);
	case MSR_FS_BASE:
		vmx_segment_cache_clear(vmx);
		vmcs_writel(GUEST_FS_BASE, data);
		return 0;
	case MSR_GS_BASE:
		vmx_segment_cache_clear(vmx);
		vmcs_writel(GUEST_GS_BASE, data);
		return 0;
	case MSR_KERNEL_GS_BASE:
		vmx_write_guest_kernel_gs_base(vmx, data);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(GUEST_SYSENTER_CS, Number(data & 0xffffffffn));
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_writel(GUEST_SYSENTER_EIP, data);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_writel(GUEST_SYSENTER_ESP, data);
		return 0;
	case MSR_IA32_DEBUGCTLMSR: {
		let invalid = data & ~vcpu_supported_debugctl(vcpu);
		if ((invalid & (DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR)) !== 0n) {
			if (report_ignored_msrs)
				vcpu_unimpl(vcpu,
					"%s: BTF|LBR in IA32_DEBUGCTLMSR 0x%llx, nop\n",
					"vmx_set_msr", data);
			data &= ~(DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR);
			invalid &= ~(DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR);
		}

		if (invalid !== 0n)
			return 1;

		vmcs_write64(GUEST_IA32_DEBUGCTL, data);
		return 0;
	}
	case MSR_IA32_SPEC_CTRL:
		if (!msr_info.host_initiated && !guest_has_spec_ctrl_msr(vcpu))
			return 1;

		/* C tries the value on the CPU */
		if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
			return 1;

		vmx.spec_ctrl = data;
		if (data === 0n)
			return 0;

		/* from the first write on the guest has it to itself */
		vmx_disable_intercept_for_msr(vcpu, MSR_IA32_SPEC_CTRL, MSR_TYPE_RW);
		return 0;
	case MSR_IA32_TSX_CTRL:
		if (!msr_info.host_initiated &&
		    (vcpu.arch.arch_capabilities & ARCH_CAP_TSX_CTRL_MSR) === 0n)
			return 1;
		if ((data & ~(TSX_CTRL_RTM_DISABLE | TSX_CTRL_CPUID_CLEAR)) !== 0n)
			return 1;
		break find_uret_msr;
	case MSR_IA32_PRED_CMD:
		if (!msr_info.host_initiated && !guest_has_pred_cmd_msr(vcpu))
			return 1;

		if ((data & ~PRED_CMD_IBPB) !== 0n)
			return 1;
		if (!boot_cpu_has(X86_FEATURE_IBPB))
			return 1;
		if (data === 0n)
			return 0;

		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);

		vmx_disable_intercept_for_msr(vcpu, MSR_IA32_PRED_CMD, MSR_TYPE_W);
		return 0;
	case MSR_IA32_CR_PAT:
		if (!kvm_pat_valid(data))
			return 1;

		if ((vmcs_config.vmentry_ctrl & VM_ENTRY_LOAD_IA32_PAT) !== 0) {
			vmcs_write64(GUEST_IA32_PAT, data);
			vcpu.arch.pat = data;
			return 0;
		}
		return kvm_set_msr_common(vcpu, msr_info);
	case MSR_IA32_MCG_EXT_CTL:
		if ((!msr_info.host_initiated &&
		     (to_vmx(vcpu).msr_ia32_feature_control & FEAT_CTL_LMCE_ENABLED) === 0n) ||
		    (data & ~MCG_EXT_CTL_LMCE_EN) !== 0n)
			return 1;
		vcpu.arch.mcg_ext_ctl = data;
		return 0;
	case MSR_IA32_FEAT_CTL:
		if (!vmx_feature_control_msr_valid(vcpu, data) ||
		    ((to_vmx(vcpu).msr_ia32_feature_control & FEAT_CTL_LOCKED) !== 0n &&
		     !msr_info.host_initiated))
			return 1;
		vmx.msr_ia32_feature_control = data;
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		/* there is no PMU to have any */
		if (data !== 0n)
			return 1;
		return kvm_set_msr_common(vcpu, msr_info);
	default:
		break;
	}

	const msr = vmx_find_uret_msr(vmx, msr_index);
	if (msr !== null)
		return vmx_set_guest_uret_msr(msr, data);
	return kvm_set_msr_common(vcpu, msr_info);
}

function vmx_cache_reg(vcpu: struct_kvm_vcpu, reg: kvm_reg): void {
	let guest_owned_bits: number;

	kvm_register_mark_available(vcpu, reg);

	switch (reg) {
	case VCPU_REGS_RSP:
		vcpu.arch.regs[VCPU_REGS_RSP] = vmcs_readl(GUEST_RSP);
		break;
	case VCPU_REGS_RIP:
		vcpu.arch.regs[VCPU_REGS_RIP] = vmcs_readl(GUEST_RIP);
		break;
	case VCPU_EXREG_PDPTR:
		if (enable_ept)
			ept_save_pdptrs(vcpu);
		break;
	case VCPU_EXREG_CR0:
		guest_owned_bits = vcpu.arch.cr0_guest_owned_bits;

		vcpu.arch.cr0 = ((vcpu.arch.cr0 & ~guest_owned_bits) |
			(vmcs_readn(GUEST_CR0) & guest_owned_bits)) >>> 0;
		break;
	case VCPU_EXREG_CR3:
		/* with exits on CR3 loads it is KVM's that the CPU has */
		if ((exec_controls_get(to_vmx(vcpu)) & CPU_BASED_CR3_LOAD_EXITING) === 0)
			vcpu.arch.cr3 = vmcs_readn(GUEST_CR3) as gpa_t;
		break;
	case VCPU_EXREG_CR4:
		guest_owned_bits = vcpu.arch.cr4_guest_owned_bits;

		vcpu.arch.cr4 = ((vcpu.arch.cr4 & ~guest_owned_bits) |
			(vmcs_readn(GUEST_CR4) & guest_owned_bits)) >>> 0;
		break;
	default:
		KVM_BUG_ON(true, vcpu.kvm);
		break;
	}
}

function cpu_has_kvm_support(): number {
	return cpu_has_vmx() ? 1 : 0;
}

function vmx_disabled_by_bios(): number {
	return !boot_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL) ||
		!boot_cpu_has(X86_FEATURE_VMX) ? 1 : 0;
}

function kvm_cpu_vmxon(vmxon_pointer: struct_vmcs): number {
	cr4_set_bits(X86_CR4_VMXE);

	if (vmxon(vmxon_pointer.pfn))
		return 0;

	WARN_ONCE(true, "VMXON faulted, MSR_IA32_FEAT_CTL (0x3a) = 0x%llx\n",
		rdmsrl(MSR_IA32_FEAT_CTL));
	cr4_clear_bits(X86_CR4_VMXE);

	return -EFAULT;
}

function vmx_hardware_enable(): number {
	if ((cr4_read_shadow() & X86_CR4_VMXE) !== 0)
		return -EBUSY;

	const r = kvm_cpu_vmxon(this_cpu_read(vmxarea)!);
	if (r !== 0)
		return r;

	if (enable_ept)
		ept_sync_global();

	return 0;
}

function vmclear_local_loaded_vmcss(): void {
	for (const v of list_for_each_entry_safe(this_cpu_read(loaded_vmcss_on_cpu),
		struct_loaded_vmcs, "loaded_vmcss_on_cpu_link"))
		__loaded_vmcs_clear(v);
}

function vmx_hardware_disable(): void {
	vmclear_local_loaded_vmcss();

	if (cpu_vmxoff() !== 0)
		kvm_spurious_fault();
}

/** The controls to use, or -EIO. */
function adjust_vmx_controls(ctl_min: number, ctl_opt: number, msr: number): number {
	const vmx_msr = rdmsrl(msr);
	const vmx_msr_low = Number(vmx_msr & 0xffffffffn), vmx_msr_high = Number(vmx_msr >> 32n);
	let ctl = ctl_min | ctl_opt;

	ctl &= vmx_msr_high; /* what may be set */
	ctl |= vmx_msr_low;  /* what must be */

	if ((ctl_min & ~ctl) !== 0)
		return -EIO;

	return ctl >>> 0;
}

/* debug controls are always switched; writes to PAT and EFER always exit, so none is saved */
const vmcs_entry_exit_pairs = [
	{ entry_control: VM_ENTRY_LOAD_IA32_PAT, exit_control: VM_EXIT_LOAD_IA32_PAT },
	{ entry_control: VM_ENTRY_LOAD_IA32_EFER, exit_control: VM_EXIT_LOAD_IA32_EFER },
];

/** arch/x86/kvm/vmx/vmx.c:setup_vmcs_config(): what this CPU offers of what KVM would use. */
function setup_vmcs_config(vmcs_conf: struct_vmcs_config, vmx_cap: struct_vmx_capability): number {
	let min = CPU_BASED_HLT_EXITING |
		CPU_BASED_CR8_LOAD_EXITING |
		CPU_BASED_CR8_STORE_EXITING |
		CPU_BASED_CR3_LOAD_EXITING |
		CPU_BASED_CR3_STORE_EXITING |
		CPU_BASED_UNCOND_IO_EXITING |
		CPU_BASED_MOV_DR_EXITING |
		CPU_BASED_USE_TSC_OFFSETTING |
		CPU_BASED_MWAIT_EXITING |
		CPU_BASED_MONITOR_EXITING |
		CPU_BASED_INVLPG_EXITING |
		CPU_BASED_RDPMC_EXITING;

	let opt = CPU_BASED_TPR_SHADOW |
		CPU_BASED_USE_MSR_BITMAPS |
		CPU_BASED_ACTIVATE_SECONDARY_CONTROLS;
	let _cpu_based_exec_control = adjust_vmx_controls(min, opt, MSR_IA32_VMX_PROCBASED_CTLS);
	if (_cpu_based_exec_control < 0)
		return -EIO;
	if ((_cpu_based_exec_control & CPU_BASED_TPR_SHADOW) !== 0)
		_cpu_based_exec_control &= ~CPU_BASED_CR8_LOAD_EXITING &
			~CPU_BASED_CR8_STORE_EXITING;
	let _cpu_based_2nd_exec_control = 0;
	if ((_cpu_based_exec_control & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) !== 0) {
		const min2 = 0;
		const opt2 = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
			SECONDARY_EXEC_WBINVD_EXITING |
			SECONDARY_EXEC_ENABLE_VPID |
			SECONDARY_EXEC_ENABLE_EPT |
			SECONDARY_EXEC_UNRESTRICTED_GUEST |
			SECONDARY_EXEC_DESC |
			SECONDARY_EXEC_ENABLE_RDTSCP |
			SECONDARY_EXEC_ENABLE_INVPCID |
			SECONDARY_EXEC_XSAVES |
			SECONDARY_EXEC_RDSEED_EXITING |
			SECONDARY_EXEC_RDRAND_EXITING |
			SECONDARY_EXEC_ENABLE_PML |
			SECONDARY_EXEC_TSC_SCALING;
		_cpu_based_2nd_exec_control = adjust_vmx_controls(min2, opt2,
			MSR_IA32_VMX_PROCBASED_CTLS2);
		if (_cpu_based_2nd_exec_control < 0)
			return -EIO;
	}

	const cap = rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP);
	vmx_cap.ept = Number(cap & 0xffffffffn);
	vmx_cap.vpid = Number(cap >> 32n);

	if ((_cpu_based_2nd_exec_control & SECONDARY_EXEC_ENABLE_EPT) !== 0) {
		/* with EPT the guest's CR3 and INVLPG are its own affair */
		_cpu_based_exec_control &= ~(CPU_BASED_CR3_LOAD_EXITING |
					     CPU_BASED_CR3_STORE_EXITING |
					     CPU_BASED_INVLPG_EXITING);
	} else if (vmx_cap.ept !== 0) {
		pr_warn_once("EPT CAP should not exist if not support " +
				"1-setting enable EPT VM-execution control\n");

		if (error_on_inconsistent_vmcs_config)
			return -EIO;

		vmx_cap.ept = 0;
	}
	if ((_cpu_based_2nd_exec_control & SECONDARY_EXEC_ENABLE_VPID) === 0 &&
	    vmx_cap.vpid !== 0) {
		pr_warn_once("VPID CAP should not exist if not support " +
				"1-setting enable VPID VM-execution control\n");

		if (error_on_inconsistent_vmcs_config)
			return -EIO;

		vmx_cap.vpid = 0;
	}

	min = VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_ACK_INTR_ON_EXIT;
	min |= VM_EXIT_HOST_ADDR_SPACE_SIZE;
	opt = VM_EXIT_LOAD_IA32_PAT |
	      VM_EXIT_LOAD_IA32_EFER;
	let _vmexit_control = adjust_vmx_controls(min, opt, MSR_IA32_VMX_EXIT_CTLS);
	if (_vmexit_control < 0)
		return -EIO;

	min = PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING;
	opt = PIN_BASED_VIRTUAL_NMIS;
	const _pin_based_exec_control = adjust_vmx_controls(min, opt, MSR_IA32_VMX_PINBASED_CTLS);
	if (_pin_based_exec_control < 0)
		return -EIO;

	min = VM_ENTRY_LOAD_DEBUG_CONTROLS;
	opt = VM_ENTRY_LOAD_IA32_PAT |
	      VM_ENTRY_LOAD_IA32_EFER;
	let _vmentry_control = adjust_vmx_controls(min, opt, MSR_IA32_VMX_ENTRY_CTLS);
	if (_vmentry_control < 0)
		return -EIO;

	for (const { entry_control: n_ctrl, exit_control: x_ctrl } of vmcs_entry_exit_pairs) {
		if (((_vmentry_control & n_ctrl) === 0) === ((_vmexit_control & x_ctrl) === 0))
			continue;

		pr_warn_once("Inconsistent VM-Entry/VM-Exit pair, entry = %x, exit = %x\n",
			_vmentry_control & n_ctrl, _vmexit_control & x_ctrl);

		if (error_on_inconsistent_vmcs_config)
			return -EIO;

		_vmentry_control &= ~n_ctrl;
		_vmexit_control &= ~x_ctrl;
	}

	const vmx_msr = rdmsrl(MSR_IA32_VMX_BASIC);
	const vmx_msr_low = Number(vmx_msr & 0xffffffffn), vmx_msr_high = Number(vmx_msr >> 32n);

	/* a VMCS fits into a page, */
	if ((vmx_msr_high & 0x1fff) > PAGE_SIZE)
		return -EIO;

	/* may be anywhere in physical memory, */
	if ((vmx_msr_high & (1 << 16)) !== 0)
		return -EIO;

	/* and is accessed as write-back memory */
	if (((vmx_msr_high >>> 18) & 15) !== 6)
		return -EIO;

	vmcs_conf.size = vmx_msr_high & 0x1fff;
	vmcs_conf.basic_cap = (vmx_msr_high & ~0x1fff) >>> 0;

	vmcs_conf.revision_id = vmx_msr_low;

	vmcs_conf.pin_based_exec_ctrl = _pin_based_exec_control >>> 0;
	vmcs_conf.cpu_based_exec_ctrl = _cpu_based_exec_control >>> 0;
	vmcs_conf.cpu_based_2nd_exec_ctrl = _cpu_based_2nd_exec_control >>> 0;
	vmcs_conf.vmexit_ctrl = _vmexit_control >>> 0;
	vmcs_conf.vmentry_ctrl = _vmentry_control >>> 0;

	return 0;
}

export function alloc_vmcs_cpu(_cpu: number, flags: gfp_t): struct_vmcs | null {
	const pages = alloc_page(flags);
	if (pages === null)
		return null;
	clear_page(pages);

	frame_mark_used(pages.pfn);
	frame_put32(pages.pfn, 0, vmcs_config.revision_id);

	return pages;
}

export function free_vmcs(vmcs: struct_vmcs): void {
	free_page(vmcs);
}

/** It is cleared first, on the CPU that has it loaded. */
export function free_loaded_vmcs(loaded_vmcs: struct_loaded_vmcs): void {
	if (loaded_vmcs.vmcs === null)
		return;
	loaded_vmcs_clear(loaded_vmcs);
	free_vmcs(loaded_vmcs.vmcs);
	loaded_vmcs.vmcs = null;
	if (loaded_vmcs.msr_bitmap_page !== null)
		free_page(loaded_vmcs.msr_bitmap_page);
	loaded_vmcs.msr_bitmap_page = null;
	loaded_vmcs.msr_bitmap = null;
}

export function alloc_loaded_vmcs(loaded_vmcs: struct_loaded_vmcs): number {
	loaded_vmcs.vmcs = alloc_vmcs();
	if (loaded_vmcs.vmcs === null)
		return -ENOMEM;

	vmcs_clear(loaded_vmcs.vmcs);

	loaded_vmcs.cpu = -1;
	loaded_vmcs.launched = false;

	out_vmcs: {
		if (cpu_has_vmx_msr_bitmap()) {
			loaded_vmcs.msr_bitmap_page = __get_free_page(GFP_KERNEL_ACCOUNT);
			if (loaded_vmcs.msr_bitmap_page === null)
				break out_vmcs;
			loaded_vmcs.msr_bitmap = page_bytes(loaded_vmcs.msr_bitmap_page);
			loaded_vmcs.msr_bitmap.fill(0xff);
		}

		loaded_vmcs.host_state = new struct_vmcs_host_state();
		loaded_vmcs.controls_shadow = new struct_vmcs_controls_shadow();

		return 0;
	}

	free_loaded_vmcs(loaded_vmcs);
	return -ENOMEM;
}

function free_kvm_area(): void {
	for (const cpu of for_each_possible_cpu()) {
		free_page(per_cpu(vmxarea, cpu));
		vmxarea.v[cpu] = null;
	}
}

function alloc_kvm_area(): number {
	for (const cpu of for_each_possible_cpu()) {
		const vmcs = alloc_vmcs_cpu(cpu, GFP_KERNEL);
		if (vmcs === null) {
			free_kvm_area();
			return -ENOMEM;
		}

		per_cpu(vmxarea, cpu);
		vmxarea.v[cpu] = vmcs;
	}
	return 0;
}

export function vmx_set_efer(vcpu: struct_kvm_vcpu, efer: number): number {
	const vmx = to_vmx(vcpu);

	/* a CPU without it */
	if (vmx_find_uret_msr(vmx, MSR_EFER) === null)
		return 0;

	vcpu.arch.efer = efer;
	if ((efer & EFER_LMA) !== 0)
		vm_entry_controls_setbit(vmx, VM_ENTRY_IA32E_MODE);
	else
		vm_entry_controls_clearbit(vmx, VM_ENTRY_IA32E_MODE);

	vmx_setup_uret_msrs(vmx);
	return 0;
}

function enter_lmode(vcpu: struct_kvm_vcpu): void {
	vmx_segment_cache_clear(to_vmx(vcpu));

	const guest_tr_ar = vmcs_read32(GUEST_TR_AR_BYTES);
	if ((guest_tr_ar & VMX_AR_TYPE_MASK) !== VMX_AR_TYPE_BUSY_64_TSS)
		vmcs_write32(GUEST_TR_AR_BYTES,
			(guest_tr_ar & ~VMX_AR_TYPE_MASK) | VMX_AR_TYPE_BUSY_64_TSS);
	vmx_set_efer(vcpu, vcpu.arch.efer | EFER_LMA);
}

function exit_lmode(vcpu: struct_kvm_vcpu): void {
	vmx_set_efer(vcpu, vcpu.arch.efer & ~EFER_LMA);
}

/**
 * Guest-physical mappings belong to the root of EPT, not to a VPID, and outlive entries: INVEPT it
 * has to be, VPID or not.
 */
function vmx_flush_tlb_all(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (enable_ept) {
		ept_sync_global();
	} else if (enable_vpid) {
		if (cpu_has_vmx_invvpid_global())
			vpid_sync_vcpu_global();
		else
			vpid_sync_vcpu_single(vmx.vpid);
	}
}

function vmx_get_current_vpid(vcpu: struct_kvm_vcpu): number {
	return to_vmx(vcpu).vpid;
}

function vmx_flush_tlb_current(vcpu: struct_kvm_vcpu): void {
	const mmu = vcpu.arch.mmu!;
	const root_hpa = mmu.root.hpa;

	if (!VALID_PAGE(root_hpa))
		return;

	if (enable_ept)
		ept_sync_context(construct_eptp(vcpu, root_hpa, mmu.root_role.level));
	else
		vpid_sync_context(vmx_get_current_vpid(vcpu));
}

/** Nothing without a VPID, as in vmx_flush_tlb_guest(). */
function vmx_flush_tlb_gva(vcpu: struct_kvm_vcpu, addr: gva_t): void {
	vpid_sync_vcpu_addr(vmx_get_current_vpid(vcpu), addr);
}

/** Nothing without a VPID: then entries and exits flush what came of guest linear addresses. */
function vmx_flush_tlb_guest(vcpu: struct_kvm_vcpu): void {
	vpid_sync_context(vmx_get_current_vpid(vcpu));
}

export function vmx_ept_load_pdptrs(vcpu: struct_kvm_vcpu): void {
	const mmu = vcpu.arch.walk_mmu!;

	if (!kvm_register_is_dirty(vcpu, VCPU_EXREG_PDPTR))
		return;

	if (is_pae_paging(vcpu)) {
		vmcs_write64(GUEST_PDPTR0, mmu.pdptrs[0]!);
		vmcs_write64(GUEST_PDPTR1, mmu.pdptrs[1]!);
		vmcs_write64(GUEST_PDPTR2, mmu.pdptrs[2]!);
		vmcs_write64(GUEST_PDPTR3, mmu.pdptrs[3]!);
	}
}

export function ept_save_pdptrs(vcpu: struct_kvm_vcpu): void {
	const mmu = vcpu.arch.walk_mmu!;

	if (WARN_ON_ONCE(!is_pae_paging(vcpu)))
		return;

	mmu.pdptrs[0] = vmcs_read64(GUEST_PDPTR0);
	mmu.pdptrs[1] = vmcs_read64(GUEST_PDPTR1);
	mmu.pdptrs[2] = vmcs_read64(GUEST_PDPTR2);
	mmu.pdptrs[3] = vmcs_read64(GUEST_PDPTR3);

	kvm_register_mark_available(vcpu, VCPU_EXREG_PDPTR);
}

/** arch/x86/kvm/vmx/vmx.c:vmx_set_cr0() */
export function vmx_set_cr0(vcpu: struct_kvm_vcpu, cr0: number): void {
	const vmx = to_vmx(vcpu);

	const old_cr0_pg = kvm_read_cr0_bits(vcpu, X86_CR0_PG);

	const hw_cr0 = ((cr0 & ~KVM_VM_CR0_ALWAYS_OFF) |
		KVM_VM_CR0_ALWAYS_ON_UNRESTRICTED_GUEST) >>> 0;

	vmcs_writen(CR0_READ_SHADOW, cr0);
	vmcs_writen(GUEST_CR0, hw_cr0);
	vcpu.arch.cr0 = cr0;
	kvm_register_mark_available(vcpu, VCPU_EXREG_CR0);

	if ((vcpu.arch.efer & EFER_LME) !== 0) {
		if (old_cr0_pg === 0 && (cr0 & X86_CR0_PG) !== 0)
			enter_lmode(vcpu);
		else if (old_cr0_pg !== 0 && (cr0 & X86_CR0_PG) === 0)
			exit_lmode(vcpu);
	}

	vmx.emulation_required = vmx_emulation_required(vcpu);
}

function vmx_get_max_tdp_level(): number {
	if (cpu_has_vmx_ept_5levels())
		return 5;
	return 4;
}

export function construct_eptp(_vcpu: struct_kvm_vcpu, root_hpa: hpa_t,
	root_level: number): number {
	let eptp = VMX_EPTP_MT_WB;

	eptp |= root_level === 5 ? VMX_EPTP_PWL_5 : VMX_EPTP_PWL_4;

	if (enable_ept_ad_bits)
		eptp |= VMX_EPTP_AD_ENABLE_BIT;

	return root_hpa + eptp;
}

function vmx_load_mmu_pgd(vcpu: struct_kvm_vcpu, root_hpa: hpa_t, root_level: number): void {
	const eptp = construct_eptp(vcpu, root_hpa, root_level);
	vmcs_writen(EPT_POINTER, eptp);

	/* otherwise vmcs.GUEST_CR3 is up-to-date */
	const update_guest_cr3 = kvm_register_is_dirty(vcpu, VCPU_EXREG_CR3);
	vmx_ept_load_pdptrs(vcpu);

	if (update_guest_cr3)
		vmcs_writen(GUEST_CR3, vcpu.arch.cr3);
}

/** Whether VMXE is allowed at all is for x86.ts to say. */
function vmx_is_valid_cr4(vcpu: struct_kvm_vcpu, cr4: number): boolean {
	if ((cr4 & X86_CR4_VMXE) !== 0 && is_smm(vcpu))
		return false;

	return true;
}

/** arch/x86/kvm/vmx/vmx.c:vmx_set_cr4(). Machine checks are the host's to enable. */
export function vmx_set_cr4(vcpu: struct_kvm_vcpu, cr4: number): void {
	const old_cr4 = vcpu.arch.cr4;
	const vmx = to_vmx(vcpu);

	let hw_cr4 = (cr4_read_shadow() & X86_CR4_MCE) | (cr4 & ~X86_CR4_MCE);
	hw_cr4 |= KVM_VM_CR4_ALWAYS_ON_UNRESTRICTED_GUEST;

	if (!boot_cpu_has(X86_FEATURE_UMIP) && vmx_umip_emulated()) {
		if ((cr4 & X86_CR4_UMIP) !== 0) {
			secondary_exec_controls_setbit(vmx, SECONDARY_EXEC_DESC);
			hw_cr4 &= ~X86_CR4_UMIP;
		} else {
			secondary_exec_controls_clearbit(vmx, SECONDARY_EXEC_DESC);
		}
	}

	vcpu.arch.cr4 = cr4;
	kvm_register_mark_available(vcpu, VCPU_EXREG_CR4);

	vmcs_writen(CR4_READ_SHADOW, cr4);
	vmcs_writen(GUEST_CR4, hw_cr4 >>> 0);

	if (((cr4 ^ old_cr4) & (X86_CR4_OSXSAVE | X86_CR4_PKE)) !== 0)
		kvm_update_cpuid_runtime(vcpu);
}

export function vmx_get_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment,
	seg: number): void {
	const vmx = to_vmx(vcpu);

	var_.base = vmx_read_guest_seg_base(vmx, seg);
	var_.limit = vmx_read_guest_seg_limit(vmx, seg);
	var_.selector = vmx_read_guest_seg_selector(vmx, seg);
	const ar = vmx_read_guest_seg_ar(vmx, seg);
	var_.unusable = (ar >> 16) & 1;
	var_.type = ar & 15;
	var_.s = (ar >> 4) & 1;
	var_.dpl = (ar >> 5) & 3;
	/*
	 * Some user spaces lose "unusable". A usable segment is present, so that "not present" can
	 * say the same; vmx_segment_access_rights() reads it that way.
	 */
	var_.present = var_.unusable !== 0 ? 0 : 1;
	var_.avl = (ar >> 12) & 1;
	var_.l = (ar >> 13) & 1;
	var_.db = (ar >> 14) & 1;
	var_.g = (ar >> 15) & 1;
}

function vmx_get_segment_base(vcpu: struct_kvm_vcpu, seg: number): bigint {
	return vmx_read_guest_seg_base(to_vmx(vcpu), seg);
}

export function vmx_get_cpl(vcpu: struct_kvm_vcpu): number {
	const ar = vmx_read_guest_seg_ar(to_vmx(vcpu), VCPU_SREG_SS);

	return VMX_AR_DPL(ar);
}

function vmx_segment_access_rights(var_: struct_kvm_segment): number {
	let ar: number;

	if (var_.unusable !== 0 || var_.present === 0)
		ar = 1 << 16;
	else {
		ar = var_.type & 15;
		ar |= (var_.s & 1) << 4;
		ar |= (var_.dpl & 3) << 5;
		ar |= (var_.present & 1) << 7;
		ar |= (var_.avl & 1) << 12;
		ar |= (var_.l & 1) << 13;
		ar |= (var_.db & 1) << 14;
		ar |= (var_.g & 1) << 15;
	}

	return ar;
}

/** arch/x86/kvm/vmx/vmx.c:__vmx_set_segment() */
export function __vmx_set_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment,
	seg: number): void {
	const vmx = to_vmx(vcpu);
	const sf = kvm_vmx_segment_fields[seg]!;

	vmx_segment_cache_clear(vmx);

	vmcs_writel(sf.base, var_.base);
	vmcs_write32(sf.limit, var_.limit);
	vmcs_write16(sf.selector, var_.selector);

	/*
	 * At reset segments are "accessed". User spaces exist that set them otherwise, which entry
	 * would reject.
	 */
	if (is_unrestricted_guest(vcpu) && seg !== VCPU_SREG_LDTR)
		var_.type |= 0x1; /* Accessed */

	vmcs_write32(sf.ar_bytes, vmx_segment_access_rights(var_));
}

function vmx_set_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment, seg: number): void {
	__vmx_set_segment(vcpu, var_, seg);

	to_vmx(vcpu).emulation_required = vmx_emulation_required(vcpu);
}

function vmx_get_cs_db_l_bits(vcpu: struct_kvm_vcpu, db: ref<number>, l: ref<number>): void {
	const ar = vmx_read_guest_seg_ar(to_vmx(vcpu), VCPU_SREG_CS);

	db.v = (ar >> 14) & 1;
	l.v = (ar >> 13) & 1;
}

function vmx_get_idt(_vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	dt.size = vmcs_read32(GUEST_IDTR_LIMIT);
	dt.address = vmcs_readl(GUEST_IDTR_BASE);
}

function vmx_set_idt(_vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	vmcs_write32(GUEST_IDTR_LIMIT, dt.size);
	vmcs_writel(GUEST_IDTR_BASE, dt.address);
}

function vmx_get_gdt(_vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	dt.size = vmcs_read32(GUEST_GDTR_LIMIT);
	dt.address = vmcs_readl(GUEST_GDTR_BASE);
}

function vmx_set_gdt(_vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	vmcs_write32(GUEST_GDTR_LIMIT, dt.size);
	vmcs_writel(GUEST_GDTR_BASE, dt.address);
}

function seg_setup(seg: number): void {
	const sf = kvm_vmx_segment_fields[seg]!;

	vmcs_write16(sf.selector, 0);
	vmcs_writen(sf.base, 0);
	vmcs_write32(sf.limit, 0xffff);
	let ar = 0x93;
	if (seg === VCPU_SREG_CS)
		ar |= 0x08; /* code segment */

	vmcs_write32(sf.ar_bytes, ar);
}

/** arch/x86/kvm/vmx/vmx.c:alloc_apic_access_page() */
function alloc_apic_access_page(kvm: struct_kvm): number {
	let ret = 0;

	mutex_lock(kvm.slots_lock);
	out: {
		if (kvm.arch.apic_access_memslot_enabled)
			break out;
		const hva = __x86_set_memory_region(kvm, APIC_ACCESS_PAGE_PRIVATE_MEMSLOT,
			APIC_DEFAULT_PHYS_BASE as gpa_t, PAGE_SIZE);
		if (IS_ERR(hva)) {
			ret = PTR_ERR(hva);
			break out;
		}

		const page = gfn_to_page(kvm, gfn_t(APIC_DEFAULT_PHYS_BASE / PAGE_SIZE));
		if (IS_ERR(page)) {
			ret = -EFAULT;
			break out;
		}

		/* not pinned: it may be migrated, and is looked up again then */
		put_page(page);
		kvm.arch.apic_access_memslot_enabled = true;
	}
	mutex_unlock(kvm.slots_lock);
	return ret;
}

/** 0 if there is none left. */
export function allocate_vpid(): number {
	if (!enable_vpid)
		return 0;
	spin_lock(vmx_vpid_lock);
	let vpid = find_first_zero_bit(vmx_vpid_bitmap, VMX_NR_VPIDS);
	if (vpid < VMX_NR_VPIDS)
		set_bit(vpid, vmx_vpid_bitmap);
	else
		vpid = 0;
	spin_unlock(vmx_vpid_lock);
	return vpid;
}

export function free_vpid(vpid: number): void {
	if (!enable_vpid || vpid === 0)
		return;
	spin_lock(vmx_vpid_lock);
	clear_bit(vpid, vmx_vpid_bitmap);
	spin_unlock(vmx_vpid_lock);
}

export function vmx_disable_intercept_for_msr(vcpu: struct_kvm_vcpu, msr: number,
	type: number): void {
	const vmx = to_vmx(vcpu);
	const msr_bitmap = vmx.vmcs01.msr_bitmap;

	if (!cpu_has_vmx_msr_bitmap() || msr_bitmap === null)
		return;

	/* what is wanted, for when the filter changes */
	if (is_valid_passthrough_msr(msr)) {
		const idx = possible_passthrough_msr_slot(msr);

		if (idx !== -ENOENT) {
			if ((type & MSR_TYPE_R) !== 0)
				clear_bit(idx, vmx.shadow_msr_intercept.read);
			if ((type & MSR_TYPE_W) !== 0)
				clear_bit(idx, vmx.shadow_msr_intercept.write);
		}
	}

	if ((type & MSR_TYPE_R) !== 0 && !kvm_msr_allowed(vcpu, msr, KVM_MSR_FILTER_READ)) {
		vmx_set_msr_bitmap_read(msr_bitmap, msr);
		type &= ~MSR_TYPE_R;
	}

	if ((type & MSR_TYPE_W) !== 0 && !kvm_msr_allowed(vcpu, msr, KVM_MSR_FILTER_WRITE)) {
		vmx_set_msr_bitmap_write(msr_bitmap, msr);
		type &= ~MSR_TYPE_W;
	}

	if ((type & MSR_TYPE_R) !== 0)
		vmx_clear_msr_bitmap_read(msr_bitmap, msr);

	if ((type & MSR_TYPE_W) !== 0)
		vmx_clear_msr_bitmap_write(msr_bitmap, msr);
}

export function vmx_enable_intercept_for_msr(vcpu: struct_kvm_vcpu, msr: number,
	type: number): void {
	const vmx = to_vmx(vcpu);
	const msr_bitmap = vmx.vmcs01.msr_bitmap;

	if (!cpu_has_vmx_msr_bitmap() || msr_bitmap === null)
		return;

	/* what is wanted, for when the filter changes */
	if (is_valid_passthrough_msr(msr)) {
		const idx = possible_passthrough_msr_slot(msr);

		if (idx !== -ENOENT) {
			if ((type & MSR_TYPE_R) !== 0)
				set_bit(idx, vmx.shadow_msr_intercept.read);
			if ((type & MSR_TYPE_W) !== 0)
				set_bit(idx, vmx.shadow_msr_intercept.write);
		}
	}

	if ((type & MSR_TYPE_R) !== 0)
		vmx_set_msr_bitmap_read(msr_bitmap, msr);

	if ((type & MSR_TYPE_W) !== 0)
		vmx_set_msr_bitmap_write(msr_bitmap, msr);
}

/** MSRs that KVM intercepts stay so, whatever the filter says now. */
function vmx_msr_filter_changed(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	for (let i = 0; i < vmx_possible_passthrough_msrs.length; i++) {
		const msr = vmx_possible_passthrough_msrs[i]!;

		if (!test_bit(i, vmx.shadow_msr_intercept.read))
			vmx_disable_intercept_for_msr(vcpu, msr, MSR_TYPE_R);

		if (!test_bit(i, vmx.shadow_msr_intercept.write))
			vmx_disable_intercept_for_msr(vcpu, msr, MSR_TYPE_W);
	}
}

function vmx_deliver_interrupt(apic: struct_kvm_lapic, _delivery_mode: number, _trig_mode: number,
	vector: number): void {
	const { vcpu } = apic;

	kvm_lapic_set_irr(vector, apic);
	kvm_make_request(KVM_REQ_EVENT, vcpu);
	kvm_vcpu_kick(vcpu);
}

/** Host state that is the same for as long as the guest lives. */
export function vmx_set_constant_host_state(vmx: struct_vcpu_vmx): void {
	const cr0 = read_cr0();
	WARN_ON((cr0 & X86_CR0_TS) !== 0);
	vmcs_writen(HOST_CR0, cr0);  /* 22.2.3 */

	/* most likely the task's, still; otherwise vmx_vcpu_run() corrects it */
	const cr3 = __read_cr3();
	vmcs_writen(HOST_CR3, cr3);		/* 22.2.3 */
	vmx.loaded_vmcs.host_state.cr3 = cr3;

	const cr4 = cr4_read_shadow();
	vmcs_writen(HOST_CR4, cr4);
	vmx.loaded_vmcs.host_state.cr4 = cr4;

	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);  /* 22.2.4 */
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);  /* 22.2.4 */
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);  /* 22.2.4 */

	vmcs_write32(HOST_IA32_SYSENTER_CS, Number(rdmsrl(MSR_IA32_SYSENTER_CS) & 0xffffffffn));

	vmcs_writen(HOST_IA32_SYSENTER_ESP, 0);

	vmcs_writel(HOST_IA32_SYSENTER_EIP, rdmsrl(MSR_IA32_SYSENTER_EIP));   /* 22.2.3 */

	if ((vmcs_config.vmexit_ctrl & VM_EXIT_LOAD_IA32_PAT) !== 0)
		vmcs_write64(HOST_IA32_PAT, rdmsrl(MSR_IA32_CR_PAT));

	if (cpu_has_load_ia32_efer())
		vmcs_writen(HOST_IA32_EFER, Number(host_efer));
}

export function set_cr4_guest_host_mask(vmx: struct_vcpu_vmx): void {
	const { vcpu } = vmx;

	vcpu.arch.cr4_guest_owned_bits = KVM_POSSIBLE_CR4_GUEST_BITS &
		~vcpu.arch.cr4_guest_rsvd_bits;
	vmcs_writen(CR4_GUEST_HOST_MASK, ~vcpu.arch.cr4_guest_owned_bits);
}

function vmx_pin_based_exec_ctrl(_vmx: struct_vcpu_vmx): number {
	let { pin_based_exec_ctrl } = vmcs_config;

	if (!enable_vnmi)
		pin_based_exec_ctrl &= ~PIN_BASED_VIRTUAL_NMIS;

	return pin_based_exec_ctrl;
}

/** EFER is loaded or not by its value. */
function vmx_vmentry_ctrl(): number {
	return vmcs_config.vmentry_ctrl & ~VM_ENTRY_LOAD_IA32_EFER;
}

function vmx_vmexit_ctrl(): number {
	return vmcs_config.vmexit_ctrl & ~VM_EXIT_LOAD_IA32_EFER;
}

/** APICv is never active. */
function vmx_refresh_apicv_exec_ctrl(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	pin_controls_set(vmx, vmx_pin_based_exec_ctrl(vmx));
}

function vmx_exec_control(vmx: struct_vcpu_vmx): number {
	let exec_control = vmcs_config.cpu_based_exec_ctrl;

	if ((vmx.vcpu.arch.switch_db_regs & KVM_DEBUGREG_WONT_EXIT) !== 0)
		exec_control &= ~CPU_BASED_MOV_DR_EXITING;

	if (!cpu_need_tpr_shadow(vmx.vcpu)) {
		exec_control &= ~CPU_BASED_TPR_SHADOW;
		exec_control |= CPU_BASED_CR8_STORE_EXITING |
				CPU_BASED_CR8_LOAD_EXITING;
	}
	if (kvm_mwait_in_guest(vmx.vcpu.kvm))
		exec_control &= ~(CPU_BASED_MWAIT_EXITING |
				CPU_BASED_MONITOR_EXITING);
	if (kvm_hlt_in_guest(vmx.vcpu.kvm))
		exec_control &= ~CPU_BASED_HLT_EXITING;
	return exec_control;
}

/**
 * Clears @control in @exec_control if it would let the guest have what it lacks, or (@exiting) make
 * it exit for what it has.
 */
function vmx_adjust_secondary_exec_control(exec_control: number, control: number,
	enabled: boolean, exiting: boolean): number {
	return enabled === exiting ? exec_control & ~control : exec_control;
}

/** arch/x86/kvm/vmx/vmx.c:vmx_secondary_exec_control() */
function vmx_secondary_exec_control(vmx: struct_vcpu_vmx): number {
	const { vcpu } = vmx;

	let exec_control = vmcs_config.cpu_based_2nd_exec_ctrl;

	if (!cpu_need_virtualize_apic_accesses(vcpu))
		exec_control &= ~SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	if (vmx.vpid === 0)
		exec_control &= ~SECONDARY_EXEC_ENABLE_VPID;

	/* with CR4.UMIP, by vmx_set_cr4() */
	exec_control &= ~SECONDARY_EXEC_DESC;

	/* switched as slots are logged; such a slot may be older than this vCPU */
	if (vcpu.kvm.arch.cpu_dirty_logging_count === 0)
		exec_control &= ~SECONDARY_EXEC_ENABLE_PML;

	if (cpu_has_vmx_xsaves()) {
		/* of no use without XSAVE */
		const xsaves_enabled =
			boot_cpu_has(X86_FEATURE_XSAVE) &&
			guest_cpuid_has(vcpu, X86_FEATURE_XSAVE) &&
			guest_cpuid_has(vcpu, X86_FEATURE_XSAVES);

		vcpu.arch.xsaves_enabled = xsaves_enabled;

		exec_control = vmx_adjust_secondary_exec_control(exec_control,
			SECONDARY_EXEC_XSAVES, xsaves_enabled, false);
	}

	/* one control for two features: with either of them the guest gets both */
	if (cpu_has_vmx_rdtscp()) {
		const rdpid_or_rdtscp_enabled =
			guest_cpuid_has(vcpu, X86_FEATURE_RDTSCP) ||
			guest_cpuid_has(vcpu, X86_FEATURE_RDPID);

		exec_control = vmx_adjust_secondary_exec_control(exec_control,
			SECONDARY_EXEC_ENABLE_RDTSCP, rdpid_or_rdtscp_enabled, false);
	}
	if (cpu_has_vmx_invpcid())
		exec_control = vmx_adjust_secondary_exec_control(exec_control,
			SECONDARY_EXEC_ENABLE_INVPCID,
			guest_cpuid_has(vcpu, X86_FEATURE_INVPCID), false);

	if (cpu_has_vmx_rdrand())
		exec_control = vmx_adjust_secondary_exec_control(exec_control,
			SECONDARY_EXEC_RDRAND_EXITING,
			guest_cpuid_has(vcpu, X86_FEATURE_RDRAND), true);
	if (cpu_has_vmx_rdseed())
		exec_control = vmx_adjust_secondary_exec_control(exec_control,
			SECONDARY_EXEC_RDSEED_EXITING,
			guest_cpuid_has(vcpu, X86_FEATURE_RDSEED), true);

	return exec_control;
}

/** arch/x86/kvm/vmx/vmx.c:init_vmcs() */
function init_vmcs(vmx: struct_vcpu_vmx): void {
	if (cpu_has_vmx_msr_bitmap())
		vmcs_writen(MSR_BITMAP, page_to_phys(vmx.vmcs01.msr_bitmap_page!));

	vmcs_writen(VMCS_LINK_POINTER, -1);

	/* Control */
	pin_controls_set(vmx, vmx_pin_based_exec_ctrl(vmx));

	exec_controls_set(vmx, vmx_exec_control(vmx));

	if (cpu_has_secondary_exec_ctrls())
		secondary_exec_controls_set(vmx, vmx_secondary_exec_control(vmx));

	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);           /* 22.2.1 */

	vmcs_write16(HOST_FS_SELECTOR, 0);            /* 22.2.4 */
	vmcs_write16(HOST_GS_SELECTOR, 0);            /* 22.2.4 */
	vmx_set_constant_host_state(vmx);
	vmcs_writen(HOST_FS_BASE, 0); /* 22.2.4 */
	vmcs_writen(HOST_GS_BASE, 0); /* 22.2.4 */

	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);

	if ((vmcs_config.vmentry_ctrl & VM_ENTRY_LOAD_IA32_PAT) !== 0)
		vmcs_write64(GUEST_IA32_PAT, vmx.vcpu.arch.pat);

	vm_exit_controls_set(vmx, vmx_vmexit_ctrl());

	vm_entry_controls_set(vmx, vmx_vmentry_ctrl());

	vmx.vcpu.arch.cr0_guest_owned_bits = KVM_POSSIBLE_CR0_GUEST_BITS;
	vmcs_writen(CR0_GUEST_HOST_MASK, ~vmx.vcpu.arch.cr0_guest_owned_bits);

	set_cr4_guest_host_mask(vmx);

	if (vmx.vpid !== 0)
		vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx.vpid);

	if (cpu_has_vmx_xsaves())
		vmcs_writen(XSS_EXIT_BITMAP, VMX_XSS_EXIT_BITMAP);

	if (enable_pml) {
		vmcs_writen(PML_ADDRESS, page_to_phys(vmx.pml_pg!));
		vmcs_write16(GUEST_PML_INDEX, PML_ENTITY_NUM - 1);
	}

	vmcs_write32(GUEST_SYSENTER_CS, 0);
	vmcs_writen(GUEST_SYSENTER_ESP, 0);
	vmcs_writen(GUEST_SYSENTER_EIP, 0);
	vmcs_writen(GUEST_IA32_DEBUGCTL, 0);

	if (cpu_has_vmx_tpr_shadow()) {
		vmcs_writen(VIRTUAL_APIC_PAGE_ADDR, 0);
		if (cpu_need_tpr_shadow(vmx.vcpu))
			vmcs_writen(VIRTUAL_APIC_PAGE_ADDR,
				page_to_phys(vmx.vcpu.arch.apic!.regs_page!));
		vmcs_write32(TPR_THRESHOLD, 0);
	}

	vmx_setup_uret_msrs(vmx);
}

const VMX_XSS_EXIT_BITMAP	= 0;

function __vmx_vcpu_reset(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	init_vmcs(vmx);

	vcpu.arch.microcode_version = 0x100000000n;
	vmx.msr_ia32_feature_control_valid_bits = FEAT_CTL_LOCKED;
}

/** arch/x86/kvm/vmx/vmx.c:vmx_vcpu_reset() */
function vmx_vcpu_reset(vcpu: struct_kvm_vcpu, init_event: boolean): void {
	const vmx = to_vmx(vcpu);

	if (!init_event)
		__vmx_vcpu_reset(vcpu);

	vmx.spec_ctrl = 0n;

	kvm_set_cr8(vcpu, 0);

	vmx_segment_cache_clear(vmx);
	kvm_register_mark_available(vcpu, VCPU_EXREG_SEGMENTS);

	seg_setup(VCPU_SREG_CS);
	vmcs_write16(GUEST_CS_SELECTOR, 0xf000);
	vmcs_writen(GUEST_CS_BASE, 0xffff0000);

	seg_setup(VCPU_SREG_DS);
	seg_setup(VCPU_SREG_ES);
	seg_setup(VCPU_SREG_FS);
	seg_setup(VCPU_SREG_GS);
	seg_setup(VCPU_SREG_SS);

	vmcs_write16(GUEST_TR_SELECTOR, 0);
	vmcs_writen(GUEST_TR_BASE, 0);
	vmcs_write32(GUEST_TR_LIMIT, 0xffff);
	vmcs_write32(GUEST_TR_AR_BYTES, 0x008b);

	vmcs_write16(GUEST_LDTR_SELECTOR, 0);
	vmcs_writen(GUEST_LDTR_BASE, 0);
	vmcs_write32(GUEST_LDTR_LIMIT, 0xffff);
	vmcs_write32(GUEST_LDTR_AR_BYTES, 0x00082);

	vmcs_writen(GUEST_GDTR_BASE, 0);
	vmcs_write32(GUEST_GDTR_LIMIT, 0xffff);

	vmcs_writen(GUEST_IDTR_BASE, 0);
	vmcs_write32(GUEST_IDTR_LIMIT, 0xffff);

	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_writen(GUEST_PENDING_DBG_EXCEPTIONS, 0);

	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);  /* 22.2.1 */

	kvm_make_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);

	vpid_sync_context(vmx.vpid);
}

function vmx_enable_irq_window(vcpu: struct_kvm_vcpu): void {
	exec_controls_setbit(to_vmx(vcpu), CPU_BASED_INTR_WINDOW_EXITING);
}

function vmx_enable_nmi_window(vcpu: struct_kvm_vcpu): void {
	if (!enable_vnmi ||
	    (vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI) !== 0) {
		vmx_enable_irq_window(vcpu);
		return;
	}

	exec_controls_setbit(to_vmx(vcpu), CPU_BASED_NMI_WINDOW_EXITING);
}

function vmx_inject_irq(vcpu: struct_kvm_vcpu, reinjected: boolean): void {
	const vmx = to_vmx(vcpu);
	const irq = vcpu.arch.interrupt.nr;

	trace_kvm_inj_virq(irq, vcpu.arch.interrupt.soft, reinjected);

	++vcpu.stat.irq_injections;
	let intr = irq | INTR_INFO_VALID_MASK;
	if (vcpu.arch.interrupt.soft) {
		intr |= INTR_TYPE_SOFT_INTR;
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, vmx.vcpu.arch.event_exit_inst_len);
	} else
		intr |= INTR_TYPE_EXT_INTR;
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, intr);

	vmx_clear_hlt(vcpu);
}

/**
 * Without virtual NMIs the end of a handler shows only as the next window for interrupts: guests
 * have to keep interrupts off for as long as it runs, or NMIs nest.
 */
function vmx_inject_nmi(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (!enable_vnmi) {
		vmx.loaded_vmcs.soft_vnmi_blocked = true;
		vmx.loaded_vmcs.vnmi_blocked_time = 0;
	}

	++vcpu.stat.nmi_injections;
	vmx.loaded_vmcs.nmi_known_unmasked = false;

	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD,
		INTR_TYPE_NMI_INTR | INTR_INFO_VALID_MASK | NMI_VECTOR);

	vmx_clear_hlt(vcpu);
}

export function vmx_get_nmi_mask(vcpu: struct_kvm_vcpu): boolean {
	const vmx = to_vmx(vcpu);

	if (!enable_vnmi)
		return vmx.loaded_vmcs.soft_vnmi_blocked;
	if (vmx.loaded_vmcs.nmi_known_unmasked)
		return false;
	const masked = (vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI) !== 0;
	vmx.loaded_vmcs.nmi_known_unmasked = !masked;
	return masked;
}

export function vmx_set_nmi_mask(vcpu: struct_kvm_vcpu, masked: boolean): void {
	const vmx = to_vmx(vcpu);

	if (!enable_vnmi) {
		if (vmx.loaded_vmcs.soft_vnmi_blocked !== masked) {
			vmx.loaded_vmcs.soft_vnmi_blocked = masked;
			vmx.loaded_vmcs.vnmi_blocked_time = 0;
		}
	} else {
		vmx.loaded_vmcs.nmi_known_unmasked = !masked;
		if (masked)
			vmcs_set_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);
		else
			vmcs_clear_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);
	}
}

export function vmx_nmi_blocked(vcpu: struct_kvm_vcpu): boolean {
	if (!enable_vnmi && to_vmx(vcpu).loaded_vmcs.soft_vnmi_blocked)
		return true;

	return (vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
		(GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_STI |
		 GUEST_INTR_STATE_NMI)) !== 0;
}

function vmx_nmi_allowed(vcpu: struct_kvm_vcpu, _for_injection: boolean): number {
	return vmx_nmi_blocked(vcpu) ? 0 : 1;
}

export function vmx_interrupt_blocked(vcpu: struct_kvm_vcpu): boolean {
	return (vmx_get_rflags(vcpu) & X86_EFLAGS_IF) === 0 ||
		(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
		(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) !== 0;
}

function vmx_interrupt_allowed(vcpu: struct_kvm_vcpu, _for_injection: boolean): number {
	return vmx_interrupt_blocked(vcpu) ? 0 : 1;
}

/** Unrestricted guests do real mode without a TSS of KVM's. */
function vmx_set_tss_addr(_kvm: struct_kvm, _addr: number): number {
	return 0;
}

function vmx_set_identity_map_addr(kvm: struct_kvm, ident_addr: bigint): number {
	to_kvm_vmx(kvm).ept_identity_map_addr = ident_addr;
	return 0;
}

function handle_machine_check(_vcpu: struct_kvm_vcpu): number {
	/* handled by vmx_vcpu_run() */
	return 1;
}

/**
 * #AC is the guest's own, unless the host detects split locks: then only if its CPL, CR0 and flags
 * make it so.
 */
export function vmx_guest_inject_ac(vcpu: struct_kvm_vcpu): boolean {
	if (!boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT))
		return true;

	return vmx_get_cpl(vcpu) === 3 && kvm_read_cr0_bits(vcpu, X86_CR0_AM) !== 0 &&
		(kvm_get_rflags(vcpu) & X86_EFLAGS_AC) !== 0;
}

/** arch/x86/kvm/vmx/vmx.c:handle_exception_nmi() */
function handle_exception_nmi(vcpu: struct_kvm_vcpu): number {
	const vmx = to_vmx(vcpu);
	const kvm_run = vcpu.run;

	const vect_info = vmx.idt_vectoring_info;
	const intr_info = vmx_get_intr_info(vcpu);

	if (is_machine_check(intr_info) || is_nmi(intr_info))
		return 1; /* handled by handle_exception_nmi_irqoff() */

	if (is_nm_fault(intr_info)) {
		kvm_queue_exception(vcpu, NM_VECTOR);
		return 1;
	}

	if (is_invalid_opcode(intr_info))
		return handle_ud(vcpu);

	let error_code = 0;
	if ((intr_info & INTR_INFO_DELIVER_CODE_MASK) !== 0)
		error_code = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);

	/* an event that was being delivered met this: only a page fault can be told to the guest */
	if ((vect_info & VECTORING_INFO_VALID_MASK) !== 0 &&
	    !(is_page_fault(intr_info) && (error_code & PFERR_RSVD_MASK) === 0)) {
		vcpu.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
		vcpu.run.internal.suberror = KVM_INTERNAL_ERROR_SIMUL_EX;
		vcpu.run.internal.ndata = 4;
		vcpu.run.internal.data[0] = BigInt(vect_info);
		vcpu.run.internal.data[1] = BigInt(intr_info);
		vcpu.run.internal.data[2] = BigInt(error_code);
		vcpu.run.internal.data[3] = BigInt(vcpu.arch.last_vmentry_cpu);
		return 0;
	}

	const ex_no = intr_info & INTR_INFO_VECTOR_MASK;

	switch (ex_no) {
	case DB_VECTOR: {
		const dr6 = BigInt(vmx_get_exit_qual(vcpu));
		if ((vcpu.guest_debug &
		      (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) === 0) {
			/*
			 * INT1 exits as an instruction though it traps: it has to be stepped over.
			 * For any other #DB, entry insists on a pending single step where TF is
			 * set and STI or MOV SS blocks, and this exit alone does not leave it in
			 * the VMCS.
			 */
			if (is_icebp(intr_info))
				WARN_ON(skip_emulated_instruction(vcpu) === 0);
			else if ((vmx_get_rflags(vcpu) & X86_EFLAGS_TF) !== 0 &&
				 (vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
				  (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) !== 0)
				vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS,
					vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS) | DR6_BS);

			kvm_queue_exception_p(vcpu, DB_VECTOR, dr6);
			return 1;
		}
		kvm_run.debug.arch.dr6 = dr6 | DR6_ACTIVE_LOW;
		kvm_run.debug.arch.dr7 = vmcs_readl(GUEST_DR7);
	}
	/* fallthrough */
	case BP_VECTOR:
		/* a #BP may be injected again by user space; #DB has no use for it */
		vmx.vcpu.arch.event_exit_inst_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		kvm_run.exit_reason = KVM_EXIT_DEBUG;
		kvm_run.debug.arch.pc = kvm_get_linear_rip(vcpu);
		kvm_run.debug.arch.exception = ex_no;
		break;
	case AC_VECTOR:
		if (vmx_guest_inject_ac(vcpu)) {
			kvm_queue_exception_e(vcpu, AC_VECTOR, error_code);
			return 1;
		}
	/* fallthrough */
	default:
		kvm_run.exit_reason = KVM_EXIT_EXCEPTION;
		kvm_run.ex.exception = ex_no;
		kvm_run.ex.error_code = error_code;
		break;
	}
	return 0;
}

function handle_external_interrupt(vcpu: struct_kvm_vcpu): number {
	++vcpu.stat.irq_exits;
	return 1;
}

function handle_triple_fault(vcpu: struct_kvm_vcpu): number {
	vcpu.run.exit_reason = KVM_EXIT_SHUTDOWN;
	vcpu.mmio_needed = 0;
	return 0;
}

function handle_io(vcpu: struct_kvm_vcpu): number {
	const exit_qualification = vmx_get_exit_qual(vcpu);
	const string = (exit_qualification & 16) !== 0;

	++vcpu.stat.io_exits;

	if (string)
		return kvm_emulate_instruction(vcpu, 0);

	const port = exit_qualification >>> 16;
	const size = (exit_qualification & 7) + 1;
	const in_ = (exit_qualification & 8) !== 0;

	return kvm_fast_pio(vcpu, size, port, in_);
}

function vmx_patch_hypercall(_vcpu: struct_kvm_vcpu, hypercall: Uint8Array): void {
	/* VMCALL */
	hypercall[0] = 0x0f;
	hypercall[1] = 0x01;
	hypercall[2] = 0xc1;
}

function handle_set_cr0(vcpu: struct_kvm_vcpu, val: bigint): number {
	return kvm_set_cr0(vcpu, Number(val));
}

function handle_set_cr4(vcpu: struct_kvm_vcpu, val: bigint): number {
	return kvm_set_cr4(vcpu, Number(val));
}

function handle_desc(vcpu: struct_kvm_vcpu): number {
	WARN_ON((vcpu.arch.cr4 & X86_CR4_UMIP) === 0);
	return kvm_emulate_instruction(vcpu, 0);
}

/** arch/x86/kvm/vmx/vmx.c:handle_cr() */
function handle_cr(vcpu: struct_kvm_vcpu): number {
	let val: bigint;
	let err: number;

	const exit_qualification = vmx_get_exit_qual(vcpu);
	const cr = exit_qualification & 15;
	const reg = (exit_qualification >> 8) & 15;
	switch ((exit_qualification >> 4) & 3) {
	case 0: /* mov to cr */
		val = kvm_register_read(vcpu, reg);
		trace_kvm_cr_write(cr, val);
		switch (cr) {
		case 0:
			err = handle_set_cr0(vcpu, val);
			return kvm_complete_insn_gp(vcpu, err);
		case 3:
			WARN_ON_ONCE(enable_unrestricted_guest);

			err = kvm_set_cr3(vcpu, Number(val));
			return kvm_complete_insn_gp(vcpu, err);
		case 4:
			err = handle_set_cr4(vcpu, val);
			return kvm_complete_insn_gp(vcpu, err);
		case 8: {
			const cr8_prev = kvm_get_cr8(vcpu);
			const cr8 = Number(val & 0xffn);
			err = kvm_set_cr8(vcpu, cr8);
			const ret = kvm_complete_insn_gp(vcpu, err);
			if (lapic_in_kernel(vcpu))
				return ret;
			if (cr8_prev <= cr8)
				return ret;
			vcpu.run.exit_reason = KVM_EXIT_SET_TPR;
			return 0;
		}
		}
		break;
	case 2: /* clts */
		KVM_BUG(true, vcpu.kvm, "Guest always owns CR0.TS");
		return -EIO;
	case 1: /*mov from cr*/
		switch (cr) {
		case 3:
			WARN_ON_ONCE(enable_unrestricted_guest);

			val = BigInt(kvm_read_cr3(vcpu));
			kvm_register_write(vcpu, reg, val);
			trace_kvm_cr_read(cr, val);
			return kvm_skip_emulated_instruction(vcpu);
		case 8:
			val = BigInt(kvm_get_cr8(vcpu));
			kvm_register_write(vcpu, reg, val);
			trace_kvm_cr_read(cr, val);
			return kvm_skip_emulated_instruction(vcpu);
		}
		break;
	case 3: { /* lmsw */
		const msw = (exit_qualification >> LMSW_SOURCE_DATA_SHIFT) & 0x0f;
		trace_kvm_cr_write(0, ((kvm_read_cr0(vcpu) & ~0xf) | msw) >>> 0);
		kvm_lmsw(vcpu, msw);

		return kvm_skip_emulated_instruction(vcpu);
	}
	default:
		break;
	}
	vcpu.run.exit_reason = 0;
	vcpu_unimpl(vcpu, "unhandled control register: op %d cr %d\n",
		(exit_qualification >> 4) & 3, cr);
	return 0;
}

/** arch/x86/kvm/vmx/vmx.c:handle_dr() */
function handle_dr(vcpu: struct_kvm_vcpu): number {
	let err = 1;

	const exit_qualification = vmx_get_exit_qual(vcpu);
	const dr = exit_qualification & DEBUG_REG_ACCESS_NUM;

	/* #UD comes before all else */
	if (!kvm_require_dr(vcpu, dr))
		return 1;

	out: {
		if (vmx_get_cpl(vcpu) > 0)
			break out;

		const dr7 = vmcs_readl(GUEST_DR7);
		if ((dr7 & DR7_GD) !== 0n) {
			/* the exit came first: the debug trap is for us to make */
			if ((vcpu.guest_debug & KVM_GUESTDBG_USE_HW_BP) !== 0) {
				vcpu.run.debug.arch.dr6 = DR6_BD | DR6_ACTIVE_LOW;
				vcpu.run.debug.arch.dr7 = dr7;
				vcpu.run.debug.arch.pc = kvm_get_linear_rip(vcpu);
				vcpu.run.debug.arch.exception = DB_VECTOR;
				vcpu.run.exit_reason = KVM_EXIT_DEBUG;
				return 0;
			} else {
				kvm_queue_exception_p(vcpu, DB_VECTOR, DR6_BD);
				return 1;
			}
		}

		if (vcpu.guest_debug === 0) {
			exec_controls_clearbit(to_vmx(vcpu), CPU_BASED_MOV_DR_EXITING);

			/*
			 * No more such exits: the registers are loaded and the instruction runs
			 * again. The next exit fetches them all.
			 */
			vcpu.arch.switch_db_regs |= KVM_DEBUGREG_WONT_EXIT;
			return 1;
		}

		const reg = DEBUG_REG_ACCESS_REG(exit_qualification);
		if ((exit_qualification & TYPE_MOV_FROM_DR) !== 0) {
			const val = new ref(0n);

			kvm_get_dr(vcpu, dr, val);
			kvm_register_write(vcpu, reg, val.v);
			err = 0;
		} else {
			err = kvm_set_dr(vcpu, dr, kvm_register_read(vcpu, reg));
		}
	}

	return kvm_complete_insn_gp(vcpu, err);
}

function vmx_sync_dirty_debug_regs(vcpu: struct_kvm_vcpu): void {
	const { dr } = vcpu.arch.guest!;

	vcpu.arch.db[0] = dr[0]!;
	vcpu.arch.db[1] = dr[1]!;
	vcpu.arch.db[2] = dr[2]!;
	vcpu.arch.db[3] = dr[3]!;
	vcpu.arch.dr6 = dr[6]!;
	vcpu.arch.dr7 = vmcs_readl(GUEST_DR7);

	vcpu.arch.switch_db_regs &= ~KVM_DEBUGREG_WONT_EXIT;
	exec_controls_setbit(to_vmx(vcpu), CPU_BASED_MOV_DR_EXITING);
}

function vmx_set_dr7(_vcpu: struct_kvm_vcpu, val: bigint): void {
	vmcs_writel(GUEST_DR7, val);
}

function handle_tpr_below_threshold(vcpu: struct_kvm_vcpu): number {
	kvm_apic_update_ppr(vcpu);
	return 1;
}

function handle_interrupt_window(vcpu: struct_kvm_vcpu): number {
	exec_controls_clearbit(to_vmx(vcpu), CPU_BASED_INTR_WINDOW_EXITING);

	kvm_make_request(KVM_REQ_EVENT, vcpu);

	++vcpu.stat.irq_window_exits;
	return 1;
}

function handle_invlpg(vcpu: struct_kvm_vcpu): number {
	const exit_qualification = vmcs_readl(EXIT_QUALIFICATION);

	kvm_mmu_invlpg(vcpu, gva_t(Number(BigInt.asIntN(64, exit_qualification))));
	return kvm_skip_emulated_instruction(vcpu);
}

function handle_apic_access(vcpu: struct_kvm_vcpu): number {
	if (fasteoi) {
		const exit_qualification = vmx_get_exit_qual(vcpu);

		const access_type = exit_qualification & APIC_ACCESS_TYPE;
		const offset = exit_qualification & APIC_ACCESS_OFFSET;
		/* guests write EOI with MOV, and any value will do: nothing to be emulated */
		if (access_type === TYPE_LINEAR_APIC_INST_WRITE && offset === APIC_EOI) {
			kvm_lapic_set_eoi(vcpu);
			return kvm_skip_emulated_instruction(vcpu);
		}
	}
	return kvm_emulate_instruction(vcpu, 0);
}

/** arch/x86/kvm/vmx/vmx.c:handle_ept_violation() */
function handle_ept_violation(vcpu: struct_kvm_vcpu): number {
	const exit_qualification = vmx_get_exit_qual(vcpu);

	/*
	 * An IRET from an NMI that meets the violation has unblocked NMIs already: it is to run
	 * again with them blocked. Some CPUs do not say so.
	 */
	if ((to_vmx(vcpu).idt_vectoring_info & VECTORING_INFO_VALID_MASK) === 0 &&
			enable_vnmi &&
			(exit_qualification & INTR_INFO_UNBLOCK_NMI) !== 0)
		vmcs_set_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);

	const gpa = vmcs_readn(GUEST_PHYSICAL_ADDRESS) as gpa_t;
	trace_kvm_page_fault(gpa, exit_qualification);

	let error_code = (exit_qualification & EPT_VIOLATION_ACC_READ) !== 0 ?
		PFERR_USER_MASK : 0;
	error_code |= (exit_qualification & EPT_VIOLATION_ACC_WRITE) !== 0 ?
		PFERR_WRITE_MASK : 0;
	error_code |= (exit_qualification & EPT_VIOLATION_ACC_INSTR) !== 0 ?
		PFERR_FETCH_MASK : 0;
	/* any right at all: the entry is there */
	error_code |= (exit_qualification & EPT_VIOLATION_RWX_MASK) !== 0 ?
		PFERR_PRESENT_MASK : 0;

	error_code += (exit_qualification & EPT_VIOLATION_GVA_TRANSLATED) !== 0 ?
		PFERR_GUEST_FINAL_MASK : PFERR_GUEST_PAGE_MASK;

	vcpu.arch.exit_qualification = exit_qualification;

	return kvm_mmu_page_fault(vcpu, gpa, error_code, null, 0);
}

const no_bytes = new Uint8Array(0);

function handle_ept_misconfig(vcpu: struct_kvm_vcpu): number {
	if (!vmx_can_emulate_instruction(vcpu, EMULTYPE_PF, null, 0))
		return 1;

	const gpa = vmcs_readn(GUEST_PHYSICAL_ADDRESS) as gpa_t;
	if (kvm_io_bus_write(vcpu, KVM_FAST_MMIO_BUS, gpa, 0, no_bytes) === 0) {
		trace_kvm_fast_mmio(gpa);
		return kvm_skip_emulated_instruction(vcpu);
	}

	return kvm_mmu_page_fault(vcpu, gpa, PFERR_RSVD_MASK, null, 0);
}

function handle_nmi_window(vcpu: struct_kvm_vcpu): number {
	if (KVM_BUG_ON(!enable_vnmi, vcpu.kvm))
		return -EIO;

	exec_controls_clearbit(to_vmx(vcpu), CPU_BASED_NMI_WINDOW_EXITING);
	++vcpu.stat.nmi_window_exits;
	kvm_make_request(KVM_REQ_EVENT, vcpu);

	return 1;
}

function vmx_emulation_required_with_pending_exception(vcpu: struct_kvm_vcpu): boolean {
	const vmx = to_vmx(vcpu);

	return vmx.emulation_required &&
		(vcpu.arch.exception.pending || vcpu.arch.exception.injected);
}

function vmx_vcpu_pre_run(vcpu: struct_kvm_vcpu): number {
	if (vmx_emulation_required_with_pending_exception(vcpu)) {
		kvm_prepare_emulation_failure_exit(vcpu);
		return 0;
	}

	return 1;
}

function handle_pml_full(vcpu: struct_kvm_vcpu): number {
	trace_kvm_pml_full(vcpu.vcpu_id);

	const exit_qualification = vmx_get_exit_qual(vcpu);

	/* as in handle_ept_violation() */
	if ((to_vmx(vcpu).idt_vectoring_info & VECTORING_INFO_VALID_MASK) === 0 &&
			enable_vnmi &&
			(exit_qualification & INTR_INFO_UNBLOCK_NMI) !== 0)
		vmcs_set_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);

	/* the buffer was emptied as after any exit */
	return 1;
}

/** Guests have no VMX. */
function handle_vmx_instruction(vcpu: struct_kvm_vcpu): number {
	kvm_queue_exception(vcpu, UD_VECTOR);
	return 1;
}

type exit_handler = (vcpu: struct_kvm_vcpu) => number;

function exit_handlers(by_reason: Record<number, exit_handler>): (exit_handler | null)[] {
	const handlers = new Array<exit_handler | null>(EXIT_REASON_NOTIFY + 1).fill(null);

	for (const [reason, handler] of Object.entries(by_reason))
		handlers[Number(reason)] = handler;
	return handlers;
}

/** 1: handled, the guest may go on. 0: kvm_run says what user space has to do. */
const kvm_vmx_exit_handlers = exit_handlers({
	[EXIT_REASON_EXCEPTION_NMI]:		handle_exception_nmi,
	[EXIT_REASON_EXTERNAL_INTERRUPT]:	handle_external_interrupt,
	[EXIT_REASON_TRIPLE_FAULT]:		handle_triple_fault,
	[EXIT_REASON_NMI_WINDOW]:		handle_nmi_window,
	[EXIT_REASON_IO_INSTRUCTION]:		handle_io,
	[EXIT_REASON_CR_ACCESS]:		handle_cr,
	[EXIT_REASON_DR_ACCESS]:		handle_dr,
	[EXIT_REASON_CPUID]:			kvm_emulate_cpuid,
	[EXIT_REASON_MSR_READ]:			kvm_emulate_rdmsr,
	[EXIT_REASON_MSR_WRITE]:		kvm_emulate_wrmsr,
	[EXIT_REASON_INTERRUPT_WINDOW]:		handle_interrupt_window,
	[EXIT_REASON_HLT]:			kvm_emulate_halt,
	[EXIT_REASON_INVD]:			kvm_emulate_invd,
	[EXIT_REASON_INVLPG]:			handle_invlpg,
	[EXIT_REASON_VMCALL]:			kvm_emulate_hypercall,
	[EXIT_REASON_VMCLEAR]:			handle_vmx_instruction,
	[EXIT_REASON_VMLAUNCH]:			handle_vmx_instruction,
	[EXIT_REASON_VMPTRLD]:			handle_vmx_instruction,
	[EXIT_REASON_VMPTRST]:			handle_vmx_instruction,
	[EXIT_REASON_VMREAD]:			handle_vmx_instruction,
	[EXIT_REASON_VMRESUME]:			handle_vmx_instruction,
	[EXIT_REASON_VMWRITE]:			handle_vmx_instruction,
	[EXIT_REASON_VMOFF]:			handle_vmx_instruction,
	[EXIT_REASON_VMON]:			handle_vmx_instruction,
	[EXIT_REASON_TPR_BELOW_THRESHOLD]:	handle_tpr_below_threshold,
	[EXIT_REASON_APIC_ACCESS]:		handle_apic_access,
	[EXIT_REASON_WBINVD]:			kvm_emulate_wbinvd,
	[EXIT_REASON_XSETBV]:			kvm_emulate_xsetbv,
	[EXIT_REASON_MCE_DURING_VMENTRY]:	handle_machine_check,
	[EXIT_REASON_GDTR_IDTR]:		handle_desc,
	[EXIT_REASON_LDTR_TR]:			handle_desc,
	[EXIT_REASON_EPT_VIOLATION]:		handle_ept_violation,
	[EXIT_REASON_EPT_MISCONFIG]:		handle_ept_misconfig,
	[EXIT_REASON_MWAIT_INSTRUCTION]:	kvm_emulate_mwait,
	[EXIT_REASON_MONITOR_INSTRUCTION]:	kvm_emulate_monitor,
	[EXIT_REASON_INVEPT]:			handle_vmx_instruction,
	[EXIT_REASON_INVVPID]:			handle_vmx_instruction,
	[EXIT_REASON_RDRAND]:			kvm_handle_invalid_op,
	[EXIT_REASON_RDSEED]:			kvm_handle_invalid_op,
	[EXIT_REASON_PML_FULL]:			handle_pml_full,
	[EXIT_REASON_VMFUNC]:			handle_vmx_instruction,
});

const kvm_vmx_max_exit_handlers = kvm_vmx_exit_handlers.length;

function vmx_get_exit_info(vcpu: struct_kvm_vcpu, reason: ref<number>, info1: ref<bigint>,
	info2: ref<bigint>, intr_info: ref<number>, error_code: ref<number>): void {
	const vmx = to_vmx(vcpu);

	reason.v = vmx.exit_reason.full;
	info1.v = BigInt(vmx_get_exit_qual(vcpu));
	if (!vmx.exit_reason.failed_vmentry) {
		info2.v = BigInt(vmx.idt_vectoring_info);
		intr_info.v = vmx_get_intr_info(vcpu);
		if (is_exception_with_error_code(intr_info.v))
			error_code.v = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
		else
			error_code.v = 0;
	} else {
		info2.v = 0n;
		intr_info.v = 0;
		error_code.v = 0;
	}
}

function vmx_destroy_pml_buffer(vmx: struct_vcpu_vmx): void {
	if (vmx.pml_pg !== null) {
		__free_page(vmx.pml_pg);
		vmx.pml_pg = null;
	}
}

/** arch/x86/kvm/vmx/vmx.c:vmx_flush_pml_buffer(): the index is that of the next free entry. */
function vmx_flush_pml_buffer(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	let pml_idx = vmcs_read16(GUEST_PML_INDEX);

	/* filled downwards: nothing logged */
	if (pml_idx === PML_ENTITY_NUM - 1)
		return;

	/* a full buffer has made it wrap */
	if (pml_idx >= PML_ENTITY_NUM)
		pml_idx = 0;
	else
		pml_idx++;

	const pml_buf = pfn_to_ptep(vmx.pml_pg!.pfn);
	for (; pml_idx < PML_ENTITY_NUM; pml_idx++) {
		const lo = mem_lo(pml_buf + pml_idx), hi = mem_hi(pml_buf + pml_idx);

		WARN_ON((lo & (PAGE_SIZE - 1)) !== 0);
		kvm_vcpu_mark_page_dirty(vcpu,
			gfn_t((lo >>> PAGE_SHIFT) + hi * 2 ** (32 - PAGE_SHIFT)));
	}

	/* reset PML index */
	vmcs_write16(GUEST_PML_INDEX, PML_ENTITY_NUM - 1);
}

function vmx_dump_sel(name: string, sel: number): void {
	pr_err("%s sel=0x%04x, attr=0x%05x, limit=0x%08x, base=0x%016lx\n",
		name, vmcs_read16(sel),
		vmcs_read32(sel + GUEST_ES_AR_BYTES - GUEST_ES_SELECTOR),
		vmcs_read32(sel + GUEST_ES_LIMIT - GUEST_ES_SELECTOR),
		vmcs_readl(sel + GUEST_ES_BASE - GUEST_ES_SELECTOR));
}

function vmx_dump_dtsel(name: string, limit: number): void {
	pr_err("%s                           limit=0x%08x, base=0x%016lx\n",
		name, vmcs_read32(limit),
		vmcs_readl(limit + GUEST_GDTR_BASE - GUEST_GDTR_LIMIT));
}

/** arch/x86/kvm/vmx/vmx.c:dump_vmcs(): to the log, what the VMCS of a failed entry holds. */
export function dump_vmcs(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (!dump_invalid_vmcs) {
		pr_warn_ratelimited(
			"set kvm_intel.dump_invalid_vmcs=1 to dump internal KVM state.\n");
		return;
	}

	const vmentry_ctl = vmcs_read32(VM_ENTRY_CONTROLS);
	const vmexit_ctl = vmcs_read32(VM_EXIT_CONTROLS);
	const cpu_based_exec_ctrl = vmcs_read32(CPU_BASED_VM_EXEC_CONTROL);
	const pin_based_exec_ctrl = vmcs_read32(PIN_BASED_VM_EXEC_CONTROL);
	const cr4 = vmcs_readl(GUEST_CR4);

	const secondary_exec_control = cpu_has_secondary_exec_ctrls() ?
		vmcs_read32(SECONDARY_VM_EXEC_CONTROL) : 0;

	pr_err("VMCS %x, last attempted VM-entry on CPU %d\n",
		vmx.loaded_vmcs.vmcs!.pfn, vcpu.arch.last_vmentry_cpu);
	pr_err("*** Guest State ***\n");
	pr_err("CR0: actual=0x%016lx, shadow=0x%016lx, gh_mask=%016lx\n",
		vmcs_readl(GUEST_CR0), vmcs_readl(CR0_READ_SHADOW),
		vmcs_readl(CR0_GUEST_HOST_MASK));
	pr_err("CR4: actual=0x%016lx, shadow=0x%016lx, gh_mask=%016lx\n",
		cr4, vmcs_readl(CR4_READ_SHADOW), vmcs_readl(CR4_GUEST_HOST_MASK));
	pr_err("CR3 = 0x%016lx\n", vmcs_readl(GUEST_CR3));
	if (cpu_has_vmx_ept()) {
		pr_err("PDPTR0 = 0x%016llx  PDPTR1 = 0x%016llx\n",
			vmcs_read64(GUEST_PDPTR0), vmcs_read64(GUEST_PDPTR1));
		pr_err("PDPTR2 = 0x%016llx  PDPTR3 = 0x%016llx\n",
			vmcs_read64(GUEST_PDPTR2), vmcs_read64(GUEST_PDPTR3));
	}
	pr_err("RSP = 0x%016lx  RIP = 0x%016lx\n",
		vmcs_readl(GUEST_RSP), vmcs_readl(GUEST_RIP));
	pr_err("RFLAGS=0x%08lx         DR7 = 0x%016lx\n",
		vmcs_readl(GUEST_RFLAGS), vmcs_readl(GUEST_DR7));
	pr_err("Sysenter RSP=%016lx CS:RIP=%04x:%016lx\n",
		vmcs_readl(GUEST_SYSENTER_ESP),
		vmcs_read32(GUEST_SYSENTER_CS), vmcs_readl(GUEST_SYSENTER_EIP));
	vmx_dump_sel("CS:  ", GUEST_CS_SELECTOR);
	vmx_dump_sel("DS:  ", GUEST_DS_SELECTOR);
	vmx_dump_sel("SS:  ", GUEST_SS_SELECTOR);
	vmx_dump_sel("ES:  ", GUEST_ES_SELECTOR);
	vmx_dump_sel("FS:  ", GUEST_FS_SELECTOR);
	vmx_dump_sel("GS:  ", GUEST_GS_SELECTOR);
	vmx_dump_dtsel("GDTR:", GUEST_GDTR_LIMIT);
	vmx_dump_sel("LDTR:", GUEST_LDTR_SELECTOR);
	vmx_dump_dtsel("IDTR:", GUEST_IDTR_LIMIT);
	vmx_dump_sel("TR:  ", GUEST_TR_SELECTOR);
	if ((vmentry_ctl & VM_ENTRY_LOAD_IA32_EFER) !== 0)
		pr_err("EFER= 0x%016llx\n", vmcs_read64(GUEST_IA32_EFER));
	else if ((vmentry_ctl & VM_ENTRY_IA32E_MODE) !== 0)
		pr_err("EFER= 0x%016llx (effective)\n",
			vcpu.arch.efer | (EFER_LMA | EFER_LME));
	else
		pr_err("EFER= 0x%016llx (effective)\n",
			vcpu.arch.efer & ~(EFER_LMA | EFER_LME));
	if ((vmentry_ctl & VM_ENTRY_LOAD_IA32_PAT) !== 0)
		pr_err("PAT = 0x%016llx\n", vmcs_read64(GUEST_IA32_PAT));
	pr_err("DebugCtl = 0x%016llx  DebugExceptions = 0x%016lx\n",
		vmcs_read64(GUEST_IA32_DEBUGCTL),
		vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS));
	pr_err("Interruptibility = %08x  ActivityState = %08x\n",
		vmcs_read32(GUEST_INTERRUPTIBILITY_INFO),
		vmcs_read32(GUEST_ACTIVITY_STATE));

	pr_err("*** Host State ***\n");
	pr_err("RIP = 0x%016lx  RSP = 0x%016lx\n",
		vmcs_readl(HOST_RIP), vmcs_readl(HOST_RSP));
	pr_err("CS=%04x SS=%04x DS=%04x ES=%04x FS=%04x GS=%04x TR=%04x\n",
		vmcs_read16(HOST_CS_SELECTOR), vmcs_read16(HOST_SS_SELECTOR),
		vmcs_read16(HOST_DS_SELECTOR), vmcs_read16(HOST_ES_SELECTOR),
		vmcs_read16(HOST_FS_SELECTOR), vmcs_read16(HOST_GS_SELECTOR),
		vmcs_read16(HOST_TR_SELECTOR));
	pr_err("FSBase=%016lx GSBase=%016lx TRBase=%016lx\n",
		vmcs_readl(HOST_FS_BASE), vmcs_readl(HOST_GS_BASE),
		vmcs_readl(HOST_TR_BASE));
	pr_err("GDTBase=%016lx IDTBase=%016lx\n",
		vmcs_readl(HOST_GDTR_BASE), vmcs_readl(HOST_IDTR_BASE));
	pr_err("CR0=%016lx CR3=%016lx CR4=%016lx\n",
		vmcs_readl(HOST_CR0), vmcs_readl(HOST_CR3),
		vmcs_readl(HOST_CR4));
	pr_err("Sysenter RSP=%016lx CS:RIP=%04x:%016lx\n",
		vmcs_readl(HOST_IA32_SYSENTER_ESP),
		vmcs_read32(HOST_IA32_SYSENTER_CS),
		vmcs_readl(HOST_IA32_SYSENTER_EIP));
	if ((vmexit_ctl & VM_EXIT_LOAD_IA32_EFER) !== 0)
		pr_err("EFER= 0x%016llx\n", vmcs_read64(HOST_IA32_EFER));
	if ((vmexit_ctl & VM_EXIT_LOAD_IA32_PAT) !== 0)
		pr_err("PAT = 0x%016llx\n", vmcs_read64(HOST_IA32_PAT));

	pr_err("*** Control State ***\n");
	pr_err("CPUBased=0x%08x SecondaryExec=0x%08x TertiaryExec=0x%016llx\n",
		cpu_based_exec_ctrl, secondary_exec_control, 0);
	pr_err("PinBased=0x%08x EntryControls=%08x ExitControls=%08x\n",
		pin_based_exec_ctrl, vmentry_ctl, vmexit_ctl);
	pr_err("ExceptionBitmap=%08x PFECmask=%08x PFECmatch=%08x\n",
		vmcs_read32(EXCEPTION_BITMAP),
		vmcs_read32(PAGE_FAULT_ERROR_CODE_MASK),
		vmcs_read32(PAGE_FAULT_ERROR_CODE_MATCH));
	pr_err("VMEntry: intr_info=%08x errcode=%08x ilen=%08x\n",
		vmcs_read32(VM_ENTRY_INTR_INFO_FIELD),
		vmcs_read32(VM_ENTRY_EXCEPTION_ERROR_CODE),
		vmcs_read32(VM_ENTRY_INSTRUCTION_LEN));
	pr_err("VMExit: intr_info=%08x errcode=%08x ilen=%08x\n",
		vmcs_read32(VM_EXIT_INTR_INFO),
		vmcs_read32(VM_EXIT_INTR_ERROR_CODE),
		vmcs_read32(VM_EXIT_INSTRUCTION_LEN));
	pr_err("        reason=%08x qualification=%016lx\n",
		vmcs_read32(VM_EXIT_REASON), vmcs_readl(EXIT_QUALIFICATION));
	pr_err("IDTVectoring: info=%08x errcode=%08x\n",
		vmcs_read32(IDT_VECTORING_INFO_FIELD),
		vmcs_read32(IDT_VECTORING_ERROR_CODE));
	pr_err("TSC Offset = 0x%016llx\n", vmcs_read64(TSC_OFFSET));
	if ((secondary_exec_control & SECONDARY_EXEC_TSC_SCALING) !== 0)
		pr_err("TSC Multiplier = 0x%016llx\n",
			vmcs_read64(TSC_MULTIPLIER));
	if ((cpu_based_exec_ctrl & CPU_BASED_TPR_SHADOW) !== 0) {
		pr_cont("TPR Threshold = 0x%02x\n", vmcs_read32(TPR_THRESHOLD));
		if ((secondary_exec_control & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) !== 0)
			pr_err("APIC-access addr = 0x%016llx ", vmcs_read64(APIC_ACCESS_ADDR));
		pr_cont("virt-APIC addr = 0x%016llx\n", vmcs_read64(VIRTUAL_APIC_PAGE_ADDR));
	}
	if ((secondary_exec_control & SECONDARY_EXEC_ENABLE_EPT) !== 0)
		pr_err("EPT pointer = 0x%016llx\n", vmcs_read64(EPT_POINTER));
	if ((secondary_exec_control & SECONDARY_EXEC_ENABLE_VPID) !== 0)
		pr_err("Virtual processor ID = 0x%04x\n",
			vmcs_read16(VIRTUAL_PROCESSOR_ID));
}

/* Rare ends of __vmx_handle_exit(), apart, so that V8 inlines that. */
function vmx_fail_entry(vcpu: struct_kvm_vcpu, vm_fail: boolean): number {
	dump_vmcs(vcpu);
	vcpu.run.exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu.run.fail_entry.hardware_entry_failure_reason
		= BigInt(vm_fail ? vmcs_read32(VM_INSTRUCTION_ERROR) :
			to_vmx(vcpu).exit_reason.full);
	vcpu.run.fail_entry.cpu = vcpu.arch.last_vmentry_cpu;
	return 0;
}

function vmx_delivery_failed(vcpu: struct_kvm_vcpu, vectoring_info: number): number {
	const { exit_reason } = to_vmx(vcpu);
	let ndata = 3;

	vcpu.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu.run.internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	vcpu.run.internal.data[0] = BigInt(vectoring_info);
	vcpu.run.internal.data[1] = BigInt(exit_reason.full);
	vcpu.run.internal.data[2] = BigInt(vcpu.arch.exit_qualification);
	if (exit_reason.basic === EXIT_REASON_EPT_MISCONFIG) {
		vcpu.run.internal.data[ndata++] =
			vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	}
	vcpu.run.internal.data[ndata++] = BigInt(vcpu.arch.last_vmentry_cpu);
	vcpu.run.internal.ndata = ndata;
	return 0;
}

function vmx_soft_vnmi_unblock(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (!vmx_interrupt_blocked(vcpu)) {
		vmx.loaded_vmcs.soft_vnmi_blocked = false;
	} else if (vmx.loaded_vmcs.vnmi_blocked_time > 1000000000 &&
		   vcpu.arch.nmi_pending !== 0) {
		/* without virtual NMIs nothing would tell the end: give it a second */
		printk(KERN_WARNING + "%s: Breaking out of NMI-blocked " +
			"state on VCPU %d after 1 s timeout\n",
			"__vmx_handle_exit", vcpu.vcpu_id);
		vmx.loaded_vmcs.soft_vnmi_blocked = false;
	}
}

function vmx_unexpected_exit(vcpu: struct_kvm_vcpu): number {
	const { exit_reason } = to_vmx(vcpu);

	vcpu_unimpl(vcpu, "vmx: unexpected exit reason 0x%x\n",
		exit_reason.full);
	dump_vmcs(vcpu);
	vcpu.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu.run.internal.suberror =
			KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	vcpu.run.internal.ndata = 2;
	vcpu.run.internal.data[0] = BigInt(exit_reason.full);
	vcpu.run.internal.data[1] = BigInt(vcpu.arch.last_vmentry_cpu);
	return 0;
}

/** arch/x86/kvm/vmx/vmx.c:__vmx_handle_exit() */
function __vmx_handle_exit(vcpu: struct_kvm_vcpu, exit_fastpath: fastpath_t): number {
	const vmx = to_vmx(vcpu);
	const { exit_reason } = vmx;
	const vectoring_info = vmx.idt_vectoring_info;

	/*
	 * After every exit, so that the dirty bitmap is never behind a vCPU that is out of the
	 * guest: who reads the log need only kick them all.
	 */
	if (enable_pml)
		vmx_flush_pml_buffer(vcpu);

	if (exit_reason.failed_vmentry)
		return vmx_fail_entry(vcpu, false);

	if (vmx.fail !== 0)
		return vmx_fail_entry(vcpu, true);

	/*
	 * Delivering an event met what cannot be mended: MMIO, where a misconfiguration would only
	 * come again and again.
	 */
	if ((vectoring_info & VECTORING_INFO_VALID_MASK) !== 0 &&
	    (exit_reason.basic !== EXIT_REASON_EXCEPTION_NMI &&
	     exit_reason.basic !== EXIT_REASON_EPT_VIOLATION &&
	     exit_reason.basic !== EXIT_REASON_PML_FULL &&
	     exit_reason.basic !== EXIT_REASON_APIC_ACCESS &&
	     exit_reason.basic !== EXIT_REASON_TASK_SWITCH &&
	     exit_reason.basic !== EXIT_REASON_NOTIFY))
		return vmx_delivery_failed(vcpu, vectoring_info);

	if (!enable_vnmi && vmx.loaded_vmcs.soft_vnmi_blocked)
		vmx_soft_vnmi_unblock(vcpu);

	if (exit_fastpath !== EXIT_FASTPATH_NONE)
		return 1;

	unexpected_vmexit: {
		if (exit_reason.basic >= kvm_vmx_max_exit_handlers)
			break unexpected_vmexit;

		const handler = kvm_vmx_exit_handlers[exit_reason.basic]!;
		if (handler === null)
			break unexpected_vmexit;

		return handler(vcpu);
	}

	return vmx_unexpected_exit(vcpu);
}

function vmx_handle_exit(vcpu: struct_kvm_vcpu, exit_fastpath: fastpath_t): number {
	const ret = __vmx_handle_exit(vcpu, exit_fastpath);

	/* to user space, which is to know of the bus lock */
	if (to_vmx(vcpu).exit_reason.bus_lock_detected) {
		if (ret > 0)
			vcpu.run.exit_reason = KVM_EXIT_X86_BUS_LOCK;

		vcpu.run.flags |= KVM_RUN_X86_BUS_LOCK;
		return 0;
	}
	return ret;
}

function vmx_update_cr8_intercept(_vcpu: struct_kvm_vcpu, tpr: number, irr: number): void {
	const tpr_threshold = irr === -1 || tpr < irr ? 0 : irr;

	vmcs_write32(TPR_THRESHOLD, tpr_threshold);
}

/** arch/x86/kvm/vmx/vmx.c:vmx_set_virtual_apic_mode() */
export function vmx_set_virtual_apic_mode(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (!lapic_in_kernel(vcpu))
		return;

	if (!flexpriority_enabled)
		return;

	let sec_exec_control = secondary_exec_controls_get(vmx);
	sec_exec_control &= ~SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;

	switch (kvm_get_apic_mode(vcpu)) {
	case LAPIC_MODE_INVALID:
		WARN_ONCE(true, "Invalid local APIC state");
		break;
	case LAPIC_MODE_DISABLED:
		break;
	case LAPIC_MODE_XAPIC:
		if (flexpriority_enabled) {
			sec_exec_control |=
				SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
			kvm_make_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);

			/*
			 * While the page was off the guest may have had something else mapped
			 * there. The reload alone would flush only if the page has moved.
			 */
			kvm_make_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
		}
		break;
	case LAPIC_MODE_X2APIC:
		break;
	}
	secondary_exec_controls_set(vmx, sec_exec_control);
}

function vmx_set_apic_access_page_addr(vcpu: struct_kvm_vcpu): void {
	if ((secondary_exec_controls_get(to_vmx(vcpu)) &
	     SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) === 0)
		return;

	const page = gfn_to_page(vcpu.kvm, gfn_t(APIC_DEFAULT_PHYS_BASE / PAGE_SIZE));
	if (IS_ERR(page))
		return;

	vmcs_writen(APIC_ACCESS_ADDR, page_to_phys(page));
	vmx_flush_tlb_current(vcpu);

	/* not pinned: when it goes, the MMU notifier has this called again */
	put_page(page);
}

/** C calls the handler through the IDT. Here it has run already, when it made the guest exit. */
function handle_interrupt_nmi_irqoff(vcpu: struct_kvm_vcpu): void {
	kvm_before_interrupt(vcpu, KVM_HANDLING_IRQ);
	kvm_after_interrupt(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c:handle_exception_nmi_irqoff() */
function handle_exception_nmi_irqoff(vmx: struct_vcpu_vmx): void {
	const intr_info = vmx_get_intr_info(vmx.vcpu);

	if (is_machine_check(intr_info))
		kvm_machine_check();
	else if (is_nmi(intr_info))
		handle_interrupt_nmi_irqoff(vmx.vcpu);
}

function handle_external_interrupt_irqoff(vcpu: struct_kvm_vcpu): void {
	const intr_info = vmx_get_intr_info(vcpu);

	if (KVM_BUG(!is_external_intr(intr_info), vcpu.kvm,
		"KVM: unexpected VM-Exit interrupt info: 0x%x", intr_info))
		return;

	handle_interrupt_nmi_irqoff(vcpu);
	vcpu.arch.at_instruction_boundary = true;
}

function vmx_handle_exit_irqoff(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (vmx.emulation_required === true)
		return;

	if (vmx.exit_reason.basic === EXIT_REASON_EXTERNAL_INTERRUPT)
		handle_external_interrupt_irqoff(vcpu);
	else if (vmx.exit_reason.basic === EXIT_REASON_EXCEPTION_NMI)
		handle_exception_nmi_irqoff(vmx);
}

/** @kvm is null before there is a VM. */
function vmx_has_emulated_msr(_kvm: struct_kvm | null, index: number): boolean {
	/* nested guests' */
	if (is_vmx_msr(index))
		return false;

	switch (index) {
	case MSR_IA32_SMBASE:
		/* there is no SMM */
		return false;
	case MSR_AMD64_VIRT_SPEC_CTRL:
	case MSR_AMD64_TSC_RATIO:
		/* AMD's */
		return false;
	default:
		return true;
	}
}

/** arch/x86/kvm/vmx/vmx.c:vmx_recover_nmi_blocking() */
function vmx_recover_nmi_blocking(vmx: struct_vcpu_vmx): void {
	const idtv_info_valid = (vmx.idt_vectoring_info & VECTORING_INFO_VALID_MASK) !== 0;

	if (enable_vnmi) {
		if (vmx.loaded_vmcs.nmi_known_unmasked === true)
			return;

		const exit_intr_info = vmx_get_intr_info(vmx.vcpu);
		const unblock_nmi = (exit_intr_info & INTR_INFO_UNBLOCK_NMI) !== 0;
		const vector = exit_intr_info & INTR_INFO_VECTOR_MASK;
		/*
		 * SDM, 27.7.1.2: NMIs are to be blocked again after an IRET that faulted. 23.2.2:
		 * the bit means nothing while an event is being delivered, nor for double faults.
		 */
		if ((exit_intr_info & INTR_INFO_VALID_MASK) !== 0 && unblock_nmi &&
		    vector !== DF_VECTOR && !idtv_info_valid)
			vmcs_set_bits(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_NMI);
		else
			vmx.loaded_vmcs.nmi_known_unmasked =
				(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
				 GUEST_INTR_STATE_NMI) === 0;
	} else if (vmx.loaded_vmcs.soft_vnmi_blocked)
		vmx.loaded_vmcs.vnmi_blocked_time +=
			ktime_to_ns(ktime_sub(ktime_get(), vmx.loaded_vmcs.entry_time));
}

/** arch/x86/kvm/vmx/vmx.c:__vmx_complete_interrupts(): what did not arrive is queued again. */
function __vmx_complete_interrupts(vcpu: struct_kvm_vcpu, idt_vectoring_info: number,
	instr_len_field: number, error_code_field: number): void {
	const idtv_info_valid = (idt_vectoring_info & VECTORING_INFO_VALID_MASK) !== 0;

	vcpu.arch.nmi_injected = false;
	kvm_clear_exception_queue(vcpu);
	kvm_clear_interrupt_queue(vcpu);

	if (!idtv_info_valid)
		return;

	kvm_make_request(KVM_REQ_EVENT, vcpu);

	const vector = idt_vectoring_info & VECTORING_INFO_VECTOR_MASK;
	const type = idt_vectoring_info & VECTORING_INFO_TYPE_MASK;

	switch (type) {
	case INTR_TYPE_NMI_INTR:
		vcpu.arch.nmi_injected = true;
		/* SDM, 27.7.1.2: an NMI that was not delivered blocks no others */
		vmx_set_nmi_mask(vcpu, false);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
		vcpu.arch.event_exit_inst_len = vmcs_read32(instr_len_field);
	/* fallthrough */
	case INTR_TYPE_HARD_EXCEPTION:
		if ((idt_vectoring_info & VECTORING_INFO_DELIVER_CODE_MASK) !== 0) {
			const err = vmcs_read32(error_code_field);
			kvm_requeue_exception_e(vcpu, vector, err);
		} else
			kvm_requeue_exception(vcpu, vector);
		break;
	case INTR_TYPE_SOFT_INTR:
		vcpu.arch.event_exit_inst_len = vmcs_read32(instr_len_field);
	/* fallthrough */
	case INTR_TYPE_EXT_INTR:
		kvm_queue_interrupt(vcpu, vector, type === INTR_TYPE_SOFT_INTR);
		break;
	default:
		break;
	}
}

function vmx_complete_interrupts(vmx: struct_vcpu_vmx): void {
	__vmx_complete_interrupts(vmx.vcpu, vmx.idt_vectoring_info,
		VM_EXIT_INSTRUCTION_LEN,
		IDT_VECTORING_ERROR_CODE);
}

function vmx_cancel_injection(vcpu: struct_kvm_vcpu): void {
	__vmx_complete_interrupts(vcpu,
		vmcs_read32(VM_ENTRY_INTR_INFO_FIELD),
		VM_ENTRY_INSTRUCTION_LEN,
		VM_ENTRY_EXCEPTION_ERROR_CODE);

	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
}

function vmx_exit_handlers_fastpath(vcpu: struct_kvm_vcpu): fastpath_t {
	switch (to_vmx(vcpu).exit_reason.basic) {
	case EXIT_REASON_MSR_WRITE:
		return handle_fastpath_set_msr_irqoff(vcpu);
	default:
		return EXIT_FASTPATH_NONE;
	}
}

/**
 * arch/x86/kvm/vmx/vmx.c:vmx_vcpu_enter_exit(), with vmenter.S:__vmx_vcpu_run(). Interrupts are
 * off. One turn: see in_guest.
 */
function vmx_vcpu_enter_exit(vcpu: struct_kvm_vcpu, vmx: struct_vcpu_vmx,
	flags: number): void {
	const guest = vcpu.arch.guest!;

	if (vcpu.arch.in_guest === false) {
		guest_state_enter_irqoff();

		guest.cr2_lo = vcpu.arch.cr2_lo;
		guest.cr2_hi = vcpu.arch.cr2_hi;

		if (vmx_enter(guest, vcpu.arch.regs, (flags & VMX_RUN_VMRESUME) !== 0) === 0) {
			/* C: after the exit. Others' turns may have the VMCS cleared. */
			if (guest.in_guest === true)
				vmx.loaded_vmcs.launched = true;
			vcpu.arch.in_guest = true;
			vmx.fail = 0;
		} else {
			vmx.fail = 1;
		}
	}
	if (vcpu.arch.in_guest === true && guest_run(guest, guest_slice()) === false)
		return;
	vcpu.arch.in_guest = false;

	vcpu.arch.cr2_lo = guest.cr2_lo;
	vcpu.arch.cr2_hi = guest.cr2_hi;

	guest_state_exit_irqoff();
}

const RSP_AND_RIP = 1 << VCPU_REGS_RSP | 1 << VCPU_REGS_RIP;

/* Of vmx_vcpu_run(), apart, for most exits are followed by an entry as it was. */
function vmx_write_rsp_and_rip(vcpu: struct_kvm_vcpu): void {
	if (kvm_register_is_dirty(vcpu, VCPU_REGS_RSP))
		vmcs_writel(GUEST_RSP, vcpu.arch.regs[VCPU_REGS_RSP]!);
	if (kvm_register_is_dirty(vcpu, VCPU_REGS_RIP))
		vmcs_writel(GUEST_RIP, vcpu.arch.regs[VCPU_REGS_RIP]!);
}

/** arch/x86/kvm/vmx/vmx.c:vmx_vcpu_run() */
function vmx_vcpu_run(vcpu: struct_kvm_vcpu): fastpath_t {
	const vmx = to_vmx(vcpu);
	const { host_state } = vmx.loaded_vmcs;

	if (vcpu.arch.in_guest === false) {
		if (!enable_vnmi && vmx.loaded_vmcs.soft_vnmi_blocked)
			vmx.loaded_vmcs.entry_time = ktime_get();

		trace_kvm_entry(vcpu);

		if ((vcpu.arch.regs_dirty & RSP_AND_RIP) !== 0)
			vmx_write_rsp_and_rip(vcpu);
		vcpu.arch.regs_dirty = 0;

		/* the task may have got another PCID at any switch of mm: now it stays */
		const cr3 = __read_cr3();
		if (cr3 !== host_state.cr3) {
			vmcs_writen(HOST_CR3, cr3);
			host_state.cr3 = cr3;
		}

		const cr4 = cr4_read_shadow();
		if (cr4 !== host_state.cr4) {
			vmcs_writen(HOST_CR4, cr4);
			host_state.cr4 = cr4;
		}

		/* the guest has the registers, DR6 among them */
		if ((vcpu.arch.switch_db_regs & KVM_DEBUGREG_WONT_EXIT) !== 0)
			vcpu.arch.guest!.dr[6] = vcpu.arch.dr6;

		/*
		 * Entry would want a pending single step for as long as STI or MOV SS blocks: wrong
		 * where the step is the debugger's.
		 */
		if ((vcpu.guest_debug & KVM_GUESTDBG_SINGLESTEP) !== 0)
			vmx_set_interrupt_shadow(vcpu, 0);
	}

	vmx_vcpu_enter_exit(vcpu, vmx, __vmx_vcpu_run_flags(vmx));
	if (vcpu.arch.in_guest === true)
		return EXIT_FASTPATH_NONE;

	vcpu.arch.regs_avail &= ~VMX_REGS_LAZY_LOAD_SET;

	vmx.idt_vectoring_info = 0;

	if (vmx.fail !== 0) {
		vmx.exit_reason.full = 0xdead;
		return EXIT_FASTPATH_NONE;
	}

	vmx.exit_reason.full = vmcs_read32(VM_EXIT_REASON);
	if (vmx.exit_reason.basic === EXIT_REASON_MCE_DURING_VMENTRY)
		kvm_machine_check();

	if (!vmx.exit_reason.failed_vmentry)
		vmx.idt_vectoring_info = vmcs_read32(IDT_VECTORING_INFO_FIELD);

	trace_kvm_exit(vcpu, KVM_ISA_VMX);

	if (vmx.exit_reason.failed_vmentry)
		return EXIT_FASTPATH_NONE;

	vmx_recover_nmi_blocking(vmx);
	vmx_complete_interrupts(vmx);

	return vmx_exit_handlers_fastpath(vcpu);
}

function vmx_vcpu_free(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (enable_pml)
		vmx_destroy_pml_buffer(vmx);
	free_vpid(vmx.vpid);
	free_loaded_vmcs(vmx.loaded_vmcs);
}

/** arch/x86/kvm/vmx/vmx.c:vmx_vcpu_create() */
function vmx_vcpu_create(vcpu: struct_kvm_vcpu): number {
	const vmx = to_vmx(vcpu);

	let err = -ENOMEM;

	/* port-only */
	vcpu.arch.guest ??= new struct_guest_cpu();

	vmx.vpid = allocate_vpid();

	free_vpid: {
		/* all vCPUs have PML, or there is none: a vCPU without its buffer is no vCPU */
		if (enable_pml) {
			vmx.pml_pg = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
			if (vmx.pml_pg === null)
				break free_vpid;
		}

		for (let i = 0; i < vmx_uret_msrs.length; ++i)
			vmx.guest_uret_msrs[i]!.mask = 0xffffffffffffffffn;

		free_pml: {
			err = alloc_loaded_vmcs(vmx.vmcs01);
			if (err < 0)
				break free_pml;

			/* all exit, as alloc_loaded_vmcs() filled the bitmap */
			bitmap_fill(vmx.shadow_msr_intercept.read, MAX_POSSIBLE_PASSTHROUGH_MSRS);
			bitmap_fill(vmx.shadow_msr_intercept.write, MAX_POSSIBLE_PASSTHROUGH_MSRS);

			vmx_disable_intercept_for_msr(vcpu, MSR_IA32_TSC, MSR_TYPE_R);
			vmx_disable_intercept_for_msr(vcpu, MSR_FS_BASE, MSR_TYPE_RW);
			vmx_disable_intercept_for_msr(vcpu, MSR_GS_BASE, MSR_TYPE_RW);
			vmx_disable_intercept_for_msr(vcpu, MSR_KERNEL_GS_BASE, MSR_TYPE_RW);
			vmx_disable_intercept_for_msr(vcpu, MSR_IA32_SYSENTER_CS, MSR_TYPE_RW);
			vmx_disable_intercept_for_msr(vcpu, MSR_IA32_SYSENTER_ESP, MSR_TYPE_RW);
			vmx_disable_intercept_for_msr(vcpu, MSR_IA32_SYSENTER_EIP, MSR_TYPE_RW);
			if (kvm_cstate_in_guest(vcpu.kvm)) {
				vmx_disable_intercept_for_msr(vcpu, MSR_CORE_C1_RES, MSR_TYPE_R);
				vmx_disable_intercept_for_msr(vcpu, MSR_CORE_C3_RESIDENCY,
					MSR_TYPE_R);
				vmx_disable_intercept_for_msr(vcpu, MSR_CORE_C6_RESIDENCY,
					MSR_TYPE_R);
				vmx_disable_intercept_for_msr(vcpu, MSR_CORE_C7_RESIDENCY,
					MSR_TYPE_R);
			}

			vmx.loaded_vmcs = vmx.vmcs01;

			free_vmcs: {
				if (cpu_need_virtualize_apic_accesses(vcpu)) {
					err = alloc_apic_access_page(vcpu.kvm);
					if (err !== 0)
						break free_vmcs;
				}

				return 0;
			}

			free_loaded_vmcs(vmx.loaded_vmcs);
		}
		vmx_destroy_pml_buffer(vmx);
	}
	free_vpid(vmx.vpid);
	return err;
}

function vmx_vm_init(kvm: struct_kvm): number {
	/* no PAUSE-loop exits: the CPU has none */
	kvm.arch.pause_in_guest = true;

	return 0;
}

function vmx_check_processor_compat(): number {
	const vmcs_conf = new struct_vmcs_config();
	const vmx_cap = new struct_vmx_capability();

	if (!this_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL) ||
	    !this_cpu_has(X86_FEATURE_VMX)) {
		pr_err("kvm: VMX is disabled on CPU %d\n", smp_processor_id());
		return -EIO;
	}

	if (setup_vmcs_config(vmcs_conf, vmx_cap) < 0)
		return -EIO;
	if ((Object.keys(vmcs_conf) as (keyof struct_vmcs_config)[])
		.some((member) => vmcs_config[member] !== vmcs_conf[member])) {
		printk(KERN_ERR + "kvm: CPU %d feature inconsistency!\n", smp_processor_id());
		return -EIO;
	}
	return 0;
}

/**
 * arch/x86/kvm/vmx/vmx.c:vmx_get_mt_mask(). MMIO is uncachable, or write-combining by the guest's
 * PAT. Memory is write-back, whatever the guest says, unless a device does not snoop: only then are
 * its CD, MTRRs and PAT what counts.
 */
function vmx_get_mt_mask(vcpu: struct_kvm_vcpu, gfn: gfn_t, is_mmio: boolean): number {
	let cache: number;

	if (is_mmio)
		return MTRR_TYPE_UNCACHABLE << VMX_EPT_MT_EPTE_SHIFT;

	if (!kvm_arch_has_noncoherent_dma(vcpu.kvm))
		return (MTRR_TYPE_WRBACK << VMX_EPT_MT_EPTE_SHIFT) | VMX_EPT_IPAT_BIT;

	if ((kvm_read_cr0(vcpu) & X86_CR0_CD) !== 0) {
		if (kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_CD_NW_CLEARED))
			cache = MTRR_TYPE_WRBACK;
		else
			cache = MTRR_TYPE_UNCACHABLE;

		return (cache << VMX_EPT_MT_EPTE_SHIFT) | VMX_EPT_IPAT_BIT;
	}

	return kvm_mtrr_get_guest_memory_type(vcpu, gfn) << VMX_EPT_MT_EPTE_SHIFT;
}

function vmcs_set_secondary_exec_control(vmx: struct_vcpu_vmx, new_ctl: number): void {
	/* those that change otherwise than with the guest's CPUID */
	const mask =
		SECONDARY_EXEC_SHADOW_VMCS |
		SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
		SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
		SECONDARY_EXEC_DESC;

	const cur_ctl = secondary_exec_controls_get(vmx);

	secondary_exec_controls_set(vmx, (new_ctl & ~mask) | (cur_ctl & mask));
}

/** arch/x86/kvm/vmx/vmx.c:vmx_vcpu_after_set_cpuid() */
function vmx_vcpu_after_set_cpuid(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	/* until the secondary controls are worked out below */
	vcpu.arch.xsaves_enabled = false;

	vmx_setup_uret_msrs(vmx);

	if (cpu_has_secondary_exec_ctrls())
		vmcs_set_secondary_exec_control(vmx,
			vmx_secondary_exec_control(vmx));

	set_cr4_guest_host_mask(vmx);

	/* #PF exits depend on the guest's MAXPHYADDR */
	vmx_update_exception_bitmap(vcpu);
}

function vmx_set_cpu_caps(): void {
	kvm_set_cpu_caps();

	/* CPUID 0x7 */
	if (!cpu_has_vmx_invpcid())
		kvm_cpu_cap_clear(X86_FEATURE_INVPCID);

	if (vmx_umip_emulated())
		kvm_cpu_cap_set(X86_FEATURE_UMIP);

	/* CPUID 0xD.1 */
	kvm_caps.supported_xss = 0n;
	if (!cpu_has_vmx_xsaves())
		kvm_cpu_cap_clear(X86_FEATURE_XSAVES);

	if (!cpu_has_vmx_rdtscp()) {
		kvm_cpu_cap_clear(X86_FEATURE_RDTSCP);
		kvm_cpu_cap_clear(X86_FEATURE_RDPID);
	}
}

/** Of nested guests only: they might intercept what is emulated. */
function vmx_check_intercept(_vcpu: struct_kvm_vcpu, _info: struct_x86_instruction_info,
	_stage: x86_intercept_stage, _exception: struct_x86_exception): number {
	return X86EMUL_UNHANDLEABLE;
}

/** C narrows the window of PAUSE-loop exits. */
function vmx_sched_in(_vcpu: struct_kvm_vcpu, _cpu: number): void {}

/** If the count changes meanwhile, there is another request behind this one. */
export function vmx_update_cpu_dirty_logging(vcpu: struct_kvm_vcpu): void {
	const vmx = to_vmx(vcpu);

	if (vcpu.kvm.arch.cpu_dirty_logging_count !== 0)
		secondary_exec_controls_setbit(vmx, SECONDARY_EXEC_ENABLE_PML);
	else
		secondary_exec_controls_clearbit(vmx, SECONDARY_EXEC_ENABLE_PML);
}

function vmx_setup_mce(vcpu: struct_kvm_vcpu): void {
	if ((vcpu.arch.mcg_cap & MCG_LMCE_P) !== 0n)
		to_vmx(vcpu).msr_ia32_feature_control_valid_bits |=
			FEAT_CTL_LMCE_ENABLED;
	else
		to_vmx(vcpu).msr_ia32_feature_control_valid_bits &=
			~FEAT_CTL_LMCE_ENABLED;
}

/** Only in VMX operation, which guests are never in. */
function vmx_apic_init_signal_blocked(_vcpu: struct_kvm_vcpu): boolean {
	return false;
}

function vmx_hardware_unsetup(): void {
	free_kvm_area();
}

function vmx_check_apicv_inhibit_reasons(reason: kvm_apicv_inhibit): boolean {
	const supported = BIT(APICV_INHIBIT_REASON_DISABLE) |
			  BIT(APICV_INHIBIT_REASON_ABSENT) |
			  BIT(APICV_INHIBIT_REASON_HYPERV) |
			  BIT(APICV_INHIBIT_REASON_BLOCKIRQ) |
			  BIT(APICV_INHIBIT_REASON_APIC_ID_MODIFIED) |
			  BIT(APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);

	return (supported & BIT(reason)) !== 0;
}

const vmx_x86_ops: struct_kvm_x86_ops = {
	name: "kvm_intel",

	hardware_unsetup: vmx_hardware_unsetup,

	hardware_enable: vmx_hardware_enable,
	hardware_disable: vmx_hardware_disable,
	is_vm_type_supported: null,
	has_emulated_msr: vmx_has_emulated_msr,

	vm_class: struct_kvm_vmx,
	vm_init: vmx_vm_init,
	flush_shadow_all_private: null,
	vm_destroy: null,
	vm_free: null,

	vcpu_precreate: null,
	vcpu_create: vmx_vcpu_create,
	vcpu_free: vmx_vcpu_free,
	vcpu_reset: vmx_vcpu_reset,

	prepare_switch_to_guest: vmx_prepare_switch_to_guest,
	vcpu_load: vmx_vcpu_load,
	vcpu_put: vmx_vcpu_put,

	update_exception_bitmap: vmx_update_exception_bitmap,
	get_msr_feature: vmx_get_msr_feature,
	get_msr: vmx_get_msr,
	set_msr: vmx_set_msr,
	get_segment_base: vmx_get_segment_base,
	get_segment: vmx_get_segment,
	set_segment: vmx_set_segment,
	get_cpl: vmx_get_cpl,
	get_cs_db_l_bits: vmx_get_cs_db_l_bits,
	set_cr0: vmx_set_cr0,
	post_set_cr3: null,
	is_valid_cr4: vmx_is_valid_cr4,
	set_cr4: vmx_set_cr4,
	set_efer: vmx_set_efer,
	get_idt: vmx_get_idt,
	set_idt: vmx_set_idt,
	get_gdt: vmx_get_gdt,
	set_gdt: vmx_set_gdt,
	set_dr7: vmx_set_dr7,
	sync_dirty_debug_regs: vmx_sync_dirty_debug_regs,
	cache_reg: vmx_cache_reg,
	get_rflags: vmx_get_rflags,
	set_rflags: vmx_set_rflags,
	get_if_flag: vmx_get_if_flag,

	flush_tlb_all: vmx_flush_tlb_all,
	flush_tlb_current: vmx_flush_tlb_current,
	tlb_remote_flush: null,
	tlb_remote_flush_with_range: null,
	flush_tlb_gva: vmx_flush_tlb_gva,
	flush_tlb_guest: vmx_flush_tlb_guest,

	vcpu_pre_run: vmx_vcpu_pre_run,
	vcpu_run: vmx_vcpu_run,
	handle_exit: vmx_handle_exit,
	skip_emulated_instruction: vmx_skip_emulated_instruction,
	update_emulated_instruction: null,
	set_interrupt_shadow: vmx_set_interrupt_shadow,
	get_interrupt_shadow: vmx_get_interrupt_shadow,
	patch_hypercall: vmx_patch_hypercall,
	inject_irq: vmx_inject_irq,
	inject_nmi: vmx_inject_nmi,
	queue_exception: vmx_queue_exception,
	cancel_injection: vmx_cancel_injection,
	interrupt_allowed: vmx_interrupt_allowed,
	nmi_allowed: vmx_nmi_allowed,
	get_nmi_mask: vmx_get_nmi_mask,
	set_nmi_mask: vmx_set_nmi_mask,
	enable_nmi_window: vmx_enable_nmi_window,
	enable_irq_window: vmx_enable_irq_window,
	update_cr8_intercept: vmx_update_cr8_intercept,
	set_virtual_apic_mode: vmx_set_virtual_apic_mode,
	set_apic_access_page_addr: vmx_set_apic_access_page_addr,
	refresh_apicv_exec_ctrl: vmx_refresh_apicv_exec_ctrl,
	load_eoi_exitmap: null,
	apicv_post_state_restore: null,
	check_apicv_inhibit_reasons: vmx_check_apicv_inhibit_reasons,
	hwapic_irr_update: null,
	hwapic_isr_update: null,
	guest_apic_has_interrupt: null,
	protected_apic_has_interrupt: null,
	sync_pir_to_irr: null,
	deliver_interrupt: vmx_deliver_interrupt,
	dy_apicv_has_pending_interrupt: null,

	set_tss_addr: vmx_set_tss_addr,
	set_identity_map_addr: vmx_set_identity_map_addr,
	get_mt_mask: vmx_get_mt_mask,

	get_exit_info: vmx_get_exit_info,

	vcpu_after_set_cpuid: vmx_vcpu_after_set_cpuid,

	has_wbinvd_exit: cpu_has_vmx_wbinvd_exit,

	get_l2_tsc_offset: vmx_get_l2_tsc_offset,
	get_l2_tsc_multiplier: vmx_get_l2_tsc_multiplier,
	write_tsc_offset: vmx_write_tsc_offset,
	write_tsc_multiplier: vmx_write_tsc_multiplier,

	load_mmu_pgd: vmx_load_mmu_pgd,

	link_private_spt: null,
	free_private_spt: null,
	split_private_spt: null,
	merge_private_spt: null,
	set_private_spte: null,
	zap_private_spte: null,
	remove_private_spte: null,

	check_intercept: vmx_check_intercept,
	handle_exit_irqoff: vmx_handle_exit_irqoff,

	/* without the preemption timer */
	request_immediate_exit: __kvm_request_immediate_exit,

	sched_in: vmx_sched_in,

	cpu_dirty_log_size: PML_ENTITY_NUM,
	update_cpu_dirty_logging: vmx_update_cpu_dirty_logging,

	vcpu_blocking: null,
	vcpu_unblocking: null,

	setup_mce: vmx_setup_mce,

	dev_mem_enc_ioctl: null,
	mem_enc_ioctl: null,
	vcpu_mem_enc_ioctl: null,
	mem_enc_register_region: null,
	mem_enc_unregister_region: null,
	vm_copy_enc_context_from: null,
	vm_move_enc_context_from: null,
	guest_memory_reclaimed: null,

	can_emulate_instruction: vmx_can_emulate_instruction,
	apic_init_signal_blocked: vmx_apic_init_signal_blocked,

	msr_filter_changed: vmx_msr_filter_changed,
	complete_emulated_msr: kvm_complete_insn_gp,

	vcpu_deliver_sipi_vector: kvm_vcpu_deliver_sipi_vector,

	vcpu_get_apicv_inhibit_reasons: null,
};

/** STAR is KVM's to keep even where only emulated instructions would use it, CSTAR always. */
function vmx_setup_user_return_msrs(): void {
	const vmx_uret_msrs_list = [
		MSR_SYSCALL_MASK, MSR_LSTAR, MSR_CSTAR,
		MSR_EFER, MSR_TSC_AUX, MSR_STAR,
		MSR_IA32_TSX_CTRL,
	];

	vmx_uret_msrs.length = 0;
	for (const msr of vmx_uret_msrs_list) {
		if (rdmsrl_safe(msr, new ref(0n)) === 0)
			vmx_uret_msrs.push(msr);
	}
}

/**
 * Physical address bits that the kernel does without are KeyIDs, which no guest of a plain host may
 * use: reserved.
 */
function vmx_setup_me_spte_mask(): void {
	let me_mask = PAIR_ZERO;

	if (boot_cpu_data.x86_phys_bits !== kvm_get_shadow_phys_bits())
		me_mask = rsvd_bits(boot_cpu_data.x86_phys_bits,
			kvm_get_shadow_phys_bits() - 1);
	kvm_mmu_set_me_spte_mask(PAIR_ZERO, me_mask);
}

/** arch/x86/kvm/vmx/vmx.c:hardware_setup() */
function hardware_setup(): number {
	vmx_setup_user_return_msrs();

	if (setup_vmcs_config(vmcs_config, vmx_capability) < 0)
		return -EIO;

	if (boot_cpu_has(X86_FEATURE_NX))
		kvm_enable_efer_bits(EFER_NX);

	if (!cpu_has_vmx_vpid() || !cpu_has_vmx_invvpid() ||
	    !(cpu_has_vmx_invvpid_single() || cpu_has_vmx_invvpid_global()))
		enable_vpid = false;

	if (!cpu_has_vmx_ept() ||
	    !cpu_has_vmx_ept_4levels() ||
	    !cpu_has_vmx_ept_mt_wb() ||
	    !cpu_has_vmx_invept_global())
		enable_ept = false;

	if (!cpu_has_vmx_ept_ad_bits() || !enable_ept)
		enable_ept_ad_bits = false;

	if (!cpu_has_vmx_unrestricted_guest() || !enable_ept)
		enable_unrestricted_guest = false;

	/* port-only: what is left out would be needed */
	if (!enable_unrestricted_guest || !cpu_has_load_ia32_efer()) {
		pr_err_ratelimited("kvm: %s not supported\n", !enable_ept ? "Shadow paging" :
			"Restricted guests");
		return -EOPNOTSUPP;
	}

	if (!cpu_has_vmx_flexpriority())
		flexpriority_enabled = false;

	if (!cpu_has_virtual_nmis())
		enable_vnmi = false;

	/* the page that it reloads is for APIC_ACCESS_ADDR only */
	if (!flexpriority_enabled)
		vmx_x86_ops.set_apic_access_page_addr = null;

	if (!cpu_has_vmx_tpr_shadow())
		vmx_x86_ops.update_cr8_intercept = null;

	set_enable_apicv(false);

	if (cpu_has_vmx_tsc_scaling())
		kvm_caps.has_tsc_control = true;

	kvm_caps.max_tsc_scaling_ratio = KVM_VMX_TSC_MULTIPLIER_MAX;
	kvm_caps.tsc_scaling_ratio_frac_bits = 48;
	kvm_caps.has_bus_lock_exit = cpu_has_vmx_bus_lock_detection();
	kvm_caps.has_notify_vmexit = cpu_has_notify_vmexit();

	set_bit(0, vmx_vpid_bitmap); /* the host's */

	if (enable_ept)
		kvm_mmu_set_ept_masks(enable_ept_ad_bits,
			cpu_has_vmx_ept_execute_only());

	/* MKTME KeyID bits are among those that entries must not have */
	vmx_setup_me_spte_mask();

	kvm_configure_mmu(enable_ept, 0, vmx_get_max_tdp_level(),
		ept_caps_to_lpage_level(vmx_capability.ept));

	/* PML logs when a dirty bit is set: it needs those of EPT */
	if (!enable_ept || !enable_ept_ad_bits || !cpu_has_vmx_pml())
		enable_pml = false;

	if (!enable_pml)
		vmx_x86_ops.cpu_dirty_log_size = 0;

	kvm_caps.supported_mce_cap |= MCG_LMCE_P;
	kvm_caps.supported_mce_cap |= MCG_CMCI_P;

	vmx_set_cpu_caps();

	const r = alloc_kvm_area();
	if (IS_ENABLED(CONFIG_INTEL_TDX_HOST) && r === 0)
		vt_hardware_setup(vmx_x86_ops);
	return r;
}

const vmx_init_ops: struct_kvm_x86_init_ops = {
	cpu_has_kvm_support: cpu_has_kvm_support,
	disabled_by_bios: vmx_disabled_by_bios,
	check_processor_compatibility: vmx_check_processor_compat,
	hardware_setup: hardware_setup,

	runtime_ops: vmx_x86_ops,
};

/** arch/x86/kvm/vmx/vmx.c:vmx_exit(), for whoever unloads the module. */
export function vmx_exit(): void {
	kvm_exit();
}

function vmx_init(): number {
	const r = kvm_init(vmx_init_ops, struct_vcpu_vmx, 0, THIS_MODULE);
	if (r !== 0)
		return r;

	for (const cpu of for_each_possible_cpu())
		INIT_LIST_HEAD(per_cpu(loaded_vmcss_on_cpu, cpu));

	return 0;
}
module_init("arch/x86/kvm/vmx/vmx", vmx_init);
