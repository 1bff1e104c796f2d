// SPDX-License-Identifier: GPL-2.0
/*
 * Levels of kernel messages.
 *
 * Upstream: include/linux/kern_levels.h.
 */

export const KERN_SOH		= "\x01";
export const KERN_EMERG		= "\x010";
export const KERN_ALERT		= "\x011";
export const KERN_CRIT		= "\x012";
export const KERN_ERR		= "\x013";
export const KERN_WARNING	= "\x014";
export const KERN_NOTICE	= "\x015";
export const KERN_INFO		= "\x016";
export const KERN_DEBUG		= "\x017";
export const KERN_DEFAULT	= "";
/** Goes on with the line that was begun. */
export const KERN_CONT		= "\x01c";

export const LOGLEVEL_EMERG	= 0;
export const LOGLEVEL_ALERT	= 1;
export const LOGLEVEL_CRIT	= 2;
export const LOGLEVEL_ERR	= 3;
export const LOGLEVEL_WARNING	= 4;
export const LOGLEVEL_NOTICE	= 5;
export const LOGLEVEL_INFO	= 6;
export const LOGLEVEL_DEBUG	= 7;
