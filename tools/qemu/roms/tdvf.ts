// SPDX-License-Identifier: GPL-2.0
/*
 * "tdvf": firmware of TDs. Every vCPU starts at the reset vector; the first reads the HOB list, all
 * accept memory in stripes, share a buffer with the host for I/O and take it back, and run the
 * workload over their private and shared memory; then the kernel, or power off.
 *
 * Port-only. 64 KiB at the top of 4 GiB: variables, then code. In memory that the TD starts with:
 *
 *	0x809000 HOB list	0x810000 PML4	0x811000 PDPT	0x812000 PDPT of shared memory
 *	0x813000 mailbox	0x814000 GDT
 *
 * Linear addresses are physical ones; shared memory is at SHARED_WINDOW.
 */
import { gva_t } from "#asm-generic/types.ts";
import {
	get_reg, guest_text_image, guest_text_place, ld16, ld32, ld64n, memchk, memset, pause,
	REG_R8, REG_RBX, st32, st64n, xadd32, type guest_fn, type guest_program,
} from "#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { FW_CFG_DMA_READ, FW_CFG_DMA_SELECT, FW_CFG_PORT_DMA, FW_CFG_SIGNATURE } from
	"#tools/qemu/hw/i386/fw_cfg.ts";
import {
	TDVF_SECTION_ATTRIBUTES_MR_EXTEND, TDVF_SECTION_TYPE_BFV, TDVF_SECTION_TYPE_CFV,
	TDVF_SECTION_TYPE_TD_HOB, TDVF_SECTION_TYPE_TEMP_MEM, tdvf_write_metadata,
} from "#tools/qemu/hw/i386/tdvf.ts";
import { EFI_HOB_TYPE_END_OF_HOB_LIST, EFI_HOB_TYPE_RESOURCE_DESCRIPTOR,
	EFI_RESOURCE_MEMORY_UNACCEPTED } from "#tools/qemu/hw/i386/tdvf-hob.ts";
import { boot_kernel } from "./bios.ts";
import {
	enter_long_mode, fail, fill_gdt, fill_pdpt, map_gpa, mib, power_off, print,
	report_fatal_error, set_pml4e, TDG_MEM_PAGE_ACCEPT, TDG_VP_INFO, td_io, type guest_code,
} from "./lib.ts";
import {
	MBOX_ARRIVED, MBOX_CPUS, MBOX_DONE, MBOX_ERRORS, MBOX_PROGRESS, MBOX_RAM, command,
	next_command, workload, workload_start, type share,
} from "./workload.ts";

const IMAGE_SIZE	= 64 * 1024;
const IMAGE_BASE	= 2 ** 32 - IMAGE_SIZE;
const CFV_SIZE		= 4096;
const RESET_VECTOR	= 0xfffffff0;
/* programs: at reset, and then in 64-bit mode */
const ENTRY		= 0xfffffe00;
const ENTRY64		= 0xfffffd00;
const METADATA		= 0xf000;

const TD_HOB		= 0x809000;
const TD_HOB_SIZE	= 0x2000;
const TEMP_MEM		= 0x810000;
const TEMP_MEM_SIZE	= 0x10000;
const PML4		= TEMP_MEM;
const PDPT		= TEMP_MEM + 0x1000;
const PDPT_SHARED	= TEMP_MEM + 0x2000;
const MAILBOX		= TEMP_MEM + 0x3000;
const GDT		= TEMP_MEM + 0x4000;

const SHARED_BIT	= 1n << 47n;
/* the second half of the lower canonical half */
const SHARED_WINDOW	= 2 ** 46;
const PAGE		= 4096;
const PAGE_2M		= 2 ** 21;
/* how much a vCPU accepts before the next one's turn */
const STRIPE		= 32 * 2 ** 20;
/* each vCPU's buffer for I/O */
const IO_BUFFER		= 10 * 2 ** 20;
const IO_BUFFER_SIZE	= 64 * 1024;

/* statuses of TDCALL, without the operand */
const PAGE_ALREADY_ACCEPTED	= 0x00000b0an;
const PAGE_SIZE_MISMATCH	= 0xc0000b0bn;
const OPERAND_BUSY		= 0x80000200n;

const ACCEPT		= 1;
const SHARE		= 2;
const RUN_WORKLOAD	= 3;
const PARK		= 4;
const io = td_io;

/* Memory. */

/** TDG.MEM.PAGE.ACCEPT; the class of its status. */
function* accept_page(gpa: number, level: number): guest_code<bigint> {
	for (;;) {
		const status = (yield* tdcall(TDG_MEM_PAGE_ACCEPT,
			BigInt(gpa) | BigInt(level))) >> 32n;
		if (status !== OPERAND_BUSY)
			return status;
		yield* pause();
	}
}

/** Accepts [@start, @end): 2 MiB at a time where the host gave such pages. */
function* accept_range(start: number, end: number): guest_code<boolean> {
	for (let at = start; at < end;) {
		if (at % PAGE_2M === 0 && at + PAGE_2M <= end) {
			const status = yield* accept_page(at, 1);
			if (status === 0n || status === PAGE_ALREADY_ACCEPTED) {
				at += PAGE_2M;
				continue;
			}
			if (status !== PAGE_SIZE_MISMATCH)
				return false;
		}
		const stop = Math.min(end, (Math.floor(at / PAGE_2M) + 1) * PAGE_2M);
		for (; at < stop; at += PAGE) {
			const status = yield* accept_page(at, 0);
			if (status !== 0n && status !== PAGE_ALREADY_ACCEPTED)
				return false;
		}
	}
	return true;
}

interface range {
	start: number;
	end: number;
}

/** Unaccepted memory in the HOB list. */
function* unaccepted(hob: number): guest_code<range[]> {
	const found: range[] = [];

	for (let at = hob; ; at += yield* ld16(at + 2)) {
		const type = yield* ld16(at);
		if (type === EFI_HOB_TYPE_END_OF_HOB_LIST)
			return found;
		if (type !== EFI_HOB_TYPE_RESOURCE_DESCRIPTOR ||
		    (yield* ld32(at + 24)) !== EFI_RESOURCE_MEMORY_UNACCEPTED)
			continue;
		const start = yield* ld64n(at + 32);
		found.push({ start, end: start + (yield* ld64n(at + 40)) });
	}
}

/** All of RAM that the list has. */
function* ram_size(hob: number): guest_code<number> {
	let size = 0;

	for (let at = hob; ; at += yield* ld16(at + 2)) {
		const type = yield* ld16(at);
		if (type === EFI_HOB_TYPE_END_OF_HOB_LIST)
			return size;
		if (type === EFI_HOB_TYPE_RESOURCE_DESCRIPTOR)
			size += yield* ld64n(at + 40);
	}
}

/* What vCPUs do together. */

function* progress(s: share, bytes: number): guest_code<void> {
	const at = s.mailbox + MBOX_PROGRESS + 8 * s.index;

	yield* st64n(at, (yield* ld64n(at)) + bytes);
}

function* accept_stripes(s: share, hob: number): guest_code<void> {
	const cpus = yield* ld32(s.mailbox + MBOX_CPUS);
	let stripe = 0;

	for (const { start, end } of yield* unaccepted(hob)) {
		for (let at = start; at < end; stripe++) {
			const stop = Math.min(end, (Math.floor(at / STRIPE) + 1) * STRIPE);
			if (stripe % cpus === s.index) {
				if (!(yield* accept_range(at, stop)))
					yield* xadd32(s.mailbox + MBOX_ERRORS, 1);
				yield* progress(s, stop - at);
			}
			at = stop;
		}
	}
}

/** Asks fw_cfg to put its signature into shared memory at @gpa, by DMA. */
function* dma_signature(gpa: number): guest_code<boolean> {
	const at = SHARED_WINDOW + gpa, data = gpa + 64;
	const be = (x: number): number => {
		const v = new DataView(new ArrayBuffer(4));
		v.setUint32(0, x);
		return v.getUint32(0, true);
	};

	yield* st32(at, be(((FW_CFG_SIGNATURE << 16) | FW_CFG_DMA_SELECT | FW_CFG_DMA_READ) >>> 0));
	yield* st32(at + 4, be(4));
	yield* st32(at + 8, 0);
	yield* st32(at + 12, be(data));
	yield* io.out(FW_CFG_PORT_DMA, 4, 0);
	yield* io.out(FW_CFG_PORT_DMA + 4, 4, be(gpa));
	/* "QEMU", and no error */
	return (yield* ld32(at)) === 0 && (yield* ld32(SHARED_WINDOW + data)) === 0x554d4551;
}

/** A buffer becomes shared, is used for I/O, and becomes private again, which empties it. */
function* share_buffer(s: share): guest_code<boolean> {
	const gpa = IO_BUFFER + s.index * IO_BUFFER_SIZE, size = BigInt(IO_BUFFER_SIZE);
	const shared = SHARED_WINDOW + gpa;

	yield* memset(gpa, 0x11, IO_BUFFER_SIZE);
	if ((yield* map_gpa(BigInt(gpa) | SHARED_BIT, size)) !== 0n)
		return false;
	yield* memset(shared, 0x22, IO_BUFFER_SIZE);
	if (!(yield* memchk(shared, 0x22, IO_BUFFER_SIZE)) || !(yield* dma_signature(gpa)))
		return false;
	if ((yield* map_gpa(BigInt(gpa), size)) !== 0n ||
	    !(yield* accept_range(gpa, gpa + IO_BUFFER_SIZE)))
		return false;
	return yield* memchk(gpa, 0, IO_BUFFER_SIZE);
}

/** What @what says, on this vCPU. */
function* obey(s: share, hob: number, what: number, first: boolean): guest_code<void> {
	if (what === RUN_WORKLOAD) {
		yield* workload(first ? io : null, "tdvf: private memory", s);
		return;
	}
	if (what === ACCEPT)
		yield* accept_stripes(s, hob);
	else if (what === SHARE && !(yield* share_buffer(s)))
		yield* xadd32(s.mailbox + MBOX_ERRORS, 1);
	yield* xadd32(s.mailbox + MBOX_DONE, 1);
}

/** All vCPUs do @what; the number of errors so far. */
function* together(s: share, hob: number, what: number): guest_code<number> {
	const cpus = yield* ld32(s.mailbox + MBOX_CPUS);

	yield* command(s, what);
	yield* obey(s, hob, what, true);
	while ((yield* ld32(s.mailbox + MBOX_DONE)) < cpus)
		yield* pause();
	return yield* ld32(s.mailbox + MBOX_ERRORS);
}

function* ap_code(index: number, hob: number): guest_code<void> {
	const s: share = { mailbox: MAILBOX, index };

	yield* xadd32(MAILBOX + MBOX_ARRIVED, 1);
	for (let last = 0; ;) {
		last = yield* next_command(s, last);
		if (last !== PARK)
			yield* obey(s, hob, last, false);
	}
}

function* check(errors: number, what: string): guest_code<void> {
	if (errors === 0)
		return;
	yield* print(io, `tdvf: ${what}: ${errors} errors\n`);
	yield* fail(io, 1);
}

function* bsp_code(hob: number): guest_code<void> {
	const s: share = { mailbox: MAILBOX, index: 0 };

	yield* print(io, "tdvf: privmem firmware\n");
	if ((yield* tdcall(TDG_VP_INFO)) !== 0n)
		yield* report_fatal_error("TDG.VP.INFO");
	const cpus = Number(BigInt.asUintN(32, yield* get_reg(REG_R8)));
	const ram = yield* ram_size(hob);
	const todo = (yield* unaccepted(hob)).reduce((n, r) => n + r.end - r.start, 0);
	yield* print(io, `tdvf: ${cpus} vCPUs, ${mib(ram)}, ${mib(todo)} of it unaccepted\n`);
	yield* st64n(MAILBOX + MBOX_RAM, ram);
	yield* st32(MAILBOX + MBOX_CPUS, cpus);
	while ((yield* ld32(MAILBOX + MBOX_ARRIVED)) < cpus - 1)
		yield* pause();
	yield* check(yield* together(s, hob, ACCEPT), "accepting memory");
	yield* print(io, `tdvf: ${mib(todo)} accepted\n`);
	yield* check(yield* together(s, hob, SHARE), "sharing a buffer");
	yield* print(io, `tdvf: ${cpus} buffers of ${IO_BUFFER_SIZE / 1024} KiB shared, used for I/O, ` +
		"and private again\n");
	yield* check(yield* together(s, hob, RUN_WORKLOAD), "using private memory");
	yield* print(io, `tdvf: ${mib(ram - workload_start(ram))} written and read on ${cpus} vCPUs, ` +
		"0 errors\n");
	yield* command(s, PARK);
	yield* boot_kernel(io, "tdvf", true);
	yield* print(io, "tdvf: no kernel, powering off\n");
	yield* power_off(io);
}

/**
 * The reset vector: RCX has the HOB list's address, RSI the vCPU's number, RBX the GPA width; they
 * stay there. The first vCPU builds the tables, and only then says that they are there.
 */
function* reset(_rdi: bigint, rsi: bigint): guest_program {
	if (((yield* get_reg(REG_RBX)) & 0x7fn) !== 48n)
		yield* report_fatal_error("GPA width");
	if (rsi === 0n) {
		yield* set_pml4e(PML4, 0, PDPT);
		yield* set_pml4e(PML4, SHARED_WINDOW / 2 ** 39, PDPT_SHARED);
		yield* fill_pdpt(PDPT);
		yield* fill_pdpt(PDPT_SHARED, SHARED_BIT);
		yield* fill_gdt(GDT);
	}
	while (rsi !== 0n && (yield* ld32(MAILBOX + MBOX_CPUS)) === 0)
		yield* pause();
	/* EFER.LME is on in a TD */
	yield* enter_long_mode(PML4, GDT, false, ENTRY64);
}

function* entry64(_rdi: bigint, rsi: bigint, _rdx: bigint, rcx: bigint): guest_program {
	if (rsi === 0n)
		yield* bsp_code(Number(rcx));
	else
		yield* ap_code(Number(rsi), Number(rcx));
}

let image: Uint8Array | null = null;

export function tdvf_image(): Uint8Array {
	if (image !== null)
		return image;
	image = new Uint8Array(IMAGE_SIZE);
	for (const [fn, at] of [[reset, ENTRY], [entry64, ENTRY64]] as const) {
		guest_text_place(fn as guest_fn, gva_t(at));
		image.set(guest_text_image(), at - IMAGE_BASE);
	}
	/* JMP rel32 */
	const rel = ENTRY - (RESET_VECTOR + 5);
	image.set([0xe9, rel & 0xff, (rel >> 8) & 0xff, (rel >> 16) & 0xff, (rel >> 24) & 0xff],
		RESET_VECTOR - IMAGE_BASE);
	tdvf_write_metadata(image, METADATA, [
		{ data_offset: CFV_SIZE, data_len: IMAGE_SIZE - CFV_SIZE,
			address: IMAGE_BASE + CFV_SIZE, size: IMAGE_SIZE - CFV_SIZE,
			type: TDVF_SECTION_TYPE_BFV,
			attributes: TDVF_SECTION_ATTRIBUTES_MR_EXTEND },
		{ data_offset: 0, data_len: CFV_SIZE, address: IMAGE_BASE, size: CFV_SIZE,
			type: TDVF_SECTION_TYPE_CFV, attributes: 0 },
		{ data_offset: 0, data_len: 0, address: TD_HOB, size: TD_HOB_SIZE,
			type: TDVF_SECTION_TYPE_TD_HOB, attributes: 0 },
		{ data_offset: 0, data_len: 0, address: TEMP_MEM, size: TEMP_MEM_SIZE,
			type: TDVF_SECTION_TYPE_TEMP_MEM, attributes: 0 },
	]);
	return image;
}
