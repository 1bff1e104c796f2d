// SPDX-License-Identifier: GPL-2.0
/*
 * The replay of recorded cases, run as users run it: what it counts, prints and returns.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const MAIN = "build/default/tools/testing/conformance/main.js";
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"));
afterAll(() => {
	fs.rmSync(dir, { recursive: true });
});

const good = { id: "toy/good", kind: "toy", tags: [], steps: [
	{ op: "memfd_create", name: "a", flags: 0, as: "f", out: { ret: "@f" } },
] };
/* the helper is killed by an operation that nobody knows, between two that answer */
const killed = { id: "toy/killed", kind: "toy", tags: [], steps: [
	{ op: "fork", as: "p", out: { ret: "@p" } },
	{ proc: "p", op: "no_such_op", out: { ret: 0 } },
	{ proc: "p", op: "exit", out: { ret: 0 } },
] };

function replay(cases: object[], ...args: string[]): { status: number | null; out: string } {
	fs.writeFileSync(path.join(dir, "toy.json"),
		JSON.stringify({ group: "toy", format: 1, recorded_on: ["6.1"], cases }));
	const r = spawnSync(process.execPath, [MAIN, "--cases", dir, ...args],
		{ encoding: "utf8", timeout: 60000 });
	return { status: r.status, out: r.stdout };
}

test("cases that match", () => {
	const { status, out } = replay([good, good]);
	expect(out).toBe("conformance: 2 cases, 2 match, 0 differ, 0 excepted\n");
	expect(status).toBe(0);
});

test("a helper that is killed costs its own case, not those after it", () => {
	const { status, out } = replay([good, killed, good]);
	expect(out).toMatch(/^toy\/killed: step 1 \(no_such_op\): expected \{"ret":0\}/m);
	expect(out).toMatch(/^conformance: 3 cases, 2 match, 1 differ, 0 excepted$/m);
	expect(status).toBe(1);
});

/* what MFD_INACCESSIBLE was before patch 1: an unknown flag */
const flag = (flags: string, more: object[] = []): object => ({ id: "toy/flag", kind: "toy",
	tags: ["series-may-change"], steps: [
		{ op: "memfd_create", name: "a", flags, as: "f", out: { err: "EINVAL" } },
		{ op: "fcntl", fd: "f", cmd: "F_GET_SEALS", out: { skipped: true } }, ...more] });

test("a step that a hunk changed excepts the case, and names the hunk", () => {
	const { status, out } = replay([flag("0x8"), flag("0x8|MFD_CLOEXEC"), flag("0xa"), good]);
	expect(out).toMatch(/^toy\/flag: excepted: .*hunk 1:mm\/memfd\.c:1/m);
	expect(out).toMatch(/^conformance: 4 cases, 2 match, 0 differ, 2 excepted$/m);
	expect(status).toBe(0);
});

test("what differs before that step, or at another, is a difference", () => {
	const early = { id: "toy/early", kind: "toy", steps: [
		{ op: "memfd_create", name: "a", flags: 0, as: "g", out: { err: "EINVAL" } },
		{ op: "memfd_create", name: "a", flags: "0x8", as: "f", out: { err: "EINVAL" } },
	] };
	const other = { id: "toy/other", kind: "toy", steps: [
		{ op: "memfd_create", name: "a", flags: "MFD_CLOEXEC", as: "f",
			out: { err: "EINVAL" } },
	] };
	const { status, out } = replay([early, other]);
	expect(out).toMatch(/^conformance: 2 cases, 0 match, 2 differ, 0 excepted$/m);
	expect(status).toBe(1);
});

test("only the cases with a tag", () => {
	const { status, out } = replay([good, flag("0xa")], "--tag", "series-may-change");
	expect(out).toBe("conformance: 1 cases, 1 match, 0 differ, 0 excepted\n");
	expect(status).toBe(0);
});
