// SPDX-License-Identifier: GPL-2.0
/*
 * Units of time.
 *
 * Upstream: include/vdso/time64.h, include/linux/jiffies.h (constants).
 */
import { CONFIG_HZ } from "#generated/autoconf.ts";

export const MSEC_PER_SEC	= 1000;
export const USEC_PER_MSEC	= 1000;
export const NSEC_PER_USEC	= 1000;
export const NSEC_PER_MSEC	= 1000000;
export const USEC_PER_SEC	= 1000000;
export const NSEC_PER_SEC	= 1000000000;

export const HZ			= CONFIG_HZ;
export const TICK_NSEC		= NSEC_PER_SEC / HZ;
export const USER_HZ		= 100;
