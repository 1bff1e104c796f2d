// SPDX-License-Identifier: GPL-2.0
/*
 * Error numbers that userspace never sees.
 *
 * Upstream: include/linux/errno.h.
 */
export * from "#uapi/asm-generic/errno.ts";

export const ERESTARTSYS	= 512;
export const ERESTARTNOINTR	= 513;
export const ERESTARTNOHAND	= 514;
export const ENOIOCTLCMD	= 515;
export const EOPENSTALE		= 518;
export const ENOPARAM		= 519;
export const EBADHANDLE		= 521;
export const ENOTSYNC		= 522;
export const EBADCOOKIE		= 523;
export const ENOTSUPP		= 524;
export const ETOOSMALL		= 525;
export const ESERVERFAULT	= 526;
export const EBADTYPE		= 527;
export const EJUKEBOX		= 528;
export const EIOCBQUEUED	= 529;
export const ERECALLCONFLICT	= 530;
export const ENOGRACE		= 531;
