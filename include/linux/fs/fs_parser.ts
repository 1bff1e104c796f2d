// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing mount options by tables.
 *
 * Upstream: fs/fs_parser.c. Left out: look-up of paths, blobs, descriptors, validation of tables.
 */
import { EINVAL, ENOPARAM } from "#linux/errno.ts";
import { invalfc, type struct_fs_parameter, fs_value_is_flag, fs_value_is_string,
	type struct_fs_context } from "#linux/fs_context.ts";
import { fs_param_can_be_empty, fs_param_neg_with_no, type constant_table,
	type fs_param_type, type fs_parameter_spec, type fs_parse_result } from
	"#linux/fs_parser.ts";

/** fs/fs_parser.c:lookup_constant() */
export function lookup_constant(tbl: readonly constant_table[], name: string, not_found: number):
	number {
	const p = tbl.find((e) => e.name === name);

	return p ? p.value : not_found;
}

const is_flag = (p: fs_parameter_spec): boolean => p.type === null;

/** fs/fs_parser.c:fs_lookup_key() */
function fs_lookup_key(desc: readonly fs_parameter_spec[], param: struct_fs_parameter,
	result: fs_parse_result): fs_parameter_spec | null {
	const name = param.key;
	const want_flag = param.type === fs_value_is_flag;
	let other: fs_parameter_spec | null = null;

	for (const p of desc) {
		if (p.name !== name)
			continue;
		if (is_flag(p) === want_flag)
			return p;
		other = p;
	}
	if (want_flag && name.startsWith("no")) {
		const p = desc.find((e) => e.name === name.slice(2) &&
			(e.flags & fs_param_neg_with_no));
		if (p) {
			result.negated = true;
			return p;
		}
	}
	return other;
}

/** fs/fs_parser.c:__fs_parse(): the option's number with @result filled in, or -errno. */
export function fs_parse(fc: struct_fs_context, desc: readonly fs_parameter_spec[],
	param: struct_fs_parameter, result: fs_parse_result): number {
	result.negated = false;
	result.uint_64 = 0n;

	const p = fs_lookup_key(desc, param, result);
	if (!p)
		return -ENOPARAM;

	/* convert the value to what the parameter takes, where that is possible */
	if (is_flag(p)) {
		if (param.type !== fs_value_is_flag)
			return invalfc(fc, `Unexpected value for '${param.key}'`);
		result.boolean = !result.negated;
	} else {
		const type: fs_param_type = p.type!;
		const ret = type(p, param, result);
		if (ret)
			return ret === -EINVAL ? invalfc(fc, `Bad value for '${param.key}'`) : ret;
	}
	return p.opt;
}

/* what simple_strtoull() and kstrtouint() take, as a whole */
function parse_uint(s: string, base: number): bigint | null {
	const radix = base || (/^0x/i.test(s) ? 16 : /^0./.test(s) ? 8 : 10);
	const digits = radix === 16 ? s.replace(/^0x/i, "") : s;
	const ok = radix === 16 ? /^[0-9a-f]+$/i : radix === 8 ? /^[0-7]+$/ : /^[0-9]+$/;

	if (!ok.test(digits))
		return null;
	return BigInt(radix === 16 ? `0x${digits}` : radix === 8 ? `0o${digits}` : digits);
}

/** fs/fs_parser.c:fs_param_is_bool() */
export function fs_param_is_bool(p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result): number {
	if (param.type !== fs_value_is_string)
		return -EINVAL;
	if (!param.string && (p.flags & fs_param_can_be_empty))
		return 0;
	switch (param.string) {
	case "0": case "no": case "false":
		result.boolean = false;
		return 0;
	case "1": case "yes": case "true":
		result.boolean = true;
		return 0;
	}
	return -EINVAL;
}

/** fs/fs_parser.c:fs_param_is_u32() */
export function fs_param_is_u32(p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result): number {
	if (param.type !== fs_value_is_string)
		return -EINVAL;
	if (!param.string && (p.flags & fs_param_can_be_empty))
		return 0;
	const v = parse_uint(param.string!, typeof p.data === "number" ? p.data : 0);
	if (v === null || v > 0xffffffffn)
		return -EINVAL;
	result.uint_32 = Number(v);
	return 0;
}

/** fs/fs_parser.c:fs_param_is_s32() */
export function fs_param_is_s32(p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result): number {
	if (param.type !== fs_value_is_string)
		return -EINVAL;
	if (!param.string && (p.flags & fs_param_can_be_empty))
		return 0;
	const neg = param.string!.startsWith("-");
	const v = parse_uint(param.string!.slice(neg ? 1 : 0), 0);
	if (v === null || v > (neg ? 0x80000000n : 0x7fffffffn))
		return -EINVAL;
	result.int_32 = neg ? -Number(v) : Number(v);
	return 0;
}

/** fs/fs_parser.c:fs_param_is_u64() */
export function fs_param_is_u64(p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result): number {
	if (param.type !== fs_value_is_string)
		return -EINVAL;
	if (!param.string && (p.flags & fs_param_can_be_empty))
		return 0;
	const v = parse_uint(param.string!, 0);
	if (v === null || v >> 64n)
		return -EINVAL;
	result.uint_64 = v;
	return 0;
}

/** fs/fs_parser.c:fs_param_is_enum() */
export function fs_param_is_enum(p: fs_parameter_spec, param: struct_fs_parameter,
	result: fs_parse_result): number {
	if (param.type !== fs_value_is_string)
		return -EINVAL;
	if (!param.string && (p.flags & fs_param_can_be_empty))
		return 0;
	const c = (p.data as readonly constant_table[]).find((e) => e.name === param.string);
	if (!c)
		return -EINVAL;
	result.uint_32 = c.value;
	return 0;
}

/** fs/fs_parser.c:fs_param_is_string() */
export function fs_param_is_string(p: fs_parameter_spec, param: struct_fs_parameter,
	_result: fs_parse_result): number {
	if (param.type !== fs_value_is_string ||
	    (!param.string && !(p.flags & fs_param_can_be_empty)))
		return -EINVAL;
	return 0;
}
