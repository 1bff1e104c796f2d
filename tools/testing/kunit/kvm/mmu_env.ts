// SPDX-License-Identifier: GPL-2.0
/*
 * A VM of a program's, whose page faults a test raises by hand: no guest runs, so that the other
 * side of a race can be held where it is.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { expect } from "vitest";
import { PAIR_ZERO, type u64_spte } from "#asm-generic/pair.ts";
import { gfn_t, gpa_t, ref } from "#asm-generic/types.ts";
import { boot } from "#arch/x86/entry/boot.ts";
import { kernel_run } from "#linux/init/main.ts";
import { find_vma } from "#linux/mm.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import type { struct_vm_area_struct, vm_operations_struct } from "#linux/mm_types.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { current } from "#linux/sched.ts";
import { lockdep_forget_held } from "#linux/lockdep/lockdep.ts";
import { preempt_count, preempt_count_sub } from "#linux/preempt.ts";
import { task_exited } from "#linux/sched/exit.ts";
import { fget, fput } from "#linux/file.ts";
import { gfn_to_memslot, kvm_get_vcpu, kvm_vcpu_srcu_read_lock, kvm_vcpu_srcu_read_unlock,
	vcpu_load, vcpu_put, type struct_kvm, type struct_kvm_memory_slot, type struct_kvm_vcpu }
	from "#linux/kvm_host.ts";
import { kvm_mmu_free_obsolete_roots, kvm_mmu_reload } from "#arch/x86/kvm/mmu.h.ts";
import { kvm_mmu_do_page_fault } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_shadow_present_pte } from "#arch/x86/kvm/mmu/spte.h.ts";
import { kvm_tdp_mmu_get_walk } from "#arch/x86/kvm/mmu/tdp_mmu.h.ts";
import { MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "#uapi/asm-generic/mman-common.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_GET_SUPPORTED_CPUID, KVM_SET_CPUID2,
	KVM_SET_USER_MEMORY_REGION, struct_kvm_userspace_memory_region } from "#uapi/linux/kvm.ts";
import { struct_kvm_cpuid2, struct_kvm_cpuid_entry2 } from "#uapi-asm/kvm.ts";
import { poke, run_thread, struct_thread, type user_code } from "#tools/include/nolibc/arch.ts";
import { madvise, mmap } from "#tools/include/nolibc/mman.ts";
import { close, ftruncate, ioctl, memfd_create, open, read_file } from
	"#tools/include/nolibc/sys.ts";

export const PAGE = 4096, HPAGE = 2 ** 21, GPAGE = 2 ** 30;
export const PRESENT = 1, WRITE = 2, USER = 4, RSVD = 8, FETCH = 16;
const RW = PROT_READ | PROT_WRITE;

export function boot_kvm(vendor: "intel" | "amd", cmdline = "", memory = 2 ** 30): void {
	boot({ memory, cpus: 2, vendor, seed: 1, cmdline });
}

/** Runs @body as a program; its exceptions are the test's, and so are the kernel's complaints. */
export function in_task(body: () => void | Generator<void, void, void>): void {
	let thrown: unknown = null;

	function* main(): user_code {
		try {
			const rest = body();
			if (rest !== undefined)
				yield* rest;
		} catch (e) {
			if (e instanceof task_exited)
				throw e;
			thrown = e;
			/* whatever was held is not worth a complaint now */
			lockdep_forget_held();
			preempt_count_sub(preempt_count());
		}
		yield;
		return 0;
	}
	log_buf_clear();
	const status = kernel_run(run_thread(new struct_thread(), main()), "kunit");
	const log = kmsg_text();
	if (thrown !== null) {
		console.log(log.join("\n"));
		throw thrown;
	}
	expect(log.filter((l) => /WARNING|BUG|Oops|INFO:|unhandled|unexpected/.test(l)))
		.toEqual([]);
	expect(status).toBe(0);
}

/** What the host holds, as text; before and after a test it is the same. */
export function state(): string {
	let text = "";

	in_task(() => {
		text = read_file("/sys/kernel/debug/privmem/state") ?? "";
	});
	return text;
}

/** @len bytes of address space at a multiple of @align; who takes more gives none back. */
export function reserve(len: number, align: number): number {
	const at = mmap(0, len + align, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(at).toBeGreaterThan(0);
	return Math.ceil(at / align) * align;
}

const MAP_FIXED = 0x10;

/** Private memory that nobody has touched, aligned to a large page; with @huge, in large pages. */
export function anon(len: number, huge = false): number {
	const at = reserve(len, HPAGE);

	expect(mmap(at, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)).toBe(at);
	expect(madvise(at, len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)).toBe(0);
	return at;
}

/** A shared mapping of a fresh memfd. */
export function shared(len: number, flags = 0, align = HPAGE): { fd: number; at: number } {
	const fd = memfd_create("kunit", flags);
	const at = reserve(len, align);

	expect(fd).toBeGreaterThanOrEqual(0);
	expect(ftruncate(fd, len)).toBe(0);
	expect(mmap(at, len, RW, MAP_SHARED | MAP_FIXED, fd, 0)).toBe(at);
	return { fd, at };
}

export function touch(at: number): void {
	poke(at, new Uint8Array([1]));
}

function vma_of(at: number): struct_vm_area_struct {
	const mm = current.mm!;

	mmap_read_lock(mm);
	const vma = find_vma(mm, at)!;
	mmap_read_unlock(mm);
	return vma;
}

/** Runs @hook before the host faults a page in at @at; undone by what this returns. */
export function on_host_fault(at: number, hook: () => void): () => void {
	const vma = vma_of(at);
	const was = vma.vm_ops!;
	const ops: vm_operations_struct = { ...was };

	ops.fault = (vmf): number => {
		hook();
		return was.fault!(vmf);
	};
	vma.vm_ops = ops;
	return () => {
		vma.vm_ops = was;
	};
}

export class vm {
	fd: number;
	vm_fd: number;
	vcpu_fd: number;
	kvm: struct_kvm;
	vcpu: struct_kvm_vcpu;

	constructor() {
		this.fd = open("/dev/kvm", O_RDWR);
		expect(this.fd).toBeGreaterThanOrEqual(0);
		this.vm_fd = ioctl(this.fd, KVM_CREATE_VM, 0);
		expect(this.vm_fd).toBeGreaterThan(this.fd);
		this.vcpu_fd = ioctl(this.vm_fd, KVM_CREATE_VCPU, 0);
		expect(this.vcpu_fd).toBeGreaterThan(this.vm_fd);
		const cpuid = struct_kvm_cpuid2.alloc(64 * struct_kvm_cpuid_entry2.size);
		cpuid.nent = 64;
		expect(ioctl(this.fd, KVM_GET_SUPPORTED_CPUID, cpuid.bytes)).toBe(0);
		expect(ioctl(this.vcpu_fd, KVM_SET_CPUID2, cpuid.bytes)).toBe(0);
		const file = fget(this.vm_fd)!;
		this.kvm = file.private_data as struct_kvm;
		fput(file);
		this.vcpu = kvm_get_vcpu(this.kvm, 0)!;
	}
	slot(gpa: number, hva: number, size: number, flags = 0, slot = 0): void {
		const r = struct_kvm_userspace_memory_region.alloc();
		r.slot = slot;
		r.flags = flags;
		r.guest_phys_addr = BigInt(gpa);
		r.memory_size = BigInt(size);
		r.userspace_addr = BigInt(hva);
		expect(ioctl(this.vm_fd, KVM_SET_USER_MEMORY_REGION, r.bytes)).toBe(0);
	}
	close(): void {
		close(this.vcpu_fd);
		close(this.vm_fd);
		close(this.fd);
	}
	/** Runs @fn as inside KVM_RUN, with a valid root. */
	loaded<T>(fn: () => T): T {
		const { vcpu } = this;

		vcpu_load(vcpu);
		kvm_vcpu_srcu_read_lock(vcpu);
		kvm_mmu_free_obsolete_roots(vcpu);
		expect(kvm_mmu_reload(vcpu)).toBe(0);
		const r = fn();
		kvm_vcpu_srcu_read_unlock(vcpu);
		vcpu_put(vcpu);
		return r;
	}
	/** The slot of @gpa, which stays as long as nobody changes slots. */
	slot_of(gpa: number): struct_kvm_memory_slot {
		return this.loaded(() => gfn_to_memslot(this.kvm, gfn_t(gpa / PAGE))!);
	}
	/** RET_PF_*, or an errno. */
	fault(gpa: number, error_code: number): number {
		return this.loaded(() =>
			kvm_mmu_do_page_fault(this.vcpu, gpa_t(gpa), error_code, false));
	}
	/** The entry that a walk for @gpa ends at. */
	walk(gpa: number): { level: number; spte: u64_spte; present: boolean } {
		return this.loaded(() => {
			const sptes = new Array<u64_spte>(6).fill(PAIR_ZERO);
			const root = new ref<number>(0);

			rcu_read_lock();
			const level = kvm_tdp_mmu_get_walk(this.vcpu, gpa_t(gpa), sptes, root);
			rcu_read_unlock();
			const spte = sptes[level]!;
			return { level, spte, present: is_shadow_present_pte(spte) };
		});
	}
	/** The level at which @gpa is mapped; 0: not at all. */
	level(gpa: number): number {
		const { level, present } = this.walk(gpa);
		return present ? level : 0;
	}
}
