// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDs whose guest physical addresses have 52 bits: bit 51 says shared, and EPT has five levels, as
 * it has for other VMs with that many.
 *
 * Port-only.
 */
import { get_reg, memchk, memset, REG_R9, REG_RBX, REG_RCX, st64, type guest_program } from
	"#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { memset as host_memset, peek, write_file } from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, GUEST_DONE, kvm_vm_free, struct_ucall, UCALL_DONE, vcpu_run,
	vm_create_with_one_vcpu, type wait,
} from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { TDG_VP_INFO, TDG_VP_VEINFO_GET, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_BIT_WIDE,
	TD_SHARED_VA, VE_VECTOR, td_accept, td_create, td_free, td_long_mode, td_map_gpa, td_report,
	td_require, td_run_until_report, TDVMCALL_INVALID_OPERAND, type struct_td } from
	"../include/x86_64/tdx.ts";
import { vcpu_set_cpuid_maxphyaddr } from "../include/x86_64/processor.ts";

const HPAGE	= 2 ** 21;
const DATA	= TD_FREE_GPA;
const MMIO	= 0xc0000000;

function* expect_reports(td: struct_td, numbers: readonly number[], what: string): wait {
	for (const [i, want] of numbers.entries()) {
		const got = yield* td_run_until_report(td);
		TEST_ASSERT(got === want, "%s, %d: 0x%x instead of 0x%x", what, i, got, want);
	}
}

function* wide(): guest_program {
	const gpaw = yield* get_reg(REG_RBX);

	yield* td_long_mode();
	yield* td_report(gpaw);
	yield* tdcall(TDG_VP_INFO);
	yield* td_report(yield* get_reg(REG_RCX));
	yield* td_report(yield* td_accept(DATA, 1));
	yield* memset(DATA, 0x66, HPAGE);
	/* bit 47 is part of the address */
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, 4096)));
	yield* td_report(Number((yield* td_map_gpa(2 * TD_SHARED_BIT_WIDE, 4096)) ===
		TDVMCALL_INVALID_OPERAND));
	yield* td_report(Number(yield* memchk(DATA, 0x66, HPAGE)));
	/* there and back */
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT_WIDE, HPAGE)));
	yield* td_report(Number(yield* memchk(TD_SHARED_VA + DATA, 0x99, HPAGE)));
	yield* memset(TD_SHARED_VA + DATA, 0x33, HPAGE);
	yield* td_report(Number(yield* td_map_gpa(DATA, HPAGE)));
	yield* td_report(yield* td_accept(DATA, 1));
	yield* td_report(Number(yield* memchk(DATA, 0, HPAGE)));
	yield* st64(TD_SHARED_VA + MMIO + 8, 1n);
}

function* test_td(): wait {
	const td = td_create([wide], { wide: true, handlers: { [VE_VECTOR]: function* () {
		yield* tdcall(TDG_VP_VEINFO_GET);
		const gpa = yield* get_reg(REG_R9);
		yield* td_report(Number(gpa > BigInt(TD_SHARED_BIT_WIDE)));
		yield* td_report(gpa % BigInt(TD_SHARED_BIT_WIDE));
	} } });

	host_memset(td.hva + DATA, 0x99, HPAGE);
	yield* expect_reports(td, [52, 52, 0], "private");
	yield* expect_reports(td, [0, 1, 1], "bit 47");
	yield* expect_reports(td, [0, 1], "shared");
	yield* expect_reports(td, [0], "private again");
	TEST_ASSERT(peek(td.hva + DATA, HPAGE).every((b) => b === 0x33), "shared memory");
	yield* expect_reports(td, [0, 1], "private again");
	yield* expect_reports(td, [1, MMIO + 8], "#VE");
	td_free(td);
}

/** An ordinary VM. */
function* test_vm(): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(function* () {
		yield* GUEST_DONE();
	});
	const uc = new struct_ucall();

	vcpu_set_cpuid_maxphyaddr(vcpu, 52);
	yield* vcpu_run(vcpu);
	TEST_ASSERT((yield* get_ucall(vcpu, uc)) === UCALL_DONE, "exit %s",
		exit_reason_str(vcpu.run.exit_reason));
	kvm_vm_free(vm);
}

export function* main(): wait<number> {
	td_require();

	TEST_ASSERT(write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always") === 0,
		"shmem_enabled");
	yield* test_td();
	yield* test_vm();
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "never");
	return 0;
}
