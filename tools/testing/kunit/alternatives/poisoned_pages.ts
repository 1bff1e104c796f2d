// SPDX-License-Identifier: GPL-2.0
/*
 * Guest private memory as poisoned pages: what was proposed before memory came from files.
 *
 * Port-only. A model of "[RFCv2 00/13] TDX and guest memory unmapping", April 2021, beside the
 * kernel: nothing outside of this folder knows of it. Documentation/port/alternatives.md has the
 * story. A page that the guest touches is flagged PG_hwpoison and taken from all page tables; what
 * is left there are hwpoison entries, through which KVM alone still finds the page, with a flag to
 * get_user_pages() of its own (here: get_guest_page()). kvm_pfn_map says whose the page is.
 *
 * The posting changed mm in ways that this kernel has not:
 *
 *	there				here
 *	hwpoison entries hold a		held has one reference to each page
 *	reference to the page
 *	an entry for a page that is	kvm_share_pfn() puts the page back at once
 *	not poisoned any more is
 *	replaced by the next fault
 *	free_pages_prepare() takes	kvm_unpoison_unused() does, for what nobody else has: after
 *	the flag off			changes of page tables, and for tests to call
 *	shmem fails for a poisoned	the kernel's own checks, which came later
 *	page
 *
 * The guest is whoever calls guest_read() and guest_write(), which go through an EPT of one level.
 */
import { ERR_PTR, IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { ref, type pfn_nr, type unsigned_long } from "#asm-generic/types.ts";
import { EFAULT, EHWPOISON } from "#linux/errno.ts";
import { GFP_KERNEL } from "#linux/gfp_types.ts";
import {
	FOLL_HWPOISON, FOLL_WRITE, VM_SHARED, get_page, get_user_pages_unlocked, inc_mm_counter,
	maybe_mkwrite, mm_counter, page_count, put_page, vma_lookup,
} from "#linux/mm.ts";
import type { ptep_t, struct_mm_struct, struct_page } from "#linux/mm_types.ts";
import { mmap_read_lock, mmap_read_unlock, mmap_write_lock, mmap_write_unlock } from
	"#linux/mmap_lock.ts";
import {
	mmu_notifier_register, mmu_notifier_unregister, struct_mmu_notifier,
	type struct_mmu_notifier_ops,
} from "#linux/mmu_notifier.ts";
import { pfn_to_page } from "#linux/mmzone.ts";
import { ClearPageHWPoison, PageAnon, PageHWPoison, PageSwapBacked, PageTransCompound,
	TestSetPageHWPoison, page_folio } from "#linux/page-flags.ts";
import { lock_page, unlock_page } from "#linux/pagemap.ts";
import {
	is_zero_pfn, mk_pte, p4d_none, p4d_offset, p4dp_get, pgd_offset, pmd_none, pmd_offset,
	pmd_trans_huge, pmdp_get, pte_mkdirty, pte_none, pte_offset_map_lock, pte_present,
	pte_unmap_unlock, ptep_get, pud_none, pud_offset, pudp_get, set_pte_at,
} from "#linux/pgtable.ts";
import { pr_warn } from "#linux/printk.ts";
import { RMAP_EXCLUSIVE, TTU_IGNORE_MLOCK, page_add_anon_rmap, page_add_file_rmap, try_to_unmap }
	from "#linux/rmap.ts";
import { current } from "#linux/sched.ts";
import { send_sig_mceerr } from "#linux/sched/signal.ts";
import type { spinlock_t } from "#linux/spinlock.ts";
import { lru_add_drain } from "#linux/swap.ts";
import { hwpoison_entry_to_pfn, is_hwpoison_entry, is_migration_entry, pte_to_swp_entry } from
	"#linux/swapops.ts";
import { DEFINE_XARRAY, xa_erase, xa_load, xa_mk_value, xa_store } from "#linux/xarray.ts";
import { memcpy_from_page, memcpy_to_page } from "#asm/page.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { BUS_MCEERR_AR } from "#uapi/asm-generic/siginfo.ts";
import { KVM_ENOSYS } from "#uapi/linux/kvm_para.ts";

/* hypercalls; 12 has since become KVM_HC_MAP_GPA_RANGE */
export const KVM_HC_ENABLE_MEM_PROTECTED	= 12;
export const KVM_HC_MEM_SHARE			= 13;

export const KVM_NR_SHARED_RANGES		= 32;

interface range {
	start: number;
	end: number;
}

interface slot {
	readonly base_gfn: number;
	readonly npages: number;
	readonly userspace_addr: unsigned_long;
}

let next_id = 0;

/** A VM of the process that makes it. */
export class struct_poison_vm {
	readonly id = xa_mk_value(next_id++);
	readonly mm: struct_mm_struct = current.mm!;
	readonly slots: slot[] = [];
	mem_protected = false;
	/** Of gfns; ascending, apart from each other. */
	shared_ranges: range[] = [];
	/** What the guest has mapped: pages by gfn. */
	readonly ept = new Map<number, struct_page>();
	/** Changes of the process' page tables. */
	mmu_seq = 0;
	readonly mmu_notifier = new struct_mmu_notifier(notifier_ops, this);
}

/** By pfn: the VM whose page it is. */
const kvm_pfn_map = DEFINE_XARRAY("kvm_pfn_map");

interface held_page {
	readonly page: struct_page;
	readonly vm: struct_poison_vm;
	readonly hva: unsigned_long;
	/** The process still has a hwpoison entry for it. */
	mapped: boolean;
}

const held = new Map<number, held_page>();

/* Page tables. */

const no_ptl = new ref<spinlock_t | null>(null);

/** Entry for @addr, locked; 0 if there is no table for it. */
function pte_lock(mm: struct_mm_struct, addr: unsigned_long): ptep_t | 0 {
	const p4d = p4d_offset(pgd_offset(mm, addr), addr);

	if (p4d_none(p4dp_get(p4d)))
		return 0;
	const pud = pud_offset(p4d, addr);
	if (pud_none(pudp_get(pud)))
		return 0;
	const pmd = pmd_offset(pud, addr), pmdval = pmdp_get(pmd);
	if (pmd_none(pmdval) || pmd_trans_huge(pmdval))
		return 0;
	return pte_offset_map_lock(mm, pmd, addr, no_ptl);
}

/** What the process' page tables have at @addr. */
export function host_entry(mm: struct_mm_struct, addr: unsigned_long): string {
	const ptep = pte_lock(mm, addr);

	if (ptep === 0)
		return "none";
	const pte = ptep_get(ptep);
	let kind = pte_none(pte) ? "none" : "present";
	if (kind === "present" && !pte_present(pte))
		kind = is_migration_entry(pte_to_swp_entry(pte)) ? "migration" :
			poisoned_pfn(ptep) >= 0 ? "hwpoison" : "other";
	pte_unmap_unlock(ptep, no_ptl.v!);
	return kind;
}

/** The page that the locked entry says is poisoned, -1 if it says something else. */
function poisoned_pfn(ptep: ptep_t): number {
	const pte = ptep_get(ptep);

	if (pte_none(pte) || pte_present(pte))
		return -1;
	const entry = pte_to_swp_entry(pte);
	return is_hwpoison_entry(entry) ? hwpoison_entry_to_pfn(entry) : -1;
}

/** The page behind a hwpoison entry, with a reference; what FOLL_ALLOW_POISONED was for. */
function follow_poisoned(mm: struct_mm_struct, addr: unsigned_long): struct_page | null {
	let page: struct_page | null = null;

	mmap_read_lock(mm);
	const ptep = pte_lock(mm, addr);
	if (ptep !== 0) {
		const pfn = poisoned_pfn(ptep);
		/* without its owner's reference it may be anybody's by now */
		if (pfn >= 0 && held.has(pfn)) {
			page = pfn_to_page(pfn as pfn_nr);
			get_page(page);
		}
		pte_unmap_unlock(ptep, no_ptl.v!);
	}
	mmap_read_unlock(mm);
	return page;
}

/** Whether a hwpoison entry for @h is still there. */
function still_mapped(h: held_page): boolean {
	const ptep = pte_lock(h.vm.mm, h.hva);

	if (ptep === 0)
		return false;
	const pfn = poisoned_pfn(ptep);
	pte_unmap_unlock(ptep, no_ptl.v!);
	return pfn === h.page.pfn;
}

/** The hwpoison entry for a page, which is locked, becomes a mapping again. */
function replace_poisoned(h: held_page): void {
	const { page, hva } = h, { mm } = h.vm;

	mmap_read_lock(mm);
	const vma = vma_lookup(mm, hva), ptep = pte_lock(mm, hva);
	if (ptep !== 0) {
		if (vma !== null && poisoned_pfn(ptep) === page.pfn) {
			let pte = mk_pte(page, vma.vm_page_prot);
			if (PageAnon(page) || (vma.vm_flags & VM_SHARED) !== 0)
				pte = maybe_mkwrite(pte_mkdirty(pte), vma);
			get_page(page);
			if (PageAnon(page))
				page_add_anon_rmap(page, vma, hva, RMAP_EXCLUSIVE);
			else
				page_add_file_rmap(page, vma, false);
			inc_mm_counter(mm, mm_counter(page));
			set_pte_at(mm, hva, ptep, pte);
		}
		pte_unmap_unlock(ptep, no_ptl.v!);
	}
	mmap_read_unlock(mm);
}

/* Whose a page is. */

export function kvm_page_allowed(vm: struct_poison_vm, page: struct_page): boolean {
	return !PageHWPoison(page) || xa_load(kvm_pfn_map, page.pfn) === vm.id;
}

/** The VM's number, or null. */
export function kvm_page_owner(page: struct_page): unknown {
	return xa_load(kvm_pfn_map, page.pfn);
}

function forget(h: held_page): void {
	xa_erase(kvm_pfn_map, h.page.pfn);
	held.delete(h.page.pfn);
	ClearPageHWPoison(h.page);
}

/** Pages that nobody else refers to any more are the allocator's. */
export function kvm_unpoison_unused(): void {
	lru_add_drain();
	for (const h of [...held.values()]) {
		if (h.mapped || page_count(h.page) !== 1)
			continue;
		forget(h);
		put_page(h.page);
	}
}

/** Pages that are some VM's. */
export function kvm_pages_held(): number {
	return held.size;
}

function in_range(addr: number, start: number, end: number): boolean {
	return addr >= start && addr < end;
}

const notifier_ops: struct_mmu_notifier_ops = {
	invalidate_range_start(mn, range) {
		const vm = mn.owner as struct_poison_vm;

		vm.mmu_seq++;
		for (const gfn of [...vm.ept.keys()])
			if (in_range(gfn_to_hva(vm, gfn), range.start, range.end))
				vm.ept.delete(gfn);
		return 0;
	},
	invalidate_range_end(mn, range) {
		for (const h of held.values())
			if (h.vm === mn.owner && in_range(h.hva, range.start, range.end))
				h.mapped = still_mapped(h);
		kvm_unpoison_unused();
	},
	release(mn) {
		const vm = mn.owner as struct_poison_vm;

		vm.ept.clear();
		for (const h of held.values())
			if (h.vm === vm)
				h.mapped = false;
		kvm_unpoison_unused();
	},
};

/* The VM. */

export function kvm_create_vm(): struct_poison_vm {
	const vm = new struct_poison_vm();

	if (mmu_notifier_register(vm.mmu_notifier, vm.mm) !== 0)
		throw new Error("mmu_notifier_register() failed");
	return vm;
}

export function kvm_destroy_vm(vm: struct_poison_vm): void {
	mmu_notifier_unregister(vm.mmu_notifier, vm.mm);
}

/** -1: no slot has it. */
function gfn_to_hva(vm: struct_poison_vm, gfn: number): unsigned_long {
	const s = vm.slots.find((x) => in_range(gfn, x.base_gfn, x.base_gfn + x.npages));

	return s === undefined ? -1 : s.userspace_addr + (gfn - s.base_gfn) * PAGE_SIZE;
}

function gfn_is_shared(vm: struct_poison_vm, gfn: number): boolean {
	return vm.shared_ranges.some((r) => in_range(gfn, r.start, r.end));
}

/** The page at @hva, faulted in, with a reference. */
function get_guest_page(vm: struct_poison_vm, hva: unsigned_long): struct_page | err_ptr {
	if (vm.mem_protected) {
		const page = follow_poisoned(vm.mm, hva);
		if (page !== null) {
			if (kvm_page_allowed(vm, page))
				return page;
			put_page(page);
			return ERR_PTR(-EHWPOISON);
		}
	}
	const pages: struct_page[] = [];
	const n = get_user_pages_unlocked(hva, 1, pages, FOLL_WRITE | FOLL_HWPOISON);
	return n === 1 ? pages[0]! : ERR_PTR(n < 0 ? n : -EFAULT);
}

/** Makes the page the VM's, unless the guest shares it. False: it can't be that. */
function kvm_protect_pfn(vm: struct_poison_vm, gfn: number, hva: unsigned_long,
	page: struct_page): boolean {
	if (gfn_is_shared(vm, gfn) || is_zero_pfn(page.pfn))
		return true;
	/* real files, hugetlbfs; and part of a huge page can't have an entry */
	if (!PageSwapBacked(page) || PageTransCompound(page))
		return false;
	let ret = true;
	lock_page(page);
	if (!TestSetPageHWPoison(page)) {
		get_page(page);
		held.set(page.pfn, { page, vm, hva, mapped: true });
		xa_store(kvm_pfn_map, page.pfn, vm.id, GFP_KERNEL);
		try_to_unmap(page_folio(page), TTU_IGNORE_MLOCK);
	} else if (xa_load(kvm_pfn_map, page.pfn) !== vm.id) {
		ret = false;
	}
	unlock_page(page);
	return ret;
}

function kvm_share_pfn(vm: struct_poison_vm, page: struct_page): void {
	lock_page(page);
	if (xa_load(kvm_pfn_map, page.pfn) === vm.id) {
		const h = held.get(page.pfn)!;
		forget(h);
		replace_poisoned(h);
		put_page(page);
	}
	unlock_page(page);
}

function kvm_send_hwpoison_signal(hva: unsigned_long): void {
	send_sig_mceerr(BUS_MCEERR_AR, hva, PAGE_SHIFT, current);
}

/** EPT violation. 0: mapped. -EHWPOISON: the process has got a SIGBUS. */
export function kvm_page_fault(vm: struct_poison_vm, gfn: number): number {
	const hva = gfn_to_hva(vm, gfn);

	if (hva < 0)
		return -EFAULT;
	for (;;) {
		const seq = vm.mmu_seq, page = get_guest_page(vm, hva);
		if (IS_ERR(page)) {
			if (PTR_ERR(page) === -EHWPOISON)
				kvm_send_hwpoison_signal(hva);
			return PTR_ERR(page);
		}
		if (vm.mem_protected && !kvm_protect_pfn(vm, gfn, hva, page)) {
			put_page(page);
			kvm_send_hwpoison_signal(hva);
			return -EHWPOISON;
		}
		/* taking it from the page tables is one change, at least */
		const stable = vm.mmu_seq === seq;
		if (stable)
			vm.ept.set(gfn, page);
		put_page(page);
		if (stable)
			return 0;
	}
}

/* Hypercalls. */

function kvm_protect_memory(vm: struct_poison_vm): number {
	mmap_write_lock(vm.mm);
	vm.mem_protected = true;
	vm.ept.clear();
	mmap_write_unlock(vm.mm);
	return 0;
}

/** Adds to the shared ranges, if there is room or one to merge with. */
function add_range_with_merge(vm: struct_poison_vm, start: number, end: number): void {
	const apart = vm.shared_ranges.filter((r) => r.end < start || r.start > end);

	for (const r of vm.shared_ranges) {
		if (apart.includes(r))
			continue;
		start = Math.min(start, r.start);
		end = Math.max(end, r.end);
	}
	if (apart.length === KVM_NR_SHARED_RANGES) {
		pr_warn("kvm: no room for another shared range\n");
		return;
	}
	apart.push({ start, end });
	vm.shared_ranges = apart.sort((a, b) => a.start - b.start);
}

function kvm_share_memory(vm: struct_poison_vm, gfn: number, npages: number): number {
	if (npages === 0)
		return 0;
	add_range_with_merge(vm, gfn, gfn + npages);
	for (let i = gfn; i < gfn + npages; i++) {
		const hva = gfn_to_hva(vm, i);
		const page = hva < 0 ? ERR_PTR(-EFAULT) : get_guest_page(vm, hva);
		if (IS_ERR(page))
			continue;
		kvm_share_pfn(vm, page);
		put_page(page);
	}
	return 0;
}

export function kvm_emulate_hypercall(vm: struct_poison_vm, nr: number, a0 = 0, a1 = 0): number {
	switch (nr) {
	case KVM_HC_ENABLE_MEM_PROTECTED:
		return kvm_protect_memory(vm);
	case KVM_HC_MEM_SHARE:
		return kvm_share_memory(vm, a0, a1);
	default:
		return -KVM_ENOSYS;
	}
}

/* The guest, and KVM on its behalf. */

type access = (page: struct_page, offset: number) => void;

function guest_access(vm: struct_poison_vm, gpa: number, fn: access): number {
	const gfn = Math.floor(gpa / PAGE_SIZE);

	if (!vm.ept.has(gfn)) {
		const error = kvm_page_fault(vm, gfn);
		if (error < 0)
			return error;
	}
	fn(vm.ept.get(gfn)!, gpa % PAGE_SIZE);
	return 0;
}

const cell = new Uint8Array(1);

/** The byte at @gpa, or a negative errno. */
export function guest_read(vm: struct_poison_vm, gpa: number): number {
	const error = guest_access(vm, gpa, (page, at) => memcpy_from_page(cell, page, at, 1));

	return error < 0 ? error : cell[0]!;
}

/** 0, or a negative errno. */
export function guest_write(vm: struct_poison_vm, gpa: number, value: number): number {
	cell[0] = value;
	return guest_access(vm, gpa, (page, at) => memcpy_to_page(page, at, cell, 1));
}

/** The byte at @hva as KVM's emulator reads it, or -EFAULT. */
export function copy_from_guest(vm: struct_poison_vm, hva: unsigned_long): number {
	const page = get_guest_page(vm, hva);

	if (IS_ERR(page))
		return -EFAULT;
	memcpy_from_page(cell, page, hva % PAGE_SIZE, 1);
	put_page(page);
	return cell[0]!;
}
