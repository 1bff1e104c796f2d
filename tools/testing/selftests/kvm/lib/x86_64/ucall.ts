// SPDX-License-Identifier: GPL-2.0
/*
 * A call from the guest is an IN from a port, with the address of a struct ucall in RDI.
 *
 * Upstream: tools/testing/selftests/kvm/lib/x86_64/ucall.c.
 */
import { inb, get_reg, REG_RDI, REG_RSP, reg_gva, set_reg, st64 } from "#hw/isa_guest.ts";
import { KVM_EXIT_IO } from "#uapi/linux/kvm.ts";
import { struct_kvm_regs } from "#uapi-asm/kvm.ts";
import { peek } from "#tools/include/nolibc/nolibc.ts";
import { type guest_program, guest_string } from "../../include/guest.ts";
import {
	addr_gva2hva, type struct_kvm_vcpu, type struct_kvm_vm, vcpu_regs_get,
	vcpu_run_complete_io, type wait,
} from "../../include/kvm_util_base.ts";
import { struct_ucall, type ucall_arg, UCALL_MAX_ARGS, UCALL_NONE } from
	"../../include/ucall_common.ts";

const UCALL_PIO_PORT = 0x1000;
/** struct ucall: cmd, args[7] */
const UCALL_SIZE = 8 * 8;
/** What a leaf function may use below RSP. */
const RED_ZONE = 128;


export function ucall_init(_vm: struct_kvm_vm, _arg: unknown): void {}

export function ucall_uninit(_vm: struct_kvm_vm): void {}

function value_of(arg: ucall_arg): bigint {
	return typeof arg === "string" ? guest_string(arg) : BigInt.asUintN(64, BigInt(arg));
}

/** ucall.c:ucall(), in the guest: the struct is on its stack. */
export function* ucall(cmd: number, nargs: number, ...va: ucall_arg[]): guest_program {
	const rsp = reg_gva(yield* get_reg(REG_RSP));
	const uc = Math.floor((rsp - RED_ZONE - UCALL_SIZE) / 16) * 16;

	yield* st64(uc, BigInt(cmd));
	nargs = Math.min(nargs, UCALL_MAX_ARGS);
	for (let i = 0; i < UCALL_MAX_ARGS; ++i)
		yield* st64(uc + 8 + 8 * i, i < nargs ? value_of(va[i]!) : 0n);

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
		const gva = Number(BigInt.asIntN(64, regs.rdi));
		const dv = new DataView(peek(addr_gva2hva(vcpu.vm, gva), UCALL_SIZE).buffer);
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
