// SPDX-License-Identifier: GPL-2.0
/*
 * The entries of /proc/sys/vm and /proc/sys/debug that no subsystem registers itself.
 *
 * Upstream: kernel/sysctl.c. Left out: entries of what the port does not have.
 */
import { subsys_initcall } from "#asm-generic/registry.ts";
import {
	min_free_kbytes, min_free_kbytes_sysctl_handler, overcommit_kbytes_handler,
	overcommit_policy_handler, overcommit_ratio_handler, set_admin_reserve_kbytes,
	set_max_map_count, set_min_free_kbytes, set_overcommit_kbytes, set_overcommit_memory,
	set_overcommit_ratio, set_user_reserve_kbytes, sysctl_admin_reserve_kbytes,
	sysctl_max_map_count, sysctl_overcommit_kbytes, sysctl_overcommit_memory,
	sysctl_overcommit_ratio, sysctl_user_reserve_kbytes,
} from "#linux/mm.ts";
import {
	proc_dointvec, proc_dointvec_minmax, proc_doulongvec_minmax, register_sysctl_init,
	type struct_ctl_table,
} from "#linux/sysctl.ts";
import { set_sysctl_legacy_va_layout, sysctl_legacy_va_layout } from "#asm/processor.ts";
import { set_show_unhandled_signals, show_unhandled_signals } from "#asm/traps.ts";

const vm_table: struct_ctl_table[] = [
	{
		procname:	"overcommit_memory",
		data:		{
			get: () => sysctl_overcommit_memory,
			set: set_overcommit_memory,
		},
		mode:		0o644,
		proc_handler:	overcommit_policy_handler,
		extra1:		0,
		extra2:		2,
	},
	{
		procname:	"overcommit_ratio",
		data:		{
			get: () => sysctl_overcommit_ratio,
			set: set_overcommit_ratio,
		},
		mode:		0o644,
		proc_handler:	overcommit_ratio_handler,
	},
	{
		procname:	"overcommit_kbytes",
		data:		{
			get: () => sysctl_overcommit_kbytes,
			set: set_overcommit_kbytes,
		},
		mode:		0o644,
		proc_handler:	overcommit_kbytes_handler,
	},
	{
		procname:	"min_free_kbytes",
		data:		{
			get: () => min_free_kbytes,
			set: set_min_free_kbytes,
		},
		mode:		0o644,
		proc_handler:	min_free_kbytes_sysctl_handler,
		extra1:		0,
	},
	{
		procname:	"max_map_count",
		data:		{
			get: () => sysctl_max_map_count,
			set: set_max_map_count,
		},
		mode:		0o644,
		proc_handler:	proc_dointvec_minmax,
		extra1:		0,
	},
	{
		procname:	"legacy_va_layout",
		data:		{
			get: () => sysctl_legacy_va_layout,
			set: set_sysctl_legacy_va_layout,
		},
		mode:		0o644,
		proc_handler:	proc_dointvec_minmax,
		extra1:		0,
	},
	{
		procname:	"user_reserve_kbytes",
		data:		{
			get: () => sysctl_user_reserve_kbytes,
			set: set_user_reserve_kbytes,
		},
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
	},
	{
		procname:	"admin_reserve_kbytes",
		data:		{
			get: () => sysctl_admin_reserve_kbytes,
			set: set_admin_reserve_kbytes,
		},
		mode:		0o644,
		proc_handler:	proc_doulongvec_minmax,
	},
];

const debug_table: struct_ctl_table[] = [
	{
		procname:	"exception-trace",
		data:		{
			get: () => show_unhandled_signals,
			set: set_show_unhandled_signals,
		},
		mode:		0o644,
		proc_handler:	proc_dointvec,
	},
];

/** kernel/sysctl.c:sysctl_init_bases() */
function sysctl_init_bases(): number {
	register_sysctl_init("vm", vm_table);
	register_sysctl_init("debug", debug_table);
	return 0;
}
subsys_initcall("sysctl/sysctl", sysctl_init_bases);
