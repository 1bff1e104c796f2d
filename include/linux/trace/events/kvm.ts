// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events of KVM that every architecture shares.
 *
 * Upstream: include/trace/events/kvm.h. Left out: events of irqfds and the IOAPIC, kvm_fpu, and
 * those of dirty rings, which are not built.
 */
import type { gpa_t, unsigned_long } from "#asm-generic/types.ts";
import { EINTR } from "#linux/errno.ts";
import { TRACE_EVENT } from "#linux/tracepoint.ts";
import {
	KVM_EXIT_ARM_NISV, KVM_EXIT_DCR, KVM_EXIT_DEBUG, KVM_EXIT_EPR, KVM_EXIT_EXCEPTION,
	KVM_EXIT_FAIL_ENTRY, KVM_EXIT_HLT, KVM_EXIT_HYPERCALL, KVM_EXIT_HYPERV,
	KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_INTR, KVM_EXIT_IO, KVM_EXIT_IOAPIC_EOI,
	KVM_EXIT_IRQ_WINDOW_OPEN, KVM_EXIT_MMIO, KVM_EXIT_NMI, KVM_EXIT_OSI, KVM_EXIT_PAPR_HCALL,
	KVM_EXIT_S390_RESET, KVM_EXIT_S390_SIEIC, KVM_EXIT_S390_STSI, KVM_EXIT_S390_TSCH,
	KVM_EXIT_S390_UCONTROL, KVM_EXIT_SET_TPR, KVM_EXIT_SHUTDOWN, KVM_EXIT_SYSTEM_EVENT,
	KVM_EXIT_TPR_ACCESS, KVM_EXIT_UNKNOWN, KVM_EXIT_WATCHDOG, KVM_EXIT_X86_RDMSR,
	KVM_EXIT_X86_WRMSR,
} from "#uapi/linux/kvm.ts";

const hex = (x: number | bigint): string => x.toString(16);
/* %#llx */
const hex_alt = (x: number | bigint): string => Number(x) === 0 ? "0" : `0x${hex(x)}`;
/* %#016lx */
const hex_addr = (x: unsigned_long): string =>
	x === 0 ? "0".repeat(16) : `0x${hex(x).padStart(14, "0")}`;

const kvm_trace_exit_reason: readonly (readonly [number, string])[] = [
	[KVM_EXIT_UNKNOWN, "KVM_EXIT_UNKNOWN"], [KVM_EXIT_EXCEPTION, "KVM_EXIT_EXCEPTION"],
	[KVM_EXIT_IO, "KVM_EXIT_IO"], [KVM_EXIT_HYPERCALL, "KVM_EXIT_HYPERCALL"],
	[KVM_EXIT_DEBUG, "KVM_EXIT_DEBUG"], [KVM_EXIT_HLT, "KVM_EXIT_HLT"],
	[KVM_EXIT_MMIO, "KVM_EXIT_MMIO"], [KVM_EXIT_IRQ_WINDOW_OPEN, "KVM_EXIT_IRQ_WINDOW_OPEN"],
	[KVM_EXIT_SHUTDOWN, "KVM_EXIT_SHUTDOWN"], [KVM_EXIT_FAIL_ENTRY, "KVM_EXIT_FAIL_ENTRY"],
	[KVM_EXIT_INTR, "KVM_EXIT_INTR"], [KVM_EXIT_SET_TPR, "KVM_EXIT_SET_TPR"],
	[KVM_EXIT_TPR_ACCESS, "KVM_EXIT_TPR_ACCESS"],
	[KVM_EXIT_S390_SIEIC, "KVM_EXIT_S390_SIEIC"],
	[KVM_EXIT_S390_RESET, "KVM_EXIT_S390_RESET"], [KVM_EXIT_DCR, "KVM_EXIT_DCR"],
	[KVM_EXIT_NMI, "KVM_EXIT_NMI"], [KVM_EXIT_INTERNAL_ERROR, "KVM_EXIT_INTERNAL_ERROR"],
	[KVM_EXIT_OSI, "KVM_EXIT_OSI"], [KVM_EXIT_PAPR_HCALL, "KVM_EXIT_PAPR_HCALL"],
	[KVM_EXIT_S390_UCONTROL, "KVM_EXIT_S390_UCONTROL"],
	[KVM_EXIT_WATCHDOG, "KVM_EXIT_WATCHDOG"], [KVM_EXIT_S390_TSCH, "KVM_EXIT_S390_TSCH"],
	[KVM_EXIT_EPR, "KVM_EXIT_EPR"], [KVM_EXIT_SYSTEM_EVENT, "KVM_EXIT_SYSTEM_EVENT"],
	[KVM_EXIT_S390_STSI, "KVM_EXIT_S390_STSI"], [KVM_EXIT_IOAPIC_EOI, "KVM_EXIT_IOAPIC_EOI"],
	[KVM_EXIT_HYPERV, "KVM_EXIT_HYPERV"], [KVM_EXIT_ARM_NISV, "KVM_EXIT_ARM_NISV"],
	[KVM_EXIT_X86_RDMSR, "KVM_EXIT_X86_RDMSR"], [KVM_EXIT_X86_WRMSR, "KVM_EXIT_X86_WRMSR"],
];

function exit_reason_name(reason: number): string {
	for (const [value, name] of kvm_trace_exit_reason)
		if (value === reason)
			return name;
	return `0x${hex(reason)}`;
}

const __tracepoint_kvm_userspace_exit = TRACE_EVENT("kvm", "kvm_userspace_exit",
	(reason: number, errno: number) => errno < 0 ?
		`reason ${errno === -EINTR ? "restart" : "error"} (${-errno})` :
		`reason ${exit_reason_name(reason)} (${reason})`);

export function trace_kvm_userspace_exit(reason: number, errno: number): void {
	if (__tracepoint_kvm_userspace_exit.enabled)
		__tracepoint_kvm_userspace_exit.fire(reason, errno);
}

const __tracepoint_kvm_vcpu_wakeup = TRACE_EVENT("kvm", "kvm_vcpu_wakeup",
	(ns: number, waited: boolean, valid: boolean) => `${waited ? "wait" : "poll"} time ${ns} ns, ` +
		`polling ${valid ? "valid" : "invalid"}`);

export function trace_kvm_vcpu_wakeup(ns: number, waited: boolean, valid: boolean): void {
	if (__tracepoint_kvm_vcpu_wakeup.enabled)
		__tracepoint_kvm_vcpu_wakeup.fire(ns, waited, valid);
}

export const KVM_TRACE_MMIO_READ_UNSATISFIED	= 0;
export const KVM_TRACE_MMIO_READ		= 1;
export const KVM_TRACE_MMIO_WRITE		= 2;

const kvm_trace_symbol_mmio = ["unsatisfied-read", "read", "write"];

/* up to eight bytes, as C's memcpy() into a u64 */
function mmio_val(val: Uint8Array | null, len: number): bigint {
	let v = 0n;

	for (let i = val === null ? 0 : Math.min(8, len); i-- > 0; )
		v = v << 8n | BigInt(val![i]!);
	return v;
}

const __tracepoint_kvm_mmio = TRACE_EVENT("kvm", "kvm_mmio",
	(type: number, len: number, gpa: gpa_t, val: Uint8Array | null) =>
		`mmio ${kvm_trace_symbol_mmio[type] ?? `0x${hex(type)}`} len ${len} ` +
		`gpa 0x${hex(gpa)} val 0x${hex(mmio_val(val, len))}`);

/** @val: the bytes, or null. */
export function trace_kvm_mmio(type: number, len: number, gpa: gpa_t,
	val: Uint8Array | null): void {
	if (__tracepoint_kvm_mmio.enabled)
		__tracepoint_kvm_mmio.fire(type, len, gpa, val);
}

const async_get_page = (gva: number | bigint, gfn: number): string =>
	`gva = ${hex_alt(gva)}, gfn = ${hex_alt(gfn)}`;

const __tracepoint_kvm_try_async_get_page =
	TRACE_EVENT("kvm", "kvm_try_async_get_page", async_get_page);

export function trace_kvm_try_async_get_page(gva: number | bigint, gfn: number): void {
	if (__tracepoint_kvm_try_async_get_page.enabled)
		__tracepoint_kvm_try_async_get_page.fire(gva, gfn);
}

const __tracepoint_kvm_async_pf_repeated_fault =
	TRACE_EVENT("kvm", "kvm_async_pf_repeated_fault", async_get_page);

export function trace_kvm_async_pf_repeated_fault(gva: number | bigint, gfn: number): void {
	if (__tracepoint_kvm_async_pf_repeated_fault.enabled)
		__tracepoint_kvm_async_pf_repeated_fault.fire(gva, gfn);
}

const async_pf_nopresent_ready = (token: number, gva: number | bigint): string =>
	`token ${hex_alt(token)} gva ${hex_alt(gva)}`;

const __tracepoint_kvm_async_pf_not_present =
	TRACE_EVENT("kvm", "kvm_async_pf_not_present", async_pf_nopresent_ready);

export function trace_kvm_async_pf_not_present(token: number, gva: number | bigint): void {
	if (__tracepoint_kvm_async_pf_not_present.enabled)
		__tracepoint_kvm_async_pf_not_present.fire(token, gva);
}

const __tracepoint_kvm_async_pf_ready =
	TRACE_EVENT("kvm", "kvm_async_pf_ready", async_pf_nopresent_ready);

export function trace_kvm_async_pf_ready(token: number, gva: number | bigint): void {
	if (__tracepoint_kvm_async_pf_ready.enabled)
		__tracepoint_kvm_async_pf_ready.fire(token, gva);
}

const __tracepoint_kvm_async_pf_completed = TRACE_EVENT("kvm", "kvm_async_pf_completed",
	(address: unsigned_long, gva: number | bigint) =>
		`gva ${hex_alt(gva)} address ${hex_alt(address)}`);

export function trace_kvm_async_pf_completed(address: unsigned_long, gva: number | bigint): void {
	if (__tracepoint_kvm_async_pf_completed.enabled)
		__tracepoint_kvm_async_pf_completed.fire(address, gva);
}

const __tracepoint_kvm_unmap_hva_range = TRACE_EVENT("kvm", "kvm_unmap_hva_range",
	(start: unsigned_long, end: unsigned_long) =>
		`mmu notifier unmap range: ${hex_addr(start)} -- ${hex_addr(end)}`);

export function trace_kvm_unmap_hva_range(start: unsigned_long, end: unsigned_long): void {
	if (__tracepoint_kvm_unmap_hva_range.enabled)
		__tracepoint_kvm_unmap_hva_range.fire(start, end);
}

const __tracepoint_kvm_set_spte_hva = TRACE_EVENT("kvm", "kvm_set_spte_hva",
	(hva: unsigned_long) => `mmu notifier set pte hva: ${hex_addr(hva)}`);

export function trace_kvm_set_spte_hva(hva: unsigned_long): void {
	if (__tracepoint_kvm_set_spte_hva.enabled)
		__tracepoint_kvm_set_spte_hva.fire(hva);
}

const __tracepoint_kvm_age_hva = TRACE_EVENT("kvm", "kvm_age_hva",
	(start: unsigned_long, end: unsigned_long) =>
		`mmu notifier age hva: ${hex_addr(start)} -- ${hex_addr(end)}`);

export function trace_kvm_age_hva(start: unsigned_long, end: unsigned_long): void {
	if (__tracepoint_kvm_age_hva.enabled)
		__tracepoint_kvm_age_hva.fire(start, end);
}

const __tracepoint_kvm_test_age_hva = TRACE_EVENT("kvm", "kvm_test_age_hva",
	(hva: unsigned_long) => `mmu notifier test age hva: ${hex_addr(hva)}`);

export function trace_kvm_test_age_hva(hva: unsigned_long): void {
	if (__tracepoint_kvm_test_age_hva.enabled)
		__tracepoint_kvm_test_age_hva.fire(hva);
}
