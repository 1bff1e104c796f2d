// SPDX-License-Identifier: GPL-2.0
/*
 * Bits of page table entries, guest's and KVM's own, and the numbers of levels.
 *
 * Upstream: arch/x86/kvm/mmu.h (constants); re-exported by mmu.h.ts. Apart, because spte.h.ts
 * computes with them at its top level.
 */
import { pair_bit } from "#asm-generic/pair.ts";

export const PT_WRITABLE_SHIFT		= 1;
export const PT_USER_SHIFT		= 2;

export const PT_PRESENT_MASK		= 1 << 0;
export const PT_WRITABLE_MASK		= 1 << PT_WRITABLE_SHIFT;
export const PT_USER_MASK		= 1 << PT_USER_SHIFT;
export const PT_PWT_MASK		= 1 << 3;
export const PT_PCD_MASK		= 1 << 4;
export const PT_ACCESSED_SHIFT		= 5;
export const PT_ACCESSED_MASK		= 1 << PT_ACCESSED_SHIFT;
export const PT_DIRTY_SHIFT		= 6;
export const PT_DIRTY_MASK		= 1 << PT_DIRTY_SHIFT;
export const PT_PAGE_SIZE_SHIFT		= 7;
export const PT_PAGE_SIZE_MASK		= 1 << PT_PAGE_SIZE_SHIFT;
export const PT_PAT_MASK		= 1 << 7;
export const PT_GLOBAL_MASK		= 1 << 8;
export const PT64_NX_SHIFT		= 63;
export const PT64_NX_MASK		= pair_bit(PT64_NX_SHIFT);

export const PT_PAT_SHIFT		= 7;
export const PT_DIR_PAT_SHIFT		= 12;
export const PT_DIR_PAT_MASK		= 1 << PT_DIR_PAT_SHIFT;

export const PT64_ROOT_5LEVEL		= 5;
export const PT64_ROOT_4LEVEL		= 4;
export const PT32_ROOT_LEVEL		= 2;
export const PT32E_ROOT_LEVEL		= 3;
