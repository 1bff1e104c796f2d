// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IPI through the xAPIC's page wakes a vCPU that has halted, again and again.
 *
 * Upstream: tools/testing/selftests/kvm/x86_64/xapic_ipi_test.c. Left out: migrating the host's
 * pages meanwhile (there is one NUMA node). A number of IPIs stands for the running time; the last
 * of them tells the halter to stop, as threads cannot be cancelled.
 */
import { cli, hlt, ld64n, pause, rdmsr, st64n, sti } from "#hw/isa_guest.ts";
import { KVM_EXIT_IO } from "#uapi/linux/kvm.ts";
import { printf, pthread_create, pthread_join, usleep } from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_DONE, guest_global, type guest_program,
	kvm_vm_free, REPORT_GUEST_ASSERT, type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall,
	sync_global_from_guest, sync_global_to_guest, UCALL_ABORT, UCALL_DONE, vcpu_run,
	virt_pg_map, vm_create_with_one_vcpu, vm_vcpu_add, type wait,
} from "../include/kvm_util.ts";
import {
	APIC_DEFAULT_GPA, APIC_DEST_PHYSICAL, APIC_DM_FIXED, APIC_EOI, APIC_ICR, APIC_ICR2,
	APIC_ID, APIC_LVR, APIC_PROCPRI, APIC_TASKPRI, GET_APIC_ID_FIELD, SET_APIC_DEST_FIELD,
	xapic_enable, xapic_read_reg, xapic_write_reg,
} from "../include/x86_64/apic.ts";
import { MSR_IA32_APICBASE } from "../include/x86_64/msr-index.ts";
import {
	type ex_regs, vcpu_init_descriptor_tables, vm_init_descriptor_tables,
	vm_install_exception_handler,
} from "../include/x86_64/processor.ts";
import { ASSERT_EQ, TEST_ASSERT } from "../include/test_util.ts";

const NR_IPIS		= 1000;

/* alternating bits */
const IPI_VECTOR	= 0xa5;

/* shared by the guest's vCPUs and the host */
const ipis_rcvd		= new guest_global();
const halter_apic_id	= new guest_global();
const hlt_count		= new guest_global();
const wake_count	= new guest_global();
const ipis_sent		= new guest_global();
const halter_tpr	= new guest_global();
const halter_ppr	= new guest_global();
const halter_lvr	= new guest_global();
const stop		= new guest_global();

function* inc(g: guest_global): guest_program {
	yield* st64n(g.gva, (yield* ld64n(g.gva)) + 1);
}

function* verify_apic_base_addr(): guest_program {
	const msr = yield* rdmsr(MSR_IA32_APICBASE);

	yield* GUEST_ASSERT(Number(msr >> 12n << 12n) === APIC_DEFAULT_GPA,
		"base == APIC_DEFAULT_GPA");
}

function* halter_guest_code(): guest_program {
	yield* verify_apic_base_addr();
	yield* xapic_enable();

	yield* st64n(halter_apic_id.gva, GET_APIC_ID_FIELD(yield* xapic_read_reg(APIC_ID)));
	yield* st64n(halter_lvr.gva, yield* xapic_read_reg(APIC_LVR));

	/*
	 * Interrupts are open during HLT only, so that little lies between the count that the
	 * sender looks at and the halt itself.
	 */
	while ((yield* ld64n(stop.gva)) === 0) {
		yield* st64n(halter_tpr.gva, yield* xapic_read_reg(APIC_TASKPRI));
		yield* st64n(halter_ppr.gva, yield* xapic_read_reg(APIC_PROCPRI));
		yield* inc(hlt_count);
		yield* sti();
		yield* hlt();
		yield* cli();
		yield* inc(wake_count);
	}
	yield* GUEST_DONE();
}

/** On the halter. What is written to EOI does not matter, as long as it gets there. */
function* guest_ipi_handler(_regs: ex_regs): guest_program {
	yield* inc(ipis_rcvd);
	yield* xapic_write_reg(APIC_EOI, 77);
}

function* sender_guest_code(): guest_program {
	yield* verify_apic_base_addr();
	yield* xapic_enable();

	/* the halter is there: it halted before this vCPU was started */
	const icr_val = APIC_DEST_PHYSICAL | APIC_DM_FIXED | IPI_VECTOR;
	const icr2_val = SET_APIC_DEST_FIELD(yield* ld64n(halter_apic_id.gva));

	let last_wake_count = yield* ld64n(wake_count.gva);
	let last_hlt_count = yield* ld64n(hlt_count.gva);
	let last_ipis_rcvd_count = yield* ld64n(ipis_rcvd.gva);
	for (let i = 1; i <= NR_IPIS; i++) {
		if (i === NR_IPIS)
			yield* st64n(stop.gva, 1);
		yield* xapic_write_reg(APIC_ICR2, icr2_val);
		yield* xapic_write_reg(APIC_ICR, icr_val);
		yield* inc(ipis_sent);
		if (i === NR_IPIS)
			break;

		/* received, woken, and halted again */
		let rcvd = false, woke = false, halted = false;
		for (let n = 0; n < 1000000 && !(rcvd && woke && halted); n++) {
			rcvd = (yield* ld64n(ipis_rcvd.gva)) !== last_ipis_rcvd_count;
			woke = (yield* ld64n(wake_count.gva)) !== last_wake_count;
			halted = (yield* ld64n(hlt_count.gva)) !== last_hlt_count;
			yield* pause();
		}
		yield* GUEST_ASSERT(rcvd && woke && halted, "ipis_rcvd, wake_count, hlt_count");

		last_wake_count = yield* ld64n(wake_count.gva);
		last_hlt_count = yield* ld64n(hlt_count.gva);
		last_ipis_rcvd_count = yield* ld64n(ipis_rcvd.gva);
	}
	yield* GUEST_DONE();
}

function* vcpu_thread(vcpu: struct_kvm_vcpu): wait {
	const uc = new struct_ucall();

	yield* vcpu_run(vcpu);

	const exit_reason = vcpu.run.exit_reason;
	TEST_ASSERT(exit_reason === KVM_EXIT_IO,
		"vCPU %u exited with unexpected exit reason %u-%s, expected KVM_EXIT_IO",
		vcpu.id, exit_reason, exit_reason_str(exit_reason));

	const cmd = yield* get_ucall(vcpu, uc);
	if (cmd === UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	ASSERT_EQ(cmd, UCALL_DONE, "cmd, UCALL_DONE");
}

function from_guest(vm: struct_kvm_vm, g: guest_global): number {
	sync_global_from_guest(vm, g);
	return Number(g.v);
}

export function* main(): wait<number> {
	const { vm, vcpu } = vm_create_with_one_vcpu(halter_guest_code);

	vm_init_descriptor_tables(vm);
	vcpu_init_descriptor_tables(vcpu);
	vm_install_exception_handler(vm, IPI_VECTOR, guest_ipi_handler);

	virt_pg_map(vm, APIC_DEFAULT_GPA, APIC_DEFAULT_GPA);

	const sender = vm_vcpu_add(vm, 1, sender_guest_code);

	for (const g of [ipis_rcvd, halter_apic_id, hlt_count, wake_count, ipis_sent, halter_tpr,
		halter_ppr, halter_lvr, stop]) {
		g.v = 0n;
		sync_global_to_guest(vm, g);
	}

	const halter_thread = pthread_create(() => vcpu_thread(vcpu));
	for (let i = 0; i < 1000 && from_guest(vm, hlt_count) === 0; i++)
		yield* usleep(10000);
	TEST_ASSERT(from_guest(vm, hlt_count) !== 0,
		"Halter vCPU did not execute first HLT within %d seconds", 10);

	const sender_thread = pthread_create(() => vcpu_thread(sender));
	yield* pthread_join(halter_thread);
	yield* pthread_join(sender_thread);

	ASSERT_EQ(from_guest(vm, ipis_rcvd), NR_IPIS, "ipis_rcvd, NR_IPIS");
	printf("Sending vCPU sent %lu IPIs to halting vCPU\n" +
		"Halting vCPU halted %lu times, woke %lu times, received %lu IPIs.\n" +
		"Halter APIC ID=%#x\nTPR=%#x PPR=%#x LVR=%#x\n",
		from_guest(vm, ipis_sent), from_guest(vm, hlt_count), from_guest(vm, wake_count),
		from_guest(vm, ipis_rcvd), from_guest(vm, halter_apic_id),
		from_guest(vm, halter_tpr), from_guest(vm, halter_ppr), from_guest(vm, halter_lvr));

	kvm_vm_free(vm);
	return 0;
}
