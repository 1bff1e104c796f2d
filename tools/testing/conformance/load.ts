// SPDX-License-Identifier: GPL-2.0
/*
 * Finds and reads group files, the list of groups and the list of exceptions.
 *
 * Port-only. A directory or file that can't be read ends the program with one line.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { num, type group_file, type recorded_case } from "./format.ts";

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

/** `OP:MEMBER&BITS`: a step by which a case may begin to differ. */
interface step_rule {
	readonly op: string;
	readonly member: string;
	readonly bits: bigint;
	readonly reason: string;
}

const RULE = /^(\w+):(\w+)&(0x[0-9a-f]+)$/;

/** What the file `exceptions` says: ids, and steps, each with its reason. */
export class exception_list {
	private readonly ids = new Map<string, string>();
	private readonly rules: step_rule[] = [];

	constructor(lines: readonly string[]) {
		for (const line of lines) {
			const [what, ...words] = line.split(/\s+/), reason = words.join(" ");
			const m = RULE.exec(what!);
			if (m === null)
				this.ids.set(what!, reason);
			else
				this.rules.push({ op: m[1]!, member: m[2]!, bits: BigInt(m[3]!),
					reason });
		}
	}

	/** Why the case is not to match at all. */
	of_case(c: recorded_case): string | undefined {
		return this.ids.get(c.id);
	}

	/** Why the case may differ from step @first on; it may match as well. */
	of_step(c: recorded_case, first: number): string | undefined {
		const s = c.steps[first]!;
		const rule = this.rules.find((r) => r.op === s.op && s[r.member] !== undefined &&
			(num(s[r.member]) & r.bits) !== 0n);
		return rule?.reason;
	}
}

export function load_exceptions(home: string): exception_list {
	return new exception_list(lines_of(join(home, "exceptions")));
}
