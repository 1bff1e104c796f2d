// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that are part of what runs: none, except in an image, where kbuild/image.ts puts all
 * selftests here.
 *
 * Port-only.
 */
import type { program } from "./run_init.ts";

/** By path in the build folder: "tools/testing/selftests/memfd/memfd_test.js". */
export const linked: ReadonlyMap<string, program> = new Map();
