// SPDX-License-Identifier: GPL-2.0
/*
 * Settings files, the known_failures list, and arguments from the environment.
 *
 * Upstream: tools/testing/selftests/kselftest/runner.sh:run_one(). Port-only are the lines
 * `TEST.module_params=`, `TEST.host=`, `TEST.kconfig=`, `TEST.seconds=`, `TEST.other_kconfig=` (for
 * make), and known_failures; later kernels have the kselftest_override_timeout of the environment.
 */

import fs from "node:fs";

export const DEFAULT_TIMEOUT = "45";

export interface settings {
	/** As written: it is printed as written. */
	timeout: string;
	/** `TEST.key=value` lines by "TEST.key". */
	readonly of_test: Map<string, string>;
}

export function parse_settings(text: string): settings {
	const out: settings = { timeout: DEFAULT_TIMEOUT, of_test: new Map() };
	for (const raw of text.split("\n")) {
		const line = raw.trim();
		const at = line.indexOf("=");
		if (line.startsWith("#") || at < 0)
			continue;
		const field = line.slice(0, at), value = line.slice(at + 1).trim();
		if (field === "timeout")
			out.timeout = value;
		else if (field.includes("."))
			out.of_test.set(field, value);
	}
	return out;
}

export function read_settings(file: string): settings {
	return parse_settings(fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
}

const UNITS: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600, d: 86400 };

/** What timeout(1) makes of its argument, in milliseconds; 0 is no limit. */
export function timeout_ms(text: string): number {
	const found = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
	if (found === null)
		throw new Error(`timeout=${text}: not a time`);
	return Number(found[1]) * UNITS[found[2]!]! * 1000;
}

/** The arguments that KSELFTEST_NAME_ARGS holds for a test. */
export function args_of(base: string, env: NodeJS.ProcessEnv): string[] {
	const name = base.replace(/[\s\x00-\x1f\x7f]/g, "").replace(/[^A-Za-z0-9_]/g, "_").toUpperCase();
	return (env[`KSELFTEST_${name}_ARGS`] ?? "").split(/\s+/).filter((w) => w !== "");
}

/** Reasons by "COLLECTION:TEST"; lines are `COLLECTION:TEST | reason | fixed-by`. */
export function parse_known_failures(text: string): Map<string, string> {
	const out = new Map<string, string>();
	text.split("\n").forEach((line, i) => {
		if (line.trim() === "" || line.startsWith("#"))
			return;
		const [test, reason, fixed_by] = line.split("|").map((field) => field.trim());
		if (!test || !reason || !fixed_by)
			throw new Error(`known_failures:${i + 1}: want TEST | reason | fixed-by`);
		out.set(test, reason);
	});
	return out;
}
