// SPDX-License-Identifier: GPL-2.0
/*
 * Writes build/NAME/generated/vmlinux.ts: the objects that the Makefiles list, in their order.
 *
 * Port-only, after scripts/Makefile.build. `x.o` in mm/Makefile is mm/x.ts; an object with a list
 * of its own (kvm-y, page-alloc-y) is its parts; `dir/` goes on with dir/Makefile.
 */

import fs from "node:fs";
import path from "node:path";
import { read_config } from "#tools/scripts/kconfig/confdata.ts";
import { read_makefile, words } from "#tools/scripts/kbuild/makefile.ts";
import type { variables } from "#tools/scripts/kbuild/makefile.ts";

/* as upstream's top-level Makefile and arch/x86/Kbuild order them; KVM, a module, comes last */
export const LINK_DIRS = [
	"arch/x86/entry", "arch/x86/kernel", "arch/x86/mm", "arch/x86/lib", "arch/x86/virt",
	"include/linux", "mm", "arch/x86/kvm",
];

export type exists = (path: string) => boolean;

/** Objects of a directory as paths without suffix. */
export function objects_of(dir: string, config: ReadonlyMap<string, string>,
	read: (path: string) => string, seen: string[] = []): string[] {
	const vars: variables = new Map([["srctree", "."], ["src", dir], ["BITS", "64"]]);
	for (const [name, value] of config) {
		if (value !== "n")
			vars.set(`CONFIG_${name}`, value);
	}
	read_makefile(path.join(dir, "Makefile"), vars, read, seen);
	const flatten = (word: string): string[] => {
		if (word.endsWith("/"))
			return objects_of(path.join(dir, word), config, read, seen);
		const name = word.replace(/\.o$/, "");
		const lists = [`${name}-objs`, `${name}-y`].filter((list) => vars.has(list));
		return lists.length === 0 ? [path.join(dir, name)] :
			lists.flatMap((list) => words(list, vars)).flatMap(flatten);
	};
	return [...new Set([...words("obj-y", vars), ...words("lib-y", vars)].flatMap(flatten))];
}

function alias_of(object: string): string {
	return object.startsWith("include/linux/") ? `#linux/${object.slice(14)}.ts` :
		object.startsWith("virt/kvm/") ? `#kvm/${object.slice(9)}.ts` :
		`#${object}.ts`;
}

/** The name that an object's initcalls give: as its Makefile has it, "fs/open" and "mm/shmem". */
export function name_of(object: string): string {
	return object.replace(/^include\/linux\//, "");
}

export function vmlinux(objects: readonly string[]): string {
	return `// SPDX-License-Identifier: GPL-2.0
/* Automatically generated from the Makefiles; DO NOT EDIT. */
// @ts-nocheck: the names are those of the build folder, where only JavaScript is

import { set_link_order } from "#asm-generic/registry.ts";
${objects.map((o) => `import "${alias_of(o)}";\n`).join("")}
set_link_order([
${objects.map((o) => `\t"${name_of(o)}",\n`).join("")}]);
`;
}

function main(name: string, missing: string): void {
	const out = path.join("build", name);
	const config = new Map<string, string>();
	const read = (file: string): string => fs.readFileSync(file, "utf8");
	read_config(read(path.join(out, ".config")), config);
	const listed = LINK_DIRS.filter((d) => fs.existsSync(path.join(d, "Makefile")))
		.flatMap((d) => objects_of(d, config, read));
	const absent = listed.filter((o) => !fs.existsSync(`${o}.ts`));
	if (absent.length > 0 && missing === "warn") {
		console.error(`link: left out ${absent.length} objects without a file`);
	} else if (absent.length > 0) {
		absent.forEach((o) => console.error(`link: ${o}.ts: listed in a Makefile, but not there`));
		process.exitCode = 1;
		return;
	}
	const text = vmlinux(listed.filter((o) => !absent.includes(o)));
	const file = path.join(out, "generated/vmlinux.ts");
	if (!fs.existsSync(file) || read(file) !== text)
		fs.writeFileSync(file, text);
}

try {
	if (process.argv[1]?.endsWith("link.js"))
		main(process.argv[2] ?? "default", process.argv[3] ?? "error");
} catch (e) {
	console.error(`link: ${(e as Error).message}`);
	process.exitCode = 1;
}
