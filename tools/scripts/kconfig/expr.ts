// SPDX-License-Identifier: GPL-2.0
/*
 * Expressions of the Kconfig language.
 *
 * Upstream: scripts/kconfig/expr.c, lexer.l. Left out: m (tristate reads as bool), macros.
 */

export type expr =
	| { readonly op: "sym"; readonly name: string }
	| { readonly op: "const"; readonly value: string }
	| { readonly op: "!"; readonly arg: expr }
	| { readonly op: "&&" | "||"; readonly left: expr; readonly right: expr }
	| { readonly op: relation; readonly left: expr; readonly right: expr };

export type relation = "=" | "!=" | "<" | "<=" | ">" | ">=";

export const YES: expr = { op: "const", value: "y" };

/** A string literal keeps its quotes, so that it differs from a symbol. */
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|'[^']*'|&&|\|\||!=|<=|>=|[!=<>()]|[\w./-]+)/y;

/** Splits a line into tokens; stops at a comment. */
export function tokenize(line: string): string[] {
	const tokens: string[] = [];
	TOKEN.lastIndex = 0;
	while (TOKEN.lastIndex < line.length) {
		const at = TOKEN.lastIndex;
		if (/^\s*(#|$)/.test(line.slice(at)))
			break;
		const found = TOKEN.exec(line);
		if (found === null)
			throw new Error(`unexpected text: ${line.slice(at).trim()}`);
		tokens.push(found[1]!);
	}
	return tokens;
}

export function is_string(token: string | undefined): token is string {
	return token !== undefined && /^["']/.test(token);
}

export function unquote(token: string): string {
	return is_string(token) ? token.slice(1, -1).replace(/\\(.)/g, "$1") : token;
}

/** Reads tokens one by one; the grammar's functions share it. */
export class token_reader {
	private readonly tokens: readonly string[];
	private at = 0;
	constructor(tokens: readonly string[]) {
		this.tokens = tokens;
	}
	peek(): string | undefined {
		return this.tokens[this.at];
	}
	next(): string {
		const token = this.tokens[this.at++];
		if (token === undefined)
			throw new Error("unexpected end of line");
		return token;
	}
	take(token: string): boolean {
		if (this.peek() !== token)
			return false;
		this.at++;
		return true;
	}
	end(): void {
		if (this.at < this.tokens.length)
			throw new Error(`unexpected ${this.tokens[this.at]!}`);
	}
}

export function and(left: expr, right: expr): expr {
	if (left === YES)
		return right;
	return right === YES ? left : { op: "&&", left, right };
}

export function parse_expr(r: token_reader): expr {
	let left = parse_and(r);
	while (r.take("||"))
		left = { op: "||", left, right: parse_and(r) };
	return left;
}

function parse_and(r: token_reader): expr {
	let left = parse_not(r);
	while (r.take("&&"))
		left = { op: "&&", left, right: parse_not(r) };
	return left;
}

function parse_not(r: token_reader): expr {
	if (r.take("!"))
		return { op: "!", arg: parse_not(r) };
	if (r.take("(")) {
		const inner = parse_expr(r);
		if (!r.take(")"))
			throw new Error("missing )");
		return inner;
	}
	const left = parse_symbol(r);
	const op = r.peek();
	if (op === "=" || op === "!=" || op === "<" || op === "<=" || op === ">" || op === ">=") {
		r.next();
		return { op, left, right: parse_symbol(r) };
	}
	return left;
}

function parse_symbol(r: token_reader): expr {
	const token = r.next();
	if (is_string(token) || /^(y|m|n|-?\d+|0x[0-9a-fA-F]+)$/.test(token))
		return { op: "const", value: unquote(token) };
	if (!/^\w+$/.test(token))
		throw new Error(`unexpected ${token}`);
	return { op: "sym", name: token };
}

/** The text of an expression; @value gives each symbol's, "n" for an unknown one. */
function text_of(e: expr, value: (name: string) => string): string {
	if (e.op === "const")
		return e.value;
	if (e.op === "sym")
		return value(e.name);
	return eval_expr(e, value) ? "y" : "n";
}

function compare(op: relation, left: string, right: string): boolean {
	if (op === "=" || op === "!=")
		return (left === right) === (op === "=");
	const [a, b] = [Number(left), Number(right)];
	switch (op) {
	case "<":
		return a < b;
	case "<=":
		return a <= b;
	case ">":
		return a > b;
	case ">=":
		return a >= b;
	}
}

export function eval_expr(e: expr, value: (name: string) => string): boolean {
	switch (e.op) {
	case "sym":
		return value(e.name) === "y";
	case "const":
		return e.value === "y" || e.value === "m";
	case "!":
		return !eval_expr(e.arg, value);
	case "&&":
		return eval_expr(e.left, value) && eval_expr(e.right, value);
	case "||":
		return eval_expr(e.left, value) || eval_expr(e.right, value);
	default:
		return compare(e.op, text_of(e.left, value), text_of(e.right, value));
	}
}
