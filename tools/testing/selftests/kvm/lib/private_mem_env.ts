// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM of which slot 1 is private, some of it shared, and slot 2 is not: what the tests of the
 * ioctls start from.
 *
 * Port-only.
 */
import { KVM_MEM_PRIVATE, KVM_PRIVATE_MEM_TESTING_OFF } from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { ftruncate, memfd_create, mmap, type num } from "#tools/include/nolibc/nolibc.ts";
import { type struct_kvm_vm, vm_create_barebones } from "../include/kvm_util.ts";
import {
	__vm_set_region_attr, __vm_set_user_memory_region_ext, vm_mem_add, vm_mem_set_shared,
	vm_set_private_mem_testing,
} from "../include/private_mem.ts";
import { TEST_ASSERT } from "../include/test_util.ts";

export const PAGE	= 4096;
export const PAGES	= 16;
export const SIZE	= PAGES * PAGE;
export const RW	= PROT_READ | PROT_WRITE;

export const PRIV_SLOT = 1, PLAIN_SLOT = 2, FREE_SLOT = 3;
export const PRIV_GPA = 0x100000, PLAIN_GPA = 0x200000, FREE_GPA = 0x300000;
/* of slot 1 */
export const SHARED_GPA = PRIV_GPA + 4 * PAGE, SHARED_SIZE = 4 * PAGE;

/* what a check works with */
export class env {
	vm: struct_kvm_vm;
	readonly hva: number = map(4 * SIZE);
	/** of slot 1, and one that no slot has */
	readonly fd: number = inaccessible(2 * SIZE);
	readonly fd2: number = inaccessible(2 * SIZE);

	/** @mode null: the VM, and nothing in it */
	constructor(mode: number | null) {
		const vm = this.vm = vm_create_barebones();

		if (mode === null)
			return;
		vm_set_private_mem_testing(vm, mode);
		if (mode === KVM_PRIVATE_MEM_TESTING_OFF) {
			this.plain(PRIV_SLOT, PRIV_GPA);
		} else {
			vm_mem_add(vm, this.hva, PRIV_GPA, PRIV_SLOT, SIZE, 0, this.fd, 0);
			vm_mem_set_shared(vm, SHARED_GPA, SHARED_SIZE);
		}
		this.plain(PLAIN_SLOT, PLAIN_GPA);
	}

	private plain(slot: number, gpa: number): void {
		TEST_ASSERT(__vm_set_user_memory_region_ext(this.vm, slot, 0, gpa, SIZE,
			this.hva + SIZE, -1, 0) === 0, "adding slot %d", slot);
	}
}

export function map(size: number): number {
	const p = mmap(0, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TEST_ASSERT(p >= 0, "mmap failed");
	return p;
}

export function inaccessible(size: number): number {
	const fd = memfd_create("negative", MFD_INACCESSIBLE);

	TEST_ASSERT(fd >= 0 && ftruncate(fd, size) === 0, "memfd_create or ftruncate failed");
	return fd;
}

/** The slot that all is right with, but for @change. */
export interface region {
	slot: number;
	flags: number;
	gpa: num;
	size: num;
	hva: num;
	fd: number;
	offset: num;
}

export function set(e: env, change: Partial<region>): number {
	const r: region = { slot: FREE_SLOT, flags: KVM_MEM_PRIVATE, gpa: FREE_GPA, size: SIZE,
		hva: e.hva, fd: e.fd2, offset: 0, ...change };

	return __vm_set_user_memory_region_ext(e.vm, r.slot, r.flags, r.gpa, r.size, r.hva, r.fd,
		r.offset);
}

/** Slot 1 once more, but for @change. */
export function modify(e: env, change: Partial<region>): number {
	return set(e, { slot: PRIV_SLOT, gpa: PRIV_GPA, fd: e.fd, ...change });
}

export const attr = (e: env, addr: num, size: num, is_private: boolean): number =>
	__vm_set_region_attr(e.vm, addr, size, is_private);
