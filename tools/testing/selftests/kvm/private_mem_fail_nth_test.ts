// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation on the ways of private memory fails in turn: of the ioctls, and of a guest's
 * faults. What failed leaves no trace, and what was not there is there later.
 *
 * Port-only.
 */
import { ld64, memchk, memset } from "#hw/isa_guest.ts";
import { EFAULT, EINVAL, ENOMEM, ENOSPC } from "#uapi/asm-generic/errno-base.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_PRIVATE,
	KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
	KVM_PRIVATE_MEM_TESTING_BITMAP,
} from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { close, errno, errno_name, fallocate, ftruncate, memfd_create } from
	"#tools/include/nolibc/nolibc.ts";
import {
	ksft_finished, ksft_print_header, ksft_print_msg, ksft_set_plan, ksft_test_result,
} from "#tools/testing/selftests/kselftest.ts";
import {
	__vcpu_run, get_ucall, GUEST_ASSERT, GUEST_DONE, type guest_program, kvm_vm_free,
	type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall, UCALL_DONE, virt_map, type wait,
} from "./include/kvm_util.ts";
import { fail_nth_run, type fail_nth_op } from "./include/fail_nth.ts";
import {
	__vm_set_region_attr, require_private_mem_testing, vm_create_with_private_mem_testing,
	vm_mem_add, vm_mem_set_shared,
} from "./include/private_mem.ts";
import { attr, env, inaccessible, map, modify, PAGE, PAGES, PRIV_GPA, set, SIZE } from
	"./include/private_mem_env.ts";
import { TEST_ASSERT } from "./include/test_util.ts";

const PUNCH	= FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

const attribute_env = (): env => new env(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
const NOMEM = [ENOMEM];

const ioctl_ops: fail_nth_op<env>[] = [
	{
		name: "memfd_create(MFD_INACCESSIBLE)",
		setup: attribute_env,
		op: () => memfd_create("fail", MFD_INACCESSIBLE),
		errnos: [ENOMEM, ENOSPC],
	}, {
		name: "fallocate() of an inaccessible file",
		setup: attribute_env,
		op: (e) => fallocate(e.fd, 0, 0, SIZE),
		errnos: NOMEM,
		again: true,
		partial: true,
	}, {
		name: "punching a hole under a slot",
		setup: () => {
			const e = attribute_env();
			TEST_ASSERT(fallocate(e.fd, 0, 0, SIZE) === 0, "fallocate failed");
			return e;
		},
		op: (e) => fallocate(e.fd, PUNCH, PAGE, 4 * PAGE),
		errnos: [],
	}, {
		name: "ftruncate() of an inaccessible file",
		setup: () => memfd_only(),
		op: (e) => ftruncate(e.fd2, SIZE),
		errnos: NOMEM,
	}, {
		name: "a private slot made",
		setup: attribute_env,
		op: (e) => set(e, {}),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a private slot made, bitmap",
		setup: () => new env(KVM_PRIVATE_MEM_TESTING_BITMAP),
		op: (e) => set(e, {}),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a private slot with dirty logging made",
		setup: attribute_env,
		op: (e) => set(e, { flags: KVM_MEM_PRIVATE | KVM_MEM_LOG_DIRTY_PAGES }),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a private slot deleted",
		setup: attribute_env,
		op: (e) => modify(e, { size: 0 }),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a page made shared",
		setup: attribute_env,
		op: (e) => attr(e, PRIV_GPA, PAGE, false),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a page made shared, far from any other",
		setup: attribute_env,
		op: (e) => attr(e, 2 ** 45, PAGE, false),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a range made shared that is so in part",
		setup: attribute_env,
		/* both ends within nodes of their own in the tree that holds it */
		op: (e) => attr(e, PRIV_GPA - 63 * PAGE, 254 * PAGE, false),
		errnos: NOMEM,
		again: true,
	}, {
		name: "a range made private that is so in part",
		setup: () => {
			const e = attribute_env();
			/* an entry of 64 pages, of which one stays, and one of 4096 */
			vm_mem_set_shared(e.vm, PRIV_GPA - 64 * PAGE, 64 * PAGE);
			vm_mem_set_shared(e.vm, 4096 * PAGE, 4096 * PAGE);
			return e;
		},
		op: (e) => attr(e, PRIV_GPA - 63 * PAGE, 5000 * PAGE, true),
		errnos: NOMEM,
		again: true,
	}, {
		name: "the middle of a shared range made private",
		setup: () => {
			const e = attribute_env();
			vm_mem_set_shared(e.vm, 0, 1024 * PAGE);
			return e;
		},
		op: (e) => attr(e, 100 * PAGE, 500 * PAGE, true),
		errnos: NOMEM,
		again: true,
	},
];

/** With a file that has no size yet in place of fd2. */
function memfd_only(): env {
	const e = attribute_env();

	return Object.assign(e, { fd2: memfd_create("empty", MFD_INACCESSIBLE) });
}

/* a guest that touches private and shared memory for the first time */
const GUEST_GPA = 0xc0000000;

interface guest_env {
	readonly vm: struct_kvm_vm;
	readonly vcpu: struct_kvm_vcpu;
	readonly fd: number;
	done: boolean;
}

function* guest_toucher(): guest_program {
	yield* memset(GUEST_GPA, 0x5a, SIZE);
	yield* GUEST_ASSERT(yield* memchk(GUEST_GPA, 0x5a, SIZE), "memory is 0x5a");
	yield* ld64(GUEST_GPA);
	yield* GUEST_DONE();
}

function guest_setup(mode: number, file_size = SIZE): guest_env {
	const vcpus: struct_kvm_vcpu[] = [];
	const vm = vm_create_with_private_mem_testing(mode, 1024, 1, guest_toucher, vcpus);
	const fd = inaccessible(file_size);

	vm_mem_add(vm, map(SIZE), GUEST_GPA, 10, SIZE, 0, fd, 0);
	virt_map(vm, GUEST_GPA, GUEST_GPA, PAGES);
	/* every other page: of both kinds something */
	for (let i = 0; i < PAGES; i += 2)
		vm_mem_set_shared(vm, GUEST_GPA + i * PAGE, PAGE);
	return { vm, vcpu: vcpus[0]!, fd, done: false };
}

/** Runs to the guest's end; conversions, where it asks for them, are made as it goes. */
function* run_guest(g: guest_env): wait<number> {
	while (!g.done) {
		const r = yield* __vcpu_run(g.vcpu);
		const run = g.vcpu.run;

		if (r !== 0)
			return r;
		if (run.exit_reason === KVM_EXIT_MEMORY_FAULT) {
			const is_private = (run.memory.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0;
			const ret = __vm_set_region_attr(g.vm, run.memory.gpa, run.memory.size,
				is_private);
			if (ret !== 0)
				return ret;
			continue;
		}
		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "exit reason %d", run.exit_reason);
		g.done = true;
	}
	return 0;
}

function* guest_is_done(g: guest_env): wait {
	const uc = new struct_ucall();

	TEST_ASSERT((yield* get_ucall(g.vcpu, uc)) === UCALL_DONE, "the guest's last call");
}

const guest_ops: fail_nth_op<guest_env>[] = [
	{
		name: "a guest's first touch of private and shared memory",
		setup: () => guest_setup(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE),
		op: run_guest,
		after: guest_is_done,
		errnos: [ENOMEM, EFAULT],
		again: true,
		partial: true,
	}, {
		name: "a guest that has pages converted",
		setup: () => guest_setup(KVM_PRIVATE_MEM_TESTING_BITMAP),
		op: run_guest,
		after: guest_is_done,
		errnos: [ENOMEM, EFAULT],
		again: true,
		partial: true,
	},
];

/** What cannot be had is an error of KVM_RUN, every time; what comes to be had is no more. */
function* past_the_file(): wait<boolean> {
	const g = guest_setup(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, PAGE);

	for (let i = 0; i < 2; i++) {
		const r = yield* run_guest(g);

		if (r !== -1 || errno() !== EINVAL) {
			ksft_print_msg("KVM_RUN: %d %s\n", r, errno_name(errno()));
			return false;
		}
	}
	TEST_ASSERT(fallocate(g.fd, 0, 0, SIZE) === 0, "fallocate failed");
	const r = yield* run_guest(g);
	yield* guest_is_done(g);
	kvm_vm_free(g.vm);
	close(g.fd);
	return r === 0;
}

export function* main(): wait<number> {
	require_private_mem_testing();

	ksft_print_header();
	ksft_set_plan(ioctl_ops.length + guest_ops.length + 1);
	for (const o of ioctl_ops)
		ksft_test_result(yield* fail_nth_run(o), "failing: %s\n", o.name);
	for (const o of guest_ops)
		ksft_test_result(yield* fail_nth_run(o), "failing: %s\n", o.name);
	ksft_test_result(yield* past_the_file(), "a guest past the end of its file\n");
	ksft_finished();
}
