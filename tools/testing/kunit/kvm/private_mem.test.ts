// SPDX-License-Identifier: GPL-2.0
/*
 * Conversions against faults, held at each of their steps.
 *
 * Port-only. Every VM may have private memory; all accesses are shared ones.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { strong } from "#asm-generic/registry.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { PG_LEVEL_2M, PG_LEVEL_4K } from "#asm/page_types.ts";
import { RET_PF_FIXED, RET_PF_RETRY, RET_PF_USER } from "#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { KVM_MEM_PRIVATE, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION,
	KVM_SET_USER_MEMORY_REGION, struct_kvm_enc_region, struct_kvm_userspace_memory_region_ext }
	from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { close, ftruncate, ioctl, memfd_create } from "#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, HPAGE, in_task, PAGE, state, touch, USER, vm, WRITE } from
	"#tools/testing/kunit/kvm/mmu_env.ts";

let before = "";

strong("kvm_arch_has_private_mem", () => true);
beforeAll(() => {
	boot_kvm("intel");
});
beforeEach(() => {
	before = state();
});
afterEach(() => {
	expect(state()).toBe(before);
});

/** A VM whose slot 0 has @size bytes of both kinds; what is shared is in large pages. */
class private_vm extends vm {
	private_fd = memfd_create("kunit", MFD_INACCESSIBLE);

	constructor(size: number) {
		super();
		const ext = struct_kvm_userspace_memory_region_ext.alloc(), at = anon(size, true);

		expect(ftruncate(this.private_fd, size)).toBe(0);
		ext.region.flags = KVM_MEM_PRIVATE;
		ext.region.memory_size = BigInt(size);
		ext.region.userspace_addr = BigInt(at);
		ext.private_fd = this.private_fd;
		expect(ioctl(this.vm_fd, KVM_SET_USER_MEMORY_REGION, ext.bytes)).toBe(0);
		for (let i = 0; i < size; i += HPAGE)
			touch(at + i);
	}
	/** 0, or -1 */
	convert(gpa: number, size: number, is_private: boolean): number {
		const region = struct_kvm_enc_region.alloc();

		region.addr = BigInt(gpa);
		region.size = BigInt(size);
		return ioctl(this.vm_fd, is_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
			KVM_MEMORY_ENCRYPT_UNREG_REGION, region.bytes);
	}
	override close(): void {
		close(this.private_fd);
		super.close();
	}
}

/** Runs @hook when @kvm's memslots are looked at next: another CPU. */
function on_memslots(kvm: struct_kvm, hook: () => void): void {
	const memslots = kvm.memslots;

	Object.defineProperty(kvm, "memslots", { configurable: true, enumerable: true, get: () => {
		Object.defineProperty(kvm, "memslots", { configurable: true, enumerable: true,
			value: memslots, writable: true });
		hook();
		return memslots;
	} });
}

describe("a conversion", () => {
	test("leaves no large page that a fault maps meanwhile", () => in_task(() => {
		const m = new private_vm(2 * HPAGE);
		const results: number[] = [];

		expect(m.convert(0, 2 * HPAGE, false)).toBe(0);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_2M);

		/* beside the range, in the same large page and in the next */
		on_memslots(m.kvm, () => {
			results.push(m.fault(HPAGE - PAGE, WRITE | USER),
				m.fault(HPAGE, WRITE | USER));
		});
		expect(m.convert(0, PAGE, true)).toBe(0);
		expect(results).toHaveLength(2);
		expect(results[1]).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(0);
		expect(m.level(HPAGE)).toBe(PG_LEVEL_2M);

		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_USER);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_4K);
		m.close();
	}));
	test("keeps faults out of its range", () => in_task(() => {
		const m = new private_vm(HPAGE);
		const results: number[] = [];

		on_memslots(m.kvm, () => {
			for (const gfn of [15, 16, 31, 32])
				results.push(m.fault(gfn * PAGE, WRITE | USER));
		});
		expect(m.convert(16 * PAGE, 16 * PAGE, false)).toBe(0);
		expect(results).toEqual([RET_PF_USER, RET_PF_RETRY, RET_PF_RETRY, RET_PF_USER]);
		expect(m.kvm.mmu_invalidate_in_progress).toBe(0);
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		m.close();
	}));
});
