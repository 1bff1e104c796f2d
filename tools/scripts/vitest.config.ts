// SPDX-License-Identifier: GPL-2.0
/*
 * How vitest runs the white-box tests. One process a file: a realm is a host.
 */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
	root: fileURLToPath(new URL("../..", import.meta.url)),
	cacheDir: "build/vitest",
	test: {
		include: ["tools/testing/kunit/**/*.test.ts"],
		pool: "forks",
		isolate: true,
		testTimeout: 60_000,
		passWithNoTests: false,
	},
});
