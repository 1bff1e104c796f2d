// SPDX-License-Identifier: GPL-2.0
/*
 * How a program that boots a host is started: from its image (kbuild/image.ts) if that is of what
 * is in the build folder, or by load.js from the files.
 *
 * Port-only.
 */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";

/** What node is to run, and its options. */
export interface launch {
	readonly options: readonly string[];
	readonly script: string;
	/** What comes before the program's own arguments. */
	readonly argv: readonly string[];
}

const mtime = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;

/** @program a file of folder @build, "tools/qemu/host". */
export function launch_of(build: string, program: string): launch {
	const image = [".cjs", ".mjs"].map((s) => resolve(build, `image/${basename(program)}${s}`))
		.find((file) => existsSync(file));

	/* who counts lines wants those of the files */
	if (process.env["NODE_V8_COVERAGE"] === undefined && image !== undefined &&
	    mtime(image) >= mtime(resolve(build, ".compile")))
		return { options: [], script: image, argv: [] };
	return {
		options: ["--experimental-vm-modules", "--no-warnings"],
		/* a source: build is build/NAME */
		script: resolve(build, "../../tools/scripts/kbuild/load.js"),
		argv: [resolve(build, `${program}.js`)],
	};
}

/*
 * A test runs for seconds: it would spend a tenth of them marking a heap that V8 starts small, and
 * more on compiling what then runs little, and with it what that calls.
 */
const V8_FLAGS = ["--initial-heap-size=512", "--interrupt-budget=300000",
	"--max-inlined-bytecode-size-cumulative=400"];

/** The same as arguments of node. */
export function node_args(build: string, program: string): string[] {
	const { options, script, argv } = launch_of(build, program);

	return [...V8_FLAGS, ...options, script, ...argv];
}
