// SPDX-License-Identifier: GPL-2.0
/*
 * arch/x86/kvm/x86.ts on an AMD host.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { beforeAll } from "vitest";
import { boot } from "#arch/x86/entry/boot.ts";
import { event_tests } from "./x86_events.ts";
import { msr_tests } from "./x86_msrs.ts";
import { register_tests } from "./x86_registers.ts";
import { vm_tests } from "./x86_vm.ts";

beforeAll(() => {
	boot({ memory: 2 ** 30, cpus: 2, vendor: "amd", seed: 1, cmdline: "" });
});
msr_tests("amd");
register_tests();
event_tests("amd");
vm_tests("amd");
