// SPDX-License-Identifier: GPL-2.0
/*
 * Replays cases recorded on real Linux: `make conformance [CASES=dir]`.
 *
 * Port-only. Prints a line per step that differs, a line per excepted case, and the count. Exit
 * status 1 if any case differs, or an excepted one matches after all; 2 if called wrongly.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { init_main } from "#tools/include/nolibc/init.ts";
import { run_host } from "#tools/testing/host/host.ts";
import type { group_file, recorded_case } from "./format.ts";
import { load_directory, load_exceptions, load_listed, usage_error } from "./load.ts";
import { replay, type case_result } from "./replay.ts";

/** What the cases assume: 16 huge pages of 2 MiB, shmem THP off. */
const HOST = { memory: 2 ** 32, nr_hugepages: 16 };
const HOME = join(process.cwd(), "tools/testing/conformance");

interface options {
	cases: string | undefined;
	only: string | undefined;
	kernel: string;
	vendor: "intel" | "amd";
}

class tally {
	match = 0;
	differ = 0;
	excepted = 0;
	/** no leak, no complaint of the kernel */
	host_ok = true;
}

function report(r: case_result, c: recorded_case): void {
	if (r.died !== null)
		console.log(`${r.id}: ${r.died}`);
	for (const d of r.differences) {
		const s = c.steps[d.step]!;
		console.log(
			`${r.id}: step ${d.step} (${s.op}): expected ${JSON.stringify(d.expected)}, ` +
			`got ${JSON.stringify(d.got)}`);
	}
}

function judge(c: recorded_case, r: case_result, exceptions: Map<string, string>,
	t: tally): void {
	const matches = r.died === null && r.differences.length === 0;
	const reason = exceptions.get(c.id);

	if (reason !== undefined && !matches) {
		console.log(`${c.id}: excepted: ${reason}`);
		t.excepted++;
	} else if (reason !== undefined) {
		console.log(`${c.id}: excepted (${reason}), but matches`);
		t.differ++;
	} else if (matches) {
		t.match++;
	} else {
		report(r, c);
		t.differ++;
	}
}

function run(groups: group_file[], o: options): tally {
	const exceptions = load_exceptions(HOME);
	const t = new tally();
	const cases = groups.flatMap((g) => g.cases).filter((c) => c.id.startsWith(o.only ?? ""));

	const end = run_host({ ...HOST, vendor: o.vendor }, init_main, function* () {
		for (const c of cases)
			judge(c, yield* replay(c, o.kernel), exceptions, t);
		return 0;
	});
	if (end.status !== 0 || end.problems.length > 0) {
		for (const p of end.problems)
			console.log(`host: ${p}`);
		t.host_ok = false;
	}
	return t;
}

function parse(): options {
	const { values } = parseArgs({
		options: {
			cases: { type: "string" },
			only: { type: "string" },
			kernel: { type: "string", default: "6.1" },
			vendor: { type: "string", default: "intel" },
		},
	});
	if (values.vendor !== "intel" && values.vendor !== "amd")
		throw new usage_error(`${values.vendor}: vendor is intel or amd`);
	return { cases: values.cases, only: values.only, kernel: values.kernel,
		vendor: values.vendor };
}

function main(): number {
	const o = parse();
	const groups = o.cases === undefined ? load_listed(HOME) : load_directory(o.cases);
	const t = run(groups, o);
	const n = t.match + t.differ + t.excepted;

	console.log(`conformance: ${n} cases, ${t.match} match, ${t.differ} differ, ` +
		`${t.excepted} excepted`);
	return t.differ > 0 || !t.host_ok ? 1 : 0;
}

try {
	process.exitCode = main();
} catch (e) {
	if (!(e instanceof usage_error) && !(e as { code?: string }).code?.startsWith("ERR_PARSE"))
		throw e;
	console.error(`conformance: ${(e as Error).message}`);
	process.exitCode = 2;
}
