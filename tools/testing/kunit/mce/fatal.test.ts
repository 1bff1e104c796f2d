// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks that the host does, or does not, survive; each on a host of its own.
 *
 * Port-only.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

interface result {
	end: string | null;
	status: number;
	found: unknown;
	log: string;
}

const PROGRAM = fileURLToPath(new URL("./scenarios.js", import.meta.url));

async function scenario(name: string, options = ""): Promise<result> {
	const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, name, options]);
	return JSON.parse(stdout) as result;
}

const LOAD = /Machine check: Data load in unrecoverable area of kernel/;

describe.concurrent("the kernel consumes poison: panic", () => {
	test.each([
		["copy_to_user", "raw_copy_to_user"],
		["read_file", "memcpy_from_page"],
		["clear_page", "clear_page"],
		["copy_page", "copy_page"],
		["movnti_kernel", "memcpy_from_page"],
	])("%s", async (name, symbol) => {
		const { end, log } = await scenario(name);
		expect(end).toBe("host_dead: Fatal local machine check");
		expect(log).toMatch(LOAD);
		expect(log).toMatch(new RegExp(`RIP 10:<[0-9a-f]+> \\{${symbol}\\}`));
		expect(log).toMatch(/CPU \d: Machine Check Exception: f Bank 1: bd80000000000134/);
		expect(log).toMatch(/Run the above through 'mcelog --ascii'/);
		expect(log).toMatch(/Kernel panic - not syncing: Fatal local machine check/);
	}, 60000);
	test("broadcast: it is the Monarch who does", async () => {
		const { end, log } = await scenario("clear_page", "lmce=off");
		expect(end).toBe("host_dead: Fatal machine check");
		expect(log).toMatch(LOAD);
		expect(log).toMatch(/CPU \d: Machine Check Exception: 7 Bank 1: bd80000000000134/);
	}, 60000);
});

describe.concurrent("a TD consumes it", () => {
	test("eMCA2: firmware makes it look like the kernel", async () => {
		const { end, log } = await scenario("td");
		expect(end).toBe("host_dead: Fatal local machine check");
		expect(log).toMatch(LOAD);
	}, 60000);
	test("... unless the machine tells: the page is marked, and never used again", async () => {
		const { end, found, log } = await scenario("td", "seam_nr=on");
		expect(end).toBe(null);
		expect(found).toEqual({ marked: true, reused: false });
		expect(log).not.toMatch(/panic/);
		expect(log).toMatch(/Machine Check Exception: 100f Bank 1: bd80000000000134/);
	}, 60000);
	test("the TDX module consumes it: the host is dead without a word", async () => {
		const { end, log } = await scenario("module");
		expect(end).toMatch(/unbreakable shutdown/);
		expect(log).not.toMatch(/panic|Oops|Machine/);
	}, 60000);
});

test("the erratum makes MOVNTI dangerous", async () => {
	expect((await scenario("movnti")).found).toEqual([4, 0, 12]);
	expect((await scenario("movnti", "pw_erratum=off")).found).toBe(null);
	expect((await scenario("movnti_kernel", "pw_erratum=off")).found).toBe(8);
}, 60000);

test("poison that nobody consumes costs the page, unless eMCA2 keeps it secret", async () => {
	const { end, found, log } = await scenario("unconsumed", "emca2=off");
	expect([end, found]).toEqual([null, 3]);
	expect(log).toMatch(/Machine check events logged/);
	expect(log).toMatch(/recovery action for free buddy page: Recovered/);
	expect((await scenario("unconsumed")).log).not.toMatch(/Machine check|Memory failure/);
}, 60000);
