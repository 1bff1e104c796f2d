// SPDX-License-Identifier: GPL-2.0
/*
 * What the bundled guests share: ports of a plain VM and of a TD, the serial line, fw_cfg, power.
 *
 * Port-only. Guests are scripts (arch/x86/hw/isa_guest.ts); everything they learn of the machine
 * comes through registers, ports and memory.
 */
import {
	get_reg, hlt, inb, inl, jmp_far, lgdt, outb, outl, outw, pause, rdmsr, read_cr, REG_R10,
	REG_R11, st64, wrmsr, write_cr,
} from "#hw/isa_guest.ts";
import { tdvmcall as vmcall } from "#hw/isa_td.ts";
import { ACPI_PM1_CNT, ACPI_SLP_EN, ISA_DEBUG_EXIT } from "#tools/qemu/hw/i386/ports.ts";
import { FW_CFG_PORT_DATA, FW_CFG_PORT_SEL } from "#tools/qemu/hw/i386/fw_cfg.ts";

/** Guest code that comes to a result. */
export type guest_code<T> = Generator<number, T, void>;

const COM1	= 0x3f8;

/** How ports are reached. */
export interface port_io {
	out(port: number, size: 1 | 2 | 4, x: number): guest_code<void>;
	in(port: number, size: 1 | 4): guest_code<number>;
}

export const plain_io: port_io = {
	*out(port, size, x) {
		yield* size === 1 ? outb(port, x) : size === 2 ? outw(port, x) : outl(port, x);
	},
	*in(port, size) {
		return yield* size === 1 ? inb(port) : inl(port);
	},
};

/* TDCALL leaves, and sub-functions of TDG.VP.VMCALL */
export const TDG_VP_INFO		= 1;
export const TDG_MEM_PAGE_ACCEPT	= 6;
const TDVMCALL_IO			= 30n;
const TDVMCALL_MAP_GPA			= 0x10001n;
const TDVMCALL_REPORT_FATAL_ERROR	= 0x10003n;
const TDVMCALL_RETRY			= 1n;

/** A call of the guest-host interface: its status; R11 is in the register. */
export function* tdvmcall(sub: bigint, r12 = 0n, r13 = 0n, r14 = 0n, r15 = 0n): guest_code<bigint> {
	const rax = yield* vmcall(0n, sub, r12, r13, r14, r15);

	return rax !== 0n ? rax : yield* get_reg(REG_R10);
}

export const td_io: port_io = {
	*out(port, size, x) {
		yield* tdvmcall(TDVMCALL_IO, BigInt(size), 1n, BigInt(port), BigInt(x));
	},
	*in(port, size) {
		yield* tdvmcall(TDVMCALL_IO, BigInt(size), 0n, BigInt(port));
		return Number(BigInt.asUintN(32, yield* get_reg(REG_R11)));
	},
};

/** MapGPA: all of [@gpa, +@size), however often the host wants to be asked again; the status. */
export function* map_gpa(gpa: bigint, size: bigint): guest_code<bigint> {
	const end = gpa + size;

	for (;;) {
		const status = yield* tdvmcall(TDVMCALL_MAP_GPA, gpa, end - gpa);
		if (status !== TDVMCALL_RETRY)
			return status;
		gpa = yield* get_reg(REG_R11);
	}
}

/** ReportFatalError with up to 16 bytes of message; does not come back. */
export function* report_fatal_error(message: string): guest_code<never> {
	const b = new DataView(new ArrayBuffer(16));

	new TextEncoder().encode(message.slice(0, 16)).forEach((x, i) => b.setUint8(i, x));
	yield* tdvmcall(TDVMCALL_REPORT_FATAL_ERROR, 0x10000n, 0n, b.getBigUint64(0, true),
		b.getBigUint64(8, true));
	for (;;)
		yield* hlt();
}

export function* print(io: port_io, text: string): guest_code<void> {
	for (const b of new TextEncoder().encode(text))
		yield* io.out(COM1, 1, b);
}

/** Bytes of an fw_cfg entry. */
export function* fw_cfg_read(io: port_io, key: number, n: number): guest_code<Uint8Array> {
	const bytes = new Uint8Array(n);

	yield* io.out(FW_CFG_PORT_SEL, 2, key);
	for (let i = 0; i < n; i++)
		bytes[i] = yield* io.in(FW_CFG_PORT_DATA, 1);
	return bytes;
}

export function* fw_cfg_number(io: port_io, key: number, n: number): guest_code<number> {
	const bytes = yield* fw_cfg_read(io, key, n);

	return bytes.reduceRight((x, b) => x * 256 + b, 0);
}

export function* power_off(io: port_io): guest_code<never> {
	yield* io.out(ACPI_PM1_CNT, 2, ACPI_SLP_EN);
	for (;;)
		yield* pause();
}

/** Ends the VMM with status 2 * @code + 1. */
export function* fail(io: port_io, code: number): guest_code<never> {
	yield* io.out(ISA_DEBUG_EXIT, 1, code);
	for (;;)
		yield* pause();
}

const GIB		= 2 ** 30;
const PTE_P_RW		= 3n;
const PTE_PS		= 0x80n;
const CR0_PE_PG		= 0x80000001n;
const CR4_PAE		= 0x20n;
const MSR_EFER		= 0xc0000080;
const EFER_LME		= 0x100n;
/* a 64-bit code segment at level 0 */
const KERNEL_CS		= 8;
const GDT_CODE64	= 0x00af9b000000ffffn;

/** Fills a PDPT with pages of 1 GiB whose addresses have @bits set. */
export function* fill_pdpt(pdpt: number, bits = 0n): guest_code<void> {
	for (let i = 0; i < 512; i++)
		yield* st64(pdpt + 8 * i, (BigInt(i) << 30n) | PTE_PS | PTE_P_RW | bits);
}

/** Entry of a PML4 for the table at @pdpt. */
export function* set_pml4e(pml4: number, i: number, pdpt: number): guest_code<void> {
	yield* st64(pml4 + 8 * i, BigInt(pdpt) | PTE_P_RW);
}

/** The GDT that enter_long_mode() wants. */
export function* fill_gdt(gdt: number): guest_code<void> {
	yield* st64(gdt, 0n);
	yield* st64(gdt + KERNEL_CS, GDT_CODE64);
}

/** Into 64-bit mode, to the program at @entry; @efer: whether LME is to be set. */
export function* enter_long_mode(pml4: number, gdt: number, efer: boolean,
	entry: number): guest_code<never> {
	yield* write_cr(4, (yield* read_cr(4)) | CR4_PAE);
	yield* write_cr(3, BigInt(pml4));
	if (efer)
		yield* wrmsr(MSR_EFER, (yield* rdmsr(MSR_EFER)) | EFER_LME);
	yield* write_cr(0, (yield* read_cr(0)) | CR0_PE_PG);
	yield* lgdt(gdt, 15);
	yield* jmp_far(KERNEL_CS, entry);
	throw new Error("guest: a jump came back");
}

/** The board's layout: where byte @offset of RAM is, of @size in all. */
export function ram_address(offset: number, size: number): number {
	const low = size <= 0xb0000000 ? size : 2 * GIB;

	return offset < low ? offset : offset - low + 4 * GIB;
}

export const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
