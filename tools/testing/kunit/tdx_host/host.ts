// SPDX-License-Identifier: GPL-2.0
/*
 * Hosts with TDX, or with a part of it.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import "#generated/vmlinux.ts";
import { boot } from "#arch/x86/entry/boot.ts";
import { tme_pages_with_metadata } from "#hw/tme.ts";
import { kvm_vm_ioctl_check_extension } from "#asm/kvm_host.ts";
import { kmsg_text } from "#linux/printk.ts";
import { KVM_CAP_VM_TYPES } from "#uapi/linux/kvm.ts";
import { complete, type host_config } from "#tools/testing/host/config.ts";

const GIB = 2 ** 30;

/** Boots a host with two CPUs; what it said about TDX. */
export function boot_tdx(config: host_config = {}): string[] {
	boot(complete({ memory: 2 * GIB, cpus: 2, tdx: true, ...config }));
	return tdx_messages();
}

export function tdx_messages(): string[] {
	return kmsg_text().map((line) => line.replace(/^(<\d+>)?\[ *[\d.]+\] /, ""))
		.filter((line) => /virt\/tdx|kvm: TDX|kvm: tdx|mktme|tme:/.test(line));
}

/** A mask of KVM_X86_*_VM. */
export function vm_types(): number {
	return kvm_vm_ioctl_check_extension(null, KVM_CAP_VM_TYPES);
}

/** A host that @said this when it booted is one without TDX, for the reason in @want. */
export function has_no_tdx(said: readonly string[], want: readonly string[]): void {
	test("the host says so, and runs VMs", () => {
		expect(said.filter((l) => !/mktme|tme:|KeyID range|CMR|vendor_id/.test(l))).toEqual(want);
		expect(vm_types()).toBe(1);
	});

	test("nothing is left", () => {
		expect(tme_pages_with_metadata()).toBe(0);
	});
}
