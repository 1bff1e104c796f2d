// SPDX-License-Identifier: GPL-2.0
/*
 * What V8 wrote of each process, and what lcov.info says of branches.
 *
 * Port-only. c8's lines are too kind to `if (x)` with a body of one line: it takes a line for
 * reached unless what did not run is all of it, indentation included.
 */

export interface range {
	readonly startOffset: number;
	readonly endOffset: number;
	readonly count: number;
}

export interface script {
	url: string;
	readonly functions: readonly { readonly ranges: readonly range[] }[];
}

export interface record {
	result: script[];
}

/** How often the code at @offset ran: what the innermost range says. */
export function count_at(s: script, offset: number): number {
	let best: range | null = null;

	for (const f of s.functions)
		for (const r of f.ranges)
			if (r.startOffset <= offset && offset < r.endOffset && (best === null ||
			    r.endOffset - r.startOffset <= best.endOffset - best.startOffset))
				best = r;
	return best?.count ?? 0;
}

export interface branch {
	readonly line: number;
	readonly taken: number;
}

/** Branches by file, as lcov.info names it. */
export function parse_lcov(text: string): Map<string, branch[]> {
	const files = new Map<string, branch[]>();
	let now: branch[] = [];

	for (const line of text.split("\n")) {
		const [, key, value] = /^([A-Z]+):(.*)$/.exec(line) ?? [];
		if (key === "SF") {
			now = [];
			files.set(value!, now);
		} else if (key === "BRDA") {
			const [at, , , taken] = value!.split(",");
			now.push({ line: Number(at), taken: taken === "-" ? 0 : Number(taken) });
		}
	}
	return files;
}
