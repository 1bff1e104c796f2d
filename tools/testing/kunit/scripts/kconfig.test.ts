// SPDX-License-Identifier: GPL-2.0
/*
 * The Kconfig reader: language, values, merging, overrides.
 */

import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { read_config, read_override, write_autoconf, write_config } from
	"#tools/scripts/kconfig/confdata.ts";
import { parse_kconfig } from "#tools/scripts/kconfig/parse.ts";
import { solve } from "#tools/scripts/kconfig/symbol.ts";

function solved(text: string, config = "", override = ""): Record<string, string> {
	const user = new Map<string, string>();
	read_config(config, user);
	const conf = parse_kconfig("Kconfig", () => text);
	return Object.fromEntries(solve(conf, user, read_override(override)).values);
}

describe("language", () => {
	test("if, menu and choice carry their dependencies", () => {
		const text = `
config A
	bool "a"
menu "m"
	depends on A
config B
	def_bool y
endmenu
if !A
config C
	def_bool y
endif # !A
`;
		expect(solved(text)).toEqual({ A: "n", B: "n", C: "y" });
		expect(solved(text, "CONFIG_A=y")).toEqual({ A: "y", B: "y", C: "n" });
	});

	test("help ends where the indentation does", () => {
		const text = "config A\n\tbool\n\tdefault y\n\thelp\n\t  config X\n\n\t    select Y\n\tselect B\n" +
			"config B\n\tbool\n";
		expect(solved(text)).toEqual({ A: "y", B: "y" });
	});

	test("expressions bind as in C, and compare text", () => {
		const text = `
config A
	def_bool y
config N
	int
	default 7
config X
	def_bool A || B && !A
config Y
	def_bool (A || B) && !A
config Z
	def_bool N > 5 && A = y && N != 8
`;
		expect(solved(text)).toMatchObject({ X: "y", Y: "n", Z: "y" });
	});

	test.each([
		["depends on A", "outside of an entry"],
		["config A\n\tfoo", "unknown keyword foo"],
		["if A\nconfig B\n\tbool\n", "if without its end"],
		["config A\n\tbool\n\tdefault (A", "missing )"],
		["config A\n\tbool\nconfig A\n\tbool\n", "A is defined twice"],
	])("%j is refused", (text, message) => {
		expect(() => solved(text)).toThrow(message);
	});

	test("source reads the other file once", () => {
		const files: Record<string, string> = { top: 'source "sub"\n', sub: "config S\n\tdef_bool y\n" };
		const conf = parse_kconfig("top", (f) => files[f]!);
		expect(conf.files).toEqual(["top", "sub"]);
		expect([...conf.symbols.keys()]).toEqual(["S"]);
	});
});

describe("values", () => {
	const text = `
config EXPERT
	bool "expert"
config SHOWN
	bool "shown" if EXPERT
	default y
config SEL
	bool
config BY
	bool "by"
	select SEL if EXPERT
config NAME
	string "name"
	default "x y"
`;
	test("a prompt that is not shown cannot be set", () => {
		expect(solved(text, "# CONFIG_SHOWN is not set")["SHOWN"]).toBe("y");
		expect(solved(text, "CONFIG_EXPERT=y\n# CONFIG_SHOWN is not set")["SHOWN"]).toBe("n");
		expect(solved(text, "CONFIG_SEL=y")["SEL"]).toBe("n");
	});

	test("select holds where its condition does", () => {
		expect(solved(text, "CONFIG_BY=y")["SEL"]).toBe("n");
		expect(solved(text, "CONFIG_BY=y\nCONFIG_EXPERT=y")["SEL"]).toBe("y");
	});

	test("a select against dependencies warns", () => {
		const conf = parse_kconfig("K", () =>
			"config A\n\tbool\n\tdepends on NONE\nconfig B\n\tdef_bool y\n\tselect A\n");
		const { values, warnings } = solve(conf, new Map(), new Map());
		expect(values.get("A")).toBe("y");
		expect(warnings).toEqual(["unmet direct dependencies detected for A, selected by B"]);
	});

	test("an override wins over prompts, dependencies and selects", () => {
		expect(solved(text, "CONFIG_BY=y\nCONFIG_EXPERT=y", "SEL=n")["SEL"]).toBe("n");
		expect(solved(text, "", "CONFIG_SEL=y")["SEL"]).toBe("y");
		expect(() => solved(text, "", "NOPE=n")).toThrow("no symbol NOPE");
		expect(() => solved(text, "", "SEL")).toThrow("want NAME=value");
	});

	test("a choice has one member set", () => {
		const c = "choice\n\tprompt \"c\"\n\tdefault TWO\nconfig ONE\n\tbool \"1\"\nconfig TWO\n\tbool \"2\"\n" +
			"endchoice\n";
		expect(solved(c)).toEqual({ ONE: "n", TWO: "y" });
		expect(solved(c, "CONFIG_ONE=y")).toEqual({ ONE: "y", TWO: "n" });
	});

	test("m in a fragment reads as y, and a later fragment wins", () => {
		const user = new Map<string, string>();
		read_config("CONFIG_A=m\n", user);
		read_config("# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_S=\"a b\"\n", user);
		expect(Object.fromEntries(user)).toEqual({ A: "y", B: "n", S: "a b" });
	});

	test("what is written names every symbol", () => {
		const conf = parse_kconfig("K", () => text);
		const { values } = solve(conf, new Map([["BY", "y"]]), new Map());
		expect(write_config(conf, values)).toContain(
			"# CONFIG_SEL is not set\nCONFIG_BY=y\nCONFIG_NAME=\"x y\"\n");
		expect(write_autoconf(conf, values)).toContain("export const CONFIG_BY: boolean = true;\n" +
			"export const CONFIG_NAME: string = \"x y\";\n");
	});
});

test("the port's own files give the base that the series was written for", () => {
	const read = (f: string): string => fs.readFileSync(f, "utf8");
	const user = new Map<string, string>();
	read_config(read("arch/x86/configs/x86_64_defconfig"), user);
	const { values, warnings } = solve(parse_kconfig("arch/x86/Kconfig", read), user, new Map());
	const set = [...values].filter(([, v]) => v === "y").map(([name]) => name);
	expect(warnings).toEqual([]);
	expect(set).toEqual(expect.arrayContaining(["KVM", "KVM_INTEL", "KVM_AMD", "KVM_AMD_SEV",
		"HAVE_KVM_IRQCHIP", "KVM_ASYNC_PF", "KVM_MMIO", "KVM_GENERIC_DIRTYLOG_READ_PROTECT",
		"KVM_XFER_TO_GUEST_WORK", "SRCU", "INTERVAL_TREE", "MMU_NOTIFIER", "TRANSPARENT_HUGEPAGE",
		"SHMEM", "TMPFS", "HUGETLBFS", "MEMFD_CREATE", "PROVE_LOCKING", "FAILSLAB",
		"FAIL_PAGE_ALLOC"]));
	for (const off of ["HAVE_KVM_DIRTY_RING", "HAVE_KVM_PFNCACHE", "HAVE_KVM_PM_NOTIFIER",
		"HAVE_KVM_EVENTFD", "KVM_VFIO", "KVM_XEN", "X86_SGX_KVM", "KVM_COMPAT", "KSM", "NUMA",
		"USERFAULTFD", "READ_ONLY_THP_FOR_FS", "CMA", "MEMORY_HOTPLUG", "ZONE_DEVICE"])
		expect(values.get(off), off).toBe("n");
});

test("there is no private memory without the files that it comes from", () => {
	const read = (f: string): string => fs.readFileSync(f, "utf8");
	const user = new Map<string, string>();
	read_config(read("arch/x86/configs/x86_64_defconfig"), user);
	const conf = parse_kconfig("arch/x86/Kconfig", read);
	const private_mem = (override: string): string | undefined => solve(conf, user,
		read_override(override)).values.get("HAVE_KVM_PRIVATE_MEM");

	expect(private_mem("")).toBe("y");
	/* hugetlbfs alone makes memfd_create() a system call, too */
	expect(private_mem("TMPFS=n")).toBe("n");
	expect(private_mem("MEMFD_CREATE=n")).toBe("n");
});
