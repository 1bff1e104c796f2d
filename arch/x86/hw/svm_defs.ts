// SPDX-License-Identifier: GPL-2.0
/*
 * What SVM hardware interprets: the VMCB, intercepts, exit codes, event injection.
 *
 * Port-only place; figures from the architecture, names as asm/svm.h and uapi/asm/svm.h have them,
 * which re-export this file. Masks are numbers; bit 31 is 0x80000000, not negative.
 */
import { __array, __bytes, __struct, __u16, __u32, __u64, __u8, type struct_view } from
	"#asm-generic/struct.ts";

/* words of intercept bits, from the start of the control area */
export const INTERCEPT_CR			= 0;
export const INTERCEPT_DR			= 1;
export const INTERCEPT_EXCEPTION		= 2;
export const INTERCEPT_WORD3			= 3;
export const INTERCEPT_WORD4			= 4;
export const INTERCEPT_WORD5			= 5;
export const MAX_INTERCEPT			= 6;

/* intercepts: 32 * word + bit */
export const INTERCEPT_CR0_READ			= 0;
export const INTERCEPT_CR3_READ			= 3;
export const INTERCEPT_CR4_READ			= 4;
export const INTERCEPT_CR8_READ			= 8;
export const INTERCEPT_CR0_WRITE		= 16;
export const INTERCEPT_CR3_WRITE		= 19;
export const INTERCEPT_CR4_WRITE		= 20;
export const INTERCEPT_CR8_WRITE		= 24;
export const INTERCEPT_DR0_READ			= 32;
export const INTERCEPT_DR1_READ			= 33;
export const INTERCEPT_DR2_READ			= 34;
export const INTERCEPT_DR3_READ			= 35;
export const INTERCEPT_DR4_READ			= 36;
export const INTERCEPT_DR5_READ			= 37;
export const INTERCEPT_DR6_READ			= 38;
export const INTERCEPT_DR7_READ			= 39;
export const INTERCEPT_DR0_WRITE		= 48;
export const INTERCEPT_DR1_WRITE		= 49;
export const INTERCEPT_DR2_WRITE		= 50;
export const INTERCEPT_DR3_WRITE		= 51;
export const INTERCEPT_DR4_WRITE		= 52;
export const INTERCEPT_DR5_WRITE		= 53;
export const INTERCEPT_DR6_WRITE		= 54;
export const INTERCEPT_DR7_WRITE		= 55;
export const INTERCEPT_EXCEPTION_OFFSET		= 64;
export const INTERCEPT_INTR			= 96;
export const INTERCEPT_NMI			= 97;
export const INTERCEPT_SMI			= 98;
export const INTERCEPT_INIT			= 99;
export const INTERCEPT_VINTR			= 100;
export const INTERCEPT_SELECTIVE_CR0		= 101;
export const INTERCEPT_STORE_IDTR		= 102;
export const INTERCEPT_STORE_GDTR		= 103;
export const INTERCEPT_STORE_LDTR		= 104;
export const INTERCEPT_STORE_TR			= 105;
export const INTERCEPT_LOAD_IDTR		= 106;
export const INTERCEPT_LOAD_GDTR		= 107;
export const INTERCEPT_LOAD_LDTR		= 108;
export const INTERCEPT_LOAD_TR			= 109;
export const INTERCEPT_RDTSC			= 110;
export const INTERCEPT_RDPMC			= 111;
export const INTERCEPT_PUSHF			= 112;
export const INTERCEPT_POPF			= 113;
export const INTERCEPT_CPUID			= 114;
export const INTERCEPT_RSM			= 115;
export const INTERCEPT_IRET			= 116;
export const INTERCEPT_INTn			= 117;
export const INTERCEPT_INVD			= 118;
export const INTERCEPT_PAUSE			= 119;
export const INTERCEPT_HLT			= 120;
export const INTERCEPT_INVLPG			= 121;
export const INTERCEPT_INVLPGA			= 122;
export const INTERCEPT_IOIO_PROT		= 123;
export const INTERCEPT_MSR_PROT			= 124;
export const INTERCEPT_TASK_SWITCH		= 125;
export const INTERCEPT_FERR_FREEZE		= 126;
export const INTERCEPT_SHUTDOWN			= 127;
export const INTERCEPT_VMRUN			= 128;
export const INTERCEPT_VMMCALL			= 129;
export const INTERCEPT_VMLOAD			= 130;
export const INTERCEPT_VMSAVE			= 131;
export const INTERCEPT_STGI			= 132;
export const INTERCEPT_CLGI			= 133;
export const INTERCEPT_SKINIT			= 134;
export const INTERCEPT_RDTSCP			= 135;
export const INTERCEPT_ICEBP			= 136;
export const INTERCEPT_WBINVD			= 137;
export const INTERCEPT_MONITOR			= 138;
export const INTERCEPT_MWAIT			= 139;
export const INTERCEPT_MWAIT_COND		= 140;
export const INTERCEPT_XSETBV			= 141;
export const INTERCEPT_RDPRU			= 142;
export const TRAP_EFER_WRITE			= 143;
export const TRAP_CR0_WRITE			= 144;
export const TRAP_CR1_WRITE			= 145;
export const TRAP_CR2_WRITE			= 146;
export const TRAP_CR3_WRITE			= 147;
export const TRAP_CR4_WRITE			= 148;
export const TRAP_CR5_WRITE			= 149;
export const TRAP_CR6_WRITE			= 150;
export const TRAP_CR7_WRITE			= 151;
export const TRAP_CR8_WRITE			= 152;
export const INTERCEPT_INVLPGB			= 160;
export const INTERCEPT_INVLPGB_ILLEGAL		= 161;
export const INTERCEPT_INVPCID			= 162;
export const INTERCEPT_MCOMMIT			= 163;
export const INTERCEPT_TLBSYNC			= 164;

export const struct_vmcb_seg = __struct({
	selector:	__u16,
	attrib:		__u16,
	limit:		__u32,
	base:		__u64,
}, true);
export type vmcb_seg = struct_view<typeof struct_vmcb_seg>;

export const struct_vmcb_control_area = __struct({
	intercepts:	__array(__u32, MAX_INTERCEPT),
	reserved_1:	__array(__u32, 15 - MAX_INTERCEPT),
	pause_filter_thresh:	__u16,
	pause_filter_count:	__u16,
	iopm_base_pa:	__u64,
	msrpm_base_pa:	__u64,
	tsc_offset:	__u64,
	asid:		__u32,
	tlb_ctl:	__u8,
	reserved_2:	__bytes(3),
	int_ctl:	__u32,
	int_vector:	__u32,
	int_state:	__u32,
	reserved_3:	__bytes(4),
	exit_code:	__u32,
	exit_code_hi:	__u32,
	exit_info_1:	__u64,
	exit_info_2:	__u64,
	exit_int_info:	__u32,
	exit_int_info_err:	__u32,
	nested_ctl:	__u64,
	avic_vapic_bar:	__u64,
	ghcb_gpa:	__u64,
	event_inj:	__u32,
	event_inj_err:	__u32,
	nested_cr3:	__u64,
	virt_ext:	__u64,
	clean:		__u32,
	reserved_5:	__u32,
	next_rip:	__u64,
	insn_len:	__u8,
	insn_bytes:	__bytes(15),
	avic_backing_page:	__u64,
	reserved_6:	__bytes(8),
	avic_logical_id:	__u64,
	avic_physical_id:	__u64,
	reserved_7:	__bytes(8),
	vmsa_pa:	__u64,
	reserved_8:	__bytes(720),
	reserved_sw:	__bytes(32),
}, true);
export type vmcb_control_area = struct_view<typeof struct_vmcb_control_area>;

export const struct_vmcb_save_area = __struct({
	es:		struct_vmcb_seg,
	cs:		struct_vmcb_seg,
	ss:		struct_vmcb_seg,
	ds:		struct_vmcb_seg,
	fs:		struct_vmcb_seg,
	gs:		struct_vmcb_seg,
	gdtr:		struct_vmcb_seg,
	ldtr:		struct_vmcb_seg,
	idtr:		struct_vmcb_seg,
	tr:		struct_vmcb_seg,
	reserved_1:	__bytes(42),
	vmpl:		__u8,
	cpl:		__u8,
	reserved_2:	__bytes(4),
	efer:		__u64,
	reserved_3:	__bytes(112),
	cr4:		__u64,
	cr3:		__u64,
	cr0:		__u64,
	dr7:		__u64,
	dr6:		__u64,
	rflags:		__u64,
	rip:		__u64,
	reserved_4:	__bytes(88),
	rsp:		__u64,
	s_cet:		__u64,
	ssp:		__u64,
	isst_addr:	__u64,
	rax:		__u64,
	star:		__u64,
	lstar:		__u64,
	cstar:		__u64,
	sfmask:		__u64,
	kernel_gs_base:	__u64,
	sysenter_cs:	__u64,
	sysenter_esp:	__u64,
	sysenter_eip:	__u64,
	cr2:		__u64,
	reserved_5:	__bytes(32),
	g_pat:		__u64,
	dbgctl:		__u64,
	br_from:	__u64,
	br_to:		__u64,
	last_excp_from:	__u64,
	last_excp_to:	__u64,
	reserved_6:	__bytes(72),
	spec_ctrl:	__u32,
}, true);
export type vmcb_save_area = struct_view<typeof struct_vmcb_save_area>;

export const struct_vmcb = __struct({
	control:	struct_vmcb_control_area,
	save:		struct_vmcb_save_area,
}, true);
export type vmcb = struct_view<typeof struct_vmcb>;

/* tlb_ctl */
export const TLB_CONTROL_DO_NOTHING		= 0;
export const TLB_CONTROL_FLUSH_ALL_ASID		= 1;
export const TLB_CONTROL_FLUSH_ASID		= 3;
export const TLB_CONTROL_FLUSH_ASID_LOCAL	= 7;

/* int_ctl, int_state, virt_ext, nested_ctl */
export const V_TPR_MASK				= 0x0f;
export const V_IRQ_SHIFT			= 8;
export const V_IRQ_MASK				= 1 << V_IRQ_SHIFT;
export const V_GIF_SHIFT			= 9;
export const V_GIF_MASK				= 1 << V_GIF_SHIFT;
export const V_INTR_PRIO_SHIFT			= 16;
export const V_INTR_PRIO_MASK			= 0x0f << V_INTR_PRIO_SHIFT;
export const V_IGN_TPR_SHIFT			= 20;
export const V_IGN_TPR_MASK			= 1 << V_IGN_TPR_SHIFT;
export const V_IRQ_INJECTION_BITS_MASK		= V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK;
export const V_INTR_MASKING_SHIFT		= 24;
export const V_INTR_MASKING_MASK		= 1 << V_INTR_MASKING_SHIFT;
export const V_GIF_ENABLE_SHIFT			= 25;
export const V_GIF_ENABLE_MASK			= 1 << V_GIF_ENABLE_SHIFT;
export const AVIC_ENABLE_SHIFT			= 31;
export const AVIC_ENABLE_MASK			= 0x80000000;
export const X2APIC_MODE_SHIFT			= 30;
export const X2APIC_MODE_MASK			= 1 << X2APIC_MODE_SHIFT;
export const LBR_CTL_ENABLE_MASK		= 1 << 0;
export const VIRTUAL_VMLOAD_VMSAVE_ENABLE_MASK	= 1 << 1;
export const SVM_INTERRUPT_SHADOW_MASK		= 1 << 0;
export const SVM_GUEST_INTERRUPT_MASK		= 1 << 1;
export const SVM_NESTED_CTL_NP_ENABLE		= 1 << 0;
export const SVM_NESTED_CTL_SEV_ENABLE		= 1 << 1;
export const SVM_NESTED_CTL_SEV_ES_ENABLE	= 1 << 2;

/* exit_info_1 of an I/O exit */
export const SVM_IOIO_STR_SHIFT			= 2;
export const SVM_IOIO_REP_SHIFT			= 3;
export const SVM_IOIO_SIZE_SHIFT		= 4;
export const SVM_IOIO_ASIZE_SHIFT		= 7;
export const SVM_IOIO_TYPE_MASK			= 1;
export const SVM_IOIO_STR_MASK			= 1 << SVM_IOIO_STR_SHIFT;
export const SVM_IOIO_REP_MASK			= 1 << SVM_IOIO_REP_SHIFT;
export const SVM_IOIO_SIZE_MASK			= 7 << SVM_IOIO_SIZE_SHIFT;
export const SVM_IOIO_ASIZE_MASK		= 7 << SVM_IOIO_ASIZE_SHIFT;

/* segment attributes */
export const SVM_SELECTOR_S_SHIFT		= 4;
export const SVM_SELECTOR_DPL_SHIFT		= 5;
export const SVM_SELECTOR_P_SHIFT		= 7;
export const SVM_SELECTOR_AVL_SHIFT		= 8;
export const SVM_SELECTOR_L_SHIFT		= 9;
export const SVM_SELECTOR_DB_SHIFT		= 10;
export const SVM_SELECTOR_G_SHIFT		= 11;
export const SVM_SELECTOR_TYPE_MASK		= 0xf;
export const SVM_SELECTOR_S_MASK		= 1 << SVM_SELECTOR_S_SHIFT;
export const SVM_SELECTOR_DPL_MASK		= 3 << SVM_SELECTOR_DPL_SHIFT;
export const SVM_SELECTOR_P_MASK		= 1 << SVM_SELECTOR_P_SHIFT;
export const SVM_SELECTOR_AVL_MASK		= 1 << SVM_SELECTOR_AVL_SHIFT;
export const SVM_SELECTOR_L_MASK		= 1 << SVM_SELECTOR_L_SHIFT;
export const SVM_SELECTOR_DB_MASK		= 1 << SVM_SELECTOR_DB_SHIFT;
export const SVM_SELECTOR_G_MASK		= 1 << SVM_SELECTOR_G_SHIFT;
export const SVM_SELECTOR_WRITE_MASK		= 1 << 1;
export const SVM_SELECTOR_READ_MASK		= SVM_SELECTOR_WRITE_MASK;
export const SVM_SELECTOR_CODE_MASK		= 1 << 3;

/* event_inj, exit_int_info */
export const SVM_EVTINJ_VEC_MASK		= 0xff;
export const SVM_EVTINJ_TYPE_SHIFT		= 8;
export const SVM_EVTINJ_TYPE_MASK		= 7 << SVM_EVTINJ_TYPE_SHIFT;
export const SVM_EVTINJ_TYPE_INTR		= 0 << SVM_EVTINJ_TYPE_SHIFT;
export const SVM_EVTINJ_TYPE_NMI		= 2 << SVM_EVTINJ_TYPE_SHIFT;
export const SVM_EVTINJ_TYPE_EXEPT		= 3 << SVM_EVTINJ_TYPE_SHIFT;
export const SVM_EVTINJ_TYPE_SOFT		= 4 << SVM_EVTINJ_TYPE_SHIFT;
export const SVM_EVTINJ_VALID			= 0x80000000;
export const SVM_EVTINJ_VALID_ERR		= 1 << 11;
export const SVM_EXITINTINFO_VEC_MASK		= SVM_EVTINJ_VEC_MASK;
export const SVM_EXITINTINFO_TYPE_MASK		= SVM_EVTINJ_TYPE_MASK;
export const SVM_EXITINTINFO_TYPE_INTR		= SVM_EVTINJ_TYPE_INTR;
export const SVM_EXITINTINFO_TYPE_NMI		= SVM_EVTINJ_TYPE_NMI;
export const SVM_EXITINTINFO_TYPE_EXEPT		= SVM_EVTINJ_TYPE_EXEPT;
export const SVM_EXITINTINFO_TYPE_SOFT		= SVM_EVTINJ_TYPE_SOFT;
export const SVM_EXITINTINFO_VALID		= SVM_EVTINJ_VALID;
export const SVM_EXITINTINFO_VALID_ERR		= SVM_EVTINJ_VALID_ERR;
export const SVM_EXITINFOSHIFT_TS_REASON_IRET	= 36;
export const SVM_EXITINFOSHIFT_TS_REASON_JMP	= 38;
export const SVM_EXITINFOSHIFT_TS_HAS_ERROR_CODE	= 44;
export const SVM_EXITINFO_REG_MASK		= 0x0F;

/* the rest */
export const SVM_VM_CR_VALID_MASK		= 0x001f;
export const SVM_VM_CR_SVM_LOCK_MASK		= 0x0008;
export const SVM_VM_CR_SVM_DIS_MASK		= 0x0010;
export const SVM_CPUID_FUNC			= 0x8000000a;
export const SVM_VM_CR_SVM_DISABLE		= 4;

/* exit codes; SVM_EXIT_ERR as the 32-bit field holds it */
export const SVM_EXIT_READ_CR0			= 0x000;
export const SVM_EXIT_READ_CR2			= 0x002;
export const SVM_EXIT_READ_CR3			= 0x003;
export const SVM_EXIT_READ_CR4			= 0x004;
export const SVM_EXIT_READ_CR8			= 0x008;
export const SVM_EXIT_WRITE_CR0			= 0x010;
export const SVM_EXIT_WRITE_CR2			= 0x012;
export const SVM_EXIT_WRITE_CR3			= 0x013;
export const SVM_EXIT_WRITE_CR4			= 0x014;
export const SVM_EXIT_WRITE_CR8			= 0x018;
export const SVM_EXIT_READ_DR0			= 0x020;
export const SVM_EXIT_READ_DR1			= 0x021;
export const SVM_EXIT_READ_DR2			= 0x022;
export const SVM_EXIT_READ_DR3			= 0x023;
export const SVM_EXIT_READ_DR4			= 0x024;
export const SVM_EXIT_READ_DR5			= 0x025;
export const SVM_EXIT_READ_DR6			= 0x026;
export const SVM_EXIT_READ_DR7			= 0x027;
export const SVM_EXIT_WRITE_DR0			= 0x030;
export const SVM_EXIT_WRITE_DR1			= 0x031;
export const SVM_EXIT_WRITE_DR2			= 0x032;
export const SVM_EXIT_WRITE_DR3			= 0x033;
export const SVM_EXIT_WRITE_DR4			= 0x034;
export const SVM_EXIT_WRITE_DR5			= 0x035;
export const SVM_EXIT_WRITE_DR6			= 0x036;
export const SVM_EXIT_WRITE_DR7			= 0x037;
export const SVM_EXIT_EXCP_BASE			= 0x040;
export const SVM_EXIT_LAST_EXCP			= 0x05f;
export const SVM_EXIT_INTR			= 0x060;
export const SVM_EXIT_NMI			= 0x061;
export const SVM_EXIT_SMI			= 0x062;
export const SVM_EXIT_INIT			= 0x063;
export const SVM_EXIT_VINTR			= 0x064;
export const SVM_EXIT_CR0_SEL_WRITE		= 0x065;
export const SVM_EXIT_IDTR_READ			= 0x066;
export const SVM_EXIT_GDTR_READ			= 0x067;
export const SVM_EXIT_LDTR_READ			= 0x068;
export const SVM_EXIT_TR_READ			= 0x069;
export const SVM_EXIT_IDTR_WRITE		= 0x06a;
export const SVM_EXIT_GDTR_WRITE		= 0x06b;
export const SVM_EXIT_LDTR_WRITE		= 0x06c;
export const SVM_EXIT_TR_WRITE			= 0x06d;
export const SVM_EXIT_RDTSC			= 0x06e;
export const SVM_EXIT_RDPMC			= 0x06f;
export const SVM_EXIT_PUSHF			= 0x070;
export const SVM_EXIT_POPF			= 0x071;
export const SVM_EXIT_CPUID			= 0x072;
export const SVM_EXIT_RSM			= 0x073;
export const SVM_EXIT_IRET			= 0x074;
export const SVM_EXIT_SWINT			= 0x075;
export const SVM_EXIT_INVD			= 0x076;
export const SVM_EXIT_PAUSE			= 0x077;
export const SVM_EXIT_HLT			= 0x078;
export const SVM_EXIT_INVLPG			= 0x079;
export const SVM_EXIT_INVLPGA			= 0x07a;
export const SVM_EXIT_IOIO			= 0x07b;
export const SVM_EXIT_MSR			= 0x07c;
export const SVM_EXIT_TASK_SWITCH		= 0x07d;
export const SVM_EXIT_FERR_FREEZE		= 0x07e;
export const SVM_EXIT_SHUTDOWN			= 0x07f;
export const SVM_EXIT_VMRUN			= 0x080;
export const SVM_EXIT_VMMCALL			= 0x081;
export const SVM_EXIT_VMLOAD			= 0x082;
export const SVM_EXIT_VMSAVE			= 0x083;
export const SVM_EXIT_STGI			= 0x084;
export const SVM_EXIT_CLGI			= 0x085;
export const SVM_EXIT_SKINIT			= 0x086;
export const SVM_EXIT_RDTSCP			= 0x087;
export const SVM_EXIT_ICEBP			= 0x088;
export const SVM_EXIT_WBINVD			= 0x089;
export const SVM_EXIT_MONITOR			= 0x08a;
export const SVM_EXIT_MWAIT			= 0x08b;
export const SVM_EXIT_MWAIT_COND		= 0x08c;
export const SVM_EXIT_XSETBV			= 0x08d;
export const SVM_EXIT_RDPRU			= 0x08e;
export const SVM_EXIT_EFER_WRITE_TRAP		= 0x08f;
export const SVM_EXIT_CR0_WRITE_TRAP		= 0x090;
export const SVM_EXIT_CR1_WRITE_TRAP		= 0x091;
export const SVM_EXIT_CR2_WRITE_TRAP		= 0x092;
export const SVM_EXIT_CR3_WRITE_TRAP		= 0x093;
export const SVM_EXIT_CR4_WRITE_TRAP		= 0x094;
export const SVM_EXIT_CR5_WRITE_TRAP		= 0x095;
export const SVM_EXIT_CR6_WRITE_TRAP		= 0x096;
export const SVM_EXIT_CR7_WRITE_TRAP		= 0x097;
export const SVM_EXIT_CR8_WRITE_TRAP		= 0x098;
export const SVM_EXIT_CR9_WRITE_TRAP		= 0x099;
export const SVM_EXIT_CR10_WRITE_TRAP		= 0x09a;
export const SVM_EXIT_CR11_WRITE_TRAP		= 0x09b;
export const SVM_EXIT_CR12_WRITE_TRAP		= 0x09c;
export const SVM_EXIT_CR13_WRITE_TRAP		= 0x09d;
export const SVM_EXIT_CR14_WRITE_TRAP		= 0x09e;
export const SVM_EXIT_CR15_WRITE_TRAP		= 0x09f;
export const SVM_EXIT_INVPCID			= 0x0a2;
export const SVM_EXIT_NPF			= 0x400;
export const SVM_EXIT_AVIC_INCOMPLETE_IPI	= 0x401;
export const SVM_EXIT_AVIC_UNACCELERATED_ACCESS	= 0x402;
export const SVM_EXIT_VMGEXIT			= 0x403;
export const SVM_EXIT_SW			= 0xf0000000;
export const SVM_EXIT_ERR			= 0xffffffff;
