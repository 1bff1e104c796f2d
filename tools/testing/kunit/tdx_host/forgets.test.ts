// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that forgets to clear a page that a TD had, or to take it from the TD; each on a host of
 * its own.
 *
 * Port-only.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

interface result {
	end: string | null;
	found: unknown;
	log: string;
}

const PROGRAM = fileURLToPath(new URL("./scenarios.js", import.meta.url));
const PANIC = "host_dead: Fatal local machine check";
const LOAD = /Machine check: Data load in unrecoverable area of kernel/;

async function scenario(name: string, host = "", cmdline = ""): Promise<result> {
	const { stdout } = await promisify(execFile)(process.execPath,
		[PROGRAM, name, host, cmdline]);
	return JSON.parse(stdout) as result;
}

describe("a device writes to a page that was a TD's", () => {
	test("cleared: nothing", async () => {
		const { end, found } = await scenario("dropped", "pw_erratum=on", "clear_on_drop=1");
		expect([end, found]).toEqual([null, [7, 7, 7, 7, 7, 7, 7, 7]]);
	}, 60000);
	test("not cleared: poison, with the erratum, and the kernel dies of it", async () => {
		const { end, log } = await scenario("dropped", "pw_erratum=on", "clear_on_drop=0");
		expect(end).toBe(PANIC);
		expect(log).toMatch(LOAD);
		expect(log).toMatch(/RIP 10:<[0-9a-f]+> \{memcpy_from_page\}/);
	}, 60000);
	test("... and nothing without it", async () => {
		const { end, found } = await scenario("dropped", "pw_erratum=off", "clear_on_drop=0");
		expect([end, found]).toEqual([null, [7, 7, 7, 7, 7, 7, 7, 7]]);
	}, 60000);
});

describe("a page that the TD has still", () => {
	test("is somebody else's, who writes: as if the VMM had written", async () => {
		const { end, log } = await scenario("mapped");
		expect(end).toBe(PANIC);
		expect(log).toMatch(LOAD);
		expect(log).toMatch(/RIP 10:<[0-9a-f]+> \{tdx_vcpu_enter_exit\}/);
	}, 60000);
	test("KVM forgets REMOVE: the module will not flush the page, and nobody gets it", async () => {
		const { end, found, log } = await scenario("no_remove");
		expect([end, found]).toEqual([null, { leaked: 1, count: 1 }]);
		expect(log).toMatch(/TDH_PHYMEM_PAGE_WBINVD failed: 0xc0000300/);
		expect(log).toMatch(/virt\/tdx: page 0x[0-9a-f]+ is lost/);
	}, 60000);
});
