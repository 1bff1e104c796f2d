// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices on the buses of a VM.
 *
 * Upstream: include/kvm/iodev.h.
 */
import { EOPNOTSUPP } from "#linux/errno.ts";
import type { gpa_t } from "#asm-generic/types.ts";
import type { struct_kvm_io_device, struct_kvm_io_device_ops, struct_kvm_vcpu } from
	"#linux/kvm_host.ts";

export { struct_kvm_io_device, type struct_kvm_io_device_ops } from "#linux/kvm_host.ts";

export function kvm_iodevice_init(dev: struct_kvm_io_device, ops: struct_kvm_io_device_ops): void {
	dev.ops = ops;
}

export function kvm_iodevice_read(vcpu: struct_kvm_vcpu, dev: struct_kvm_io_device, addr: gpa_t,
	l: number, v: Uint8Array): number {
	return dev.ops!.read ? dev.ops!.read(vcpu, dev, addr, l, v) : -EOPNOTSUPP;
}

export function kvm_iodevice_write(vcpu: struct_kvm_vcpu, dev: struct_kvm_io_device, addr: gpa_t,
	l: number, v: Uint8Array): number {
	return dev.ops!.write ? dev.ops!.write(vcpu, dev, addr, l, v) : -EOPNOTSUPP;
}

export function kvm_iodevice_destructor(dev: struct_kvm_io_device): void {
	if (dev.ops!.destructor)
		dev.ops!.destructor(dev);
}
