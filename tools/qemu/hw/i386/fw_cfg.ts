// SPDX-License-Identifier: GPL-2.0
/*
 * fw_cfg: how firmware learns what machine it is on. By port, and by DMA from the guest's memory.
 *
 * Port-only; after QEMU's hw/nvram/fw_cfg.c, docs/specs/fw_cfg. DMA is the VMM's own access to
 * guest memory, so it only reaches what a TD shares.
 */
import { peek, poke } from "#tools/include/nolibc/nolibc.ts";
import { memory_region_at } from "#tools/qemu/system/memory.ts";
import type { kernel_image } from "#tools/qemu/roms/kernels.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";

export const FW_CFG_PORT_SEL	= 0x510;
export const FW_CFG_PORT_DATA	= 0x511;
export const FW_CFG_PORT_DMA	= 0x514;

export const FW_CFG_SIGNATURE	= 0x00;
export const FW_CFG_ID		= 0x01;
export const FW_CFG_RAM_SIZE	= 0x03;
export const FW_CFG_NB_CPUS	= 0x05;
export const FW_CFG_KERNEL_ADDR	= 0x07;
export const FW_CFG_KERNEL_SIZE	= 0x08;
export const FW_CFG_KERNEL_ENTRY = 0x10;
export const FW_CFG_KERNEL_DATA	= 0x11;
export const FW_CFG_CMDLINE_SIZE = 0x14;
export const FW_CFG_CMDLINE_DATA = 0x15;

/* struct FWCfgDmaAccess: control, length, address; big endian */
export const FW_CFG_DMA_ERROR	= 0x01;
export const FW_CFG_DMA_READ	= 0x02;
export const FW_CFG_DMA_SKIP	= 0x04;
export const FW_CFG_DMA_SELECT	= 0x08;
const DMA_BYTES			= 16;
const VERSION_DMA		= 3;

function le(x: number, n: number): Uint8Array {
	const b = new Uint8Array(n);

	for (let i = 0; i < n; i++)
		b[i] = Math.floor(x / 2 ** (8 * i)) & 0xff;
	return b;
}

/** Where @gpa is in the VMM's memory; -1 if it is not RAM, all @n bytes of it. */
function dma_address(vm: qemu_vm, gpa: number, n: number): number {
	const mr = memory_region_at(vm, gpa);

	if (mr === null || mr.block === null || gpa + n > mr.start + mr.size)
		return -1;
	return mr.block.host + mr.offset + gpa - mr.start;
}

export class fw_cfg {
	private readonly vm: qemu_vm;
	private readonly entries = new Map<number, Uint8Array>();
	private selected = 0;
	private at = 0;
	private dma_high = 0;

	constructor(vm: qemu_vm, kernel: kernel_image | null) {
		const { machine } = vm.options;
		const cmdline = new TextEncoder().encode(`${machine.append ?? ""}\0`);

		this.vm = vm;
		this.entries.set(FW_CFG_SIGNATURE, new TextEncoder().encode("QEMU"));
		this.entries.set(FW_CFG_ID, le(VERSION_DMA, 4));
		this.entries.set(FW_CFG_RAM_SIZE, le(Number(machine.ram_size), 8));
		this.entries.set(FW_CFG_NB_CPUS, le(machine.smp.cpus, 2));
		this.entries.set(FW_CFG_KERNEL_ADDR, le(kernel?.entry ?? 0, 4));
		this.entries.set(FW_CFG_KERNEL_ENTRY, le(kernel?.entry ?? 0, 4));
		this.entries.set(FW_CFG_KERNEL_SIZE, le(kernel?.bytes.length ?? 0, 4));
		this.entries.set(FW_CFG_KERNEL_DATA, kernel?.bytes ?? new Uint8Array(0));
		this.entries.set(FW_CFG_CMDLINE_SIZE, le(cmdline.length, 4));
		this.entries.set(FW_CFG_CMDLINE_DATA, cmdline);
	}

	read(port: number, size: number): number {
		if (port === FW_CFG_PORT_DATA && size === 1)
			return this.entries.get(this.selected)?.[this.at++] ?? 0;
		return 0;
	}

	write(port: number, size: number, x: number): void {
		if (port === FW_CFG_PORT_SEL && size === 2) {
			this.selected = x;
			this.at = 0;
		} else if (port === FW_CFG_PORT_DMA && size === 4) {
			this.dma_high = swap32(x);
		} else if (port === FW_CFG_PORT_DMA + 4 && size === 4) {
			this.dma(this.dma_high * 2 ** 32 + swap32(x));
			this.dma_high = 0;
		}
	}

	private dma(gpa: number): void {
		const desc = dma_address(this.vm, gpa, DMA_BYTES);

		if (desc < 0)
			return;
		const view = new DataView(peek(desc, DMA_BYTES).buffer);
		const control = view.getUint32(0), length = view.getUint32(4);
		const to = Number(view.getBigUint64(8));
		if ((control & FW_CFG_DMA_SELECT) !== 0) {
			this.selected = control >>> 16;
			this.at = 0;
		}
		this.vm.trace("fw_cfg_dma", `key 0x${this.selected.toString(16)} length ${length} ` +
			`address 0x${to.toString(16)}`);
		poke(desc, swap_bytes(this.transfer(control, length, to)));
	}

	/** What control says afterwards: 0 or an error. */
	private transfer(control: number, length: number, to: number): number {
		const from = this.entries.get(this.selected);

		if ((control & FW_CFG_DMA_READ) !== 0) {
			const at = dma_address(this.vm, to, length);
			if (at < 0)
				return FW_CFG_DMA_ERROR;
			const bytes = new Uint8Array(length);
			bytes.set(from?.subarray(this.at, this.at + length) ?? new Uint8Array(0));
			poke(at, bytes);
		} else if ((control & (FW_CFG_DMA_SKIP | FW_CFG_DMA_SELECT)) === 0) {
			return FW_CFG_DMA_ERROR;
		}
		this.at += length;
		return 0;
	}
}

const swap32 = (x: number): number =>
	((x & 0xff) * 2 ** 24) + ((x >>> 8 & 0xff) << 16) + ((x >>> 16 & 0xff) << 8) + (x >>> 24);

function swap_bytes(x: number): Uint8Array {
	const b = new Uint8Array(4);

	new DataView(b.buffer).setUint32(0, x);
	return b;
}
