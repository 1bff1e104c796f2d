// SPDX-License-Identifier: GPL-2.0
/*
 * `make coverage`: the selftests under V8's coverage, reported by c8 on the sources, and by hunk of
 * the posted series.
 *
 * Port-only. Compiled files have the positions of their sources (kbuild/compile.js), so a record
 * of build/NAME/mm/shmem.js is one of mm/shmem.ts under another name: nothing to map.
 *
 *	main.js KSELFTEST_CONFIG
 */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { hunks_coverage, table } from "#tools/scripts/coverage/hunks.ts";
import type { source } from "#tools/scripts/coverage/hunks.ts";
import { count_at, parse_lcov } from "#tools/scripts/coverage/records.ts";
import type { record, script } from "#tools/scripts/coverage/records.ts";
import { git, history, read_patches } from "#tools/scripts/hunkmap/git.ts";
import { in_history } from "#tools/scripts/hunkmap/hunks.ts";

const OUT = "build/coverage";
const RAW = path.join(OUT, "raw");
/* seconds: V8 counts, and so optimises less */
const TIMEOUT = "900";
/* of the ported kernel and the machine; userland and tools are not what is measured */
const MEASURED = ["mm/", "virt/", "arch/", "include/"];

/** The records of measured files, under the names of their sources. */
export function to_sources(r: record, build_url: string, top_url: string): record {
	const result = r.result.filter((s) => s.url.startsWith(build_url) &&
		MEASURED.some((m) => s.url.startsWith(build_url + m)));
	for (const script of result)
		script.url = top_url + script.url.slice(build_url.length).replace(/\.js$/, ".ts");
	return { result };
}

function collect(config: string): number {
	fs.rmSync(OUT, { recursive: true, force: true });
	fs.mkdirSync(RAW, { recursive: true });
	const { status } = spawnSync("make", ["--no-print-directory", "kselftest"], { stdio: "inherit",
		env: { ...process.env, NODE_V8_COVERAGE: path.resolve(RAW),
			kselftest_override_timeout: process.env["kselftest_override_timeout"] ??
				TIMEOUT } });
	const build_url = `${pathToFileURL(path.resolve("build", config)).href}/`;
	const top_url = `${pathToFileURL(process.cwd()).href}/`;
	for (const name of fs.readdirSync(RAW)) {
		const file = path.join(RAW, name);
		const r = to_sources(JSON.parse(fs.readFileSync(file, "utf8")) as record, build_url, top_url);
		if (r.result.length > 0)
			fs.writeFileSync(file, JSON.stringify(r));
		else
			fs.rmSync(file);
	}
	return status ?? 1;
}

function report(): number {
	const { status } = spawnSync(process.execPath, ["node_modules/c8/bin/c8.js", "report",
		"--temp-directory", RAW, "--reports-dir", OUT, "--extension", ".ts", "--exclude", "**/*.const.ts",
		"--reporter", "text", "--reporter", "html", "--reporter", "lcov"], { stdio: "inherit" });
	return status ?? 1;
}

/** What the processes did in each of @files. */
function scripts_of(files: readonly string[]): Map<string, script[]> {
	const found = new Map(files.map((f): [string, script[]] => [f, []]));
	for (const name of fs.readdirSync(RAW)) {
		const r = JSON.parse(fs.readFileSync(path.join(RAW, name), "utf8")) as record;
		for (const s of r.result)
			found.get(path.relative(process.cwd(), fileURLToPath(s.url)))?.push(s);
	}
	return found;
}

/** Prints the table of hunks, and leaves it in hunks.txt. */
function report_hunks(config: string): void {
	const sources = new Map<string, source>();
	const source_of = (file: string): source => {
		let s = sources.get(file);
		if (s === undefined) {
			const js = path.join("build", config, file.replace(/\.ts$/, ".js"));
			s = { text: fs.readFileSync(file, "utf8"),
				js: file.endsWith(".ts") ? fs.readFileSync(js, "utf8") : "" };
			sources.set(file, s);
		}
		return s;
	};
	const files = git("grep", "-l", "@hunk", "--", ...MEASURED).split("\n")
		.filter((f) => f.endsWith(".ts"));
	const scripts = scripts_of(files);
	const branches = parse_lcov(fs.readFileSync(path.join(OUT, "lcov.info"), "utf8"));
	const text = table(hunks_coverage(in_history(read_patches(), history()), files, source_of, {
		reached: (file, at) => scripts.get(file)!.some((s) => count_at(s, at) > 0),
		branches,
	}));

	fs.writeFileSync(path.join(OUT, "hunks.txt"), text);
	process.stdout.write(`\n${text}`);
}

function main(config: string): void {
	const failed = collect(config);
	const status = report();
	if (status === 0)
		report_hunks(config);
	console.log(`Next: open ${OUT}/index.html, or make test`);
	process.exitCode = failed || status;
}

if (process.argv[1]?.endsWith("coverage/main.js"))
	main(process.argv[2] ?? "kselftest");
