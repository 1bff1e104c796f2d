// SPDX-License-Identifier: GPL-2.0
/*
 * Writes build/NAME/.config and build/NAME/generated/autoconf.ts.
 *
 * Port-only. NAME is "default" or "kselftest" (the selftests' fragments merged in), then for each
 * override ".SYMBOL-value": build/kselftest.MMU_NOTIFIER-n.
 */

import fs from "node:fs";
import path from "node:path";
import { read_config, read_override, write_autoconf, write_config } from
	"#tools/scripts/kconfig/confdata.ts";
import { parse_kconfig } from "#tools/scripts/kconfig/parse.ts";
import { solve } from "#tools/scripts/kconfig/symbol.ts";
import type { values } from "#tools/scripts/kconfig/symbol.ts";

const TOP = "arch/x86/Kconfig";
const DEFCONFIG = "arch/x86/configs/x86_64_defconfig";
const SELFTESTS = "tools/testing/selftests";

export function read_tree(file: string): string {
	return fs.readFileSync(file, "utf8");
}

/** The selftests' fragments, as kselftest-merge finds them. */
function fragments(): string[] {
	return fs.readdirSync(SELFTESTS).sort().map((d) => path.join(SELFTESTS, d, "config"))
		.filter((f) => fs.existsSync(f));
}

function write_if_changed(file: string, text: string): void {
	if (fs.existsSync(file) && read_tree(file) === text)
		return;
	fs.mkdirSync(path.dirname(file), { recursive: true });
	fs.writeFileSync(file, text);
}

function configure(name: string): void {
	const [base, ...overrides] = name.split(".");
	const user: values = new Map();
	read_config(read_tree(DEFCONFIG), user);
	if (base === "kselftest")
		fragments().forEach((f) => read_config(read_tree(f), user));
	else if (base !== "default")
		throw new Error(`${name}: no such configuration`);
	const forced = read_override(overrides.map((o) => o.replace("-", "=")).join(" "));
	const conf = parse_kconfig(TOP, read_tree);
	const { values, warnings } = solve(conf, user, forced);
	warnings.forEach((w) => console.error(`WARNING: ${w}`));
	const out = path.join("build", name);
	write_if_changed(path.join(out, ".config"), write_config(conf, values));
	write_if_changed(path.join(out, "generated/autoconf.ts"), write_autoconf(conf, values));
}

try {
	configure(process.argv[2] ?? "default");
} catch (e) {
	console.error(`kconfig: ${(e as Error).message}`);
	process.exitCode = 1;
}
