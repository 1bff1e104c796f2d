// SPDX-License-Identifier: GPL-2.0
/*
 * Values of configuration symbols from what the user asked for.
 *
 * Upstream: scripts/kconfig/symbol.c:sym_calc_value(). The overrides are the port's own.
 */

import { eval_expr } from "#tools/scripts/kconfig/expr.ts";
import type { expr } from "#tools/scripts/kconfig/expr.ts";
import type { choice, kconfig, config_symbol } from "#tools/scripts/kconfig/parse.ts";

/** Value by name: "y", "n", or the text of a number or string. */
export type values = Map<string, string>;

export interface solution {
	readonly values: values;
	/** Things a person should hear about: selects against dependencies. */
	readonly warnings: string[];
}

class solver {
	readonly warnings: string[] = [];
	private readonly conf: kconfig;
	private readonly user: values;
	private readonly forced: values;
	private readonly done: values = new Map();
	private readonly busy = new Set<string>();
	private readonly selected_by = new Map<string, { by: config_symbol; when: expr }[]>();
	private readonly chosen = new Map<choice, config_symbol | null>();

	constructor(conf: kconfig, user: values, forced: values) {
		this.conf = conf;
		this.user = user;
		this.forced = forced;
		for (const by of conf.symbols.values()) {
			for (const s of by.selects) {
				const list = this.selected_by.get(s.value) ?? [];
				list.push({ by, when: s.when });
				this.selected_by.set(s.value, list);
			}
		}
	}

	readonly value = (name: string): string => {
		const known = this.done.get(name);
		if (known !== undefined)
			return known;
		const sym = this.conf.symbols.get(name);
		if (sym === undefined || this.busy.has(name))
			return "n";
		this.busy.add(name);
		const v = this.forced.get(name) ?? this.calc(sym);
		this.busy.delete(name);
		this.done.set(name, v);
		return v;
	};

	private calc(sym: config_symbol): string {
		if (sym.type === null)
			throw new Error(`${sym.name} has no type`);
		const reachable = eval_expr(sym.depends, this.value);
		if (sym.choice !== null)
			return this.choose(sym.choice) === sym ? "y" : "n";
		if (sym.type !== "bool")
			return this.wanted(sym, reachable) ?? (sym.type === "string" ? "" : "0");
		if (reachable && this.wanted(sym, true) === "y")
			return "y";
		const by = (this.selected_by.get(sym.name) ?? []).find((s) =>
			this.value(s.by.name) === "y" && eval_expr(s.when, this.value));
		if (by === undefined)
			return "n";
		if (!reachable)
			this.warnings.push(`unmet direct dependencies detected for ${sym.name}, ` +
				`selected by ${by.by.name}`);
		return "y";
	}

	/** What the user said where the prompt is visible, else the first default that holds. */
	private wanted(sym: config_symbol, reachable: boolean): string | undefined {
		const said = this.user.get(sym.name);
		if (said !== undefined && reachable && this.visible(sym))
			return said;
		const found = sym.defaults.find((d) => reachable && eval_expr(d.when, this.value));
		if (found === undefined)
			return undefined;
		if (sym.type === "bool")
			return eval_expr(found.value, this.value) ? "y" : "n";
		return found.value.op === "sym" ? this.value(found.value.name) :
			found.value.op === "const" ? found.value.value : undefined;
	}

	private visible(sym: config_symbol): boolean {
		return sym.prompt !== null && eval_expr(sym.prompt, this.value) &&
			eval_expr(sym.depends, this.value);
	}

	private choose(c: choice): config_symbol | null {
		const before = this.chosen.get(c);
		if (before !== undefined)
			return before;
		let picked: config_symbol | null = null;
		if (eval_expr(c.depends, this.value)) {
			const open = c.members.filter((m) => this.visible(m));
			const defaults = c.defaults.filter((d) => eval_expr(d.when, this.value))
				.map((d) => d.value.op === "sym" ? d.value.name : "");
			picked = open.find((m) => this.user.get(m.name) === "y") ??
				open.find((m) => defaults.includes(m.name)) ?? open[0] ?? null;
		}
		this.chosen.set(c, picked);
		return picked;
	}
}

/** @forced wins over everything, prompts and dependencies included. */
export function solve(conf: kconfig, user: values, forced: values): solution {
	for (const name of forced.keys()) {
		if (!conf.symbols.has(name))
			throw new Error(`no symbol ${name}`);
	}
	const s = new solver(conf, user, forced);
	const out: values = new Map();
	for (const name of conf.symbols.keys())
		out.set(name, s.value(name));
	return { values: out, warnings: s.warnings };
}
