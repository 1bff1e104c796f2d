// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing of memfds.
 *
 * Upstream: include/linux/memfd.h.
 */
export { memfd_fcntl } from "#mm/memfd.ts";
