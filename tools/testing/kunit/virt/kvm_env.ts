// SPDX-License-Identifier: GPL-2.0
/*
 * A program with a virtual machine, as the tests of virt/kvm want it: the descriptors, and the
 * structs behind them.
 *
 * Port-only.
 */
import { expect } from "vitest";
import { fget, fput } from "#linux/file.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { current } from "#linux/sched.ts";
import { mmap } from "#tools/include/nolibc/mman.ts";
import { close, ioctl, open } from "#tools/include/nolibc/sys.ts";
import { err } from "#tools/testing/kunit/fs/fs_env.ts";
import { O_RDWR } from "#uapi/linux/fcntl.ts";
import { KVM_CREATE_VM, KVM_SET_USER_MEMORY_REGION, struct_kvm_userspace_memory_region } from
	"#uapi/linux/kvm.ts";

export const PAGE = 4096;

export interface vm {
	fd: number;
	kvm: struct_kvm;
}

export function private_data<T>(fd: number): T {
	const file = fget(fd)!;
	const data = file.private_data as T;

	fput(file);
	return data;
}

export function create_vm(): vm {
	const dev = open("/dev/kvm", O_RDWR);
	expect(dev).toBeGreaterThanOrEqual(0);
	const fd = ioctl(dev, KVM_CREATE_VM);
	expect(fd).toBeGreaterThanOrEqual(0);
	close(dev);
	return { fd, kvm: private_data<struct_kvm>(fd) };
}

/** Address space only: private, anonymous, MAP_NORESERVE. */
export function reserve(len: number): number {
	const addr = Number(mmap(0, len, 3, 0x4022, -1, 0));
	expect(addr).toBeGreaterThan(0);
	return addr;
}

export interface region {
	slot: number;
	flags: number;
	gpa: number | bigint;
	size: number | bigint;
	hva: number | bigint;
}

/** 0, or -errno. */
export function set_region(vm: vm, r: region): number {
	const mem = struct_kvm_userspace_memory_region.alloc();

	mem.slot = r.slot;
	mem.flags = r.flags;
	mem.guest_phys_addr = BigInt(r.gpa);
	mem.memory_size = BigInt(r.size);
	mem.userspace_addr = BigInt(r.hva);
	return err(ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, mem.bytes));
}

/** Fails the @n-th allocation of @fn; whether there were that many. */
export function fail_nth(n: number, fn: () => void): boolean {
	current.fail_nth = n;
	fn();
	const left = current.fail_nth;
	current.fail_nth = 0;
	return left === 0;
}
