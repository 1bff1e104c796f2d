// SPDX-License-Identifier: GPL-2.0
/*
 * Moving pages between files and pipes.
 *
 * Upstream: include/linux/splice.h.
 */
import type { loff_t, ref } from "#asm-generic/types.ts";
import type { struct_file } from "#linux/fs.types.ts";
import type { struct_pipe_buffer, struct_pipe_inode_info } from "#linux/pipe_fs_i.ts";

export { __splice_from_pipe, add_to_pipe, default_pipe_buf_ops, do_splice, do_tee,
	nosteal_pipe_buf_ops, page_cache_pipe_buf_ops, splice_direct_to_actor, splice_file_to_pipe,
	splice_from_pipe } from "#linux/fs/splice.ts";

export const SPLICE_F_MOVE	= 0x01;
export const SPLICE_F_NONBLOCK	= 0x02;
export const SPLICE_F_MORE	= 0x04;
export const SPLICE_F_GIFT	= 0x08;

export const SPLICE_F_ALL = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

/** What is passed to the actors. */
export class struct_splice_desc {
	/** remaining length */
	total_len = 0;
	/** current length */
	len = 0;
	flags = 0;
	/** C: u.file */
	file: struct_file | null = null;
	/** C: u.data */
	data: unknown = null;
	pos: loff_t = 0n;
	/** sendfile: output position */
	opos: ref<loff_t> | null = null;
	num_spliced = 0;
	need_wakeup = false;
}

export type splice_actor = (pipe: struct_pipe_inode_info, buf: struct_pipe_buffer,
	sd: struct_splice_desc) => number;
export type splice_direct_actor = (pipe: struct_pipe_inode_info, sd: struct_splice_desc) => number;
