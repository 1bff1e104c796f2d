// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured of KVM: faults, exits, slots, life cycles, as a VMM sees them.
 *
 * Port-only. One vCPU at CPL 0 whose tables map all of guest physical memory by pages of 1 GiB, so
 * that what is counted is KVM's work and not the guest's own page tables.
 */
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { guest_text_alloc, outb, stride_load64, stride_store64, type guest_program } from
	"#hw/isa_guest.ts";
import { memory_frames_used } from "#hw/memory.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { O_RDWR } from "#uapi/linux/fcntl.ts";
import {
	KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_RUN, KVM_SET_USER_MEMORY_REGION,
	struct_kvm_userspace_memory_region,
} from "#uapi/linux/kvm.ts";
import { MADV_DONTNEED, MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, PROT_READ,
	PROT_WRITE } from "#uapi/linux/mman.ts";
import {
	close, fallocate, ftruncate, ioctl, ioctl_wait, madvise, memfd_create, mmap, munmap, open,
	user_store64n,
} from "#tools/include/nolibc/nolibc.ts";
import { GUEST_DATA_BASE, GUEST_TABLES_BYTES, guest_sregs, guest_start, guest_tables } from
	"#tools/include/nolibc/kvm_guest.ts";
import type { bench, bench_fn, rounds } from "./benches.ts";
import { MANY_PAGES, PAGED_ROUNDS, PAGES } from "./sizes.ts";

export const PAGE	= 4096;
const EXITS		= 20000;
const SLOT_BYTES	= 256 * 2 ** 20;
const TABLES_GPA	= 0xfd000000;
const MEM_GPA		= 2 ** 32;
const MEM_SLOT		= 1;
export const PUNCH	= FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
export const RW		= PROT_READ | PROT_WRITE;
const TIB		= 2 ** 40;
/*
 * What a round of something that has no pages repeats; and what the second one does, which warms
 * up.
 */
const REPEAT		= 50;
const WARM_REPEAT	= 10000;

export type clock_fn = () => number;

export const repeats = (i: number): number => i === 1 ? WARM_REPEAT : REPEAT;

export function check(ok: boolean, what: string): void {
	if (!ok)
		throw new Error(`bench: ${what} failed`);
}

function set_slot(vm: number, slot: number, gpa: number, size: number, hva: number): void {
	const mem = struct_kvm_userspace_memory_region.alloc();

	mem.slot = slot;
	mem.guest_phys_addr = BigInt(gpa);
	mem.memory_size = BigInt(size);
	mem.userspace_addr = BigInt(hva);
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, mem.bytes) === 0, "KVM_SET_USER_MEMORY_REGION");
}

/** A VM with one vCPU, and @pages pages of a memfd at MEM_GPA. */
export class vmm {
	readonly kvm = open("/dev/kvm", O_RDWR);
	readonly vm = ioctl(this.kvm, KVM_CREATE_VM, 0);
	readonly vcpu = ioctl(this.vm, KVM_CREATE_VCPU, 0);
	readonly tables: number;
	readonly fd: number;
	readonly at: number;
	readonly pages: number;

	constructor(pages: number) {
		this.pages = pages;
		check(this.vcpu >= 0, "KVM_CREATE_VCPU");
		this.tables = mmap(0, GUEST_TABLES_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		set_slot(this.vm, 0, TABLES_GPA, GUEST_TABLES_BYTES, this.tables);
		guest_tables(this.tables, TABLES_GPA);
		check(guest_sregs(this.vcpu, TABLES_GPA) === 0, "KVM_SET_SREGS");
		this.fd = memfd_create("bench", 0);
		check(ftruncate(this.fd, pages * PAGE) === 0, "ftruncate");
		this.at = mmap(0, pages * PAGE, RW, MAP_SHARED, this.fd, 0);
		check(this.at > 0, "mmap");
		this.map();
	}

	map(): void {
		set_slot(this.vm, MEM_SLOT, MEM_GPA, this.pages * PAGE, this.at);
	}

	unmap(): void {
		set_slot(this.vm, MEM_SLOT, MEM_GPA, 0, this.at);
	}

	punch(): void {
		check(fallocate(this.fd, PUNCH, 0, this.pages * PAGE) === 0, "fallocate");
	}

	touch(): void {
		for (let i = 0; i < this.pages; i++)
			user_store64n(this.at + i * PAGE, i);
	}

	close(): void {
		close(this.vcpu);
		close(this.vm);
		close(this.kvm);
		munmap(this.at, this.pages * PAGE);
		munmap(this.tables, GUEST_TABLES_BYTES);
		close(this.fd);
	}
}

/** @program from its start to its first exit. */
export function* run(v: vmm, program: () => guest_program): Generator<void, void, void> {
	check(guest_start(v.vcpu, guest_text_alloc(program)) === 0, "KVM_SET_REGS");
	check((yield* ioctl_wait(v.vcpu, KVM_RUN)) === 0, "KVM_RUN");
}

function* exit_loop(): guest_program {
	for (;;)
		yield* outb(0x80, 0);
}

function storing(pages: number): () => guest_program {
	return function* () {
		yield* stride_store64(GUEST_DATA_BASE + MEM_GPA, PAGE, pages, 1n);
		yield* outb(0x80, 0);
	};
}

function loading(pages: number): () => guest_program {
	return function* () {
		yield* stride_load64(GUEST_DATA_BASE + MEM_GPA, PAGE, pages);
		yield* outb(0x80, 0);
	};
}

/** @n rounds of @round, per page. */
function* paged(pages: number, n: number, round: (v: vmm) => Generator<void, number, void>):
	Generator<void, rounds, void> {
	const v = new vmm(pages);
	const times: rounds = [];

	for (let i = 0; i < n; i++)
		times.push((yield* round(v)) / pages);
	v.close();
	return times;
}

const guest_first_touch: bench_fn = (clock, n) => {
	const program = storing(PAGES);
	return paged(PAGES, n, function* (v) {
		const t = clock();
		yield* run(v, program);
		const d = clock() - t;
		v.punch();
		return d;
	});
};

const guest_fault_host_present: bench_fn = (clock, n) => {
	const program = loading(PAGES);
	return paged(PAGES, n, function* (v) {
		v.unmap();
		v.touch();
		v.map();
		const t = clock();
		yield* run(v, program);
		return clock() - t;
	});
};

const guest_second_touch: bench_fn = (clock, n) => {
	let last = -1n;
	const program = function* (): guest_program {
		last = yield* stride_load64(GUEST_DATA_BASE + MEM_GPA, PAGE, MANY_PAGES);
		yield* outb(0x80, 0);
	};
	return paged(MANY_PAGES, n, function* (v) {
		v.touch();
		yield* run(v, program);
		const t = clock();
		yield* run(v, program);
		const d = clock() - t;
		check(last === BigInt(MANY_PAGES - 1), "reading back");
		last = -1n;
		return d;
	});
};

const punch_page: bench_fn = (clock, n) => {
	const program = storing(PAGES);
	return paged(PAGES, n, function* (v) {
		yield* run(v, program);
		const t = clock();
		v.punch();
		return clock() - t;
	});
};

const dontneed_page: bench_fn = (clock, n) => {
	const program = storing(PAGES);
	return paged(PAGES, n, function* (v) {
		v.touch();
		yield* run(v, program);
		const t = clock();
		check(madvise(v.at, PAGES * PAGE, MADV_DONTNEED) === 0, "madvise");
		return clock() - t;
	});
};

function* kvm_run_exit(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const v = new vmm(1);
	const times: rounds = [];

	yield* run(v, exit_loop);
	for (let i = 0; i < n; i++) {
		const t = clock();
		for (let j = 0; j < EXITS; j++)
			yield* ioctl_wait(v.vcpu, KVM_RUN);
		times.push((clock() - t) / EXITS);
	}
	v.close();
	return times;
}

/* what a creation or deletion of an empty slot takes */
function* memslots(clock: clock_fn, n: number, creating: boolean): Generator<void, rounds, void> {
	const v = new vmm(1);
	const at = mmap(0, SLOT_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const times: rounds = [];

	for (let i = 0; i < n; i++) {
		let d = 0;
		for (let j = 0; j < repeats(i); j++) {
			const t = clock();
			set_slot(v.vm, 2, 2 ** 34, SLOT_BYTES, at);
			const made = clock();
			set_slot(v.vm, 2, 2 ** 34, 0, at);
			d += creating ? made - t : clock() - made;
		}
		times.push(d / repeats(i));
	}
	munmap(at, SLOT_BYTES);
	v.close();
	return times;
}

function* vm_lifecycle(clock: clock_fn, n: number): Generator<void, rounds, void> {
	const kvm = open("/dev/kvm", O_RDWR);
	const times: rounds = [];

	for (let i = 0; i < n; i++) {
		const t = clock();
		for (let j = 0; j < repeats(i); j++) {
			const vm = ioctl(kvm, KVM_CREATE_VM, 0);
			const vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
			check(vcpu >= 0, "KVM_CREATE_VCPU");
			close(vcpu);
			close(vm);
		}
		times.push((clock() - t) / repeats(i) / 1000);
	}
	close(kvm);
	return times;
}

const rss = (): number => process.memoryUsage().rss;

/** Leaves in this process what is in use. */
function settle(): void {
	v8.setFlagsFromString("--expose-gc");
	const gc = runInNewContext("gc") as () => void;
	gc();
	gc();
}

/* a slot of 1 TiB on a file without a page; @what: ms to make it, or MiB that it costs */
function* sparse_slot(clock: clock_fn, n: number, what: "ms" | "mib"):
	Generator<void, rounds, void> {
	const v = new vmm(1);
	const fd = memfd_create("sparse", 0);
	const times: rounds = [];

	check(ftruncate(fd, TIB) === 0, "ftruncate");
	const at = mmap(0, TIB, RW, MAP_SHARED | MAP_NORESERVE, fd, 0);
	check(at > 0, "mmap");
	for (let i = 0; i < n; i++) {
		const before = rss(), t = clock();
		set_slot(v.vm, 3, 2 ** 40, TIB, at);
		times.push(what === "ms" ? (clock() - t) / 1e6 :
			Math.max(0, rss() - before) / 2 ** 20);
		set_slot(v.vm, 3, 2 ** 40, 0, at);
	}
	munmap(at, TIB);
	close(fd);
	v.close();
	return times;
}

/*
 * What this process gains for a page that host and guest map, beyond the page's own bytes: struct
 * page, file and table entries, in objects and in modelled memory. One round, for a second one
 * would find everything made. The other VM has V8 grow and compile before, and lives on, so that
 * the pages that count come from memory nobody touched.
 */
function* rss_per_page(_clock: clock_fn, _n: number): Generator<void, rounds, void> {
	const warm_pages = MANY_PAGES / 4;
	const warm = new vmm(warm_pages), v = new vmm(MANY_PAGES);
	const program = storing(MANY_PAGES);

	yield* run(warm, storing(warm_pages));
	settle();
	const before = rss(), frames = memory_frames_used();
	yield* run(v, program);
	settle();
	const fresh = Math.min(MANY_PAGES, memory_frames_used() - frames);
	const gain = rss() - before - fresh * PAGE;
	check(fresh > MANY_PAGES / 2 && gain > 0, "mapping fresh pages");
	v.close();
	warm.close();
	return [gain / MANY_PAGES];
}

export const kvm_benches: Record<string, bench> = {
	guest_first_touch_ns: { unit: "ns", target: 1700, rounds: PAGED_ROUNDS,
		fn: guest_first_touch },
	guest_fault_host_present_ns: { unit: "ns", target: 1280, rounds: PAGED_ROUNDS,
		fn: guest_fault_host_present },
	guest_second_touch_ns: { unit: "ns", target: 100, rounds: 9, fn: guest_second_touch },
	kvm_run_exit_ns: { unit: "ns", target: 1800, rounds: 9, fn: kvm_run_exit },
	memslot_create_ns: { unit: "ns", target: 12900, rounds: 15,
		fn: (clock, n) => memslots(clock, n, true) },
	memslot_delete_ns: { unit: "ns", target: 9900, rounds: 15,
		fn: (clock, n) => memslots(clock, n, false) },
	punch_page_ns: { unit: "ns", target: 270, rounds: PAGED_ROUNDS,
		fn: punch_page },
	dontneed_page_ns: { unit: "ns", target: 178, rounds: PAGED_ROUNDS,
		fn: dontneed_page },
	vm_lifecycle_us: { unit: "us", target: 240, rounds: 9, fn: vm_lifecycle },
	sparse_1t_slot_ms: { unit: "ms", target: 100, rounds: 5,
		fn: (clock, n) => sparse_slot(clock, n, "ms") },
	sparse_1t_slot_mib: { unit: "MiB", target: 100, rounds: 5,
		fn: (clock, n) => sparse_slot(clock, n, "mib") },
	rss_per_guest_page_bytes: { unit: "B", target: null, rounds: 1, fn: rss_per_page },
};
