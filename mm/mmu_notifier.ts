// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifiers of changes of page tables.
 *
 * Upstream: mm/mmu_notifier.c. Left out: interval notifiers (mmu_interval_*, mn_itree_*).
 *
 * Subscribers are called under srcu; release, unregister and the last put wait for them. A
 * subscription's list is changed under its lock, which is taken inside everything else.
 */
import { ERR_PTR, IS_ERR, type err_ptr } from "#asm-generic/err.ts";
import { container_of } from "#asm-generic/owner.ts";
import { U32_MAX, type unsigned_long } from "#asm-generic/types.ts";
import { BUG_ON, WARN_ON } from "#linux/bug.ts";
import { smp_store_release } from "#linux/compiler.ts";
import { EAGAIN, ENOMEM, EOVERFLOW } from "#linux/errno.ts";
import { GFP_KERNEL } from "#linux/gfp_types.ts";
import { hlist_empty, hlist_entry, hlist_unhashed } from "#linux/list.ts";
import { lock_map_acquire, lock_map_release } from "#linux/lockdep.ts";
import { VM_READ } from "#linux/mm.const.ts";
import { mm_drop_all_locks, mm_take_all_locks } from "#linux/mm.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";
import { mmap_assert_write_locked, mmap_write_lock, mmap_write_unlock } from "#linux/mmap_lock.ts";
import {
	MMU_NOTIFY_PROTECTION_VMA, __mmu_notifier_invalidate_range_start_map,
	mmu_notifier_range_blockable, struct_mmu_notifier, type struct_mmu_notifier_ops,
	type struct_mmu_notifier_range, struct_mmu_notifier_subscriptions,
} from "#linux/mmu_notifier.ts";
import { pr_info } from "#linux/printk.ts";
import { hlist_add_head_rcu, hlist_del_init_rcu } from "#linux/rculist.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";
import { non_block_end, non_block_start } from "#linux/sched.ts";
import { mmdrop, mmgrab } from "#linux/sched/mm.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { call_srcu, srcu_read_lock, srcu_read_unlock, synchronize_srcu } from "#linux/srcu.ts";
import { DEFINE_STATIC_SRCU } from "#linux/srcu_types.ts";
import type { pte_t } from "#asm/pgtable_types.ts";

/* one for the notifiers of every mm */
const srcu = DEFINE_STATIC_SRCU("mmu_notifier srcu");

/** mm/mmu_notifier.c:mn_hlist_release() */
function mn_hlist_release(subscriptions: struct_mmu_notifier_subscriptions, mm: struct_mm_struct):
	void {
	/*
	 * No user is left, but unregister may run beside us: srcu keeps it waiting until
	 * ->release()
	 * has been called.
	 */
	const id = srcu_read_lock(srcu);
	for (let n = subscriptions.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		/* no copy may survive the page tables: drop them all */
		if (subscription.ops.release)
			subscription.ops.release(subscription, mm);
	}

	spin_lock(subscriptions.lock);
	while (subscriptions.list.first) {
		const subscription = hlist_entry(subscriptions.list.first, struct_mmu_notifier,
			"hlist");
		/* an unlinked node tells unregister that ->release() was called */
		hlist_del_init_rcu(subscription.hlist);
	}
	spin_unlock(subscriptions.lock);
	srcu_read_unlock(srcu, id);

	/* callbacks under way see page tables that are still there */
	synchronize_srcu(srcu);
}

/** mm/mmu_notifier.c:__mmu_notifier_release() */
export function __mmu_notifier_release(mm: struct_mm_struct): void {
	const subscriptions = mm.notifier_subscriptions!;

	if (!hlist_empty(subscriptions.list))
		mn_hlist_release(subscriptions, mm);
}

/** mm/mmu_notifier.c:__mmu_notifier_clear_flush_young() */
export function __mmu_notifier_clear_flush_young(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): number {
	let young = 0;

	const id = srcu_read_lock(srcu);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops.clear_flush_young)
			young |= subscription.ops.clear_flush_young(subscription, mm, start, end);
	}
	srcu_read_unlock(srcu, id);

	return young;
}

/** mm/mmu_notifier.c:__mmu_notifier_clear_young() */
export function __mmu_notifier_clear_young(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): number {
	let young = 0;

	const id = srcu_read_lock(srcu);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops.clear_young)
			young |= subscription.ops.clear_young(subscription, mm, start, end);
	}
	srcu_read_unlock(srcu, id);

	return young;
}

/** mm/mmu_notifier.c:__mmu_notifier_test_young() */
export function __mmu_notifier_test_young(mm: struct_mm_struct, address: unsigned_long): number {
	let young = 0;

	const id = srcu_read_lock(srcu);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops.test_young) {
			young = subscription.ops.test_young(subscription, mm, address);
			if (young)
				break;
		}
	}
	srcu_read_unlock(srcu, id);

	return young;
}

/** mm/mmu_notifier.c:__mmu_notifier_change_pte(). Inside a range, under the ptl. */
export function __mmu_notifier_change_pte(mm: struct_mm_struct, address: unsigned_long, pte: pte_t):
	void {
	const id = srcu_read_lock(srcu);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops.change_pte)
			subscription.ops.change_pte(subscription, mm, address, pte);
	}
	srcu_read_unlock(srcu, id);
}

/** mm/mmu_notifier.c:mn_hlist_invalidate_range_start() */
function mn_hlist_invalidate_range_start(subscriptions: struct_mmu_notifier_subscriptions,
	range: struct_mmu_notifier_range): number {
	let ret = 0;

	const id = srcu_read_lock(srcu);
	for (let n = subscriptions.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		const ops = subscription.ops;

		if (ops.invalidate_range_start) {
			if (!mmu_notifier_range_blockable(range))
				non_block_start();
			const _ret = ops.invalidate_range_start(subscription, range);
			if (!mmu_notifier_range_blockable(range))
				non_block_end();
			if (_ret) {
				pr_info("%pS callback failed with %d in %sblockable context.\n",
					ops.invalidate_range_start, _ret,
					!mmu_notifier_range_blockable(range) ? "non-" : "");
				WARN_ON(mmu_notifier_range_blockable(range) || _ret !== -EAGAIN);
				/* who may fail has no end: nobody could tell whether to call it */
				WARN_ON(ops.invalidate_range_end !== undefined);
				ret = _ret;
			}
		}
	}

	if (ret) {
		/* all that have an end got a start: it is over for them */
		for (let n = subscriptions.list.first; n; n = n.next) {
			const subscription = n.owner as struct_mmu_notifier;
			if (!subscription.ops.invalidate_range_end)
				continue;

			subscription.ops.invalidate_range_end(subscription, range);
		}
	}
	srcu_read_unlock(srcu, id);

	return ret;
}

/** mm/mmu_notifier.c:__mmu_notifier_invalidate_range_start() */
export function __mmu_notifier_invalidate_range_start(range: struct_mmu_notifier_range): number {
	const subscriptions = range.mm.notifier_subscriptions!;

	if (!hlist_empty(subscriptions.list))
		return mn_hlist_invalidate_range_start(subscriptions, range);
	return 0;
}

/** mm/mmu_notifier.c:mn_hlist_invalidate_end() */
function mn_hlist_invalidate_end(subscriptions: struct_mmu_notifier_subscriptions,
	range: struct_mmu_notifier_range, only_end: boolean): void {
	const id = srcu_read_lock(srcu);
	for (let n = subscriptions.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		/* who has no flush of his own to call it from gets invalidate_range() here */
		if (!only_end && subscription.ops.invalidate_range)
			subscription.ops.invalidate_range(subscription, range.mm, range.start,
				range.end);
		if (subscription.ops.invalidate_range_end) {
			if (!mmu_notifier_range_blockable(range))
				non_block_start();
			subscription.ops.invalidate_range_end(subscription, range);
			if (!mmu_notifier_range_blockable(range))
				non_block_end();
		}
	}
	srcu_read_unlock(srcu, id);
}

/** mm/mmu_notifier.c:__mmu_notifier_invalidate_range_end() */
export function __mmu_notifier_invalidate_range_end(range: struct_mmu_notifier_range,
	only_end: boolean): void {
	const subscriptions = range.mm.notifier_subscriptions!;

	lock_map_acquire(__mmu_notifier_invalidate_range_start_map);
	if (!hlist_empty(subscriptions.list))
		mn_hlist_invalidate_end(subscriptions, range, only_end);
	lock_map_release(__mmu_notifier_invalidate_range_start_map);
}

/** mm/mmu_notifier.c:__mmu_notifier_invalidate_range(). Must not sleep. */
export function __mmu_notifier_invalidate_range(mm: struct_mm_struct, start: unsigned_long,
	end: unsigned_long): void {
	const id = srcu_read_lock(srcu);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops.invalidate_range)
			subscription.ops.invalidate_range(subscription, mm, start, end);
	}
	srcu_read_unlock(srcu, id);
}

/** mm/mmu_notifier.c:__mmu_notifier_register(), with mmap_lock held for write. */
export function __mmu_notifier_register(subscription: struct_mmu_notifier,
	mm: struct_mm_struct): number {
	let subscriptions: struct_mmu_notifier_subscriptions | null = null;

	mmap_assert_write_locked(mm);
	BUG_ON(mm.mm_users <= 0);

	if (!mm.notifier_subscriptions) {
		/* allocated before the locks that reclaim takes; published under all of them */
		subscriptions = kzalloc(struct_mmu_notifier_subscriptions, GFP_KERNEL);
		if (!subscriptions)
			return -ENOMEM;

		spin_lock_init(subscriptions.lock, "&subscriptions->lock");
	}

	const ret = mm_take_all_locks(mm);
	if (ret) {
		if (subscriptions)
			kfree(subscriptions);
		return ret;
	}

	/*
	 * With all rmap locks and mmap_lock held, no range can be under way: so no subscriber sees
	 * an
	 * end without its start.
	 */
	if (subscriptions)
		mm.notifier_subscriptions = smp_store_release(subscriptions);

	/* dropped when the subscription ends */
	mmgrab(mm);
	subscription.mm = mm;
	subscription.users = 1;

	spin_lock(mm.notifier_subscriptions!.lock);
	hlist_add_head_rcu(subscription.hlist, mm.notifier_subscriptions!.list);
	spin_unlock(mm.notifier_subscriptions!.lock);

	mm_drop_all_locks(mm);
	BUG_ON(mm.mm_users <= 0);
	return 0;
}

/**
 * mm/mmu_notifier.c:mmu_notifier_register(). The caller holds mm_users; afterwards the subscription
 * holds mm_count, until mmu_notifier_unregister().
 */
export function mmu_notifier_register(subscription: struct_mmu_notifier, mm: struct_mm_struct):
	number {
	mmap_write_lock(mm);
	const ret = __mmu_notifier_register(subscription, mm);
	mmap_write_unlock(mm);
	return ret;
}

/** mm/mmu_notifier.c:find_get_mmu_notifier() */
function find_get_mmu_notifier(mm: struct_mm_struct, ops: struct_mmu_notifier_ops):
	struct_mmu_notifier | err_ptr | null {
	spin_lock(mm.notifier_subscriptions!.lock);
	for (let n = mm.notifier_subscriptions!.list.first; n; n = n.next) {
		const subscription = n.owner as struct_mmu_notifier;
		if (subscription.ops !== ops)
			continue;

		let found: struct_mmu_notifier | err_ptr = subscription;
		if (subscription.users !== U32_MAX)
			subscription.users++;
		else
			found = ERR_PTR(-EOVERFLOW);
		spin_unlock(mm.notifier_subscriptions!.lock);
		return found;
	}
	spin_unlock(mm.notifier_subscriptions!.lock);
	return null;
}

/** mm/mmu_notifier.c:mmu_notifier_get_locked(). One subscription for each ops and mm, counted. */
export function mmu_notifier_get_locked(ops: struct_mmu_notifier_ops, mm: struct_mm_struct):
	struct_mmu_notifier | err_ptr {
	mmap_assert_write_locked(mm);

	if (mm.notifier_subscriptions) {
		const subscription = find_get_mmu_notifier(mm, ops);
		if (subscription)
			return subscription;
	}

	const subscription = ops.alloc_notifier!(mm);
	if (IS_ERR(subscription))
		return subscription;
	subscription.ops = ops;
	const ret = __mmu_notifier_register(subscription, mm);
	if (ret) {
		subscription.ops.free_notifier!(subscription);
		return ERR_PTR(ret);
	}
	return subscription;
}

/** mm/mmu_notifier.c:__mmu_notifier_subscriptions_destroy(). When mm_count has become 0. */
export function __mmu_notifier_subscriptions_destroy(mm: struct_mm_struct): void {
	BUG_ON(!hlist_empty(mm.notifier_subscriptions!.list));
	kfree(mm.notifier_subscriptions!);
	mm.notifier_subscriptions = null;
}

/**
 * mm/mmu_notifier.c:mmu_notifier_unregister(). No callback runs any more when it returns. Needs no
 * mm_users: ->release() is called here if exit_mmap() has not called it.
 */
export function mmu_notifier_unregister(subscription: struct_mmu_notifier, mm: struct_mm_struct):
	void {
	BUG_ON(mm.mm_count <= 0);

	if (!hlist_unhashed(subscription.hlist)) {
		/* srcu keeps exit_mmap() from freeing page tables before ->release() is done */
		const id = srcu_read_lock(srcu);
		if (subscription.ops.release)
			subscription.ops.release(subscription, mm);
		srcu_read_unlock(srcu, id);

		spin_lock(mm.notifier_subscriptions!.lock);
		/*
		 * the _init variant, because __mmu_notifier_release() may have unlinked it already
		 */
		hlist_del_init_rcu(subscription.hlist);
		spin_unlock(mm.notifier_subscriptions!.lock);
	}

	/* ->release() may be running elsewhere: wait for it, and for all other callbacks */
	synchronize_srcu(srcu);

	BUG_ON(mm.mm_count <= 0);

	mmdrop(mm);
}

/** mm/mmu_notifier.c:mmu_notifier_free_rcu() */
function mmu_notifier_free_rcu(rcu: struct_callback_head): void {
	const subscription = container_of(rcu, struct_mmu_notifier, "rcu");
	const mm = subscription.mm!;

	subscription.ops.free_notifier!(subscription);
	/* taken by __mmu_notifier_register() */
	mmdrop(mm);
}

/**
 * mm/mmu_notifier.c:mmu_notifier_put(). Freed after the callbacks; see
 * mmu_notifier_synchronize().
 */
export function mmu_notifier_put(subscription: struct_mmu_notifier): void {
	const mm = subscription.mm!;

	spin_lock(mm.notifier_subscriptions!.lock);
	if (WARN_ON(!subscription.users) || --subscription.users) {
		spin_unlock(mm.notifier_subscriptions!.lock);
		return;
	}
	hlist_del_init_rcu(subscription.hlist);
	spin_unlock(mm.notifier_subscriptions!.lock);

	call_srcu(srcu, subscription.rcu, mmu_notifier_free_rcu);
}

/** mm/mmu_notifier.c:mmu_notifier_synchronize(). All notifiers that were put are freed. */
export function mmu_notifier_synchronize(): void {
	synchronize_srcu(srcu);
}

/** mm/mmu_notifier.c:mmu_notifier_range_update_to_read_only() */
export function mmu_notifier_range_update_to_read_only(range: struct_mmu_notifier_range): boolean {
	if (!range.vma || range.event !== MMU_NOTIFY_PROTECTION_VMA)
		return false;
	return (range.vma.vm_flags & VM_READ) !== 0;
}
