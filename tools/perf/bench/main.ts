// SPDX-License-Identifier: GPL-2.0
/*
 * make bench: medians over several processes, as a table and as build/bench.json.
 *
 * Port-only: node main.js [NAME...]. Each runs in the configuration that it needs. A figure with a
 * target says whether it is met; missing one fails nothing. NAME_cold is the first round, NAME_best
 * the quickest warm one: far below the median, something else was running on the machine.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { benches } from "./benches.ts";

/**
 * The fault path is a chain of some forty small functions: let V8 inline more of it. That costs so
 * much compiling that only a host which runs for long, with everything warm, gains by it.
 */
const V8_FLAGS = ["--max-inlined-bytecode-size-cumulative=9000",
	"--max-inlined-bytecode-size-absolute=9000"];
/** Processes per benchmark. */
const RUNS = 3;
const BOOT_TARGET_MS = 100;

interface figure {
	value: number;
	unit: string;
}

interface one_run {
	boot: number;
	times: number[];
}

const here = dirname(fileURLToPath(import.meta.url));
const build = join(here, "../../..");
/** Another build beside this one: make passes its name. */
const testing = join(build, "..", process.env["KSELFTEST"] ?? "kselftest");

function run_one(name: string): one_run {
	const dir = benches[name]!.testing ? testing : build;
	const out = execFileSync(process.execPath, [...V8_FLAGS, join(dir, "image/one.mjs"), name],
		{ encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
	return JSON.parse(out) as one_run;
}

function median(xs: number[]): number {
	const s = [...xs].sort((a, b) => a - b);
	const m = s.length >> 1;
	return s.length % 2 ? s[m]! : (s[m - 1]! + s[m]!) / 2;
}

const round = (x: number): number => Number(x.toPrecision(4));

function line(name: string, f: figure, target: number | null): void {
	const verdict = target === null ? "" : `${target} ${f.unit}`.padStart(10) +
		(f.value <= target ? "  ok" : "  missed");
	console.log(
		`${name.padEnd(28)}${String(f.value).padStart(10)} ${f.unit.padEnd(4)}${verdict}`);
}

function main(): void {
	const wanted = process.argv.slice(2);
	const names = Object.keys(benches).filter((n) => wanted.length === 0 || wanted.includes(n));
	const figures: Record<string, figure> = {};
	const boots: number[] = [];

	for (const unknown of wanted.filter((n) => !(n in benches))) {
		console.error(`bench: ${unknown}: no such benchmark`);
		process.exitCode = 2;
		return;
	}
	console.log(
		`${"benchmark".padEnd(28)}${"value".padStart(10)} unit${"target".padStart(10)}`);
	for (const name of names) {
		const { unit, target, rounds } = benches[name]!;
		const runs = Array.from({ length: RUNS }, () => run_one(name));

		boots.push(...runs.map((r) => r.boot));
		const once = rounds === 1;
		figures[name] = { value: round(median(runs.map((r) =>
			median(once ? r.times : r.times.slice(2))))), unit };
		line(name, figures[name], target);
		if (once)
			continue;
		figures[`${name}_cold`] = { value: round(median(runs.map((r) => r.times[0]!))),
			unit };
		line(`${name}_cold`, figures[`${name}_cold`]!, null);
		figures[`${name}_best`] = { value: round(Math.min(...runs.flatMap((r) =>
			r.times.slice(2)))), unit };
		line(`${name}_best`, figures[`${name}_best`]!, null);
	}
	figures["boot_ms"] = { value: round(median(boots)), unit: "ms" };
	line("boot_ms", figures["boot_ms"], BOOT_TARGET_MS);
	mkdirSync("build", { recursive: true });
	writeFileSync("build/bench.json", JSON.stringify(figures, null, "\t") + "\n");
	console.log("Written to build/bench.json");
}

main();
