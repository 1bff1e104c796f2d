// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's physical address space: RAM, ROM, device registers, and what `info mtree` prints.
 *
 * Port-only; after QEMU's softmmu/memory.c, with one level of regions and aliases into RAM blocks.
 */
import type { ram_block } from "./physmem.ts";
import type { qemu_vm } from "./vm.ts";

export interface mmio_ops {
	read(offset: number, size: number): bigint;
	write(offset: number, size: number, value: bigint): void;
}

export interface memory_region {
	readonly name: string;
	readonly kind: "ram" | "rom" | "i/o";
	readonly start: number;
	readonly size: number;
	readonly prio: number;
	/** RAM and ROM: where its first byte is */
	readonly block: ram_block | null;
	readonly offset: number;
	/** Shown as an alias of the block. */
	readonly alias: boolean;
	readonly ops: mmio_ops | null;
}

export interface memory_section {
	readonly mr: memory_region;
	readonly offset: number;
	/** bytes of the range that the region holds */
	readonly size: number;
}

/** The region at @gpa; null: nothing is assigned there. */
export function memory_region_at(vm: qemu_vm, gpa: number): memory_region | null {
	let found: memory_region | null = null;

	for (const mr of vm.regions)
		if (gpa >= mr.start && gpa < mr.start + mr.size &&
		    (found === null || mr.prio > found.prio))
			found = mr;
	return found;
}

/** softmmu/memory.c:memory_region_find(): the first region that [@gpa, +@size) meets. */
export function memory_region_find(vm: qemu_vm, gpa: number, size: number): memory_section | null {
	let first: memory_region | null = memory_region_at(vm, gpa);
	let at = gpa;

	if (first === null) {
		for (const mr of vm.regions)
			if (mr.start > gpa && mr.start < gpa + size &&
			    (first === null || mr.start < first.start))
				first = mr;
		if (first === null)
			return null;
		at = first.start;
	}
	const offset = at - first.start;
	return { mr: first, offset: first.offset + offset,
		size: Math.min(gpa + size - at, first.size - offset) };
}

const hex16 = (x: number | bigint): string => x.toString(16).padStart(16, "0");

/** info mtree */
export function mtree_info(vm: qemu_vm): string {
	const lines = ["address-space: memory",
		"  0000000000000000-ffffffffffffffff (prio 0, i/o): system"];
	const aliased = new Set<ram_block>();

	for (const mr of [...vm.regions].sort((a, b) => a.start - b.start || b.prio - a.prio)) {
		let line = `    ${hex16(mr.start)}-${hex16(mr.start + mr.size - 1)} ` +
			`(prio ${mr.prio}, ${mr.kind}): `;
		if (mr.alias && mr.block !== null) {
			aliased.add(mr.block);
			line += `alias ${mr.name} @${mr.block.idstr} ${hex16(mr.offset)}-` +
				hex16(mr.offset + mr.size - 1);
		} else {
			line += mr.name;
		}
		lines.push(line);
	}
	lines.push("", "address-space: I/O", "  0000000000000000-000000000000ffff (prio 0, i/o): io", "");
	for (const rb of aliased)
		lines.push(`memory-region: ${rb.idstr}`,
			`  0000000000000000-${hex16(rb.length - 1)} (prio 0, ram): ${rb.idstr}`, "");
	return lines.join("\n") + "\n";
}
