// SPDX-License-Identifier: GPL-2.0
/*
 * Doing something once.
 *
 * Upstream: include/linux/once.h. The state is a cell the caller keeps: `static bool done`.
 */

export function DO_ONCE(done: { v: boolean }, fn: () => void): boolean {
	if (done.v)
		return false;
	done.v = true;
	fn();
	return true;
}
