// SPDX-License-Identifier: GPL-2.0
/*
 * .config files and generated/autoconf.ts.
 *
 * Upstream: scripts/kconfig/confdata.c, merge_config.sh.
 */

import { unquote } from "#tools/scripts/kconfig/expr.ts";
import type { kconfig } from "#tools/scripts/kconfig/parse.ts";
import type { values } from "#tools/scripts/kconfig/symbol.ts";

/** Adds what a .config or a fragment says to @into; later ones win. */
export function read_config(text: string, into: values): void {
	for (const line of text.split("\n")) {
		const set = /^CONFIG_(\w+)=(.*)$/.exec(line);
		const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
		if (set !== null)
			into.set(set[1]!, set[2] === "m" ? "y" : unquote(set[2]!));
		else if (unset !== null)
			into.set(unset[1]!, "n");
	}
}

/** KCONFIG_OVERRIDE: "NAME=value ...", where CONFIG_ may stand before the name. */
export function read_override(text: string): values {
	const out: values = new Map();
	for (const word of text.split(/[\s,]+/).filter((w) => w !== "")) {
		const found = /^(?:CONFIG_)?(\w+)=(.*)$/.exec(word);
		if (found === null)
			throw new Error(`KCONFIG_OVERRIDE: ${word}: want NAME=value`);
		out.set(found[1]!, found[2]!);
	}
	return out;
}

export function write_config(conf: kconfig, config: values): string {
	const lines = [...conf.symbols.values()].map((sym) => {
		const v = config.get(sym.name)!;
		switch (sym.type) {
		case "string":
			return `CONFIG_${sym.name}=${JSON.stringify(v)}`;
		case "bool":
			return v === "y" ? `CONFIG_${sym.name}=y` : `# CONFIG_${sym.name} is not set`;
		default:
			return `CONFIG_${sym.name}=${v}`;
		}
	});
	return `# Automatically generated file; DO NOT EDIT.\n${lines.join("\n")}\n`;
}

/** Every known symbol as a typed constant; the annotation keeps both arms of an if alive. */
export function write_autoconf(conf: kconfig, config: values): string {
	const lines = [...conf.symbols.values()].map((sym) => {
		const v = config.get(sym.name)!;
		switch (sym.type) {
		case "string":
			return `export const CONFIG_${sym.name}: string = ${JSON.stringify(v)};`;
		case "bool":
			return `export const CONFIG_${sym.name}: boolean = ${String(v === "y")};`;
		default:
			return `export const CONFIG_${sym.name}: number = ${v};`;
		}
	});
	return `// SPDX-License-Identifier: GPL-2.0
/* Automatically generated from .config; DO NOT EDIT. */

${lines.join("\n")}
`;
}
