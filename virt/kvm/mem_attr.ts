// SPDX-License-Identifier: GPL-2.0-only
/*
 * The array of what is shared, by ranges: struct kvm's mem_attr_array.
 *
 * Port-only.
 */
import { gfn_t, pgoff_t } from "#asm-generic/types.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import {
	xa_is_retry, xa_is_value, xa_shl, xa_shr, XA_STATE, XAS_BOUNDS, xas_load, xas_set,
} from "#linux/xarray.ts";

/** Behind @gfn, the first gfn that is private where @gfn is not, or the reverse; at most @end. */
export function kvm_mem_attr_end(kvm: struct_kvm, gfn: gfn_t, end: gfn_t): gfn_t {
	const xas = XA_STATE(kvm.mem_attr_array, pgoff_t(gfn));
	let at: number = gfn, shared: boolean | null = null;

	rcu_read_lock();
	while (at < end) {
		xas_set(xas, at);
		const entry = xas_load(xas);
		if (xa_is_retry(entry))
			continue;

		const is_shared = xa_is_value(entry);
		if (shared === null)
			shared = is_shared;
		else if (shared !== is_shared)
			break;

		/* beyond all nodes there is nothing; a slot is all of one kind */
		if (xas.xa_node === XAS_BOUNDS) {
			at = end;
			break;
		}
		const shift = xas.xa_node === null ? 0 : xas.xa_node.shift;
		at = xa_shl(xa_shr(at, shift) + 1, shift);
	}
	rcu_read_unlock();
	return gfn_t(Math.min(at, end));
}
