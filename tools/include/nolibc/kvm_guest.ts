// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest VMM: enough of a guest to run a script at CPL 0, for programs that measure or replay
 * and want none of the selftests' library.
 *
 * Port-only. The guest's linear addresses have two windows: text at GUEST_TEXT_BASE, and all of
 * guest physical memory (up to 512 GiB) at GUEST_DATA_BASE through pages of 1 GiB. The tables lie
 * in memory that the caller has put under a slot:
 *
 *	+ 0x0000 PML4	+ 0x1000 PDPT of text	+ 0x2000 PD	+ 0x3000 PT
 *	+ 0x4000 PDPT of data			+ 0x5000 text
 */
import { GUEST_TEXT_BASE, guest_text_image } from "#hw/isa_guest.ts";
import { MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { KVM_GET_REGS, KVM_GET_SREGS, KVM_SET_REGS, KVM_SET_SREGS } from "#uapi/linux/kvm.ts";
import { struct_kvm_regs, type struct_kvm_segment, struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import { poke } from "./arch.ts";
import { mmap } from "./mman.ts";
import { ioctl } from "./sys.ts";

/** Bytes that guest_tables() fills, and a little more. */
export const GUEST_TABLES_BYTES	= 0x8000;
/** Linear address of guest physical address 0: PML4 entry 1. */
export const GUEST_DATA_BASE	= 2 ** 39;
/** struct kvm_run and the data of port I/O behind it */
export const KVM_RUN_BYTES	= 2 * 4096;

const PAGE		= 4096;
const TEXT		= 0x5000;
const TEXT_PAGES	= 16;
const PTE_P_RW		= 3n;
const PTE_PS		= 0x80n;

const CR0_PE_NE_PG	= 0x80000021n;
const CR4_PAE_OSFXSR	= 0x220n;
const EFER_LME_LMA_NX	= 0xd00n;

function put64(at: number, i: number, x: bigint): void {
	const b = new Uint8Array(8);

	new DataView(b.buffer).setBigUint64(0, x, true);
	poke(at + 8 * i, b);
}

/** Writes tables and text to @hva, which the guest sees at @gpa. */
export function guest_tables(hva: number, gpa: number): void {
	const table = (off: number): bigint => BigInt(gpa + off) | PTE_P_RW;

	put64(hva, 0, table(0x1000));
	put64(hva, 1, table(0x4000));
	put64(hva + 0x1000, 0, table(0x2000));
	put64(hva + 0x2000, GUEST_TEXT_BASE >> 21, table(0x3000));
	/* every page of text looks the same */
	for (let i = 0; i < TEXT_PAGES; i++)
		put64(hva + 0x3000, ((GUEST_TEXT_BASE >> 12) & 511) + i, table(TEXT));
	for (let i = 0; i < 512; i++)
		put64(hva + 0x4000, i, (BigInt(i) << 30n) | PTE_PS | PTE_P_RW);
	const image = guest_text_image();
	for (let off = 0; off < PAGE; off += image.length)
		poke(hva + TEXT + off, image);
}

function flat_segment(seg: struct_kvm_segment, selector: number, code: boolean): void {
	seg.base = 0n;
	seg.limit = 0xffffffff;
	seg.selector = selector;
	seg.type = code ? 11 : 3;
	seg.present = 1;
	seg.dpl = 0;
	seg.s = 1;
	seg.l = code ? 1 : 0;
	seg.db = code ? 0 : 1;
	seg.g = 1;
	seg.unusable = 0;
}

/** Puts the vCPU into 64-bit mode with the tables at @gpa; 0, or -1 and errno. */
export function guest_sregs(vcpu: number, gpa: number): number {
	const sregs = struct_kvm_sregs.alloc();

	if (ioctl(vcpu, KVM_GET_SREGS, sregs.bytes) < 0)
		return -1;
	flat_segment(sregs.cs, 8, true);
	for (const seg of [sregs.ds, sregs.es, sregs.ss, sregs.fs, sregs.gs])
		flat_segment(seg, 16, false);
	sregs.cr0 = CR0_PE_NE_PG;
	sregs.cr3 = BigInt(gpa);
	sregs.cr4 = CR4_PAE_OSFXSR;
	sregs.efer = EFER_LME_LMA_NX;
	return ioctl(vcpu, KVM_SET_SREGS, sregs.bytes);
}

/** RIP to @entry (guest_text_alloc()), from the start; 0, or -1 and errno. */
export function guest_start(vcpu: number, entry: number): number {
	const regs = struct_kvm_regs.alloc();

	if (ioctl(vcpu, KVM_GET_REGS, regs.bytes) < 0)
		return -1;
	regs.rip = BigInt(entry);
	regs.rflags = 2n;
	return ioctl(vcpu, KVM_SET_REGS, regs.bytes);
}

/** The vCPU's struct kvm_run, mapped; -1 and errno. */
export function guest_map_run(vcpu: number): number {
	return mmap(0, KVM_RUN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
}
