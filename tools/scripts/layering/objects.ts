// SPDX-License-Identifier: GPL-2.0
/*
 * Holds the registrations of each file against the Makefiles: what no Makefile lists is not linked,
 * and an initcall must name its own object.
 *
 * Port-only.
 */

import ts from "typescript";
import { name_of } from "#tools/scripts/kbuild/link.ts";
import { CORE, room_of } from "#tools/scripts/layering/rooms.ts";
import { finding_at } from "#tools/scripts/layering/program.ts";
import type { finding, tree } from "#tools/scripts/layering/program.ts";

const REGISTERS = /^(\w+_initcall|module_init|strong|SYSCALL_DEFINE)$/;

/** Calls at the top of a module that register something. */
function registrations(file: ts.SourceFile): ts.CallExpression[] {
	const out: ts.CallExpression[] = [];
	const look = (node: ts.Node): void => {
		if (ts.isFunctionLike(node) || ts.isClassLike(node))
			return;
		if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) &&
			REGISTERS.test(node.expression.text))
			out.push(node);
		ts.forEachChild(node, look);
	};
	file.statements.forEach(look);
	return out;
}

/** @linked: objects of every Makefile, whatever the configuration. */
export function check_objects(t: tree, linked: ReadonlySet<string>): finding[] {
	const out: finding[] = [];
	for (const file of t.files) {
		const name = t.relative(file), object = name.replace(/\.ts$/, "");
		const room = room_of(name);
		if (room === null || !CORE.has(room) || room === "asm-generic")
			continue;
		const calls = registrations(file);
		if (calls.length > 0 && !linked.has(object))
			out.push(finding_at(t, calls[0]!, `no Makefile lists ${object}.o`));
		for (const call of calls) {
			const arg = call.arguments[0];
			if (/_initcall$|^module_init$/.test((call.expression as ts.Identifier).text) &&
				arg !== undefined && ts.isStringLiteral(arg) &&
				arg.text !== name_of(object))
				out.push(finding_at(t, call,
					`initcall of ${arg.text} in ${name_of(object)}`));
		}
	}
	return out;
}
