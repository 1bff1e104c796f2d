// SPDX-License-Identifier: GPL-2.0
/*
 * prctl() options.
 *
 * Upstream: include/uapi/linux/prctl.h (those the port knows).
 */

export const PR_SET_PDEATHSIG	= 1;
export const PR_GET_PDEATHSIG	= 2;
export const PR_GET_DUMPABLE	= 3;
export const PR_SET_DUMPABLE	= 4;
export const PR_SET_NAME	= 15;
export const PR_GET_NAME	= 16;
export const PR_MCE_KILL	= 33;
export const PR_MCE_KILL_CLEAR	= 0;
export const PR_MCE_KILL_SET	= 1;
export const PR_MCE_KILL_LATE	= 0;
export const PR_MCE_KILL_EARLY	= 1;
export const PR_MCE_KILL_DEFAULT = 2;
export const PR_MCE_KILL_GET	= 34;
export const PR_SET_CHILD_SUBREAPER = 36;
export const PR_GET_CHILD_SUBREAPER = 37;
export const PR_SET_THP_DISABLE	= 41;
export const PR_GET_THP_DISABLE	= 42;
