// SPDX-License-Identifier: GPL-2.0
/*
 * Finds and reads group files, the list of groups and the list of exceptions.
 *
 * Port-only. A directory or file that can't be read ends the program with one line.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { group_file } from "./format.ts";

/** An error that the user is told in one line. */
export class usage_error extends Error {}

/** Lines of a list file without comments and blanks. */
function lines_of(file: string): string[] {
	return readFileSync(file, "utf8").split("\n").map((l) => l.replace(/#.*/, "").trim())
		.filter((l) => l !== "");
}

function read_group(file: string): group_file {
	let parsed: unknown;
	try {
		parsed = JSON.parse(readFileSync(file, "utf8"));
	} catch (e) {
		throw new usage_error(`${file}: ${(e as Error).message}`);
	}
	const g = parsed as Partial<group_file> | null;
	if (typeof g?.group !== "string" || !Array.isArray(g.cases))
		throw new usage_error(`${file}: not a group of recorded cases`);
	if (g.format !== 1)
		throw new usage_error(`${file}: format ${String(g.format)}: only format 1 is known`);
	return g as group_file;
}

/** The groups listed in @home/groups, from @home/data. */
export function load_listed(home: string): group_file[] {
	return lines_of(join(home, "groups")).map((g) => read_group(join(home, "data", `${g}.json`)));
}

/** Every group file of @dir (constants.json aside). */
export function load_directory(dir: string): group_file[] {
	if (!existsSync(dir) || !statSync(dir).isDirectory())
		throw new usage_error(`${dir}: not a directory`);
	const files = readdirSync(dir).filter((f) => f.endsWith(".json") && f !== "constants.json");
	if (files.length === 0)
		throw new usage_error(`${dir}: no recorded cases (*.json)`);
	return files.sort().map((f) => read_group(join(dir, f)));
}

/** Excepted cases: id to reason. */
export function load_exceptions(home: string): Map<string, string> {
	const list = new Map<string, string>();
	for (const line of lines_of(join(home, "exceptions"))) {
		const [id, ...reason] = line.split(/\s+/);
		list.set(id!, reason.join(" "));
	}
	return list;
}
