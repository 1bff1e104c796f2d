// SPDX-License-Identifier: GPL-2.0
/*
 * `make hunkmap`: prints hunk, purpose, file:line, and fails on a hunk without a place.
 *
 * Port-only.
 */

import fs from "node:fs";
import { git, history, read_patches } from "#tools/scripts/hunkmap/git.ts";
import { in_history, map_hunks, tags_of } from "#tools/scripts/hunkmap/hunks.ts";
import type { tag } from "#tools/scripts/hunkmap/hunks.ts";

/* tags stand in what mirrors the kernel; this file and Documentation/port only speak of them */
const MIRRORED = ["mm", "virt", "arch", "include", "Documentation", ":!Documentation/port"];

function tags(): tag[] {
	return git("ls-files", "--", ...MIRRORED).split("\n")
		.filter((f) => f !== "" && fs.existsSync(f))
		.flatMap((f) => tags_of(f, fs.readFileSync(f, "utf8")));
}

const expected = in_history(read_patches(), history());
const { places, errors } = map_hunks(expected, tags());
for (const p of places)
	console.log(`${p.id}\t${p.what}\t${p.at.join(" ")}`);
if (expected.length === 0)
	console.log("hunkmap: no patch of the series is in the history yet, so no hunk is expected");
else
	console.log(`hunkmap: ${places.length} hunks of ${expected.length} patches, ${errors.length} errors`);
errors.forEach((e) => console.error(`hunkmap: ${e}`));
process.exitCode = errors.length > 0 ? 1 : 0;
