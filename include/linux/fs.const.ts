// SPDX-License-Identifier: GPL-2.0
/*
 * Flags and masks of the VFS.
 *
 * Upstream: constants of include/linux/fs.h, include/linux/namei.h, include/linux/mount.h.
 */
import { RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC } from "#uapi/linux/fs.ts";
import { LLONG_MAX } from "#asm-generic/types.ts";

export const MAY_EXEC		= 0x00000001;
export const MAY_WRITE		= 0x00000002;
export const MAY_READ		= 0x00000004;
export const MAY_APPEND		= 0x00000008;
export const MAY_ACCESS		= 0x00000010;
export const MAY_OPEN		= 0x00000020;
export const MAY_CHDIR		= 0x00000040;
export const MAY_NOT_BLOCK	= 0x00000080;

/* f_mode: what the open file may be used for, and what it is */
export const FMODE_READ			= 0x1;
export const FMODE_WRITE		= 0x2;
export const FMODE_LSEEK		= 0x4;
export const FMODE_PREAD		= 0x8;
export const FMODE_PWRITE		= 0x10;
export const FMODE_EXEC			= 0x20;
export const FMODE_NDELAY		= 0x40;
export const FMODE_EXCL			= 0x80;
export const FMODE_WRITE_IOCTL		= 0x100;
export const FMODE_32BITHASH		= 0x200;
export const FMODE_64BITHASH		= 0x400;
export const FMODE_NOCMTIME		= 0x800;
export const FMODE_RANDOM		= 0x1000;
export const FMODE_UNSIGNED_OFFSET	= 0x2000;
export const FMODE_PATH			= 0x4000;
export const FMODE_ATOMIC_POS		= 0x8000;
export const FMODE_WRITER		= 0x10000;
export const FMODE_CAN_READ		= 0x20000;
export const FMODE_CAN_WRITE		= 0x40000;
export const FMODE_OPENED		= 0x80000;
export const FMODE_CREATED		= 0x100000;
export const FMODE_STREAM		= 0x200000;
export const FMODE_CAN_ODIRECT		= 0x400000;
export const FMODE_NONOTIFY		= 0x4000000;
export const FMODE_NOWAIT		= 0x8000000;
export const FMODE_NEED_UNMOUNT		= 0x10000000;
export const FMODE_NOACCOUNT		= 0x20000000;
export const FMODE_BUF_RASYNC		= 0x40000000;
export const FMODE_BUF_WASYNC		= 1 << 31;

export const ATTR_MODE		= 1 << 0;
export const ATTR_UID		= 1 << 1;
export const ATTR_GID		= 1 << 2;
export const ATTR_SIZE		= 1 << 3;
export const ATTR_ATIME		= 1 << 4;
export const ATTR_MTIME		= 1 << 5;
export const ATTR_CTIME		= 1 << 6;
export const ATTR_ATIME_SET	= 1 << 7;
export const ATTR_MTIME_SET	= 1 << 8;
export const ATTR_FORCE		= 1 << 9;
export const ATTR_KILL_SUID	= 1 << 11;
export const ATTR_KILL_SGID	= 1 << 12;
export const ATTR_FILE		= 1 << 13;
export const ATTR_KILL_PRIV	= 1 << 14;
export const ATTR_OPEN		= 1 << 15;
export const ATTR_TIMES_SET	= 1 << 16;
export const ATTR_TOUCH		= 1 << 17;

/* what an address_space operation returns beside errnos */
export const AOP_WRITEPAGE_ACTIVATE	= 0x80000;
export const AOP_TRUNCATED_PAGE		= 0x80001;

export const IOCB_HIPRI		= RWF_HIPRI;
export const IOCB_DSYNC		= RWF_DSYNC;
export const IOCB_SYNC		= RWF_SYNC;
export const IOCB_NOWAIT	= RWF_NOWAIT;
export const IOCB_APPEND	= RWF_APPEND;
export const IOCB_EVENTFD	= 1 << 16;
export const IOCB_DIRECT	= 1 << 17;
export const IOCB_WRITE		= 1 << 18;
export const IOCB_WAITQ		= 1 << 19;
export const IOCB_NOIO		= 1 << 20;
export const IOCB_ALLOC_CACHE	= 1 << 21;

/* xarray marks of i_pages (XA_MARK_0 .. XA_MARK_2) */
export const PAGECACHE_TAG_DIRTY	= 0;
export const PAGECACHE_TAG_WRITEBACK	= 1;
export const PAGECACHE_TAG_TOWRITE	= 2;

export const IOP_FASTPERM		= 0x0001;
export const IOP_LOOKUP			= 0x0002;
export const IOP_NOFOLLOW		= 0x0004;
export const IOP_XATTR			= 0x0008;
export const IOP_DEFAULT_READLINK	= 0x0010;

/* lockdep subclasses of i_rwsem */
export const I_MUTEX_NORMAL	= 0;
export const I_MUTEX_PARENT	= 1;
export const I_MUTEX_CHILD	= 2;
export const I_MUTEX_XATTR	= 3;
export const I_MUTEX_NONDIR2	= 4;
export const I_MUTEX_PARENT2	= 5;

/* bytes; beyond MAX_NON_LFS only O_LARGEFILE files */
export const MAX_NON_LFS	= (1n << 31n) - 1n;
export const MAX_LFS_FILESIZE	= LLONG_MAX;
export const OFFSET_MAX		= LLONG_MAX;
/** Most bytes that one read or write moves: INT_MAX rounded down to pages. */
export const MAX_RW_COUNT	= 0x7ffff000;

export const SB_RDONLY		= 1;
export const SB_NOSUID		= 2;
export const SB_NODEV		= 4;
export const SB_NOEXEC		= 8;
export const SB_SYNCHRONOUS	= 16;
export const SB_MANDLOCK	= 64;
export const SB_DIRSYNC		= 128;
export const SB_NOATIME		= 1024;
export const SB_NODIRATIME	= 2048;
export const SB_SILENT		= 32768;
export const SB_POSIXACL	= 1 << 16;
export const SB_INLINECRYPT	= 1 << 17;
export const SB_KERNMOUNT	= 1 << 22;
export const SB_I_VERSION	= 1 << 23;
export const SB_LAZYTIME	= 1 << 25;
export const SB_SUBMOUNT	= 1 << 26;
export const SB_FORCE		= 1 << 27;
export const SB_NOSEC		= 1 << 28;
export const SB_BORN		= 1 << 29;
export const SB_ACTIVE		= 1 << 30;
export const SB_NOUSER		= 1 << 31;

export const SB_I_CGROUPWB	= 0x00000001;
export const SB_I_NOEXEC	= 0x00000002;
export const SB_I_NODEV		= 0x00000004;
export const SB_I_STABLE_WRITES	= 0x00000008;

export const SB_UNFROZEN		= 0;
export const SB_FREEZE_WRITE		= 1;
export const SB_FREEZE_PAGEFAULT	= 2;
export const SB_FREEZE_FS		= 3;
export const SB_FREEZE_COMPLETE		= 4;

/* i_flags */
export const S_SYNC		= 1 << 0;
export const S_NOATIME		= 1 << 1;
export const S_APPEND		= 1 << 2;
export const S_IMMUTABLE	= 1 << 3;
export const S_DEAD		= 1 << 4;
export const S_NOQUOTA		= 1 << 5;
export const S_DIRSYNC		= 1 << 6;
export const S_NOCMTIME		= 1 << 7;
export const S_SWAPFILE		= 1 << 8;
export const S_PRIVATE		= 1 << 9;
export const S_IMA		= 1 << 10;
export const S_AUTOMOUNT	= 1 << 11;
export const S_NOSEC		= 1 << 12;
export const S_DAX		= 0;
export const S_ENCRYPTED	= 1 << 14;
export const S_CASEFOLD		= 1 << 15;
export const S_VERITY		= 1 << 16;

/* i_state */
export const I_DIRTY_SYNC	= 1 << 0;
export const I_DIRTY_DATASYNC	= 1 << 1;
export const I_DIRTY_PAGES	= 1 << 2;
export const __I_NEW		= 3;
export const I_NEW		= 1 << __I_NEW;
export const I_WILL_FREE	= 1 << 4;
export const I_FREEING		= 1 << 5;
export const I_CLEAR		= 1 << 6;
export const __I_SYNC		= 7;
export const I_SYNC		= 1 << __I_SYNC;
export const I_REFERENCED	= 1 << 8;
export const __I_DIO_WAKEUP	= 9;
export const I_LINKABLE		= 1 << 10;
export const I_DIRTY_TIME	= 1 << 11;
export const I_CREATING		= 1 << 15;
export const I_DONTCACHE	= 1 << 16;

export const I_DIRTY_INODE	= I_DIRTY_SYNC | I_DIRTY_DATASYNC;
export const I_DIRTY		= I_DIRTY_INODE | I_DIRTY_PAGES;
export const I_DIRTY_ALL	= I_DIRTY | I_DIRTY_TIME;

/* which timestamps inode_update_time() sets */
export const S_ATIME		= 1;
export const S_MTIME		= 2;
export const S_CTIME		= 4;
export const S_VERSION		= 8;

export const FS_REQUIRES_DEV		= 1;
export const FS_BINARY_MOUNTDATA	= 2;
export const FS_HAS_SUBTYPE		= 4;
export const FS_USERNS_MOUNT		= 8;
export const FS_DISALLOW_NOTIFY_PERM	= 16;
export const FS_ALLOW_IDMAP		= 32;
export const FS_RENAME_DOES_D_MOVE	= 32768;

/* linux/namei.h */
export const LOOKUP_FOLLOW		= 0x0001;
export const LOOKUP_DIRECTORY		= 0x0002;
export const LOOKUP_AUTOMOUNT		= 0x0004;
export const LOOKUP_EMPTY		= 0x4000;
export const LOOKUP_OPEN		= 0x0100;
export const LOOKUP_CREATE		= 0x0200;
export const LOOKUP_EXCL		= 0x0400;
export const LOOKUP_NO_SYMLINKS		= 0x010000;
export const LOOKUP_NO_MAGICLINKS	= 0x020000;
export const LOOKUP_NO_XDEV		= 0x040000;
export const LOOKUP_BENEATH		= 0x080000;
export const LOOKUP_IN_ROOT		= 0x100000;
export const LOOKUP_CACHED		= 0x200000;

/* linux/mount.h */
export const MNT_NOSUID		= 0x01;
export const MNT_NODEV		= 0x02;
export const MNT_NOEXEC		= 0x04;
export const MNT_NOATIME	= 0x08;
export const MNT_NODIRATIME	= 0x10;
export const MNT_RELATIME	= 0x20;
export const MNT_READONLY	= 0x40;
export const MNT_INTERNAL	= 0x4000;

/* bounds of fs.nr_open */
export const sysctl_nr_open_min	= 64;
export const sysctl_nr_open_max	= 0x7fffffc0;

export const READ	= 0;
export const WRITE	= 1;
