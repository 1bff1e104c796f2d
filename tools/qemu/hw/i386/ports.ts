// SPDX-License-Identifier: GPL-2.0
/*
 * The I/O ports of the board: two serial ports, fw_cfg, power and reset.
 *
 * Port-only; after QEMU's hw/i386/pc.c, hw/isa/lpc_ich9.c, hw/acpi/core.c and
 * hw/misc/debugexit.c, which is always there.
 */
import type { qemu_vm } from "#tools/qemu/system/vm.ts";
import { qemu_system_reset_request, qemu_system_shutdown_request } from
	"#tools/qemu/system/runstate.ts";
import type { kernel_image } from "#tools/qemu/roms/kernels.ts";
import { serial_port } from "#tools/qemu/hw/char/serial.ts";
import { FW_CFG_PORT_DMA, FW_CFG_PORT_SEL, fw_cfg } from "./fw_cfg.ts";

export const COM_PORTS		= [0x3f8, 0x2f8, 0x3e8, 0x2e8];
/* PM1a_CNT_BLK where firmware puts ICH9's PM base; SLP_EN, and S5 is SLP_TYP 0 */
export const ACPI_PM1_CNT	= 0x604;
export const ACPI_SLP_EN	= 0x2000;
export const ISA_DEBUG_EXIT	= 0x501;
/* system reset through the chipset, and through the keyboard controller */
const RESET_CONTROL		= 0xcf9;
const KBD_COMMAND		= 0x64;
const KBD_RESET			= 0xfe;

export interface board_ports {
	readonly serials: serial_port[];
	readonly fw: fw_cfg;
}

const boards = new WeakMap<qemu_vm, board_ports>();

export function ports_init(vm: qemu_vm, kernel: kernel_image | null): board_ports {
	const board = {
		serials: vm.options.serials.map((dev) => new serial_port(vm, dev.index)),
		fw: new fw_cfg(vm, kernel),
	};

	boards.set(vm, board);
	return board;
}

const is_fw = (port: number): boolean => port >= FW_CFG_PORT_SEL && port < FW_CFG_PORT_DMA + 8;

/** A port that nobody answers reads as ones. */
export function port_read(vm: qemu_vm, port: number, size: number): number {
	const board = boards.get(vm)!;
	const com = COM_PORTS.findIndex((base) => port >= base && port < base + 8);

	vm.trace("cpu_in", `addr 0x${port.toString(16)} size ${size}`);
	if (com >= 0 && board.serials[com] !== undefined)
		return board.serials[com].read(port - COM_PORTS[com]!);
	if (is_fw(port))
		return board.fw.read(port, size);
	return 2 ** (8 * size) - 1;
}

export function port_write(vm: qemu_vm, port: number, size: number, x: number): void {
	const board = boards.get(vm)!;
	const com = COM_PORTS.findIndex((base) => port >= base && port < base + 8);

	vm.trace("cpu_out", `addr 0x${port.toString(16)} size ${size} value ${x}`);
	if (com >= 0)
		board.serials[com]?.write(port - COM_PORTS[com]!, x & 0xff);
	else if (is_fw(port))
		board.fw.write(port, size, x);
	else if (port === ACPI_PM1_CNT && (x & ACPI_SLP_EN) !== 0)
		qemu_system_shutdown_request(vm, "guest-shutdown");
	else if ((port === RESET_CONTROL && (x & 4) !== 0) ||
		 (port === KBD_COMMAND && x === KBD_RESET))
		qemu_system_reset_request(vm, "guest-reset");
	else if (port === ISA_DEBUG_EXIT) {
		vm.exit_status = ((x << 1) | 1) & 0xff;
		qemu_system_shutdown_request(vm, "guest-shutdown");
	}
}
