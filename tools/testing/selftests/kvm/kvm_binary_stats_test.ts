// SPDX-License-Identifier: GPL-2.0-only
/*
 * The binary form of a VM's and a vCPU's statistics: header, descriptors and data fit together.
 *
 * Upstream: tools/testing/selftests/kvm/kvm_binary_stats_test.c.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { F_GETFD } from "#uapi/asm-generic/fcntl.ts";
import {
	KVM_CAP_BINARY_STATS_FD, KVM_STATS_BASE_MASK, KVM_STATS_BASE_MAX,
	KVM_STATS_TYPE_LINEAR_HIST, KVM_STATS_TYPE_MASK, KVM_STATS_TYPE_MAX,
	KVM_STATS_UNIT_BOOLEAN, KVM_STATS_UNIT_BYTES, KVM_STATS_UNIT_CYCLES, KVM_STATS_UNIT_MASK,
	KVM_STATS_UNIT_MAX, KVM_STATS_UNIT_NONE, KVM_STATS_UNIT_SECONDS,
	struct_kvm_stats_header,
} from "#uapi/linux/kvm.ts";
import { alloca, close, fcntl, pread, printf, read_bytes, release } from
	"#tools/include/nolibc/nolibc.ts";
import {
	__vm_vcpu_add, get_stats_descriptor_size, kvm_has_cap, kvm_vm_free, read_stat_data,
	read_stats_descriptors, read_stats_header, type struct_kvm_vcpu, type struct_kvm_vm,
	vcpu_get_stats_fd, vm_create_barebones, vm_get_stats_fd, type wait,
} from "./include/kvm_util.ts";
import { TEST_ASSERT, TEST_REQUIRE } from "./include/test_util.ts";

const U64_SIZE = 8;

function stats_test(stats_fd: number): void {
	let size_data = 0;

	/* Read kvm stats header */
	const header = read_stats_header(stats_fd);

	const size_desc = get_stats_descriptor_size(header);

	/* Read kvm stats id string */
	const id_bytes = read_bytes(stats_fd, header.name_size);
	TEST_ASSERT(id_bytes !== null && id_bytes.length === header.name_size, "Read id string");

	/* Check id string, that should start with "kvm" */
	const end = id_bytes!.indexOf(0);
	const id = new TextDecoder().decode(id_bytes!.subarray(0, Math.max(end, 0)));
	TEST_ASSERT(id.startsWith("kvm") && end >= 0, "Invalid KVM stats type, id: %s", id);

	/* Sanity check for other fields in header */
	if (header.num_desc === 0) {
		printf("No KVM stats defined!");
		return;
	}
	/* both blocks are beyond the header, and apart; how large the data are comes out below */
	const size_header = sizeof(struct_kvm_stats_header);
	TEST_ASSERT(header.desc_offset >= size_header && header.data_offset >= size_header,
		"Invalid offset fields in header");

	TEST_ASSERT(header.desc_offset > header.data_offset ||
		header.desc_offset + size_desc * header.num_desc <= header.data_offset,
	"Descriptor block is overlapped with data block");

	/* Read kvm stats descriptors */
	const stats_desc = read_stats_descriptors(stats_fd, header);

	/* Sanity check for fields in descriptors */
	stats_desc.forEach(({ desc: pdesc, name }, i) => {
		const type = pdesc.flags & KVM_STATS_TYPE_MASK;
		const unit = pdesc.flags & KVM_STATS_UNIT_MASK;
		const base = pdesc.flags & KVM_STATS_BASE_MASK;

		/* Check name string */
		TEST_ASSERT(name.length < header.name_size, "KVM stats name (index: %d) too long",
			i);

		/* Check type,unit,base boundaries */
		TEST_ASSERT(type <= KVM_STATS_TYPE_MAX, "Unknown KVM stats (%s) type: %u", name,
			type);
		TEST_ASSERT(unit <= KVM_STATS_UNIT_MAX, "Unknown KVM stats (%s) unit: %u",
			name, unit);
		TEST_ASSERT(base <= KVM_STATS_BASE_MAX, "Unknown KVM stats (%s) base: %u",
			name, base);

		/* units of which there are many or few: the exponent's sign says which */
		switch (unit) {
		case KVM_STATS_UNIT_NONE:
		case KVM_STATS_UNIT_BYTES:
		case KVM_STATS_UNIT_CYCLES:
			TEST_ASSERT(pdesc.exponent >= 0, "Unsupported KVM stats (%s) exponent: %i",
				name, pdesc.exponent);
			break;
		case KVM_STATS_UNIT_SECONDS:
			TEST_ASSERT(pdesc.exponent <= 0, "Unsupported KVM stats (%s) exponent: %i",
				name, pdesc.exponent);
			break;
		case KVM_STATS_UNIT_BOOLEAN:
			TEST_ASSERT(pdesc.exponent === 0,
				"Unsupported KVM stats (%s) exponent: %d", name, pdesc.exponent);
			break;
		}

		/* Check size field, which should not be zero */
		TEST_ASSERT(pdesc.size !== 0, "KVM descriptor(%s) with size of 0", name);
		/* Check bucket_size field */
		switch (type) {
		case KVM_STATS_TYPE_LINEAR_HIST:
			TEST_ASSERT(pdesc.bucket_size !== 0,
				"Bucket size of Linear Histogram stats (%s) is zero", name);
			break;
		default:
			TEST_ASSERT(pdesc.bucket_size === 0,
				"Bucket size of stats (%s) is not zero", name);
		}
		size_data += pdesc.size * U64_SIZE;
	});

	TEST_ASSERT(header.data_offset >= header.desc_offset ||
		header.data_offset + size_data <= header.desc_offset,
	"Data block is overlapped with Descriptor block");

	/* Check validity of all stats data size */
	TEST_ASSERT(size_data >= header.num_desc * U64_SIZE, "Data size is not correct");

	/* Check stats offset */
	for (const { desc, name } of stats_desc)
		TEST_ASSERT(desc.offset < size_data, "Invalid offset (%u) for stats: %s",
			desc.offset, name);

	/* Read kvm stats data as a bulk */
	const stats_data = alloca(size_data);
	const ret = pread(stats_fd, stats_data, size_data, header.data_offset);
	release(stats_data);
	TEST_ASSERT(ret === size_data, "Read KVM stats data");
	/* Read kvm stats data one by one */
	for (const d of stats_desc)
		read_stat_data(stats_fd, header, d, d.desc.size);
}

function vm_stats_test(vm: struct_kvm_vm): void {
	const stats_fd = vm_get_stats_fd(vm);

	stats_test(stats_fd);
	close(stats_fd);
	TEST_ASSERT(fcntl(stats_fd, F_GETFD) === -1, "Stats fd not freed");
}

function vcpu_stats_test(vcpu: struct_kvm_vcpu): void {
	const stats_fd = vcpu_get_stats_fd(vcpu);

	stats_test(stats_fd);
	close(stats_fd);
	TEST_ASSERT(fcntl(stats_fd, F_GETFD) === -1, "Stats fd not freed");
}

const DEFAULT_NUM_VM	= 4;
const DEFAULT_NUM_VCPU	= 4;

/** Usage: kvm_binary_stats_test [#vm] [#vcpu] */
export function* main(_argc: number, argv: string[]): wait<number> {
	const max_vm = Number(argv[1]) > 0 ? Number(argv[1]) : DEFAULT_NUM_VM;
	const max_vcpu = Number(argv[2]) > 0 ? Number(argv[2]) : DEFAULT_NUM_VCPU;

	/* Check the extension for binary stats */
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_BINARY_STATS_FD), "kvm_has_cap(KVM_CAP_BINARY_STATS_FD)");

	/* Create VMs and VCPUs */
	const vms: struct_kvm_vm[] = [];
	const vcpus: struct_kvm_vcpu[] = [];

	for (let i = 0; i < max_vm; ++i) {
		vms[i] = vm_create_barebones();
		for (let j = 0; j < max_vcpu; ++j)
			vcpus[i * max_vcpu + j] = __vm_vcpu_add(vms[i]!, j);
	}

	/* Check stats read for every VM and VCPU */
	for (let i = 0; i < max_vm; ++i) {
		vm_stats_test(vms[i]!);
		for (let j = 0; j < max_vcpu; ++j)
			vcpu_stats_test(vcpus[i * max_vcpu + j]!);
	}

	for (let i = 0; i < max_vm; ++i)
		kvm_vm_free(vms[i]!);
	return 0;
}
