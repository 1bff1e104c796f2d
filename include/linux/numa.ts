// SPDX-License-Identifier: GPL-2.0
/*
 * Memory nodes: there is one.
 *
 * Upstream: include/linux/numa.h, and topology.h as far as memory asks it.
 */
export const NODES_SHIFT	= 0;
export const MAX_NUMNODES	= 1;
export const NUMA_NO_NODE	= -1;

export function numa_map_to_online_node(_node: number): number {
	return NUMA_NO_NODE;
}
