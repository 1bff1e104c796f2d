// SPDX-License-Identifier: GPL-2.0
/*
 * Failing slab allocations on purpose.
 *
 * Upstream: mm/failslab.c. Left out: nothing.
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { CONFIG_FAILSLAB } from "#generated/autoconf.ts";
import {
	debugfs_create_bool, fault_create_debugfs_attr, setup_fault_attr, should_fail,
	struct_fault_attr,
} from "#linux/fault-inject.ts";
import { __GFP_DIRECT_RECLAIM, __GFP_NOFAIL, __GFP_NOWARN, type gfp_t } from
	"#linux/gfp_types.ts";
import { SLAB_FAILSLAB } from "#linux/slab_def.ts";
import type { struct_kmem_cache } from "#linux/slab_def.ts";

interface failslab_config {
	attr: struct_fault_attr | null;
	ignore_gfp_reclaim: boolean;
	cache_filter: boolean;
}

const failslab: failslab_config = {
	attr: null,
	ignore_gfp_reclaim: true,
	cache_filter: false,
};

/** The attributes, made on first use. */
function failslab_attr(): struct_fault_attr {
	return failslab.attr ??= new struct_fault_attr();
}

/** mm/failslab.c:__should_failslab() */
export function __should_failslab(s: struct_kmem_cache, gfpflags: gfp_t): boolean {
	if ((gfpflags & __GFP_NOFAIL) !== 0)
		return false;

	if (failslab.ignore_gfp_reclaim && (gfpflags & __GFP_DIRECT_RECLAIM) !== 0)
		return false;

	if (failslab.cache_filter && (s.flags & SLAB_FAILSLAB) === 0)
		return false;

	const attr = failslab_attr();

	if ((gfpflags & __GFP_NOWARN) !== 0)
		attr.no_warn = true;

	return should_fail(attr, s.object_size);
}

/** mm/failslab.c:setup_failslab(), the boot option failslab= */
export function setup_failslab(str: string): number {
	return setup_fault_attr(failslab_attr(), str);
}

function failslab_debugfs_init(): number {
	if (!CONFIG_FAILSLAB)
		return 0;

	const dir = fault_create_debugfs_attr("failslab", failslab_attr());

	debugfs_create_bool("ignore-gfp-wait", dir, () => failslab.ignore_gfp_reclaim, (v) => {
		failslab.ignore_gfp_reclaim = v;
	});
	debugfs_create_bool("cache-filter", dir, () => failslab.cache_filter, (v) => {
		failslab.cache_filter = v;
	});

	return 0;
}

late_initcall("mm/failslab", failslab_debugfs_init);
