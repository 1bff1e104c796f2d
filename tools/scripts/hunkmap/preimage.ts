// SPDX-License-Identifier: GPL-2.0
/*
 * Whether what a posted hunk changes is there to be changed: the names that its old side shows,
 * in their order, behind the symbol that its header names.
 *
 * Port-only. Documentation/port/v8-preimage.json lists the names for each hunk. Order counts, the
 * distance does not, up to WINDOW characters behind a symbol: a statement may take more lines here
 * than in C. Types, which C puts before a name and TypeScript behind it, are not in the lists.
 */
export interface preimage {
	/** "P:file:N" */
	readonly id: string;
	/** symbol behind which the hunk lies; null: the head of the file */
	readonly after: string | null;
	readonly names: readonly string[];
}

export interface finding {
	readonly id: string;
	/** "file:line" where the names begin */
	readonly at: string;
	/** the first name that is not there, or null */
	readonly missing: string | null;
}

const WINDOW = 6000;

/** @name as the port spells it: structs have a prefix, reserved words a trailing underscore. */
function pattern(name: string): RegExp {
	const word = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
	return new RegExp(`(?<![A-Za-z0-9_])(?:struct_)?${word}_?(?![A-Za-z0-9_])`, "g");
}

/** Ends of every place where @name stands. */
function places(text: string, name: string): number[] {
	return [...text.matchAll(pattern(name))].map((m) => m.index + m[0].length);
}

/** The first of @names that does not follow the others behind @from, or null. */
function walk(text: string, from: number, within: number, names: readonly string[]):
	string | null {
	let at = from;

	for (const name of names) {
		const re = pattern(name);
		re.lastIndex = at;
		const m = re.exec(text);
		if (m === null || m.index > from + within)
			return name;
		at = m.index + m[0].length;
	}
	return null;
}

/** Looks for the old side of a hunk in the text of its mirror @file. */
export function find(p: preimage, file: string, text: string): finding {
	const starts = p.after === null ? [0] : places(text, p.after);
	let missing: string | null = p.after;

	for (const start of starts) {
		missing = walk(text, start, p.after === null ? Infinity : WINDOW, p.names);
		if (missing === null)
			return { id: p.id, missing,
				at: `${file}:${text.slice(0, start).split("\n").length}` };
	}
	return { id: p.id, at: file, missing };
}
