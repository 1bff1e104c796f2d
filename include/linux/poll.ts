// SPDX-License-Identifier: GPL-2.0
/*
 * What ->poll() is given, and what it returns.
 *
 * Upstream: include/linux/poll.h, include/uapi/linux/eventpoll.h. Left out: select() and epoll;
 * ->poll() is called to look, never to wait.
 */
import type { struct_file } from "#linux/fs.types.ts";
import type { wait_queue_head_t } from "#linux/wait_types.ts";

export const EPOLLIN		= 0x00000001;
export const EPOLLPRI		= 0x00000002;
export const EPOLLOUT		= 0x00000004;
export const EPOLLERR		= 0x00000008;
export const EPOLLHUP		= 0x00000010;
export const EPOLLNVAL		= 0x00000020;
export const EPOLLRDNORM	= 0x00000040;
export const EPOLLRDBAND	= 0x00000080;
export const EPOLLWRNORM	= 0x00000100;
export const EPOLLWRBAND	= 0x00000200;

export const DEFAULT_POLLMASK	= EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

export interface struct_poll_table_struct {
	_qproc: ((file: struct_file, wait_address: wait_queue_head_t,
		p: struct_poll_table_struct) => void) | null;
	_key: number;
}

export function poll_wait(filp: struct_file, wait_address: wait_queue_head_t | null,
	p: struct_poll_table_struct | null): void {
	if (p && p._qproc && wait_address)
		p._qproc(filp, wait_address, p);
}

/** What the file is ready for now. */
export function vfs_poll(file: struct_file, pt: struct_poll_table_struct | null): number {
	if (!file.f_op.poll)
		return DEFAULT_POLLMASK;
	return file.f_op.poll(file, pt);
}
