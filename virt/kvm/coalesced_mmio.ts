// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO: writes to a zone go into a ring that userspace empties when it sees fit.
 *
 * Upstream: virt/kvm/coalesced_mmio.c. Left out: nothing.
 */
import { container_of } from "#asm-generic/owner.ts";
import { gpa_t, u32, unsigned_long } from "#asm-generic/types.ts";
import { EINVAL, ENOMEM, EOPNOTSUPP } from "#linux/errno.ts";
import { READ_ONCE, smp_wmb } from "#linux/compiler.ts";
import { GFP_KERNEL_ACCOUNT, __GFP_ZERO, alloc_page, free_page } from "#linux/gfp.ts";
import { kvm_iodevice_destructor, kvm_iodevice_init, type struct_kvm_io_device,
	type struct_kvm_io_device_ops } from "#linux/kvm/iodev.ts";
import { KVM_MMIO_BUS, KVM_PIO_BUS, kvm_io_bus_register_dev, kvm_io_bus_unregister_dev,
	type struct_kvm, type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_for_each_entry_safe } from "#linux/list.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { kfree, kzalloc } from "#linux/slab.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "#linux/spinlock.ts";
import { page_bytes } from "#asm/page.ts";
import { KVM_COALESCED_MMIO_MAX, struct_kvm_coalesced_mmio_ring,
	type struct_kvm_coalesced_mmio_zone } from "#uapi/linux/kvm.ts";
import { struct_kvm_coalesced_mmio_dev } from "#kvm/coalesced_mmio.h.ts";

function to_mmio(dev: struct_kvm_io_device): struct_kvm_coalesced_mmio_dev {
	return container_of(dev, struct_kvm_coalesced_mmio_dev, "dev");
}

/** virt/kvm/coalesced_mmio.c:coalesced_mmio_in_range(): all of it lies within the zone. */
function coalesced_mmio_in_range(dev: struct_kvm_coalesced_mmio_dev, addr: gpa_t, len: number):
	boolean {
	if (len < 0)
		return false;
	if (addr < dev.zone.addr)
		return false;
	if (addr + len > dev.zone.addr + dev.zone.size)
		return false;
	return true;
}

/** virt/kvm/coalesced_mmio.c:coalesced_mmio_has_room(); @last the first free entry. */
function coalesced_mmio_has_room(dev: struct_kvm_coalesced_mmio_dev, last: number): boolean {
	/* one entry always stays unused */
	const ring = dev.kvm.coalesced_mmio_ring!;
	const avail = u32(ring.first - last - 1) % KVM_COALESCED_MMIO_MAX;
	if (avail === 0) {
		/* full */
		return false;
	}

	return true;
}

/** virt/kvm/coalesced_mmio.c:coalesced_mmio_write() */
function coalesced_mmio_write(_vcpu: struct_kvm_vcpu, this_: struct_kvm_io_device, addr: gpa_t,
	len: number, val: Uint8Array): number {
	const dev = to_mmio(this_);
	const ring = dev.kvm.coalesced_mmio_ring!;

	if (!coalesced_mmio_in_range(dev, addr, len))
		return -EOPNOTSUPP;

	spin_lock(dev.kvm.ring_lock);

	/* userspace may write to the ring */
	const insert = READ_ONCE(ring.last);
	if (!coalesced_mmio_has_room(dev, insert) ||
	    insert >= KVM_COALESCED_MMIO_MAX) {
		spin_unlock(dev.kvm.ring_lock);
		return -EOPNOTSUPP;
	}

	const entry = ring.coalesced_mmio[insert]!;

	entry.phys_addr = BigInt(addr);
	entry.len = len;
	entry.data.set(val.subarray(0, len));
	entry.pio = dev.zone.pio;
	smp_wmb();
	ring.last = (insert + 1) % KVM_COALESCED_MMIO_MAX;
	spin_unlock(dev.kvm.ring_lock);
	return 0;
}

/** virt/kvm/coalesced_mmio.c:coalesced_mmio_destructor() */
function coalesced_mmio_destructor(this_: struct_kvm_io_device): void {
	const dev = to_mmio(this_);

	list_del(dev.list);

	kfree(dev);
}

const coalesced_mmio_ops: struct_kvm_io_device_ops = {
	write:		coalesced_mmio_write,
	destructor:	coalesced_mmio_destructor,
};

/** virt/kvm/coalesced_mmio.c:kvm_coalesced_mmio_init() */
export function kvm_coalesced_mmio_init(kvm: struct_kvm): number {
	const page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;

	kvm.coalesced_mmio_page = page;
	kvm.coalesced_mmio_ring = struct_kvm_coalesced_mmio_ring.of(page_bytes(page));

	/* for the ring; the list of zones only changes under slots_lock */
	spin_lock_init(kvm.ring_lock, "&kvm->ring_lock");
	INIT_LIST_HEAD(kvm.coalesced_zones);

	return 0;
}

/** virt/kvm/coalesced_mmio.c:kvm_coalesced_mmio_free() */
export function kvm_coalesced_mmio_free(kvm: struct_kvm): void {
	if (kvm.coalesced_mmio_ring)
		free_page(kvm.coalesced_mmio_page);
}

/** virt/kvm/coalesced_mmio.c:kvm_vm_ioctl_register_coalesced_mmio() */
export function kvm_vm_ioctl_register_coalesced_mmio(kvm: struct_kvm,
	zone: struct_kvm_coalesced_mmio_zone): number {
	if (zone.pio !== 1 && zone.pio !== 0)
		return -EINVAL;

	const dev = kzalloc(struct_kvm_coalesced_mmio_dev, GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;

	kvm_iodevice_init(dev.dev, coalesced_mmio_ops);
	dev.kvm = kvm;
	dev.zone.addr = gpa_t(unsigned_long(zone.addr));
	dev.zone.size = zone.size;
	dev.zone.pio = zone.pio;

	mutex_lock(kvm.slots_lock);
	const ret = kvm_io_bus_register_dev(kvm,
		zone.pio ? KVM_PIO_BUS : KVM_MMIO_BUS,
		dev.zone.addr, zone.size, dev.dev);
	out_free_dev: {
		if (ret < 0)
			break out_free_dev;
		list_add_tail(dev.list, kvm.coalesced_zones);
		mutex_unlock(kvm.slots_lock);

		return 0;
	}
	mutex_unlock(kvm.slots_lock);
	kfree(dev);

	return ret;
}

/** virt/kvm/coalesced_mmio.c:kvm_vm_ioctl_unregister_coalesced_mmio() */
export function kvm_vm_ioctl_unregister_coalesced_mmio(kvm: struct_kvm,
	zone: struct_kvm_coalesced_mmio_zone): number {
	if (zone.pio !== 1 && zone.pio !== 0)
		return -EINVAL;

	mutex_lock(kvm.slots_lock);

	for (const dev of list_for_each_entry_safe(kvm.coalesced_zones,
		struct_kvm_coalesced_mmio_dev, "list")) {
		if (zone.pio === dev.zone.pio &&
		    coalesced_mmio_in_range(dev, gpa_t(unsigned_long(zone.addr)), zone.size)) {
			const r = kvm_io_bus_unregister_dev(kvm,
				zone.pio ? KVM_PIO_BUS : KVM_MMIO_BUS, dev.dev);

			/*
			 * A failure has destroyed all other devices of the bus, and the list is no
			 * longer what this loop walks; nor is there anything left to look for.
			 */
			if (r)
				break;
			kvm_iodevice_destructor(dev.dev);
		}
	}

	mutex_unlock(kvm.slots_lock);

	/* even if the bus could not be shrunk, the zone is gone for userspace */
	return 0;
}
