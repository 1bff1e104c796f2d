// SPDX-License-Identifier: GPL-2.0
/*
 * Plain VMs by command line, on hosts of both vendors: what they print, how they end, what is wrong
 * with a line that the host has to find out.
 *
 * Port-only.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { qemu, talk } from "./run.ts";

const VENDORS = ["intel", "amd"];
const BOOTED = `bios: privmem firmware
bios: fw_cfg says QEMU, 32 MiB, 2 vCPUs
bios: nothing at 0xd0000000: reads 0xffffffff
bios: 2 vCPUs up
`;
const WORKED = "bios: 16 MiB written and read on 2 vCPUs, 0 errors\n";
const PAGES = 16 * 256;

let dir = "";
beforeAll(() => {
	dir = fs.mkdtempSync(path.join(os.tmpdir(), "privmem-qemu-"));
});
afterAll(() => fs.rmSync(dir, { recursive: true }));

describe.each(VENDORS)("a plain VM on %s", (vendor) => {
	it.each(["ram", "memfd"])("boots with memory-backend-%s", (kind) => {
		const r = qemu(vendor, "-object", `memory-backend-${kind},id=m,size=32M`, "-machine",
			"memory-backend=m", "-smp", "2", "-name", "test");
		expect(r.status).toBe(0);
		expect(r.out.startsWith(BOOTED)).toBe(true);
		expect(r.out).toContain("bios: RAM: 16 MiB of 16 MiB\n");
		expect(r.out.endsWith(`${WORKED}bios: no kernel, powering off\n`)).toBe(true);
		expect(r.err).toMatch(/^host: what it saw of test\n {2}exits: .*io \d+, mmio 1\n {2}kvm: /);
		const shared = Number(/ {2}m: +32 MiB, shared (\d+) pages\n/.exec(r.err)?.[1]);
		expect(shared).toBeGreaterThanOrEqual(PAGES);
		expect(shared).toBeLessThanOrEqual(32 * 256);
		expect(r.err).toContain("conversions: to shared 0 (0 MiB), to private 0 (0 MiB)");
	});

	it("starts a kernel with its command line", () => {
		const r = qemu(vendor, "-m", "32", "-kernel", "hello", "-append", "a=b,c d", "-nographic");
		expect([r.status, r.out.split("\n").at(-2)]).toEqual([0, 'hello: command line "a=b,c d"']);
	});

	it("ends with the status that a guest asks for", () => {
		const r = qemu(vendor, "-m", "32", "-kernel", "debug-exit", "-append", "status=5");
		expect(r.status).toBe(11);
	});

	it("takes a triple fault for a reboot, which -no-reboot forbids", () => {
		const r = qemu(vendor, "-m", "32", "-kernel", "triple-fault", "-no-reboot");
		expect(r.status).toBe(0);
		expect(r.out.split("bios: privmem firmware").length).toBe(2);
		expect(r.err).toContain("shutdown 1");
	});

	it("reads ones and loses writes where nothing is", () => {
		const r = qemu(vendor, "-m", "32", "-kernel", "mmio");
		expect([r.status, r.out.split("\n").at(-2)]).toEqual([0, "mmio: 0xffffffff"]);
		expect(r.err).toMatch(/exits: .*mmio 6\n/);
	});
});

describe("what the host finds wrong", () => {
	const ram = (props: string): string[] => ["-object", `memory-backend-${props}`];

	it.each<[string, string[], string]>([
		["vm type", ["-object", "tdx-guest,id=t", "-machine", "confidential-guest-support=t"],
			"qemu-system-x86_64: vm-type TDX not supported by KVM\n"],
		["backend", ["-machine", "memory-backend=m"],
			"qemu-system-x86_64: Memory backend 'm' not found\n"],
		["size", [...ram("ram,id=m,size=64M"), "-machine", "memory-backend=m", "-m", "32"],
			"qemu-system-x86_64: Machine memory size does not match the size of the memory backend\n"],
		["no size", ram("ram,id=m,size=0"),
			"qemu-system-x86_64: -object memory-backend-ram,id=m,size=0: " +
			"can't create backend with size 0\n"],
		["no size", ram("memfd-private,id=m,size=0"),
			"qemu-system-x86_64: -object memory-backend-memfd-private,id=m,size=0: " +
			"can't create backend with size 0\n"],
		["hugetlbsize", ram("memfd-private,id=m,size=4M,hugetlbsize=0"),
			"qemu-system-x86_64: -object memory-backend-memfd-private,id=m,size=4M,hugetlbsize=0: " +
			"Property 'memory-backend-memfd-private.hugetlbsize' doesn't take value '0'\n"],
		["hugetlbsize", ram("memfd,id=m,size=4M,hugetlb=on,hugetlbsize=3M"),
			"qemu-system-x86_64: -object memory-backend-memfd,id=m,size=4M,hugetlb=on," +
			"hugetlbsize=3M: Hugepage size must be a power of 2\n"],
		["private huge pages", ram("memfd-private,id=m,size=4M,hugetlb=on"),
			"qemu-system-x86_64: -object memory-backend-memfd-private,id=m,size=4M,hugetlb=on: " +
			"failed to create memfd with flags 0xd: Invalid argument\n"],
		["no huge pages", ram("memfd,id=m,size=4M,hugetlb=on"),
			"qemu-system-x86_64: -object memory-backend-memfd,id=m,size=4M,hugetlb=on: " +
			"unable to map backing store for guest RAM: Cannot allocate memory\n"],
		["prealloc", ram("ram,id=m,size=4M,prealloc=on,reserve=off"),
			"qemu-system-x86_64: -object memory-backend-ram,id=m,size=4M,prealloc=on,reserve=off: " +
			"'prealloc=on' and 'reserve=off' are incompatible\n"],
		["firmware", ["-bios", "OVMF.fd"], "qemu: could not load PC BIOS 'OVMF.fd'\n"],
		["kernel", ["-kernel", "vmlinuz"],
			"qemu: could not open kernel file 'vmlinuz': No such file or directory\n"],
		["irqchip", ["-machine", "kernel-irqchip=off"], "qemu-system-x86_64: KVM without an " +
			"interrupt controller in the kernel is not supported\n"],
	])("%s: %j", (_what, argv, want) => {
		/* a host that never has TDX */
		expect(qemu("amd", ...argv)).toEqual({ status: 1, out: "", err: want });
	});

	it("a TD where TDX is switched off", () => {
		expect(qemu("intel tdx=off", "-object", "tdx-guest,id=t", "-machine",
			"confidential-guest-support=t")).toEqual({ status: 1, out: "",
			err: "qemu-system-x86_64: vm-type TDX not supported by KVM\n" });
	});

	it("private memory in a VM that cannot have any", () => {
		const r = qemu("intel", ...ram("memfd-private,id=m,size=64M"), "-machine", "memory-backend=m");
		expect([r.status, r.out]).toEqual([1, ""]);
		expect(r.err).toContain("KVM_SET_USER_MEMORY_REGION failed, slot=0, start=0x0");
		expect(r.err).toContain("kvm_set_phys_mem: error registering slot: Invalid argument\n");
	});

	it("the id of the default backend", () => {
		const r = qemu("intel", ...ram("ram,id=pc.ram,size=64M"));
		expect(r.status).toBe(1);
		expect(r.err).toContain("object's id 'pc.ram' is reserved for the default RAM backend");
	});

	it("files and sockets", () => {
		const at = `unix:${dir}/none`;
		expect(qemu("intel", "-qmp", at).err).toBe("qemu-system-x86_64: " +
			`Failed to connect to '${dir}/none': No such file or directory\n`);
		expect(qemu("intel", "-D", dir, "-trace", "x").err).toBe("qemu-system-x86_64: " +
			`Error opening logfile ${dir}: Is a directory\n`);
	});
});

/* a guest that spins, on a machine that others use too */
const PATIENCE_MS = 180_000;

describe("monitors", { timeout: PATIENCE_MS }, () => {
	let q: talk;

	afterEach(() => void q.child.kill("SIGKILL"));

	it("speaks HMP", async () => {
		q = new talk("intel", "-m", "32", "-kernel", "spin", "-monitor", "stdio", "-serial",
			`file:${dir}/serial`, "-S", "-name", "x");
		expect(await q.until(/\(qemu\) /)).toMatch(/^QEMU 7\.1\.0 monitor - type 'help'/);
		q.send("info status\n");
		expect(await q.until(/\(qemu\) /)).toBe("VM status: paused (prelaunch)\n(qemu) ");
		q.send("info registers\n");
		expect(await q.until(/\(qemu\) /)).toMatch(/RIP=000000000000fff0 .*\n[^]*CS =f000 00000000ffff0000/);
		q.send("cont\ninfo status\n");
		expect(await q.until(/\(qemu\) .*\n\(qemu\) /)).toContain("VM status: running\n");
		while (!fs.readFileSync(`${dir}/serial`, "utf8").includes("spin: running"))
			await new Promise((resolve) => {
				setTimeout(resolve, 50);
			});
		q.send("stop\ninfo status\ninfo registers\ninfo kvm\ninfo name\ninfo mtree\nfoo\n");
		const text = await q.until(/unknown command: 'foo'\n\(qemu\) /);
		expect(text).toContain("VM status: paused\n");
		/* in the kernel, in 64-bit mode */
		expect(text).toMatch(/RIP=0000000000102\w{3} /);
		expect(text).toContain("CS64 [-RA]");
		expect(text).toContain("kvm support: enabled\n");
		expect(text).toContain("(prio 0, ram): alias ram-below-4g @pc.ram 0000000000000000-");
		q.send("quit\n");
		expect(await q.end()).toMatchObject({ status: 0 });
	});

	it("speaks QMP", async () => {
		q = new talk("amd", "-m", "32", "-smp", "2", "-kernel", "spin", "-qmp", "stdio", "-serial",
			"null");
		const ask = async (x: object): Promise<unknown> => {
			q.send(`${JSON.stringify({ ...x, id: 1 })}\n`);
			for (;;) {
				const answer = JSON.parse(await q.until(/.*\r\n/)) as Record<string, unknown>;
				if (answer["id"] === 1)
					return answer["return"] ?? answer["error"];
			}
		};
		expect(JSON.parse(await q.until(/.*\r\n/))).toMatchObject({ QMP: {
			version: { qemu: { major: 7, minor: 1 } }, capabilities: [] } });
		expect(await ask({ execute: "query-status" })).toMatchObject({ class: "CommandNotFound",
			desc: "Expecting capabilities negotiation with 'qmp_capabilities'" });
		expect(await ask({ execute: "qmp_capabilities" })).toEqual({});
		expect(await ask({ execute: "query-kvm" })).toEqual({ enabled: true, present: true });
		expect(await ask({ execute: "query-memory-devices" })).toEqual([]);
		expect(await ask({ execute: "query-status" })).toEqual(
			{ running: true, singlestep: false, status: "running" });
		expect(await ask({ execute: "foo" })).toEqual({ class: "CommandNotFound",
			desc: "The command foo has not been found" });
		expect(await ask({ execute: "human-monitor-command",
			arguments: { "command-line": "info kvm" } })).toBe("kvm support: enabled\r\n");
		q.send('{ "execute":\n "stop" }');
		expect(await q.until(/\r\n.*\r\n/)).toMatch(/"event":"STOP"|"return":\{\}/);
		expect(await ask({ execute: "query-status" })).toMatchObject({ status: "paused" });
		q.send('{"execute":"cont"}{"execute":"system_reset"}');
		await q.until(/"event":"RESET","data":\{"guest":false,"reason":"host-qmp-system-reset"\}\}\r\n/);
		q.send("[]\n");
		expect(await q.until(/must be.*\r\n/)).toContain("QMP input must be a JSON object");
		q.send('{"execute":"quit"}\n');
		expect((await q.end()).out).toContain('"SHUTDOWN","data":{"guest":false,"reason":"host-qmp-quit"}');
		expect(q.child.exitCode).toBe(0);
	});
});

it("traces the VMM and the kernel under it", () => {
	const r = qemu("intel", "-m", "32", "-kernel", "hello", "-trace", "kvm_set_user_memory", "-trace",
		"kvm_ex*", "-trace", "-kvm_exit_none", "-D", `${dir}/log`);
	expect(r.status).toBe(0);
	const log = fs.readFileSync(`${dir}/log`, "utf8").split("\n");
	expect(log.filter((l) => /^\d+@\d+\.\d{6}:kvm_set_user_memory Slot#/.test(l)).length).toBe(4);
	expect(log.filter((l) => /^host \d+@[\d.]+:kvm_exit /.test(l)).length).toBeGreaterThan(1000);
	expect(log.some((l) => l.includes(":kvm_entry"))).toBe(false);
});
