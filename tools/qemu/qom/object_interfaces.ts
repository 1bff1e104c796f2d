// SPDX-License-Identifier: GPL-2.0
/*
 * -object: which types there are, their properties, and the objects that were asked for.
 *
 * Port-only; after QEMU's qapi/qom.json and qom/object_interfaces.c. Options are read here; what an
 * object does when it is made stands in backends/hostmem.ts and target/i386/tdx.ts.
 */
import { QERR_INVALID_PARAMETER_VALUE, QERR_MISSING_PARAMETER, qemu_error } from
	"#tools/qemu/util/error-report.ts";
import { ID_HINT, id_wellformed } from "#tools/qemu/util/cutils.ts";
import { keyval_parse } from "#tools/qemu/util/keyval.ts";
import { type flavour, qobject_from_json, type qapi_object, type schema, visit } from
	"#tools/qemu/qapi/visitor.ts";

const BACKEND: schema = {
	size: { type: "size", required: true },
	share: { type: "bool" },
	reserve: { type: "bool" },
	prealloc: { type: "bool" },
	"prealloc-threads": { type: "int" },
	merge: { type: "bool" },
	dump: { type: "bool" },
	policy: { type: ["default", "preferred", "bind", "interleave"] },
	"x-use-canonical-path-for-ramblock-id": { type: "bool" },
};

const HUGETLB: schema = { hugetlb: { type: "bool" }, hugetlbsize: { type: "size" } };

const TYPES: Readonly<Record<string, schema>> = {
	"memory-backend-ram": BACKEND,
	"memory-backend-memfd": { ...BACKEND, ...HUGETLB, seal: { type: "bool" } },
	"memory-backend-memfd-private": { ...BACKEND, ...HUGETLB },
	"tdx-guest": {
		debug: { type: "bool" },
		"sept-ve-disable": { type: "bool" },
		mrconfigid: { type: "str" },
		mrowner: { type: "str" },
		mrownerconfig: { type: "str" },
		"quote-generation-service": { type: "str" },
	},
};

export interface object_options {
	readonly type: string;
	readonly id: string;
	readonly props: qapi_object;
	/** The option as typed, for errors when it is made. */
	readonly where: string;
}

export const is_memory_backend = (o: object_options): boolean => o.type.startsWith("memory-backend-");

/** What "-object help" and "-object TYPE,help" print. */
export function object_help(type: string | null): string {
	const props = type === null ? undefined : TYPES[type];

	if (props === undefined)
		return "List of user creatable objects:\n" +
			Object.keys(TYPES).sort().map((t) => `  ${t}\n`).join("");
	const names: Record<string, string> = { str: "string", bool: "bool", int: "int", size: "int" };
	return `${type} options:\n` + Object.entries(props).sort(([a], [b]) => a < b ? -1 : 1)
		.map(([name, m]) => `  ${name}=<${typeof m.type === "string" ? names[m.type] : "HostMemPolicy"}>\n`)
		.join("");
}

function options_of(from: Record<string, unknown>, how: flavour, where: string): object_options {
	const { "qom-type": type, id, ...rest } = from;

	for (const [name, x] of [["qom-type", type], ["id", id]] as const)
		if (x === undefined)
			throw new qemu_error(QERR_MISSING_PARAMETER(name));
	const props = typeof type === "string" ? TYPES[type] : undefined;
	if (props === undefined)
		throw new qemu_error(`Parameter 'qom-type' does not accept value '${String(type)}'`);
	const checked = visit(props, rest, how);
	if (typeof id !== "string" || !id_wellformed(id))
		throw new qemu_error(QERR_INVALID_PARAMETER_VALUE("id", "an identifier"), ID_HINT);
	return { type: type as string, id, props: checked, where };
}

/** qom/object_interfaces.c:user_creatable_parse_str(); a string is help that was asked for. */
export function user_creatable_parse_str(text: string, where: string): object_options | string {
	if (text.startsWith("{")) {
		const from = qobject_from_json(text);
		return options_of(from as Record<string, unknown>, "json", where);
	}
	const { dict, help } = keyval_parse(text, "qom-type");
	if (help)
		return object_help(typeof dict["qom-type"] === "string" ? dict["qom-type"] : null);
	return options_of(dict, "keyval", where);
}
