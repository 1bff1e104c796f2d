// SPDX-License-Identifier: GPL-2.0
/*
 * What git and the list of hunks know: the history, the posted patches.
 *
 * Port-only.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import type { commit, patch } from "#tools/scripts/hunkmap/hunks.ts";

const HUNKS = "Documentation/port/v8-hunks.json";

export function git(...args: string[]): string {
	return execFileSync("git", args, { encoding: "utf8", maxBuffer: 1 << 28 });
}

export function history(): commit[] {
	return git("log", "--format=%s%x00%(trailers:key=Upstream,valueonly,separator=%x20)%x01")
		.split("\x01").map((entry) => {
			const [subject = "", upstream = ""] = entry.trim().split("\x00");
			return { subject, upstream };
		});
}

export function read_patches(): patch[] {
	return (JSON.parse(fs.readFileSync(HUNKS, "utf8")) as { patches: patch[] }).patches;
}
