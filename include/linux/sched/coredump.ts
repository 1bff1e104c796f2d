// SPDX-License-Identifier: GPL-2.0
/*
 * Flags of an mm.
 *
 * Upstream: include/linux/sched/coredump.h.
 */

export const SUID_DUMP_DISABLE	= 0;
export const SUID_DUMP_USER	= 1;
export const SUID_DUMP_ROOT	= 2;

export const MMF_DUMPABLE_BITS	= 2;
export const MMF_DUMPABLE_MASK	= (1 << MMF_DUMPABLE_BITS) - 1;

export const MMF_DUMP_ANON_PRIVATE	= 2;
export const MMF_DUMP_ANON_SHARED	= 3;
export const MMF_DUMP_HUGETLB_PRIVATE	= 7;
export const MMF_DUMP_FILTER_SHIFT	= MMF_DUMPABLE_BITS;
export const MMF_DUMP_FILTER_BITS	= 9;
export const MMF_DUMP_FILTER_MASK = ((1 << MMF_DUMP_FILTER_BITS) - 1) << MMF_DUMP_FILTER_SHIFT;
export const MMF_DUMP_FILTER_DEFAULT = (1 << MMF_DUMP_ANON_PRIVATE) | (1 << MMF_DUMP_ANON_SHARED) |
	(1 << MMF_DUMP_HUGETLB_PRIVATE);

export const MMF_VM_MERGEABLE		= 16;
export const MMF_VM_HUGEPAGE		= 17;
export const MMF_HAS_UPROBES		= 19;
export const MMF_RECALC_UPROBES		= 20;
export const MMF_OOM_SKIP		= 21;
export const MMF_UNSTABLE		= 22;
export const MMF_HUGE_ZERO_PAGE		= 23;
export const MMF_DISABLE_THP		= 24;
export const MMF_OOM_VICTIM		= 25;
export const MMF_OOM_REAP_QUEUED	= 26;
export const MMF_MULTIPROCESS		= 27;
export const MMF_HAS_PINNED		= 28;
export const MMF_DISABLE_THP_MASK	= 1 << MMF_DISABLE_THP;

export const MMF_INIT_MASK = MMF_DUMPABLE_MASK | MMF_DUMP_FILTER_MASK | MMF_DISABLE_THP_MASK;
