// SPDX-License-Identifier: GPL-2.0
/*
 * "bios": firmware of plain VMs. Starts in real mode at the reset vector, wakes the other vCPUs by
 * INIT and SIPI, has every vCPU touch its share of RAM, and starts the kernel or powers off.
 *
 * Port-only. 128 KiB at the top of 4 GiB; of RAM it uses
 *
 *	0x7000 mailbox	0x8000 where SIPIs start	0x10000 PML4	0x11000 PDPT	0x12000 GDT
 */
import { gva_t } from "#asm-generic/types.ts";
import {
	cli, guest_text_image, guest_text_place, hlt, jmp, ld32, pause, REG_RDI, set_reg, st32,
	st64, st64n, st8, xadd32, type guest_program,
} from "#hw/isa_guest.ts";
import {
	FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_ENTRY, FW_CFG_KERNEL_SIZE,
	FW_CFG_NB_CPUS, FW_CFG_RAM_SIZE, FW_CFG_SIGNATURE,
} from "#tools/qemu/hw/i386/fw_cfg.ts";
import { enter_long_mode, fail, fill_gdt, fill_pdpt, fw_cfg_number, fw_cfg_read, mib, plain_io,
	power_off, print, set_pml4e, type guest_code, type port_io } from "./lib.ts";
import { MBOX_ARRIVED, MBOX_CPUS, MBOX_ERRORS, MBOX_RAM, command, next_command, workload,
	workload_start, type share } from "./workload.ts";

export const BIOS_SIZE	= 128 * 1024;
const RESET_VECTOR	= 0xfffffff0;
/* programs: at reset; then, and of the other vCPUs, in 64-bit mode */
const ENTRY		= 0xfffffe00;
const ENTRY64		= 0xfffffd00;
const AP_ENTRY64	= 0xfffffc00;
const AP_ENTRY		= 0x8000;
const MAILBOX		= 0x7000;
const PML4		= 0x10000;
const PDPT		= 0x11000;
const GDT		= 0x12000;

const APIC_ICR		= 0xfee00300;
/* to all but this one, by edge */
const ICR_INIT		= 0xc4500;
const ICR_SIPI		= 0xc4600;
const PCI_HOLE		= 0xd0000000;

const RUN_WORKLOAD	= 1;
const io = plain_io;

/** Bytes into memory, as a loader copies them. */
export function* store_bytes(at: number, bytes: Uint8Array): guest_code<void> {
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let i = 0;

	for (; i + 8 <= bytes.length; i += 8)
		yield* st64(at + i, v.getBigUint64(i, true));
	for (; i < bytes.length; i++)
		yield* st8(at + i, bytes[i]!);
}

/** Where a SIPI starts, in real mode. */
function* ap_start(): guest_program {
	yield* cli();
	yield* enter_long_mode(PML4, GDT, true, AP_ENTRY64);
}

function* ap_code(): guest_program {
	const before = yield* xadd32(MAILBOX + MBOX_ARRIVED, 1);
	const s: share = { mailbox: MAILBOX, index: before + 1 };

	yield* next_command(s, 0);
	yield* workload(null, "", s);
	for (;;)
		yield* hlt();
}

function* wake_aps(cpus: number): guest_code<void> {
	yield* store_bytes(AP_ENTRY, guest_text_image());
	if (cpus > 1) {
		yield* st32(APIC_ICR, ICR_INIT);
		yield* st32(APIC_ICR, ICR_SIPI | (AP_ENTRY >> 12));
	}
	while ((yield* ld32(MAILBOX + MBOX_ARRIVED)) < cpus - 1)
		yield* pause();
	yield* print(io, `bios: ${cpus} vCPU${cpus === 1 ? "" : "s"} up\n`);
}

function* probe(cpus: number, ram: number): guest_code<void> {
	const signature = new TextDecoder().decode(yield* fw_cfg_read(io, FW_CFG_SIGNATURE, 4));

	yield* print(io, `bios: fw_cfg says ${signature}, ${mib(ram)}, ${cpus} vCPUs\n`);
	const hole = yield* ld32(PCI_HOLE);
	yield* print(io, `bios: nothing at 0x${PCI_HOLE.toString(16)}: reads 0x${hole.toString(16)}\n`);
}

/** The kernel that fw_cfg has, loaded and started; comes back if there is none. */
export function* boot_kernel(dev: port_io, name: string, td: boolean): guest_code<void> {
	const entry = yield* fw_cfg_number(dev, FW_CFG_KERNEL_ENTRY, 4);

	if (entry === 0)
		return;
	const at = yield* fw_cfg_number(dev, FW_CFG_KERNEL_ADDR, 4);
	const size = yield* fw_cfg_number(dev, FW_CFG_KERNEL_SIZE, 4);
	yield* store_bytes(at, yield* fw_cfg_read(dev, FW_CFG_KERNEL_DATA, size));
	yield* print(dev, `${name}: starting the kernel at 0x${entry.toString(16)}\n`);
	yield* set_reg(REG_RDI, td ? 1n : 0n);
	yield* jmp(entry);
}

/** The reset vector, in real mode. */
function* reset(): guest_program {
	yield* cli();
	yield* print(io, "bios: privmem firmware\n");
	yield* set_pml4e(PML4, 0, PDPT);
	yield* fill_pdpt(PDPT);
	yield* fill_gdt(GDT);
	yield* enter_long_mode(PML4, GDT, true, ENTRY64);
}

function* bsp_code(): guest_program {
	const s: share = { mailbox: MAILBOX, index: 0 };

	const ram = yield* fw_cfg_number(io, FW_CFG_RAM_SIZE, 8);
	const cpus = yield* fw_cfg_number(io, FW_CFG_NB_CPUS, 2);
	yield* probe(cpus, ram);
	for (let i = 0; i < 0x30; i += 8)
		yield* st64n(MAILBOX + i, 0);
	yield* st64n(MAILBOX + MBOX_RAM, ram);
	yield* st32(MAILBOX + MBOX_CPUS, cpus);
	yield* wake_aps(cpus);
	yield* command(s, RUN_WORKLOAD);
	yield* workload(io, "bios: RAM", s);
	const errors = yield* ld32(MAILBOX + MBOX_ERRORS);
	yield* print(io, `bios: ${mib(ram - workload_start(ram))} written and read on ${cpus} vCPU` +
		`${cpus === 1 ? "" : "s"}, ${errors} errors\n`);
	if (errors !== 0)
		yield* fail(io, 1);
	yield* boot_kernel(io, "bios", false);
	yield* print(io, "bios: no kernel, powering off\n");
	yield* power_off(io);
}

let image: Uint8Array | null = null;

/** The ROM; its programs get their places when it is first asked for. */
export function bios_image(): Uint8Array {
	if (image !== null)
		return image;
	const base = 2 ** 32 - BIOS_SIZE;
	image = new Uint8Array(BIOS_SIZE);
	guest_text_place(ap_start, gva_t(AP_ENTRY));
	for (const [fn, at] of [[reset, ENTRY], [bsp_code, ENTRY64],
		[ap_code, AP_ENTRY64]] as const) {
		guest_text_place(fn, gva_t(at));
		image.set(guest_text_image(), at - base);
	}
	/* JMP rel16 */
	const rel = ENTRY - (RESET_VECTOR + 3);
	image.set([0xe9, rel & 0xff, (rel >> 8) & 0xff], RESET_VECTOR - base);
	return image;
}
