// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a variable.
 *
 * Upstream: include/linux/wait_bit.h. Left out: wait_on_bit() and its kind.
 */
import { BUG_ON } from "#linux/bug.ts";

/** Nothing else runs while kernel code waits: what is not so now will never be. */
export function wait_var_event(_var: object, condition: () => boolean): void {
	BUG_ON(!condition());
}

export function wake_up_var(_var: object): void {}
