// SPDX-License-Identifier: GPL-2.0
/*
 * Input checked against a schema, from KEY=VALUE text or from JSON.
 *
 * Port-only; after QEMU's qapi/qobject-input-visitor.c. In KEY=VALUE text everything is a string
 * and is read as the schema says; in JSON it has the schema's type already.
 */
import {
	QERR_INVALID_PARAMETER_TYPE, QERR_INVALID_PARAMETER_VALUE, QERR_MISSING_PARAMETER,
	qemu_error,
} from "#tools/qemu/util/error-report.ts";
import { qemu_strtosz, qemu_strtou64 } from "#tools/qemu/util/cutils.ts";

export type qapi_type = "str" | "bool" | "int" | "size" | "dict" | readonly string[];
export interface member {
	readonly type: qapi_type;
	readonly required?: boolean;
}
export type schema = Readonly<Record<string, member>>;
export type qapi_value = string | boolean | bigint | Record<string, unknown>;
export type qapi_object = Record<string, qapi_value>;

const JSON_NAME: Record<string, string> = { str: "string", bool: "boolean", int: "integer",
	size: "integer", dict: "object" };

function enum_value(name: string, value: string, names: readonly string[]): string {
	if (!names.includes(value))
		throw new qemu_error(`Parameter '${name}' does not accept value '${value}'`);
	return value;
}

function visit_keyval(name: string, type: qapi_type, x: unknown): qapi_value {
	if (type === "dict" && typeof x === "object")
		return x as Record<string, unknown>;
	if (typeof x !== "string")
		throw new qemu_error(Array.isArray(x) || typeof x === "object" ?
			`Parameters '${name}.*' are unexpected` : QERR_INVALID_PARAMETER_TYPE(name, "string"));
	if (type === "str")
		return x;
	if (type === "bool") {
		if (x !== "on" && x !== "off")
			throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "'on' or 'off'"));
		return x === "on";
	}
	if (type === "int" || type === "size") {
		const n = type === "int" ? qemu_strtou64(x) : qemu_strtosz(x);
		if (typeof n === "string")
			throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name,
				type === "int" ? "integer" : "size"));
		return n;
	}
	if (type === "dict")
		throw new qemu_error(QERR_INVALID_PARAMETER_TYPE(name, "object"));
	return enum_value(name, x, type);
}

function visit_json(name: string, type: qapi_type, x: unknown): qapi_value {
	const wrong = (): never => {
		throw new qemu_error(QERR_INVALID_PARAMETER_TYPE(name,
			typeof type === "string" ? JSON_NAME[type]! : "string"));
	};

	if (type === "bool")
		return typeof x === "boolean" ? x : wrong();
	if (type === "int" || type === "size") {
		if (typeof x !== "number" || !Number.isInteger(x))
			return wrong();
		if (x < 0)
			throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "uint64"));
		return BigInt(x);
	}
	if (type === "dict")
		return typeof x === "object" && x !== null && !Array.isArray(x) ?
			x as Record<string, unknown> : wrong();
	if (typeof x !== "string")
		return wrong();
	return type === "str" ? x : enum_value(name, x, type);
}

export type flavour = "keyval" | "json";

/** @from as @s says; members that were not given are absent. @prefix: of names in errors. */
export function visit(s: schema, from: Record<string, unknown>, how: flavour,
	prefix = ""): qapi_object {
	const out: qapi_object = {};

	for (const [name, { type, required }] of Object.entries(s)) {
		const x = from[name], full = prefix + name;
		if (x !== undefined)
			out[name] = how === "json" ? visit_json(full, type, x) : visit_keyval(full, type, x);
		else if (required === true)
			throw new qemu_error(QERR_MISSING_PARAMETER(full));
	}
	for (const name of Object.keys(from))
		if (s[name] === undefined)
			throw new qemu_error(typeof from[name] === "object" && how === "keyval" ?
				`Parameters '${prefix}${name}.*' are unexpected` :
				`Parameter '${prefix}${name}' is unexpected`);
	return out;
}

/** qobject/json-parser.c, as strict JSON. */
export function qobject_from_json(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new qemu_error(json_error(text));
	}
}

/* QEMU's words for what JSON.parse() refuses: where a token stands that may not */
function json_error(text: string): string {
	const stray = /[^\s{}[\],:"0-9a-zA-Z.+\-\\']/.exec(text.replace(/"(\\.|[^"\\])*"/g, '""'));

	if (stray !== null)
		return `JSON parse error, stray '${stray[0]}'`;
	const depth = (text.match(/[{[]/g) ?? []).length - (text.match(/[}\]]/g) ?? []).length;
	return depth > 0 ? "JSON parse error, premature EOI" : "JSON parse error, expecting value";
}
