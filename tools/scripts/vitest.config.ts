// SPDX-License-Identifier: GPL-2.0
/*
 * How vitest runs the white-box tests. One process a file: a realm is a host.
 *
 * Tests of the kernel run from build/default and load it by Node itself: its headers import in
 * circles, and only a real module loader has a function there before its file has run (vitest's own
 * leaves holes in tables like shmem_file_operations). They also start ten times faster so.
 */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
	root: fileURLToPath(new URL("../..", import.meta.url)),
	cacheDir: "build/vitest",
	test: {
		include: ["tools/testing/kunit/scripts/**/*.test.ts",
			"build/default/tools/testing/kunit/!(scripts)/**/*.test.js"],
		server: { deps: { external: [/\/build\/default\//] } },
		pool: "forks",
		isolate: true,
		testTimeout: 60_000,
		passWithNoTests: false,
	},
});
