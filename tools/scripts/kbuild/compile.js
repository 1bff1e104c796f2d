// SPDX-License-Identifier: GPL-2.0
/*
 * Compiles a tree of TypeScript by blanking its types: line and column stay what they were.
 *
 * Port-only, and plain JavaScript because everything else is compiled by it.
 * Documentation/port/running.md says why this way. Compiles what is newer than its output.
 *
 *	compile.js OUT ROOT...		ROOT: folders, relative to the current one
 */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SKIP = new Set(["node_modules", "fixtures"]);

/** Every .ts file below @dir, declarations left out. */
function* sources(dir) {
	for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
		const at = path.join(dir, entry.name);
		if (entry.isDirectory()) {
			if (!SKIP.has(entry.name))
				yield* sources(at);
		} else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts")) {
			yield at;
		}
	}
}

function mtime(file) {
	return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

function write_if_changed(file, text) {
	if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text)
		return;
	fs.mkdirSync(path.dirname(file), { recursive: true });
	fs.writeFileSync(file, text);
}

/** The package.json of a build folder: same names as the root's, but to .js files in the folder. */
function write_package(out) {
	const imports = JSON.parse(fs.readFileSync("package.json", "utf8")).imports;
	const here = Object.entries(imports).map(([name, to]) => [`${name}.ts`,
		`${name.startsWith("#generated/") ? "./generated/*" : to}.js`]);
	write_if_changed(path.join(out, "package.json"),
		`${JSON.stringify({ type: "module", imports: Object.fromEntries(here) }, null, "\t")}\n`);
}

/* "./x.ts" becomes "./x.js", as long as before */
const RELATIVE = /(\bfrom\s*|\bimport\s*\(?\s*)("|')(\.{1,2}\/[^"'\n]+)\.ts\2/g;

async function load_strip() {
	const { transformSync } = await import("@swc/wasm-typescript");
	return (file) => transformSync(fs.readFileSync(file, "utf8"), { mode: "strip-only", filename: file })
		.code.replace(RELATIVE, "$1$2$3.js$2");
}

/** Removes outputs whose source is gone, so that they are not loaded by mistake. */
function prune(dir, keep) {
	if (!fs.existsSync(dir))
		return;
	for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
		const at = path.join(dir, entry.name);
		if (entry.isDirectory())
			prune(at, keep);
		else if (entry.name.endsWith(".js") && !keep.has(at))
			fs.rmSync(at);
	}
}

async function main(out, roots) {
	const files = roots.flatMap((root) => fs.existsSync(root) ?
		[...sources(root)].map((from) => [from, path.join(out, from.replace(/\.ts$/, ".js"))]) : []);
	const generated = path.join(out, "generated");
	if (fs.existsSync(generated))
		files.push(...[...sources(generated)].map((from) => [from, from.replace(/\.ts$/, ".js")]));
	write_package(out);
	for (const top of [...roots, "generated"])
		prune(path.join(out, top), new Set(files.map(([, to]) => to)));
	const self = mtime(fileURLToPath(import.meta.url));
	const stale = files.filter(([from, to]) => mtime(to) < Math.max(mtime(from), self));
	let failed = false;
	const strip = stale.length > 0 ? await load_strip() : null;
	for (const [from, to] of stale) {
		try {
			fs.mkdirSync(path.dirname(to), { recursive: true });
			fs.writeFileSync(to, strip(from));
		} catch (e) {
			console.error(`${from}:${e.startLine ?? 1}:${(e.startColumn ?? 0) + 1}: ${e.message ?? e}`);
			failed = true;
		}
	}
	process.exitCode = failed ? 1 : 0;
}

await main(process.argv[2], process.argv.slice(3));
