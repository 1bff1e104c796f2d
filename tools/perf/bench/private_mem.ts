// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured of private memory: faults, and conversions by range, there and back.
 *
 * Port-only. The VMs are those of the selftests' configuration, in which an ordinary VM can have
 * private memory; as in kvm.ts the guest's own tables cost next to nothing.
 */
import { outb, stride_store64, vmcall, type guest_program } from "#hw/isa_guest.ts";
import {
	KVM_CAP_EXIT_HYPERCALL, KVM_ENABLE_CAP, KVM_EXIT_MEMORY_FAULT, KVM_MEM_PRIVATE,
	KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_RUN,
	KVM_SET_USER_MEMORY_REGION, struct_kvm_enable_cap, struct_kvm_enc_region, struct_kvm_run,
	struct_kvm_userspace_memory_region_ext,
} from "#uapi/linux/kvm.ts";
import {
	KVM_CLR_GPA_RANGE_ENC_ACCESS, KVM_HC_MAP_GPA_RANGE, KVM_MARK_GPA_RANGE_ENC_ACCESS,
} from "#uapi/linux/kvm_para.ts";
import { offsetof } from "#asm-generic/struct.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE } from "#uapi/linux/mman.ts";
import {
	close, fallocate, ftruncate, ioctl, ioctl_wait, memfd_create, mmap, munmap,
	user_load32, user_load64n, user_store64n, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import { GUEST_DATA_BASE, guest_map_run } from "#tools/include/nolibc/kvm_guest.ts";
import type { bench, rounds } from "./benches.ts";
import { check, type clock_fn, PAGE, PUNCH, repeats, run, RW, vmm } from "./kvm.ts";
import { PAGED_ROUNDS, PAGES } from "./sizes.ts";

const FEW_PAGES	= 1024;
const SLOT	= 2;
const GPA	= 2 ** 36;
const MIB	= 2 ** 20;
const GIB	= 2 ** 30;
const TIB	= 2 ** 40;
/* in struct kvm_run, whose exits have their union at 32 */
const EXIT_REASON = offsetof(struct_kvm_run, "exit_reason");
const MEMORY_GPA = 32 + 8;

type mode = "bitmap" | "attribute";

/** A VM with @size bytes of private memory at GPA, of which nothing is there yet. */
class private_vmm {
	readonly v: vmm;
	readonly fd = memfd_create("bench", MFD_INACCESSIBLE);
	readonly at: number;
	readonly size: number;
	private readonly region = struct_kvm_enc_region.alloc();

	constructor(size: number, how: mode = "attribute", huge = false) {
		const ext = struct_kvm_userspace_memory_region_ext.alloc();

		write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			huge ? "always" : "never");
		check(write_file("/sys/module/kvm/parameters/private_mem_testing", how) === 0,
			"kvm.private_mem_testing");
		this.v = new vmm(1);
		this.size = size;
		/* for large pages, aligned as guest and file are */
		const at = mmap(0, size + GIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
		this.at = Math.ceil(at / GIB) * GIB;
		check(at > 0 && ftruncate(this.fd, size) === 0, "private memory");
		ext.region.slot = SLOT;
		ext.region.flags = KVM_MEM_PRIVATE;
		ext.region.guest_phys_addr = BigInt(GPA);
		ext.region.memory_size = BigInt(size);
		ext.region.userspace_addr = BigInt(this.at);
		ext.private_fd = this.fd;
		check(ioctl(this.v.vm, KVM_SET_USER_MEMORY_REGION, ext.bytes) === 0,
			"KVM_SET_USER_MEMORY_REGION");
	}

	convert(is_private: boolean, offset = 0, size = this.size): void {
		this.region.addr = BigInt(GPA + offset);
		this.region.size = BigInt(size);
		check(ioctl(this.v.vm, is_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
			KVM_MEMORY_ENCRYPT_UNREG_REGION, this.region.bytes) === 0, "converting");
	}

	punch(): void {
		check(fallocate(this.fd, PUNCH, 0, this.size) === 0, "fallocate");
	}

	close(): void {
		this.v.close();
		munmap(this.at, this.size);
		close(this.fd);
	}
}

/** Stores to @pages pages, @stride bytes apart. */
function storing(pages: number, stride = PAGE): () => guest_program {
	return function* () {
		yield* stride_store64(GUEST_DATA_BASE + GPA, stride, pages, 1n);
		yield* outb(0x80, 0);
	};
}

/** Page tables and pages are new. */
function* private_first_touch(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const program = storing(PAGES), times: rounds = [];

	for (let i = 0; i < n; i++) {
		const p = new private_vmm(PAGES * PAGE);
		const t = clock();
		yield* run(p.v, program);
		times.push((clock() - t) / PAGES);
		p.close();
	}
	return times;
}

/** The pages are new. */
function* private_refault(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const program = storing(PAGES), times: rounds = [], p = new private_vmm(PAGES * PAGE);

	yield* run(p.v, program);
	for (let i = 0; i < n; i++) {
		p.punch();
		const t = clock();
		yield* run(p.v, program);
		times.push((clock() - t) / PAGES);
	}
	p.close();
	return times;
}

/** From now on the guest's accesses are of this kind, and nobody is told. */
function accessing(is_private: boolean): () => guest_program {
	return function* () {
		yield* vmcall(BigInt(KVM_HC_MAP_GPA_RANGE), BigInt(GPA), BigInt(FEW_PAGES),
			BigInt(is_private ? KVM_MARK_GPA_RANGE_ENC_ACCESS :
				KVM_CLR_GPA_RANGE_ENC_ACCESS));
		yield* outb(0x80, 0);
	};
}

/** Runs @program; each page that it accesses as what it is not becomes so. */
function* run_converting(p: private_vmm, shared_run: number, is_private: boolean,
	program: () => guest_program): Generator<void, void, void> {
	let converted = 0;

	yield* run(p.v, program);
	for (;;) {
		if (user_load32(shared_run + EXIT_REASON) !== KVM_EXIT_MEMORY_FAULT)
			break;
		p.convert(is_private, user_load64n(shared_run + MEMORY_GPA) - GPA, PAGE);
		converted++;
		check((yield* ioctl_wait(p.v.vcpu, KVM_RUN)) === 0, "KVM_RUN");
	}
	check(converted === FEW_PAGES, "converting each page");
}

/** Fault, exit, REG or UNREG, and in again until the access is done. */
function* implicit_conversion(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const p = new private_vmm(FEW_PAGES * PAGE, "bitmap");
	const cap = struct_kvm_enable_cap.alloc(), program = storing(FEW_PAGES);
	const shared_run = guest_map_run(p.v.vcpu), times: rounds = [];

	cap.cap = KVM_CAP_EXIT_HYPERCALL;
	cap.args[0] = 1n << BigInt(KVM_HC_MAP_GPA_RANGE);
	check(ioctl(p.v.vm, KVM_ENABLE_CAP, cap.bytes) === 0, "KVM_ENABLE_CAP");
	/* pages of both kinds are there */
	yield* run(p.v, program);
	for (let i = 0; i < FEW_PAGES; i++)
		user_store64n(p.at + i * PAGE, i);

	for (let i = 0; i < n; i++) {
		let d = 0;
		for (const is_private of [false, true]) {
			yield* run(p.v, accessing(is_private));
			/* as it is already, and unmapped */
			p.convert(!is_private);
			const t = clock();
			yield* run_converting(p, shared_run, is_private, program);
			d += clock() - t;
		}
		times.push(d / (2 * FEW_PAGES) / 1000);
	}
	p.close();
	return times;
}

/** One conversion of @size bytes, mapped by the guest as large as may be: us. */
function* convert(clock: clock_fn, n: number, size: number): Generator<void, rounds, void> {
	const p = new private_vmm(GIB, "attribute", true), times: rounds = [];
	const program = storing(size / (2 * MIB), 2 * MIB);

	for (let i = 0; i < n; i++) {
		const repeat = repeats(i);
		let d = 0;

		for (let j = 0; j < repeat; j++) {
			yield* run(p.v, program);
			const t = clock();
			p.convert(false, 0, size);
			p.convert(true, 0, size);
			d += clock() - t;
		}
		times.push(d / (2 * repeat) / 1000);
	}
	p.close();
	return times;
}

/** All of a slot of 1 TiB there and back: ms, or MiB held in between. */
function* convert_1t(clock: clock_fn, n: number, what: "ms" | "mib"):
	Generator<void, rounds, void> {
	const p = new private_vmm(TIB), times: rounds = [];

	for (let i = 0; i < n; i++) {
		/* one of the two: asking what is held takes time */
		const before = what === "mib" ? process.memoryUsage().rss : 0, t = clock();
		p.convert(false);
		const held = what === "mib" ? process.memoryUsage().rss - before : 0;
		p.convert(true);
		times.push(what === "ms" ? (clock() - t) / 1e6 : Math.max(0, held) / MIB);
	}
	p.close();
	return times;
}

export const private_mem_benches: Record<string, bench> = {
	private_first_touch_ns: { unit: "ns", target: null, rounds: PAGED_ROUNDS, testing: true,
		fn: private_first_touch },
	private_refault_ns: { unit: "ns", target: null, rounds: PAGED_ROUNDS, testing: true,
		fn: private_refault },
	implicit_conversion_us: { unit: "us", target: null, rounds: 15, testing: true,
		fn: implicit_conversion },
	convert_2m_us: { unit: "us", target: null, rounds: 15, testing: true,
		fn: (clock, n) => convert(clock, n, 2 * MIB) },
	convert_1g_us: { unit: "us", target: null, rounds: 15, testing: true,
		fn: (clock, n) => convert(clock, n, GIB) },
	convert_1t_ms: { unit: "ms", target: 10, rounds: 9, testing: true,
		fn: (clock, n) => convert_1t(clock, n, "ms") },
	convert_1t_mib: { unit: "MiB", target: 1, rounds: 9, testing: true,
		fn: (clock, n) => convert_1t(clock, n, "mib") },
};
