// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes.
 *
 * Upstream: include/linux/mutex.h. See mutex/mutex.ts for what waiting means.
 */
export { DEFINE_MUTEX, struct_mutex } from "#linux/mutex_types.ts";
export { atomic_dec_and_mutex_lock, mutex_destroy, mutex_init, mutex_is_locked, mutex_lock,
	mutex_lock_interruptible, mutex_lock_interruptible_nested, mutex_lock_io,
	mutex_lock_killable, mutex_lock_killable_nested, mutex_lock_nest_lock, mutex_lock_nested,
	mutex_trylock, mutex_unlock } from "#linux/mutex/mutex.ts";
