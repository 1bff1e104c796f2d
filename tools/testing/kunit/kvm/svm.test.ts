// SPDX-License-Identifier: GPL-2.0
/*
 * Guests on an AMD host; dirty pages are found by write protection. SEV, as far as it goes without
 * its firmware: memory that encrypted guests use is pinned.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { describe, expect, test } from "vitest";
import { EBUSY, EINVAL, ENOMEM, ENOTTY } from "#linux/errno.ts";
import { nr_free_pages } from "#linux/swap.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import {
	KVM_CREATE_VM, KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_REG_REGION,
	KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_SEV_ES_INIT, KVM_SEV_GUEST_STATUS, KVM_SEV_INIT,
	KVM_SEV_LAUNCH_START,
	struct_kvm_enc_region, struct_kvm_sev_cmd, struct_kvm_sev_guest_status,
	struct_kvm_sev_launch_start,
} from "#uapi/linux/kvm.ts";
import { errno, peek, poke } from "#tools/include/nolibc/arch.ts";
import { mmap, munmap } from "#tools/include/nolibc/mman.ts";
import { close, ioctl, open } from "#tools/include/nolibc/sys.ts";
import { in_task, state, vcpu_tests } from "./vcpu.ts";

vcpu_tests("amd");

const RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS;

/** A VM of its own, and a page for what commands point to. */
class sev_vm {
	readonly vm: number;
	readonly kvm: number;
	readonly page: number;

	constructor() {
		this.kvm = open("/dev/kvm", O_RDWR);
		this.vm = ioctl(this.kvm, KVM_CREATE_VM, 0);
		expect(this.vm).toBeGreaterThan(this.kvm);
		this.page = mmap(0, 4096, RW, ANON, -1, 0);
	}
	close(): void {
		munmap(this.page, 4096);
		close(this.vm);
		close(this.kvm);
	}
	command(id: number, data?: Uint8Array): number {
		const cmd = struct_kvm_sev_cmd.alloc();
		cmd.id = id;
		if (data !== undefined) {
			poke(this.page, data);
			cmd.data = BigInt(this.page);
		}
		const r = ioctl(this.vm, KVM_MEMORY_ENCRYPT_OP, cmd.bytes);
		if (data !== undefined)
			data.set(peek(this.page, data.length));
		return r;
	}
	region(op: number, addr: number, size: number): number {
		const r = struct_kvm_enc_region.alloc();
		r.addr = BigInt(addr);
		r.size = BigInt(size);
		return ioctl(this.vm, op, r.bytes);
	}
	register(addr: number, size: number): number {
		return this.region(KVM_MEMORY_ENCRYPT_REG_REGION, addr, size);
	}
	unregister(addr: number, size: number): number {
		return this.region(KVM_MEMORY_ENCRYPT_UNREG_REGION, addr, size);
	}
}

function with_sev(body: (g: sev_vm) => void): void {
	in_task(function* () {
		const g = new sev_vm();
		body(g);
		g.close();
		yield;
	});
}

const PAGES = 4096, SIZE = PAGES * 4096;

describe("SEV", () => {
	test("init, launch, status", () => with_sev((g) => {
		expect([g.command(KVM_SEV_GUEST_STATUS), errno()]).toEqual([-1, ENOTTY]);
		expect(g.command(KVM_SEV_INIT)).toBe(0);
		expect([g.command(KVM_SEV_INIT), errno()]).toEqual([-1, EBUSY]);
		expect([g.command(KVM_SEV_ES_INIT), errno()]).toEqual([-1, ENOTTY]);
		const start = struct_kvm_sev_launch_start.alloc();
		start.policy = 1;
		expect(g.command(KVM_SEV_LAUNCH_START, start.bytes)).toBe(0);
		expect(start.handle).toBeGreaterThan(0);
		const status = struct_kvm_sev_guest_status.alloc();
		expect(g.command(KVM_SEV_GUEST_STATUS, status.bytes)).toBe(0);
		expect([status.handle, status.policy]).toEqual([start.handle, 1]);
	}));
	test("regions need SEV, and must be there", () => with_sev((g) => {
		const at = mmap(0, SIZE, RW, ANON, -1, 0);
		expect([g.register(at, SIZE), errno()]).toEqual([-1, ENOTTY]);
		expect(g.command(KVM_SEV_INIT)).toBe(0);
		expect([g.register(at, 0), errno()]).toEqual([-1, EINVAL]);
		expect([g.register(at, 2 ** 42), errno()]).toEqual([-1, ENOMEM]);
		expect([g.register(4096, 4096), errno()]).toEqual([-1, ENOMEM]);
		expect([g.unregister(at, SIZE), errno()]).toEqual([-1, EINVAL]);
		expect(g.register(at, SIZE)).toBe(0);
		expect([g.unregister(at, SIZE - 1), errno()]).toEqual([-1, EINVAL]);
		expect(g.unregister(at, SIZE)).toBe(0);
		munmap(at, SIZE);
	}));
	test("a region's pages stay, whatever becomes of the mapping", () => {
		const before = state();
		with_sev((g) => {
			expect(g.command(KVM_SEV_INIT)).toBe(0);
			const at = mmap(0, SIZE, RW, ANON, -1, 0);
			/* what is not there is made, and one region may be pinned twice */
			expect(g.register(at, SIZE)).toBe(0);
			expect(g.register(at, SIZE)).toBe(0);
			const free = nr_free_pages();
			munmap(at, SIZE);
			expect(nr_free_pages() - free).toBeLessThan(PAGES / 2);
			expect(g.unregister(at, SIZE)).toBe(0);
			expect(nr_free_pages() - free).toBeLessThan(PAGES / 2);
			expect(g.unregister(at, SIZE)).toBe(0);
			expect(nr_free_pages() - free).toBeGreaterThan(PAGES / 2);
			/* the rest goes with the VM */
			const other = mmap(0, SIZE, RW, ANON, -1, 0);
			expect(g.register(other, SIZE)).toBe(0);
			munmap(other, SIZE);
		});
		expect(state()).toBe(before);
	});
});
