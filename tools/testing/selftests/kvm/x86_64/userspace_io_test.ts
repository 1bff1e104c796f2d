// SPDX-License-Identifier: GPL-2.0
/*
 * REP INS from a port that userspace serves, with a count that userspace changes under way.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/userspace_io_test.c.
 */
import { get_reg, ld8, memset, REG_RCX, REG_RDI, REG_RSP, reg_gva, rep_ins } from
	"#hw/isa_guest.ts";
import { KVM_EXIT_IO } from "#uapi/linux/kvm.ts";
import { struct_kvm_regs } from "#uapi-asm/kvm.ts";
import { memset as host_memset } from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT_1, GUEST_ASSERT_2, GUEST_DONE,
	type guest_program, kvm_vm_free, REPORT_GUEST_ASSERT_2, struct_ucall, UCALL_ABORT,
	UCALL_DONE, vcpu_regs_get, vcpu_regs_set, vcpu_run, vm_create_with_one_vcpu, type wait,
} from "../include/kvm_util.ts";
import { TEST_ASSERT, TEST_FAIL } from "../include/test_util.ts";

function* guest_ins_port80(buffer: number, count: number): guest_program {
	const end = count === 2 ? buffer + 1 : buffer + 8192;

	yield* rep_ins(0x80, buffer, 1, count);
	const rcx = yield* get_reg(REG_RCX);
	yield* GUEST_ASSERT_1(rcx === 0n, "count == 0", rcx);
	const rdi = yield* get_reg(REG_RDI);
	yield* GUEST_ASSERT_2(rdi === BigInt(end), "(unsigned long)buffer == end", rdi, end);
}

/**
 * The test changes RCX from 2 to 1 and from 3 to 8192. KVM need not make sense of that, only not
 * overflow its buffer.
 */
function* guest_code(): guest_program {
	const buffer = reg_gva(yield* get_reg(REG_RSP)) - 8192 - 4096;

	yield* guest_ins_port80(buffer, 2);
	yield* guest_ins_port80(buffer, 3);

	yield* memset(buffer, 0, 8192);
	yield* guest_ins_port80(buffer, 8192);
	for (let i = 0; i < 8192; i++) {
		const x = yield* ld8(buffer + i);
		yield* GUEST_ASSERT_2(x === 0xaa, "buffer[i] == 0xaa", i, x);
	}

	yield* GUEST_DONE();
}

export function* main(): wait<number> {
	const { vm, vcpu } = vm_create_with_one_vcpu(guest_code);
	const run = vcpu.run;
	const regs = struct_kvm_regs.alloc();
	const uc = new struct_ucall();

	for (;;) {
		yield* vcpu_run(vcpu);

		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO,
			"Unexpected exit reason: %u (%s),\n",
			run.exit_reason, exit_reason_str(run.exit_reason));

		if ((yield* get_ucall(vcpu, uc)) !== 0)
			break;

		TEST_ASSERT(run.io.port === 0x80,
			"Expected I/O at port 0x80, got port 0x%x\n", run.io.port);

		/*
		 * Only KVM's way of batching string I/O keeps this from going on for ever; that
		 * is its own affair and no ABI.
		 */
		vcpu_regs_get(vcpu, regs);
		if (regs.rcx === 2n)
			regs.rcx = 1n;
		if (regs.rcx === 3n)
			regs.rcx = 8192n;
		host_memset(vcpu.run_hva + Number(run.io.data_offset), 0xaa, 4096);
		vcpu_regs_set(vcpu, regs);
	}

	switch (uc.cmd) {
	case UCALL_DONE:
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT_2(uc, "argN+1 = 0x%lx, argN+2 = 0x%lx");
		break;
	default:
		TEST_FAIL("Unknown ucall %lu", uc.cmd);
	}

	kvm_vm_free(vm);
	return 0;
}
