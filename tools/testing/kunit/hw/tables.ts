// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables built by hand, for tests of the machine without a kernel.
 *
 * Port-only.
 */
import type { pfn_nr } from "#asm-generic/types.ts";
import { clear_frame, mem_lo, mem_write64, memory_install } from "#hw/memory.ts";
import { cpus, cpus_install, load_idt, set_this_cpu, this_cpu, write_cr3, X86_TRAP_GP,
	X86_TRAP_PF } from "#hw/cpu.ts";

export const P = 1, W = 2, U = 4, A = 32, D = 64, PS = 128, G = 256;
/** bit 63, in the high half */
export const NX = 1 << 31;

let next_frame = 0x1000;

export function new_frame(): number {
	const pfn = next_frame++;
	clear_frame(pfn as pfn_nr);
	return pfn;
}

/** A machine with @n CPUs in user mode on an empty top table; returns its frame. */
export function machine(n = 1, bytes = 2 ** 31): number {
	memory_install(bytes);
	cpus_install(n);
	next_frame = 0x1000;
	const pgd = new_frame();
	for (const cpu of cpus) {
		set_this_cpu(cpu);
		write_cr3(pgd, 0, false);
		cpu.cpl = 3;
	}
	set_this_cpu(cpus[0]!);
	return pgd;
}

const index = (va: number, level: number): number =>
	Math.floor(va / 2 ** (12 + 9 * (level - 1))) % 512;

/** Word of the entry of @va at @level (1: page table), tables above made with @rights. */
export function entry_of(pgd: number, va: number, level = 1, rights = P | W | U): number {
	let table = pgd;
	for (let l = 4; l > level; l--) {
		const word = table * 512 + index(va, l);
		if (mem_lo(word) === 0)
			mem_write64(word, (new_frame() << 12) | rights, 0);
		table = mem_lo(word) >>> 12;
	}
	return table * 512 + index(va, level);
}

/** Maps @pfn at @va; returns the word of the entry. */
export function map(pgd: number, va: number, pfn: number, flags = P | W | U, hi = 0,
	level = 1): number {
	const word = entry_of(pgd, va, level);
	mem_write64(word, (pfn << 12) | flags, hi);
	return word;
}

export interface fault {
	cpu: number;
	error: number;
	addr: number;
}

class faulted extends Error {}

/** Runs @fn; the fault that ended it, or null. */
export function fault_of(fn: () => void): fault | null {
	let f: fault | null = null;
	const handler = (cpu: { id: number }, error: number, addr: number): never => {
		f = { cpu: cpu.id, error, addr };
		throw new faulted();
	};
	load_idt(X86_TRAP_PF, handler);
	load_idt(X86_TRAP_GP, (cpu) => handler(cpu, -1, 0));
	try {
		fn();
	} catch (e) {
		if (!(e instanceof faulted))
			throw e;
		this_cpu.cpl = 3;
	}
	return f;
}
