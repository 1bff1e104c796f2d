// SPDX-License-Identifier: GPL-2.0
/*
 * The board: where RAM, firmware and a kernel are.
 *
 * Port-only; after QEMU's hw/i386/{x86,pc,pc_q35}.c. RAM is split at 2 GiB when there is more than
 * q35 can have below 4 GiB; firmware is at the top of 4 GiB, and its end once more below 1 MiB
 * (never in a TD, where private memory has no aliases).
 */
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { mmap, poke } from "#tools/include/nolibc/nolibc.ts";
import { error_printf, error_report, qemu_error, qemu_exit } from
	"#tools/qemu/util/error-report.ts";
import { create_default_memdev, error_errno, host_memory_backend_create, rom_backend_create } from
	"#tools/qemu/backends/hostmem.ts";
import { DEFAULT_RAM_ID } from "#tools/qemu/hw/core/machine.ts";
import { is_memory_backend } from "#tools/qemu/qom/object_interfaces.ts";
import type { memory_region } from "#tools/qemu/system/memory.ts";
import type { ram_block } from "#tools/qemu/system/physmem.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";
import { find_kernel, type kernel_image } from "#tools/qemu/roms/kernels.ts";
import { find_rom, type rom_image } from "#tools/qemu/roms/roms.ts";
import { tdx_parse_tdvf } from "#tools/qemu/target/i386/tdx.ts";

const GIB		= 2 ** 30;
const LOW_MAX		= 0xb0000000;
const LOW_SPLIT		= 0x80000000;
const ABOVE_4G		= 4 * GIB;
const ISA_BIOS_MAX	= 128 * 1024;
const APIC_BASE		= 0xfee00000;
const IOAPIC_BASE	= 0xfec00000;

/** softmmu/vl.c: backends, and the machine's among them. */
export function create_memory_backends(vm: qemu_vm): void {
	for (const o of vm.options.objects)
		if (is_memory_backend(o))
			vm.blocks.push(host_memory_backend_create(o));
}

/** softmmu/vl.c:qemu_resolve_machine_memdev(), hw/core/machine.c:machine_run_board_init() */
export function machine_ram(vm: qemu_vm): ram_block {
	const { machine } = vm.options, id = machine.memory_backend;

	if (id === null) {
		if (vm.blocks.some((b) => b.idstr === DEFAULT_RAM_ID))
			throw new qemu_error(`object's id '${DEFAULT_RAM_ID}' is reserved for the default ` +
				"RAM backend, it can't be used for any other purposes",
			"Change the object's 'id' to something else or disable automatic creation of the " +
			"default RAM backend by setting " +
			`'memory-backend=${DEFAULT_RAM_ID}' with '-machine'.\n`);
		const rb = create_default_memdev(DEFAULT_RAM_ID, machine.ram_size);
		vm.blocks.push(rb);
		return rb;
	}
	const rb = vm.blocks.find((b) => b.idstr === id);
	if (rb === undefined) {
		error_report(`Memory backend '${id}' not found`);
		throw new qemu_exit(1);
	}
	if (!machine.custom_ram_size)
		machine.ram_size = BigInt(rb.length);
	if (machine.ram_size !== BigInt(rb.length))
		throw new qemu_error(
			"Machine memory size does not match the size of the memory backend");
	return rb;
}

function ram_regions(rb: ram_block): memory_region[] {
	const low = rb.length <= LOW_MAX ? rb.length : LOW_SPLIT;
	const part = (name: string, start: number, offset: number, size: number): memory_region =>
		({ name, kind: "ram", start, size, prio: 0, block: rb, offset, alias: true, ops: null });
	const list = [part("ram-below-4g", 0, 0, low)];

	if (low < rb.length)
		list.push(part("ram-above-4g", ABOVE_4G, low, rb.length - low));
	return list;
}

/** Registers that are in the kernel, or that nobody has: for what happens beside them. */
function device_region(name: string, start: number, size: number): memory_region {
	return { name, kind: "i/o", start, size, prio: 1, block: null, offset: 0, alias: false,
		ops: { read: () => 0n, write: () => {} } };
}

function map_rom(name: string, bytes: Uint8Array): ram_block {
	const host = mmap(0, bytes.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);

	if (host < 0)
		throw error_errno(`cannot set up guest memory '${name}'`);
	poke(host, bytes);
	return { idstr: name, host, length: bytes.length, page_size: 4096, fd: -1, private_fd: -1,
		shared: false };
}

/** hw/i386/x86.c:x86_bios_rom_init(), for a plain VM. */
function bios_regions(vm: qemu_vm, rom: rom_image): memory_region[] {
	const rb = map_rom("pc.bios", rom.bytes);
	const isa = Math.min(rom.bytes.length, ISA_BIOS_MAX);

	vm.blocks.push(rb);
	return [
		{ name: "pc.bios", kind: "rom", start: ABOVE_4G - rom.bytes.length, size: rom.bytes.length,
			prio: 0, block: rb, offset: 0, alias: false, ops: null },
		{ name: "isa-bios", kind: "rom", start: 2 ** 20 - isa, size: isa, prio: 1, block: rb,
			offset: rom.bytes.length - isa, alias: true, ops: null },
	];
}

/** Where @mr is not hidden by regions above it: what KVM gets a slot for. */
function visible(mr: memory_region, over: readonly memory_region[]): memory_region[] {
	let parts = [mr];

	for (const o of over) {
		const end = o.start + o.size;
		parts = parts.flatMap((p) => {
			const p_end = p.start + p.size;
			if (end <= p.start || o.start >= p_end)
				return [p];
			const cut = (start: number, stop: number): memory_region => ({ ...p, start,
				size: stop - start, offset: p.offset + start - p.start });
			return [...(o.start > p.start ? [cut(p.start, o.start)] : []),
				...(end < p_end ? [cut(end, p_end)] : [])];
		});
	}
	return parts;
}

export function find_firmware(vm: qemu_vm): rom_image {
	const tdx = vm.options.machine.cgs !== null;
	const name = vm.options.machine.firmware ?? (tdx ? "tdvf" : "bios");
	const rom = find_rom(name);

	if (rom === null) {
		error_printf(`qemu: could not load PC BIOS '${name}'\n`);
		throw new qemu_exit(1);
	}
	return rom;
}

/** hw/i386/x86.c:x86_load_linux(): the bundled kernel; null without -kernel. */
export function load_kernel(vm: qemu_vm): kernel_image | null {
	const name = vm.options.machine.kernel;

	if (name === null)
		return null;
	const kernel = find_kernel(name);
	if (kernel === null) {
		error_printf(`qemu: could not open kernel file '${name}': No such file or directory\n`);
		throw new qemu_exit(1);
	}
	return kernel;
}

/** Firmware of a TD: memory as the rest, and all of it can be private. */
function tdvf_region(vm: qemu_vm, rom: rom_image): memory_region {
	const rb = rom_backend_create("pc.bios", rom.bytes.length);

	poke(rb.host, rom.bytes);
	vm.blocks.push(rb);
	return { name: "pc.bios", kind: "ram", start: ABOVE_4G - rb.length, size: rb.length, prio: 0,
		block: rb, offset: 0, alias: false, ops: null };
}

/** hw/i386/pc.c:pc_memory_init() */
export function pc_memory_init(vm: qemu_vm, ram: ram_block, rom: rom_image): void {
	const firmware = vm.options.machine.cgs === null ? bios_regions(vm, rom) :
		[tdvf_region(vm, rom)];
	const devices = [device_region("ioapic", IOAPIC_BASE, 0x1000),
		device_region("apic-msi", APIC_BASE, 0x100000)];
	const low = firmware.filter((mr) => mr.prio > 0);

	vm.regions = [...ram_regions(ram).flatMap((mr) => visible(mr, low)), ...firmware,
		...devices];
	if (vm.tdx !== null)
		tdx_parse_tdvf(vm, rom.bytes, firmware[0]!.block!);
}
