// SPDX-License-Identifier: GPL-2.0
/*
 * `make hunkmap`: prints hunk, purpose, file:line, and fails on a hunk without a place.
 *
 * Port-only.
 */

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { in_history, map_hunks, tags_of } from "#tools/scripts/hunkmap/hunks.ts";
import type { commit, patch, tag } from "#tools/scripts/hunkmap/hunks.ts";

const HUNKS = "Documentation/port/v8-hunks.json";
/* tags stand in what mirrors the kernel; this file and Documentation/port only speak of them */
const MIRRORED = ["mm", "virt", "arch", "include", "Documentation", ":!Documentation/port"];

function git(...args: string[]): string {
	return execFileSync("git", args, { encoding: "utf8", maxBuffer: 1 << 28 });
}

function history(): commit[] {
	return git("log", "--format=%s%x00%(trailers:key=Upstream,valueonly,separator=%x20)%x01")
		.split("\x01").map((entry) => {
			const [subject = "", upstream = ""] = entry.trim().split("\x00");
			return { subject, upstream };
		});
}

function tags(): tag[] {
	return git("ls-files", "--", ...MIRRORED).split("\n")
		.filter((f) => f !== "" && fs.existsSync(f))
		.flatMap((f) => tags_of(f, fs.readFileSync(f, "utf8")));
}

const { patches } = JSON.parse(fs.readFileSync(HUNKS, "utf8")) as { patches: patch[] };
const expected = in_history(patches, history());
const { places, errors } = map_hunks(expected, tags());
for (const p of places)
	console.log(`${p.id}\t${p.what}\t${p.at.join(" ")}`);
if (expected.length === 0)
	console.log("hunkmap: no patch of the series is in the history yet, so no hunk is expected");
else
	console.log(`hunkmap: ${places.length} hunks of ${expected.length} patches, ${errors.length} errors`);
errors.forEach((e) => console.error(`hunkmap: ${e}`));
process.exitCode = errors.length > 0 ? 1 : 0;
