// SPDX-License-Identifier: GPL-2.0
/*
 * Devices on a VM's buses, and zones whose writes go into the ring.
 *
 * Port-only.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { gpa_t } from "#asm-generic/types.ts";
import { EINVAL, ENOMEM, EOPNOTSUPP } from "#linux/errno.ts";
import { kvm_iodevice_init, struct_kvm_io_device } from "#linux/kvm/iodev.ts";
import { KVM_MMIO_BUS, KVM_PIO_BUS, kvm_io_bus_get_dev, kvm_io_bus_read, kvm_io_bus_register_dev,
	kvm_io_bus_unregister_dev, kvm_io_bus_write, kvm_io_bus_write_cookie, struct_kvm_vcpu,
	type kvm_bus, type struct_kvm } from "#linux/kvm_host.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { srcu_read_lock, srcu_read_unlock } from "#linux/srcu.ts";
import { KVM_COALESCED_MMIO_MAX, KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO,
	struct_kvm_coalesced_mmio_zone } from "#uapi/linux/kvm.ts";
import { close, ioctl, write_file } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "#tools/testing/kunit/fs/fs_env.ts";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { create_vm, fail_nth, type vm } from "./kvm_env.ts";

boot_fs();

beforeAll(() => {
	in_task(() => {
		write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	});
});

/* a vCPU as far as buses look at it */
function vcpu_of(kvm: struct_kvm): struct_kvm_vcpu {
	const vcpu = new struct_kvm_vcpu({});

	vcpu.kvm = kvm;
	return vcpu;
}

class device {
	dev = new struct_kvm_io_device(this);
	seen: string[] = [];
	gone = false;
	readonly addr: number;
	readonly len: number;
	constructor(addr: number, len: number, takes = true) {
		const r = takes ? 0 : -EOPNOTSUPP;

		this.addr = addr;
		this.len = len;
		kvm_iodevice_init(this.dev, {
			read: (_vcpu, _this, at, n) => {
				this.seen.push(`r${at}/${n}`);
				return r;
			},
			write: (_vcpu, _this, at, n, val) => {
				this.seen.push(`w${at}/${n}=${val[0]}`);
				return r;
			},
			destructor: () => {
				this.gone = true;
			},
		});
	}
}

function write_to(kvm: struct_kvm, addr: number, ...val: number[]): number {
	return in_srcu(kvm, () => kvm_io_bus_write(vcpu_of(kvm), KVM_MMIO_BUS, gpa_t(addr),
		val.length, Uint8Array.from(val)));
}

function add(kvm: struct_kvm, d: device): void {
	mutex_lock(kvm.slots_lock);
	expect(kvm_io_bus_register_dev(kvm, KVM_MMIO_BUS, gpa_t(d.addr), d.len, d.dev)).toBe(0);
	mutex_unlock(kvm.slots_lock);
}

function remove(kvm: struct_kvm, d: device): number {
	mutex_lock(kvm.slots_lock);
	const r = kvm_io_bus_unregister_dev(kvm, KVM_MMIO_BUS, d.dev);
	mutex_unlock(kvm.slots_lock);
	return r;
}

function in_srcu<T>(kvm: struct_kvm, fn: () => T): T {
	const idx = srcu_read_lock(kvm.srcu);
	const r = fn();
	srcu_read_unlock(kvm.srcu, idx);
	return r;
}

describe("a bus", () => {
	for (const seed of seeds(3)) {
		it(`finds devices by range, seed ${seed}`, () => {
			in_task(() => {
				const vm = create_vm(), { kvm } = vm, rnd = new prng(seed);
				let devices: device[] = [];

				for (let i = 0; i < 400; i++) {
					const addr = 16 * rnd.below(64);
					const len = 4 * (1 + rnd.below(4));

					if (devices.length !== 0 && rnd.chance(1, 4)) {
						const d = rnd.pick(devices);
						expect(remove(kvm, d)).toBe(0);
						expect(remove(kvm, d)).toBe(0);
						devices = devices.filter((x) => x !== d);
					} else if (!devices.some((d) => d.addr === addr)) {
						const d = new device(addr, len);
						add(kvm, d);
						devices.push(d);
					}
					expect(kvm.buses[KVM_MMIO_BUS]!.dev_count)
						.toBe(devices.length);

					const at = 16 * rnd.below(64) + 4 * rnd.below(4);
					const want = devices.find((d) =>
						at >= d.addr && at + 4 <= d.addr + d.len);
					expect(write_to(kvm, at, i, 0, 0, 0))
						.toBe(want ? 0 : -EOPNOTSUPP);
					expect(devices.flatMap((d) => d.seen))
						.toEqual(want ? [`w${at}/4=${i & 0xff}`] : []);
					if (want) {
						want.seen = [];
						expect(kvm_io_bus_get_dev(kvm, KVM_MMIO_BUS,
							gpa_t(at))).toBe(want.dev);
					}
				}
				close(vm.fd);
				expect(devices.every((d) => d.gone)).toBe(true);
			});
		});
	}

	it("asks one device after the other, and remembers which took it", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm, vcpu = vcpu_of(kvm);
			const no = new device(64, 4, false), yes = new device(64, 4);
			const val = Uint8Array.of(1);

			add(kvm, no);
			add(kvm, yes);
			const write = (cookie: number): number => in_srcu(kvm, () =>
				kvm_io_bus_write_cookie(vcpu, KVM_MMIO_BUS, gpa_t(64), 4, val,
					cookie));
			const read = (bus: kvm_bus): number => in_srcu(kvm, () =>
				kvm_io_bus_read(vcpu, bus, gpa_t(64), 4, val));
			const cookie = write(-1);
			expect([no.seen.length, yes.seen.length]).toEqual([1, 1]);
			expect(write(cookie)).toBe(cookie);
			expect([no.seen.length, yes.seen.length]).toEqual([1, 2]);
			expect(write(77)).toBe(cookie);
			expect(read(KVM_MMIO_BUS)).toBe(0);
			expect(read(KVM_PIO_BUS)).toBe(-EOPNOTSUPP);
			close(vm.fd);
		});
	});

	it("that cannot shrink goes, with all its other devices", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm;
			const [a, b, c] = [0, 8, 16].map((addr) => new device(addr, 8));

			for (const d of [a!, b!, c!])
				add(kvm, d);
			expect(fail_nth(1, () => expect(remove(kvm, b!)).toBe(-ENOMEM))).toBe(true);
			expect([a!.gone, b!.gone, c!.gone]).toEqual([true, false, true]);
			expect(kvm.buses[KVM_MMIO_BUS]).toBe(null);
			expect(write_to(kvm, 0, 1)).toBe(-ENOMEM);
			close(vm.fd);
		});
	});
});

function zone(vm: vm, request: number, addr: number, size: number, pio = 0): number {
	const z = struct_kvm_coalesced_mmio_zone.alloc();

	z.addr = BigInt(addr);
	z.size = size;
	z.pio = pio;
	return err(ioctl(vm.fd, request, z.bytes));
}

describe("coalesced MMIO", () => {
	it("fills the ring, as far as there is room", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm;
			const ring = kvm.coalesced_mmio_ring!;
			const write = (addr: number, ...val: number[]): number =>
				write_to(kvm, addr, ...val);

			expect(zone(vm, KVM_REGISTER_COALESCED_MMIO, 0x1000, 0x100)).toBe(0);
			expect(zone(vm, KVM_REGISTER_COALESCED_MMIO, 0x1000, 0x100, 2))
				.toBe(-EINVAL);
			expect(write(0xfff, 1, 2)).toBe(-EOPNOTSUPP);
			expect(write(0x10ff, 1, 2)).toBe(-EOPNOTSUPP);
			expect(write(0x10fe, 1, 2)).toBe(0);
			expect([ring.first, ring.last]).toEqual([0, 1]);
			const entry = ring.coalesced_mmio[0]!;
			expect([entry.phys_addr, entry.len, entry.pio])
				.toEqual([0x10fen, 2, 0]);
			expect([...entry.data.subarray(0, 2)]).toEqual([1, 2]);

			/*
			 * Entries that are left, as C counts them: the difference wraps at 2^32,
			 * of which the size is no divisor, so that the ring is full early.
			 */
			const room = (): boolean =>
				((ring.first - ring.last - 1) >>> 0) % KVM_COALESCED_MMIO_MAX !== 0;
			let n = 1;
			for (; room(); n++)
				expect(write(0x1000, n)).toBe(0);
			expect(n).toBe(2 ** 32 % KVM_COALESCED_MMIO_MAX - 1);
			expect(write(0x1000, 0)).toBe(-EOPNOTSUPP);
			/* userspace takes everything */
			ring.first = ring.last;
			expect(write(0x1000, 5)).toBe(0);
			expect(ring.coalesced_mmio[n]!.data[0]).toBe(5);
			/* from a place behind the end's there is no wrapping */
			ring.first = 100;
			ring.last = 97;
			expect([write(0x1000, 5), write(0x1000, 6), write(0x1000, 7)])
				.toEqual([0, 0, -EOPNOTSUPP]);
			expect(ring.last).toBe(99);
			/* userspace may write what it likes */
			ring.last = KVM_COALESCED_MMIO_MAX;
			expect(write(0x1000, 8)).toBe(-EOPNOTSUPP);
			ring.first = ring.last = 0;

			/* zones that lie within the one that is given up go with it */
			expect(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, 0x1000, 0x100, 1)).toBe(0);
			expect(write(0x1000, 1)).toBe(0);
			expect(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, 0x1010, 0x10)).toBe(0);
			expect(write(0x1000, 1)).toBe(-EOPNOTSUPP);
			close(vm.fd);
		});
	});
});
