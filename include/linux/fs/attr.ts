// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the attributes of inodes.
 *
 * Upstream: fs/attr.c. Left out: security hooks, delegations; ids are not mapped.
 */
import { BUG, WARN_ON_ONCE } from "#linux/bug.ts";
import { EFBIG, EINVAL, EPERM, ETXTBSY } from "#linux/errno.ts";
import type { loff_t } from "#asm-generic/types.ts";
import { CAP_CHOWN, CAP_FSETID } from "#uapi/linux/capability.ts";
import { capable_wrt_inode_uidgid } from "#linux/capability.ts";
import { current_fsuid, in_group_p } from "#linux/cred.ts";
import { ATTR_ATIME, ATTR_ATIME_SET, ATTR_CTIME, ATTR_FORCE, ATTR_GID, ATTR_KILL_PRIV,
	ATTR_KILL_SGID, ATTR_KILL_SUID, ATTR_MODE, ATTR_MTIME, ATTR_MTIME_SET, ATTR_SIZE,
	ATTR_TIMES_SET, ATTR_TOUCH, ATTR_UID, MAY_WRITE, S_NOSEC } from "#linux/fs.const.ts";
import { IS_APPEND, IS_IMMUTABLE, IS_SWAPFILE, current_time, inode_is_locked,
	inode_owner_or_capable, inode_permission, is_sxid, simple_setattr, timestamp_truncate } from
	"#linux/fs.ts";
import type { struct_dentry, struct_iattr, struct_inode, struct_user_namespace } from
	"#linux/fs.types.ts";
import { RLIMIT_FSIZE } from "#uapi/asm-generic/resource.ts";
import { current } from "#linux/sched.ts";
import { rlimit, send_sig } from "#linux/sched/signal.ts";
import { SIGXFSZ } from "#linux/signal.ts";
import { S_ISGID, S_ISUID, S_IXGRP } from "#linux/stat.ts";

/** fs/attr.c:chown_ok() */
function chown_ok(mnt_userns: struct_user_namespace, inode: struct_inode, ia_vfsuid: number):
	boolean {
	if (inode.i_uid === current_fsuid() && ia_vfsuid === inode.i_uid)
		return true;
	if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_CHOWN))
		return true;
	return false;
}

/** fs/attr.c:chgrp_ok() */
function chgrp_ok(mnt_userns: struct_user_namespace, inode: struct_inode, ia_vfsgid: number):
	boolean {
	if (inode.i_uid === current_fsuid()) {
		if (ia_vfsgid === inode.i_gid)
			return true;
		if (in_group_p(ia_vfsgid))
			return true;
	}
	if (capable_wrt_inode_uidgid(mnt_userns, inode, CAP_CHOWN))
		return true;
	return false;
}

/** fs/attr.c:setattr_prepare(): may the caller make the change? */
export function setattr_prepare(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	attr: struct_iattr): number {
	const inode = dentry.d_inode!;
	const ia_valid = attr.ia_valid;

	/* size constraints cannot be overridden by ATTR_FORCE */
	if (ia_valid & ATTR_SIZE) {
		const error = inode_newsize_ok(inode, attr.ia_size);
		if (error)
			return error;
	}

	/* ATTR_FORCE skips the permission checks */
	if (ia_valid & ATTR_FORCE)
		return 0;

	if ((ia_valid & ATTR_UID) && !chown_ok(mnt_userns, inode, attr.ia_uid))
		return -EPERM;

	if ((ia_valid & ATTR_GID) && !chgrp_ok(mnt_userns, inode, attr.ia_gid))
		return -EPERM;

	if (ia_valid & ATTR_MODE) {
		if (!inode_owner_or_capable(mnt_userns, inode))
			return -EPERM;

		const vfsgid = ia_valid & ATTR_GID ? attr.ia_gid : inode.i_gid;

		/* S_ISGID is only for members of the group */
		if (!in_group_p(vfsgid) && !capable_wrt_inode_uidgid(mnt_userns, inode, CAP_FSETID))
			attr.ia_mode &= ~S_ISGID;
	}

	/* times other than "now" are for the owner */
	if (ia_valid & (ATTR_MTIME_SET | ATTR_ATIME_SET | ATTR_TIMES_SET)) {
		if (!inode_owner_or_capable(mnt_userns, inode))
			return -EPERM;
	}

	return 0;
}

/** fs/attr.c:inode_newsize_ok(): may the file become @offset bytes long? i_rwsem is held. */
export function inode_newsize_ok(inode: struct_inode, offset: loff_t): number {
	if (offset < 0n)
		return -EINVAL;
	if (inode.i_size < offset) {
		const limit = rlimit(RLIMIT_FSIZE);

		if (limit < 2 ** 64 && offset > BigInt(limit)) {
			send_sig(SIGXFSZ, current, 0);
			return -EFBIG;
		}
		if (offset > inode.i_sb!.s_maxbytes)
			return -EFBIG;
	} else {
		/* swapping out would go to blocks that are free by then */
		if (IS_SWAPFILE(inode))
			return -ETXTBSY;
	}

	return 0;
}

/** fs/attr.c:setattr_copy(): all but the size. */
export function setattr_copy(mnt_userns: struct_user_namespace, inode: struct_inode,
	attr: struct_iattr): void {
	const ia_valid = attr.ia_valid;

	if (ia_valid & ATTR_UID)
		inode.i_uid = attr.ia_uid;
	if (ia_valid & ATTR_GID)
		inode.i_gid = attr.ia_gid;
	if (ia_valid & ATTR_ATIME)
		inode.i_atime = attr.ia_atime;
	if (ia_valid & ATTR_MTIME)
		inode.i_mtime = attr.ia_mtime;
	if (ia_valid & ATTR_CTIME)
		inode.i_ctime = attr.ia_ctime;
	if (ia_valid & ATTR_MODE) {
		let mode = attr.ia_mode;
		if (!in_group_p(inode.i_gid) &&
		    !capable_wrt_inode_uidgid(mnt_userns, inode, CAP_FSETID))
			mode &= ~S_ISGID;
		inode.i_mode = mode;
	}
}

/** fs/attr.c:may_setattr() */
export function may_setattr(mnt_userns: struct_user_namespace, inode: struct_inode,
	ia_valid: number): number {
	if (ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_TIMES_SET)) {
		if (IS_IMMUTABLE(inode) || IS_APPEND(inode))
			return -EPERM;
	}

	/* setting times to "now" needs no more than write permission */
	if (ia_valid & ATTR_TOUCH) {
		if (IS_IMMUTABLE(inode))
			return -EPERM;

		if (!inode_owner_or_capable(mnt_userns, inode)) {
			const error = inode_permission(mnt_userns, inode, MAY_WRITE);
			if (error)
				return error;
		}
	}
	return 0;
}

/** fs/attr.c:notify_change(); i_rwsem is held for writing. */
export function notify_change(mnt_userns: struct_user_namespace, dentry: struct_dentry,
	attr: struct_iattr): number {
	const inode = dentry.d_inode!;
	const mode = inode.i_mode;
	let ia_valid = attr.ia_valid;

	WARN_ON_ONCE(!inode_is_locked(inode));

	const error = may_setattr(mnt_userns, inode, ia_valid);
	if (error)
		return error;

	if (ia_valid & ATTR_MODE) {
		/* flag setting protected by i_rwsem */
		if (is_sxid(attr.ia_mode))
			inode.i_flags &= ~S_NOSEC;
	}

	const now = current_time(inode);

	attr.ia_ctime = now;
	if (!(ia_valid & ATTR_ATIME_SET))
		attr.ia_atime = now;
	else
		attr.ia_atime = timestamp_truncate(attr.ia_atime, inode);
	if (!(ia_valid & ATTR_MTIME_SET))
		attr.ia_mtime = now;
	else
		attr.ia_mtime = timestamp_truncate(attr.ia_mtime, inode);

	/* no capabilities are attached to files */
	if (ia_valid & ATTR_KILL_PRIV)
		ia_valid = attr.ia_valid &= ~ATTR_KILL_PRIV;

	/* file systems may reinterpret a mode change that comes from the kill bits alone */
	if ((ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID)) && (ia_valid & ATTR_MODE))
		BUG();

	if (ia_valid & ATTR_KILL_SUID) {
		if (mode & S_ISUID) {
			ia_valid = attr.ia_valid |= ATTR_MODE;
			attr.ia_mode = inode.i_mode & ~S_ISUID;
		}
	}
	if (ia_valid & ATTR_KILL_SGID) {
		if ((mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) {
			if (!(ia_valid & ATTR_MODE)) {
				ia_valid = attr.ia_valid |= ATTR_MODE;
				attr.ia_mode = inode.i_mode;
			}
			attr.ia_mode &= ~S_ISGID;
		}
	}
	if (!(attr.ia_valid & ~(ATTR_KILL_SUID | ATTR_KILL_SGID)))
		return 0;

	if (inode.i_op.setattr)
		return inode.i_op.setattr(mnt_userns, dentry, attr);
	return simple_setattr(mnt_userns, dentry, attr);
}
