// SPDX-License-Identifier: GPL-2.0
/*
 * From descriptors to open files.
 *
 * Upstream: include/linux/file.h.
 */
import { FDPUT_FPUT, FDPUT_POS_UNLOCK, __f_unlock_pos, __fdget, __fdget_pos, __fdget_raw,
	type struct_fd } from "#linux/fs/file.ts";
import { fput } from "#linux/fs/file_table.ts";

export { __fput_sync, alloc_file_clone, alloc_file_pseudo, flush_delayed_fput, fput } from
	"#linux/fs/file_table.ts";
export { FDPUT_FPUT, FDPUT_POS_UNLOCK, __get_unused_fd_flags, __receive_fd, f_dupfd, fd_install,
	fget, fget_raw, fget_task, get_close_on_exec, get_unused_fd_flags, put_unused_fd,
	receive_fd, replace_fd, set_close_on_exec, struct_fd } from "#linux/fs/file.ts";

/** fput() for a file whose look-up said whether it took a reference. */
export function fput_light(file: { f_count: number }, fput_needed: number): void {
	if (fput_needed)
		fput(file as Parameters<typeof fput>[0]);
}

/** File of @fd for the time of a system call; O_PATH files count as absent. */
export function fdget(fd: number): struct_fd {
	return __fdget(fd >>> 0);
}

/** fdget(), O_PATH files too. */
export function fdget_raw(fd: number): struct_fd {
	return __fdget_raw(fd >>> 0);
}

/** fdget() for calls that use f_pos. */
export function fdget_pos(fd: number): struct_fd {
	return __fdget_pos(fd >>> 0);
}

export function fdput(fd: struct_fd): void {
	if (fd.flags & FDPUT_FPUT)
		fput(fd.file!);
}

export function fdput_pos(f: struct_fd): void {
	if (f.flags & FDPUT_POS_UNLOCK)
		__f_unlock_pos(f.file!);
	fdput(f);
}
