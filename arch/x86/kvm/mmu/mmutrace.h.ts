// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events of the MMU.
 *
 * Upstream: arch/x86/kvm/mmu/mmutrace.h. Left out: nothing; those of shadow paging never fire.
 */
import { ul_or_low } from "#asm-generic/bits.ts";
import { pair, pair_copy, pair_is_zero, pair_test, pair_to_u64, type u64_spte } from
	"#asm-generic/pair.ts";
import type { gfn_t } from "#asm-generic/types.ts";
import { mem_hi, mem_lo } from "#hw/memory.ts";
import type { struct_kvm, struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { __print_flags, TRACE_DEFINE_ENUM, TRACE_EVENT } from "#linux/tracepoint.ts";
import { KVM_PAGES_PER_HPAGE, PFERR_FETCH_MASK, PFERR_PRESENT_MASK, PFERR_RSVD_MASK,
	PFERR_USER_MASK, PFERR_WRITE_MASK } from "#asm/kvm_host.ts";
import { RET_PF_CONTINUE, RET_PF_EMULATE, RET_PF_FIXED, RET_PF_INVALID, RET_PF_RETRY,
	RET_PF_SPURIOUS, RET_PF_USER, type sptep_t, type struct_kvm_mmu_page,
	type struct_kvm_page_fault } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { ACC_ALL, get_mmio_spte_generation, is_executable_pte, shadow_present_mask,
	shadow_user_mask } from "#arch/x86/kvm/mmu/spte.h.ts";
import { PT_PRESENT_MASK, PT_WRITABLE_MASK } from "#arch/x86/kvm/mmu.const.ts";

const hex = (x: number | bigint): string => x.toString(16);
const spte_hex = (x: u64_spte): string => hex(pair_to_u64(x));
/* physical, where C prints a kernel address */
const sptep_hex = (sptep: sptep_t): string => hex(sptep * 8);

const access_str = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];

function KVM_MMU_PAGE_PRINTK(sp: struct_kvm_mmu_page): string {
	const role = sp.role;

	return `sp gen ${sp.mmu_valid_gen} gfn ${hex(sp.gfn)} l${role.level} ` +
		`${role.has_4_byte_gpte !== 0 ? 4 : 8}-byte q${role.quadrant}` +
		`${role.direct !== 0 ? " direct" : ""} ${access_str[role.access]!}` +
		`${role.invalid !== 0 ? " invalid" : ""} ${role.efer_nx !== 0 ? "" : "!"}nxe ` +
		`${role.ad_disabled !== 0 ? "!" : ""}ad ` +
		`root ${sp.tdp_mmu_page ? sp.tdp_mmu_root_count.refs : sp.root_count} ` +
		(sp.unsync ? "unsync" : "sync");
}

const pferr_flags = (pferr: number): string => __print_flags(pferr, "|", [
	[PFERR_PRESENT_MASK, "P"],
	[PFERR_WRITE_MASK, "W"],
	[PFERR_USER_MASK, "U"],
	[PFERR_RSVD_MASK, "RSVD"],
	[PFERR_FETCH_MASK, "F"],
]);

TRACE_DEFINE_ENUM("RET_PF_CONTINUE", () => RET_PF_CONTINUE);
TRACE_DEFINE_ENUM("RET_PF_RETRY", () => RET_PF_RETRY);
TRACE_DEFINE_ENUM("RET_PF_EMULATE", () => RET_PF_EMULATE);
TRACE_DEFINE_ENUM("RET_PF_INVALID", () => RET_PF_INVALID);
/* @hunk 7:1 */
TRACE_DEFINE_ENUM("RET_PF_USER", () => RET_PF_USER);
TRACE_DEFINE_ENUM("RET_PF_FIXED", () => RET_PF_FIXED);
TRACE_DEFINE_ENUM("RET_PF_SPURIOUS", () => RET_PF_SPURIOUS);

const __tracepoint_kvm_mmu_pagetable_walk = TRACE_EVENT("kvmmmu", "kvm_mmu_pagetable_walk",
	(addr: number, pferr: number) =>
		`addr ${hex(addr)} pferr ${hex(pferr)} ${pferr_flags(pferr)}`);

/** Of the guest's tables: the walk begins. */
export function trace_kvm_mmu_pagetable_walk(addr: number, pferr: number): void {
	if (__tracepoint_kvm_mmu_pagetable_walk.enabled)
		__tracepoint_kvm_mmu_pagetable_walk.fire(addr, pferr);
}

const __tracepoint_kvm_mmu_paging_element = TRACE_EVENT("kvmmmu", "kvm_mmu_paging_element",
	(pte: u64_spte, level: number) => `pte ${spte_hex(pte)} level ${level}`);

/** It has come to an entry. */
export function trace_kvm_mmu_paging_element(pte: u64_spte, level: number): void {
	if (__tracepoint_kvm_mmu_paging_element.enabled)
		__tracepoint_kvm_mmu_paging_element.fire(pte, level);
}

const kvm_mmu_set_bit_class = (table_gfn: number, index: number, size: number): string =>
	`gpa ${hex(table_gfn * 4096 + index * size)}`;

const __tracepoint_kvm_mmu_set_accessed_bit =
	TRACE_EVENT("kvmmmu", "kvm_mmu_set_accessed_bit", kvm_mmu_set_bit_class);

export function trace_kvm_mmu_set_accessed_bit(table_gfn: gfn_t, index: number,
	size: number): void {
	if (__tracepoint_kvm_mmu_set_accessed_bit.enabled)
		__tracepoint_kvm_mmu_set_accessed_bit.fire(table_gfn, index, size);
}

const __tracepoint_kvm_mmu_set_dirty_bit =
	TRACE_EVENT("kvmmmu", "kvm_mmu_set_dirty_bit", kvm_mmu_set_bit_class);

export function trace_kvm_mmu_set_dirty_bit(table_gfn: gfn_t, index: number, size: number): void {
	if (__tracepoint_kvm_mmu_set_dirty_bit.enabled)
		__tracepoint_kvm_mmu_set_dirty_bit.fire(table_gfn, index, size);
}

const __tracepoint_kvm_mmu_walker_error = TRACE_EVENT("kvmmmu", "kvm_mmu_walker_error",
	(pferr: number) => `pferr ${hex(pferr)} ${pferr_flags(pferr)}`);

export function trace_kvm_mmu_walker_error(pferr: number): void {
	if (__tracepoint_kvm_mmu_walker_error.enabled)
		__tracepoint_kvm_mmu_walker_error.fire(pferr);
}

const __tracepoint_kvm_mmu_get_page = TRACE_EVENT("kvmmmu", "kvm_mmu_get_page",
	(sp: struct_kvm_mmu_page, created: boolean) =>
		`${KVM_MMU_PAGE_PRINTK(sp)} ${created ? "new" : "existing"}`);

export function trace_kvm_mmu_get_page(sp: struct_kvm_mmu_page, created: boolean): void {
	if (__tracepoint_kvm_mmu_get_page.enabled)
		__tracepoint_kvm_mmu_get_page.fire(sp, created);
}

const __tracepoint_kvm_mmu_sync_page =
	TRACE_EVENT("kvmmmu", "kvm_mmu_sync_page", KVM_MMU_PAGE_PRINTK);

export function trace_kvm_mmu_sync_page(sp: struct_kvm_mmu_page): void {
	if (__tracepoint_kvm_mmu_sync_page.enabled)
		__tracepoint_kvm_mmu_sync_page.fire(sp);
}

const __tracepoint_kvm_mmu_unsync_page =
	TRACE_EVENT("kvmmmu", "kvm_mmu_unsync_page", KVM_MMU_PAGE_PRINTK);

export function trace_kvm_mmu_unsync_page(sp: struct_kvm_mmu_page): void {
	if (__tracepoint_kvm_mmu_unsync_page.enabled)
		__tracepoint_kvm_mmu_unsync_page.fire(sp);
}

const __tracepoint_kvm_mmu_prepare_zap_page =
	TRACE_EVENT("kvmmmu", "kvm_mmu_prepare_zap_page", KVM_MMU_PAGE_PRINTK);

export function trace_kvm_mmu_prepare_zap_page(sp: struct_kvm_mmu_page): void {
	if (__tracepoint_kvm_mmu_prepare_zap_page.enabled)
		__tracepoint_kvm_mmu_prepare_zap_page.fire(sp);
}

const __tracepoint_mark_mmio_spte = TRACE_EVENT("kvmmmu", "mark_mmio_spte",
	(sptep: sptep_t, gfn: gfn_t, spte: u64_spte) =>
		`sptep:${sptep_hex(sptep)} gfn ${hex(gfn)} access ${hex(spte.lo & ACC_ALL)} ` +
		`gen ${hex(get_mmio_spte_generation(spte))}`);

export function trace_mark_mmio_spte(sptep: sptep_t, gfn: gfn_t, spte: u64_spte): void {
	if (__tracepoint_mark_mmio_spte.enabled)
		__tracepoint_mark_mmio_spte.fire(sptep, gfn, spte);
}

const __tracepoint_handle_mmio_page_fault = TRACE_EVENT("kvmmmu", "handle_mmio_page_fault",
	(addr: number, gfn: gfn_t, access: number) =>
		`addr:${hex(addr)} gfn ${hex(gfn)} access ${hex(access)}`);

export function trace_handle_mmio_page_fault(addr: number, gfn: gfn_t, access: number): void {
	if (__tracepoint_handle_mmio_page_fault.enabled)
		__tracepoint_handle_mmio_page_fault.fire(addr, gfn, access);
}

const __tracepoint_fast_page_fault = TRACE_EVENT("kvmmmu", "fast_page_fault",
	(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault, sptep: sptep_t, old_spte: u64_spte,
		ret: number) =>
		`vcpu ${vcpu.vcpu_id} gva ${hex(fault.addr)} ` +
		`error_code ${pferr_flags(fault.error_code)} sptep ${sptep_hex(sptep)} ` +
		`old 0x${spte_hex(old_spte)} new ${sptep === 0 ? "0" :
			spte_hex(pair(mem_lo(sptep), mem_hi(sptep)))} ` +
		`spurious ${Number(ret === RET_PF_SPURIOUS)} ` +
		`fixed ${Number(ret === RET_PF_FIXED)}`);

export function trace_fast_page_fault(vcpu: struct_kvm_vcpu, fault: struct_kvm_page_fault,
	sptep: sptep_t, old_spte: u64_spte, ret: number): void {
	if (__tracepoint_fast_page_fault.enabled)
		__tracepoint_fast_page_fault.fire(vcpu, fault, sptep, old_spte, ret);
}

const __tracepoint_kvm_mmu_zap_all_fast = TRACE_EVENT("kvmmmu", "kvm_mmu_zap_all_fast",
	(kvm: struct_kvm) => `kvm-mmu-valid-gen ${kvm.arch.mmu_valid_gen} ` +
		`used_pages ${hex(kvm.arch.n_used_mmu_pages)}`);

export function trace_kvm_mmu_zap_all_fast(kvm: struct_kvm): void {
	if (__tracepoint_kvm_mmu_zap_all_fast.enabled)
		__tracepoint_kvm_mmu_zap_all_fast.fire(kvm);
}

const __tracepoint_check_mmio_spte = TRACE_EVENT("kvmmmu", "check_mmio_spte",
	(spte: u64_spte, kvm_gen: number, spte_gen: number) =>
		`spte ${spte_hex(spte)} kvm_gen ${hex(kvm_gen)} spte-gen ${hex(spte_gen)} ` +
		`valid ${Number(kvm_gen === spte_gen)}`);

export function trace_check_mmio_spte(spte: u64_spte, kvm_gen: number, spte_gen: number): void {
	if (__tracepoint_check_mmio_spte.enabled)
		__tracepoint_check_mmio_spte.fire(spte, kvm_gen, spte_gen);
}

const __tracepoint_kvm_mmu_set_spte = TRACE_EVENT("kvmmmu", "kvm_mmu_set_spte",
	(level: number, gfn: gfn_t, sptep: sptep_t) => {
		const spte = pair(mem_lo(sptep), mem_hi(sptep));
		const r = !pair_is_zero(shadow_present_mask) || (spte.lo & PT_PRESENT_MASK) !== 0;
		const u = pair_is_zero(shadow_user_mask) ? "" :
			pair_test(spte, shadow_user_mask) ? "u" : "-";

		return `gfn ${hex(gfn)} spte ${spte_hex(spte)} (${r ? "r" : "-"}` +
			`${(spte.lo & PT_WRITABLE_MASK) !== 0 ? "w" : "-"}` +
			`${is_executable_pte(spte) ? "x" : "-"}${u}) level ${level} ` +
			`at ${sptep_hex(sptep)}`;
	});

export function trace_kvm_mmu_set_spte(level: number, gfn: gfn_t, sptep: sptep_t): void {
	if (__tracepoint_kvm_mmu_set_spte.enabled)
		__tracepoint_kvm_mmu_set_spte.fire(level, gfn, sptep);
}

const __tracepoint_kvm_mmu_spte_requested = TRACE_EVENT("kvmmmu", "kvm_mmu_spte_requested",
	(fault: struct_kvm_page_fault) => {
		const off = fault.gfn & (KVM_PAGES_PER_HPAGE(fault.goal_level) - 1);

		return `gfn ${hex(fault.gfn)} pfn ${hex(ul_or_low(fault.pfn, off))} ` +
			`level ${fault.goal_level}`;
	});

export function trace_kvm_mmu_spte_requested(fault: struct_kvm_page_fault): void {
	if (__tracepoint_kvm_mmu_spte_requested.enabled)
		__tracepoint_kvm_mmu_spte_requested.fire(fault);
}

const __tracepoint_kvm_tdp_mmu_spte_changed = TRACE_EVENT("kvmmmu", "kvm_tdp_mmu_spte_changed",
	(as_id: number, gfn: gfn_t, level: number, old_spte: u64_spte, new_spte: u64_spte) =>
		`as id ${as_id} gfn ${hex(gfn)} level ${level} old_spte ${spte_hex(old_spte)} ` +
		`new_spte ${spte_hex(new_spte)}`);

export function trace_kvm_tdp_mmu_spte_changed(as_id: number, gfn: gfn_t, level: number,
	old_spte: u64_spte, new_spte: u64_spte): void {
	if (__tracepoint_kvm_tdp_mmu_spte_changed.enabled)
		__tracepoint_kvm_tdp_mmu_spte_changed.fire(as_id, gfn, level,
			pair_copy(old_spte), pair_copy(new_spte));
}

const __tracepoint_kvm_mmu_split_huge_page = TRACE_EVENT("kvmmmu", "kvm_mmu_split_huge_page",
	(gfn: gfn_t, spte: u64_spte, level: number, errno: number) =>
		`gfn ${hex(gfn)} spte ${spte_hex(spte)} level ${level} errno ${errno}`);

export function trace_kvm_mmu_split_huge_page(gfn: gfn_t, spte: u64_spte, level: number,
	errno: number): void {
	if (__tracepoint_kvm_mmu_split_huge_page.enabled)
		__tracepoint_kvm_mmu_split_huge_page.fire(gfn, spte, level, errno);
}
