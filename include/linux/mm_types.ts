// SPDX-License-Identifier: GPL-2.0
/*
 * struct page, struct vm_area_struct, struct mm_struct and what hangs on them.
 *
 * Upstream: include/linux/mm_types.h, and struct vm_fault and vm_operations_struct of
 * include/linux/mm.h. Instances are made by the page allocator, fork.ts and mmap.ts.
 */
import { type brand, type pgoff_t, type unsigned_long, pfn_nr, pgoff_t as to_pgoff } from
	"#asm-generic/types.ts";
import { struct_list_head } from "#linux/list.ts";
import { struct_rb_node, struct_rb_root } from "#linux/rbtree_types.ts";
import { struct_callback_head } from "#linux/rcupdate_types.ts";
import { spinlock_t } from "#linux/spinlock_types.ts";
import { struct_rw_semaphore } from "#linux/mutex_types.ts";
import type { struct_address_space, struct_file } from "#linux/fs.types.ts";
import type { struct_anon_vma } from "#linux/rmap.ts";
import type { struct_mmu_notifier_subscriptions } from "#linux/mmu_notifier.ts";
import type { struct_task_struct } from "#linux/sched.ts";
import { type pgprot_t, type pmd_t, type pte_t, __pgprot, __pmd, __pte } from
	"#asm/pgtable_types.ts";

export type vm_fault_t = number;
/** C: pte_t *, pmd_t * ...: physical address of the entry / 8; 0 stands for NULL. */
export type ptep_t = number;

/*
 * One page frame. Life: free (refcount 0, on a buddy list), allocated (refcount 1), shared by
 * references, back to free at 0. A compound page is a head and tails that point to it.
 *
 * Field protection: flags by atomic bit operations; mapping and index by PG_locked (and i_pages'
 * lock for the page cache); lru by the LRU or buddy lock; _mapcount by the page table lock.
 */
export class struct_page {
	/*
	 * First what every page's fault, reclaim and release read: two or three cache lines. V8
	 * lays fields out as they get their first value, and images leave out those without one.
	 */
	flags = 0;
	_refcount = 0;
	/** Number of page table mappings, starting at -1; in free and special pages, page_type. */
	_mapcount = -1;
	/** Low bits of C's mapping pointer (PAGE_MAPPING_ANON, PAGE_MAPPING_MOVABLE). */
	mapping_flags = 0;
	/** Head page of a tail; in heads and single pages themselves: so it is a page's folio. */
	compound_head: struct_page = this;
	readonly pfn: pfn_nr = pfn_nr(0);
	/** pgoff_t; in free pages and pagevecs whatever their owner keeps there. */
	index: pgoff_t = to_pgoff(0);
	/** Without its low bits. */
	mapping: struct_address_space | struct_anon_vma | null = null;
	/** buddy, LRU, pagevec or hugetlb free list. */
	lru: struct_list_head = new struct_list_head(this);
	/** C: private; buddy order of a free page, swap entry, hugetlb flags. */
	private_ = 0;
	/**
	 * C: shares lru.prev; mlocks of an unevictable page on the LRU. Of a page on a CPU's list,
	 * its migrate type.
	 */
	mlock_count = 0;
	/** Page table pages: pt_mm of pgds, pmd_huge_pte deposit; hugetlb: subpool. */
	pt_private: object | null = null;
	/** Page table pages: split page table lock; null elsewhere. */
	ptl: spinlock_t | null = null;
	/**
	 * Null until the page heads a compound page. Apart, because few do: struct pages lie behind
	 * one another, and reading one brings in no more of memory than its size.
	 */
	compound: struct_compound | null = null;

	constructor(pfn: pfn_nr) {
		this.pfn = pfn;
	}

	get compound_order(): number {
		return this.compound === null ? 0 : this.compound.order;
	}

	set compound_order(order: number) {
		(this.compound ??= new struct_compound()).order = order;
	}

	/** From -1. */
	get compound_mapcount(): number {
		return this.compound === null ? -1 : this.compound.mapcount;
	}

	set compound_mapcount(mapcount: number) {
		(this.compound ??= new struct_compound()).mapcount = mapcount;
	}

	get compound_pincount(): number {
		return this.compound === null ? 0 : this.compound.pincount;
	}

	set compound_pincount(pincount: number) {
		(this.compound ??= new struct_compound()).pincount = pincount;
	}

	get compound_dtor(): number {
		return this.compound === null ? 0 : this.compound.dtor;
	}

	set compound_dtor(dtor: number) {
		(this.compound ??= new struct_compound()).dtor = dtor;
	}

	get compound_nr(): number {
		return this.compound === null ? 0 : this.compound.nr;
	}

	set compound_nr(nr: number) {
		(this.compound ??= new struct_compound()).nr = nr;
	}

	/** THP split queue; null until a head needs one. */
	get deferred_list(): struct_list_head | null {
		return this.compound === null ? null : this.compound.deferred_list;
	}

	set deferred_list(list: struct_list_head | null) {
		(this.compound ??= new struct_compound()).deferred_list = list;
	}
}

/**
 * Port-only: a compound page's order, mappings of it as a whole, pins, destructor and size, which C
 * keeps in its first tail page. A page that headed one once keeps the object.
 */
class struct_compound {
	order = 0;
	mapcount = -1;
	pincount = 0;
	dtor = 0;
	nr = 0;
	deferred_list: struct_list_head | null = null;
}

/** The head page of a compound page, or a single page. */
export type struct_folio = brand<struct_page, "folio">;

/** Superset of pgtable_t. */
export type pgtable_t = struct_page;

/*
 * One mapping. Protected by mmap_lock; vm_start, vm_end, vm_pgoff and vm_flags of a file mapping
 * change under i_mmap_rwsem too; anon_vma_chain under mmap_lock and page_table_lock.
 */
export class struct_vm_area_struct {
	vm_start: unsigned_long = 0;
	vm_end: unsigned_long = 0;
	vm_next: struct_vm_area_struct | null = null;
	vm_prev: struct_vm_area_struct | null = null;
	vm_rb = new struct_rb_node(this);
	rb_subtree_gap: unsigned_long = 0;
	vm_mm: struct_mm_struct | null = null;
	vm_page_prot: pgprot_t = __pgprot(0, 0);
	/**
	 * 38 bits upstream; here the low 31 (VM_*), compared as a signed or unsigned 32-bit word.
	 */
	vm_flags = 0;
	/** C: shared.rb and shared.rb_subtree_last, linkage into address_space->i_mmap. */
	shared_rb = new struct_rb_node(this);
	shared_rb_subtree_last = 0;
	anon_vma_chain = new struct_list_head(this);
	anon_vma: struct_anon_vma | null = null;
	vm_ops: vm_operations_struct | null = null;
	vm_pgoff: pgoff_t = to_pgoff(0);
	vm_file: struct_file | null = null;
	vm_private_data: unknown = null;
	/** C: the low bits that hugetlb keeps in vm_private_data (HPAGE_RESV_*). */
	vm_private_flags = 0;
}

export const NR_MM_COUNTERS	= 4;
export const MM_FILEPAGES	= 0;
export const MM_ANONPAGES	= 1;
export const MM_SWAPENTS	= 2;
export const MM_SHMEMPAGES	= 3;

/*
 * One address space. Life: mm_alloc or dup_mm (mm_users 1, mm_count 1), mmput to 0 tears down the
 * mappings, mmdrop to 0 frees the struct.
 */
export class struct_mm_struct {
	mmap: struct_vm_area_struct | null = null;
	mm_rb = new struct_rb_root();
	/** per-thread vmacache sequence number */
	vmacache_seqnum = 0;
	get_unmapped_area: ((file: struct_file | null, addr: unsigned_long, len: unsigned_long,
		pgoff: pgoff_t, flags: number) => unsigned_long) | null = null;
	mmap_base: unsigned_long = 0;
	mmap_legacy_base: unsigned_long = 0;
	task_size: unsigned_long = 0;
	highest_vm_end: unsigned_long = 0;
	/** pgd: physical address / 8 of the top table; 0 before mm_alloc_pgd(). */
	pgd: ptep_t = 0;
	membarrier_state = 0;
	mm_users = 0;
	mm_count = 0;
	pgtables_bytes = 0;
	map_count = 0;
	page_table_lock = new spinlock_t();
	mmap_lock = new struct_rw_semaphore();
	mmlist = new struct_list_head(this);
	hiwater_rss = 0;
	hiwater_vm = 0;
	total_vm = 0;
	locked_vm = 0;
	pinned_vm = 0;
	data_vm = 0;
	exec_vm = 0;
	stack_vm = 0;
	def_flags = 0;
	has_pinned = 0;
	/** Seqcount against gup-fast during fork. */
	write_protect_seq = 0;
	start_code: unsigned_long = 0;
	end_code: unsigned_long = 0;
	start_data: unsigned_long = 0;
	end_data: unsigned_long = 0;
	start_brk: unsigned_long = 0;
	brk: unsigned_long = 0;
	start_stack: unsigned_long = 0;
	rss_stat: number[] = [0, 0, 0, 0];
	flags = 0;
	owner: struct_task_struct | null = null;
	exe_file: struct_file | null = null;
	notifier_subscriptions: struct_mmu_notifier_subscriptions | null = null;
	tlb_flush_pending = 0;
	tlb_flush_batched = 0;
	hugetlb_usage = 0;
	/** arch: asm/mmu.h's mm_context_t */
	context: { ctx_id: number; tlb_gen: number } = { ctx_id: 0, tlb_gen: 0 };
	/** CPUs that may hold translations of this mm, as a bit mask (at most 31 CPUs). */
	cpu_bitmap = 0;
	/** process-unique sequence of vm_area, for debugging */
	mm_id = 0;
	delayed_drop = new struct_callback_head(this);
}

const no_pte = __pte(0, 0), no_pmd = __pmd(0, 0);

/*
 * What a fault handler is told and what it returns. Phases: mask ... address are set by
 * __handle_mm_fault(), pmd ... orig_pmd on the way down, the rest by do_fault() and its leaves.
 */
export class struct_vm_fault {
	vma: struct_vm_area_struct;
	gfp_mask = 0;
	pgoff: pgoff_t = to_pgoff(0);
	/** page-aligned */
	address: unsigned_long = 0;
	flags = 0;
	pmd: ptep_t = 0;
	orig_pte: pte_t = no_pte;
	orig_pmd: pmd_t = no_pmd;
	cow_page: struct_page | null = null;
	page: struct_page | null = null;
	pte: ptep_t = 0;
	ptl: spinlock_t | null = null;
	prealloc_pte: pgtable_t | null = null;

	constructor(vma: struct_vm_area_struct) {
		this.vma = vma;
	}
}

export interface vm_operations_struct {
	open?: (area: struct_vm_area_struct) => void;
	close?: (area: struct_vm_area_struct) => void;
	may_split?: (area: struct_vm_area_struct, addr: unsigned_long) => number;
	mremap?: (area: struct_vm_area_struct) => number;
	mprotect?: (vma: struct_vm_area_struct, start: unsigned_long, end: unsigned_long,
		newflags: number) => number;
	fault?: (vmf: struct_vm_fault) => vm_fault_t;
	huge_fault?: (vmf: struct_vm_fault, pe_size: number) => vm_fault_t;
	map_pages?: (vmf: struct_vm_fault, start_pgoff: pgoff_t, end_pgoff: pgoff_t) => vm_fault_t;
	pagesize?: (area: struct_vm_area_struct) => unsigned_long;
	page_mkwrite?: (vmf: struct_vm_fault) => vm_fault_t;
	pfn_mkwrite?: (vmf: struct_vm_fault) => vm_fault_t;
	access?: (vma: struct_vm_area_struct, addr: unsigned_long, buf: Uint8Array, len: number,
		write: number) => number;
	name?: (vma: struct_vm_area_struct) => string | null;
	find_special_page?: (vma: struct_vm_area_struct, addr: unsigned_long) => struct_page | null;
}
