// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/statfs.h.
 */

export class struct_kstatfs {
	f_type = 0;
	f_bsize = 0;
	/** in blocks of f_bsize */
	f_blocks = 0;
	f_bfree = 0;
	f_bavail = 0;
	f_files = 0;
	f_ffree = 0;
	f_fsid: [number, number] = [0, 0];
	f_namelen = 0;
	f_frsize = 0;
	f_flags = 0;
}

export const ST_RDONLY		= 0x0001;
export const ST_NOSUID		= 0x0002;
export const ST_NODEV		= 0x0004;
export const ST_NOEXEC		= 0x0008;
export const ST_SYNCHRONOUS	= 0x0010;
export const ST_VALID		= 0x0020;
export const ST_MANDLOCK	= 0x0040;
export const ST_NOATIME		= 0x0400;
export const ST_NODIRATIME	= 0x0800;
export const ST_RELATIME	= 0x1000;
