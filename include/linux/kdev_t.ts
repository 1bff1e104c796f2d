// SPDX-License-Identifier: GPL-2.0
/*
 * Device numbers: 12 bits of major, 20 of minor.
 *
 * Upstream: include/linux/kdev_t.h.
 */

export const MINORBITS	= 20;
export const MINORMASK	= (1 << MINORBITS) - 1;

export const MAJOR = (dev: number): number => dev >>> MINORBITS;
export const MINOR = (dev: number): number => dev & MINORMASK;
export const MKDEV = (ma: number, mi: number): number => ((ma << MINORBITS) | mi) >>> 0;

/** The number as stat() shows it: the low 8 bits of the minor below the major. */
export function new_encode_dev(dev: number): number {
	const major = MAJOR(dev);
	const minor = MINOR(dev);

	return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
