// SPDX-License-Identifier: GPL-2.0
/*
 * What lcov.info says of lines and branches.
 *
 * Port-only.
 */

export interface file_coverage {
	/** How often each line was reached. */
	readonly lines: Map<number, number>;
	readonly branches: { readonly line: number; readonly taken: number }[];
}

/** By file, as the report names it. */
export function parse_lcov(text: string): Map<string, file_coverage> {
	const files = new Map<string, file_coverage>();
	let now: file_coverage = { lines: new Map(), branches: [] };

	for (const line of text.split("\n")) {
		const [, key, value] = /^([A-Z]+):(.*)$/.exec(line) ?? [];
		if (key === "SF") {
			now = { lines: new Map(), branches: [] };
			files.set(value!, now);
		} else if (key === "DA") {
			const [at, hits] = value!.split(",").map(Number) as [number, number];
			now.lines.set(at, hits);
		} else if (key === "BRDA") {
			const [at, , , taken] = value!.split(",");
			now.branches.push({ line: Number(at), taken: taken === "-" ? 0 : Number(taken) });
		}
	}
	return files;
}
