// SPDX-License-Identifier: GPL-2.0
/*
 * The lock of an address space: held for write to change VMAs, for read to fault.
 *
 * Upstream: include/linux/mmap_lock.h. Left out: its tracepoints.
 */
import { lockdep_assert_held, lockdep_assert_held_write } from "#linux/lockdep.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";
import { VM_BUG_ON } from "#linux/mmdebug.ts";
import {
	down_read, down_read_killable, down_read_trylock, down_write, down_write_killable,
	down_write_nested, down_write_trylock, downgrade_write, init_rwsem, rwsem_is_contended,
	rwsem_is_locked, up_read, up_write,
} from "#linux/rwsem.ts";

export function mmap_init_lock(mm: struct_mm_struct): void {
	init_rwsem(mm.mmap_lock, "&mm->mmap_lock");
}

export function mmap_write_lock(mm: struct_mm_struct): void {
	down_write(mm.mmap_lock);
}

export function mmap_write_lock_nested(mm: struct_mm_struct, subclass: number): void {
	down_write_nested(mm.mmap_lock, subclass);
}

export function mmap_write_lock_killable(mm: struct_mm_struct): number {
	return down_write_killable(mm.mmap_lock);
}

export function mmap_write_trylock(mm: struct_mm_struct): boolean {
	return down_write_trylock(mm.mmap_lock);
}

export function mmap_write_unlock(mm: struct_mm_struct): void {
	up_write(mm.mmap_lock);
}

export function mmap_write_downgrade(mm: struct_mm_struct): void {
	downgrade_write(mm.mmap_lock);
}

export function mmap_read_lock(mm: struct_mm_struct): void {
	down_read(mm.mmap_lock);
}

export function mmap_read_lock_killable(mm: struct_mm_struct): number {
	return down_read_killable(mm.mmap_lock);
}

export function mmap_read_trylock(mm: struct_mm_struct): boolean {
	return down_read_trylock(mm.mmap_lock);
}

export function mmap_read_unlock(mm: struct_mm_struct): void {
	up_read(mm.mmap_lock);
}

export function mmap_assert_locked(mm: struct_mm_struct): void {
	lockdep_assert_held(mm.mmap_lock);
	VM_BUG_ON(!rwsem_is_locked(mm.mmap_lock));
}

export function mmap_assert_write_locked(mm: struct_mm_struct): void {
	lockdep_assert_held_write(mm.mmap_lock);
	VM_BUG_ON(!rwsem_is_locked(mm.mmap_lock));
}

export function mmap_lock_is_contended(mm: struct_mm_struct): boolean {
	return rwsem_is_contended(mm.mmap_lock);
}
