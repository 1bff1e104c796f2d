// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events of KVM on x86.
 *
 * Upstream: arch/x86/kvm/trace.h. Left out: events of Hyper-V, Xen, nested guests, SEV-ES, AVIC,
 * posted interrupts, PIC, PLE windows, kvmclock. The arguments are C's; what C copies when an event
 * fires (a register, an exit's information) is read when it is printed, which is at once.
 */
import { ref, type gpa_t } from "#asm-generic/types.ts";
import type { struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { __print_flags, TRACE_EVENT } from "#linux/tracepoint.ts";
import { APIC_ARBPRI, APIC_DFR, APIC_EOI, APIC_ESR, APIC_ICR, APIC_ICR2, APIC_ID, APIC_IRR,
	APIC_ISR, APIC_LDR, APIC_LVR, APIC_LVT0, APIC_LVT1, APIC_LVTERR, APIC_LVTPC, APIC_LVTT,
	APIC_LVTTHMR, APIC_PROCPRI, APIC_RRR, APIC_SELF_IPI, APIC_SPIV, APIC_TASKPRI, APIC_TDCR,
	APIC_TMCCT, APIC_TMICT, APIC_TMR } from "#asm/apicdef.ts";
import { kvm_x86_ops, VCPU_SREG_CS } from "#asm/kvm_host.ts";
import { AC_VECTOR, BP_VECTOR, BR_VECTOR, DB_VECTOR, DE_VECTOR, DF_VECTOR, GP_VECTOR, MC_VECTOR,
	MF_VECTOR, NM_VECTOR, NP_VECTOR, OF_VECTOR, PF_VECTOR, SS_VECTOR, TS_VECTOR, UD_VECTOR }
	from "#uapi-asm/kvm.ts";
import { SVM_EXIT_REASONS } from "#uapi-asm/svm.ts";
import { VMX_EXIT_REASON_FLAGS, VMX_EXIT_REASONS } from "#uapi-asm/vmx.ts";
import { kvm_rip_read } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { X86EMUL_MODE_PROT16, X86EMUL_MODE_PROT32, X86EMUL_MODE_PROT64, X86EMUL_MODE_REAL,
	X86EMUL_MODE_VM86 } from "#arch/x86/kvm/kvm_emulate.h.ts";
import type { struct_kvm_lapic } from "#arch/x86/kvm/lapic.h.ts";

const hex = (x: number | bigint): string => x.toString(16);
const hex_n = (x: number | bigint, digits: number): string => hex(x).padStart(digits, "0");

/** kernel/trace/trace_output.c:trace_print_symbols_seq() */
function __print_symbolic(val: number, table: readonly (readonly [number, string])[]): string {
	for (const [value, name] of table)
		if (value === val)
			return name;
	return `0x${hex(val)}`;
}

const __tracepoint_kvm_entry = TRACE_EVENT("kvm", "kvm_entry", (vcpu: struct_kvm_vcpu) =>
	`vcpu ${vcpu.vcpu_id}, rip 0x${hex(kvm_rip_read(vcpu))}`);

/** The guest is about to run. */
export function trace_kvm_entry(vcpu: struct_kvm_vcpu): void {
	if (__tracepoint_kvm_entry.enabled)
		__tracepoint_kvm_entry.fire(vcpu);
}

const __tracepoint_kvm_hypercall = TRACE_EVENT("kvm", "kvm_hypercall",
	(nr: bigint, a0: bigint, a1: bigint, a2: bigint, a3: bigint) =>
		`nr 0x${hex(nr)} a0 0x${hex(a0)} a1 0x${hex(a1)} a2 0x${hex(a2)} a3 0x${hex(a3)}`);

export function trace_kvm_hypercall(nr: bigint, a0: bigint, a1: bigint, a2: bigint,
	a3: bigint): void {
	if (__tracepoint_kvm_hypercall.enabled)
		__tracepoint_kvm_hypercall.fire(nr, a0, a1, a2, a3);
}

export const KVM_PIO_IN		= 0;
export const KVM_PIO_OUT	= 1;

const __tracepoint_kvm_pio = TRACE_EVENT("kvm", "kvm_pio",
	(rw: number, port: number, size: number, count: number, data: Uint8Array) => {
		let val = 0;
		for (let i = Math.min(size, 4) - 1; i >= 0; i--)
			val = val * 256 + data[i]!;
		return `pio_${rw !== 0 ? "write" : "read"} at 0x${hex(port)} size ${size} ` +
			`count ${count} val 0x${hex(val)} ${count > 1 ? "(...)" : ""}`;
	});

export function trace_kvm_pio(rw: number, port: number, size: number, count: number,
	data: Uint8Array): void {
	if (__tracepoint_kvm_pio.enabled)
		__tracepoint_kvm_pio.fire(rw, port, size, count, data);
}

const __tracepoint_kvm_fast_mmio = TRACE_EVENT("kvm", "kvm_fast_mmio",
	(gpa: gpa_t) => `fast mmio at gpa 0x${hex(gpa)}`);

export function trace_kvm_fast_mmio(gpa: gpa_t): void {
	if (__tracepoint_kvm_fast_mmio.enabled)
		__tracepoint_kvm_fast_mmio.fire(gpa);
}

const __tracepoint_kvm_cpuid = TRACE_EVENT("kvm", "kvm_cpuid",
	(func: number, index: number, rax: number, rbx: number, rcx: number, rdx: number,
		found: boolean, used_max_basic: boolean) =>
		`func ${hex(func)} idx ${hex(index)} rax ${hex(rax)} rbx ${hex(rbx)} ` +
		`rcx ${hex(rcx)} rdx ${hex(rdx)}, cpuid entry ${found ? "found" : "not found"}` +
		(used_max_basic ? ", used max basic" : ""));

export function trace_kvm_cpuid(func: number, index: number, rax: number, rbx: number, rcx: number,
	rdx: number, found: boolean, used_max_basic: boolean): void {
	if (__tracepoint_kvm_cpuid.enabled)
		__tracepoint_kvm_cpuid.fire(func, index, rax, rbx, rcx, rdx, found, used_max_basic);
}

const kvm_trace_symbol_apic: readonly (readonly [number, string])[] = [
	[APIC_ID, "APIC_ID"], [APIC_LVR, "APIC_LVR"], [APIC_TASKPRI, "APIC_TASKPRI"],
	[APIC_ARBPRI, "APIC_ARBPRI"], [APIC_PROCPRI, "APIC_PROCPRI"], [APIC_EOI, "APIC_EOI"],
	[APIC_RRR, "APIC_RRR"], [APIC_LDR, "APIC_LDR"], [APIC_DFR, "APIC_DFR"],
	[APIC_SPIV, "APIC_SPIV"], [APIC_ISR, "APIC_ISR"], [APIC_TMR, "APIC_TMR"],
	[APIC_IRR, "APIC_IRR"], [APIC_ESR, "APIC_ESR"], [APIC_ICR, "APIC_ICR"],
	[APIC_ICR2, "APIC_ICR2"], [APIC_LVTT, "APIC_LVTT"], [APIC_LVTTHMR, "APIC_LVTTHMR"],
	[APIC_LVTPC, "APIC_LVTPC"], [APIC_LVT0, "APIC_LVT0"], [APIC_LVT1, "APIC_LVT1"],
	[APIC_LVTERR, "APIC_LVTERR"], [APIC_TMICT, "APIC_TMICT"], [APIC_TMCCT, "APIC_TMCCT"],
	[APIC_TDCR, "APIC_TDCR"], [APIC_SELF_IPI, "APIC_SELF_IPI"],
];

const __tracepoint_kvm_apic = TRACE_EVENT("kvm", "kvm_apic",
	(rw: number, reg: number, val: number | bigint) => `apic_${rw !== 0 ? "write" : "read"} ` +
		`${__print_symbolic(reg, kvm_trace_symbol_apic)} = 0x${hex(val)}`);

export function trace_kvm_apic(rw: number, reg: number, val: number | bigint): void {
	if (__tracepoint_kvm_apic.enabled)
		__tracepoint_kvm_apic.fire(rw, reg, val);
}

export function trace_kvm_apic_read(reg: number, val: number | bigint): void {
	trace_kvm_apic(0, reg, val);
}

export function trace_kvm_apic_write(reg: number, val: number | bigint): void {
	trace_kvm_apic(1, reg, val);
}

export const KVM_ISA_VMX	= 1;
export const KVM_ISA_SVM	= 2;

function kvm_print_exit_reason(exit_reason: number, isa: number): string {
	const flags = exit_reason - (exit_reason & 0xffff);

	if (isa !== KVM_ISA_VMX)
		return __print_symbolic(exit_reason, SVM_EXIT_REASONS);
	return __print_symbolic(exit_reason & 0xffff, VMX_EXIT_REASONS) +
		(flags !== 0 ? ` ${__print_flags(flags | 0, " ", VMX_EXIT_REASON_FLAGS)}` : "");
}

const __tracepoint_kvm_exit = TRACE_EVENT("kvm", "kvm_exit",
	(vcpu: struct_kvm_vcpu, isa: number) => {
		const exit_reason = new ref(0), info1 = new ref(0n), info2 = new ref(0n);
		const intr_info = new ref(0), error_code = new ref(0);

		kvm_x86_ops.get_exit_info(vcpu, exit_reason, info1, info2, intr_info, error_code);
		return `vcpu ${vcpu.vcpu_id} reason ${kvm_print_exit_reason(exit_reason.v, isa)} ` +
			`rip 0x${hex(kvm_rip_read(vcpu))} info1 0x${hex_n(info1.v, 16)} ` +
			`info2 0x${hex_n(info2.v, 16)} intr_info 0x${hex_n(intr_info.v, 8)} ` +
			`error_code 0x${hex_n(error_code.v, 8)}`;
	});

/** The guest has exited; @isa KVM_ISA_*. */
export function trace_kvm_exit(vcpu: struct_kvm_vcpu, isa: number): void {
	if (__tracepoint_kvm_exit.enabled)
		__tracepoint_kvm_exit.fire(vcpu, isa);
}

const __tracepoint_kvm_inj_virq = TRACE_EVENT("kvm", "kvm_inj_virq",
	(vector: number, soft: boolean, reinjected: boolean) =>
		`${soft ? "Soft/INTn" : "IRQ"} 0x${hex(vector)}${reinjected ? " [reinjected]" : ""}`);

export function trace_kvm_inj_virq(vector: number, soft: boolean, reinjected: boolean): void {
	if (__tracepoint_kvm_inj_virq.enabled)
		__tracepoint_kvm_inj_virq.fire(vector, soft, reinjected);
}

const kvm_trace_sym_exc: readonly (readonly [number, string])[] = [
	[DE_VECTOR, "#DE"], [DB_VECTOR, "#DB"], [BP_VECTOR, "#BP"], [OF_VECTOR, "#OF"],
	[BR_VECTOR, "#BR"], [UD_VECTOR, "#UD"], [NM_VECTOR, "#NM"], [DF_VECTOR, "#DF"],
	[TS_VECTOR, "#TS"], [NP_VECTOR, "#NP"], [SS_VECTOR, "#SS"], [GP_VECTOR, "#GP"],
	[PF_VECTOR, "#PF"], [MF_VECTOR, "#MF"], [AC_VECTOR, "#AC"], [MC_VECTOR, "#MC"],
];

const __tracepoint_kvm_inj_exception = TRACE_EVENT("kvm", "kvm_inj_exception",
	(exception: number, has_error: boolean, error_code: number, reinjected: boolean) =>
		__print_symbolic(exception, kvm_trace_sym_exc) +
		(has_error ? ` (0x${hex(error_code)})` : "") + (reinjected ? " [reinjected]" : ""));

export function trace_kvm_inj_exception(exception: number, has_error: boolean, error_code: number,
	reinjected: boolean): void {
	if (__tracepoint_kvm_inj_exception.enabled)
		__tracepoint_kvm_inj_exception.fire(exception, has_error, error_code, reinjected);
}

const __tracepoint_kvm_page_fault = TRACE_EVENT("kvm", "kvm_page_fault",
	(fault_address: number, error_code: number) =>
		`address ${hex(fault_address)} error_code ${hex(error_code)}`);

export function trace_kvm_page_fault(fault_address: number, error_code: number): void {
	if (__tracepoint_kvm_page_fault.enabled)
		__tracepoint_kvm_page_fault.fire(fault_address, error_code);
}

const __tracepoint_kvm_msr = TRACE_EVENT("kvm", "kvm_msr",
	(write: number, ecx: number, data: bigint, exception: boolean) =>
		`msr_${write !== 0 ? "write" : "read"} ${hex(ecx)} = 0x${hex(data)}` +
		(exception ? " (#GP)" : ""));

export function trace_kvm_msr(write: number, ecx: number, data: bigint, exception: boolean): void {
	if (__tracepoint_kvm_msr.enabled)
		__tracepoint_kvm_msr.fire(write, ecx, data, exception);
}

export function trace_kvm_msr_read(ecx: number, data: bigint): void {
	trace_kvm_msr(0, ecx, data, false);
}

export function trace_kvm_msr_write(ecx: number, data: bigint): void {
	trace_kvm_msr(1, ecx, data, false);
}

export function trace_kvm_msr_read_ex(ecx: number): void {
	trace_kvm_msr(0, ecx, 0n, true);
}

export function trace_kvm_msr_write_ex(ecx: number, data: bigint): void {
	trace_kvm_msr(1, ecx, data, true);
}

const __tracepoint_kvm_cr = TRACE_EVENT("kvm", "kvm_cr",
	(rw: number, cr: number, val: number | bigint) =>
		`cr_${rw !== 0 ? "write" : "read"} ${hex(cr)} = 0x${hex(val)}`);

export function trace_kvm_cr(rw: number, cr: number, val: number | bigint): void {
	if (__tracepoint_kvm_cr.enabled)
		__tracepoint_kvm_cr.fire(rw, cr, val);
}

export function trace_kvm_cr_read(cr: number, val: number | bigint): void {
	trace_kvm_cr(0, cr, val);
}

export function trace_kvm_cr_write(cr: number, val: number | bigint): void {
	trace_kvm_cr(1, cr, val);
}

const kvm_apic_dst_shorthand: readonly (readonly [number, string])[] = [
	[0x0, "dst"], [0x1, "self"], [0x2, "all"], [0x3, "all-but-self"],
];

/* upstream: include/trace/events/kvm.h */
const kvm_deliver_mode: readonly (readonly [number, string])[] = [
	[0x0, "Fixed"], [0x1, "LowPrio"], [0x2, "SMI"], [0x3, "Res3"],
	[0x4, "NMI"], [0x5, "INIT"], [0x6, "SIPI"], [0x7, "ExtINT"],
];

const __tracepoint_kvm_apic_ipi = TRACE_EVENT("kvm", "kvm_apic_ipi",
	(icr_low: number, dest_id: number) => `dst ${hex(dest_id)} vec ${icr_low & 0xff} (` +
		`${__print_symbolic(icr_low >> 8 & 0x7, kvm_deliver_mode)}|` +
		`${(icr_low & 1 << 11) !== 0 ? "logical" : "physical"}|` +
		`${(icr_low & 1 << 14) !== 0 ? "assert" : "de-assert"}|` +
		`${(icr_low & 1 << 15) !== 0 ? "level" : "edge"}|` +
		`${__print_symbolic(icr_low >> 18 & 0x3, kvm_apic_dst_shorthand)})`);

export function trace_kvm_apic_ipi(icr_low: number, dest_id: number): void {
	if (__tracepoint_kvm_apic_ipi.enabled)
		__tracepoint_kvm_apic_ipi.fire(icr_low, dest_id);
}

const kvm_apic_accept = (apicid: number, dm: number, tm: number, vec: number): string =>
	`apicid ${hex(apicid)} vec ${vec} (${__print_symbolic(dm >> 8 & 0x7, kvm_deliver_mode)}|` +
	`${tm !== 0 ? "level" : "edge"})`;

const __tracepoint_kvm_apic_accept_irq =
	TRACE_EVENT("kvm", "kvm_apic_accept_irq", kvm_apic_accept);

export function trace_kvm_apic_accept_irq(apicid: number, dm: number, tm: number,
	vec: number): void {
	if (__tracepoint_kvm_apic_accept_irq.enabled)
		__tracepoint_kvm_apic_accept_irq.fire(apicid, dm, tm, vec);
}

const apicid_vector = (apic: struct_kvm_lapic, vector: number): string =>
	`apicid ${hex(apic.vcpu.vcpu_id)} vector ${vector}`;

const __tracepoint_kvm_eoi = TRACE_EVENT("kvm", "kvm_eoi", apicid_vector);

export function trace_kvm_eoi(apic: struct_kvm_lapic, vector: number): void {
	if (__tracepoint_kvm_eoi.enabled)
		__tracepoint_kvm_eoi.fire(apic, vector);
}

const __tracepoint_kvm_pv_eoi = TRACE_EVENT("kvm", "kvm_pv_eoi", apicid_vector);

export function trace_kvm_pv_eoi(apic: struct_kvm_lapic, vector: number): void {
	if (__tracepoint_kvm_pv_eoi.enabled)
		__tracepoint_kvm_pv_eoi.fire(apic, vector);
}

function kei_decode_mode(mode: number): string {
	switch (mode) {
	case X86EMUL_MODE_REAL:
		return "real";
	case X86EMUL_MODE_VM86:
		return "vm16";
	case X86EMUL_MODE_PROT16:
		return "prot16";
	case X86EMUL_MODE_PROT32:
		return "prot32";
	case X86EMUL_MODE_PROT64:
		return "prot64";
	default:
		return `0x${hex(0xff)}`;
	}
}

const __tracepoint_kvm_emulate_insn = TRACE_EVENT("kvm", "kvm_emulate_insn",
	(vcpu: struct_kvm_vcpu, failed: number) => {
		const ctxt = vcpu.arch.emulate_ctxt!;
		const csbase = kvm_x86_ops.get_segment_base(vcpu, VCPU_SREG_CS);
		const insn = [...ctxt.fetch.data.subarray(0, ctxt.fetch.end)]
			.map((byte) => hex_n(byte, 2)).join(" ");

		return `${hex(csbase)}:${hex(ctxt.eip)}:${insn} (${kei_decode_mode(ctxt.mode)})` +
			(failed !== 0 ? " failed" : "");
	});

export function trace_kvm_emulate_insn(vcpu: struct_kvm_vcpu, failed: number): void {
	if (__tracepoint_kvm_emulate_insn.enabled)
		__tracepoint_kvm_emulate_insn.fire(vcpu, failed);
}

export function trace_kvm_emulate_insn_start(vcpu: struct_kvm_vcpu): void {
	trace_kvm_emulate_insn(vcpu, 0);
}

export function trace_kvm_emulate_insn_failed(vcpu: struct_kvm_vcpu): void {
	trace_kvm_emulate_insn(vcpu, 1);
}

const __tracepoint_vcpu_match_mmio = TRACE_EVENT("kvm", "vcpu_match_mmio",
	(gva: number, gpa: gpa_t, write: boolean, gpa_match: boolean) =>
		`gva 0x${hex(gva)} gpa 0x${hex(gpa)} ${write ? "Write" : "Read"} ` +
		(gpa_match ? "GPA" : "GVA"));

/** The MMIO cache knows the address. */
export function trace_vcpu_match_mmio(gva: number, gpa: gpa_t, write: boolean,
	gpa_match: boolean): void {
	if (__tracepoint_vcpu_match_mmio.enabled)
		__tracepoint_vcpu_match_mmio.fire(gva, gpa, write, gpa_match);
}

const __tracepoint_kvm_write_tsc_offset = TRACE_EVENT("kvm", "kvm_write_tsc_offset",
	(vcpu_id: number, previous_tsc_offset: bigint, next_tsc_offset: bigint) =>
		`vcpu=${vcpu_id} prev=${previous_tsc_offset} next=${next_tsc_offset}`);

export function trace_kvm_write_tsc_offset(vcpu_id: number, previous_tsc_offset: bigint,
	next_tsc_offset: bigint): void {
	if (__tracepoint_kvm_write_tsc_offset.enabled)
		__tracepoint_kvm_write_tsc_offset.fire(vcpu_id, previous_tsc_offset,
			next_tsc_offset);
}

const __tracepoint_kvm_pml_full = TRACE_EVENT("kvm", "kvm_pml_full",
	(vcpu_id: number) => `vcpu ${vcpu_id}: PML full`);

export function trace_kvm_pml_full(vcpu_id: number): void {
	if (__tracepoint_kvm_pml_full.enabled)
		__tracepoint_kvm_pml_full.fire(vcpu_id);
}

const __tracepoint_kvm_smm_transition = TRACE_EVENT("kvm", "kvm_smm_transition",
	(vcpu_id: number, smbase: bigint, entering: boolean) =>
		`vcpu ${vcpu_id}: ${entering ? "entering" : "leaving"} SMM, smbase 0x${hex(smbase)}`);

export function trace_kvm_smm_transition(vcpu_id: number, smbase: bigint, entering: boolean): void {
	if (__tracepoint_kvm_smm_transition.enabled)
		__tracepoint_kvm_smm_transition.fire(vcpu_id, smbase, entering);
}

const __tracepoint_kvm_apicv_inhibit_changed = TRACE_EVENT("kvm", "kvm_apicv_inhibit_changed",
	(reason: number, set: boolean, inhibits: number) =>
		`${set ? "set" : "cleared"} reason=${reason}, inhibits=0x${hex(inhibits)}`);

export function trace_kvm_apicv_inhibit_changed(reason: number, set: boolean,
	inhibits: number): void {
	if (__tracepoint_kvm_apicv_inhibit_changed.enabled)
		__tracepoint_kvm_apicv_inhibit_changed.fire(reason, set, inhibits);
}

const __tracepoint_kvm_apicv_accept_irq =
	TRACE_EVENT("kvm", "kvm_apicv_accept_irq", kvm_apic_accept);

export function trace_kvm_apicv_accept_irq(apicid: number, dm: number, tm: number,
	vec: number): void {
	if (__tracepoint_kvm_apicv_accept_irq.enabled)
		__tracepoint_kvm_apicv_accept_irq.fire(apicid, dm, tm, vec);
}

const __tracepoint_kvm_invlpga = TRACE_EVENT("kvm", "kvm_invlpga",
	(rip: bigint, asid: number, address: bigint) =>
		`rip: 0x${hex_n(rip, 16)} asid: ${asid} address: 0x${hex_n(address, 16)}`);

export function trace_kvm_invlpga(rip: bigint, asid: number, address: bigint): void {
	if (__tracepoint_kvm_invlpga.enabled)
		__tracepoint_kvm_invlpga.fire(rip, asid, address);
}
