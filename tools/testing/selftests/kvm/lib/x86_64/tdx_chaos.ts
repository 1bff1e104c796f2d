// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversions without order; see include/x86_64/tdx_chaos.ts.
 *
 * Port-only.
 */
import { get_reg, iret, ld64, REG_R9, st64, type guest_program } from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_EXIT_TDX, KVM_MEMORY_ENCRYPT_REG_REGION,
	KVM_MEMORY_ENCRYPT_UNREG_REGION, KVM_MEMORY_EXIT_FLAG_PRIVATE, struct_kvm_enc_region } from
	"#uapi/linux/kvm.ts";
import { fallocate, ioctl, peek, sched_yield, write_file } from
	"#tools/include/nolibc/nolibc.ts";
import type { wait } from "../../include/kvm_util.ts";
import { TEST_ASSERT, TEST_FAIL } from "../../include/test_util.ts";
import { TDG_VP_VEINFO_GET, TDVMCALL_SUCCESS, td_accept, td_create, td_long_mode, td_map_gpa,
	td_report, td_run, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA, VE_VECTOR, type struct_td }
	from "../../include/x86_64/tdx.ts";
import { td_audit } from "../../include/x86_64/tdx_debug.ts";

const PAGE = 4096;
/* the area is as large as a large page: pages that are converted, and, far away, the vCPUs' own */
const AREA		= TD_FREE_GPA;
const PAGES		= 24;
const AREA_SIZE		= 2 ** 21;
const OWN		= 500;
const MAX_RANGE		= 6;

const PRIVATE_VALUE	= 0x50500000n;
const SHARED_VALUE	= 0x53530000n;

/* what a vCPU reports: its area is there; the end; something is not as it should be */
export const CHAOS_READY	= 1;
export const CHAOS_DONE		= 2;
export const CHAOS_BAD		= 0xbad00;

const PAGE_ALREADY_ACCEPTED	= 0x0b0a;
const OPERAND_BUSY		= 0x80000200;
const PAGE_SIZE_MISMATCH	= 0xc0000b0b;

/** Another schedule, from here on. */
export function sched_seed(seed: number): void {
	TEST_ASSERT(write_file("/sys/kernel/debug/sched/seed", `${seed}\n`) === 0, "sched/seed");
}

type random = (n: number) => number;

/** Numbers below n. */
function random_of(seed: number): random {
	let x = Math.imul(seed + 1, 0x9e3779b1) | 1;

	return (n) => {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		return (x >>> 0) % n;
	};
}

export class chaos {
	td!: struct_td;
	readonly seed: number;
	readonly rounds: number;
	readonly rnd: random;
	/** All of the area is converted at a time, now and then; vCPUs have their own behind it. */
	readonly whole: boolean;
	/** Conversions by the VMM so far, on its own and by request; audits. */
	conversions = 0;
	audits = 0;
	stop = false;
	constructor(seed: number, rounds: number, whole = false) {
		this.whole = whole;
		this.seed = seed;
		this.rounds = rounds;
		this.rnd = random_of(seed);
	}
}

/* in the guest */

function* bad(what: number): guest_program {
	for (;;)
		yield* td_report(CHAOS_BAD + what);
}

function* accept(gpa: number): guest_program {
	for (;;) {
		const status = yield* td_accept(gpa);
		if (status === 0 || status === PAGE_ALREADY_ACCEPTED)
			return;
		if (status !== OPERAND_BUSY)
			yield* bad(1);
	}
}

/** #VE: somebody's conversion came first. */
function* ve_handler(): guest_program {
	yield* tdcall(TDG_VP_VEINFO_GET);
	yield* accept(Number((yield* get_reg(REG_R9)) & ~0xfffn));
	yield* iret();
}

function* map_gpa(rnd: random): guest_program {
	const first = rnd(PAGES), n = Math.min(1 + rnd(MAX_RANGE), PAGES - first);
	const bit = rnd(2) === 0 ? TD_SHARED_BIT : 0;

	if ((yield* td_map_gpa(AREA + first * PAGE + bit, n * PAGE)) !== 0n)
		yield* bad(2);
}

function* access(rnd: random): guest_program {
	const p = rnd(PAGES), at = AREA + p * PAGE, tag = BigInt(p);

	switch (rnd(8)) {
	case 0:
	case 1:
		yield* st64(at, PRIVATE_VALUE + tag);
		break;
	case 2:
	case 3: {
		const x = yield* ld64(at);
		if (x !== 0n && x !== PRIVATE_VALUE + tag)
			yield* bad(3);
		break;
	}
	case 4:
		yield* st64(TD_SHARED_VA + at, SHARED_VALUE + tag);
		break;
	case 5: {
		const x = yield* ld64(TD_SHARED_VA + at);
		if (x !== 0n && x !== SHARED_VALUE + tag)
			yield* bad(4);
		break;
	}
	case 6:
		yield* map_gpa(rnd);
		break;
	default:
		yield* accept(at);
	}
}

function* guest_code(c: chaos, vcpu: number): guest_program {
	const rnd = random_of(c.seed * 16 + vcpu + 1);
	const own = (c.whole ? AREA + AREA_SIZE : AREA + OWN * PAGE) + vcpu * PAGE;

	yield* td_long_mode();
	if (vcpu === 0) {
		const status = yield* td_accept(AREA, 1);
		if (status !== 0 && status !== PAGE_SIZE_MISMATCH)
			yield* bad(5);
		yield* td_report(CHAOS_READY);
	}
	for (let round = 0; round < c.rounds; round++) {
		yield* access(rnd);
		if (c.whole && round % 8 === 7)
			yield* td_accept(AREA, 1);
		if (Number(yield* ld64(own)) !== round)
			yield* bad(6);
		yield* st64(own, BigInt(round + 1));
	}
	yield* td_report(CHAOS_DONE);
}

/** A TD of @nr vCPUs; c.td. */
export function chaos_create(c: chaos, nr: number): void {
	c.td = td_create(Array.from({ length: nr }, (_, vcpu) => function* (): guest_program {
		yield* guest_code(c, vcpu);
	}), { handlers: { [VE_VECTOR]: ve_handler } });
}

/* in the host */

function set_attr(c: chaos, gpa: number, size: number, to_private: boolean): void {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	TEST_ASSERT(ioctl(c.td.fd, to_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
		KVM_MEMORY_ENCRYPT_UNREG_REGION, region.bytes) === 0, "0x%lx: attributes", gpa);
}

function set_memory(c: chaos, gpa: number, size: number, to_private: boolean): void {
	const mode = to_private ? 0 : FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	TEST_ASSERT(fallocate(c.td.private_fd, mode, gpa, size) === 0, "0x%lx: fallocate()", gpa);
}

/** As a VMM may do it: in either order, others between, and not all of it. */
function* convert(c: chaos, gpa: number, size: number, to_private: boolean): wait {
	const way = c.rnd(4);

	c.conversions++;
	if (way === 0) {
		set_memory(c, gpa, size, to_private);
		yield* sched_yield();
	}
	set_attr(c, gpa, size, to_private);
	if (way === 1)
		yield* sched_yield();
	if (way === 1 || way === 2)
		set_memory(c, gpa, size, to_private);
	if (c.conversions % 8 === 0) {
		td_audit(`seed ${c.seed}, conversion ${c.conversions}`);
		c.audits++;
	}
}

/** Runs a vCPU until it reports, what it asks for being done: the number; -1: c.stop. */
export function* chaos_vcpu(c: chaos, vcpu: number): wait<number> {
	const v = c.td.vcpus[vcpu]!, { run } = v;

	while (!c.stop) {
		TEST_ASSERT((yield* td_run(c.td, vcpu)) === 0, "KVM_RUN");
		switch (run.exit_reason) {
		case KVM_EXIT_IO:
			return new DataView(peek(v.run_hva + Number(run.io.data_offset), 4)
				.buffer).getUint32(0, true);
		case KVM_EXIT_TDX: {
			const { vmcall } = run.tdx.u, gpa = Number(vmcall.in_r12);
			yield* convert(c, gpa % TD_SHARED_BIT, Number(vmcall.in_r13),
				gpa < TD_SHARED_BIT);
			vmcall.status_code = TDVMCALL_SUCCESS;
			break;
		}
		case KVM_EXIT_MEMORY_FAULT:
			yield* convert(c, Number(run.memory.gpa), Number(run.memory.size),
				(run.memory.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0);
			break;
		default:
			TEST_FAIL("unexpected exit %d", run.exit_reason);
		}
	}
	return -1;
}

/** What nobody has asked for, until c.stop: conversions, and private memory that is dropped. */
export function* chaos_host(c: chaos): wait {
	while (!c.stop) {
		const first = c.rnd(PAGES), n = Math.min(1 + c.rnd(MAX_RANGE), PAGES - first);
		const gpa = AREA + first * PAGE;
		if (c.whole && c.rnd(8) === 0)
			yield* convert(c, AREA, AREA_SIZE, c.rnd(3) !== 0);
		else if (c.rnd(4) === 0)
			set_memory(c, gpa, n * PAGE, false);
		else
			yield* convert(c, gpa, n * PAGE, c.rnd(2) === 0);
		for (let i = c.rnd(8); i >= 0; i--)
			yield* sched_yield();
	}
}
