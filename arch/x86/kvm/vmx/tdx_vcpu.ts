// SPDX-License-Identifier: GPL-2.0
/*
 * Running a TD's vCPU, and what it left the guest for.
 *
 * Upstream: arch/x86/kvm/vmx/tdx.c of the TDX branch, from tdx_vcpu_run() on. What a vCPU's
 * registers were stays with the module: after TDH.VP.ENTER vcpu->arch.regs has what the exit
 * tells, and what TDG.VP.VMCALL passes.
 */
import { gpa_t, type ref } from "#asm-generic/types.ts";
import { EINVAL } from "#linux/errno.ts";
import { guest_state_enter_irqoff, guest_state_exit_irqoff, KVM_BUG_ON, kvm_vcpu_kick,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { pr_warn_ratelimited } from "#linux/printk.ts";
import { guest_slice } from "#linux/sched.ts";
import { EXIT_FASTPATH_NONE, PFERR_LEVEL_START_BIT, PFERR_PRESENT_MASK, PFERR_WRITE_MASK,
	kvm_mmu_page_fault, PFERR_FETCH_MASK, PFERR_USER_MASK, VCPU_REGS_RCX, VCPU_REGS_RDX,
	VCPU_REGS_R8, VCPU_REGS_R9, type fastpath_t } from "#asm/kvm_host.ts";
import { page_to_phys } from "#asm/page.ts";
import { PG_LEVEL_4K } from "#asm/pgtable_types.ts";
import { __seamcall, EXIT_REASON_TDCALL, SEAMCALL_TD_RUNS, TDH_VP_ENTER,
	TDX_EXT_EXIT_QUAL_ACCEPT, TDX_NON_RECOVERABLE, tdx_run_td } from "#asm/tdx.ts";
import { EPT_VIOLATION_ACC_INSTR, EPT_VIOLATION_ACC_READ, EPT_VIOLATION_ACC_WRITE,
	EPT_VIOLATION_RWX_MASK, EXIT_REASON_EPT_MISCONFIG, EXIT_REASON_EPT_VIOLATION,
	EXIT_REASON_EXCEPTION_NMI, EXIT_REASON_EXTERNAL_INTERRUPT, EXIT_REASON_TRIPLE_FAULT } from
	"#asm/vmx.ts";
import { reg_set } from "#hw/tdx/regs.ts";
import { MC_VECTOR, PF_VECTOR } from "#uapi-asm/kvm.ts";
import { NMI_VECTOR } from "#asm/irq_vectors.ts";
import { KVM_EXIT_EXCEPTION, KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_SHUTDOWN,
	KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON } from "#uapi/linux/kvm.ts";
import { KVM_ISA_VMX, trace_kvm_entry, trace_kvm_exit, trace_kvm_page_fault } from
	"#arch/x86/kvm/trace.h.ts";
import { kvm_is_private_gpa } from "#arch/x86/kvm/mmu.h.ts";
import type { struct_kvm_lapic } from "#arch/x86/kvm/lapic.h.ts";
import { pi_test_and_set_on, pi_test_and_set_pir, pi_test_on } from
	"#arch/x86/kvm/vmx/posted_intr.h.ts";
import { handle_tdvmcall, pr_tdx_error, TD_VCPU_PEND_NMI, TD_VCPU_STATE_DETAILS, tdx_busy,
	tdx_failed, to_kvm_tdx, to_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";
import { tdh_vp_rd, tdh_vp_wr, tdx_out_reg } from "#arch/x86/kvm/vmx/tdx_ops.h.ts";
import { is_machine_check } from "#arch/x86/kvm/vmx/vmx.h.ts";
import { kvm_machine_check } from "#arch/x86/kvm/x86.h.ts";

/** EXIT_REASON_OTHER_SMI: bit 0 of its qualification says that it is a machine check. */
const EXIT_REASON_OTHER_SMI	= 6;


/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_pre_run(): 1, or -errno. */
export function tdx_vcpu_pre_run(vcpu: struct_kvm_vcpu): number {
	const kvm_tdx = to_kvm_tdx(vcpu.kvm);

	if (!to_tdx(vcpu).initialized || !kvm_tdx.finalized || kvm_tdx.lost)
		return -EINVAL;
	return 1;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_enter_exit(). One turn: see in_guest. */
function tdx_vcpu_enter_exit(vcpu: struct_kvm_vcpu): void {
	const tdx = to_tdx(vcpu), { args } = tdx;

	if (!vcpu.arch.in_guest) {
		guest_state_enter_irqoff();
		reg_set(args, VCPU_REGS_RCX, page_to_phys(tdx.tdvpr!));
		vcpu.arch.in_guest = __seamcall(TDH_VP_ENTER, args) === SEAMCALL_TD_RUNS;
	}
	if (vcpu.arch.in_guest && !tdx_run_td(guest_slice()))
		return;
	vcpu.arch.in_guest = false;
	tdx.exit_code = args.u32[1]!;
	tdx.exit_reason = args.u32[0]!;
	guest_state_exit_irqoff();
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vcpu_run() */
export function tdx_vcpu_run(vcpu: struct_kvm_vcpu): fastpath_t {
	const tdx = to_tdx(vcpu);

	if (!vcpu.arch.in_guest) {
		tdx.halted_without_interrupts = false;
		trace_kvm_entry(vcpu);
	}
	tdx_vcpu_enter_exit(vcpu);
	if (vcpu.arch.in_guest)
		return EXIT_FASTPATH_NONE;
	trace_kvm_exit(vcpu, KVM_ISA_VMX);

	tdx.vmcall_mask = !tdx_failed(tdx.exit_code) && tdx.exit_reason === EXIT_REASON_TDCALL ?
		tdx.args.u32[2 * VCPU_REGS_RCX]! : 0;
	return EXIT_FASTPATH_NONE;
}

const reg = (vcpu: struct_kvm_vcpu, n: number): number => {
	const { u32 } = to_tdx(vcpu).args;

	return u32[2 * n]! + u32[2 * n + 1]! * 2 ** 32;
};

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_handle_exit_irqoff()
 *
 * A machine check of the TD's is the host's, on behalf of the VMM. One that came as an SMI the
 * host has had by now: firmware raised it behind SEAMCALL.
 */
export function tdx_handle_exit_irqoff(vcpu: struct_kvm_vcpu): void {
	const tdx = to_tdx(vcpu);

	if (tdx_failed(tdx.exit_code))
		return;
	if (tdx.exit_reason === EXIT_REASON_EXTERNAL_INTERRUPT)
		vcpu.arch.at_instruction_boundary = true;
	else if (tdx.exit_reason === EXIT_REASON_EXCEPTION_NMI &&
		 is_machine_check(reg(vcpu, VCPU_REGS_R9)))
		kvm_machine_check();
}

/** arch/x86/kvm/vmx/tdx.c:tdx_handle_triple_fault() */
function tdx_handle_triple_fault(vcpu: struct_kvm_vcpu): number {
	vcpu.run.exit_reason = KVM_EXIT_SHUTDOWN;
	vcpu.mmio_needed = 0;
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_handle_exception() */
function tdx_handle_exception(vcpu: struct_kvm_vcpu): number {
	const vector = reg(vcpu, VCPU_REGS_R9) & 0xff;

	/* dealt with where interrupts were off */
	if (vector === NMI_VECTOR || vector === MC_VECTOR)
		return 1;
	vcpu.run.exit_reason = KVM_EXIT_EXCEPTION;
	vcpu.run.ex.exception = vector;
	vcpu.run.ex.error_code = 0;
	return 0;
}

/**
 * What KVM's fault handler is told of a violation: like handle_ept_violation(), but for what a
 * private page can be: readable, writable and executable, all at once.
 */
function tdx_fault_error_code(vcpu: struct_kvm_vcpu, gpa: gpa_t): number {
	const qual = reg(vcpu, VCPU_REGS_RCX), { u32 } = to_tdx(vcpu).args;
	let error_code = 0;

	if (kvm_is_private_gpa(vcpu.kvm, gpa)) {
		error_code = PFERR_WRITE_MASK;
		/* TDG.MEM.PAGE.ACCEPT of a size: no larger page than that */
		if ((u32[2 * VCPU_REGS_RDX]! & 0xf) === TDX_EXT_EXIT_QUAL_ACCEPT)
			error_code |= ((u32[2 * VCPU_REGS_RDX + 1]! & 7) + PG_LEVEL_4K) <<
				PFERR_LEVEL_START_BIT;
		return error_code;
	}
	if ((qual & EPT_VIOLATION_ACC_READ) !== 0)
		error_code |= PFERR_USER_MASK;
	if ((qual & EPT_VIOLATION_ACC_WRITE) !== 0)
		error_code |= PFERR_WRITE_MASK;
	if ((qual & EPT_VIOLATION_ACC_INSTR) !== 0)
		error_code |= PFERR_FETCH_MASK;
	if ((qual & EPT_VIOLATION_RWX_MASK) !== 0)
		error_code |= PFERR_PRESENT_MASK;
	return error_code;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_handle_ept_violation() */
function tdx_handle_ept_violation(vcpu: struct_kvm_vcpu): number {
	const gpa = gpa_t(reg(vcpu, VCPU_REGS_R8)), qual = reg(vcpu, VCPU_REGS_RCX);

	/* nothing is fetched from shared memory */
	if (!kvm_is_private_gpa(vcpu.kvm, gpa) && (qual & EPT_VIOLATION_ACC_INSTR) !== 0) {
		pr_warn_ratelimited("kvm: tdx: instruction fetch from shared GPA 0x%llx\n", gpa);
		vcpu.run.exit_reason = KVM_EXIT_EXCEPTION;
		vcpu.run.ex.exception = PF_VECTOR;
		vcpu.run.ex.error_code = qual;
		return 0;
	}
	trace_kvm_page_fault(gpa, qual);
	return kvm_mmu_page_fault(vcpu, gpa, tdx_fault_error_code(vcpu, gpa), null, 0);
}

/** The end of the TD, or of the vCPU, or what KVM knows nothing of. */
function tdx_unhandled_exit(vcpu: struct_kvm_vcpu): number {
	const { internal } = vcpu.run;

	vcpu.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	internal.ndata = 2;
	internal.data[0] = to_tdx(vcpu).args.u64[0]!;
	internal.data[1] = BigInt(vcpu.arch.last_vmentry_cpu);
	return 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_handle_exit() */
export function tdx_handle_exit(vcpu: struct_kvm_vcpu, _fastpath: fastpath_t): number {
	const tdx = to_tdx(vcpu), code = tdx.exit_code;

	/* somebody had a lock that the entry needs: again */
	if (tdx_busy(code))
		return 1;
	if (tdx_failed(code) || (code & TDX_NON_RECOVERABLE) !== 0) {
		if (!tdx_failed(code) && tdx.exit_reason === EXIT_REASON_TRIPLE_FAULT)
			return tdx_handle_triple_fault(vcpu);
		pr_warn_ratelimited("kvm: tdx: TD exit 0x%llx, hkid 0x%x\n", tdx.args.u64[0]!,
			to_kvm_tdx(vcpu.kvm).hkid);
		return tdx_unhandled_exit(vcpu);
	}
	switch (tdx.exit_reason) {
	case EXIT_REASON_EXCEPTION_NMI:
		return tdx_handle_exception(vcpu);
	case EXIT_REASON_EXTERNAL_INTERRUPT:
		++vcpu.stat.irq_exits;
		return 1;
	case EXIT_REASON_TDCALL:
		return handle_tdvmcall(vcpu);
	case EXIT_REASON_EPT_VIOLATION:
		return tdx_handle_ept_violation(vcpu);
	case EXIT_REASON_EPT_MISCONFIG:
		/* KVM's own entries of the shared tables */
		KVM_BUG_ON(true, vcpu.kvm);
		return tdx_unhandled_exit(vcpu);
	case EXIT_REASON_OTHER_SMI:
		return 1;
	default:
		return tdx_unhandled_exit(vcpu);
	}
}

/** arch/x86/kvm/vmx/tdx.c:tdx_get_exit_info() */
export function tdx_get_exit_info(vcpu: struct_kvm_vcpu, reason: ref<number>, info1: ref<bigint>,
	info2: ref<bigint>, intr_info: ref<number>, error_code: ref<number>): void {
	const { args, exit_reason } = to_tdx(vcpu);

	reason.v = exit_reason;
	info1.v = args.u64[VCPU_REGS_RCX]!;
	info2.v = args.u64[VCPU_REGS_RDX]!;
	intr_info.v = reg(vcpu, VCPU_REGS_R9);
	error_code.v = 0;
}

/* Events. */

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_deliver_interrupt(): posted, as the module lets a TD have no others.
 * C sends the notification vector to a vCPU that runs, which need not leave the guest for it; here
 * it does, and finds the interrupt when it enters again.
 */
export function tdx_deliver_interrupt(apic: struct_kvm_lapic, _mode: number, _trig: number,
	vector: number): void {
	const pi_desc = to_tdx(apic.vcpu).pi_desc!;

	if (pi_test_and_set_pir(vector, pi_desc))
		return;
	if (pi_test_and_set_on(pi_desc))
		return;
	kvm_vcpu_kick(apic.vcpu);
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_protected_apic_has_interrupt(): a reason to end TDG.VP.VMCALL of HLT.
 * One may have become pending between the guest's STI and the call, too.
 */
export function tdx_protected_apic_has_interrupt(vcpu: struct_kvm_vcpu): boolean {
	const tdx = to_tdx(vcpu);
	let err;

	if (!tdx.initialized || tdx.halted_without_interrupts)
		return false;
	if (pi_test_on(tdx.pi_desc!))
		return true;
	do {
		err = tdh_vp_rd(page_to_phys(tdx.tdvpr!), TD_VCPU_STATE_DETAILS);
	} while (tdx_busy(err));
	return !tdx_failed(err) && (tdx_out_reg(VCPU_REGS_R8) & 1) !== 0;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_inject_nmi() */
export function tdx_inject_nmi(vcpu: struct_kvm_vcpu): void {
	let err;

	++vcpu.stat.nmi_injections;
	do {
		err = tdh_vp_wr(page_to_phys(to_tdx(vcpu).tdvpr!), TD_VCPU_PEND_NMI, 1, 1n);
	} while (tdx_busy(err));
	if (tdx_failed(err))
		pr_tdx_error("TDH_VP_WR", err);
}
