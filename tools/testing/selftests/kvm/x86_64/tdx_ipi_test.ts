// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts between the vCPUs of a TD: sent by its host, for the guest asks for it, and posted, as
 * it is the only way; to a vCPU that runs, to one that has interrupts off, and to one that sleeps.
 *
 * Port-only.
 */
import { cli, iret, ld64, nop, st64, sti, wrmsr, type guest_program } from "#hw/isa_guest.ts";
import { pthread_create, pthread_join, usleep } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { TDVMCALL_HLT, TD_FREE_GPA, td_accept, td_create, td_free, td_long_mode, td_report,
	td_require, td_run_until_report, td_vmcall, type struct_td } from
	"../include/x86_64/tdx.ts";

const TDVMCALL_WRMSR = 32n;
const X2APIC_EOI = 0x80b, X2APIC_SPIV = 0x80fn, X2APIC_ICR = 0x830n, ICR_NMI = 0x400n;
const NMI	= 2, VECTOR = 0x51;
const IPIS	= 50;
/* written by the handler: how many came; by the receiver: that it is ready; or to end */
const COUNT	= TD_FREE_GPA;
const READY	= TD_FREE_GPA + 8;

function* enable_apic(): guest_program {
	yield* td_vmcall(TDVMCALL_WRMSR, X2APIC_SPIV, 0x1ffn);
}

function* handler(): guest_program {
	yield* st64(COUNT, (yield* ld64(COUNT)) + 1n);
	yield* wrmsr(X2APIC_EOI, 0n);
	yield* iret();
}

function* send_ipi(): guest_program {
	yield* td_vmcall(TDVMCALL_WRMSR, X2APIC_ICR, 1n << 32n | BigInt(VECTOR));
}

/** To vCPU 1, one after the other, each when the last one has been handled. */
function* sender(): guest_program {
	yield* td_long_mode();
	while ((yield* ld64(READY)) === 0n)
		yield* nop();
	for (let n = 1n; n <= IPIS; n++) {
		yield* send_ipi();
		while ((yield* ld64(COUNT)) < n)
			yield* nop();
	}
	yield* td_report(Number(yield* ld64(COUNT)));
}

function* receiver(wait_fn: () => guest_program): guest_program {
	yield* td_long_mode();
	yield* enable_apic();
	yield* td_report(yield* td_accept(COUNT));
	yield* st64(READY, 1n);
	while ((yield* ld64(COUNT)) < IPIS)
		yield* wait_fn();
	yield* td_report(2);
}

function* expect_report(td: struct_td, vcpu: number, want: number): wait {
	const got = yield* td_run_until_report(td, vcpu);
	TEST_ASSERT(got === want, "vCPU %d: 0x%x instead of 0x%x", vcpu, got, want);
}

/* what a vCPU does while it waits */
const WAITS: readonly (readonly [string, () => guest_program])[] = [
	["running", function* () {
		yield* sti();
		yield* nop();
	}],
	["off and on", function* () {
		yield* cli();
		for (let i = 0; i < 50; i++)
			yield* nop();
		yield* sti();
		yield* nop();
	}],
	["sleeping", function* () {
		yield* cli();
		if ((yield* ld64(COUNT)) >= IPIS)
			return;
		yield* sti();
		yield* td_vmcall(TDVMCALL_HLT, 0n);
	}],
];

function* test_ipis(name: string, wait_fn: () => guest_program): wait {
	const handlers = { [VECTOR]: handler };
	const td = td_create([sender, () => receiver(wait_fn)], { handlers });

	yield* expect_report(td, 1, 0);
	const other = pthread_create(function* () {
		return yield* td_run_until_report(td, 1);
	});
	yield* expect_report(td, 0, IPIS);
	TEST_ASSERT((yield* pthread_join(other)) === 2, "%s: the receiver", name);
	td_free(td);
}

/** HLT with interrupts off: they do not wake it, an NMI does. */
function* test_blocked(): wait {
	const td = td_create([function* () {
		yield* td_long_mode();
		while ((yield* ld64(READY)) === 0n)
			yield* nop();
		yield* send_ipi();
		yield* td_report(1);
		yield* td_vmcall(TDVMCALL_WRMSR, X2APIC_ICR, 1n << 32n | ICR_NMI);
		yield* td_report(2);
	}, function* () {
		yield* td_long_mode();
		yield* enable_apic();
		yield* td_report(yield* td_accept(COUNT));
		yield* cli();
		yield* st64(READY, 1n);
		yield* td_vmcall(TDVMCALL_HLT, 1n);
		yield* st64(READY, 2n);
		yield* td_report(2);
	}], { handlers: { [VECTOR]: handler, [NMI]: function* () {
		yield* iret();
	} } });
	let ended = false;

	yield* expect_report(td, 1, 0);
	const other = pthread_create(function* () {
		const got = yield* td_run_until_report(td, 1);
		ended = true;
		return got;
	});
	yield* expect_report(td, 0, 1);
	yield* usleep(10000);
	TEST_ASSERT(!ended, "woken with interrupts off");
	yield* expect_report(td, 0, 2);
	TEST_ASSERT((yield* pthread_join(other)) === 2, "not woken by an NMI");
	td_free(td);
}

export function* main(): wait<number> {
	td_require();

	for (const [name, wait_fn] of WAITS)
		yield* test_ipis(name, wait_fn);
	yield* test_blocked();
	return 0;
}
