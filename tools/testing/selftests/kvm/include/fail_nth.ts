// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of an operation failed in turn: see lib/fail_nth.ts.
 *
 * Port-only.
 */
import type { wait } from "./kvm_util_base.ts";

export interface fail_nth_op<C> {
	readonly name: string;
	/** what the operation needs; not counted */
	readonly setup: () => C;
	/** 0 or more, or -1 with errno */
	readonly op: (c: C) => number | wait<number>;
	/** what must hold after success, and after failure once the operation was done again */
	readonly after?: (c: C) => void | wait;
	/** errnos it may fail with; none: every failure is absorbed */
	readonly errnos: readonly number[];
	/** a failure leaves part of it done */
	readonly partial?: boolean;
	/** lines of the state that may differ after a failure */
	readonly ignore?: RegExp;
	/** done again, without failures, after one */
	readonly again?: boolean;
}

export { fail_nth_run, privmem_state, state_difference } from "../lib/fail_nth.ts";
