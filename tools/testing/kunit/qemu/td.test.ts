// SPDX-License-Identifier: GPL-2.0
/*
 * TDs by command line, on a host with TDX: the line of the series' cover letter, and two vCPUs.
 *
 * Port-only.
 */
import { describe, expect, it } from "vitest";
import { qemu } from "./run.ts";

/* it has TDX unless told otherwise */
const HOST = "intel";
const COVER_LETTER = ["-object", "tdx-guest,id=tdx,debug=off,sept-ve-disable=off", "-machine",
	"confidential-guest-support=tdx", "-object"];

describe("a TD", () => {
	it("runs by the cover letter's command line", () => {
		const r = qemu(HOST, ...COVER_LETTER,
			"memory-backend-memfd-private,id=ram1,size=512M", "-machine", "memory-backend=ram1");

		expect(r.status).toBe(0);
		expect(r.out.startsWith("tdvf: privmem firmware\n" +
			"tdvf: 1 vCPUs, 512 MiB, 512 MiB of it unaccepted\n" +
			"tdvf: 512 MiB accepted\n" +
			"tdvf: 1 buffers of 64 KiB shared, used for I/O, and private again\n")).toBe(true);
		expect(r.out.endsWith("tdvf: 496 MiB written and read on 1 vCPUs, 0 errors\n" +
			"tdvf: no kernel, powering off\n")).toBe(true);
		/* all of it from the inaccessible file */
		expect(r.err).toContain("ram1:        512 MiB, shared 0 pages, private 131072 pages\n");
		expect(r.err).toContain("conversions: to shared 1 (64 KiB), to private 1 (64 KiB)");
	});

	it("runs on two vCPUs, options in another order", () => {
		const r = qemu(HOST, "-smp", "2", "-machine", "memory-backend=m", "-object",
			"memory-backend-memfd-private,id=m,size=64M", "-machine",
			"confidential-guest-support=t", "-object", "tdx-guest,id=t");

		expect(r.status).toBe(0);
		expect(r.out).toContain("tdvf: 48 MiB written and read on 2 vCPUs, 0 errors\n");
		expect(r.err).toContain("m:           64 MiB, shared 0 pages, private 16384 pages\n");
		expect(r.err).toContain("conversions: to shared 2 (128 KiB), to private 2 (128 KiB)");
	});
});
