// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual features that CPUID does not offer are not there.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/kvm_pv_test.c.
 */
import {
	KVM_CAP_ENFORCE_PV_FEATURE_CPUID, KVM_EXIT_IO,
} from "#uapi/linux/kvm.ts";
import { KVM_ENOSYS, KVM_HC_KICK_CPU, KVM_HC_SCHED_YIELD, KVM_HC_SEND_IPI } from
	"#uapi/linux/kvm_para.ts";
import { GP_VECTOR } from "#uapi-asm/kvm.ts";
import {
	KVM_CPUID_FEATURES, MSR_KVM_ASYNC_PF_ACK, MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT,
	MSR_KVM_POLL_CONTROL, MSR_KVM_PV_EOI_EN, MSR_KVM_STEAL_TIME, MSR_KVM_SYSTEM_TIME,
	MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK, MSR_KVM_WALL_CLOCK_NEW,
} from "#uapi-asm/kvm_para.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_ASSERT_1, GUEST_DONE, type guest_program,
	kvm_has_cap, kvm_vm_free, REPORT_GUEST_ASSERT_1, type struct_kvm_vcpu, struct_ucall,
	ucall, UCALL_ABORT, UCALL_DONE, vcpu_enable_cap, vcpu_run, vm_create_with_one_vcpu,
	type wait,
} from "../include/kvm_util.ts";
import {
	kvm_hypercall, rdmsr_safe, vcpu_clear_cpuid_entry, vcpu_init_descriptor_tables,
	vm_init_descriptor_tables, wrmsr_safe,
} from "../include/x86_64/processor.ts";
import { pr_info, TEST_ASSERT, TEST_REQUIRE } from "../include/test_util.ts";

/* the guest names an entry of the tables by its index */
const UCALL_PR_MSR	= 0xdeadbeef;
const UCALL_PR_HCALL	= 0xdeadc0de;

/* reads and writes of these #GP when the KVM_CPUID_FEATURES leaf is zero */
const msrs_to_test: readonly (readonly [idx: number, name: string])[] = [
	[MSR_KVM_SYSTEM_TIME, "MSR_KVM_SYSTEM_TIME"],
	[MSR_KVM_SYSTEM_TIME_NEW, "MSR_KVM_SYSTEM_TIME_NEW"],
	[MSR_KVM_WALL_CLOCK, "MSR_KVM_WALL_CLOCK"],
	[MSR_KVM_WALL_CLOCK_NEW, "MSR_KVM_WALL_CLOCK_NEW"],
	[MSR_KVM_ASYNC_PF_EN, "MSR_KVM_ASYNC_PF_EN"],
	[MSR_KVM_STEAL_TIME, "MSR_KVM_STEAL_TIME"],
	[MSR_KVM_PV_EOI_EN, "MSR_KVM_PV_EOI_EN"],
	[MSR_KVM_POLL_CONTROL, "MSR_KVM_POLL_CONTROL"],
	[MSR_KVM_ASYNC_PF_INT, "MSR_KVM_ASYNC_PF_INT"],
	[MSR_KVM_ASYNC_PF_ACK, "MSR_KVM_ASYNC_PF_ACK"],
];

function* test_msr(i: number): guest_program {
	const [idx] = msrs_to_test[i]!;

	yield* ucall(UCALL_PR_MSR, 1, i);

	let [vector] = yield* rdmsr_safe(idx);
	yield* GUEST_ASSERT_1(vector === GP_VECTOR, "vector == GP_VECTOR", vector);

	vector = yield* wrmsr_safe(idx, 0n);
	yield* GUEST_ASSERT_1(vector === GP_VECTOR, "vector == GP_VECTOR", vector);
}

/* these give -KVM_ENOSYS then */
const hcalls_to_test: readonly (readonly [nr: number, name: string])[] = [
	[KVM_HC_KICK_CPU, "KVM_HC_KICK_CPU"],
	[KVM_HC_SEND_IPI, "KVM_HC_SEND_IPI"],
	[KVM_HC_SCHED_YIELD, "KVM_HC_SCHED_YIELD"],
];

function* test_hcall(i: number): guest_program {
	const [nr] = hcalls_to_test[i]!;

	yield* ucall(UCALL_PR_HCALL, 1, i);
	const r = yield* kvm_hypercall(BigInt(nr), 0n, 0n, 0n, 0n);
	yield* GUEST_ASSERT(r === BigInt.asUintN(64, BigInt(-KVM_ENOSYS)), "r == -KVM_ENOSYS");
}

function* guest_main(): guest_program {
	for (let i = 0; i < msrs_to_test.length; i++)
		yield* test_msr(i);

	for (let i = 0; i < hcalls_to_test.length; i++)
		yield* test_hcall(i);

	yield* GUEST_DONE();
}

function pr_msr(uc: struct_ucall): void {
	const [idx, name] = msrs_to_test[Number(uc.args[0])]!;

	pr_info("testing msr: %s (%#x)\n", name, idx);
}

function pr_hcall(uc: struct_ucall): void {
	const [nr, name] = hcalls_to_test[Number(uc.args[0])]!;

	pr_info("testing hcall: %s (%lu)\n", name, nr);
}

function* enter_guest(vcpu: struct_kvm_vcpu): wait {
	const run = vcpu.run;
	const uc = new struct_ucall();

	for (;;) {
		yield* vcpu_run(vcpu);
		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "unexpected exit reason: %u (%s)",
			run.exit_reason, exit_reason_str(run.exit_reason));

		switch (yield* get_ucall(vcpu, uc)) {
		case UCALL_PR_MSR:
			pr_msr(uc);
			break;
		case UCALL_PR_HCALL:
			pr_hcall(uc);
			break;
		case UCALL_ABORT:
			REPORT_GUEST_ASSERT_1(uc, "vector = %lu");
			return;
		case UCALL_DONE:
			return;
		}
	}
}

export function* main(): wait<number> {
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID),
		"kvm_has_cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID)");

	const { vm, vcpu } = vm_create_with_one_vcpu(guest_main);

	vcpu_enable_cap(vcpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1);

	vcpu_clear_cpuid_entry(vcpu, KVM_CPUID_FEATURES);

	vm_init_descriptor_tables(vm);
	vcpu_init_descriptor_tables(vcpu);

	yield* enter_guest(vcpu);
	kvm_vm_free(vm);
	return 0;
}
