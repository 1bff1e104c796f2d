// SPDX-License-Identifier: GPL-2.0
/*
 * `make preimage`: shows for each posted hunk that is not yet applied where its old side stands,
 * and fails on one whose old side is not there.
 *
 * Port-only.
 */
import fs from "node:fs";
import { git, history, read_patches } from "#tools/scripts/hunkmap/git.ts";
import { in_history, mirrors } from "#tools/scripts/hunkmap/hunks.ts";
import { find, type preimage } from "#tools/scripts/hunkmap/preimage.ts";

const PREIMAGE = "Documentation/port/v8-preimage.json";

const applied = new Set(in_history(read_patches(), history()).map((p) => p.patch));
const open = (JSON.parse(fs.readFileSync(PREIMAGE, "utf8")) as preimage[])
	.filter((p) => !applied.has(Number(p.id.split(":")[0])));
const files = git("ls-files", "--cached", "--others", "--exclude-standard").split("\n");
let lost = 0;

for (const p of open) {
	if (p.after === null && p.names.length === 0) {
		console.log(`${p.id}\tnew file`);
		continue;
	}
	const upstream = p.id.split(":")[1]!;
	const found = files.filter((f) => mirrors(f, upstream))
		.map((f) => find(p, f, fs.readFileSync(f, "utf8")));
	const f = found.find((x) => x.missing === null) ?? found[0] ??
		{ id: p.id, at: upstream, missing: "the file" };
	if (f.missing === null) {
		console.log(`${p.id}\t${f.at}`);
	} else {
		console.error(`preimage: ${p.id}: ${f.missing} is not where the hunk expects it`);
		lost++;
	}
}
console.log(`preimage: ${open.length} hunks to come, ${lost} without a place`);
process.exitCode = lost > 0 ? 1 : 0;
