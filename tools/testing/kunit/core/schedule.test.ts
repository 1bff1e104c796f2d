// SPDX-License-Identifier: GPL-2.0
/*
 * A run is a function of the seed: the same program on fresh hosts.
 */
import { expect, it, vi } from "vitest";

/* the order in which four threads get their slices, on a host of its own */
async function order_of(seed: number): Promise<string> {
	vi.resetModules();
	const { link_vmlinux } = await import("#tools/testing/kunit/core/vmlinux.ts");
	await link_vmlinux();
	const { memory_install } = await import("#hw/memory.ts");
	const { cpus_install } = await import("#hw/cpu.ts");
	const { kernel_run, start_kernel } = await import("#linux/init/main.ts");
	const { set_next_child, syscall } = await import("#arch/x86/entry/syscall_64.ts");
	const { __NR_clone } = await import("#uapi-asm/unistd_64.ts");
	let order = "";

	function* p(): Generator<void, number, void> {
		for (const c of "abcd") {
			set_next_child(function* () {
				for (let i = 0; i < 5; i++) {
					order += c;
					yield;
				}
				return 0;
			});
			syscall(__NR_clone, 0x10f00n);
		}
		while (order.length < 20)
			yield;
		return 0;
	}
	memory_install(2 ** 28);
	cpus_install(3);
	start_kernel({ seed });
	expect(kernel_run(p(), "p")).toBe(0);
	return order;
}

it("the schedule follows the seed and nothing else", async () => {
	const a = await order_of(1), b = await order_of(1), c = await order_of(2);

	expect(a).toBe(b);
	expect(a).not.toBe(c);
	expect([...a].sort().join("")).toBe("aaaaabbbbbcccccddddd");
});
