// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SVM keeps of a VM, a vCPU and a CPU.
 *
 * Upstream: arch/x86/kvm/svm/svm.h (structs); re-exported by svm.h.ts. Apart, because svm.ts's
 * table of operations names struct_kvm_svm. Left out: nested state, AVIC, SEV-ES.
 */
import { offsetof } from "#asm-generic/struct.ts";
import { hpa_t } from "#asm-generic/types.ts";
import { atomic_t } from "#linux/atomic.ts";
import { DECLARE_BITMAP } from "#linux/bitmap.ts";
import { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { struct_vmcb, struct_vmcb_control_area, struct_vmcb_save_area, type vmcb } from
	"#hw/svm_defs.ts";

export const MAX_DIRECT_ACCESS_MSRS	= 21;
export const MSRPM_OFFSETS		= 32;

export class struct_kvm_sev_info {
	active = false;		/* SEV enabled guest */
	es_active = false;
	asid = 0;
	handle = 0;		/* SEV firmware handle */
	fd = 0;			/* SEV device fd */
	pages_locked = 0;	/* of user space, against RLIMIT_MEMLOCK */
	regions_list = new struct_list_head(null);	/* struct enc_region */
	/** C: for mirrors, which share a context; there are none here. */
	enc_context_owner: struct_kvm | null = null;
	migration_in_progress = new atomic_t();
}

export class struct_kvm_svm {
	kvm = new struct_kvm(this);

	sev_info = new struct_kvm_sev_info();
}

/** A VMCB: as a struct, and the same bytes as words for the paths that every exit takes. */
export class struct_kvm_vmcb_info {
	ptr: vmcb | null = null;
	/* port-only */
	u32: Uint32Array | null = null;
	u64: BigUint64Array | null = null;
	page: struct_page | null = null;
	pa = hpa_t(0);
	cpu = 0;
	asid_generation = 0;
}

const control = (member: keyof typeof struct_vmcb_control_area.members): number =>
	offsetof(struct_vmcb, "control") + offsetof(struct_vmcb_control_area, member);
const save = (member: keyof typeof struct_vmcb_save_area.members): number =>
	offsetof(struct_vmcb, "save") + offsetof(struct_vmcb_save_area, member);

/* port-only: indices into struct_kvm_vmcb_info.u32 ... */
export const VMCB32_ASID		= control("asid") / 4;
export const VMCB32_TLB_CTL		= control("tlb_ctl") / 4;	/* and reserved bytes */
export const VMCB32_INT_CTL		= control("int_ctl") / 4;
export const VMCB32_EXIT_CODE		= control("exit_code") / 4;
export const VMCB32_EXIT_INFO_1		= control("exit_info_1") / 4;
export const VMCB32_EXIT_INFO_2		= control("exit_info_2") / 4;
export const VMCB32_EXIT_INT_INFO	= control("exit_int_info") / 4;
export const VMCB32_EVENT_INJ		= control("event_inj") / 4;
export const VMCB32_CLEAN		= control("clean") / 4;
export const VMCB32_CR0			= save("cr0") / 4;
export const VMCB32_CR3			= save("cr3") / 4;
export const VMCB32_CR2			= save("cr2") / 4;
export const VMCB32_DR6			= save("dr6") / 4;
export const VMCB32_RFLAGS		= save("rflags") / 4;
/* ... and u64 */
export const VMCB64_RIP			= save("rip") / 8;
export const VMCB64_RSP			= save("rsp") / 8;
export const VMCB64_RAX			= save("rax") / 8;
export const VMCB64_CR2			= save("cr2") / 8;

export class struct_vcpu_svm {
	vcpu = new struct_kvm_vcpu(this);
	/* the current VMCB's, for short */
	vmcb: vmcb = null as unknown as vmcb;
	vmcb32: Uint32Array = null as unknown as Uint32Array;
	vmcb64: BigUint64Array = null as unknown as BigUint64Array;
	vmcb01 = new struct_kvm_vmcb_info();
	current_vmcb: struct_kvm_vmcb_info = this.vmcb01;
	asid = 0;
	sysenter_esp_hi = 0n;
	sysenter_eip_hi = 0n;
	tsc_aux = 0n;

	msr_decfg = 0n;

	next_rip = 0n;

	spec_ctrl = 0n;

	tsc_ratio_msr = 0n;
	virt_spec_ctrl = 0n;

	/** the first of two pages: two bits for each MSR of three ranges */
	msrpm: struct_page | null = null;

	nmi_iret_rip = 0n;

	/* C: in struct svm_nested_state */
	nested = {
		hsave_msr: 0n,
		vm_cr_msr: 0n,
	};

	/** Port-only: CR2 at VM entry. */
	cr2_lo = 0;
	cr2_hi = 0;
	nmi_singlestep = false;
	nmi_singlestep_guest_rflags = 0;

	soft_int_csbase = 0n;
	soft_int_old_rip = 0n;
	soft_int_next_rip = 0n;
	soft_int_injected = false;

	nrips_enabled = false;
	tsc_scaling_enabled = false;

	/** What is wanted for direct_access_msrs[i]: a bit set passes the access through. */
	shadow_msr_intercept = {
		read: DECLARE_BITMAP(MAX_DIRECT_ACCESS_MSRS),
		write: DECLARE_BITMAP(MAX_DIRECT_ACCESS_MSRS),
	};

	guest_state_loaded = false;
}

export class struct_svm_cpu_data {
	cpu = 0;

	asid_generation = 0;
	max_asid = 0;
	next_asid = 0;
	min_asid = 0;

	save_area: struct_page | null = null;
	current_vmcb: vmcb | null = null;

	/** by ASID: the VMCB that used it last on this CPU */
	sev_vmcbs: (vmcb | null)[] | null = null;
}
