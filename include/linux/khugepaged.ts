// SPDX-License-Identifier: GPL-2.0
/*
 * The collapsing of small pages into huge ones: its hooks.
 *
 * Upstream: include/linux/khugepaged.h.
 */
export { khugepaged_enter_vma, khugepaged_init, start_stop_khugepaged } from "#mm/khugepaged.ts";
