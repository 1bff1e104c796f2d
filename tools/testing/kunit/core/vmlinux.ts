// SPDX-License-Identifier: GPL-2.0
/*
 * Links the whole kernel from its sources, for tests that boot a host.
 *
 * Port-only. generated/vmlinux.ts itself belongs to a build folder and would load that folder's
 * copies: its list of objects is taken instead.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { set_link_order } from "#asm-generic/registry.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

export async function link_vmlinux(): Promise<void> {
	const text = readFileSync(`${root}/build/default/generated/vmlinux.ts`, "utf8");
	const objects: string[] = [];

	for (const m of text.matchAll(/^import "(#(?:linux|mm|arch|kvm)\/[^"]+)";$/gm)) {
		const spec = m[1]!;
		await import(/* @vite-ignore */ spec);
	}
	for (const m of text.matchAll(/^\t"([^"]+)",$/gm)) {
		if (existsSync(`${root}/${m[1]!}.ts`))
			objects.push(m[1]!);
	}
	set_link_order(objects);
}
