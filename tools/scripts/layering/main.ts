// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of `make check` that need to know what a name means.
 *
 * Port-only.
 */

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { LINK_DIRS, objects_of } from "#tools/scripts/kbuild/link.ts";
import { check_imports } from "#tools/scripts/layering/imports.ts";
import { check_kinds } from "#tools/scripts/layering/kinds.ts";
import { check_objects } from "#tools/scripts/layering/objects.ts";
import { open_tree } from "#tools/scripts/layering/program.ts";
import { check_spdx } from "#tools/scripts/layering/spdx.ts";

/** A configuration in which everything is set, so that every line of a Makefile counts. */
const EVERYTHING = {
	*[Symbol.iterator](): Generator<[string, string]> {
		for (const file of makefiles()) {
			for (const found of fs.readFileSync(file, "utf8").matchAll(/CONFIG_(\w+)/g))
				yield [found[1]!, "y"];
		}
	},
};

function makefiles(): string[] {
	return execFileSync("find", ["mm", "virt", "arch", "include", "-name", "Makefile*"],
		{ encoding: "utf8" }).split("\n").filter((f) => f !== "");
}

function linked(): Set<string> {
	const config = new Map(EVERYTHING);
	const read = (f: string): string => fs.readFileSync(f, "utf8");
	return new Set(LINK_DIRS.filter((d) => fs.existsSync(`${d}/Makefile`))
		.flatMap((d) => objects_of(d, config, read)));
}

function tracked(): string[] {
	return execFileSync("git", ["ls-files"], { encoding: "utf8" }).split("\n")
		.filter((f) => f !== "" && fs.existsSync(f) && !f.includes("/fixtures/"));
}

const { imports } = JSON.parse(fs.readFileSync("package.json", "utf8")) as
	{ imports: Record<string, string> };
const t = open_tree(".", imports);
const found = [...check_imports(t), ...check_kinds(t), ...check_objects(t, linked()),
	...check_spdx(".", tracked())];
for (const f of found)
	console.error(`${f.file}:${f.line}: ${f.message}`);
process.exitCode = found.length > 0 ? 1 : 0;
