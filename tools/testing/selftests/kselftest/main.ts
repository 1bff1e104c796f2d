// SPDX-License-Identifier: GPL-2.0
/*
 * Command line of the selftest runner: for make (run_tests) and for run_kselftest.sh.
 *
 * Upstream: tools/testing/selftests/run_kselftest.sh. A failed test makes the exit status 1, which
 * upstream's never does.
 *
 *	main.js --build DIR --list FILE [--make] [--name $0] [-- OPTIONS of run_kselftest.sh]
 *
 * With --make the environment says what to run: TEST, summary, JOBS, HOST.
 */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { node_args } from "#tools/testing/host/launch.ts";
import { count, run_collections, without_vendor } from
	"#tools/testing/selftests/kselftest/runner.ts";
import type { run_options, test_entry, test_result } from
	"#tools/testing/selftests/kselftest/runner.ts";
import { parse_known_failures } from "#tools/testing/selftests/kselftest/settings.ts";

const SELFTESTS = "tools/testing/selftests";
/* a host boots in a process of its own */
const launcher = (build: string): string[] =>
	node_args(build, "tools/testing/selftests/kselftest/run_init");

/** Ends the program with a message: `error` on stderr, or text on stdout. */
class leave extends Error {
	readonly status: number;
	readonly out: string;
	constructor(status: number, error: string, out = "") {
		super(error);
		this.status = status;
		this.out = out;
	}
}

export function parse_list(text: string): test_entry[] {
	return text.split("\n").filter((line) => line !== "").map((line) => {
		const at = line.indexOf(":");
		return { dir: line.slice(0, at), name: line.slice(at + 1) };
	});
}

const base_of = (t: test_entry): string => path.basename(t.name);
const entry_of = (t: test_entry): string => `${t.dir}:${base_of(t)}`;

export function usage(name: string): string {
	return `Usage: ${name} [OPTIONS]
  -s | --summary		Print summary with detailed log in output.log
  -t | --test COLLECTION:TEST	Run TEST from COLLECTION
  -c | --collection COLLECTION	Run all tests from COLLECTION
  -l | --list			List the available collection:test entries
  -d | --dry-run		Don't actually run any tests
  -h | --help			Show this usage info
`;
}

export interface selection {
	readonly tests: test_entry[];
	readonly summary: boolean;
	readonly dry_run: boolean;
}

/** Options of run_kselftest.sh, with upstream's messages. */
export function parse_options(args: readonly string[], available: readonly test_entry[],
	name: string): selection {
	const named: string[] = [], collections: string[] = [];
	let summary = false, dry_run = false;
	for (let i = 0; i < args.length; i++) {
		switch (args[i]) {
		case "-s":
		case "--summary":
			summary = true;
			break;
		case "-t":
		case "--test":
			named.push(...(args[++i] ?? "").split(/\s+/).filter((w) => w !== ""));
			break;
		case "-c":
		case "--collection":
			collections.push(...(args[++i] ?? "").split(/\s+/).filter((w) => w !== ""));
			break;
		case "-l":
		case "--list":
			throw new leave(0, "", available.map((t) => `${entry_of(t)}\n`).join(""));
		case "-d":
		case "--dry-run":
			dry_run = true;
			break;
		case "-h":
		case "--help":
			throw new leave(0, "", usage(name));
		default:
			throw new leave(1, "", usage(name));
		}
	}
	for (const c of collections) {
		const found = available.filter((t) => t.dir === c);
		if (found.length === 0)
			throw new leave(1, `No such collection '${c}'`);
		named.push(...found.map(entry_of));
	}
	const tests = named.length === 0 ? [...available] : named.map((n) => {
		const found = available.find((t) => entry_of(t) === n);
		if (found === undefined)
			throw new leave(1, `No such test '${n}'`);
		return found;
	});
	return { tests, summary, dry_run };
}

/** TEST="name ..." of make: base names, with or without .sh or vendor, or COLLECTION:TEST. */
export function select_named(text: string, available: readonly test_entry[]): test_entry[] {
	const names = text.split(/\s+/).filter((w) => w !== "");
	if (names.length === 0)
		return [...available];
	const matches = (t: test_entry, n: string): boolean =>
		[entry_of(t), base_of(t), without_vendor(base_of(t)).replace(/\.sh$/, ""), t.name]
			.includes(n);
	for (const n of names) {
		if (!available.some((t) => matches(t, n)))
			throw new leave(1, `No such test '${n}'`);
	}
	return available.filter((t) => names.some((n) => matches(t, n)));
}

function dry_run(tests: readonly test_entry[]): string {
	return [...new Set(tests.map((t) => t.dir))].map((dir) => `cd ${dir}\nrun_many ${
		tests.filter((t) => t.dir === dir).map(base_of).join(" ")}\n`).join("");
}

/** Writes to stdout, and keeps a status line on stderr out of its way when that is a terminal. */
function terminal(): Pick<run_options, "write" | "progress"> {
	const tty = process.stderr.isTTY;
	let status = "";
	const erase = (): void => {
		if (tty && status !== "")
			process.stderr.write("\r\x1b[K");
	};
	const draw = (): void => {
		if (tty && status !== "")
			process.stderr.write(status.slice(0, (process.stderr.columns || 80) - 1));
	};
	return {
		write: (bytes) => {
			erase();
			fs.writeSync(1, typeof bytes === "string" ? Buffer.from(bytes) : bytes);
			draw();
		},
		progress: (line) => {
			erase();
			status = line;
			draw();
		},
	};
}

interface command {
	readonly build: string;
	readonly list: string;
	readonly make: boolean;
	readonly name: string;
	readonly options: string[];
}

function parse_command(argv: readonly string[]): command {
	const end = argv.indexOf("--");
	const own = end < 0 ? argv : argv.slice(0, end);
	const value = (flag: string, fallback: string): string => {
		const at = own.indexOf(flag);
		return at < 0 ? fallback : own[at + 1] ?? fallback;
	};
	const build = value("--build", "build/kselftest");
	return { build, list: value("--list", path.join(build, "kselftest-list.txt")),
		make: own.includes("--make"), name: value("--name", "run_kselftest.sh"),
		options: end < 0 ? [] : argv.slice(end + 1) };
}

function log_destination(c: command, summary: boolean, env: NodeJS.ProcessEnv): string {
	if (c.make)
		return env["summary"] ? "per-test" : "stdout";
	if (!summary)
		return "stdout";
	const file = path.resolve(c.build, "output.log");
	fs.writeFileSync(file, "");
	return file;
}

/** What a person does next, on stderr: stdout is TAP. */
function advise(results: readonly test_result[], c: command): void {
	const failed = results.filter((r) => r.verdict === "fail");
	const [pass, fail, skip] = [count(results, "pass"), failed.length, count(results, "skip")];
	console.error(`kselftest: ${pass} passed, ${fail} failed, ${skip} skipped`);
	if (failed.length > 0)
		console.error(`Next: make kselftest TEST=${failed[0]!.test.split(":")[1]!}`);
	else
		console.error(results.length === 1 ? "Next: make kselftest" : "Next: make test");
	fs.writeFileSync(path.join(c.build, "kselftest.json"), `${JSON.stringify(
		{ passed: pass, failed: fail, skipped: skip, tests: results }, null, "\t")}\n`);
}

async function main(argv: readonly string[]): Promise<number> {
	const env = process.env;
	const c = parse_command(argv);
	const available = parse_list(fs.readFileSync(c.list, "utf8"));
	const chosen: selection = c.make ?
		{ tests: select_named(env["TEST"] ?? "", available), summary: false, dry_run: false } :
		parse_options(c.options, available, c.name);
	if (chosen.dry_run) {
		process.stdout.write(dry_run(chosen.tests));
		return 0;
	}
	const results = await run_collections(chosen.tests, {
		build: path.resolve(c.build),
		selftests: path.resolve(SELFTESTS),
		launcher,
		log_to: log_destination(c, chosen.summary, env),
		jobs: Number(env["JOBS"] ?? "") || os.availableParallelism(),
		host: env["HOST"] ?? "",
		known_failures: parse_known_failures(
			fs.readFileSync(path.join(SELFTESTS, "known_failures"), "utf8")),
		env,
		...terminal(),
	});
	advise(results, c);
	return count(results, "fail") > 0 ? 1 : 0;
}

if (process.argv[1]?.endsWith("kselftest/main.js")) {
	try {
		process.exitCode = await main(process.argv.slice(2));
	} catch (e) {
		if (!(e instanceof leave))
			throw e;
		process.stdout.write(e.out);
		if (e.message !== "")
			console.error(e.message);
		process.exitCode = e.status;
	}
}
