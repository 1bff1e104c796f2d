// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * The interface of /dev/kvm, of VMs and of vCPUs.
 *
 * Upstream: include/uapi/linux/kvm.h, in its order but for what a constant needs to be made: KVMIO
 * comes first, and a struct before the ioctl that takes it. Left out: ioctls whose argument only
 * another architecture's header has.
 *
 * Flags are bigints where the member or argument that holds them is a __u64 in C and the constant
 * is one too, numbers elsewhere.
 */
import { __anon, __array, __bytes, __flex, __s16, __s32, __struct, __u16, __u32, __u64, __u8,
	__union, sizeof, type struct_view } from "#asm-generic/struct.ts";
import { _IO, _IOR, _IOW, _IOWR } from "#uapi/asm-generic/ioctl.ts";
import { struct_kvm_cpuid, struct_kvm_cpuid2, struct_kvm_debug_exit_arch, struct_kvm_debugregs,
	struct_kvm_fpu, struct_kvm_guest_debug_arch, struct_kvm_ioapic_state,
	struct_kvm_lapic_state, struct_kvm_memory_alias, struct_kvm_msr_filter,
	struct_kvm_msr_list, struct_kvm_msrs, struct_kvm_nested_state, struct_kvm_pic_state,
	struct_kvm_pit_state, struct_kvm_pit_state2, struct_kvm_pmu_event_filter, struct_kvm_regs,
	struct_kvm_sregs, struct_kvm_sregs2, struct_kvm_sync_regs, struct_kvm_vcpu_events,
	struct_kvm_xcrs, struct_kvm_xsave } from "#uapi-asm/kvm.ts";

export * from "#uapi-asm/kvm.ts";

export const KVM_API_VERSION	= 12;

export const KVMIO	= 0xAE;

/* tracing as it was once; the numbers are all that is left */
export const KVM_TRC_SHIFT	= 16;

export const KVM_TRC_ENTRYEXIT	= 1 << KVM_TRC_SHIFT;
export const KVM_TRC_HANDLER	= 1 << (KVM_TRC_SHIFT + 1);

export const KVM_TRC_VMENTRY	= KVM_TRC_ENTRYEXIT + 0x01;
export const KVM_TRC_VMEXIT	= KVM_TRC_ENTRYEXIT + 0x02;
export const KVM_TRC_PAGE_FAULT	= KVM_TRC_HANDLER + 0x01;

export const KVM_TRC_HEAD_SIZE	= 12;
export const KVM_TRC_CYCLE_SIZE	= 8;
export const KVM_TRC_EXTRA_MAX	= 7;

export const KVM_TRC_INJ_VIRQ		= KVM_TRC_HANDLER + 0x02;
export const KVM_TRC_REDELIVER_EVT	= KVM_TRC_HANDLER + 0x03;
export const KVM_TRC_PEND_INTR		= KVM_TRC_HANDLER + 0x04;
export const KVM_TRC_IO_READ		= KVM_TRC_HANDLER + 0x05;
export const KVM_TRC_IO_WRITE		= KVM_TRC_HANDLER + 0x06;
export const KVM_TRC_CR_READ		= KVM_TRC_HANDLER + 0x07;
export const KVM_TRC_CR_WRITE		= KVM_TRC_HANDLER + 0x08;
export const KVM_TRC_DR_READ		= KVM_TRC_HANDLER + 0x09;
export const KVM_TRC_DR_WRITE		= KVM_TRC_HANDLER + 0x0A;
export const KVM_TRC_MSR_READ		= KVM_TRC_HANDLER + 0x0B;
export const KVM_TRC_MSR_WRITE		= KVM_TRC_HANDLER + 0x0C;
export const KVM_TRC_CPUID		= KVM_TRC_HANDLER + 0x0D;
export const KVM_TRC_INTR		= KVM_TRC_HANDLER + 0x0E;
export const KVM_TRC_NMI		= KVM_TRC_HANDLER + 0x0F;
export const KVM_TRC_VMMCALL		= KVM_TRC_HANDLER + 0x10;
export const KVM_TRC_HLT		= KVM_TRC_HANDLER + 0x11;
export const KVM_TRC_CLTS		= KVM_TRC_HANDLER + 0x12;
export const KVM_TRC_LMSW		= KVM_TRC_HANDLER + 0x13;
export const KVM_TRC_APIC_ACCESS	= KVM_TRC_HANDLER + 0x14;
export const KVM_TRC_TDP_FAULT		= KVM_TRC_HANDLER + 0x15;
export const KVM_TRC_GTLB_WRITE		= KVM_TRC_HANDLER + 0x16;
export const KVM_TRC_STLB_WRITE		= KVM_TRC_HANDLER + 0x17;
export const KVM_TRC_STLB_INVAL		= KVM_TRC_HANDLER + 0x18;
export const KVM_TRC_PPC_INSTR		= KVM_TRC_HANDLER + 0x19;

export const struct_kvm_user_trace_setup = __struct({
	buf_size:	__u32,
	buf_nr:		__u32,
});
export type struct_kvm_user_trace_setup = struct_view<typeof struct_kvm_user_trace_setup>;

export const __KVM_DEPRECATED_MAIN_W_0x06	= _IOW(KVMIO, 0x06, struct_kvm_user_trace_setup);
export const __KVM_DEPRECATED_MAIN_0x07		= _IO(KVMIO, 0x07);
export const __KVM_DEPRECATED_MAIN_0x08		= _IO(KVMIO, 0x08);

export const struct_kvm_breakpoint = __struct({
	enabled:	__u32,
	padding:	__u32,
	address:	__u64,
});
export type struct_kvm_breakpoint = struct_view<typeof struct_kvm_breakpoint>;

export const struct_kvm_debug_guest = __struct({
	enabled:	__u32,
	pad:		__u32,
	breakpoints:	__array(struct_kvm_breakpoint, 4),
	singlestep:	__u32,
});
export type struct_kvm_debug_guest = struct_view<typeof struct_kvm_debug_guest>;

export const __KVM_DEPRECATED_VCPU_W_0x87	= _IOW(KVMIO, 0x87, struct_kvm_debug_guest);

/* KVM_SET_MEMORY_REGION */
export const struct_kvm_memory_region = __struct({
	slot:			__u32,
	flags:			__u32,
	guest_phys_addr:	__u64,
	memory_size:		__u64,	/* bytes */
});
export type struct_kvm_memory_region = struct_view<typeof struct_kvm_memory_region>;

/* KVM_SET_USER_MEMORY_REGION */
export const struct_kvm_userspace_memory_region = __struct({
	slot:			__u32,
	flags:			__u32,
	guest_phys_addr:	__u64,
	memory_size:		__u64,	/* bytes */
	userspace_addr:		__u64,	/* where the range starts for the caller */
});
export type struct_kvm_userspace_memory_region =
	struct_view<typeof struct_kvm_userspace_memory_region>;

/**
 * KVM_SET_USER_MEMORY_REGION with KVM_MEM_PRIVATE: 160 bytes. Private memory of the slot is the
 * range of the file @private_fd from @private_offset (bytes) on. @hunk 2:1
 */
export const struct_kvm_userspace_memory_region_ext = __struct({
	region:			struct_kvm_userspace_memory_region,
	private_offset:		__u64,
	private_fd:		__u32,
	pad1:			__u32,
	pad2:			__array(__u64, 14),
});
export type struct_kvm_userspace_memory_region_ext =
	struct_view<typeof struct_kvm_userspace_memory_region_ext>;

/** The same bytes with the members of @region on the top level, for the kernel alone. */
export const struct_kvm_user_mem_region = __struct({
	slot:			__u32,
	flags:			__u32,
	guest_phys_addr:	__u64,
	memory_size:		__u64,
	userspace_addr:		__u64,
	private_offset:		__u64,
	private_fd:		__u32,
	pad1:			__u32,
	pad2:			__array(__u64, 14),
});
export type struct_kvm_user_mem_region = struct_view<typeof struct_kvm_user_mem_region>;

/* flags of a memory region: userspace has bits 0 to 15, KVM itself the others */
export const KVM_MEM_LOG_DIRTY_PAGES	= 1 << 0;
export const KVM_MEM_READONLY		= 1 << 1;
/** The slot has private memory beside the shared one. @hunk 2:2 */
export const KVM_MEM_PRIVATE		= 1 << 2;

/* KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS */
export const struct_kvm_irq_level = __struct({
	_1: __anon(__union({
		irq:	__u32,
		status:	__s32,
	})),
	level:	__u32,
});
export type struct_kvm_irq_level = struct_view<typeof struct_kvm_irq_level>;

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP */
export const struct_kvm_irqchip = __struct({
	chip_id:	__u32,
	pad:		__u32,
	chip: __union({
		dummy:	__bytes(512),
		pic:	struct_kvm_pic_state,
		ioapic:	struct_kvm_ioapic_state,
	}),
});
export type struct_kvm_irqchip = struct_view<typeof struct_kvm_irqchip>;

/* KVM_CREATE_PIT2 */
export const struct_kvm_pit_config = __struct({
	flags:	__u32,
	pad:	__array(__u32, 15),
});
export type struct_kvm_pit_config = struct_view<typeof struct_kvm_pit_config>;

export const KVM_PIT_SPEAKER_DUMMY	= 1;

/* KVM_S390_GET_SKEYS, KVM_S390_SET_SKEYS */
export const struct_kvm_s390_skeys = __struct({
	start_gfn:	__u64,
	count:		__u64,
	skeydata_addr:	__u64,
	flags:		__u32,
	reserved:	__array(__u32, 9),
});

export const KVM_S390_CMMA_PEEK	= 1 << 0;

/* KVM_S390_GET_CMMA_BITS, KVM_S390_SET_CMMA_BITS */
export const struct_kvm_s390_cmma_log = __struct({
	start_gfn:	__u64,
	count:		__u32,
	flags:		__u32,
	_1: __anon(__union({
		remaining:	__u64,
		mask:		__u64,
	})),
	values:		__u64,
});

/* kvm_hyperv_exit.type */
export const KVM_EXIT_HYPERV_SYNIC	= 1;
export const KVM_EXIT_HYPERV_HCALL	= 2;
export const KVM_EXIT_HYPERV_SYNDBG	= 3;

export const struct_kvm_hyperv_exit = __struct({
	type:	__u32,
	pad1:	__u32,
	u: __union({
		synic: __struct({
			msr:		__u32,
			pad2:		__u32,
			control:	__u64,
			evt_page:	__u64,
			msg_page:	__u64,
		}),
		hcall: __struct({
			input:	__u64,
			result:	__u64,
			params:	__array(__u64, 2),
		}),
		syndbg: __struct({
			msr:		__u32,
			pad2:		__u32,
			control:	__u64,
			status:		__u64,
			send_page:	__u64,
			recv_page:	__u64,
			pending_page:	__u64,
		}),
	}),
});
export type struct_kvm_hyperv_exit = struct_view<typeof struct_kvm_hyperv_exit>;

/* kvm_xen_exit.type */
export const KVM_EXIT_XEN_HCALL	= 1;

export const struct_kvm_xen_exit = __struct({
	type:	__u32,
	u: __union({
		hcall: __struct({
			longmode:	__u32,
			cpl:		__u32,
			input:		__u64,
			result:		__u64,
			params:		__array(__u64, 6),
		}),
	}),
});
export type struct_kvm_xen_exit = struct_view<typeof struct_kvm_xen_exit>;

export const KVM_S390_GET_SKEYS_NONE	= 1;
export const KVM_S390_SKEYS_MAX		= 1048576;

/* kvm_run.exit_reason */
export const KVM_EXIT_UNKNOWN		= 0;
export const KVM_EXIT_EXCEPTION		= 1;
export const KVM_EXIT_IO		= 2;
export const KVM_EXIT_HYPERCALL		= 3;
export const KVM_EXIT_DEBUG		= 4;
export const KVM_EXIT_HLT		= 5;
export const KVM_EXIT_MMIO		= 6;
export const KVM_EXIT_IRQ_WINDOW_OPEN	= 7;
export const KVM_EXIT_SHUTDOWN		= 8;
export const KVM_EXIT_FAIL_ENTRY	= 9;
export const KVM_EXIT_INTR		= 10;
export const KVM_EXIT_SET_TPR		= 11;
export const KVM_EXIT_TPR_ACCESS	= 12;
export const KVM_EXIT_S390_SIEIC	= 13;
export const KVM_EXIT_S390_RESET	= 14;
export const KVM_EXIT_DCR		= 15;
export const KVM_EXIT_NMI		= 16;
export const KVM_EXIT_INTERNAL_ERROR	= 17;
export const KVM_EXIT_OSI		= 18;
export const KVM_EXIT_PAPR_HCALL	= 19;
export const KVM_EXIT_S390_UCONTROL	= 20;
export const KVM_EXIT_WATCHDOG		= 21;
export const KVM_EXIT_S390_TSCH		= 22;
export const KVM_EXIT_EPR		= 23;
export const KVM_EXIT_SYSTEM_EVENT	= 24;
export const KVM_EXIT_S390_STSI		= 25;
export const KVM_EXIT_IOAPIC_EOI	= 26;
export const KVM_EXIT_HYPERV		= 27;
export const KVM_EXIT_ARM_NISV		= 28;
export const KVM_EXIT_X86_RDMSR		= 29;
export const KVM_EXIT_X86_WRMSR		= 30;
export const KVM_EXIT_DIRTY_RING_FULL	= 31;
export const KVM_EXIT_AP_RESET_HOLD	= 32;
export const KVM_EXIT_X86_BUS_LOCK	= 33;
export const KVM_EXIT_XEN		= 34;
export const KVM_EXIT_RISCV_SBI		= 35;
export const KVM_EXIT_RISCV_CSR		= 36;
export const KVM_EXIT_NOTIFY		= 37;
/** @hunk 3:1 */
export const KVM_EXIT_MEMORY_FAULT		= 38;
/* not upstream: the TDX series of the time, whose number keeps clear of others */
export const KVM_EXIT_TDX			= 50;

/* kvm_run.internal.suberror */
export const KVM_INTERNAL_ERROR_EMULATION		= 1;
export const KVM_INTERNAL_ERROR_SIMUL_EX		= 2;
export const KVM_INTERNAL_ERROR_DELIVERY_EV		= 3;
export const KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON	= 4;

/* kvm_run.emulation_failure.flags: what else is filled in */
export const KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES	= 1n << 0n;

/* kvm_run.io.direction */
export const KVM_EXIT_IO_IN	= 0;
export const KVM_EXIT_IO_OUT	= 1;

/* kvm_run.s390_reset_flags */
export const KVM_S390_RESET_POR		= 1;
export const KVM_S390_RESET_CLEAR	= 2;
export const KVM_S390_RESET_SUBSYSTEM	= 4;
export const KVM_S390_RESET_CPU_INIT	= 8;
export const KVM_S390_RESET_IPL		= 16;

/* kvm_run.system_event.type */
export const KVM_SYSTEM_EVENT_SHUTDOWN	= 1;
export const KVM_SYSTEM_EVENT_RESET	= 2;
export const KVM_SYSTEM_EVENT_CRASH	= 3;
export const KVM_SYSTEM_EVENT_WAKEUP	= 4;
export const KVM_SYSTEM_EVENT_SUSPEND	= 5;
export const KVM_SYSTEM_EVENT_SEV_TERM	= 6;

/* kvm_run.msr.reason; also the mask given to KVM_CAP_X86_USER_SPACE_MSR */
export const KVM_MSR_EXIT_REASON_INVAL		= 1 << 0;
export const KVM_MSR_EXIT_REASON_UNKNOWN	= 1 << 1;
export const KVM_MSR_EXIT_REASON_FILTER		= 1 << 2;

/* kvm_run.notify.flags */
export const KVM_NOTIFY_CONTEXT_INVALID	= 1 << 0;

/* kvm_run.memory.flags: the access was to private memory */
export const KVM_MEMORY_EXIT_FLAG_PRIVATE	= 1 << 0;

/* kvm_run.tdx.type */
export const KVM_EXIT_TDX_VMCALL	= 1;

/** What a TD asked the VMM for by TDG.VP.VMCALL, and the answer. R10 is 0 for the GHCI's own. */
export const struct_kvm_tdx_vmcall = __struct({
	reg_mask:	__u64,	/* RCX: registers that are passed */
	type:		__u64,	/* R10 */
	subfunction:	__u64,	/* R11 */
	in_r12: __u64, in_r13: __u64, in_r14: __u64, in_r15: __u64,
	in_rbx: __u64, in_rdi: __u64, in_rsi: __u64, in_r8: __u64, in_r9: __u64, in_rdx: __u64,

	status_code:	__u64,	/* R10 */
	out_r11: __u64, out_r12: __u64, out_r13: __u64, out_r14: __u64, out_r15: __u64,
	out_rbx: __u64, out_rdi: __u64, out_rsi: __u64, out_r8: __u64, out_r9: __u64,
	out_rdx: __u64,
});
export type struct_kvm_tdx_vmcall = struct_view<typeof struct_kvm_tdx_vmcall>;

export const struct_kvm_tdx_exit = __struct({
	type:	__u32,
	pad:	__u32,
	u: __union({
		vmcall:	struct_kvm_tdx_vmcall,
	}),
});
export type struct_kvm_tdx_exit = struct_view<typeof struct_kvm_tdx_exit>;

/* room for the registers of any architecture */
export const SYNC_REGS_SIZE_BYTES	= 2048;

export const struct_kvm_run = __struct({
	/* in */
	request_interrupt_window:	__u8,
	immediate_exit:			__u8,
	padding1:			__bytes(6),

	/* out */
	exit_reason:			__u32,
	ready_for_interrupt_injection:	__u8,
	if_flag:			__u8,
	flags:				__u16,

	/* in and out */
	cr8:				__u64,
	apic_base:			__u64,

	_1: __anon(__union({
		/* KVM_EXIT_UNKNOWN */
		hw: __struct({
			hardware_exit_reason:	__u64,
		}),
		/* KVM_EXIT_FAIL_ENTRY */
		fail_entry: __struct({
			hardware_entry_failure_reason:	__u64,
			cpu:				__u32,
		}),
		/* KVM_EXIT_EXCEPTION */
		ex: __struct({
			exception:	__u32,
			error_code:	__u32,
		}),
		/* KVM_EXIT_IO */
		io: __struct({
			direction:	__u8,
			size:		__u8,	/* bytes */
			port:		__u16,
			count:		__u32,
			data_offset:	__u64,	/* from the start of kvm_run */
		}),
		/* KVM_EXIT_DEBUG */
		debug: __struct({
			arch:	struct_kvm_debug_exit_arch,
		}),
		/* KVM_EXIT_MMIO */
		mmio: __struct({
			phys_addr:	__u64,
			data:		__bytes(8),
			len:		__u32,
			is_write:	__u8,
		}),
		/* KVM_EXIT_HYPERCALL */
		hypercall: __struct({
			nr:		__u64,
			args:		__array(__u64, 6),
			ret:		__u64,
			longmode:	__u32,
			pad:		__u32,
		}),
		/* KVM_EXIT_TPR_ACCESS */
		tpr_access: __struct({
			rip:		__u64,
			is_write:	__u32,
			pad:		__u32,
		}),
		/* KVM_EXIT_S390_SIEIC */
		s390_sieic: __struct({
			icptcode:	__u8,
			ipa:		__u16,
			ipb:		__u32,
		}),
		/* KVM_EXIT_S390_RESET */
		s390_reset_flags:	__u64,
		/* KVM_EXIT_S390_UCONTROL */
		s390_ucontrol: __struct({
			trans_exc_code:	__u64,
			pgm_code:	__u32,
		}),
		/* KVM_EXIT_DCR */
		dcr: __struct({
			dcrn:		__u32,
			data:		__u32,
			is_write:	__u8,
		}),
		/* KVM_EXIT_INTERNAL_ERROR */
		internal: __struct({
			suberror:	__u32,
			ndata:		__u32,
			data:		__array(__u64, 16),
		}),
		/*
		 * KVM_INTERNAL_ERROR_EMULATION: lies over `internal`, so that ndata and data
		 * cover these members and whatever debugging words follow them.
		 */
		emulation_failure: __struct({
			suberror:	__u32,
			ndata:		__u32,
			flags:		__u64,
			_1: __anon(__union({
				_1: __anon(__struct({
					insn_size:	__u8,
					insn_bytes:	__bytes(15),
				})),
			})),
		}),
		/* KVM_EXIT_OSI */
		osi: __struct({
			gprs:	__array(__u64, 32),
		}),
		/* KVM_EXIT_PAPR_HCALL */
		papr_hcall: __struct({
			nr:	__u64,
			ret:	__u64,
			args:	__array(__u64, 9),
		}),
		/* KVM_EXIT_S390_TSCH */
		s390_tsch: __struct({
			subchannel_id:	__u16,
			subchannel_nr:	__u16,
			io_int_parm:	__u32,
			io_int_word:	__u32,
			ipb:		__u32,
			dequeued:	__u8,
		}),
		/* KVM_EXIT_EPR */
		epr: __struct({
			epr:	__u32,
		}),
		/* KVM_EXIT_SYSTEM_EVENT */
		system_event: __struct({
			type:	__u32,
			ndata:	__u32,
			_1: __anon(__union({
				flags:	__u64,
				data:	__array(__u64, 16),
			})),
		}),
		/* KVM_EXIT_S390_STSI */
		s390_stsi: __struct({
			addr:		__u64,
			ar:		__u8,
			reserved:	__u8,
			fc:		__u8,
			sel1:		__u8,
			sel2:		__u16,
		}),
		/* KVM_EXIT_IOAPIC_EOI */
		eoi: __struct({
			vector:	__u8,
		}),
		/* KVM_EXIT_HYPERV */
		hyperv:			struct_kvm_hyperv_exit,
		/* KVM_EXIT_ARM_NISV */
		arm_nisv: __struct({
			esr_iss:	__u64,
			fault_ipa:	__u64,
		}),
		/* KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR */
		msr: __struct({
			error:	__u8,	/* in */
			pad:	__bytes(7),
			reason:	__u32,
			index:	__u32,
			data:	__u64,
		}),
		/* KVM_EXIT_XEN */
		xen:			struct_kvm_xen_exit,
		/* KVM_EXIT_RISCV_SBI */
		riscv_sbi: __struct({
			extension_id:	__u64,
			function_id:	__u64,
			args:		__array(__u64, 6),
			ret:		__array(__u64, 2),
		}),
		/* KVM_EXIT_RISCV_CSR */
		riscv_csr: __struct({
			csr_num:	__u64,
			new_value:	__u64,
			write_mask:	__u64,
			ret_value:	__u64,
		}),
		/* KVM_EXIT_NOTIFY */
		notify: __struct({
			flags:	__u32,
		}),
		/* KVM_EXIT_MEMORY_FAULT; gpa and size in bytes. @hunk 3:2 */
		memory: __struct({
			flags:		__u32,
			padding:	__u32,
			gpa:		__u64,
			size:		__u64,
		}),
		/* KVM_EXIT_TDX */
		tdx:			struct_kvm_tdx_exit,
		/* the union never changes its size */
		padding:		__bytes(256),
	})),

	/* register sets that KVM copies out, and that userspace has changed: KVM_SYNC_X86_* */
	kvm_valid_regs:			__u64,
	kvm_dirty_regs:			__u64,
	s: __union({
		regs:		struct_kvm_sync_regs,
		padding:	__bytes(SYNC_REGS_SIZE_BYTES),
	}),
});
export type struct_kvm_run = struct_view<typeof struct_kvm_run>;

/* KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO */
export const struct_kvm_coalesced_mmio_zone = __struct({
	addr:	__u64,
	size:	__u32,
	_1: __anon(__union({
		pad:	__u32,
		pio:	__u32,
	})),
});
export type struct_kvm_coalesced_mmio_zone = struct_view<typeof struct_kvm_coalesced_mmio_zone>;

export const struct_kvm_coalesced_mmio = __struct({
	phys_addr:	__u64,
	len:		__u32,
	_1: __anon(__union({
		pad:	__u32,
		pio:	__u32,
	})),
	data:		__bytes(8),
});
export type struct_kvm_coalesced_mmio = struct_view<typeof struct_kvm_coalesced_mmio>;

export const struct_kvm_coalesced_mmio_ring = __struct({
	first: __u32, last: __u32,
	coalesced_mmio:	__flex(struct_kvm_coalesced_mmio),
});
export type struct_kvm_coalesced_mmio_ring = struct_view<typeof struct_kvm_coalesced_mmio_ring>;

/* in a ring of one page */
export const KVM_COALESCED_MMIO_MAX = Math.floor(
	(4096 - sizeof(struct_kvm_coalesced_mmio_ring)) / sizeof(struct_kvm_coalesced_mmio));

/* KVM_TRANSLATE */
export const struct_kvm_translation = __struct({
	linear_address:		__u64,
	physical_address:	__u64,
	valid:			__u8,
	writeable:		__u8,
	usermode:		__u8,
	pad:			__bytes(5),
});
export type struct_kvm_translation = struct_view<typeof struct_kvm_translation>;

/* KVM_S390_MEM_OP */
export const struct_kvm_s390_mem_op = __struct({
	gaddr:	__u64,
	flags:	__u64,
	size:	__u32,
	op:	__u32,
	buf:	__u64,
	_1: __anon(__union({
		_1: __anon(__struct({
			ar:	__u8,
			key:	__u8,
		})),
		sida_offset:	__u32,
		reserved:	__bytes(32),
	})),
});

/* kvm_s390_mem_op.op */
export const KVM_S390_MEMOP_LOGICAL_READ	= 0;
export const KVM_S390_MEMOP_LOGICAL_WRITE	= 1;
export const KVM_S390_MEMOP_SIDA_READ		= 2;
export const KVM_S390_MEMOP_SIDA_WRITE		= 3;
export const KVM_S390_MEMOP_ABSOLUTE_READ	= 4;
export const KVM_S390_MEMOP_ABSOLUTE_WRITE	= 5;

/* kvm_s390_mem_op.flags */
export const KVM_S390_MEMOP_F_CHECK_ONLY	= 1n << 0n;
export const KVM_S390_MEMOP_F_INJECT_EXCEPTION	= 1n << 1n;
export const KVM_S390_MEMOP_F_SKEY_PROTECTION	= 1n << 2n;

/* KVM_INTERRUPT */
export const struct_kvm_interrupt = __struct({
	irq:	__u32,
});
export type struct_kvm_interrupt = struct_view<typeof struct_kvm_interrupt>;

/* KVM_GET_DIRTY_LOG */
export const struct_kvm_dirty_log = __struct({
	slot:		__u32,
	padding1:	__u32,
	_1: __anon(__union({
		dirty_bitmap:	__u64,	/* pointer; a bit for each page */
		padding2:	__u64,
	})),
});
export type struct_kvm_dirty_log = struct_view<typeof struct_kvm_dirty_log>;

/* KVM_CLEAR_DIRTY_LOG */
export const struct_kvm_clear_dirty_log = __struct({
	slot:		__u32,
	num_pages:	__u32,
	first_page:	__u64,
	_1: __anon(__union({
		dirty_bitmap:	__u64,	/* pointer; a bit for each page */
		padding2:	__u64,
	})),
});
export type struct_kvm_clear_dirty_log = struct_view<typeof struct_kvm_clear_dirty_log>;

/* KVM_SET_SIGNAL_MASK */
export const struct_kvm_signal_mask = __struct({
	len:	__u32,
	sigset:	__flex(__u8),
});
export type struct_kvm_signal_mask = struct_view<typeof struct_kvm_signal_mask>;

/* KVM_TPR_ACCESS_REPORTING */
export const struct_kvm_tpr_access_ctl = __struct({
	enabled:	__u32,
	flags:		__u32,
	reserved:	__array(__u32, 8),
});
export type struct_kvm_tpr_access_ctl = struct_view<typeof struct_kvm_tpr_access_ctl>;

/* KVM_SET_VAPIC_ADDR */
export const struct_kvm_vapic_addr = __struct({
	vapic_addr:	__u64,
});
export type struct_kvm_vapic_addr = struct_view<typeof struct_kvm_vapic_addr>;

/* kvm_mp_state.mp_state; every architecture has some of them */
export const KVM_MP_STATE_RUNNABLE	= 0;
export const KVM_MP_STATE_UNINITIALIZED	= 1;
export const KVM_MP_STATE_INIT_RECEIVED	= 2;
export const KVM_MP_STATE_HALTED	= 3;
export const KVM_MP_STATE_SIPI_RECEIVED	= 4;
export const KVM_MP_STATE_STOPPED	= 5;
export const KVM_MP_STATE_CHECK_STOP	= 6;
export const KVM_MP_STATE_OPERATING	= 7;
export const KVM_MP_STATE_LOAD		= 8;
export const KVM_MP_STATE_AP_RESET_HOLD	= 9;
export const KVM_MP_STATE_SUSPENDED	= 10;

/* KVM_GET_MP_STATE, KVM_SET_MP_STATE */
export const struct_kvm_mp_state = __struct({
	mp_state:	__u32,
});
export type struct_kvm_mp_state = struct_view<typeof struct_kvm_mp_state>;

/* KVM_S390_SET_INITIAL_PSW */
export const struct_kvm_s390_psw = __struct({
	mask:	__u64,
	addr:	__u64,
});

/* kvm_s390_interrupt.type; below these it is an I/O interrupt */
export const KVM_S390_SIGP_STOP		= 0xfffe0000;
export const KVM_S390_PROGRAM_INT	= 0xfffe0001;
export const KVM_S390_SIGP_SET_PREFIX	= 0xfffe0002;
export const KVM_S390_RESTART		= 0xfffe0003;
export const KVM_S390_INT_PFAULT_INIT	= 0xfffe0004;
export const KVM_S390_INT_PFAULT_DONE	= 0xfffe0005;
export const KVM_S390_MCHK		= 0xfffe1000;
export const KVM_S390_INT_CLOCK_COMP	= 0xffff1004;
export const KVM_S390_INT_CPU_TIMER	= 0xffff1005;
export const KVM_S390_INT_VIRTIO	= 0xffff2603;
export const KVM_S390_INT_SERVICE	= 0xffff2401;
export const KVM_S390_INT_EMERGENCY	= 0xffff1201;
export const KVM_S390_INT_EXTERNAL_CALL	= 0xffff1202;
export const KVM_S390_INT_IO = (ai: number, cssid: number, ssid: number, schid: number): number =>
	schid | ssid << 16 | cssid << 18 | ai << 26;
export const KVM_S390_INT_IO_MIN	= 0x00000000;
export const KVM_S390_INT_IO_MAX	= 0xfffdffff;
export const KVM_S390_INT_IO_AI_MASK	= 0x04000000;

/* KVM_S390_INTERRUPT */
export const struct_kvm_s390_interrupt = __struct({
	type:	__u32,
	parm:	__u32,
	parm64:	__u64,
});

export const struct_kvm_s390_io_info = __struct({
	subchannel_id:	__u16,
	subchannel_nr:	__u16,
	io_int_parm:	__u32,
	io_int_word:	__u32,
});

export const struct_kvm_s390_ext_info = __struct({
	ext_params:	__u32,
	pad:		__u32,
	ext_params2:	__u64,
});

export const KVM_S390_PGM_FLAGS_ILC_VALID	= 0x01;
export const KVM_S390_PGM_FLAGS_ILC_0		= 0x02;
export const KVM_S390_PGM_FLAGS_ILC_1		= 0x04;
export const KVM_S390_PGM_FLAGS_ILC_MASK	= 0x06;
export const KVM_S390_PGM_FLAGS_NO_REWIND	= 0x08;

export const struct_kvm_s390_pgm_info = __struct({
	trans_exc_code:	__u64,
	mon_code:	__u64,
	per_address:	__u64,
	data_exc_code:	__u32,
	code:		__u16,
	mon_class_nr:	__u16,
	per_code:	__u8,
	per_atmid:	__u8,
	exc_access_id:	__u8,
	per_access_id:	__u8,
	op_access_id:	__u8,
	flags:		__u8,
	pad:		__bytes(2),
});

export const struct_kvm_s390_prefix_info = __struct({
	address:	__u32,
});

export const struct_kvm_s390_extcall_info = __struct({
	code:	__u16,
});

export const struct_kvm_s390_emerg_info = __struct({
	code:	__u16,
});

export const KVM_S390_STOP_FLAG_STORE_STATUS	= 0x01;

export const struct_kvm_s390_stop_info = __struct({
	flags:	__u32,
});

export const struct_kvm_s390_mchk_info = __struct({
	cr14:				__u64,
	mcic:				__u64,
	failing_storage_address:	__u64,
	ext_damage_code:		__u32,
	pad:				__u32,
	fixed_logout:			__bytes(16),
});

/* KVM_S390_IRQ */
export const struct_kvm_s390_irq = __struct({
	type:	__u64,
	u: __union({
		io:		struct_kvm_s390_io_info,
		ext:		struct_kvm_s390_ext_info,
		pgm:		struct_kvm_s390_pgm_info,
		emerg:		struct_kvm_s390_emerg_info,
		extcall:	struct_kvm_s390_extcall_info,
		prefix:		struct_kvm_s390_prefix_info,
		stop:		struct_kvm_s390_stop_info,
		mchk:		struct_kvm_s390_mchk_info,
		reserved:	__bytes(64),
	}),
});

/* KVM_S390_SET_IRQ_STATE, KVM_S390_GET_IRQ_STATE */
export const struct_kvm_s390_irq_state = __struct({
	buf:		__u64,
	flags:		__u32,
	len:		__u32,
	reserved:	__array(__u32, 4),
});

export const KVM_GUESTDBG_ENABLE	= 0x00000001;
export const KVM_GUESTDBG_SINGLESTEP	= 0x00000002;

/* KVM_SET_GUEST_DEBUG */
export const struct_kvm_guest_debug = __struct({
	control:	__u32,
	pad:		__u32,
	arch:		struct_kvm_guest_debug_arch,
});
export type struct_kvm_guest_debug = struct_view<typeof struct_kvm_guest_debug>;

export const kvm_ioeventfd_flag_nr_datamatch		= 0;
export const kvm_ioeventfd_flag_nr_pio			= 1;
export const kvm_ioeventfd_flag_nr_deassign		= 2;
export const kvm_ioeventfd_flag_nr_virtio_ccw_notify	= 3;
export const kvm_ioeventfd_flag_nr_fast_mmio		= 4;
export const kvm_ioeventfd_flag_nr_max			= 5;

export const KVM_IOEVENTFD_FLAG_DATAMATCH		= 1 << kvm_ioeventfd_flag_nr_datamatch;
export const KVM_IOEVENTFD_FLAG_PIO			= 1 << kvm_ioeventfd_flag_nr_pio;
export const KVM_IOEVENTFD_FLAG_DEASSIGN		= 1 << kvm_ioeventfd_flag_nr_deassign;
export const KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY = 1 << kvm_ioeventfd_flag_nr_virtio_ccw_notify;

export const KVM_IOEVENTFD_VALID_FLAG_MASK	= (1 << kvm_ioeventfd_flag_nr_max) - 1;

/* KVM_IOEVENTFD */
export const struct_kvm_ioeventfd = __struct({
	datamatch:	__u64,
	addr:		__u64,
	len:		__u32,	/* 1, 2, 4, 8, or 0 for any */
	fd:		__s32,
	flags:		__u32,
	pad:		__bytes(36),
});
export type struct_kvm_ioeventfd = struct_view<typeof struct_kvm_ioeventfd>;

/* KVM_CAP_X86_DISABLE_EXITS */
export const KVM_X86_DISABLE_EXITS_MWAIT	= 1 << 0;
export const KVM_X86_DISABLE_EXITS_HLT		= 1 << 1;
export const KVM_X86_DISABLE_EXITS_PAUSE	= 1 << 2;
export const KVM_X86_DISABLE_EXITS_CSTATE	= 1 << 3;
export const KVM_X86_DISABLE_VALID_EXITS = KVM_X86_DISABLE_EXITS_MWAIT | KVM_X86_DISABLE_EXITS_HLT |
	KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_CSTATE;

/* KVM_ENABLE_CAP */
export const struct_kvm_enable_cap = __struct({
	cap:	__u32,	/* KVM_CAP_* */
	flags:	__u32,
	args:	__array(__u64, 4),
	pad:	__bytes(64),
});
export type struct_kvm_enable_cap = struct_view<typeof struct_kvm_enable_cap>;

export const KVM_PPC_PVINFO_FLAGS_EV_IDLE	= 1 << 0;

/* KVM_PPC_GET_PVINFO */
export const struct_kvm_ppc_pvinfo = __struct({
	flags:	__u32,
	hcall:	__array(__u32, 4),
	pad:	__bytes(108),
});

export const KVM_PPC_PAGE_SIZES_MAX_SZ	= 8;

export const struct_kvm_ppc_one_page_size = __struct({
	page_shift:	__u32,
	pte_enc:	__u32,
});

export const struct_kvm_ppc_one_seg_page_size = __struct({
	page_shift:	__u32,
	slb_enc:	__u32,
	enc:		__array(struct_kvm_ppc_one_page_size, KVM_PPC_PAGE_SIZES_MAX_SZ),
});

export const KVM_PPC_PAGE_SIZES_REAL	= 0x00000001;
export const KVM_PPC_1T_SEGMENTS	= 0x00000002;
export const KVM_PPC_NO_HASH		= 0x00000004;

/* KVM_PPC_GET_SMMU_INFO */
export const struct_kvm_ppc_smmu_info = __struct({
	flags:		__u64,
	slb_size:	__u32,
	data_keys:	__u16,
	instr_keys:	__u16,
	sps:		__array(struct_kvm_ppc_one_seg_page_size, KVM_PPC_PAGE_SIZES_MAX_SZ),
});

/* KVM_PPC_RESIZE_HPT_PREPARE, KVM_PPC_RESIZE_HPT_COMMIT */
export const struct_kvm_ppc_resize_hpt = __struct({
	flags:	__u64,
	shift:	__u32,
	pad:	__u32,
});

/* what KVM_CREATE_VM takes, by architecture; 0 on x86 */
export const KVM_VM_S390_UCONTROL	= 1;

export const KVM_VM_PPC_HV	= 1;
export const KVM_VM_PPC_PR	= 2;

export const KVM_VM_MIPS_AUTO	= 0;
export const KVM_VM_MIPS_VZ	= 1;
export const KVM_VM_MIPS_TE	= 2;

export const KVM_S390_SIE_PAGE_OFFSET	= 1;

export const KVM_VM_TYPE_ARM_IPA_SIZE_MASK	= 0xffn;
export const KVM_VM_TYPE_ARM_IPA_SIZE = (x: bigint): bigint => x & KVM_VM_TYPE_ARM_IPA_SIZE_MASK;

/* ioctls of /dev/kvm */
export const KVM_GET_API_VERSION	= _IO(KVMIO, 0x00);
export const KVM_CREATE_VM		= _IO(KVMIO, 0x01);
export const KVM_GET_MSR_INDEX_LIST	= _IOWR(KVMIO, 0x02, struct_kvm_msr_list);

export const KVM_S390_ENABLE_SIE		= _IO(KVMIO, 0x06);
export const KVM_CHECK_EXTENSION		= _IO(KVMIO, 0x03);
export const KVM_GET_VCPU_MMAP_SIZE		= _IO(KVMIO, 0x04);
export const KVM_GET_SUPPORTED_CPUID		= _IOWR(KVMIO, 0x05, struct_kvm_cpuid2);
export const KVM_TRACE_ENABLE			= __KVM_DEPRECATED_MAIN_W_0x06;
export const KVM_TRACE_PAUSE			= __KVM_DEPRECATED_MAIN_0x07;
export const KVM_TRACE_DISABLE			= __KVM_DEPRECATED_MAIN_0x08;
export const KVM_GET_EMULATED_CPUID		= _IOWR(KVMIO, 0x09, struct_kvm_cpuid2);
export const KVM_GET_MSR_FEATURE_INDEX_LIST	= _IOWR(KVMIO, 0x0a, struct_kvm_msr_list);

/* what KVM_CHECK_EXTENSION asks for and, some of it, KVM_ENABLE_CAP turns on */
export const KVM_CAP_IRQCHIP				= 0;
export const KVM_CAP_HLT				= 1;
export const KVM_CAP_MMU_SHADOW_CACHE_CONTROL		= 2;
export const KVM_CAP_USER_MEMORY			= 3;
export const KVM_CAP_SET_TSS_ADDR			= 4;
export const KVM_CAP_VAPIC				= 6;
export const KVM_CAP_EXT_CPUID				= 7;
export const KVM_CAP_CLOCKSOURCE			= 8;
export const KVM_CAP_NR_VCPUS				= 9;
export const KVM_CAP_NR_MEMSLOTS			= 10;
export const KVM_CAP_PIT				= 11;
export const KVM_CAP_NOP_IO_DELAY			= 12;
export const KVM_CAP_PV_MMU				= 13;
export const KVM_CAP_MP_STATE				= 14;
export const KVM_CAP_COALESCED_MMIO			= 15;
export const KVM_CAP_SYNC_MMU				= 16;
export const KVM_CAP_IOMMU				= 18;
export const KVM_CAP_DESTROY_MEMORY_REGION_WORKS	= 21;
export const KVM_CAP_USER_NMI				= 22;
export const KVM_CAP_SET_GUEST_DEBUG			= 23;
export const KVM_CAP_REINJECT_CONTROL			= 24;
export const KVM_CAP_IRQ_ROUTING			= 25;
export const KVM_CAP_IRQ_INJECT_STATUS			= 26;
export const KVM_CAP_ASSIGN_DEV_IRQ			= 29;
export const KVM_CAP_JOIN_MEMORY_REGIONS_WORKS		= 30;
export const KVM_CAP_MCE				= 31;
export const KVM_CAP_IRQFD				= 32;
export const KVM_CAP_PIT2				= 33;
export const KVM_CAP_SET_BOOT_CPU_ID			= 34;
export const KVM_CAP_PIT_STATE2				= 35;
export const KVM_CAP_IOEVENTFD				= 36;
export const KVM_CAP_SET_IDENTITY_MAP_ADDR		= 37;
export const KVM_CAP_XEN_HVM				= 38;
export const KVM_CAP_ADJUST_CLOCK			= 39;
export const KVM_CAP_INTERNAL_ERROR_DATA		= 40;
export const KVM_CAP_VCPU_EVENTS			= 41;
export const KVM_CAP_S390_PSW				= 42;
export const KVM_CAP_PPC_SEGSTATE			= 43;
export const KVM_CAP_HYPERV				= 44;
export const KVM_CAP_HYPERV_VAPIC			= 45;
export const KVM_CAP_HYPERV_SPIN			= 46;
export const KVM_CAP_PCI_SEGMENT			= 47;
export const KVM_CAP_PPC_PAIRED_SINGLES			= 48;
export const KVM_CAP_INTR_SHADOW			= 49;
export const KVM_CAP_DEBUGREGS				= 50;
export const KVM_CAP_X86_ROBUST_SINGLESTEP		= 51;
export const KVM_CAP_PPC_OSI				= 52;
export const KVM_CAP_PPC_UNSET_IRQ			= 53;
export const KVM_CAP_ENABLE_CAP				= 54;
export const KVM_CAP_XSAVE				= 55;
export const KVM_CAP_XCRS				= 56;
export const KVM_CAP_PPC_GET_PVINFO			= 57;
export const KVM_CAP_PPC_IRQ_LEVEL			= 58;
export const KVM_CAP_ASYNC_PF				= 59;
export const KVM_CAP_TSC_CONTROL			= 60;
export const KVM_CAP_GET_TSC_KHZ			= 61;
export const KVM_CAP_PPC_BOOKE_SREGS			= 62;
export const KVM_CAP_SPAPR_TCE				= 63;
export const KVM_CAP_PPC_SMT				= 64;
export const KVM_CAP_PPC_RMA				= 65;
export const KVM_CAP_MAX_VCPUS				= 66;
export const KVM_CAP_PPC_HIOR				= 67;
export const KVM_CAP_PPC_PAPR				= 68;
export const KVM_CAP_SW_TLB				= 69;
export const KVM_CAP_ONE_REG				= 70;
export const KVM_CAP_S390_GMAP				= 71;
export const KVM_CAP_TSC_DEADLINE_TIMER			= 72;
export const KVM_CAP_S390_UCONTROL			= 73;
export const KVM_CAP_SYNC_REGS				= 74;
export const KVM_CAP_PCI_2_3				= 75;
export const KVM_CAP_KVMCLOCK_CTRL			= 76;
export const KVM_CAP_SIGNAL_MSI				= 77;
export const KVM_CAP_PPC_GET_SMMU_INFO			= 78;
export const KVM_CAP_S390_COW				= 79;
export const KVM_CAP_PPC_ALLOC_HTAB			= 80;
export const KVM_CAP_READONLY_MEM			= 81;
export const KVM_CAP_IRQFD_RESAMPLE			= 82;
export const KVM_CAP_PPC_BOOKE_WATCHDOG			= 83;
export const KVM_CAP_PPC_HTAB_FD			= 84;
export const KVM_CAP_S390_CSS_SUPPORT			= 85;
export const KVM_CAP_PPC_EPR				= 86;
export const KVM_CAP_ARM_PSCI				= 87;
export const KVM_CAP_ARM_SET_DEVICE_ADDR		= 88;
export const KVM_CAP_DEVICE_CTRL			= 89;
export const KVM_CAP_IRQ_MPIC				= 90;
export const KVM_CAP_PPC_RTAS				= 91;
export const KVM_CAP_IRQ_XICS				= 92;
export const KVM_CAP_ARM_EL1_32BIT			= 93;
export const KVM_CAP_SPAPR_MULTITCE			= 94;
export const KVM_CAP_EXT_EMUL_CPUID			= 95;
export const KVM_CAP_HYPERV_TIME			= 96;
export const KVM_CAP_IOAPIC_POLARITY_IGNORED		= 97;
export const KVM_CAP_ENABLE_CAP_VM			= 98;
export const KVM_CAP_S390_IRQCHIP			= 99;
export const KVM_CAP_IOEVENTFD_NO_LENGTH		= 100;
export const KVM_CAP_VM_ATTRIBUTES			= 101;
export const KVM_CAP_ARM_PSCI_0_2			= 102;
export const KVM_CAP_PPC_FIXUP_HCALL			= 103;
export const KVM_CAP_PPC_ENABLE_HCALL			= 104;
export const KVM_CAP_CHECK_EXTENSION_VM			= 105;
export const KVM_CAP_S390_USER_SIGP			= 106;
export const KVM_CAP_S390_VECTOR_REGISTERS		= 107;
export const KVM_CAP_S390_MEM_OP			= 108;
export const KVM_CAP_S390_USER_STSI			= 109;
export const KVM_CAP_S390_SKEYS				= 110;
export const KVM_CAP_MIPS_FPU				= 111;
export const KVM_CAP_MIPS_MSA				= 112;
export const KVM_CAP_S390_INJECT_IRQ			= 113;
export const KVM_CAP_S390_IRQ_STATE			= 114;
export const KVM_CAP_PPC_HWRNG				= 115;
export const KVM_CAP_DISABLE_QUIRKS			= 116;
export const KVM_CAP_X86_SMM				= 117;
export const KVM_CAP_MULTI_ADDRESS_SPACE		= 118;
export const KVM_CAP_GUEST_DEBUG_HW_BPS			= 119;
export const KVM_CAP_GUEST_DEBUG_HW_WPS			= 120;
export const KVM_CAP_SPLIT_IRQCHIP			= 121;
export const KVM_CAP_IOEVENTFD_ANY_LENGTH		= 122;
export const KVM_CAP_HYPERV_SYNIC			= 123;
export const KVM_CAP_S390_RI				= 124;
export const KVM_CAP_SPAPR_TCE_64			= 125;
export const KVM_CAP_ARM_PMU_V3				= 126;
export const KVM_CAP_VCPU_ATTRIBUTES			= 127;
export const KVM_CAP_MAX_VCPU_ID			= 128;
export const KVM_CAP_X2APIC_API				= 129;
export const KVM_CAP_S390_USER_INSTR0			= 130;
export const KVM_CAP_MSI_DEVID				= 131;
export const KVM_CAP_PPC_HTM				= 132;
export const KVM_CAP_SPAPR_RESIZE_HPT			= 133;
export const KVM_CAP_PPC_MMU_RADIX			= 134;
export const KVM_CAP_PPC_MMU_HASH_V3			= 135;
export const KVM_CAP_IMMEDIATE_EXIT			= 136;
export const KVM_CAP_MIPS_VZ				= 137;
export const KVM_CAP_MIPS_TE				= 138;
export const KVM_CAP_MIPS_64BIT				= 139;
export const KVM_CAP_S390_GS				= 140;
export const KVM_CAP_S390_AIS				= 141;
export const KVM_CAP_SPAPR_TCE_VFIO			= 142;
export const KVM_CAP_X86_DISABLE_EXITS			= 143;
export const KVM_CAP_ARM_USER_IRQ			= 144;
export const KVM_CAP_S390_CMMA_MIGRATION		= 145;
export const KVM_CAP_PPC_FWNMI				= 146;
export const KVM_CAP_PPC_SMT_POSSIBLE			= 147;
export const KVM_CAP_HYPERV_SYNIC2			= 148;
export const KVM_CAP_HYPERV_VP_INDEX			= 149;
export const KVM_CAP_S390_AIS_MIGRATION			= 150;
export const KVM_CAP_PPC_GET_CPU_CHAR			= 151;
export const KVM_CAP_S390_BPB				= 152;
export const KVM_CAP_GET_MSR_FEATURES			= 153;
export const KVM_CAP_HYPERV_EVENTFD			= 154;
export const KVM_CAP_HYPERV_TLBFLUSH			= 155;
export const KVM_CAP_S390_HPAGE_1M			= 156;
export const KVM_CAP_NESTED_STATE			= 157;
export const KVM_CAP_ARM_INJECT_SERROR_ESR		= 158;
export const KVM_CAP_MSR_PLATFORM_INFO			= 159;
export const KVM_CAP_PPC_NESTED_HV			= 160;
export const KVM_CAP_HYPERV_SEND_IPI			= 161;
export const KVM_CAP_COALESCED_PIO			= 162;
export const KVM_CAP_HYPERV_ENLIGHTENED_VMCS		= 163;
export const KVM_CAP_EXCEPTION_PAYLOAD			= 164;
export const KVM_CAP_ARM_VM_IPA_SIZE			= 165;
export const KVM_CAP_MANUAL_DIRTY_LOG_PROTECT		= 166;
export const KVM_CAP_HYPERV_CPUID			= 167;
export const KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2		= 168;
export const KVM_CAP_PPC_IRQ_XIVE			= 169;
export const KVM_CAP_ARM_SVE				= 170;
export const KVM_CAP_ARM_PTRAUTH_ADDRESS		= 171;
export const KVM_CAP_ARM_PTRAUTH_GENERIC		= 172;
export const KVM_CAP_PMU_EVENT_FILTER			= 173;
export const KVM_CAP_ARM_IRQ_LINE_LAYOUT_2		= 174;
export const KVM_CAP_HYPERV_DIRECT_TLBFLUSH		= 175;
export const KVM_CAP_PPC_GUEST_DEBUG_SSTEP		= 176;
export const KVM_CAP_ARM_NISV_TO_USER			= 177;
export const KVM_CAP_ARM_INJECT_EXT_DABT		= 178;
export const KVM_CAP_S390_VCPU_RESETS			= 179;
export const KVM_CAP_S390_PROTECTED			= 180;
export const KVM_CAP_PPC_SECURE_GUEST			= 181;
export const KVM_CAP_HALT_POLL				= 182;
export const KVM_CAP_ASYNC_PF_INT			= 183;
export const KVM_CAP_LAST_CPU				= 184;
export const KVM_CAP_SMALLER_MAXPHYADDR			= 185;
export const KVM_CAP_S390_DIAG318			= 186;
export const KVM_CAP_STEAL_TIME				= 187;
export const KVM_CAP_X86_USER_SPACE_MSR			= 188;
export const KVM_CAP_X86_MSR_FILTER			= 189;
export const KVM_CAP_ENFORCE_PV_FEATURE_CPUID		= 190;
export const KVM_CAP_SYS_HYPERV_CPUID			= 191;
export const KVM_CAP_DIRTY_LOG_RING			= 192;
export const KVM_CAP_X86_BUS_LOCK_EXIT			= 193;
export const KVM_CAP_PPC_DAWR1				= 194;
export const KVM_CAP_SET_GUEST_DEBUG2			= 195;
export const KVM_CAP_SGX_ATTRIBUTE			= 196;
export const KVM_CAP_VM_COPY_ENC_CONTEXT_FROM		= 197;
export const KVM_CAP_PTP_KVM				= 198;
export const KVM_CAP_HYPERV_ENFORCE_CPUID		= 199;
export const KVM_CAP_SREGS2				= 200;
export const KVM_CAP_EXIT_HYPERCALL			= 201;
export const KVM_CAP_PPC_RPT_INVALIDATE			= 202;
export const KVM_CAP_BINARY_STATS_FD			= 203;
export const KVM_CAP_EXIT_ON_EMULATION_FAILURE		= 204;
export const KVM_CAP_ARM_MTE				= 205;
export const KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM		= 206;
export const KVM_CAP_VM_GPA_BITS			= 207;
export const KVM_CAP_XSAVE2				= 208;
export const KVM_CAP_SYS_ATTRIBUTES			= 209;
export const KVM_CAP_PPC_AIL_MODE_3			= 210;
export const KVM_CAP_S390_MEM_OP_EXTENSION		= 211;
export const KVM_CAP_PMU_CAPABILITY			= 212;
export const KVM_CAP_DISABLE_QUIRKS2			= 213;
export const KVM_CAP_VM_TSC_CONTROL			= 214;
export const KVM_CAP_SYSTEM_EVENT_DATA			= 215;
export const KVM_CAP_ARM_SYSTEM_SUSPEND			= 216;
export const KVM_CAP_S390_PROTECTED_DUMP		= 217;
export const KVM_CAP_X86_TRIPLE_FAULT_EVENT		= 218;
export const KVM_CAP_X86_NOTIFY_VMEXIT			= 219;
export const KVM_CAP_VM_DISABLE_NX_HUGE_PAGES		= 220;
export const KVM_CAP_S390_ZPCI_OP			= 221;
export const KVM_CAP_S390_CPU_TOPOLOGY			= 222;
/* not upstream: bits of the types that KVM_CREATE_VM takes */
export const KVM_CAP_VM_TYPES				= 235;

/*
 * Port-only, to test private memory on VMs that have no hardware for it. KVM_ENABLE_CAP right after
 * KVM_CREATE_VM: args[0] says who decides whether an access of the guest is private, a bitmap that
 * the guest sets by KVM_HC_MAP_GPA_RANGE, or the recorded attribute. KVM_CHECK_EXTENSION answers
 * the largest value there is, or 0.
 */
export const KVM_CAP_PRIVATE_MEM_TESTING	= 0x70726976;
export const KVM_PRIVATE_MEM_TESTING_OFF	= 0;
export const KVM_PRIVATE_MEM_TESTING_BITMAP	= 1;
export const KVM_PRIVATE_MEM_TESTING_ATTRIBUTE	= 2;

export const struct_kvm_irq_routing_irqchip = __struct({
	irqchip:	__u32,
	pin:		__u32,
});
export type struct_kvm_irq_routing_irqchip = struct_view<typeof struct_kvm_irq_routing_irqchip>;

export const struct_kvm_irq_routing_msi = __struct({
	address_lo:	__u32,
	address_hi:	__u32,
	data:		__u32,
	_1: __anon(__union({
		pad:	__u32,
		devid:	__u32,
	})),
});
export type struct_kvm_irq_routing_msi = struct_view<typeof struct_kvm_irq_routing_msi>;

export const struct_kvm_irq_routing_s390_adapter = __struct({
	ind_addr:	__u64,
	summary_addr:	__u64,
	ind_offset:	__u64,
	summary_offset:	__u32,
	adapter_id:	__u32,
});
export type struct_kvm_irq_routing_s390_adapter =
	struct_view<typeof struct_kvm_irq_routing_s390_adapter>;

export const struct_kvm_irq_routing_hv_sint = __struct({
	vcpu:	__u32,
	sint:	__u32,
});
export type struct_kvm_irq_routing_hv_sint = struct_view<typeof struct_kvm_irq_routing_hv_sint>;

/* KVM_XEN_HVM_EVTCHN_SEND */
export const struct_kvm_irq_routing_xen_evtchn = __struct({
	port:		__u32,
	vcpu:		__u32,
	priority:	__u32,
});
export type struct_kvm_irq_routing_xen_evtchn =
	struct_view<typeof struct_kvm_irq_routing_xen_evtchn>;

export const KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL	= 0xffffffff;

/* kvm_irq_routing_entry.type */
export const KVM_IRQ_ROUTING_IRQCHIP		= 1;
export const KVM_IRQ_ROUTING_MSI		= 2;
export const KVM_IRQ_ROUTING_S390_ADAPTER	= 3;
export const KVM_IRQ_ROUTING_HV_SINT		= 4;
export const KVM_IRQ_ROUTING_XEN_EVTCHN		= 5;

export const struct_kvm_irq_routing_entry = __struct({
	gsi:	__u32,
	type:	__u32,
	flags:	__u32,
	pad:	__u32,
	u: __union({
		irqchip:	struct_kvm_irq_routing_irqchip,
		msi:		struct_kvm_irq_routing_msi,
		adapter:	struct_kvm_irq_routing_s390_adapter,
		hv_sint:	struct_kvm_irq_routing_hv_sint,
		xen_evtchn:	struct_kvm_irq_routing_xen_evtchn,
		pad:		__array(__u32, 8),
	}),
});
export type struct_kvm_irq_routing_entry = struct_view<typeof struct_kvm_irq_routing_entry>;

/* KVM_SET_GSI_ROUTING */
export const struct_kvm_irq_routing = __struct({
	nr:		__u32,
	flags:		__u32,
	entries:	__flex(struct_kvm_irq_routing_entry),
});
export type struct_kvm_irq_routing = struct_view<typeof struct_kvm_irq_routing>;

/* KVM_X86_SET_MCE */
export const struct_kvm_x86_mce = __struct({
	status:		__u64,
	addr:		__u64,
	misc:		__u64,
	mcg_status:	__u64,
	bank:		__u8,
	pad1:		__bytes(7),
	pad2:		__array(__u64, 3),
});
export type struct_kvm_x86_mce = struct_view<typeof struct_kvm_x86_mce>;

export const KVM_XEN_HVM_CONFIG_HYPERCALL_MSR	= 1 << 0;
export const KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL	= 1 << 1;
export const KVM_XEN_HVM_CONFIG_SHARED_INFO	= 1 << 2;
export const KVM_XEN_HVM_CONFIG_RUNSTATE	= 1 << 3;
export const KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL	= 1 << 4;
export const KVM_XEN_HVM_CONFIG_EVTCHN_SEND	= 1 << 5;

/* KVM_XEN_HVM_CONFIG */
export const struct_kvm_xen_hvm_config = __struct({
	flags:		__u32,
	msr:		__u32,
	blob_addr_32:	__u64,
	blob_addr_64:	__u64,
	blob_size_32:	__u8,
	blob_size_64:	__u8,
	pad2:		__bytes(30),
});
export type struct_kvm_xen_hvm_config = struct_view<typeof struct_kvm_xen_hvm_config>;

export const KVM_IRQFD_FLAG_DEASSIGN	= 1 << 0;
export const KVM_IRQFD_FLAG_RESAMPLE	= 1 << 1;

/* KVM_IRQFD */
export const struct_kvm_irqfd = __struct({
	fd:		__u32,
	gsi:		__u32,
	flags:		__u32,
	resamplefd:	__u32,
	pad:		__bytes(16),
});
export type struct_kvm_irqfd = struct_view<typeof struct_kvm_irqfd>;

/* kvm_clock_data.flags */
export const KVM_CLOCK_TSC_STABLE	= 2;
export const KVM_CLOCK_REALTIME		= 1 << 2;
export const KVM_CLOCK_HOST_TSC		= 1 << 3;

/* KVM_SET_CLOCK, KVM_GET_CLOCK */
export const struct_kvm_clock_data = __struct({
	clock:		__u64,
	flags:		__u32,
	pad0:		__u32,
	realtime:	__u64,
	host_tsc:	__u64,
	pad:		__array(__u32, 4),
});
export type struct_kvm_clock_data = struct_view<typeof struct_kvm_clock_data>;

export const KVM_MMU_FSL_BOOKE_NOHV	= 0;
export const KVM_MMU_FSL_BOOKE_HV	= 1;

export const struct_kvm_config_tlb = __struct({
	params:		__u64,
	array:		__u64,
	mmu_type:	__u32,
	array_len:	__u32,
});
export type struct_kvm_config_tlb = struct_view<typeof struct_kvm_config_tlb>;

/* KVM_DIRTY_TLB */
export const struct_kvm_dirty_tlb = __struct({
	bitmap:		__u64,
	num_dirty:	__u32,
});
export type struct_kvm_dirty_tlb = struct_view<typeof struct_kvm_dirty_tlb>;

/* kvm_one_reg.id: architecture, size of the value, and what the architecture likes */
export const KVM_REG_ARCH_MASK	= 0xff00000000000000n;
export const KVM_REG_GENERIC	= 0x0000000000000000n;

export const KVM_REG_PPC	= 0x1000000000000000n;
export const KVM_REG_X86	= 0x2000000000000000n;
export const KVM_REG_IA64	= 0x3000000000000000n;
export const KVM_REG_ARM	= 0x4000000000000000n;
export const KVM_REG_S390	= 0x5000000000000000n;
export const KVM_REG_ARM64	= 0x6000000000000000n;
export const KVM_REG_MIPS	= 0x7000000000000000n;
export const KVM_REG_RISCV	= 0x8000000000000000n;

export const KVM_REG_SIZE_SHIFT	= 52;
export const KVM_REG_SIZE_MASK	= 0x00f0000000000000n;
export const KVM_REG_SIZE_U8	= 0x0000000000000000n;
export const KVM_REG_SIZE_U16	= 0x0010000000000000n;
export const KVM_REG_SIZE_U32	= 0x0020000000000000n;
export const KVM_REG_SIZE_U64	= 0x0030000000000000n;
export const KVM_REG_SIZE_U128	= 0x0040000000000000n;
export const KVM_REG_SIZE_U256	= 0x0050000000000000n;
export const KVM_REG_SIZE_U512	= 0x0060000000000000n;
export const KVM_REG_SIZE_U1024	= 0x0070000000000000n;
export const KVM_REG_SIZE_U2048	= 0x0080000000000000n;

/* KVM_GET_REG_LIST */
export const struct_kvm_reg_list = __struct({
	n:	__u64,	/* registers */
	reg:	__flex(__u64),
});
export type struct_kvm_reg_list = struct_view<typeof struct_kvm_reg_list>;

/* KVM_GET_ONE_REG, KVM_SET_ONE_REG */
export const struct_kvm_one_reg = __struct({
	id:	__u64,
	addr:	__u64,
});
export type struct_kvm_one_reg = struct_view<typeof struct_kvm_one_reg>;

export const KVM_MSI_VALID_DEVID	= 1 << 0;

/* KVM_SIGNAL_MSI */
export const struct_kvm_msi = __struct({
	address_lo:	__u32,
	address_hi:	__u32,
	data:		__u32,
	flags:		__u32,
	devid:		__u32,
	pad:		__bytes(12),
});
export type struct_kvm_msi = struct_view<typeof struct_kvm_msi>;

/* KVM_ARM_SET_DEVICE_ADDR */
export const struct_kvm_arm_device_addr = __struct({
	id:	__u64,
	addr:	__u64,
});

export const KVM_CREATE_DEVICE_TEST	= 1;

/* KVM_CREATE_DEVICE */
export const struct_kvm_create_device = __struct({
	type:	__u32,	/* in: KVM_DEV_TYPE_* */
	fd:	__u32,	/* out */
	flags:	__u32,
});
export type struct_kvm_create_device = struct_view<typeof struct_kvm_create_device>;

/* KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR */
export const struct_kvm_device_attr = __struct({
	flags:	__u32,
	group:	__u32,
	attr:	__u64,
	addr:	__u64,	/* pointer */
});
export type struct_kvm_device_attr = struct_view<typeof struct_kvm_device_attr>;

/* group and attributes of a VFIO device */
export const KVM_DEV_VFIO_GROUP			= 1;
export const KVM_DEV_VFIO_GROUP_ADD		= 1;
export const KVM_DEV_VFIO_GROUP_DEL		= 2;
export const KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE	= 3;

/* enum kvm_device_type */
export const KVM_DEV_TYPE_FSL_MPIC_20	= 1;
export const KVM_DEV_TYPE_FSL_MPIC_42	= 2;
export const KVM_DEV_TYPE_XICS		= 3;
export const KVM_DEV_TYPE_VFIO		= 4;
export const KVM_DEV_TYPE_ARM_VGIC_V2	= 5;
export const KVM_DEV_TYPE_FLIC		= 6;
export const KVM_DEV_TYPE_ARM_VGIC_V3	= 7;
export const KVM_DEV_TYPE_ARM_VGIC_ITS	= 8;
export const KVM_DEV_TYPE_XIVE		= 9;
export const KVM_DEV_TYPE_ARM_PV_TIME	= 10;
export const KVM_DEV_TYPE_MAX		= 11;

export const struct_kvm_vfio_spapr_tce = __struct({
	groupfd:	__s32,
	tablefd:	__s32,
});
export type struct_kvm_vfio_spapr_tce = struct_view<typeof struct_kvm_vfio_spapr_tce>;

/* device assignment, which VFIO has replaced */
export const KVM_DEV_ASSIGN_ENABLE_IOMMU	= 1 << 0;
export const KVM_DEV_ASSIGN_PCI_2_3		= 1 << 1;
export const KVM_DEV_ASSIGN_MASK_INTX		= 1 << 2;

/* KVM_ASSIGN_PCI_DEVICE, KVM_DEASSIGN_PCI_DEVICE, KVM_ASSIGN_SET_INTX_MASK */
export const struct_kvm_assigned_pci_dev = __struct({
	assigned_dev_id:	__u32,
	busnr:			__u32,
	devfn:			__u32,
	flags:			__u32,
	segnr:			__u32,
	_1: __anon(__union({
		reserved:	__array(__u32, 11),
	})),
});
export type struct_kvm_assigned_pci_dev = struct_view<typeof struct_kvm_assigned_pci_dev>;

export const KVM_DEV_IRQ_HOST_INTX	= 1 << 0;
export const KVM_DEV_IRQ_HOST_MSI	= 1 << 1;
export const KVM_DEV_IRQ_HOST_MSIX	= 1 << 2;

export const KVM_DEV_IRQ_GUEST_INTX	= 1 << 8;
export const KVM_DEV_IRQ_GUEST_MSI	= 1 << 9;
export const KVM_DEV_IRQ_GUEST_MSIX	= 1 << 10;

export const KVM_DEV_IRQ_HOST_MASK	= 0x00ff;
export const KVM_DEV_IRQ_GUEST_MASK	= 0xff00;

/* KVM_ASSIGN_DEV_IRQ, KVM_DEASSIGN_DEV_IRQ */
export const struct_kvm_assigned_irq = __struct({
	assigned_dev_id:	__u32,
	host_irq:		__u32,	/* not looked at */
	guest_irq:		__u32,
	flags:			__u32,
	_1: __anon(__union({
		reserved:	__array(__u32, 12),
	})),
});
export type struct_kvm_assigned_irq = struct_view<typeof struct_kvm_assigned_irq>;

export const __KVM_DEPRECATED_VM_R_0x70	= _IOR(KVMIO, 0x70, struct_kvm_assigned_irq);

/* KVM_ASSIGN_SET_MSIX_NR */
export const struct_kvm_assigned_msix_nr = __struct({
	assigned_dev_id:	__u32,
	entry_nr:		__u16,
	padding:		__u16,
});
export type struct_kvm_assigned_msix_nr = struct_view<typeof struct_kvm_assigned_msix_nr>;

export const KVM_MAX_MSIX_PER_DEV	= 256;

/* KVM_ASSIGN_SET_MSIX_ENTRY */
export const struct_kvm_assigned_msix_entry = __struct({
	assigned_dev_id:	__u32,
	gsi:			__u32,
	entry:			__u16,
	padding:		__array(__u16, 3),
});
export type struct_kvm_assigned_msix_entry = struct_view<typeof struct_kvm_assigned_msix_entry>;

/* ioctls of a VM */
export const KVM_SET_MEMORY_REGION	= _IOW(KVMIO, 0x40, struct_kvm_memory_region);
export const KVM_CREATE_VCPU		= _IO(KVMIO, 0x41);
export const KVM_GET_DIRTY_LOG		= _IOW(KVMIO, 0x42, struct_kvm_dirty_log);
export const KVM_SET_MEMORY_ALIAS	= _IOW(KVMIO, 0x43, struct_kvm_memory_alias);
export const KVM_SET_NR_MMU_PAGES	= _IO(KVMIO, 0x44);
export const KVM_GET_NR_MMU_PAGES	= _IO(KVMIO, 0x45);
export const KVM_SET_USER_MEMORY_REGION	= _IOW(KVMIO, 0x46, struct_kvm_userspace_memory_region);
export const KVM_SET_TSS_ADDR		= _IO(KVMIO, 0x47);
export const KVM_SET_IDENTITY_MAP_ADDR	= _IOW(KVMIO, 0x48, __u64);

/* KVM_S390_UCAS_MAP, KVM_S390_UCAS_UNMAP */
export const struct_kvm_s390_ucas_mapping = __struct({
	user_addr:	__u64,
	vcpu_addr:	__u64,
	length:		__u64,
});
export const KVM_S390_UCAS_MAP		= _IOW(KVMIO, 0x50, struct_kvm_s390_ucas_mapping);
export const KVM_S390_UCAS_UNMAP	= _IOW(KVMIO, 0x51, struct_kvm_s390_ucas_mapping);
export const KVM_S390_VCPU_FAULT	= _IOW(KVMIO, 0x52, __u64);

export const KVM_CREATE_IRQCHIP			= _IO(KVMIO, 0x60);
export const KVM_IRQ_LINE			= _IOW(KVMIO, 0x61, struct_kvm_irq_level);
export const KVM_GET_IRQCHIP			= _IOWR(KVMIO, 0x62, struct_kvm_irqchip);
export const KVM_SET_IRQCHIP			= _IOR(KVMIO, 0x63, struct_kvm_irqchip);
export const KVM_CREATE_PIT			= _IO(KVMIO, 0x64);
export const KVM_GET_PIT			= _IOWR(KVMIO, 0x65, struct_kvm_pit_state);
export const KVM_SET_PIT			= _IOR(KVMIO, 0x66, struct_kvm_pit_state);
export const KVM_IRQ_LINE_STATUS		= _IOWR(KVMIO, 0x67, struct_kvm_irq_level);
export const KVM_REGISTER_COALESCED_MMIO	= _IOW(KVMIO, 0x67, struct_kvm_coalesced_mmio_zone);
export const KVM_UNREGISTER_COALESCED_MMIO	= _IOW(KVMIO, 0x68, struct_kvm_coalesced_mmio_zone);
export const KVM_ASSIGN_PCI_DEVICE		= _IOR(KVMIO, 0x69, struct_kvm_assigned_pci_dev);
export const KVM_SET_GSI_ROUTING		= _IOW(KVMIO, 0x6a, struct_kvm_irq_routing);
export const KVM_ASSIGN_IRQ			= __KVM_DEPRECATED_VM_R_0x70;
export const KVM_ASSIGN_DEV_IRQ			= _IOW(KVMIO, 0x70, struct_kvm_assigned_irq);
export const KVM_REINJECT_CONTROL		= _IO(KVMIO, 0x71);
export const KVM_DEASSIGN_PCI_DEVICE		= _IOW(KVMIO, 0x72, struct_kvm_assigned_pci_dev);
export const KVM_ASSIGN_SET_MSIX_NR		= _IOW(KVMIO, 0x73, struct_kvm_assigned_msix_nr);
export const KVM_ASSIGN_SET_MSIX_ENTRY		= _IOW(KVMIO, 0x74, struct_kvm_assigned_msix_entry);
export const KVM_DEASSIGN_DEV_IRQ		= _IOW(KVMIO, 0x75, struct_kvm_assigned_irq);
export const KVM_IRQFD				= _IOW(KVMIO, 0x76, struct_kvm_irqfd);
export const KVM_CREATE_PIT2			= _IOW(KVMIO, 0x77, struct_kvm_pit_config);
export const KVM_SET_BOOT_CPU_ID		= _IO(KVMIO, 0x78);
export const KVM_IOEVENTFD			= _IOW(KVMIO, 0x79, struct_kvm_ioeventfd);
export const KVM_XEN_HVM_CONFIG			= _IOW(KVMIO, 0x7a, struct_kvm_xen_hvm_config);
export const KVM_SET_CLOCK			= _IOW(KVMIO, 0x7b, struct_kvm_clock_data);
export const KVM_GET_CLOCK			= _IOR(KVMIO, 0x7c, struct_kvm_clock_data);
export const KVM_GET_PIT2			= _IOR(KVMIO, 0x9f, struct_kvm_pit_state2);
export const KVM_SET_PIT2			= _IOW(KVMIO, 0xa0, struct_kvm_pit_state2);
export const KVM_PPC_GET_PVINFO			= _IOW(KVMIO, 0xa1, struct_kvm_ppc_pvinfo);
export const KVM_SET_TSC_KHZ			= _IO(KVMIO, 0xa2);
export const KVM_GET_TSC_KHZ			= _IO(KVMIO, 0xa3);
export const KVM_ASSIGN_SET_INTX_MASK		= _IOW(KVMIO, 0xa4, struct_kvm_assigned_pci_dev);
export const KVM_SIGNAL_MSI			= _IOW(KVMIO, 0xa5, struct_kvm_msi);
export const KVM_PPC_GET_SMMU_INFO		= _IOR(KVMIO, 0xa6, struct_kvm_ppc_smmu_info);
export const KVM_PPC_ALLOCATE_HTAB		= _IOWR(KVMIO, 0xa7, __u32);
export const KVM_ARM_SET_DEVICE_ADDR		= _IOW(KVMIO, 0xab, struct_kvm_arm_device_addr);
export const KVM_PPC_RESIZE_HPT_PREPARE		= _IOR(KVMIO, 0xad, struct_kvm_ppc_resize_hpt);
export const KVM_PPC_RESIZE_HPT_COMMIT		= _IOR(KVMIO, 0xae, struct_kvm_ppc_resize_hpt);
export const KVM_SET_PMU_EVENT_FILTER		= _IOW(KVMIO, 0xb2, struct_kvm_pmu_event_filter);
export const KVM_PPC_SVM_OFF			= _IO(KVMIO, 0xb3);

export const KVM_CREATE_DEVICE	= _IOWR(KVMIO, 0xe0, struct_kvm_create_device);

/* ioctls of a device; a VM and a vCPU have attributes too */
export const KVM_SET_DEVICE_ATTR	= _IOW(KVMIO, 0xe1, struct_kvm_device_attr);
export const KVM_GET_DEVICE_ATTR	= _IOW(KVMIO, 0xe2, struct_kvm_device_attr);
export const KVM_HAS_DEVICE_ATTR	= _IOW(KVMIO, 0xe3, struct_kvm_device_attr);

/* ioctls of a vCPU */
export const KVM_RUN				= _IO(KVMIO, 0x80);
export const KVM_GET_REGS			= _IOR(KVMIO, 0x81, struct_kvm_regs);
export const KVM_SET_REGS			= _IOW(KVMIO, 0x82, struct_kvm_regs);
export const KVM_GET_SREGS			= _IOR(KVMIO, 0x83, struct_kvm_sregs);
export const KVM_SET_SREGS			= _IOW(KVMIO, 0x84, struct_kvm_sregs);
export const KVM_TRANSLATE			= _IOWR(KVMIO, 0x85, struct_kvm_translation);
export const KVM_INTERRUPT			= _IOW(KVMIO, 0x86, struct_kvm_interrupt);
export const KVM_DEBUG_GUEST			= __KVM_DEPRECATED_VCPU_W_0x87;
export const KVM_GET_MSRS			= _IOWR(KVMIO, 0x88, struct_kvm_msrs);
export const KVM_SET_MSRS			= _IOW(KVMIO, 0x89, struct_kvm_msrs);
export const KVM_SET_CPUID			= _IOW(KVMIO, 0x8a, struct_kvm_cpuid);
export const KVM_SET_SIGNAL_MASK		= _IOW(KVMIO, 0x8b, struct_kvm_signal_mask);
export const KVM_GET_FPU			= _IOR(KVMIO, 0x8c, struct_kvm_fpu);
export const KVM_SET_FPU			= _IOW(KVMIO, 0x8d, struct_kvm_fpu);
export const KVM_GET_LAPIC			= _IOR(KVMIO, 0x8e, struct_kvm_lapic_state);
export const KVM_SET_LAPIC			= _IOW(KVMIO, 0x8f, struct_kvm_lapic_state);
export const KVM_SET_CPUID2			= _IOW(KVMIO, 0x90, struct_kvm_cpuid2);
export const KVM_GET_CPUID2			= _IOWR(KVMIO, 0x91, struct_kvm_cpuid2);
export const KVM_TPR_ACCESS_REPORTING		= _IOWR(KVMIO, 0x92, struct_kvm_tpr_access_ctl);
export const KVM_SET_VAPIC_ADDR			= _IOW(KVMIO, 0x93, struct_kvm_vapic_addr);
export const KVM_S390_INTERRUPT			= _IOW(KVMIO, 0x94, struct_kvm_s390_interrupt);
export const KVM_S390_STORE_STATUS_NOADDR	= 0xffffffffffffffffn;
export const KVM_S390_STORE_STATUS_PREFIXED	= 0xfffffffffffffffen;
export const KVM_S390_STORE_STATUS		= _IOW(KVMIO, 0x95, __u64);
export const KVM_S390_SET_INITIAL_PSW		= _IOW(KVMIO, 0x96, struct_kvm_s390_psw);
export const KVM_S390_INITIAL_RESET		= _IO(KVMIO, 0x97);
export const KVM_GET_MP_STATE			= _IOR(KVMIO, 0x98, struct_kvm_mp_state);
export const KVM_SET_MP_STATE			= _IOW(KVMIO, 0x99, struct_kvm_mp_state);
export const KVM_NMI				= _IO(KVMIO, 0x9a);
export const KVM_SET_GUEST_DEBUG		= _IOW(KVMIO, 0x9b, struct_kvm_guest_debug);
export const KVM_X86_SETUP_MCE			= _IOW(KVMIO, 0x9c, __u64);
export const KVM_X86_GET_MCE_CAP_SUPPORTED	= _IOR(KVMIO, 0x9d, __u64);
export const KVM_X86_SET_MCE			= _IOW(KVMIO, 0x9e, struct_kvm_x86_mce);
export const KVM_GET_VCPU_EVENTS		= _IOR(KVMIO, 0x9f, struct_kvm_vcpu_events);
export const KVM_SET_VCPU_EVENTS		= _IOW(KVMIO, 0xa0, struct_kvm_vcpu_events);
export const KVM_GET_DEBUGREGS			= _IOR(KVMIO, 0xa1, struct_kvm_debugregs);
export const KVM_SET_DEBUGREGS			= _IOW(KVMIO, 0xa2, struct_kvm_debugregs);
export const KVM_ENABLE_CAP			= _IOW(KVMIO, 0xa3, struct_kvm_enable_cap);
export const KVM_GET_XSAVE			= _IOR(KVMIO, 0xa4, struct_kvm_xsave);
export const KVM_SET_XSAVE			= _IOW(KVMIO, 0xa5, struct_kvm_xsave);
export const KVM_GET_XCRS			= _IOR(KVMIO, 0xa6, struct_kvm_xcrs);
export const KVM_SET_XCRS			= _IOW(KVMIO, 0xa7, struct_kvm_xcrs);
export const KVM_DIRTY_TLB			= _IOW(KVMIO, 0xaa, struct_kvm_dirty_tlb);
export const KVM_GET_ONE_REG			= _IOW(KVMIO, 0xab, struct_kvm_one_reg);
export const KVM_SET_ONE_REG			= _IOW(KVMIO, 0xac, struct_kvm_one_reg);
export const KVM_KVMCLOCK_CTRL			= _IO(KVMIO, 0xad);
export const KVM_GET_REG_LIST			= _IOWR(KVMIO, 0xb0, struct_kvm_reg_list);
export const KVM_S390_MEM_OP			= _IOW(KVMIO, 0xb1, struct_kvm_s390_mem_op);
export const KVM_S390_GET_SKEYS			= _IOW(KVMIO, 0xb2, struct_kvm_s390_skeys);
export const KVM_S390_SET_SKEYS			= _IOW(KVMIO, 0xb3, struct_kvm_s390_skeys);
export const KVM_S390_IRQ			= _IOW(KVMIO, 0xb4, struct_kvm_s390_irq);
export const KVM_S390_SET_IRQ_STATE		= _IOW(KVMIO, 0xb5, struct_kvm_s390_irq_state);
export const KVM_S390_GET_IRQ_STATE		= _IOW(KVMIO, 0xb6, struct_kvm_s390_irq_state);
export const KVM_SMI				= _IO(KVMIO, 0xb7);
export const KVM_S390_GET_CMMA_BITS		= _IOWR(KVMIO, 0xb8, struct_kvm_s390_cmma_log);
export const KVM_S390_SET_CMMA_BITS		= _IOW(KVMIO, 0xb9, struct_kvm_s390_cmma_log);
export const KVM_MEMORY_ENCRYPT_OP		= _IOWR(KVMIO, 0xba, __u64);

/* KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION */
export const struct_kvm_enc_region = __struct({
	addr:	__u64,
	size:	__u64,
});
export type struct_kvm_enc_region = struct_view<typeof struct_kvm_enc_region>;

export const KVM_MEMORY_ENCRYPT_REG_REGION	= _IOR(KVMIO, 0xbb, struct_kvm_enc_region);
export const KVM_MEMORY_ENCRYPT_UNREG_REGION	= _IOR(KVMIO, 0xbc, struct_kvm_enc_region);

/* KVM_HYPERV_EVENTFD */
export const struct_kvm_hyperv_eventfd = __struct({
	conn_id:	__u32,
	fd:		__s32,
	flags:		__u32,
	padding:	__array(__u32, 3),
});
export type struct_kvm_hyperv_eventfd = struct_view<typeof struct_kvm_hyperv_eventfd>;

export const KVM_HYPERV_EVENTFD	= _IOW(KVMIO, 0xbd, struct_kvm_hyperv_eventfd);

export const KVM_GET_NESTED_STATE	= _IOWR(KVMIO, 0xbe, struct_kvm_nested_state);
export const KVM_SET_NESTED_STATE	= _IOW(KVMIO, 0xbf, struct_kvm_nested_state);

export const KVM_CLEAR_DIRTY_LOG	= _IOWR(KVMIO, 0xc0, struct_kvm_clear_dirty_log);

export const KVM_GET_SUPPORTED_HV_CPUID	= _IOWR(KVMIO, 0xc1, struct_kvm_cpuid2);

export const KVM_ARM_VCPU_FINALIZE	= _IOW(KVMIO, 0xc2, __s32);

export const KVM_S390_NORMAL_RESET	= _IO(KVMIO, 0xc3);
export const KVM_S390_CLEAR_RESET	= _IO(KVMIO, 0xc4);

export const struct_kvm_s390_pv_sec_parm = __struct({
	origin:	__u64,
	length:	__u64,
});

export const struct_kvm_s390_pv_unp = __struct({
	addr:	__u64,
	size:	__u64,
	tweak:	__u64,
});

/* enum pv_cmd_dmp_id */
export const KVM_PV_DUMP_INIT			= 0;
export const KVM_PV_DUMP_CONFIG_STOR_STATE	= 1;
export const KVM_PV_DUMP_COMPLETE		= 2;
export const KVM_PV_DUMP_CPU			= 3;

export const struct_kvm_s390_pv_dmp = __struct({
	subcmd:		__u64,
	buff_addr:	__u64,
	buff_len:	__u64,
	gaddr:		__u64,
	reserved:	__array(__u64, 4),
});

/* enum pv_cmd_info_id */
export const KVM_PV_INFO_VM	= 0;
export const KVM_PV_INFO_DUMP	= 1;

export const struct_kvm_s390_pv_info_dump = __struct({
	dump_cpu_buffer_len:		__u64,
	dump_config_mem_buffer_per_1m:	__u64,
	dump_config_finalize_len:	__u64,
});

export const struct_kvm_s390_pv_info_vm = __struct({
	inst_calls_list:	__array(__u64, 4),
	max_cpus:		__u64,
	max_guests:		__u64,
	max_guest_addr:		__u64,
	feature_indication:	__u64,
});

export const struct_kvm_s390_pv_info_header = __struct({
	id:		__u32,
	len_max:	__u32,
	len_written:	__u32,
	reserved:	__u32,
});

export const struct_kvm_s390_pv_info = __struct({
	header:	struct_kvm_s390_pv_info_header,
	_1: __anon(__union({
		dump:	struct_kvm_s390_pv_info_dump,
		vm:	struct_kvm_s390_pv_info_vm,
	})),
});

/* enum pv_cmd_id */
export const KVM_PV_ENABLE		= 0;
export const KVM_PV_DISABLE		= 1;
export const KVM_PV_SET_SEC_PARMS	= 2;
export const KVM_PV_UNPACK		= 3;
export const KVM_PV_VERIFY		= 4;
export const KVM_PV_PREP_RESET		= 5;
export const KVM_PV_UNSHARE_ALL		= 6;
export const KVM_PV_INFO		= 7;
export const KVM_PV_DUMP		= 8;

/* KVM_S390_PV_COMMAND, KVM_S390_PV_CPU_COMMAND */
export const struct_kvm_pv_cmd = __struct({
	cmd:		__u32,
	rc:		__u16,
	rrc:		__u16,
	data:		__u64,
	flags:		__u32,
	reserved:	__array(__u32, 3),
});
export type struct_kvm_pv_cmd = struct_view<typeof struct_kvm_pv_cmd>;

export const KVM_S390_PV_COMMAND	= _IOWR(KVMIO, 0xc5, struct_kvm_pv_cmd);

export const KVM_X86_SET_MSR_FILTER	= _IOW(KVMIO, 0xc6, struct_kvm_msr_filter);

export const KVM_RESET_DIRTY_RINGS	= _IO(KVMIO, 0xc7);

/* kvm_xen_hvm_attr.u.evtchn.flags */
export const KVM_XEN_EVTCHN_DEASSIGN	= 1 << 0;
export const KVM_XEN_EVTCHN_UPDATE	= 1 << 1;
export const KVM_XEN_EVTCHN_RESET	= 1 << 2;

/* KVM_XEN_HVM_GET_ATTR, KVM_XEN_HVM_SET_ATTR */
export const struct_kvm_xen_hvm_attr = __struct({
	type:	__u16,
	pad:	__array(__u16, 3),
	u: __union({
		long_mode:	__u8,
		vector:		__u8,
		shared_info: __struct({
			gfn:	__u64,
		}),
		evtchn: __struct({
			send_port:	__u32,
			type:		__u32,
			flags:		__u32,
			deliver: __union({
				port: __struct({
					port:		__u32,
					vcpu:		__u32,
					priority:	__u32,
				}),
				eventfd: __struct({
					port:	__u32,
					fd:	__s32,
				}),
				padding:	__array(__u32, 4),
			}),
		}),
		xen_version:	__u32,
		pad:		__array(__u64, 8),
	}),
});
export type struct_kvm_xen_hvm_attr = struct_view<typeof struct_kvm_xen_hvm_attr>;

export const KVM_XEN_HVM_GET_ATTR	= _IOWR(KVMIO, 0xc8, struct_kvm_xen_hvm_attr);
export const KVM_XEN_HVM_SET_ATTR	= _IOW(KVMIO, 0xc9, struct_kvm_xen_hvm_attr);

/* kvm_xen_hvm_attr.type */
export const KVM_XEN_ATTR_TYPE_LONG_MODE	= 0x0;
export const KVM_XEN_ATTR_TYPE_SHARED_INFO	= 0x1;
export const KVM_XEN_ATTR_TYPE_UPCALL_VECTOR	= 0x2;
export const KVM_XEN_ATTR_TYPE_EVTCHN		= 0x3;
export const KVM_XEN_ATTR_TYPE_XEN_VERSION	= 0x4;

/* KVM_XEN_VCPU_GET_ATTR, KVM_XEN_VCPU_SET_ATTR */
export const struct_kvm_xen_vcpu_attr = __struct({
	type:	__u16,
	pad:	__array(__u16, 3),
	u: __union({
		gpa:		__u64,
		pad:		__array(__u64, 8),
		runstate: __struct({
			state:			__u64,
			state_entry_time:	__u64,
			time_running:		__u64,
			time_runnable:		__u64,
			time_blocked:		__u64,
			time_offline:		__u64,
		}),
		vcpu_id:	__u32,
		timer: __struct({
			port:		__u32,
			priority:	__u32,
			expires_ns:	__u64,
		}),
		vector:		__u8,
	}),
});
export type struct_kvm_xen_vcpu_attr = struct_view<typeof struct_kvm_xen_vcpu_attr>;

export const KVM_XEN_VCPU_GET_ATTR	= _IOWR(KVMIO, 0xca, struct_kvm_xen_vcpu_attr);
export const KVM_XEN_VCPU_SET_ATTR	= _IOW(KVMIO, 0xcb, struct_kvm_xen_vcpu_attr);

export const KVM_XEN_HVM_EVTCHN_SEND	= _IOW(KVMIO, 0xd0, struct_kvm_irq_routing_xen_evtchn);

export const KVM_GET_SREGS2	= _IOR(KVMIO, 0xcc, struct_kvm_sregs2);
export const KVM_SET_SREGS2	= _IOW(KVMIO, 0xcd, struct_kvm_sregs2);

/* kvm_xen_vcpu_attr.type */
export const KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO		= 0x0;
export const KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO	= 0x1;
export const KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR	= 0x2;
export const KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT	= 0x3;
export const KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA	= 0x4;
export const KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST	= 0x5;
export const KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID		= 0x6;
export const KVM_XEN_VCPU_ATTR_TYPE_TIMER		= 0x7;
export const KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR	= 0x8;

/* enum sev_cmd_id */
export const KVM_SEV_INIT			= 0;
export const KVM_SEV_ES_INIT			= 1;
export const KVM_SEV_LAUNCH_START		= 2;
export const KVM_SEV_LAUNCH_UPDATE_DATA		= 3;
export const KVM_SEV_LAUNCH_UPDATE_VMSA		= 4;
export const KVM_SEV_LAUNCH_SECRET		= 5;
export const KVM_SEV_LAUNCH_MEASURE		= 6;
export const KVM_SEV_LAUNCH_FINISH		= 7;
export const KVM_SEV_SEND_START			= 8;
export const KVM_SEV_SEND_UPDATE_DATA		= 9;
export const KVM_SEV_SEND_UPDATE_VMSA		= 10;
export const KVM_SEV_SEND_FINISH		= 11;
export const KVM_SEV_RECEIVE_START		= 12;
export const KVM_SEV_RECEIVE_UPDATE_DATA	= 13;
export const KVM_SEV_RECEIVE_UPDATE_VMSA	= 14;
export const KVM_SEV_RECEIVE_FINISH		= 15;
export const KVM_SEV_GUEST_STATUS		= 16;
export const KVM_SEV_DBG_DECRYPT		= 17;
export const KVM_SEV_DBG_ENCRYPT		= 18;
export const KVM_SEV_CERT_EXPORT		= 19;
export const KVM_SEV_GET_ATTESTATION_REPORT	= 20;
export const KVM_SEV_SEND_CANCEL		= 21;
export const KVM_SEV_NR_MAX			= 22;

export const struct_kvm_sev_cmd = __struct({
	id:	__u32,
	data:	__u64,
	error:	__u32,
	sev_fd:	__u32,
});
export type struct_kvm_sev_cmd = struct_view<typeof struct_kvm_sev_cmd>;

export const struct_kvm_sev_launch_start = __struct({
	handle:		__u32,
	policy:		__u32,
	dh_uaddr:	__u64,
	dh_len:		__u32,
	session_uaddr:	__u64,
	session_len:	__u32,
});
export type struct_kvm_sev_launch_start = struct_view<typeof struct_kvm_sev_launch_start>;

export const struct_kvm_sev_launch_update_data = __struct({
	uaddr:	__u64,
	len:	__u32,
});
export type struct_kvm_sev_launch_update_data =
	struct_view<typeof struct_kvm_sev_launch_update_data>;

export const struct_kvm_sev_launch_secret = __struct({
	hdr_uaddr:	__u64,
	hdr_len:	__u32,
	guest_uaddr:	__u64,
	guest_len:	__u32,
	trans_uaddr:	__u64,
	trans_len:	__u32,
});
export type struct_kvm_sev_launch_secret = struct_view<typeof struct_kvm_sev_launch_secret>;

export const struct_kvm_sev_launch_measure = __struct({
	uaddr:	__u64,
	len:	__u32,
});
export type struct_kvm_sev_launch_measure = struct_view<typeof struct_kvm_sev_launch_measure>;

export const struct_kvm_sev_guest_status = __struct({
	handle:	__u32,
	policy:	__u32,
	state:	__u32,
});
export type struct_kvm_sev_guest_status = struct_view<typeof struct_kvm_sev_guest_status>;

export const struct_kvm_sev_dbg = __struct({
	src_uaddr:	__u64,
	dst_uaddr:	__u64,
	len:		__u32,
});
export type struct_kvm_sev_dbg = struct_view<typeof struct_kvm_sev_dbg>;

export const struct_kvm_sev_attestation_report = __struct({
	mnonce:	__bytes(16),
	uaddr:	__u64,
	len:	__u32,
});
export type struct_kvm_sev_attestation_report =
	struct_view<typeof struct_kvm_sev_attestation_report>;

export const struct_kvm_sev_send_start = __struct({
	policy:			__u32,
	pdh_cert_uaddr:		__u64,
	pdh_cert_len:		__u32,
	plat_certs_uaddr:	__u64,
	plat_certs_len:		__u32,
	amd_certs_uaddr:	__u64,
	amd_certs_len:		__u32,
	session_uaddr:		__u64,
	session_len:		__u32,
});
export type struct_kvm_sev_send_start = struct_view<typeof struct_kvm_sev_send_start>;

export const struct_kvm_sev_send_update_data = __struct({
	hdr_uaddr:	__u64,
	hdr_len:	__u32,
	guest_uaddr:	__u64,
	guest_len:	__u32,
	trans_uaddr:	__u64,
	trans_len:	__u32,
});
export type struct_kvm_sev_send_update_data = struct_view<typeof struct_kvm_sev_send_update_data>;

export const struct_kvm_sev_receive_start = __struct({
	handle:		__u32,
	policy:		__u32,
	pdh_uaddr:	__u64,
	pdh_len:	__u32,
	session_uaddr:	__u64,
	session_len:	__u32,
});
export type struct_kvm_sev_receive_start = struct_view<typeof struct_kvm_sev_receive_start>;

export const struct_kvm_sev_receive_update_data = __struct({
	hdr_uaddr:	__u64,
	hdr_len:	__u32,
	guest_uaddr:	__u64,
	guest_len:	__u32,
	trans_uaddr:	__u64,
	trans_len:	__u32,
});
export type struct_kvm_sev_receive_update_data =
	struct_view<typeof struct_kvm_sev_receive_update_data>;

/* KVM_CAP_X2APIC_API */
export const KVM_X2APIC_API_USE_32BIT_IDS		= 1n << 0n;
export const KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK	= 1n << 1n;

/* device_irq_level of arm64's registers */
export const KVM_ARM_DEV_EL1_VTIMER	= 1 << 0;
export const KVM_ARM_DEV_EL1_PTIMER	= 1 << 1;
export const KVM_ARM_DEV_PMU		= 1 << 2;

export const KVM_HYPERV_CONN_ID_MASK		= 0x00ffffff;
export const KVM_HYPERV_EVENTFD_DEASSIGN	= 1 << 0;

/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
export const KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE	= 1 << 0;
export const KVM_DIRTY_LOG_INITIALLY_SET		= 1 << 1;

/* kvm_dirty_gfn.flags: KVM says DIRTY; userspace, done with the entry, says RESET */
export const KVM_DIRTY_GFN_F_DIRTY	= 1 << 0;
export const KVM_DIRTY_GFN_F_RESET	= 1 << 1;
export const KVM_DIRTY_GFN_F_MASK	= 0x3;

export const struct_kvm_dirty_gfn = __struct({
	flags:	__u32,
	slot:	__u32,
	offset:	__u64,
});
export type struct_kvm_dirty_gfn = struct_view<typeof struct_kvm_dirty_gfn>;

/* KVM_CAP_X86_BUS_LOCK_EXIT */
export const KVM_BUS_LOCK_DETECTION_OFF		= 1 << 0;
export const KVM_BUS_LOCK_DETECTION_EXIT	= 1 << 1;

/* KVM_CAP_PMU_CAPABILITY */
export const KVM_PMU_CAP_DISABLE	= 1 << 0;

export const struct_kvm_stats_header = __struct({
	flags:		__u32,
	name_size:	__u32,
	num_desc:	__u32,
	id_offset:	__u32,
	desc_offset:	__u32,
	data_offset:	__u32,
});
export type struct_kvm_stats_header = struct_view<typeof struct_kvm_stats_header>;

/* kvm_stats_desc.flags: type, unit and base of the exponent */
export const KVM_STATS_TYPE_SHIFT	= 0;
export const KVM_STATS_TYPE_MASK	= 0xF << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_CUMULATIVE	= 0x0 << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_INSTANT	= 0x1 << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_PEAK	= 0x2 << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_LINEAR_HIST	= 0x3 << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_LOG_HIST	= 0x4 << KVM_STATS_TYPE_SHIFT;
export const KVM_STATS_TYPE_MAX		= KVM_STATS_TYPE_LOG_HIST;

export const KVM_STATS_UNIT_SHIFT	= 4;
export const KVM_STATS_UNIT_MASK	= 0xF << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_NONE	= 0x0 << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_BYTES	= 0x1 << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_SECONDS	= 0x2 << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_CYCLES	= 0x3 << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_BOOLEAN	= 0x4 << KVM_STATS_UNIT_SHIFT;
export const KVM_STATS_UNIT_MAX		= KVM_STATS_UNIT_BOOLEAN;

export const KVM_STATS_BASE_SHIFT	= 8;
export const KVM_STATS_BASE_MASK	= 0xF << KVM_STATS_BASE_SHIFT;
export const KVM_STATS_BASE_POW10	= 0x0 << KVM_STATS_BASE_SHIFT;
export const KVM_STATS_BASE_POW2	= 0x1 << KVM_STATS_BASE_SHIFT;
export const KVM_STATS_BASE_MAX		= KVM_STATS_BASE_POW2;

export const struct_kvm_stats_desc = __struct({
	flags:		__u32,
	exponent:	__s16,
	size:		__u16,	/* values, 8 bytes each */
	offset:		__u32,	/* from data_offset */
	bucket_size:	__u32,
	name:		__flex(__u8),
});
export type struct_kvm_stats_desc = struct_view<typeof struct_kvm_stats_desc>;

export const KVM_GET_STATS_FD	= _IO(KVMIO, 0xce);

export const KVM_GET_XSAVE2	= _IOR(KVMIO, 0xcf, struct_kvm_xsave);

export const KVM_S390_PV_CPU_COMMAND	= _IOWR(KVMIO, 0xd0, struct_kvm_pv_cmd);

/* KVM_CAP_X86_NOTIFY_VMEXIT */
export const KVM_X86_NOTIFY_VMEXIT_ENABLED	= 1n << 0n;
export const KVM_X86_NOTIFY_VMEXIT_USER		= 1n << 1n;

/* KVM_S390_ZPCI_OP */
export const struct_kvm_s390_zpci_op = __struct({
	fh:	__u32,
	op:	__u8,
	pad:	__bytes(3),
	u: __union({
		reg_aen: __struct({
			ibv:	__u64,
			sb:	__u64,
			flags:	__u32,
			noi:	__u32,
			isc:	__u8,
			sbo:	__u8,
			pad:	__u16,
		}),
		reserved:	__array(__u64, 8),
	}),
});

export const KVM_S390_ZPCI_OP	= _IOW(KVMIO, 0xd1, struct_kvm_s390_zpci_op);

export const KVM_S390_ZPCIOP_REG_AEN	= 0;
export const KVM_S390_ZPCIOP_DEREG_AEN	= 1;

export const KVM_S390_ZPCIOP_REGAEN_HOST	= 1 << 0;
