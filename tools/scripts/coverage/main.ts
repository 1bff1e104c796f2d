// SPDX-License-Identifier: GPL-2.0
/*
 * `make coverage`: the selftests under V8's coverage, reported by c8 on the sources.
 *
 * Port-only. Compiled files have the positions of their sources (kbuild/compile.js), so a record
 * of build/NAME/mm/shmem.js is one of mm/shmem.ts under another name: nothing to map.
 *
 *	main.js KSELFTEST_CONFIG
 */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const OUT = "build/coverage";
const RAW = path.join(OUT, "raw");
/* of the ported kernel and the machine; userland and tools are not what is measured */
const MEASURED = ["mm/", "virt/", "arch/", "include/"];

interface record {
	result: { url: string }[];
	"source-map-cache"?: unknown;
}

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
		env: { ...process.env, NODE_V8_COVERAGE: path.resolve(RAW) } });
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

function main(config: string): void {
	const failed = collect(config);
	const status = report();
	console.log(`Next: open ${OUT}/index.html, or make test`);
	process.exitCode = failed || status;
}

if (process.argv[1]?.endsWith("coverage/main.js"))
	main(process.argv[2] ?? "kselftest");
