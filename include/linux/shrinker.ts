// SPDX-License-Identifier: GPL-2.0
/*
 * Shrinkers: who can free memory on demand.
 *
 * Upstream: include/linux/shrinker.h. Left out: memory cgroups, debugfs.
 */
import type { gfp_t } from "#linux/gfp_types.ts";
import { struct_list_head } from "#linux/list.ts";
import type { struct_mem_cgroup } from "#linux/memcontrol.ts";
export {
	free_prealloced_shrinker, prealloc_shrinker, register_shrinker, register_shrinker_prepared,
	synchronize_shrinkers, unregister_shrinker,
} from "#mm/vmscan.ts";

export class struct_shrink_control {
	gfp_mask: gfp_t = 0;
	nid = 0;
	/** how many objects scan_objects() is to look at */
	nr_to_scan = 0;
	/** how many it did look at */
	nr_scanned = 0;
	memcg: struct_mem_cgroup | null = null;
}

export const SHRINK_STOP	= 2 ** 53 - 1;
export const SHRINK_EMPTY	= 2 ** 53 - 2;

export type shrinker_fn = (shrinker: struct_shrinker, sc: struct_shrink_control) => number;

export class struct_shrinker {
	count_objects: shrinker_fn;
	scan_objects: shrinker_fn;
	batch = 0;
	seeks = 0;
	flags = 0;
	list = new struct_list_head(this);
	name = "";
	/** what it shrinks (C: by container_of()) */
	private_data: unknown = null;
	/** C: an array by node; null while unregistered */
	nr_deferred = 0;

	constructor(count_objects: shrinker_fn, scan_objects: shrinker_fn, seeks: number) {
		this.count_objects = count_objects;
		this.scan_objects = scan_objects;
		this.seeks = seeks;
	}
}

export const DEFAULT_SEEKS		= 2;

export const SHRINKER_REGISTERED	= 1 << 0;
export const SHRINKER_NUMA_AWARE	= 1 << 1;
export const SHRINKER_MEMCG_AWARE	= 1 << 2;
export const SHRINKER_NONSLAB		= 1 << 3;
