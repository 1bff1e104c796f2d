// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe: a ring of page references.
 *
 * Upstream: include/linux/pipe_fs_i.h. Left out: watch queues, fasync.
 */
import type { struct_user_struct } from "#linux/cred_types.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { struct_mutex } from "#linux/mutex_types.ts";
import { wait_queue_head_t } from "#linux/wait_types.ts";

export { alloc_pipe_info, create_pipe_files, free_pipe_info, generic_pipe_buf_get,
	generic_pipe_buf_release, generic_pipe_buf_try_steal, get_pipe_info, pipe_double_lock,
	pipe_fcntl, pipe_lock, pipe_unlock, round_pipe_size } from "#linux/fs/pipe.ts";

export const PIPE_DEF_BUFFERS	= 16;

export const PIPE_BUF_FLAG_LRU		= 0x01;
export const PIPE_BUF_FLAG_ATOMIC	= 0x02;
export const PIPE_BUF_FLAG_GIFT		= 0x04;
export const PIPE_BUF_FLAG_PACKET	= 0x08;
export const PIPE_BUF_FLAG_CAN_MERGE	= 0x10;
export const PIPE_BUF_FLAG_WHOLE	= 0x20;

export class struct_pipe_buffer {
	page: struct_page | null = null;
	offset = 0;
	len = 0;
	ops: struct_pipe_buf_operations | null = null;
	flags = 0;
	private_ = 0;
}

/*
 * bufs[tail .. head) modulo ring_size are filled. mutex protects all but the counts that say who
 * may still come (files, under the inode's i_lock).
 */
export class struct_pipe_inode_info {
	mutex = new struct_mutex();
	rd_wait = new wait_queue_head_t();
	wr_wait = new wait_queue_head_t();
	head = 0;
	tail = 0;
	max_usage = 0;
	ring_size = 0;
	nr_accounted = 0;
	readers = 0;
	writers = 0;
	/** open files; 0 for the internal pipe of sendfile() */
	files = 0;
	r_counter = 0;
	w_counter = 0;
	poll_usage = false;
	/** a page kept for the next write */
	tmp_page: struct_page | null = null;
	bufs: struct_pipe_buffer[] = [];
	user: struct_user_struct | null = null;
}

export interface struct_pipe_buf_operations {
	confirm?: (pipe: struct_pipe_inode_info, buf: struct_pipe_buffer) => number;
	release: (pipe: struct_pipe_inode_info, buf: struct_pipe_buffer) => void;
	try_steal?: (pipe: struct_pipe_inode_info, buf: struct_pipe_buffer) => boolean;
	get: (pipe: struct_pipe_inode_info, buf: struct_pipe_buffer) => boolean;
}

export function pipe_empty(head: number, tail: number): boolean {
	return head === tail;
}

export function pipe_occupancy(head: number, tail: number): number {
	return head - tail;
}

export function pipe_full(head: number, tail: number, limit: number): boolean {
	return pipe_occupancy(head, tail) >= limit;
}

/** C: *to = *from */
export function pipe_buf_copy(to: struct_pipe_buffer, from: struct_pipe_buffer): void {
	to.page = from.page;
	to.offset = from.offset;
	to.len = from.len;
	to.ops = from.ops;
	to.flags = from.flags;
	to.private_ = from.private_;
}

export function pipe_buf_get(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): boolean {
	return buf.ops!.get(pipe, buf);
}

export function pipe_buf_release(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): void {
	const ops = buf.ops!;

	buf.ops = null;
	ops.release(pipe, buf);
}

export function pipe_buf_confirm(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer): number {
	if (!buf.ops!.confirm)
		return 0;
	return buf.ops!.confirm(pipe, buf);
}

export function pipe_buf_try_steal(pipe: struct_pipe_inode_info, buf: struct_pipe_buffer):
	boolean {
	if (!buf.ops!.try_steal)
		return false;
	return buf.ops!.try_steal(pipe, buf);
}

export function pipe_discard_from(pipe: struct_pipe_inode_info, old_head: number): void {
	const mask = pipe.ring_size - 1;

	while (pipe.head > old_head)
		pipe_buf_release(pipe, pipe.bufs[--pipe.head & mask]!);
}
