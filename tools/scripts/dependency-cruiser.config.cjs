// SPDX-License-Identifier: GPL-2.0
/*
 * What may be imported from where, file by file; tools/scripts/layering holds the table by symbol.
 */

const CORE = "^(mm|virt|arch|include)/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
	forbidden: [
		{
			name: "core-no-node-modules",
			comment: "mm, virt, arch and include run in a browser too",
			severity: "error",
			from: { path: CORE },
			to: { dependencyTypes: ["core"] },
		},
		{
			name: "core-no-packages",
			comment: "the core stands on nothing but itself",
			severity: "error",
			from: { path: CORE },
			to: { dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg",
				"npm-unknown"] },
		},
		{
			name: "core-no-tools",
			comment: "the core does not know who uses it",
			severity: "error",
			from: { path: CORE },
			to: { path: "^tools/" },
		},
		{
			name: "vmlinux-only-by-host",
			comment: "generated/vmlinux.ts imports everything; only who boots a host may import it",
			severity: "error",
			from: { pathNot: "^tools/testing/(host|kunit)/" },
			to: { path: "generated/vmlinux\\.ts$" },
		},
		{
			name: "private-header",
			comment: "mm/internal.h.ts is mm's own; to name a type is C's forward declaration",
			severity: "error",
			from: { path: "^(mm|virt/kvm|arch/x86/[^/]+)/", pathNot: "^arch/x86/kvm/" },
			to: { path: "\\.h\\.ts$", pathNot: ["^$1/", "^include/", "^#"],
				dependencyTypesNot: ["type-only"] },
		},
		{
			name: "uapi-only-uapi",
			comment: "userspace sees uapi without the kernel",
			severity: "error",
			from: { path: "^(include|arch/x86/include)/uapi/" },
			to: { pathNot: "^(include|arch/x86/include)/(uapi|asm-generic)/" },
		},
		{
			name: "no-tests-from-outside",
			comment: "kunit is imported by nobody",
			severity: "error",
			from: { pathNot: "^tools/testing/kunit/" },
			to: { path: "^tools/testing/kunit/" },
		},
		{
			name: "resolvable",
			comment: "a file that is not there",
			severity: "error",
			from: {},
			to: { couldNotResolve: true },
		},
	],
	options: {
		doNotFollow: { path: "node_modules" },
		exclude: { path: "^(build/(?!default/generated)|tools/scripts/layering/fixtures)" },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "node"],
			extensions: [".ts", ".js"],
		},
	},
};
