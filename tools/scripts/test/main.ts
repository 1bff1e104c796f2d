// SPDX-License-Identifier: GPL-2.0
/*
 * `make test`: kunit, conformance and the selftests, one after another, then one line for all.
 *
 * Port-only. A part that dies without saying how many tests it ran counts as one failure. OFF, as
 * KCONFIG_OVERRIDE has it, is the kernel without private memory: there the cases that the series
 * may change are replayed, and the tests below have to pass or, for private memory, to be skipped.
 *
 *	main.js CONFIG KSELFTEST_CONFIG [OFF]
 */

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";

export interface totals {
	passed: number;
	failed: number;
	skipped: number;
}

const NONE: totals = { passed: 0, failed: 0, skipped: 0 };

/* a test that spins cannot be interrupted by vitest */
const KUNIT_LIMIT_MS = 20 * 60 * 1000;

function read_json(file: string): Record<string, number> | null {
	return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : null;
}

/** A failed exit with no failure counted is a failure too. */
export function with_status(t: totals, status: number): totals {
	return status !== 0 && t.failed === 0 ? { ...t, failed: 1 } : t;
}

function run_kunit(): totals {
	const out = "build/kunit.json";
	fs.rmSync(out, { force: true });
	const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run",
		"--config", "tools/scripts/vitest.config.ts", "--reporter=default", "--reporter=json",
		`--outputFile.json=${out}`], { stdio: "inherit", timeout: KUNIT_LIMIT_MS });
	const r = read_json(out);
	return with_status(r === null ? NONE : {
		passed: r["numPassedTests"] ?? 0,
		failed: r["numFailedTests"] ?? 0,
		skipped: (r["numPendingTests"] ?? 0) + (r["numTodoTests"] ?? 0),
	}, status ?? 1);
}

/** The counts of `conformance: N cases, N match, N differ, N excepted`. */
export function parse_conformance(text: string): totals | null {
	const found = [...text.matchAll(
		/^conformance: \d+ cases, (\d+) match, (\d+) differ, (\d+) excepted/gm)].at(-1);
	return found === undefined ? null :
		{ passed: Number(found[1]), failed: Number(found[2]), skipped: Number(found[3]) };
}

async function run_conformance(config: string, ...args: string[]): Promise<totals> {
	const child = spawn(process.execPath, [`build/${config}/tools/testing/conformance/main.js`,
		...args], { stdio: ["ignore", "pipe", "inherit"] });
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		text = (text + chunk).slice(-4096);
		process.stdout.write(chunk);
	});
	const status = await new Promise<number>((resolve) => {
		child.on("close", (code) => resolve(code ?? 1));
	});
	return with_status(parse_conformance(text) ?? NONE, status);
}

function run_kselftest(config: string, ...args: string[]): totals {
	const out = `build/${config}/kselftest.json`;
	fs.rmSync(out, { force: true });
	const { status } = spawnSync("make", ["--no-print-directory", "kselftest", ...args],
		{ stdio: "inherit" });
	const r = read_json(out);
	return with_status(r === null ? NONE : {
		passed: r["passed"] ?? 0,
		failed: r["failed"] ?? 0,
		skipped: r["skipped"] ?? 0,
	}, status ?? 1);
}

export function sum(parts: readonly totals[]): totals {
	return parts.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed,
		skipped: a.skipped + b.skipped }), NONE);
}

const OFF_TAG = "series-may-change";
const OFF_TARGETS = "kvm memfd";
/* what slots and private memory have to do with, as far as it is short */
const OFF_TESTS = [
	"memfd_inaccessible_test", "memslot_modification_stress_test", "priv_memfd_test",
	"private_mem_conversions_test", "private_mem_fail_nth_test", "private_mem_negative_test",
	"private_mem_test",
	"set_memory_region_test", "sev_enc_region_test",
];

/** The kernel that @off, NAME=n, makes. */
async function run_off(off: string): Promise<totals[]> {
	const suffix = `.${off.replace("=", "-")}`;
	console.log(`KCONFIG_OVERRIDE="${off}"`);
	return [await run_conformance(`default${suffix}`, "--tag", OFF_TAG),
		run_kselftest(`kselftest${suffix}`, `KCONFIG_OVERRIDE=${off}`,
			`TARGETS=${OFF_TARGETS}`, `TEST=${OFF_TESTS.join(" ")}`)];
}

async function main(config: string, kselftest: string, off: string | undefined): Promise<void> {
	const parts = [run_kunit(), await run_conformance(config), run_kselftest(kselftest)];
	if (off !== undefined)
		parts.push(...await run_off(off));
	const t = sum(parts);
	console.log(t.failed > 0 ? "Next: make kselftest, make kunit or make conformance, by what failed" :
		"Next: make check, make coverage, make bench");
	console.log(`${t.passed} passed, ${t.failed} failed, ${t.skipped} skipped`);
	process.exitCode = t.failed > 0 ? 1 : 0;
}

if (process.argv[1]?.endsWith("test/main.js"))
	await main(process.argv[2] ?? "default", process.argv[3] ?? "kselftest", process.argv[4]);
