// SPDX-License-Identifier: GPL-2.0
/*
 * IS_ENABLED() and its relatives.
 *
 * Upstream: include/linux/kconfig.h.
 */

/** Whether a constant of #generated/autoconf.ts is set (y, or a number or string at all). */
export function IS_ENABLED(option: boolean | number | string): boolean {
	return option !== false;
}

export const IS_BUILTIN = IS_ENABLED;
export const IS_REACHABLE = IS_ENABLED;

export function IS_MODULE(_option: boolean | number | string): boolean {
	return false;
}
