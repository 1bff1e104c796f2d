// SPDX-License-Identifier: GPL-2.0
/*
 * The backing device that is none.
 *
 * Upstream: mm/backing-dev.c. Left out: all about real devices.
 */
import type { struct_backing_dev_info } from "#linux/backing-dev.ts";
import type { struct_inode } from "#linux/fs.types.ts";

export const noop_backing_dev_info: struct_backing_dev_info = {
	ra_pages:	0,
	io_pages:	0,
	capabilities:	0,
	name:		"noop",
};

/** mm/backing-dev.c:inode_to_bdi(). No superblock here has another. */
export function inode_to_bdi(_inode: struct_inode): struct_backing_dev_info {
	return noop_backing_dev_info;
}
