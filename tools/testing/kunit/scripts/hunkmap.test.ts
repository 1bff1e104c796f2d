// SPDX-License-Identifier: GPL-2.0
/*
 * Tags, mirrors, history, and the two ways in which a map is wrong.
 */

import { expect, test } from "vitest";
import { in_history, map_hunks, mirror_of, tags_of } from "#tools/scripts/hunkmap/hunks.ts";
import type { patch } from "#tools/scripts/hunkmap/hunks.ts";

const patches: patch[] = [
	{ patch: 1, subject: "mm/memfd: One", files: [
		{ file: "mm/memfd.c", hunks: [{ hunk: 1, what: "a" }, { hunk: 2, what: "b" }] },
		{ file: "mm/Makefile", hunks: [{ hunk: 1, what: "m" }] }] },
	{ patch: 2, subject: "KVM: Two", files: [
		{ file: "include/linux/kvm_host.h", hunks: [{ hunk: 1, what: "c" }] }] },
];

test("mirrors follow the placement rule", () => {
	expect(["mm/memfd.c", "include/linux/memfd.h", "arch/x86/kvm/mmu.h", "virt/kvm/Kconfig",
		"arch/x86/include/asm/kvm_host.h", "Documentation/virt/kvm/api.rst"].map(mirror_of)).toEqual([
		"mm/memfd.ts", "include/linux/memfd.ts", "arch/x86/kvm/mmu.h.ts", "virt/kvm/Kconfig",
		"arch/x86/include/asm/kvm_host.ts", "Documentation/virt/kvm/api.rst"]);
});

test("tags stand in comments of every language, several on a line", () => {
	expect(tags_of("x", " * @hunk 1:1 1:2\n# @hunk 3:1\n.. @hunk 2:1\nconst s = '@hunk 9:9';\n")
		.map((t) => `${t.patch}:${t.hunk}@${t.line}`)).toEqual(["1:1@1", "1:2@1", "3:1@2", "2:1@3"]);
});

test("a patch is expected once its commit is there, by subject or trailer", () => {
	const of = (subject: string, upstream = ""): number[] =>
		in_history(patches, [{ subject, upstream }]).map((p) => p.patch);
	expect(of("mm/memfd: One")).toEqual([1]);
	expect(of("mm: Port it", "v8 2/8 KVM: Two")).toEqual([2]);
	expect(of("mm/memfd: One more")).toEqual([]);
});

test("a complete map has no errors, and a split header counts", () => {
	const tags = [...tags_of("mm/memfd.ts", "// @hunk 1:1\n// @hunk 1:2"),
		...tags_of("mm/Makefile", "# @hunk 1:1"), ...tags_of("include/linux/kvm_host.const.ts", "// @hunk 2:1")];
	const { places, errors } = map_hunks(patches, tags);
	expect(errors).toEqual([]);
	expect(places.map((p) => `${p.id} ${p.at.join()}`)).toEqual(["1:mm/memfd.c:1 mm/memfd.ts:1",
		"1:mm/memfd.c:2 mm/memfd.ts:2", "1:mm/Makefile:1 mm/Makefile:1",
		"2:include/linux/kvm_host.h:1 include/linux/kvm_host.const.ts:1"]);
});

test("a hunk without a place and a tag without a hunk are errors", () => {
	expect(map_hunks(patches.slice(0, 1), tags_of("mm/memfd.ts", "// @hunk 1:1 1:3")).errors).toEqual([
		"1:mm/memfd.c:2: no place: b", "1:mm/Makefile:1: no place: m",
		"mm/memfd.ts:1: @hunk 1:3: no such hunk here"]);
	expect(map_hunks([], tags_of("mm/shmem.ts", "// @hunk 1:1")).errors).toHaveLength(1);
});
