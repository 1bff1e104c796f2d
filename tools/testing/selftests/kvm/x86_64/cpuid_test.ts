// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what the guest sees is what was set, and stays so after the first KVM_RUN.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/cpuid_test.c.
 */
import { cpuid, ld32 } from "#hw/isa_guest.ts";
import { offsetof, sizeof } from "#asm-generic/struct.ts";
import { struct_kvm_cpuid2, struct_kvm_cpuid_entry2 } from "#uapi-asm/kvm.ts";
import { poke } from "#tools/include/nolibc/nolibc.ts";
import {
	addr_gva2hva, exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_DONE, type guest_program,
	GUEST_SYNC, KVM_UTIL_MIN_VADDR, kvm_vm_free, REPORT_GUEST_ASSERT_2, string_at,
	type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall, UCALL_ABORT, UCALL_DONE,
	UCALL_SYNC, vcpu_args_set, vcpu_run, vm_create_with_one_vcpu, vm_vaddr_alloc, type wait,
} from "../include/kvm_util.ts";
import { __vcpu_set_cpuid, kvm_get_supported_cpuid, vcpu_get_cpuid_entry } from
	"../include/x86_64/processor.ts";
import { TEST_ASSERT } from "../include/test_util.ts";

/* depend on XCR0 and IA32_XSS, which the test leaves alone */
const mangled_cpuids = [
	{ function_: 0xd, index: 0 },
	{ function_: 0xd, index: 1 },
];

const ENTRY_SIZE = sizeof(struct_kvm_cpuid_entry2);

function* entry_field(e: number, field: "function" | "index" | "eax" | "ebx" | "ecx" | "edx"):
	Generator<number, number, void> {
	return yield* ld32(e + offsetof(struct_kvm_cpuid_entry2, field));
}

function* test_guest_cpuids(guest_cpuid: number): guest_program {
	const nent = yield* ld32(guest_cpuid + offsetof(struct_kvm_cpuid2, "nent"));

	for (let i = 0; i < nent; i++) {
		const e = guest_cpuid + sizeof(struct_kvm_cpuid2) + i * ENTRY_SIZE;
		const function_ = yield* entry_field(e, "function");
		const index = yield* entry_field(e, "index");
		const { eax, ebx, ecx, edx } = yield* cpuid(function_, index);

		yield* GUEST_ASSERT(eax === (yield* entry_field(e, "eax")) &&
			ebx === (yield* entry_field(e, "ebx")) &&
			ecx === (yield* entry_field(e, "ecx")) &&
			edx === (yield* entry_field(e, "edx")),
		"eax == guest_cpuid->entries[i].eax && ebx == guest_cpuid->entries[i].ebx && " +
			"ecx == guest_cpuid->entries[i].ecx && edx == guest_cpuid->entries[i].edx",
		function_, index);
	}
}

function* test_cpuid_40000000(): guest_program {
	const { eax } = yield* cpuid(0x40000000);

	yield* GUEST_ASSERT(eax === 0x40000001, "eax == 0x40000001");
}

function* guest_main(guest_cpuid: bigint): guest_program {
	yield* GUEST_SYNC(1);

	yield* test_guest_cpuids(Number(guest_cpuid));

	yield* GUEST_SYNC(2);

	yield* test_cpuid_40000000();

	yield* GUEST_DONE();
}

function is_cpuid_mangled(entrie: struct_kvm_cpuid_entry2): boolean {
	return mangled_cpuids.some((m) => m.function_ === entrie.function &&
		m.index === entrie.index);
}

function compare_cpuids(cpuid1: struct_kvm_cpuid2, cpuid2: struct_kvm_cpuid2): void {
	TEST_ASSERT(cpuid1.nent === cpuid2.nent, "CPUID nent mismatch: %d vs. %d", cpuid1.nent,
		cpuid2.nent);

	for (let i = 0; i < cpuid1.nent; i++) {
		const e1 = cpuid1.entries[i]!;
		const e2 = cpuid2.entries[i]!;

		TEST_ASSERT(e1.function === e2.function && e1.index === e2.index &&
			e1.flags === e2.flags,
		"CPUID entries[%d] mismtach: 0x%x.%d.%x vs. 0x%x.%d.%x\n",
		i, e1.function, e1.index, e1.flags, e2.function, e2.index, e2.flags);

		if (is_cpuid_mangled(e1))
			continue;

		TEST_ASSERT(e1.eax === e2.eax && e1.ebx === e2.ebx &&
			e1.ecx === e2.ecx && e1.edx === e2.edx,
		"CPUID 0x%x.%x differ: 0x%x:0x%x:0x%x:0x%x vs 0x%x:0x%x:0x%x:0x%x",
		e1.function, e1.index, e1.eax, e1.ebx, e1.ecx, e1.edx,
		e2.eax, e2.ebx, e2.ecx, e2.edx);
	}
}

function* run_vcpu(vcpu: struct_kvm_vcpu, stage: number): wait {
	const uc = new struct_ucall();

	yield* vcpu_run(vcpu);

	switch (yield* get_ucall(vcpu, uc)) {
	case UCALL_SYNC:
		TEST_ASSERT(string_at(uc.args[0]!) === "hello" &&
			uc.args[1] === BigInt(stage + 1),
		"Stage %d: Unexpected register values vmexit, got %lx",
		stage + 1, uc.args[1]!);
		return;
	case UCALL_DONE:
		return;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT_2(uc, "values: %#lx, %#lx");
		break;
	default:
		TEST_ASSERT(false, "Unexpected exit: %s", exit_reason_str(vcpu.run.exit_reason));
	}
}

function vcpu_alloc_cpuid(vm: struct_kvm_vm, cpuid: struct_kvm_cpuid2): number {
	const size = sizeof(struct_kvm_cpuid2) + cpuid.nent * ENTRY_SIZE;
	const gva = vm_vaddr_alloc(vm, size, KVM_UTIL_MIN_VADDR);

	poke(addr_gva2hva(vm, gva), cpuid.bytes.subarray(0, size));

	return gva;
}

function set_cpuid_after_run(vcpu: struct_kvm_vcpu): void {
	/* Setting unmodified CPUID is allowed */
	let rc = __vcpu_set_cpuid(vcpu);
	TEST_ASSERT(rc === 0, "Setting unmodified CPUID after KVM_RUN failed: %d", rc);

	/* Changing CPU features is forbidden */
	let ent = vcpu_get_cpuid_entry(vcpu, 0x7);
	const ebx = ent.ebx;
	ent.ebx--;
	rc = __vcpu_set_cpuid(vcpu);
	TEST_ASSERT(rc !== 0, "Changing CPU features should fail");
	ent.ebx = ebx;

	/* Changing MAXPHYADDR is forbidden */
	ent = vcpu_get_cpuid_entry(vcpu, 0x80000008);
	const eax = ent.eax;
	const x = eax & 0xff;
	ent.eax = (eax & ~0xff) | (x - 1);
	rc = __vcpu_set_cpuid(vcpu);
	TEST_ASSERT(rc !== 0, "Changing MAXPHYADDR should fail");
	ent.eax = eax;
}

export function* main(): wait<number> {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_main);

	compare_cpuids(kvm_get_supported_cpuid(), vcpu.cpuid!);

	const cpuid_gva = vcpu_alloc_cpuid(vm, vcpu.cpuid!);

	vcpu_args_set(vcpu, 1, cpuid_gva);

	for (let stage = 0; stage < 3; stage++)
		yield* run_vcpu(vcpu, stage);

	set_cpuid_after_run(vcpu);

	kvm_vm_free(vm);
	return 0;
}
