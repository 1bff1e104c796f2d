// SPDX-License-Identifier: GPL-2.0
/*
 * Files that share one nameless inode.
 *
 * Upstream: include/linux/anon_inodes.h.
 */
export { anon_inode_getfd, anon_inode_getfd_secure, anon_inode_getfile,
	anon_inode_getfile_secure } from "#linux/fs/anon_inodes.ts";
