// SPDX-License-Identifier: GPL-2.0
/*
 * KEY=VALUE,... of the older options: -m, -accel, -name, -trace and character devices.
 *
 * Port-only; after QEMU's util/qemu-option.c. Without "=" a key is a flag: "server" is server=on,
 * "nowait" is wait=off, either with a warning; the first one may instead be the value of an implied
 * key.
 */
import {
	QERR_INVALID_PARAMETER, QERR_INVALID_PARAMETER_VALUE, error_printf, qemu_error, warn_report,
} from "./error-report.ts";
import { ID_HINT, id_wellformed, qemu_strtosz, qemu_strtou64 } from "./cutils.ts";

export type opt_type = "string" | "bool" | "number" | "size";

export interface opts_list {
	readonly name: string;
	readonly implied: string | null;
	/** null: any */
	readonly desc: Readonly<Record<string, opt_type>> | null;
}

/** Values by key, the last one given; `id` among them. */
export type qemu_opts = Map<string, string>;

function value_at(s: string, at: number): [string, number] {
	let value = "";

	for (;;) {
		const comma = s.indexOf(",", at);
		if (comma < 0)
			return [value + s.slice(at), s.length];
		value += s.slice(at, comma);
		if (s[comma + 1] !== ",")
			return [value, comma + 1];
		value += ",";
		at = comma + 2;
	}
}

function flag(key: string): [string, string] {
	const off = key.startsWith("no");
	const name = off ? key.slice(2) : key, value = off ? "off" : "on";

	warn_report(`short-form boolean option '${key}' deprecated`);
	if (name === "delay")
		error_printf(`Please use nodelay=${off ? "on" : "off"} instead\n`);
	else
		error_printf(`Please use ${name}=${value} instead\n`);
	return [name, value];
}

/** [key, value, where the next one starts] */
function name_value(s: string, at: number, implied: string | null): [string, string, number] {
	const end = /[=,]/.exec(s.slice(at));
	const stop = end === null ? s.length : at + end.index;

	if (s[stop] === "=")
		return [s.slice(at, stop), ...value_at(s, stop + 1)];
	if (implied !== null)
		return [implied, ...value_at(s, at)];
	return [...flag(s.slice(at, stop)), Math.min(stop + 1, s.length)];
}

export function parse_option_size(name: string, value: string): bigint {
	const x = qemu_strtosz(value);

	if (x === "ERANGE")
		throw new qemu_error(`Value '${value}' is out of range for parameter '${name}'`);
	if (x === "EINVAL")
		throw new qemu_error(
			QERR_INVALID_PARAMETER_VALUE(name, "a non-negative number below 2^64"),
			"Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n" +
			"and exabytes, respectively.\n");
	return x;
}

function validate(name: string, value: string, type: opt_type): void {
	if (type === "size")
		parse_option_size(name, value);
	if (type === "bool" && !["on", "yes", "true", "y", "off", "no", "false", "n"].includes(value))
		throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "'on' or 'off'"));
	if (type !== "number")
		return;
	const x = qemu_strtou64(value);
	if (x === "ERANGE")
		throw new qemu_error(`Value '${value}' is too large for parameter '${name}'`);
	if (x === "EINVAL")
		throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "a number"));
}

export const opt_bool = (value: string | undefined, fallback: boolean): boolean =>
	value === undefined ? fallback : ["on", "yes", "true", "y"].includes(value);

/** util/qemu-option.c:qemu_opts_parse_noisily(), added to @opts. */
export function qemu_opts_parse(list: opts_list, s: string,
	opts: qemu_opts = new Map()): qemu_opts {
	let implied = list.implied;

	for (let at = 0; at < s.length; implied = null) {
		const [name, value, next] = name_value(s, at, implied);
		at = next;
		if (name === "id") {
			if (!id_wellformed(value))
				throw new qemu_error(QERR_INVALID_PARAMETER_VALUE("id", "an identifier"),
					ID_HINT);
			opts.set(name, value);
			continue;
		}
		if (list.desc !== null) {
			const type = list.desc[name];
			if (type === undefined)
				throw new qemu_error(QERR_INVALID_PARAMETER(name));
			validate(name, value, type);
		}
		opts.set(name, value);
	}
	return opts;
}
