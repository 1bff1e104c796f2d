// SPDX-License-Identifier: GPL-2.0
/*
 * KVM on x86: what linux/kvm_host.ts's structs hold of it, and the vendor's operations.
 *
 * Upstream: arch/x86/include/asm/kvm_host.h. Left out: Hyper-V, Xen, PMU, pvclock and steal time,
 * user-return MSRs, IRQ chips beyond local APICs, posted interrupts, nested guests, assigned
 * devices, shadow paging's hash of pages. A call by static_call(kvm_x86_foo) is kvm_x86_ops.foo();
 * an optional member is null where the vendor has none.
 */
import { array_of } from "#asm-generic/array.ts";
import { PAIR_ZERO, pair, pair_from_u64, pair_to_u64, type u64_pair, type u64_spte } from
	"#asm-generic/pair.ts";
import { gfn_t, gpa_t, type gva_t, hpa_t, type kvm_pfn_t, type ref, type user_ptr, WIDE_0 } from
	"#asm-generic/types.ts";
import { atomic_t } from "#linux/atomic.ts";
import { struct_cpumask } from "#linux/cpumask.ts";
import { ENOTSUPP } from "#linux/errno.ts";
import { GFP_KERNEL_ACCOUNT } from "#linux/gfp_types.ts";
import { __kvm_memslots, type struct_kvm, type struct_kvm_memslots, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { struct_gfn_to_hva_cache, struct_kvm_mmu_memory_cache, struct_kvm_vcpu_stat_generic,
	struct_kvm_vm_stat_generic } from "#linux/kvm_types.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { struct_mutex, struct_rw_semaphore } from "#linux/mutex_types.ts";
import { struct_rcu_head } from "#linux/rcupdate_types.ts";
import type { struct_task_struct } from "#linux/sched.ts";
import { kzalloc } from "#linux/slab.ts";
import { raw_spinlock_t, spinlock_t } from "#linux/spinlock_types.ts";
import type { struct_workqueue_struct } from "#linux/workqueue.ts";
import { APIC_DEST_LOGICAL, APIC_DEST_PHYSICAL, APIC_DM_FIXED, APIC_DM_LOWEST } from
	"#asm/apicdef.ts";
import type { struct_desc_ptr } from "#asm/desc_defs.ts";
import { struct_fpu_guest } from "#asm/fpu/types.ts";
import { ASYNC_PF_PER_VCPU, HF_SMM_MASK, INVALID_PAGE, KVM_IRQCHIP_NONE, KVM_MMU_NUM_PREV_ROOTS,
	KVM_NR_DB_REGS, KVM_NR_FIXED_MTRR_REGION, KVM_NR_PAGE_SIZES, KVM_NR_VAR_MTRR, NR_VCPU_REGS,
	PT64_ROOT_MAX_LEVEL, type fastpath_t, type kvm_apicv_inhibit, type kvm_reg } from
	"#asm/kvm_host.const.ts";
import { KVM_PAGE_TRACK_MAX, struct_kvm_page_track_notifier_head,
	struct_kvm_page_track_notifier_node } from "#asm/kvm_page_track.ts";
import type { struct_kvm_enc_region } from "#uapi/linux/kvm.ts";
import { GP_VECTOR, type struct_kvm_cpuid_entry2, type struct_kvm_msr_entry,
	type struct_kvm_segment } from "#uapi-asm/kvm.ts";
import type { struct_guest_cpu } from "#hw/guest.ts";
import type { struct_x86_emulate_ctxt, struct_x86_exception, struct_x86_instruction_info,
	x86_intercept_stage } from "#arch/x86/kvm/kvm_emulate.h.ts";
import type { struct_kvm_lapic } from "#arch/x86/kvm/lapic.h.ts";
import type { struct_kvm_mmu_page, struct_kvm_page_fault } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { kvm_queue_exception_e, kvm_set_or_clear_apicv_inhibit, kvm_x86_ops } from
	"#arch/x86/kvm/x86.ts";

export * from "#asm/kvm_host.const.ts";

export type { struct_x86_emulate_ctxt, struct_x86_exception, struct_x86_instruction_info,
	x86_intercept_stage } from "#arch/x86/kvm/kvm_emulate.h.ts";
export type { struct_kvm_lapic } from "#arch/x86/kvm/lapic.h.ts";
export type { struct_kvm_mmu_page, struct_kvm_page_fault } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";

export const __KVM_HAVE_ARCH_VCPU_DEBUGFS = true;
/** @hunk 5:1 */
export const __KVM_HAVE_ZAP_GFN_RANGE = true;
/** @hunk 6:1 */
export const __KVM_HAVE_ARCH_UPDATE_MEM_ATTR = true;

export const KVM_MAX_VCPUS	= 1024;

/*
 * A vCPU's ID is its APIC ID, which encodes a topology: with a bit lost for cores and another for
 * packages, IDs may reach four times the number of vCPUs.
 */
export const KVM_VCPU_ID_RATIO	= 4;
export const KVM_MAX_VCPU_IDS	= KVM_MAX_VCPUS * KVM_VCPU_ID_RATIO;

/**
 * C: union kvm_mmu_page_role, the properties by which a page table of KVM's may or may not be used
 * in an MMU context. One word of bit fields, read and written under C's names:
 *
 *	31    24  23..19   18           17     16     15       14      13   12    11    10  8
 *	smm       -        passthrough  guest  ad_    smap_    smep_   cr0  efer  in-   access
 *	                                _mode  disab. andnot   andnot  _wp  _nx   valid
 *	7       6    5   4                 3    0
 *	direct  quadrant has_4_byte_gpte   level
 *
 * To assign a role is to assign its word (members that are roles are readonly, so that two structs
 * never share one); roles are equal when their words are.
 */
export class kvm_mmu_page_role {
	word: number;
	constructor(word = 0) {
		this.word = word;
	}
	get level(): number {
		return this.word & 0xf;
	}
	set level(x: number) {
		this.word = (this.word & ~0xf) | (x & 0xf);
	}
	get has_4_byte_gpte(): number {
		return this.word >> 4 & 1;
	}
	set has_4_byte_gpte(x: number | boolean) {
		this.word = x ? this.word | 1 << 4 : this.word & ~(1 << 4);
	}
	get quadrant(): number {
		return this.word >> 5 & 3;
	}
	set quadrant(x: number) {
		this.word = (this.word & ~(3 << 5)) | (x & 3) << 5;
	}
	get direct(): number {
		return this.word >> 7 & 1;
	}
	set direct(x: number | boolean) {
		this.word = x ? this.word | 1 << 7 : this.word & ~(1 << 7);
	}
	get access(): number {
		return this.word >> 8 & 7;
	}
	set access(x: number) {
		this.word = (this.word & ~(7 << 8)) | (x & 7) << 8;
	}
	get invalid(): number {
		return this.word >> 11 & 1;
	}
	set invalid(x: number | boolean) {
		this.word = x ? this.word | 1 << 11 : this.word & ~(1 << 11);
	}
	get efer_nx(): number {
		return this.word >> 12 & 1;
	}
	set efer_nx(x: number | boolean) {
		this.word = x ? this.word | 1 << 12 : this.word & ~(1 << 12);
	}
	get cr0_wp(): number {
		return this.word >> 13 & 1;
	}
	set cr0_wp(x: number | boolean) {
		this.word = x ? this.word | 1 << 13 : this.word & ~(1 << 13);
	}
	get smep_andnot_wp(): number {
		return this.word >> 14 & 1;
	}
	set smep_andnot_wp(x: number | boolean) {
		this.word = x ? this.word | 1 << 14 : this.word & ~(1 << 14);
	}
	get smap_andnot_wp(): number {
		return this.word >> 15 & 1;
	}
	set smap_andnot_wp(x: number | boolean) {
		this.word = x ? this.word | 1 << 15 : this.word & ~(1 << 15);
	}
	get ad_disabled(): number {
		return this.word >> 16 & 1;
	}
	set ad_disabled(x: number | boolean) {
		this.word = x ? this.word | 1 << 16 : this.word & ~(1 << 16);
	}
	get guest_mode(): number {
		return this.word >> 17 & 1;
	}
	set guest_mode(x: number | boolean) {
		this.word = x ? this.word | 1 << 17 : this.word & ~(1 << 17);
	}
	get passthrough(): number {
		return this.word >> 18 & 1;
	}
	set passthrough(x: number | boolean) {
		this.word = x ? this.word | 1 << 18 : this.word & ~(1 << 18);
	}
	/** Of a TD's private memory: what secure EPT has, mirrored. */
	get is_private(): number {
		return this.word >> 19 & 1;
	}
	set is_private(x: number | boolean) {
		this.word = x ? this.word | 1 << 19 : this.word & ~(1 << 19);
	}
	/** At the top, so that the address space is one shift away. */
	get smm(): number {
		return this.word >>> 24;
	}
	set smm(x: number | boolean) {
		this.word = (this.word & 0xffffff) | Number(x) << 24;
	}
}

/**
 * C: union kvm_mmu_extended_role: what of the CPU's mode matters to the MMU, though not to its page
 * tables. A word that is not 0 (valid) once it was computed.
 */
export class kvm_mmu_extended_role {
	word: number;
	constructor(word = 0) {
		this.word = word;
	}
	get valid(): number {
		return this.word & 1;
	}
	set valid(x: number | boolean) {
		this.word = x ? this.word | 1 : this.word & ~1;
	}
	get execonly(): number {
		return this.word >> 1 & 1;
	}
	set execonly(x: number | boolean) {
		this.word = x ? this.word | 1 << 1 : this.word & ~(1 << 1);
	}
	get cr4_pse(): number {
		return this.word >> 2 & 1;
	}
	set cr4_pse(x: number | boolean) {
		this.word = x ? this.word | 1 << 2 : this.word & ~(1 << 2);
	}
	get cr4_pke(): number {
		return this.word >> 3 & 1;
	}
	set cr4_pke(x: number | boolean) {
		this.word = x ? this.word | 1 << 3 : this.word & ~(1 << 3);
	}
	get cr4_smap(): number {
		return this.word >> 4 & 1;
	}
	set cr4_smap(x: number | boolean) {
		this.word = x ? this.word | 1 << 4 : this.word & ~(1 << 4);
	}
	get cr4_smep(): number {
		return this.word >> 5 & 1;
	}
	set cr4_smep(x: number | boolean) {
		this.word = x ? this.word | 1 << 5 : this.word & ~(1 << 5);
	}
	get cr4_la57(): number {
		return this.word >> 6 & 1;
	}
	set cr4_la57(x: number | boolean) {
		this.word = x ? this.word | 1 << 6 : this.word & ~(1 << 6);
	}
	get efer_lma(): number {
		return this.word >> 7 & 1;
	}
	set efer_lma(x: number | boolean) {
		this.word = x ? this.word | 1 << 7 : this.word & ~(1 << 7);
	}
}

/** C: union kvm_cpu_role, 64 bits. */
export class kvm_cpu_role {
	readonly base = new kvm_mmu_page_role();
	readonly ext = new kvm_mmu_extended_role();
}

/** a.as_u64 == b.as_u64 */
export function kvm_cpu_role_eq(a: kvm_cpu_role, b: kvm_cpu_role): boolean {
	return a.base.word === b.base.word && a.ext.word === b.ext.word;
}

/** dst.as_u64 = src.as_u64 */
export function kvm_cpu_role_copy(dst: kvm_cpu_role, src: kvm_cpu_role): void {
	dst.base.word = src.base.word;
	dst.ext.word = src.ext.word;
}

/** Only named: shadow paging is left out, and with it whoever would fill one. */
export class struct_kvm_rmap_head {
	val = 0;
}

export class struct_kvm_pio_request {
	linear_rip = 0n;
	count = 0;
	in_ = 0;
	port = 0;
	size = 0;
}

/**
 * Bits that must be clear in an entry of each level, by its bit 7; what types and rights exclude.
 */
export class struct_rsvd_bits_validate {
	rsvd_bits_mask: u64_pair[][] = [
		new Array<u64_pair>(PT64_ROOT_MAX_LEVEL).fill(PAIR_ZERO),
		new Array<u64_pair>(PT64_ROOT_MAX_LEVEL).fill(PAIR_ZERO),
	];
	/** a bit for each value of bits 0 to 5 */
	bad_mt_xwr: u64_pair = PAIR_ZERO;
	/** Port-only: of a good entry for 4 KiB the low 12 bits, -1 for none, and the high half. */
	good_lo = -1;
	good_hi = 0;
}

/** KVM_MMU_ROOT_INFO_INVALID when made. */
export class struct_kvm_mmu_root_info {
	pgd: gpa_t = INVALID_PAGE as number as gpa_t;
	hpa: hpa_t = hpa_t(WIDE_0);
	/** Port-only: the page at page_hpa, which may be a former hpa; see root_to_sp(). */
	page: struct_page | null = null;
	page_hpa: hpa_t = hpa_t(WIDE_0);
	constructor() {
		this.hpa = INVALID_PAGE;
	}
}

/** *root = KVM_MMU_ROOT_INFO_INVALID */
export function kvm_mmu_root_info_invalidate(root: struct_kvm_mmu_root_info): void {
	root.pgd = INVALID_PAGE as number as gpa_t;
	root.hpa = INVALID_PAGE;
}

export const KVM_HAVE_MMU_RWLOCK = true;

/** A paging mode of the guest, and the tables that KVM translates its physical addresses with. */
export class struct_kvm_mmu {
	get_guest_pgd: ((vcpu: struct_kvm_vcpu) => number) | null = null;
	get_pdptr: ((vcpu: struct_kvm_vcpu, index: number) => bigint) | null = null;
	page_fault: ((vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault) => number) | null = null;
	inject_page_fault: ((vcpu: struct_kvm_vcpu, fault: struct_x86_exception) => void) | null =
		null;
	/** The address is a gva, or a gpa of a nested guest; @access: PFERR_* */
	gva_to_gpa: ((vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, gva_or_gpa: number,
		access: number, exception: struct_x86_exception | null) => gpa_t) | null = null;
	sync_page: ((vcpu: struct_kvm_vcpu, sp: struct_kvm_mmu_page) => number) | null = null;
	invlpg: ((vcpu: struct_kvm_vcpu, gva: gva_t, root_hpa: hpa_t) => void) | null = null;
	readonly root = new struct_kvm_mmu_root_info();
	/** A TD's second root, which no CPU loads; stays until the vCPU goes. */
	private_root_hpa: hpa_t = INVALID_PAGE;
	readonly cpu_role = new kvm_cpu_role();
	readonly root_role = new kvm_mmu_page_role();

	/** Two bits (AD, WD) for each error code [4:1], with RSVD replaced by the page's U bit. */
	pkru_mask = 0;

	prev_roots = array_of(KVM_MMU_NUM_PREV_ROOTS, () => new struct_kvm_mmu_root_info());

	/** Byte: error code [4:1]; bit: ACC_* of the entry; set: a permission fault. */
	permissions = new Uint8Array(16);

	/** of KVM's entries: the reserved bits, and those that KVM never sets */
	shadow_zero_check = new struct_rsvd_bits_validate();
	/** of the guest's */
	guest_rsvd_check = new struct_rsvd_bits_validate();

	/** PAE */
	pdptrs = new BigUint64Array(4);
}

export class struct_kvm_tlb_range {
	start_gfn = gfn_t(0);
	pages = 0;
}

export class struct_kvm_mtrr_range {
	base = 0n;
	mask = 0n;
	node = new struct_list_head(this);
}

export class struct_kvm_mtrr {
	var_ranges = array_of(KVM_NR_VAR_MTRR, () => new struct_kvm_mtrr_range());
	fixed_ranges = new Uint8Array(KVM_NR_FIXED_MTRR_REGION);
	deftype = 0n;

	head = new struct_list_head(null);
}

export class struct_kvm_queued_exception {
	pending = false;
	injected = false;
	has_error_code = false;
	nr = 0;
	error_code = 0;
	payload = 0n;
	has_payload = false;
	nested_apf = 0;
}

export class struct_kvm_queued_interrupt {
	injected = false;
	soft = false;
	nr = 0;
}

export class struct_kvm_vcpu_arch {
	/*
	 * by kvm_register_read(), kvm_rip_read() and their like only: what the vendor holds is
	 * fetched when first asked for
	 */
	regs = new BigUint64Array(NR_VCPU_REGS);
	regs_avail = 0;
	regs_dirty = 0;

	cr0 = WIDE_0;
	cr0_guest_owned_bits = 0;
	/* cr2: as halves, which move at each entry and exit */
	cr2_lo = 0;
	cr2_hi = 0;
	cr3: gpa_t = gpa_t(WIDE_0);
	cr4 = 0;
	cr4_guest_owned_bits = 0;
	cr4_guest_rsvd_bits = 0;
	cr8 = 0;
	host_pkru = 0;
	pkru = 0;
	hflags = 0;
	efer = 0;
	apic_base = 0n;
	/** null without an in-kernel irqchip */
	apic: struct_kvm_lapic | null = null;
	load_eoi_exitmap_pending = false;
	ioapic_handled_vectors = new Uint8Array(256 / 8);
	apic_attention = 0;
	apic_arb_prio = 0;
	mp_state = 0;
	ia32_misc_enable_msr = 0n;
	smbase = 0n;
	smi_count = 0n;
	at_instruction_boundary = false;

	/**
	 * Port-only: in the guest, whose turn is over. vcpu_run() yields, and calls the functions
	 * from vcpu_in_guest() to the one that entered anew; they go on behind the entry.
	 */
	in_guest = false;
	/** Port-only: exits left until vcpu_run() lets others run. */
	turn = 0;
	tpr_access_reporting = false;
	xsaves_enabled = false;
	xfd_no_write_intercept = false;
	ia32_xss = 0n;
	microcode_version = 0n;
	arch_capabilities = 0n;
	perf_capabilities = 0n;

	/** the one in use: root_mmu, as there are no nested guests */
	mmu: struct_kvm_mmu | null = null;

	root_mmu = new struct_kvm_mmu();

	/** what gva_to_gpa goes by */
	walk_mmu: struct_kvm_mmu | null = null;

	mmu_pte_list_desc_cache = new struct_kvm_mmu_memory_cache();
	mmu_shadow_page_cache = new struct_kvm_mmu_memory_cache();
	mmu_shadowed_info_cache = new struct_kvm_mmu_memory_cache();
	/** pages that become a TD's secure EPT */
	mmu_private_spt_cache = new struct_kvm_mmu_memory_cache();
	mmu_page_header_cache = new struct_kvm_mmu_memory_cache();

	guest_fpu = new struct_fpu_guest();

	xcr0 = 0;
	guest_supported_xcr0 = 0;

	pio = new struct_kvm_pio_request();
	/** the second page of the vCPU's mapping: bytes and page */
	pio_data: Uint8Array | null = null;
	pio_data_page: struct_page | null = null;
	/** port-only: struct kvm_run, for members that each KVM_RUN looks at */
	run_words: Int32Array | null = null;
	run_quads: BigUint64Array | null = null;

	event_exit_inst_len = 0;

	exception = new struct_kvm_queued_exception();
	interrupt = new struct_kvm_queued_interrupt();

	halt_request = 0;

	cpuid_nent = 0;
	cpuid_entries: struct_kvm_cpuid_entry2[] | null = null;
	kvm_cpuid_base = 0;

	/** bits of a gpa, in an entry of its page tables, that its CPU does not have */
	reserved_gpa_bits: u64_pair = PAIR_ZERO;
	maxphyaddr = 0;

	emulate_ctxt: struct_x86_emulate_ctxt | null = null;
	emulate_regs_need_sync_to_vcpu = false;
	emulate_regs_need_sync_from_vcpu = false;
	complete_userspace_io: ((vcpu: struct_kvm_vcpu) => number) | null = null;

	l1_tsc_offset = 0n;
	tsc_offset = 0n;
	last_guest_tsc = 0n;
	last_host_tsc = 0n;
	tsc_offset_adjustment = 0n;
	virtual_tsc_khz = 0;
	ia32_tsc_adjust_msr = 0n;
	msr_ia32_power_ctl = 0n;
	l1_tsc_scaling_ratio = 0n;
	tsc_scaling_ratio = 0n;

	/** asked for by others, not yet seen by the vCPU */
	nmi_queued = new atomic_t();
	nmi_pending = 0;
	nmi_injected = false;
	smi_pending = false;
	handling_intr_from_guest = 0;

	mtrr_state = new struct_kvm_mtrr();
	pat = 0n;

	switch_db_regs = 0;
	db = new BigUint64Array(KVM_NR_DB_REGS);
	dr6 = 0n;
	dr7 = 0n;
	eff_db = new BigUint64Array(KVM_NR_DB_REGS);
	guest_debug_dr7 = 0n;
	msr_platform_info = 0n;
	msr_misc_features_enables = 0n;

	mcg_cap = 0n;
	mcg_status = 0n;
	mcg_ctl = 0n;
	mcg_ext_ctl = 0n;
	mce_banks: bigint[] | null = null;
	mci_ctl2_banks: bigint[] | null = null;

	/* MMIO seen last: address, ACC_*, and the generation of memslots that it holds for */
	mmio_gva = 0;
	mmio_access = 0;
	mmio_gfn = gfn_t(0);
	mmio_gen = 0;

	singlestep_rip = 0n;

	wbinvd_dirty_mask = new struct_cpumask();

	last_retry_eip = 0n;
	last_retry_addr = 0n;

	/* the vCPU waits for pages that the host fetches meanwhile */
	apf = {
		halted: false,
		gfns: new Float64Array(ASYNC_PF_PER_VCPU),
		data: new struct_gfn_to_hva_cache(),
		msr_en_val: 0n,
		msr_int_val: 0n,
		vec: 0,
		id: 0,
		send_user_only: false,
		host_apf_flags: 0,
		pageready_pending: false,
	};

	/* AMD's list of errata that the system works around */
	osvw = {
		length: 0n,
		status: 0n,
	};

	pv_eoi = {
		msr_val: 0n,
		data: new struct_gfn_to_hva_cache(),
	};

	msr_kvm_poll_control = 0n;

	/** the write being emulated goes to the page tables it is translated by; never set here */
	write_fault_to_shadow_pgtable = false;

	/** of the EPT violation being handled */
	exit_qualification = WIDE_0;

	pv = {
		pv_unhalted: false,
	};

	pending_ioapic_eoi = 0;
	pending_external_vector = 0;

	/** by another task, while in its kernel (CPL 0) */
	preempted_in_kernel = false;

	/** CPU of the last attempt to enter */
	last_vmentry_cpu = 0;

	msr_hwcr = 0n;

	pv_cpuid = {
		/** EAX of leaf KVM_CPUID_FEATURES */
		features: 0,
		/** whether what is not in there does not exist */
		enforce: false,
	};

	guest_state_protected = false;

	/** by KVM_SET_SREGS2 rather than from the guest's memory */
	pdptrs_from_userspace = false;

	/** Port-only: the CPU the guest runs on, and what it runs. */
	guest: struct_guest_cpu | null = null;

	get cr2(): bigint {
		return pair_to_u64(pair(this.cr2_lo, this.cr2_hi));
	}

	set cr2(x: bigint) {
		({ lo: this.cr2_lo, hi: this.cr2_hi } = pair_from_u64(x));
	}
}

/*
 * Bit 31 of disallow_lpage: the large page has private and shared pages. The other bits are a
 * count, as before. @hunk 6:2
 */
export const KVM_LPAGE_PRIVATE_SHARED_MIXED	= 1 << 31;
export const KVM_LPAGE_COUNT_MAX		= 0x7fffffff;

/** Of each large page its disallow_lpage, which is all that C's struct kvm_lpage_info has. */
export type kvm_lpage_infos = Int32Array;

export class struct_kvm_arch_memory_slot {
	rmap = new Array<struct_kvm_rmap_head[] | null>(KVM_NR_PAGE_SIZES).fill(null);
	/** by level - PG_LEVEL_2M */
	lpage_info = new Array<kvm_lpage_infos | null>(KVM_NR_PAGE_SIZES - 1).fill(null);
	gfn_track = new Array<Uint16Array | null>(KVM_PAGE_TRACK_MAX).fill(null);
}

/** Port-only: `*dst = *src`, which copies pointers. */
export function kvm_arch_memory_slot_copy(dst: struct_kvm_arch_memory_slot,
	src: struct_kvm_arch_memory_slot): void {
	for (let i = 0; i < KVM_NR_PAGE_SIZES; i++)
		dst.rmap[i] = src.rmap[i]!;
	for (let i = 0; i < KVM_NR_PAGE_SIZES - 1; i++)
		dst.lpage_info[i] = src.lpage_info[i]!;
	for (let i = 0; i < KVM_PAGE_TRACK_MAX; i++)
		dst.gfn_track[i] = src.gfn_track[i]!;
}

export class struct_kvm_apic_map {
	rcu = new struct_rcu_head(this);
	mode = 0;
	max_apic_id = 0;
	/* one or the other, by mode */
	xapic_flat_map = new Array<struct_kvm_lapic | null>(8).fill(null);
	xapic_cluster_map = array_of(16, () => new Array<struct_kvm_lapic | null>(4).fill(null));
	/** max_apic_id + 1 */
	phys_map: (struct_kvm_lapic | null)[] = [];
}

export class struct_msr_bitmap_range {
	flags = 0;
	nmsrs = 0;
	base = 0;
	bitmap: Uint8Array | null = null;
}

export class struct_kvm_x86_msr_filter {
	count = 0;
	default_allow = false;
	ranges = array_of(16, () => new struct_msr_bitmap_range());
}

export class struct_kvm_arch {
	/** KVM_X86_*_VM */
	vm_type = 0;
	n_used_mmu_pages = 0;
	n_requested_mmu_pages = 0;
	n_max_mmu_pages = 0;
	indirect_shadow_pages = 0;
	mmu_valid_gen = 0;
	active_mmu_pages = new struct_list_head(null);
	zapped_obsolete_pages = new struct_list_head(null);
	lpage_disallowed_mmu_pages = new struct_list_head(null);
	mmu_sp_tracker = new struct_kvm_page_track_notifier_node();
	track_notifier_head = new struct_kvm_page_track_notifier_head();
	/** pages become unsync under it; TDP's faults hold mmu_lock for read only */
	mmu_unsync_pages_lock = new spinlock_t();

	noncoherent_dma_count = new atomic_t();
	assigned_device_count = new atomic_t();
	vapics_in_nmi_mode = new atomic_t();
	apic_map_lock = new struct_mutex();
	apic_map: struct_kvm_apic_map | null = null;
	apic_map_dirty = new atomic_t();

	/** apic_access_memslot_enabled and apicv_inhibit_reasons */
	apicv_update_lock = new struct_rw_semaphore();

	apic_access_memslot_enabled = false;
	/** bits APICV_INHIBIT_REASON_* */
	apicv_inhibit_reasons = 0;

	mwait_in_guest = false;
	hlt_in_guest = false;
	pause_in_guest = false;
	cstate_in_guest = false;

	irq_sources_bitmap = 0;

	tsc_write_lock = new raw_spinlock_t();
	last_tsc_nsec = 0n;
	last_tsc_write = 0n;
	last_tsc_khz = 0;
	last_tsc_offset = 0n;

	default_tsc_khz = 0;

	bsp_vcpu_id = 0;

	/** bits KVM_X86_QUIRK_* */
	disabled_quirks = 0;
	cpu_dirty_logging_count = 0;

	irqchip_mode: number = KVM_IRQCHIP_NONE;
	nr_reserved_ioapic_pins = 0;

	disabled_lapic_found = false;

	x2apic_format = false;
	x2apic_broadcast_quirk_disabled = false;

	guest_can_read_msr_platform_info = false;
	exception_payload_enabled = false;

	triple_fault_event = false;

	bus_lock_detection_enabled = false;
	enable_pmu = false;

	notify_window = 0;
	notify_vmexit_flags = 0n;
	/** an instruction that the emulator cannot do goes to user space */
	exit_on_emulation_error = false;

	/** MSR accesses that would be #GP and go to user space: bits KVM_MSR_EXIT_REASON_* */
	user_space_msr_mask = 0;
	msr_filter: struct_kvm_x86_msr_filter | null = null;

	hypercall_exit_enabled = 0;

	sgx_provisioning_allowed = false;

	nx_lpage_recovery_thread: struct_task_struct | null = null;

	/** the module parameter, as it was when the VM was made */
	tdp_mmu_enabled = false;

	/**
	 * struct kvm_mmu_page, those that are roots. Read: mmu_lock for read and RCU, or mmu_lock
	 * for write; changed: mmu_lock for read and tdp_mmu_pages_lock, or mmu_lock for write. A
	 * root leaves when its count has dropped to 0, and is freed after a grace period.
	 */
	tdp_mmu_roots = new struct_list_head(null);

	/** struct kvm_mmu_page, those that are not; their count stays 0 */
	tdp_mmu_pages = new struct_list_head(null);

	/**
	 * Where mmu_lock is held for read: tdp_mmu_roots, tdp_mmu_pages and the pages' link in
	 * them, lpage_disallowed_mmu_pages and their lpage_disallowed_link.
	 */
	tdp_mmu_pages_lock = new spinlock_t();
	tdp_mmu_zap_wq: struct_workqueue_struct | null = null;

	/** slots then need rmaps; never set here */
	shadow_root_allocated = false;

	/** The bit of a TD's gfns that says shared; 0: no TD. See kvm_is_private_gpa(). */
	gfn_shared_mask = 0;
	/** An entry that maps nothing: in a TD's tables it suppresses #VE. */
	shadow_nonpresent_value: u64_spte = PAIR_ZERO;
	/** Entries for MMIO have this in the bits of shadow_mmio_mask. */
	shadow_mmio_value: u64_spte = PAIR_ZERO;

	/** KVM_CAP_MAX_VCPU_ID: 0, or what vCPU IDs of this VM stay below */
	max_vcpu_ids = 0;

	disable_nx_huge_pages = false;

	/* for splitting huge pages ahead of faults; under slots_lock */
	split_shadow_page_cache = new struct_kvm_mmu_memory_cache();
	split_page_header_cache = new struct_kvm_mmu_memory_cache();
	split_desc_cache = new struct_kvm_mmu_memory_cache();
}

export class struct_kvm_vm_stat {
	generic = new struct_kvm_vm_stat_generic();
	mmu_shadow_zapped = 0;
	mmu_pte_write = 0;
	mmu_pde_zapped = 0;
	mmu_flooded = 0;
	mmu_recycled = 0;
	mmu_cache_miss = 0;
	mmu_unsync = 0;
	/** pages_4k, pages_2m, pages_1g: by level - PG_LEVEL_4K; C: atomic64_t */
	pages = new Int32Array(KVM_NR_PAGE_SIZES);
	nx_lpage_splits = 0;
	max_mmu_page_hash_collisions = 0;
	max_mmu_rmap_size = 0;
}

export class struct_kvm_vcpu_stat {
	generic = new struct_kvm_vcpu_stat_generic();
	pf_taken = 0;
	pf_fixed = 0;
	pf_emulate = 0;
	pf_spurious = 0;
	pf_fast = 0;
	pf_mmio_spte_created = 0;
	pf_guest = 0;
	tlb_flush = 0;
	invlpg = 0;

	exits = 0;
	io_exits = 0;
	mmio_exits = 0;
	signal_exits = 0;
	irq_window_exits = 0;
	nmi_window_exits = 0;
	l1d_flush = 0;
	halt_exits = 0;
	request_irq_exits = 0;
	irq_exits = 0;
	host_state_reload = 0;
	fpu_reload = 0;
	insn_emulation = 0;
	insn_emulation_fail = 0;
	hypercalls = 0;
	irq_injections = 0;
	nmi_injections = 0;
	req_event = 0;
	nested_run = 0;
	directed_yield_attempted = 0;
	directed_yield_successful = 0;
	preemption_reported = 0;
	preemption_other = 0;
	guest_mode = 0;
	notify_window_exits = 0;
}

export class struct_msr_data {
	host_initiated = false;
	index = 0;
	data = 0n;
}

export class struct_kvm_lapic_irq {
	vector = 0;
	delivery_mode = 0;
	dest_mode = 0;
	level = false;
	trig_mode = 0;
	shorthand = 0;
	dest_id = 0;
	msi_redir_hint = false;
}

export function kvm_lapic_irq_dest_mode(dest_mode_logical: boolean): number {
	return dest_mode_logical ? APIC_DEST_LOGICAL : APIC_DEST_PHYSICAL;
}

/*
 * What differs between VMX and SVM. Members typed `| null` are KVM_X86_OP_OPTIONAL: null and called
 * as static_call_cond() does, or left out by the caller, which then takes 0 for the answer.
 */
export interface struct_kvm_x86_ops {
	name: string;

	hardware_enable(): number;
	hardware_disable(): void;
	hardware_unsetup(): void;
	/** Types besides KVM_X86_DEFAULT_VM; null: none. */
	is_vm_type_supported: ((vm_type: number) => boolean) | null;
	has_emulated_msr(kvm: struct_kvm | null, index: number): boolean;
	vcpu_after_set_cpuid(vcpu: struct_kvm_vcpu): void;

	/** C: vm_size; the vendor's struct with struct kvm as its member */
	vm_class: new () => { kvm: struct_kvm };
	vm_init(kvm: struct_kvm): number;
	/** Ahead of zapping all a VM's memory. */
	flush_shadow_all_private: ((kvm: struct_kvm) => void) | null;
	vm_destroy: ((kvm: struct_kvm) => void) | null;
	/** With vCPUs and page tables gone. */
	vm_free: ((kvm: struct_kvm) => void) | null;

	vcpu_precreate: ((kvm: struct_kvm) => number) | null;
	vcpu_create(vcpu: struct_kvm_vcpu): number;
	vcpu_free(vcpu: struct_kvm_vcpu): void;
	vcpu_reset(vcpu: struct_kvm_vcpu, init_event: boolean): void;

	prepare_switch_to_guest(vcpu: struct_kvm_vcpu): void;
	vcpu_load(vcpu: struct_kvm_vcpu, cpu: number): void;
	vcpu_put(vcpu: struct_kvm_vcpu): void;

	update_exception_bitmap(vcpu: struct_kvm_vcpu): void;
	get_msr(vcpu: struct_kvm_vcpu, msr: struct_msr_data): number;
	set_msr(vcpu: struct_kvm_vcpu, msr: struct_msr_data): number;
	get_segment_base(vcpu: struct_kvm_vcpu, seg: number): bigint;
	get_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment, seg: number): void;
	get_cpl(vcpu: struct_kvm_vcpu): number;
	set_segment(vcpu: struct_kvm_vcpu, var_: struct_kvm_segment, seg: number): void;
	get_cs_db_l_bits(vcpu: struct_kvm_vcpu, db: ref<number>, l: ref<number>): void;
	set_cr0(vcpu: struct_kvm_vcpu, cr0: number): void;
	post_set_cr3: ((vcpu: struct_kvm_vcpu, cr3: number) => void) | null;
	is_valid_cr4(vcpu: struct_kvm_vcpu, cr4: number): boolean;
	set_cr4(vcpu: struct_kvm_vcpu, cr4: number): void;
	set_efer(vcpu: struct_kvm_vcpu, efer: number): number;
	get_idt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void;
	set_idt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void;
	get_gdt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void;
	set_gdt(vcpu: struct_kvm_vcpu, dt: struct_desc_ptr): void;
	sync_dirty_debug_regs(vcpu: struct_kvm_vcpu): void;
	set_dr7(vcpu: struct_kvm_vcpu, value: bigint): void;
	cache_reg(vcpu: struct_kvm_vcpu, reg: kvm_reg): void;
	get_rflags(vcpu: struct_kvm_vcpu): number;
	set_rflags(vcpu: struct_kvm_vcpu, rflags: number): void;
	get_if_flag(vcpu: struct_kvm_vcpu): boolean;

	flush_tlb_all(vcpu: struct_kvm_vcpu): void;
	flush_tlb_current(vcpu: struct_kvm_vcpu): void;
	tlb_remote_flush: ((kvm: struct_kvm) => number) | null;
	tlb_remote_flush_with_range:
		((kvm: struct_kvm, range: struct_kvm_tlb_range) => number) | null;

	/** What translates the gva, not what translates its gpa; the gva may be non-canonical. */
	flush_tlb_gva(vcpu: struct_kvm_vcpu, addr: gva_t): void;

	/** What the guest's tables made, not what KVM's did. */
	flush_tlb_guest(vcpu: struct_kvm_vcpu): void;

	vcpu_pre_run(vcpu: struct_kvm_vcpu): number;
	/** One turn of the guest: in_guest says whether it has left. */
	vcpu_run(vcpu: struct_kvm_vcpu): fastpath_t;
	handle_exit(vcpu: struct_kvm_vcpu, exit_fastpath: fastpath_t): number;
	skip_emulated_instruction(vcpu: struct_kvm_vcpu): number;
	update_emulated_instruction: ((vcpu: struct_kvm_vcpu) => void) | null;
	set_interrupt_shadow(vcpu: struct_kvm_vcpu, mask: number): void;
	get_interrupt_shadow(vcpu: struct_kvm_vcpu): number;
	/** Writes VMCALL or VMMCALL, three bytes. */
	patch_hypercall(vcpu: struct_kvm_vcpu, hypercall_addr: Uint8Array): void;
	inject_irq(vcpu: struct_kvm_vcpu, reinjected: boolean): void;
	inject_nmi(vcpu: struct_kvm_vcpu): void;
	queue_exception(vcpu: struct_kvm_vcpu): void;
	cancel_injection(vcpu: struct_kvm_vcpu): void;
	interrupt_allowed(vcpu: struct_kvm_vcpu, for_injection: boolean): number;
	nmi_allowed(vcpu: struct_kvm_vcpu, for_injection: boolean): number;
	get_nmi_mask(vcpu: struct_kvm_vcpu): boolean;
	set_nmi_mask(vcpu: struct_kvm_vcpu, masked: boolean): void;
	enable_nmi_window(vcpu: struct_kvm_vcpu): void;
	enable_irq_window(vcpu: struct_kvm_vcpu): void;
	update_cr8_intercept: ((vcpu: struct_kvm_vcpu, tpr: number, irr: number) => void) | null;
	check_apicv_inhibit_reasons(reason: kvm_apicv_inhibit): boolean;
	refresh_apicv_exec_ctrl(vcpu: struct_kvm_vcpu): void;
	hwapic_irr_update: ((vcpu: struct_kvm_vcpu, max_irr: number) => void) | null;
	hwapic_isr_update: ((isr: number) => void) | null;
	guest_apic_has_interrupt: ((vcpu: struct_kvm_vcpu) => boolean) | null;
	/** Of an APIC whose state KVM does not know. */
	protected_apic_has_interrupt: ((vcpu: struct_kvm_vcpu) => boolean) | null;
	load_eoi_exitmap: ((vcpu: struct_kvm_vcpu, eoi_exit_bitmap: Uint8Array) => void) | null;
	set_virtual_apic_mode: ((vcpu: struct_kvm_vcpu) => void) | null;
	set_apic_access_page_addr: ((vcpu: struct_kvm_vcpu) => void) | null;
	deliver_interrupt(apic: struct_kvm_lapic, delivery_mode: number, trig_mode: number,
		vector: number): void;
	sync_pir_to_irr: ((vcpu: struct_kvm_vcpu) => number) | null;
	set_tss_addr: ((kvm: struct_kvm, addr: number) => number) | null;
	set_identity_map_addr: ((kvm: struct_kvm, ident_addr: bigint) => number) | null;
	get_mt_mask: ((vcpu: struct_kvm_vcpu, gfn: gfn_t, is_mmio: boolean) => number) | null;

	load_mmu_pgd(vcpu: struct_kvm_vcpu, root_hpa: hpa_t, root_level: number): void;

	/*
	 * Private memory, for entries that appear (with mmu_lock held for read at least, and the
	 * entry frozen) and that go (for write). 0, or -errno: nothing has happened. @gfn without
	 * the shared bit; @level of the entry.
	 */
	link_private_spt: ((kvm: struct_kvm, gfn: gfn_t, level: number,
		private_spt: struct_page) => number) | null;
	/** The table below the entry; -errno: it stays the hardware's, never to be used again. */
	free_private_spt: ((kvm: struct_kvm, gfn: gfn_t, level: number,
		private_spt: struct_page) => number) | null;
	split_private_spt: ((kvm: struct_kvm, gfn: gfn_t, level: number,
		private_spt: struct_page) => number) | null;
	/** The table gives way to a large page; 0: the hook has seen to @private_spt. For write. */
	merge_private_spt: ((kvm: struct_kvm, gfn: gfn_t, level: number,
		private_spt: struct_page) => number) | null;
	set_private_spte: ((kvm: struct_kvm, gfn: gfn_t, level: number, pfn: kvm_pfn_t) => number) |
		null;
	/** No new translation of it is made ... */
	zap_private_spte: ((kvm: struct_kvm, gfn: gfn_t, level: number) => number) | null;
	/** ... and now all old ones are gone as well: the page is free. */
	remove_private_spte:
		((kvm: struct_kvm, gfn: gfn_t, level: number, pfn: kvm_pfn_t) => number) | null;

	has_wbinvd_exit(): boolean;

	get_l2_tsc_offset(vcpu: struct_kvm_vcpu): bigint;
	get_l2_tsc_multiplier(vcpu: struct_kvm_vcpu): bigint;
	write_tsc_offset(vcpu: struct_kvm_vcpu, offset: bigint): void;
	write_tsc_multiplier(vcpu: struct_kvm_vcpu, multiplier: bigint): void;

	/** For traces and error messages only. */
	get_exit_info(vcpu: struct_kvm_vcpu, reason: ref<number>, info1: ref<bigint>,
		info2: ref<bigint>, exit_int_info: ref<number>,
		exit_int_info_err_code: ref<number>): void;

	check_intercept(vcpu: struct_kvm_vcpu, info: struct_x86_instruction_info,
		stage: x86_intercept_stage, exception: struct_x86_exception): number;
	handle_exit_irqoff(vcpu: struct_kvm_vcpu): void;

	request_immediate_exit(vcpu: struct_kvm_vcpu): void;

	sched_in(vcpu: struct_kvm_vcpu, cpu: number): void;

	/** Entries of the CPU's own log of dirtied pages (VMX: PML); 0 without one. */
	cpu_dirty_log_size: number;
	update_cpu_dirty_logging: ((vcpu: struct_kvm_vcpu) => void) | null;

	vcpu_blocking: ((vcpu: struct_kvm_vcpu) => void) | null;
	vcpu_unblocking: ((vcpu: struct_kvm_vcpu) => void) | null;

	apicv_post_state_restore: ((vcpu: struct_kvm_vcpu) => void) | null;
	dy_apicv_has_pending_interrupt: ((vcpu: struct_kvm_vcpu) => boolean) | null;

	setup_mce(vcpu: struct_kvm_vcpu): void;

	dev_mem_enc_ioctl: ((argp: user_ptr) => number) | null;
	mem_enc_ioctl: ((kvm: struct_kvm, argp: user_ptr) => number) | null;
	vcpu_mem_enc_ioctl: ((vcpu: struct_kvm_vcpu, argp: user_ptr) => number) | null;
	mem_enc_register_region: ((kvm: struct_kvm, argp: struct_kvm_enc_region) => number) | null;
	mem_enc_unregister_region:
		((kvm: struct_kvm, argp: struct_kvm_enc_region) => number) | null;
	vm_copy_enc_context_from: ((kvm: struct_kvm, source_fd: number) => number) | null;
	vm_move_enc_context_from: ((kvm: struct_kvm, source_fd: number) => number) | null;
	guest_memory_reclaimed: ((kvm: struct_kvm) => void) | null;

	get_msr_feature(entry: struct_kvm_msr_entry): number;

	can_emulate_instruction(vcpu: struct_kvm_vcpu, emul_type: number, insn: Uint8Array | null,
		insn_len: number): boolean;

	apic_init_signal_blocked(vcpu: struct_kvm_vcpu): boolean;

	msr_filter_changed(vcpu: struct_kvm_vcpu): void;
	complete_emulated_msr(vcpu: struct_kvm_vcpu, err: number): number;

	vcpu_deliver_sipi_vector(vcpu: struct_kvm_vcpu, vector: number): void;

	vcpu_get_apicv_inhibit_reasons: ((vcpu: struct_kvm_vcpu) => number) | null;
}

export interface struct_kvm_x86_init_ops {
	cpu_has_kvm_support(): number;
	disabled_by_bios(): number;
	check_processor_compatibility(): number;
	hardware_setup(): number;

	runtime_ops: struct_kvm_x86_ops;
}

export class struct_kvm_arch_async_pf {
	token = 0;
	gfn = gfn_t(0);
	cr3 = 0;
	direct_map = false;
}

/** NULL if there is no memory. */
export function kvm_arch_alloc_vm(): struct_kvm | null {
	const obj = kzalloc<{ kvm: struct_kvm }, []>(kvm_x86_ops.vm_class, GFP_KERNEL_ACCOUNT);

	return obj === null ? null : obj.kvm;
}

export function kvm_arch_flush_remote_tlb(kvm: struct_kvm): number {
	if (kvm_x86_ops.tlb_remote_flush !== null && kvm_x86_ops.tlb_remote_flush(kvm) === 0)
		return 0;
	else
		return -ENOTSUPP;
}

export function kvm_arch_pmi_in_guest(vcpu: struct_kvm_vcpu | null): boolean {
	return vcpu !== null && vcpu.arch.handling_intr_from_guest !== 0;
}

export function kvm_set_apicv_inhibit(kvm: struct_kvm, reason: kvm_apicv_inhibit): void {
	kvm_set_or_clear_apicv_inhibit(kvm, reason, true);
}

export function kvm_clear_apicv_inhibit(kvm: struct_kvm, reason: kvm_apicv_inhibit): void {
	kvm_set_or_clear_apicv_inhibit(kvm, reason, false);
}

export function kvm_inject_gp(vcpu: struct_kvm_vcpu, error_code: number): void {
	kvm_queue_exception_e(vcpu, GP_VECTOR, error_code);
}

export function kvm_arch_vcpu_memslots_id(vcpu: struct_kvm_vcpu): number {
	return (vcpu.arch.hflags & HF_SMM_MASK) !== 0 ? 1 : 0;
}




export function kvm_memslots_for_spte_role(kvm: struct_kvm, role: kvm_mmu_page_role):
	struct_kvm_memslots {
	return __kvm_memslots(kvm, role.smm);
}

/** Fixed and lowest priority only. */
export function kvm_irq_is_postable(irq: struct_kvm_lapic_irq): boolean {
	return irq.delivery_mode === APIC_DM_FIXED || irq.delivery_mode === APIC_DM_LOWEST;
}

export function kvm_arch_vcpu_blocking(vcpu: struct_kvm_vcpu): void {
	if (kvm_x86_ops.vcpu_blocking !== null)
		kvm_x86_ops.vcpu_blocking(vcpu);
}

export function kvm_arch_vcpu_unblocking(vcpu: struct_kvm_vcpu): void {
	if (kvm_x86_ops.vcpu_unblocking !== null)
		kvm_x86_ops.vcpu_unblocking(vcpu);
}

export {
	kvm_arch_async_page_ready, kvm_configure_mmu, kvm_cpu_dirty_log_size,
	kvm_mmu_after_set_cpuid, kvm_mmu_change_mmu_pages, kvm_mmu_create, kvm_mmu_destroy,
	kvm_mmu_free_roots, kvm_mmu_init_vm, kvm_mmu_invalidate_gva, kvm_mmu_invalidate_mmio_sptes,
	kvm_mmu_invlpg, kvm_mmu_new_pgd, kvm_mmu_page_fault, kvm_mmu_reset_context,
	kvm_mmu_slot_leaf_clear_dirty, kvm_mmu_slot_remove_write_access,
	kvm_mmu_slot_try_split_huge_pages, kvm_mmu_try_split_huge_pages, kvm_mmu_uninit_vm,
	kvm_mmu_unprotect_page, kvm_mmu_vendor_module_exit, kvm_mmu_vendor_module_init,
	kvm_mmu_x86_module_init, kvm_mmu_zap_all, kvm_mmu_zap_collapsible_sptes, tdp_enabled,
} from "#arch/x86/kvm/mmu/mmu.ts";
export {
	__kvm_get_msr, __kvm_prepare_emulation_failure_exit, __kvm_request_immediate_exit,
	__kvm_set_or_clear_apicv_inhibit, __x86_set_memory_region, allow_smaller_maxphyaddr,
	enable_apicv, host_efer, kvm_apicv_activated, kvm_arch_async_page_not_present,
	kvm_arch_async_page_present, kvm_arch_async_page_present_queued,
	kvm_arch_can_dequeue_async_page_present, kvm_arch_free_vm, kvm_complete_insn_gp,
	kvm_emulate_ap_reset_hold, kvm_emulate_as_nop, kvm_emulate_halt,
	kvm_emulate_halt_noskip, kvm_emulate_hypercall, kvm_emulate_instruction,
	kvm_emulate_invd, kvm_emulate_monitor, kvm_emulate_mwait, kvm_emulate_rdmsr,
	kvm_emulate_wbinvd, kvm_emulate_wrmsr, kvm_emulate_xsetbv, kvm_enable_efer_bits,
	kvm_fast_pio, kvm_find_async_pf_gfn, kvm_get_cr8, kvm_get_dr, kvm_get_linear_rip,
	kvm_get_msr, kvm_get_msr_common, kvm_get_rflags, kvm_get_segment, kvm_handle_invalid_op,
	kvm_inject_emulated_page_fault, kvm_inject_nmi, kvm_inject_page_fault, kvm_is_linear_rip,
	kvm_lmsw, kvm_make_scan_ioapic_request, kvm_mmu_gva_to_gpa_fetch, kvm_mmu_gva_to_gpa_read,
	kvm_mmu_gva_to_gpa_system, kvm_mmu_gva_to_gpa_write, kvm_post_set_cr0, kvm_post_set_cr4,
	kvm_prepare_emulation_failure_exit, kvm_queue_exception, kvm_queue_exception_e,
	kvm_queue_exception_p, kvm_require_cpl, kvm_require_dr, kvm_requeue_exception,
	kvm_requeue_exception_e, kvm_set_cr0, kvm_set_cr3, kvm_set_cr4, kvm_set_cr8, kvm_set_dr,
	kvm_set_msr, kvm_set_msr_common, kvm_set_or_clear_apicv_inhibit, kvm_set_rflags,
	kvm_skip_emulated_instruction, kvm_update_dr7, kvm_valid_efer, kvm_vcpu_apicv_activated,
	kvm_vcpu_deliver_sipi_vector, kvm_vcpu_is_bsp, kvm_vcpu_is_reset_bsp, kvm_vcpu_reset,
	kvm_vcpu_update_apicv, kvm_x86_ops, memslot_rmap_alloc,
} from "#arch/x86/kvm/x86.ts";
export { kvm_emulate_cpuid } from "#arch/x86/kvm/cpuid.ts";
export { kvm_cpu_get_interrupt, kvm_cpu_has_extint, kvm_cpu_has_injectable_intr,
	kvm_cpu_has_interrupt } from "#arch/x86/kvm/irq.ts";

/* what linux/kvm_host.h has every architecture define */
export {
	kvm_age_gfn, kvm_arch_flush_remote_tlbs_memslot,
	kvm_arch_mmu_enable_log_dirty_pt_masked, kvm_set_spte_gfn, kvm_test_age_gfn,
	kvm_unmap_gfn_range,
} from "#arch/x86/kvm/mmu/mmu.ts";
export {
	kvm_arch_pre_update_mem_attr, kvm_arch_update_mem_attr,
	kvm_mmu_init_memslot_memory_attributes, kvm_zap_gfn_range,
} from "#arch/x86/kvm/mmu/mmu.ts";
export {
	kvm_arch_check_processor_compat, kvm_arch_commit_memory_region, kvm_arch_destroy_vm,
	kvm_arch_dev_ioctl, kvm_arch_dy_has_pending_interrupt, kvm_arch_dy_runnable,
	kvm_arch_end_assignment, kvm_arch_exit, kvm_arch_flush_shadow_all,
	kvm_arch_flush_shadow_memslot, kvm_arch_free_memslot,
	kvm_arch_guest_memory_reclaimed, kvm_arch_hardware_disable,
	kvm_arch_hardware_enable, kvm_arch_hardware_setup, kvm_arch_hardware_unsetup,
	kvm_arch_has_assigned_device, kvm_arch_has_noncoherent_dma, kvm_arch_init,
	kvm_arch_init_vm, kvm_arch_memslots_updated, kvm_arch_mmu_notifier_invalidate_range,
	kvm_arch_no_poll, kvm_arch_post_init_vm, kvm_arch_pre_destroy_vm,
	kvm_arch_prepare_memory_region, kvm_arch_register_noncoherent_dma,
	kvm_arch_sched_in, kvm_arch_start_assignment, kvm_arch_sync_dirty_log,
	kvm_arch_sync_events, kvm_arch_unregister_noncoherent_dma, kvm_arch_vcpu_create,
	kvm_arch_vcpu_destroy, kvm_arch_vcpu_fault, kvm_arch_vcpu_in_kernel,
	kvm_arch_vcpu_ioctl, kvm_arch_vcpu_ioctl_get_fpu, kvm_arch_vcpu_ioctl_get_mpstate,
	kvm_arch_vcpu_ioctl_get_regs, kvm_arch_vcpu_ioctl_get_sregs,
	kvm_arch_vcpu_ioctl_run, kvm_arch_vcpu_ioctl_set_fpu,
	kvm_arch_vcpu_ioctl_set_guest_debug, kvm_arch_vcpu_ioctl_set_mpstate,
	kvm_arch_vcpu_ioctl_set_regs, kvm_arch_vcpu_ioctl_set_sregs,
	kvm_arch_vcpu_ioctl_translate, kvm_arch_vcpu_load, kvm_arch_vcpu_postcreate,
	kvm_arch_vcpu_precreate, kvm_arch_vcpu_put, kvm_arch_vcpu_runnable,
	kvm_arch_vcpu_should_kick, kvm_arch_vm_ioctl, kvm_vcpu_stats_desc,
	kvm_vcpu_stats_header, kvm_vm_ioctl_check_extension, kvm_vm_ioctl_enable_cap,
	kvm_vm_ioctl_irq_line, kvm_vm_stats_desc, kvm_vm_stats_header,
} from "#arch/x86/kvm/x86.ts";
export {
	kvm_cpu_has_pending_timer,
} from "#arch/x86/kvm/irq.ts";
