// SPDX-License-Identifier: GPL-2.0
/*
 * make bench: medians over several processes, as a table and as build/bench.json.
 *
 * Port-only: node main.js [--pages N] [NAME...]. Each runs in the configuration that it needs. A
 * figure with a target says whether it is met; missing one fails nothing. NAME_cold is the first
 * round, NAME_best the quickest warm one: far below the median, something else was running on the
 * machine.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benches } from "./benches.ts";
import { PAGES, warming } from "./sizes.ts";

/**
 * The fault path is a chain of some forty small functions: let V8 inline more of it. That costs so
 * much compiling that only a host which runs for long, with everything warm, gains by it.
 */
const V8_FLAGS = ["--max-inlined-bytecode-size-cumulative=9000",
	"--max-inlined-bytecode-size-absolute=9000"];
/** Processes per benchmark. */
const RUNS = 5;
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

function run_one(name: string, pages: string): one_run {
	const dir = benches[name]!.testing ? testing : build;
	const out = execFileSync(process.execPath, [...V8_FLAGS, join(dir, "image/one.mjs"), name],
		{ encoding: "utf8", stdio: ["ignore", "pipe", "inherit"],
			env: { ...process.env, BENCH_PAGES: pages } });
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

class usage_error extends Error {}

function parse(): { wanted: string[]; pages: string } {
	const { values, positionals } = parseArgs({
		options: { pages: { type: "string", default: String(PAGES) } },
		allowPositionals: true,
	});
	for (const name of positionals)
		if (!(name in benches))
			throw new usage_error(`${name}: no such benchmark`);
	if (!/^[1-9][0-9]{0,5}$/.test(values.pages))
		throw new usage_error(`--pages ${values.pages}: a number from 1 to 999999`);
	return { wanted: positionals, pages: values.pages };
}

/**
 * All of @names once, then all again: a minute in which the machine under us is slow then costs
 * each of them one process at most, and the median is not of that minute.
 */
function run_all(names: readonly string[], pages: string): Record<string, one_run[]> {
	const runs: Record<string, one_run[]> = Object.fromEntries(names.map((n) => [n, []]));
	const status = (text: string): void => {
		if (process.stderr.isTTY)
			process.stderr.write(`\r\x1b[K${text}`);
	};
	for (let i = 1; i <= RUNS; i++) {
		for (const name of names) {
			status(`${i} of ${RUNS}: ${name}`);
			runs[name]!.push(run_one(name, pages));
		}
	}
	status("");
	return runs;
}

function figures_of(name: string, runs: readonly one_run[]): Record<string, figure> {
	const { unit } = benches[name]!;
	const once = runs.every((r) => r.times.length === 1);
	const warm = runs.map(({ times }) => once ? times : times.slice(warming(times.length)));
	const figures = { [name]: { value: round(median(warm.map(median))), unit } };

	if (!once) {
		figures[`${name}_cold`] =
			{ value: round(median(runs.map((r) => r.times[0]!))), unit };
		figures[`${name}_best`] = { value: round(Math.min(...warm.flat())), unit };
	}
	return figures;
}

function main(): void {
	const { wanted, pages } = parse();
	const names = Object.keys(benches).filter((n) => wanted.length === 0 || wanted.includes(n));
	const runs = run_all(names, pages);
	const boots = Object.values(runs).flat().map((r) => r.boot);
	const figures: Record<string, figure> = Object.assign({},
		...names.map((n) => figures_of(n, runs[n]!)),
		{ boot_ms: { value: round(median(boots)), unit: "ms" } });

	console.log(
		`${"benchmark".padEnd(28)}${"value".padStart(10)} unit${"target".padStart(10)}`);
	for (const [name, f] of Object.entries(figures))
		line(name, f, name === "boot_ms" ? BOOT_TARGET_MS : benches[name]?.target ?? null);
	mkdirSync("build", { recursive: true });
	writeFileSync("build/bench.json", JSON.stringify(figures, null, "\t") + "\n");
	console.log("Written to build/bench.json");
}

try {
	main();
} catch (e) {
	/* ours, or that of parseArgs() */
	if (!(e instanceof usage_error || e instanceof TypeError && "code" in e))
		throw e;
	console.error(`bench: ${e.message.split(". ", 1)[0]}`);
	process.exitCode = 2;
}
