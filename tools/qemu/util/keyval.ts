// SPDX-License-Identifier: GPL-2.0
/*
 * KEY=VALUE,... of the options that have a schema: -object, -machine, -smp, -display.
 *
 * Port-only; after QEMU's util/keyval.c. Dots in keys make dictionaries, all-number keys lists;
 * ",," in a value is a comma; the first key may be implied.
 */
import { qemu_error } from "./error-report.ts";

export type keyval = string | keyval_dict | keyval[];
export interface keyval_dict {
	[key: string]: keyval;
}

export function is_dict(x: unknown): x is keyval_dict {
	return typeof x === "object" && x !== null && !Array.isArray(x);
}

export function new_dict(): keyval_dict {
	return Object.create(null) as keyval_dict;
}

/* longest fragment of a key, and its NUL */
const KEY_ROOM = 128;

function put(cur: keyval_dict, key: string, value: string | null, whole: string): keyval_dict {
	const old = cur[key];

	if (old !== undefined && is_dict(old) !== (value === null))
		throw new qemu_error(`Parameters '${whole}.*' used inconsistently`);
	if (value !== null)
		cur[key] = value;
	else if (old === undefined)
		cur[key] = new_dict();
	return cur[key] as keyval_dict;
}

const is_index = (s: string): boolean => /^\d+$/.test(s) && Number(s) <= 0x7fffffff;
const is_qapi_name = (s: string): boolean => /^(__[-a-zA-Z0-9.]+_)?[a-zA-Z][-_a-zA-Z0-9]*$/.test(s);

/** The fragments of @key. */
function fragments(key: string): string[] {
	const parts = key.split(".");

	parts.forEach((s, i) => {
		if (!(i > 0 && is_index(s)) && !is_qapi_name(s))
			throw new qemu_error(`Invalid parameter '${key}'`);
		if (s.length >= KEY_ROOM)
			throw new qemu_error(`Parameter${parts.length > 1 ? " fragment" : ""} '${s}' is too long`);
	});
	return parts;
}

/** A value up to the next single comma: [value, where the rest starts]. */
function take_value(s: string, at: number): [string, number] {
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

interface parsed {
	dict: keyval_dict;
	help: boolean;
}

function parse_one(out: parsed, s: string, at: number, implied: string | null): number {
	const end = /[=,]/.exec(s.slice(at));
	const stop = end === null ? s.length : at + end.index;
	let key = s.slice(at, stop), value: string, next: number;

	if (stop > at && s[stop] !== "=") {
		if (key === "help" || key === "?") {
			out.help = true;
			return Math.min(stop + 1, s.length);
		}
		if (implied !== null) {
			value = key;
			key = implied;
			next = Math.min(stop + 1, s.length);
			put(out.dict, key, value, key);
			return next;
		}
	}
	const parts = fragments(key);
	let cur = out.dict;
	parts.slice(0, -1).forEach((p, i) => {
		cur = put(cur, p, null, parts.slice(0, i + 1).join("."));
	});
	if (s[stop] !== "=")
		throw new qemu_error(`Expected '=' after parameter '${key}'`);
	[value, next] = take_value(s, stop + 1);
	put(cur, parts[parts.length - 1]!, value, key);
	return next;
}

/** Dictionaries whose keys are all numbers become lists. */
function listify(x: keyval, path: string): keyval {
	if (!is_dict(x))
		return x;
	for (const [k, v] of Object.entries(x))
		x[k] = listify(v, `${path}${k}.`);
	const keys = Object.keys(x), numbers = keys.filter(is_index);
	if (path === "" || numbers.length === 0)
		return x;
	if (numbers.length !== keys.length)
		throw new qemu_error(`Parameters '${path}*' used inconsistently`);
	const list: keyval[] = [];
	for (let i = 0; i < keys.length; i++) {
		if (x[i] === undefined)
			throw new qemu_error(`Parameter '${path}${i}' missing`);
		list.push(x[i]!);
	}
	return list;
}

/** util/keyval.c:keyval_parse() */
export function keyval_parse(s: string, implied: string | null): parsed {
	const out: parsed = { dict: new_dict(), help: false };

	for (let at = 0; at < s.length; implied = null)
		at = parse_one(out, s, at, implied);
	listify(out.dict, "");
	return out;
}

/** util/keyval.c:keyval_merge(): later values win, in dictionaries key by key. */
export function keyval_merge(to: keyval_dict, from: keyval_dict, path = ""): void {
	for (const [k, v] of Object.entries(from)) {
		const old = to[k];
		if (old !== undefined && is_dict(old) !== is_dict(v))
			throw new qemu_error(`Parameter '${path}${k}' used inconsistently`);
		if (is_dict(old) && is_dict(v))
			keyval_merge(old, v, `${path}${k}.`);
		else
			to[k] = v;
	}
}
