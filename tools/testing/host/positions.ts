// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks in an image (kbuild/image.ts) name modules and lines of the build folder, as they do
 * without one.
 *
 * Port-only.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What lies beside an image: for each of its lines a module, by index, and a line there; or -1. */
export interface image_lines {
	readonly modules: readonly string[];
	readonly module: readonly number[];
	readonly line: readonly number[];
}

/** @frame of a stack, of image @url, as of the modules below folder @base. */
export function restore_frame(frame: string, url: string, base: string, lines: image_lines):
	string {
	const at = frame.indexOf(`${url}:`);
	if (at < 0)
		return frame;
	const [, nr, rest] = /^(\d+)(.*)$/s.exec(frame.slice(at + url.length + 1))!;
	const module = lines.modules[lines.module[Number(nr) - 1] ?? -1];
	if (module === undefined)
		return frame;
	/* the linker numbers names that several modules have */
	const head = frame.slice(0, at).replace(/\$\d+(?=[ .])/g, "");
	return `${head}${base}${module}:${lines.line[Number(nr) - 1]}${rest}`;
}

/** If file @program is an image; a stack is looked at when somebody reads it. */
export function restore_positions(program: string): void {
	if (!/\.[cm]js$/.test(program))
		return;
	const url = pathToFileURL(program).href;
	const base = `${pathToFileURL(resolve(dirname(fileURLToPath(url)), "..")).href}/`;
	let lines: image_lines | null = null;

	Error.prepareStackTrace = (e, frames) => {
		lines ??= JSON.parse(readFileSync(fileURLToPath(`${url}.lines`), "utf8")) as image_lines;
		return [String(e), ...frames.map((f) =>
			`    at ${restore_frame(String(f), url, base, lines!)}`)].join("\n");
	};
}
