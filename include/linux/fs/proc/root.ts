// SPDX-License-Identifier: GPL-2.0
/*
 * The mounts that the name table has.
 *
 * Upstream: fs/proc/root.c, fs/sysfs/mount.c, fs/debugfs/inode.c, drivers/base/devtmpfs.c (their
 * file system types); what init mounts. /tmp and /dev/shm are instances of tmpfs of their own,
 * without limits.
 */
import { panic } from "#linux/panic.ts";
import { ENOMEM } from "#linux/errno.ts";
import { late_initcall } from "#asm-generic/registry.ts";
import { get_fs_type, kill_anon_super, register_filesystem, simple_dir_operations } from
	"#linux/fs.ts";
import { SB_I_NODEV, SB_I_NOEXEC } from "#linux/fs.const.ts";
import type { struct_file_system_type } from "#linux/fs.types.ts";
import { mount_at, mount_of } from "#linux/fs/namespace.ts";
import { proc_mkdir, proc_symlink } from "#linux/fs/proc/generic.ts";
import { init_pseudo } from "#linux/pseudo_fs.ts";
import { current } from "#linux/sched.ts";
import { S_IFDIR } from "#linux/stat.ts";
import { DEBUGFS_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC, TMPFS_MAGIC } from
	"#uapi/linux/magic.ts";

function fill_root(path: string): void {
	const inode = mount_of(path)!.mnt_root!.d_inode!;

	inode.i_mode = S_IFDIR | 0o555;
	inode.i_fop = simple_dir_operations;
}

function pseudo_type(name: string, magic: number, iflags: number): struct_file_system_type {
	return {
		name,
		init_fs_context: (fc) => {
			fc.s_iflags |= iflags;
			return init_pseudo(fc, magic) ? 0 : -ENOMEM;
		},
		kill_sb: (sb) => kill_anon_super(sb),
	};
}

const types: [string, struct_file_system_type][] = [
	["/proc",		pseudo_type("proc", PROC_SUPER_MAGIC, SB_I_NOEXEC | SB_I_NODEV)],
	["/sys",		pseudo_type("sysfs", SYSFS_MAGIC, SB_I_NOEXEC | SB_I_NODEV)],
	["/sys/kernel/debug",	pseudo_type("debugfs", DEBUGFS_MAGIC, 0)],
	["/dev",		pseudo_type("devtmpfs", TMPFS_MAGIC, 0)],
];

/** Port-only: from vfs_caches_init(), in the place of proc_root_init() and sysfs_init(). */
export function pseudo_init(): void {
	for (const [path, type] of types) {
		const err = register_filesystem(type) || mount_at(path, type);
		if (err)
			panic(`${path}: mount of ${type.name} failed (${err})\n`);
		fill_root(path);
		proc_mkdir(path);
	}
	proc_mkdir("/proc/self/fd");
	proc_symlink("/proc/self/exe", () => `/${current.comm}`);
	proc_mkdir("/dev/fd");
}

function mount_tmpfs(): number {
	const type = get_fs_type("tmpfs");

	if (!type)
		return 0;
	return mount_at("/tmp", type, "nr_blocks=0,nr_inodes=0") ||
		mount_at("/dev/shm", type, "nr_blocks=0,nr_inodes=0");
}
late_initcall("fs/proc/root", mount_tmpfs);
