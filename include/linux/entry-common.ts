// SPDX-License-Identifier: GPL-2.0
/*
 * What architectures share of the way between user mode and kernel, and of entering guests.
 *
 * Upstream: include/linux/entry-common.h, include/linux/entry-kvm.h.
 */
export { exit_to_user_mode_loop, exit_to_user_mode_prepare, irqentry_enter_from_user_mode,
	irqentry_exit_to_user_mode, syscall_enter_from_user_mode, syscall_exit_to_user_mode } from
	"#linux/entry-common/common.ts";
export { __xfer_to_guest_mode_work_pending, XFER_TO_GUEST_MODE_WORK,
	xfer_to_guest_mode_handle_work, xfer_to_guest_mode_prepare,
	xfer_to_guest_mode_work_pending } from "#linux/entry-common/kvm.ts";
