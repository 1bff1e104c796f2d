// SPDX-License-Identifier: GPL-2.0
/*
 * System call entry.
 *
 * Upstream: arch/x86/include/asm/{syscall,proto}.h.
 */
export { do_syscall_64, enter_from_user_mode, oops, set_user_runtime, syscall_init, syscall_return,
	type user_runtime } from "#arch/x86/entry/common.ts";
