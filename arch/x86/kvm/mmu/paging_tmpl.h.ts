// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over the guest's own page tables, for a translation that the CPU did not give KVM.
 *
 * Upstream: arch/x86/kvm/mmu/paging_tmpl.h, which is compiled once per format. Left out: 32-bit and
 * EPT formats, and what shadows a guest's page tables (fetch, page_fault, sync_page, invlpg,
 * prefetching). Names are those of PTTYPE == 64.
 */
import { pair, pair_and, pair_from_number, pair_from_u64, pair_frame, pair_to_u64, pair_xor,
	PAIR_ZERO, type u64_pair } from "#asm-generic/pair.ts";
import { __u64 } from "#asm-generic/struct.ts";
import { gfn_t, gpa_t, ref, u64, type user_ptr } from "#asm-generic/types.ts";
import { BUG_ON } from "#linux/bug.ts";
import { gfn_to_gpa, gpa_to_gfn, kvm_is_error_hva, kvm_vcpu_gfn_to_hva_prot,
	kvm_vcpu_mark_page_dirty, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { __get_user, __try_cmpxchg_user } from "#linux/uaccess.ts";
import { INVALID_GPA, KVM_PAGES_PER_HPAGE, PFERR_FETCH_MASK, PFERR_PRESENT_MASK, PFERR_RSVD_MASK,
	PFERR_USER_MASK, PFERR_WRITE_MASK, PT64_ROOT_MAX_LEVEL, type struct_kvm_mmu } from
	"#asm/kvm_host.ts";
import { PAGE_SHIFT, PG_LEVEL_4K } from "#asm/page_types.ts";
import { PF_VECTOR } from "#uapi-asm/kvm.ts";
import { struct_x86_exception } from "#arch/x86/kvm/kvm_emulate.h.ts";
import { kvm_translate_gpa, permission_fault, PT32E_ROOT_LEVEL, PT64_NX_MASK, PT_ACCESSED_MASK,
	PT_ACCESSED_SHIFT, PT_DIRTY_MASK, PT_DIRTY_SHIFT, PT_PAGE_SIZE_MASK, PT_PRESENT_MASK,
	PT_USER_MASK, PT_WRITABLE_MASK, PT_WRITABLE_SHIFT } from "#arch/x86/kvm/mmu.h.ts";
import { is_cr4_smep, is_efer_nx } from "#arch/x86/kvm/mmu/mmu.ts";
import { __PT_INDEX } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { trace_kvm_mmu_pagetable_walk, trace_kvm_mmu_paging_element,
	trace_kvm_mmu_set_accessed_bit, trace_kvm_mmu_set_dirty_bit, trace_kvm_mmu_walker_error }
	from "#arch/x86/kvm/mmu/mmutrace.h.ts";
import { __is_rsvd_bits_set, ACC_WRITE_MASK } from "#arch/x86/kvm/mmu/spte.h.ts";

const PT_LEVEL_BITS		= 9;
const PT_ELEMENT_SIZE		= 8;
const PT_MAX_FULL_LEVELS	= PT64_ROOT_MAX_LEVEL;

const levels = <T>(x: T): T[] => new Array<T>(PT_MAX_FULL_LEVELS).fill(x);

/** What a walk has met; arrays by level - 1. */
class struct_guest_walker64 {
	level = 0;
	max_level = 0;
	table_gfn = levels(gfn_t(0));
	ptes = levels(PAIR_ZERO);
	pte_gpa = levels(gpa_t(0));
	ptep_user = levels<user_ptr>(0);
	pte_writable = levels(false);
	pt_access = levels(0);
	pte_access = 0;
	gfn = gfn_t(0);
	fault = new struct_x86_exception();
}

function gpte_to_gfn_lvl(gpte: u64_pair, lvl: number): gfn_t {
	const gfn = pair_frame(gpte);

	return gfn_t(gfn - (gfn & (KVM_PAGES_PER_HPAGE(lvl) - 1)));
}

function gpte_to_gfn(pte: u64_pair): gfn_t {
	return gpte_to_gfn_lvl(pte, PG_LEVEL_4K);
}

/** Takes write access away as long as the entry is clean: the write has to set the dirty bit. */
function paging64_protect_clean_gpte(_mmu: struct_kvm_mmu, access: number, gpte: u64_pair): number {
	let mask = ~ACC_WRITE_MASK;
	/* W stays where D is set: bit 6 over bit 1 */
	mask |= (gpte.lo >> (PT_DIRTY_SHIFT - PT_WRITABLE_SHIFT)) & PT_WRITABLE_MASK;
	return access & mask;
}

function paging64_is_present_gpte(pte: u64_pair): boolean {
	return (pte.lo & PT_PRESENT_MASK) !== 0;
}

function paging64_is_rsvd_bits_set(mmu: struct_kvm_mmu, gpte: u64_pair, level: number): boolean {
	return __is_rsvd_bits_set(mmu.guest_rsvd_check, gpte, level);
}

function paging64_gpte_access(gpte: u64_pair): number {
	let access = gpte.lo & (PT_WRITABLE_MASK | PT_USER_MASK | PT_PRESENT_MASK);

	access ^= gpte.hi >>> 31;

	return access;
}

/**
 * arch/x86/kvm/mmu/paging_tmpl.h:FNAME(update_accessed_dirty_bits)
 *
 * 0; 1 if an entry has changed and the walk must be done again; -EFAULT.
 */
function paging64_update_accessed_dirty_bits(vcpu: struct_kvm_vcpu, _mmu: struct_kvm_mmu,
	walker: struct_guest_walker64, _addr: number, write_fault: boolean): number {
	for (let level = walker.max_level; level >= walker.level; --level) {
		const orig_pte = walker.ptes[level - 1]!;
		let pte = orig_pte;
		const table_gfn = walker.table_gfn[level - 1]!;
		const ptep_user = walker.ptep_user[level - 1]!;
		const index = (ptep_user & (2 ** PAGE_SHIFT - 1)) / PT_ELEMENT_SIZE;
		if ((pte.lo & PT_ACCESSED_MASK) === 0) {
			trace_kvm_mmu_set_accessed_bit(table_gfn, index, PT_ELEMENT_SIZE);
			pte = pair(pte.lo | PT_ACCESSED_MASK, pte.hi);
		}
		if (level === walker.level && write_fault &&
				(pte.lo & PT_DIRTY_MASK) === 0) {
			trace_kvm_mmu_set_dirty_bit(table_gfn, index, PT_ELEMENT_SIZE);
			pte = pair(pte.lo | PT_DIRTY_MASK, pte.hi);
		}
		if (pte === orig_pte)
			continue;

		/*
		 * Bits in a read-only slot stay as they are. That is right for a ROM; of page
		 * tables in a slot whose writes are MMIO, user space has to have set them. Nested
		 * paging differs: NPT faults, EPT writes all the same.
		 */
		if (!walker.pte_writable[level - 1])
			continue;

		const ret = __try_cmpxchg_user(ptep_user, __u64, new ref(pair_to_u64(orig_pte)),
			pair_to_u64(pte));
		if (ret !== 0)
			return ret;

		kvm_vcpu_mark_page_dirty(vcpu, table_gfn);
		walker.ptes[level - 1] = pte;
	}
	return 0;
}

function paging64_gpte_pkeys(gpte: u64_pair): number {
	return (gpte.hi >>> (59 - 32)) & 0xf;
}

/** Bit 7 ends a walk: where it does not mean a huge page, it is reserved, or the level is 4K. */
function paging64_is_last_gpte(_mmu: struct_kvm_mmu, level: number, gpte: u64_pair): boolean {
	/* the difference is negative at 4K only, and that sets bit 7 */
	const last = gpte.lo | (level - PG_LEVEL_4K - 1);

	return (last & PT_PAGE_SIZE_MASK) !== 0;
}

/**
 * arch/x86/kvm/mmu/paging_tmpl.h:FNAME(walk_addr_generic)
 *
 * True: walker.gfn is what @addr leads to, accessed and dirty bits set as a CPU would. False:
 * walker.fault is the exception. @access: PFERR_*.
 */
function paging64_walk_addr_generic(walker: struct_guest_walker64, vcpu: struct_kvm_vcpu,
	mmu: struct_kvm_mmu, addr: number, access: number): boolean {
	let pte: u64_pair, pt_access: u64_pair, pte_access: u64_pair;
	let accessed_dirty: number;
	let real_gpa: gpa_t;
	const walk_nx_mask = PT64_NX_MASK;
	const write_fault = (access & PFERR_WRITE_MASK) !== 0;
	const user_fault = (access & PFERR_USER_MASK) !== 0;
	const fetch_fault = (access & PFERR_FETCH_MASK) !== 0;
	const pte_val = new ref<bigint>(0n);
	const pte_writable = new ref<boolean>(false);
	let errcode = 0;

	trace_kvm_mmu_pagetable_walk(addr, access);
	error: {
		retry_walk: for (;;) {
			walker.level = mmu.cpu_role.base.level;
			pte = pair_from_number(mmu.get_guest_pgd!(vcpu));

			if (walker.level === PT32E_ROOT_LEVEL) {
				pte = pair_from_u64(mmu.get_pdptr!(vcpu,
					Math.floor(addr / 2 ** 30) & 3));
				trace_kvm_mmu_paging_element(pte, walker.level);
				if (!paging64_is_present_gpte(pte))
					break error;
				--walker.level;
			}
			walker.max_level = walker.level;

			/* of the tables: accessed and dirty bits are written to them */
			const nested_access = PFERR_WRITE_MASK | PFERR_USER_MASK;

			pte_access = pair(-1, -1);
			++walker.level;

			do {
				pt_access = pte_access;
				--walker.level;

				const index = __PT_INDEX(addr, walker.level, PT_LEVEL_BITS);
				const table_gfn = gpte_to_gfn(pte);
				const offset = index * PT_ELEMENT_SIZE;
				const pte_gpa = gpa_t(gfn_to_gpa(table_gfn) + offset);

				BUG_ON(walker.level < 1);
				walker.table_gfn[walker.level - 1] = table_gfn;
				walker.pte_gpa[walker.level - 1] = pte_gpa;

				real_gpa = kvm_translate_gpa(vcpu, mmu, gfn_to_gpa(table_gfn),
					nested_access, walker.fault);

				if (real_gpa === INVALID_GPA)
					return false;

				const host_addr = kvm_vcpu_gfn_to_hva_prot(vcpu,
					gpa_to_gfn(real_gpa), pte_writable);
				walker.pte_writable[walker.level - 1] = pte_writable.v;
				if (kvm_is_error_hva(host_addr))
					break error;

				const ptep_user = host_addr + offset;
				if (__get_user(pte_val, __u64, ptep_user) !== 0)
					break error;
				pte = pair_from_u64(pte_val.v);
				walker.ptep_user[walker.level - 1] = ptep_user;

				trace_kvm_mmu_paging_element(pte, walker.level);

				/* NX inverted: all permissions are ANDed */
				pte_access = pair_and(pt_access, pair_xor(pte, walk_nx_mask));

				if (!paging64_is_present_gpte(pte))
					break error;

				if (paging64_is_rsvd_bits_set(mmu, pte, walker.level)) {
					errcode = PFERR_RSVD_MASK | PFERR_PRESENT_MASK;
					break error;
				}

				walker.ptes[walker.level - 1] = pte;

				walker.pt_access[walker.level - 1] =
					paging64_gpte_access(pair_xor(pt_access, walk_nx_mask));
			} while (!paging64_is_last_gpte(mmu, walker.level, pte));

			const pte_pkey = paging64_gpte_pkeys(pte);
			accessed_dirty = pte_access.lo & PT_ACCESSED_MASK;

			walker.pte_access = paging64_gpte_access(pair_xor(pte_access,
				walk_nx_mask));
			errcode = permission_fault(vcpu, mmu, walker.pte_access, pte_pkey, access);
			if (errcode !== 0)
				break error;

			const gfn = gpte_to_gfn_lvl(pte, walker.level) +
				(Math.floor(addr / 2 ** PAGE_SHIFT) &
					(KVM_PAGES_PER_HPAGE(walker.level) - 1));

			real_gpa = kvm_translate_gpa(vcpu, mmu, gfn_to_gpa(gfn_t(gfn)), access,
				walker.fault);
			if (real_gpa === INVALID_GPA)
				return false;

			walker.gfn = gpa_to_gfn(real_gpa);

			if (!write_fault)
				walker.pte_access = paging64_protect_clean_gpte(mmu,
					walker.pte_access, pte);
			else
				/* for a write both have to be set already */
				accessed_dirty &= pte.lo >> (PT_DIRTY_SHIFT - PT_ACCESSED_SHIFT);

			if (accessed_dirty === 0) {
				const ret = paging64_update_accessed_dirty_bits(vcpu, mmu, walker,
					addr, write_fault);
				if (ret < 0)
					break error;
				else if (ret !== 0)
					continue retry_walk;
			}

			return true;
		}
	}
	errcode |= (write_fault ? PFERR_WRITE_MASK : 0) | (user_fault ? PFERR_USER_MASK : 0);
	if (fetch_fault && (is_efer_nx(mmu) || is_cr4_smep(mmu)))
		errcode |= PFERR_FETCH_MASK;

	walker.fault.vector = PF_VECTOR;
	walker.fault.error_code_valid = true;
	walker.fault.error_code = errcode;

	walker.fault.address = u64(addr);
	walker.fault.nested_page_fault = mmu !== vcpu.arch.walk_mmu;
	walker.fault.async_page_fault = 0;

	trace_kvm_mmu_walker_error(walker.fault.error_code);
	return false;
}

/** *exception = fault */
function copy_exception(exception: struct_x86_exception, fault: struct_x86_exception): void {
	exception.vector = fault.vector;
	exception.error_code_valid = fault.error_code_valid;
	exception.error_code = fault.error_code;
	exception.nested_page_fault = fault.nested_page_fault;
	exception.address = fault.address;
	exception.async_page_fault = fault.async_page_fault;
}

/** arch/x86/kvm/mmu/paging_tmpl.h:FNAME(gva_to_gpa): INVALID_GPA, and why in @exception. */
export function paging64_gva_to_gpa(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, addr: number,
	access: number, exception: struct_x86_exception | null): gpa_t {
	const walker = new struct_guest_walker64();
	let gpa = INVALID_GPA;

	const r = paging64_walk_addr_generic(walker, vcpu, mmu, addr, access);

	if (r) {
		gpa = gpa_t(gfn_to_gpa(walker.gfn) + (addr & (2 ** PAGE_SHIFT - 1)));
	} else if (exception !== null)
		copy_exception(exception, walker.fault);

	return gpa;
}

/** The modelled CPU has no 32-bit paging: every address faults, as if nothing were mapped. */
export function paging32_gva_to_gpa(vcpu: struct_kvm_vcpu, mmu: struct_kvm_mmu, addr: number,
	access: number, exception: struct_x86_exception | null): gpa_t {
	if (exception !== null) {
		exception.vector = PF_VECTOR;
		exception.error_code_valid = true;
		exception.error_code = access & (PFERR_WRITE_MASK | PFERR_USER_MASK);
		exception.address = u64(addr);
		exception.nested_page_fault = mmu !== vcpu.arch.walk_mmu;
		exception.async_page_fault = 0;
	}
	return INVALID_GPA;
}
