// SPDX-License-Identifier: GPL-2.0
/*
 * Runs one program on a host of its own: run_init.js [--json] PROGRAM.js [ARG...]
 *
 * Port-only. PRIVMEM_HOST and PRIVMEM_MODULE_PARAMS describe the host (see config.ts). The exit
 * status is the program's; 253 when it succeeded, but the kernel complained or something leaked.
 * With --json the status is 0, and the output is the host's end. A program that has a function
 * hosts() is called without a host: it boots its own, see host/hosts.ts. One that makes the kernel
 * complain, or lose something for good, has a function problems(): of those found, and of what else
 * is in the log, it answers which should not be.
 */
import { writeSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { init_main } from "#tools/include/nolibc/init.ts";
import { parse_host } from "#tools/testing/host/config.ts";
import { restore_positions } from "#tools/testing/host/positions.ts";
import { run_host, type host_end, type user_code } from "#tools/testing/host/host.ts";
import { linked } from "./linked.ts";

export interface program {
	main(argc: number, argv: string[]): user_code;
	hosts?(argv: string[]): Promise<number>;
	problems?(found: readonly string[], log: string): string[];
}

const EXIT_PROBLEMS = 253;

function write_all(bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length;)
		at += writeSync(1, bytes, at);
}

function complain(end: host_end, problems: readonly string[]): void {
	console.error(end.log.split("\n").slice(-60).join("\n"));
	for (const text of problems)
		console.error(`host: ${text}`);
}

async function load(file: string): Promise<program> {
	const name = file.replace(/^.*\/(?=tools\/testing\/selftests\/)/s, "");

	return linked.get(name) ?? await import(pathToFileURL(file).href) as program;
}

async function main(): Promise<number> {
	const json = process.argv[2] === "--json";
	const [file, ...args] = process.argv.slice(json ? 3 : 2);
	if (file === undefined) {
		console.error("usage: run_init [--json] PROGRAM.js [ARG...]");
		return 2;
	}
	const p = await load(resolve(file));
	const argv = [basename(file, ".js"), ...args];
	if (!json && p.hosts !== undefined)
		return p.hosts(argv);

	const config = parse_host(process.env["PRIVMEM_HOST"] ?? "");
	config.module_params = process.env["PRIVMEM_MODULE_PARAMS"] ?? "";
	const end = run_host(config, init_main, () => p.main(argv.length, argv),
		json ? null : write_all);
	if (json) {
		write_all(new TextEncoder().encode(JSON.stringify(end)));
		return 0;
	}
	const problems = p.problems?.(end.problems, end.log) ?? end.problems;
	if (problems.length === 0)
		return end.status;
	complain(end, problems);
	return end.status !== 0 && end.status > 0 ? end.status : EXIT_PROBLEMS;
}

restore_positions(process.argv[1]!);

main().then((status) => {
	process.exitCode = status;
}, (e: unknown) => {
	console.error(`run_init: ${e instanceof Error ? e.message : String(e)}`);
	process.exitCode = 2;
});
