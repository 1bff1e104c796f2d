// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM on AMD's SVM, with nested page tables.
 *
 * Upstream: arch/x86/kvm/svm/svm.c. Left out: nested guests and SVM's instructions in guests,
 * shadow paging (npt=0 is refused), AVIC, SEV-ES, virtual GIF, virtual VMLOAD and VMSAVE, branch
 * records, TSC scaling, pause filtering (the CPU has none of these), SMM, task switches, INVPCID
 * and RDPMC exits, machine checks taken in a guest, the PMU, errata, speculation controls around
 * the entry, the host's TSS and TSC_AUX.
 *
 * A VMCB belongs to its vCPU; svm_data to its CPU, with preemption off. What every exit reads or
 * writes goes by the VMCB's words (svm_types.h.ts), the rest by its members.
 */
import { PAIR_ZERO, pair, pair_andnot, pair_bit, pair_or } from "#asm-generic/pair.ts";
import { gpa_t, gva_t, hpa_t, pfn_nr, ref } from "#asm-generic/types.ts";
import { clear_bit, set_bit, test_bit } from "#linux/bitops.ts";
import { BUG, BUG_ON, WARN, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { for_each_online_cpu, for_each_possible_cpu } from "#linux/cpumask.ts";
import { EBUSY, EINVAL, EIO, ENOENT, ENOMEM, EOPNOTSUPP } from "#linux/errno.ts";
import { __free_page, __free_pages, __GFP_ZERO, alloc_page, alloc_pages, GFP_KERNEL,
	GFP_KERNEL_ACCOUNT } from "#linux/gfp.ts";
import { pfn_to_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { module_init, module_param, param_bool, param_int } from "#linux/module.ts";
import { DEFINE_PER_CPU, per_cpu } from "#linux/percpu.ts";
import { KERN_ERR, KERN_INFO, pr_err, pr_err_ratelimited, pr_info, pr_warn_ratelimited, printk }
	from "#linux/printk.ts";
import { PF_VCPU } from "#linux/sched.const.ts";
import { guest_slice } from "#linux/sched.ts";
import { current } from "#linux/sched_types.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { raw_smp_processor_id, smp_send_reschedule } from "#linux/smp.ts";
import { guest_state_enter_irqoff, guest_state_exit_irqoff, KVM_BUG, KVM_BUG_ON,
	kvm_init, kvm_make_request, kvm_vcpu_kick, vcpu_unimpl, type struct_kvm,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { KVM_EXIT_DEBUG, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_SET_TPR,
	KVM_EXIT_SHUTDOWN, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP,
	KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON } from "#uapi/linux/kvm.ts";
import { AC_VECTOR, BP_VECTOR, DB_VECTOR, KVM_GUESTDBG_USE_HW_BP, KVM_GUESTDBG_USE_SW_BP,
	KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE, KVM_X86_QUIRK_CD_NW_CLEARED,
	KVM_X86_SHADOW_INT_MOV_SS, KVM_X86_SHADOW_INT_STI, MC_VECTOR, PF_VECTOR,
	struct_kvm_msr_entry, UD_VECTOR, type struct_kvm_segment } from "#uapi-asm/kvm.ts";
import { boot_cpu_data, cpuid_eax, cpuid_ebx } from "#asm/processor.ts";
import { boot_cpu_has, static_cpu_has, X86_FEATURE_AMD_SSBD, X86_FEATURE_DECODEASSISTS,
	X86_FEATURE_FLUSHBYASID, X86_FEATURE_FXSR_OPT, X86_FEATURE_IBPB, X86_FEATURE_INVPCID,
	X86_FEATURE_LFENCE_RDTSC, X86_FEATURE_LS_CFG_SSBD, X86_FEATURE_NPT, X86_FEATURE_NRIPS,
	X86_FEATURE_NX, X86_FEATURE_RDTSCP, X86_FEATURE_VIRT_SSBD, X86_FEATURE_XSAVE,
	X86_FEATURE_XSAVES } from "#asm/cpufeature.ts";
import type { struct_desc_ptr } from "#asm/desc_defs.ts";
import { __kvm_request_immediate_exit, APICV_INHIBIT_REASON_IRQWIN, DR6_ACTIVE_LOW,
	EMULTYPE_NO_DECODE, EMULTYPE_SKIP, EMULTYPE_TRAP_UD, EMULTYPE_TRAP_UD_FORCED,
	EMULTYPE_VMWARE_GP, EXIT_FASTPATH_NONE, HF_IRET_MASK, HF_NMI_MASK, kvm_clear_apicv_inhibit,
	kvm_complete_insn_gp, kvm_configure_mmu, KVM_DEBUGREG_WONT_EXIT, kvm_emulate_cpuid,
	kvm_emulate_halt, kvm_emulate_hypercall, kvm_emulate_instruction, kvm_emulate_invd,
	kvm_emulate_monitor, kvm_emulate_mwait, kvm_emulate_rdmsr, kvm_emulate_wbinvd,
	kvm_emulate_wrmsr, kvm_emulate_xsetbv, kvm_enable_efer_bits, kvm_fast_pio, kvm_get_cr8,
	kvm_get_dr, kvm_get_msr_common, kvm_get_rflags, kvm_handle_invalid_op, kvm_inject_gp,
	kvm_is_linear_rip, kvm_mmu_invlpg, kvm_mmu_page_fault, kvm_queue_exception,
	kvm_queue_exception_e, kvm_queue_exception_p, KVM_REQ_EVENT, KVM_REQ_TRIPLE_FAULT,
	kvm_requeue_exception, kvm_requeue_exception_e, kvm_set_apicv_inhibit, kvm_set_cr0,
	kvm_set_cr3, kvm_set_cr4, kvm_set_cr8, kvm_set_dr, kvm_set_msr_common,
	kvm_skip_emulated_instruction, kvm_vcpu_apicv_activated, kvm_vcpu_deliver_sipi_vector,
	kvm_vcpu_reset, PFERR_FETCH_MASK, PFERR_GUEST_PAGE_MASK, pferr_test, VCPU_EXREG_PDPTR,
	VCPU_REGS_RAX, VCPU_REGS_RIP, VCPU_REGS_RSP, VCPU_SREG_CS, VCPU_SREG_DS, VCPU_SREG_ES,
	VCPU_SREG_FS, VCPU_SREG_GS, VCPU_SREG_LDTR, VCPU_SREG_SS, VCPU_SREG_TR, type fastpath_t,
	type kvm_apicv_inhibit, type kvm_reg, type struct_kvm_x86_init_ops,
	type struct_kvm_x86_ops, type struct_msr_data } from "#asm/kvm_host.ts";
import { EFER_FFXSR, EFER_LMA, EFER_LME, EFER_NX, EFER_SVME, MSR_AMD64_SEV_ES_GHCB,
	MSR_AMD64_SYSCFG, MSR_AMD64_SYSCFG_MEM_ENCRYPT, MSR_AMD64_TSC_RATIO,
	MSR_AMD64_VIRT_SPEC_CTRL, MSR_CSTAR, MSR_EFER, MSR_F10H_DECFG,
	MSR_F10H_DECFG_LFENCE_SERIALIZE, MSR_F15H_IC_CFG, MSR_FS_BASE, MSR_GS_BASE,
	MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR, MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTBRANCHTOIP,
	MSR_IA32_LASTINTFROMIP, MSR_IA32_LASTINTTOIP, MSR_IA32_MCG_EXT_CTL,
	MSR_IA32_PERF_CAPABILITIES, MSR_IA32_PRED_CMD, MSR_IA32_SPEC_CTRL, MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_EIP, MSR_IA32_SYSENTER_ESP, MSR_IA32_VMX_BASIC, MSR_IA32_VMX_VMFUNC,
	MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_STAR, MSR_SYSCALL_MASK, MSR_TSC_AUX, MSR_VM_CR,
	MSR_VM_HSAVE_PA, MSR_VM_IGNNE, PRED_CMD_IBPB, SPEC_CTRL_SSBD } from "#asm/msr-index.ts";
import { rdmsrl, rdmsrl_safe, wrmsrl } from "#asm/msr.ts";
import { clear_page, page_bytes } from "#asm/page.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { PG_LEVEL_1G } from "#asm/pgtable_types.ts";
import { X86_CR0_CD, X86_CR0_NW, X86_CR0_PG, X86_CR4_MCE, X86_CR4_OSXSAVE, X86_CR4_PGE, X86_CR4_PKE,
	X86_CR4_SMAP, X86_CR4_SMEP, X86_EFLAGS_IF, X86_EFLAGS_RF, X86_EFLAGS_TF } from
	"#asm/processor-flags.ts";
import { this_cpu } from "#asm/smp.ts";
import { X86_TRAP_VC } from "#asm/trapnr.ts";
import { __unused_size_checks, INTERCEPT_CLGI, INTERCEPT_CPUID, INTERCEPT_CR, INTERCEPT_CR0_READ,
	INTERCEPT_CR0_WRITE, INTERCEPT_CR4_READ, INTERCEPT_CR4_WRITE, INTERCEPT_CR8_WRITE,
	INTERCEPT_DR, INTERCEPT_EXCEPTION, INTERCEPT_HLT, INTERCEPT_INIT, INTERCEPT_INTR,
	INTERCEPT_INVD, INTERCEPT_INVLPGA, INTERCEPT_INVPCID, INTERCEPT_IOIO_PROT, INTERCEPT_IRET,
	INTERCEPT_MONITOR, INTERCEPT_MSR_PROT, INTERCEPT_MWAIT, INTERCEPT_NMI, INTERCEPT_PAUSE,
	INTERCEPT_RDPMC, INTERCEPT_RDPRU, INTERCEPT_RDTSCP, INTERCEPT_RSM, INTERCEPT_SELECTIVE_CR0,
	INTERCEPT_SHUTDOWN, INTERCEPT_SKINIT, INTERCEPT_SMI, INTERCEPT_STGI, INTERCEPT_TASK_SWITCH,
	INTERCEPT_VINTR, INTERCEPT_VMLOAD, INTERCEPT_VMMCALL, INTERCEPT_VMRUN, INTERCEPT_VMSAVE,
	INTERCEPT_WBINVD, INTERCEPT_WORD3, INTERCEPT_WORD4, INTERCEPT_XSETBV, struct_vmcb,
	SVM_CPUID_FUNC, SVM_EVTINJ_TYPE_EXEPT, SVM_EVTINJ_TYPE_INTR, SVM_EVTINJ_TYPE_MASK,
	SVM_EVTINJ_TYPE_NMI, SVM_EVTINJ_TYPE_SOFT, SVM_EVTINJ_VALID, SVM_EVTINJ_VALID_ERR,
	SVM_EXIT_CPUID, SVM_EXIT_CR0_SEL_WRITE, SVM_EXIT_ERR, SVM_EXIT_EXCP_BASE, SVM_EXIT_HLT,
	SVM_EXIT_INTR, SVM_EXIT_INVD, SVM_EXIT_INVLPG, SVM_EXIT_IOIO, SVM_EXIT_IRET,
	SVM_EXIT_MONITOR, SVM_EXIT_MSR, SVM_EXIT_MWAIT, SVM_EXIT_NMI, SVM_EXIT_NPF, SVM_EXIT_RDPRU,
	SVM_EXIT_RDTSCP, SVM_EXIT_READ_CR0, SVM_EXIT_READ_CR3, SVM_EXIT_READ_CR4,
	SVM_EXIT_READ_CR8, SVM_EXIT_READ_DR0, SVM_EXIT_READ_DR1, SVM_EXIT_READ_DR2,
	SVM_EXIT_READ_DR3, SVM_EXIT_READ_DR4, SVM_EXIT_READ_DR5, SVM_EXIT_READ_DR6,
	SVM_EXIT_READ_DR7, SVM_EXIT_SHUTDOWN, SVM_EXIT_SMI, SVM_EXIT_TASK_SWITCH, SVM_EXIT_VINTR,
	SVM_EXIT_VMMCALL, SVM_EXIT_WBINVD, SVM_EXIT_WRITE_CR0, SVM_EXIT_WRITE_CR3,
	SVM_EXIT_WRITE_CR4, SVM_EXIT_WRITE_CR8, SVM_EXIT_WRITE_DR0, SVM_EXIT_WRITE_DR1,
	SVM_EXIT_WRITE_DR2, SVM_EXIT_WRITE_DR3, SVM_EXIT_WRITE_DR4, SVM_EXIT_WRITE_DR5,
	SVM_EXIT_WRITE_DR6, SVM_EXIT_WRITE_DR7, SVM_EXIT_XSETBV, SVM_EXITINFO_REG_MASK,
	SVM_EXITINTINFO_TYPE_EXEPT, SVM_EXITINTINFO_TYPE_INTR, SVM_EXITINTINFO_TYPE_MASK,
	SVM_EXITINTINFO_TYPE_NMI, SVM_EXITINTINFO_TYPE_SOFT, SVM_EXITINTINFO_VALID,
	SVM_EXITINTINFO_VALID_ERR, SVM_EXITINTINFO_VEC_MASK, SVM_INTERRUPT_SHADOW_MASK,
	SVM_IOIO_SIZE_MASK, SVM_IOIO_SIZE_SHIFT, SVM_IOIO_STR_MASK, SVM_IOIO_TYPE_MASK,
	SVM_NESTED_CTL_NP_ENABLE, SVM_SELECTOR_AVL_SHIFT, SVM_SELECTOR_CODE_MASK,
	SVM_SELECTOR_DB_SHIFT, SVM_SELECTOR_DPL_SHIFT, SVM_SELECTOR_G_SHIFT, SVM_SELECTOR_L_SHIFT,
	SVM_SELECTOR_P_MASK, SVM_SELECTOR_P_SHIFT, SVM_SELECTOR_READ_MASK, SVM_SELECTOR_S_MASK,
	SVM_SELECTOR_S_SHIFT, SVM_SELECTOR_TYPE_MASK, SVM_SELECTOR_WRITE_MASK, SVM_TSC_RATIO_MAX,
	SVM_TSC_RATIO_RSVD, SVM_VM_CR_SVM_DIS_MASK, SVM_VM_CR_SVM_DISABLE, SVM_VM_CR_SVM_LOCK_MASK,
	SVM_VM_CR_VALID_MASK, TLB_CONTROL_DO_NOTHING, TLB_CONTROL_FLUSH_ALL_ASID,
	TLB_CONTROL_FLUSH_ASID, V_INTR_MASKING_MASK, V_INTR_PRIO_MASK, V_INTR_PRIO_SHIFT,
	V_IRQ_INJECTION_BITS_MASK, V_IRQ_MASK, V_TPR_MASK, type vmcb, type vmcb_seg } from
	"#asm/svm.ts";
import { cpu_has_svm, cpu_svm_disable } from "#asm/virtext.ts";
import { guest_pending, guest_run, struct_guest_cpu } from "#hw/guest.ts";
import { frame_bytes, frame_get32, frame_put32 } from "#hw/memory.ts";
import { svm_enter } from "#hw/svm.ts";
import { guest_cpuid_family, guest_cpuid_has, guest_cpuid_is_intel, guest_cpuid_model,
	guest_has_pred_cmd_msr, guest_has_spec_ctrl_msr, kvm_cpu_cap_has, kvm_cpu_cap_set,
	kvm_find_cpuid_entry, kvm_set_cpu_caps, kvm_update_cpuid_runtime, page_address_valid } from
	"#arch/x86/kvm/cpuid.h.ts";
import { kvm_read_cr0, kvm_read_cr3, kvm_read_cr4, kvm_register_mark_available, kvm_rip_read,
	kvm_rip_write } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { X86EMUL_CONTINUE, type struct_x86_exception, type struct_x86_instruction_info,
	type x86_intercept_stage } from "#arch/x86/kvm/kvm_emulate.h.ts";
import { kvm_lapic_set_irr, kvm_vcpu_apicv_active, lapic_in_kernel, type struct_kvm_lapic } from
	"#arch/x86/kvm/lapic.h.ts";
import { kvm_mmu_set_me_spte_mask, kvm_mmu_set_mmio_spte_mask, PT64_ROOT_4LEVEL, PT_PRESENT_MASK,
	PT_USER_MASK, PT_WRITABLE_MASK, rsvd_bits } from "#arch/x86/kvm/mmu.h.ts";
import { clr_dr_intercepts, clr_exception_intercept, enable_gif, gif_set, max_sev_asid,
	MSR_INVALID, MSRPM_OFFSETS, pre_sev_run, set_dr_intercepts, set_exception_intercept,
	sev_cpu_init, sev_guest, sev_guest_memory_reclaimed, sev_hardware_setup,
	sev_hardware_unsetup, sev_init_vmcb, sev_mem_enc_ioctl, sev_mem_enc_register_region,
	sev_mem_enc_unregister_region, sev_set_cpu_caps, sev_vm_destroy, struct_kvm_svm,
	struct_svm_cpu_data, struct_vcpu_svm, svm_clr_intercept, svm_is_intercept,
	SVM_REGS_LAZY_LOAD_SET, svm_set_intercept, to_svm, VMCB32_ASID, VMCB32_CLEAN, VMCB32_CR0,
	VMCB32_CR2, VMCB32_CR3, VMCB32_DR6, VMCB32_EVENT_INJ, VMCB32_EXIT_CODE, VMCB32_EXIT_INFO_1,
	VMCB32_EXIT_INFO_2, VMCB32_EXIT_INT_INFO, VMCB32_INT_CTL, VMCB32_RFLAGS, VMCB32_TLB_CTL,
	VMCB64_CR2, VMCB64_RAX, VMCB64_RIP, VMCB64_RSP, VMCB_ALL_CLEAN_MASK,
	VMCB_ALWAYS_DIRTY_MASK, VMCB_ASID, VMCB_CR, VMCB_DR, VMCB_DT, VMCB_INTERCEPTS, VMCB_INTR,
	vmcb_is_intercept, vmcb_mark_all_dirty, vmcb_mark_dirty, VMCB_NPT, VMCB_SEG,
	type struct_kvm_vmcb_info } from "#arch/x86/kvm/svm/svm.h.ts";
import { clgi, invlpga, stgi, vmload, vmsave } from "#arch/x86/kvm/svm/svm_ops.h.ts";
import { KVM_ISA_SVM, trace_kvm_cr_read, trace_kvm_cr_write, trace_kvm_entry, trace_kvm_exit,
	trace_kvm_inj_virq, trace_kvm_page_fault } from "#arch/x86/kvm/trace.h.ts";
import { handle_fastpath_set_msr_irqoff, handle_ud, kvm_after_interrupt, kvm_before_interrupt,
	kvm_caps, kvm_check_has_quirk, kvm_clear_exception_queue, kvm_clear_interrupt_queue,
	kvm_deliver_exception_payload, kvm_exception_is_soft, KVM_HANDLING_NMI, kvm_hlt_in_guest,
	kvm_load_guest_xsave_state, kvm_load_host_xsave_state, kvm_msr_allowed,
	KVM_MSR_RET_INVALID, kvm_mtrr_valid, kvm_mwait_in_guest, kvm_queue_interrupt,
	kvm_register_read, kvm_register_write, is_paging, set_enable_apicv } from
	"#arch/x86/kvm/x86.h.ts";

const SEG_TYPE_LDT		= 2;
const SEG_TYPE_BUSY_TSS16	= 3;

export const msrpm_offsets = new Uint32Array(MSRPM_OFFSETS);

/* what the host's errata list says; the modelled CPU has none */
let osvw_len = 4n, osvw_status = 0n;

interface svm_direct_access_msrs {
	readonly index: number;
	readonly always: boolean;	/* passed through from the start */
}

const direct_access_msrs: readonly svm_direct_access_msrs[] = [
	{ index: MSR_STAR,			always: true },
	{ index: MSR_IA32_SYSENTER_CS,		always: true },
	{ index: MSR_IA32_SYSENTER_EIP,		always: false },
	{ index: MSR_IA32_SYSENTER_ESP,		always: false },
	{ index: MSR_GS_BASE,			always: true },
	{ index: MSR_FS_BASE,			always: true },
	{ index: MSR_KERNEL_GS_BASE,		always: true },
	{ index: MSR_LSTAR,			always: true },
	{ index: MSR_CSTAR,			always: true },
	{ index: MSR_SYSCALL_MASK,		always: true },
	{ index: MSR_IA32_SPEC_CTRL,		always: false },
	{ index: MSR_IA32_PRED_CMD,		always: false },
	{ index: MSR_IA32_LASTBRANCHFROMIP,	always: false },
	{ index: MSR_IA32_LASTBRANCHTOIP,	always: false },
	{ index: MSR_IA32_LASTINTFROMIP,	always: false },
	{ index: MSR_IA32_LASTINTTOIP,		always: false },
	{ index: MSR_EFER,			always: false },
	{ index: MSR_IA32_CR_PAT,		always: false },
	{ index: MSR_AMD64_SEV_ES_GHCB,		always: true },
	{ index: MSR_TSC_AUX,			always: false },
	{ index: MSR_INVALID,			always: false },
];

/* svm_hardware_setup() clears it where the CPU has no nested paging */
export let npt_enabled = true;
module_param("kvm_amd", "npt", param_bool(() => npt_enabled, (v) => { npt_enabled = v; }), 0o444);

/* module parameter: let the CPU save the next RIP */
let nrips = 1;
module_param("kvm_amd", "nrips", param_int(() => nrips, (v) => { nrips = v; }), 0o444);

let dump_invalid_vmcb = false;
module_param("kvm_amd", "dump_invalid_vmcb",
	param_bool(() => dump_invalid_vmcb, (v) => { dump_invalid_vmcb = v; }), 0o644);

let intercept_smi = true;
module_param("kvm_amd", "intercept_smi",
	param_bool(() => intercept_smi, (v) => { intercept_smi = v; }), 0o444);

const DR6_ACTIVE_LOW_32	= Number(DR6_ACTIVE_LOW);

let iopm_base = hpa_t(0);
const IOPM_ORDER	= 2;	/* get_order(IOPM_SIZE) */
const MSRPM_ORDER	= 1;

export const svm_data = DEFINE_PER_CPU<struct_svm_cpu_data | null>(() => null);

const msrpm_ranges: readonly number[] = [0, 0xc0000000, 0xc0010000];

const NUM_MSR_MAPS	= msrpm_ranges.length;
const MSRS_RANGE_SIZE	= 2048;
const MSRS_IN_RANGE	= MSRS_RANGE_SIZE * 8 / 2;

/** arch/x86/kvm/svm/svm.c:svm_msrpm_offset(): the u32 that has the bits of @msr. */
export function svm_msrpm_offset(msr: number): number {
	for (let i = 0; i < NUM_MSR_MAPS; i++) {
		if (msr < msrpm_ranges[i]! ||
		    msr >= msrpm_ranges[i]! + MSRS_IN_RANGE)
			continue;

		let offset = (msr - msrpm_ranges[i]!) >> 2;	/* two bits each */
		offset += i * MSRS_RANGE_SIZE;			/* add range offset */

		return offset >> 2;
	}

	return MSR_INVALID;
}

/* port-only: C has msrpm[offset] */
function msrpm_read(msrpm: struct_page, offset: number): number {
	return frame_get32(msrpm.pfn + (offset >> 10), (offset & 1023) * 4);
}

function msrpm_write(msrpm: struct_page, offset: number, word: number): void {
	frame_put32(msrpm.pfn + (offset >> 10), (offset & 1023) * 4, word);
}

/* port-only: memset(page_address(page), 0xff, PAGE_SIZE << order) */
function fill_pages(page: struct_page, order: number): void {
	for (let i = 0; i < 1 << order; i++)
		frame_bytes(pfn_nr(page.pfn + i)).fill(0xff);
}

/** arch/x86/kvm/svm/svm.c:get_npt_level() */
function get_npt_level(): number {
	return PT64_ROOT_4LEVEL;
}

/** arch/x86/kvm/svm/svm.c:svm_set_efer() */
export function svm_set_efer(vcpu: struct_kvm_vcpu, efer: number): number {
	const svm = to_svm(vcpu);
	vcpu.arch.efer = efer;

	svm.vmcb.save.efer = BigInt(efer | EFER_SVME);
	vmcb_mark_dirty(svm.vmcb, VMCB_CR);
	return 0;
}

/** arch/x86/kvm/svm/svm.c:is_external_interrupt() */
function is_external_interrupt(info: number): boolean {
	info &= SVM_EVTINJ_TYPE_MASK | SVM_EVTINJ_VALID;
	return info === (SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_INTR);
}

/** arch/x86/kvm/svm/svm.c:svm_get_interrupt_shadow() */
function svm_get_interrupt_shadow(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	let ret = 0;

	if ((svm.vmcb.control.int_state & SVM_INTERRUPT_SHADOW_MASK) !== 0)
		ret = KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS;
	return ret;
}

/** arch/x86/kvm/svm/svm.c:svm_set_interrupt_shadow() */
function svm_set_interrupt_shadow(vcpu: struct_kvm_vcpu, mask: number): void {
	const svm = to_svm(vcpu);

	if (mask === 0)
		svm.vmcb.control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	else
		svm.vmcb.control.int_state |= SVM_INTERRUPT_SHADOW_MASK;
}

/** arch/x86/kvm/svm/svm.c:__svm_skip_emulated_instruction() */
function __svm_skip_emulated_instruction(vcpu: struct_kvm_vcpu, commit_side_effects: boolean):
	number {
	const svm = to_svm(vcpu);
	let old_rflags = 0n;

	if (nrips !== 0 && svm.vmcb.control.next_rip !== 0n) {
		WARN_ON_ONCE(!static_cpu_has(X86_FEATURE_NRIPS));
		svm.next_rip = svm.vmcb.control.next_rip;
	}

	if (svm.next_rip === 0n) {
		if (!commit_side_effects)
			old_rflags = svm.vmcb.save.rflags;

		if (kvm_emulate_instruction(vcpu, EMULTYPE_SKIP) === 0)
			return 0;

		if (!commit_side_effects)
			svm.vmcb.save.rflags = old_rflags;
	} else {
		kvm_rip_write(vcpu, svm.next_rip);
	}

	if (commit_side_effects)
		svm_set_interrupt_shadow(vcpu, 0);

	return 1;
}

/** arch/x86/kvm/svm/svm.c:svm_skip_emulated_instruction() */
function svm_skip_emulated_instruction(vcpu: struct_kvm_vcpu): number {
	return __svm_skip_emulated_instruction(vcpu, true);
}

/** arch/x86/kvm/svm/svm.c:svm_update_soft_interrupt_rip() */
function svm_update_soft_interrupt_rip(vcpu: struct_kvm_vcpu): number {
	const old_rip = kvm_rip_read(vcpu);
	const svm = to_svm(vcpu);

	/*
	 * The CPU does not always say what the next RIP is, as when INT3 was met while it delivered
	 * another event. So the instruction is stepped over for the moment; with NRIPS nothing else
	 * of that may stay. If that fails the event is dropped, and the instruction retried.
	 */
	if (__svm_skip_emulated_instruction(vcpu, nrips === 0) === 0)
		return -EIO;

	const rip = kvm_rip_read(vcpu);

	/*
	 * Kept for the case that the delivery does not complete: the exit clears next_rip, and
	 * there may be no instruction to decode any more.
	 */
	svm.soft_int_injected = true;
	svm.soft_int_csbase = svm.vmcb.save.cs.base;
	svm.soft_int_old_rip = old_rip;
	svm.soft_int_next_rip = rip;

	if (nrips !== 0)
		kvm_rip_write(vcpu, old_rip);

	if (static_cpu_has(X86_FEATURE_NRIPS))
		svm.vmcb.control.next_rip = rip;

	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_queue_exception() */
function svm_queue_exception(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const nr = vcpu.arch.exception.nr;
	const has_error_code = vcpu.arch.exception.has_error_code;
	const error_code = vcpu.arch.exception.error_code;

	kvm_deliver_exception_payload(vcpu);

	if (kvm_exception_is_soft(nr) &&
	    svm_update_soft_interrupt_rip(vcpu) !== 0)
		return;

	svm.vmcb.control.event_inj = nr |
		SVM_EVTINJ_VALID |
		(has_error_code ? SVM_EVTINJ_VALID_ERR : 0) |
		SVM_EVTINJ_TYPE_EXEPT;
	svm.vmcb.control.event_inj_err = error_code;
}

/** arch/x86/kvm/svm/svm.c:svm_init_osvw() */
function svm_init_osvw(vcpu: struct_kvm_vcpu): void {
	/* to the guest errata 400 and 415 are fixed: HLT and I/O are intercepted */
	vcpu.arch.osvw.length = osvw_len >= 3n ? osvw_len : 3n;
	vcpu.arch.osvw.status = osvw_status & ~6n;

	/*
	 * With three bits valid the one of erratum 298 is among them. If the host says nothing of
	 * it, the guest had better believe in it.
	 */
	if (osvw_len === 0n && boot_cpu_data.x86 === 0x10)
		vcpu.arch.osvw.status |= 1n;
}

/** arch/x86/kvm/svm/svm.c:has_svm() */
function has_svm(): number {
	const msg = new ref("");

	if (!cpu_has_svm(msg)) {
		printk(KERN_INFO + "has_svm: %s\n", msg.v);
		return 0;
	}

	return 1;
}

/** arch/x86/kvm/svm/svm.c:svm_hardware_disable() */
function svm_hardware_disable(): void {
	cpu_svm_disable();
}

/** arch/x86/kvm/svm/svm.c:svm_hardware_enable(): of the current CPU. */
function svm_hardware_enable(): number {
	const me = raw_smp_processor_id();

	const efer = rdmsrl(MSR_EFER);
	if ((efer & BigInt(EFER_SVME)) !== 0n)
		return -EBUSY;

	if (has_svm() === 0) {
		pr_err("%s: err EOPNOTSUPP on %d\n", "svm_hardware_enable", me);
		return -EINVAL;
	}
	const sd = per_cpu(svm_data, me);
	if (sd === null) {
		pr_err("%s: svm_data is NULL on %d\n", "svm_hardware_enable", me);
		return -EINVAL;
	}

	sd.asid_generation = 1;
	sd.max_asid = cpuid_ebx(SVM_CPUID_FUNC) - 1;
	sd.next_asid = sd.max_asid + 1;
	sd.min_asid = max_sev_asid + 1;

	wrmsrl(MSR_EFER, efer | BigInt(EFER_SVME));

	wrmsrl(MSR_VM_HSAVE_PA, BigInt(sd.save_area!.pfn) * BigInt(PAGE_SIZE));

	/* C: by MSR_AMD64_OSVW_*, where the CPU has X86_FEATURE_OSVW */
	osvw_status = osvw_len = 0n;

	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_cpu_uninit() */
function svm_cpu_uninit(cpu: number): void {
	const sd = per_cpu(svm_data, cpu);

	if (sd === null)
		return;

	svm_data.v[cpu] = null;
	kfree(sd.sev_vmcbs);
	__free_page(sd.save_area!);
	kfree(sd);
}

/** arch/x86/kvm/svm/svm.c:svm_cpu_init() */
function svm_cpu_init(cpu: number): number {
	let ret = -ENOMEM;

	const sd = kzalloc(struct_svm_cpu_data, GFP_KERNEL);
	if (sd === null)
		return ret;
	free_cpu_data: {
		sd.cpu = cpu;
		sd.save_area = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (sd.save_area === null)
			break free_cpu_data;

		free_save_area: {
			ret = sev_cpu_init(sd);
			if (ret !== 0)
				break free_save_area;

			per_cpu(svm_data, cpu);
			svm_data.v[cpu] = sd;

			return 0;
		}
		__free_page(sd.save_area);
	}
	kfree(sd);
	return ret;
}

/** arch/x86/kvm/svm/svm.c:direct_access_msr_slot() */
function direct_access_msr_slot(msr: number): number {
	for (let i = 0; direct_access_msrs[i]!.index !== MSR_INVALID; i++)
		if (direct_access_msrs[i]!.index === msr)
			return i;

	return -ENOENT;
}

/** arch/x86/kvm/svm/svm.c:set_shadow_msr_intercept() */
function set_shadow_msr_intercept(vcpu: struct_kvm_vcpu, msr: number, read: number, write: number):
	void {
	const svm = to_svm(vcpu);
	const slot = direct_access_msr_slot(msr);

	if (slot === -ENOENT)
		return;

	if (read !== 0)
		set_bit(slot, svm.shadow_msr_intercept.read);
	else
		clear_bit(slot, svm.shadow_msr_intercept.read);

	if (write !== 0)
		set_bit(slot, svm.shadow_msr_intercept.write);
	else
		clear_bit(slot, svm.shadow_msr_intercept.write);
}

/** arch/x86/kvm/svm/svm.c:valid_msr_intercept() */
function valid_msr_intercept(index: number): boolean {
	return direct_access_msr_slot(index) !== -ENOENT;
}

/** arch/x86/kvm/svm/svm.c:set_msr_interception_bitmap() */
function set_msr_interception_bitmap(vcpu: struct_kvm_vcpu, msrpm: struct_page, msr: number,
	read: number, write: number): void {
	/* an MSR that is not in direct_access_msrs should be added there */
	WARN_ON(!valid_msr_intercept(msr));

	/* what a filter denies exits, whatever was asked for */
	if (read !== 0 && !kvm_msr_allowed(vcpu, msr, KVM_MSR_FILTER_READ))
		read = 0;

	if (write !== 0 && !kvm_msr_allowed(vcpu, msr, KVM_MSR_FILTER_WRITE))
		write = 0;

	const offset = svm_msrpm_offset(msr);
	const bit_read = 2 * (msr & 0x0f);
	const bit_write = 2 * (msr & 0x0f) + 1;

	BUG_ON(offset === MSR_INVALID);
	let tmp = msrpm_read(msrpm, offset);

	tmp = read !== 0 ? tmp & ~(1 << bit_read) : tmp | 1 << bit_read;
	tmp = write !== 0 ? tmp & ~(1 << bit_write) : tmp | 1 << bit_write;

	msrpm_write(msrpm, offset, tmp);
}

/** arch/x86/kvm/svm/svm.c:set_msr_interception(): @read, @write: 1 passes the access through. */
export function set_msr_interception(vcpu: struct_kvm_vcpu, msrpm: struct_page, msr: number,
	read: number, write: number): void {
	set_shadow_msr_intercept(vcpu, msr, read, write);
	set_msr_interception_bitmap(vcpu, msrpm, msr, read, write);
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_alloc_msrpm() */
function svm_vcpu_alloc_msrpm(): struct_page | null {
	const pages = alloc_pages(GFP_KERNEL_ACCOUNT, MSRPM_ORDER);

	if (pages === null)
		return null;

	fill_pages(pages, MSRPM_ORDER);

	return pages;
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_init_msrpm() */
function svm_vcpu_init_msrpm(vcpu: struct_kvm_vcpu, msrpm: struct_page): void {
	for (let i = 0; direct_access_msrs[i]!.index !== MSR_INVALID; i++) {
		if (!direct_access_msrs[i]!.always)
			continue;
		set_msr_interception(vcpu, msrpm, direct_access_msrs[i]!.index, 1, 1);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_msr_filter_changed() */
function svm_msr_filter_changed(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	/* the filter is asked again for each of them */
	for (let i = 0; direct_access_msrs[i]!.index !== MSR_INVALID; i++) {
		const msr = direct_access_msrs[i]!.index;
		const read = test_bit(i, svm.shadow_msr_intercept.read) ? 1 : 0;
		const write = test_bit(i, svm.shadow_msr_intercept.write) ? 1 : 0;

		set_msr_interception_bitmap(vcpu, svm.msrpm!, msr, read, write);
	}
}

/** arch/x86/kvm/svm/svm.c:add_msr_offset() */
function add_msr_offset(offset: number): void {
	for (let i = 0; i < MSRPM_OFFSETS; ++i) {

		/* there already */
		if (msrpm_offsets[i] === offset)
			return;

		/* taken */
		if (msrpm_offsets[i] !== MSR_INVALID)
			continue;

		msrpm_offsets[i] = offset;

		return;
	}

	/* then MSRPM_OFFSETS is too small */
	BUG();
}

/** arch/x86/kvm/svm/svm.c:init_msrpm_offsets() */
function init_msrpm_offsets(): void {
	msrpm_offsets.fill(0xffffffff);

	for (let i = 0; direct_access_msrs[i]!.index !== MSR_INVALID; i++) {
		const offset = svm_msrpm_offset(direct_access_msrs[i]!.index);
		BUG_ON(offset === MSR_INVALID);

		add_msr_offset(offset);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_get_lbr_msr(): branch records are never on. */
function svm_get_lbr_msr(svm: struct_vcpu_svm, index: number): bigint {
	const vmcb = svm.vmcb01.ptr!;

	switch (index) {
	case MSR_IA32_DEBUGCTLMSR:
		return vmcb.save.dbgctl;
	case MSR_IA32_LASTBRANCHFROMIP:
		return vmcb.save.br_from;
	case MSR_IA32_LASTBRANCHTOIP:
		return vmcb.save.br_to;
	case MSR_IA32_LASTINTFROMIP:
		return vmcb.save.last_excp_from;
	case MSR_IA32_LASTINTTOIP:
		return vmcb.save.last_excp_to;
	default:
		KVM_BUG(false, svm.vcpu.kvm, "%s: Unknown MSR 0x%x", "svm_get_lbr_msr", index);
		return 0n;
	}
}

/** arch/x86/kvm/svm/svm.c:disable_nmi_singlestep() */
function disable_nmi_singlestep(svm: struct_vcpu_svm): void {
	svm.nmi_singlestep = false;

	if ((svm.vcpu.guest_debug & KVM_GUESTDBG_SINGLESTEP) === 0) {
		if ((svm.nmi_singlestep_guest_rflags & X86_EFLAGS_TF) === 0)
			svm.vmcb.save.rflags &= ~BigInt(X86_EFLAGS_TF);
		if ((svm.nmi_singlestep_guest_rflags & X86_EFLAGS_RF) === 0)
			svm.vmcb.save.rflags &= ~BigInt(X86_EFLAGS_RF);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_hardware_unsetup() */
function svm_hardware_unsetup(): void {
	sev_hardware_unsetup();

	for (const cpu of for_each_possible_cpu())
		svm_cpu_uninit(cpu);

	__free_pages(pfn_to_page(pfn_nr(iopm_base / PAGE_SIZE)), IOPM_ORDER);
	iopm_base = hpa_t(0);
}

/** arch/x86/kvm/svm/svm.c:init_seg() */
function init_seg(seg: vmcb_seg): void {
	seg.selector = 0;
	seg.attrib = SVM_SELECTOR_P_MASK | SVM_SELECTOR_S_MASK |
		SVM_SELECTOR_WRITE_MASK;
	seg.limit = 0xffff;
	seg.base = 0n;
}

/** arch/x86/kvm/svm/svm.c:init_sys_seg() */
function init_sys_seg(seg: vmcb_seg, type: number): void {
	seg.selector = 0;
	seg.attrib = SVM_SELECTOR_P_MASK | type;
	seg.limit = 0xffff;
	seg.base = 0n;
}

/** arch/x86/kvm/svm/svm.c:svm_get_l2_tsc_offset() */
function svm_get_l2_tsc_offset(_vcpu: struct_kvm_vcpu): bigint {
	/* nested.ctl.tsc_offset: no nested guest ever set it */
	return 0n;
}

/** arch/x86/kvm/svm/svm.c:svm_get_l2_tsc_multiplier() */
function svm_get_l2_tsc_multiplier(vcpu: struct_kvm_vcpu): bigint {
	const svm = to_svm(vcpu);

	return svm.tsc_ratio_msr;
}

/** arch/x86/kvm/svm/svm.c:svm_write_tsc_offset() */
function svm_write_tsc_offset(vcpu: struct_kvm_vcpu, offset: bigint): void {
	const svm = to_svm(vcpu);

	svm.vmcb01.ptr!.control.tsc_offset = vcpu.arch.l1_tsc_offset;
	svm.vmcb.control.tsc_offset = offset;
	vmcb_mark_dirty(svm.vmcb, VMCB_INTERCEPTS);
}

/** arch/x86/kvm/svm/svm.c:svm_write_tsc_multiplier(): never called without TSC scaling. */
function svm_write_tsc_multiplier(_vcpu: struct_kvm_vcpu, _multiplier: bigint): void {}

/** arch/x86/kvm/svm/svm.c:svm_recalc_instruction_intercepts(): what goes by the guest's CPUID. */
function svm_recalc_instruction_intercepts(vcpu: struct_kvm_vcpu, svm: struct_vcpu_svm): void {
	/* #UD if the guest has no INVPCID */
	if (kvm_cpu_cap_has(X86_FEATURE_INVPCID)) {
		if (!guest_cpuid_has(svm.vcpu, X86_FEATURE_INVPCID))
			svm_set_intercept(svm, INTERCEPT_INVPCID);
		else
			svm_clr_intercept(svm, INTERCEPT_INVPCID);
	}

	if (kvm_cpu_cap_has(X86_FEATURE_RDTSCP)) {
		if (guest_cpuid_has(vcpu, X86_FEATURE_RDTSCP))
			svm_clr_intercept(svm, INTERCEPT_RDTSCP);
		else
			svm_set_intercept(svm, INTERCEPT_RDTSCP);
	}
}

/** arch/x86/kvm/svm/svm.c:init_vmcb_after_set_cpuid() */
function init_vmcb_after_set_cpuid(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	if (guest_cpuid_is_intel(vcpu)) {
		/* the CPU keeps 32 bits of SYSENTER_EIP and SYSENTER_ESP, Intel's 64 */
		svm_set_intercept(svm, INTERCEPT_VMLOAD);
		svm_set_intercept(svm, INTERCEPT_VMSAVE);

		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_SYSENTER_EIP, 0, 0);
		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_SYSENTER_ESP, 0, 0);
	} else {
		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_SYSENTER_EIP, 1, 1);
		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_SYSENTER_ESP, 1, 1);
	}
}

/** arch/x86/kvm/svm/svm.c:init_vmcb() */
function init_vmcb(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const vmcb = svm.vmcb01.ptr!;
	const { control, save } = vmcb;

	svm_set_intercept(svm, INTERCEPT_CR0_READ);
	svm_set_intercept(svm, INTERCEPT_CR4_READ);
	svm_set_intercept(svm, INTERCEPT_CR0_WRITE);
	svm_set_intercept(svm, INTERCEPT_CR4_WRITE);
	if (!kvm_vcpu_apicv_active(vcpu))
		svm_set_intercept(svm, INTERCEPT_CR8_WRITE);

	set_dr_intercepts(svm);

	set_exception_intercept(svm, UD_VECTOR);
	set_exception_intercept(svm, MC_VECTOR);
	set_exception_intercept(svm, AC_VECTOR);
	set_exception_intercept(svm, DB_VECTOR);

	svm_set_intercept(svm, INTERCEPT_INTR);
	svm_set_intercept(svm, INTERCEPT_NMI);

	if (intercept_smi)
		svm_set_intercept(svm, INTERCEPT_SMI);

	svm_set_intercept(svm, INTERCEPT_SELECTIVE_CR0);
	svm_set_intercept(svm, INTERCEPT_RDPMC);
	svm_set_intercept(svm, INTERCEPT_CPUID);
	svm_set_intercept(svm, INTERCEPT_INVD);
	svm_set_intercept(svm, INTERCEPT_INVLPGA);
	svm_set_intercept(svm, INTERCEPT_IOIO_PROT);
	svm_set_intercept(svm, INTERCEPT_MSR_PROT);
	svm_set_intercept(svm, INTERCEPT_TASK_SWITCH);
	svm_set_intercept(svm, INTERCEPT_SHUTDOWN);
	svm_set_intercept(svm, INTERCEPT_VMRUN);
	svm_set_intercept(svm, INTERCEPT_VMMCALL);
	svm_set_intercept(svm, INTERCEPT_VMLOAD);
	svm_set_intercept(svm, INTERCEPT_VMSAVE);
	svm_set_intercept(svm, INTERCEPT_STGI);
	svm_set_intercept(svm, INTERCEPT_CLGI);
	svm_set_intercept(svm, INTERCEPT_SKINIT);
	svm_set_intercept(svm, INTERCEPT_WBINVD);
	svm_set_intercept(svm, INTERCEPT_XSETBV);
	svm_set_intercept(svm, INTERCEPT_RDPRU);
	svm_set_intercept(svm, INTERCEPT_RSM);

	if (!kvm_mwait_in_guest(vcpu.kvm)) {
		svm_set_intercept(svm, INTERCEPT_MONITOR);
		svm_set_intercept(svm, INTERCEPT_MWAIT);
	}

	if (!kvm_hlt_in_guest(vcpu.kvm))
		svm_set_intercept(svm, INTERCEPT_HLT);

	control.iopm_base_pa = BigInt(iopm_base);
	control.msrpm_base_pa = BigInt(svm.msrpm!.pfn * PAGE_SIZE);
	control.int_ctl = V_INTR_MASKING_MASK;

	init_seg(save.es);
	init_seg(save.ss);
	init_seg(save.ds);
	init_seg(save.fs);
	init_seg(save.gs);

	save.cs.selector = 0xf000;
	save.cs.base = 0xffff0000n;
	save.cs.attrib = SVM_SELECTOR_READ_MASK | SVM_SELECTOR_P_MASK |
		SVM_SELECTOR_S_MASK | SVM_SELECTOR_CODE_MASK;
	save.cs.limit = 0xffff;

	save.gdtr.base = 0n;
	save.gdtr.limit = 0xffff;
	save.idtr.base = 0n;
	save.idtr.limit = 0xffff;

	init_sys_seg(save.ldtr, SEG_TYPE_LDT);
	init_sys_seg(save.tr, SEG_TYPE_BUSY_TSS16);

	/* nested paging: neither INVLPG nor #PF nor CR3 are of interest */
	control.nested_ctl |= BigInt(SVM_NESTED_CTL_NP_ENABLE);
	save.g_pat = vcpu.arch.pat;
	save.cr3 = 0n;

	svm.current_vmcb.asid_generation = 0;
	svm.asid = 0;

	svm_clr_intercept(svm, INTERCEPT_PAUSE);

	svm_recalc_instruction_intercepts(vcpu, svm);

	if (sev_guest(vcpu.kvm))
		sev_init_vmcb(svm);

	init_vmcb_after_set_cpuid(vcpu);

	vmcb_mark_all_dirty(vmcb);

	enable_gif(svm);
}

/** arch/x86/kvm/svm/svm.c:__svm_vcpu_reset() */
function __svm_vcpu_reset(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	svm_vcpu_init_msrpm(vcpu, svm.msrpm!);

	svm_init_osvw(vcpu);
	vcpu.arch.microcode_version = 0x01000065n;
	svm.tsc_ratio_msr = kvm_caps.default_tsc_scaling_ratio;
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_reset() */
function svm_vcpu_reset(vcpu: struct_kvm_vcpu, init_event: boolean): void {
	const svm = to_svm(vcpu);

	svm.spec_ctrl = 0n;
	svm.virt_spec_ctrl = 0n;

	init_vmcb(vcpu);

	if (!init_event)
		__svm_vcpu_reset(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_switch_vmcb() */
function svm_switch_vmcb(svm: struct_vcpu_svm, target_vmcb: struct_kvm_vmcb_info): void {
	svm.current_vmcb = target_vmcb;
	svm.vmcb = target_vmcb.ptr!;
	svm.vmcb32 = target_vmcb.u32!;
	svm.vmcb64 = target_vmcb.u64!;
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_create() */
function svm_vcpu_create(vcpu: struct_kvm_vcpu): number {
	let err: number;

	const svm = to_svm(vcpu);

	err = -ENOMEM;
	out: {
		const vmcb01_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (vmcb01_page === null)
			break out;

		error_free_vmcb_page: {
			svm.msrpm = svm_vcpu_alloc_msrpm();
			if (svm.msrpm === null) {
				err = -ENOMEM;
				break error_free_vmcb_page;
			}

			const bytes = page_bytes(vmcb01_page);
			svm.vmcb01.page = vmcb01_page;
			svm.vmcb01.ptr = struct_vmcb.of(bytes);
			svm.vmcb01.u32 = new Uint32Array(bytes.buffer, bytes.byteOffset, 1024);
			svm.vmcb01.u64 = new BigUint64Array(bytes.buffer, bytes.byteOffset, 512);
			svm.vmcb01.pa = hpa_t(vmcb01_page.pfn * PAGE_SIZE);
			svm_switch_vmcb(svm, svm.vmcb01);

			svm.guest_state_loaded = false;

			vcpu.arch.guest ??= new struct_guest_cpu();

			return 0;
		}
		__free_page(vmcb01_page);
	}
	return err;
}

/** arch/x86/kvm/svm/svm.c:svm_clear_current_vmcb() */
function svm_clear_current_vmcb(vmcb: vmcb): void {
	for (const i of for_each_online_cpu()) {
		const sd = per_cpu(svm_data, i)!;

		if (sd.current_vmcb === vmcb)
			sd.current_vmcb = null;
	}
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_free() */
function svm_vcpu_free(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	/* the page may become another VMCB, which svm_vcpu_load() must not take for this one */
	svm_clear_current_vmcb(svm.vmcb);

	__free_page(svm.vmcb01.page!);
	__free_pages(svm.msrpm!, MSRPM_ORDER);
}

/** arch/x86/kvm/svm/svm.c:svm_prepare_switch_to_guest() */
function svm_prepare_switch_to_guest(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const sd = per_cpu(svm_data, vcpu.cpu)!;

	if (svm.guest_state_loaded)
		return;

	/* what VMRUN does not save of the host; loaded back after the exit */
	vmsave(hpa_t(sd.save_area!.pfn * PAGE_SIZE));

	svm.guest_state_loaded = true;
}

/** arch/x86/kvm/svm/svm.c:svm_prepare_host_switch() */
function svm_prepare_host_switch(vcpu: struct_kvm_vcpu): void {
	to_svm(vcpu).guest_state_loaded = false;
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_load() */
function svm_vcpu_load(vcpu: struct_kvm_vcpu, cpu: number): void {
	const svm = to_svm(vcpu);
	const sd = per_cpu(svm_data, cpu)!;

	if (sd.current_vmcb !== svm.vmcb)
		sd.current_vmcb = svm.vmcb;
}

/* port-only: from __svm_vcpu_run(), what VMRUN does not save, the guest's and then the host's */
function svm_switch_hidden_state(svm: struct_vcpu_svm, cpu: number): void {
	vmsave(svm.vmcb01.pa);

	vmload(hpa_t(per_cpu(svm_data, cpu)!.save_area!.pfn * PAGE_SIZE));
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_put() */
function svm_vcpu_put(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	/* preempted in the guest */
	if ((current.flags & PF_VCPU) !== 0 && svm.guest_state_loaded)
		svm_switch_hidden_state(svm, vcpu.cpu);
	svm_prepare_host_switch(vcpu);

	++vcpu.stat.host_state_reload;
}

/** arch/x86/kvm/svm/svm.c:svm_get_rflags() */
function svm_get_rflags(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	let rflags = svm.vmcb32[VMCB32_RFLAGS]!;

	if (svm.nmi_singlestep) {
		if ((svm.nmi_singlestep_guest_rflags & X86_EFLAGS_TF) === 0)
			rflags &= ~X86_EFLAGS_TF;
		if ((svm.nmi_singlestep_guest_rflags & X86_EFLAGS_RF) === 0)
			rflags &= ~X86_EFLAGS_RF;
	}
	return rflags;
}

/** arch/x86/kvm/svm/svm.c:svm_set_rflags() */
function svm_set_rflags(vcpu: struct_kvm_vcpu, rflags: number): void {
	if (to_svm(vcpu).nmi_singlestep)
		rflags |= X86_EFLAGS_TF | X86_EFLAGS_RF;

	/* CPL does not follow from EFLAGS.VM: a change of that comes with a new SS */
	to_svm(vcpu).vmcb.save.rflags = BigInt(rflags);
}

/** arch/x86/kvm/svm/svm.c:svm_get_if_flag() */
function svm_get_if_flag(vcpu: struct_kvm_vcpu): boolean {
	return (kvm_get_rflags(vcpu) & X86_EFLAGS_IF) !== 0;
}

/** arch/x86/kvm/svm/svm.c:svm_cache_reg() */
function svm_cache_reg(vcpu: struct_kvm_vcpu, reg: kvm_reg): void {
	kvm_register_mark_available(vcpu, reg);

	switch (reg) {
	case VCPU_EXREG_PDPTR:
		/* C: load_pdptrs(); of PAE paging nothing is read from the guest here */
		break;
	default:
		KVM_BUG_ON(true, vcpu.kvm);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_set_vintr() */
function svm_set_vintr(svm: struct_vcpu_svm): void {
	/* AVIC would ignore the fields */
	WARN_ON(kvm_vcpu_apicv_activated(svm.vcpu));

	svm_set_intercept(svm, INTERCEPT_VINTR);

	/* only to make the guest exit when it could take it; interrupts go by event_inj */
	const { control } = svm.vmcb;
	control.int_vector = 0x0;
	control.int_ctl &= ~V_INTR_PRIO_MASK;
	control.int_ctl |= V_IRQ_MASK |
		((/*control->int_vector >> 4*/ 0xf) << V_INTR_PRIO_SHIFT);
	vmcb_mark_dirty(svm.vmcb, VMCB_INTR);
}

/** arch/x86/kvm/svm/svm.c:svm_clear_vintr() */
function svm_clear_vintr(svm: struct_vcpu_svm): void {
	svm_clr_intercept(svm, INTERCEPT_VINTR);

	/* what svm_set_vintr() put there */
	svm.vmcb.control.int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;

	vmcb_mark_dirty(svm.vmcb, VMCB_INTR);
}

/** arch/x86/kvm/svm/svm.c:svm_seg() */
function svm_seg(vcpu: struct_kvm_vcpu, seg: number): vmcb_seg {
	const { save } = to_svm(vcpu).vmcb;
	const save01 = to_svm(vcpu).vmcb01.ptr!.save;

	switch (seg) {
	case VCPU_SREG_CS: return save.cs;
	case VCPU_SREG_DS: return save.ds;
	case VCPU_SREG_ES: return save.es;
	case VCPU_SREG_FS: return save01.fs;
	case VCPU_SREG_GS: return save01.gs;
	case VCPU_SREG_SS: return save.ss;
	case VCPU_SREG_TR: return save01.tr;
	case VCPU_SREG_LDTR: return save01.ldtr;
	}
	BUG();
}

/** arch/x86/kvm/svm/svm.c:svm_get_segment_base() */
function svm_get_segment_base(vcpu: struct_kvm_vcpu, seg: number): bigint {
	const s = svm_seg(vcpu, seg);

	return s.base;
}

/** arch/x86/kvm/svm/svm.c:svm_get_segment() */
function svm_get_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment, seg: number): void {
	const s = svm_seg(vcpu, seg);

	var_.base = s.base;
	var_.limit = s.limit;
	var_.selector = s.selector;
	var_.type = s.attrib & SVM_SELECTOR_TYPE_MASK;
	var_.s = (s.attrib >> SVM_SELECTOR_S_SHIFT) & 1;
	var_.dpl = (s.attrib >> SVM_SELECTOR_DPL_SHIFT) & 3;
	var_.present = (s.attrib >> SVM_SELECTOR_P_SHIFT) & 1;
	var_.avl = (s.attrib >> SVM_SELECTOR_AVL_SHIFT) & 1;
	var_.l = (s.attrib >> SVM_SELECTOR_L_SHIFT) & 1;
	var_.db = (s.attrib >> SVM_SELECTOR_DB_SHIFT) & 1;

	/*
	 * The G bit is not kept for every segment on every CPU, and SVM does not look at it. What
	 * VMX would accept follows from the limit.
	 */
	var_.g = s.limit > 0xfffff ? 1 : 0;

	/* the VMCB has no such flag: "not present" stands for it */
	var_.unusable = var_.present === 0 ? 1 : 0;

	switch (seg) {
	case VCPU_SREG_TR:
		/* the busy flag does not show in it */
		var_.type |= 0x2;
		break;
	case VCPU_SREG_DS:
	case VCPU_SREG_ES:
	case VCPU_SREG_FS:
	case VCPU_SREG_GS:
		/* the accessed bit of what is loaded is always 1, and VMX checks it */
		if (var_.unusable === 0)
			var_.type |= 0x1;
		break;
	case VCPU_SREG_SS:
		/* DB may be left over from before it became unusable; VMX checks it */
		if (var_.unusable !== 0)
			var_.db = 0;
		/* as svm_set_segment() stores it */
		var_.dpl = to_svm(vcpu).vmcb.save.cpl;
		break;
	}
}

/** arch/x86/kvm/svm/svm.c:svm_get_cpl() */
function svm_get_cpl(vcpu: struct_kvm_vcpu): number {
	return to_svm(vcpu).vmcb.save.cpl;
}

/** arch/x86/kvm/svm/svm.c:svm_get_cs_db_l_bits(): of svm_get_segment() only what is asked for. */
function svm_get_cs_db_l_bits(vcpu: struct_kvm_vcpu, db: ref<number>, l: ref<number>): void {
	const { attrib } = svm_seg(vcpu, VCPU_SREG_CS);

	db.v = (attrib >> SVM_SELECTOR_DB_SHIFT) & 1;
	l.v = (attrib >> SVM_SELECTOR_L_SHIFT) & 1;
}

/** arch/x86/kvm/svm/svm.c:svm_get_idt() */
function svm_get_idt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	const svm = to_svm(vcpu);

	dt.size = svm.vmcb.save.idtr.limit;
	dt.address = svm.vmcb.save.idtr.base;
}

/** arch/x86/kvm/svm/svm.c:svm_set_idt() */
function svm_set_idt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	const svm = to_svm(vcpu);

	svm.vmcb.save.idtr.limit = dt.size;
	svm.vmcb.save.idtr.base = dt.address;
	vmcb_mark_dirty(svm.vmcb, VMCB_DT);
}

/** arch/x86/kvm/svm/svm.c:svm_get_gdt() */
function svm_get_gdt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	const svm = to_svm(vcpu);

	dt.size = svm.vmcb.save.gdtr.limit;
	dt.address = svm.vmcb.save.gdtr.base;
}

/** arch/x86/kvm/svm/svm.c:svm_set_gdt() */
function svm_set_gdt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void {
	const svm = to_svm(vcpu);

	svm.vmcb.save.gdtr.limit = dt.size;
	svm.vmcb.save.gdtr.base = dt.address;
	vmcb_mark_dirty(svm.vmcb, VMCB_DT);
}

/** arch/x86/kvm/svm/svm.c:svm_set_cr0() */
export function svm_set_cr0(vcpu: struct_kvm_vcpu, cr0: number): void {
	const svm = to_svm(vcpu);
	let hcr0 = cr0;

	if ((vcpu.arch.efer & EFER_LME) !== 0 && !vcpu.arch.guest_state_protected) {
		if (!is_paging(vcpu) && (cr0 & X86_CR0_PG) !== 0) {
			vcpu.arch.efer |= EFER_LMA;
			svm.vmcb.save.efer |= BigInt(EFER_LMA | EFER_LME);
		}

		if (is_paging(vcpu) && (cr0 & X86_CR0_PG) === 0) {
			vcpu.arch.efer &= ~EFER_LMA;
			svm.vmcb.save.efer &= ~BigInt(EFER_LMA | EFER_LME);
		}
	}
	vcpu.arch.cr0 = cr0;

	/* old firmware leaves caching off, which makes a reboot slow */
	if (kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_CD_NW_CLEARED))
		hcr0 = (hcr0 & ~(X86_CR0_CD | X86_CR0_NW)) >>> 0;

	svm.vmcb.save.cr0 = BigInt(hcr0);
	vmcb_mark_dirty(svm.vmcb, VMCB_CR);

	if (hcr0 === cr0) {
		/* the selective one stays */
		svm_clr_intercept(svm, INTERCEPT_CR0_READ);
		svm_clr_intercept(svm, INTERCEPT_CR0_WRITE);
	} else {
		svm_set_intercept(svm, INTERCEPT_CR0_READ);
		svm_set_intercept(svm, INTERCEPT_CR0_WRITE);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_is_valid_cr4() */
function svm_is_valid_cr4(_vcpu: struct_kvm_vcpu, _cr4: number): boolean {
	return true;
}

/** arch/x86/kvm/svm/svm.c:svm_set_cr4() */
export function svm_set_cr4(vcpu: struct_kvm_vcpu, cr4: number): void {
	const host_cr4_mce = this_cpu.cr4 & X86_CR4_MCE;
	const old_cr4 = vcpu.arch.cr4;

	if (((old_cr4 ^ cr4) & X86_CR4_PGE) !== 0)
		svm_flush_tlb_current(vcpu);

	vcpu.arch.cr4 = cr4;
	cr4 |= host_cr4_mce;
	to_svm(vcpu).vmcb.save.cr4 = BigInt(cr4);
	vmcb_mark_dirty(to_svm(vcpu).vmcb, VMCB_CR);

	if (((cr4 ^ old_cr4) & (X86_CR4_OSXSAVE | X86_CR4_PKE)) !== 0)
		kvm_update_cpuid_runtime(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_set_segment() */
function svm_set_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment, seg: number): void {
	const svm = to_svm(vcpu);
	const s = svm_seg(vcpu, seg);

	s.base = var_.base;
	s.limit = var_.limit;
	s.selector = var_.selector;
	let attrib = var_.type & SVM_SELECTOR_TYPE_MASK;
	attrib |= (var_.s & 1) << SVM_SELECTOR_S_SHIFT;
	attrib |= (var_.dpl & 3) << SVM_SELECTOR_DPL_SHIFT;
	attrib |= ((var_.present & 1) !== 0 && var_.unusable === 0 ? 1 : 0) << SVM_SELECTOR_P_SHIFT;
	attrib |= (var_.avl & 1) << SVM_SELECTOR_AVL_SHIFT;
	attrib |= (var_.l & 1) << SVM_SELECTOR_L_SHIFT;
	attrib |= (var_.db & 1) << SVM_SELECTOR_DB_SHIFT;
	attrib |= (var_.g & 1) << SVM_SELECTOR_G_SHIFT;
	s.attrib = attrib;

	/* wrong only where SYSRET loaded an SS whose DPL is not 3: Intel's CPUs force it to 3 */
	if (seg === VCPU_SREG_SS)
		/* where svm_get_segment() looks */
		svm.vmcb.save.cpl = var_.dpl & 3;

	vmcb_mark_dirty(svm.vmcb, VMCB_SEG);
}

/** arch/x86/kvm/svm/svm.c:svm_update_exception_bitmap() */
function svm_update_exception_bitmap(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	clr_exception_intercept(svm, BP_VECTOR);

	if ((vcpu.guest_debug & KVM_GUESTDBG_ENABLE) !== 0) {
		if ((vcpu.guest_debug & KVM_GUESTDBG_USE_SW_BP) !== 0)
			set_exception_intercept(svm, BP_VECTOR);
	}
}

/** arch/x86/kvm/svm/svm.c:new_asid() */
function new_asid(svm: struct_vcpu_svm, sd: struct_svm_cpu_data): void {
	if (sd.next_asid > sd.max_asid) {
		++sd.asid_generation;
		sd.next_asid = sd.min_asid;
		svm.vmcb.control.tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
		vmcb_mark_dirty(svm.vmcb, VMCB_ASID);
	}

	svm.current_vmcb.asid_generation = sd.asid_generation;
	svm.asid = sd.next_asid++;
}

/** arch/x86/kvm/svm/svm.c:svm_set_dr6(): the upper half is always 0. */
function svm_set_dr6(svm: struct_vcpu_svm, value: number): void {
	if (svm.vcpu.arch.guest_state_protected)
		return;

	if (value !== svm.vmcb32[VMCB32_DR6]) {
		svm.vmcb32[VMCB32_DR6] = value;
		vmcb_mark_dirty(svm.vmcb, VMCB_DR);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_sync_dirty_debug_regs() */
function svm_sync_dirty_debug_regs(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const { dr } = vcpu.arch.guest!;

	if (vcpu.arch.guest_state_protected)
		return;

	/* C: get_debugreg() */
	vcpu.arch.db[0] = dr[0]!;
	vcpu.arch.db[1] = dr[1]!;
	vcpu.arch.db[2] = dr[2]!;
	vcpu.arch.db[3] = dr[3]!;
	/* db_interception() may yet want save.dr6; it is reset before the entry */
	vcpu.arch.dr6 = svm.vmcb.save.dr6;
	vcpu.arch.dr7 = svm.vmcb.save.dr7;
	vcpu.arch.switch_db_regs &= ~KVM_DEBUGREG_WONT_EXIT;
	set_dr_intercepts(svm);
}

/** arch/x86/kvm/svm/svm.c:svm_set_dr7() */
function svm_set_dr7(vcpu: struct_kvm_vcpu, value: bigint): void {
	const svm = to_svm(vcpu);

	if (vcpu.arch.guest_state_protected)
		return;

	svm.vmcb.save.dr7 = value;
	vmcb_mark_dirty(svm.vmcb, VMCB_DR);
}

/* port-only: exit_info_1 and exit_info_2 where they are below 2^53 */
function exit_info_1(svm: struct_vcpu_svm): number {
	return svm.vmcb32[VMCB32_EXIT_INFO_1]! + svm.vmcb32[VMCB32_EXIT_INFO_1 + 1]! * 2 ** 32;
}

function exit_info_2(svm: struct_vcpu_svm): number {
	return svm.vmcb32[VMCB32_EXIT_INFO_2]! + svm.vmcb32[VMCB32_EXIT_INFO_2 + 1]! * 2 ** 32;
}

/** arch/x86/kvm/svm/svm.c:npf_interception() */
function npf_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);

	const fault_address = gpa_t(exit_info_2(svm));
	const error_code = exit_info_1(svm);

	trace_kvm_page_fault(fault_address, error_code);
	return kvm_mmu_page_fault(vcpu, fault_address, error_code,
		static_cpu_has(X86_FEATURE_DECODEASSISTS) ? svm.vmcb.control.insn_bytes : null,
		svm.vmcb.control.insn_len);
}

/** arch/x86/kvm/svm/svm.c:db_interception() */
function db_interception(vcpu: struct_kvm_vcpu): number {
	const kvm_run = vcpu.run;
	const svm = to_svm(vcpu);

	if ((vcpu.guest_debug &
	     (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) === 0 &&
	    !svm.nmi_singlestep) {
		const payload = (svm.vmcb.save.dr6 ^ DR6_ACTIVE_LOW) & 0xffffffffn;
		kvm_queue_exception_p(vcpu, DB_VECTOR, payload);
		return 1;
	}

	if (svm.nmi_singlestep) {
		disable_nmi_singlestep(svm);
		kvm_make_request(KVM_REQ_EVENT, vcpu);
	}

	if ((vcpu.guest_debug &
	     (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) !== 0) {
		kvm_run.exit_reason = KVM_EXIT_DEBUG;
		kvm_run.debug.arch.dr6 = svm.vmcb.save.dr6;
		kvm_run.debug.arch.dr7 = svm.vmcb.save.dr7;
		kvm_run.debug.arch.pc = svm.vmcb.save.cs.base + svm.vmcb.save.rip;
		kvm_run.debug.arch.exception = DB_VECTOR;
		return 0;
	}

	return 1;
}

/** arch/x86/kvm/svm/svm.c:bp_interception() */
function bp_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	const kvm_run = vcpu.run;

	kvm_run.exit_reason = KVM_EXIT_DEBUG;
	kvm_run.debug.arch.pc = svm.vmcb.save.cs.base + svm.vmcb.save.rip;
	kvm_run.debug.arch.exception = BP_VECTOR;
	return 0;
}

/** arch/x86/kvm/svm/svm.c:ud_interception() */
function ud_interception(vcpu: struct_kvm_vcpu): number {
	return handle_ud(vcpu);
}

/** arch/x86/kvm/svm/svm.c:ac_interception() */
function ac_interception(vcpu: struct_kvm_vcpu): number {
	kvm_queue_exception_e(vcpu, AC_VECTOR, 0);
	return 1;
}

/** arch/x86/kvm/svm/svm.c:mc_interception() */
function mc_interception(_vcpu: struct_kvm_vcpu): number {
	return 1;
}

/** arch/x86/kvm/svm/svm.c:shutdown_interception() */
function shutdown_interception(vcpu: struct_kvm_vcpu): number {
	const kvm_run = vcpu.run;
	const svm = to_svm(vcpu);

	/*
	 * What the VMCB holds now is undefined. INIT makes it good again; there are machines that
	 * answer a shutdown that way, and userspace has no state for "shut down".
	 */
	clear_page(svm.current_vmcb.page!);
	kvm_vcpu_reset(vcpu, true);

	kvm_run.exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

/** arch/x86/kvm/svm/svm.c:io_interception() */
function io_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	const io_info = svm.vmcb32[VMCB32_EXIT_INFO_1]!;

	++vcpu.stat.io_exits;
	const string = (io_info & SVM_IOIO_STR_MASK) !== 0;
	const in_ = (io_info & SVM_IOIO_TYPE_MASK) !== 0;
	const port = io_info >>> 16;
	const size = (io_info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT;

	if (string)
		return kvm_emulate_instruction(vcpu, 0);

	svm.next_rip = svm.vmcb.control.exit_info_2;

	return kvm_fast_pio(vcpu, size, port, in_);
}

/** arch/x86/kvm/svm/svm.c:nmi_interception() */
function nmi_interception(_vcpu: struct_kvm_vcpu): number {
	return 1;
}

/** arch/x86/kvm/svm/svm.c:smi_interception() */
function smi_interception(_vcpu: struct_kvm_vcpu): number {
	return 1;
}

/** arch/x86/kvm/svm/svm.c:intr_interception() */
function intr_interception(vcpu: struct_kvm_vcpu): number {
	++vcpu.stat.irq_exits;
	return 1;
}

/** arch/x86/kvm/svm/svm.c:iret_interception() */
function iret_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);

	++vcpu.stat.nmi_window_exits;
	vcpu.arch.hflags |= HF_IRET_MASK;
	svm_clr_intercept(svm, INTERCEPT_IRET);
	svm.nmi_iret_rip = kvm_rip_read(vcpu);
	kvm_make_request(KVM_REQ_EVENT, vcpu);
	return 1;
}

/** arch/x86/kvm/svm/svm.c:invlpg_interception() */
function invlpg_interception(vcpu: struct_kvm_vcpu): number {
	if (!static_cpu_has(X86_FEATURE_DECODEASSISTS))
		return kvm_emulate_instruction(vcpu, 0);

	const { exit_info_1 } = to_svm(vcpu).vmcb.control;
	kvm_mmu_invlpg(vcpu, gva_t(Number(BigInt.asIntN(64, exit_info_1))));
	return kvm_skip_emulated_instruction(vcpu);
}

/** arch/x86/kvm/svm/svm.c:emulate_on_interception() */
function emulate_on_interception(vcpu: struct_kvm_vcpu): number {
	return kvm_emulate_instruction(vcpu, 0);
}

const CR_VALID	= 1n << 63n;

/** arch/x86/kvm/svm/svm.c:cr_interception() */
function cr_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	const { control } = svm.vmcb;
	let cr: number;
	let val: bigint;
	let err: number;

	if (!static_cpu_has(X86_FEATURE_DECODEASSISTS))
		return emulate_on_interception(vcpu);

	if ((control.exit_info_1 & CR_VALID) === 0n)
		return emulate_on_interception(vcpu);

	const reg = svm.vmcb32[VMCB32_EXIT_INFO_1]! & SVM_EXITINFO_REG_MASK;
	if (control.exit_code === SVM_EXIT_CR0_SEL_WRITE)
		cr = SVM_EXIT_WRITE_CR0 - SVM_EXIT_READ_CR0;
	else
		cr = control.exit_code - SVM_EXIT_READ_CR0;

	err = 0;
	if (cr >= 16) { /* mov to cr */
		cr -= 16;
		val = kvm_register_read(vcpu, reg);
		trace_kvm_cr_write(cr, val);
		switch (cr) {
		case 0:
			err = kvm_set_cr0(vcpu, Number(val));
			break;
		case 3:
			err = kvm_set_cr3(vcpu, Number(val));
			break;
		case 4:
			err = kvm_set_cr4(vcpu, Number(val));
			break;
		case 8:
			err = kvm_set_cr8(vcpu, Number(val));
			break;
		default:
			WARN(true, "unhandled write to CR%d", cr);
			kvm_queue_exception(vcpu, UD_VECTOR);
			return 1;
		}
	} else { /* mov from cr */
		switch (cr) {
		case 0:
			val = BigInt(kvm_read_cr0(vcpu));
			break;
		case 2:
			val = vcpu.arch.cr2;
			break;
		case 3:
			val = BigInt(kvm_read_cr3(vcpu));
			break;
		case 4:
			val = BigInt(kvm_read_cr4(vcpu));
			break;
		case 8:
			val = BigInt(kvm_get_cr8(vcpu));
			break;
		default:
			WARN(true, "unhandled read from CR%d", cr);
			kvm_queue_exception(vcpu, UD_VECTOR);
			return 1;
		}
		kvm_register_write(vcpu, reg, val);
		trace_kvm_cr_read(cr, val);
	}
	return kvm_complete_insn_gp(vcpu, err);
}

/** arch/x86/kvm/svm/svm.c:dr_interception() */
function dr_interception(vcpu: struct_kvm_vcpu): number {
	const svm = to_svm(vcpu);
	let err = 0;

	if (vcpu.guest_debug === 0) {
		/* from here on the guest has its debug registers; the next exit fetches them */
		clr_dr_intercepts(svm);
		vcpu.arch.switch_db_regs |= KVM_DEBUGREG_WONT_EXIT;
		return 1;
	}

	if (!boot_cpu_has(X86_FEATURE_DECODEASSISTS))
		return emulate_on_interception(vcpu);

	const reg = svm.vmcb32[VMCB32_EXIT_INFO_1]! & SVM_EXITINFO_REG_MASK;
	let dr = svm.vmcb.control.exit_code - SVM_EXIT_READ_DR0;
	if (dr >= 16) { /* mov to DRn  */
		dr -= 16;
		err = kvm_set_dr(vcpu, dr, kvm_register_read(vcpu, reg));
	} else {
		const val = new ref(0n);
		kvm_get_dr(vcpu, dr, val);
		kvm_register_write(vcpu, reg, val.v);
	}

	return kvm_complete_insn_gp(vcpu, err);
}

/** arch/x86/kvm/svm/svm.c:cr8_write_interception() */
function cr8_write_interception(vcpu: struct_kvm_vcpu): number {
	const cr8_prev = kvm_get_cr8(vcpu);
	/* TPR changes in here */
	const r = cr_interception(vcpu);
	if (lapic_in_kernel(vcpu))
		return r;
	if (cr8_prev <= kvm_get_cr8(vcpu))
		return r;
	vcpu.run.exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_get_msr_feature() */
function svm_get_msr_feature(msr: struct_kvm_msr_entry): number {
	msr.data = 0n;

	switch (msr.index) {
	case MSR_F10H_DECFG:
		if (boot_cpu_has(X86_FEATURE_LFENCE_RDTSC))
			msr.data |= MSR_F10H_DECFG_LFENCE_SERIALIZE;
		break;
	case MSR_IA32_PERF_CAPABILITIES:
		return 0;
	default:
		return KVM_MSR_RET_INVALID;
	}

	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_get_msr() */
function svm_get_msr(vcpu: struct_kvm_vcpu, msr_info: struct_msr_data): number {
	const svm = to_svm(vcpu);

	switch (msr_info.index) {
	case MSR_AMD64_TSC_RATIO:
		if (!msr_info.host_initiated && !svm.tsc_scaling_enabled)
			return 1;
		msr_info.data = svm.tsc_ratio_msr;
		break;
	case MSR_STAR:
		msr_info.data = svm.vmcb01.ptr!.save.star;
		break;
	case MSR_LSTAR:
		msr_info.data = svm.vmcb01.ptr!.save.lstar;
		break;
	case MSR_CSTAR:
		msr_info.data = svm.vmcb01.ptr!.save.cstar;
		break;
	case MSR_KERNEL_GS_BASE:
		msr_info.data = svm.vmcb01.ptr!.save.kernel_gs_base;
		break;
	case MSR_SYSCALL_MASK:
		msr_info.data = svm.vmcb01.ptr!.save.sfmask;
		break;
	case MSR_IA32_SYSENTER_CS:
		msr_info.data = svm.vmcb01.ptr!.save.sysenter_cs;
		break;
	case MSR_IA32_SYSENTER_EIP:
		msr_info.data = svm.vmcb01.ptr!.save.sysenter_eip & 0xffffffffn;
		if (guest_cpuid_is_intel(vcpu))
			msr_info.data |= svm.sysenter_eip_hi << 32n;
		break;
	case MSR_IA32_SYSENTER_ESP:
		msr_info.data = svm.vmcb01.ptr!.save.sysenter_esp;
		if (guest_cpuid_is_intel(vcpu))
			msr_info.data |= svm.sysenter_esp_hi << 32n;
		break;
	case MSR_TSC_AUX:
		msr_info.data = svm.tsc_aux;
		break;
	case MSR_IA32_DEBUGCTLMSR:
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
		msr_info.data = svm_get_lbr_msr(svm, msr_info.index);
		break;
	case MSR_VM_HSAVE_PA:
		msr_info.data = svm.nested.hsave_msr;
		break;
	case MSR_VM_CR:
		msr_info.data = svm.nested.vm_cr_msr;
		break;
	case MSR_IA32_SPEC_CTRL:
		if (!msr_info.host_initiated &&
		    !guest_has_spec_ctrl_msr(vcpu))
			return 1;

		msr_info.data = svm.spec_ctrl;
		break;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!msr_info.host_initiated &&
		    !guest_cpuid_has(vcpu, X86_FEATURE_VIRT_SSBD))
			return 1;

		msr_info.data = svm.virt_spec_ctrl;
		break;
	case MSR_F15H_IC_CFG: {
		const family = guest_cpuid_family(vcpu);
		const model = guest_cpuid_model(vcpu);

		if (family < 0 || model < 0)
			return kvm_get_msr_common(vcpu, msr_info);

		msr_info.data = 0n;

		if (family === 0x15 &&
		    (model >= 0x2 && model < 0x20))
			msr_info.data = 0x1en;
		break;
	}
	case MSR_F10H_DECFG:
		msr_info.data = svm.msr_decfg;
		break;
	default:
		return kvm_get_msr_common(vcpu, msr_info);
	}
	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_complete_emulated_msr() */
function svm_complete_emulated_msr(vcpu: struct_kvm_vcpu, err: number): number {
	return kvm_complete_insn_gp(vcpu, err);
}

/** arch/x86/kvm/svm/svm.c:svm_set_vm_cr() */
function svm_set_vm_cr(vcpu: struct_kvm_vcpu, data: bigint): number {
	const svm = to_svm(vcpu);

	if ((data & ~BigInt(SVM_VM_CR_VALID_MASK)) !== 0n)
		return 1;

	let chg_mask = BigInt(SVM_VM_CR_VALID_MASK);

	if ((svm.nested.vm_cr_msr & BigInt(SVM_VM_CR_SVM_DIS_MASK)) !== 0n)
		chg_mask &= ~BigInt(SVM_VM_CR_SVM_LOCK_MASK | SVM_VM_CR_SVM_DIS_MASK);

	svm.nested.vm_cr_msr &= ~chg_mask;
	svm.nested.vm_cr_msr |= data & chg_mask;

	const svm_dis = (svm.nested.vm_cr_msr & BigInt(SVM_VM_CR_SVM_DIS_MASK)) !== 0n;

	/* SVM cannot be switched off in use */
	if (svm_dis && (vcpu.arch.efer & EFER_SVME) !== 0)
		return 1;

	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_set_msr() */
function svm_set_msr(vcpu: struct_kvm_vcpu, msr: struct_msr_data): number {
	const svm = to_svm(vcpu);

	const ecx = msr.index;
	const data = msr.data;
	switch (ecx) {
	case MSR_AMD64_TSC_RATIO:

		if (!svm.tsc_scaling_enabled) {

			if (!msr.host_initiated)
				return 1;
			/* it stays as it is; userspace that writes 0 regardless is ignored */
			if (data !== 0n && data !== svm.tsc_ratio_msr)
				return 1;
			break;
		}

		if ((data & SVM_TSC_RATIO_RSVD) !== 0n)
			return 1;

		svm.tsc_ratio_msr = data;

		break;
	case MSR_IA32_CR_PAT:
		if (!kvm_mtrr_valid(vcpu, MSR_IA32_CR_PAT, data))
			return 1;
		vcpu.arch.pat = data;
		svm.vmcb01.ptr!.save.g_pat = data;
		vmcb_mark_dirty(svm.vmcb, VMCB_NPT);
		break;
	case MSR_IA32_SPEC_CTRL:
		if (!msr.host_initiated &&
		    !guest_has_spec_ctrl_msr(vcpu))
			return 1;

		/* C: kvm_spec_ctrl_test_value(), by writing it to the host's */
		if (rdmsrl_safe(MSR_IA32_SPEC_CTRL, new ref(0n)) !== 0)
			return 1;

		svm.spec_ctrl = data;
		if (data === 0n)
			break;

		/* written for the first time: from here on the guest has it */
		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_SPEC_CTRL, 1, 1);
		break;
	case MSR_IA32_PRED_CMD:
		if (!msr.host_initiated &&
		    !guest_has_pred_cmd_msr(vcpu))
			return 1;

		if ((data & ~PRED_CMD_IBPB) !== 0n)
			return 1;
		if (!boot_cpu_has(X86_FEATURE_IBPB))
			return 1;
		if (data === 0n)
			break;

		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		set_msr_interception(vcpu, svm.msrpm!, MSR_IA32_PRED_CMD, 0, 1);
		break;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!msr.host_initiated &&
		    !guest_cpuid_has(vcpu, X86_FEATURE_VIRT_SSBD))
			return 1;

		if ((data & ~SPEC_CTRL_SSBD) !== 0n)
			return 1;

		svm.virt_spec_ctrl = data;
		break;
	case MSR_STAR:
		svm.vmcb01.ptr!.save.star = data;
		break;
	case MSR_LSTAR:
		svm.vmcb01.ptr!.save.lstar = data;
		break;
	case MSR_CSTAR:
		svm.vmcb01.ptr!.save.cstar = data;
		break;
	case MSR_KERNEL_GS_BASE:
		svm.vmcb01.ptr!.save.kernel_gs_base = data;
		break;
	case MSR_SYSCALL_MASK:
		svm.vmcb01.ptr!.save.sfmask = data;
		break;
	case MSR_IA32_SYSENTER_CS:
		svm.vmcb01.ptr!.save.sysenter_cs = data;
		break;
	case MSR_IA32_SYSENTER_EIP:
		svm.vmcb01.ptr!.save.sysenter_eip = data & 0xffffffffn;
		/* the upper half, for a guest that believes to be on Intel's CPU */
		svm.sysenter_eip_hi = guest_cpuid_is_intel(vcpu) ? data >> 32n : 0n;
		break;
	case MSR_IA32_SYSENTER_ESP:
		svm.vmcb01.ptr!.save.sysenter_esp = data & 0xffffffffn;
		svm.sysenter_esp_hi = guest_cpuid_is_intel(vcpu) ? data >> 32n : 0n;
		break;
	case MSR_TSC_AUX:
		/* C: switched when the CPU returns to userspace; nothing in the model reads it */
		svm.tsc_aux = data;
		break;
	case MSR_IA32_DEBUGCTLMSR:
		vcpu_unimpl(vcpu, "%s: MSR_IA32_DEBUGCTL 0x%llx, nop\n", "svm_set_msr", data);
		break;
	case MSR_VM_HSAVE_PA:
		/* from userspace anything is taken: older kernels let the guest write it */
		if (!msr.host_initiated && !page_address_valid(vcpu, Number(data)))
			return 1;

		svm.nested.hsave_msr = data & ~BigInt(PAGE_SIZE - 1);
		break;
	case MSR_VM_CR:
		return svm_set_vm_cr(vcpu, data);
	case MSR_VM_IGNNE:
		vcpu_unimpl(vcpu, "unimplemented wrmsr: 0x%x data 0x%llx\n", ecx, data);
		break;
	case MSR_F10H_DECFG: {
		const msr_entry = struct_kvm_msr_entry.alloc();

		msr_entry.index = msr.index;
		if (svm_get_msr_feature(msr_entry) !== 0)
			return 1;

		if ((data & ~msr_entry.data) !== 0n)
			return 1;

		if (!msr.host_initiated && (data ^ msr_entry.data) !== 0n)
			return 1;

		svm.msr_decfg = data;
		break;
	}
	default:
		return kvm_set_msr_common(vcpu, msr);
	}
	return 0;
}

/** arch/x86/kvm/svm/svm.c:msr_interception() */
function msr_interception(vcpu: struct_kvm_vcpu): number {
	if (to_svm(vcpu).vmcb32[VMCB32_EXIT_INFO_1] !== 0)
		return kvm_emulate_wrmsr(vcpu);
	else
		return kvm_emulate_rdmsr(vcpu);
}

/** arch/x86/kvm/svm/svm.c:interrupt_window_interception() */
function interrupt_window_interception(vcpu: struct_kvm_vcpu): number {
	kvm_make_request(KVM_REQ_EVENT, vcpu);
	svm_clear_vintr(to_svm(vcpu));

	/* AVIC was turned off for the window's sake */
	kvm_clear_apicv_inhibit(vcpu.kvm, APICV_INHIBIT_REASON_IRQWIN);

	++vcpu.stat.irq_window_exits;
	return 1;
}

const svm_exit_handlers: Readonly<Record<number, (vcpu: struct_kvm_vcpu) => number>> = {
	[SVM_EXIT_READ_CR0]:			cr_interception,
	[SVM_EXIT_READ_CR3]:			cr_interception,
	[SVM_EXIT_READ_CR4]:			cr_interception,
	[SVM_EXIT_READ_CR8]:			cr_interception,
	[SVM_EXIT_CR0_SEL_WRITE]:		cr_interception,
	[SVM_EXIT_WRITE_CR0]:			cr_interception,
	[SVM_EXIT_WRITE_CR3]:			cr_interception,
	[SVM_EXIT_WRITE_CR4]:			cr_interception,
	[SVM_EXIT_WRITE_CR8]:			cr8_write_interception,
	[SVM_EXIT_READ_DR0]:			dr_interception,
	[SVM_EXIT_READ_DR1]:			dr_interception,
	[SVM_EXIT_READ_DR2]:			dr_interception,
	[SVM_EXIT_READ_DR3]:			dr_interception,
	[SVM_EXIT_READ_DR4]:			dr_interception,
	[SVM_EXIT_READ_DR5]:			dr_interception,
	[SVM_EXIT_READ_DR6]:			dr_interception,
	[SVM_EXIT_READ_DR7]:			dr_interception,
	[SVM_EXIT_WRITE_DR0]:			dr_interception,
	[SVM_EXIT_WRITE_DR1]:			dr_interception,
	[SVM_EXIT_WRITE_DR2]:			dr_interception,
	[SVM_EXIT_WRITE_DR3]:			dr_interception,
	[SVM_EXIT_WRITE_DR4]:			dr_interception,
	[SVM_EXIT_WRITE_DR5]:			dr_interception,
	[SVM_EXIT_WRITE_DR6]:			dr_interception,
	[SVM_EXIT_WRITE_DR7]:			dr_interception,
	[SVM_EXIT_EXCP_BASE + DB_VECTOR]:	db_interception,
	[SVM_EXIT_EXCP_BASE + BP_VECTOR]:	bp_interception,
	[SVM_EXIT_EXCP_BASE + UD_VECTOR]:	ud_interception,
	[SVM_EXIT_EXCP_BASE + MC_VECTOR]:	mc_interception,
	[SVM_EXIT_EXCP_BASE + AC_VECTOR]:	ac_interception,
	[SVM_EXIT_INTR]:			intr_interception,
	[SVM_EXIT_NMI]:				nmi_interception,
	[SVM_EXIT_SMI]:				smi_interception,
	[SVM_EXIT_VINTR]:			interrupt_window_interception,
	[SVM_EXIT_CPUID]:			kvm_emulate_cpuid,
	[SVM_EXIT_IRET]:			iret_interception,
	[SVM_EXIT_INVD]:			kvm_emulate_invd,
	[SVM_EXIT_HLT]:				kvm_emulate_halt,
	[SVM_EXIT_INVLPG]:			invlpg_interception,
	[SVM_EXIT_IOIO]:			io_interception,
	[SVM_EXIT_MSR]:				msr_interception,
	[SVM_EXIT_SHUTDOWN]:			shutdown_interception,
	[SVM_EXIT_VMMCALL]:			kvm_emulate_hypercall,
	[SVM_EXIT_RDTSCP]:			kvm_handle_invalid_op,
	[SVM_EXIT_WBINVD]:			kvm_emulate_wbinvd,
	[SVM_EXIT_MONITOR]:			kvm_emulate_monitor,
	[SVM_EXIT_MWAIT]:			kvm_emulate_mwait,
	[SVM_EXIT_XSETBV]:			kvm_emulate_xsetbv,
	[SVM_EXIT_RDPRU]:			kvm_handle_invalid_op,
	[SVM_EXIT_NPF]:				npf_interception,
};

/* port-only: one line of dump_vmcb() */
function dump_seg(name: string, seg: vmcb_seg): void {
	pr_err("%-5s s: %04x a: %04x l: %08x b: %016llx\n",
		name, seg.selector, seg.attrib, seg.limit, seg.base);
}

/** arch/x86/kvm/svm/svm.c:dump_vmcb() */
function dump_vmcb(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const { control, save } = svm.vmcb;
	const save01 = svm.vmcb01.ptr!.save;

	if (!dump_invalid_vmcb) {
		pr_warn_ratelimited("set kvm_amd.dump_invalid_vmcb=1 " +
			"to dump internal KVM state.\n");
		return;
	}

	pr_err("VMCB %p, last attempted VMRUN on CPU %d\n",
		svm.current_vmcb.pa, vcpu.arch.last_vmentry_cpu);
	pr_err("VMCB Control Area:\n");
	pr_err("%-20s%04x\n", "cr_read:", control.intercepts[INTERCEPT_CR]! & 0xffff);
	pr_err("%-20s%04x\n", "cr_write:", control.intercepts[INTERCEPT_CR]! >>> 16);
	pr_err("%-20s%04x\n", "dr_read:", control.intercepts[INTERCEPT_DR]! & 0xffff);
	pr_err("%-20s%04x\n", "dr_write:", control.intercepts[INTERCEPT_DR]! >>> 16);
	pr_err("%-20s%08x\n", "exceptions:", control.intercepts[INTERCEPT_EXCEPTION]);
	pr_err("%-20s%08x %08x\n", "intercepts:",
		control.intercepts[INTERCEPT_WORD3],
		control.intercepts[INTERCEPT_WORD4]);
	pr_err("%-20s%d\n", "pause filter count:", control.pause_filter_count);
	pr_err("%-20s%d\n", "pause filter threshold:",
		control.pause_filter_thresh);
	pr_err("%-20s%016llx\n", "iopm_base_pa:", control.iopm_base_pa);
	pr_err("%-20s%016llx\n", "msrpm_base_pa:", control.msrpm_base_pa);
	pr_err("%-20s%016llx\n", "tsc_offset:", control.tsc_offset);
	pr_err("%-20s%d\n", "asid:", control.asid);
	pr_err("%-20s%d\n", "tlb_ctl:", control.tlb_ctl);
	pr_err("%-20s%08x\n", "int_ctl:", control.int_ctl);
	pr_err("%-20s%08x\n", "int_vector:", control.int_vector);
	pr_err("%-20s%08x\n", "int_state:", control.int_state);
	pr_err("%-20s%08x\n", "exit_code:", control.exit_code);
	pr_err("%-20s%016llx\n", "exit_info1:", control.exit_info_1);
	pr_err("%-20s%016llx\n", "exit_info2:", control.exit_info_2);
	pr_err("%-20s%08x\n", "exit_int_info:", control.exit_int_info);
	pr_err("%-20s%08x\n", "exit_int_info_err:", control.exit_int_info_err);
	pr_err("%-20s%lld\n", "nested_ctl:", control.nested_ctl);
	pr_err("%-20s%016llx\n", "nested_cr3:", control.nested_cr3);
	pr_err("%-20s%016llx\n", "avic_vapic_bar:", control.avic_vapic_bar);
	pr_err("%-20s%016llx\n", "ghcb:", control.ghcb_gpa);
	pr_err("%-20s%08x\n", "event_inj:", control.event_inj);
	pr_err("%-20s%08x\n", "event_inj_err:", control.event_inj_err);
	pr_err("%-20s%lld\n", "virt_ext:", control.virt_ext);
	pr_err("%-20s%016llx\n", "next_rip:", control.next_rip);
	pr_err("%-20s%016llx\n", "avic_backing_page:", control.avic_backing_page);
	pr_err("%-20s%016llx\n", "avic_logical_id:", control.avic_logical_id);
	pr_err("%-20s%016llx\n", "avic_physical_id:", control.avic_physical_id);
	pr_err("%-20s%016llx\n", "vmsa_pa:", control.vmsa_pa);
	pr_err("VMCB State Save Area:\n");
	dump_seg("es:", save.es);
	dump_seg("cs:", save.cs);
	dump_seg("ss:", save.ss);
	dump_seg("ds:", save.ds);
	dump_seg("fs:", save01.fs);
	dump_seg("gs:", save01.gs);
	dump_seg("gdtr:", save.gdtr);
	dump_seg("ldtr:", save01.ldtr);
	dump_seg("idtr:", save.idtr);
	dump_seg("tr:", save01.tr);
	pr_err("vmpl: %d   cpl:  %d               efer:          %016llx\n",
		save.vmpl, save.cpl, save.efer);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"cr0:", save.cr0, "cr2:", save.cr2);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"cr3:", save.cr3, "cr4:", save.cr4);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"dr6:", save.dr6, "dr7:", save.dr7);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"rip:", save.rip, "rflags:", save.rflags);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"rsp:", save.rsp, "rax:", save.rax);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"star:", save01.star, "lstar:", save01.lstar);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"cstar:", save01.cstar, "sfmask:", save01.sfmask);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"kernel_gs_base:", save01.kernel_gs_base,
		"sysenter_cs:", save01.sysenter_cs);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"sysenter_esp:", save01.sysenter_esp,
		"sysenter_eip:", save01.sysenter_eip);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"gpat:", save.g_pat, "dbgctl:", save.dbgctl);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"br_from:", save.br_from, "br_to:", save.br_to);
	pr_err("%-15s %016llx %-13s %016llx\n",
		"excp_from:", save.last_excp_from,
		"excp_to:", save.last_excp_to);
}

/** arch/x86/kvm/svm/svm.c:svm_check_exit_valid() */
function svm_check_exit_valid(exit_code: number): boolean {
	return svm_exit_handlers[exit_code] !== undefined;
}

/** arch/x86/kvm/svm/svm.c:svm_handle_invalid_exit() */
function svm_handle_invalid_exit(vcpu: struct_kvm_vcpu, exit_code: number): number {
	vcpu_unimpl(vcpu, "svm: unexpected exit reason 0x%llx\n", exit_code);
	dump_vmcb(vcpu);
	vcpu.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu.run.internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	vcpu.run.internal.ndata = 2;
	vcpu.run.internal.data[0] = BigInt(exit_code);
	vcpu.run.internal.data[1] = BigInt(vcpu.arch.last_vmentry_cpu);
	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_invoke_exit_handler() */
function svm_invoke_exit_handler(vcpu: struct_kvm_vcpu, exit_code: number): number {
	/* by far the most frequent (C: the same, with retpolines) */
	if (exit_code === SVM_EXIT_NPF)
		return npf_interception(vcpu);

	if (!svm_check_exit_valid(exit_code))
		return svm_handle_invalid_exit(vcpu, exit_code);

	return svm_exit_handlers[exit_code]!(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_get_exit_info() */
function svm_get_exit_info(vcpu: struct_kvm_vcpu, reason: ref<number>, info1: ref<bigint>,
	info2: ref<bigint>, intr_info: ref<number>, error_code: ref<number>): void {
	const { control } = to_svm(vcpu).vmcb;

	reason.v = control.exit_code;
	info1.v = control.exit_info_1;
	info2.v = control.exit_info_2;
	intr_info.v = control.exit_int_info;
	if ((intr_info.v & SVM_EXITINTINFO_VALID) !== 0 &&
	    (intr_info.v & SVM_EXITINTINFO_VALID_ERR) !== 0)
		error_code.v = control.exit_int_info_err;
	else
		error_code.v = 0;
}

/** arch/x86/kvm/svm/svm.c:svm_handle_exit() */
function svm_handle_exit(vcpu: struct_kvm_vcpu, exit_fastpath: fastpath_t): number {
	const svm = to_svm(vcpu);
	const kvm_run = vcpu.run;
	const exit_code = svm.vmcb32[VMCB32_EXIT_CODE]!;

	trace_kvm_exit(vcpu, KVM_ISA_SVM);

	if (!svm_is_intercept(svm, INTERCEPT_CR0_WRITE))
		vcpu.arch.cr0 = svm.vmcb32[VMCB32_CR0]!;
	vcpu.arch.cr3 = gpa_t(svm.vmcb32[VMCB32_CR3]! + svm.vmcb32[VMCB32_CR3 + 1]! * 2 ** 32);

	if (exit_code === SVM_EXIT_ERR) {
		kvm_run.exit_reason = KVM_EXIT_FAIL_ENTRY;
		kvm_run.fail_entry.hardware_entry_failure_reason =
			BigInt(svm.vmcb.control.exit_code);
		kvm_run.fail_entry.cpu = vcpu.arch.last_vmentry_cpu;
		dump_vmcb(vcpu);
		return 0;
	}

	if (is_external_interrupt(svm.vmcb32[VMCB32_EXIT_INT_INFO]!) &&
	    exit_code !== SVM_EXIT_EXCP_BASE + PF_VECTOR &&
	    exit_code !== SVM_EXIT_NPF && exit_code !== SVM_EXIT_TASK_SWITCH &&
	    exit_code !== SVM_EXIT_INTR && exit_code !== SVM_EXIT_NMI)
		printk(KERN_ERR + "%s: unexpected exit_int_info 0x%x " +
			"exit_code 0x%x\n",
			"svm_handle_exit", svm.vmcb.control.exit_int_info,
			exit_code);

	if (exit_fastpath !== EXIT_FASTPATH_NONE)
		return 1;

	return svm_invoke_exit_handler(vcpu, exit_code);
}

/** arch/x86/kvm/svm/svm.c:pre_svm_run() */
function pre_svm_run(vcpu: struct_kvm_vcpu): void {
	const sd = per_cpu(svm_data, vcpu.cpu)!;
	const svm = to_svm(vcpu);

	/* ASIDs, and what is clean of a VMCB, are each CPU's own */
	if (svm.current_vmcb.cpu !== vcpu.cpu) {
		svm.current_vmcb.asid_generation = 0;
		vmcb_mark_all_dirty(svm.vmcb);
		svm.current_vmcb.cpu = vcpu.cpu;
	}

	if (sev_guest(vcpu.kvm)) {
		pre_sev_run(svm, vcpu.cpu);
		return;
	}

	/* the generation may wrap: upstream's open end */
	if (svm.current_vmcb.asid_generation !== sd.asid_generation)
		new_asid(svm, sd);
}

/** arch/x86/kvm/svm/svm.c:svm_inject_nmi() */
function svm_inject_nmi(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	svm.vmcb.control.event_inj = SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_NMI;

	vcpu.arch.hflags |= HF_NMI_MASK;
	svm_set_intercept(svm, INTERCEPT_IRET);
	++vcpu.stat.nmi_injections;
}

/** arch/x86/kvm/svm/svm.c:svm_inject_irq() */
function svm_inject_irq(vcpu: struct_kvm_vcpu, reinjected: boolean): void {
	const svm = to_svm(vcpu);
	let type: number;

	if (vcpu.arch.interrupt.soft) {
		if (svm_update_soft_interrupt_rip(vcpu) !== 0)
			return;

		type = SVM_EVTINJ_TYPE_SOFT;
	} else {
		type = SVM_EVTINJ_TYPE_INTR;
	}

	trace_kvm_inj_virq(vcpu.arch.interrupt.nr,
		vcpu.arch.interrupt.soft, reinjected);
	++vcpu.stat.irq_injections;

	svm.vmcb.control.event_inj = vcpu.arch.interrupt.nr |
		SVM_EVTINJ_VALID | type;
}

/** arch/x86/kvm/svm/svm.c:svm_complete_interrupt_delivery(): without AVIC. */
function svm_complete_interrupt_delivery(vcpu: struct_kvm_vcpu, _delivery_mode: number,
	_trig_mode: number, _vector: number): void {
	/* there may be one to inject now */
	kvm_make_request(KVM_REQ_EVENT, vcpu);
	kvm_vcpu_kick(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_deliver_interrupt() */
function svm_deliver_interrupt(apic: struct_kvm_lapic, delivery_mode: number, trig_mode: number,
	vector: number): void {
	kvm_lapic_set_irr(vector, apic);

	svm_complete_interrupt_delivery(apic.vcpu, delivery_mode, trig_mode, vector);
}

/** arch/x86/kvm/svm/svm.c:svm_update_cr8_intercept() */
function svm_update_cr8_intercept(vcpu: struct_kvm_vcpu, tpr: number, irr: number): void {
	const svm = to_svm(vcpu);

	svm_clr_intercept(svm, INTERCEPT_CR8_WRITE);

	if (irr === -1)
		return;

	if (tpr >= irr)
		svm_set_intercept(svm, INTERCEPT_CR8_WRITE);
}

/** arch/x86/kvm/svm/svm.c:svm_nmi_blocked() */
export function svm_nmi_blocked(vcpu: struct_kvm_vcpu): boolean {
	const svm = to_svm(vcpu);
	const { vmcb } = svm;

	if (!gif_set(svm))
		return true;

	return (vmcb.control.int_state & SVM_INTERRUPT_SHADOW_MASK) !== 0 ||
		(vcpu.arch.hflags & HF_NMI_MASK) !== 0;
}

/** arch/x86/kvm/svm/svm.c:svm_nmi_allowed() */
function svm_nmi_allowed(vcpu: struct_kvm_vcpu, _for_injection: boolean): number {
	if (svm_nmi_blocked(vcpu))
		return 0;

	return 1;
}

/** arch/x86/kvm/svm/svm.c:svm_get_nmi_mask() */
function svm_get_nmi_mask(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.hflags & HF_NMI_MASK) !== 0;
}

/** arch/x86/kvm/svm/svm.c:svm_set_nmi_mask() */
function svm_set_nmi_mask(vcpu: struct_kvm_vcpu, masked: boolean): void {
	const svm = to_svm(vcpu);

	if (masked) {
		vcpu.arch.hflags |= HF_NMI_MASK;
		svm_set_intercept(svm, INTERCEPT_IRET);
	} else {
		vcpu.arch.hflags &= ~HF_NMI_MASK;
		svm_clr_intercept(svm, INTERCEPT_IRET);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_interrupt_blocked() */
export function svm_interrupt_blocked(vcpu: struct_kvm_vcpu): boolean {
	const svm = to_svm(vcpu);
	const { vmcb } = svm;

	if (!gif_set(svm))
		return true;

	if (!svm_get_if_flag(vcpu))
		return true;

	return (vmcb.control.int_state & SVM_INTERRUPT_SHADOW_MASK) !== 0;
}

/** arch/x86/kvm/svm/svm.c:svm_interrupt_allowed() */
function svm_interrupt_allowed(vcpu: struct_kvm_vcpu, _for_injection: boolean): number {
	if (svm_interrupt_blocked(vcpu))
		return 0;

	return 1;
}

/** arch/x86/kvm/svm/svm.c:svm_enable_irq_window() */
function svm_enable_irq_window(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	/* with GIF clear the CPU could not tell */
	if (gif_set(svm)) {
		/* AVIC cannot deliver what is to be injected: it is off until the window opens */
		kvm_set_apicv_inhibit(vcpu.kvm, APICV_INHIBIT_REASON_IRQWIN);

		svm_set_vintr(svm);
	}
}

/** arch/x86/kvm/svm/svm.c:svm_enable_nmi_window() */
function svm_enable_nmi_window(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	if ((vcpu.arch.hflags & (HF_NMI_MASK | HF_IRET_MASK)) === HF_NMI_MASK)
		return; /* until the IRET that exits */

	if (!gif_set(svm))
		return; /* until the STGI that exits */

	/* an IRET, an interrupt shadow or the like is in the way: step over it */
	svm.nmi_singlestep_guest_rflags = svm_get_rflags(vcpu);
	svm.nmi_singlestep = true;
	svm.vmcb.save.rflags |= BigInt(X86_EFLAGS_TF | X86_EFLAGS_RF);
}

/** arch/x86/kvm/svm/svm.c:svm_flush_tlb_current() */
function svm_flush_tlb_current(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	/* the one ASID that the vCPU has, also where all are asked for */
	if (static_cpu_has(X86_FEATURE_FLUSHBYASID))
		svm.vmcb.control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	else
		svm.current_vmcb.asid_generation--;
}

/** arch/x86/kvm/svm/svm.c:svm_flush_tlb_gva() */
function svm_flush_tlb_gva(vcpu: struct_kvm_vcpu, gva: gva_t): void {
	const svm = to_svm(vcpu);

	invlpga(gva, svm.vmcb.control.asid);
}

/** arch/x86/kvm/svm/svm.c:sync_cr8_to_lapic() */
function sync_cr8_to_lapic(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	if (!svm_is_intercept(svm, INTERCEPT_CR8_WRITE)) {
		const cr8 = svm.vmcb32[VMCB32_INT_CTL]! & V_TPR_MASK;
		kvm_set_cr8(vcpu, cr8);
	}
}

/** arch/x86/kvm/svm/svm.c:sync_lapic_to_cr8() */
function sync_lapic_to_cr8(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	if (kvm_vcpu_apicv_active(vcpu))
		return;

	const cr8 = kvm_get_cr8(vcpu);
	svm.vmcb32[VMCB32_INT_CTL] = (svm.vmcb32[VMCB32_INT_CTL]! & ~V_TPR_MASK) |
		(cr8 & V_TPR_MASK);
}

/** arch/x86/kvm/svm/svm.c:svm_complete_soft_interrupt() */
function svm_complete_soft_interrupt(vcpu: struct_kvm_vcpu, vector: number, type: number): void {
	const is_exception = type === SVM_EXITINTINFO_TYPE_EXEPT;
	const is_soft = type === SVM_EXITINTINFO_TYPE_SOFT;
	const svm = to_svm(vcpu);

	/*
	 * The exit cleared next_rip; to inject the same soft event again it has to be there. For
	 * other events it has no meaning.
	 */
	if (nrips !== 0 && (is_soft || (is_exception && kvm_exception_is_soft(vector))) &&
	    kvm_is_linear_rip(vcpu, svm.soft_int_old_rip + svm.soft_int_csbase))
		svm.vmcb.control.next_rip = svm.soft_int_next_rip;
	/*
	 * Without NRIPS, RIP was moved before the injection, and has to be moved back, even if
	 * another event came of the attempt to deliver the first.
	 */
	else if (nrips === 0 && (is_soft || is_exception) &&
		 kvm_is_linear_rip(vcpu, svm.soft_int_next_rip + svm.soft_int_csbase))
		kvm_rip_write(vcpu, svm.soft_int_old_rip);
}

/** arch/x86/kvm/svm/svm.c:svm_complete_interrupts() */
function svm_complete_interrupts(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const exitintinfo = svm.vmcb32[VMCB32_EXIT_INT_INFO]!;
	const soft_int_injected = svm.soft_int_injected;

	svm.soft_int_injected = false;

	/* the IRET that ends the NMI handler was executed if RIP is no longer at it */
	if ((vcpu.arch.hflags & HF_IRET_MASK) !== 0 &&
	    kvm_rip_read(vcpu) !== svm.nmi_iret_rip) {
		vcpu.arch.hflags &= ~(HF_NMI_MASK | HF_IRET_MASK);
		kvm_make_request(KVM_REQ_EVENT, vcpu);
	}

	vcpu.arch.nmi_injected = false;
	kvm_clear_exception_queue(vcpu);
	kvm_clear_interrupt_queue(vcpu);

	if ((exitintinfo & SVM_EXITINTINFO_VALID) === 0)
		return;

	kvm_make_request(KVM_REQ_EVENT, vcpu);

	const vector = exitintinfo & SVM_EXITINTINFO_VEC_MASK;
	const type = exitintinfo & SVM_EXITINTINFO_TYPE_MASK;

	if (soft_int_injected)
		svm_complete_soft_interrupt(vcpu, vector, type);

	switch (type) {
	case SVM_EXITINTINFO_TYPE_NMI:
		vcpu.arch.nmi_injected = true;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		/* the guest's own business, and due again if it is still so */
		if (vector === X86_TRAP_VC)
			break;

		if ((exitintinfo & SVM_EXITINTINFO_VALID_ERR) !== 0) {
			const err = svm.vmcb.control.exit_int_info_err;
			kvm_requeue_exception_e(vcpu, vector, err);

		} else
			kvm_requeue_exception(vcpu, vector);
		break;
	case SVM_EXITINTINFO_TYPE_INTR:
		kvm_queue_interrupt(vcpu, vector, false);
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		kvm_queue_interrupt(vcpu, vector, true);
		break;
	default:
		break;
	}
}

/** arch/x86/kvm/svm/svm.c:svm_cancel_injection() */
function svm_cancel_injection(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const { control } = svm.vmcb;

	control.exit_int_info = control.event_inj;
	control.exit_int_info_err = control.event_inj_err;
	control.event_inj = 0;
	svm_complete_interrupts(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_pre_run() */
function svm_vcpu_pre_run(_vcpu: struct_kvm_vcpu): number {
	return 1;
}

/** arch/x86/kvm/svm/svm.c:svm_exit_handlers_fastpath() */
function svm_exit_handlers_fastpath(vcpu: struct_kvm_vcpu): fastpath_t {
	const svm = to_svm(vcpu);

	if (svm.vmcb32[VMCB32_EXIT_CODE] === SVM_EXIT_MSR &&
	    svm.vmcb32[VMCB32_EXIT_INFO_1] !== 0)
		return handle_fastpath_set_msr_irqoff(vcpu);

	return EXIT_FASTPATH_NONE;
}

/**
 * arch/x86/kvm/svm/svm.c:svm_vcpu_enter_exit(), with vmenter.S:__svm_vcpu_run()
 *
 * One turn: see in_guest. What else runs between two may force the exit.
 */
function svm_vcpu_enter_exit(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);
	const guest = vcpu.arch.guest!;

	if (!vcpu.arch.in_guest) {
		guest_state_enter_irqoff();

		vmload(svm.vmcb01.pa);
		svm_enter(guest, vcpu.arch.regs, pfn_nr(svm.current_vmcb.pa / PAGE_SIZE));
		vcpu.arch.in_guest = true;
	}
	if (!guest_run(guest, guest_slice()))
		return;
	vcpu.arch.in_guest = false;
	/* put between two turns: svm_vcpu_put() did this, and the CPU may be another */
	if (svm.guest_state_loaded)
		svm_switch_hidden_state(svm, vcpu.cpu);

	guest_state_exit_irqoff();
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_run() */
function svm_vcpu_run(vcpu: struct_kvm_vcpu): fastpath_t {
	const svm = to_svm(vcpu);
	const { regs } = vcpu.arch;

	if (!vcpu.arch.in_guest) {
		trace_kvm_entry(vcpu);

		svm.vmcb64[VMCB64_RAX] = regs[VCPU_REGS_RAX]!;
		svm.vmcb64[VMCB64_RSP] = regs[VCPU_REGS_RSP]!;
		svm.vmcb64[VMCB64_RIP] = regs[VCPU_REGS_RIP]!;

		/* not with our own flags in what the event pushes: step later */
		if (svm.nmi_singlestep && svm.vmcb32[VMCB32_EVENT_INJ] !== 0) {
			/* interrupts are off: the exit comes right behind the injection */
			disable_nmi_singlestep(svm);
			smp_send_reschedule(vcpu.cpu);
		}

		pre_svm_run(vcpu);

		sync_lapic_to_cr8(vcpu);

		if (svm.asid !== svm.vmcb32[VMCB32_ASID]) {
			svm.vmcb32[VMCB32_ASID] = svm.asid;
			vmcb_mark_dirty(svm.vmcb, VMCB_ASID);
		}
		svm.vmcb64[VMCB64_CR2] = vcpu.arch.cr2;
		svm.cr2_lo = svm.vmcb32[VMCB32_CR2]!;
		svm.cr2_hi = svm.vmcb32[VMCB32_CR2 + 1]!;

		/* clear unless needed, so that a #DB shows its cause */
		if ((vcpu.arch.switch_db_regs & KVM_DEBUGREG_WONT_EXIT) !== 0)
			svm_set_dr6(svm, Number(vcpu.arch.dr6));
		else
			svm_set_dr6(svm, DR6_ACTIVE_LOW_32);

		clgi();
		kvm_load_guest_xsave_state(vcpu);
	}

	svm_vcpu_enter_exit(vcpu);
	if (vcpu.arch.in_guest)
		return EXIT_FASTPATH_NONE;

	/* a bigint is made only if there is a new value */
	if (svm.vmcb32[VMCB32_CR2] !== svm.cr2_lo || svm.vmcb32[VMCB32_CR2 + 1] !== svm.cr2_hi)
		vcpu.arch.cr2 = svm.vmcb64[VMCB64_CR2];
	regs[VCPU_REGS_RAX] = svm.vmcb64[VMCB64_RAX];
	regs[VCPU_REGS_RSP] = svm.vmcb64[VMCB64_RSP];
	regs[VCPU_REGS_RIP] = svm.vmcb64[VMCB64_RIP];
	vcpu.arch.regs_dirty = 0;

	const exit_code = svm.vmcb32[VMCB32_EXIT_CODE]!;

	if (exit_code === SVM_EXIT_NMI)
		kvm_before_interrupt(vcpu, KVM_HANDLING_NMI);

	kvm_load_host_xsave_state(vcpu);
	stgi();

	/* NMIs that wait come now */

	if (exit_code === SVM_EXIT_NMI)
		kvm_after_interrupt(vcpu);

	sync_cr8_to_lapic(vcpu);

	svm.next_rip = 0n;

	svm.vmcb32[VMCB32_TLB_CTL] = TLB_CONTROL_DO_NOTHING;
	/* vmcb_mark_all_clean() */
	svm.vmcb32[VMCB32_CLEAN] = VMCB_ALL_CLEAN_MASK & ~VMCB_ALWAYS_DIRTY_MASK;

	vcpu.arch.regs_avail &= ~SVM_REGS_LAZY_LOAD_SET;

	svm_complete_interrupts(vcpu);

	return svm_exit_handlers_fastpath(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_load_mmu_pgd() */
function svm_load_mmu_pgd(vcpu: struct_kvm_vcpu, root_hpa: hpa_t, _root_level: number): void {
	const svm = to_svm(vcpu);

	svm.vmcb.control.nested_cr3 = BigInt(root_hpa);
	vmcb_mark_dirty(svm.vmcb, VMCB_NPT);

	svm.vmcb.save.cr3 = BigInt(vcpu.arch.cr3);
	vmcb_mark_dirty(svm.vmcb, VMCB_CR);
}

/** arch/x86/kvm/svm/svm.c:is_disabled() */
function is_disabled(): number {
	const vm_cr = rdmsrl(MSR_VM_CR);

	if ((vm_cr & (1n << BigInt(SVM_VM_CR_SVM_DISABLE))) !== 0n)
		return 1;

	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_patch_hypercall() */
function svm_patch_hypercall(_vcpu: struct_kvm_vcpu, hypercall: Uint8Array): void {
	/* VMMCALL */
	hypercall[0] = 0x0f;
	hypercall[1] = 0x01;
	hypercall[2] = 0xd9;
}

/** arch/x86/kvm/svm/svm.c:svm_check_processor_compat() */
function svm_check_processor_compat(): number {
	return 0;
}

/** arch/x86/kvm/svm/svm.c:svm_has_emulated_msr(): @_kvm may be null. */
function svm_has_emulated_msr(_kvm: struct_kvm | null, index: number): boolean {
	if (index === MSR_IA32_MCG_EXT_CTL ||
	    (index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_VMFUNC))
		return false;

	return true;
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_after_set_cpuid() */
function svm_vcpu_after_set_cpuid(vcpu: struct_kvm_vcpu): void {
	const svm = to_svm(vcpu);

	vcpu.arch.xsaves_enabled = guest_cpuid_has(vcpu, X86_FEATURE_XSAVE) &&
		boot_cpu_has(X86_FEATURE_XSAVE) &&
		boot_cpu_has(X86_FEATURE_XSAVES);

	svm.nrips_enabled = kvm_cpu_cap_has(X86_FEATURE_NRIPS) &&
		guest_cpuid_has(vcpu, X86_FEATURE_NRIPS);

	svm_recalc_instruction_intercepts(vcpu, svm);

	if (sev_guest(vcpu.kvm)) {
		const best = kvm_find_cpuid_entry(vcpu, 0x8000001F);
		if (best !== null)
			vcpu.arch.reserved_gpa_bits = pair_andnot(vcpu.arch.reserved_gpa_bits,
				pair_bit(best.ebx & 0x3f));
	}

	init_vmcb_after_set_cpuid(vcpu);
}

/** arch/x86/kvm/svm/svm.c:svm_has_wbinvd_exit() */
function svm_has_wbinvd_exit(): boolean {
	return true;
}

/** arch/x86/kvm/svm/svm.c:svm_check_intercept(): asked for instructions of nested guests only. */
function svm_check_intercept(_vcpu: struct_kvm_vcpu, _info: struct_x86_instruction_info,
	_stage: x86_intercept_stage, _exception: struct_x86_exception): number {
	return X86EMUL_CONTINUE;
}

/** arch/x86/kvm/svm/svm.c:svm_handle_exit_irqoff() */
function svm_handle_exit_irqoff(vcpu: struct_kvm_vcpu): void {
	if (to_svm(vcpu).vmcb32[VMCB32_EXIT_CODE] === SVM_EXIT_INTR)
		vcpu.arch.at_instruction_boundary = true;
}

/** arch/x86/kvm/svm/svm.c:svm_sched_in(): pause filtering only. */
function svm_sched_in(_vcpu: struct_kvm_vcpu, _cpu: number): void {}

/** arch/x86/kvm/svm/svm.c:svm_setup_mce() */
function svm_setup_mce(vcpu: struct_kvm_vcpu): void {
	/* the number of banks and CTL_P: AMD has no more */
	vcpu.arch.mcg_cap &= 0x1ffn;
}

/** arch/x86/kvm/svm/svm.c:svm_can_emulate_instruction() */
function svm_can_emulate_instruction(vcpu: struct_kvm_vcpu, emul_type: number,
	insn: Uint8Array | null, insn_len: number): boolean {
	if (!sev_guest(vcpu.kvm))
		return true;

	WARN_ON_ONCE((emul_type & (EMULTYPE_TRAP_UD |
		EMULTYPE_TRAP_UD_FORCED |
		EMULTYPE_VMWARE_GP)) !== 0);

	/* decoded before, when userspace was asked to complete it */
	if ((emul_type & EMULTYPE_NO_DECODE) !== 0)
		return true;

	/*
	 * KVM cannot read the guest's memory in the clear: only the bytes that the CPU handed over
	 * can be decoded. Not to loop for ever the guest gets #UD, for want of anything better.
	 */
	if (insn === null) {
		kvm_queue_exception(vcpu, UD_VECTOR);
		return false;
	}

	/*
	 * Empty where the CPU could not fetch them: from MMIO, or the fetch faulted itself. What
	 * the modelled CPU hands over is not bytes, but the operation they stand for.
	 */
	if (insn_len !== 0 || guest_pending(vcpu.arch.guest!) !== null)
		return true;

	/*
	 * Erratum 1096: with CR4.SMAP the CPU may fail to fetch the bytes after a fault on data. It
	 * takes SMAP; no SMEP, or CPL 3, or else the fetch had faulted before; and a fault that was
	 * neither on the fetch nor on the guest's page tables.
	 */
	resume_guest: {
		const error_code = exit_info_1(to_svm(vcpu));
		if (pferr_test(error_code, PFERR_GUEST_PAGE_MASK) ||
		    pferr_test(error_code, PFERR_FETCH_MASK))
			break resume_guest;

		const cr4 = kvm_read_cr4(vcpu);
		const smep = (cr4 & X86_CR4_SMEP) !== 0;
		const smap = (cr4 & X86_CR4_SMAP) !== 0;
		const is_user = svm_get_cpl(vcpu) === 3;
		if (smap && (!smep || is_user)) {
			pr_err_ratelimited("KVM: SEV Guest triggered AMD Erratum 1096\n");

			/*
			 * #GP for the guest's user mode, which spares its kernel; no fault would
			 * make sense to that itself.
			 */
			if (is_user)
				kvm_inject_gp(vcpu, 0);
			else
				kvm_make_request(KVM_REQ_TRIPLE_FAULT, vcpu);
		}
	}

	/* no erratum: the guest faults again, maybe for ever, which harms nobody else */
	return false;
}

/** arch/x86/kvm/svm/svm.c:svm_apic_init_signal_blocked() */
function svm_apic_init_signal_blocked(vcpu: struct_kvm_vcpu): boolean {
	const svm = to_svm(vcpu);

	return !gif_set(svm) ||
		vmcb_is_intercept(svm.vmcb.control, INTERCEPT_INIT);
}

/** arch/x86/kvm/svm/svm.c:svm_vcpu_deliver_sipi_vector() */
function svm_vcpu_deliver_sipi_vector(vcpu: struct_kvm_vcpu, vector: number): void {
	kvm_vcpu_deliver_sipi_vector(vcpu, vector);
}

/** arch/x86/kvm/svm/svm.c:svm_vm_destroy() */
function svm_vm_destroy(kvm: struct_kvm): void {
	sev_vm_destroy(kvm);
}

/** arch/x86/kvm/svm/svm.c:svm_vm_init() */
function svm_vm_init(kvm: struct_kvm): number {
	/* C: unless there is a pause filter */
	kvm.arch.pause_in_guest = true;

	return 0;
}

/** arch/x86/kvm/svm/avic.c:avic_check_apicv_inhibit_reasons() */
function avic_check_apicv_inhibit_reasons(_reason: kvm_apicv_inhibit): boolean {
	return false;
}

/** arch/x86/kvm/svm/avic.c:avic_refresh_apicv_exec_ctrl(): never called without AVIC. */
function avic_refresh_apicv_exec_ctrl(_vcpu: struct_kvm_vcpu): void {}

const svm_x86_ops: struct_kvm_x86_ops = {
	name: "kvm_amd",

	hardware_unsetup: svm_hardware_unsetup,
	hardware_enable: svm_hardware_enable,
	hardware_disable: svm_hardware_disable,
	is_vm_type_supported: null,
	has_emulated_msr: svm_has_emulated_msr,

	vcpu_precreate: null,
	vcpu_create: svm_vcpu_create,
	vcpu_free: svm_vcpu_free,
	vcpu_reset: svm_vcpu_reset,

	vm_class: struct_kvm_svm,
	vm_init: svm_vm_init,
	flush_shadow_all_private: null,
	vm_destroy: svm_vm_destroy,
	vm_free: null,

	prepare_switch_to_guest: svm_prepare_switch_to_guest,
	vcpu_load: svm_vcpu_load,
	vcpu_put: svm_vcpu_put,
	vcpu_blocking: null,
	vcpu_unblocking: null,

	update_exception_bitmap: svm_update_exception_bitmap,
	get_msr_feature: svm_get_msr_feature,
	get_msr: svm_get_msr,
	set_msr: svm_set_msr,
	get_segment_base: svm_get_segment_base,
	get_segment: svm_get_segment,
	set_segment: svm_set_segment,
	get_cpl: svm_get_cpl,
	get_cs_db_l_bits: svm_get_cs_db_l_bits,
	set_cr0: svm_set_cr0,
	post_set_cr3: null,
	is_valid_cr4: svm_is_valid_cr4,
	set_cr4: svm_set_cr4,
	set_efer: svm_set_efer,
	get_idt: svm_get_idt,
	set_idt: svm_set_idt,
	get_gdt: svm_get_gdt,
	set_gdt: svm_set_gdt,
	set_dr7: svm_set_dr7,
	sync_dirty_debug_regs: svm_sync_dirty_debug_regs,
	cache_reg: svm_cache_reg,
	get_rflags: svm_get_rflags,
	set_rflags: svm_set_rflags,
	get_if_flag: svm_get_if_flag,

	flush_tlb_all: svm_flush_tlb_current,
	flush_tlb_current: svm_flush_tlb_current,
	flush_tlb_gva: svm_flush_tlb_gva,
	flush_tlb_guest: svm_flush_tlb_current,
	tlb_remote_flush: null,
	tlb_remote_flush_with_range: null,

	vcpu_pre_run: svm_vcpu_pre_run,
	vcpu_run: svm_vcpu_run,
	handle_exit: svm_handle_exit,
	skip_emulated_instruction: svm_skip_emulated_instruction,
	update_emulated_instruction: null,
	set_interrupt_shadow: svm_set_interrupt_shadow,
	get_interrupt_shadow: svm_get_interrupt_shadow,
	patch_hypercall: svm_patch_hypercall,
	inject_irq: svm_inject_irq,
	inject_nmi: svm_inject_nmi,
	queue_exception: svm_queue_exception,
	cancel_injection: svm_cancel_injection,
	interrupt_allowed: svm_interrupt_allowed,
	nmi_allowed: svm_nmi_allowed,
	get_nmi_mask: svm_get_nmi_mask,
	set_nmi_mask: svm_set_nmi_mask,
	enable_nmi_window: svm_enable_nmi_window,
	enable_irq_window: svm_enable_irq_window,
	update_cr8_intercept: svm_update_cr8_intercept,
	set_virtual_apic_mode: null,
	set_apic_access_page_addr: null,
	refresh_apicv_exec_ctrl: avic_refresh_apicv_exec_ctrl,
	check_apicv_inhibit_reasons: avic_check_apicv_inhibit_reasons,
	apicv_post_state_restore: null,
	hwapic_irr_update: null,
	hwapic_isr_update: null,
	guest_apic_has_interrupt: null,
	protected_apic_has_interrupt: null,
	load_eoi_exitmap: null,
	sync_pir_to_irr: null,
	dy_apicv_has_pending_interrupt: null,

	set_tss_addr: null,
	set_identity_map_addr: null,
	get_mt_mask: null,

	get_exit_info: svm_get_exit_info,

	vcpu_after_set_cpuid: svm_vcpu_after_set_cpuid,

	has_wbinvd_exit: svm_has_wbinvd_exit,

	get_l2_tsc_offset: svm_get_l2_tsc_offset,
	get_l2_tsc_multiplier: svm_get_l2_tsc_multiplier,
	write_tsc_offset: svm_write_tsc_offset,
	write_tsc_multiplier: svm_write_tsc_multiplier,

	load_mmu_pgd: svm_load_mmu_pgd,

	link_private_spt: null,
	free_private_spt: null,
	split_private_spt: null,
	merge_private_spt: null,
	set_private_spte: null,
	zap_private_spte: null,
	remove_private_spte: null,

	check_intercept: svm_check_intercept,
	handle_exit_irqoff: svm_handle_exit_irqoff,

	request_immediate_exit: __kvm_request_immediate_exit,

	sched_in: svm_sched_in,

	cpu_dirty_log_size: 0,
	update_cpu_dirty_logging: null,

	deliver_interrupt: svm_deliver_interrupt,
	setup_mce: svm_setup_mce,

	dev_mem_enc_ioctl: null,
	mem_enc_ioctl: sev_mem_enc_ioctl,
	vcpu_mem_enc_ioctl: null,
	mem_enc_register_region: sev_mem_enc_register_region,
	mem_enc_unregister_region: sev_mem_enc_unregister_region,
	guest_memory_reclaimed: sev_guest_memory_reclaimed,

	vm_copy_enc_context_from: null,
	vm_move_enc_context_from: null,

	can_emulate_instruction: svm_can_emulate_instruction,

	apic_init_signal_blocked: svm_apic_init_signal_blocked,

	msr_filter_changed: svm_msr_filter_changed,
	complete_emulated_msr: svm_complete_emulated_msr,

	vcpu_deliver_sipi_vector: svm_vcpu_deliver_sipi_vector,
	vcpu_get_apicv_inhibit_reasons: null,
};

/**
 * arch/x86/kvm/svm/svm.c:svm_adjust_mmio_mask()
 *
 * The bit by which MMIO entries are known may be the one that encrypts: then it is another.
 */
function svm_adjust_mmio_mask(): void {
	if (cpuid_eax(0x80000000) < 0x8000001f)
		return;

	const msr = rdmsrl(MSR_AMD64_SYSCFG);
	if ((msr & MSR_AMD64_SYSCFG_MEM_ENCRYPT) === 0n)
		return;

	const enc_bit = cpuid_ebx(0x8000001f) & 0x3f;
	let mask_bit = boot_cpu_data.x86_phys_bits;

	if (enc_bit === mask_bit)
		mask_bit++;

	/* bits above the physical address width are reserved: a fault with PFERR_RSVD_MASK */
	const mask = mask_bit < 52 ? pair_or(rsvd_bits(mask_bit, 51), pair(PT_PRESENT_MASK, 0)) :
		PAIR_ZERO;

	kvm_mmu_set_mmio_spte_mask(mask, mask, PT_WRITABLE_MASK | PT_USER_MASK);
}

/** arch/x86/kvm/svm/svm.c:svm_set_cpu_caps() */
function svm_set_cpu_caps(): void {
	kvm_set_cpu_caps();

	kvm_caps.supported_xss = 0n;

	/* CPUID 0x80000008 */
	if (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
	    boot_cpu_has(X86_FEATURE_AMD_SSBD))
		kvm_cpu_cap_set(X86_FEATURE_VIRT_SSBD);

	sev_set_cpu_caps();
}

/** arch/x86/kvm/svm/svm.c:svm_hardware_setup() */
function svm_hardware_setup(): number {
	let r: number;

	/* shadow paging and huge pages without execution need it */
	if (!boot_cpu_has(X86_FEATURE_NX)) {
		pr_err_ratelimited("NX (Execute Disable) not supported\n");
		return -EOPNOTSUPP;
	}
	kvm_enable_efer_bits(EFER_NX);

	const iopm_pages = alloc_pages(GFP_KERNEL, IOPM_ORDER);

	if (iopm_pages === null)
		return -ENOMEM;

	fill_pages(iopm_pages, IOPM_ORDER);
	iopm_base = hpa_t(iopm_pages.pfn * PAGE_SIZE);

	init_msrpm_offsets();

	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		kvm_enable_efer_bits(EFER_FFXSR);

	kvm_caps.max_tsc_scaling_ratio = SVM_TSC_RATIO_MAX;
	kvm_caps.tsc_scaling_ratio_frac_bits = 32;

	if (!boot_cpu_has(X86_FEATURE_NPT))
		npt_enabled = false;

	kvm_configure_mmu(npt_enabled, get_npt_level(),
		get_npt_level(), PG_LEVEL_1G);
	pr_info("kvm: Nested Paging %sabled\n", npt_enabled ? "en" : "dis");

	err: {
		/* C: goes on with shadow paging */
		r = -EOPNOTSUPP;
		if (!npt_enabled)
			break err;

		/* sme_me_mask is 0: the host's own memory is not encrypted */
		kvm_mmu_set_me_spte_mask(PAIR_ZERO, PAIR_ZERO);

		svm_adjust_mmio_mask();

		/* after npt_enabled and enable_mmio_caching have their last value */
		sev_hardware_setup();

		for (const cpu of for_each_possible_cpu()) {
			r = svm_cpu_init(cpu);
			if (r !== 0)
				break err;
		}

		if (nrips !== 0) {
			if (!boot_cpu_has(X86_FEATURE_NRIPS))
				nrips = 0;
		}

		set_enable_apicv(false);

		svm_set_cpu_caps();

		/*
		 * allow_smaller_maxphyaddr stays false with NPT: the CPU sets accessed bits in the
		 * guest's tables before it reports a fault, which is too early if the address is
		 * beyond what the guest believes to be physical addresses.
		 */

		return 0;
	}
	svm_hardware_unsetup();
	return r;
}

const svm_init_ops: struct_kvm_x86_init_ops = {
	cpu_has_kvm_support: has_svm,
	disabled_by_bios: is_disabled,
	hardware_setup: svm_hardware_setup,
	check_processor_compatibility: svm_check_processor_compat,

	runtime_ops: svm_x86_ops,
};

/** arch/x86/kvm/svm/svm.c:svm_init() */
function svm_init(): number {
	__unused_size_checks();

	return kvm_init(svm_init_ops, struct_vcpu_svm, 0, null);
}

module_init("arch/x86/kvm/svm/svm", svm_init);
