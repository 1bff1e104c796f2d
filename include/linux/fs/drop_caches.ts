// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/sys/vm/drop_caches.
 *
 * Upstream: fs/drop_caches.c. drop_slab() is called when reclaim is linked in.
 */
import { pr_info } from "#linux/printk.ts";
import { fs_initcall, weak } from "#asm-generic/registry.ts";
import { PGOFF_MAX, pgoff_t } from "#asm-generic/types.ts";
import { I_FREEING, I_NEW, I_WILL_FREE } from "#linux/fs.const.ts";
import { __iget, iput, iterate_supers } from "#linux/fs.ts";
import { struct_inode, type struct_super_block } from "#linux/fs.types.ts";
import { list_for_each_entry } from "#linux/list.ts";
import { mapping_empty, invalidate_mapping_pages } from "#linux/pagemap.ts";
import { cond_resched, current, need_resched } from "#linux/sched.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { proc_dointvec_minmax, register_sysctl_init, type struct_ctl_table } from
	"#linux/sysctl.ts";
import { DROP_PAGECACHE, DROP_SLAB, count_vm_event } from "#linux/vmstat.ts";

let sysctl_drop_caches = 0;

/** fs/drop_caches.c:drop_pagecache_sb(); s_umount is held. */
function drop_pagecache_sb(sb: struct_super_block, _unused: null): void {
	let toput_inode: struct_inode | null = null;

	spin_lock(sb.s_inode_list_lock);
	for (const inode of list_for_each_entry(sb.s_inodes, struct_inode, "i_sb_list")) {
		spin_lock(inode.i_lock);
		/* without a cache there is nothing to do; unless others should have a turn */
		if ((inode.i_state & (I_FREEING | I_WILL_FREE | I_NEW)) ||
		    (mapping_empty(inode.i_mapping) && !need_resched())) {
			spin_unlock(inode.i_lock);
			continue;
		}
		__iget(inode);
		spin_unlock(inode.i_lock);
		spin_unlock(sb.s_inode_list_lock);

		invalidate_mapping_pages(inode.i_mapping, pgoff_t(0), PGOFF_MAX);
		iput(toput_inode);
		toput_inode = inode;

		cond_resched();
		spin_lock(sb.s_inode_list_lock);
	}
	spin_unlock(sb.s_inode_list_lock);
	iput(toput_inode);
}

let stfu = 0;

/** fs/drop_caches.c:drop_caches_sysctl_handler() */
export function drop_caches_sysctl_handler(table: struct_ctl_table, write: number,
	buffer: Parameters<struct_ctl_table["proc_handler"]>[2]): number {
	const ret = proc_dointvec_minmax(table, write, buffer);
	if (ret)
		return ret;
	if (write) {
		if (sysctl_drop_caches & 1) {
			iterate_supers(drop_pagecache_sb, null);
			count_vm_event(DROP_PAGECACHE);
		}
		if (sysctl_drop_caches & 2) {
			weak("drop_slab", () => {})();
			count_vm_event(DROP_SLAB);
		}
		if (!stfu)
			pr_info(`${current.comm} (${current.pid}): drop_caches: ` +
				`${sysctl_drop_caches}\n`);
		stfu |= sysctl_drop_caches & 4;
	}
	return 0;
}

const vm_drop_caches_table: struct_ctl_table[] = [
	{
		procname:	"drop_caches",
		data:		{
			get: () => sysctl_drop_caches,
			set: (v) => {
				sysctl_drop_caches = v;
			},
		},
		mode:		0o200,
		proc_handler:	drop_caches_sysctl_handler,
		extra1:		1,
		extra2:		4,
	},
];

function init_fs_drop_caches_sysctl(): number {
	register_sysctl_init("vm", vm_drop_caches_table);
	return 0;
}
fs_initcall("fs/drop_caches", init_fs_drop_caches_sysctl);
