// SPDX-License-Identifier: GPL-2.0
/*
 * What the parts of the MMU know of each other: shadow pages and page faults.
 *
 * Upstream: arch/x86/kvm/mmu/mmu_internal.h. Left out: debugging prints, PAE roots, what only
 * shadow pages of guest page tables have.
 */
import {
	gfn_t, gpa_t, type hpa_t, hva_t, kvm_pfn_t, type pfn_nr, type ref,
} from "#asm-generic/types.ts";
import { KVM_MAX_HUGEPAGE_LEVEL, kvm_mmu_page_role, kvm_x86_ops, PFERR_FETCH_MASK,
	PFERR_LEVEL_MASK, PFERR_LEVEL_START_BIT, PFERR_PRESENT_MASK, PFERR_RSVD_MASK,
	PFERR_USER_MASK, PFERR_WRITE_MASK, type struct_kvm_mmu_root_info } from "#asm/kvm_host.ts";
import { PAGE_SHIFT, PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { atomic_t } from "#linux/atomic.ts";
import { READ_ONCE } from "#linux/compiler.ts";
import type { struct_kvm, struct_kvm_memory_slot, struct_kvm_mmu_memory_cache, struct_kvm_vcpu }
	from "#linux/kvm_host.ts";
import { struct_hlist_node, struct_list_head } from "#linux/list.ts";
import { pfn_to_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { struct_rcu_head } from "#linux/rcupdate_types.ts";
import { refcount_t } from "#linux/refcount.ts";
import { struct_work_struct } from "#linux/workqueue_types.ts";
import { kvm_tdp_page_fault, nx_huge_pages } from "#arch/x86/kvm/mmu/mmu.ts";
import { kvm_private_mem_get_pfn as __kvm_private_mem_get_pfn,
	kvm_private_mem_put_pfn as __kvm_private_mem_put_pfn } from "#linux/kvm_host.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM } from "#generated/autoconf.ts";
import { EOPNOTSUPP } from "#linux/errno.ts";
import { kvm_gfn_to_private, kvm_gfn_to_shared, kvm_is_private_gpa } from
	"#arch/x86/kvm/mmu.h.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";

/* the same for guest and shadow entries; the base address mask always spans bits 12 to 51 */
export function __PT_LEVEL_SHIFT(level: number, bits_per_level: number): number {
	return PAGE_SHIFT + (level - 1) * bits_per_level;
}

/** @address may be any guest address: a linear one is a signed number. */
export function __PT_INDEX(address: number, level: number, bits_per_level: number): number {
	return Math.floor(address / 2 ** __PT_LEVEL_SHIFT(level, bits_per_level)) &
		((1 << bits_per_level) - 1);
}

export function __PT_ENT_PER_PAGE(bits_per_level: number): number {
	return 1 << bits_per_level;
}

/** C: a pointer that RCU protects. Physical address of the entry / 8. */
export type tdp_ptep_t = number;
export type sptep_t = number;

/*
 * A page of KVM's page tables. Life of one of the TDP MMU: made from the vCPU's caches, linked
 * into a parent (or, a root, into kvm->arch.tdp_mmu_roots with a count), unlinked, and freed after
 * a grace period.
 */
export class struct_kvm_mmu_page {
	link = new struct_list_head(this);
	hash_link = new struct_hlist_node(this);

	tdp_mmu_page = false;
	unsync = false;
	mmu_valid_gen = 0;
	/** no large page may take its place: instruction fetches need small ones */
	lpage_disallowed = false;

	/* these two are the key in the hash table */
	readonly role = new kvm_mmu_page_role();
	gfn: gfn_t = gfn_t(0);

	/** The table itself, as the address of its first entry. */
	spt: sptep_t = 0;
	/** Port-only: the page that spt lies in. */
	spt_page: struct_page | null = null;
	/** A TD's private table: the page that secure EPT has in this one's place. */
	private_spt: struct_page | null = null;

	/* C: a union; how many MMUs use it as their root */
	root_count = 0;
	tdp_mmu_root_count = new refcount_t();
	unsync_children = 0;
	/** The entry that points here; 0 is NULL. C: in a union with parent_ptes. */
	ptep: tdp_ptep_t = 0;
	tdp_mmu_async_work = new struct_work_struct(this);
	tdp_mmu_async_data: struct_kvm | null = null;

	lpage_disallowed_link = new struct_list_head(this);

	/** Writes since a walk last came by. */
	write_flooding_count = new atomic_t();

	/** A page of the TDP MMU is freed after a grace period. */
	rcu_head = new struct_rcu_head(this);
}

export { mmu_page_header_cache } from "#arch/x86/kvm/mmu/mmu.ts";

/** Port-only: set_page_private(virt_to_page(sp->spt), sp), and the pointer to the table. */
export function kvm_mmu_page_set_spt(sp: struct_kvm_mmu_page, page: struct_page): void {
	sp.spt = page.pfn * 512;
	sp.spt_page = page;
	page.pt_private = sp;
}

/* frame numbers have 31 bits, and a product costs less than a quotient */
const INV_PAGE		= 1 / 4096;
const INV_ENTRIES	= 1 / 512;

export function to_shadow_page(shadow_page: hpa_t): struct_kvm_mmu_page | null {
	return pfn_to_page((shadow_page * INV_PAGE | 0) as pfn_nr).pt_private as
		struct_kvm_mmu_page | null;
}

/** Port-only: to_shadow_page(root->hpa), with the page looked up once. */
export function root_to_sp(root: struct_kvm_mmu_root_info): struct_kvm_mmu_page | null {
	if (root.page_hpa !== root.hpa) {
		root.page = pfn_to_page((root.hpa * INV_PAGE | 0) as pfn_nr);
		root.page_hpa = root.hpa;
	}
	return root.page!.pt_private as struct_kvm_mmu_page | null;
}

/** C: __pa(sp->spt) */
export function kvm_mmu_page_pa(sp: struct_kvm_mmu_page): hpa_t {
	return sp.spt * 8 as hpa_t;
}

export function sptep_to_sp(sptep: sptep_t): struct_kvm_mmu_page {
	const pfn = sptep <= 0x7fffffff ? sptep >> 9 : sptep * INV_ENTRIES | 0;

	return pfn_to_page(pfn as pfn_nr).pt_private as struct_kvm_mmu_page;
}

export function is_private_sp(sp: struct_kvm_mmu_page): boolean {
	return sp.role.is_private !== 0;
}

/** @gfn as the tables below @root have it. */
export function kvm_gfn_for_root(kvm: struct_kvm, root: struct_kvm_mmu_page, gfn: gfn_t): gfn_t {
	const mask = kvm.arch.gfn_shared_mask;

	if (mask === 0)
		return gfn;
	return is_private_sp(root) ? kvm_gfn_to_private(kvm, gfn) : kvm_gfn_to_shared(kvm, gfn);
}

export function kvm_mmu_role_as_id(role: kvm_mmu_page_role): number {
	return role.smm !== 0 ? 1 : 0;
}

export function kvm_mmu_page_as_id(sp: struct_kvm_mmu_page): number {
	return kvm_mmu_role_as_id(sp.role);
}

/** The CPU's dirty log would name addresses of a nested guest: their writes are caught. */
export function kvm_mmu_page_ad_need_write_protect(sp: struct_kvm_mmu_page): boolean {
	return kvm_x86_ops.cpu_dirty_log_size !== 0 && sp.role.guest_mode !== 0;
}

export { mmu_try_to_unsync_pages } from "#arch/x86/kvm/mmu/mmu.ts";

export { kvm_mmu_gfn_disallow_lpage, kvm_mmu_gfn_allow_lpage, kvm_mmu_slot_gfn_write_protect,
	kvm_flush_remote_tlbs_with_address } from "#arch/x86/kvm/mmu/mmu.ts";

export { nx_huge_pages } from "#arch/x86/kvm/mmu/mmu.ts";
export function is_nx_huge_page_enabled(kvm: struct_kvm): boolean {
	return READ_ONCE(nx_huge_pages) !== 0 && !kvm.arch.disable_nx_huge_pages;
}

export class struct_kvm_page_fault {
	/* arguments to kvm_mmu_do_page_fault.  */
	addr: gpa_t = gpa_t(0);
	error_code = 0;
	prefetch = false;

	/* Derived from error_code.  */
	exec = false;
	write = false;
	present = false;
	rsvd = false;
	user = false;

	/* What the MMU in use and the modules make of it. */
	is_tdp = false;
	/** The guest means private memory; set by the architecture. @hunk 7:1 */
	is_private = false;
	nx_huge_page_workaround_enabled = false;

	/** Small pages only, as instruction fetches may not go through large ones. */
	huge_page_disallowed = false;

	/** Largest page that may be made; input to kvm_tdp_mmu_map(). */
	max_level = KVM_MAX_HUGEPAGE_LEVEL;

	/** max_level, lowered to what the host maps. */
	req_level = PG_LEVEL_4K;

	/** What will be made: req_level, lowered by huge_page_disallowed. */
	goal_level = PG_LEVEL_4K;

	/** Of addr; behind the guest's own tables, where addr is a gva. */
	gfn: gfn_t = gfn_t(0);

	/** That of gfn, if there is one. */
	slot: struct_kvm_memory_slot | null = null;

	/* Outputs of kvm_faultin_pfn.  */
	pfn: kvm_pfn_t = kvm_pfn_t(0);
	hva: hva_t = hva_t(0);
	map_writable = false;
}

/** C: the initializer in kvm_mmu_do_page_fault(). @fault may have been another's. */
export function kvm_page_fault_init(fault: struct_kvm_page_fault, addr: gpa_t, error_code: number,
	prefetch: boolean, is_tdp: boolean, nx_huge_page_workaround_enabled: boolean): void {
	fault.addr = addr;
	fault.error_code = error_code;
	fault.prefetch = prefetch;
	fault.exec = (error_code & PFERR_FETCH_MASK) !== 0;
	fault.write = (error_code & PFERR_WRITE_MASK) !== 0;
	fault.present = (error_code & PFERR_PRESENT_MASK) !== 0;
	fault.rsvd = (error_code & PFERR_RSVD_MASK) !== 0;
	fault.user = (error_code & PFERR_USER_MASK) !== 0;
	fault.is_tdp = is_tdp;
	fault.is_private = false;
	fault.nx_huge_page_workaround_enabled = nx_huge_page_workaround_enabled;
	fault.huge_page_disallowed = false;
	fault.max_level = KVM_MAX_HUGEPAGE_LEVEL;
	fault.req_level = PG_LEVEL_4K;
	fault.goal_level = PG_LEVEL_4K;
	fault.gfn = gfn_t(0);
	fault.slot = null;
	fault.pfn = kvm_pfn_t(0);
	fault.hva = hva_t(0);
	fault.map_writable = false;
}

/* C has it on the stack. Of a constant V8 knows the fields. */
const outer_fault = new struct_kvm_page_fault();
let outer_fault_busy = false;

export { kvm_tdp_page_fault } from "#arch/x86/kvm/mmu/mmu.ts";

/*
 * What handle_mmio_page_fault(), mmu.page_fault(), fast_page_fault() and kvm_mmu_do_page_fault()
 * answer:
 *
 * RET_PF_CONTINUE: nothing decided yet, go on.
 * RET_PF_RETRY: let the CPU fault again.
 * RET_PF_EMULATE: an access to MMIO; emulate the instruction.
 * RET_PF_INVALID: the entry is of no use; the full path has to make a new one.
 * RET_PF_USER: userspace has to deal with it. @hunk 7:2
 * RET_PF_FIXED: the entry is in order now.
 * RET_PF_SPURIOUS: it was in order before, another vCPU may have seen to it.
 *
 * Each is known to the tracepoints too: TRACE_DEFINE_ENUM() in mmutrace.h.ts. None is negative, so
 * that an errno can stand in its place.
 */
export const RET_PF_CONTINUE	= 0;
export const RET_PF_RETRY	= 1;
export const RET_PF_EMULATE	= 2;
export const RET_PF_INVALID	= 3;
export const RET_PF_USER	= 4;	/* @hunk 7:3 */
export const RET_PF_FIXED	= 5;
export const RET_PF_SPURIOUS	= 6;

export function kvm_mmu_do_page_fault(vcpu: struct_kvm_vcpu, cr2_or_gpa: gpa_t, err: number,
	prefetch: boolean): number {
	if (outer_fault_busy === true)
		return __kvm_mmu_do_page_fault(vcpu, cr2_or_gpa, err, prefetch,
			new struct_kvm_page_fault());

	outer_fault_busy = true;
	const r = __kvm_mmu_do_page_fault(vcpu, cr2_or_gpa, err, prefetch, outer_fault);
	outer_fault_busy = false;
	return r;
}

function __kvm_mmu_do_page_fault(vcpu: struct_kvm_vcpu, cr2_or_gpa: gpa_t, err: number,
	prefetch: boolean, fault: struct_kvm_page_fault): number {
	const mmu = vcpu.arch.mmu!;

	kvm_page_fault_init(fault, cr2_or_gpa, err, prefetch,
		mmu.page_fault === kvm_tdp_page_fault, is_nx_huge_page_enabled(vcpu.kvm));

	/* an async fault was counted when it was met first */
	if (!prefetch)
		vcpu.stat.pf_taken++;

	fault.is_private = kvm_is_private_gpa(vcpu.kvm, cr2_or_gpa);
	if ((err & PFERR_LEVEL_MASK) !== 0)
		fault.max_level = Math.min((err & PFERR_LEVEL_MASK) >>> PFERR_LEVEL_START_BIT,
			fault.max_level);

	const r = mmu.page_fault!(vcpu, fault);

	/* likewise it is spurious to nobody, and never emulated; what it mends does count */
	if (r === RET_PF_FIXED)
		vcpu.stat.pf_fixed++;
	else if (prefetch)
		return r;
	else if (r === RET_PF_EMULATE)
		vcpu.stat.pf_emulate++;
	else if (r === RET_PF_SPURIOUS)
		vcpu.stat.pf_spurious++;
	return r;
}

export { kvm_mmu_max_mapping_level, kvm_mmu_hugepage_adjust, disallowed_hugepage_adjust } from
	"#arch/x86/kvm/mmu/mmu.ts";

/* declared, and defined nowhere, as upstream */
export declare function mmu_memory_cache_alloc(mc: struct_kvm_mmu_memory_cache): object;

export { account_huge_nx_page, unaccount_huge_nx_page } from "#arch/x86/kvm/mmu/mmu.ts";

/* without CONFIG_HAVE_KVM_PRIVATE_MEM nobody may come here. @hunk 7:4 */
export function kvm_private_mem_get_pfn(slot: struct_kvm_memory_slot, gfn: gfn_t,
	pfn: ref<kvm_pfn_t>, order: ref<number>): number {
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		return __kvm_private_mem_get_pfn(slot, gfn, pfn, order);
	WARN_ON_ONCE(true);
	return -EOPNOTSUPP;
}

export function kvm_private_mem_put_pfn(slot: struct_kvm_memory_slot, pfn: kvm_pfn_t): void {
	if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		__kvm_private_mem_put_pfn(slot, pfn);
	else
		WARN_ON_ONCE(true);
}
