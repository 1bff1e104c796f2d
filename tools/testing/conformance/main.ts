// SPDX-License-Identifier: GPL-2.0
/*
 * Replays cases recorded on real Linux: `make conformance [CASES=dir] [TAG=tag]`.
 *
 * Port-only. Cases that use KVM run on hosts of both vendors and match when they do on each.
 * Prints a line per step that differs, a line per excepted case, and the count. Exit
 * status 1 if any case differs, or an excepted one matches after all; 2 if called wrongly.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { init_main } from "#tools/include/nolibc/init.ts";
import { run_host } from "#tools/testing/host/host.ts";
import type { group_file, recorded_case } from "./format.ts";
import { add_kvm_ops } from "./kvm_ops.ts";
import { load_directory, load_exceptions, load_listed, usage_error, type exception_list } from
	"./load.ts";
import { replay, type case_result } from "./replay.ts";

/** What the cases assume: 16 huge pages of 2 MiB, shmem THP off, no SEV. */
const HOST = { memory: 2 ** 32, nr_hugepages: 16, module_params: "kvm_amd.sev=0" };
const HOME = join(process.cwd(), "tools/testing/conformance");

interface options {
	cases: string | undefined;
	only: string | undefined;
	/** of these, the ones that have it */
	tag: string | undefined;
	kernel: string;
	/** undefined: all cases on Intel, those that use KVM on AMD as well */
	vendor: "intel" | "amd" | undefined;
	/** the run on the second vendor: only what uses KVM, and the verdicts as a last line */
	second: boolean;
}

/** How a case ended on one host; on two, the worse of both. */
type verdict = "match" | "excepted" | "differ";

class tally {
	readonly verdicts = new Map<string, verdict>();
	/** no leak, no complaint of the kernel */
	host_ok = true;

	add(id: string, v: verdict): void {
		if (this.verdicts.get(id) !== "differ")
			this.verdicts.set(id, v);
	}

	count(v: verdict): number {
		return [...this.verdicts.values()].filter((x) => x === v).length;
	}
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

/** @key tells cases of one id apart. */
function judge(c: recorded_case, key: string, r: case_result, exceptions: exception_list,
	t: tally): void {
	const matches = r.died === null && r.differences.length === 0;
	const always = exceptions.of_case(c);
	const reason = always ?? (r.differences.length === 0 ? undefined :
		exceptions.of_step(c, r.differences[0]!.step));

	if (reason !== undefined && !matches) {
		console.log(`${c.id}: excepted: ${reason}`);
		t.add(key, "excepted");
	} else if (always !== undefined) {
		console.log(`${c.id}: excepted (${always}), but matches`);
		t.add(key, "differ");
	} else if (matches) {
		t.add(key, "match");
	} else {
		report(r, c);
		t.add(key, "differ");
	}
}

/** Whether the case asks anything of KVM, so that the vendor matters. */
function uses_kvm(c: recorded_case): boolean {
	return c.steps.some((s) => s.op === "open_kvm");
}

function run(groups: group_file[], o: options): tally {
	const exceptions = load_exceptions(HOME);
	const t = new tally();
	const cases = groups.flatMap((g) => g.cases).filter((c) => c.id.startsWith(o.only ?? "") &&
		(o.tag === undefined || (c.tags ?? []).includes(o.tag)) &&
		(!o.second || uses_kvm(c)));

	const end = run_host({ ...HOST, vendor: o.vendor ?? "intel" }, init_main, function* () {
		const seen = new Map<string, number>();
		for (const c of cases) {
			const n = seen.get(c.id) ?? 0;
			seen.set(c.id, n + 1);
			judge(c, `${c.id}#${n}`, yield* replay(c, o.kernel), exceptions, t);
		}
		return 0;
	});
	if (end.status !== 0 || end.problems.length > 0) {
		for (const p of end.problems)
			console.log(`host: ${p}`);
		t.host_ok = false;
	}
	return t;
}

/* a process is one host: the second vendor has one of its own */
function run_second(t: tally): void {
	const child = spawnSync(process.execPath, [...process.argv.slice(1), "--vendor", "amd",
		"--second"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"],
		maxBuffer: 2 ** 30 });
	const lines = child.stdout.trimEnd().split("\n");
	const last = lines.pop() ?? "";

	for (const line of lines)
		console.log(`amd: ${line}`);
	if (!last.startsWith("[")) {
		console.log(`amd: ${last}`);
		t.host_ok = false;
		return;
	}
	for (const [id, v] of JSON.parse(last) as [string, verdict][])
		t.add(id, v);
	if (child.status !== 0)
		t.host_ok = false;
}

function parse(): options {
	const { values } = parseArgs({
		options: {
			cases: { type: "string" },
			only: { type: "string" },
			tag: { type: "string" },
			kernel: { type: "string", default: "6.1" },
			vendor: { type: "string" },
			second: { type: "boolean", default: false },
		},
	});
	const { vendor } = values;
	if (vendor !== undefined && vendor !== "intel" && vendor !== "amd")
		throw new usage_error(`${vendor}: vendor is intel or amd`);
	return { cases: values.cases, only: values.only, tag: values.tag, kernel: values.kernel,
		vendor, second: values.second };
}

function main(): number {
	const o = parse();
	const groups = o.cases === undefined ? load_listed(HOME) : load_directory(o.cases);

	add_kvm_ops();
	const t = run(groups, o);
	if (o.second) {
		console.log(JSON.stringify([...t.verdicts]));
		return t.host_ok ? 0 : 1;
	}
	if (o.vendor === undefined && groups.some((g) => g.cases.some(uses_kvm)))
		run_second(t);
	console.log(`conformance: ${t.verdicts.size} cases, ${t.count("match")} match, ` +
		`${t.count("differ")} differ, ${t.count("excepted")} excepted`);
	return t.count("differ") > 0 || !t.host_ok ? 1 : 0;
}

try {
	process.exitCode = main();
} catch (e) {
	if (!(e instanceof usage_error) && !(e as { code?: string }).code?.startsWith("ERR_PARSE"))
		throw e;
	console.error(`conformance: ${(e as Error).message}`);
	process.exitCode = 2;
}
