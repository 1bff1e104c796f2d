// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/module/MODULE/parameters, /sys/devices/system/cpu.
 *
 * Upstream: kernel/params.c (param_sysfs_init), drivers/base/cpu.c.
 */
import { subsys_initcall } from "#asm-generic/registry.ts";
import { module_params, param_attr_store, param_modules } from "#linux/moduleparam.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { seq_puts } from "#linux/seq_file.ts";
import { nr_cpu_ids } from "#linux/smp.ts";

/** kernel/params.c:param_sysfs_builtin() */
function param_sysfs_init(): number {
	for (const module of param_modules()) {
		const dir = `/sys/module/${module.replaceAll("-", "_")}/parameters`;

		for (const p of module_params(module)) {
			/* those without permissions are not shown */
			if (p.perm === 0)
				continue;
			proc_create_single(`${dir}/${p.name}`, p.perm,
				(m) => {
					seq_puts(m, `${p.ops.get()}\n`);
					return 0;
				},
				p.perm & 0o222 ? (text) => param_attr_store(p, text) : null);
		}
	}
	return 0;
}
subsys_initcall("fs/sysfs", param_sysfs_init);

/** drivers/base/cpu.c:cpu_dev_init() */
function cpu_dev_init(): number {
	for (const name of ["online", "possible", "present"])
		proc_create_single(`/sys/devices/system/cpu/${name}`, 0o444, (m) => {
			seq_puts(m, nr_cpu_ids > 1 ? `0-${nr_cpu_ids - 1}\n` : "0\n");
			return 0;
		});
	return 0;
}
subsys_initcall("fs/sysfs", cpu_dev_init);
