// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of memory nodes, of which there is one.
 *
 * Upstream: include/linux/nodemask.h, for MAX_NUMNODES 1.
 */
import { MAX_NUMNODES } from "#linux/numa.ts";

export class nodemask_t {
	bits = 0;
}

export const N_POSSIBLE		= 0;
export const N_ONLINE		= 1;
export const N_NORMAL_MEMORY	= 2;
export const N_HIGH_MEMORY	= N_NORMAL_MEMORY;
export const N_MEMORY		= 3;
export const N_CPU		= 4;
export const N_GENERIC_INITIATOR = 5;
export const NR_NODE_STATES	= 6;

function node_mask_all(): nodemask_t {
	const mask = new nodemask_t();
	mask.bits = 1;
	return mask;
}

/** Every node is possible, online, and has memory and CPUs. */
export const node_states: nodemask_t[] = Array.from({ length: NR_NODE_STATES }, node_mask_all);
export const node_online_map	= node_states[N_ONLINE]!;
export const node_possible_map	= node_states[N_POSSIBLE]!;
export const nr_node_ids	= 1;
export const nr_online_nodes	= 1;
export const first_online_node	= 0;
export const first_memory_node	= 0;

export const NODE_MASK_ALL = node_mask_all;
export const NODE_MASK_NONE = (): nodemask_t => new nodemask_t();

export function node_set(node: number, dstp: nodemask_t): void {
	dstp.bits |= 1 << node;
}

export function node_clear(node: number, dstp: nodemask_t): void {
	dstp.bits &= ~(1 << node);
}

export function nodes_clear(dstp: nodemask_t): void {
	dstp.bits = 0;
}

export function nodes_setall(dstp: nodemask_t): void {
	dstp.bits = 1;
}

export function node_isset(node: number, src: nodemask_t): boolean {
	return (src.bits >>> node & 1) !== 0;
}

export function nodes_and(dst: nodemask_t, src1: nodemask_t, src2: nodemask_t): void {
	dst.bits = src1.bits & src2.bits;
}

export function nodes_empty(src: nodemask_t): boolean {
	return src.bits === 0;
}

export function nodes_weight(src: nodemask_t): number {
	return src.bits & 1;
}

export function first_node(src: nodemask_t): number {
	return (src.bits & 1) !== 0 ? 0 : MAX_NUMNODES;
}

export function next_node(_n: number, _src: nodemask_t): number {
	return MAX_NUMNODES;
}

export function next_node_in(_n: number, src: nodemask_t): number {
	return first_node(src);
}

export function init_nodemask_of_node(mask: nodemask_t, node: number): void {
	nodes_clear(mask);
	node_set(node, mask);
}

export function* for_each_node_mask(mask: nodemask_t): Generator<number> {
	if (!nodes_empty(mask))
		yield 0;
}

export function for_each_node_state(state: number): Generator<number> {
	return for_each_node_mask(node_states[state]!);
}

export function for_each_online_node(): Generator<number> {
	return for_each_node_state(N_ONLINE);
}

export function node_state(node: number, state: number): boolean {
	return node === 0 && state < NR_NODE_STATES;
}

export function num_node_state(_state: number): number {
	return 1;
}

export function num_online_nodes(): number {
	return 1;
}

export function node_online(node: number): boolean {
	return node_state(node, N_ONLINE);
}

export function node_possible(node: number): boolean {
	return node_state(node, N_POSSIBLE);
}
