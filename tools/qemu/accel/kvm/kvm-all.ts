// SPDX-License-Identifier: GPL-2.0
/*
 * The VM: /dev/kvm, memory slots, and conversions between private and shared memory.
 *
 * Port-only; after QEMU's accel/kvm/kvm-all.c and the series' QEMU branch.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import {
	KVM_API_VERSION, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_MAX_VCPUS, KVM_CAP_NR_MEMSLOTS,
	KVM_CAP_NR_VCPUS, KVM_CAP_READONLY_MEM, KVM_CAP_SPLIT_IRQCHIP, KVM_CHECK_EXTENSION,
	KVM_CREATE_IRQCHIP, KVM_CREATE_VM, KVM_ENABLE_CAP, KVM_GET_API_VERSION,
	KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_MEM_PRIVATE,
	KVM_MEM_READONLY, KVM_SET_USER_MEMORY_REGION, struct_kvm_enable_cap, struct_kvm_enc_region,
	struct_kvm_userspace_memory_region, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import { errno, ioctl, open, strerror } from "#tools/include/nolibc/nolibc.ts";
import { error_printf, error_report, qemu_exit, warn_report } from
	"#tools/qemu/util/error-report.ts";
import { memory_region_find, type memory_region, type memory_section } from
	"#tools/qemu/system/memory.ts";
import { errno_text, ram_block_convert_range, PAGE } from "#tools/qemu/system/physmem.ts";
import { hex, type qemu_vm } from "#tools/qemu/system/vm.ts";

export interface kvm_state {
	fd: number;
	vmfd: number;
	/** KVM_X86_* */
	type: number;
	nr_slots: number;
	split_irqchip: boolean;
	readonly_mem: boolean;
	/** in use */
	slots: number;
}

/** -errno, or what the call returns. */
export function kvm_ioctl(fd: number, request: number,
	arg: number | bigint | Uint8Array = 0): number {
	const r = ioctl(fd, request, arg);

	return r < 0 ? -errno() : r;
}

export const kvm_check_extension = (s: kvm_state, cap: number): number =>
	Math.max(0, kvm_ioctl(s.vmfd >= 0 ? s.vmfd : s.fd, KVM_CHECK_EXTENSION, cap));

export function kvm_vm_enable_cap(s: kvm_state, cap: number, arg: number): number {
	const c = struct_kvm_enable_cap.alloc();

	c.cap = cap;
	c.args[0] = BigInt(arg);
	return kvm_ioctl(s.vmfd, KVM_ENABLE_CAP, c.bytes);
}

/** "failed to initialize kvm", after what went wrong. */
export function kvm_init_failed(message: string, e: number): never {
	error_printf(message);
	error_report(`failed to initialize kvm: ${errno_text(e)}`);
	throw new qemu_exit(1);
}

function check_vcpu_limits(s: kvm_state, vm: qemu_vm): void {
	const soft = kvm_check_extension(s, KVM_CAP_NR_VCPUS) || 4;
	const hard = kvm_check_extension(s, KVM_CAP_MAX_VCPUS) || soft;
	const { cpus, max_cpus } = vm.options.machine.smp;

	for (const [name, n] of [["SMP", cpus], ["hotpluggable", max_cpus]] as const) {
		if (n <= soft)
			continue;
		warn_report(`Number of ${name} cpus requested (${n}) exceeds the recommended cpus ` +
			`supported by KVM (${soft})`);
		if (n <= hard)
			continue;
		error_printf(`Number of ${name} cpus requested (${n}) exceeds the maximum cpus ` +
			`supported by KVM (${hard})\n`);
		throw new qemu_exit(1);
	}
}

/** accel/kvm/kvm-all.c:kvm_init(); @type of the VM is asked once KVM is open. */
export function kvm_init(vm: qemu_vm, type: (s: kvm_state) => number): kvm_state {
	const s: kvm_state = { fd: open("/dev/kvm", O_RDWR), vmfd: -1, type: 0, nr_slots: 32,
		split_irqchip: false, readonly_mem: false, slots: 0 };

	if (s.fd < 0)
		kvm_init_failed(`Could not access KVM kernel module: ${strerror(errno())}\n`, errno());
	const version = kvm_ioctl(s.fd, KVM_GET_API_VERSION);
	if (version !== KVM_API_VERSION)
		kvm_init_failed(version < KVM_API_VERSION ? "kvm version too old\n" :
			"kvm version not supported\n", 22);
	s.nr_slots = kvm_check_extension(s, KVM_CAP_NR_MEMSLOTS) || 32;
	s.type = type(s);
	const r = kvm_ioctl(s.fd, KVM_CREATE_VM, s.type);
	if (r < 0)
		kvm_init_failed(`ioctl(KVM_CREATE_VM) failed: ${-r} ${errno_text(r)}\n`, r);
	s.vmfd = r;
	check_vcpu_limits(s, vm);
	if (kvm_check_extension(s, KVM_CAP_IMMEDIATE_EXIT) === 0)
		kvm_init_failed("kvm does not support KVM_CAP_IMMEDIATE_EXIT\n", 22);
	s.readonly_mem = kvm_check_extension(s, KVM_CAP_READONLY_MEM) > 0;
	vm.trace("kvm_init", `vm fd ${s.vmfd}, type ${s.type}`);
	return s;
}

/** accel/kvm/kvm-all.c:kvm_irqchip_create(). The model has local APICs, and no PIC nor IOAPIC. */
export function kvm_irqchip_create(s: kvm_state, mode: "on" | "off" | "split"): void {
	if (mode === "off") {
		error_report("KVM without an interrupt controller in the kernel is not supported");
		throw new qemu_exit(1);
	}
	s.split_irqchip = mode === "split";
	const r = mode === "split" ? kvm_vm_enable_cap(s, KVM_CAP_SPLIT_IRQCHIP, 24) :
		kvm_ioctl(s.vmfd, KVM_CREATE_IRQCHIP);
	if (r < 0 && mode === "split") {
		error_report(`Could not enable split irqchip mode: ${errno_text(r)}`);
		throw new qemu_exit(1);
	}
	if (r < 0) {
		error_printf(`Create kernel irqchip failed: ${errno_text(r)}\n`);
		throw new qemu_exit(1);
	}
}

/** accel/kvm/kvm-all.c:kvm_set_user_memory_region() */
function kvm_set_user_memory_region(vm: qemu_vm, s: kvm_state, slot: number,
	mr: memory_region): number {
	const rb = mr.block!;
	const ext = struct_kvm_userspace_memory_region_ext.alloc();
	const { region } = ext;
	const private_ = rb.private_fd >= 0;

	region.slot = slot;
	region.flags = (mr.kind === "rom" && s.readonly_mem ? KVM_MEM_READONLY : 0) |
		(private_ ? KVM_MEM_PRIVATE : 0);
	region.guest_phys_addr = BigInt(mr.start);
	region.memory_size = BigInt(mr.size);
	region.userspace_addr = BigInt(rb.host + mr.offset);
	if (private_) {
		ext.private_fd = rb.private_fd;
		ext.private_offset = BigInt(mr.offset);
	}
	const size = private_ ? sizeof(struct_kvm_userspace_memory_region_ext) :
		sizeof(struct_kvm_userspace_memory_region);
	const r = kvm_ioctl(s.vmfd, KVM_SET_USER_MEMORY_REGION, ext.bytes.subarray(0, size));
	vm.trace("kvm_set_user_memory", `Slot#${slot} flags=${hex(region.flags)} gpa=${hex(mr.start)} ` +
		`size=${hex(mr.size)} ua=${hex(rb.host + mr.offset)} private_fd=${rb.private_fd} ` +
		`private_offset=${hex(mr.offset)} ret=${r}`);
	if (r < 0)
		error_report(`kvm_set_user_memory_region: KVM_SET_USER_MEMORY_REGION failed, slot=${slot}, ` +
			`start=${hex(mr.start)}, size=${hex(mr.size)}: ${errno_text(r)}`);
	return r;
}

/** accel/kvm/kvm-all.c:kvm_set_phys_mem(), for each region that is memory. */
export function kvm_set_phys_mem(vm: qemu_vm, s: kvm_state): void {
	for (const mr of vm.regions) {
		if (mr.block === null)
			continue;
		if (s.slots === s.nr_slots) {
			error_printf("kvm_alloc_slot: no free slot available\n");
			throw new qemu_exit(1);
		}
		const r = kvm_set_user_memory_region(vm, s, s.slots++, mr);
		if (r < 0) {
			error_printf(`kvm_set_phys_mem: error registering slot: ${errno_text(r)}\n`);
			throw new qemu_exit(1);
		}
	}
}

/** KVM_MEMORY_ENCRYPT_{REG,UNREG}_REGION: what KVM thinks of a range. */
function kvm_encrypt_region(s: kvm_state, gpa: number, size: number, to_private: boolean): number {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	return kvm_ioctl(s.vmfd, to_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
		KVM_MEMORY_ENCRYPT_UNREG_REGION, region.bytes);
}

function convert_section(vm: qemu_vm, s: kvm_state, gpa: number, to_private: boolean,
	found: memory_section): number {
	const { mr, offset, size } = found;

	if (mr.block === null || mr.block.private_fd < 0) {
		/* registers are shared in any case */
		if (mr.block === null && !to_private)
			return 0;
		warn_report("Convert non guest-memfd backed memory region " +
			`(${hex(gpa)} ,+ ${hex(size)}) to ${to_private ? "private" : "shared"}`);
		return -1;
	}
	const r = kvm_encrypt_region(s, gpa, size, to_private);
	if (r < 0)
		return r;
	return ram_block_convert_range(mr.block, offset, size, to_private);
}

/**
 * kvm_convert_memory() of the series' QEMU branch: KVM's view first, then the pages. Ranges where
 * nothing is assigned may become shared, which is what they are; firmware does that to the hole for
 * PCI. A range that spans regions is converted region by region.
 */
export function kvm_convert_memory(vm: qemu_vm, gpa: number, size: number,
	to_private: boolean): number {
	vm.trace("kvm_convert_memory", `start ${hex(gpa)} size ${hex(size)} ` +
		(to_private ? "shared_to_private" : "private_to_shared"));
	if (gpa % PAGE !== 0 || size % PAGE !== 0 || size === 0)
		return -1;
	for (let at = gpa; at < gpa + size;) {
		const found = memory_region_find(vm, at, gpa + size - at);
		if (found === null) {
			if (!to_private)
				break;
			warn_report(`Cannot convert non memory region address (${hex(at)} ,+ ` +
				`${hex(gpa + size - at)}) to private`);
			return -1;
		}
		at = found.mr.start + found.offset - found.mr.offset;
		const r = convert_section(vm, vm.kvm!, at, to_private, found);
		if (r !== 0)
			return r;
		at += found.size;
	}
	if (to_private) {
		vm.counts.shared_to_private++;
		vm.counts.to_private_bytes += size;
	} else {
		vm.counts.private_to_shared++;
		vm.counts.to_shared_bytes += size;
	}
	return 0;
}
