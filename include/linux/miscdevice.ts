// SPDX-License-Identifier: GPL-2.0
/*
 * Devices of major 10, each with a minor of its own.
 *
 * Upstream: include/linux/miscdevice.h.
 */
import type { struct_file_operations } from "#linux/fs.types.ts";

export { misc_deregister, misc_register } from "#linux/miscdevice/misc.ts";

export const KVM_MINOR		= 232;
export const MISC_DYNAMIC_MINOR	= 255;

export interface struct_miscdevice {
	minor: number;
	name: string;
	fops: struct_file_operations;
	/** of the node in /dev; 0 or absent: 0600 */
	mode?: number;
}
