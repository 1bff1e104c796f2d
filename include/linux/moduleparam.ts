// SPDX-License-Identifier: GPL-2.0
/*
 * Module parameters and boot options.
 *
 * Upstream: include/linux/moduleparam.h, kernel/params.c. A parameter is a pair of functions over
 * a variable of its module:
 *
 *	module_param("kvm_intel", "ept", param_bool(() => enable_ept, (v) => { enable_ept = v; }),
 *		     0444);
 *
 * Boot options are "module.name=value"; /sys/module/MODULE/parameters/NAME shows them. Imports only
 * errno, so that it is safe at the top level of any module.
 */
import { EINVAL, ENOENT, EPERM } from "#linux/errno.ts";

export interface kernel_param_ops {
	/** 0 or a negative errno; @val has no newline */
	set(val: string): number;
	/** without the newline */
	get(): string;
}

export interface kernel_param {
	readonly module: string;
	readonly name: string;
	readonly ops: kernel_param_ops;
	readonly perm: number;
}

const params = new Map<string, kernel_param>();
const setups = new Map<string, (value: string) => number>();

const key = (module: string, name: string): string => `${module}.${name}`.replaceAll("-", "_");

export function module_param(module: string, name: string, ops: kernel_param_ops, perm: number):
	void {
	params.set(key(module, name), { module, name, ops, perm });
}

export const module_param_named = module_param;
export const module_param_cb = module_param;

/** Option of the command line, "transparent_hugepage="; the function answers 1 if it took it. */
export function __setup(str: string, fn: (value: string) => number): void {
	setups.set(str, fn);
}

export function early_param(str: string, fn: (value: string) => number): void {
	setups.set(`${str}=`, fn);
}

export function find_param(module: string, name: string): kernel_param | null {
	return params.get(key(module, name)) ?? null;
}

/** All parameters of a module, for its sysfs folder. */
export function module_params(module: string): kernel_param[] {
	const norm = module.replaceAll("-", "_");
	return [...params.values()].filter((p) => p.module.replaceAll("-", "_") === norm);
}

export function param_modules(): string[] {
	return [...new Set([...params.values()].map((p) => p.module))];
}

export function param_set(module: string, name: string, val: string): number {
	const p = find_param(module, name);
	return p === null ? -ENOENT : p.ops.set(val.replace(/\n$/, ""));
}

/** A write to the parameter's file. */
export function param_attr_store(p: kernel_param, val: string): number {
	if ((p.perm & 0o222) === 0)
		return -EPERM;
	return p.ops.set(val.replace(/\n$/, ""));
}

export let boot_command_line = "";

/**
 * kernel/params.c:parse_args(): words such as "mod.key=value" or "flag". Answers what nobody knew.
 */
export function parse_args(cmdline: string): string[] {
	const unknown: string[] = [];

	boot_command_line = cmdline;
	for (const word of cmdline.split(/\s+/).filter((w) => w !== "")) {
		const eq = word.indexOf("=");
		const name = eq < 0 ? word : word.slice(0, eq);
		const value = eq < 0 ? "" : word.slice(eq + 1);
		const p = params.get(name.replaceAll("-", "_"));
		const setup = setups.get(eq < 0 ? name : `${name}=`) ?? setups.get(name);
		let ret = -ENOENT;
		if (p !== undefined)
			ret = p.ops.set(eq < 0 ? "1" : value);
		else if (setup !== undefined)
			ret = setup(value) < 0 ? -EINVAL : 0;
		if (ret !== 0)
			unknown.push(word);
	}
	return unknown;
}

/* ---- kinds ---------------------------------------------------------------------------------- */

export function param_bool(get: () => boolean, set: (v: boolean) => void): kernel_param_ops {
	return {
		get: () => get() ? "Y" : "N",
		set: (val) => {
			if (val === "" || /^([yYtT1]|[oO][nN])/.test(val))
				set(true);
			else if (/^([nNfF0]|[oO][fF])/.test(val))
				set(false);
			else
				return -EINVAL;
			return 0;
		},
	};
}

function number_ops(get: () => number, set: (v: number) => void, lo: number,
	hi: number): kernel_param_ops {
	return {
		get: () => String(get()),
		set: (val) => {
			const v = /^[-+]?(0[xX][0-9a-fA-F]+|\d+)$/.test(val) ?
				val.startsWith("-") ? -Number(val.slice(1)) : Number(val) : NaN;
			if (!(v >= lo && v <= hi))
				return -EINVAL;
			set(v);
			return 0;
		},
	};
}

export function param_int(get: () => number, set: (v: number) => void): kernel_param_ops {
	return number_ops(get, set, -0x80000000, 0x7fffffff);
}

export function param_uint(get: () => number, set: (v: number) => void): kernel_param_ops {
	return number_ops(get, set, 0, 0xffffffff);
}

export function param_ulong(get: () => number, set: (v: number) => void): kernel_param_ops {
	return number_ops(get, set, 0, Number.MAX_SAFE_INTEGER);
}

export function param_charp(get: () => string, set: (v: string) => void): kernel_param_ops {
	return {
		get,
		set: (val) => {
			set(val);
			return 0;
		},
	};
}
