// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on private memory that meet something else: a hole under way, a conversion while the
 * fault was put off.
 *
 * Port-only. The accesses are private because the test says so, not by the test hook, which the
 * default configuration does not have.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gpa_t, pfn_nr } from "#asm-generic/types.ts";
import { EBUSY, EHWPOISON } from "#linux/errno.ts";
import { fget, fput } from "#linux/file.ts";
import { inaccessible_register_notifier, inaccessible_unregister_notifier,
	struct_inaccessible_notifier } from "#linux/memfd.ts";
import { get_page, memory_failure, pfn_to_page, put_page } from "#linux/mm.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { kvm_tdp_page_fault } from "#arch/x86/kvm/mmu/mmu.ts";
import { kvm_mmu_do_page_fault, kvm_page_fault_init, RET_PF_EMULATE, RET_PF_FIXED, RET_PF_RETRY,
	RET_PF_USER, struct_kvm_page_fault } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { spte_to_pfn } from "#arch/x86/kvm/mmu/spte.h.ts";
import { __x86_set_memory_region } from "#arch/x86/kvm/x86.ts";
import { APIC_ACCESS_PAGE_PRIVATE_MEMSLOT } from "#asm/vmx.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { KVM_EXIT_MEMORY_FAULT, KVM_EXIT_UNKNOWN, KVM_MEM_PRIVATE,
	KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
	KVM_SET_USER_MEMORY_REGION, struct_kvm_userspace_memory_region_ext } from
	"#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { close, dup, fallocate, fstat, ftruncate, ioctl, memfd_create, write_file } from
	"#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, HPAGE, in_task, PAGE, state, vm, WRITE } from "./mmu_env.ts";

const GPA = 0x40000000, APIC_GPA = 0xfee00000;
const PUNCH = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;

/* a VM with private memory at GPA */
class private_vm extends vm {
	readonly memfd: number;

	constructor(memfd = inaccessible()) {
		super();
		const r = struct_kvm_userspace_memory_region_ext.alloc();

		this.memfd = memfd;
		this.kvm.private_mem_testing = KVM_PRIVATE_MEM_TESTING_ATTRIBUTE;
		r.region.flags = KVM_MEM_PRIVATE;
		r.region.guest_phys_addr = BigInt(GPA);
		r.region.memory_size = BigInt(HPAGE);
		r.region.userspace_addr = BigInt(anon(HPAGE));
		r.private_fd = memfd;
		expect(ioctl(this.vm_fd, KVM_SET_USER_MEMORY_REGION, r.bytes)).toBe(0);
	}
	private_fault(gpa: number, prefetch = false): number {
		return this.loaded(() => {
			const fault = new struct_kvm_page_fault();

			kvm_page_fault_init(fault, gpa_t(gpa), WRITE, prefetch, true, false);
			fault.is_private = true;
			return kvm_tdp_page_fault(this.vcpu, fault);
		});
	}
	pfn(gpa: number): pfn_nr {
		return pfn_nr(spte_to_pfn(this.walk(gpa).spte));
	}
	done(): void {
		this.close();
		close(this.memfd);
	}
}

function inaccessible(): number {
	const fd = memfd_create("kunit", MFD_INACCESSIBLE);

	expect(ftruncate(fd, HPAGE)).toBe(0);
	return fd;
}

function shmem_enabled(policy: string): void {
	expect(write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", policy))
		.toBe(0);
}

/** Calls @hook when a hole begins and when it has been punched, after those who came before. */
function on_hole(fd: number, hook: (what: string) => void): () => void {
	const file = fget(fd)!, notifier = new struct_inaccessible_notifier(null);

	notifier.ops = {
		invalidate_start: () => hook("start"),
		invalidate_end: () => hook("end"),
	};
	inaccessible_register_notifier(file, notifier);
	return () => {
		inaccessible_unregister_notifier(file, notifier);
		fput(file);
	};
}

let before = "";

beforeAll(() => {
	boot_kvm("intel");
	in_task(() => new private_vm().done());
	before = state();
});
afterAll(() => expect(state()).toBe(before));

describe("faults on private memory", () => {
	test("no page is mapped that is about to be punched", () => in_task(() => {
		const seen: (string | number)[] = [];
		const memfd = inaccessible(), vm = new private_vm(memfd);
		const unregister = on_hole(memfd, (what) =>
			seen.push(what, vm.private_fault(GPA + PAGE), vm.level(GPA + PAGE)));

		expect(vm.private_fault(GPA + PAGE)).toBe(RET_PF_FIXED);
		expect(fallocate(memfd, PUNCH, 0, 4 * PAGE)).toBe(0);
		/* at the end it has been punched, and may be had again */
		expect(seen).toEqual(["start", RET_PF_RETRY, 0, "end", RET_PF_FIXED, 1]);
		unregister();
		vm.done();
	}));

	test("a page that is broken is unmapped, and not mapped again", () => in_task(() => {
		const vm = new private_vm(), other = new private_vm(dup(vm.memfd));

		expect([vm, other].map((v) => v.private_fault(GPA + PAGE))).toEqual(
			[RET_PF_FIXED, RET_PF_FIXED]);
		expect(vm.private_fault(GPA)).toBe(RET_PF_FIXED);
		const pfn = vm.pfn(GPA + PAGE);
		expect(memory_failure(pfn, 0)).toBe(0);
		expect([vm, other].map((v) => v.level(GPA + PAGE))).toEqual([0, 0]);
		expect(vm.level(GPA)).toBe(1);
		expect([vm, other].map((v) => v.private_fault(GPA + PAGE))).toEqual(
			[-EHWPOISON, -EHWPOISON]);
		/* until it is given back: then there is another one */
		expect(fallocate(vm.memfd, PUNCH, PAGE, PAGE)).toBe(0);
		expect(vm.private_fault(GPA + PAGE)).toBe(RET_PF_FIXED);
		expect(vm.pfn(GPA + PAGE)).not.toBe(pfn);
		other.done();
		vm.done();
	}));

	test("of a huge page only what is broken is lost", () => in_task(() => {
		shmem_enabled("always");
		const vm = new private_vm();

		expect(vm.private_fault(GPA)).toBe(RET_PF_FIXED);
		expect(vm.level(GPA)).toBe(2);
		/* one that cannot be split: somebody has it */
		const page = pfn_to_page(vm.pfn(GPA));
		get_page(page);
		expect(memory_failure(pfn_nr(page.pfn + 1), 0)).toBe(-EBUSY);
		expect(vm.level(GPA)).toBe(0);
		expect(vm.private_fault(GPA + PAGE)).toBe(-EHWPOISON);
		expect(vm.private_fault(GPA)).toBe(RET_PF_FIXED);
		expect(vm.level(GPA)).toBe(1);
		put_page(page);

		/* and one that can */
		const other = new private_vm();
		expect(other.private_fault(GPA)).toBe(RET_PF_FIXED);
		expect(other.level(GPA)).toBe(2);
		expect(memory_failure(pfn_nr(other.pfn(GPA) + 1), 0)).toBe(0);
		expect(other.level(GPA)).toBe(0);
		expect(other.private_fault(GPA + PAGE)).toBe(-EHWPOISON);
		expect(other.private_fault(GPA)).toBe(RET_PF_FIXED);
		expect(other.level(GPA)).toBe(1);
		shmem_enabled("never");
		other.done();
		vm.done();
	}));

	test("user space hears of one where no private memory is", () => in_task(() => {
		const vm = new private_vm();
		const plain = GPA + HPAGE, nothing = GPA + 2 * HPAGE;

		vm.slot(plain, anon(HPAGE), HPAGE, 0, 1);
		for (const gpa of [plain, nothing]) {
			vm.vcpu.run.exit_reason = KVM_EXIT_UNKNOWN;
			expect(vm.private_fault(gpa)).toBe(RET_PF_USER);
			const { exit_reason, memory } = vm.vcpu.run;
			expect([exit_reason, memory.flags, memory.gpa, memory.size]).toEqual(
				[KVM_EXIT_MEMORY_FAULT, KVM_MEMORY_EXIT_FLAG_PRIVATE,
				 BigInt(gpa), BigInt(PAGE)]);
		}
		vm.done();
	}));

	test("user space hears of one where KVM has a slot of its own", () => in_task(() => {
		const vm = new private_vm(), apic = (size: number): void => {
			mutex_lock(vm.kvm.slots_lock);
			__x86_set_memory_region(vm.kvm, APIC_ACCESS_PAGE_PRIVATE_MEMSLOT,
				gpa_t(APIC_GPA), size);
			mutex_unlock(vm.kvm.slots_lock);
		};

		apic(PAGE);
		/* shared, it is emulated, as the page is not in use */
		expect(vm.fault(APIC_GPA, WRITE)).toBe(RET_PF_EMULATE);
		expect(vm.private_fault(APIC_GPA)).toBe(RET_PF_USER);
		expect(vm.vcpu.run.exit_reason).toBe(KVM_EXIT_MEMORY_FAULT);
		expect(vm.vcpu.run.memory.flags).toBe(KVM_MEMORY_EXIT_FLAG_PRIVATE);
		apic(0);
		vm.done();
	}));

	test("one that is made ahead of the guest leaves kvm_run alone", () => in_task(() => {
		const vm = new private_vm();
		const run = vm.vcpu.run;

		run.exit_reason = KVM_EXIT_UNKNOWN;
		/* a shared access, where memory has become private since it was put off */
		expect(vm.loaded(() => kvm_mmu_do_page_fault(vm.vcpu, gpa_t(GPA), WRITE, true)))
			.toBe(RET_PF_RETRY);
		expect(run.exit_reason).toBe(KVM_EXIT_UNKNOWN);
		expect(vm.fault(GPA, WRITE)).toBe(RET_PF_USER);
		expect(run.exit_reason).toBe(KVM_EXIT_MEMORY_FAULT);
		vm.done();
	}));

	test("one that is made ahead of the guest takes no private memory", () => in_task(() => {
		const vm = new private_vm();

		/* where hardware does not tell, it is private as soon as the memory is */
		expect(vm.private_fault(GPA, true)).toBe(RET_PF_RETRY);
		expect(vm.level(GPA)).toBe(0);
		expect(fstat(vm.memfd)!.st_blocks).toBe(0n);
		expect(vm.private_fault(GPA)).toBe(RET_PF_FIXED);
		expect(fstat(vm.memfd)!.st_blocks).toBe(8n);
		vm.done();
	}));
});
