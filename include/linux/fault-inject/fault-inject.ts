// SPDX-License-Identifier: GPL-2.0
/*
 * The files of fault injection in /sys/kernel/debug.
 *
 * Upstream: lib/fault-inject.c under CONFIG_FAULT_INJECTION_DEBUG_FS; the rest of it is in
 * linux/fault-inject.ts, which works without file systems.
 */
import { strong } from "#asm-generic/registry.ts";
import { CONFIG_FAULT_INJECTION_DEBUG_FS } from "#generated/autoconf.ts";
import {
	DEBUGFS_ROOT, debugfs_create_atomic_t, debugfs_create_bool, debugfs_create_ulong,
} from "#linux/debugfs.ts";
import type { fault_attr_dir, fault_attr_file } from "#linux/fault-inject.ts";
import { S_IFREG, S_IRUSR, S_IWUSR } from "#linux/stat.ts";

const create = {
	ul: debugfs_create_ulong,
	atomic: debugfs_create_atomic_t,
	bool: debugfs_create_bool,
};

function fault_debugfs_create_file(dir: fault_attr_dir, file: fault_attr_file): void {
	if (!CONFIG_FAULT_INJECTION_DEBUG_FS)
		return;
	create[file.kind](file.name, S_IFREG | S_IRUSR | S_IWUSR, `${DEBUGFS_ROOT}/${dir.name}`, file);
}
strong("fault_debugfs_create_file", fault_debugfs_create_file);
