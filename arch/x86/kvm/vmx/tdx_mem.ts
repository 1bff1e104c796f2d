// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's memory: what the TDP MMU's private tables ask of the TDX module.
 *
 * Upstream: arch/x86/kvm/vmx/tdx.c of the TDX branch, its functions tdx_sept_*(), tdx_track() and
 * reclaiming. An entry's way out: TDH.MEM.RANGE.BLOCK, so that nobody translates by it any more; a
 * kick of all vCPUs and TDH.MEM.TRACK, so that nobody has a translation; TDH.MEM.PAGE.REMOVE; its
 * lines out of the caches; zeros by MOVDIR64B; and the page is the host's. With the KeyID gone
 * nobody translates at all: TDH.PHYMEM.PAGE.RECLAIM.
 */
import { gpa_t, hpa_t, kvm_pfn_t, pfn_nr, type gfn_t } from "#asm-generic/types.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { EAGAIN, EIO, ENOTSUPP } from "#linux/errno.ts";
import { free_page } from "#linux/gfp.ts";
import { KVM_BUG_ON, KVM_REQ_TLB_FLUSH, kvm_make_all_cpus_request, type struct_kvm,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { get_page, page_to_pfn, pfn_to_page, put_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { pr_err } from "#linux/printk.ts";
import { KVM_PAGES_PER_HPAGE, VALID_PAGE } from "#asm/kvm_host.ts";
import { page_to_phys, PAGE_SIZE } from "#asm/page.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { cpu_relax } from "#asm/processor.ts";
import { clear_on_drop, tdx_clear_page, tdx_page_leak, tdx_rax, TDX_EPT_INVALID_PROMOTE_CONDITIONS,
	TDX_FATAL, TDX_GPA_RANGE_ALREADY_BLOCKED, TDX_INTERRUPTED_RESTARTABLE, TDX_TD_FATAL } from
	"#asm/tdx.ts";
import { is_hkid_assigned, is_td, TD_VMCS_SHARED_EPT_POINTER, tdx_busy, tdx_failed, to_kvm_tdx,
	to_tdx, type struct_kvm_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";
import * as ops from "#arch/x86/kvm/vmx/tdx_ops.h.ts";
import { construct_eptp, ept_sync_context } from "#arch/x86/kvm/vmx/vmx.h.ts";

const gfn_to_gpa = (gfn: gfn_t): gpa_t => gpa_t(gfn * PAGE_SIZE);
/** The module counts levels from 0. */
const pg_level_to_tdx_sept_level = (level: number): number => level - PG_LEVEL_4K;
const tdr_pa = (kvm_tdx: struct_kvm_tdx): hpa_t => page_to_phys(kvm_tdx.tdr!);


export function pr_tdx_error(name: string, code: number): void {
	pr_err("kvm: tdx: %s failed: 0x%llx (0x%x)\n", name, tdx_rax(ops.tdx_out), code);
}

/** Not KVM's fault: another vCPU of the TD has met a machine check. */
const td_gone = (code: number): boolean => code === TDX_TD_FATAL || (code & TDX_FATAL) !== 0;

/* Appearing. */

/** arch/x86/kvm/vmx/tdx.c:tdx_measure_page() */
function tdx_measure_page(kvm: struct_kvm, gpa: gpa_t): void {
	const TDX_EXTENDMR_CHUNKSIZE = 256;
	const tdr = tdr_pa(to_kvm_tdx(kvm));

	for (let i = 0; i < PAGE_SIZE; i += TDX_EXTENDMR_CHUNKSIZE) {
		let err;
		do {
			err = ops.tdh_mr_extend(tdr, gpa_t(gpa + i));
		} while (tdx_busy(err));
		if (KVM_BUG_ON(tdx_failed(err), kvm)) {
			pr_tdx_error("TDH_MR_EXTEND", err);
			break;
		}
	}
}

/* as long as the TD has the page nobody migrates it, nor gives it to anybody else */
function tdx_pin(pfn: kvm_pfn_t, level: number): void {
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		get_page(pfn_to_page(pfn_nr(pfn + i)));
}

function tdx_unpin(pfn: kvm_pfn_t, level: number): void {
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		put_page(pfn_to_page(pfn_nr(pfn + i)));
}

/** Before the TD is finalized its contents come from user space, page by page. */
function tdx_mem_page_add(kvm: struct_kvm, gpa: gpa_t, pfn: kvm_pfn_t): number {
	const kvm_tdx = to_kvm_tdx(kvm), { source, measure } = kvm_tdx;
	let err;

	if (KVM_BUG_ON(source === null, kvm))
		return -EIO;
	kvm_tdx.source = null;
	do {
		err = ops.tdh_mem_page_add(tdr_pa(kvm_tdx), gpa, hpa_t(pfn * PAGE_SIZE),
			page_to_phys(source!));
	} while (tdx_busy(err));
	if (KVM_BUG_ON(tdx_failed(err), kvm)) {
		pr_tdx_error("TDH_MEM_PAGE_ADD", err);
		return -EIO;
	}
	if (measure)
		tdx_measure_page(kvm, gpa);
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_set_private_spte() */
export function tdx_sept_set_private_spte(kvm: struct_kvm, gfn: gfn_t, level: number,
	pfn: kvm_pfn_t): number {
	const kvm_tdx = to_kvm_tdx(kvm), gpa = gfn_to_gpa(gfn);
	let ret = 0;

	tdx_pin(pfn, level);
	if (kvm_tdx.finalized) {
		const err = ops.tdh_mem_page_aug(tdr_pa(kvm_tdx), gpa,
			pg_level_to_tdx_sept_level(level), hpa_t(pfn * PAGE_SIZE));
		if (tdx_busy(err)) {
			ret = -EAGAIN;
		} else if (tdx_failed(err)) {
			ret = -EIO;
			if (!td_gone(err)) {
				pr_tdx_error("TDH_MEM_PAGE_AUG", err);
				KVM_BUG_ON(true, kvm);
			}
		}
	} else {
		/* TDH.MEM.PAGE.ADD knows small pages only */
		ret = KVM_BUG_ON(level !== PG_LEVEL_4K, kvm) ? -EIO :
			tdx_mem_page_add(kvm, gpa, pfn);
	}
	if (ret !== 0)
		tdx_unpin(pfn, level);
	return ret;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_link_private_spt() */
export function tdx_sept_link_private_spt(kvm: struct_kvm, gfn: gfn_t, level: number,
	private_spt: struct_page): number {
	const err = ops.tdh_mem_sept_add(tdr_pa(to_kvm_tdx(kvm)), gfn_to_gpa(gfn),
		pg_level_to_tdx_sept_level(level), page_to_phys(private_spt));

	if (tdx_busy(err))
		return -EAGAIN;
	if (!tdx_failed(err))
		return 0;
	if (!td_gone(err)) {
		pr_tdx_error("TDH_MEM_SEPT_ADD", err);
		KVM_BUG_ON(true, kvm);
	}
	return -EIO;
}

/* Going. */

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_zap_private_spte() */
export function tdx_sept_zap_private_spte(kvm: struct_kvm, gfn: gfn_t, level: number): number {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err;

	/* nobody translates any more */
	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx.lost)
		return 0;
	do {
		err = ops.tdh_mem_range_block(tdr_pa(kvm_tdx), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level));
	} while (tdx_busy(err));
	if (td_gone(err))
		return 0;
	if (KVM_BUG_ON(tdx_failed(err), kvm)) {
		pr_tdx_error("TDH_MEM_RANGE_BLOCK", err);
		return -EIO;
	}
	/* and if it was already, nobody has translated by it since */
	if (err !== TDX_GPA_RANGE_ALREADY_BLOCKED)
		kvm_tdx.has_range_blocked = true;
	return 0;
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_track(): every vCPU that was in the guest leaves it, and forgets what
 * it knew of the TD's tables before it enters again.
 */
export function tdx_track(kvm: struct_kvm): void {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err;

	/* nothing runs before, nor after */
	if (!kvm_tdx.finalized || !is_hkid_assigned(kvm_tdx) || !kvm_tdx.has_range_blocked)
		return;
	kvm_tdx.has_range_blocked = false;
	kvm_tdx.tdh_mem_track++;
	do {
		kvm_make_all_cpus_request(kvm, KVM_REQ_TLB_FLUSH);
		err = ops.tdh_mem_track(tdr_pa(kvm_tdx));
	} while (tdx_busy(err));
	kvm_tdx.tdh_mem_track--;
	if (tdx_failed(err) && !td_gone(err)) {
		pr_tdx_error("TDH_MEM_TRACK", err);
		KVM_BUG_ON(true, kvm);
	}
}

/** What the TD had is on the page no more: zeros, and the host's. */
function tdx_clean_page(page: struct_page): void {
	if (clear_on_drop)
		tdx_clear_page(page);
}

/** One page of 4 KiB, removed from the TD; false if its lines may still be in a cache. */
function tdx_flush_page(kvm: struct_kvm, page: struct_page): boolean {
	const pa = ops.set_hkid_to_hpa(page_to_phys(page), to_kvm_tdx(kvm).hkid);
	let err;

	do {
		err = ops.tdh_phymem_page_wbinvd(pa);
	} while (tdx_busy(err));
	if (!tdx_failed(err))
		return true;
	pr_tdx_error("TDH_PHYMEM_PAGE_WBINVD", err);
	tdx_page_leak(page);
	return false;
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_reclaim_page(): a page of whatever kind, or a large one, of a TD that
 * has no KeyID any more.
 */
export function tdx_reclaim_page(page: struct_page, level: number): number {
	let err;

	do {
		err = ops.tdh_phymem_page_reclaim(page_to_phys(page));
	} while (tdx_busy(err));
	if (WARN_ON_ONCE(tdx_failed(err))) {
		pr_tdx_error("TDH_PHYMEM_PAGE_RECLAIM", err);
		return -EIO;
	}
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		tdx_clean_page(i === 0 ? page : pfn_to_page(pfn_nr(page.pfn + i)));
	return 0;
}

/** What the module had of the kernel's: reclaimed, and free; or lost. */
export function tdx_clear_and_free_page(page: struct_page): void {
	if (tdx_reclaim_page(page, PG_LEVEL_4K) === 0)
		free_page(page);
	else
		tdx_page_leak(page);
}

function leak_pages(pfn: kvm_pfn_t, level: number): void {
	/* the pin stays */
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		tdx_page_leak(pfn_to_page(pfn_nr(pfn + i)));
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_drop_private_spte(), with the TD alive. */
function tdx_sept_drop_private_spte(kvm: struct_kvm, gfn: gfn_t, level: number, pfn: kvm_pfn_t):
	number {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err;

	tdx_track(kvm);
	do {
		err = ops.tdh_mem_page_remove(tdr_pa(kvm_tdx), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level));
	} while (tdx_busy(err));
	if (td_gone(err)) {
		/* until it has no KeyID; see tdx_late_reclaim() */
		kvm_tdx.late.push({ pfn, level });
		return 0;
	}
	if (KVM_BUG_ON(tdx_failed(err), kvm)) {
		pr_tdx_error("TDH_MEM_PAGE_REMOVE", err);
		leak_pages(pfn, level);
		return -EIO;
	}
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		const page = pfn_to_page(pfn_nr(pfn + i));
		if (!tdx_flush_page(kvm, page))
			continue;
		tdx_clean_page(page);
		put_page(page);
	}
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_remove_private_spte() */
export function tdx_sept_remove_private_spte(kvm: struct_kvm, gfn: gfn_t, level: number,
	pfn: kvm_pfn_t): number {
	const kvm_tdx = to_kvm_tdx(kvm);

	if (kvm_tdx.lost) {
		leak_pages(pfn, level);
		return 0;
	}
	if (is_hkid_assigned(kvm_tdx))
		return tdx_sept_drop_private_spte(kvm, gfn, level, pfn);
	return tdx_reclaim_private(kvm, pfn, level);
}

function tdx_reclaim_private(kvm: struct_kvm, pfn: kvm_pfn_t, level: number): number {
	const err = tdx_reclaim_page(pfn_to_page(pfn_nr(pfn)), level);

	if (KVM_BUG_ON(err !== 0, kvm)) {
		leak_pages(pfn, level);
		return err;
	}
	tdx_unpin(pfn, level);
	return 0;
}

/**
 * A TD that has met a machine check gives no page back while it has a KeyID: those that were taken
 * from it meanwhile wait for its end.
 */
export function tdx_late_reclaim(kvm: struct_kvm): void {
	const kvm_tdx = to_kvm_tdx(kvm);

	for (const { pfn, level } of kvm_tdx.late.splice(0)) {
		if (kvm_tdx.lost)
			leak_pages(pfn, level);
		else
			tdx_reclaim_private(kvm, pfn, level);
	}
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_split_private_spt() */
export function tdx_sept_split_private_spt(kvm: struct_kvm, gfn: gfn_t, level: number,
	private_spt: struct_page): number {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err = tdx_sept_zap_private_spte(kvm, gfn, level);

	if (err !== 0)
		return err;
	tdx_track(kvm);
	do {
		err = ops.tdh_mem_page_demote(tdr_pa(kvm_tdx), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level), page_to_phys(private_spt));
	} while (tdx_busy(err) || err === TDX_INTERRUPTED_RESTARTABLE);
	if (!tdx_failed(err))
		return 0;
	if (!td_gone(err)) {
		pr_tdx_error("TDH_MEM_PAGE_DEMOTE", err);
		KVM_BUG_ON(true, kvm);
	}
	return -EIO;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_unzap_private_spte(): what was blocked is not, after all. */
function tdx_sept_unzap_private_spte(kvm: struct_kvm, gfn: gfn_t, level: number): void {
	let err;

	do {
		err = ops.tdh_mem_range_unblock(tdr_pa(to_kvm_tdx(kvm)), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level));
	} while (tdx_busy(err));
	if (tdx_failed(err) && !td_gone(err)) {
		pr_tdx_error("TDH_MEM_RANGE_UNBLOCK", err);
		KVM_BUG_ON(true, kvm);
	}
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_sept_merge_private_spt(): -EAGAIN if some pages are accepted
 * and some are not.
 */
export function tdx_sept_merge_private_spt(kvm: struct_kvm, gfn: gfn_t, level: number,
	private_spt: struct_page): number {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err;

	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx.lost)
		return -EIO;
	err = tdx_sept_zap_private_spte(kvm, gfn, level);
	if (err !== 0)
		return err;
	tdx_track(kvm);
	do {
		err = ops.tdh_mem_page_promote(tdr_pa(kvm_tdx), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level));
	} while (tdx_busy(err) || err === TDX_INTERRUPTED_RESTARTABLE);
	if (err === TDX_EPT_INVALID_PROMOTE_CONDITIONS) {
		tdx_sept_unzap_private_spte(kvm, gfn, level);
		return -EAGAIN;
	}
	if (tdx_failed(err)) {
		if (!td_gone(err)) {
			pr_tdx_error("TDH_MEM_PAGE_PROMOTE", err);
			KVM_BUG_ON(true, kvm);
		}
		return -EIO;
	}
	if (tdx_flush_page(kvm, private_spt)) {
		tdx_clean_page(private_spt);
		free_page(private_spt);
	}
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_free_private_spt(): @level of the entry that pointed to it. */
export function tdx_sept_free_private_spt(kvm: struct_kvm, gfn: gfn_t, level: number,
	private_spt: struct_page): number {
	const kvm_tdx = to_kvm_tdx(kvm);
	let err;

	if (kvm_tdx.lost) {
		tdx_page_leak(private_spt);
		return -EIO;
	}
	if (!is_hkid_assigned(kvm_tdx)) {
		err = tdx_reclaim_page(private_spt, PG_LEVEL_4K);
		if (err !== 0)
			tdx_page_leak(private_spt);
		return err;
	}

	/* if that fails so will the rest */
	tdx_sept_zap_private_spte(kvm, gfn, level);
	tdx_track(kvm);
	do {
		err = ops.tdh_mem_sept_remove(tdr_pa(kvm_tdx), gfn_to_gpa(gfn),
			pg_level_to_tdx_sept_level(level));
	} while (tdx_busy(err));
	if (td_gone(err)) {
		/* as with pages: until it has no KeyID */
		kvm_tdx.late.push({ pfn: kvm_pfn_t(page_to_pfn(private_spt)), level: PG_LEVEL_4K });
		return -EIO;
	}
	if (KVM_BUG_ON(tdx_failed(err), kvm)) {
		pr_tdx_error("TDH_MEM_SEPT_REMOVE", err);
		tdx_page_leak(private_spt);
		return -EIO;
	}
	if (!tdx_flush_page(kvm, private_spt))
		return -EIO;
	tdx_clean_page(private_spt);
	return 0;
}

/* Translations. */

/** arch/x86/kvm/vmx/tdx.c:tdx_sept_tlb_remote_flush(): shared mappings go by the request alone. */
export function tdx_sept_tlb_remote_flush(kvm: struct_kvm): number {
	if (!is_td(kvm))
		return -ENOTSUPP;
	if (!to_kvm_tdx(kvm).has_range_blocked)
		return -ENOTSUPP;
	tdx_track(kvm);
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_flush_tlb(): of the shared EPT; the module sees to the rest. */
export function tdx_flush_tlb(vcpu: struct_kvm_vcpu): void {
	const mmu = vcpu.arch.mmu!;

	if (VALID_PAGE(mmu.root.hpa))
		ept_sync_context(construct_eptp(vcpu, mmu.root.hpa, mmu.root_role.level));
	/* in between it would enter in the old epoch */
	while (to_kvm_tdx(vcpu.kvm).tdh_mem_track !== 0)
		cpu_relax();
}

/** arch/x86/kvm/vmx/tdx.c:tdx_load_mmu_pgd() */
export function tdx_load_mmu_pgd(vcpu: struct_kvm_vcpu, root_hpa: hpa_t, _root_level: number):
	void {
	const tdx = to_tdx(vcpu);
	let err;

	if (!tdx.initialized)
		return;
	do {
		err = ops.tdh_vp_wr(page_to_phys(tdx.tdvpr!), TD_VMCS_SHARED_EPT_POINTER, root_hpa,
			0xffffffffffffffffn);
	} while (tdx_busy(err));
	if (tdx_failed(err) && !td_gone(err)) {
		pr_tdx_error("TDH_VP_WR", err);
		KVM_BUG_ON(true, vcpu.kvm);
	}
}
