// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage by hunk: what a tag stands for, which lines have code, the table.
 */

import { expect, test } from "vitest";
import { code_lines, hunks_coverage, span_of, table } from "#tools/scripts/coverage/hunks.ts";
import { count_at, parse_lcov } from "#tools/scripts/coverage/records.ts";
import { tags_of } from "#tools/scripts/hunkmap/hunks.ts";

const text = `/** one @hunk 1:1 */
function one(a: number): number {
	/* @hunk 1:2 */
	if (a)
		return 1;
	let b = a;
	b++;

	return b +
		a;	/* @hunk 1:3 */
}

interface two {
	x: number;
	/** @hunk 1:4 */
	y: number;
	z: number;
}

export function long(): void {
	if (one(1))
		/* @hunk 1:5 */
		one(2);
	one(3);
	one(4);
}
`;
const js = text.replace(": number): number", "                 ").replace(/interface two \{[^}]*\}/,
	(s) => s.replace(/[^\n]/g, " ")).replace(": void", "      ");
const tags = tags_of("mm/x.ts", text);

function span(hunk: number, added: number): [number, number] {
	const s = span_of(text, tags.find((t) => t.hunk === hunk)!, added, tags);
	return [s.from, s.to];
}

test("a tag stands for what follows, as far as the hunk went", () => {
	expect(span(1, 10)).toEqual([2, 11]);	/* up to the next item that fits */
	expect(span(1, 1)).toEqual([2, 2]);	/* the head only */
	expect(span(2, 2)).toEqual([4, 5]);
	expect(span(2, 3)).toEqual([4, 6]);
	expect(span(2, 9)).toEqual([4, 7]);	/* not to the tag below */
	expect(span(3, 1)).toEqual([9, 10]);
	expect(span(4, 1)).toEqual([16, 16]);
	expect(span(4, 5)).toEqual([16, 17]);	/* not out of the interface */
	expect(span(5, 9)).toEqual([23, 23]);
});

test("lines of code are those that do something", () => {
	expect([...code_lines(js).keys()].sort((a, b) => a - b))
		.toEqual([2, 4, 5, 6, 7, 9, 10, 20, 21, 23, 24, 25]);
	expect([...code_lines("import { a } from \"b\";\nexport { a };\na();\n").keys()])
		.toEqual([3]);
	/* a function that is exported but not called was not reached */
	expect(code_lines("export function f() {}\n").get(1)).toBe(7);
});

test("the innermost range counts", () => {
	const s = { url: "", functions: [
		{ ranges: [{ startOffset: 0, endOffset: 100, count: 1 }] },
		{ ranges: [{ startOffset: 10, endOffset: 50, count: 7 },
			{ startOffset: 20, endOffset: 30, count: 0 }] }] };
	expect([5, 10, 19, 20, 30, 50, 100].map((at) => count_at(s, at)))
		.toEqual([1, 7, 7, 0, 7, 1, 0]);
});

test("the table counts lines and branches, and names what is not reached", () => {
	const branches = parse_lcov(`TN:
SF:mm/x.ts
BRDA:4,0,0,5
BRDA:5,1,0,0
BRDA:20,2,0,-
end_of_record
`);
	const patches = [{ patch: 1, subject: "s", files: [{ file: "mm/x.c", hunks: [
		{ hunk: 2, what: "", added: 4 }, { hunk: 4, what: "", added: 1 }] },
	{ file: "mm/Makefile", hunks: [{ hunk: 1, what: "", added: 1 }] }] }];
	const missed = js.indexOf("return 1");
	const rows = hunks_coverage(patches, ["mm/x.ts"], () => ({ text, js }),
		{ branches, reached: (_file, at) => at !== missed });

	expect(rows.map((r) => [r.id, r.lines_hit, r.lines, r.branches_hit, r.branches])).toEqual([
		["1:mm/x.c:2", 3, 4, 1, 2], ["1:mm/x.c:4", 0, 0, 0, 0], ["1:mm/Makefile:1", 0, 0, 0, 0]]);
	expect(table(rows).split("\n").map((l) => l.split(/\s{2,}/))).toEqual([
		["hunk", "lines", "branches", "not reached"],
		["1:mm/x.c:2", "75% 3/4", "50% 1/2", "mm/x.ts:5"],
		["1:mm/x.c:4", "-", "-"], ["1:mm/Makefile:1", "-", "-"],
		["all hunks", "75% 3/4", "50% 1/2"], [""]]);
});
