// SPDX-License-Identifier: GPL-2.0
/*
 * `make test`: kunit, conformance and the selftests, one after another, then one line for all.
 *
 * Port-only. A part that dies without saying how many tests it ran counts as one failure.
 *
 *	main.js CONFIG KSELFTEST_CONFIG
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

async function run_conformance(config: string): Promise<totals> {
	const child = spawn(process.execPath, [`build/${config}/tools/testing/conformance/main.js`],
		{ stdio: ["ignore", "pipe", "inherit"] });
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

function run_kselftest(config: string): totals {
	const out = `build/${config}/kselftest.json`;
	fs.rmSync(out, { force: true });
	const { status } = spawnSync("make", ["--no-print-directory", "kselftest"], { stdio: "inherit" });
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

async function main(config: string, kselftest: string): Promise<void> {
	const parts = [run_kunit(), await run_conformance(config), run_kselftest(kselftest)];
	const t = sum(parts);
	console.log(t.failed > 0 ? "Next: make kselftest, make kunit or make conformance, by what failed" :
		"Next: make check, make coverage, make bench");
	console.log(`${t.passed} passed, ${t.failed} failed, ${t.skipped} skipped`);
	process.exitCode = t.failed > 0 ? 1 : 0;
}

if (process.argv[1]?.endsWith("test/main.js"))
	await main(process.argv[2] ?? "default", process.argv[3] ?? "kselftest");
