// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_MEMORY_ENCRYPT_{REG,UNREG}_REGION as they were before there was private memory: on a SEV VM
 * they pin and unpin a range of user addresses, on a plain one they are ENOTTY.
 *
 * Port-only. Each check is a process with a VM of its own; pins are counted by what the kernel says
 * of them. What hosts without SEV leave out is skipped check by check.
 */
import { memchk, memset } from "#hw/isa_guest.ts";
import { EBUSY, EFAULT, EINVAL, EIO, ENOMEM, ENOTTY } from "#uapi/asm-generic/errno-base.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { RLIMIT_MEMLOCK } from "#uapi/asm-generic/resource.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import {
	KVM_CAP_PRIVATE_MEM_TESTING, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, KVM_MEM_PRIVATE,
	KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION,
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_PRIVATE_MEM_TESTING_OFF, KVM_SEV_INIT,
	KVM_SEV_LAUNCH_START, struct_kvm_enc_region, struct_kvm_sev_cmd,
	struct_kvm_sev_launch_start,
} from "#uapi/linux/kvm.ts";
import { MFD_ALLOW_SEALING, MFD_HUGETLB, MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE,
} from "#uapi/linux/mman.ts";
import { F_ADD_SEALS, F_SEAL_WRITE } from "#uapi/linux/fcntl.ts";
import * as nr from "#uapi-asm/unistd_64.ts";
import {
	close, errno, errno_name, exit, fallocate, fcntl, fork, ftruncate, getrlimit, ioctl,
	memfd_create, mmap, mprotect, munmap, type num, open, poke, read_file, setrlimit,
	syscall_by_number, user_load8, user_store8, waitpid, WEXITSTATUS, WIFEXITED, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import {
	ksft_finished, ksft_print_header, ksft_print_msg, ksft_set_plan, ksft_test_result,
	ksft_test_result_skip,
} from "#tools/testing/selftests/kselftest.ts";
import { fail_nth_run, type fail_nth_op } from "../include/fail_nth.ts";
import {
	__vm_enable_cap, get_ucall, GUEST_ASSERT, GUEST_DONE, type guest_program, kvm_check_cap,
	kvm_vm_elf_load, kvm_vm_free, type struct_kvm_vm, struct_ucall, UCALL_DONE, vcpu_run,
	virt_map, vm_create_barebones, vm_create_irqchip, vm_create_with_one_vcpu,
	vm_userspace_mem_region_add, vm_vcpu_add, type wait,
} from "../include/kvm_util.ts";
import {
	__vm_set_user_memory_region_ext, vm_mem_add, vm_set_private_mem_testing,
} from "../include/private_mem.ts";
import { TEST_ASSERT, VM_MEM_SRC_ANONYMOUS } from "../include/test_util.ts";
import { is_amd_cpu } from "../include/x86_64/processor.ts";

const PAGE	= 4096;
const HPAGE	= 2 ** 21;
const RW	= PROT_READ | PROT_WRITE;
const STATE	= "/sys/kernel/debug/privmem/state";
const GPA	= 0xc0000000;
const U64_PAGE	= 2n ** 64n - BigInt(PAGE);

/* of the check that runs */
let complaint = "";

function expect(ok: boolean, what: string): void {
	if (!ok)
		complaint ||= what;
}

const outcome = (r: number): string => r < 0 ? errno_name(errno()) : `${r}`;

function refused(what: string, r: number, err: number): void {
	expect(r < 0 && errno() === err, `${what}: ${outcome(r)}, expected ${errno_name(err)}`);
}

function allowed(what: string, r: number): void {
	expect(r === 0, `${what}: ${outcome(r)}, expected 0`);
}

/** A line "name value" of what the kernel says. */
function count(name: string): number {
	const m = new RegExp(`^${name} (\\d+)$`, "m").exec(read_file(STATE) ?? "");

	TEST_ASSERT(m !== null, "%s has no %s", STATE, name);
	return Number(m[1]);
}

function pinned(what: string, pages: number): void {
	const n = count("pinned");

	expect(n === pages, `${what}: ${n} pages pinned, expected ${pages}`);
}

/** All the kernel says of VMs: slots, attributes. */
function vms(): string {
	return /\[kvm\]\n([^[]*)/.exec(read_file(STATE) ?? "")?.[1] ?? "";
}

function map(size: number, flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1, prot = RW): number {
	const p = mmap(0, size, prot, flags, fd, 0);

	TEST_ASSERT(p >= 0, "mmap failed");
	return p;
}

function file(size: number, flags = 0): number {
	const fd = memfd_create("sev", flags);

	TEST_ASSERT(fd >= 0 && ftruncate(fd, size) === 0, "memfd_create or ftruncate failed");
	return fd;
}

function region_ioctl(vm: struct_kvm_vm, cmd: number, addr: num, size: num): number {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(addr);
	region.size = BigInt(size);
	return ioctl(vm.fd, cmd, region.bytes);
}

const reg = (vm: struct_kvm_vm, addr: num, size: num): number =>
	region_ioctl(vm, KVM_MEMORY_ENCRYPT_REG_REGION, addr, size);

const unreg = (vm: struct_kvm_vm, addr: num, size: num): number =>
	region_ioctl(vm, KVM_MEMORY_ENCRYPT_UNREG_REGION, addr, size);

function sev_cmd(vm: struct_kvm_vm, id: number, data = 0): number {
	const cmd = struct_kvm_sev_cmd.alloc(), p = map(PAGE);

	cmd.id = id;
	cmd.data = BigInt(data);
	poke(p, cmd.bytes);
	const r = ioctl(vm.fd, KVM_MEMORY_ENCRYPT_OP, p);
	munmap(p, PAGE);
	return r;
}

function sev_vm(): struct_kvm_vm {
	const vm = vm_create_barebones();
	const r = sev_cmd(vm, KVM_SEV_INIT);

	TEST_ASSERT(r === 0, "KVM_SEV_INIT: %s", errno_name(errno()));
	return vm;
}

/** @code in a process of its own; what it found is told by its complaint. */
function* in_child(code: () => void | wait): wait {
	const pid = fork(function* (): wait {
		const r = code();
		if (r !== undefined)
			yield* r;
		exit(0);
	});
	const { status } = yield* waitpid(pid, 0);

	expect(WIFEXITED(status) && WEXITSTATUS(status) === 0, `status 0x${status.toString(16)}`);
}

interface check {
	readonly name: string;
	readonly sev?: boolean;
	readonly hook?: boolean;
	readonly code: () => void | wait;
}

/* ---- plain VMs ------------------------------------------------------------------------------ */

/** Both ioctls on @vm: ENOTTY, whatever is asked for. */
function not_there(vm: struct_kvm_vm): void {
	const p = map(4 * PAGE), before = vms();

	for (const [name, cmd] of [["REG", KVM_MEMORY_ENCRYPT_REG_REGION],
		["UNREG", KVM_MEMORY_ENCRYPT_UNREG_REGION]] as const) {
		for (const [addr, size] of [
			[p, 4 * PAGE], [p, 0], [p + 1, 1], [0, PAGE], [0, 0], [U64_PAGE, PAGE],
			[U64_PAGE, 2 * PAGE], [GPA, PAGE],
		] as const)
			refused(`${name} ${addr} ${size}`, region_ioctl(vm, cmd, addr, size),
				ENOTTY);
		refused(`${name} of nothing`, ioctl(vm.fd, cmd, 0), EFAULT);
	}
	pinned("a plain VM", 0);
	expect(vms() === before, `it became ${vms()}`);
}

function* other_process(vm: struct_kvm_vm): wait {
	const p = map(PAGE);

	yield* in_child(() => {
		refused("REG", reg(vm, p, PAGE), EIO);
		refused("UNREG", unreg(vm, p, PAGE), EIO);
	});
}

const plain_checks: check[] = [
	{ name: "plain VM", code: () => not_there(vm_create_barebones()) },
	{ name: "plain VM with slots and a vCPU", code: () => {
		const { vm } = vm_create_with_one_vcpu(sev_guest);

		vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, GPA, 1, 4, 0);
		not_there(vm);
	} },
	{ name: "plain VM where testing is off", hook: true, code: () => {
		const vm = vm_create_barebones();

		vm_set_private_mem_testing(vm, KVM_PRIVATE_MEM_TESTING_OFF);
		not_there(vm);
	} },
	{ name: "plain VM of another process", code: function* (): wait {
		yield* other_process(vm_create_barebones());
	} },
];

/* ---- SEV VMs -------------------------------------------------------------------------------- */

function* sev_guest(): guest_program {
	yield* memset(GPA, 0x5a, 4 * PAGE);
	yield* GUEST_ASSERT(yield* memchk(GPA, 0x5a, 4 * PAGE), "memory is 0x5a");
	yield* GUEST_DONE();
}

function check_pins(): void {
	const vm = sev_vm(), p = map(4 * PAGE), free = count("free"), before = vms();

	allowed("REG", reg(vm, p, 4 * PAGE));
	pinned("REG", 4);
	expect(free - count("free") >= 4, "the pages were not brought in");
	allowed("UNREG", unreg(vm, p, 4 * PAGE));
	pinned("UNREG", 0);
	refused("UNREG again", unreg(vm, p, 4 * PAGE), EINVAL);
	expect(vms() === before, `the VM became ${vms()}`);
}

function check_rounding(): void {
	const vm = sev_vm(), p = map(4 * PAGE);

	for (const [offset, size, pages] of [
		[0, 1, 1], [PAGE - 1, 1, 1], [PAGE - 1, 2, 2], [1, PAGE, 2], [0, PAGE, 1],
		[100, 3 * PAGE, 4], [PAGE, PAGE + 1, 2],
	] as const) {
		allowed(`REG ${offset} ${size}`, reg(vm, p + offset, size));
		pinned(`REG ${offset} ${size}`, pages);
		allowed(`UNREG ${offset} ${size}`, unreg(vm, p + offset, size));
		pinned(`UNREG ${offset} ${size}`, 0);
	}
}

function check_exact(): void {
	const vm = sev_vm(), p = map(4 * PAGE);

	allowed("REG", reg(vm, p + PAGE, 2 * PAGE));
	for (const [addr, size] of [
		[p, 4 * PAGE], [p + PAGE, PAGE], [p + 2 * PAGE, PAGE], [p + PAGE, 2 * PAGE - 1],
		[p + PAGE + 1, 2 * PAGE - 1], [p + PAGE, 2 * PAGE + 1], [p, 2 * PAGE], [p, 0],
		[U64_PAGE, PAGE],
	] as const)
		refused(`UNREG ${addr} ${size}`, unreg(vm, addr, size), EINVAL);
	pinned("after these", 2);
	allowed("UNREG", unreg(vm, p + PAGE, 2 * PAGE));
	pinned("UNREG", 0);
}

function check_overlap(): void {
	const vm = sev_vm(), p = map(4 * PAGE);

	allowed("REG", reg(vm, p, 4 * PAGE));
	allowed("REG of the same", reg(vm, p, 4 * PAGE));
	allowed("REG of its middle", reg(vm, p + PAGE, 2 * PAGE));
	allowed("REG of its end", reg(vm, p + 3 * PAGE, PAGE));
	pinned("all", 11);
	allowed("UNREG", unreg(vm, p, 4 * PAGE));
	pinned("one of two", 7);
	allowed("UNREG of the other", unreg(vm, p, 4 * PAGE));
	pinned("both of two", 3);
	refused("UNREG of a third", unreg(vm, p, 4 * PAGE), EINVAL);
	allowed("UNREG of the middle", unreg(vm, p + PAGE, 2 * PAGE));
	allowed("UNREG of the end", unreg(vm, p + 3 * PAGE, PAGE));
	pinned("none", 0);
}

function check_errors(): void {
	const vm = sev_vm(), p = map(4 * PAGE);
	const readonly = map(PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_READ);
	const none = map(PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_NONE);

	refused("REG without an argument", ioctl(vm.fd, KVM_MEMORY_ENCRYPT_REG_REGION, 0), EFAULT);
	refused("UNREG without one", ioctl(vm.fd, KVM_MEMORY_ENCRYPT_UNREG_REGION, 0), EFAULT);
	refused("nothing", reg(vm, p, 0), EINVAL);
	refused("nothing at 0", reg(vm, 0, 0), EINVAL);
	refused("beyond 2^64", reg(vm, U64_PAGE, 2 * PAGE), EINVAL);
	refused("2^64 - 1 bytes", reg(vm, p, 2n ** 64n - 1n), EINVAL);
	refused("the kernel's half", reg(vm, 2n ** 63n, PAGE), ENOMEM);
	refused("a guest address that no one has mapped", reg(vm, GPA, PAGE), ENOMEM);
	refused("read-only memory", reg(vm, readonly, PAGE), ENOMEM);
	refused("memory without access", reg(vm, none, PAGE), ENOMEM);
	munmap(p + 3 * PAGE, PAGE);
	refused("memory that ends before", reg(vm, p, 4 * PAGE), ENOMEM);
	mprotect(p + PAGE, PAGE, PROT_READ);
	refused("memory that is read-only in the middle", reg(vm, p, 3 * PAGE), ENOMEM);
	pinned("after these", 0);
	refused("none of these is there", unreg(vm, p, 4 * PAGE), EINVAL);
}

/** A pin is one of the page, not of the address. */
function check_outlives_mapping(): void {
	const vm = sev_vm(), p = map(4 * PAGE);

	allowed("REG", reg(vm, p, 4 * PAGE));
	const free = count("free");
	munmap(p, 4 * PAGE);
	pinned("after munmap", 4);
	expect(count("free") - free < 4, "pinned pages were freed");
	allowed("UNREG", unreg(vm, p, 4 * PAGE));
	pinned("UNREG", 0);
	expect(count("free") - free >= 4, "the pages did not come back");
}

/** Pages of a file stay the guest's when the file has lost them. */
function check_file(): void {
	const vm = sev_vm(), fd = file(4 * PAGE, MFD_ALLOW_SEALING);
	const p = map(4 * PAGE, MAP_SHARED, fd);

	user_store8(p, 1);
	allowed("REG", reg(vm, p, 4 * PAGE));
	pinned("REG", 4);
	allowed("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	expect(user_load8(p) === 0, "the hole has something in it");
	pinned("after the hole", 4);
	munmap(p, 4 * PAGE);
	refused("sealing a file that is written to", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	allowed("UNREG", unreg(vm, p, 4 * PAGE));
	pinned("UNREG", 0);
	allowed("sealing it now", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

function check_hugetlb(): void {
	write_file("/proc/sys/vm/nr_hugepages", "2\n");
	const vm = sev_vm(), fd = file(2 * HPAGE, MFD_HUGETLB);
	const p = map(2 * HPAGE, MAP_SHARED, fd);

	allowed("REG", reg(vm, p, 2 * HPAGE));
	pinned("REG", 1024);
	allowed("REG of a piece", reg(vm, p + 100 * PAGE, 3 * PAGE));
	pinned("REG of a piece", 1027);
	allowed("UNREG", unreg(vm, p, 2 * HPAGE));
	allowed("UNREG of the piece", unreg(vm, p + 100 * PAGE, 3 * PAGE));
	pinned("UNREG", 0);
	munmap(p, 2 * HPAGE);
	close(fd);
	write_file("/proc/sys/vm/nr_hugepages", "0\n");
}

function check_destroy(): void {
	const p = map(8 * PAGE), one = sev_vm(), two = sev_vm();

	allowed("REG", reg(one, p, 8 * PAGE));
	allowed("REG of a piece", reg(one, p + PAGE, PAGE));
	allowed("REG for another VM", reg(two, p, 2 * PAGE));
	pinned("all", 11);
	refused("UNREG of the other VM's", unreg(two, p, 8 * PAGE), EINVAL);
	kvm_vm_free(one);
	pinned("when one VM is gone", 2);
	kvm_vm_free(two);
	pinned("when both are gone", 0);
}

/** The limit is each VM's, in pages, and overlaps count twice; CAP_IPC_LOCK knows none. */
function* check_memlock(): wait {
	const limit = getrlimit(RLIMIT_MEMLOCK)!;

	setrlimit(RLIMIT_MEMLOCK, { ...limit, rlim_cur: BigInt(8 * PAGE + 100) });
	const root = sev_vm(), q = map(16 * PAGE);
	allowed("REG as root", reg(root, q, 16 * PAGE));
	kvm_vm_free(root);

	yield* in_child(() => {
		const vm = sev_vm(), p = map(16 * PAGE), other = sev_vm();

		allowed("setresuid", syscall_by_number(nr.__NR_setresuid, 1000, 1000, 1000));
		refused("nine pages", reg(vm, p, 9 * PAGE), ENOMEM);
		refused("eight, but nine by rounding", reg(vm, p + 1, 8 * PAGE), ENOMEM);
		allowed("seven", reg(vm, p, 7 * PAGE));
		refused("two more", reg(vm, p, 2 * PAGE), ENOMEM);
		allowed("one more", reg(vm, p, PAGE));
		refused("one more than that", reg(vm, p + 8 * PAGE, 1), ENOMEM);
		pinned("the limit", 8);
		allowed("another VM", reg(other, p, 8 * PAGE));
		pinned("both", 16);
		allowed("UNREG", unreg(vm, p, 7 * PAGE));
		allowed("seven others", reg(vm, p + 8 * PAGE, 7 * PAGE));
		refused("what cannot be pinned does not count", reg(other, 0, PAGE), ENOMEM);
		pinned("both again", 16);
	});
	pinned("when that process is gone", 0);
	setrlimit(RLIMIT_MEMLOCK, limit);
}

/** Nothing of private memory is to be had; user addresses are not taken for guest ones. */
function check_no_private_memory(): void {
	const vm = sev_vm(), fd = file(4 * PAGE, MFD_INACCESSIBLE), p = map(4 * PAGE);

	refused("a private slot", __vm_set_user_memory_region_ext(vm, 1, KVM_MEM_PRIVATE, GPA,
		4 * PAGE, p, fd, 0), EINVAL);
	allowed("a plain slot", __vm_set_user_memory_region_ext(vm, 1, 0, GPA, 4 * PAGE, p, -1, 0));
	refused("REG by guest address", reg(vm, GPA, 4 * PAGE), ENOMEM);
	refused("UNREG by guest address", unreg(vm, GPA, 4 * PAGE), EINVAL);
	const before = vms();
	allowed("REG", reg(vm, p, 4 * PAGE));
	pinned("REG", 4);
	expect(vms() === before && before.includes(" shared 0 "), `the VM became ${vms()}`);
	/* a deleted slot has no part in it */
	allowed("the slot deleted", __vm_set_user_memory_region_ext(vm, 1, 0, GPA, 0, p, -1, 0));
	pinned("without a slot", 4);
}

function* check_guest(): wait {
	const vm = sev_vm(), uc = new struct_ucall(), start = map(PAGE), p = map(4 * PAGE);

	poke(start, struct_kvm_sev_launch_start.alloc().bytes);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, 0, 0, 1024, 0);
	kvm_vm_elf_load(vm);
	vm_create_irqchip(vm);
	const vcpu = vm_vcpu_add(vm, 0, sev_guest);
	allowed("slot", __vm_set_user_memory_region_ext(vm, 1, 0, GPA, 4 * PAGE, p, -1, 0));
	virt_map(vm, GPA, GPA, 4);
	allowed("KVM_SEV_LAUNCH_START", sev_cmd(vm, KVM_SEV_LAUNCH_START, start));
	allowed("REG", reg(vm, p, 4 * PAGE));
	yield* vcpu_run(vcpu);
	expect((yield* get_ucall(vcpu, uc)) === UCALL_DONE, "the guest did not get to its end");
	expect(user_load8(p) === 0x5a && user_load8(p + 4 * PAGE - 1) === 0x5a,
		"the guest wrote elsewhere");
	pinned("REG", 4);
}

const sev_checks: check[] = [
	{ name: "SEV VM to be: before KVM_SEV_INIT", code: () => not_there(vm_create_barebones()) },
	{ name: "SEV VM: pages are pinned", code: check_pins },
	{ name: "SEV VM: partial pages", code: check_rounding },
	{ name: "SEV VM: unregistering is exact", code: check_exact },
	{ name: "SEV VM: regions overlap", code: check_overlap },
	{ name: "SEV VM: errors", code: check_errors },
	{ name: "SEV VM: pins outlive the mapping", code: check_outlives_mapping },
	{ name: "SEV VM: pages of a file", code: check_file },
	{ name: "SEV VM: huge pages", code: check_hugetlb },
	{ name: "SEV VM: its end unpins", code: check_destroy },
	{ name: "SEV VM: RLIMIT_MEMLOCK", code: check_memlock },
	{ name: "SEV VM: no private memory", code: check_no_private_memory },
	{ name: "SEV VM of another process", code: function* (): wait {
		yield* other_process(sev_vm());
	} },
	{ name: "SEV VM: no mirrors", code: () => {
		const owner = sev_vm();
		refused("KVM_CAP_VM_COPY_ENC_CONTEXT_FROM", __vm_enable_cap(vm_create_barebones(),
			KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, owner.fd), EINVAL);
	} },
	{ name: "SEV VM: a guest runs", code: check_guest },
].map((c) => ({ ...c, sev: true }));

/* ---- what the test hook gives ends with KVM_SEV_INIT ---------------------------------------- */

const hook_checks: check[] = [
	{ name: "KVM_SEV_INIT ends testing", code: () => {
		const vm = vm_create_barebones(), p = map(4 * PAGE);
		const fd = file(4 * PAGE, MFD_INACCESSIBLE);

		vm_set_private_mem_testing(vm, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
		allowed("UNREG by guest address", unreg(vm, GPA, 4 * PAGE));
		allowed("KVM_SEV_INIT", sev_cmd(vm, KVM_SEV_INIT));
		refused("a private slot", __vm_set_user_memory_region_ext(vm, 1, KVM_MEM_PRIVATE,
			GPA, 4 * PAGE, p, fd, 0), EINVAL);
		refused("UNREG by guest address", unreg(vm, GPA, 4 * PAGE), EINVAL);
		allowed("REG", reg(vm, p, 4 * PAGE));
		pinned("REG", 4);
		allowed("UNREG", unreg(vm, p, 4 * PAGE));
		refused("testing again", __vm_enable_cap(vm, KVM_CAP_PRIVATE_MEM_TESTING,
			KVM_PRIVATE_MEM_TESTING_ATTRIBUTE), EINVAL);
	} },
	{ name: "KVM_SEV_INIT is refused where there is a private slot", code: () => {
		const vm = vm_create_barebones(), p = map(4 * PAGE);
		const fd = file(4 * PAGE, MFD_INACCESSIBLE);

		vm_set_private_mem_testing(vm, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
		vm_mem_add(vm, p, GPA, 1, 4 * PAGE, 0, fd, 0);
		refused("KVM_SEV_INIT", sev_cmd(vm, KVM_SEV_INIT), EINVAL);
		allowed("REG by guest address", reg(vm, GPA, 4 * PAGE));
		pinned("REG of private memory", 0);
		allowed("the slot deleted", __vm_set_user_memory_region_ext(vm, 1, KVM_MEM_PRIVATE,
			GPA, 0, p, fd, 0));
		allowed("KVM_SEV_INIT without it", sev_cmd(vm, KVM_SEV_INIT));
		allowed("REG", reg(vm, p, 4 * PAGE));
		pinned("REG", 4);
	} },
].map((c) => ({ ...c, sev: true, hook: true }));

/* ---- allocations that fail ------------------------------------------------------------------ */

interface region_env {
	readonly vm: struct_kvm_vm;
	readonly p: number;
}

const fail_ops: fail_nth_op<region_env>[] = [
	{
		name: "a region registered",
		setup: () => {
			const vm = sev_vm(), p = map(4 * PAGE);
			for (let i = 0; i < 4; i++)
				user_store8(p + i * PAGE, 1);
			return { vm, p };
		},
		op: ({ vm, p }) => reg(vm, p, 4 * PAGE),
		errnos: [ENOMEM],
		again: true,
		after: ({ vm, p }) => TEST_ASSERT(unreg(vm, p, 4 * PAGE) === 0, "UNREG"),
	}, {
		name: "a region unregistered",
		setup: () => {
			const vm = sev_vm(), p = map(4 * PAGE);
			TEST_ASSERT(reg(vm, p, 4 * PAGE) === 0, "REG");
			return { vm, p };
		},
		op: ({ vm, p }) => unreg(vm, p, 4 * PAGE),
		errnos: [],
	},
];

/** KVM_MEMORY_ENCRYPT_OP without a command says whether there is SEV. */
function has_sev(): boolean {
	const kvm = open("/dev/kvm", O_RDWR), vm = vm_create_barebones();
	const r = ioctl(vm.fd, KVM_MEMORY_ENCRYPT_OP, 0);

	TEST_ASSERT(r === 0 || errno() === ENOTTY, "KVM_MEMORY_ENCRYPT_OP: %s", outcome(r));
	close(kvm);
	kvm_vm_free(vm);
	return r === 0;
}

export function* main(): wait<number> {
	const checks = [...plain_checks, ...sev_checks, ...hook_checks];
	const sev = has_sev(), hook = kvm_check_cap(KVM_CAP_PRIVATE_MEM_TESTING) !== 0;

	TEST_ASSERT(sev === is_amd_cpu(), "SEV on a host of the other vendor, or none on AMD's");
	ksft_print_header();
	ksft_set_plan(checks.length + fail_ops.length);
	for (const c of checks) {
		if (c.sev && !sev || c.hook && !hook) {
			ksft_test_result_skip("%s: no %s\n", c.name,
				c.sev && !sev ? "SEV" : "KVM_CAP_PRIVATE_MEM_TESTING");
			continue;
		}
		complaint = "";
		yield* in_child(c.code);
		pinned("when all is over", 0);
		if (complaint !== "")
			ksft_print_msg("%s: %s\n", c.name, complaint);
		ksft_test_result(complaint === "", "%s\n", c.name);
	}
	for (const o of fail_ops) {
		if (sev)
			ksft_test_result(yield* fail_nth_run(o), "failing: %s\n", o.name);
		else
			ksft_test_result_skip("failing: %s: no SEV\n", o.name);
	}
	ksft_finished();
}
