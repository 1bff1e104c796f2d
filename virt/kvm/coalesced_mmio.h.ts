// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO, as kvm_main.ts sees it.
 *
 * Upstream: virt/kvm/coalesced_mmio.h.
 */
import { gpa_t } from "#asm-generic/types.ts";
import { struct_kvm_io_device } from "#linux/kvm/iodev.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { struct_list_head } from "#linux/list.ts";

export class struct_kvm_coalesced_mmio_dev {
	list = new struct_list_head(this);
	dev = new struct_kvm_io_device(this);
	kvm: struct_kvm = null as unknown as struct_kvm;
	/* C: struct kvm_coalesced_mmio_zone */
	zone = { addr: gpa_t(0), size: 0, pio: 0 };
}

export { kvm_coalesced_mmio_free, kvm_coalesced_mmio_init, kvm_vm_ioctl_register_coalesced_mmio,
	kvm_vm_ioctl_unregister_coalesced_mmio } from "#kvm/coalesced_mmio.ts";
