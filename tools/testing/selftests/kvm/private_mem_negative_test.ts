// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ioctls for private memory refuse, and that a refusal leaves no trace.
 *
 * Port-only. Each check is a process with a VM of its own: slot 1 is private, slot 2 is not, some
 * of slot 1 is shared. What the kernel says about slots, references, attributes and notifiers is
 * compared before and after.
 */
import { EEXIST, EFAULT, EINVAL, EIO, ENOTTY } from "#uapi/asm-generic/errno-base.ts";
import { O_PATH, O_RDONLY, O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import {
	KVM_CAP_PRIVATE_MEM_TESTING, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_PRIVATE, KVM_MEM_READONLY,
	KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION,
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_PRIVATE_MEM_TESTING_BITMAP,
	KVM_PRIVATE_MEM_TESTING_OFF, KVM_SET_USER_MEMORY_REGION, KVM_SEV_INIT,
	struct_kvm_enc_region, struct_kvm_sev_cmd, struct_kvm_userspace_memory_region,
	struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import { offsetof, sizeof } from "#asm-generic/struct.ts";
import {
	close, dup, errno, errno_name, eventfd, exit, fork, fstat, ioctl, memfd_create, munmap,
	type num, open, pipe, poke, waitpid, WEXITSTATUS, WIFEXITED, WTERMSIG,
} from "#tools/include/nolibc/nolibc.ts";
import {
	ksft_finished, ksft_print_header, ksft_print_msg, ksft_set_plan, ksft_test_result,
} from "#tools/testing/selftests/kselftest.ts";
import { __vm_enable_cap, __vm_vcpu_add, type wait } from "./include/kvm_util.ts";
import { privmem_state, state_difference } from "./include/fail_nth.ts";
import { require_private_mem_testing, vm_set_private_mem_testing } from
	"./include/private_mem.ts";
import {
	attr, env, FREE_GPA, FREE_SLOT, map, modify, PAGE, PLAIN_GPA, PLAIN_SLOT, PRIV_GPA,
	type region, set, SIZE,
} from "./include/private_mem_env.ts";
import { TEST_ASSERT } from "./include/test_util.ts";
import { is_amd_cpu } from "./include/x86_64/processor.ts";

const U64_MAX = 2n ** 64n - 1n;
const KVM_MEM_SLOTS_NUM = 0x7fff, KVM_USER_MEM_SLOTS = KVM_MEM_SLOTS_NUM - 3;
const KVM_MEM_MAX_NR_PAGES = 2 ** 31 - 1;

interface check {
	readonly name: string;
	readonly call: (e: env) => number;
	/** 0: it succeeds, and may change something */
	readonly errno: number;
	/** KVM_PRIVATE_MEM_TESTING_ATTRIBUTE if not said */
	readonly mode?: number | null;
	/** called in a child of the VM's process */
	readonly child?: boolean;
}

const refuse = (name: string, change: Partial<region>, err = EINVAL): check =>
	({ name: `memslot: ${name}`, call: (e) => set(e, change), errno: err });

const refuse_change = (name: string, change: (e: env) => Partial<region>): check =>
	({ name: `memslot: ${name}`, call: (e) => modify(e, change(e)), errno: EINVAL });

const plain_change = (name: string, err: number, change: Partial<region>): check =>
	({ name: `memslot: a plain slot, ${name}`, errno: err, call: (e) => set(e, {
		slot: PLAIN_SLOT, flags: 0, gpa: PLAIN_GPA, hva: e.hva + SIZE, fd: -1,
		...change }) });

/** KVM_SET_USER_MEMORY_REGION with the argument's @size bytes at the very end of what is mapped. */
function set_at_the_end(e: env, flags: number, size: number): number {
	const ext = struct_kvm_userspace_memory_region_ext.alloc();
	const p = map(2 * PAGE);

	ext.region.slot = FREE_SLOT;
	ext.region.flags = flags;
	ext.region.guest_phys_addr = BigInt(FREE_GPA);
	ext.region.memory_size = BigInt(SIZE);
	ext.region.userspace_addr = BigInt(e.hva);
	ext.private_fd = e.fd2;
	munmap(p + PAGE, PAGE);
	poke(p + PAGE - size, ext.bytes.subarray(0, size));
	return ioctl(e.vm.fd, KVM_SET_USER_MEMORY_REGION, p + PAGE - size);
}

const PLAIN_BYTES = sizeof(struct_kvm_userspace_memory_region);
const EXT_BYTES = sizeof(struct_kvm_userspace_memory_region_ext);

const memslot_checks: check[] = [
	/* reading the argument: the flags, then as much as they say */
	{ name: "memslot: no argument", errno: EFAULT,
		call: (e) => ioctl(e.vm.fd, KVM_SET_USER_MEMORY_REGION, 0) },
	{ name: "memslot: flags out of reach", errno: EFAULT,
		call: (e) => set_at_the_end(e, 0, offsetof(struct_kvm_userspace_memory_region,
			"flags")) },
	{ name: "memslot: plain, half a struct", errno: EFAULT,
		call: (e) => set_at_the_end(e, 0, PLAIN_BYTES - 8) },
	{ name: "memslot: plain, and not a byte more", errno: 0,
		call: (e) => set_at_the_end(e, 0, PLAIN_BYTES) },
	{ name: "memslot: private, only the plain struct", errno: EFAULT,
		call: (e) => set_at_the_end(e, KVM_MEM_PRIVATE, PLAIN_BYTES) },
	{ name: "memslot: private, without the last padding", errno: EFAULT,
		call: (e) => set_at_the_end(e, KVM_MEM_PRIVATE, EXT_BYTES - 8) },
	{ name: "memslot: private, and not a byte more", errno: 0,
		call: (e) => set_at_the_end(e, KVM_MEM_PRIVATE, EXT_BYTES) },

	/* flags */
	...Array.from({ length: 29 }, (_, i) => 3 + i).flatMap((bit) => [
		refuse(`unknown flag ${bit}`, { flags: 2 ** bit, fd: -1 }),
		refuse(`private with unknown flag ${bit}`, { flags: KVM_MEM_PRIVATE + 2 ** bit }),
	]),
	{ name: "memslot: private where that is off", errno: EINVAL,
		mode: KVM_PRIVATE_MEM_TESTING_OFF, call: (e) => set(e, {}) },
	{ name: "memslot: private where that is off, only the plain struct", errno: EINVAL,
		mode: KVM_PRIVATE_MEM_TESTING_OFF,
		call: (e) => set_at_the_end(e, KVM_MEM_PRIVATE, PLAIN_BYTES) },

	/* what holds for every slot holds for private ones */
	refuse("size not of pages", { size: SIZE + 1 }),
	refuse("address not of a page", { gpa: FREE_GPA + 2048 }),
	refuse("user address not of a page", { hva: 0x10001 }),
	refuse("user address of the kernel's", { hva: 2n ** 47n }),
	refuse("user address beyond all", { hva: 2n ** 64n - BigInt(PAGE) }),
	refuse("third address space", { slot: 2 * 2 ** 16 + FREE_SLOT }),
	refuse("the kernel's slots", { slot: KVM_USER_MEM_SLOTS }),
	refuse("no such slot", { slot: KVM_MEM_SLOTS_NUM }),
	refuse("slot 0xffff", { slot: 0xffff }),
	refuse("end beyond 2^64", { gpa: 2n ** 64n - BigInt(PAGE), size: 2 * PAGE }),
	refuse("too many pages", { size: (KVM_MEM_MAX_NR_PAGES + 1) * PAGE, hva: 0 }),
	refuse("over another slot", { gpa: PLAIN_GPA }, EEXIST),
	refuse("over another private slot", { gpa: PRIV_GPA }, EEXIST),
	refuse("over another's last page", { gpa: PRIV_GPA + SIZE - PAGE }, EEXIST),
	refuse("over another's first page", { gpa: PRIV_GPA - SIZE + PAGE }, EEXIST),
	refuse("nothing to delete", { size: 0 }),

	/* the offset */
	...[1, 2048, PAGE - 1, PAGE + 1, 2n ** 63n + 1n, U64_MAX].map((offset) =>
		refuse(`private_offset ${offset}`, { offset })),
	refuse("private_offset and size beyond 2^64", { offset: 2n ** 64n - BigInt(SIZE) + 4096n }),
	refuse("private_offset and size up to 2^64", { offset: 2n ** 64n - BigInt(SIZE) }),

	/* the file */
	refuse("private_fd -1", { fd: -1 }),
	refuse("private_fd 4000, which is not open", { fd: 4000 }),
	{ name: "memslot: private_fd just closed", errno: EINVAL,
		call: (e) => {
			const fd = dup(e.fd2);
			close(fd);
			return set(e, { fd });
		} },
	{ name: "memslot: private_fd opened with O_PATH", errno: EINVAL,
		call: (e) => set(e, { fd: open(`/proc/self/fd/${e.fd2}`, O_PATH) }) },
	{ name: "memslot: private_fd a copy", errno: 0,
		call: (e) => set(e, { fd: dup(e.fd2) }) },
	{ name: "memslot: two slots on one file", errno: 0,
		call: (e) => set(e, { fd: e.fd, offset: SIZE }) },

	/* private slots are only made and deleted */
	refuse_change("the same again", () => ({})),
	refuse_change("moved", () => ({ gpa: FREE_GPA })),
	refuse_change("other flags", () => ({ flags: KVM_MEM_PRIVATE | KVM_MEM_LOG_DIRTY_PAGES })),
	refuse_change("made read-only", () => ({ flags: KVM_MEM_PRIVATE | KVM_MEM_READONLY })),
	refuse_change("another file", (e) => ({ fd: e.fd2 })),
	refuse_change("another offset", () => ({ offset: SIZE })),
	refuse_change("another size", () => ({ size: SIZE / 2 })),
	refuse_change("another user address", (e) => ({ hva: e.hva + PAGE })),
	refuse_change("a bad file", () => ({ fd: -1 })),
	{ name: "memslot: a plain slot made private", errno: EINVAL,
		call: (e) => set(e, { slot: PLAIN_SLOT, gpa: PLAIN_GPA, hva: e.hva + SIZE }) },
	{ name: "memslot: a plain slot made private and moved", errno: EINVAL,
		call: (e) => set(e, { slot: PLAIN_SLOT, hva: e.hva + SIZE }) },
	/* and plain ones, beside them, may be changed as ever */
	plain_change("the same again", 0, {}),
	plain_change("logged", 0, { flags: KVM_MEM_LOG_DIRTY_PAGES }),
	plain_change("moved", 0, { gpa: FREE_GPA }),
	plain_change("made read-only", EINVAL, { flags: KVM_MEM_READONLY }),
	plain_change("another size", EINVAL, { size: SIZE / 2 }),
	plain_change("another user address", EINVAL, { hva: 2 ** 40 }),
	{ name: "memslot: deleted, with its file", errno: 0,
		call: (e) => modify(e, { size: 0 }) },
	{ name: "memslot: deleted, without a word of its file", errno: 0,
		call: (e) => modify(e, { size: 0, flags: 0, fd: -1 }) },
	{ name: "memslot: deleted, with a bad file", errno: 0,
		call: (e) => modify(e, { size: 0, fd: -1 }) },

	{ name: "memslot: from another process", errno: EIO, child: true, call: (e) => set(e, {}) },
];

/* beyond the letter of the series: each of these came with a fix */
const memslot_fixed_checks: check[] = [
	...([
		["an ordinary memfd", (): number => memfd_create("plain", 0)],
		["a pipe", (): number => pipe()![0]],
		["an eventfd", (): number => eventfd(0, 0)],
		["/dev/kvm", (): number => open("/dev/kvm", O_RDWR)],
		["a file of /proc", (): number => open("/proc/meminfo", O_RDONLY)],
		["the VM", (e: env): number => e.vm.fd],
	] as [string, (e: env) => number][]).map(([name, fd]): check =>
		({ name: `memslot: private_fd ${name}`, errno: EINVAL,
			call: (e) => set(e, { fd: fd(e) }) })),
	...[2n ** 63n, 2n ** 63n - BigInt(SIZE), 2n ** 63n + 2n ** 62n].map((offset) =>
		refuse(`private_offset ${offset}, which no file has`, { offset })),
	refuse("private and read-only", { flags: KVM_MEM_PRIVATE | KVM_MEM_READONLY }),
	refuse_change("a private slot made plain", () => ({ flags: 0 })),
	refuse_change("a private slot made plain, with dirty logging", () =>
		({ flags: KVM_MEM_LOG_DIRTY_PAGES })),
	refuse_change("a private slot made plain and moved", () => ({ flags: 0, gpa: FREE_GPA })),
];

/** The argument's @bytes at the very end of what is mapped. */
function attr_at_the_end(e: env, cmd: number, bytes: number): number {
	const region = struct_kvm_enc_region.alloc(), p = map(2 * PAGE);

	region.addr = BigInt(PRIV_GPA);
	region.size = BigInt(PAGE);
	munmap(p + PAGE, PAGE);
	poke(p + PAGE - bytes, region.bytes.subarray(0, bytes));
	return ioctl(e.vm.fd, cmd, p + PAGE - bytes);
}

const attr_checks: check[] = ([["REG", true], ["UNREG", false]] as const).flatMap(([n, to]) => {
	const cmd = to ? KVM_MEMORY_ENCRYPT_REG_REGION : KVM_MEMORY_ENCRYPT_UNREG_REGION;
	const row = (name: string, addr: num, size: num, err = EINVAL): check =>
		({ name: `${n}: ${name}`, call: (e) => attr(e, addr, size, to), errno: err });

	return [
		{ name: `${n}: no argument`, errno: EFAULT,
			call: (e: env) => ioctl(e.vm.fd, cmd, 0) },
		{ name: `${n}: half an argument`, errno: EFAULT,
			call: (e: env) => attr_at_the_end(e, cmd, 8) },
		row("nothing", PRIV_GPA, 0),
		row("nothing at 0", 0, 0),
		row("end beyond 2^64", 2n ** 64n - BigInt(PAGE), 2 * PAGE),
		row("end at 2^64", 2n ** 64n - BigInt(PAGE), PAGE),
		row("everything and a page", PAGE, 2n ** 64n - BigInt(PAGE)),
		...[1, 8, 2048, PAGE - 1].flatMap((x) => [
			row(`address ${x} beyond a page`, PRIV_GPA + x, PAGE),
			row(`size of ${x}`, PRIV_GPA, x),
			row(`size of a page and ${x}`, PRIV_GPA, PAGE + x),
		]),
		row("both unaligned, the end not", PRIV_GPA + 1, PAGE - 1),
		{ name: `${n}: where that is off`, errno: ENOTTY,
			mode: KVM_PRIVATE_MEM_TESTING_OFF,
			call: (e: env) => attr(e, PRIV_GPA, PAGE, to) },
		{ name: `${n}: from another process`, errno: EIO, child: true,
			call: (e: env) => attr(e, PRIV_GPA, PAGE, to) },

		row("a page", PRIV_GPA, PAGE, 0),
		row("a slot", PRIV_GPA, SIZE, 0),
		row("two slots and between", PRIV_GPA, PLAIN_GPA + SIZE - PRIV_GPA, 0),
		row("where there is no slot", FREE_GPA, SIZE, 0),
		row("all there is", 0, 2n ** 64n - BigInt(PAGE), 0),
		row("the last page", 2n ** 64n - BigInt(2 * PAGE), PAGE, 0),
	] as check[];
});

const cap_checks: check[] = [
	{ name: "testing: no such kind", errno: EINVAL, mode: null,
		call: (e) => __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING, 3) },
	{ name: "testing: far too large", errno: EINVAL, mode: null,
		call: (e) => __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING, 2n ** 32n) },
	{ name: "testing: changed when there are vCPUs", errno: EINVAL, mode: null,
		call: (e) => {
			if (e.vm.vcpus.length === 0)
				__vm_vcpu_add(e.vm, 0);
			return __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING,
				KVM_PRIVATE_MEM_TESTING_BITMAP);
		} },
	{ name: "testing: chosen twice", errno: 0, mode: null,
		call: (e) => __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING,
			KVM_PRIVATE_MEM_TESTING_BITMAP) || __vm_enable_cap(e.vm,
			KVM_CAP_PRIVATE_MEM_TESTING, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE) },
	{ name: "testing: changed when there are slots", errno: EINVAL,
		call: (e) => __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING,
			KVM_PRIVATE_MEM_TESTING_OFF) },
];

/** KVM_SEV_INIT, which makes the VM one of hardware's own kind. */
function sev_init(e: env): number {
	const cmd = struct_kvm_sev_cmd.alloc(), p = map(PAGE);

	cmd.id = KVM_SEV_INIT;
	poke(p, cmd.bytes);
	return ioctl(e.vm.fd, KVM_MEMORY_ENCRYPT_OP, p);
}

/* only where there is SEV */
const sev_checks: check[] = [
	{ name: "SEV: with a private slot", errno: EINVAL, call: sev_init },
	{ name: "SEV: before there are slots", errno: 0, mode: null,
		call: (e) => {
			vm_set_private_mem_testing(e.vm, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
			return sev_init(e);
		} },
	{ name: "SEV: private slots after it", errno: EINVAL, mode: null,
		call: (e) => {
			vm_set_private_mem_testing_once(e);
			return set(e, {});
		} },
	{ name: "SEV: testing after it", errno: EINVAL, mode: null,
		call: (e) => {
			sev_init(e);
			return __vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING,
				KVM_PRIVATE_MEM_TESTING_ATTRIBUTE);
		} },
];

/* checks that have to fail are called twice */
function vm_set_private_mem_testing_once(e: env): void {
	if (__vm_enable_cap(e.vm, KVM_CAP_PRIVATE_MEM_TESTING,
		KVM_PRIVATE_MEM_TESTING_ATTRIBUTE) === 0)
		TEST_ASSERT(sev_init(e) === 0, "KVM_SEV_INIT: %s", errno_name(errno()));
}

/* what the file looks like */
function file_state(e: env): string {
	return [e.fd, e.fd2].map((fd) => {
		const st = fstat(fd);
		return st === null ? "gone" : `size ${st.st_size} blocks ${st.st_blocks}`;
	}).join(", ");
}

function* in_child(code: () => void): wait<string> {
	const pid = fork(function* (): wait {
		code();
		exit(0);
	});
	const { status } = yield* waitpid(pid, 0);

	if (!WIFEXITED(status))
		return `killed by signal ${WTERMSIG(status)}`;
	return WEXITSTATUS(status) === 0 ? "" : `exit status ${WEXITSTATUS(status)}`;
}

/** "" when the check is passed, otherwise what is wrong. */
function* run_check(c: check): wait<string> {
	let complaint = "";

	const pid = fork(function* (): wait {
		const e = new env(c.mode === undefined ? KVM_PRIVATE_MEM_TESTING_ATTRIBUTE :
			c.mode);
		let r = 0, err = 0;
		const call = (): void => {
			r = c.call(e);
			err = r < 0 ? errno() : 0;
		};
		/* whatever the call needs beside the VM it makes, and leaves, the first time */
		if (c.errno !== 0)
			call();
		const before = privmem_state(), files = file_state(e);

		if (c.child)
			complaint = yield* in_child(call);
		else
			call();
		if (err !== c.errno)
			complaint ||= r < 0 ? `failed with ${errno_name(err)}` : `succeeded (${r})`;
		if (c.errno !== 0 && file_state(e) !== files)
			complaint ||= `the files: ${files} became ${file_state(e)}`;
		if (c.errno !== 0) {
			const difference = state_difference(only_kvm(before),
				only_kvm(privmem_state()));
			if (difference !== "")
				complaint ||= `left a trace: ${difference}`;
		}
		exit(0);
	});
	const { status } = yield* waitpid(pid, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) !== 0)
		complaint ||= `status 0x${status.toString(16)}`;
	return complaint;
}

/** Without what the calls' own preparations change: descriptors, mappings. */
function only_kvm(state: string): string {
	const at = state.indexOf("[kvm]"), end = state.indexOf("\n[", at);

	return at < 0 ? "" : state.slice(at, end < 0 ? undefined : end);
}

export function* main(): wait<number> {
	require_private_mem_testing();
	const checks = [...memslot_checks, ...memslot_fixed_checks, ...attr_checks, ...cap_checks,
		...(is_amd_cpu() ? sev_checks : [])];

	ksft_print_header();
	ksft_set_plan(checks.length);
	for (const c of checks) {
		const complaint = yield* run_check(c);

		if (complaint !== "")
			ksft_print_msg("%s: %s\n", c.name, complaint);
		ksft_test_result(complaint === "", "%s\n", c.name);
	}
	ksft_finished();
}
