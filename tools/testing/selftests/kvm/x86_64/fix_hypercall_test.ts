// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other vendor's hypercall instruction: KVM puts its own in its place, or does not.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/fix_hypercall_test.c.
 */
import { cpuid, guest_text_alloc, guest_text_image, memcmp, vmcall, vmmcall } from
	"#hw/isa_guest.ts";
import { KVM_CAP_DISABLE_QUIRKS2 } from "#uapi/linux/kvm.ts";
import { KVM_HC_SCHED_YIELD } from "#uapi/linux/kvm_para.ts";
import { KVM_X86_QUIRK_FIX_HYPERCALL_INSN, UD_VECTOR } from "#uapi-asm/kvm.ts";
import { ld64 } from "#hw/isa_guest.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_DONE, guest_global, type guest_program,
	kvm_check_cap, kvm_vm_free, REPORT_GUEST_ASSERT, string_at, type struct_kvm_vcpu,
	struct_ucall, sync_global_to_guest, UCALL_ABORT, UCALL_DONE, UCALL_SYNC, vcpu_run,
	virt_pg_map, vm_create_with_one_vcpu, vm_enable_cap, type wait,
} from "../include/kvm_util.ts";
import { APIC_DEFAULT_GPA, APIC_ID, GET_APIC_ID_FIELD, xapic_read_reg } from
	"../include/x86_64/apic.ts";
import {
	type ex_regs, vcpu_init_descriptor_tables, vm_init_descriptor_tables,
	vm_install_exception_handler,
} from "../include/x86_64/processor.ts";
import { pr_info, TEST_FAIL, TEST_REQUIRE } from "../include/test_util.ts";

/* VMCALL and VMMCALL are both 3-byte opcodes. */
const HYPERCALL_INSN_SIZE = 3;
const VMCALL = [0x0f, 0x01, 0xc1], VMMCALL = [0x0f, 0x01, 0xd9];

const ud_expected = new guest_global();

function* guest_ud_handler(_regs: ex_regs): guest_program {
	yield* GUEST_ASSERT((yield* ld64(ud_expected.gva)) !== 0n, "ud_expected");
	yield* GUEST_DONE();
}

/** Where guest_main()'s text has these bytes. */
function insn_address(insn: readonly number[]): number {
	const image = guest_text_image();
	const at = image.findIndex((_, i) => insn.every((b, j) => image[i + j] === b));

	return guest_text_alloc(guest_main) + at;
}

function* svm_do_sched_yield(apic_id: number): Generator<number, bigint, void> {
	return yield* vmmcall(BigInt(KVM_HC_SCHED_YIELD), BigInt(apic_id), 0n, 0n, 0n);
}

function* vmx_do_sched_yield(apic_id: number): Generator<number, bigint, void> {
	return yield* vmcall(BigInt(KVM_HC_SCHED_YIELD), BigInt(apic_id), 0n, 0n, 0n);
}

function* guest_main(): guest_program {
	const vmx_hypercall_insn = insn_address(VMCALL), svm_hypercall_insn = insn_address(VMMCALL);
	let native_hypercall_insn: number, hypercall_insn: number;

	const apic_id = GET_APIC_ID_FIELD(yield* xapic_read_reg(APIC_ID));
	const { ebx } = yield* cpuid(0);

	if (ebx === 0x756e6547) {		/* "Genu" */
		native_hypercall_insn = vmx_hypercall_insn;
		hypercall_insn = svm_hypercall_insn;
		yield* svm_do_sched_yield(apic_id);
	} else if (ebx === 0x68747541) {	/* "Auth" */
		native_hypercall_insn = svm_hypercall_insn;
		hypercall_insn = vmx_hypercall_insn;
		yield* vmx_do_sched_yield(apic_id);
	} else {
		yield* GUEST_ASSERT(false, "0");
		return;
	}

	/* no #UD (its handler says "done"): so none may be expected, and the text is changed */
	yield* GUEST_ASSERT((yield* ld64(ud_expected.gva)) === 0n, "!ud_expected");
	yield* GUEST_ASSERT((yield* memcmp(native_hypercall_insn, hypercall_insn,
		HYPERCALL_INSN_SIZE)) === 0,
	"!memcmp(native_hypercall_insn, hypercall_insn, HYPERCALL_INSN_SIZE)");
	yield* GUEST_DONE();
}

function setup_ud_vector(vcpu: struct_kvm_vcpu): void {
	vm_init_descriptor_tables(vcpu.vm);
	vcpu_init_descriptor_tables(vcpu);
	vm_install_exception_handler(vcpu.vm, UD_VECTOR, guest_ud_handler);
}

function* enter_guest(vcpu: struct_kvm_vcpu): wait {
	const run = vcpu.run;
	const uc = new struct_ucall();

	yield* vcpu_run(vcpu);
	switch (yield* get_ucall(vcpu, uc)) {
	case UCALL_SYNC:
		pr_info("%s: %016lx\n", string_at(uc.args[2]!), uc.args[3]!);
		break;
	case UCALL_DONE:
		return;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("Unhandled ucall: %ld\nexit_reason: %u (%s)",
			uc.cmd, run.exit_reason, exit_reason_str(run.exit_reason));
	}
}

function* test_fix_hypercall(): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_main);
	setup_ud_vector(vcpu);

	ud_expected.v = 0n;
	sync_global_to_guest(vm, ud_expected);

	virt_pg_map(vm, APIC_DEFAULT_GPA, APIC_DEFAULT_GPA);

	yield* enter_guest(vcpu);
	kvm_vm_free(vm);
}

function* test_fix_hypercall_disabled(): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_main);
	setup_ud_vector(vcpu);

	vm_enable_cap(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);

	ud_expected.v = 1n;
	sync_global_to_guest(vm, ud_expected);

	virt_pg_map(vm, APIC_DEFAULT_GPA, APIC_DEFAULT_GPA);

	yield* enter_guest(vcpu);
	kvm_vm_free(vm);
}

export function* main(): wait<number> {
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_FIX_HYPERCALL_INSN,
		"kvm_check_cap(KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_FIX_HYPERCALL_INSN");

	yield* test_fix_hypercall();
	yield* test_fix_hypercall_disabled();
	return 0;
}
