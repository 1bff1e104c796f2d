// SPDX-License-Identifier: GPL-2.0
/*
 * Links a program of a build folder into one module, for runs that are to be fast.
 *
 * Port-only. What V8 cannot know of a module's imports, that they are made and never change, costs
 * some 45 bytes of machine code and three branches at every use, constants included. In one module
 * it knows, if the names are `const`: so functions, which hoist, come first, as constants.
 * Documentation/port/running.md has the figures.
 *
 *	image.js OUT PROGRAM...		OUT/PROGRAM.js becomes OUT/image/<its name>.mjs
 */

import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";

/** Parts of the text, in the order in which they are to stand. */
interface parts {
	imports: string[];
	functions: string[];
	rest: string[];
}

type statement = ReturnType<typeof parseAst>["body"][number];
type member = { readonly type: string; readonly static?: boolean };

/* what runs when the class is made may name it, which then needs its own name */
function has_static_code(members: readonly member[]): boolean {
	return members.some((m) => m.type === "StaticBlock" ||
		(m.type === "PropertyDefinition" && m.static === true));
}

/** One top-level statement; anything unknown stays as and where it is. */
function place(to: parts, at: statement, text: string): void {
	const of = (from: number, end = at.end): string => text.slice(from, end);

	if (at.type === "ImportDeclaration") {
		to.imports.push(of(at.start));
	} else if (at.type === "FunctionDeclaration" && at.id !== null) {
		const head = of(at.start, at.id.start).trimEnd();
		to.functions.push(`const ${at.id.name} = ${head}${of(at.id.end)};`);
	} else if (at.type === "ClassDeclaration" && at.id !== null &&
		   !has_static_code(at.body.body)) {
		to.rest.push(`const ${at.id.name} = class${of(at.id.end)};`);
	} else if (at.type === "VariableDeclaration") {
		const [first] = at.declarations;
		const made = at.declarations.length === 1 &&
			first?.init?.type === "ClassExpression";
		/* rolldown's `var x = class {}`; a variable without a dead zone needs no check */
		const kind = made || at.kind === "const" ? "const" : "var";
		to.rest.push(`${kind}${of(at.start + at.kind.length)}`);
	} else {
		to.rest.push(of(at.start));
	}
}

/** The text of a module without exports, its functions and classes as constants. */
export function constants(text: string): string {
	const to: parts = { imports: [], functions: [], rest: [] };

	for (const at of parseAst(text).body)
		place(to, at, text);
	return `${[...to.imports, ...to.functions, ...to.rest].join("\n")}\n`;
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

async function link(out: string, program: string): Promise<string> {
	const alias = aliases(out);
	const build = await rolldown({
		input: path.join(out, `${program}.js`),
		platform: "node",
		treeshake: false,
		plugins: [{ name: "aliases", resolveId: (name) => alias(name) }],
	});
	const { output } = await build.generate({ format: "esm", codeSplitting: false });

	return constants(output[0].code);
}

async function main(out: string, programs: string[]): Promise<void> {
	fs.mkdirSync(path.join(out, "image"), { recursive: true });
	for (const program of programs) {
		const to = path.join(out, "image", `${path.basename(program)}.mjs`);
		fs.writeFileSync(to, await link(out, program));
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [out = "", ...programs] = process.argv.slice(2);
	await main(out, programs);
}
