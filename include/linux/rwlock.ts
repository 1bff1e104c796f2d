// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer spinlocks; see spinlock.ts.
 *
 * Upstream: include/linux/rwlock.h.
 */
export { DEFINE_RWLOCK, read_lock, read_lock_bh, read_lock_irq, read_lock_irqsave, read_trylock,
	read_unlock, read_unlock_bh, read_unlock_irq, read_unlock_irqrestore, rwlock_init,
	rwlock_is_contended, rwlock_needbreak, rwlock_t, write_lock, write_lock_bh, write_lock_irq,
	write_lock_irqsave, write_lock_nested, write_trylock, write_unlock, write_unlock_bh,
	write_unlock_irq, write_unlock_irqrestore } from "#linux/spinlock.ts";
