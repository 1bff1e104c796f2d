// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many vCPUs as KVM_CAP_MAX_VCPUS and KVM_CAP_MAX_VCPU_ID say.
 *
 * Upstream: tools/testing/selftests/kvm/kvm_create_max_vcpus.c.
 */
import { KVM_CAP_MAX_VCPU_ID, KVM_CAP_MAX_VCPUS } from "#uapi/linux/kvm.ts";
import { RLIMIT_NOFILE } from "#uapi/asm-generic/resource.ts";
import { getrlimit, setrlimit } from "#tools/include/nolibc/nolibc.ts";
import { __vm_vcpu_add, kvm_check_cap, kvm_vm_free, vm_create_barebones, type wait } from
	"./include/kvm_util.ts";
import { __TEST_REQUIRE, pr_info, TEST_ASSERT } from "./include/test_util.ts";

function test_vcpu_creation(first_vcpu_id: number, num_vcpus: number): void {
	pr_info("Testing creating %d vCPUs, with IDs %d...%d.\n",
		num_vcpus, first_vcpu_id, first_vcpu_id + num_vcpus - 1);

	const vm = vm_create_barebones();

	for (let i = first_vcpu_id; i < first_vcpu_id + num_vcpus; i++)
		/* This asserts that the vCPU was created. */
		__vm_vcpu_add(vm, i);

	kvm_vm_free(vm);
}

export function* main(): wait<number> {
	let kvm_max_vcpu_id = kvm_check_cap(KVM_CAP_MAX_VCPU_ID);
	const kvm_max_vcpus = kvm_check_cap(KVM_CAP_MAX_VCPUS);
	/* the vCPUs', and some for everything else */
	const nr_fds_wanted = BigInt(kvm_max_vcpus + 100);

	pr_info("KVM_CAP_MAX_VCPU_ID: %d\n", kvm_max_vcpu_id);
	pr_info("KVM_CAP_MAX_VCPUS: %d\n", kvm_max_vcpus);

	/* raise the limit if need be and if that is allowed */
	const rl = getrlimit(RLIMIT_NOFILE);
	TEST_ASSERT(rl !== null, "getrlimit() failed!");

	if (rl!.rlim_cur < nr_fds_wanted) {
		rl!.rlim_cur = nr_fds_wanted;
		if (rl!.rlim_max < nr_fds_wanted) {
			const old_rlim_max = rl!.rlim_max;
			rl!.rlim_max = nr_fds_wanted;

			const r = setrlimit(RLIMIT_NOFILE, rl!);
			__TEST_REQUIRE(r >= 0,
				"RLIMIT_NOFILE hard limit is too low (%d, wanted %d)\n",
				old_rlim_max, nr_fds_wanted);
		} else {
			TEST_ASSERT(setrlimit(RLIMIT_NOFILE, rl!) === 0, "setrlimit() failed!");
		}
	}

	/* without that capability, ids end where the number of vCPUs does */
	if (kvm_max_vcpu_id === 0)
		kvm_max_vcpu_id = kvm_max_vcpus;

	TEST_ASSERT(kvm_max_vcpu_id >= kvm_max_vcpus,
		"KVM_MAX_VCPU_IDS (%d) must be at least as large as KVM_MAX_VCPUS (%d).",
		kvm_max_vcpu_id, kvm_max_vcpus);

	test_vcpu_creation(0, kvm_max_vcpus);

	if (kvm_max_vcpu_id > kvm_max_vcpus)
		test_vcpu_creation(kvm_max_vcpu_id - kvm_max_vcpus, kvm_max_vcpus);

	return 0;
}
