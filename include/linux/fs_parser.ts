// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of mount options.
 *
 * Upstream: include/linux/fs_parser.h. Left out: blobs, paths, block devices, descriptors.
 */
export { fs_param_is_bool, fs_param_is_enum, fs_param_is_s32, fs_param_is_string, fs_param_is_u32,
	fs_param_is_u64, fs_parse, lookup_constant } from "#linux/fs/fs_parser.ts";
import { fs_param_is_enum, fs_param_is_string, fs_param_is_u32, fs_param_is_u64 } from
	"#linux/fs/fs_parser.ts";
import type { struct_fs_parameter } from "#linux/fs_context.ts";

export interface constant_table {
	name: string;
	value: number;
}

export interface fs_parse_result {
	negated: boolean;
	boolean: boolean;
	int_32: number;
	uint_32: number;
	uint_64: bigint;
}

/** 0 with @result filled in, or -errno. */
export type fs_param_type = (p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result) => number;

export interface fs_parameter_spec {
	name: string;
	/** null: a flag */
	type: fs_param_type | null;
	opt: number;
	flags: number;
	data: readonly constant_table[] | number | null;
}

export const fs_param_neg_with_no	= 0x0002;
export const fs_param_can_be_empty	= 0x0004;
export const fs_param_deprecated	= 0x0008;

/* function declarations: tables at a module's top level must not depend on the order of modules */
function spec(name: string, opt: number, type: () => fs_param_type | null, flags: number,
	data: fs_parameter_spec["data"]): fs_parameter_spec {
	return {
		name, opt, flags, data,
		get type() {
			return type();
		},
	};
}

export function fsparam_flag(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => null, 0, null);
}

export function fsparam_flag_no(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => null, 0x0002 /* fs_param_neg_with_no */, null);
}

export function fsparam_u32(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => fs_param_is_u32, 0, null);
}

export function fsparam_u32oct(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => fs_param_is_u32, 0, 8);
}

export function fsparam_u64(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => fs_param_is_u64, 0, null);
}

export function fsparam_string(name: string, opt: number): fs_parameter_spec {
	return spec(name, opt, () => fs_param_is_string, 0, null);
}

export function fsparam_enum(name: string, opt: number, array: readonly constant_table[]):
	fs_parameter_spec {
	return spec(name, opt, () => fs_param_is_enum, 0, array);
}
