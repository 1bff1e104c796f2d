// SPDX-License-Identifier: GPL-2.0
/*
 * A call from the guest is an IN from a port, with the address of a struct ucall in RDI.
 *
 * Upstream: tools/testing/selftests/kvm/lib/x86_64/ucall.c, and lib/ucall_common.c of the series
 * that brought the pool.
 *
 * The struct lies on the guest's stack, and the address is the guest's; or, in a VM that uses the
 * pool, in memory that both see, and the address is the test's.
 */
import {
	cmpxchg64, get_reg, inb, ld64, REG_RDI, REG_RSP, reg_gva, set_reg, st64,
} from "#hw/isa_guest.ts";
import { KVM_EXIT_IO } from "#uapi/linux/kvm.ts";
import { struct_kvm_regs } from "#uapi-asm/kvm.ts";
import { peek, poke } from "#tools/include/nolibc/nolibc.ts";
import { type guest_program, guest_string } from "../../include/guest.ts";
import {
	addr_gva2gpa, addr_gva2hva, guest_global, type struct_kvm_vcpu, type struct_kvm_vm,
	sync_global_to_guest, vcpu_regs_get, vcpu_run_complete_io, type vm_paddr_t,
	vm_vaddr_alloc_shared, type wait,
} from "../../include/kvm_util_base.ts";
import { pr_info } from "../../include/test_util.ts";
import { struct_ucall, type ucall_arg, UCALL_MAX_ARGS, UCALL_NONE } from
	"../../include/ucall_common.ts";

const UCALL_PIO_PORT = 0x1000;
/** struct ucall: cmd, args[7] */
const UCALL_SIZE = 8 * 8;
/** What a leaf function may use below RSP. */
const RED_ZONE = 128;

/* struct ucall_header: a bit for each struct ucall in use, and these, with the test's address */
const POOL_ENTRIES	= 512;
const POOL_HEADER	= POOL_ENTRIES / 8;
const POOL_ENTRY	= UCALL_SIZE + 8;
const POOL_SIZE		= POOL_HEADER + POOL_ENTRIES * POOL_ENTRY;

/* made when first used, as this module may be evaluated before the class is there */
let globals: { ucall_pool: guest_global; ucall_page_paddr: guest_global } | null = null;

function pool_globals(): NonNullable<typeof globals> {
	return globals ??= { ucall_pool: new guest_global(), ucall_page_paddr: new guest_global() };
}

/** Where the guest finds the page that has to be shared for ucalls to get through; 0 for none. */
export function ucall_page_paddr_gva(): number {
	return pool_globals().ucall_page_paddr.gva;
}

/** The page of the pool that a single vCPU's calls use; 0 without a pool. */
export function get_ucall_pool_paddr(vm: struct_kvm_vm): vm_paddr_t {
	const { ucall_pool } = pool_globals();

	if (!vm.use_ucall_pool || ucall_pool.v === 0n)
		return 0;
	return addr_gva2gpa(vm, Number(ucall_pool.v));
}

export function ucall_init(vm: struct_kvm_vm, _arg: unknown): void {
	if (!vm.use_ucall_pool)
		return;

	const { ucall_pool, ucall_page_paddr } = pool_globals();
	const gva = vm_vaddr_alloc_shared(vm, POOL_SIZE, vm.page_size);
	/* in a row here as well, like all that is allocated at once */
	const hva = addr_gva2hva(vm, gva);
	const header = new Uint8Array(POOL_SIZE);
	const dv = new DataView(header.buffer);

	for (let i = 0; i < POOL_ENTRIES; i++) {
		const at = POOL_HEADER + i * POOL_ENTRY;

		dv.setBigUint64(at + UCALL_SIZE, BigInt(hva + at), true);
	}
	poke(hva, header);

	ucall_pool.v = BigInt(gva);
	sync_global_to_guest(vm, ucall_pool);
	ucall_page_paddr.v = BigInt(get_ucall_pool_paddr(vm));
	pr_info("ucall_page_paddr 0x%lx\n", ucall_page_paddr.v);
	sync_global_to_guest(vm, ucall_page_paddr);
}

export function ucall_uninit(vm: struct_kvm_vm): void {
	if (!vm.use_ucall_pool)
		return;

	/* the guest's copy may be in memory that is not to be reached any more */
	pool_globals().ucall_pool.v = 0n;
	pool_globals().ucall_page_paddr.v = 0n;
}

function value_of(arg: ucall_arg): bigint {
	return typeof arg === "string" ? guest_string(arg) : BigInt.asUintN(64, BigInt(arg));
}

/** Takes the first struct that is free in the pool at @pool; its number. */
function* ucall_alloc(pool: number): Generator<number, number, void> {
	for (let at = 0; at < POOL_ENTRIES; at += 64) {
		const word = pool + at / 8;

		for (let bits = yield* ld64(word); bits !== 0xffffffffffffffffn; ) {
			const bit = (~bits & -~bits) & 0xffffffffffffffffn;
			const seen = yield* cmpxchg64(word, bits, bits | bit);

			if (seen === bits)
				return at + bit.toString(2).length - 1;
			bits = seen;
		}
	}
	throw new Error("ucall: the pool is empty");
}

function* ucall_free(pool: number, entry: number): guest_program {
	const word = pool + (entry >> 6) * 8, bit = 1n << BigInt(entry & 63);

	for (let bits = yield* ld64(word); ; ) {
		const seen = yield* cmpxchg64(word, bits, bits & ~bit);

		if (seen === bits)
			return;
		bits = seen;
	}
}

function* fill(uc: number, cmd: number, nargs: number, va: readonly ucall_arg[]): guest_program {
	yield* st64(uc, BigInt(cmd));
	nargs = Math.min(nargs, UCALL_MAX_ARGS);
	for (let i = 0; i < UCALL_MAX_ARGS; ++i)
		yield* st64(uc + 8 + 8 * i, i < nargs ? value_of(va[i]!) : 0n);
}

/** ucall.c:ucall(), in the guest. */
export function* ucall(cmd: number, nargs: number, ...va: ucall_arg[]): guest_program {
	const pool = reg_gva(yield* ld64(pool_globals().ucall_pool.gva));

	if (pool !== 0) {
		const entry = yield* ucall_alloc(pool);
		const uc = pool + POOL_HEADER + entry * POOL_ENTRY;

		yield* fill(uc, cmd, nargs, va);
		yield* set_reg(REG_RDI, yield* ld64(uc + UCALL_SIZE));
		yield* inb(UCALL_PIO_PORT);
		yield* ucall_free(pool, entry);
		return;
	}

	const rsp = reg_gva(yield* get_reg(REG_RSP));
	const uc = Math.floor((rsp - RED_ZONE - UCALL_SIZE) / 16) * 16;

	yield* fill(uc, cmd, nargs, va);
	yield* set_reg(REG_RDI, BigInt.asUintN(64, BigInt(uc)));
	yield* inb(UCALL_PIO_PORT);
}

/** The command of the call that the vCPU exited for, UCALL_NONE if it did not; details in @uc. */
export function* get_ucall(vcpu: struct_kvm_vcpu, uc: struct_ucall | null): wait<number> {
	const run = vcpu.run;
	const ucall = new struct_ucall();

	if (uc !== null)
		Object.assign(uc, new struct_ucall());

	if (run.exit_reason === KVM_EXIT_IO && run.io.port === UCALL_PIO_PORT) {
		const regs = struct_kvm_regs.alloc();

		vcpu_regs_get(vcpu, regs);
		const hva = vcpu.vm.use_ucall_pool ? Number(regs.rdi) :
			addr_gva2hva(vcpu.vm, Number(BigInt.asIntN(64, regs.rdi)));
		const dv = new DataView(peek(hva, UCALL_SIZE).buffer);
		ucall.cmd = Number(dv.getBigUint64(0, true));
		for (let i = 0; i < UCALL_MAX_ARGS; i++)
			ucall.args[i] = dv.getBigUint64(8 + 8 * i, true);

		yield* vcpu_run_complete_io(vcpu);
		if (uc !== null)
			Object.assign(uc, ucall);
	} else {
		ucall.cmd = UCALL_NONE;
	}

	return ucall.cmd;
}
