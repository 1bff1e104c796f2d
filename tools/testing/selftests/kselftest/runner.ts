// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the tests of collections and reports in TAP 13.
 *
 * Upstream: tools/testing/selftests/kselftest/runner.sh. Port-only: several tests at once, the
 * longest first, their output still in order; known failures; a status line on a terminal.
 */

import fs from "node:fs";
import path from "node:path";
import { start_job, timeout_rc } from "#tools/testing/selftests/kselftest/job.ts";
import type { job } from "#tools/testing/selftests/kselftest/job.ts";
import { args_of, read_settings, timeout_ms } from "#tools/testing/selftests/kselftest/settings.ts";
import type { settings } from "#tools/testing/selftests/kselftest/settings.ts";

export const skip_rc = 4;

export interface test_entry {
	/** Collection, the directory below tools/testing/selftests: "kvm". */
	readonly dir: string;
	/**
	 * As the Makefile names it: "x86_64/cpuid_test", "run_hugetlbfs_test.sh"; with ".amd" to
	 * be run on a host of that vendor.
	 */
	readonly name: string;
}

export interface run_options {
	/** Build folder with the compiled tree: its tools/testing/selftests and the launcher. */
	readonly build: string;
	/** Folder with settings files: the source's tools/testing/selftests. */
	readonly selftests: string;
	/** Arguments of node that come before those of a program of a build folder. */
	readonly launcher: (build: string) => readonly string[];
	/** "stdout", "per-test" (summary=1) or the path of a log file (run_kselftest.sh -s). */
	readonly log_to: string;
	readonly jobs: number;
	/** Host options for every test, after the settings' own. */
	readonly host: string;
	readonly known_failures: ReadonlyMap<string, string>;
	readonly env: NodeJS.ProcessEnv;
	write(bytes: Buffer | string): void;
	/** Told what runs, for a status line; "" when all is done. */
	progress(line: string): void;
}

export type verdict = "pass" | "fail" | "skip";

export interface test_result {
	readonly test: string;
	readonly verdict: verdict;
	readonly rc: number | null;
	readonly ms: number;
}

/* what is known about a test before it runs */
interface plan {
	readonly entry: test_entry;
	/** As it is reported. */
	readonly base: string;
	/** As settings know it. */
	readonly test: string;
	readonly vendor: string | null;
	readonly num: number;
	readonly program: string;
	readonly timeout: string;
	readonly log: string;
	readonly build: string;
	readonly settings: settings;
	/** About how long it takes. */
	readonly seconds: number;
	/** Null if there is no such program. */
	job: job | null;
	/** Resolved when @job is set. */
	readonly started: Promise<void>;
	start(): void;
}

/** Puts "# " before each line, as prefix.pl does; @state lives as long as the stream. */
export function tap_prefix(bytes: Buffer, state: { needed: boolean }): Buffer {
	const out: Buffer[] = [];
	for (let at = 0; at < bytes.length;) {
		const nl = bytes.indexOf(0x0a, at);
		const end = nl < 0 ? bytes.length : nl + 1;
		if (state.needed)
			out.push(Buffer.from("# "));
		out.push(bytes.subarray(at, end));
		state.needed = nl >= 0;
		at = end;
	}
	return Buffer.concat(out);
}

const VENDOR = /\.(intel|amd)$/;

/** A test's name without the vendor it is run on. */
export function without_vendor(name: string): string {
	return name.replace(VENDOR, "");
}

/** The build folder of a test with a `kconfig=` of its own, unless @build is of that already. */
function build_with(build: string, kconfig: string): string {
	const suffix = kconfig.replaceAll("CONFIG_", "").split(/\s+/)
		.map((w) => `.${w.replace("=", "-")}`).join("");
	return build.endsWith(suffix) ? build : build + suffix;
}

function make_plan(entry: test_entry, num: number, o: run_options): plan {
	const base = path.basename(entry.name), test = without_vendor(base);
	const settings = read_settings(path.join(o.selftests, entry.dir, "settings"));
	const kconfig = settings.of_test.get(`${test}.kconfig`);
	const build = kconfig === undefined ? o.build : build_with(o.build, kconfig);
	const dir = path.join(build, "tools/testing/selftests", entry.dir);
	let start = (): void => undefined;
	const started = new Promise<void>((resolve) => { start = resolve; });
	return {
		entry, base, test, num, settings, build, job: null, started, start,
		seconds: Number(settings.of_test.get(`${test}.seconds`) ?? 0),
		timeout: o.env["kselftest_override_timeout"] ?? settings.timeout,
		vendor: VENDOR.exec(base)?.[1] ?? null,
		program: path.join(dir, `${without_vendor(entry.name).replace(/\.sh$/, "")}.js`),
		log: path.join(o.build, "kselftest", entry.dir, `${base}.log`),
	};
}

function start(p: plan, o: run_options): void {
	if (!fs.existsSync(p.program))
		return;
	const host = [p.vendor === null ? "" : `vendor=${p.vendor}`,
		p.settings.of_test.get(`${p.test}.host`) ?? "", o.host].filter((h) => h !== "");
	const params = p.settings.of_test.get(`${p.test}.module_params`);
	p.job = start_job({
		argv: [...o.launcher(p.build), p.program, ...args_of(p.test, o.env)],
		cwd: path.dirname(p.program),
		env: {
			...o.env,
			...(host.length > 0 ? { PRIVMEM_HOST: host.join(" ") } : {}),
			...(params !== undefined ? { PRIVMEM_MODULE_PARAMS: params } : {}),
		},
		log: p.log,
		timeout_ms: timeout_ms(p.timeout),
	});
}

/** The result line, and what it means for the exit status. */
function report(p: plan, rc: number | null, o: run_options): verdict {
	const msg = `selftests: ${p.entry.dir}: ${p.base}`;
	let verdict: verdict = rc === 0 ? "pass" : rc === skip_rc ? "skip" : "fail";
	if (rc === null)
		o.write(`not ok ${p.num} ${msg}\n`);
	else if (rc === 0)
		o.write(`ok ${p.num} ${msg}\n`);
	else if (rc === skip_rc)
		o.write(`ok ${p.num} ${msg} # SKIP\n`);
	else if (rc === timeout_rc)
		o.write(`#\nnot ok ${p.num} ${msg} # TIMEOUT ${p.timeout} seconds\n`);
	else
		o.write(`not ok ${p.num} ${msg} # exit=${rc}\n`);
	const reason = o.known_failures.get(`${p.entry.dir}:${p.base}`);
	if (reason !== undefined && verdict === "fail") {
		o.write(`# known failure: ${reason}\n`);
		verdict = "skip";
	} else if (reason !== undefined && verdict === "pass") {
		o.write(`# unexpected pass: known_failures has it\n`);
		verdict = "fail";
	}
	return verdict;
}

/** Where the output of a test goes. */
function sink(p: plan, o: run_options): (bytes: Buffer) => void {
	if (o.log_to === "stdout")
		return (bytes) => o.write(bytes);
	const file = o.log_to === "per-test" ? p.log.replace(/\.log$/, "") : o.log_to;
	if (o.log_to === "per-test") {
		fs.mkdirSync(path.dirname(file), { recursive: true });
		fs.writeFileSync(file, "");
	}
	return (bytes) => fs.appendFileSync(file, bytes);
}

const POLL_MS = 20;

/** Shows the test at the front until it ends. */
async function show(p: plan, o: run_options): Promise<test_result> {
	const test = `${p.entry.dir}:${p.base}`;
	o.write(`# selftests: ${p.entry.dir}: ${p.base}\n`);
	await p.started;
	if (p.job === null) {
		o.write(`# Warning: file ${p.program} is missing!\n`);
		return { test, verdict: report(p, null, o), rc: null, ms: 0 };
	}
	const to = sink(p, o), state = { needed: true };
	const flush = (): void => {
		const bytes = p.job!.read();
		if (bytes.length > 0)
			to(tap_prefix(bytes, state));
	};
	const timer = setInterval(flush, POLL_MS);
	const rc = await p.job.done;
	clearInterval(timer);
	flush();
	return { test, verdict: report(p, rc, o), rc, ms: p.job.ms };
}

/**
 * Keeps @o.jobs tests running. After the first test, which somebody wants to see, come those that
 * take long, or the last of them would run alone; then, as with one job, all in their order.
 */
class pool {
	private readonly plans: plan[];
	private readonly o: run_options;
	private next = 0;
	private running = new Set<plan>();

	constructor(plans: plan[], o: run_options) {
		const [first, ...rest] = plans;
		this.plans = first === undefined || o.jobs === 1 ? plans :
			[first, ...rest.sort((a, b) => b.seconds - a.seconds)];
		this.o = o;
		this.fill();
	}

	kill(): void {
		this.running.forEach((p) => p.job?.kill());
	}

	private fill(): void {
		while (this.running.size < this.o.jobs && this.next < this.plans.length) {
			const p = this.plans[this.next++]!;
			start(p, this.o);
			p.start();
			if (p.job === null)
				continue;
			this.running.add(p);
			void p.job.done.then(() => {
				this.running.delete(p);
				this.fill();
			});
		}
		const names = [...this.running].map((p) => `${p.entry.dir}:${p.base}`).join(" ");
		const ended = this.next - this.running.size;
		this.o.progress(names === "" ? "" : `[${ended}/${this.plans.length}] ${names}`);
	}
}

/** Runs collections one after another in the order of @tests; their tests overlap. */
export async function run_collections(tests: readonly test_entry[], o: run_options):
	Promise<test_result[]> {
	const dirs = [...new Set(tests.map((t) => t.dir))];
	const plans = dirs.map((dir) => tests.filter((t) => t.dir === dir)
		.map((t, i) => make_plan(t, i + 1, o)));
	const running = new pool(plans.flat(), o);
	const on_signal = (): void => {
		running.kill();
		process.exit(130);
	};
	process.once("SIGINT", on_signal).once("SIGTERM", on_signal);
	const results: test_result[] = [];
	for (const many of plans) {
		o.write(`TAP version 13\n1..${many.length}\n`);
		for (const p of many)
			results.push(await show(p, o));
	}
	process.off("SIGINT", on_signal).off("SIGTERM", on_signal);
	return results;
}

export function count(results: readonly test_result[], verdict: verdict): number {
	return results.filter((r) => r.verdict === verdict).length;
}
