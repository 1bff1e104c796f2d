// SPDX-License-Identifier: GPL-2.0
/*
 * Kernels for -kernel: small scripts that firmware loads and starts, in a plain VM or in a TD.
 *
 * Port-only. RDI says which: 0 for a VM, 1 for a TD.
 */
import { gva_t } from "#asm-generic/types.ts";
import { guest_text_image, guest_text_place, hlt, ld32, memchk, memset, pause, st32, ud2,
	type guest_program } from "#hw/isa_guest.ts";
import { FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_SIZE } from "#tools/qemu/hw/i386/fw_cfg.ts";
import { fail, fw_cfg_number, fw_cfg_read, plain_io, power_off, print, td_io, type guest_code,
	type port_io } from "./lib.ts";

const KERNEL_BASE	= 0x100000;
const KERNEL_STRIDE	= 0x1000;
const SCRATCH		= 0x200000;
const PCI_HOLE		= 0xd0000000;

const io_of = (td: bigint): port_io => td === 1n ? td_io : plain_io;

function* cmdline(io: port_io): guest_code<string> {
	const n = yield* fw_cfg_number(io, FW_CFG_CMDLINE_SIZE, 4);
	const bytes = yield* fw_cfg_read(io, FW_CFG_CMDLINE_DATA, n);

	return new TextDecoder().decode(bytes).replace(/\0.*/s, "");
}

/** Prints its command line and powers off. */
function* hello(td: bigint): guest_program {
	const io = io_of(td);

	yield* print(io, `hello: command line "${yield* cmdline(io)}"\n`);
	yield* power_off(io);
}

/** Writes and reads memory for `rounds=N` rounds. */
function* touch(td: bigint): guest_program {
	const io = io_of(td);
	const rounds = Number(/(?:^| )rounds=(\d+)/.exec(yield* cmdline(io))?.[1] ?? "4");

	for (let i = 1; i <= rounds; i++) {
		yield* memset(SCRATCH, i & 0xff, 0x10000);
		if (!(yield* memchk(SCRATCH, i & 0xff, 0x10000)))
			yield* fail(io, 2);
		yield* print(io, `touch: round ${i}\n`);
	}
	yield* power_off(io);
}

/** Never ends: for monitors. */
function* spin(td: bigint): guest_program {
	yield* print(io_of(td), "spin: running\n");
	for (;;)
		yield* pause();
}

/** Halts for good. */
function* halt(td: bigint): guest_program {
	yield* print(io_of(td), "halt: halted\n");
	for (;;)
		yield* hlt();
}

/** Registers that nobody has: writes are lost, reads are ones. */
function* mmio(td: bigint): guest_program {
	const io = io_of(td);

	for (let i = 0; i < 4; i++)
		yield* st32(PCI_HOLE + 4 * i, i);
	yield* print(io, `mmio: 0x${(yield* ld32(PCI_HOLE)).toString(16)}\n`);
	yield* power_off(io);
}

/** An exception without a table to handle it. */
function* triple_fault(td: bigint): guest_program {
	yield* print(io_of(td), "triple-fault: here it comes\n");
	yield* ud2();
}

/** Ends with the status that `status=N` asks for. */
function* debug_exit(td: bigint): guest_program {
	const io = io_of(td);

	yield* fail(io, Number(/(?:^| )status=(\d+)/.exec(yield* cmdline(io))?.[1] ?? "0"));
}

const KERNELS: readonly (readonly [string, (td: bigint) => guest_program])[] = [
	["hello", hello], ["touch", touch], ["spin", spin], ["halt", halt], ["mmio", mmio],
	["triple-fault", triple_fault], ["debug-exit", debug_exit],
];

export const kernel_names = (): string[] => KERNELS.map(([name]) => name);

export interface kernel_image {
	readonly entry: number;
	readonly bytes: Uint8Array;
}

const placed = new Set<string>();

export function find_kernel(name: string): kernel_image | null {
	const i = KERNELS.findIndex(([n]) => n === name);

	if (i < 0)
		return null;
	const entry = KERNEL_BASE + i * KERNEL_STRIDE;
	if (!placed.has(name))
		guest_text_place(KERNELS[i]![1], gva_t(entry));
	placed.add(name);
	return { entry, bytes: guest_text_image() };
}
