// SPDX-License-Identifier: GPL-2.0
/*
 * The mm of kernel threads, and of everybody before the first program.
 *
 * Upstream: mm/init-mm.c. It maps nothing: the kernel does not run in modelled page tables.
 */
import { LD_WAIT_CONFIG, LD_WAIT_SLEEP, lockdep_key } from "#linux/lockdep_types.ts";
import { struct_mm_struct } from "#linux/mm_types.ts";

export const init_mm = new struct_mm_struct();

init_mm.mm_users = 2;
init_mm.mm_count = 1;
init_mm.mmap_lock.dep = lockdep_key("&mm->mmap_lock", LD_WAIT_SLEEP);
init_mm.page_table_lock.dep = lockdep_key("&mm->page_table_lock", LD_WAIT_CONFIG);
