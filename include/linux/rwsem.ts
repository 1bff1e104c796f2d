// SPDX-License-Identifier: GPL-2.0
/*
 * Read/write semaphores.
 *
 * Upstream: include/linux/rwsem.h.
 */
export { DECLARE_RWSEM, struct_rw_semaphore } from "#linux/mutex_types.ts";
export { down_read, down_read_interruptible, down_read_killable, down_read_killable_nested,
	down_read_nested, down_read_non_owner, down_read_trylock, down_write, down_write_killable,
	down_write_killable_nested, down_write_nest_lock, down_write_nested, down_write_trylock,
	downgrade_write, init_rwsem, rwsem_is_contended, rwsem_is_locked, up_read,
	up_read_non_owner, up_write } from "#linux/rwsem/rwsem.ts";
