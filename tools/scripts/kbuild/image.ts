// SPDX-License-Identifier: GPL-2.0
/*
 * Links a program of a build folder into one module, for runs that are to be fast.
 *
 * Port-only. What V8 cannot know of a module's imports, that they are made and never change, costs
 * some 45 bytes of machine code and three branches at every use, constants included. In one module
 * it knows, if the names are `const`: so functions, which hoist, come first, as constants.
 * Documentation/port/running.md has the figures.
 *
 *	image.js OUT PROGRAM [ARG...]	OUT/PROGRAM.js becomes OUT/image/<its name>.mjs
 *
 * Beside it lies <its name>.mjs.lines, by which testing/host/positions.ts gives stacks the lines of
 * the modules back. A program with a table of linked programs (kselftest/linked.ts) gets all
 * selftests. With arguments, for a program that is started often: it runs with them once, and what
 * V8 compiled for that lies in .code, which spares later runs from compiling it. V8 does so for
 * scripts only, so the program then is one, .script, and <its name>.cjs starts it.
 */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { SourceMap, type SourceMapping } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown, type Plugin } from "rolldown";
import { parseAst } from "rolldown/parseAst";
import { held } from "./held.ts";

/** A statement, and its first line, from 0, in the text it comes from. */
interface part {
	readonly text: string;
	readonly line: number;
}

/* how a script begins, on the line of what follows */
const SCRIPT = `(function (require, image_url, image_import) {"use strict"; `;

/* what starts one, by the name under which its stacks are known: node starts such modules sooner */
const START = `"use strict";
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { pathToFileURL } = require("node:url");
const vm = require("node:vm");

const url = pathToFileURL(__filename).href;
const script = new vm.Script(readFileSync(__filename + ".script", "utf8"), { filename: url,
	...existsSync(__filename + ".code") ? { cachedData: readFileSync(__filename + ".code") } : {} });
if (process.env["IMAGE_MAKE_CODE"] !== undefined)
	process.on("exit", () => writeFileSync(__filename + ".code", script.createCachedData()));
script.runInThisContext()(require, url, (name) => import(name));
`;

/** Parts of the text, in the order in which they are to stand. */
interface parts {
	imports: part[];
	functions: part[];
	rest: part[];
}

/** As testing/host/positions.ts has it. */
interface image_lines {
	modules: string[];
	module: number[];
	line: number[];
}

type statement = ReturnType<typeof parseAst>["body"][number];
type member = Extract<statement, { superClass: unknown }>["body"]["body"][number];

/* what runs when the class is made may name it, which then needs its own name */
function has_static_code(members: readonly member[]): boolean {
	return members.some((m) => m.type === "StaticBlock" ||
		(m.type === "PropertyDefinition" && m.static === true));
}

/** What a constructor assigns to this.NAME at its own level. */
function assigned(members: readonly member[]): Set<string> {
	const names = new Set<string>();

	for (const m of members) {
		if (m.type !== "MethodDefinition" || m.kind !== "constructor")
			continue;
		for (const at of m.value.body?.body ?? []) {
			if (at.type === "ExpressionStatement" &&
			    at.expression.type === "AssignmentExpression" &&
			    at.expression.left.type === "MemberExpression" &&
			    at.expression.left.object.type === "ThisExpression" &&
			    at.expression.left.property.type === "Identifier")
				names.add(at.expression.left.property.name);
		}
	}
	return names;
}

/**
 * The text of a class from @from on. A field without a value that the constructor gives one would
 * be undefined first, and V8 then takes it for a field of any kind: it goes.
 */
function class_text(text: string, from: number, end: number, members: readonly member[]): string {
	const names = assigned(members);
	let out = "", seen = from;

	for (const m of members) {
		if (m.type !== "PropertyDefinition" || m.value !== null || m.static || m.computed ||
		    m.key.type !== "Identifier" || !names.has(m.key.name))
			continue;
		out += `${text.slice(seen, m.start)};`;
		seen = m.end;
	}
	return out + text.slice(seen, end);
}

/** An import of names, in a script. */
function required(at: Extract<statement, { type: "ImportDeclaration" }>): string {
	const names = at.specifiers.map((s) => {
		if (s.type !== "ImportSpecifier" || s.imported.type !== "Identifier")
			throw new Error(`image: ${at.source.value}: not an import of names`);
		return `${s.imported.name}: ${s.local.name}`;
	});
	return `const { ${names.join(", ")} } = require("${at.source.value}");`;
}

/** One top-level statement; anything unknown stays as and where it is. */
function place(to: parts, at: statement, text: string, line: number, script: boolean): void {
	const of = (from: number, end = at.end): string => text.slice(from, end);
	const part = (changed: string): part => ({ text: changed, line });

	if (at.type === "ImportDeclaration") {
		to.imports.push(part(script ? required(at) : of(at.start)));
	} else if (at.type === "ExportNamedDeclaration" && script) {
		/* rolldown says that there are none */
	} else if (at.type === "FunctionDeclaration" && at.id !== null) {
		const head = of(at.start, at.id.start).trimEnd();
		to.functions.push(part(`const ${at.id.name} = ${head}${of(at.id.end)};`));
	} else if (at.type === "ClassDeclaration" && at.id !== null &&
		   !has_static_code(at.body.body)) {
		to.rest.push(part(`const ${at.id.name} = class${
			class_text(text, at.id.end, at.end, at.body.body)};`));
	} else if (at.type === "VariableDeclaration") {
		const from = at.start + at.kind.length;
		const init = at.declarations.length === 1 ? at.declarations[0]!.init : null;
		/* rolldown's `var x = class {}`; a variable without a dead zone needs no check */
		if (init?.type === "ClassExpression")
			to.rest.push(part(`const${class_text(text, from, at.end, init.body.body)}`));
		else
			to.rest.push(part(`${at.kind === "const" ? "const" : "var"}${of(from)}`));
	} else {
		to.rest.push(part(of(at.start)));
	}
}

/**
 * The text of a module without exports, its functions and classes as constants; and its parts. As a
 * script, it is a function.
 */
export function constants(text: string, script = false): { code: string; all: part[] } {
	const to: parts = { imports: [], functions: [], rest: [] };
	let line = 0, seen = 0;

	for (const at of parseAst(text).body) {
		line += text.slice(seen, at.start).split("\n").length - 1;
		seen = at.start;
		place(to, at, text, line, script);
	}
	const all = [...to.imports, ...to.functions, ...to.rest];
	const code = all.map((p) => p.text).join("\n");
	return { code: script ? `${SCRIPT}${code}\n})\n` : `${code}\n`, all };
}

/** Calls @fn with each line of each of @all: its number in the text, and its indentation. */
export function each_line(all: readonly part[], fn: (line: number, col: number) => void): void {
	for (const p of all) {
		for (const [i, text] of p.text.split("\n").entries())
			fn(p.line + i, text.length - text.trimStart().length);
	}
}

/** Where the lines of @all come from, see positions.ts; @map is that of their text. */
function lines_of(all: readonly part[], map: SourceMap): image_lines {
	const modules: string[] = [], module: number[] = [], line: number[] = [];
	const index = new Map<string, number>();

	each_line(all, (nr, col) => {
		const found = map.findEntry(nr, col) as Partial<SourceMapping>;
		const source = found.originalSource === undefined ? "" :
			path.relative("..", found.originalSource);
		if (!index.has(source))
			index.set(source, modules.push(source) - 1);
		module.push(source === "" ? -1 : index.get(source)!);
		line.push((found.originalLine ?? 0) + 1);
	});
	return { modules, module, line };
}

/* import.meta.url is to be the module's, not the image's */
const SELF = /\bimport\.meta\.url\b/g;
const IMPORT = /\bimport\(/g;

function own_urls(out: string, script: boolean): Plugin {
	const image = script ? "image_url" : "import.meta.url";

	return { name: "own urls", transform: (code, id) => {
		const at = JSON.stringify(`../${path.relative(out, id)}`);
		const own = code.replace(SELF, `new URL(${at}, ${image}).href`);
		const changed = script ? own.replace(IMPORT, "image_import(") : own;
		return changed !== code ? { code: changed, map: null } : null;
	} };
}

const TABLE = "tools/testing/selftests/kselftest/linked.js";
const MAIN = /^export (?:function\*? main\(|\{.*\bmain\b)/m;

/** Every program below the folder of selftests. */
function programs(out: string): string[] {
	const top = path.join(out, "tools/testing/selftests");

	return fs.readdirSync(top, { recursive: true, encoding: "utf8" })
		.filter((f) => f.endsWith(".js") && MAIN.test(fs.readFileSync(path.join(top, f), "utf8")))
		.map((f) => path.join("tools/testing/selftests", f)).sort();
}

function linked_programs(out: string): Plugin {
	return { name: "linked programs", load: (id) => {
		if (id !== path.join(out, TABLE))
			return null;
		const all = programs(out);
		return `${all.map((f, i) => `import * as p${i} from ${JSON.stringify(path.join(out, f))};\n`)
			.join("")}export const linked = new Map([${
			all.map((f, i) => `[${JSON.stringify(f)}, p${i}]`).join(", ")}]);\n`;
	} };
}

/** Resolves the aliases of @out's package.json. */
function aliases(out: string): (name: string) => string | null {
	const { imports } = JSON.parse(fs.readFileSync(path.join(out, "package.json"), "utf8")) as
		{ imports: Record<string, string> };
	const table = Object.entries(imports).map(([name, to]) =>
		[...name.split("*"), ...path.resolve(out, to).split("*")] as
			[string, string, string, string]);

	return (name) => {
		for (const [head, tail, to, suffix] of table) {
			if (name.startsWith(head) && name.endsWith(tail))
				return to + name.slice(head.length, name.length - tail.length) +
					suffix;
		}
		return null;
	};
}

async function link(out: string, program: string, script: boolean):
	Promise<[string, image_lines]> {
	const alias = aliases(out);
	const build = await rolldown({
		input: path.join(out, `${program}.js`),
		platform: "node",
		treeshake: false,
		plugins: [{ name: "aliases", resolveId: (name) => alias(name) }, own_urls(out, script),
			linked_programs(out)],
	});
	const { output } = await build.generate({ format: "esm", codeSplitting: false,
		sourcemap: true, dir: path.join(out, "image") });
	const { code: text, map } = output[0];
	const { code, all } = constants(held(text), script);

	return [code, lines_of(all, new SourceMap(JSON.parse(String(map))))];
}

/** Runs what was linked, as it is going to be run: V8 takes code only under the same options. */
async function make_code(out: string, program: string, args: readonly string[]): Promise<void> {
	const { node_args } = await import(
		pathToFileURL(path.resolve(out, "tools/testing/host/launch.js")).href) as
		{ node_args: (build: string, program: string) => string[] };

	/* how it ends does not matter: who is about to run tests wants to hear it from them */
	spawnSync(process.execPath, [...node_args(out, program), ...args],
		{ env: { ...process.env, IMAGE_MAKE_CODE: "1" }, stdio: "ignore" });
}

async function main(out: string, program: string, args: readonly string[]): Promise<void> {
	const script = args.length > 0;
	const to = path.join(out, "image", `${path.basename(program)}${script ? ".cjs" : ".mjs"}`);
	const [code, lines] = await link(path.resolve(out), program, script);
	const write = (suffix: string, text: string): void => {
		fs.writeFileSync(`${to}.new`, text);
		fs.renameSync(`${to}.new`, `${to}${suffix}`);
	};

	fs.mkdirSync(path.dirname(to), { recursive: true });
	fs.rmSync(`${to}.code`, { force: true });
	write(".lines", JSON.stringify(lines));
	if (script)
		write(".script", code);
	write("", script ? START : code);
	if (script)
		await make_code(out, program, args);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [out = "", program = "", ...args] = process.argv.slice(2);
	await main(out, program, args);
}
