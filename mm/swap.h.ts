// SPDX-License-Identifier: GPL-2.0
/*
 * The swap cache, within mm: upstream's stubs for !CONFIG_SWAP.
 *
 * Upstream: mm/swap.h.
 */
import type { ref, unsigned_long } from "#asm-generic/types.ts";
import type { struct_address_space } from "#linux/fs.types.ts";
import type { gfp_t } from "#linux/gfp_types.ts";
import type { struct_folio, struct_page, struct_vm_area_struct, struct_vm_fault } from
	"#linux/mm_types.ts";
import { find_get_page } from "#linux/pagemap.ts";
import type { pgoff_t } from "#asm-generic/types.ts";
import type { swp_entry_t } from "#linux/swapops.ts";
import type { struct_writeback_control } from "#linux/writeback.ts";

export function swap_readpage(_page: struct_page, _do_poll: boolean, _plug: unknown): number {
	return 0;
}

export function swap_write_unplug(_sio: unknown): void {}

export function swap_address_space(_entry: swp_entry_t): struct_address_space | null {
	return null;
}

export function show_swap_cache_info(): void {}

export function swap_cluster_readahead(_entry: swp_entry_t, _gfp_mask: gfp_t,
	_vmf: struct_vm_fault): struct_page | null {
	return null;
}

export function swapin_readahead(_swp: swp_entry_t, _gfp_mask: gfp_t, _vmf: struct_vm_fault):
	struct_page | null {
	return null;
}

export function swap_writepage(_p: struct_page, _wbc: struct_writeback_control): number {
	return 0;
}

export function lookup_swap_cache(_swp: swp_entry_t, _vma: struct_vm_area_struct | null,
	_addr: unsigned_long): struct_page | null {
	return null;
}

export function find_get_incore_page(mapping: struct_address_space, index: pgoff_t):
	struct_page | null {
	return find_get_page(mapping, index);
}

export function add_to_swap(_folio: struct_folio): boolean {
	return false;
}

export function get_shadow_from_swap_cache(_entry: swp_entry_t): number | null {
	return null;
}

export function add_to_swap_cache(_page: struct_page, _entry: swp_entry_t, _gfp_mask: gfp_t,
	_shadowp: ref<number | null> | null): number {
	return -1;
}

export function __delete_from_swap_cache(_folio: struct_folio, _entry: swp_entry_t,
	_shadow: number | null): void {}

export function delete_from_swap_cache(_folio: struct_folio): void {}

export function clear_shadow_from_swap_cache(_type: number, _begin: unsigned_long,
	_end: unsigned_long): void {}

export function folio_swap_flags(_folio: struct_folio): number {
	return 0;
}
