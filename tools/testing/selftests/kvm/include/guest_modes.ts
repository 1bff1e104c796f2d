// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of guests to run a test with; on x86-64 there is one.
 *
 * Upstream: tools/testing/selftests/kvm/include/guest_modes.h, lib/guest_modes.c.
 */
import { printf } from "#tools/include/nolibc/nolibc.ts";
import { NUM_VM_MODES, type vm_guest_mode, vm_guest_mode_string, VM_MODE_DEFAULT, type wait } from
	"./kvm_util_base.ts";
import { TEST_ASSERT } from "./test_util.ts";

class struct_guest_mode {
	supported = false;
	enabled = false;
}

export const guest_modes = new Map<vm_guest_mode, struct_guest_mode>();

function guest_mode_append(mode: vm_guest_mode, supported: boolean, enabled: boolean): void {
	guest_modes.set(mode, Object.assign(new struct_guest_mode(), { supported, enabled }));
}

export function guest_modes_append_default(): void {
	guest_mode_append(VM_MODE_DEFAULT, true, true);
}

export function* for_each_guest_mode<T>(func: (mode: vm_guest_mode, arg: T) => wait,
	arg: T): wait {
	for (const [i, mode] of guest_modes) {
		if (!mode.enabled)
			continue;
		TEST_ASSERT(mode.supported, "Guest mode ID %d (%s) not supported.", i,
			vm_guest_mode_string(i));
		yield* func(i, arg);
	}
}

export function guest_modes_help(): void {
	printf(" -m: specify the guest mode ID to test\n" +
		"     (default: test all supported modes)\n" +
		"     This option may be used multiple times.\n" +
		"     Guest mode IDs:\n");
	for (const [i, mode] of guest_modes)
		printf("         %d:    %s%s\n", i, vm_guest_mode_string(i),
			mode.supported ? " (supported)" : "");
}

let mode_selected = false;

export function guest_modes_cmdline(arg: string): void {
	if (!mode_selected) {
		for (const mode of guest_modes.values())
			mode.enabled = false;
		mode_selected = true;
	}

	const mode = parseInt(arg, 10);
	TEST_ASSERT(mode < NUM_VM_MODES, "Guest mode ID %d too big", mode);
	if (!guest_modes.has(mode))
		guest_mode_append(mode, false, true);
	guest_modes.get(mode)!.enabled = true;
}
