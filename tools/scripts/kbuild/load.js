// SPDX-License-Identifier: GPL-2.0
/*
 * Starts a program of a build folder as node itself would, in half the time: the tree is some 350
 * modules, and node's own loader spends longer on finding each of them than V8 on compiling it.
 *
 * Port-only. Documentation/port/running.md has the figures. Same files, names and positions.
 *
 *	node --experimental-vm-modules --no-warnings load.js PROGRAM.js [ARG...]
 */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";

const modules = new Map();
const aliases = new Map();

/** Aliases of the package.json at or above @dir: [prefix, suffix, file prefix, file suffix]. */
function aliases_of(dir) {
	let found = aliases.get(dir);
	if (found !== undefined)
		return found;
	const file = path.join(dir, "package.json");
	if (fs.existsSync(file)) {
		const { imports = {} } = JSON.parse(fs.readFileSync(file, "utf8"));
		found = Object.entries(imports).map(([name, to]) =>
			[...name.split("*"), ...path.join(dir, to).split("*")]);
	} else {
		found = aliases_of(path.dirname(dir));
	}
	aliases.set(dir, found);
	return found;
}

/** The file that @specifier names in @from, or null for a module that node has to find. */
function resolve(specifier, from) {
	if (specifier.startsWith("file:"))
		return fileURLToPath(specifier);
	if (specifier.startsWith(".") || specifier.startsWith("/"))
		return path.resolve(path.dirname(from), specifier);
	if (!specifier.startsWith("#"))
		return null;
	for (const [head, tail, to, suffix] of aliases_of(path.dirname(from))) {
		if (!specifier.startsWith(head) || !specifier.endsWith(tail))
			continue;
		const star = specifier.slice(head.length, specifier.length - tail.length);
		return `${to}${star}${suffix}`;
	}
	throw new Error(`${from}: nothing maps ${specifier}`);
}

/** A module of node or of a package, with what it exports. */
async function foreign(specifier) {
	const names = await import(specifier);
	return new vm.SyntheticModule(Object.keys(names), function () {
		for (const [name, value] of Object.entries(names))
			this.setExport(name, value);
	}, { identifier: specifier });
}

function get(specifier, from) {
	const file = resolve(specifier, from);
	const key = file ?? specifier;
	let module = modules.get(key);
	if (module === undefined) {
		module = file === null ? foreign(specifier) : compile(file);
		modules.set(key, module);
	}
	return module;
}

function compile(file) {
	const url = pathToFileURL(file).href;
	return new vm.SourceTextModule(fs.readFileSync(file, "utf8"), {
		identifier: url,
		initializeImportMeta: (meta) => {
			meta.url = url;
		},
		importModuleDynamically: (specifier) => run(get(specifier, file), file),
	});
}

async function run(pending, file) {
	const module = await pending;
	if (module.status === "unlinked")
		await module.link((specifier, { identifier }) => get(specifier,
			identifier.startsWith("file:") ? fileURLToPath(identifier) : file));
	if (module.status === "linked")
		await module.evaluate();
	return module;
}

const program = path.resolve(process.argv[2]);
process.argv.splice(1, 2, program);
await run(get(program, program), program);
