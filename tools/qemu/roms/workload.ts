// SPDX-License-Identifier: GPL-2.0
/*
 * The firmware's small workload: every vCPU writes and reads back its share of RAM.
 *
 * Port-only. The mailbox in memory that all vCPUs see holds
 *
 *	+0x00 vCPUs that came up	+0x08 what they are to do	+0x10 bytes of RAM
 *	+0x18 vCPUs in all		+0x20 errors			+0x28 done with it
 *	+0x100 progress, 8 bytes a vCPU
 */
import {
	ld32, ld64n, memchk, memset, pause, st32, st64n, stride_load64, stride_store64, xadd32,
} from "#hw/isa_guest.ts";
import { mib, print, ram_address, type guest_code, type port_io } from "./lib.ts";

export const MBOX_ARRIVED	= 0x00;
export const MBOX_COMMAND	= 0x08;
export const MBOX_RAM		= 0x10;
export const MBOX_CPUS		= 0x18;
export const MBOX_ERRORS	= 0x20;
export const MBOX_DONE		= 0x28;
export const MBOX_PROGRESS	= 0x100;

export const CHUNK	= 2 * 2 ** 20;
const PAGE		= 4096;
/* what firmware keeps of RAM for itself */
const RESERVED		= 16 * 2 ** 20;
const STEPS		= 8;

const pattern = (index: number, chunk: number): bigint =>
	0x5a00000000000000n + BigInt(index) * 0x100000000n + BigInt(chunk);

/** A chunk at @gva: a word in each page, the first page filled; true if it reads back. */
function* touch_chunk(gva: number, bytes: number, value: bigint): guest_code<boolean> {
	const fill = Number(value & 0xffn);

	yield* stride_store64(gva, PAGE, bytes / PAGE, value);
	let good = (yield* stride_load64(gva, PAGE, bytes / PAGE)) === value;
	yield* memset(gva, fill, PAGE);
	if (!(yield* memchk(gva, fill, PAGE)))
		good = false;
	return good;
}

export interface share {
	readonly mailbox: number;
	readonly index: number;
}

/** Where the workload starts in RAM of @size bytes. */
export const workload_start = (size: number): number => size > 2 * RESERVED ? RESERVED : size / 2;

function* report(io: port_io, what: string, s: share, cpus: number, total: number,
	shown: number): guest_code<number> {
	let done = 0;

	for (let i = 0; i < cpus; i++)
		done += yield* ld64n(s.mailbox + MBOX_PROGRESS + 8 * i);
	const step = Math.floor(done / total * STEPS);
	if (step > shown)
		yield* print(io, `${what}: ${mib(done)} of ${mib(total)}\n`);
	return Math.max(step, shown);
}

/** One vCPU's share; the first one (@io not null) also shows how far all are. */
export function* workload(io: port_io | null, what: string, s: share): guest_code<void> {
	const size = yield* ld64n(s.mailbox + MBOX_RAM);
	const cpus = yield* ld32(s.mailbox + MBOX_CPUS);
	const start = workload_start(size), total = size - start;
	let done = 0, shown = 0;

	for (let c = s.index; start + c * CHUNK < size; c += cpus) {
		const at = start + c * CHUNK, bytes = Math.min(CHUNK, size - at);
		if (!(yield* touch_chunk(ram_address(at, size), bytes, pattern(s.index, c))))
			yield* xadd32(s.mailbox + MBOX_ERRORS, 1);
		done += bytes;
		yield* st64n(s.mailbox + MBOX_PROGRESS + 8 * s.index, done);
		if (io !== null)
			shown = yield* report(io, what, s, cpus, total, shown);
	}
	yield* xadd32(s.mailbox + MBOX_DONE, 1);
	while (io !== null && (yield* ld32(s.mailbox + MBOX_DONE)) < cpus) {
		shown = yield* report(io, what, s, cpus, total, shown);
		yield* pause();
	}
	if (io !== null)
		yield* report(io, what, s, cpus, total, shown);
}

/** Lets the others do @command, and clears what the last one left. */
export function* command(s: share, what: number): guest_code<void> {
	const cpus = yield* ld32(s.mailbox + MBOX_CPUS);

	for (let i = 0; i < cpus; i++)
		yield* st64n(s.mailbox + MBOX_PROGRESS + 8 * i, 0);
	yield* st32(s.mailbox + MBOX_DONE, 0);
	yield* st32(s.mailbox + MBOX_COMMAND, what);
}

/** Spins until a command other than @last comes. */
export function* next_command(s: share, last: number): guest_code<number> {
	for (;;) {
		const what = yield* ld32(s.mailbox + MBOX_COMMAND);
		if (what !== last)
			return what;
		yield* pause();
	}
}
