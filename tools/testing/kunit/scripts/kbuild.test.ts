// SPDX-License-Identifier: GPL-2.0
/*
 * Object lists of Makefiles, and the order that they give.
 */

import { describe, expect, test } from "vitest";
import { read_makefile, words } from "#tools/scripts/kbuild/makefile.ts";
import { held } from "#tools/scripts/kbuild/held.ts";
import { constants, each_line } from "#tools/scripts/kbuild/image.ts";
import { restore_frame } from "#tools/testing/host/positions.ts";
import { objects_of, vmlinux } from "#tools/scripts/kbuild/link.ts";

function obj_y(text: string, vars: [string, string][] = []): string[] {
	const v = new Map(vars);
	read_makefile("Makefile", v, () => text, []);
	return words("obj-y", v);
}

describe("makefiles", () => {
	test("lists go on over lines, and += keeps order", () => {
		expect(obj_y("obj-y := a.o \\\n\tb.o\nobj-y += c.o # last\n")).toEqual(["a.o", "b.o", "c.o"]);
	});

	test("obj-$(CONFIG_X) counts when X is y", () => {
		const text = "obj-y := a.o\nobj-$(CONFIG_X) += x.o\nobj-$(CONFIG_Z) += z.o\n";
		expect(obj_y(text, [["CONFIG_X", "y"]])).toEqual(["a.o", "x.o"]);
	});

	test("= is expanded when used, := when set", () => {
		expect(obj_y("obj-y = $(V).o\nV := a\n")).toEqual(["a.o"]);
		expect(obj_y("V := a\nobj-y := $(V).o\nV := b\n")).toEqual(["a.o"]);
	});

	test("conditionals nest", () => {
		const text = "ifdef CONFIG_A\nifeq ($(B),1)\nobj-y += ab.o\nelse\nobj-y += a.o\nendif\nelse\n" +
			"obj-y += none.o\nendif\n";
		expect(obj_y(text, [["CONFIG_A", "y"], ["B", "1"]])).toEqual(["ab.o"]);
		expect(obj_y(text, [["CONFIG_A", "y"]])).toEqual(["a.o"]);
		expect(obj_y(text)).toEqual(["none.o"]);
	});

	test.each([["endif\n", "endif without if"], ["ifdef A\n", "missing endif"],
		["target: dep\n", "cannot read"]])("%j is refused", (text, message) => {
		expect(() => obj_y(text)).toThrow(message);
	});
});

describe("linking", () => {
	const files: Record<string, string> = {
		"arch/x86/kvm/Makefile": "include $(srctree)/virt/kvm/Makefile.kvm\nkvm-y += x86.o mmu/mmu.o\n" +
			"kvm-intel-y += vmx/vmx.o\nobj-$(CONFIG_KVM) += kvm.o\nobj-$(CONFIG_KVM_INTEL) += kvm-intel.o\n",
		"./virt/kvm/Makefile.kvm": "KVM ?= ../../../virt/kvm\nkvm-y := $(KVM)/kvm_main.o\n",
		"mm/Makefile": "obj-y := filemap.o sub/\nobj-y += filemap.o\n",
		"mm/sub/Makefile": "obj-y := deep.o\n",
	};
	const read = (f: string): string => files[f]!;

	test("a module is its parts, and includes are followed", () => {
		const config = new Map([["KVM", "y"], ["KVM_INTEL", "n"]]);
		expect(objects_of("arch/x86/kvm", config, read)).toEqual(
			["virt/kvm/kvm_main", "arch/x86/kvm/x86", "arch/x86/kvm/mmu/mmu"]);
	});

	test("a module whose list is empty has no objects", () => {
		expect(objects_of("d", new Map(), () => "kvm-y :=\nobj-y := kvm.o a.o\n")).toEqual(["d/a"]);
	});

	test("directories are entered, and an object is linked once", () => {
		expect(objects_of("mm", new Map(), read)).toEqual(["mm/filemap", "mm/sub/deep"]);
	});

	test("vmlinux.ts imports by the short names, and says the order", () => {
		const text = vmlinux(["arch/x86/mm/fault", "include/linux/fs/open", "mm/shmem",
			"virt/kvm/kvm_main"]);
		expect(text.match(/^import "(.*)";$/gm)).toEqual(['import "#arch/x86/mm/fault.ts";',
			'import "#linux/fs/open.ts";', 'import "#mm/shmem.ts";', 'import "#kvm/kvm_main.ts";']);
		expect(text).toContain('set_link_order([\n\t"arch/x86/mm/fault",\n\t"fs/open",\n');
	});
});

describe("images", () => {
	const code_of = (text: string): string => constants(text).code;
	const run = (text: string): unknown[] => {
		const out: unknown[] = [];
		new Function("out", code_of(text))(out);
		return out;
	};

	test("functions come first, as constants, and keep their names", () => {
		expect(code_of("out(f());\nfunction f() { return 1; }\nasync function* g() {}\n"))
			.toBe("const f = function() { return 1; };\n" +
				"const g = async function*() {};\nout(f());\n");
		expect(run("function f() { return f.name; }\nout.push(f());\n")).toEqual(["f"]);
	});

	test("imports stay before everything", () => {
		expect(code_of("function f() {}\nimport { x } from \"node:fs\";\n"))
			.toBe("import { x } from \"node:fs\";\nconst f = function() {};\n");
	});

	test("a class is a constant of its name; with code of its own it stays", () => {
		expect(code_of("class a extends b { x = 1; }\n"))
			.toBe("const a = class extends b { x = 1; };\n");
		expect(code_of("var a = class { x = 1; };\n")).toBe("const a = class { x = 1; };\n");
		expect(run("class a { static one = new a(); }\nout.push(a.one.constructor.name);\n"))
			.toEqual(["a"]);
		expect(run("class a { is(x) { return x instanceof a; } }\nout.push(new a().is(new a()), " +
			"a.name);\n")).toEqual([true, "a"]);
	});

	test("variables have no dead zone, constants keep theirs", () => {
		expect(code_of("let a = 1, b;\nconst c = 2;\n")).toBe("var a = 1, b;\nconst c = 2;\n");
	});

	test("a line is found again, in the text and in the module", () => {
		const text = "var a = 1;\nfunction f() {\n\treturn a;\n}\nf();\n";
		const { code, all } = constants(text);
		const from: [number, number][] = [];

		expect(code).toBe("const f = function() {\n\treturn a;\n};\nvar a = 1;\nf();\n");
		each_line(all, (line, col) => from.push([line, col]));
		expect(from).toEqual([[1, 0], [2, 1], [3, 0], [0, 0], [4, 0]]);
	});

	test("variables become properties", () => {
		expect(held("let a = null;\nlet n = 1, m = 2;\nconst o = { a, b: a, x: { a: n } };\n" +
			"a = o.a; a++;\nfunction f() { return a.a[a]; }\nlet z;\nlet i = -1;\n"))
			.toBe("const a$held = { a: null };\nlet n = 1, m = 2;\n" +
				"const o = { a: a$held.a, b: a$held.a, x: { a: n } };\n" +
				"a$held.a = o.a; a$held.a++;\n" +
				"function f() { return a$held.a.a[a$held.a]; }\nlet z;\n" +
				"const i$held = { i: -1 };\n");
	});

	test("a variable that is a class is left to become a constant, without empty fields", () => {
		const text = "var a = class { x; y; constructor(x) { this.x = x; } };\n";

		expect(held(text)).toBe(text);
		expect(code_of(held(text)))
			.toBe("const a = class { ; y; constructor(x) { this.x = x; } };\n");
	});

	test("variables whose name is declared below the top level stay", () => {
		for (const text of ["function f(a) {}", "try {} catch (a) {}", "{ let a; }",
			"const f = ({ a }) => a;", "for (const a of []) ;", "function f() { function a() {} }",
			"class c { m(...a) {} }", "const g = (a = 1) => a;",
			"export { a };"])
			expect(held(`let a = null;\n${text}\n`)).toBe(`let a = null;\n${text}\n`);
	});

	test("frames of an image become those of modules; others stay", () => {
		const url = "file:///b/k/image/p.mjs";
		const lines = { modules: ["mm/shmem.js"], module: [-1, 0], line: [1, 77] };
		const frame = (text: string): string => restore_frame(text, url, "file:///b/k/", lines);

		expect(frame(`new struct_x$1 (${url}:2:9)`)).toBe("new struct_x (file:///b/k/mm/shmem.js:77:9)");
		expect(frame(`${url}:2:9`)).toBe("file:///b/k/mm/shmem.js:77:9");
		expect(frame(`f (${url}:1:2)`)).toBe(`f (${url}:1:2)`);
		expect(frame("f (node:fs:1:2)")).toBe("f (node:fs:1:2)");
	});
});
