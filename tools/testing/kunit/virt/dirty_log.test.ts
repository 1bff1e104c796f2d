// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log of a slot against a set of page numbers.
 *
 * Port-only.
 */
import { describe, expect, it } from "vitest";
import { gfn_t } from "#asm-generic/types.ts";
import { EFAULT, EINVAL, ENOENT } from "#linux/errno.ts";
import { gfn_to_memslot, mark_page_dirty, type struct_kvm } from "#linux/kvm_host.ts";
import { srcu_read_lock, srcu_read_unlock } from "#linux/srcu.ts";
import { KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_CHECK_EXTENSION, KVM_CLEAR_DIRTY_LOG,
	KVM_ENABLE_CAP, KVM_GET_DIRTY_LOG, KVM_MEM_LOG_DIRTY_PAGES, struct_kvm_clear_dirty_log,
	struct_kvm_dirty_log, struct_kvm_enable_cap } from "#uapi/linux/kvm.ts";
import { peek, poke } from "#tools/include/nolibc/arch.ts";
import { munmap } from "#tools/include/nolibc/mman.ts";
import { close, ioctl } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "#tools/testing/kunit/fs/fs_env.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { PAGE, create_vm, reserve, set_region, type vm } from "./kvm_env.ts";

/* the last word is not full */
const PAGES = 1000, BASE = 3 * 512 + 77, BYTES = 128;

boot_fs();

const bits = (bytes: Uint8Array): number[] =>
	[...bytes].flatMap((b, i) => [0, 1, 2, 3, 4, 5, 6, 7].filter((n) => b & 1 << n)
		.map((n) => i * 8 + n));

function bytes_of(set: Iterable<number>): Uint8Array {
	const bytes = new Uint8Array(BYTES);

	for (const n of set)
		bytes[n >> 3]! |= 1 << (n & 7);
	return bytes;
}

function mark(kvm: struct_kvm, n: number): void {
	const idx = srcu_read_lock(kvm.srcu);
	mark_page_dirty(kvm, gfn_t(BASE + n));
	srcu_read_unlock(kvm.srcu, idx);
}

function get_log(vm: vm, slot: number, buf: number): number {
	const log = struct_kvm_dirty_log.alloc();

	log.slot = slot;
	log.dirty_bitmap = BigInt(buf);
	return err(ioctl(vm.fd, KVM_GET_DIRTY_LOG, log.bytes));
}

function clear_log(vm: vm, slot: number, buf: number, first: number | bigint, n: number): number {
	const log = struct_kvm_clear_dirty_log.alloc();

	log.slot = slot;
	log.first_page = BigInt(first);
	log.num_pages = n;
	log.dirty_bitmap = BigInt(buf);
	return err(ioctl(vm.fd, KVM_CLEAR_DIRTY_LOG, log.bytes));
}

function enable_manual(vm: vm, flags: number | bigint): number {
	const cap = struct_kvm_enable_cap.alloc();

	cap.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
	cap.args[0] = BigInt(flags);
	return err(ioctl(vm.fd, KVM_ENABLE_CAP, cap.bytes));
}

interface logged extends vm {
	hva: number;
	buf: number;
}

function logged_vm(manual: number): logged {
	const vm = create_vm(), hva = reserve(PAGES * PAGE), buf = reserve(PAGE);

	if (manual)
		expect(enable_manual(vm, manual)).toBe(0);
	expect(set_region(vm, { slot: 4, flags: KVM_MEM_LOG_DIRTY_PAGES, gpa: BASE * PAGE,
		size: PAGES * PAGE, hva })).toBe(0);
	return { ...vm, hva, buf };
}

function end(vm: logged): void {
	close(vm.fd);
	munmap(vm.hva, PAGES * PAGE);
	munmap(vm.buf, PAGE);
}

describe("a dirty log", () => {
	for (const seed of seeds(3)) {
		it(`is cleared as it is read, seed ${seed}`, () => {
			in_task(() => {
				const vm = logged_vm(0), rnd = new prng(seed);

				for (let i = 0; i < 40; i++) {
					const dirty = new Set<number>();

					for (let k = rnd.below(60); k > 0; k--) {
						const n = rnd.below(PAGES);
						dirty.add(n);
						mark(vm.kvm, n);
					}
					expect(get_log(vm, 4, vm.buf)).toBe(0);
					expect(bits(peek(vm.buf, BYTES)))
						.toEqual([...dirty].sort((a, b) => a - b));
				}
				end(vm);
			});
		});

		it(`is cleared by hand, seed ${seed}`, () => {
			in_task(() => {
				const vm = logged_vm(1), rnd = new prng(seed);
				const dirty = new Set<number>();

				for (let i = 0; i < 60; i++) {
					for (let k = rnd.below(60); k > 0; k--) {
						const n = rnd.below(PAGES);
						dirty.add(n);
						mark(vm.kvm, n);
					}
					expect(get_log(vm, 4, vm.buf)).toBe(0);
					expect(bits(peek(vm.buf, BYTES)))
						.toEqual([...dirty].sort((a, b) => a - b));

					/* also bits that are not set, and some beyond the end */
					const first = 64 * rnd.below(16);
					const rest = PAGES - first;
					const n = rnd.chance(1, 2) ? rest :
						Math.min(rest, 64 * (1 + rnd.below(8)));
					const clear = Array.from({ length: 80 },
						() => rnd.below(n + 20));
					poke(vm.buf, bytes_of(clear.filter((x) => x < 1024)));
					expect(clear_log(vm, 4, vm.buf, first, n)).toBe(0);
					for (const x of clear)
						if (x < Math.ceil(n / 64) * 64)
							dirty.delete(first + x);
				}
				end(vm);
			});
		});
	}

	it("begins with all pages if that is asked for", () => {
		in_task(() => {
			const vm = logged_vm(3);

			expect(get_log(vm, 4, vm.buf)).toBe(0);
			expect(bits(peek(vm.buf, BYTES)).length).toBe(PAGES);
			end(vm);
		});
	});

	it("says no", () => {
		in_task(() => {
			const vm = logged_vm(0), { buf } = vm;

			expect(ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
				.toBe(3);
			expect(enable_manual(vm, 2)).toBe(-EINVAL);
			expect(enable_manual(vm, 4)).toBe(-EINVAL);
			expect(enable_manual(vm, 2n ** 32n)).toBe(-EINVAL);
			expect(get_log(vm, 5, buf)).toBe(-ENOENT);
			expect(get_log(vm, 2 << 16 | 4, buf)).toBe(-EINVAL);
			expect(get_log(vm, 1 << 16 | 4, buf)).toBe(-ENOENT);
			expect(get_log(vm, 0xffff, buf)).toBe(-EINVAL);
			expect(get_log(vm, 4, 1)).toBe(-EFAULT);
			expect(clear_log(vm, 4, buf, 1, 64)).toBe(-EINVAL);
			expect(clear_log(vm, 4, buf, 1024, 0)).toBe(-EINVAL);
			expect(clear_log(vm, 4, buf, 64, PAGES)).toBe(-EINVAL);
			expect(clear_log(vm, 4, buf, 64, 65)).toBe(-EINVAL);
			expect(clear_log(vm, 4, buf, 2n ** 64n - 64n, 64)).toBe(-EINVAL);
			expect(clear_log(vm, 4, buf, 0, 0xffffffff)).toBe(-EINVAL);
			expect(clear_log(vm, 4, 1, 0, 64)).toBe(-EFAULT);
			expect(clear_log(vm, 4, buf, 0, 0)).toBe(0);
			end(vm);
		});
	});

	it("ends with its flag, and is kept by a move", () => {
		in_task(() => {
			const vm = logged_vm(0), size = PAGES * PAGE, { hva } = vm;

			mark(vm.kvm, 9);
			expect(set_region(vm, { slot: 4, flags: KVM_MEM_LOG_DIRTY_PAGES, gpa: 0,
				size, hva })).toBe(0);
			expect(get_log(vm, 4, vm.buf)).toBe(0);
			expect(bits(peek(vm.buf, BYTES))).toEqual([9]);
			expect(set_region(vm, { slot: 4, flags: 0, gpa: 0, size, hva })).toBe(0);
			expect(get_log(vm, 4, vm.buf)).toBe(-ENOENT);
			const idx = srcu_read_lock(vm.kvm.srcu);
			expect(gfn_to_memslot(vm.kvm, gfn_t(0))!.dirty_bitmap).toBe(null);
			srcu_read_unlock(vm.kvm.srcu, idx);
			end(vm);
		});
	});
});
