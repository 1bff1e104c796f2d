// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots against a naive model: a list that is searched from end to end.
 *
 * Port-only. After each operation both sets of both address spaces have to hold what the model
 * holds, in all three of their orders.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { gfn_t, gpa_t } from "#asm-generic/types.ts";
import { container_of } from "#asm-generic/owner.ts";
import { EEXIST, EFAULT, EINVAL, ENOMEM } from "#linux/errno.ts";
import { hash_for_each } from "#linux/hashtable.ts";
import { interval_tree_iter_first, interval_tree_iter_next } from "#linux/interval_tree.ts";
import {
	KVM_HVA_ERR_BAD, KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, KVM_MEMSLOT_INVALID,
	KVM_USER_MEM_SLOTS, __gfn_to_memslot, __kvm_memslots, gfn_to_hva, gfn_to_memslot,
	id_to_memslot, kvm_for_each_memslot_in_gfn_range, kvm_is_visible_gfn,
	kvm_read_guest, kvm_write_guest, search_memslots, struct_kvm_memory_slot,
	struct_kvm_memslot_iter, type struct_kvm, type struct_kvm_memslots,
} from "#linux/kvm_host.ts";
import { mutex_is_locked } from "#linux/mutex.ts";
import { rb_first, rb_next } from "#linux/rbtree.ts";
import { rcuwait_wake_up } from "#linux/rcuwait.ts";
import { spin_lock, spin_unlock } from "#linux/spinlock.ts";
import { slab_live_counts } from "#linux/slab.ts";
import { srcu_read_lock, srcu_read_unlock } from "#linux/srcu.ts";
import { INIT_WORK, schedule_work, struct_work_struct } from "#linux/workqueue.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { kvm_page_track_register_notifier, kvm_page_track_unregister_notifier,
	struct_kvm_page_track_notifier_node } from "#asm/kvm_page_track.ts";
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY } from "#uapi/linux/kvm.ts";
import { madvise, munmap } from "#tools/include/nolibc/mman.ts";
import { close, write_file } from "#tools/include/nolibc/sys.ts";
import { boot_fs, in_task } from "#tools/testing/kunit/fs/fs_env.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { PAGE, create_vm, fail_nth, reserve, set_region, type region, type vm } from
	"./kvm_env.ts";

const AS = 2;
const MADV_DONTNEED = 4;
const HVA_PAGES = 4096, GFNS = 2048;

boot_fs();

interface model_slot {
	as_id: number;
	id: number;
	gfn: number;
	npages: number;
	hva: number;
	flags: number;
}

const overlaps = (a: number, an: number, b: number, bn: number): boolean =>
	a < b + bn && b < a + an;

/* what KVM_SET_USER_MEMORY_REGION is to do, by its documentation */
class model {
	slots: model_slot[] = [];

	in_space(as_id: number): model_slot[] {
		return this.slots.filter((s) => s.as_id === as_id).sort((a, b) => a.gfn - b.gfn);
	}

	at(as_id: number, gfn: number): model_slot | undefined {
		return this.slots.find((s) => s.as_id === as_id && gfn >= s.gfn &&
			gfn < s.gfn + s.npages);
	}

	set(r: region): number {
		const as_id = r.slot >>> 16, id = r.slot & 0xffff;
		const gpa = Number(r.gpa), size = Number(r.size), hva = Number(r.hva);

		if (id >= KVM_USER_MEM_SLOTS || as_id >= AS)
			return -EINVAL;
		if ((r.flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)) !== 0)
			return -EINVAL;
		if (gpa % PAGE || size % PAGE || hva % PAGE || hva + size > 2 ** 47)
			return -EINVAL;
		const old = this.slots.find((s) => s.as_id === as_id && s.id === id);
		if (size === 0) {
			this.slots = this.slots.filter((s) => s !== old);
			return old ? 0 : -EINVAL;
		}
		const gfn = gpa / PAGE, npages = size / PAGE;
		if (old && (old.hva !== hva || old.npages !== npages ||
		    ((old.flags ^ r.flags) & KVM_MEM_READONLY) !== 0))
			return -EINVAL;
		if ((!old || old.gfn !== gfn) && this.slots.some((s) => s !== old &&
		    s.as_id === as_id && overlaps(s.gfn, s.npages, gfn, npages)))
			return -EEXIST;
		if (old) {
			old.gfn = gfn;
			old.flags = r.flags;
		} else {
			this.slots.push({ as_id, id, gfn, npages, hva, flags: r.flags });
		}
		return 0;
	}
}

const plain = (s: struct_kvm_memory_slot): model_slot => ({ as_id: s.as_id, id: s.id,
	gfn: s.base_gfn, npages: s.npages, hva: s.userspace_addr, flags: s.flags });

function by_gfn(set: struct_kvm_memslots): struct_kvm_memory_slot[] {
	const list: struct_kvm_memory_slot[] = [];

	for (let n = rb_first(set.gfn_tree); n !== null; n = rb_next(n)) {
		const slot = container_of(n, struct_kvm_memory_slot, "gfn_node");
		expect(slot.gfn_node[set.node_idx]).toBe(n);
		list.push(slot);
	}
	return list;
}

function by_hva(set: struct_kvm_memslots, first: number, last: number): struct_kvm_memory_slot[] {
	const list: struct_kvm_memory_slot[] = [];

	for (let n = interval_tree_iter_first(set.hva_tree, first, last); n !== null;
		n = interval_tree_iter_next(n, first, last)) {
		const slot = container_of(n, struct_kvm_memory_slot, "hva_node");
		expect(slot.hva_node[set.node_idx]).toBe(n);
		list.push(slot);
	}
	return list;
}

const set_of = <T>(list: Iterable<T>): Set<T> => new Set(list);

function check_set(set: struct_kvm_memslots, m: model, as_id: number, rnd: prng): void {
	const want = m.in_space(as_id);
	const slots = by_gfn(set);

	expect(slots.map(plain)).toEqual(want);
	/* nothing that is gone */
	expect(set.last_used_slot === null || slots.includes(set.last_used_slot)).toBe(true);
	expect(set_of(hash_for_each(set.id_hash, struct_kvm_memory_slot, "id_node")))
		.toEqual(set_of(slots));
	expect(set_of(by_hva(set, 0, 2 ** 47))).toEqual(set_of(slots));
	for (const slot of slots) {
		expect(id_to_memslot(set, slot.id)).toBe(slot);
		expect(slot.dirty_bitmap !== null)
			.toBe((slot.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0);
		expect(slot.dirty_bitmap?.length ?? 0)
			.toBe(slot.dirty_bitmap ? Math.ceil(slot.npages / 64) * 16 : 0);
	}
	for (let i = 0; i < 8; i++) {
		const gfn = gfn_t(rnd.below(GFNS)), n = 1 + rnd.below(64);
		const here = m.at(as_id, gfn);

		for (const found of [search_memslots(set, gfn, false), __gfn_to_memslot(set, gfn)])
			expect(found && plain(found)).toEqual(here ?? null);
		const iter = new struct_kvm_memslot_iter();
		expect([...kvm_for_each_memslot_in_gfn_range(iter, set, gfn, gfn_t(gfn + n))]
			.map(plain))
			.toEqual(want.filter((s) => overlaps(s.gfn, s.npages, gfn, n)));
	}
}

/* the two sets hold the same slots, and nothing is left of a change */
function check(vm: vm, m: model, rnd: prng, hva: number): void {
	const { kvm } = vm;
	const idx = srcu_read_lock(kvm.srcu);

	for (let as_id = 0; as_id < AS; as_id++) {
		const active = __kvm_memslots(kvm, as_id);

		expect(kvm.__memslots[as_id]).toContain(active);
		expect(active.generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS).toBe(0);
		expect(active.generation % AS).toBe(as_id);
		for (const set of kvm.__memslots[as_id]!)
			check_set(set, m, as_id, rnd);
		const [set0, set1] = kvm.__memslots[as_id]!;
		const slots0 = by_gfn(set0!);
		expect(by_gfn(set1!).every((slot, i) => slot === slots0[i])).toBe(true);

		const start = hva + rnd.below(HVA_PAGES) * PAGE, len = (1 + rnd.below(64)) * PAGE;
		expect(set_of(by_hva(active, start, start + len - 1).map((s) => s.id)))
			.toEqual(set_of(m.in_space(as_id).filter((s) =>
				overlaps(s.hva, s.npages * PAGE, start, len)).map((s) => s.id)));
	}
	for (let i = 0; i < 8; i++) {
		const gfn = gfn_t(rnd.below(GFNS)), s = m.at(0, gfn);

		expect(gfn_to_hva(kvm, gfn) === (s && (s.flags & KVM_MEM_READONLY) === 0 ?
			s.hva + (gfn - s.gfn) * PAGE : 0)).toBe(s !== undefined &&
				(s.flags & KVM_MEM_READONLY) === 0);
		expect(kvm_is_visible_gfn(kvm, gfn)).toBe(s !== undefined);
	}
	srcu_read_unlock(kvm.srcu, idx);
	expect(kvm.nr_memslot_pages).toBe(m.slots.reduce((n, s) => n + s.npages, 0));
	expect(kvm.mn_active_invalidate_count).toBe(0);
	expect(kvm.mmu_invalidate_in_progress).toBe(0);
	for (const lock of [kvm.slots_lock, kvm.slots_arch_lock, kvm.lock])
		expect(mutex_is_locked(lock)).toBe(false);
}

const gen_of = (kvm: struct_kvm): number[] => [0, 1].map((as_id) => {
	const idx = srcu_read_lock(kvm.srcu);
	const { generation } = __kvm_memslots(kvm, as_id);
	srcu_read_unlock(kvm.srcu, idx);
	return generation;
});

/* mostly sensible */
function random_region(rnd: prng, m: model, hva: number): region {
	const old = m.slots.length !== 0 && rnd.chance(2, 3) ? rnd.pick(m.slots) : null;
	const as_id = old?.as_id ?? rnd.below(AS), id = old?.id ?? rnd.below(24);
	const npages = old?.npages ?? 1 + rnd.below(128);
	const r: region = {
		slot: as_id << 16 | id,
		flags: rnd.pick([0, KVM_MEM_LOG_DIRTY_PAGES, old?.flags ?? KVM_MEM_READONLY]),
		gpa: (old && rnd.chance(1, 3) ? old.gfn : rnd.below(GFNS)) * PAGE,
		size: npages * PAGE,
		hva: old?.hva ?? hva + rnd.below(HVA_PAGES - npages) * PAGE,
	};

	if (old && rnd.chance(1, 3))
		r.size = 0;
	if (rnd.chance(1, 12)) {
		switch (rnd.below(9)) {
		case 0: r.flags |= 4; break;
		case 1: r.gpa = Number(r.gpa) + 512; break;
		case 2: r.size = Number(r.size) + 1; break;
		case 3: r.hva = Number(r.hva) + 2048; break;
		case 4: r.hva = 2 ** 47 - PAGE; break;
		case 5: r.slot = 2 << 16 | id; break;
		case 6: r.slot = as_id << 16 | KVM_USER_MEM_SLOTS + rnd.below(3); break;
		case 7: r.size = Number(r.size) + PAGE; break;
		default: r.flags ^= KVM_MEM_READONLY; break;
		}
	}
	return r;
}

describe("memslots against the model", () => {
	for (const seed of seeds(3)) {
		it(`seed ${seed}`, () => {
			in_task(() => {
				const rnd = new prng(seed), m = new model(), vm = create_vm();
				const hva = reserve(HVA_PAGES * PAGE);
				let gens = gen_of(vm.kvm);

				for (let i = 0; i < 300; i++) {
					const r = random_region(rnd, m, hva);
					const was = JSON.stringify(m.slots);
					const want = m.set(r);

					expect([r, set_region(vm, r)]).toEqual([r, want]);
					check(vm, m, rnd, hva);

					const now = gen_of(vm.kvm), as_id = r.slot >>> 16;
					const changed = was !== JSON.stringify(m.slots);
					for (const as of [0, 1])
						expect(now[as]! > gens[as]!)
							.toBe(changed && as === as_id);
					gens = now;
				}
				close(vm.fd);
				munmap(hva, HVA_PAGES * PAGE);
			});
		});
	}
});

describe("arguments", () => {
	it("that wrap or are too large", () => {
		in_task(() => {
			const vm = create_vm(), hva = reserve(16 * PAGE);
			const r: region = { slot: 0, flags: 0, gpa: 0, size: PAGE, hva };
			const with_ = (x: Partial<region>): number =>
				set_region(vm, { ...r, ...x });

			expect(with_({ gpa: 2n ** 64n - 4096n, size: 8192 })).toBe(-EINVAL);
			expect(with_({ size: 2n ** 63n })).toBe(-EINVAL);
			/* within the user half, but above KVM_MEM_MAX_NR_PAGES */
			expect(with_({ hva: 0, size: 2n ** 43n })).toBe(-EINVAL);
			expect(with_({ hva: 2n ** 63n })).toBe(-EINVAL);
			expect(with_({ hva: 2n ** 64n - 4096n })).toBe(-EINVAL);
			expect(with_({ slot: 0xffffffff })).toBe(-EINVAL);
			expect(with_({ size: 0 })).toBe(-EINVAL);
			expect(with_({ slot: KVM_USER_MEM_SLOTS - 1 })).toBe(0);
			expect(with_({ slot: 1 << 16 | KVM_USER_MEM_SLOTS - 1 })).toBe(0);
			close(vm.fd);
			munmap(hva, 16 * PAGE);
		});
	});

	it("of the largest slot", () => {
		in_task(() => {
			const vm = create_vm();
			const r: region = { slot: 3, flags: 0, gpa: PAGE, hva: PAGE,
				size: (2 ** 31 - 1) * PAGE };

			/* metadata for 2^31 pages may be too much for the host */
			expect([0, -ENOMEM]).toContain(set_region(vm,
				{ ...r, size: 2 ** 20 * PAGE }));
			expect(set_region(vm, { ...r, size: 2 ** 31 * PAGE })).toBe(-EINVAL);
			close(vm.fd);
		});
	});
});

/* calls fn() while slots are flushed: in the middle of a deletion or a move */
function on_flush(kvm: struct_kvm, fn: (slot: struct_kvm_memory_slot) => void):
	struct_kvm_page_track_notifier_node {
	const node = new struct_kvm_page_track_notifier_node();

	node.track_flush_slot = (_kvm, slot) => {
		fn(slot);
	};
	kvm_page_track_register_notifier(kvm, node);
	return node;
}

describe("a slot that is deleted or moved", () => {
	it("is invalid meanwhile, and only in the active set", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm, hva = reserve(16 * PAGE);
			const r: region = { slot: 5, flags: KVM_MEM_LOG_DIRTY_PAGES, gpa: 8 * PAGE,
				size: 4 * PAGE, hva };
			const seen: unknown[] = [];

			expect(set_region(vm, r)).toBe(0);
			const node = on_flush(kvm, (slot) => {
				const active = __kvm_memslots(kvm, 0), gfn = slot.base_gfn;
				const other = kvm.__memslots[0]![active.node_idx ^ 1]!;
				const invalid = gfn_to_memslot(kvm, gfn)!;

				seen.push({
					active:		by_gfn(active)[0] === invalid,
					inactive:	by_gfn(other)[0] === slot,
					copy:		slot !== invalid &&
						slot.arch !== invalid.arch,
					flags:		[slot.flags, invalid.flags],
					bitmap:		invalid.dirty_bitmap === slot.dirty_bitmap,
					lpage_info:	invalid.arch.lpage_info[0] ===
						slot.arch.lpage_info[0],
					hva:		gfn_to_hva(kvm, gfn),
					visible:	kvm_is_visible_gfn(kvm, gfn),
					read:		kvm_read_guest(kvm, gpa_t(gfn * PAGE),
						new Uint8Array(8), 8),
					/* for who changes the architecture's part of slots */
					arch_lock:	mutex_is_locked(kvm.slots_arch_lock),
				});
			});
			const expected = (flags: number): unknown => ({
				active: true, inactive: true, copy: true,
				flags: [flags, flags | KVM_MEMSLOT_INVALID], bitmap: true,
				lpage_info: true, hva: KVM_HVA_ERR_BAD, visible: false,
				read: -EFAULT, arch_lock: false,
			});
			const bitmap = (): Uint8Array | null => {
				const idx = srcu_read_lock(kvm.srcu);
				const s = id_to_memslot(__kvm_memslots(kvm, 0), 5);
				srcu_read_unlock(kvm.srcu, idx);
				return s ? s.dirty_bitmap : null;
			};
			const before = bitmap();
			expect(set_region(vm, { ...r, gpa: 20 * PAGE })).toBe(0);
			expect(bitmap()).toBe(before);
			expect(set_region(vm, { ...r, gpa: 8 * PAGE })).toBe(0);
			/* not if only its flags change */
			expect(set_region(vm, { ...r, flags: 0 })).toBe(0);
			expect(set_region(vm, { ...r, size: 0 })).toBe(0);
			expect(seen).toEqual([expected(r.flags), expected(r.flags), expected(0)]);
			kvm_page_track_unregister_notifier(kvm, node);
			close(vm.fd);
			munmap(hva, 16 * PAGE);
		});
	});

	it("waits for invalidations under way", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm, hva = reserve(16 * PAGE);
			const work = new struct_work_struct(null);
			let swapped = -1;

			/* the end of a range whose start was somebody else's */
			kvm.mn_active_invalidate_count = 1;
			INIT_WORK(work, () => {
				swapped = kvm.memslots[0]!.node_idx;
				spin_lock(kvm.mn_invalidate_lock);
				kvm.mn_active_invalidate_count = 0;
				spin_unlock(kvm.mn_invalidate_lock);
				rcuwait_wake_up(kvm.mn_memslots_update_rcuwait);
			});
			schedule_work(work);
			const was = kvm.memslots[0]!.node_idx;
			expect(set_region(vm, { slot: 1, flags: 0, gpa: 0, size: PAGE, hva }))
				.toBe(0);
			expect(swapped).toBe(was);
			expect(kvm.memslots[0]!.node_idx).toBe(was ^ 1);
			close(vm.fd);
			munmap(hva, 16 * PAGE);
		});
	});
});

describe("notifiers", () => {
	it("take mmu_lock for addresses of slots only", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm, hva = reserve(64 * PAGE);
			const seq = (): number => kvm.mmu_invalidate_seq;
			let at = seq();
			const step = (fn: () => void, n: number): void => {
				at = seq();
				fn();
				expect(seq() - at).toBe(n);
				expect(kvm.mmu_invalidate_in_progress).toBe(0);
				expect(kvm.mn_active_invalidate_count).toBe(0);
			};

			expect(set_region(vm, { slot: 0, flags: 0, gpa: 0, size: 16 * PAGE,
				hva: hva + 16 * PAGE })).toBe(0);
			/* a page that is in both address spaces is invalidated once */
			expect(set_region(vm, { slot: 1 << 16, flags: 0, gpa: 0, size: 16 * PAGE,
				hva: hva + 16 * PAGE })).toBe(0);
			step(() => madvise(hva, 16 * PAGE, MADV_DONTNEED), 0);
			step(() => madvise(hva, 17 * PAGE, MADV_DONTNEED), 1);
			step(() => madvise(hva + 31 * PAGE, PAGE, MADV_DONTNEED), 1);
			step(() => madvise(hva + 32 * PAGE, 32 * PAGE, MADV_DONTNEED), 0);
			step(() => munmap(hva, 64 * PAGE), 1);
			close(vm.fd);
		});
	});

	it("find guest memory where it was written", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm, hva = reserve(64 * PAGE);
			const data = Uint8Array.from({ length: 3 * PAGE }, (_, i) => i * 7);
			const back = new Uint8Array(3 * PAGE);

			/* guest-physically adjacent, far apart in the host */
			for (let i = 0; i < 4; i++)
				expect(set_region(vm, { slot: i, flags: KVM_MEM_LOG_DIRTY_PAGES,
					gpa: i * PAGE, size: PAGE, hva: hva + (9 - 2 * i) * PAGE }))
					.toBe(0);
			const idx = srcu_read_lock(kvm.srcu);
			expect(kvm_write_guest(kvm, gpa_t(100), data, data.length)).toBe(0);
			expect(kvm_read_guest(kvm, gpa_t(100), back, back.length)).toBe(0);
			expect(back).toEqual(data);
			expect(kvm_write_guest(kvm, gpa_t(2 * PAGE), data, data.length))
				.toBe(-EFAULT);
			for (let i = 0; i < 4; i++)
				expect(gfn_to_memslot(kvm, gfn_t(i))!.dirty_bitmap![0]).toBe(1);
			srcu_read_unlock(kvm.srcu, idx);
			close(vm.fd);
			munmap(hva, 64 * PAGE);
		});
	});
});

function live(): string {
	rcu_barrier();
	return JSON.stringify([...slab_live_counts()].sort());
}

describe("without memory", () => {
	beforeAll(() => {
		in_task(() => {
			for (const what of ["failslab", "fail_page_alloc"])
				write_file(`/sys/kernel/debug/${what}/ignore-gfp-wait`, "N");
		});
	});

	it("an operation fails, and leaves everything as it was", () => {
		in_task(() => {
			const vm = create_vm(), m = new model(), rnd = new prng(7);
			const hva = reserve(HVA_PAGES * PAGE);
			const flags = KVM_MEM_LOG_DIRTY_PAGES;
			const size = 64 * PAGE;
			const ops: region[] = [
				{ slot: 1, flags: 0, gpa: 0, size, hva },
				{ slot: 2, flags, gpa: size, size, hva: hva + size },
				{ slot: 1, flags, gpa: 0, size, hva },
				{ slot: 1, flags, gpa: 4 * size, size, hva },
				{ slot: 2, flags: 0, gpa: 5 * size, size, hva: hva + size },
				{ slot: 2, flags: 0, gpa: 0, size: 0, hva: 0 },
				{ slot: 1, flags: 0, gpa: 0, size: 0, hva: 0 },
			];

			for (const r of ops) {
				let failed = 0;

				for (let n = 1; ; n++) {
					const before = live();
					let ret = 0;

					const used = fail_nth(n, () => {
						ret = set_region(vm, r);
					});
					if (ret === 0) {
						expect(m.set(r)).toBe(0);
						check(vm, m, rnd, hva);
						if (!used)
							expect(n).toBe(failed + 1);
						break;
					}
					expect([r, ret]).toEqual([r, -ENOMEM]);
					failed++;
					expect(live()).toBe(before);
					check(vm, m, rnd, hva);
				}
				expect(failed).toBeGreaterThan(0);
			}
			close(vm.fd);
			munmap(hva, HVA_PAGES * PAGE);
		});
	});
});
