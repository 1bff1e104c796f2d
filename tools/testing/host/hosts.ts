// SPDX-License-Identifier: GPL-2.0
/*
 * Several hosts, each a process of its own that this one outlives, on kernels of several
 * configurations.
 *
 * Port-only. For tests of what ends a host, or depends on its machine or its kernel. A build folder
 * is build/NAME for a configuration, build/NAME.SYMBOL-n for the same with SYMBOL=n.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { host_end } from "./host.ts";
import { node_args } from "./launch.ts";

export type { host_end } from "./host.ts";

export interface host_spec {
	/** The machine, as parse_host() takes it. */
	readonly host: string;
	/** For the kernel's command line. */
	readonly params?: string;
	/** What its kernel's configuration has instead of this one's: "NAME=n", or "". */
	readonly kconfig?: string;
	/** The URL of a module of this build, the program to run: its function main(). */
	readonly program: string;
	readonly args?: readonly string[];
}

const BUILD = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const RUN_INIT = "tools/testing/selftests/kselftest/run_init";
/* hosts at once: those who run tests run several of these as well */
const JOBS = 2;
const LIMIT_MS = 100000;

/** The machine that whoever started this program has asked for. */
export function host_options(): string {
	return process.env["PRIVMEM_HOST"] ?? "";
}

/** Whether the configuration of this build has "NAME=n" forced upon it. */
export function kconfig_forced(kconfig: string): boolean {
	return basename(BUILD).split(".").includes(kconfig.replace("=", "-"));
}

/** The folder of a configuration next to this one's. */
function build_of(kconfig: string): string {
	if (kconfig === "" || kconfig_forced(kconfig))
		return BUILD;
	const build = `${BUILD}.${kconfig.replace("=", "-")}`;
	if (!existsSync(build))
		throw new Error(`${build} is not there: make kselftest builds what settings name`);
	return build;
}

const running = new Set<ChildProcess>();

function end_all(): void {
	running.forEach((child) => child.kill("SIGKILL"));
	process.exit(143);
}

/** Boots one host and waits for its end, whichever. */
function run_one(spec: host_spec): Promise<host_end> {
	const build = build_of(spec.kconfig ?? "");
	const program = join(build, relative(BUILD, fileURLToPath(spec.program)));
	const child = spawn(process.execPath, [...node_args(build, RUN_INIT), "--json", program,
		...spec.args ?? []], {
		stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS, killSignal: "SIGKILL",
		env: { ...process.env, PRIVMEM_HOST: spec.host, PRIVMEM_MODULE_PARAMS: spec.params ?? "" },
	});
	let out = "", err = "";

	running.add(child);
	child.stdout.setEncoding("utf8").on("data", (text: string) => { out += text; });
	child.stderr.setEncoding("utf8").on("data", (text: string) => { err += text; });
	return new Promise((done, failed) => {
		child.on("error", failed);
		child.on("close", (code, signal) => {
			running.delete(child);
			if (code === 0)
				done(JSON.parse(out) as host_end);
			else
				failed(new Error(`${program} on ${spec.host}: ${signal ?? code}\n${err}`));
		});
	});
}

/** Runs all of @specs, a few at a time; @ended sees them in their order. */
export async function run_hosts(specs: readonly host_spec[],
	ended: (end: host_end, i: number) => void): Promise<void> {
	const ends: Promise<host_end>[] = [];
	const start = (): void => {
		if (ends.length < specs.length)
			ends.push(run_one(specs[ends.length]!).finally(start));
	};

	process.once("SIGTERM", end_all);
	while (ends.length < Math.min(JOBS, specs.length))
		start();
	for (let i = 0; i < specs.length; i++) {
		while (ends.length <= i)
			await Promise.race(ends);
		ended(await ends[i]!, i);
	}
	process.off("SIGTERM", end_all);
}

/** To this process's standard output, at once. */
export function host_print(text: string): void {
	process.stdout.write(text);
}
