// SPDX-License-Identifier: GPL-2.0
/*
 * Part of memfd_inaccessible_test: files that VMs use.
 *
 * Port-only. Skipped where VMs cannot have private memory.
 */
import { EINVAL, EIO, ENODEV, EPERM } from "#uapi/asm-generic/errno-base.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_CAP_PRIVATE_MEM_TESTING, KVM_CHECK_EXTENSION, KVM_CREATE_VM, KVM_ENABLE_CAP,
	KVM_MEM_PRIVATE, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_SET_USER_MEMORY_REGION,
	struct_kvm_enable_cap, struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import {
	close, dup, fallocate, ftruncate, ioctl, mmap, munmap, open, printf, read, read_file,
} from "#tools/include/nolibc/nolibc.ts";
import {
	allowed, buf, check, filled_fd, in_child, PAGE, pages_of, refused, SIZE, type wait,
} from "./inaccessible.ts";

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const STATE = "/sys/kernel/debug/privmem/state";

interface vm {
	readonly kvm: number;
	readonly fd: number;
	readonly hva: number;
}

/** A VM with one slot on @memfd, or null where there is no such thing. */
function vm_with(memfd: number): vm | null {
	const kvm = open("/dev/kvm", O_RDWR);

	if (kvm < 0 || ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_PRIVATE_MEM_TESTING) <= 0) {
		close(kvm);
		return null;
	}
	const fd = ioctl(kvm, KVM_CREATE_VM, 0);
	const cap = struct_kvm_enable_cap.alloc();
	cap.cap = KVM_CAP_PRIVATE_MEM_TESTING;
	cap.args[0] = BigInt(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
	allowed("KVM_ENABLE_CAP", ioctl(fd, KVM_ENABLE_CAP, cap.bytes));

	const hva = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const v = { kvm, fd, hva };
	allowed("KVM_SET_USER_MEMORY_REGION", set_slot(v, memfd, SIZE));
	return v;
}

/** Slot 0; a @size of 0 deletes it. */
function set_slot(v: vm, memfd: number, size: number): number {
	const ext = struct_kvm_userspace_memory_region_ext.alloc();

	ext.region.flags = KVM_MEM_PRIVATE;
	ext.region.memory_size = BigInt(size);
	ext.region.userspace_addr = BigInt(v.hva);
	ext.private_fd = memfd;
	return ioctl(v.fd, KVM_SET_USER_MEMORY_REGION, ext.bytes);
}

/** What each slot says of its file: how many references, how many listen. */
function slots(): string {
	return [...(read_file(STATE) ?? "").matchAll(/file (\d+) notifiers (\d+)/g)]
		.map(([, refs, notifiers]) => `${refs}/${notifiers}`).join(" ");
}

function close_vm(v: vm): void {
	close(v.fd);
	close(v.kvm);
	munmap(v.hva, SIZE);
}

/** Counts of what the kernel has allocated; reading them does not change them. */
function state(): string {
	read_file(STATE);
	return read_file(STATE) ?? "";
}

function test_close_order(): void {
	printf("memfd-inaccessible: CLOSE-ORDER\n");
	const before = state();

	for (const [what, code] of [
		["the descriptor first", (fd: number, v: vm): void => {
			allowed("close", close(fd));
			close_vm(v);
		}],
		["the VM first", (fd: number, v: vm): void => {
			close_vm(v);
			allowed("pages after the VM", pages_of(fd), SIZE / PAGE);
			allowed("punch after the VM", fallocate(fd, PUNCH, 0, SIZE));
			allowed("allocate after the VM", fallocate(fd, 0, 0, SIZE));
			refused("ftruncate after the VM", ftruncate(fd, 0), EPERM);
			refused("mmap after the VM",
				mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
			allowed("close", close(fd));
		}],
		["a copy of the descriptor last", (fd: number, v: vm): void => {
			const copy = dup(fd);
			close(fd);
			close_vm(v);
			allowed("punch through the copy", fallocate(copy, PUNCH, 0, PAGE));
			allowed("close", close(copy));
		}],
		["punched while the VM lives", (fd: number, v: vm): void => {
			allowed("punch", fallocate(fd, PUNCH, 0, SIZE));
			allowed("pages", pages_of(fd));
			refused("read", read(fd, buf, PAGE), EINVAL);
			close_vm(v);
			allowed("close", close(fd));
		}],
	] as const) {
		const fd = filled_fd(), v = vm_with(fd);

		code(fd, v!);
		const after = state();
		check(after === before, "%s: what is left differs:\n%s", what,
			after.split("\n").filter((l) => !before.includes(l)).join("\n"));
	}
}

function slots_are(what: string, expected: string): void {
	check(slots() === expected, "%s: references and notifiers %s, expected %s", what, slots(),
		expected);
}

/** One file, two VMs: each has a reference and hears of holes, as long as it has the slot. */
function test_two_vms(): void {
	printf("memfd-inaccessible: TWO-VMS\n");
	const fd = filled_fd(), a = vm_with(fd)!;

	slots_are("one VM", "2/1");
	const b = vm_with(fd)!;
	slots_are("two VMs", "3/2 3/2");
	allowed("punch", fallocate(fd, PUNCH, 0, 4 * PAGE));
	allowed("pages", pages_of(fd), SIZE / PAGE - 4);
	allowed("the slot of one deleted", set_slot(a, fd, 0));
	slots_are("one slot", "2/1");
	allowed("punch", fallocate(fd, PUNCH, 4 * PAGE, 4 * PAGE));
	allowed("the slot made again", set_slot(a, fd, SIZE));
	slots_are("two slots", "3/2 3/2");
	close_vm(b);
	slots_are("the other VM gone", "2/1");
	allowed("punch", fallocate(fd, PUNCH, 8 * PAGE, 4 * PAGE));
	allowed("pages", pages_of(fd), SIZE / PAGE - 12);
	close(fd);
	slots_are("no descriptor", "1/1");
	close_vm(a);
	slots_are("no VM", "");
}

/** A VM of the child on the parent's file: a process cannot use another's VM, but its file. */
function* test_vm_of_child(): wait {
	printf("memfd-inaccessible: CHILD-VM\n");
	const fd = filled_fd(), own = vm_with(fd)!;

	yield* in_child("a child with a VM", () => {
		refused("the parent's VM", set_slot(own, fd, 0), EIO);
		vm_with(fd);
		slots_are("in the child", "4/2 4/2");
		allowed("punch", fallocate(fd, PUNCH, 0, PAGE));
		refused("read", read(fd, buf, PAGE), EINVAL);
	});
	slots_are("after the child", "2/1");
	allowed("pages", pages_of(fd), SIZE / PAGE - 1);
	close_vm(own);
	close(fd);
}

/** Memory belongs to the VM when the descriptor is gone, and not to the process that made it. */
function* test_exit(): wait {
	printf("memfd-inaccessible: EXIT\n");
	yield* in_child("an exit with all still open", () => {
		const fd = filled_fd();

		dup(fd);
		vm_with(fd);
		vm_with(fd);
	});
	const before = state();
	yield* in_child("the same again", () => {
		const fd = filled_fd();

		dup(fd);
		vm_with(fd);
		vm_with(fd);
	});
	check(state() === before, "an exit left something");
}


export function* test_vms(): wait {
	/* also what is made once is made now */
	const warm = filled_fd(), first = vm_with(warm);

	close(warm);
	if (first === null) {
		printf("# SKIP no VMs with private memory\n");
		return;
	}
	close_vm(first);
	test_close_order();
	test_two_vms();
	yield* test_vm_of_child();
	yield* test_exit();
}
