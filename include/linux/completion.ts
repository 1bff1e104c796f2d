// SPDX-License-Identifier: GPL-2.0
/*
 * Completions.
 *
 * Upstream: include/linux/completion.h.
 */
export { DECLARE_COMPLETION, struct_completion } from "#linux/completion_types.ts";
export { complete, complete_all, completion_done, init_completion, reinit_completion,
	try_wait_for_completion, wait_for_completion, wait_for_completion_killable,
	wait_for_completion_interruptible, wait_for_completion_timeout } from
	"#linux/completion/completion.ts";
