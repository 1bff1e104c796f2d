// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Major numbers of the devices that exist here.
 *
 * Upstream: include/uapi/linux/major.h.
 */

export const MEM_MAJOR	= 1;
export const TTYAUX_MAJOR	= 5;
export const MISC_MAJOR	= 10;
