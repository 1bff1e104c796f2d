// SPDX-License-Identifier: GPL-2.0
/*
 * Moving and resizing mappings.
 *
 * Upstream: mm/mremap.c. Left out: huge PUDs (no such THP), userfaultfd.
 */
import { ALIGN, IS_ALIGNED, ul_shr } from "#asm-generic/bits.ts";
import { ERR_PTR, IS_ERR, IS_ERR_VALUE, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { pgoff_t, ref, u64, type ulong64, type unsigned_long } from "#asm-generic/types.ts";
import { TASK_SIZE } from "#asm/processor.ts";
import { pmd_populate, pud_populate } from "#asm/pgalloc.ts";
import { flush_tlb_batched_pending, flush_tlb_range } from "#asm/tlbflush.ts";
import { offset_in_page, PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import {
	p4d_none_or_clear_bad, p4d_offset, pgd_none_or_clear_bad, pgd_offset, PMD_SIZE, pmd_clear,
	pmd_none, pmd_offset, pmd_pgtable, pmd_trans_huge, pmd_trans_unstable, pmdp_get, pte_none,
	pte_offset_map, pte_offset_map_lock, pte_present, pte_unmap_unlock, ptep_get,
	ptep_get_and_clear, PUD_SIZE, pud_clear, pud_none, pud_none_or_clear_bad, pud_offset,
	pud_pgtable, pudp_get, set_pte_at,
} from "#linux/pgtable.ts";
import { WARN_ON_ONCE } from "#linux/bug.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM } from "#linux/errno.ts";
import { i_mmap_lock_write, i_mmap_unlock_write } from "#linux/fs.ts";
import { HPAGE_PMD_SIZE, is_swap_pmd, move_huge_pmd, split_huge_pmd } from "#linux/huge_mm.ts";
import {
	clear_vma_resv_huge_pages, hstate_vma, huge_page_size, is_vm_hugetlb_page,
	move_hugetlb_page_tables,
} from "#linux/hugetlb.ts";
import {
	MAP_FIXED, MAP_SHARED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, vm_acct_memory,
	vm_unacct_memory,
} from "#linux/mman.ts";
import {
	__do_munmap, copy_vma, do_munmap, get_unmapped_area, may_expand_vm, mlock_future_check,
	mm_populate, p4d_alloc, pmd_alloc, pmd_lock, pmd_lockptr, pte_alloc, pte_lockptr, pud_alloc,
	pud_lock, pud_lockptr, sysctl_max_map_count, vm_stat_account,
	vma_adjust, vma_lookup,
} from "#linux/mm.ts";
import {
	VM_ACCOUNT, VM_DONTEXPAND, VM_LOCKED, VM_LOCKED_CLEAR_MASK, VM_MAYSHARE, VM_PFNMAP,
	VM_SHARED,
} from "#linux/mm.const.ts";
import type { ptep_t, struct_mm_struct, struct_vm_area_struct } from "#linux/mm_types.ts";
import {
	MMU_NOTIFY_UNMAP, mmu_notifier_invalidate_range_end, mmu_notifier_invalidate_range_start,
	mmu_notifier_range_init, struct_mmu_notifier_range,
} from "#linux/mmu_notifier.ts";
import { mmap_read_unlock, mmap_write_lock_killable, mmap_write_unlock } from
	"#linux/mmap_lock.ts";
import { pr_warn_once } from "#linux/printk.ts";
import { anon_vma_lock_write, anon_vma_unlock_write, unlink_anon_vmas } from "#linux/rmap.ts";
import { cond_resched, current } from "#linux/sched.ts";
import { SINGLE_DEPTH_NESTING } from "#linux/lockdep.ts";
import { security_vm_enough_memory_mm } from "#linux/security.ts";
import { spin_lock_nested, spin_unlock, type spinlock_t } from "#linux/spinlock.ts";

/** mm/mremap.c:get_old_pud(); 0 when there is none. */
function get_old_pud(mm: struct_mm_struct, addr: unsigned_long): ptep_t {
	const pgd = pgd_offset(mm, addr);
	if (pgd_none_or_clear_bad(pgd))
		return 0;

	const p4d = p4d_offset(pgd, addr);
	if (p4d_none_or_clear_bad(p4d))
		return 0;

	const pud = pud_offset(p4d, addr);
	if (pud_none_or_clear_bad(pud))
		return 0;

	return pud;
}

/** mm/mremap.c:get_old_pmd() */
function get_old_pmd(mm: struct_mm_struct, addr: unsigned_long): ptep_t {
	const pud = get_old_pud(mm, addr);
	if (!pud)
		return 0;

	const pmd = pmd_offset(pud, addr);
	if (pmd_none(pmdp_get(pmd)))
		return 0;

	return pmd;
}

/** mm/mremap.c:alloc_new_pud() */
function alloc_new_pud(mm: struct_mm_struct, _vma: struct_vm_area_struct,
	addr: unsigned_long): ptep_t {
	const pgd = pgd_offset(mm, addr);
	const p4d = p4d_alloc(mm, pgd, addr);
	if (!p4d)
		return 0;

	return pud_alloc(mm, p4d, addr);
}

/** mm/mremap.c:alloc_new_pmd() */
function alloc_new_pmd(mm: struct_mm_struct, vma: struct_vm_area_struct,
	addr: unsigned_long): ptep_t {
	const pud = alloc_new_pud(mm, vma, addr);
	if (!pud)
		return 0;

	const pmd = pmd_alloc(mm, pud, addr);
	if (!pmd)
		return 0;

	VM_BUG_ON(pmd_trans_huge(pmdp_get(pmd)));

	return pmd;
}

/** mm/mremap.c:take_rmap_locks() */
function take_rmap_locks(vma: struct_vm_area_struct): void {
	if (vma.vm_file !== null)
		i_mmap_lock_write(vma.vm_file.f_mapping!);
	if (vma.anon_vma !== null)
		anon_vma_lock_write(vma.anon_vma);
}

/** mm/mremap.c:drop_rmap_locks() */
function drop_rmap_locks(vma: struct_vm_area_struct): void {
	if (vma.anon_vma !== null)
		anon_vma_unlock_write(vma.anon_vma);
	if (vma.vm_file !== null)
		i_mmap_unlock_write(vma.vm_file.f_mapping!);
}

/** mm/mremap.c:move_ptes() */
function move_ptes(vma: struct_vm_area_struct, old_pmd: ptep_t, old_addr: unsigned_long,
	old_end: unsigned_long, _new_vma: struct_vm_area_struct, new_pmd: ptep_t,
	new_addr: unsigned_long, need_rmap_locks: boolean): void {
	const mm = vma.vm_mm!;
	let force_flush = false;
	const len = old_end - old_addr;

	/* rmap walks must see the page at one of the two places, unless the order guarantees it */
	if (need_rmap_locks)
		take_rmap_locks(vma);

	/* mmap_lock held for write keeps others from taking the two locks the other way round */
	const old_ptl = new ref<spinlock_t | null>(null);
	let old_pte = pte_offset_map_lock(mm, old_pmd, old_addr, old_ptl);
	let new_pte = pte_offset_map(new_pmd, new_addr);
	const new_ptl = pte_lockptr(mm, new_pmd);
	if (new_ptl !== old_ptl.v)
		spin_lock_nested(new_ptl, SINGLE_DEPTH_NESTING);
	flush_tlb_batched_pending(mm);

	for (; old_addr < old_end; old_pte++, old_addr += PAGE_SIZE, new_pte++,
		new_addr += PAGE_SIZE) {
		if (pte_none(ptep_get(old_pte)))
			continue;

		const pte = ptep_get_and_clear(mm, old_addr, old_pte);
		/* a present one may be in some TLB: flushed before the old lock is dropped */
		if (pte_present(pte))
			force_flush = true;
		set_pte_at(mm, new_addr, new_pte, pte);
	}

	if (force_flush)
		flush_tlb_range(vma, old_end - len, old_end);
	if (new_ptl !== old_ptl.v)
		spin_unlock(new_ptl);
	pte_unmap_unlock(old_pte - 1, old_ptl.v!);
	if (need_rmap_locks)
		drop_rmap_locks(vma);
}

/** mm/mremap.c:move_normal_pmd(): a whole page table changes hands. */
function move_normal_pmd(vma: struct_vm_area_struct, old_addr: unsigned_long,
	_new_addr: unsigned_long, old_pmd: ptep_t, new_pmd: ptep_t): boolean {
	const mm = vma.vm_mm!;

	/* an empty table left by an earlier mapping may stand there */
	if (WARN_ON_ONCE(!pmd_none(pmdp_get(new_pmd))))
		return false;

	const old_ptl = pmd_lock(mm, old_pmd);
	const new_ptl = pmd_lockptr(mm, new_pmd);
	if (new_ptl !== old_ptl)
		spin_lock_nested(new_ptl, SINGLE_DEPTH_NESTING);

	const pmd = pmdp_get(old_pmd);
	pmd_clear(old_pmd);

	VM_BUG_ON(!pmd_none(pmdp_get(new_pmd)));

	pmd_populate(mm, new_pmd, pmd_pgtable(pmd));
	flush_tlb_range(vma, old_addr, old_addr + PMD_SIZE);
	if (new_ptl !== old_ptl)
		spin_unlock(new_ptl);
	spin_unlock(old_ptl);

	return true;
}

/** mm/mremap.c:move_normal_pud() */
function move_normal_pud(vma: struct_vm_area_struct, old_addr: unsigned_long,
	_new_addr: unsigned_long, old_pud: ptep_t, new_pud: ptep_t): boolean {
	const mm = vma.vm_mm!;

	if (WARN_ON_ONCE(!pud_none(pudp_get(new_pud))))
		return false;

	const old_ptl = pud_lock(mm, old_pud);
	const new_ptl = pud_lockptr(mm, new_pud);
	if (new_ptl !== old_ptl)
		spin_lock_nested(new_ptl, SINGLE_DEPTH_NESTING);

	const pud = pudp_get(old_pud);
	pud_clear(old_pud);

	VM_BUG_ON(!pud_none(pudp_get(new_pud)));

	pud_populate(mm, new_pud, pud_pgtable(pud));
	flush_tlb_range(vma, old_addr, old_addr + PUD_SIZE);
	if (new_ptl !== old_ptl)
		spin_unlock(new_ptl);
	spin_unlock(old_ptl);

	return true;
}

/* enum pgt_entry */
const NORMAL_PMD	= 0;
const HPAGE_PMD		= 1;
const NORMAL_PUD	= 2;

/** mm/mremap.c:get_extent(): bytes until either side crosses an entry of the level. */
function get_extent(entry: number, old_addr: unsigned_long, old_end: unsigned_long,
	new_addr: unsigned_long): unsigned_long {
	const size = entry === NORMAL_PUD ? PUD_SIZE : PMD_SIZE;
	let next = ALIGN(old_addr + 1, size);
	let extent = next - old_addr;

	if (extent > old_end - old_addr)
		extent = old_end - old_addr;
	next = ALIGN(new_addr + 1, size);
	if (extent > next - new_addr)
		extent = next - new_addr;
	return extent;
}

/** mm/mremap.c:move_pgt_entry() */
function move_pgt_entry(entry: number, vma: struct_vm_area_struct, old_addr: unsigned_long,
	new_addr: unsigned_long, old_entry: ptep_t, new_entry: ptep_t,
	need_rmap_locks: boolean): boolean {
	let moved = false;

	if (need_rmap_locks)
		take_rmap_locks(vma);

	switch (entry) {
	case NORMAL_PMD:
		moved = move_normal_pmd(vma, old_addr, new_addr, old_entry, new_entry);
		break;
	case NORMAL_PUD:
		moved = move_normal_pud(vma, old_addr, new_addr, old_entry, new_entry);
		break;
	case HPAGE_PMD:
		moved = move_huge_pmd(vma, old_addr, new_addr, old_entry, new_entry);
		break;
	default:
		WARN_ON_ONCE(true);
		break;
	}

	if (need_rmap_locks)
		drop_rmap_locks(vma);

	return moved;
}

/** mm/mremap.c:move_page_tables(); the bytes moved. */
export function move_page_tables(vma: struct_vm_area_struct, old_addr: unsigned_long,
	new_vma: struct_vm_area_struct, new_addr: unsigned_long, len: unsigned_long,
	need_rmap_locks: boolean): unsigned_long {
	const mm = vma.vm_mm!;
	let extent: unsigned_long;

	if (!len)
		return 0;

	const old_end = old_addr + len;

	if (is_vm_hugetlb_page(vma))
		return move_hugetlb_page_tables(vma, new_vma, old_addr, new_addr, len);

	const range = new struct_mmu_notifier_range(mm);
	mmu_notifier_range_init(range, MMU_NOTIFY_UNMAP, 0, vma, mm, old_addr, old_end);
	mmu_notifier_invalidate_range_start(range);

	for (; old_addr < old_end; old_addr += extent, new_addr += extent) {
		cond_resched();
		/* whole tables where both sides are aligned */
		extent = get_extent(NORMAL_PUD, old_addr, old_end, new_addr);

		const old_pud = get_old_pud(mm, old_addr);
		if (!old_pud)
			continue;
		const new_pud = alloc_new_pud(mm, vma, new_addr);
		if (!new_pud)
			break;
		if (extent === PUD_SIZE) {
			if (move_pgt_entry(NORMAL_PUD, vma, old_addr, new_addr, old_pud, new_pud,
				true))
				continue;
		}

		extent = get_extent(NORMAL_PMD, old_addr, old_end, new_addr);
		const old_pmd = get_old_pmd(mm, old_addr);
		if (!old_pmd)
			continue;
		const new_pmd = alloc_new_pmd(mm, vma, new_addr);
		if (!new_pmd)
			break;
		const pmdval = pmdp_get(old_pmd);
		if (is_swap_pmd(pmdval) || pmd_trans_huge(pmdval)) {
			if (extent === HPAGE_PMD_SIZE &&
			    move_pgt_entry(HPAGE_PMD, vma, old_addr, new_addr, old_pmd, new_pmd,
				need_rmap_locks))
				continue;
			split_huge_pmd(vma, old_pmd, old_addr);
			if (pmd_trans_unstable(old_pmd))
				continue;
		} else if (extent === PMD_SIZE) {
			/* the rmap locks are needed here in any case */
			if (move_pgt_entry(NORMAL_PMD, vma, old_addr, new_addr, old_pmd, new_pmd,
				true))
				continue;
		}

		if (pte_alloc(new_vma.vm_mm!, new_pmd))
			break;
		move_ptes(vma, old_pmd, old_addr, old_addr + extent, new_vma, new_pmd, new_addr,
			need_rmap_locks);
	}

	mmu_notifier_invalidate_range_end(range);

	return len + old_addr - old_end;
}

/* what mremap() must do after the lock is dropped */
class mremap_state {
	locked = false;
}

/** mm/mremap.c:move_vma(); the new address, or a negative errno. */
function move_vma(vma: struct_vm_area_struct, old_addr: unsigned_long, old_len: unsigned_long,
	new_len: unsigned_long, new_addr: unsigned_long, st: mremap_state,
	flags: number): unsigned_long {
	let to_account = new_len - old_len;
	const mm = vma.vm_mm!;
	const vm_flags = vma.vm_flags;
	let excess = 0;
	let split = 0;
	let err = 0;

	/* one may be split off at each end, and one added */
	if (mm.map_count >= sysctl_max_map_count - 3)
		return -ENOMEM;

	if (flags & MREMAP_DONTUNMAP)
		to_account = new_len;

	if (vma.vm_ops?.may_split) {
		if (vma.vm_start !== old_addr)
			err = vma.vm_ops.may_split(vma, old_addr);
		if (!err && vma.vm_end !== old_addr + old_len)
			err = vma.vm_ops.may_split(vma, old_addr + old_len);
		if (err)
			return err;
	}

	if (vm_flags & VM_ACCOUNT) {
		if (security_vm_enough_memory_mm(mm, ul_pages(to_account)))
			return -ENOMEM;
	}

	const new_pgoff = pgoff_t(vma.vm_pgoff + ul_shr(old_addr - vma.vm_start, PAGE_SHIFT));
	const vmap = new ref(vma);
	const need_rmap_locks = new ref(false);
	const new_vma = copy_vma(vmap, new_addr, new_len, new_pgoff, need_rmap_locks);
	vma = vmap.v;
	if (new_vma === null) {
		if (vm_flags & VM_ACCOUNT)
			vm_unacct_memory(ul_pages(to_account));
		return -ENOMEM;
	}

	const moved_len = move_page_tables(vma, old_addr, new_vma, new_addr, old_len,
		need_rmap_locks.v);
	if (moved_len < old_len) {
		err = -ENOMEM;
	} else if (vma.vm_ops?.mremap) {
		err = vma.vm_ops.mremap(new_vma);
	}

	if (err) {
		/* everything back; then the new one is what gets unmapped */
		move_page_tables(new_vma, new_addr, vma, old_addr, moved_len, true);
		vma = new_vma;
		old_len = new_len;
		old_addr = new_addr;
		new_addr = err;
	}

	if (is_vm_hugetlb_page(vma))
		clear_vma_resv_huge_pages(vma);

	/* do_munmap() must not give back what the new mapping goes on using */
	if (vm_flags & VM_ACCOUNT && !(flags & MREMAP_DONTUNMAP)) {
		vma.vm_flags &= ~VM_ACCOUNT;
		excess = vma.vm_end - vma.vm_start - old_len;
		if (old_addr > vma.vm_start && old_addr + old_len < vma.vm_end)
			split = 1;
	}

	/* the peak is not the sum of both: they never counted at once */
	const hiwater_vm = mm.hiwater_vm;
	vm_stat_account(mm, vma.vm_flags, ul_shr(new_len, PAGE_SHIFT));

	if (!err && (flags & MREMAP_DONTUNMAP)) {
		/* the old VMA stays, empty */
		vma.vm_flags &= VM_LOCKED_CLEAR_MASK;

		if (new_vma !== vma && vma.vm_start === old_addr &&
		    vma.vm_end === old_addr + old_len)
			unlink_anon_vmas(vma);

		return new_addr;
	}

	if (do_munmap(mm, old_addr, old_len) < 0) {
		/* out of memory: the old one stays, and counts again */
		if (vm_flags & VM_ACCOUNT && !(flags & MREMAP_DONTUNMAP))
			vm_acct_memory(ul_shr(old_len, PAGE_SHIFT));
		excess = 0;
	}

	if (vm_flags & VM_LOCKED) {
		mm.locked_vm += ul_shr(new_len, PAGE_SHIFT);
		st.locked = true;
	}

	mm.hiwater_vm = hiwater_vm;

	/* what is left of the old VMA gets its accounting back */
	if (excess) {
		vma.vm_flags |= VM_ACCOUNT;
		if (split)
			vma.vm_next!.vm_flags |= VM_ACCOUNT;
	}

	return new_addr;
}

/** Pages of a byte count that may be negative. */
function ul_pages(bytes: number): number {
	return bytes / PAGE_SIZE;
}

/** mm/mremap.c:vma_to_resize() */
function vma_to_resize(addr: unsigned_long, old_len: unsigned_long, new_len: unsigned_long,
	flags: number): struct_vm_area_struct | err_ptr {
	const mm = current.mm!;

	const vma = vma_lookup(mm, addr);
	if (vma === null)
		return ERR_PTR(-EFAULT);

	/* old_len 0 duplicates a shared mapping; of a private one there is nothing to duplicate */
	if (!old_len && !(vma.vm_flags & (VM_SHARED | VM_MAYSHARE))) {
		pr_warn_once(`${current.comm} (${current.pid}): attempted to duplicate a private ` +
			"mapping with mremap.  This is not supported.\n");
		return ERR_PTR(-EINVAL);
	}

	if ((flags & MREMAP_DONTUNMAP) && (vma.vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return ERR_PTR(-EINVAL);

	if (old_len > vma.vm_end - addr)
		return ERR_PTR(-EFAULT);

	if (new_len === old_len)
		return vma;

	if (vma.vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return ERR_PTR(-EFAULT);

	if (mlock_future_check(mm, vma.vm_flags, new_len - old_len))
		return ERR_PTR(-EAGAIN);

	if (!may_expand_vm(mm, vma.vm_flags, ul_pages(new_len - old_len)))
		return ERR_PTR(-ENOMEM);

	return vma;
}

/** mm/mremap.c:mremap_to() */
function mremap_to(addr: unsigned_long, old_len: unsigned_long, new_addr: unsigned_long,
	new_len: unsigned_long, st: mremap_state, flags: number): unsigned_long {
	const mm = current.mm!;
	let ret = -EINVAL;
	let map_flags = 0;

	if (offset_in_page(new_addr))
		return ret;

	if (new_len > TASK_SIZE || new_addr > TASK_SIZE - new_len)
		return ret;

	/* the two must not overlap */
	if (addr + old_len > new_addr && new_addr + new_len > addr)
		return ret;

	/* room for the splits of the worst case, before anything is unmapped */
	if (mm.map_count + 2 >= sysctl_max_map_count - 3)
		return -ENOMEM;

	if (flags & MREMAP_FIXED) {
		ret = do_munmap(mm, new_addr, new_len);
		if (ret)
			return ret;
	}

	if (old_len > new_len) {
		ret = do_munmap(mm, addr + new_len, old_len - new_len);
		if (ret)
			return ret;
		old_len = new_len;
	}

	const vma = vma_to_resize(addr, old_len, new_len, flags);
	if (IS_ERR(vma))
		return PTR_ERR(vma);

	/* MREMAP_DONTUNMAP adds a mapping of the same size */
	if (flags & MREMAP_DONTUNMAP &&
	    !may_expand_vm(mm, vma.vm_flags, ul_shr(old_len, PAGE_SHIFT)))
		return -ENOMEM;

	if (flags & MREMAP_FIXED)
		map_flags |= MAP_FIXED;

	if (vma.vm_flags & VM_MAYSHARE)
		map_flags |= MAP_SHARED;

	ret = get_unmapped_area(vma.vm_file, new_addr, new_len,
		pgoff_t(vma.vm_pgoff + ul_shr(addr - vma.vm_start, PAGE_SHIFT)), map_flags);
	if (IS_ERR_VALUE(ret))
		return ret;

	/* without MREMAP_FIXED, new_addr was not even a hint */
	if (!(flags & MREMAP_FIXED))
		new_addr = ret;
	return move_vma(vma, addr, old_len, new_len, new_addr, st, flags);
}

/** mm/mremap.c:vma_expandable(): nothing in the way behind @vma. */
function vma_expandable(vma: struct_vm_area_struct, delta: unsigned_long): boolean {
	const end = vma.vm_end + delta;

	if (vma.vm_next !== null && vma.vm_next.vm_start < end)
		return false;
	if (IS_ERR_VALUE(get_unmapped_area(null, vma.vm_start, end - vma.vm_start, pgoff_t(0),
		MAP_FIXED)))
		return false;
	return true;
}

/** mm/mremap.c:sys_mremap() */
function do_mremap(addr: unsigned_long, old_len: unsigned_long, new_len: unsigned_long,
	flags: number, new_addr: unsigned_long): unsigned_long {
	const mm = current.mm!;
	const st = new mremap_state();
	let ret: unsigned_long = -EINVAL;
	let downgraded = false;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	out: {
		const found = vma_lookup(mm, addr);
		if (found === null) {
			ret = -EFAULT;
			break out;
		}

		if (is_vm_hugetlb_page(found)) {
			const h = hstate_vma(found);

			old_len = ALIGN(old_len, huge_page_size(h));
			new_len = ALIGN(new_len, huge_page_size(h));

			if (!IS_ALIGNED(addr, huge_page_size(h)))
				break out;
			if (!IS_ALIGNED(new_addr, huge_page_size(h)))
				break out;

			/* growing would need a reservation: not supported */
			if (new_len > old_len)
				break out;
		}

		if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
			ret = mremap_to(addr, old_len, new_addr, new_len, st, flags);
			break out;
		}

		/* shrinking stays in place, and always works */
		if (old_len >= new_len) {
			const retval = __do_munmap(mm, addr + new_len, old_len - new_len, true);
			if (retval < 0 && old_len !== new_len) {
				ret = retval;
				break out;
			} else if (retval === 1)
				downgraded = true;
			ret = addr;
			break out;
		}

		const vma = vma_to_resize(addr, old_len, new_len, flags);
		if (IS_ERR(vma)) {
			ret = PTR_ERR(vma);
			break out;
		}

		/* nothing of the VMA follows: it may grow where it is */
		if (old_len === vma.vm_end - addr) {
			if (vma_expandable(vma, new_len - old_len)) {
				const pages = ul_shr(new_len - old_len, PAGE_SHIFT);

				if (vma.vm_flags & VM_ACCOUNT) {
					if (security_vm_enough_memory_mm(mm, pages)) {
						ret = -ENOMEM;
						break out;
					}
				}

				if (vma_adjust(vma, vma.vm_start, addr + new_len, vma.vm_pgoff,
					null)) {
					vm_unacct_memory(pages);
					ret = -ENOMEM;
					break out;
				}

				vm_stat_account(mm, vma.vm_flags, pages);
				if (vma.vm_flags & VM_LOCKED) {
					mm.locked_vm += pages;
					st.locked = true;
					new_addr = addr;
				}
				ret = addr;
				break out;
			}
		}

		/* a new place then */
		ret = -ENOMEM;
		if (flags & MREMAP_MAYMOVE) {
			let map_flags = 0;
			if (vma.vm_flags & VM_MAYSHARE)
				map_flags |= MAP_SHARED;

			new_addr = get_unmapped_area(vma.vm_file, 0, new_len,
				pgoff_t(vma.vm_pgoff + ul_shr(addr - vma.vm_start, PAGE_SHIFT)),
					map_flags);
			if (IS_ERR_VALUE(new_addr)) {
				ret = new_addr;
				break out;
			}

			ret = move_vma(vma, addr, old_len, new_len, new_addr, st, flags);
		}
	}
	if (IS_ERR_VALUE(ret))
		st.locked = false;
	if (downgraded)
		mmap_read_unlock(mm);
	else
		mmap_write_unlock(mm);
	if (st.locked && new_len > old_len)
		mm_populate(new_addr + old_len, new_len - old_len);
	return ret;
}

export const sys_mremap = SYSCALL_DEFINE("mremap", ["ulong", "ulong", "ulong", "ulong", "ulong"],
	(addr: ulong64, old_len: ulong64, new_len: ulong64, uflags: ulong64,
		new_addr: ulong64): number => {
		const low = BigInt(PAGE_SIZE - 1);

		if (uflags & ~BigInt(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
			return -EINVAL;
		const flags = Number(uflags);

		if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))
			return -EINVAL;

		/* nothing is left behind of another size than what moves */
		if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_len !== new_len))
			return -EINVAL;

		if (addr & low)
			return -EINVAL;

		old_len = u64(old_len + low) & ~low;
		new_len = u64(new_len + low) & ~low;

		/* old_len 0 is a feature, new_len 0 is not */
		if (!new_len)
			return -EINVAL;

		/* an unaligned new_addr above 2^53 lies beyond TASK_SIZE: the same -EINVAL */
		return do_mremap(Number(addr), Number(old_len), Number(new_len), flags,
			Number(new_addr));
	});
