// SPDX-License-Identifier: GPL-2.0
/*
 * Each rule of the layering checks against a file that breaks it: tools/scripts/layering/fixtures
 * has houses of its own, whose bad files say in a comment what must be found in them.
 */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { check_imports } from "#tools/scripts/layering/imports.ts";
import { check_kinds } from "#tools/scripts/layering/kinds.ts";
import { check_objects } from "#tools/scripts/layering/objects.ts";
import { open_tree } from "#tools/scripts/layering/program.ts";
import { RULES, room_of } from "#tools/scripts/layering/rooms.ts";
import { check_spdx } from "#tools/scripts/layering/spdx.ts";

const FIXTURES = "tools/scripts/layering/fixtures";
const TOP = path.join(FIXTURES, "house");
const { imports } = JSON.parse(fs.readFileSync("package.json", "utf8")) as
	{ imports: Record<string, string> };

function sources(top: string): string[] {
	return fs.readdirSync(top, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
}

/** "file: message" for each comment that expects one. */
function expectations(top: string): string[] {
	return sources(top).flatMap((f) => [...fs.readFileSync(path.join(top, f), "utf8")
		.matchAll(/expect: (.*?)(?: \*\/)?$/gm)].map((m) => `${f}: ${m[1]!}`)).sort();
}

const expected = expectations(TOP);

test("every bad file is caught for what it does, and no good one is", () => {
	const t = open_tree(TOP, imports);
	const found = [...check_imports(t), ...check_kinds(t),
		...check_objects(t, new Set(["mm/bad_initcall"])), ...check_spdx(TOP, sources(TOP))];
	expect(found.map((f) => `${f.file}: ${f.message}`).sort()).toEqual(expected);
});

test("each room with a rule has a file that breaks it", () => {
	const broken = new Set(expected.map((e) => room_of(e.split(":")[0]!)));
	/* asm may see what header may; the others may see everything, or are not imported from */
	const exempt = ["asm", "autoconf", "vmlinux", "kunit", "tools", "x86", "x86/entry", "isa", "kselftest",
		"conformance"];
	for (const room of Object.keys(RULES).filter((r) => !exempt.includes(r)))
		expect(broken, room).toContain(room);
});

test("each rule of the dependency checker catches its file", () => {
	const top = path.join(FIXTURES, "files");
	const { stdout } = spawnSync(process.execPath, [path.resolve("node_modules/.bin/depcruise"),
		"--config", path.resolve("tools/scripts/dependency-cruiser.config.cjs"), "--output-type", "json",
		"mm", "virt", "include", "tools", "build"], { cwd: top, encoding: "utf8" });
	const { summary } = JSON.parse(stdout) as
		{ summary: { violations: { from: string; rule: { name: string } }[];
			ruleSetUsed: { forbidden: { name: string }[] } } };
	expect(summary.violations.map((v) => `${v.from}: ${v.rule.name}`).sort()).toEqual(expectations(top));
	const caught = new Set(summary.violations.map((v) => v.rule.name));
	for (const { name } of summary.ruleSetUsed.forbidden)
		expect(caught, name).toContain(name);
});
