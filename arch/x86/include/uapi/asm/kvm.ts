// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * KVM on x86: registers, local APIC, CPUID, MSRs, events, nested state.
 *
 * Upstream: arch/x86/include/uapi/asm/kvm.h. Left out: most of __KVM_HAVE_*, all of which x86 has.
 */
import {
	__anon, __array, __bits, __bytes, __flex, __s64, __struct, __u16, __u32, __u64, __u8,
	__union, type struct_view,
} from "#asm-generic/struct.ts";

/* pages of a vCPU's mapping */
export const KVM_PIO_PAGE_OFFSET		= 1;
export const KVM_COALESCED_MMIO_PAGE_OFFSET	= 2;
export const KVM_DIRTY_LOG_PAGE_OFFSET		= 64;

export const __KVM_HAVE_READONLY_MEM		= true;

/* exceptions */
export const DE_VECTOR	= 0;
export const DB_VECTOR	= 1;
export const BP_VECTOR	= 3;
export const OF_VECTOR	= 4;
export const BR_VECTOR	= 5;
export const UD_VECTOR	= 6;
export const NM_VECTOR	= 7;
export const DF_VECTOR	= 8;
export const TS_VECTOR	= 10;
export const NP_VECTOR	= 11;
export const SS_VECTOR	= 12;
export const GP_VECTOR	= 13;
export const PF_VECTOR	= 14;
export const MF_VECTOR	= 16;
export const AC_VECTOR	= 17;
export const MC_VECTOR	= 18;
export const XM_VECTOR	= 19;
export const VE_VECTOR	= 20;

export const KVM_NR_INTERRUPTS	= 256;

/* KVM_SET_MEMORY_ALIAS */
export const struct_kvm_memory_alias = __struct({
	slot:			__u32,	/* not numbered with the memory slots */
	flags:			__u32,
	guest_phys_addr:	__u64,
	memory_size:		__u64,
	target_phys_addr:	__u64,
});
export type struct_kvm_memory_alias = struct_view<typeof struct_kvm_memory_alias>;

export const struct_kvm_pic_state = __struct({
	last_irr:			__u8,
	irr:				__u8,
	imr:				__u8,
	isr:				__u8,
	priority_add:			__u8,
	irq_base:			__u8,
	read_reg_select:		__u8,
	poll:				__u8,
	special_mask:			__u8,
	init_state:			__u8,
	auto_eoi:			__u8,
	rotate_on_auto_eoi:		__u8,
	special_fully_nested_mode:	__u8,
	init4:				__u8,
	elcr:				__u8,
	elcr_mask:			__u8,
});
export type struct_kvm_pic_state = struct_view<typeof struct_kvm_pic_state>;

export const KVM_IOAPIC_NUM_PINS	= 24;

export const struct_kvm_ioapic_state = __struct({
	base_address:	__u64,
	ioregsel:	__u32,
	id:		__u32,
	irr:		__u32,
	pad:		__u32,
	redirtbl: __array(__union({
		bits:	__u64,
		fields: __struct({
			vector:		__u8,
			_1: __bits(__u8, {
				delivery_mode:		3,
				dest_mode:		1,
				delivery_status:	1,
				polarity:		1,
				remote_irr:		1,
				trig_mode:		1,
			}),
			_2: __bits(__u8, {
				mask:		1,
				reserve:	7,
			}),
			reserved:	__bytes(4),
			dest_id:	__u8,
		}),
	}), KVM_IOAPIC_NUM_PINS),
});
export type struct_kvm_ioapic_state = struct_view<typeof struct_kvm_ioapic_state>;

/* kvm_irqchip.chip_id */
export const KVM_IRQCHIP_PIC_MASTER	= 0;
export const KVM_IRQCHIP_PIC_SLAVE	= 1;
export const KVM_IRQCHIP_IOAPIC		= 2;
export const KVM_NR_IRQCHIPS		= 3;

/* kvm_run.flags */
export const KVM_RUN_X86_SMM		= 1 << 0;
export const KVM_RUN_X86_BUS_LOCK	= 1 << 1;

/* KVM_GET_REGS, KVM_SET_REGS */
export const struct_kvm_regs = __struct({
	rax: __u64, rbx: __u64, rcx: __u64, rdx: __u64,
	rsi: __u64, rdi: __u64, rsp: __u64, rbp: __u64,
	r8: __u64, r9: __u64, r10: __u64, r11: __u64,
	r12: __u64, r13: __u64, r14: __u64, r15: __u64,
	rip: __u64, rflags: __u64,
});
export type struct_kvm_regs = struct_view<typeof struct_kvm_regs>;

export const KVM_APIC_REG_SIZE	= 0x400;

/* KVM_GET_LAPIC, KVM_SET_LAPIC */
export const struct_kvm_lapic_state = __struct({
	regs:	__bytes(KVM_APIC_REG_SIZE),
});
export type struct_kvm_lapic_state = struct_view<typeof struct_kvm_lapic_state>;

export const struct_kvm_segment = __struct({
	base:		__u64,
	limit:		__u32,
	selector:	__u16,
	type:		__u8,
	present: __u8, dpl: __u8, db: __u8, s: __u8, l: __u8, g: __u8, avl: __u8,
	unusable:	__u8,
	padding:	__u8,
});
export type struct_kvm_segment = struct_view<typeof struct_kvm_segment>;

export const struct_kvm_dtable = __struct({
	base:		__u64,
	limit:		__u16,
	padding:	__array(__u16, 3),
});
export type struct_kvm_dtable = struct_view<typeof struct_kvm_dtable>;

/* KVM_GET_SREGS, KVM_SET_SREGS */
export const struct_kvm_sregs = __struct({
	cs: struct_kvm_segment, ds: struct_kvm_segment, es: struct_kvm_segment,
	fs: struct_kvm_segment, gs: struct_kvm_segment, ss: struct_kvm_segment,
	tr: struct_kvm_segment, ldt: struct_kvm_segment,
	gdt: struct_kvm_dtable, idt: struct_kvm_dtable,
	cr0: __u64, cr2: __u64, cr3: __u64, cr4: __u64, cr8: __u64,
	efer:			__u64,
	apic_base:		__u64,
	interrupt_bitmap:	__array(__u64, KVM_NR_INTERRUPTS / 64),
});
export type struct_kvm_sregs = struct_view<typeof struct_kvm_sregs>;

/* KVM_GET_SREGS2, KVM_SET_SREGS2 */
export const struct_kvm_sregs2 = __struct({
	cs: struct_kvm_segment, ds: struct_kvm_segment, es: struct_kvm_segment,
	fs: struct_kvm_segment, gs: struct_kvm_segment, ss: struct_kvm_segment,
	tr: struct_kvm_segment, ldt: struct_kvm_segment,
	gdt: struct_kvm_dtable, idt: struct_kvm_dtable,
	cr0: __u64, cr2: __u64, cr3: __u64, cr4: __u64, cr8: __u64,
	efer:		__u64,
	apic_base:	__u64,
	flags:		__u64,
	pdptrs:		__array(__u64, 4),
});
export type struct_kvm_sregs2 = struct_view<typeof struct_kvm_sregs2>;

export const KVM_SREGS2_FLAGS_PDPTRS_VALID	= 1;

/* KVM_GET_FPU, KVM_SET_FPU */
export const struct_kvm_fpu = __struct({
	fpr:		__array(__bytes(16), 8),
	fcw:		__u16,
	fsw:		__u16,
	ftwx:		__u8,	/* as fxsave has it */
	pad1:		__u8,
	last_opcode:	__u16,
	last_ip:	__u64,
	last_dp:	__u64,
	xmm:		__array(__bytes(16), 16),
	mxcsr:		__u32,
	pad2:		__u32,
});
export type struct_kvm_fpu = struct_view<typeof struct_kvm_fpu>;

export const struct_kvm_msr_entry = __struct({
	index:		__u32,
	reserved:	__u32,
	data:		__u64,
});
export type struct_kvm_msr_entry = struct_view<typeof struct_kvm_msr_entry>;

/* KVM_GET_MSRS, KVM_SET_MSRS */
export const struct_kvm_msrs = __struct({
	nmsrs:		__u32,	/* entries */
	pad:		__u32,
	entries:	__flex(struct_kvm_msr_entry),
});
export type struct_kvm_msrs = struct_view<typeof struct_kvm_msrs>;

/* KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST */
export const struct_kvm_msr_list = __struct({
	nmsrs:		__u32,	/* indices */
	indices:	__flex(__u32),
});
export type struct_kvm_msr_list = struct_view<typeof struct_kvm_msr_list>;

export const KVM_MSR_FILTER_MAX_BITMAP_SIZE	= 0x600;

/* kvm_msr_filter_range.flags */
export const KVM_MSR_FILTER_READ	= 1 << 0;
export const KVM_MSR_FILTER_WRITE	= 1 << 1;

export const struct_kvm_msr_filter_range = __struct({
	flags:	__u32,
	nmsrs:	__u32,	/* bits in the bitmap */
	base:	__u32,	/* MSR of the first bit */
	bitmap:	__u64,	/* pointer; 0 denies what flags say */
});
export type struct_kvm_msr_filter_range = struct_view<typeof struct_kvm_msr_filter_range>;

export const KVM_MSR_FILTER_MAX_RANGES	= 16;

/* kvm_msr_filter.flags */
export const KVM_MSR_FILTER_DEFAULT_ALLOW	= 0 << 0;
export const KVM_MSR_FILTER_DEFAULT_DENY	= 1 << 0;

/* KVM_X86_SET_MSR_FILTER */
export const struct_kvm_msr_filter = __struct({
	flags:	__u32,
	ranges:	__array(struct_kvm_msr_filter_range, KVM_MSR_FILTER_MAX_RANGES),
});
export type struct_kvm_msr_filter = struct_view<typeof struct_kvm_msr_filter>;

export const struct_kvm_cpuid_entry = __struct({
	function:	__u32,
	eax:		__u32,
	ebx:		__u32,
	ecx:		__u32,
	edx:		__u32,
	padding:	__u32,
});
export type struct_kvm_cpuid_entry = struct_view<typeof struct_kvm_cpuid_entry>;

/* KVM_SET_CPUID */
export const struct_kvm_cpuid = __struct({
	nent:		__u32,
	padding:	__u32,
	entries:	__flex(struct_kvm_cpuid_entry),
});
export type struct_kvm_cpuid = struct_view<typeof struct_kvm_cpuid>;

export const struct_kvm_cpuid_entry2 = __struct({
	function:	__u32,
	index:		__u32,
	flags:		__u32,
	eax:		__u32,
	ebx:		__u32,
	ecx:		__u32,
	edx:		__u32,
	padding:	__array(__u32, 3),
});
export type struct_kvm_cpuid_entry2 = struct_view<typeof struct_kvm_cpuid_entry2>;

/* kvm_cpuid_entry2.flags */
export const KVM_CPUID_FLAG_SIGNIFCANT_INDEX	= 1 << 0;
export const KVM_CPUID_FLAG_STATEFUL_FUNC	= 1 << 1;
export const KVM_CPUID_FLAG_STATE_READ_NEXT	= 1 << 2;

/*
 * KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID,
 * KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_GET_SUPPORTED_HV_CPUID
 */
export const struct_kvm_cpuid2 = __struct({
	nent:		__u32,
	padding:	__u32,
	entries:	__flex(struct_kvm_cpuid_entry2),
});
export type struct_kvm_cpuid2 = struct_view<typeof struct_kvm_cpuid2>;

export const struct_kvm_pit_channel_state = __struct({
	count:			__u32,
	latched_count:		__u16,
	count_latched:		__u8,
	status_latched:		__u8,
	status:			__u8,
	read_state:		__u8,
	write_state:		__u8,
	write_latch:		__u8,
	rw_mode:		__u8,
	mode:			__u8,
	bcd:			__u8,
	gate:			__u8,
	count_load_time:	__s64,
});
export type struct_kvm_pit_channel_state = struct_view<typeof struct_kvm_pit_channel_state>;

export const struct_kvm_debug_exit_arch = __struct({
	exception:	__u32,
	pad:		__u32,
	pc:		__u64,
	dr6:		__u64,
	dr7:		__u64,
});
export type struct_kvm_debug_exit_arch = struct_view<typeof struct_kvm_debug_exit_arch>;

export const KVM_GUESTDBG_USE_SW_BP	= 0x00010000;
export const KVM_GUESTDBG_USE_HW_BP	= 0x00020000;
export const KVM_GUESTDBG_INJECT_DB	= 0x00040000;
export const KVM_GUESTDBG_INJECT_BP	= 0x00080000;
export const KVM_GUESTDBG_BLOCKIRQ	= 0x00100000;

export const struct_kvm_guest_debug_arch = __struct({
	debugreg:	__array(__u64, 8),
});
export type struct_kvm_guest_debug_arch = struct_view<typeof struct_kvm_guest_debug_arch>;

/* KVM_GET_PIT, KVM_SET_PIT */
export const struct_kvm_pit_state = __struct({
	channels:	__array(struct_kvm_pit_channel_state, 3),
});
export type struct_kvm_pit_state = struct_view<typeof struct_kvm_pit_state>;

export const KVM_PIT_FLAGS_HPET_LEGACY		= 0x00000001;
export const KVM_PIT_FLAGS_SPEAKER_DATA_ON	= 0x00000002;

/* KVM_GET_PIT2, KVM_SET_PIT2 */
export const struct_kvm_pit_state2 = __struct({
	channels:	__array(struct_kvm_pit_channel_state, 3),
	flags:		__u32,
	reserved:	__array(__u32, 9),
});
export type struct_kvm_pit_state2 = struct_view<typeof struct_kvm_pit_state2>;

export const struct_kvm_reinject_control = __struct({
	pit_reinject:	__u8,
	reserved:	__bytes(31),
});
export type struct_kvm_reinject_control = struct_view<typeof struct_kvm_reinject_control>;

/* kvm_vcpu_events.flags: which members KVM_SET_VCPU_EVENTS is to look at */
export const KVM_VCPUEVENT_VALID_NMI_PENDING	= 0x00000001;
export const KVM_VCPUEVENT_VALID_SIPI_VECTOR	= 0x00000002;
export const KVM_VCPUEVENT_VALID_SHADOW		= 0x00000004;
export const KVM_VCPUEVENT_VALID_SMM		= 0x00000008;
export const KVM_VCPUEVENT_VALID_PAYLOAD	= 0x00000010;
export const KVM_VCPUEVENT_VALID_TRIPLE_FAULT	= 0x00000020;

/* kvm_vcpu_events.interrupt.shadow */
export const KVM_X86_SHADOW_INT_MOV_SS	= 0x01;
export const KVM_X86_SHADOW_INT_STI	= 0x02;

/* KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS */
export const struct_kvm_vcpu_events = __struct({
	exception: __struct({
		injected:	__u8,
		nr:		__u8,
		has_error_code:	__u8,
		pending:	__u8,
		error_code:	__u32,
	}),
	interrupt: __struct({
		injected:	__u8,
		nr:		__u8,
		soft:		__u8,
		shadow:		__u8,
	}),
	nmi: __struct({
		injected:	__u8,
		pending:	__u8,
		masked:		__u8,
		pad:		__u8,
	}),
	sipi_vector:		__u32,
	flags:			__u32,
	smi: __struct({
		smm:		__u8,
		pending:	__u8,
		smm_inside_nmi:	__u8,
		latched_init:	__u8,
	}),
	triple_fault: __struct({
		pending:	__u8,
	}),
	reserved:		__bytes(26),
	exception_has_payload:	__u8,
	exception_payload:	__u64,
});
export type struct_kvm_vcpu_events = struct_view<typeof struct_kvm_vcpu_events>;

/* KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS */
export const struct_kvm_debugregs = __struct({
	db:		__array(__u64, 4),
	dr6:		__u64,
	dr7:		__u64,
	flags:		__u64,
	reserved:	__array(__u64, 9),
});
export type struct_kvm_debugregs = struct_view<typeof struct_kvm_debugregs>;

/* KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2 */
export const struct_kvm_xsave = __struct({
	region:	__array(__u32, 1024),
	extra:	__flex(__u32),	/* as far as KVM_CAP_XSAVE2 says */
});
export type struct_kvm_xsave = struct_view<typeof struct_kvm_xsave>;

export const KVM_MAX_XCRS	= 16;

export const struct_kvm_xcr = __struct({
	xcr:		__u32,
	reserved:	__u32,
	value:		__u64,
});
export type struct_kvm_xcr = struct_view<typeof struct_kvm_xcr>;

/* KVM_GET_XCRS, KVM_SET_XCRS */
export const struct_kvm_xcrs = __struct({
	nr_xcrs:	__u32,
	flags:		__u32,
	xcrs:		__array(struct_kvm_xcr, KVM_MAX_XCRS),
	padding:	__array(__u64, 16),
});
export type struct_kvm_xcrs = struct_view<typeof struct_kvm_xcrs>;

/* kvm_run.kvm_valid_regs, kvm_run.kvm_dirty_regs */
export const KVM_SYNC_X86_REGS		= 1n << 0n;
export const KVM_SYNC_X86_SREGS		= 1n << 1n;
export const KVM_SYNC_X86_EVENTS	= 1n << 2n;

export const KVM_SYNC_X86_VALID_FIELDS = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS |
	KVM_SYNC_X86_EVENTS;

export const struct_kvm_sync_regs = __struct({
	regs:	struct_kvm_regs,
	sregs:	struct_kvm_sregs,
	events:	struct_kvm_vcpu_events,
});
export type struct_kvm_sync_regs = struct_view<typeof struct_kvm_sync_regs>;

/* what KVM_CAP_DISABLE_QUIRKS2 can turn off */
export const KVM_X86_QUIRK_LINT0_REENABLED		= 1 << 0;
export const KVM_X86_QUIRK_CD_NW_CLEARED		= 1 << 1;
export const KVM_X86_QUIRK_LAPIC_MMIO_HOLE		= 1 << 2;
export const KVM_X86_QUIRK_OUT_7E_INC_RIP		= 1 << 3;
export const KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT		= 1 << 4;
export const KVM_X86_QUIRK_FIX_HYPERCALL_INSN		= 1 << 5;
export const KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS	= 1 << 6;

/* kvm_nested_state.format */
export const KVM_STATE_NESTED_FORMAT_VMX	= 0;
export const KVM_STATE_NESTED_FORMAT_SVM	= 1;

/* kvm_nested_state.flags */
export const KVM_STATE_NESTED_GUEST_MODE	= 0x00000001;
export const KVM_STATE_NESTED_RUN_PENDING	= 0x00000002;
export const KVM_STATE_NESTED_EVMCS		= 0x00000004;
export const KVM_STATE_NESTED_MTF_PENDING	= 0x00000008;
export const KVM_STATE_NESTED_GIF_SET		= 0x00000100;

export const KVM_STATE_NESTED_SMM_GUEST_MODE	= 0x00000001;
export const KVM_STATE_NESTED_SMM_VMXON		= 0x00000002;

export const KVM_STATE_NESTED_VMX_VMCS_SIZE	= 0x1000;

export const KVM_STATE_NESTED_SVM_VMCB_SIZE	= 0x1000;

export const KVM_STATE_VMX_PREEMPTION_TIMER_DEADLINE	= 0x00000001;

/* attribute of /dev/kvm */
export const KVM_X86_XCOMP_GUEST_SUPP	= 0;

export const struct_kvm_vmx_nested_state_data = __struct({
	vmcs12:		__bytes(KVM_STATE_NESTED_VMX_VMCS_SIZE),
	shadow_vmcs12:	__bytes(KVM_STATE_NESTED_VMX_VMCS_SIZE),
});
export type struct_kvm_vmx_nested_state_data = struct_view<typeof struct_kvm_vmx_nested_state_data>;

export const struct_kvm_vmx_nested_state_hdr = __struct({
	vmxon_pa:			__u64,
	vmcs12_pa:			__u64,
	smm: __struct({
		flags:	__u16,
	}),
	pad:				__u16,
	flags:				__u32,
	preemption_timer_deadline:	__u64,
});
export type struct_kvm_vmx_nested_state_hdr = struct_view<typeof struct_kvm_vmx_nested_state_hdr>;

export const struct_kvm_svm_nested_state_data = __struct({
	vmcb12:	__bytes(KVM_STATE_NESTED_SVM_VMCB_SIZE),
});
export type struct_kvm_svm_nested_state_data = struct_view<typeof struct_kvm_svm_nested_state_data>;

export const struct_kvm_svm_nested_state_hdr = __struct({
	vmcb_pa:	__u64,
});
export type struct_kvm_svm_nested_state_hdr = struct_view<typeof struct_kvm_svm_nested_state_hdr>;

/* KVM_GET_NESTED_STATE, KVM_SET_NESTED_STATE */
export const struct_kvm_nested_state = __struct({
	flags:	__u16,
	format:	__u16,
	size:	__u32,
	hdr: __union({
		vmx:	struct_kvm_vmx_nested_state_hdr,
		svm:	struct_kvm_svm_nested_state_hdr,
		pad:	__bytes(120),
	}),
	data: __union({
		vmx:	__flex(struct_kvm_vmx_nested_state_data),
		svm:	__flex(struct_kvm_svm_nested_state_data),
	}),
});
export type struct_kvm_nested_state = struct_view<typeof struct_kvm_nested_state>;

/* KVM_SET_PMU_EVENT_FILTER */
export const struct_kvm_pmu_event_filter = __struct({
	action:			__u32,
	nevents:		__u32,
	fixed_counter_bitmap:	__u32,
	flags:			__u32,
	pad:			__array(__u32, 4),
	events:			__flex(__u64),
});
export type struct_kvm_pmu_event_filter = struct_view<typeof struct_kvm_pmu_event_filter>;

/* kvm_pmu_event_filter.action */
export const KVM_PMU_EVENT_ALLOW	= 0;
export const KVM_PMU_EVENT_DENY		= 1;

/* group of vCPU attributes, and its one attribute */
export const KVM_VCPU_TSC_CTRL		= 0;
export const KVM_VCPU_TSC_OFFSET	= 0;

/* KVM_CREATE_VM's argument. Not upstream: the TDX series of the time of the private memory one. */
export const KVM_X86_DEFAULT_VM		= 0;
export const KVM_X86_TDX_VM		= 1;

/* kvm_tdx_cmd.id; KVM_MEMORY_ENCRYPT_OP on /dev/kvm, the VM or a vCPU, as each says */
export const KVM_TDX_CAPABILITIES	= 0;	/* /dev/kvm: struct kvm_tdx_capabilities */
export const KVM_TDX_INIT_VM		= 1;	/* VM: struct kvm_tdx_init_vm */
export const KVM_TDX_INIT_VCPU		= 2;	/* vCPU: what RCX and R8 start with */
export const KVM_TDX_INIT_MEM_REGION	= 3;	/* VM: struct kvm_tdx_init_mem_region */
export const KVM_TDX_FINALIZE_VM	= 4;	/* VM: nothing */

export const struct_kvm_tdx_cmd = __struct({
	id:		__u32,
	flags:		__u32,
	data:		__u64,	/* immediate, or a pointer */
	error:		__u64,	/* out: completion status of the SEAMCALL that failed */
	unused:		__u64,
});
export type struct_kvm_tdx_cmd = struct_view<typeof struct_kvm_tdx_cmd>;

export const struct_kvm_tdx_cpuid_config = __struct({
	leaf:		__u32,
	sub_leaf:	__u32,	/* ~0: the leaf has none */
	eax:		__u32,
	ebx:		__u32,
	ecx:		__u32,
	edx:		__u32,
});
export type struct_kvm_tdx_cpuid_config = struct_view<typeof struct_kvm_tdx_cpuid_config>;

export const struct_kvm_tdx_capabilities = __struct({
	attrs_fixed0:		__u64,	/* bits that may be 1 */
	attrs_fixed1:		__u64,	/* bits that must be 1 */
	xfam_fixed0:		__u64,
	xfam_fixed1:		__u64,
	nr_cpuid_configs:	__u32,	/* in: room for entries */
	padding:		__u32,
	cpuid_configs:		__flex(struct_kvm_tdx_cpuid_config),
});
export type struct_kvm_tdx_capabilities = struct_view<typeof struct_kvm_tdx_capabilities>;

/* 16 KiB with the room for CPUID entries */
export const struct_kvm_tdx_init_vm = __struct({
	attributes:	__u64,
	mrconfigid:	__bytes(48),
	mrowner:	__bytes(48),
	mrownerconfig:	__bytes(48),
	_1: __anon(__union({
		cpuid:		struct_kvm_cpuid2,
		reserved:	__bytes(16384 - 8 - 3 * 48),
	})),
});
export type struct_kvm_tdx_init_vm = struct_view<typeof struct_kvm_tdx_init_vm>;

/* kvm_tdx_cmd.flags of KVM_TDX_INIT_MEM_REGION */
export const KVM_TDX_MEASURE_MEMORY_REGION	= 1 << 0;

export const struct_kvm_tdx_init_mem_region = __struct({
	source_addr:	__u64,
	gpa:		__u64,
	nr_pages:	__u64,
});
export type struct_kvm_tdx_init_mem_region = struct_view<typeof struct_kvm_tdx_init_mem_region>;
