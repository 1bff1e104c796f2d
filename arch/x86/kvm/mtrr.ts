// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory type range registers: what types they give to its memory.
 *
 * Upstream: arch/x86/kvm/mtrr.c. Values of MSRs are bigints, guest addresses numbers.
 *
 *	segment	a part of the first MiB that fixed registers of one kind cover
 *	unit	what one of these registers covers: eight ranges
 *	range	memory of one type
 */
import { pair_to_u64 } from "#asm-generic/pair.ts";
import { gfn_t, type ref } from "#asm-generic/types.ts";
import { ul_shr } from "#asm-generic/bits.ts";
import { WARN_ON } from "#linux/bug.ts";
import { gfn_to_gpa, kvm_arch_has_noncoherent_dma, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, type struct_list_head } from "#linux/list.ts";
import { container_of } from "#asm-generic/owner.ts";
import { X86_FEATURE_MTRR } from "#asm/cpufeatures.ts";
import { KVM_NR_FIXED_MTRR_REGION, KVM_NR_VAR_MTRR } from "#asm/kvm_host.const.ts";
import { struct_kvm_mtrr_range, tdp_enabled, type struct_kvm_mtrr } from "#asm/kvm_host.ts";
import { MSR_IA32_CR_PAT, MSR_MTRRcap, MSR_MTRRdefType, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	MSR_MTRRfix64K_00000 } from "#asm/msr-index.ts";
import { MTRR_TYPE_UNCACHABLE, MTRR_TYPE_WRBACK, MTRR_TYPE_WRTHROUGH } from "#asm/mtrr.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { guest_cpuid_has, kvm_vcpu_reserved_gpa_bits_raw } from "#arch/x86/kvm/cpuid.h.ts";
import { kvm_zap_gfn_range } from "#arch/x86/kvm/mmu.h.ts";
import { kvm_pat_valid } from "#arch/x86/kvm/x86.h.ts";

const IA32_MTRR_DEF_TYPE_E		= 1n << 11n;
const IA32_MTRR_DEF_TYPE_FE		= 1n << 10n;
const IA32_MTRR_DEF_TYPE_TYPE_MASK	= 0xffn;

/** Stands for the end of all addresses. */
const END = 2 ** 52;

/** arch/x86/kvm/mtrr.c:msr_mtrr_valid() */
function msr_mtrr_valid(msr: number): boolean {
	if (msr >= 0x200 && msr <= 0x200 + 2 * KVM_NR_VAR_MTRR - 1)
		return true;
	switch (msr) {
	case MSR_MTRRfix64K_00000:
	case MSR_MTRRfix16K_80000:
	case MSR_MTRRfix16K_A0000:
	case MSR_MTRRfix4K_C0000:
	case MSR_MTRRfix4K_C8000:
	case MSR_MTRRfix4K_D0000:
	case MSR_MTRRfix4K_D8000:
	case MSR_MTRRfix4K_E0000:
	case MSR_MTRRfix4K_E8000:
	case MSR_MTRRfix4K_F0000:
	case MSR_MTRRfix4K_F8000:
	case MSR_MTRRdefType:
	case MSR_IA32_CR_PAT:
		return true;
	}
	return false;
}

/** arch/x86/kvm/mtrr.c:valid_mtrr_type() */
function valid_mtrr_type(t: number): boolean {
	return t < 8 && (1 << t & 0x73) !== 0;	/* UC WC WT WP WB */
}

/** arch/x86/kvm/mtrr.c:kvm_mtrr_valid() */
export function kvm_mtrr_valid(vcpu: struct_kvm_vcpu, msr: number, data: bigint): boolean {
	if (!msr_mtrr_valid(msr))
		return false;

	if (msr === MSR_IA32_CR_PAT) {
		return kvm_pat_valid(data);
	} else if (msr === MSR_MTRRdefType) {
		if ((data & ~0xcffn) !== 0n)
			return false;
		return valid_mtrr_type(Number(data & 0xffn));
	} else if (msr >= MSR_MTRRfix64K_00000 && msr <= MSR_MTRRfix4K_F8000) {
		for (let i = 0n; i < 8n; i++)
			if (!valid_mtrr_type(Number((data >> (i * 8n)) & 0xffn)))
				return false;
		return true;
	}

	WARN_ON(!(msr >= 0x200 && msr < 0x200 + 2 * KVM_NR_VAR_MTRR));

	let mask = pair_to_u64(kvm_vcpu_reserved_gpa_bits_raw(vcpu));
	if ((msr & 1) === 0) {
		/* base */
		if (!valid_mtrr_type(Number(data & 0xffn)))
			return false;
		mask |= 0xf00n;
	} else
		/* mask */
		mask |= 0x7ffn;

	return (data & mask) === 0n;
}

/** arch/x86/kvm/mtrr.c:mtrr_is_enabled() */
function mtrr_is_enabled(mtrr_state: struct_kvm_mtrr): boolean {
	return (mtrr_state.deftype & IA32_MTRR_DEF_TYPE_E) !== 0n;
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_is_enabled() */
function fixed_mtrr_is_enabled(mtrr_state: struct_kvm_mtrr): boolean {
	return (mtrr_state.deftype & IA32_MTRR_DEF_TYPE_FE) !== 0n;
}

/** arch/x86/kvm/mtrr.c:mtrr_default_type() */
function mtrr_default_type(mtrr_state: struct_kvm_mtrr): number {
	return Number(mtrr_state.deftype & IA32_MTRR_DEF_TYPE_TYPE_MASK);
}

/**
 * arch/x86/kvm/mtrr.c:mtrr_disabled_type(). A CPU whose registers are off has uncached memory only;
 * but a guest whose CPU has none could never turn them on.
 */
function mtrr_disabled_type(vcpu: struct_kvm_vcpu): number {
	if (guest_cpuid_has(vcpu, X86_FEATURE_MTRR))
		return MTRR_TYPE_UNCACHABLE;
	else
		return MTRR_TYPE_WRBACK;
}

interface fixed_mtrr_segment {
	readonly start: number;
	readonly end: number;

	readonly range_shift: number;

	/** of its first range, in kvm_mtrr.fixed_ranges */
	readonly range_start: number;
}

const fixed_seg_table: readonly fixed_mtrr_segment[] = [
	/* MSR_MTRRfix64K_00000: 1 unit */
	{ start: 0x0, end: 0x80000, range_shift: 16, range_start: 0 },
	/* MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000: 2 units */
	{ start: 0x80000, end: 0xc0000, range_shift: 14, range_start: 8 },
	/* MSR_MTRRfix4K_C0000 to MSR_MTRRfix4K_F8000: 8 units */
	{ start: 0xc0000, end: 0x100000, range_shift: 12, range_start: 24 },
];

/** arch/x86/kvm/mtrr.c:fixed_mtrr_seg_unit_size() */
function fixed_mtrr_seg_unit_size(seg: number): number {
	return 8 << fixed_seg_table[seg]!.range_shift;
}

/** arch/x86/kvm/mtrr.c:fixed_msr_to_seg_unit(): seg * 8 + unit, or -1. */
function fixed_msr_to_seg_unit(msr: number): number {
	if (msr === MSR_MTRRfix64K_00000)
		return 0;
	if (msr >= MSR_MTRRfix16K_80000 && msr <= MSR_MTRRfix16K_A0000)
		return 1 * 8 + msr - MSR_MTRRfix16K_80000;
	if (msr >= MSR_MTRRfix4K_C0000 && msr <= MSR_MTRRfix4K_F8000)
		return 2 * 8 + msr - MSR_MTRRfix4K_C0000;
	return -1;
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_seg_unit_range_index() */
function fixed_mtrr_seg_unit_range_index(seg: number, unit: number): number {
	const mtrr_seg = fixed_seg_table[seg]!;

	WARN_ON(mtrr_seg.start + unit * fixed_mtrr_seg_unit_size(seg) > mtrr_seg.end);

	return mtrr_seg.range_start + 8 * unit;
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_seg_end_range_index() */
function fixed_mtrr_seg_end_range_index(seg: number): number {
	const mtrr_seg = fixed_seg_table[seg]!;

	const n = (mtrr_seg.end - mtrr_seg.start) >> mtrr_seg.range_shift;
	return mtrr_seg.range_start + n - 1;
}

/** arch/x86/kvm/mtrr.c:fixed_msr_to_range(), fixed_mtrr_seg_unit_range(): its start, or -1. */
function fixed_msr_to_range(msr: number): number {
	const at = fixed_msr_to_seg_unit(msr);

	if (at < 0)
		return -1;

	const mtrr_seg = fixed_seg_table[at >> 3]!, unit_size = fixed_mtrr_seg_unit_size(at >> 3);
	const start = mtrr_seg.start + (at & 7) * unit_size;
	WARN_ON(start + unit_size > mtrr_seg.end);
	return start;
}

/** arch/x86/kvm/mtrr.c:fixed_msr_to_range_index() */
function fixed_msr_to_range_index(msr: number): number {
	const at = fixed_msr_to_seg_unit(msr);

	if (at < 0)
		return -1;

	return fixed_mtrr_seg_unit_range_index(at >> 3, at & 7);
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_addr_to_seg() */
function fixed_mtrr_addr_to_seg(addr: number): number {
	for (let seg = 0; seg < fixed_seg_table.length; seg++) {
		const mtrr_seg = fixed_seg_table[seg]!;
		if (mtrr_seg.start <= addr && addr < mtrr_seg.end)
			return seg;
	}

	return -1;
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_addr_seg_to_range_index() */
function fixed_mtrr_addr_seg_to_range_index(addr: number, seg: number): number {
	const mtrr_seg = fixed_seg_table[seg]!;

	return mtrr_seg.range_start + ((addr - mtrr_seg.start) >> mtrr_seg.range_shift);
}

/** arch/x86/kvm/mtrr.c:fixed_mtrr_range_end_addr() */
function fixed_mtrr_range_end_addr(seg: number, index: number): number {
	const mtrr_seg = fixed_seg_table[seg]!;
	const pos = index - mtrr_seg.range_start;

	return mtrr_seg.start + ((pos + 1) << mtrr_seg.range_shift);
}

/** arch/x86/kvm/mtrr.c:var_mtrr_range(), its start. */
function var_mtrr_range_start(range: struct_kvm_mtrr_range): number {
	return Number(range.base & ~0xfffn);
}

/**
 * arch/x86/kvm/mtrr.c:var_mtrr_range(), its end; cannot wrap, as writing reserved bits is a #GP.
 */
function var_mtrr_range_end(range: struct_kvm_mtrr_range): number {
	const mask = range.mask & ~0xfffn;

	return Number((range.base & ~0xfffn | BigInt.asUintN(64, ~mask)) + 1n);
}

/** arch/x86/kvm/mtrr.c:update_mtrr(): what KVM mapped with the old types has to go. */
function update_mtrr(vcpu: struct_kvm_vcpu, msr: number): void {
	const mtrr_state = vcpu.arch.mtrr_state;
	let start: number, end: number;

	if (msr === MSR_IA32_CR_PAT || !tdp_enabled || !kvm_arch_has_noncoherent_dma(vcpu.kvm))
		return;

	if (!mtrr_is_enabled(mtrr_state) && msr !== MSR_MTRRdefType)
		return;

	start = fixed_msr_to_range(msr);
	if (start >= 0) {
		if (!fixed_mtrr_is_enabled(mtrr_state))
			return;
		end = start + fixed_mtrr_seg_unit_size(fixed_msr_to_seg_unit(msr) >> 3);
	} else if (msr === MSR_MTRRdefType) {
		start = 0x0;
		end = END;
	} else {
		const index = (msr - 0x200) >> 1;

		start = var_mtrr_range_start(mtrr_state.var_ranges[index]!);
		end = Math.min(var_mtrr_range_end(mtrr_state.var_ranges[index]!), END);
	}

	kvm_zap_gfn_range(vcpu.kvm, gfn_t(ul_shr(start, PAGE_SHIFT)),
		gfn_t(ul_shr(end, PAGE_SHIFT)));
}

/** arch/x86/kvm/mtrr.c:var_mtrr_range_is_valid() */
function var_mtrr_range_is_valid(range: struct_kvm_mtrr_range): boolean {
	return (range.mask & (1n << 11n)) !== 0n;
}

/** arch/x86/kvm/mtrr.c:set_var_mtrr_msr(); mtrr_state.head lists those in use, by base. */
function set_var_mtrr_msr(vcpu: struct_kvm_vcpu, msr: number, data: bigint): void {
	const mtrr_state = vcpu.arch.mtrr_state;

	const index = (msr - 0x200) >> 1;
	const is_mtrr_mask = msr - 0x200 - 2 * index;
	const cur = mtrr_state.var_ranges[index]!;

	if (var_mtrr_range_is_valid(cur))
		list_del(cur.node);

	/* bits that no address has: as if they were set in the mask, though never read so */
	if (!is_mtrr_mask)
		cur.base = data;
	else
		cur.mask = data | pair_to_u64(kvm_vcpu_reserved_gpa_bits_raw(vcpu));

	if (var_mtrr_range_is_valid(cur)) {
		let pos = mtrr_state.head.next;

		for (; pos !== mtrr_state.head; pos = pos.next)
			if (cur.base >= container_of(pos, struct_kvm_mtrr_range, "node").base)
				break;
		list_add_tail(cur.node, pos);
	}
}

const u64_ranges = (ranges: Uint8Array, index: number): DataView =>
	new DataView(ranges.buffer, ranges.byteOffset + index, 8);

/** arch/x86/kvm/mtrr.c:kvm_mtrr_set_msr(): 1 is #GP. */
export function kvm_mtrr_set_msr(vcpu: struct_kvm_vcpu, msr: number, data: bigint): number {
	if (!kvm_mtrr_valid(vcpu, msr, data))
		return 1;

	const index = fixed_msr_to_range_index(msr);
	if (index >= 0)
		u64_ranges(vcpu.arch.mtrr_state.fixed_ranges, index).setBigUint64(0, data, true);
	else if (msr === MSR_MTRRdefType)
		vcpu.arch.mtrr_state.deftype = data;
	else if (msr === MSR_IA32_CR_PAT)
		vcpu.arch.pat = data;
	else
		set_var_mtrr_msr(vcpu, msr, data);

	update_mtrr(vcpu, msr);
	return 0;
}

/** arch/x86/kvm/mtrr.c:kvm_mtrr_get_msr(): 1 is #GP. */
export function kvm_mtrr_get_msr(vcpu: struct_kvm_vcpu, msr: number, pdata: ref<bigint>): number {
	if (msr === MSR_MTRRcap) {
		/* write combining, fixed registers, number of variable ones */
		pdata.v = BigInt(0x500 | KVM_NR_VAR_MTRR);
		return 0;
	}

	if (!msr_mtrr_valid(msr))
		return 1;

	let index = fixed_msr_to_range_index(msr);
	if (index >= 0)
		pdata.v = u64_ranges(vcpu.arch.mtrr_state.fixed_ranges, index)
			.getBigUint64(0, true);
	else if (msr === MSR_MTRRdefType)
		pdata.v = vcpu.arch.mtrr_state.deftype;
	else if (msr === MSR_IA32_CR_PAT)
		pdata.v = vcpu.arch.pat;
	else {
		index = (msr - 0x200) >> 1;
		const is_mtrr_mask = msr - 0x200 - 2 * index;
		if (!is_mtrr_mask)
			pdata.v = vcpu.arch.mtrr_state.var_ranges[index]!.base;
		else
			pdata.v = vcpu.arch.mtrr_state.var_ranges[index]!.mask;

		pdata.v &= ~pair_to_u64(kvm_vcpu_reserved_gpa_bits_raw(vcpu));
	}

	return 0;
}

/** arch/x86/kvm/mtrr.c:kvm_vcpu_mtrr_init() */
export function kvm_vcpu_mtrr_init(vcpu: struct_kvm_vcpu): void {
	INIT_LIST_HEAD(vcpu.arch.mtrr_state.head);
}

/** A walk over the types of [start, end). */
class mtrr_iter {
	mtrr_state: struct_kvm_mtrr;
	start: number;
	end: number;

	mem_type = 0;
	/** the registers are off altogether */
	mtrr_disabled = false;
	/** a part is in no range */
	partial_map = false;

	/* fixed registers */
	index = 0;
	seg = 0;

	/* variable ones: where it is, and up to where they cover */
	range: struct_list_head | null = null;
	start_max = 0;

	fixed = false;

	constructor(mtrr_state: struct_kvm_mtrr, start: number, end: number) {
		this.mtrr_state = mtrr_state;
		this.start = start;
		this.end = end;
	}
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_fixed_start() */
function mtrr_lookup_fixed_start(iter: mtrr_iter): boolean {
	if (!fixed_mtrr_is_enabled(iter.mtrr_state))
		return false;

	const seg = fixed_mtrr_addr_to_seg(iter.start);
	if (seg < 0)
		return false;

	iter.fixed = true;
	const index = fixed_mtrr_addr_seg_to_range_index(iter.start, seg);
	iter.index = index;
	iter.seg = seg;
	return true;
}

/** arch/x86/kvm/mtrr.c:match_var_range() */
function match_var_range(iter: mtrr_iter, node: struct_list_head): boolean {
	const range = container_of(node, struct_kvm_mtrr_range, "node");
	const start = var_mtrr_range_start(range), end = var_mtrr_range_end(range);

	if (!(start >= iter.end || end <= iter.start)) {
		iter.range = node;

		/* what lies before it is in no range that was met so far */
		if (iter.start_max < start)
			iter.partial_map = true;

		iter.start_max = Math.max(iter.start_max, end);
		return true;
	}

	return false;
}

/** arch/x86/kvm/mtrr.c:__mtrr_lookup_var_next() */
function __mtrr_lookup_var_next(iter: mtrr_iter): void {
	const head = iter.mtrr_state.head;

	for (let pos = iter.range!.next; pos !== head; pos = pos.next)
		if (match_var_range(iter, pos))
			return;

	iter.range = null;
	if (iter.start_max < iter.end)
		iter.partial_map = true;
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_var_start() */
function mtrr_lookup_var_start(iter: mtrr_iter): void {
	iter.fixed = false;
	iter.start_max = iter.start;
	iter.range = iter.mtrr_state.head;

	__mtrr_lookup_var_next(iter);
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_fixed_next() */
function mtrr_lookup_fixed_next(iter: mtrr_iter): void {
	if (fixed_mtrr_range_end_addr(iter.seg, iter.index) >= iter.end) {
		iter.fixed = false;
		iter.range = null;
		return;
	}

	iter.index++;

	if (iter.index >= KVM_NR_FIXED_MTRR_REGION)
		return mtrr_lookup_var_start(iter);

	if (iter.index > fixed_mtrr_seg_end_range_index(iter.seg))
		iter.seg++;
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_start() */
function mtrr_lookup_start(iter: mtrr_iter): void {
	if (!mtrr_is_enabled(iter.mtrr_state)) {
		iter.mtrr_disabled = true;
		return;
	}

	if (!mtrr_lookup_fixed_start(iter))
		mtrr_lookup_var_start(iter);
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_okay() */
function mtrr_lookup_okay(iter: mtrr_iter): boolean {
	if (iter.fixed) {
		iter.mem_type = iter.mtrr_state.fixed_ranges[iter.index]!;
		return true;
	}

	if (iter.range !== null) {
		iter.mem_type = Number(
			container_of(iter.range, struct_kvm_mtrr_range, "node").base & 0xffn);
		return true;
	}

	return false;
}

/** arch/x86/kvm/mtrr.c:mtrr_lookup_next() */
function mtrr_lookup_next(iter: mtrr_iter): void {
	if (iter.fixed)
		mtrr_lookup_fixed_next(iter);
	else
		__mtrr_lookup_var_next(iter);
}

/** arch/x86/kvm/mtrr.c:kvm_mtrr_get_guest_memory_type() */
export function kvm_mtrr_get_guest_memory_type(vcpu: struct_kvm_vcpu, gfn: gfn_t): number {
	const mtrr_state = vcpu.arch.mtrr_state;
	const wt_wb_mask = (1 << MTRR_TYPE_WRBACK) | (1 << MTRR_TYPE_WRTHROUGH);
	let type = -1;

	const start = gfn_to_gpa(gfn);
	const iter = new mtrr_iter(mtrr_state, start, start + PAGE_SIZE);

	for (mtrr_lookup_start(iter); mtrr_lookup_okay(iter); mtrr_lookup_next(iter)) {
		const curr_type = iter.mem_type;

		if (type === -1) {
			type = curr_type;
			continue;
		}

		/* overlapping ranges: the same type is that type, */
		if (type === curr_type)
			continue;

		/* uncached wins, */
		if (curr_type === MTRR_TYPE_UNCACHABLE)
			return MTRR_TYPE_UNCACHABLE;

		/* and so does write-through over write-back */
		if ((1 << type & wt_wb_mask) !== 0 && (1 << curr_type & wt_wb_mask) !== 0) {
			type = MTRR_TYPE_WRTHROUGH;
			continue;
		}

		/* the rest is undefined */
		return MTRR_TYPE_WRBACK;
	}

	if (iter.mtrr_disabled)
		return mtrr_disabled_type(vcpu);

	if (type === -1)
		return mtrr_default_type(mtrr_state);

	/* a page is wholly inside or outside of a range */
	WARN_ON(iter.partial_map);

	return type;
}

/** arch/x86/kvm/mtrr.c:kvm_mtrr_check_gfn_range_consistency() */
export function kvm_mtrr_check_gfn_range_consistency(vcpu: struct_kvm_vcpu, gfn: gfn_t,
	page_num: number): boolean {
	const mtrr_state = vcpu.arch.mtrr_state;
	let type = -1;

	const start = gfn_to_gpa(gfn);
	const end = gfn_to_gpa(gfn_t(gfn + page_num));
	const iter = new mtrr_iter(mtrr_state, start, end);
	for (mtrr_lookup_start(iter); mtrr_lookup_okay(iter); mtrr_lookup_next(iter)) {
		if (type === -1) {
			type = iter.mem_type;
			continue;
		}

		if (type !== iter.mem_type)
			return false;
	}

	if (iter.mtrr_disabled)
		return true;

	if (!iter.partial_map)
		return true;

	if (type === -1)
		return true;

	return type === mtrr_default_type(mtrr_state);
}
