// SPDX-License-Identifier: GPL-2.0
/*
 * Each file says its licence in one of its first lines.
 *
 * Port-only.
 */

import fs from "node:fs";
import path from "node:path";
import type { finding } from "#tools/scripts/layering/program.ts";

const WANTED = /(\.(ts|js|cjs|sh|mk|md|rst)|(^|\/)(Makefile|Kconfig)[^/]*)$/;
const LINES = 4;

export function check_spdx(top: string, files: readonly string[]): finding[] {
	return files.filter((f) => WANTED.test(f)).filter((f) => {
		const head = fs.readFileSync(path.join(top, f), "utf8").split("\n", LINES).join("\n");
		return !/SPDX-License-Identifier: /.test(head);
	}).map((file) => ({ file, line: 1, message: "no SPDX-License-Identifier" }));
}
