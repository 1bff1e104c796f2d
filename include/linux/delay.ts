// SPDX-License-Identifier: GPL-2.0
/*
 * Delays.
 *
 * Upstream: include/linux/delay.h.
 */
import { udelay } from "#linux/timer/timer.ts";

export { fsleep, msleep, udelay, usleep_range } from "#linux/timer/timer.ts";

export function mdelay(msecs: number): void {
	udelay(msecs * 1000);
}

export function ndelay(nsecs: number): void {
	udelay(nsecs / 1000);
}
