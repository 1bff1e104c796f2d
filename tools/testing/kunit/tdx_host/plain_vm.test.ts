// SPDX-License-Identifier: GPL-2.0
/*
 * A VM that is no TD, on a host with KeyIDs: its physical addresses have all bits that CPUID tells
 * it of, those that would be a KeyID's among them.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { ld64, st64 } from "#hw/isa_guest.ts";
import { in_task } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { GUEST_DONE, GUEST_SYNC, get_ucall, kvm_vm_free, struct_ucall, UCALL_DONE, UCALL_SYNC,
	vcpu_run, virt_map, vm_create_with_one_vcpu, vm_userspace_mem_region_add } from
	"#tools/testing/selftests/kvm/include/kvm_util.ts";
import { VM_MEM_SRC_ANONYMOUS } from "#tools/testing/selftests/kvm/include/test_util.ts";
import { boot_tdx } from "./host.ts";

const GPA = 2 ** 45, GVA = 0xc0000000;

boot_tdx();

test("memory above the host's own physical addresses", () => {
	in_task(function* () {
		const { vm, vcpu } = vm_create_with_one_vcpu(function* () {
			yield* st64(GVA, 0x1234n);
			yield* GUEST_SYNC(Number(yield* ld64(GVA)));
			yield* GUEST_DONE();
		});
		const uc = new struct_ucall();

		vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, GPA, 1, 1, 0);
		virt_map(vm, GVA, GPA, 1);
		yield* vcpu_run(vcpu);
		expect(yield* get_ucall(vcpu, uc)).toBe(UCALL_SYNC);
		expect(uc.args[1]).toBe(0x1234n);
		yield* vcpu_run(vcpu);
		expect(yield* get_ucall(vcpu, uc)).toBe(UCALL_DONE);
		kvm_vm_free(vm);
	});
});
