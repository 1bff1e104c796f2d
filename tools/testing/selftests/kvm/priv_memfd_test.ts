// SPDX-License-Identifier: GPL-2.0-only
/*
 * One range, accessed as private and as shared, in eight orders.
 *
 * Upstream: priv_memfd_test.c of the first two rounds of selftests for private memory. There, a
 * conversion was an fallocate() alone and accesses were shared unless marked; here the attribute is
 * set as well, and accesses are private unless marked.
 */
import { ld64n, memchk, memset } from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_EXIT_HYPERCALL, KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_EXIT_MMIO,
	KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_PRIVATE_MEM_TESTING_BITMAP,
} from "#uapi/linux/kvm.ts";
import { KVM_HC_MAP_GPA_RANGE, KVM_MAP_GPA_RANGE_ENCRYPTED } from "#uapi/linux/kvm_para.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MADV_DONTNEED, MAP_ANONYMOUS, MAP_HUGETLB, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE,
	PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	close, fallocate, getopt, madvise, MAP_FAILED, memfd_create, memset as host_memset, mmap,
	mprotect, munmap, peek, printf, u64_bytes,
} from "#tools/include/nolibc/nolibc.ts";
import {
	exit_reason_str, get_ucall, GUEST_ASSERT, GUEST_DONE, type guest_fn, type guest_program,
	GUEST_SYNC, type hva_t, kvm_vm_free, REPORT_GUEST_ASSERT, type struct_kvm_vcpu,
	type struct_kvm_vm, struct_ucall, UCALL_ABORT, UCALL_DONE, UCALL_SYNC, vcpu_run,
	virt_pg_map, type wait,
} from "./include/kvm_util.ts";
import {
	exit_counts, guest_update_mem_access, guest_update_mem_map, require_private_mem_testing,
	TO_PRIVATE, TO_SHARED, vm_create_with_private_mem_testing, vm_mem_add, vm_mem_set_private,
	vm_mem_set_shared,
} from "./include/private_mem.ts";
import { __virt_pg_map, PG_LEVEL_2M, PG_LEVEL_4K, PG_LEVEL_SIZE } from
	"./include/x86_64/processor.ts";
import { TEST_ASSERT, TEST_FAIL } from "./include/test_util.ts";

const TEST_MEM_GPA	= 0xb0000000;
const TEST_MEM_SLOT	= 10;
/* where the guest asks for the size of the test memory */
const TEST_MEM_SIZE_MMIO_ADDRESS	= 0xa0000000;
const PAGE_SIZE		= 4096;
const SLOT0_PAGES	= 1024;

const TEST_MEM_DATA_PATTERN1	= 0x66;
const TEST_MEM_DATA_PATTERN2	= 0x99;
const TEST_MEM_DATA_PATTERN3	= 0x33;
const TEST_MEM_DATA_PATTERN4	= 0xaa;
const P1 = TEST_MEM_DATA_PATTERN1, P2 = TEST_MEM_DATA_PATTERN2, P3 = TEST_MEM_DATA_PATTERN3,
	P4 = TEST_MEM_DATA_PATTERN4;

/* one run of one case */
interface struct_test_run_helper {
	readonly vm: struct_kvm_vm;
	readonly test_mem_size: number;
	readonly page_size: number;
	readonly shared_mem: hva_t;
	readonly priv_fd: number;
	/** the shared mapping is there only while the memory is shared */
	readonly disallow_boot_shared_access: boolean;
}

type handler = (h: struct_test_run_helper) => void;

interface test_case {
	readonly name: string;
	readonly guest_fn: guest_fn;
	/** by the number of the GUEST_SYNC */
	readonly handlers: readonly handler[];
	readonly disallow_boot_shared_access?: boolean;
	/** memory faults are counted in pages of 4 KiB */
	readonly expected: { readonly hypercall: number; readonly faults_per_page: 0 | 1;
		readonly fault_flags?: number; };
}

/* in the guest */

function* test_mem_size(): Generator<number, number, void> {
	return yield* ld64n(TEST_MEM_SIZE_MMIO_ADDRESS);
}

function* set(pattern: number): guest_program {
	yield* memset(TEST_MEM_GPA, pattern, yield* test_mem_size());
}

function* verify(pattern: number): guest_program {
	const ok = yield* memchk(TEST_MEM_GPA, pattern, yield* test_mem_size());
	yield* GUEST_ASSERT(ok, `do_mem_op(VERIFY_PAT, mem, 0x${pattern.toString(16)}, size)`);
}

function* mark_private(): guest_program {
	yield* guest_update_mem_access(TO_PRIVATE, TEST_MEM_GPA, yield* test_mem_size());
}

function* mark_shared(): guest_program {
	yield* guest_update_mem_access(TO_SHARED, TEST_MEM_GPA, yield* test_mem_size());
}

function* ask_private(): guest_program {
	yield* guest_update_mem_map(TO_PRIVATE, TEST_MEM_GPA, yield* test_mem_size());
}

function* ask_shared(): guest_program {
	yield* guest_update_mem_map(TO_SHARED, TEST_MEM_GPA, yield* test_mem_size());
}

/* in the host */

function host_set(pattern: number): handler {
	return (h) => host_memset(h.shared_mem, pattern, h.test_mem_size);
}

function host_verify(pattern: number): handler {
	return (h) => {
		for (let at = 0; at < h.test_mem_size; at += 2 ** 20) {
			const bytes = peek(h.shared_mem + at,
				Math.min(2 ** 20, h.test_mem_size - at));

			TEST_ASSERT(bytes.every((b) => b === pattern),
				"Shared memory at offset 0x%lx: expected 0x%x, found 0x%x", at,
				pattern, bytes.find((b) => b !== pattern) ?? -1);
		}
	};
}

function convert(h: struct_test_run_helper, offset: number, size: number, to_private: boolean):
	void {
	const mode = to_private ? 0 : FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if (h.disallow_boot_shared_access && !to_private) {
		/* what was there is not to stay allocated twice */
		TEST_ASSERT(madvise(h.shared_mem + offset, size, MADV_DONTNEED) === 0,
			"madvise failed");
	}
	TEST_ASSERT(fallocate(h.priv_fd, mode, offset, size) === 0, "fallocate failed");
	if (to_private)
		vm_mem_set_private(h.vm, TEST_MEM_GPA + offset, size);
	else
		vm_mem_set_shared(h.vm, TEST_MEM_GPA + offset, size);
	if (h.disallow_boot_shared_access)
		TEST_ASSERT(mprotect(h.shared_mem + offset, size,
			to_private ? PROT_NONE : PROT_READ | PROT_WRITE) === 0, "mprotect failed");
}

const punch_all: handler = (h) => convert(h, 0, h.test_mem_size, false);
const allocate_all: handler = (h) => convert(h, 0, h.test_mem_size, true);

function steps(...list: handler[]): handler {
	return (h) => list.forEach((f) => f(h));
}

const nothing: handler = () => undefined;

/* the cases, in upstream's order */

function* pmpat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_private();
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* verify(P2);
	yield* GUEST_DONE();
}

function* pmsat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_shared();
	/* private memory is allocated: the accesses fault, and the host converts */
	yield* verify(P1);
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* GUEST_DONE();
}

function* smsat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_shared();
	yield* verify(P1);
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* GUEST_DONE();
}

function* smpat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_private();
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* verify(P2);
	yield* GUEST_DONE();
}

function* psat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_private();
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* verify(P2);
	yield* GUEST_SYNC(2);
	yield* mark_shared();
	yield* set(P2);
	yield* GUEST_SYNC(3);
	yield* verify(P2);
	yield* GUEST_DONE();
}

function* spat_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_shared();
	yield* verify(P1);
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* mark_private();
	yield* set(P1);
	yield* GUEST_SYNC(2);
	yield* verify(P1);
	yield* GUEST_DONE();
}

function* pspahct_guest_code(): guest_program {
	yield* GUEST_SYNC(0);
	yield* mark_private();
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* verify(P2);

	yield* ask_shared();
	yield* mark_shared();
	/* the host's pattern from the start */
	yield* verify(P1);
	yield* set(P2);
	yield* GUEST_SYNC(2);
	yield* verify(P2);

	yield* ask_private();
	yield* mark_private();
	yield* set(P1);
	yield* GUEST_SYNC(3);
	yield* verify(P1);
	yield* GUEST_DONE();
}

function* psawdat_guest_code(): guest_program {
	yield* mark_private();
	yield* set(P1);
	yield* GUEST_SYNC(0);
	yield* verify(P1);

	yield* ask_shared();
	yield* set(P2);
	yield* GUEST_SYNC(1);
	yield* verify(P1);

	yield* ask_private();
	yield* set(P2);
	yield* verify(P2);

	yield* ask_shared();
	yield* set(P3);
	yield* GUEST_SYNC(2);
	yield* verify(P4);
	yield* GUEST_DONE();
}

const priv_memfd_testsuite: readonly test_case[] = [
	{
		name: "PrivateMemoryPrivateAccessTest",
		guest_fn: pmpat_guest_code,
		handlers: [host_set(P1), host_verify(P1)],
		expected: { hypercall: 0, faults_per_page: 0 },
	}, {
		name: "PrivateMemorySharedAccessTest",
		guest_fn: pmsat_guest_code,
		handlers: [host_set(P1), host_verify(P2)],
		expected: { hypercall: 0, faults_per_page: 1, fault_flags: 0 },
	}, {
		name: "SharedMemorySharedAccessTest",
		guest_fn: smsat_guest_code,
		handlers: [steps(punch_all, host_set(P1)), host_verify(P2)],
		expected: { hypercall: 0, faults_per_page: 0 },
	}, {
		name: "SharedMemoryPrivateAccessTest",
		guest_fn: smpat_guest_code,
		handlers: [steps(punch_all, host_set(P1)), host_verify(P1)],
		expected: { hypercall: 0, faults_per_page: 1,
			fault_flags: KVM_MEMORY_EXIT_FLAG_PRIVATE },
	}, {
		name: "PrivateSharedAccessTest",
		guest_fn: psat_guest_code,
		handlers: [host_set(P1), host_verify(P1), punch_all, host_verify(P2)],
		expected: { hypercall: 0, faults_per_page: 0 },
	}, {
		name: "SharedPrivateAccessTest",
		guest_fn: spat_guest_code,
		handlers: [steps(punch_all, host_set(P1)), steps(host_verify(P2), allocate_all),
			host_verify(P2)],
		expected: { hypercall: 0, faults_per_page: 0 },
	}, {
		name: "PrivateSharedPrivateAccessHyperCallTest",
		guest_fn: pspahct_guest_code,
		handlers: [host_set(P1), host_verify(P1), host_verify(P2), host_verify(P2)],
		expected: { hypercall: 2, faults_per_page: 0 },
	}, {
		name: "PrivateSharedAccessWithoutDoubleAllocationTest",
		guest_fn: psawdat_guest_code,
		disallow_boot_shared_access: true,
		handlers: [nothing, steps(host_verify(P2), host_set(P1)),
			steps(host_verify(P3), host_set(P4))],
		expected: { hypercall: 3, faults_per_page: 0 },
	},
];

function handle_hypercall(h: struct_test_run_helper, vcpu: struct_kvm_vcpu): void {
	const { nr, args } = vcpu.run.hypercall;

	TEST_ASSERT(nr === BigInt(KVM_HC_MAP_GPA_RANGE), "Unhandled Hypercall %lu\n", nr);
	convert(h, Number(args[0]) - TEST_MEM_GPA, Number(args[1]) * PAGE_SIZE,
		(args[2]! & BigInt(KVM_MAP_GPA_RANGE_ENCRYPTED)) !== 0n);
	vcpu.run.hypercall.ret = 0n;
}

function handle_memory_fault(h: struct_test_run_helper, vcpu: struct_kvm_vcpu, c: test_case): void {
	const { gpa, flags, size } = vcpu.run.memory;

	TEST_ASSERT(flags === c.expected.fault_flags, "fault at 0x%lx: flags 0x%x", gpa, flags);
	TEST_ASSERT(size === BigInt(PAGE_SIZE), "fault at 0x%lx: size 0x%lx", gpa, size);
	convert(h, Number(gpa) - TEST_MEM_GPA, Number(size),
		(flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0);
}

function* vcpu_work(h: struct_test_run_helper, vcpu: struct_kvm_vcpu, c: test_case):
	wait<exit_counts> {
	const run = vcpu.run;
	const uc = new struct_ucall();
	const counts = new exit_counts();

	for (;;) {
		yield* vcpu_run(vcpu);

		switch (run.exit_reason) {
		case KVM_EXIT_MMIO:
			TEST_ASSERT(run.mmio.phys_addr === BigInt(TEST_MEM_SIZE_MMIO_ADDRESS) &&
				run.mmio.len === 8 && run.mmio.is_write === 0,
			"Unexpected MMIO at 0x%lx", run.mmio.phys_addr);
			run.mmio.data = u64_bytes(h.test_mem_size);
			break;
		case KVM_EXIT_HYPERCALL:
			counts.hypercall++;
			handle_hypercall(h, vcpu);
			break;
		case KVM_EXIT_MEMORY_FAULT:
			counts.memory_fault++;
			handle_memory_fault(h, vcpu, c);
			break;
		case KVM_EXIT_IO:
			counts.io++;
			switch (yield* get_ucall(vcpu, uc)) {
			case UCALL_SYNC: {
				const stage = Number(uc.args[1]);

				TEST_ASSERT(stage < c.handlers.length, "Unknown sync stage %d",
					stage);
				c.handlers[stage]!(h);
				break;
			}
			case UCALL_DONE:
				return counts;
			case UCALL_ABORT:
				REPORT_GUEST_ASSERT(uc);
				break;
			default:
				TEST_FAIL("Unknown ucall 0x%lx.", uc.cmd);
			}
			break;
		default:
			TEST_FAIL("Unhandled VCPU exit reason %d (%s)\n", run.exit_reason,
				exit_reason_str(run.exit_reason));
		}
	}
}

/** @huge_order log2 of the size of shared memory's pages, 0 for small ones. */
function* priv_memory_region_test(c: test_case, size: number, huge_order: number): wait {
	const vcpus: struct_kvm_vcpu[] = [];
	const vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_BITMAP, SLOT0_PAGES,
		1, c.guest_fn, vcpus);
	const disallow_boot_shared_access = c.disallow_boot_shared_access === true;

	const shared_mem = mmap(0, size, disallow_boot_shared_access ? PROT_NONE :
		PROT_READ | PROT_WRITE, MAP_NORESERVE | MAP_PRIVATE | MAP_ANONYMOUS |
		(huge_order === 0 ? 0 : MAP_HUGETLB | huge_order << 26), -1, 0);
	TEST_ASSERT(shared_mem !== MAP_FAILED, "Failed to mmap() host");

	const priv_fd = memfd_create("vm_private_mem", MFD_INACCESSIBLE);
	TEST_ASSERT(priv_fd !== -1, "memfd_create failed");
	TEST_ASSERT(fallocate(priv_fd, 0, 0, size) === 0, "fallocate failed");

	vm_mem_add(vm, shared_mem, TEST_MEM_GPA, TEST_MEM_SLOT, size, 0, priv_fd, 0);

	virt_pg_map(vm, TEST_MEM_SIZE_MMIO_ADDRESS, TEST_MEM_SIZE_MMIO_ADDRESS);
	const level = size % PG_LEVEL_SIZE(PG_LEVEL_2M) === 0 ? PG_LEVEL_2M : PG_LEVEL_4K;
	for (let at = 0; at < size; at += PG_LEVEL_SIZE(level))
		__virt_pg_map(vm, TEST_MEM_GPA + at, TEST_MEM_GPA + at, level);

	const h: struct_test_run_helper = { vm, test_mem_size: size, page_size: PAGE_SIZE,
		shared_mem, priv_fd, disallow_boot_shared_access };
	const counts = yield* vcpu_work(h, vcpus[0]!, c);

	const expected: exit_counts = { io: c.handlers.length + 1, hypercall: c.expected.hypercall,
		memory_fault: c.expected.faults_per_page * size / PAGE_SIZE };
	for (const name of ["io", "hypercall", "memory_fault"] as const)
		TEST_ASSERT(counts[name] === expected[name], "%s exits: %d, expected %d", name,
			counts[name], expected[name]);

	kvm_vm_free(vm);
	munmap(shared_mem, size);
	close(priv_fd);
}

function help(): void {
	printf("usage: priv_memfd_test [-h] [-m] [-g]\n" +
		" -m: with 2 MiB of shared memory in a huge page as well\n" +
		" -g: with 1 GiB of it\n");
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const sizes: [number, number][] = [[2 * PAGE_SIZE, 0]];

	for (const [opt] of getopt(argv, "hmg")) {
		switch (opt) {
		case "m":
			sizes.push([2 ** 21, 21]);
			break;
		case "g":
			sizes.push([2 ** 30, 30]);
			break;
		default:
			help();
			return opt === "h" ? 0 : 1;
		}
	}
	require_private_mem_testing();

	for (const [size, huge_order] of sizes) {
		for (const c of priv_memfd_testsuite) {
			printf("=== Starting test %s... ===\n", c.name);
			yield* priv_memory_region_test(c, size, huge_order);
			printf("--- completed test %s ---\n", c.name);
		}
	}
	return 0;
}
