// SPDX-License-Identifier: GPL-2.0
/*
 * Conversions against faults, held at each of their steps.
 *
 * Port-only. Every VM may have private memory; all accesses are shared ones.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { gfn_t } from "#asm-generic/types.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { PG_LEVEL_1G, PG_LEVEL_2M, PG_LEVEL_4K, PG_LEVEL_NUM } from "#asm/page_types.ts";
import { kvm_mmu_max_mapping_level, RET_PF_FIXED, RET_PF_RETRY, RET_PF_USER } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { KVM_MEM_PRIVATE, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION,
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE, KVM_SET_USER_MEMORY_REGION, struct_kvm_enc_region,
	struct_kvm_userspace_memory_region_ext } from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { close, ftruncate, ioctl, memfd_create } from "#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, GPAGE, HPAGE, in_task, PAGE, reserve, state, touch, USER, vm, WRITE } from
	"#tools/testing/kunit/kvm/mmu_env.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";

let before = "";

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
		const at = anon(size, true);

		this.kvm.private_mem_testing = KVM_PRIVATE_MEM_TESTING_ATTRIBUTE;
		expect(ftruncate(this.private_fd, size)).toBe(0);
		this.private_slot(0, at, size);
		for (let i = 0; i < size; i += HPAGE)
			touch(at + i);
	}
	private_slot(gpa: number, hva: number, size: number, slot = 0): void {
		const ext = struct_kvm_userspace_memory_region_ext.alloc();

		ext.region.slot = slot;
		ext.region.flags = KVM_MEM_PRIVATE;
		ext.region.guest_phys_addr = BigInt(gpa);
		ext.region.memory_size = BigInt(size);
		ext.region.userspace_addr = BigInt(hva);
		ext.private_offset = BigInt(gpa);
		ext.private_fd = this.private_fd;
		expect(ioctl(this.vm_fd, KVM_SET_USER_MEMORY_REGION, ext.bytes)).toBe(0);
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

/** Runs @hook, another CPU, whenever @kvm's memslots are looked at; until @convert is over. */
function meanwhile(kvm: struct_kvm, hook: () => void, convert: () => void): void {
	const memslots = kvm.memslots, there = { configurable: true, enumerable: true };
	let inside = false;

	Object.defineProperty(kvm, "memslots", { ...there, get: () => {
		if (!inside) {
			inside = true;
			hook();
			inside = false;
		}
		return memslots;
	} });
	convert();
	Object.defineProperty(kvm, "memslots", { ...there, value: memslots, writable: true });
}

describe("a conversion", () => {
	test("leaves no large page that a fault maps meanwhile", () => in_task(() => {
		const m = new private_vm(2 * HPAGE);
		const results: number[] = [];

		expect(m.convert(0, 2 * HPAGE, false)).toBe(0);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_2M);

		/* beside the range, in the same large page and in the next */
		meanwhile(m.kvm, () => {
			m.fault(HPAGE - PAGE, WRITE | USER);
			results.push(m.fault(HPAGE, WRITE | USER));
		}, () => {
			expect(m.convert(0, PAGE, true)).toBe(0);
		});
		expect(results[0]).toBe(RET_PF_FIXED);
		expect(m.level(0)).toBe(0);
		expect(m.level(HPAGE)).toBe(PG_LEVEL_2M);

		expect(m.fault(0, WRITE | USER)).toBe(RET_PF_USER);
		expect(m.fault(PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		expect(m.level(PAGE)).toBe(PG_LEVEL_4K);
		m.close();
	}));
	test("keeps faults out of its range", () => in_task(() => {
		const m = new private_vm(HPAGE);
		let results: number[] = [];

		/* once it is recorded */
		meanwhile(m.kvm, () => {
			results = [15, 16, 31, 32].map((gfn) => m.fault(gfn * PAGE, WRITE | USER));
		}, () => {
			expect(m.convert(16 * PAGE, 16 * PAGE, false)).toBe(0);
		});
		expect(results).toEqual([RET_PF_USER, RET_PF_RETRY, RET_PF_RETRY, RET_PF_USER]);
		expect(m.kvm.mmu_invalidate_in_progress).toBe(0);
		expect(m.fault(16 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
		m.close();
	}));
});

describe("large pages", () => {
	/* in pages; the last is made late, the first and the second adjoin */
	const slots = [[512, 1024], [1536, 1000], [2600, 600], [2 ** 18, 2 ** 18], [3584, 1024]] as
		const;
	const PAGES = 2 ** 19;

	/** What is shared, and how much of it is below each gfn. */
	class model {
		readonly shared = new Uint8Array(PAGES);
		readonly below = new Uint32Array(PAGES + 1);

		fill(shared: boolean, start: number, end: number): void {
			this.shared.fill(shared ? 1 : 0, start, end);
			for (let i = start; i < PAGES; i++)
				this.below[i + 1] = this.below[i]! + this.shared[i]!;
		}
		/** Whether the large page of @pages at @gfn is within @slot and of one kind. */
		fits(slot: readonly [number, number], gfn: number, pages: number): boolean {
			const first = gfn - gfn % pages, end = first + pages;

			if (first < slot[0] || end > slot[0] + slot[1])
				return false;
			return (this.below[end]! - this.below[first]!) % pages === 0;
		}
	}

	function wrong_levels(m: private_vm, now: model,
		slot: readonly [number, number]): string[] {
		const memslot = m.slot_of(slot[0] * PAGE), wrong: string[] = [];

		for (let gfn = slot[0]; gfn < slot[0] + slot[1]; gfn += 64) {
			const level = now.fits(slot, gfn, 2 ** 18) ? PG_LEVEL_1G :
				now.fits(slot, gfn, 512) ? PG_LEVEL_2M : PG_LEVEL_4K;
			const got = kvm_mmu_max_mapping_level(m.kvm, memslot, gfn_t(gfn),
				PG_LEVEL_NUM);
			/* of shared memory, the host has its say */
			if (now.shared[gfn] === 0 && got !== level)
				wrong.push(`gfn ${gfn}: ${got}, not ${level}`);
		}
		return wrong;
	}

	function random_range(rnd: prng): [start: number, end: number] {
		const wide = rnd.chance(1, 4) ? PAGES : 4608, align = 2 ** rnd.below(11);
		const start = Math.floor(rnd.below(wide) / align) * align;
		const len = rnd.chance(1, 2) ? 1 + rnd.below(3) :
			Math.ceil((1 + rnd.below(wide)) / align) * align;

		return [start, Math.min(PAGES, start + len)];
	}

	test.each(seeds(3))("are those of one kind, seed %d", (seed) => in_task(() => {
		const m = new private_vm(HPAGE), rnd = new prng(seed), now = new model();
		const at = reserve(PAGES * PAGE, GPAGE);
		const add = ([first, pages]: readonly [number, number], i: number): void => {
			m.private_slot(first * PAGE, at + first * PAGE, pages * PAGE, i);
		};

		slots.slice(0, -1).forEach((slot, i) => {
			add(slot, i + 1);
		});
		for (let n = 0; n < 80; n++) {
			const [start, end] = random_range(rnd), shared = rnd.chance(1, 2);

			expect(m.convert(start * PAGE, (end - start) * PAGE, !shared)).toBe(0);
			now.fill(shared, start, end);
			if (n === 40)
				add(slots.at(-1)!, slots.length);
			const wrong = slots.slice(0, n < 40 ? -1 : undefined).flatMap((slot) =>
				wrong_levels(m, now, slot));
			expect(wrong, `conversion ${n}`).toEqual([]);
		}
		m.close();
	}));
});
