// SPDX-License-Identifier: GPL-2.0
/*
 * What the selftest runner prints, byte for byte, with programs that are no tests.
 */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse_list, parse_options, select_named, usage } from
	"#tools/testing/selftests/kselftest/main.ts";
import { count, run_collections, tap_prefix } from "#tools/testing/selftests/kselftest/runner.ts";
import type { run_options, test_result } from "#tools/testing/selftests/kselftest/runner.ts";
import { args_of, parse_known_failures, parse_settings, timeout_ms } from
	"#tools/testing/selftests/kselftest/settings.ts";

let build = "";
const dir = (): string => path.join(build, "tools/testing/selftests/fake");

function program(name: string, text: string): void {
	fs.writeFileSync(path.join(dir(), `${name}.js`), text);
}

beforeAll(() => {
	build = fs.mkdtempSync(path.join(os.tmpdir(), "kselftest-"));
	fs.mkdirSync(path.join(dir(), "sub"), { recursive: true });
	fs.writeFileSync(path.join(build, "package.json"), '{ "type": "commonjs" }');
	fs.writeFileSync(path.join(dir(), "settings"), "# a comment\ntimeout=6\n" +
		"env_test.host=vendor=amd\nenv_test.module_params=kvm.x=1\n" +
		"hangs.seconds=6\ngone.seconds=5\nkilled.seconds=1\n");
	program("good", "console.log('out'); console.error('err'); console.log('out again');");
	program("sub/slow_good", "setTimeout(() => console.log('late'), 300);");
	program("skips", "console.log('1..0 # SKIP - none'); process.exit(4);");
	program("fails", "process.exit(254);");
	program("killed", "process.kill(process.pid, 'SIGABRT');");
	program("hangs", "setInterval(() => 0, 1000);");
	program("no_newline", "process.stdout.write('half');");
	program("script", "console.log('a script');");
	program("args_test", "console.log(process.argv.slice(2).join('|'));");
	program("env_test", "console.log(process.env.PRIVMEM_HOST, process.env.PRIVMEM_MODULE_PARAMS);");
});

afterAll(() => fs.rmSync(build, { recursive: true }));

async function run(names: string[], more: Partial<run_options> = {}):
	Promise<{ text: string; results: test_result[] }> {
	const out: Buffer[] = [];
	const results = await run_collections(names.map((name) => ({ dir: "fake", name })), {
		build, selftests: path.join(build, "tools/testing/selftests"), launcher: () => [], log_to: "stdout",
		jobs: 2, host: "", known_failures: new Map(), env: process.env, progress: () => undefined,
		write: (b) => out.push(Buffer.from(b)), ...more,
	});
	return { text: Buffer.concat(out).toString(), results };
}

describe("TAP", () => {
	test("the environment overrides the timeout", async () => {
		const { text } = await run(["hangs"],
			{ env: { ...process.env, kselftest_override_timeout: "0.5" } });
		expect(text).toContain("not ok 1 selftests: fake: hangs # TIMEOUT 0.5 seconds\n");
	});

	test("the first test starts first, then the longest", async () => {
		const lines: string[] = [];

		await run(["good", "skips", "fails", "killed", "script.sh"],
			{ progress: (line) => lines.push(line) });
		expect(lines[0]).toBe("[0/5] fake:good fake:killed");
	});

	test("every outcome, in order, whatever ends first", async () => {
		const { text, results } = await run(["sub/slow_good", "good", "skips", "fails", "killed", "hangs",
			"gone", "script.sh"]);
		expect(text).toBe(`TAP version 13
1..8
# selftests: fake: slow_good
# late
ok 1 selftests: fake: slow_good
# selftests: fake: good
# out
# err
# out again
ok 2 selftests: fake: good
# selftests: fake: skips
# 1..0 # SKIP - none
ok 3 selftests: fake: skips # SKIP
# selftests: fake: fails
not ok 4 selftests: fake: fails # exit=254
# selftests: fake: killed
not ok 5 selftests: fake: killed # exit=134
# selftests: fake: hangs
#
not ok 6 selftests: fake: hangs # TIMEOUT 6 seconds
# selftests: fake: gone
# Warning: file ${dir()}/gone.js is missing!
not ok 7 selftests: fake: gone
# selftests: fake: script.sh
# a script
ok 8 selftests: fake: script.sh
`);
		expect([count(results, "pass"), count(results, "fail"), count(results, "skip")])
			.toEqual([3, 4, 1]);
	});

	test("a last line without newline runs into the result, as upstream's does", async () => {
		expect((await run(["no_newline"])).text).toContain("\n# halfok 1 selftests: fake: no_newline\n");
	});

	test("summary keeps the output in a file", async () => {
		const { text } = await run(["good"], { log_to: "per-test" });
		expect(text).toBe("TAP version 13\n1..1\n# selftests: fake: good\nok 1 selftests: fake: good\n");
		expect(fs.readFileSync(path.join(build, "kselftest/fake/good"), "utf8"))
			.toBe("# out\n# err\n# out again\n");
	});

	test("a known failure is no failure, a listed pass is one", async () => {
		const known_failures = new Map([["fake:fails", "some reason"], ["fake:good", "was broken"]]);
		const { text, results } = await run(["fails", "good"], { known_failures });
		expect(text).toContain("not ok 1 selftests: fake: fails # exit=254\n# known failure: some reason\n");
		expect(text).toContain("ok 2 selftests: fake: good\n# unexpected pass: known_failures has it\n");
		expect(results.map((r) => r.verdict)).toEqual(["skip", "fail"]);
	});

	test("arguments and host options reach the program", async () => {
		const env = { ...process.env, KSELFTEST_ARGS_TEST_ARGS: " -a  10" };
		const { text } = await run(["args_test", "env_test"], { env, host: "cpus=4" });
		expect(text).toContain("# -a|10\n");
		expect(text).toContain("# vendor=amd cpus=4 kvm.x=1\n");
	});

	test("bytes are prefixed across chunks", () => {
		const state = { needed: true };
		const parts = ["a", "b\n", "\n\xff", "\n"].map((s) =>
			tap_prefix(Buffer.from(s, "latin1"), state).toString("latin1"));
		expect(parts).toEqual(["# a", "b\n", "# \n# \xff", "\n"]);
	});
});

describe("settings", () => {
	test("timeout defaults to 45, lines of tests keep their equals signs", () => {
		expect(parse_settings("").timeout).toBe("45");
		const s = parse_settings("#timeout=3\ntimeout=120\na_test.sh.host=vendor=amd cpus=2\n");
		expect(s.timeout).toBe("120");
		expect(s.of_test.get("a_test.sh.host")).toBe("vendor=amd cpus=2");
	});

	test("times are those of timeout(1)", () => {
		expect([timeout_ms("0"), timeout_ms("1.5"), timeout_ms("2m")]).toEqual([0, 1500, 120_000]);
		expect(() => timeout_ms("soon")).toThrow("not a time");
	});

	test("names of argument variables are sanitized", () => {
		expect(args_of("cpu-on-off-test.sh", { KSELFTEST_CPU_ON_OFF_TEST_SH_ARGS: "-a -p 10" }))
			.toEqual(["-a", "-p", "10"]);
	});

	test("known_failures wants all three fields", () => {
		expect(parse_known_failures("# c\n\nkvm:a | r | issue 3\n").get("kvm:a")).toBe("r");
		expect(() => parse_known_failures("kvm:a | r\n")).toThrow("known_failures:1");
	});
});

describe("run_kselftest.sh", () => {
	const list = parse_list("kvm:x86_64/cpuid_test\nkvm:dirty_log_test\nmemfd:memfd_test\n");
	const names = (args: string[]): string[] =>
		parse_options(args, list, "x").tests.map((t) => `${t.dir}:${t.name}`);

	test("tests and collections", () => {
		expect(names([])).toHaveLength(3);
		expect(names(["-t", "kvm:cpuid_test"])).toEqual(["kvm:x86_64/cpuid_test"]);
		expect(names(["-c", "memfd", "-t", "kvm:dirty_log_test"]))
			.toEqual(["kvm:dirty_log_test", "memfd:memfd_test"]);
	});

	test.each([[["-t", "kvm:x"], "No such test 'kvm:x'"], [["-c", "x"], "No such collection 'x'"]])(
		"%j", (args, message) => {
			expect(() => names(args)).toThrow(message);
		});

	test("list, help and a wrong option leave with text", () => {
		const out = (args: string[]): unknown => {
			try {
				return parse_options(args, list, "x");
			} catch (e) {
				return e;
			}
		};
		expect(out(["-l"])).toMatchObject({ status: 0,
			out: "kvm:cpuid_test\nkvm:dirty_log_test\nmemfd:memfd_test\n" });
		expect(out(["-h"])).toMatchObject({ status: 0, out: usage("x") });
		expect(out(["-z"])).toMatchObject({ status: 1, out: usage("x") });
	});

	test("TEST of make takes base names", () => {
		expect(select_named("cpuid_test", list)).toHaveLength(1);
		expect(select_named("", list)).toHaveLength(3);
		const both = parse_list("kvm:x86_64/cpuid_test\nkvm:x86_64/cpuid_test.amd\n");
		expect(select_named("cpuid_test", both)).toHaveLength(2);
		expect(select_named("cpuid_test.amd", both)).toHaveLength(1);
		expect(() => select_named("nope", list)).toThrow("No such test 'nope'");
	});
});
