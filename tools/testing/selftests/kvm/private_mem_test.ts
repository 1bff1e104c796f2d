// SPDX-License-Identifier: GPL-2.0
/*
 * Two VMs in private memory convert a range to shared and back: one asks the host to, the other
 * just accesses it the other way.
 *
 * Upstream: private_mem_test.c of the selftests that were posted for the series. Port-only: the
 * number of exits of each kind is checked. In both, the page of the ucalls is the first to be
 * converted.
 */
import { memchk, memset } from "#hw/isa_guest.ts";
import { memset as host_memset, peek, puts } from "#tools/include/nolibc/nolibc.ts";
import {
	addr_gpa2hva, GUEST_ASSERT, GUEST_DONE, type guest_program, GUEST_SYNC, type hva_t,
	type struct_kvm_vm, type wait,
} from "./include/kvm_util.ts";
import {
	ALLOCATE_MEM, execute_vm_with_private_mem, type exit_counts, guest_map_ucall_page_shared,
	guest_update_mem_access, guest_update_mem_map, require_private_mem_testing,
	type struct_vm_setup_info, TO_PRIVATE, TO_SHARED, UNBACK_MEM, vm_update_private_mem,
} from "./include/private_mem.ts";
import { pr_info, TEST_ASSERT, TEST_FAIL, VM_MEM_SRC_ANONYMOUS } from "./include/test_util.ts";

const VM_MEMSLOT0_PAGES	= 512 * 10;

const TEST_AREA_SLOT	= 10;
const TEST_AREA_GPA	= 0xC0000000;
const TEST_AREA_SIZE	= 2 * 1024 * 1024;
const GUEST_TEST_MEM_OFFSET	= 1 * 1024 * 1024;
const GUEST_TEST_MEM_SIZE	= 10 * 4096;

const TEST_MEM_GPA	= TEST_AREA_GPA + GUEST_TEST_MEM_OFFSET;
const TEST_MEM_END	= GUEST_TEST_MEM_OFFSET + GUEST_TEST_MEM_SIZE;

const TEST_MEM_DATA_PATTERN1	= 0x66;
const TEST_MEM_DATA_PATTERN2	= 0x99;
const TEST_MEM_DATA_PATTERN3	= 0x33;
const TEST_MEM_DATA_PATTERN4	= 0xaa;
const TEST_MEM_DATA_PATTERN5	= 0x12;

/* enum guest_mem_stages */
const GUEST_STARTED			= 0;
const GUEST_PRIVATE_MEM_POPULATED	= 1;
const GUEST_SHARED_MEM_POPULATED	= 2;
const GUEST_PRIVATE_MEM_POPULATED2	= 3;
const GUEST_IMPLICIT_MEM_CONV1		= 4;
const GUEST_IMPLICIT_MEM_CONV2		= 5;

/** The test memory holds @mem_pattern, the rest of the area @area_pattern. */
function* verify_test_area(area_pattern: number, mem_pattern: number):
	Generator<number, boolean, void> {
	return (yield* memchk(TEST_AREA_GPA, area_pattern, GUEST_TEST_MEM_OFFSET)) &&
		(yield* memchk(TEST_MEM_GPA, mem_pattern, GUEST_TEST_MEM_SIZE)) &&
		(yield* memchk(TEST_AREA_GPA + TEST_MEM_END, area_pattern,
			TEST_AREA_SIZE - TEST_MEM_END));
}

/** The same in the test's memory, which is what is shared. */
function host_verify_test_area(area: hva_t, area_pattern: number, mem_pattern: number): boolean {
	return peek(area, TEST_AREA_SIZE).every((b, i) => b ===
		(i >= GUEST_TEST_MEM_OFFSET && i < TEST_MEM_END ? mem_pattern : area_pattern));
}

function* guest_conv_test_fn(test_explicit_conv: boolean): guest_program {
	yield* guest_map_ucall_page_shared();
	yield* GUEST_SYNC(GUEST_STARTED);

	yield* memset(TEST_AREA_GPA, TEST_MEM_DATA_PATTERN1, TEST_AREA_SIZE);
	yield* GUEST_SYNC(GUEST_PRIVATE_MEM_POPULATED);
	yield* GUEST_ASSERT(yield* verify_test_area(TEST_MEM_DATA_PATTERN1, TEST_MEM_DATA_PATTERN1),
		"verify_test_area(PATTERN1, PATTERN1)");

	if (test_explicit_conv) {
		yield* guest_update_mem_map(TO_SHARED, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE);
	} else {
		yield* guest_update_mem_access(TO_SHARED, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE);
		yield* GUEST_SYNC(GUEST_IMPLICIT_MEM_CONV1);
	}

	yield* memset(TEST_MEM_GPA, TEST_MEM_DATA_PATTERN2, GUEST_TEST_MEM_SIZE);

	yield* GUEST_SYNC(GUEST_SHARED_MEM_POPULATED);
	yield* GUEST_ASSERT(yield* verify_test_area(TEST_MEM_DATA_PATTERN1, TEST_MEM_DATA_PATTERN5),
		"verify_test_area(PATTERN1, PATTERN5)");

	if (test_explicit_conv) {
		yield* guest_update_mem_map(TO_PRIVATE, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE);
	} else {
		yield* guest_update_mem_access(TO_PRIVATE, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE);
		yield* GUEST_SYNC(GUEST_IMPLICIT_MEM_CONV2);
	}

	yield* memset(TEST_MEM_GPA, TEST_MEM_DATA_PATTERN3, GUEST_TEST_MEM_SIZE);
	yield* GUEST_SYNC(GUEST_PRIVATE_MEM_POPULATED2);

	yield* GUEST_ASSERT(yield* verify_test_area(TEST_MEM_DATA_PATTERN1, TEST_MEM_DATA_PATTERN3),
		"verify_test_area(PATTERN1, PATTERN3)");
	yield* GUEST_DONE();
}

function* guest_explicit_conv(): guest_program {
	yield* guest_conv_test_fn(true);
}

function* guest_implicit_conv(): guest_program {
	yield* guest_conv_test_fn(false);
}

function conv_test_ioexit_fn(vm: struct_kvm_vm, stage: number): void {
	const test_area_hva = addr_gpa2hva(vm, TEST_AREA_GPA);
	const guest_test_mem_hva = test_area_hva + GUEST_TEST_MEM_OFFSET;

	switch (stage) {
	case GUEST_STARTED:
		host_memset(test_area_hva, TEST_MEM_DATA_PATTERN4, TEST_AREA_SIZE);
		pr_info("Processed stage %s\n", "GUEST_STARTED");
		break;
	case GUEST_PRIVATE_MEM_POPULATED:
		TEST_ASSERT(host_verify_test_area(test_area_hva, TEST_MEM_DATA_PATTERN4,
			TEST_MEM_DATA_PATTERN4), "failed");
		pr_info("Processed stage %s\n", "GUEST_PRIVATE_MEM_POPULATED");
		break;
	case GUEST_SHARED_MEM_POPULATED:
		TEST_ASSERT(host_verify_test_area(test_area_hva, TEST_MEM_DATA_PATTERN4,
			TEST_MEM_DATA_PATTERN2), "failed");
		host_memset(guest_test_mem_hva, TEST_MEM_DATA_PATTERN5, GUEST_TEST_MEM_SIZE);
		pr_info("Processed stage %s\n", "GUEST_SHARED_MEM_POPULATED");
		break;
	case GUEST_PRIVATE_MEM_POPULATED2:
		TEST_ASSERT(host_verify_test_area(test_area_hva, TEST_MEM_DATA_PATTERN4,
			TEST_MEM_DATA_PATTERN5), "failed");
		pr_info("Processed stage %s\n", "GUEST_PRIVATE_MEM_POPULATED2");
		break;
	case GUEST_IMPLICIT_MEM_CONV1:
		/* as it is already: done to have the range unmapped, so that accesses fault */
		vm_update_private_mem(vm, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE, ALLOCATE_MEM);
		pr_info("Processed stage %s\n", "GUEST_IMPLICIT_MEM_CONV1");
		break;
	case GUEST_IMPLICIT_MEM_CONV2:
		vm_update_private_mem(vm, TEST_MEM_GPA, GUEST_TEST_MEM_SIZE, UNBACK_MEM);
		pr_info("Processed stage %s\n", "GUEST_IMPLICIT_MEM_CONV2");
		break;
	default:
		TEST_FAIL("Unknown stage %d\n", stage);
	}
}

function* execute_memory_conversion_test(test_explicit_conv: boolean, expected: exit_counts): wait {
	const info: struct_vm_setup_info = {
		vm_mem_src: VM_MEM_SRC_ANONYMOUS,
		memslot0_pages: VM_MEMSLOT0_PAGES,
		test_info: {
			test_area_slot: TEST_AREA_SLOT,
			test_area_gpa: TEST_AREA_GPA,
			test_area_size: TEST_AREA_SIZE,
		},
		ioexit_cb: conv_test_ioexit_fn,
		guest_fn: test_explicit_conv ? guest_explicit_conv : guest_implicit_conv,
	};

	puts(test_explicit_conv ? "=== explicit conversion ===" : "=== implicit conversion ===");
	const counts = yield* execute_vm_with_private_mem(info);

	for (const name of ["io", "hypercall", "memory_fault"] as const)
		TEST_ASSERT(counts[name] === expected[name], "%s exits: %d, expected %d", name,
			counts[name], expected[name]);
}

export function* main(): wait<number> {
	require_private_mem_testing();

	/* a ucall each: four stages and the end */
	yield* execute_memory_conversion_test(true, { io: 5, hypercall: 2, memory_fault: 1 });
	/* two stages more; one fault for each page, there and back */
	yield* execute_memory_conversion_test(false, { io: 7, hypercall: 0, memory_fault: 21 });
	return 0;
}
