// SPDX-License-Identifier: GPL-2.0
/*
 * One host of schedule.test.ts, in a worker of its own: the order in which four threads get their
 * slices under the seed given.
 */
import { parentPort, workerData } from "node:worker_threads";
import "#generated/vmlinux.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { set_next_child, syscall } from "#arch/x86/entry/syscall_64.ts";
import { __NR_clone } from "#uapi-asm/unistd_64.ts";
import { kernel_run, start_kernel } from "#linux/init/main.ts";

let order = "";

function* letter(c: string): Generator<void, number, void> {
	for (let i = 0; i < 5; i++) {
		order += c;
		yield;
	}
	return 0;
}

function* program(): Generator<void, number, void> {
	for (const c of "abcd") {
		set_next_child(() => letter(c));
		syscall(__NR_clone, 0x10f00n);
	}
	while (order.length < 20)
		yield;
	return 0;
}

memory_install(2 ** 28);
cpus_install(3);
start_kernel({ seed: workerData as number });
const status = kernel_run(program(), "program");
parentPort!.postMessage(status === 0 ? order : `status ${status}`);
