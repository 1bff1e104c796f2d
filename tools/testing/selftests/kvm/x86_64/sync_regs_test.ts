// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_SYNC_REGS: registers that KVM_RUN copies out to kvm_run and takes back from there.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/sync_regs_test.c.
 */
import { get_reg, inb, REG_RBX, REG_RDI, REG_RSP, reg_gva, set_reg, st64 } from
	"#hw/isa_guest.ts";
import { EINVAL } from "#uapi/asm-generic/errno-base.ts";
import { KVM_CAP_SYNC_REGS, KVM_EXIT_IO, type struct_kvm_run } from "#uapi/linux/kvm.ts";
import {
	KVM_SYNC_X86_EVENTS, KVM_SYNC_X86_REGS, KVM_SYNC_X86_SREGS, struct_kvm_regs,
	struct_kvm_sregs, struct_kvm_vcpu_events,
} from "#uapi-asm/kvm.ts";
import { errno } from "#tools/include/nolibc/nolibc.ts";
import {
	_vcpu_run, exit_reason_str, type guest_program, kvm_check_cap, kvm_vm_free, UCALL_NONE,
	vcpu_events_get, vcpu_regs_get, vcpu_regs_set, vcpu_sregs_get, vm_create_with_one_vcpu,
	type wait,
} from "../include/kvm_util.ts";
import { TEST_ASSERT, TEST_REQUIRE } from "../include/test_util.ts";

const UCALL_PIO_PORT = 0x1000;

/** Calls out with no command, and counts in RBX. */
function* guest_code(): guest_program {
	const uc_none = reg_gva(yield* get_reg(REG_RSP)) - 256;

	yield* st64(uc_none, BigInt(UCALL_NONE));
	yield* set_reg(REG_RDI, BigInt(uc_none));
	for (;;) {
		yield* inb(UCALL_PIO_PORT);
		yield* set_reg(REG_RBX, (yield* get_reg(REG_RBX)) + 1n);
	}
}

function compare_regs(left: struct_kvm_regs, right: struct_kvm_regs): void {
	for (const reg of ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags"] as const)
		TEST_ASSERT(left[reg] === right[reg],
			"Register %s values did not match: 0x%llx, 0x%llx\n",
			reg, left[reg], right[reg]);
}

function compare_sregs(_left: struct_kvm_sregs, _right: struct_kvm_sregs): void {}

function compare_vcpu_events(_left: struct_kvm_vcpu_events,
	_right: struct_kvm_vcpu_events): void {}

const TEST_SYNC_FIELDS = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
const INVALID_SYNC_FIELD = 0x80000000n;

function expect_io(run: struct_kvm_run): void {
	TEST_ASSERT(run.exit_reason === KVM_EXIT_IO,
		"Unexpected exit reason: %u (%s),\n",
		run.exit_reason, exit_reason_str(run.exit_reason));
}

export function* main(): wait<number> {
	const cap = BigInt(kvm_check_cap(KVM_CAP_SYNC_REGS));
	TEST_REQUIRE((cap & TEST_SYNC_FIELDS) === TEST_SYNC_FIELDS,
		"(cap & TEST_SYNC_FIELDS) == TEST_SYNC_FIELDS");
	TEST_REQUIRE((cap & INVALID_SYNC_FIELD) === 0n, "!(cap & INVALID_SYNC_FIELD)");

	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code);
	const regs = struct_kvm_regs.alloc();
	const sregs = struct_kvm_sregs.alloc();
	const events = struct_kvm_vcpu_events.alloc();

	const run = vcpu.run;

	/* Request reading invalid register set from VCPU. */
	run.kvm_valid_regs = INVALID_SYNC_FIELD;
	let rv = yield* _vcpu_run(vcpu);
	TEST_ASSERT(rv < 0 && errno() === EINVAL,
		"Invalid kvm_valid_regs did not cause expected KVM_RUN error: %d\n", rv);
	run.kvm_valid_regs = 0n;

	run.kvm_valid_regs = INVALID_SYNC_FIELD | TEST_SYNC_FIELDS;
	rv = yield* _vcpu_run(vcpu);
	TEST_ASSERT(rv < 0 && errno() === EINVAL,
		"Invalid kvm_valid_regs did not cause expected KVM_RUN error: %d\n", rv);
	run.kvm_valid_regs = 0n;

	/* Request setting invalid register set into VCPU. */
	run.kvm_dirty_regs = INVALID_SYNC_FIELD;
	rv = yield* _vcpu_run(vcpu);
	TEST_ASSERT(rv < 0 && errno() === EINVAL,
		"Invalid kvm_dirty_regs did not cause expected KVM_RUN error: %d\n", rv);
	run.kvm_dirty_regs = 0n;

	run.kvm_dirty_regs = INVALID_SYNC_FIELD | TEST_SYNC_FIELDS;
	rv = yield* _vcpu_run(vcpu);
	TEST_ASSERT(rv < 0 && errno() === EINVAL,
		"Invalid kvm_dirty_regs did not cause expected KVM_RUN error: %d\n", rv);
	run.kvm_dirty_regs = 0n;

	/* Request and verify all valid register sets. */
	run.kvm_valid_regs = TEST_SYNC_FIELDS;
	rv = yield* _vcpu_run(vcpu);
	expect_io(run);

	vcpu_regs_get(vcpu, regs);
	compare_regs(regs, run.s.regs.regs);

	vcpu_sregs_get(vcpu, sregs);
	compare_sregs(sregs, run.s.regs.sregs);

	vcpu_events_get(vcpu, events);
	compare_vcpu_events(events, run.s.regs.events);

	/* Set and verify various register values. */
	run.s.regs.regs.rbx = 0xBAD1DEAn;
	run.s.regs.sregs.apic_base = 1n << 11n;

	run.kvm_valid_regs = TEST_SYNC_FIELDS;
	run.kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	rv = yield* _vcpu_run(vcpu);
	expect_io(run);
	TEST_ASSERT(run.s.regs.regs.rbx === 0xBAD1DEAn + 1n,
		"rbx sync regs value incorrect 0x%llx.", run.s.regs.regs.rbx);
	TEST_ASSERT(run.s.regs.sregs.apic_base === 1n << 11n,
		"apic_base sync regs value incorrect 0x%llx.", run.s.regs.sregs.apic_base);

	vcpu_regs_get(vcpu, regs);
	compare_regs(regs, run.s.regs.regs);

	vcpu_sregs_get(vcpu, sregs);
	compare_sregs(sregs, run.s.regs.sregs);

	vcpu_events_get(vcpu, events);
	compare_vcpu_events(events, run.s.regs.events);

	/* nothing dirty: the guest's values are copied over what is there */
	run.kvm_valid_regs = TEST_SYNC_FIELDS;
	run.kvm_dirty_regs = 0n;
	run.s.regs.regs.rbx = 0xDEADBEEFn;
	rv = yield* _vcpu_run(vcpu);
	expect_io(run);
	TEST_ASSERT(run.s.regs.regs.rbx !== 0xDEADBEEFn,
		"rbx sync regs value incorrect 0x%llx.", run.s.regs.regs.rbx);

	/* nothing valid, nothing dirty: neither side sees the other's */
	run.kvm_valid_regs = 0n;
	run.kvm_dirty_regs = 0n;
	run.s.regs.regs.rbx = 0xAAAAn;
	regs.rbx = 0xBAC0n;
	vcpu_regs_set(vcpu, regs);
	rv = yield* _vcpu_run(vcpu);
	expect_io(run);
	TEST_ASSERT(run.s.regs.regs.rbx === 0xAAAAn,
		"rbx sync regs value incorrect 0x%llx.", run.s.regs.regs.rbx);
	vcpu_regs_get(vcpu, regs);
	TEST_ASSERT(regs.rbx === 0xBAC0n + 1n, "rbx guest value incorrect 0x%llx.", regs.rbx);

	/* dirty but not valid: the guest gets the values, and they stay as they were */
	run.kvm_valid_regs = 0n;
	run.kvm_dirty_regs = TEST_SYNC_FIELDS;
	run.s.regs.regs.rbx = 0xBBBBn;
	rv = yield* _vcpu_run(vcpu);
	expect_io(run);
	TEST_ASSERT(run.s.regs.regs.rbx === 0xBBBBn,
		"rbx sync regs value incorrect 0x%llx.", run.s.regs.regs.rbx);
	vcpu_regs_get(vcpu, regs);
	TEST_ASSERT(regs.rbx === 0xBBBBn + 1n, "rbx guest value incorrect 0x%llx.", regs.rbx);

	kvm_vm_free(vm);

	return 0;
}
