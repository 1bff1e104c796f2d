// SPDX-License-Identifier: GPL-2.0
/*
 * Assertions of the kernel.
 *
 * Upstream: include/linux/bug.h, include/asm-generic/bug.h.
 */
export { BUG, BUG_ON, WARN, WARN_ON, WARN_ONCE, WARN_ON_ONCE, WARN_TAINT, generic_bug_clear_once }
	from "#linux/bug/bug.ts";
export { BUILD_BUG_ON, BUILD_BUG_ON_NOT_POWER_OF_2, static_assert } from "#linux/compiler.ts";
export { kernel_bug } from "#linux/panic.ts";
