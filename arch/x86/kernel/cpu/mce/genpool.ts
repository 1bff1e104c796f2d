// SPDX-License-Identifier: GPL-2.0
/*
 * Records of machine checks, from any context, until somebody can look at them.
 *
 * Upstream: arch/x86/kernel/cpu/mce/genpool.c. The pool is a count: how many records fit into its
 * two pages.
 */
import { ENOMEM } from "#linux/errno.ts";
import { LLIST_HEAD, llist_add, llist_del_all, llist_empty, llist_for_each_entry,
	llist_for_each_entry_safe, llist_reverse_order, type struct_llist_node } from
	"#linux/llist.ts";
import { blocking_notifier_call_chain } from "#linux/notifier.ts";
import { pr_warn } from "#linux/printk.ts";
import type { struct_work_struct } from "#linux/workqueue.ts";
import type { struct_mce } from "#asm/mce.const.ts";
import { mce_cmp, struct_mce_evt_llist, x86_mce_decoder_chain } from
	"#arch/x86/kernel/cpu/mce/internal.h.ts";

/* C: two pages of records of 104 bytes, rounded down by gen_pool's order */
const MCE_POOL_RECORDS = 80;

const mce_event_llist = LLIST_HEAD();
let records = 0;

/** arch/x86/kernel/cpu/mce/genpool.c:is_duplicate_mce_record() */
function is_duplicate_mce_record(t: struct_mce_evt_llist, l: struct_llist_node | null): boolean {
	for (const node of llist_for_each_entry(l, struct_mce_evt_llist, "llnode"))
		if (!mce_cmp(t.mce, node.mce))
			return true;
	return false;
}

/** arch/x86/kernel/cpu/mce/genpool.c:mce_gen_pool_prepare_records(): oldest first, each once. */
export function mce_gen_pool_prepare_records(): struct_llist_node | null {
	const new_head = LLIST_HEAD();

	const head = llist_del_all(mce_event_llist);
	if (!head)
		return null;

	for (const node of llist_for_each_entry_safe(head, struct_mce_evt_llist, "llnode")) {
		if (!is_duplicate_mce_record(node, node.llnode.next))
			llist_add(node.llnode, new_head);
	}

	return new_head.first;
}

/** arch/x86/kernel/cpu/mce/genpool.c:mce_gen_pool_process() */
export function mce_gen_pool_process(__unused: struct_work_struct): void {
	let head = llist_del_all(mce_event_llist);
	if (!head)
		return;

	head = llist_reverse_order(head);
	for (const node of llist_for_each_entry_safe(head, struct_mce_evt_llist, "llnode")) {
		blocking_notifier_call_chain(x86_mce_decoder_chain, 0, node.mce);
		records--;
	}
}

export function mce_gen_pool_empty(): boolean {
	return llist_empty(mce_event_llist);
}

/** arch/x86/kernel/cpu/mce/genpool.c:mce_gen_pool_add() */
export function mce_gen_pool_add(mce: struct_mce): number {
	if (records >= MCE_POOL_RECORDS) {
		pr_warn("mce: MCE records pool full!\n");
		return -ENOMEM;
	}

	const node = new struct_mce_evt_llist();
	records++;
	Object.assign(node.mce, mce);
	llist_add(node.llnode, mce_event_llist);

	return 0;
}

/** arch/x86/kernel/cpu/mce/genpool.c:mce_gen_pool_init() */
export function mce_gen_pool_init(): number {
	return 0;
}
