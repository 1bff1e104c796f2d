// SPDX-License-Identifier: GPL-2.0
/*
 * Variables of an image as properties of constant objects.
 *
 * Of a variable V8 takes nothing for granted, at every use: neither that it holds an object, nor of
 * which class, nor that it is a small integer, nor that it is what it was just before. Of a
 * property it knows, and one that was never set it takes for a constant.
 */

import { parseAst } from "rolldown/parseAst";

type statement = ReturnType<typeof parseAst>["body"][number];

interface node {
	type: string;
	start: number;
	end: number;
	[member: string]: unknown;
}

const is_node = (x: unknown): x is node => typeof x === "object" && x !== null && "type" in x;

/** Calls @fn with each node below @n, what it is part of, and as which member. */
function each_node(n: node, fn: (n: node, of: node, as: string) => void): void {
	for (const as of Object.keys(n)) {
		const member = n[as];
		for (const below of Array.isArray(member) ? member : [member]) {
			if (!is_node(below))
				continue;
			fn(below, n, as);
			each_node(below, fn);
		}
	}
}

/** Every name that @pattern declares. */
function declared(pattern: node, names: Set<string>): void {
	if (pattern.type === "Identifier")
		names.add(String(pattern["name"]));
	each_node(pattern, (n) => {
		if (n.type === "Identifier")
			names.add(String(n["name"]));
	});
}

/* a name that something below the top level declares, too, or that is exported, is left alone */
function inner_names(top: readonly statement[]): Set<string> {
	const names = new Set<string>();
	const look = (n: node): void => {
		if (/Function|Class/.test(n.type) && is_node(n["id"]))
			declared(n["id"], names);
		for (const param of n["params"] as node[] | undefined ?? [])
			declared(param, names);
		if (n.type === "CatchClause" && is_node(n["param"]))
			declared(n["param"], names);
		if (n.type === "VariableDeclarator")
			declared(n["id"] as node, names);
	};

	for (const at of top as unknown as node[]) {
		if (at.type.startsWith("Export"))
			declared(at, names);
		for (const param of at["params"] as node[] | undefined ?? [])
			declared(param, names);
		const shallow = at.type === "VariableDeclaration" ? at["declarations"] as node[] : [at];
		for (const n of shallow)
			each_node(n, look);
	}
	return names;
}

/** The variables of the top level that begin with a value. Classes image.ts makes constants of. */
function variables(top: readonly statement[]): Map<string, node> {
	const inner = inner_names(top);
	const found = new Map<string, node>();

	for (const at of top as unknown as node[]) {
		if (at.type !== "VariableDeclaration" || at["kind"] === "const")
			continue;
		const all = at["declarations"] as node[];
		const { id, init } = all[0]! as unknown as { id: node; init: node | null };
		if (all.length !== 1 || id.type !== "Identifier" || init === null ||
		    init.type === "ClassExpression")
			continue;
		if (!inner.has(String(id["name"])))
			found.set(String(id["name"]), at);
	}
	return found;
}

/* whether the identifier @n, as member @as of @of, is a name of something else than a variable */
function is_label(of: node, as: string): boolean {
	return as === "label" || ((as === "property" || as === "key") && of["computed"] === false);
}

/** The text with each of its variables as the property of a constant object. */
export function held(text: string): string {
	const top = parseAst(text).body;
	const vars = variables(top);
	const edits: [from: number, to: number, text: string][] = [];
	const place_of = (name: string): string => `${name}$held.${name}`;

	const use = (n: node, of: node, as: string): void => {
		const name = String(n["name"]);
		const at = vars.get(name);
		if (n.type !== "Identifier" || at === undefined)
			return;
		if (of.type === "VariableDeclarator" && as === "id") {
			const init = of["init"] as node;
			edits.push([at.start, at.start + String(at["kind"]).length, "const"],
				[n.start, init.start, `${name}$held = { ${name}: `], [init.end, init.end, " }"]);
		} else if (of.type === "Property" && of["shorthand"] === true) {
			if (as === "value")
				edits.push([n.start, n.end, `${name}: ${place_of(name)}`]);
		} else if (!is_label(of, as)) {
			edits.push([n.start, n.end, place_of(name)]);
		}
	};
	for (const at of top as unknown as node[])
		each_node(at, use);

	let out = "", seen = 0;
	for (const [from, to, by] of edits.sort((a, b) => a[0] - b[0])) {
		out += text.slice(seen, from) + by;
		seen = to;
	}
	return out + text.slice(seen);
}
