// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing of memfds; memory of a memfd that only the kernel may use.
 *
 * Upstream: include/linux/memfd.h.
 */
import { PGOFF_MAX, type pgoff_t } from "#asm-generic/types.ts";
import { struct_interval_tree_node } from "#linux/interval_tree.ts";

/* @hunk 1:1: pfn_t comes with the functions below */
export { memfd_fcntl } from "#mm/memfd.ts";

/**
 * What a user of inaccessible memory wants to know. invalidate_start(): pages [start, end) of the
 * file, some of them in the notifier's range, are about to go, or broken; none of them may be in
 * use, or be taken into use, from when it returns until invalidate_end(). Both run under the file's
 * lock and may sleep. Posted as one invalidate().
 * @hunk 1:2
 */
export interface struct_inaccessible_notifier_ops {
	invalidate_start:
		(notifier: struct_inaccessible_notifier, start: pgoff_t, end: pgoff_t) => void;
	invalidate_end:
		(notifier: struct_inaccessible_notifier, start: pgoff_t, end: pgoff_t) => void;
}

export class struct_inaccessible_notifier {
	readonly owner: object | null;
	/** Pages of the file, first and last: all, unless set before it is registered. */
	range = new struct_interval_tree_node(this);
	ops: struct_inaccessible_notifier_ops | null = null;

	constructor(owner: object | null) {
		this.owner = owner;
		this.range.last = PGOFF_MAX;
	}
}

export { file_is_inaccessible, inaccessible_error_page, inaccessible_get_pfn,
	inaccessible_inode_get, inaccessible_nr_notifiers, inaccessible_put_pfn,
	inaccessible_register_notifier, inaccessible_unregister_notifier,
	memfd_mkinaccessible } from "#mm/memfd_inaccessible.ts";
