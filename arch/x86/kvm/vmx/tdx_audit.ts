// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/tdx/audit: whether all who know of TDs' pages agree.
 *
 * Port-only. For each TD, oldest first, a line of counts:
 *
 *	td0 hkid 17 finalized 1 vcpus 2 tables 4 small 120 large 1 pending 3 shared 8
 *
 * large and pending are entries; shared ones are those of the other tree. And a line "td0 BAD ..."
 * for each disagreement between KVM's private tables, secure EPT as TDH.MEM.SEPT.RD tells it, page
 * metadata as TDH.PHYMEM.PAGE.RDMD does, the attributes of gfns, and the private file's pages; and
 * between the number of pages that so come together and the number that the TD has.
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { gfn_t, pfn_nr, type kvm_pfn_t } from "#asm-generic/types.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM } from "#generated/autoconf.ts";
import { atomic_read } from "#linux/atomic.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { gfn_to_memslot, kvm_for_each_vcpu, kvm_lock, kvm_mem_is_private,
	kvm_slot_can_be_private, struct_kvm, vm_list } from "#linux/kvm_host.ts";
import { list_for_each_entry } from "#linux/list.ts";
import { compound_head, pfn_to_page } from "#linux/mm.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { seq_puts } from "#linux/seq_file.ts";
import { write_lock, write_unlock } from "#linux/spinlock.ts";
import { page_to_phys, PAGE_SIZE } from "#asm/page.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { KVM_PAGES_PER_HPAGE } from "#asm/kvm_host.ts";
import * as x from "#asm/tdx.ts";
import { reg_get, reg_set } from "#hw/tdx/regs.ts";
import { tdx } from "#hw/tdx/state.ts";
import { kvm_gfn_for_root, is_private_sp, sptep_to_sp, struct_kvm_mmu_page } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_last_spte, is_shadow_present_pte, spte_to_pfn } from
	"#arch/x86/kvm/mmu/spte.h.ts";
import { spte_to_child_pt, struct_tdp_iter, tdp_iter_next, tdp_iter_start } from
	"#arch/x86/kvm/mmu/tdp_iter.h.ts";
import { kvm_gfn_to_private } from "#arch/x86/kvm/mmu.h.ts";
import { is_hkid_assigned, is_td, tdx_failed, to_kvm_tdx, to_tdx, type struct_kvm_tdx } from
	"#arch/x86/kvm/vmx/tdx.h.ts";

/* states that TDH.MEM.SEPT.RD tells of */
const PENDING = 2, MAPPED = 4, NL_MAPPED = 0x84;

const args = new x.struct_tdx_module_args();

class td_audit {
	readonly kvm: struct_kvm;
	readonly kvm_tdx: struct_kvm_tdx;
	readonly bad: string[] = [];
	tables = 0;
	small = 0;
	large = 0;
	pending = 0;
	shared = 0;
	constructor(kvm: struct_kvm) {
		this.kvm = kvm;
		this.kvm_tdx = to_kvm_tdx(kvm);
	}
}

const hex = (n: number): string => `0x${n.toString(16)}`;

/** The page at @pfn, of @level, is the TD's, as one of type @type. */
function audit_pamt(a: td_audit, gfn: gfn_t, pfn: number, type: number, level: number): void {
	reg_set(args, 1, pfn * PAGE_SIZE);
	const err = x.__seamcall(x.TDH_PHYMEM_PAGE_RDMD, args);
	const got = [reg_get(args, 1), reg_get(args, 2), reg_get(args, 8)];
	const want = [type, page_to_phys(a.kvm_tdx.tdr!), level - PG_LEVEL_4K];

	if (tdx_failed(err) || got.join() !== want.join())
		a.bad.push(`gfn ${hex(gfn)}: pfn ${hex(pfn)} is ${got.map(hex).join()}, not ${
			want.map(hex).join()} (${hex(err)})`);
}

/** State of secure EPT's entry for @gfn at @level, which has to lead to @pfn; -1: it doesn't. */
function audit_sept(a: td_audit, gfn: gfn_t, pfn: number, level: number): number {
	reg_set(args, 1, gfn * PAGE_SIZE + level - PG_LEVEL_4K);
	reg_set(args, 2, page_to_phys(a.kvm_tdx.tdr!));
	const err = x.__seamcall(x.TDH_MEM_SEPT_RD, args);
	const is = (args.u32[2]! >>> 12) + (args.u32[3]! & 0xfffff) * 2 ** 20;

	if (tdx_failed(err) || (args.u32[4]! & 7) !== level - PG_LEVEL_4K || is !== pfn) {
		a.bad.push(`gfn ${hex(gfn)} level ${level}: secure EPT has pfn ${hex(is)}, not ${
			hex(pfn)} (${hex(err)})`);
		return -1;
	}
	return args.u32[4]! >>> 8 & 0xff;
}

/** The attributes of what an entry maps, and that its pages are somebody's. */
function audit_gfns(a: td_audit, gfn: gfn_t, level: number, pfn: kvm_pfn_t, is_private: boolean):
	void {
	if (!IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
		return;
	for (let i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		const at = gfn_t(gfn + i), slot = gfn_to_memslot(a.kvm, at);
		if (slot === null || !kvm_slot_can_be_private(slot))
			continue;
		if (kvm_mem_is_private(a.kvm, at) !== is_private)
			a.bad.push(`gfn ${hex(at)}: mapped ${is_private ? "private" : "shared"
			}, and is not`);
		if (is_private && compound_head(pfn_to_page(pfn_nr(pfn + i))).mapping === null)
			a.bad.push(`gfn ${hex(at)}: no file has pfn ${hex(pfn + i)}`);
	}
}

function audit_private(a: td_audit, iter: struct_tdp_iter): void {
	const { gfn, level, old_spte } = iter;

	if (!is_last_spte(old_spte, level)) {
		const sp = sptep_to_sp(spte_to_child_pt(old_spte, level)), { private_spt } = sp;
		a.tables++;
		if (private_spt === null) {
			a.bad.push(`gfn ${hex(gfn)} level ${level}: no table`);
			return;
		}
		audit_pamt(a, gfn, private_spt.pfn, x.PT_EPT, PG_LEVEL_4K);
		const state = audit_sept(a, gfn, private_spt.pfn, level);
		if (state >= 0 && state !== NL_MAPPED)
			a.bad.push(`gfn ${hex(gfn)} level ${level}: table in state ${hex(state)}`);
		return;
	}
	const pfn = spte_to_pfn(old_spte);
	audit_pamt(a, gfn, pfn, x.PT_REG, level);
	const state = audit_sept(a, gfn, pfn, level);
	if (state === PENDING)
		a.pending++;
	else if (state >= 0 && state !== MAPPED)
		a.bad.push(`gfn ${hex(gfn)} level ${level}: page in state ${hex(state)}`);
	if (level === PG_LEVEL_4K)
		a.small++;
	else
		a.large++;
	audit_gfns(a, gfn, level, pfn, true);
}

function audit_root(a: td_audit, root: struct_kvm_mmu_page): void {
	const iter = new struct_tdp_iter(), start = kvm_gfn_for_root(a.kvm, root, gfn_t(0));
	const end = start + a.kvm.arch.gfn_shared_mask;

	rcu_read_lock();
	for (tdp_iter_start(iter, root, PG_LEVEL_4K, start); iter.valid && iter.gfn < end;
	     tdp_iter_next(iter)) {
		if (!is_shadow_present_pte(iter.old_spte))
			continue;
		if (is_private_sp(root)) {
			audit_private(a, iter);
		} else if (is_last_spte(iter.old_spte, iter.level)) {
			a.shared++;
			audit_gfns(a, kvm_gfn_to_private(a.kvm, iter.gfn), iter.level,
				spte_to_pfn(iter.old_spte), false);
		}
	}
	rcu_read_unlock();
}

/** What the module counts is what KVM knows of. */
function audit_count(a: td_audit): void {
	const { kvm_tdx } = a, td = tdx.tdrs.get(kvm_tdx.tdr!.pfn);
	let pages = kvm_tdx.tdcs.length + a.tables + a.small + a.large * 512;

	for (const vcpu of kvm_for_each_vcpu(a.kvm)) {
		const { tdvpr, tdvpx } = to_tdx(vcpu);
		pages += tdvpr === null ? 0 : 1 + tdvpx.length;
	}
	for (const { level } of kvm_tdx.late)
		pages += KVM_PAGES_PER_HPAGE(level);
	if (td === undefined || td.hkid !== kvm_tdx.hkid || td.chldcnt !== pages)
		a.bad.push(`hkid ${td?.hkid} instead of ${kvm_tdx.hkid}, ${td?.chldcnt
		} pages instead of ${pages}`);
}

function td_lines(kvm: struct_kvm, nr: number): string[] {
	const a = new td_audit(kvm), { kvm_tdx } = a;

	if (!kvm_tdx.initialized || !is_hkid_assigned(kvm_tdx) || kvm_tdx.lost)
		return [`td${nr} hkid ${kvm_tdx.hkid}`];
	mutex_lock(kvm.slots_lock);
	write_lock(kvm.mmu_lock);
	/* a TD that has met a machine check tells nothing */
	if (tdx.tdrs.get(kvm_tdx.tdr!.pfn)?.fatal !== true) {
		for (const root of list_for_each_entry(kvm.arch.tdp_mmu_roots, struct_kvm_mmu_page,
			"link"))
			if (root.role.invalid === 0)
				audit_root(a, root);
		audit_count(a);
	}
	write_unlock(kvm.mmu_lock);
	mutex_unlock(kvm.slots_lock);
	return [`td${nr} hkid ${kvm_tdx.hkid} finalized ${Number(kvm_tdx.finalized)} vcpus ${
		atomic_read(kvm.online_vcpus)} tables ${a.tables} small ${a.small} large ${
		a.large} pending ${a.pending} shared ${a.shared}`,
	...a.bad.map((text) => `td${nr} BAD ${text}`)];
}

function tdx_audit_init(): number {
	if (!x.platform_tdx_enabled())
		return 0;
	proc_create_single("/sys/kernel/debug/tdx/audit", 0o444, (m) => {
		const tds: struct_kvm[] = [];

		mutex_lock(kvm_lock);
		for (const kvm of list_for_each_entry(vm_list, struct_kvm, "vm_list"))
			if (is_td(kvm))
				tds.unshift(kvm);
		for (const [i, kvm] of tds.entries())
			for (const line of td_lines(kvm, i))
				seq_puts(m, `${line}\n`);
		mutex_unlock(kvm_lock);
		return 0;
	});
	return 0;
}
late_initcall("arch/x86/kvm/vmx/tdx_audit", tdx_audit_init);
