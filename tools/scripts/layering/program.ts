// SPDX-License-Identifier: GPL-2.0
/*
 * A TypeScript program over a tree, whose "#room/x.ts" names mean files of that tree.
 *
 * Port-only.
 */

import fs from "node:fs";
import path from "node:path";
import ts from "typescript";

export interface tree {
	readonly program: ts.Program;
	readonly checker: ts.TypeChecker;
	/** Files of the tree, not of libraries. */
	readonly files: readonly ts.SourceFile[];
	/** Path from the top of the tree. */
	relative(file: ts.SourceFile): string;
	/** Path that an import names, from the top of the tree; null for a package. */
	resolve(specifier: string, from: ts.SourceFile): string | null;
}

export interface finding {
	readonly file: string;
	readonly line: number;
	readonly message: string;
}

export function finding_at(t: tree, node: ts.Node, message: string): finding {
	const file = node.getSourceFile();
	const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
	return { file: t.relative(file), line: line + 1, message };
}

const TOPS = ["mm", "virt", "arch", "include", "tools", "build/default/generated"];

function* sources(dir: string): Generator<string> {
	if (!fs.existsSync(dir))
		return;
	for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
		const at = path.join(dir, entry.name);
		if (entry.isDirectory() && entry.name !== "fixtures" && entry.name !== "node_modules")
			yield* sources(at);
		else if (entry.isFile() && entry.name.endsWith(".ts"))
			yield at;
	}
}

/** @imports maps "#room/*.ts" to "./dir/*.ts", as package.json does. */
export function open_tree(top: string, imports: Record<string, string>): tree {
	const root = path.resolve(top);
	const names = TOPS.flatMap((d) => [...sources(path.join(root, d))]);
	const options: ts.CompilerOptions = {
		target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true, noEmit: true,
		allowImportingTsExtensions: true, skipLibCheck: true, types: [],
		lib: ["lib.es2022.d.ts"],
	};
	const host = ts.createCompilerHost(options);
	const find = (specifier: string, from: string): string | null => {
		if (specifier.startsWith("."))
			return path.resolve(path.dirname(from), specifier);
		for (const [name, to] of Object.entries(imports)) {
			const [head, tail] = name.split("*") as [string, string];
			if (!specifier.startsWith(head) || !specifier.endsWith(tail))
				continue;
			const star = specifier.slice(head.length, specifier.length - tail.length);
			return path.resolve(root, to.replace("*", star));
		}
		return null;
	};
	host.resolveModuleNameLiterals = (literals, from) => literals.map((l) => {
		const file = find(l.text, from);
		return { resolvedModule: file === null || !fs.existsSync(file) ? undefined :
			{ resolvedFileName: file, extension: ts.Extension.Ts } };
	});
	const program = ts.createProgram(names, options, host);
	const wanted = new Set(names);
	return {
		program,
		checker: program.getTypeChecker(),
		files: program.getSourceFiles().filter((f) => wanted.has(f.fileName)),
		relative: (f) => path.relative(root, f.fileName),
		resolve: (s, f) => {
			const at = find(s, f.fileName);
			return at === null ? null : path.relative(root, at);
		},
	};
}
