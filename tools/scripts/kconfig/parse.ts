// SPDX-License-Identifier: GPL-2.0
/*
 * Reads Kconfig files into a table of symbols.
 *
 * Upstream: scripts/kconfig/parser.y. Left out: imply, range, visible if, macros, modules.
 */

import { YES, and, is_string, parse_expr, token_reader, tokenize, unquote } from
	"#tools/scripts/kconfig/expr.ts";
import type { expr } from "#tools/scripts/kconfig/expr.ts";

export type symbol_type = "bool" | "int" | "hex" | "string";

export interface guarded<T> {
	readonly value: T;
	readonly when: expr;
}

export interface config_symbol {
	readonly name: string;
	type: symbol_type | null;
	/** Condition under which the user may set it; null without a prompt. */
	prompt: expr | null;
	readonly defaults: guarded<expr>[];
	readonly selects: guarded<string>[];
	depends: expr;
	readonly choice: choice | null;
}

export interface choice {
	depends: expr;
	readonly defaults: guarded<expr>[];
	readonly members: config_symbol[];
}

export interface kconfig {
	/** In the order of definition. */
	readonly symbols: Map<string, config_symbol>;
	/** Every file read, for the build to watch. */
	readonly files: string[];
}

/** Reads a file by its path from the top of the tree. */
export type read_file = (path: string) => string;

interface block {
	readonly kind: "if" | "menu" | "choice";
	readonly depends: expr;
	readonly choice: choice | null;
}

/* the entry that attribute lines belong to */
type entry = { readonly kind: "symbol"; readonly sym: config_symbol } |
	{ readonly kind: "choice"; readonly choice: choice } |
	{ readonly kind: "menu"; readonly set: (e: expr) => void };

class parser {
	readonly out: kconfig = { symbols: new Map(), files: [] };
	private readonly read: read_file;
	private blocks: block[] = [];
	private entry: entry | null = null;

	constructor(read: read_file) {
		this.read = read;
	}

	file(path: string): void {
		this.out.files.push(path);
		const lines = this.read(path).replace(/\\\n/g, " \n").split("\n");
		const depth = this.blocks.length;
		for (let i = 0; i < lines.length; i++) {
			try {
				const word = /^\s*(\w*)/.exec(lines[i]!)![1]!;
				if (word === "help")
					i = skip_help(lines, i);
				else
					this.line(new token_reader(tokenize(lines[i]!)));
			} catch (e) {
				throw new Error(`${path}:${i + 1}: ${(e as Error).message}`);
			}
		}
		if (this.blocks.length !== depth)
			throw new Error(`${path}: ${this.blocks.at(-1)!.kind} without its end`);
	}

	private line(r: token_reader): void {
		const word = r.peek();
		if (word === undefined)
			return;
		r.next();
		if (!this.structure(word, r) && !this.attribute(word, r))
			throw new Error(`unknown keyword ${word}`);
		r.end();
	}

	private structure(word: string, r: token_reader): boolean {
		switch (word) {
		case "mainmenu":
		case "comment":
			r.next();
			this.entry = { kind: "menu", set: () => undefined };
			return true;
		case "source":
			this.file(unquote(r.next()));
			return true;
		case "config":
		case "menuconfig":
			this.entry = { kind: "symbol", sym: this.symbol(r.next()) };
			return true;
		case "if":
			this.open("if", parse_expr(r), null);
			return true;
		case "menu":
			r.next();
			this.open_menu();
			return true;
		case "choice":
			this.open_choice();
			return true;
		case "endif":
		case "endmenu":
		case "endchoice":
			this.close(word.slice(3));
			return true;
		}
		return false;
	}

	private attribute(word: string, r: token_reader): boolean {
		const entry = this.entry;
		if (entry === null)
			throw new Error(`${word} outside of an entry`);
		if (word === "depends") {
			if (!r.take("on"))
				throw new Error("depends without on");
			this.depends(entry, parse_expr(r));
			return true;
		}
		if (entry.kind === "menu")
			return false;
		if (word === "default") {
			const defaults = entry.kind === "symbol" ? entry.sym.defaults : entry.choice.defaults;
			defaults.push({ value: parse_expr(r), when: parse_if(r) });
			return true;
		}
		if (entry.kind === "symbol")
			return symbol_attribute(entry.sym, word, r);
		if (word === "prompt" || word === "bool") {
			if (is_string(r.peek()))
				r.next();
			return true;
		}
		return false;
	}

	private depends(entry: entry, e: expr): void {
		if (entry.kind === "symbol")
			entry.sym.depends = and(entry.sym.depends, e);
		else if (entry.kind === "choice")
			entry.choice.depends = and(entry.choice.depends, e);
		else
			entry.set(e);
	}

	private symbol(name: string): config_symbol {
		const context = this.blocks.reduce<expr>((e, b) => and(e, b.depends), YES);
		const choices = this.blocks.map((b) => b.choice).filter((c) => c !== null);
		const choice = choices.at(-1) ?? null;
		const old = this.out.symbols.get(name);
		if (old !== undefined)
			throw new Error(`${name} is defined twice`);
		const sym: config_symbol = { name, type: null, prompt: null, defaults: [],
			selects: [], depends: context, choice };
		this.out.symbols.set(name, sym);
		choice?.members.push(sym);
		return sym;
	}

	private open(kind: block["kind"], depends: expr, choice: choice | null): void {
		this.blocks.push({ kind, depends, choice });
		this.entry = null;
	}

	private open_menu(): void {
		const b = { kind: "menu" as const, depends: YES, choice: null };
		this.blocks.push(b);
		this.entry = { kind: "menu", set: (e) => {
			b.depends = and(b.depends, e);
		} };
	}

	private open_choice(): void {
		const context = this.blocks.reduce<expr>((e, b) => and(e, b.depends), YES);
		const c: choice = { depends: context, defaults: [], members: [] };
		this.open("choice", YES, c);
		this.entry = { kind: "choice", choice: c };
	}

	private close(kind: string): void {
		if (this.blocks.pop()?.kind !== kind)
			throw new Error(`end${kind} without ${kind}`);
		this.entry = null;
	}
}

function parse_if(r: token_reader): expr {
	return r.take("if") ? parse_expr(r) : YES;
}

function parse_prompt(sym: config_symbol, r: token_reader): void {
	if (!is_string(r.peek()))
		return;
	r.next();
	sym.prompt = parse_if(r);
}

function symbol_attribute(sym: config_symbol, word: string, r: token_reader): boolean {
	switch (word) {
	case "bool":
	case "tristate":
		sym.type = "bool";
		parse_prompt(sym, r);
		return true;
	case "int":
	case "hex":
	case "string":
		sym.type = word;
		parse_prompt(sym, r);
		return true;
	case "prompt":
		parse_prompt(sym, r);
		return true;
	case "def_bool":
	case "def_tristate":
		sym.type = "bool";
		sym.defaults.push({ value: parse_expr(r), when: parse_if(r) });
		return true;
	case "select":
		sym.selects.push({ value: r.next(), when: parse_if(r) });
		return true;
	}
	return false;
}

/** The help text ends at the first line that is indented less than its first one. */
function skip_help(lines: string[], at: number): number {
	const width = (line: string): number => {
		const lead = /^\s*/.exec(line)![0];
		return [...lead].reduce((n, c) => c === "\t" ? (n & ~7) + 8 : n + 1, 0);
	};
	let i = at + 1;
	while (i < lines.length && lines[i]!.trim() === "")
		i++;
	const indent = i < lines.length ? width(lines[i]!) : 0;
	if (indent === 0)
		return i - 1;
	while (i < lines.length && (lines[i]!.trim() === "" || width(lines[i]!) >= indent))
		i++;
	return i - 1;
}

export function parse_kconfig(top: string, read: read_file): kconfig {
	const p = new parser(read);
	p.file(top);
	return p.out;
}
