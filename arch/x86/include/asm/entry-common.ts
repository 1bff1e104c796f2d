// SPDX-License-Identifier: GPL-2.0
/*
 * The way back to user mode.
 *
 * Upstream: arch/x86/include/asm/entry-common.h, syscall.h.
 */
export { arch_do_signal_or_restart } from "#arch/x86/kernel/signal.ts";
export {
	exception_enter_user, exception_exit_user, irqentry_return_to_user,
} from "#arch/x86/entry/common.ts";
export { struct_pt_regs } from "#asm/ptrace.ts";
