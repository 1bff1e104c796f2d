// SPDX-License-Identifier: GPL-2.0
/*
 * Initcalls and boot options.
 *
 * Upstream: include/linux/init.h.
 */
export { arch_initcall, core_initcall, device_initcall, early_initcall, fs_initcall,
	late_initcall, module_init, postcore_initcall, pure_initcall, rootfs_initcall,
	subsys_initcall, strong, weak } from "#asm-generic/registry.ts";
export { __setup, early_param, boot_command_line } from "#linux/moduleparam.ts";
