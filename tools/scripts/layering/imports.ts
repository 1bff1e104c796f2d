// SPDX-License-Identifier: GPL-2.0
/*
 * Holds each imported name against the table of rooms, by the file that defines it.
 *
 * Port-only.
 */

import ts from "typescript";
import { CORE, OBJECTS, RULES, room_of } from "#tools/scripts/layering/rooms.ts";
import type { room } from "#tools/scripts/layering/rooms.ts";
import { finding_at } from "#tools/scripts/layering/program.ts";
import type { finding, tree } from "#tools/scripts/layering/program.ts";

/* a name that a file imports, or passes on */
interface use {
	readonly node: ts.Node;
	readonly name: string;
	/** Files from the one that is named to the one that defines. */
	readonly path: readonly string[];
	/** Exported again here, or a function: in a header, that is its declaration. */
	readonly declares: boolean;
}

/** The files that @symbol comes through, the defining one last. */
function path_of(t: tree, symbol: ts.Symbol, first: string): string[] {
	const files = [first];
	let at: ts.Symbol | undefined = symbol;
	while (at !== undefined && at.flags & ts.SymbolFlags.Alias) {
		at = t.checker.getImmediateAliasedSymbol(at);
		const file = at?.declarations?.[0]?.getSourceFile();
		if (file !== undefined && files.at(-1) !== t.relative(file))
			files.push(t.relative(file));
	}
	return files;
}

/** Only hoisted functions are safe to import in a cycle. */
function is_function(t: tree, symbol: ts.Symbol | undefined): boolean {
	if (symbol === undefined || !(symbol.flags & ts.SymbolFlags.Alias))
		return false;
	return (t.checker.getAliasedSymbol(symbol).flags & ts.SymbolFlags.Function) !== 0;
}

function named_uses(t: tree, elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[],
	target: string, exported: ReadonlySet<string>): use[] {
	return elements.map((e) => {
		const symbol = t.checker.getSymbolAtLocation(e.name);
		return { node: e, name: e.name.text,
			declares: ts.isExportSpecifier(e) || exported.has(e.name.text) ||
				is_function(t, symbol),
			path: symbol === undefined ? [target] : path_of(t, symbol, target) };
	});
}

/** Names in `export { ... }` and `export { ... } from`. */
function exported_again(file: ts.SourceFile): Set<string> {
	return new Set(file.statements.flatMap((s) => ts.isExportDeclaration(s) &&
		s.exportClause !== undefined && ts.isNamedExports(s.exportClause) ?
		s.exportClause.elements.map((e) => (e.propertyName ?? e.name).text) : []));
}

/** What a statement takes from another file; [] for anything but an import or export from. */
function uses_of(t: tree, s: ts.Statement, exported: ReadonlySet<string>): use[] {
	if (!ts.isImportDeclaration(s) && !ts.isExportDeclaration(s))
		return [];
	const from = s.moduleSpecifier;
	if (from === undefined || !ts.isStringLiteral(from))
		return [];
	const target = t.resolve(from.text, s.getSourceFile());
	if (target === null)
		return [];
	const bindings = ts.isExportDeclaration(s) ? s.exportClause : s.importClause?.namedBindings;
	if (bindings !== undefined && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings)))
		return named_uses(t, bindings.elements, target, exported);
	return [{ node: s, name: "*", path: [target], declares: ts.isExportDeclaration(s) }];
}

/** Why @from may not have the name, or null. */
function refusal(from: room, u: use): string | null {
	const to = room_of(u.path.at(-1)!);
	const rule = RULES[from];
	if (to === null || to === from || rule.may === "all" || rule.may.includes(to))
		return null;
	/* headers declare what any object defines */
	if (u.declares && (from === "header" || from === "asm") && OBJECTS.has(to))
		return null;
	const via = rule.through?.find((v) => v.to.includes(to));
	if (via === undefined)
		return `${from} may not import from ${to}: ${u.name} is defined in ${u.path.at(-1)!}`;
	if (u.path.slice(0, -1).some((f) => via.through.test(f)))
		return null;
	const fix = from === "header" || from === "asm" ? ", declare it with export { ... } from" : "";
	return `${from} may import from ${to} only through ${via.say}: ` +
		`${u.name} is defined in ${u.path.at(-1)!}${fix}`;
}

const is_header = (from: room, file: string): boolean =>
	from === "header" || from === "asm" || file.endsWith(".h.ts");

/** Everybody but headers names headers: foo.ts in mm/ is an object, foo.h.ts is not. */
function direct(from: room, file: string, u: use): string | null {
	const target = u.path[0]!, to = room_of(target);
	if (to === null || !CORE.has(from) || !OBJECTS.has(to) || to === "hw" || to === "isa" ||
		/\.(h|tbl)\.ts$/.test(target) || is_header(from, file))
		return null;
	return target === file ? null : `${target} is an object: import ${u.name} from its header`;
}

export function check_imports(t: tree): finding[] {
	const out: finding[] = [];
	for (const file of t.files) {
		const from = room_of(t.relative(file));
		if (from === null)
			continue;
		const exported = exported_again(file);
		for (const u of file.statements.flatMap((s) => uses_of(t, s, exported))) {
			const why = refusal(from, u) ?? direct(from, t.relative(file), u);
			if (why !== null)
				out.push(finding_at(t, u.node, why));
		}
	}
	return out;
}
