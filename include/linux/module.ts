// SPDX-License-Identifier: GPL-2.0
/*
 * Modules: everything is built in.
 *
 * Upstream: include/linux/module.h.
 */
export { module_init } from "#asm-generic/registry.ts";
export * from "#linux/moduleparam.ts";

export const THIS_MODULE = null;

export function try_module_get(_module: object | null): boolean {
	return true;
}

export function __module_get(_module: object | null): void {}
export function module_put(_module: object | null): void {}
