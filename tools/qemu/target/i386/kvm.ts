// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs of x86 through KVM: what they start with, and hypercalls that come to the VMM.
 *
 * Port-only; after QEMU's target/i386/kvm/kvm.c.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { KVM_MAP_GPA_RANGE_ENCRYPTED } from "#uapi-asm/kvm_para.ts";
import { struct_kvm_cpuid2, struct_kvm_cpuid_entry2, struct_kvm_lapic_state, struct_kvm_regs,
	struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import {
	KVM_CAP_EXIT_HYPERCALL, KVM_GET_LAPIC, KVM_GET_REGS, KVM_GET_SREGS, KVM_GET_SUPPORTED_CPUID,
	KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_UNINITIALIZED, KVM_SET_CPUID2, KVM_SET_LAPIC,
	KVM_SET_MP_STATE, KVM_SET_REGS, KVM_SET_SREGS, KVM_SET_TSC_KHZ, struct_kvm_mp_state,
} from "#uapi/linux/kvm.ts";
import { KVM_HC_MAP_GPA_RANGE } from "#uapi/linux/kvm_para.ts";
import { error_printf, qemu_error } from "#tools/qemu/util/error-report.ts";
import { kvm_convert_memory, kvm_ioctl, kvm_vm_enable_cap } from
	"#tools/qemu/accel/kvm/kvm-all.ts";
import type { cpu_state } from "#tools/qemu/accel/kvm/kvm-cpus.ts";
import { PAGE, errno_text } from "#tools/qemu/system/physmem.ts";
import { hex, type qemu_vm } from "#tools/qemu/system/vm.ts";

export const KVM_MAX_CPUID_ENTRIES = 100;

/** Room for @n entries, which nent says. */
export function cpuid2_alloc(n: number): Uint8Array {
	const bytes = new Uint8Array(sizeof(struct_kvm_cpuid2) +
		n * sizeof(struct_kvm_cpuid_entry2));

	new DataView(bytes.buffer).setUint32(0, n, true);
	return bytes;
}

/** What KVM supports of the host's CPU, as bytes of a struct kvm_cpuid2. */
export function kvm_supported_cpuid(vm: qemu_vm): Uint8Array {
	const bytes = cpuid2_alloc(KVM_MAX_CPUID_ENTRIES);
	const r = kvm_ioctl(vm.kvm!.fd, KVM_GET_SUPPORTED_CPUID, bytes);

	if (r < 0)
		throw new qemu_error(`KVM_GET_SUPPORTED_CPUID failed: ${errno_text(r)}`);
	const n = new DataView(bytes.buffer).getUint32(0, true);
	return bytes.subarray(0, sizeof(struct_kvm_cpuid2) + n * sizeof(struct_kvm_cpuid_entry2));
}

/** Leaves that tell a CPU who it is. */
function set_topology(cpuid: Uint8Array, index: number, cpus: number): void {
	const view = new DataView(cpuid.buffer, cpuid.byteOffset, cpuid.length);
	const size = sizeof(struct_kvm_cpuid_entry2);

	for (let at = sizeof(struct_kvm_cpuid2); at < cpuid.length; at += size) {
		const leaf = view.getUint32(at, true);
		/* function, index, flags, then EAX to EDX */
		if (leaf === 1)
			view.setUint32(at + 16, (view.getUint32(at + 16, true) & 0xffff) |
				((cpus & 0xff) << 16) | (index << 24), true);
		else if (leaf === 0xb || leaf === 0x1f)
			view.setUint32(at + 24, index, true);
	}
}

const RESET_STATE = [
	[KVM_GET_REGS, KVM_SET_REGS, struct_kvm_regs],
	[KVM_GET_SREGS, KVM_SET_SREGS, struct_kvm_sregs],
	[KVM_GET_LAPIC, KVM_SET_LAPIC, struct_kvm_lapic_state],
] as const;

/** target/i386/kvm/kvm.c:kvm_arch_init_vcpu() */
export function kvm_arch_init_vcpu(vm: qemu_vm, cpu: cpu_state): void {
	const cpuid = kvm_supported_cpuid(vm);
	const { cpu: options, machine } = vm.options;

	set_topology(cpuid, cpu.index, machine.smp.cpus);
	let r = kvm_ioctl(cpu.fd, KVM_SET_CPUID2, cpuid);
	if (r < 0)
		throw new qemu_error(`kvm_init_vcpu: kvm_arch_init_vcpu failed (${cpu.index}): ` +
			errno_text(r));
	if (vm.tdx !== null)
		return;
	if (options.tsc_khz !== 0) {
		r = kvm_ioctl(cpu.fd, KVM_SET_TSC_KHZ, options.tsc_khz);
		if (r < 0)
			throw new qemu_error("KVM does not support setting the TSC frequency to " +
				`${options.tsc_khz} kHz: ${errno_text(r)}`);
	}
	for (const [get, , layout] of RESET_STATE) {
		const bytes = new Uint8Array(sizeof(layout));
		if (kvm_ioctl(cpu.fd, get, bytes) < 0)
			throw new qemu_error(`Failed to get registers of vCPU ${cpu.index}`);
		cpu.reset_state.push(bytes);
	}
}

/** target/i386/kvm/kvm.c:kvm_arch_reset_vcpu(), and the registers put back. */
export function kvm_arch_reset_vcpu(cpu: cpu_state): void {
	const state = struct_kvm_mp_state.alloc();

	state.mp_state = cpu.index === 0 ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
	RESET_STATE.forEach(([, set], i) => {
		const r = kvm_ioctl(cpu.fd, set, cpu.reset_state[i]!);
		if (r < 0)
			throw new qemu_error(`Failed to put registers after reset: ${errno_text(r)}`);
	});
	const r = kvm_ioctl(cpu.fd, KVM_SET_MP_STATE, state.bytes);
	if (r < 0)
		throw new qemu_error(`Failed to put registers after reset: ${errno_text(r)}`);
}

/** Hypercalls that map memory come to the VMM. */
export function kvm_arch_init(vm: qemu_vm): void {
	if (vm.tdx !== null)
		return;
	const r = kvm_vm_enable_cap(vm.kvm!, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE);
	if (r < 0)
		throw new qemu_error(`kvm: failed to enable KVM_CAP_EXIT_HYPERCALL: ${errno_text(r)}`);
}

/** target/i386/kvm/kvm.c:kvm_handle_hc_map_gpa_range() */
export function kvm_arch_handle_hypercall(vm: qemu_vm, cpu: cpu_state): number {
	const call = cpu.run.hypercall;

	if (call.nr !== BigInt(KVM_HC_MAP_GPA_RANGE)) {
		error_printf(`KVM: unknown hypercall ${call.nr}\n`);
		return -1;
	}
	const gpa = Number(call.args[0]!), size = Number(call.args[1]!) * PAGE;
	const attrs = Number(call.args[2]!);
	vm.trace("kvm_hc_map_gpa_range", `gpa ${hex(gpa)} size ${hex(size)} attributes ${hex(attrs)}`);
	const r = kvm_convert_memory(vm, gpa, size, (attrs & KVM_MAP_GPA_RANGE_ENCRYPTED) !== 0);
	call.ret = BigInt.asUintN(64, BigInt(r));
	return 0;
}
