// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots, conversions, holes, huge pages, caches, memory errors and guests' accesses in any order,
 * against a model: which page of which file, or of user memory, is behind a gfn, and what was
 * stored there last.
 *
 * Port-only. Two VMs have slots on the same two files, and both may have a page of it: the model
 * knows pages of files, not who put something there.
 */
import { ld64, ld64n, st64 } from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { EHWPOISON } from "#uapi/asm-generic/errno.ts";
import {
	KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_PRIVATE,
	KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
} from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import {
	MADV_DONTNEED, MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ,
	PROT_WRITE,
} from "#uapi/linux/mman.ts";
import {
	close, errno, errno_name, fallocate, ftruncate, getopt, madvise, memfd_create, mmap, munmap,
	printf, read_file, u64_bytes, user_load64, user_store64, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import { prng } from "#tools/include/nolibc/prng.ts";
import {
	__vcpu_run, exit_reason_str, get_ucall, guest_global, type guest_program, GUEST_SYNC_ARGS,
	kvm_vm_free, type struct_kvm_vcpu, type struct_kvm_vm, struct_ucall, sync_global_to_guest,
	UCALL_SYNC, vcpu_run, type wait,
} from "./include/kvm_util.ts";
import {
	__vm_set_region_attr, __vm_set_user_memory_region_ext, require_private_mem_testing,
	vm_create_with_private_mem_testing,
} from "./include/private_mem.ts";
import { TEST_ASSERT } from "./include/test_util.ts";
import { __virt_pg_map, PG_LEVEL_2M } from "./include/x86_64/processor.ts";

const PAGE	= 4096;
const SZ_2M	= 2 ** 21;
const HPAGE	= SZ_2M / PAGE;
const AREA_GPA	= 2 ** 32;
/* of the guest, of each file, and of user memory; in pages */
const AREA	= 6 * HPAGE;
const PUNCH	= FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
const CORRUPT	= "/sys/kernel/debug/privmem/corrupt";
const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const MMIO_VALUE = 0xbad0000000000n;
const SLOTS	= 6;

const cmd_store = new guest_global();
const cmd_gpa = new guest_global();
const cmd_value = new guest_global();

function* guest_code(): guest_program {
	for (;;) {
		const gpa = yield* ld64n(cmd_gpa.gva);
		let value = yield* ld64(cmd_value.gva);

		if (yield* ld64n(cmd_store.gva))
			yield* st64(gpa, value);
		else
			value = yield* ld64(gpa);
		yield* GUEST_SYNC_ARGS(0, value, 0, 0, 0);
	}
}

/** What was stored, by page and word; what was not is zero. */
class memory {
	private readonly words = new Map<number, Map<number, bigint>>();

	load(page: number, word: number): bigint {
		return this.words.get(page)?.get(word) ?? 0n;
	}
	store(page: number, word: number, value: bigint): void {
		const words = this.words.get(page) ?? new Map<number, bigint>();

		this.words.set(page, words.set(word, value));
	}
	drop(first: number, pages: number): void {
		for (let i = 0; i < pages; i++)
			this.words.delete(first + i);
	}
	/** Pages that something was stored to. */
	pages(): number[] {
		return [...this.words.keys()];
	}
}

class file {
	readonly fd: number;
	readonly model = new memory();
	/** pages whose memory is broken */
	readonly broken = new Set<number>();

	constructor() {
		this.fd = memfd_create("random", MFD_INACCESSIBLE);
		must(this.fd, "memfd_create");
		must(ftruncate(this.fd, AREA * PAGE), "ftruncate");
	}
	fallocate(mode: number, first: number, pages: number): void {
		must(fallocate(this.fd, mode, first * PAGE, pages * PAGE), "fallocate");
		if (mode & FALLOC_FL_PUNCH_HOLE) {
			this.model.drop(first, pages);
			for (const page of this.broken)
				if (page >= first && page < first + pages)
					this.broken.delete(page);
		}
	}
	/** The memory of @page breaks: what was there is lost. */
	corrupt(page: number): void {
		if (this.broken.has(page))
			return;
		must(write_file(CORRUPT, `${this.fd} ${page}`), CORRUPT);
		this.broken.add(page);
	}
}

/* in pages, from AREA_GPA, from the start of user memory and of the file */
interface slot {
	readonly gfn: number;
	readonly pages: number;
	readonly hva: number;
	readonly file: file | null;
	readonly offset: number;
}

function must(r: number, what: string): void {
	TEST_ASSERT(r >= 0, "%s: %s", what, errno_name(errno()));
}

class machine {
	readonly vm: struct_kvm_vm;
	readonly vcpu: struct_kvm_vcpu;
	readonly hva: number;
	readonly shared = new memory();
	readonly slots: (slot | null)[] = new Array<slot | null>(SLOTS).fill(null);
	/** 1: shared */
	readonly attr = new Uint8Array(AREA);
	private readonly map: number;

	constructor() {
		const vcpus: struct_kvm_vcpu[] = [];

		this.vm = vm_create_with_private_mem_testing(KVM_PRIVATE_MEM_TESTING_ATTRIBUTE,
			1024, 1, guest_code, vcpus);
		this.vcpu = vcpus[0]!;
		this.map = mmap(0, AREA * PAGE + SZ_2M, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		must(this.map, "mmap");
		this.hva = this.map + SZ_2M - this.map % SZ_2M;
		madvise(this.hva, AREA * PAGE, MADV_HUGEPAGE);
		for (let gfn = 0; gfn < AREA; gfn += HPAGE)
			__virt_pg_map(this.vm, AREA_GPA + gfn * PAGE, AREA_GPA + gfn * PAGE,
				PG_LEVEL_2M);
	}

	set_slot(nr: number, s: slot, flags: number, pages: number): void {
		must(__vm_set_user_memory_region_ext(this.vm, 10 + nr, flags,
			AREA_GPA + s.gfn * PAGE, pages * PAGE, this.hva + s.hva * PAGE,
			s.file ? s.file.fd : -1, s.offset * PAGE), "slot");
		this.slots[nr] = pages === 0 ? null : s;
	}

	convert(first: number, pages: number, is_private: boolean): void {
		must(__vm_set_region_attr(this.vm, AREA_GPA + first * PAGE, pages * PAGE,
			is_private), "conversion");
		this.attr.fill(is_private ? 0 : 1, first, first + pages);
	}

	dontneed(first: number, pages: number): void {
		must(madvise(this.hva + first * PAGE, pages * PAGE, MADV_DONTNEED), "madvise");
		this.shared.drop(first, pages);
	}

	/** The memory behind @gfn, and which page of it; null: none. */
	behind(gfn: number): [memory, number, file | null] | null {
		const s = this.slots.find((x) => x && gfn >= x.gfn && gfn < x.gfn + x.pages);

		if (!s)
			return null;
		return s.file && this.attr[gfn] === 0 ?
			[s.file.model, s.offset + gfn - s.gfn, s.file] :
			[this.shared, s.hva + gfn - s.gfn, null];
	}

	/** Runs the guest. If what it accesses is broken, it gets no further until that is gone. */
	* run(gfn: number): wait {
		const [, page, of] = this.behind(gfn) ?? [null, 0, null];

		if (of?.broken.has(page)) {
			const r = yield* __vcpu_run(this.vcpu);
			TEST_ASSERT(r < 0 && errno() === EHWPOISON, "gfn 0x%x, broken: %d %s", gfn,
				r, errno_name(errno()));
			of.fallocate(PUNCH, page, 1);
		}
		yield* vcpu_run(this.vcpu);
	}

	is_stored(gfn: number, word: number): boolean {
		const at = this.behind(gfn);

		return at !== null && at[0].load(at[1], word) !== 0n;
	}

	/** Has the guest load, or store @value. What it has loaded is returned. */
	* access(gfn: number, word: number, value: bigint | null): wait<bigint> {
		const uc = new struct_ucall(), run = this.vcpu.run;

		cmd_store.v = value === null ? 0n : 1n;
		cmd_gpa.v = BigInt(AREA_GPA + gfn * PAGE + word * 8);
		cmd_value.v = value ?? 0n;
		for (const g of [cmd_store, cmd_gpa, cmd_value])
			sync_global_to_guest(this.vm, g);
		yield* this.run(gfn);
		if (run.exit_reason === KVM_EXIT_MMIO) {
			TEST_ASSERT(this.behind(gfn) === null, "MMIO at gfn 0x%x", gfn);
			if (run.mmio.is_write === 0)
				run.mmio.data = u64_bytes(MMIO_VALUE);
			yield* vcpu_run(this.vcpu);
		}
		TEST_ASSERT(run.exit_reason === KVM_EXIT_IO, "gfn 0x%x: exit reason %u (%s)", gfn,
			run.exit_reason, exit_reason_str(run.exit_reason));
		TEST_ASSERT((yield* get_ucall(this.vcpu, uc)) === UCALL_SYNC, "ucall %u", uc.cmd);
		return uc.args[2]!;
	}

	* store(gfn: number, word: number, value: bigint): wait {
		yield* this.access(gfn, word, value);
		const at = this.behind(gfn);
		at?.[0].store(at[1], word, value);
	}

	* check(gfn: number, word: number): wait {
		const got = yield* this.access(gfn, word, null), at = this.behind(gfn);
		const expected = at ? at[0].load(at[1], word) : MMIO_VALUE;

		TEST_ASSERT(got === expected, "gfn 0x%x word %u: 0x%x, expected 0x%x", gfn, word,
			got, expected);
	}

	close(): void {
		kvm_vm_free(this.vm);
		munmap(this.map, AREA * PAGE + SZ_2M);
	}
}

/* ---- what happens --------------------------------------------------------------------------- */

class world {
	readonly rnd: prng;
	readonly files = [new file(), new file()];
	readonly vms = [new machine(), new machine()];
	private next = 1n;

	constructor(seed: number) {
		this.rnd = new prng(seed);
	}

	/** Somewhere in @n pages, often where a large page begins or ends. */
	place(n: number): number {
		const { rnd } = this;

		if (rnd.chance(1, 2))
			return rnd.below(n);
		const at = rnd.below(n / HPAGE + 1) * HPAGE + rnd.below(5) - 2;
		return Math.min(Math.max(at, 0), n - 1);
	}

	/** First page and number of pages. */
	range(n = AREA): [number, number] {
		const a = this.place(n), b = this.rnd.chance(1, 3) ? a : this.place(n);

		return [Math.min(a, b), Math.abs(a - b) + 1];
	}

	/** A gfn of @m, of a slot for the most part. */
	gfn(m: machine): number {
		const s = this.rnd.pick(m.slots);

		return s === null || this.rnd.chance(1, 20) ? this.rnd.below(AREA) :
			s.gfn + this.place(s.pages);
	}

	* touch(m: machine): wait {
		const gfn = this.gfn(m), word = this.rnd.pick([0, 1, 255, 511]);

		if (this.rnd.chance(1, 2))
			yield* m.store(gfn, word, this.next++);
		else
			yield* m.check(gfn, word);
	}

	slot(m: machine): void {
		const { rnd } = this, nr = rnd.below(SLOTS), old = m.slots[nr]!;
		if (old !== null) {
			m.set_slot(nr, old, 0, 0);
			return;
		}
		const [gfn, pages] = this.range();
		if (m.slots.some((s) => s && gfn < s.gfn + s.pages && s.gfn < gfn + pages))
			return;
		/* for the most part aligned as in the guest, so that there are large pages */
		const at = (): number => {
			const max = AREA - pages;

			return rnd.chance(2, 3) ? Math.min(gfn % HPAGE + rnd.below(6) * HPAGE,
				max - (max - gfn % HPAGE + HPAGE) % HPAGE) : rnd.below(max + 1);
		};
		const of = rnd.chance(1, 6) ? null : rnd.pick(this.files);
		const flags = (of ? KVM_MEM_PRIVATE : 0) |
			(rnd.chance(1, 8) ? KVM_MEM_LOG_DIRTY_PAGES : 0);
		m.set_slot(nr, { gfn, pages, hva: Math.max(at(), 0), file: of,
			offset: Math.max(at(), 0) }, flags, pages);
	}

	/** What the host finds in its own memory. */
	host(m: machine): void {
		const pages = m.shared.pages(), page = pages.length ? this.rnd.pick(pages) : 0;
		const word = this.rnd.pick([0, 1, 255, 511]), at = m.hva + page * PAGE + word * 8;

		TEST_ASSERT(user_load64(at) === m.shared.load(page, word),
			"user memory, page 0x%x word %u: 0x%x, expected 0x%x", page, word,
			user_load64(at), m.shared.load(page, word));
		user_store64(at, this.next);
		m.shared.store(page, word, this.next++);
	}

	* step(): wait {
		const { rnd } = this, m = rnd.pick(this.vms), what = rnd.below(100);

		if (what < 12)
			this.slot(m);
		else if (what < 28)
			m.convert(...this.range(), rnd.chance(1, 2));
		else if (what < 36)
			rnd.pick(this.files).fallocate(PUNCH, ...this.range());
		else if (what < 39)
			rnd.pick(this.files).fallocate(0, ...this.range());
		else if (what < 42)
			m.dontneed(...this.range());
		else if (what < 46)
			this.host(m);
		else if (what < 47 && rnd.chance(1, 2))
			rnd.pick(this.files).corrupt(this.place(AREA));
		else if (what < 47)
			must(write_file("/proc/sys/vm/drop_caches", `${1 + rnd.below(3)}`),
				"drop_caches");
		else if (what < 50)
			shmem_enabled(rnd.chance(3, 4) ? "always" : "never");
		else
			yield* this.touch(m);
	}

	/** Everything that was ever stored, and is still to be seen by a guest. */
	* check_all(): wait {
		for (const m of this.vms)
			for (let gfn = 0; gfn < AREA; gfn++)
				for (const word of [0, 511])
					if (m.is_stored(gfn, word))
						yield* m.check(gfn, word);
	}

	close(): void {
		this.vms.forEach((m) => m.close());
		this.files.forEach((f) => close(f.fd));
	}
}

function shmem_enabled(policy: string): void {
	must(write_file(SHMEM_ENABLED, policy), SHMEM_ENABLED);
}

function usage(cmd: string): void {
	printf("usage: %s [-h] [-s seed] [-n steps]\n\n -s: only this seed (default: 1 to 3)\n" +
		" -n: how much is to happen (default: 1200)\n", cmd);
}

export function* main(_argc: number, argv: string[]): wait<number> {
	const policy = /\[(.*)\]/.exec(read_file(SHMEM_ENABLED) ?? "")?.[1] ?? "never";
	let seeds = [1, 2, 3], steps = 1200;

	for (const [opt, optarg] of getopt(argv, "hs:n:")) {
		switch (opt) {
		case "s":
			seeds = [parseInt(optarg, 10)];
			break;
		case "n":
			steps = parseInt(optarg, 10);
			break;
		default:
			usage(argv[0]!);
			return opt === "h" ? 0 : 1;
		}
	}
	require_private_mem_testing();
	for (const seed of seeds) {
		const w = new world(seed);

		printf("seed %d\n", seed);
		shmem_enabled("always");
		for (let i = 0; i < steps; i++)
			yield* w.step();
		yield* w.check_all();
		w.close();
	}
	shmem_enabled(policy);
	return 0;
}
