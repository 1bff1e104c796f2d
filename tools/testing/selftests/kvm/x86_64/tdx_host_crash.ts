// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of tdx_host_crash_test, on each of its hosts: a VMM that wants to write to memory of
 * its TD, beside another VM.
 *
 * Port-only. It knows nothing of the kernel that it is on. Lines with "#" are details.
 */
import { KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_IO } from "#uapi/linux/kvm.ts";
import { memchk, memset, type guest_program } from "#hw/isa_guest.ts";
import { close, errno_name, exit, fork, malloc, peek, pipe, poke, printf, read_file, read_wait,
	waitpid, write_bytes, WEXITSTATUS, WIFEXITED, WTERMSIG } from "#tools/include/nolibc/nolibc.ts";
import { GUEST_ASSERT, GUEST_SYNC, get_ucall, kvm_vm_free, struct_ucall, UCALL_SYNC, vcpu_run,
	vm_create_with_one_vcpu, vm_vaddr_alloc, type struct_kvm_vcpu, type wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { td_accept, td_create, td_free, td_long_mode, td_mapped_errno, td_report, td_require,
	td_run, td_run_until_report, TD_FREE_GPA, type struct_td } from "../include/x86_64/tdx.ts";
import { try_everything } from "./tdx_host_attempts.ts";

const DATA = TD_FREE_GPA, PAGE = 4096, PATTERN = 0x66;

function* td_code(): guest_program {
	yield* td_long_mode();
	yield* td_accept(DATA);
	yield* memset(DATA, PATTERN, PAGE);
	yield* td_report(2);
	yield* td_report(Number(yield* memchk(DATA, PATTERN, PAGE)));
}

function wake(ends: [number, number]): void {
	write_bytes(ends[1], new Uint8Array(1));
}

function* wait_for(ends: [number, number]): wait {
	const byte = malloc(1);

	TEST_ASSERT((yield* read_wait(ends[0], byte, 1)) === 1, "nobody writes to the pipe");
}

/* ---- the other VM --------------------------------------------------------------------------- */

/* a page of the other VM, by its own address */
let other_page = 0;

function* other_code(): guest_program {
	for (let n = 0; ; n++) {
		yield* memset(other_page, n, PAGE);
		yield* GUEST_SYNC(n);
		yield* GUEST_ASSERT(yield* memchk(other_page, n, PAGE), "memory");
	}
}

function* run_other(vcpu: struct_kvm_vcpu, n: number): wait {
	const uc = new struct_ucall();

	yield* vcpu_run(vcpu);
	TEST_ASSERT((yield* get_ucall(vcpu, uc)) === UCALL_SYNC && uc.args[1] === BigInt(n),
		"the other VM is not at %d", n);
}

/** Runs a bit, waits until somebody writes to the pipe, and runs again. */
function* other_vm(go: [number, number], ready: [number, number]): wait {
	const { vm, vcpu } = vm_create_with_one_vcpu(other_code);

	close(go[1]);
	other_page = vm_vaddr_alloc(vm, PAGE, PAGE);
	yield* run_other(vcpu, 0);
	printf("other VM: runs\n");
	wake(ready);
	yield* wait_for(go);
	yield* run_other(vcpu, 1);
	printf("other VM: goes on\n");
	kvm_vm_free(vm);
	exit(0);
}

/* ---- the VMM -------------------------------------------------------------------------------- */

/** The TD reads its memory. */
function* let_td_read(td: struct_td): wait {
	const { run, run_hva } = td.vcpus[0]!;

	TEST_ASSERT((yield* td_run(td)) === 0, "KVM_RUN");
	if (run.exit_reason === KVM_EXIT_INTERNAL_ERROR) {
		printf("TD: dead, 0x%lx\n", run.internal.data[0]!);
		exit(3);
	}
	TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "exit %d", run.exit_reason);
	const same = peek(run_hva + Number(run.io.data_offset), 1)[0] === 1;
	printf("TD: its memory is %s\n", same ? "as it was" : "not as it was");
}

function* vmm(): wait {
	const error = td_mapped_errno();
	const td = td_create([td_code], { mapped: error === 0 });

	TEST_ASSERT((yield* td_run_until_report(td)) === 2, "the TD does not start");
	if (error === 0) {
		printf("VMM: has the TD's memory mapped\n");
		if (peek(td.hva + DATA, PAGE).every((b) => b === 0))
			printf("VMM: reads zeros there\n");
	} else {
		printf("VMM: KVM wants no mapped memory for a TD\n# it says %s\n", errno_name(error));
		try_everything(td, DATA, PATTERN);
	}
	poke(td.hva + DATA, new Uint8Array([0x11]));
	printf("VMM: writes one byte, and hears nothing\n");
	yield* let_td_read(td);
	td_free(td);
	exit(0);
}

/* ---- all of it ------------------------------------------------------------------------------ */

export function* crash_main(): wait<number> {
	td_require();

	const go = pipe()!, ready = pipe()!;
	const other = fork(() => other_vm(go, ready));
	close(ready[1]);
	yield* wait_for(ready);
	const { status } = yield* waitpid(fork(vmm), 0);
	if (WIFEXITED(status))
		printf("VMM: exits with status %d\n", WEXITSTATUS(status));
	else
		printf("VMM: killed by signal %d\n", WTERMSIG(status));
	printf("HardwareCorrupted: %s kB\n",
		/HardwareCorrupted: +(\d+)/.exec(read_file("/proc/meminfo") ?? "")![1]!);

	wake(go);
	const end = yield* waitpid(other, 0);
	TEST_ASSERT(end.status === 0, "the other VM: 0x%x", end.status);
	const td = td_create([td_code], { mapped: td_mapped_errno() === 0 });
	TEST_ASSERT((yield* td_run_until_report(td)) === 2, "another TD");
	TEST_ASSERT((yield* td_run_until_report(td)) === 1, "another TD's memory");
	printf("another TD: runs\n");
	td_free(td);
	[...go, ready[0]].forEach(close);
	return 0;
}
