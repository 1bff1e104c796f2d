// SPDX-License-Identifier: GPL-2.0
/*
 * TDG.VP.VMCALL: what a TD asks its host for, by the guest-host communication interface.
 *
 * Upstream: arch/x86/kvm/vmx/tdx.c of the TDX branch, its functions tdx_emulate_*() and
 * tdx_map_gpa(). R10: 0 for the interface's own, R11: which, R12 to R15 arguments. Back come R10,
 * a status, and R11.
 */
import { gfn_t, gpa_t, ref } from "#asm-generic/types.ts";
import { CONFIG_HAVE_KVM_PRIVATE_MEM } from "#generated/autoconf.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { __kvm_memslots, kvm_for_each_memslot_in_gfn_range, kvm_io_bus_read, kvm_io_bus_write,
	kvm_slot_can_be_private, kvm_vcpu_gfn_to_memslot, kvm_zap_gfn_range, KVM_ZAP_PRIVATE,
	KVM_ZAP_SHARED, struct_kvm_memslot_iter, type struct_kvm, type struct_kvm_memory_slot,
	type struct_kvm_vcpu } from "#linux/kvm_host.ts";
import { KVM_BUG_ON, KVM_MEMSLOT_INVALID, KVM_MMIO_BUS } from "#linux/kvm_host.ts";
import { KVM_ADDRESS_SPACE_NUM, kvm_emulate_halt_noskip, kvm_get_msr, kvm_set_msr,
	VCPU_REGS_R10, VCPU_REGS_R11, VCPU_REGS_R12, VCPU_REGS_R13,
	VCPU_REGS_R14, VCPU_REGS_R15, VCPU_REGS_R8, VCPU_REGS_R9, VCPU_REGS_RBX, VCPU_REGS_RDI,
	VCPU_REGS_RDX, VCPU_REGS_RSI } from "#asm/kvm_host.ts";
import { PAGE_SIZE } from "#asm/page.ts";
import { KVM_EXIT_MMIO, KVM_EXIT_SYSTEM_EVENT, KVM_EXIT_TDX, KVM_EXIT_TDX_VMCALL,
	KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE, KVM_SYSTEM_EVENT_CRASH }
	from "#uapi/linux/kvm.ts";
import { kvm_cpuid } from "#arch/x86/kvm/cpuid.h.ts";
import { kvm_gfn_shared_mask, kvm_gpa_to_private, kvm_is_private_gpa } from
	"#arch/x86/kvm/mmu.h.ts";
import { complete_emulator_pio_in, emulator_pio_in, emulator_pio_out, kvm_msr_allowed } from
	"#arch/x86/kvm/x86.h.ts";
import { to_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";

/* sub-functions; those below 0x10000 are exit reasons */
export const TDVMCALL_CPUID		= 10;
export const TDVMCALL_HLT		= 12;
export const TDVMCALL_IO		= 30;
export const TDVMCALL_RDMSR		= 31;
export const TDVMCALL_WRMSR		= 32;
export const TDVMCALL_MMIO		= 48;
export const TDVMCALL_GET_TD_VM_CALL_INFO = 0x10000;
export const TDVMCALL_MAP_GPA		= 0x10001;
export const TDVMCALL_GET_QUOTE		= 0x10002;
export const TDVMCALL_REPORT_FATAL_ERROR = 0x10003;
export const TDVMCALL_SETUP_EVENT_NOTIFY = 0x10004;

/* R10 on the way back */
export const TDVMCALL_SUCCESS		= 0n;
export const TDVMCALL_RETRY		= 1n;
export const TDVMCALL_INVALID_OPERAND	= 0x8000000000000000n;
export const TDVMCALL_GPA_INUSE		= 0x8000000000000001n;
export const TDVMCALL_ALIGN_ERROR	= 0x8000000000000002n;

const read = (vcpu: struct_kvm_vcpu, reg: number): bigint => vcpu.arch.regs[reg]!;
const a0 = (vcpu: struct_kvm_vcpu): bigint => read(vcpu, VCPU_REGS_R12);
const a1 = (vcpu: struct_kvm_vcpu): bigint => read(vcpu, VCPU_REGS_R13);
const a2 = (vcpu: struct_kvm_vcpu): bigint => read(vcpu, VCPU_REGS_R14);
const a3 = (vcpu: struct_kvm_vcpu): bigint => read(vcpu, VCPU_REGS_R15);

function tdvmcall_set_return_code(vcpu: struct_kvm_vcpu, code: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R10] = code;
}

function tdvmcall_set_return_val(vcpu: struct_kvm_vcpu, val: bigint): void {
	vcpu.arch.regs[VCPU_REGS_R11] = val;
}

/** Back to the guest with a status. */
function done(vcpu: struct_kvm_vcpu, code: bigint): 1 {
	tdvmcall_set_return_code(vcpu, code);
	return 1;
}

/* To user space. */

/* as struct kvm_tdx_vmcall has them, in and out */
const VMCALL_REGS = [
	["type", "status_code", VCPU_REGS_R10], ["subfunction", "out_r11", VCPU_REGS_R11],
	["in_r12", "out_r12", VCPU_REGS_R12], ["in_r13", "out_r13", VCPU_REGS_R13],
	["in_r14", "out_r14", VCPU_REGS_R14], ["in_r15", "out_r15", VCPU_REGS_R15],
	["in_rbx", "out_rbx", VCPU_REGS_RBX], ["in_rdi", "out_rdi", VCPU_REGS_RDI],
	["in_rsi", "out_rsi", VCPU_REGS_RSI], ["in_r8", "out_r8", VCPU_REGS_R8],
	["in_r9", "out_r9", VCPU_REGS_R9], ["in_rdx", "out_rdx", VCPU_REGS_RDX],
] as const;

/** arch/x86/kvm/vmx/tdx.c:tdx_complete_vp_vmcall() */
function tdx_complete_vp_vmcall(vcpu: struct_kvm_vcpu): number {
	const { vmcall } = vcpu.run.tdx.u, mask = to_tdx(vcpu).vmcall_mask;

	for (const [, name, reg] of VMCALL_REGS)
		if ((mask & 1 << reg) !== 0)
			vcpu.arch.regs[reg] = vmcall[name];
	return 1;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_vp_vmcall_to_user(): status is INVALID_OPERAND unless it is set. */
function tdx_vp_vmcall_to_user(vcpu: struct_kvm_vcpu): number {
	const { tdx } = vcpu.run, { vmcall } = tdx.u, mask = to_tdx(vcpu).vmcall_mask;

	vcpu.arch.complete_userspace_io = tdx_complete_vp_vmcall;
	vmcall.bytes.fill(0);
	vcpu.run.exit_reason = KVM_EXIT_TDX;
	tdx.type = KVM_EXIT_TDX_VMCALL;
	tdx.pad = 0;
	vmcall.reg_mask = BigInt(mask);
	for (const [name, , reg] of VMCALL_REGS)
		if ((mask & 1 << reg) !== 0)
			vmcall[name] = read(vcpu, reg);
	vmcall.status_code = TDVMCALL_INVALID_OPERAND;
	return 0;
}

/* Instructions. */

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_cpuid() */
function tdx_emulate_cpuid(vcpu: struct_kvm_vcpu): number {
	const eax = new ref(Number(a0(vcpu) & 0xffffffffn)), ecx = new ref(Number(a1(vcpu) &
		0xffffffffn));
	const ebx = new ref(0), edx = new ref(0);

	kvm_cpuid(vcpu, eax, ebx, ecx, edx, false);
	[eax, ebx, ecx, edx].forEach((x, i) => {
		vcpu.arch.regs[VCPU_REGS_R12 + i] = BigInt(x.v >>> 0);
	});
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_hlt() */
function tdx_emulate_hlt(vcpu: struct_kvm_vcpu): number {
	/* with interrupts blocked it is woken by an NMI, or never */
	to_tdx(vcpu).halted_without_interrupts = a0(vcpu) !== 0n;
	tdvmcall_set_return_code(vcpu, TDVMCALL_SUCCESS);
	return kvm_emulate_halt_noskip(vcpu);
}

const io_bytes = new Uint8Array(8);
const io_view = new DataView(io_bytes.buffer);

function io_value(size: number): bigint {
	io_bytes.fill(0, size);
	return io_view.getBigUint64(0, true);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_complete_pio_in() */
function tdx_complete_pio_in(vcpu: struct_kvm_vcpu): number {
	const { size } = vcpu.arch.pio;

	complete_emulator_pio_in(vcpu, io_bytes);
	tdvmcall_set_return_val(vcpu, io_value(size));
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_io() */
function tdx_emulate_io(vcpu: struct_kvm_vcpu): number {
	const size = Number(a0(vcpu)), write = a1(vcpu), port = Number(a2(vcpu));

	++vcpu.stat.io_exits;
	if ((size !== 1 && size !== 2 && size !== 4) || write > 1n || port > 0xffff)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	if (write === 1n) {
		io_view.setBigUint64(0, a3(vcpu), true);
		tdvmcall_set_return_code(vcpu, TDVMCALL_SUCCESS);
		const ret = emulator_pio_out(vcpu, size, port, io_bytes, 1);
		/* nothing is left to do when userspace has done it */
		vcpu.arch.pio.count = 0;
		return ret;
	}
	if (emulator_pio_in(vcpu, size, port, io_bytes, 1) === 0) {
		vcpu.arch.complete_userspace_io = tdx_complete_pio_in;
		return 0;
	}
	tdvmcall_set_return_val(vcpu, io_value(size));
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_rdmsr() */
function tdx_emulate_rdmsr(vcpu: struct_kvm_vcpu): number {
	const index = Number(a0(vcpu) & 0xffffffffn), data = new ref(0n);

	if (!kvm_msr_allowed(vcpu, index, KVM_MSR_FILTER_READ) ||
	    kvm_get_msr(vcpu, index, data) !== 0)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	tdvmcall_set_return_val(vcpu, data.v);
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_wrmsr() */
function tdx_emulate_wrmsr(vcpu: struct_kvm_vcpu): number {
	const index = Number(a0(vcpu) & 0xffffffffn);

	if (!kvm_msr_allowed(vcpu, index, KVM_MSR_FILTER_WRITE) ||
	    kvm_set_msr(vcpu, index, a1(vcpu)) !== 0)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_complete_mmio() */
function tdx_complete_mmio(vcpu: struct_kvm_vcpu): number {
	const { mmio } = vcpu.run;

	vcpu.mmio_needed = 0;
	if (vcpu.mmio_is_write === 0) {
		io_bytes.set(mmio.data.subarray(0, mmio.len));
		tdvmcall_set_return_val(vcpu, io_value(mmio.len));
	}
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** arch/x86/kvm/vmx/tdx.c:tdx_emulate_mmio() */
function tdx_emulate_mmio(vcpu: struct_kvm_vcpu): number {
	const size = Number(a0(vcpu)), write = a1(vcpu), { run } = vcpu;

	KVM_BUG_ON(vcpu.mmio_needed !== 0, vcpu.kvm);
	if ((size !== 1 && size !== 2 && size !== 4 && size !== 8) || write > 1n ||
	    a2(vcpu) >= BigInt(kvm_gfn_shared_mask(vcpu.kvm)) * BigInt(2 * PAGE_SIZE))
		return done(vcpu, TDVMCALL_INVALID_OPERAND);

	/* with the SHARED bit and without it */
	const gpa = kvm_gpa_to_private(vcpu.kvm, gpa_t(Number(a2(vcpu))));
	if (gpa % PAGE_SIZE + size > PAGE_SIZE)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	const slot = kvm_vcpu_gfn_to_memslot(vcpu, gfn_t(Math.floor(gpa / PAGE_SIZE)));
	if (slot !== null && (slot.flags & KVM_MEMSLOT_INVALID) === 0)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);

	io_view.setBigUint64(0, a3(vcpu), true);
	const bytes = io_bytes.subarray(0, size);
	if (write === 1n && kvm_io_bus_write(vcpu, KVM_MMIO_BUS, gpa, size, bytes) === 0)
		return done(vcpu, TDVMCALL_SUCCESS);
	if (write === 0n && kvm_io_bus_read(vcpu, KVM_MMIO_BUS, gpa, size, bytes) === 0) {
		tdvmcall_set_return_val(vcpu, io_value(size));
		return done(vcpu, TDVMCALL_SUCCESS);
	}
	vcpu.mmio_needed = 1;
	vcpu.mmio_is_write = Number(write);
	vcpu.arch.complete_userspace_io = tdx_complete_mmio;
	run.exit_reason = KVM_EXIT_MMIO;
	run.mmio.phys_addr = BigInt(gpa);
	run.mmio.len = size;
	run.mmio.is_write = Number(write);
	if (write === 1n)
		run.mmio.data.set(bytes);
	return 0;
}

/* The interface's own. */

/* what a range is, as far as memslots go */
const RANGE_NONE	= 0;	/* MMIO */
const RANGE_PRIVATE	= 1;	/* in a slot that has private memory */
const RANGE_SLOT	= 2;	/* in another one */
const RANGE_MIXED	= 3;

function slot_kind(slot: struct_kvm_memory_slot, start: gfn_t, end: gfn_t): number {
	if (start < slot.base_gfn || end > slot.base_gfn + slot.npages)
		return RANGE_MIXED;
	return kvm_slot_can_be_private(slot) ? RANGE_PRIVATE : RANGE_SLOT;
}

/** For simplicity as upstream: a range is in one slot, or in none. */
function range_kind(kvm: struct_kvm, start: gfn_t, end: gfn_t): number {
	const iter = new struct_kvm_memslot_iter();
	let kind = RANGE_NONE;

	for (let i = 0; i < KVM_ADDRESS_SPACE_NUM; i++)
		for (const slot of kvm_for_each_memslot_in_gfn_range(iter, __kvm_memslots(kvm, i),
			start, end))
			kind = Math.max(kind, slot_kind(slot, start, end));
	return kind;
}

/** arch/x86/kvm/vmx/tdx.c:tdx_map_gpa() */
function tdx_map_gpa(vcpu: struct_kvm_vcpu): number {
	const { kvm } = vcpu, mask = BigInt(PAGE_SIZE - 1);
	const gpa = a0(vcpu), size = a1(vcpu), end = BigInt.asUintN(64, gpa + size);
	const limit = BigInt(kvm_gfn_shared_mask(kvm)) * BigInt(2 * PAGE_SIZE);

	if ((gpa & mask) !== 0n || (size & mask) !== 0n)
		return done(vcpu, TDVMCALL_ALIGN_ERROR);
	if (size === 0n || end < gpa || end > limit)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	const is_private = kvm_is_private_gpa(kvm, gpa_t(Number(gpa)));
	if (is_private !== kvm_is_private_gpa(kvm, gpa_t(Number(end - 1n))))
		return done(vcpu, TDVMCALL_INVALID_OPERAND);

	const first = kvm_gpa_to_private(kvm, gpa_t(Number(gpa))) / PAGE_SIZE;
	const start = gfn_t(first), stop = gfn_t(first + Number(size) / PAGE_SIZE);
	switch (range_kind(kvm, start, stop)) {
	case RANGE_NONE:
		/* MMIO is neither */
		return done(vcpu, TDVMCALL_SUCCESS);
	case RANGE_PRIVATE:
		return tdx_vp_vmcall_to_user(vcpu);
	case RANGE_SLOT:
		/* without private files: one page, mapped as what it was accessed as last */
		if (IS_ENABLED(CONFIG_HAVE_KVM_PRIVATE_MEM))
			return done(vcpu, TDVMCALL_INVALID_OPERAND);
		kvm_zap_gfn_range(kvm, start, stop, is_private ? KVM_ZAP_SHARED : KVM_ZAP_PRIVATE);
		return done(vcpu, TDVMCALL_SUCCESS);
	default:
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	}
}

/** arch/x86/kvm/vmx/tdx.c:tdx_report_fatal_error() */
function tdx_report_fatal_error(vcpu: struct_kvm_vcpu): number {
	const event = vcpu.run.system_event;

	vcpu.run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
	event.type = KVM_SYSTEM_EVENT_CRASH;
	event.ndata = 3;
	event.data[0] = a0(vcpu);
	event.data[1] = a1(vcpu);
	event.data[2] = a2(vcpu);
	return 0;
}

/**
 * arch/x86/kvm/vmx/tdx.c:tdx_get_td_vm_call_info(): 0 of R12 asks whether all there is is there.
 */
function tdx_get_td_vm_call_info(vcpu: struct_kvm_vcpu): number {
	if (a0(vcpu) !== 0n)
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	for (let reg = VCPU_REGS_R11; reg <= VCPU_REGS_R14; reg++)
		vcpu.arch.regs[reg] = 0n;
	return done(vcpu, TDVMCALL_SUCCESS);
}

/** Upstream hands a vendor's call to kvm_emulate_hypercall(); none of KVM's is offered to TDs. */
const KVM_ENOSYS = 1000n;

/** arch/x86/kvm/vmx/tdx.c:handle_tdvmcall() */
export function handle_tdvmcall(vcpu: struct_kvm_vcpu): number {
	if (read(vcpu, VCPU_REGS_R10) !== 0n) {
		++vcpu.stat.hypercalls;
		return done(vcpu, BigInt.asUintN(64, -KVM_ENOSYS));
	}
	switch (Number(read(vcpu, VCPU_REGS_R11))) {
	case TDVMCALL_CPUID:
		return tdx_emulate_cpuid(vcpu);
	case TDVMCALL_HLT:
		return tdx_emulate_hlt(vcpu);
	case TDVMCALL_IO:
		return tdx_emulate_io(vcpu);
	case TDVMCALL_RDMSR:
		return tdx_emulate_rdmsr(vcpu);
	case TDVMCALL_WRMSR:
		return tdx_emulate_wrmsr(vcpu);
	case TDVMCALL_MMIO:
		return tdx_emulate_mmio(vcpu);
	case TDVMCALL_GET_TD_VM_CALL_INFO:
		return tdx_get_td_vm_call_info(vcpu);
	case TDVMCALL_MAP_GPA:
		return tdx_map_gpa(vcpu);
	case TDVMCALL_REPORT_FATAL_ERROR:
		return tdx_report_fatal_error(vcpu);
	case TDVMCALL_GET_QUOTE:
	case TDVMCALL_SETUP_EVENT_NOTIFY:
		return tdx_vp_vmcall_to_user(vcpu);
	default:
		return done(vcpu, TDVMCALL_INVALID_OPERAND);
	}
}
