// SPDX-License-Identifier: GPL-2.0
/*
 * A whole host: boot, programs, their end.
 */
import { beforeAll, describe, expect, it } from "vitest";
import "#generated/vmlinux.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { kmsg_text } from "#linux/printk.ts";
import { start_kernel, kernel_run } from "#linux/init/main.ts";
import { syscall } from "#arch/x86/entry/syscall_64.ts";

beforeAll(() => {
	memory_install(2 ** 30);
	cpus_install(2);
	start_kernel({ seed: 1 });
});

describe("boot", () => {
	it("runs a program", () => {
		function* prog(): Generator<void, number, void> {
			expect(syscall(39)).toBeGreaterThan(0);
			yield;
			return 7;
		}
		const status = kernel_run(prog(), "prog");
		expect(status).toBe(7 << 8);
		console.log(kmsg_text().join("\n"));
	});
});
