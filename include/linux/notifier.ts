// SPDX-License-Identifier: GPL-2.0
/*
 * Notifier chains, by falling priority.
 *
 * Upstream: include/linux/notifier.h, kernel/notifier.c. All four kinds of chain are one.
 */

export const NOTIFY_DONE	= 0x0000;
export const NOTIFY_OK		= 0x0001;
export const NOTIFY_STOP_MASK	= 0x8000;
export const NOTIFY_BAD		= NOTIFY_STOP_MASK | 0x0002;
export const NOTIFY_STOP	= NOTIFY_OK | NOTIFY_STOP_MASK;

export interface struct_notifier_block {
	notifier_call: (nb: struct_notifier_block, action: number, data: unknown) => number;
	priority: number;
}

export class struct_notifier_head {
	blocks: struct_notifier_block[] = [];
}

export function notifier_chain_register(nh: struct_notifier_head, nb: struct_notifier_block):
	number {
	let i = 0;
	while (i < nh.blocks.length && nh.blocks[i]!.priority >= nb.priority)
		i++;
	nh.blocks.splice(i, 0, nb);
	return 0;
}

export function notifier_chain_unregister(nh: struct_notifier_head, nb: struct_notifier_block):
	number {
	const i = nh.blocks.indexOf(nb);
	if (i < 0)
		return -2;
	nh.blocks.splice(i, 1);
	return 0;
}

export function notifier_call_chain(nh: struct_notifier_head, val: number, v: unknown): number {
	let ret = NOTIFY_DONE;
	for (const nb of [...nh.blocks]) {
		ret = nb.notifier_call(nb, val, v);
		if ((ret & NOTIFY_STOP_MASK) !== 0)
			break;
	}
	return ret;
}

export {
	notifier_chain_register as atomic_notifier_chain_register,
	notifier_chain_unregister as atomic_notifier_chain_unregister,
	notifier_call_chain as atomic_notifier_call_chain,
	notifier_chain_register as blocking_notifier_chain_register,
	notifier_chain_unregister as blocking_notifier_chain_unregister,
	notifier_call_chain as blocking_notifier_call_chain,
	notifier_chain_register as raw_notifier_chain_register,
	notifier_chain_unregister as raw_notifier_chain_unregister,
	notifier_call_chain as raw_notifier_call_chain,
};
