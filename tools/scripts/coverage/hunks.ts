// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage of what each hunk of the posted series became: which lines a tag stands for, and what of
 * them the selftests reach.
 *
 * Port-only. A tag stands for what follows its comment, or stands on its line: as many lines as the
 * hunk added upstream, in whole statements or members, not beyond the block that they are in nor
 * the next tag. Only lines with code count; types, declarations and Makefiles have none.
 */

import ts from "typescript";
import { mirrors, tags_of } from "#tools/scripts/hunkmap/hunks.ts";
import type { patch, tag } from "#tools/scripts/hunkmap/hunks.ts";
import type { branch } from "#tools/scripts/coverage/records.ts";

/** Lines from 1, both included. */
export interface span {
	readonly file: string;
	readonly from: number;
	readonly to: number;
}

export interface hunk_coverage {
	readonly id: string;
	readonly spans: readonly span[];
	readonly lines: number;
	readonly lines_hit: number;
	readonly branches: number;
	readonly branches_hit: number;
	/** "file:12-14", grouped. */
	readonly missed: readonly string[];
}

const line_of = (f: ts.SourceFile, pos: number): number =>
	f.getLineAndCharacterOfPosition(pos).line + 1;

/** What stands in a list: statements, members, properties, arms of a switch. */
function items_of(node: ts.Node): readonly ts.Node[] {
	if (ts.isSourceFile(node) || ts.isBlock(node) || ts.isCaseOrDefaultClause(node))
		return node.statements;
	if (ts.isCaseBlock(node))
		return node.clauses;
	if (ts.isObjectLiteralExpression(node))
		return node.properties;
	if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node))
		return node.members;
	if (ts.isArrayLiteralExpression(node))
		return node.elements;
	if (ts.isIfStatement(node))
		return [node.thenStatement];
	if (ts.isIterationStatement(node, false))
		return [node.statement];
	return [];
}

/** Whether the tag of @line stands behind code. */
function is_trailing(text: string, line: number): boolean {
	return /^\s*[^\s/*]/.test(text.split("\n")[line - 1]!);
}

/** The innermost item that @line is part of; of those that begin there the outermost. */
function item_with(f: ts.SourceFile, line: number): readonly ts.Node[] {
	let found: readonly ts.Node[] = [], from = 0;
	const visit = (node: ts.Node): void => {
		for (const x of items_of(node)) {
			const start = line_of(f, x.getStart(f));
			if (start > from && start <= line && line_of(f, x.getEnd()) >= line) {
				found = [x];
				from = start;
			}
		}
		ts.forEachChild(node, visit);
	};
	visit(f);
	return found;
}

/** The outermost item that begins on the first line with one after @line, and those after it. */
function items_after(f: ts.SourceFile, line: number): readonly ts.Node[] {
	let found: readonly ts.Node[] = [], first = Infinity;
	const visit = (node: ts.Node): void => {
		const items = items_of(node);
		const i = items.findIndex((x) => line_of(f, x.getStart(f)) > line);

		if (i >= 0 && line_of(f, items[i]!.getStart(f)) < first) {
			found = items.slice(i);
			first = line_of(f, items[i]!.getStart(f));
		}
		ts.forEachChild(node, visit);
	};
	visit(f);
	return found;
}

/** Of a function or a block that is longer than the hunk, the lines that the hunk can be. */
function clip(f: ts.SourceFile, item: ts.Node, added: number): number {
	const from = line_of(f, item.getStart(f)), to = line_of(f, item.getEnd());
	const body = ts.isFunctionDeclaration(item) && item.body ?
		line_of(f, item.body.getStart(f)) : from;

	return to - from < 2 * added + 2 ? to : Math.max(body, from + added - 1);
}

/** Lines that @t stands for; @added is the size of its hunk, @tags are all of the file. */
export function span_of(text: string, t: tag, added: number, tags: readonly tag[]): span {
	const f = ts.createSourceFile(t.file, text, ts.ScriptTarget.Latest, true);
	const [item, ...rest] = is_trailing(text, t.line) ? item_with(f, t.line) :
		items_after(f, t.line);
	if (item === undefined)
		return { file: t.file, from: t.line, to: t.line };
	const from = line_of(f, item.getStart(f));
	const next = Math.min(...tags.map((o) => o.line).filter((l) => l > from));
	let to = clip(f, item, added);

	for (const more of rest) {
		const end = line_of(f, more.getEnd());
		if (end >= from + added || end >= next)
			break;
		to = end;
	}
	return { file: t.file, from, to };
}

/** Lines that have code, and where it begins, in JavaScript whose types were blanked. */
export function code_lines(js: string): Map<number, number> {
	const f = ts.createSourceFile("x.js", js, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
	const lines = new Map<number, number>();
	const visit = (node: ts.Node): void => {
		if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ||
		    ts.isJSDoc(node) || node.kind === ts.SyntaxKind.ExportKeyword)
			return;
		const children = node.getChildren(f), at = node.getStart(f);
		if (children.length === 0 && /\w|["'`]/.test(node.getText(f)) &&
		    !lines.has(line_of(f, at)))
			lines.set(line_of(f, at), at);
		children.forEach(visit);
	};
	visit(f);
	return lines;
}

function ranges(file: string, lines: readonly number[]): string {
	const out: string[] = [];
	for (let i = 0; i < lines.length; i++) {
		let j = i;
		while (lines[j + 1] === lines[j]! + 1)
			j++;
		out.push(i === j ? `${lines[i]!}` : `${lines[i]!}-${lines[j]!}`);
		i = j;
	}
	return `${file}:${out.join(",")}`;
}

export interface source {
	readonly text: string;
	/** Compiled; "" of what is not TypeScript. */
	readonly js: string;
}

export interface measured {
	/** Whether the code at an offset of a file ever ran. */
	reached(file: string, offset: number): boolean;
	readonly branches: ReadonlyMap<string, readonly branch[]>;
}

function measure(id: string, spans: readonly span[], source_of: (file: string) => source,
	coverage: measured): hunk_coverage {
	let lines = 0, lines_hit = 0, branches = 0, branches_hit = 0;
	const missed: string[] = [];

	for (const s of spans) {
		const within = (l: number): boolean => l >= s.from && l <= s.to;
		const mine = [...code_lines(source_of(s.file).js)].filter(([l]) => within(l));
		const not = mine.filter(([, at]) => !coverage.reached(s.file, at)).map(([l]) => l)
			.sort((a, b) => a - b);
		const forks = (coverage.branches.get(s.file) ?? []).filter((b) => within(b.line));

		lines += mine.length;
		lines_hit += mine.length - not.length;
		branches += forks.length;
		branches_hit += forks.filter((b) => b.taken > 0).length;
		if (not.length > 0)
			missed.push(ranges(s.file, not));
	}
	return { id, spans, lines, lines_hit, branches, branches_hit, missed };
}

/** Every hunk of @patches, in order. */
export function hunks_coverage(patches: readonly patch[], files: readonly string[],
	source_of: (file: string) => source, coverage: measured): hunk_coverage[] {
	const tags = files.flatMap((f) => tags_of(f, source_of(f).text));

	return patches.flatMap((p) => p.files.flatMap((f) => f.hunks.map((h) => {
		const mine = tags.filter((t) => t.patch === p.patch && t.hunk === h.hunk &&
			mirrors(t.file, f.file) && t.file.endsWith(".ts"));
		const spans = mine.map((t) => span_of(source_of(t.file).text, t, h.added ?? 1,
			tags.filter((o) => o.file === t.file)));
		return measure(`${p.patch}:${f.file}:${h.hunk}`, spans, source_of, coverage);
	})));
}

const share = (hit: number, all: number): string => all === 0 ? "-" :
	`${(100 * hit / all).toFixed(0)}% ${hit}/${all}`;

export function table(rows: readonly hunk_coverage[]): string {
	const sum = (of: (r: hunk_coverage) => number): number =>
		rows.reduce((n, r) => n + of(r), 0);
	const cells = rows.map((r) => [r.id, share(r.lines_hit, r.lines),
		share(r.branches_hit, r.branches), r.missed.join(" ")]);

	cells.unshift(["hunk", "lines", "branches", "not reached"]);
	cells.push(["all hunks", share(sum((r) => r.lines_hit), sum((r) => r.lines)),
		share(sum((r) => r.branches_hit), sum((r) => r.branches)), ""]);
	const widths = [0, 1, 2].map((i) => Math.max(...cells.map((c) => c[i]!.length)));
	return cells.map((c) => c.map((x, i) => i < 3 ? x.padEnd(widths[i]!) : x).join("  ").trimEnd())
		.map((l) => `${l}\n`).join("");
}
