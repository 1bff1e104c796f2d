// SPDX-License-Identifier: GPL-2.0
/*
 * What is behind a mapping: here, never a device.
 *
 * Upstream: include/linux/backing-dev.h, backing-dev-defs.h. Left out: writeback queues, registered
 * devices, cgroup writeback. Every inode has noop_backing_dev_info.
 */
import type { struct_address_space } from "#linux/fs.types.ts";
import { inode_to_bdi } from "#mm/backing-dev.ts";

export { inode_to_bdi, noop_backing_dev_info } from "#mm/backing-dev.ts";

export interface struct_backing_dev_info {
	/** pages; 0: no readahead */
	ra_pages: number;
	io_pages: number;
	/** BDI_CAP_* */
	capabilities: number;
	name: string;
}

export const BDI_CAP_WRITEBACK		= 1 << 0;
export const BDI_CAP_WRITEBACK_ACCT	= 1 << 1;
export const BDI_CAP_STRICTLIMIT	= 1 << 2;

export function mapping_can_writeback(mapping: struct_address_space): boolean {
	return (inode_to_bdi(mapping.host!).capabilities & BDI_CAP_WRITEBACK) !== 0;
}
