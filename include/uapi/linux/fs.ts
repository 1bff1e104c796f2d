// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * lseek() origins, flags of preadv2(), ioctl()s of files.
 *
 * Upstream: include/uapi/linux/fs.h. Left out: block devices, clone and dedupe structs, the FS_*_FL
 * inode flags.
 */
import { __bytes, __s32, __s64, __struct, __u32 } from "#asm-generic/struct.ts";
import { _IO, _IOR, _IOW, _IOWR } from "#uapi/asm-generic/ioctl.ts";

export * from "#uapi/linux/limits.ts";

/* initial and hard limit of open files */
export const INR_OPEN_CUR	= 1024;
export const INR_OPEN_MAX	= 4096;

export const SEEK_SET	= 0;
export const SEEK_CUR	= 1;
export const SEEK_END	= 2;
export const SEEK_DATA	= 3;
export const SEEK_HOLE	= 4;
export const SEEK_MAX	= SEEK_HOLE;

export const NR_FILE	= 8192;

export const struct_fsxattr = __struct({
	fsx_xflags:	__u32,
	fsx_extsize:	__u32,
	fsx_nextents:	__u32,
	fsx_projid:	__u32,
	fsx_cowextsize:	__u32,
	fsx_pad:	__bytes(8),
});

const fiemap = { size: 32 };
const file_clone_range = { size: 32 };
const file_dedupe_range = { size: 24 };

export const FIBMAP		= _IO(0x00, 1);
export const FIGETBSZ		= _IO(0x00, 2);
export const FIFREEZE		= _IOWR("X".charCodeAt(0), 119, __s32);
export const FITHAW		= _IOWR("X".charCodeAt(0), 120, __s32);

export const FICLONE		= _IOW(0x94, 9, __s32);
export const FICLONERANGE	= _IOW(0x94, 13, file_clone_range);
export const FIDEDUPERANGE	= _IOWR(0x94, 54, file_dedupe_range);

export const FS_IOC_GETFLAGS	= _IOR("f".charCodeAt(0), 1, __s64);
export const FS_IOC_SETFLAGS	= _IOW("f".charCodeAt(0), 2, __s64);
export const FS_IOC_FIEMAP	= _IOWR("f".charCodeAt(0), 11, fiemap);
export const FS_IOC_FSGETXATTR	= _IOR("X".charCodeAt(0), 31, struct_fsxattr);
export const FS_IOC_FSSETXATTR	= _IOW("X".charCodeAt(0), 32, struct_fsxattr);

export const SYNC_FILE_RANGE_WAIT_BEFORE	= 1;
export const SYNC_FILE_RANGE_WRITE		= 2;
export const SYNC_FILE_RANGE_WAIT_AFTER		= 4;
export const SYNC_FILE_RANGE_WRITE_AND_WAIT	= SYNC_FILE_RANGE_WRITE |
	SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;

/* flags of preadv2() and pwritev2() */
export const RWF_HIPRI		= 0x00000001;
export const RWF_DSYNC		= 0x00000002;
export const RWF_SYNC		= 0x00000004;
export const RWF_NOWAIT		= 0x00000008;
export const RWF_APPEND		= 0x00000010;
export const RWF_SUPPORTED	= RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND;
