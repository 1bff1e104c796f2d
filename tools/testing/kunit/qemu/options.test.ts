// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's command line: QEMU's grammar, and QEMU's words for what is wrong.
 *
 * Port-only.
 */
import { describe, expect, it } from "vitest";
import { qemu_strtosz } from "#tools/qemu/util/cutils.ts";
import { qemu_error, qemu_exit, set_error_sink } from "#tools/qemu/util/error-report.ts";
import { keyval_merge, keyval_parse, new_dict } from "#tools/qemu/util/keyval.ts";
import { type vm_options, parse_command_line } from "#tools/qemu/system/vl.ts";

interface outcome {
	options: vm_options | null;
	status: number;
	out: string;
	err: string;
}

function run(...argv: string[]): outcome {
	const r: outcome = { options: null, status: -1, out: "", err: "" };

	set_error_sink((text) => {
		r.err += text;
	});
	try {
		r.options = parse_command_line(argv, (text) => {
			r.out += text;
		});
	} catch (e) {
		if (!(e instanceof qemu_exit))
			throw e;
		r.status = e.status;
	}
	return r;
}

function good(...argv: string[]): vm_options {
	const r = run(...argv);

	expect(r.err).toBe("");
	return r.options!;
}

/** The error line (without the program's name), and exit status 1. */
function bad(...argv: string[]): string {
	const r = run(...argv);

	expect(r.status).toBe(1);
	const lines = r.err.split("\n");
	expect(lines[0]).toMatch(/^qemu-system-x86_64: /);
	return r.err.replace(/^qemu-system-x86_64: /gm, "").replace(/\n$/, "");
}

const TDX = ["-object", "tdx-guest,id=tdx,debug=off,sept-ve-disable=off"];
const CGS = ["-machine", "confidential-guest-support=tdx"];
const RAM = ["-object", "memory-backend-memfd-private,id=ram1,size=512M"];
const BACKEND = ["-machine", "memory-backend=ram1"];

describe("sizes", () => {
	it.each([
		["512", 512n], ["1k", 1024n], ["1K", 1024n], ["512M", 512n << 20n], ["1.5G", 3n << 29n],
		["1.G", 1n << 30n], [".5k", 512n], ["0x1000", 4096n], ["2T", 2n << 40n], ["1E", 1n << 60n],
		["15E", 15n << 60n], ["3B", 3n], ["0", 0n], ["18446744073709551615", 2n ** 64n - 1n],
	])("%s", (text, n) => {
		expect(qemu_strtosz(text)).toBe(n);
	});

	it.each([
		["16E", "ERANGE"], ["18446744073709551616", "ERANGE"], ["-1", "ERANGE"], ["", "EINVAL"],
		["M", "EINVAL"], ["1.5", "EINVAL"], ["1kk", "EINVAL"], ["0x10k", "EINVAL"], ["1x", "EINVAL"],
		["1e3", "EINVAL"],
	])("%s is %s", (text, e) => {
		expect(qemu_strtosz(text)).toBe(e);
	});

	it("takes the default suffix for bare numbers only", () => {
		expect(qemu_strtosz("2", "M")).toBe(2n << 20n);
		expect(qemu_strtosz("2K", "M")).toBe(2048n);
		expect(qemu_strtosz("1.5", "M")).toBe(3n << 19n);
	});
});

describe("key=value", () => {
	const parse = (s: string, implied: string | null = null): unknown =>
		JSON.parse(JSON.stringify(keyval_parse(s, implied).dict));
	const error = (s: string, implied: string | null = null): string => {
		try {
			keyval_parse(s, implied);
		} catch (e) {
			if (e instanceof qemu_error)
				return e.message;
		}
		return "";
	};

	it("escapes commas by doubling them", () => {
		expect(parse("a=b,,c,d=,,")).toEqual({ a: "b,c", d: "," });
	});

	it("implies the first key only", () => {
		expect(parse("q35,a=b", "type")).toEqual({ type: "q35", a: "b" });
		expect(error("a=b,q35", "type")).toBe("Expected '=' after parameter 'q35'");
	});

	it("makes dictionaries and lists of dots", () => {
		expect(parse("a.b=1,a.c=2,l.0=x,l.1=y")).toEqual({ a: { b: "1", c: "2" }, l: ["x", "y"] });
		expect(error("l.0=x,l.2=y")).toBe("Parameter 'l.1' missing");
		expect(error("l.0=x,l.a=y")).toBe("Parameters 'l.*' used inconsistently");
		expect(error("a=1,a.b=2")).toBe("Parameters 'a.*' used inconsistently");
	});

	it("lets the last value win", () => {
		expect(parse("a=1,a=2")).toEqual({ a: "2" });
	});

	it.each([["=x", "Invalid parameter ''"], ["1a=x", "Invalid parameter '1a'"],
		["a..b=x", "Invalid parameter 'a..b'"], ["a", "Expected '=' after parameter 'a'"],
		[`${"a".repeat(128)}=x`, `Parameter '${"a".repeat(128)}' is too long`],
	])("%s", (text, want) => {
		expect(error(text)).toBe(want);
	});

	it("merges dictionaries", () => {
		const to = keyval_parse("a=1,smp.cpus=2,smp.cores=1", null).dict;
		keyval_merge(to, keyval_parse("b=2,smp.cpus=4", null).dict);
		expect(JSON.parse(JSON.stringify(to))).toEqual(
			{ a: "1", b: "2", smp: { cpus: "4", cores: "1" } });
		expect(() => keyval_merge(to, keyval_parse("smp=1", null).dict)).toThrow(
			"Parameter 'smp' used inconsistently");
		expect(new_dict()).toEqual({});
	});
});

describe("the cover letter's line", () => {
	const parts = [TDX, CGS, RAM, BACKEND];

	it("works in any order", () => {
		for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]]) {
			const o = good(...order.flatMap((i) => parts[i]!));
			expect(o.machine.cgs).toMatchObject({ type: "tdx-guest",
				props: { debug: false, "sept-ve-disable": false } });
			expect(o.machine.memory_backend).toBe("ram1");
			expect(o.machine.custom_ram_size).toBe(false);
			expect(o.objects.find((x) => x.id === "ram1")!.props["size"]).toBe(512n << 20n);
			expect(o.serials).toMatchObject([{ kind: "stdio", mux: false }]);
		}
	});

	it("takes objects as JSON", () => {
		const o = good("-object", '{"qom-type":"tdx-guest","id":"tdx","debug":true}', ...CGS,
			"-object", '{"qom-type":"memory-backend-memfd-private","id":"ram1","size":536870912}',
			...BACKEND);
		expect(o.machine.cgs!.props["debug"]).toBe(true);
		expect(o.objects[1]!.props["size"]).toBe(512n << 20n);
	});

	it("merges -machine with the older spellings", () => {
		const o = good("-machine", "q35,kernel_irqchip=split", "-M", "accel=kvm", ...TDX, ...CGS,
			"--machine", "memory-backend=a", "-machine", "memory-backend=b");
		expect(o.machine.kernel_irqchip).toBe("split");
		expect(o.machine.memory_backend).toBe("b");
	});
});

describe("options", () => {
	it.each([["512", 512n << 20n], ["1G", 1n << 30n], ["size=64M", 64n << 20n], ["0", 128n << 20n],
		["1.5G", 3n << 29n]])("-m %s", (arg, n) => {
		expect(good("-m", arg).machine.ram_size).toBe(n);
	});

	it("counts CPUs", () => {
		expect(good("-smp", "4").machine.smp).toMatchObject({ cpus: 4, max_cpus: 4, cores: 4 });
		expect(good("-smp", "cores=2,threads=2").machine.smp).toMatchObject({ cpus: 4, sockets: 1 });
		expect(good("-smp", "2,maxcpus=8,sockets=2").machine.smp)
			.toMatchObject({ cpus: 2, max_cpus: 8, cores: 4 });
	});

	it("knows where its monitors are", () => {
		expect(good("-nographic").monitors).toMatchObject([{ qmp: false, dev: { mux: true } }]);
		const o = good("-monitor", "stdio", "-qmp", "unix:/x,server=on,wait=off");
		expect(o.serials).toEqual([]);
		expect(o.monitors).toMatchObject([{ qmp: false, dev: { kind: "stdio" } },
			{ qmp: true, dev: { kind: "unix", path: "/x", server: true, wait: false } }]);
	});

	it("warns about flags without a value", () => {
		const r = run("-qmp", "unix:/x,server,nowait");
		expect(r.options!.monitors[0]!.dev).toMatchObject({ server: true, wait: false });
		expect(r.err).toBe("qemu-system-x86_64: -qmp unix:/x,server,nowait: warning: " +
			"short-form boolean option 'server' deprecated\nPlease use server=on instead\n" +
			"qemu-system-x86_64: -qmp unix:/x,server,nowait: warning: " +
			"short-form boolean option 'nowait' deprecated\nPlease use wait=off instead\n");
	});

	it("keeps the rest", () => {
		const o = good("-S", "-no-reboot", "-name", "guest=a,,b,debug-threads=on", "-trace", "kvm_*",
			"-trace", "enable=-kvm_run_exit", "-D", "log", "-cpu", "host,tsc-frequency=2G", "-bios",
			"bios", "-kernel", "hello", "-append", "a=b,c", "-display", "none", "-accel", "kvm",
			"-serial", "null");
		expect(o).toMatchObject({ autostart: false, no_reboot: true, name: "a,b", logfile: "log",
			trace: ["kvm_*", "-kvm_run_exit"], serials: [{ kind: "null" }],
			machine: { firmware: "bios", kernel: "hello", append: "a=b,c" } });
		expect(o.cpu.tsc_khz).toBe(2 ** 31 / 1000 | 0);
	});

	it("helps", () => {
		for (const argv of [["-help"], ["-version"], ["-object", "help"], ["-machine", "help"],
			["-accel", "help"], ["-cpu", "help"], ["-object", "tdx-guest,help"]]) {
			const r = run(...argv);
			expect(r.status).toBe(0);
			expect(r.out).not.toBe("");
		}
		expect(run("-object", "tdx-guest,help").out).toContain("  sept-ve-disable=<bool>\n");
	});
});

const SIZE_HINT = "\nOptional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n" +
	"and exabytes, respectively.";
const ID_HINT = "\nIdentifiers consist of letters, digits, '-', '.', '_', starting with a letter.";

describe("errors", () => {
	it.each<[string[], string]>([
		[["-foo"], "-foo: invalid option"],
		[["disk.img"], "disk.img: invalid option"],
		[["-m"], "-m: requires an argument"],
		[["-m", "abc"], "-m abc: Parameter 'size' expects a non-negative number below 2^64" + SIZE_HINT],
		[["-m", "16E"], "-m 16E: Value '16E' is out of range for parameter 'size'"],
		[["-m", "foo=1"], "-m foo=1: Invalid parameter 'foo'"],
		[["-m", "1G,slots=2"], "slots specified but no max-size"],
		[["-m", "1G,maxmem=512M"], "invalid value of maxmem: maximum memory size (0x20000000) must " +
			"be at least the initial memory size (0x40000000)"],
		[["-smp", "x"], "Parameter 'smp.cpus' expects integer"],
		[["-smp", "foo=1"], "Parameter 'smp.foo' is unexpected"],
		[["-smp", "3,cores=2"], "Invalid CPU topology: product of the hierarchy must match maxcpus: " +
			"sockets (1) * dies (1) * cores (2) * threads (1) != maxcpus (3)"],
		[["-smp", "4,maxcpus=2"], "Invalid CPU topology: maxcpus must be equal to or greater than " +
			"smp: sockets (1) * dies (1) * cores (2) * threads (1) == maxcpus (2) < smp_cpus (4)"],
		[["-smp", "289"], "Invalid SMP CPUs 289. The max CPUs supported by machine 'pc-q35-7.1' is 288"],
		[["-machine", "pc"], "unsupported machine type\nUse -machine help to list supported machines"],
		[["-machine", "foo=1"], "Property 'pc-q35-7.1-machine.foo' not found"],
		[["-machine", "smm=maybe"], "Parameter 'smm' does not accept value 'maybe'"],
		[["-machine", "usb=1"], "Parameter 'usb' expects 'on' or 'off'"],
		[["-machine", "a_b=1,a-b=2"], "Conflict between 'a_b' and 'a-b'"],
		[["-machine", "accel=tcg"], "invalid accelerator tcg\nno accelerator found"],
		[["-machine", "accel=kvm", "-accel", "kvm"],
			'The -accel and "-machine accel=" options are incompatible'],
		[["-accel", "tcg"], "-accel tcg: invalid accelerator tcg"],
		[["-accel", "kvm,foo=1"], "-accel kvm,foo=1: Property 'kvm-accel.foo' not found"],
		[["-cpu", "qemu64"], "unable to find CPU model 'qemu64'"],
		[["-cpu", "host,foo=1"], "Property 'host-x86_64-cpu.foo' not found"],
		[["-append", "x"], "-append only allowed with -kernel option"],
		[["-display", "foo"], "-display foo: Parameter 'type' does not accept value 'foo'"],
		[["-serial", "foo"], "-serial foo: 'foo' is not a valid char driver\n" +
			"-serial foo: could not connect serial device to character backend 'foo'"],
		[["-serial", "stdio", "-serial", "stdio"], "-serial stdio: cannot use stdio by multiple " +
			"character devices\n-serial stdio: could not connect serial device to character " +
			"backend 'stdio'"],
		[["-monitor", "stdio", "-qmp", "stdio"],
			"-qmp stdio: cannot use stdio by multiple character devices"],
		[["-qmp", "unix:/x,foo=1"], "-qmp unix:/x,foo=1: Invalid parameter 'foo'"],
		[["-qmp", "mon:stdio"], "-qmp mon:stdio: mon: isn't supported in this context"],
		[["-trace", "bar=1"], "-trace bar=1: Invalid parameter 'bar'"],
	])("%j", (argv, want) => {
		expect(bad(...argv)).toBe(want);
	});

	it.each<[string, string]>([
		["foo,id=a", "Parameter 'qom-type' does not accept value 'foo'"],
		["id=a", "Parameter 'qom-type' is missing"],
		["tdx-guest", "Parameter 'id' is missing"],
		["tdx-guest,id=1", "Parameter 'id' expects an identifier" + ID_HINT],
		["tdx-guest,id=a,foo=1", "Parameter 'foo' is unexpected"],
		["tdx-guest,id=a,debug=1", "Parameter 'debug' expects 'on' or 'off'"],
		["tdx-guest,id=a,debug", "Expected '=' after parameter 'debug'"],
		["memory-backend-ram,id=a", "Parameter 'size' is missing"],
		["memory-backend-ram,id=a,size=x", "Parameter 'size' expects size"],
		["memory-backend-ram,id=a,size=1M,policy=x", "Parameter 'policy' does not accept value 'x'"],
		['{"qom-type":"tdx-guest","id":"a","debug":"on"}',
			"Invalid parameter type for 'debug', expected: boolean"],
		['{"qom-type":"memory-backend-ram","id":"a","size":"1M"}',
			"Invalid parameter type for 'size', expected: integer"],
		['{"qom-type":"tdx-guest"', "JSON parse error, premature EOI"],
	])("-object %s", (text, want) => {
		expect(bad("-object", text)).toBe(`-object ${text}: ${want}`);
	});

	it("names what is not there", () => {
		expect(bad("-machine", "confidential-guest-support=tdx")).toBe("Device 'tdx' not found");
		expect(bad("-machine", "confidential-guest-support=ram1", ...RAM)).toBe(
			"Device 'ram1' not found");
		const twice = TDX[1]!;
		expect(bad(...TDX, ...TDX)).toBe(`-object ${twice}: attempt to add duplicate property 'tdx' ` +
			"to object (type 'container')");
	});
});
