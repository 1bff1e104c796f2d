// SPDX-License-Identifier: GPL-2.0
/*
 * Upstream: include/linux/fs_struct.h.
 */
import { spinlock_t } from "#linux/spinlock_types.ts";

export { copy_fs_struct, current_umask, exit_fs, free_fs_struct, init_fs, unshare_fs_struct } from
	"#linux/fs/fs_struct.ts";

/* What tasks share by CLONE_FS. root and pwd are "/" for all. */
export class struct_fs_struct {
	users = 0;
	lock = new spinlock_t();
	umask = 0;
	in_exec = 0;
}
