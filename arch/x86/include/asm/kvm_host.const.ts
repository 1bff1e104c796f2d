// SPDX-License-Identifier: GPL-2.0
/*
 * Constants of x86's part of KVM, for those who compute with them at a module's top level.
 *
 * Upstream: arch/x86/include/asm/kvm_host.h, kvm_vcpu_regs.h. Left out: Hyper-V, Xen, PMU,
 * nested state.
 */
import { gpa_t, hpa_t } from "#asm-generic/types.ts";
import { ALIGN_DOWN } from "#asm-generic/bits.ts";
import { KVM_ARCH_REQ, KVM_ARCH_REQ_FLAGS, KVM_REQUEST_NO_WAKEUP, KVM_REQUEST_WAIT } from
	"#linux/kvm_host.const.ts";
import { PAGE_SHIFT, PG_LEVEL_1G, PG_LEVEL_4K } from "#asm/page_types.ts";
import { X86_CR0_AM, X86_CR0_CD, X86_CR0_EM, X86_CR0_ET, X86_CR0_MP, X86_CR0_NE, X86_CR0_NW,
	X86_CR0_PE, X86_CR0_PG, X86_CR0_TS, X86_CR0_WP, X86_CR4_DE, X86_CR4_FSGSBASE, X86_CR4_LA57,
	X86_CR4_MCE, X86_CR4_OSFXSR, X86_CR4_OSXMMEXCPT, X86_CR4_OSXSAVE, X86_CR4_PAE, X86_CR4_PCE,
	X86_CR4_PCIDE, X86_CR4_PGE, X86_CR4_PKE, X86_CR4_PSE, X86_CR4_PVI, X86_CR4_SMAP,
	X86_CR4_SMEP, X86_CR4_TSD, X86_CR4_UMIP, X86_CR4_VME, X86_CR4_VMXE, X86_CR8_TPR } from
	"#asm/processor-flags.ts";
import { KVM_BUS_LOCK_DETECTION_EXIT, KVM_BUS_LOCK_DETECTION_OFF, KVM_CLOCK_HOST_TSC,
	KVM_CLOCK_REALTIME, KVM_CLOCK_TSC_STABLE, KVM_DIRTY_LOG_INITIALLY_SET,
	KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP,
	KVM_X86_NOTIFY_VMEXIT_ENABLED, KVM_X86_NOTIFY_VMEXIT_USER } from "#uapi/linux/kvm.ts";
import { KVM_GUESTDBG_BLOCKIRQ, KVM_GUESTDBG_INJECT_BP, KVM_GUESTDBG_INJECT_DB,
	KVM_GUESTDBG_USE_HW_BP, KVM_GUESTDBG_USE_SW_BP, KVM_IOAPIC_NUM_PINS,
	KVM_X86_QUIRK_CD_NW_CLEARED, KVM_X86_QUIRK_FIX_HYPERCALL_INSN,
	KVM_X86_QUIRK_LAPIC_MMIO_HOLE, KVM_X86_QUIRK_LINT0_REENABLED,
	KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS,
	KVM_X86_QUIRK_OUT_7E_INC_RIP } from "#uapi-asm/kvm.ts";

/* not offered to userspace: APIC access page, TSS, identity map */
export const KVM_INTERNAL_MEM_SLOTS	= 3;

export const KVM_HALT_POLL_NS_DEFAULT	= 200000;

export const KVM_IRQCHIP_NUM_PINS	= KVM_IOAPIC_NUM_PINS;

export const KVM_DIRTY_LOG_MANUAL_CAPS	= KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
	KVM_DIRTY_LOG_INITIALLY_SET;

export const KVM_BUS_LOCK_DETECTION_VALID_MODE = KVM_BUS_LOCK_DETECTION_OFF |
	KVM_BUS_LOCK_DETECTION_EXIT;

export const KVM_X86_NOTIFY_VMEXIT_VALID_BITS = KVM_X86_NOTIFY_VMEXIT_ENABLED |
	KVM_X86_NOTIFY_VMEXIT_USER;

/* bits of vcpu.requests that x86 owns */
export const KVM_REQ_MIGRATE_TIMER		= KVM_ARCH_REQ(0);
export const KVM_REQ_REPORT_TPR_ACCESS		= KVM_ARCH_REQ(1);
export const KVM_REQ_TRIPLE_FAULT		= KVM_ARCH_REQ(2);
export const KVM_REQ_MMU_SYNC			= KVM_ARCH_REQ(3);
export const KVM_REQ_CLOCK_UPDATE		= KVM_ARCH_REQ(4);
export const KVM_REQ_LOAD_MMU_PGD		= KVM_ARCH_REQ(5);
export const KVM_REQ_EVENT			= KVM_ARCH_REQ(6);
export const KVM_REQ_APF_HALT			= KVM_ARCH_REQ(7);
export const KVM_REQ_STEAL_UPDATE		= KVM_ARCH_REQ(8);
export const KVM_REQ_NMI			= KVM_ARCH_REQ(9);
export const KVM_REQ_PMU			= KVM_ARCH_REQ(10);
export const KVM_REQ_PMI			= KVM_ARCH_REQ(11);
export const KVM_REQ_SMI			= KVM_ARCH_REQ(12);
export const KVM_REQ_MASTERCLOCK_UPDATE		= KVM_ARCH_REQ(13);
export const KVM_REQ_MCLOCK_INPROGRESS		=
	KVM_ARCH_REQ_FLAGS(14, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_SCAN_IOAPIC		=
	KVM_ARCH_REQ_FLAGS(15, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_GLOBAL_CLOCK_UPDATE	= KVM_ARCH_REQ(16);
export const KVM_REQ_APIC_PAGE_RELOAD		=
	KVM_ARCH_REQ_FLAGS(17, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_HV_CRASH			= KVM_ARCH_REQ(18);
export const KVM_REQ_IOAPIC_EOI_EXIT		= KVM_ARCH_REQ(19);
export const KVM_REQ_HV_RESET			= KVM_ARCH_REQ(20);
export const KVM_REQ_HV_EXIT			= KVM_ARCH_REQ(21);
export const KVM_REQ_HV_STIMER			= KVM_ARCH_REQ(22);
export const KVM_REQ_LOAD_EOI_EXITMAP		= KVM_ARCH_REQ(23);
export const KVM_REQ_GET_NESTED_STATE_PAGES	= KVM_ARCH_REQ(24);
export const KVM_REQ_APICV_UPDATE		=
	KVM_ARCH_REQ_FLAGS(25, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_TLB_FLUSH_CURRENT		= KVM_ARCH_REQ(26);
export const KVM_REQ_TLB_FLUSH_GUEST		=
	KVM_ARCH_REQ_FLAGS(27, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_APF_READY			= KVM_ARCH_REQ(28);
export const KVM_REQ_MSR_FILTER_CHANGED		= KVM_ARCH_REQ(29);
export const KVM_REQ_UPDATE_CPU_DIRTY_LOGGING	=
	KVM_ARCH_REQ_FLAGS(30, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);
export const KVM_REQ_MMU_FREE_OBSOLETE_ROOTS	=
	KVM_ARCH_REQ_FLAGS(31, KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP);

/*
 * In C the reserved bits of a control register are the complement of these, 64 bits wide. Here the
 * valid ones are given: CRn_RESERVED_BITS apply by cr0_reserved(x) and so on, which see bits above
 * bit 31 too.
 */
export const CR0_VALID_BITS = (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET |
	X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG) >>> 0;

export const CR4_VALID_BITS = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE |
	X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_PCIDE |
	X86_CR4_OSXSAVE | X86_CR4_SMEP | X86_CR4_FSGSBASE | X86_CR4_OSXMMEXCPT | X86_CR4_LA57 |
	X86_CR4_VMXE | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_UMIP;

export const CR8_VALID_BITS = X86_CR8_TPR;

/** cr0 & CR0_RESERVED_BITS */
export function cr0_reserved(cr0: number): boolean {
	return cr0 > 0xffffffff || (cr0 & ~CR0_VALID_BITS) !== 0;
}

/** The low half of CR4_RESERVED_BITS; everything above it is reserved as well. */
export const CR4_RESERVED_BITS = ~CR4_VALID_BITS >>> 0;

/** cr4 & CR4_RESERVED_BITS */
export function cr4_reserved(cr4: number): boolean {
	return cr4 > 0xffffffff || (cr4 & CR4_RESERVED_BITS) !== 0;
}

/** cr8 & CR8_RESERVED_BITS */
export function cr8_reserved(cr8: number): boolean {
	return cr8 > CR8_VALID_BITS;
}

/* C: all ones */
export const INVALID_PAGE	= hpa_t(-1);
export const INVALID_GPA	= gpa_t(Number.MAX_SAFE_INTEGER);	/* GPA_INVALID's value */

export function VALID_PAGE(x: hpa_t): boolean {
	return x !== INVALID_PAGE;
}

export const KVM_MAX_HUGEPAGE_LEVEL	= PG_LEVEL_1G;
export const KVM_NR_PAGE_SIZES		= KVM_MAX_HUGEPAGE_LEVEL - PG_LEVEL_4K + 1;

export function KVM_HPAGE_GFN_SHIFT(x: number): number {
	return (x - 1) * 9;
}

export function KVM_HPAGE_SHIFT(x: number): number {
	return PAGE_SHIFT + KVM_HPAGE_GFN_SHIFT(x);
}

export function KVM_HPAGE_SIZE(x: number): number {
	return 2 ** KVM_HPAGE_SHIFT(x);
}

/** C: addr & KVM_HPAGE_MASK(x); a mask of 64 bits is no number. */
export function KVM_HPAGE_MASKED<T extends number>(addr: T, x: number): T {
	return ALIGN_DOWN(addr, KVM_HPAGE_SIZE(x));
}

/** Exact as an int32 up to PG_LEVEL_512G. */
export function KVM_PAGES_PER_HPAGE(x: number): number {
	/* beyond what a shift can do */
	return x === 5 ? 2 ** 36 : 1 << (x - 1) * 9;
}

export const KVM_MEMSLOT_PAGES_TO_MMU_PAGES_RATIO	= 50;
export const KVM_MIN_ALLOC_MMU_PAGES			= 64;
export const KVM_MMU_HASH_SHIFT				= 12;
export const KVM_NUM_MMU_PAGES				= 1 << KVM_MMU_HASH_SHIFT;
export const KVM_MIN_FREE_MMU_PAGES			= 5;
export const KVM_REFILL_PAGES				= 25;
export const KVM_MAX_CPUID_ENTRIES			= 256;
export const KVM_NR_FIXED_MTRR_REGION			= 88;
export const KVM_NR_VAR_MTRR				= 8;

export const ASYNC_PF_PER_VCPU	= 64;

/* enum kvm_reg: indices of vcpu.arch.regs ... */
export const VCPU_REGS_RAX	= 0;
export const VCPU_REGS_RCX	= 1;
export const VCPU_REGS_RDX	= 2;
export const VCPU_REGS_RBX	= 3;
export const VCPU_REGS_RSP	= 4;
export const VCPU_REGS_RBP	= 5;
export const VCPU_REGS_RSI	= 6;
export const VCPU_REGS_RDI	= 7;
export const VCPU_REGS_R8	= 8;
export const VCPU_REGS_R9	= 9;
export const VCPU_REGS_R10	= 10;
export const VCPU_REGS_R11	= 11;
export const VCPU_REGS_R12	= 12;
export const VCPU_REGS_R13	= 13;
export const VCPU_REGS_R14	= 14;
export const VCPU_REGS_R15	= 15;
export const VCPU_REGS_RIP	= 16;
export const NR_VCPU_REGS	= 17;
/* ... and bits of regs_avail and regs_dirty only */
export const VCPU_EXREG_PDPTR		= NR_VCPU_REGS;
export const VCPU_EXREG_CR0		= 18;
export const VCPU_EXREG_CR3		= 19;
export const VCPU_EXREG_CR4		= 20;
export const VCPU_EXREG_RFLAGS		= 21;
export const VCPU_EXREG_SEGMENTS	= 22;
export const VCPU_EXREG_EXIT_INFO_1	= 23;
export const VCPU_EXREG_EXIT_INFO_2	= 24;
export type kvm_reg = number;

export const VCPU_SREG_ES	= 0;
export const VCPU_SREG_CS	= 1;
export const VCPU_SREG_SS	= 2;
export const VCPU_SREG_DS	= 3;
export const VCPU_SREG_FS	= 4;
export const VCPU_SREG_GS	= 5;
export const VCPU_SREG_TR	= 6;
export const VCPU_SREG_LDTR	= 7;

/* enum exit_fastpath_completion */
export const EXIT_FASTPATH_NONE			= 0;
export const EXIT_FASTPATH_REENTER_GUEST	= 1;
export const EXIT_FASTPATH_EXIT_HANDLED		= 2;
export type fastpath_t = typeof EXIT_FASTPATH_NONE | typeof EXIT_FASTPATH_REENTER_GUEST |
	typeof EXIT_FASTPATH_EXIT_HANDLED;

export const KVM_NR_DB_REGS	= 4;

/* debug registers: bigints, as vcpu.arch.dr6 and dr7 are */
export const DR6_BUS_LOCK	= 1n << 11n;
export const DR6_BD		= 1n << 13n;
export const DR6_BS		= 1n << 14n;
export const DR6_BT		= 1n << 15n;
export const DR6_RTM		= 1n << 16n;
/* bits that are 1 unless their condition holds; DR6's value at reset */
export const DR6_ACTIVE_LOW	= 0xffff0ff0n;
export const DR6_VOLATILE	= 0x0001e80fn;
export const DR6_FIXED_1	= DR6_ACTIVE_LOW & ~DR6_VOLATILE;

export const DR7_BP_EN_MASK	= 0x000000ffn;
export const DR7_GE		= 1n << 9n;
export const DR7_GD		= 1n << 13n;
export const DR7_FIXED_1	= 0x00000400n;
export const DR7_VOLATILE	= 0xffff2bffn;

export const KVM_GUESTDBG_VALID_MASK = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
	KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP |
	KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_BLOCKIRQ;

/*
 * Page fault error code, a number: bits 32 and up are tested by pferr_test(), never by `&`.
 */
export const PFERR_PRESENT_BIT		= 0;
export const PFERR_WRITE_BIT		= 1;
export const PFERR_USER_BIT		= 2;
export const PFERR_RSVD_BIT		= 3;
export const PFERR_FETCH_BIT		= 4;
export const PFERR_PK_BIT		= 5;
export const PFERR_SGX_BIT		= 15;
/** Bits 31:29, of KVM's own making: no larger page than of this level; 0: any. */
export const PFERR_LEVEL_START_BIT	= 29;
export const PFERR_GUEST_FINAL_BIT	= 32;
export const PFERR_GUEST_PAGE_BIT	= 33;
export const PFERR_IMPLICIT_ACCESS_BIT	= 48;

export const PFERR_PRESENT_MASK		= 1 << PFERR_PRESENT_BIT;
export const PFERR_WRITE_MASK		= 1 << PFERR_WRITE_BIT;
export const PFERR_USER_MASK		= 1 << PFERR_USER_BIT;
export const PFERR_RSVD_MASK		= 1 << PFERR_RSVD_BIT;
export const PFERR_FETCH_MASK		= 1 << PFERR_FETCH_BIT;
export const PFERR_PK_MASK		= 1 << PFERR_PK_BIT;
export const PFERR_SGX_MASK		= 1 << PFERR_SGX_BIT;
export const PFERR_LEVEL_MASK		= 7 << PFERR_LEVEL_START_BIT;
export const PFERR_GUEST_FINAL_MASK	= 2 ** PFERR_GUEST_FINAL_BIT;
export const PFERR_GUEST_PAGE_MASK	= 2 ** PFERR_GUEST_PAGE_BIT;
export const PFERR_IMPLICIT_ACCESS	= 2 ** PFERR_IMPLICIT_ACCESS_BIT;

export const PFERR_NESTED_GUEST_PAGE	= PFERR_GUEST_PAGE_MASK + PFERR_WRITE_MASK +
	PFERR_PRESENT_MASK;

/** error_code & mask, for one bit of PFERR_*. */
export function pferr_test(error_code: number, mask: number): boolean {
	return mask < 0x80000000 ? (error_code & mask) !== 0 :
		Math.floor(error_code / mask) % 2 !== 0;
}

/* vcpu.arch.apic_attention */
export const KVM_APIC_CHECK_VAPIC	= 0;
export const KVM_APIC_PV_EOI_PENDING	= 1;

export const PT64_ROOT_MAX_LEVEL	= 5;

export const KVM_MMU_NUM_PREV_ROOTS	= 3;

/* what a vCPU's debug registers are to the guest */
export const KVM_DEBUGREG_BP_ENABLED	= 1;
export const KVM_DEBUGREG_WONT_EXIT	= 2;

/* kvm_apic_map.mode: bits of a logical ID that name a CPU, a bit set when modes are mixed */
export const KVM_APIC_MODE_XAPIC_CLUSTER	= 4;
export const KVM_APIC_MODE_XAPIC_FLAT		= 8;
export const KVM_APIC_MODE_X2APIC		= 16;

/* enum kvm_irqchip_mode */
export const KVM_IRQCHIP_NONE	= 0;
export const KVM_IRQCHIP_KERNEL	= 1;	/* by KVM_CREATE_IRQCHIP */
export const KVM_IRQCHIP_SPLIT	= 2;	/* by KVM_CAP_SPLIT_IRQCHIP */

/* enum kvm_apicv_inhibit: bits of kvm.arch.apicv_inhibit_reasons */
export const APICV_INHIBIT_REASON_DISABLE		= 0;
export const APICV_INHIBIT_REASON_HYPERV		= 1;
export const APICV_INHIBIT_REASON_ABSENT		= 2;
export const APICV_INHIBIT_REASON_BLOCKIRQ		= 3;
export const APICV_INHIBIT_REASON_APIC_ID_MODIFIED	= 4;
export const APICV_INHIBIT_REASON_APIC_BASE_MODIFIED	= 5;
/* AVIC's only */
export const APICV_INHIBIT_REASON_NESTED		= 6;
export const APICV_INHIBIT_REASON_IRQWIN		= 7;
export const APICV_INHIBIT_REASON_PIT_REINJ		= 8;
export const APICV_INHIBIT_REASON_SEV			= 9;
export type kvm_apicv_inhibit = number;

/* how an instruction is emulated; x86_emulate_instruction() */
export const EMULTYPE_NO_DECODE			= 1 << 0;	/* as decoded before */
export const EMULTYPE_TRAP_UD			= 1 << 1;	/* after an intercepted #UD */
export const EMULTYPE_SKIP			= 1 << 2;	/* only to step over it */
export const EMULTYPE_ALLOW_RETRY_PF		= 1 << 3;	/* the guest may retry instead */
export const EMULTYPE_TRAP_UD_FORCED		= 1 << 4;	/* force emulation prefix */
export const EMULTYPE_VMWARE_GP			= 1 << 5;
export const EMULTYPE_PF			= 1 << 6;	/* cr2_or_gpa is valid */
export const EMULTYPE_COMPLETE_USER_EXIT	= 1 << 7;	/* user space did its part */

/* roots to free: a bit each */
export const KVM_MMU_ROOT_CURRENT	= 1 << 0;
export const KVM_MMU_ROOT_PREVIOUS	= (i: number): number => 1 << (1 + i);
export const KVM_MMU_ROOTS_ALL		= -1;

export const TSS_IOPB_BASE_OFFSET	= 0x66;
export const TSS_BASE_SIZE		= 0x68;
export const TSS_IOPB_SIZE		= 65536 / 8;
export const TSS_REDIRECTION_SIZE	= 256 / 8;
export const RMODE_TSS_SIZE		= TSS_BASE_SIZE + TSS_REDIRECTION_SIZE + TSS_IOPB_SIZE + 1;

export const TASK_SWITCH_CALL	= 0;
export const TASK_SWITCH_IRET	= 1;
export const TASK_SWITCH_JMP	= 2;
export const TASK_SWITCH_GATE	= 3;

/* vcpu.arch.hflags */
export const HF_GIF_MASK		= 1 << 0;
export const HF_NMI_MASK		= 1 << 3;
export const HF_IRET_MASK		= 1 << 4;
export const HF_GUEST_MASK		= 1 << 5;	/* in a nested guest */
export const HF_SMM_MASK		= 1 << 6;
export const HF_SMM_INSIDE_NMI_MASK	= 1 << 7;

/* number 1 is what a vCPU in system management mode sees */
export const KVM_ADDRESS_SPACE_NUM	= 2;

export const KVM_CLOCK_VALID_FLAGS	= KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
	KVM_CLOCK_HOST_TSC;

export const KVM_X86_VALID_QUIRKS = KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |
	KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |
	KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN |
	KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS;
