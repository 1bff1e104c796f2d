// SPDX-License-Identifier: GPL-2.0
/*
 * info registers.
 *
 * Port-only; after QEMU's target/i386/cpu-dump.c, without condition codes and the FPU.
 */
import { struct_kvm_debugregs, struct_kvm_regs, type struct_kvm_segment, struct_kvm_sregs } from
	"#uapi-asm/kvm.ts";
import { KVM_GET_DEBUGREGS, KVM_GET_MP_STATE, KVM_GET_REGS, KVM_GET_SREGS, KVM_MP_STATE_HALTED,
	struct_kvm_mp_state } from "#uapi/linux/kvm.ts";
import { kvm_ioctl } from "#tools/qemu/accel/kvm/kvm-all.ts";
import type { cpu_state } from "#tools/qemu/accel/kvm/kvm-cpus.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";

const hex8 = (x: number | bigint): string => BigInt.asUintN(32, BigInt(x)).toString(16).padStart(8, "0");
const hex16 = (x: number | bigint): string => x.toString(16).padStart(16, "0");

function general(r: struct_kvm_regs, state: string): string {
	return `RAX=${hex16(r.rax)} RBX=${hex16(r.rbx)} RCX=${hex16(r.rcx)} RDX=${hex16(r.rdx)}\n` +
		`RSI=${hex16(r.rsi)} RDI=${hex16(r.rdi)} RBP=${hex16(r.rbp)} RSP=${hex16(r.rsp)}\n` +
		`R8 =${hex16(r.r8)} R9 =${hex16(r.r9)} R10=${hex16(r.r10)} R11=${hex16(r.r11)}\n` +
		`R12=${hex16(r.r12)} R13=${hex16(r.r13)} R14=${hex16(r.r14)} R15=${hex16(r.r15)}\n` +
		`RIP=${hex16(r.rip)} RFL=${hex8(r.rflags)} ${state}\n`;
}

function eflags(f: number): string {
	const bit = (n: number, c: string): string => (f & (1 << n)) !== 0 ? c : "-";

	return `[${bit(10, "D")}${bit(11, "O")}${bit(7, "S")}${bit(6, "Z")}${bit(4, "A")}` +
		`${bit(2, "P")}${bit(0, "C")}]`;
}

function kind(s: struct_kvm_segment): string {
	if (s.s === 0)
		return ` ${s.type === 11 ? "TSS64-busy" : s.type === 2 ? "LDT" : `type ${s.type}`}`;
	if ((s.type & 8) !== 0)
		return ` ${s.l !== 0 ? "CS64" : s.db !== 0 ? "CS32" : "CS16"} ` +
			`[${(s.type & 4) !== 0 ? "C" : "-"}${(s.type & 2) !== 0 ? "R" : "-"}` +
			`${(s.type & 1) !== 0 ? "A" : "-"}]`;
	return ` ${s.db !== 0 ? "DS  " : "DS16"} [${(s.type & 4) !== 0 ? "E" : "-"}` +
		`${(s.type & 2) !== 0 ? "W" : "-"}${(s.type & 1) !== 0 ? "A" : "-"}]`;
}

function segment(name: string, s: struct_kvm_segment): string {
	const flags = ((s.type | (s.s << 4) | (s.dpl << 5) | (s.present << 7)) << 8) |
		((s.avl | (s.l << 1) | (s.db << 2) | (s.g << 3)) << 20);

	return `${name.padEnd(3)}=${s.selector.toString(16).padStart(4, "0")} ${hex16(s.base)} ` +
		`${hex8(s.limit)} ${hex8(flags)} DPL=${s.dpl}${s.present !== 0 ? kind(s) : ""}\n`;
}

/** target/i386/cpu-dump.c:x86_cpu_dump_state() */
export function cpu_dump_state(vm: qemu_vm, cpu: cpu_state): string {
	const regs = struct_kvm_regs.alloc(), s = struct_kvm_sregs.alloc();
	const dr = struct_kvm_debugregs.alloc(), mp = struct_kvm_mp_state.alloc();
	const ok = kvm_ioctl(cpu.fd, KVM_GET_REGS, regs.bytes) === 0 &&
		kvm_ioctl(cpu.fd, KVM_GET_SREGS, s.bytes) === 0;

	if (!ok)
		return vm.tdx !== null ? "The state of this vCPU belongs to the TD\n" :
			"Failed to get registers\n";
	kvm_ioctl(cpu.fd, KVM_GET_DEBUGREGS, dr.bytes);
	kvm_ioctl(cpu.fd, KVM_GET_MP_STATE, mp.bytes);
	const state = `${eflags(Number(regs.rflags))} CPL=${s.cs.dpl} II=0 A20=1 SMM=0 ` +
		`HLT=${mp.mp_state === KVM_MP_STATE_HALTED ? 1 : 0}`;
	let text = general(regs, state);
	for (const [name, seg] of [["ES", s.es], ["CS", s.cs], ["SS", s.ss], ["DS", s.ds], ["FS", s.fs],
		["GS", s.gs], ["LDT", s.ldt], ["TR", s.tr]] as const)
		text += segment(name, seg);
	text += `GDT=     ${hex16(s.gdt.base)} ${hex8(s.gdt.limit)}\n` +
		`IDT=     ${hex16(s.idt.base)} ${hex8(s.idt.limit)}\n` +
		`CR0=${hex8(s.cr0)} CR2=${hex16(s.cr2)} CR3=${hex16(s.cr3)} CR4=${hex8(s.cr4)}\n`;
	for (let i = 0; i < 4; i++)
		text += `DR${i}=${hex16(dr.db[i]!)} `;
	return `${text}\nDR6=${hex16(dr.dr6)} DR7=${hex16(dr.dr7)}\nEFER=${hex16(s.efer)}\n`;
}
