// SPDX-License-Identifier: GPL-2.0
/*
 * What the linker does in C: initcalls by level and link order, weak functions.
 *
 * Port-only. Registration happens at module top level, in import order; use happens in
 * the order that the Makefiles give (generated/vmlinux.ts sets it).
 */

export type initcall_t = () => number;

/** Levels of include/linux/init.h, in the order they run. */
export const INITCALL_LEVELS = [
	"early", "pure", "core", "postcore", "arch", "subsys", "fs", "rootfs", "device", "late",
] as const;
export type initcall_level = (typeof INITCALL_LEVELS)[number];

interface initcall_entry {
	object: string;
	level: initcall_level;
	fn: initcall_t;
}

const initcalls: initcall_entry[] = [];
let link_order: readonly string[] = [];
let frozen = false;

/** @object path of the object without suffix, as the Makefile has it: "mm/shmem". */
export function register_initcall(level: initcall_level, object: string, fn: initcall_t): void {
	initcalls.push({ object, level, fn });
}

export const early_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("early", object, fn);
export const pure_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("pure", object, fn);
export const core_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("core", object, fn);
export const postcore_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("postcore", object, fn);
export const arch_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("arch", object, fn);
export const subsys_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("subsys", object, fn);
export const fs_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("fs", object, fn);
export const rootfs_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("rootfs", object, fn);
export const device_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("device", object, fn);
export const late_initcall = (object: string, fn: initcall_t): void =>
	register_initcall("late", object, fn);
export const module_init = device_initcall;

/** Called once by generated/vmlinux.ts: objects in link order. */
export function set_link_order(objects: readonly string[]): void {
	link_order = objects;
}

/** The initcalls of a level, in link order; of one object, in the order of registration. */
export function initcalls_of(level: initcall_level): { object: string; fn: initcall_t }[] {
	const rank = new Map(link_order.map((o, i) => [o, i]));
	const at = (o: string): number => rank.get(o) ?? link_order.length;
	return initcalls.filter((c) => c.level === level)
		.sort((a, b) => at(a.object) - at(b.object));
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type any_fn = (...args: any[]) => any;
const strong_fns = new Map<string, any_fn>();

/** Override a weak function; only at module top level, once for each name. */
export function strong(name: string, fn: any_fn): void {
	if (frozen || strong_fns.has(name))
		throw new Error(`multiple definition of ${name}`);
	strong_fns.set(name, fn);
}

/** The strong definition of @name if one is linked in, else @fallback. */
export function weak<F extends any_fn>(name: string, fallback: F): F {
	return (strong_fns.get(name) as F | undefined) ?? fallback;
}

/** From here on no definition may be added (before the first initcall). */
export function freeze_registry(): void {
	frozen = true;
}
