// SPDX-License-Identifier: GPL-2.0
/*
 * Copies of memory and strings.
 *
 * Upstream: include/linux/string.h. Left out: what JavaScript has itself.
 */
export { kmemdup, kstrdup, kstrdup_const, kstrndup, memdup_user, memdup_user_nul, strndup_user,
	vmemdup_user } from "#mm/util.ts";
