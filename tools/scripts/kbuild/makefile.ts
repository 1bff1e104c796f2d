// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the object lists of Kbuild makefiles.
 *
 * Port-only: the subset of make that object lists use (=, :=, ?=, +=, $(X), ifdef, ifeq, include).
 */

export type variables = Map<string, string>;

export type read_file = (path: string) => string;

/** Expands $(X); an unknown variable is empty. */
export function expand(text: string, vars: variables): string {
	return text.replace(/\$\(([^()$]*)\)/g, (_, name: string) => expand(vars.get(name) ?? "", vars));
}

/** $(A_$(B)) is expanded from the inside. */
function expand_all(text: string, vars: variables): string {
	let out = text;
	for (let last = ""; last !== out;) {
		last = out;
		out = expand(out, vars);
	}
	return out;
}

function condition(word: string, rest: string, vars: variables): boolean {
	if (word === "ifdef" || word === "ifndef")
		return (expand_all(vars.get(rest.trim()) ?? "", vars) !== "") === (word === "ifdef");
	const found = /^\s*\((.*),(.*)\)\s*$/.exec(rest);
	if (found === null)
		throw new Error(`cannot read ${word}${rest}`);
	const same = expand_all(found[1]!, vars).trim() === expand_all(found[2]!, vars).trim();
	return same === (word === "ifeq");
}

function assign(line: string, vars: variables): void {
	const found = /^\s*(\S+?)\s*(:=|\?=|\+=|=)\s*(.*)$/.exec(line);
	if (found === null)
		throw new Error(`cannot read: ${line.trim()}`);
	const [, left, op, value] = found as unknown as [string, string, string, string];
	const name = expand_all(left, vars);
	const old = vars.get(name);
	if (op === "+=")
		vars.set(name, `${old ?? ""} ${value}`);
	else if (op !== "?=" || old === undefined)
		vars.set(name, op === ":=" ? expand_all(value, vars) : value);
}

/** Adds what the makefile at @path says to @vars; @seen collects the files read. */
export function read_makefile(path: string, vars: variables, read: read_file,
	seen: string[]): void {
	seen.push(path);
	const lines = read(path).replace(/\\\n/g, " ").split("\n");
	const arms: { taken: boolean; outer: boolean }[] = [];
	let live = true;
	lines.forEach((raw, i) => {
		const line = raw.replace(/(^|\s)#.*$/, "");
		const [, word, rest] = /^\s*(\w*)(.*)$/.exec(line)!;
		try {
			if (/^(ifdef|ifndef|ifeq|ifneq)$/.test(word!)) {
				const taken = live && condition(word!, rest!, vars);
				arms.push({ taken, outer: live });
				live = taken;
			} else if (word === "else" || word === "endif") {
				const arm = word === "else" ? arms.at(-1) : arms.pop();
				if (arm === undefined)
					throw new Error(`${word} without if`);
				live = word === "endif" ? arm.outer : arm.outer && !arm.taken;
			} else if (live && word === "include") {
				read_makefile(expand_all(rest!, vars).trim(), vars, read, seen);
			} else if (live && line.trim() !== "") {
				assign(line, vars);
			}
		} catch (e) {
			throw new Error(`${path}:${i + 1}: ${(e as Error).message}`);
		}
	});
	if (arms.length > 0)
		throw new Error(`${path}: missing endif`);
}

export function words(name: string, vars: variables): string[] {
	return expand_all(vars.get(name) ?? "", vars).split(/\s+/).filter((w) => w !== "");
}
