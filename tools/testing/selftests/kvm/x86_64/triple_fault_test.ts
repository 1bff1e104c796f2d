// SPDX-License-Identifier: GPL-2.0-only
/*
 * Triple faults: of the guest's own making, and as an event that userspace saves and restores.
 *
 * After tools/testing/selftests/kvm/x86_64/triple_fault_event_test.c, without its nested guest: a
 * pending triple fault ends the vCPU with KVM_EXIT_SHUTDOWN.
 */
import { inb, ud2 } from "#hw/isa_guest.ts";
import { EINVAL } from "#uapi/asm-generic/errno-base.ts";
import {
	KVM_CAP_X86_TRIPLE_FAULT_EVENT, KVM_EXIT_IO, KVM_EXIT_SHUTDOWN, KVM_SET_VCPU_EVENTS,
} from "#uapi/linux/kvm.ts";
import { KVM_VCPUEVENT_VALID_TRIPLE_FAULT, struct_kvm_vcpu_events } from "#uapi-asm/kvm.ts";
import { errno } from "#tools/include/nolibc/nolibc.ts";
import {
	__vcpu_ioctl, exit_reason_str, GUEST_ASSERT, type guest_program, kvm_has_cap, kvm_vm_free,
	type struct_kvm_vcpu, vcpu_events_get, vcpu_events_set, vcpu_run, vcpu_run_complete_io,
	vm_create_with_one_vcpu, vm_enable_cap, type wait,
} from "../include/kvm_util.ts";
import { TEST_ASSERT, TEST_REQUIRE } from "../include/test_util.ts";

const ARBITRARY_IO_PORT = 0x2000;

function* guest_code_io(): guest_program {
	yield* inb(ARBITRARY_IO_PORT);
	yield* GUEST_ASSERT(false, "0");
}

/** There is no IDT: #UD, #DF, shutdown. */
function* guest_code_ud(): guest_program {
	yield* ud2();
	yield* GUEST_ASSERT(false, "0");
}

function* run_until(vcpu: struct_kvm_vcpu, exit_reason: number): wait {
	yield* vcpu_run(vcpu);

	TEST_ASSERT(vcpu.run.exit_reason === exit_reason, "Expected %s, got: %u (%s)\n",
		exit_reason_str(exit_reason), vcpu.run.exit_reason,
		exit_reason_str(vcpu.run.exit_reason));
}

function* test_event(): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code_io);
	const events = struct_kvm_vcpu_events.alloc();

	vm_enable_cap(vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);

	const run = vcpu.run;
	yield* run_until(vcpu, KVM_EXIT_IO);
	TEST_ASSERT(run.io.port === ARBITRARY_IO_PORT, "Expected IN from port %d, got port %d",
		ARBITRARY_IO_PORT, run.io.port);

	vcpu_events_get(vcpu, events);
	events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	vcpu_events_set(vcpu, events);
	yield* vcpu_run_complete_io(vcpu);

	vcpu_events_get(vcpu, events);
	TEST_ASSERT((events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) !== 0,
		"Triple fault event invalid");
	TEST_ASSERT(events.triple_fault.pending !== 0, "No triple fault pending");
	yield* run_until(vcpu, KVM_EXIT_SHUTDOWN);

	vcpu_events_get(vcpu, events);
	TEST_ASSERT(events.triple_fault.pending === 0, "Triple fault still pending");
	kvm_vm_free(vm);
}

/** A VM that did not ask for it neither sees the event nor may set it. */
function test_event_not_enabled(): void {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code_io);
	const events = struct_kvm_vcpu_events.alloc();

	vcpu_events_get(vcpu, events);
	TEST_ASSERT((events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) === 0,
		"Triple fault event valid");
	events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	const r = __vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, events);
	TEST_ASSERT(r === -1 && errno() === EINVAL,
		"KVM_SET_VCPU_EVENTS should fail, r: %d errno: %d", r, errno());
	kvm_vm_free(vm);
}

function* test_guest(): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code_ud);

	yield* run_until(vcpu, KVM_EXIT_SHUTDOWN);
	kvm_vm_free(vm);
}

export function* main(): wait<number> {
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_X86_TRIPLE_FAULT_EVENT),
		"kvm_has_cap(KVM_CAP_X86_TRIPLE_FAULT_EVENT)");

	yield* test_event();
	test_event_not_enabled();
	yield* test_guest();
	return 0;
}
