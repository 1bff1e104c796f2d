// SPDX-License-Identifier: GPL-2.0
/*
 * The collapsing of small pages into huge ones: its hooks.
 *
 * Upstream: include/linux/khugepaged.h.
 */
import type { struct_mm_struct } from "#linux/mm_types.ts";

export { khugepaged_enter_vma, khugepaged_init, start_stop_khugepaged } from "#mm/khugepaged.ts";

/* khugepaged keeps no list of mms: there is nothing to enter at fork or to leave at exit */
export function khugepaged_fork(_mm: struct_mm_struct, _oldmm: struct_mm_struct): void {}
export function khugepaged_exit(_mm: struct_mm_struct): void {}
