// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * The numbers of ioctl()s that every kind of file knows.
 *
 * Upstream: include/uapi/asm-generic/ioctls.h. Left out: terminals.
 */

export const TCGETS	= 0x5401;
export const FIONREAD	= 0x541b;
export const FIONBIO	= 0x5421;
export const FIONCLEX	= 0x5450;
export const FIOCLEX	= 0x5451;
export const FIOASYNC	= 0x5452;
export const FIOQSIZE	= 0x5460;
