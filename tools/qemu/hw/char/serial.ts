// SPDX-License-Identifier: GPL-2.0
/*
 * A serial port: as much of an 8250 as output, polled input and loopback-free drivers need.
 *
 * Port-only; after QEMU's hw/char/serial.c. No interrupts and no FIFO: what is written is sent at
 * once, what comes waits until it is read.
 */
import type { qemu_vm } from "#tools/qemu/system/vm.ts";

const LCR_DLAB	= 0x80;
const LSR_DR	= 0x01;
/* transmitter empty */
const LSR_THRE	= 0x20;
const LSR_TEMT	= 0x40;
/* clear to send, data set ready, carrier */
const MSR_LINE	= 0xb0;

export class serial_port {
	private readonly vm: qemu_vm;
	private readonly dev: number;
	private readonly input: number[] = [];
	private ier = 0;
	private lcr = 0;
	private mcr = 0;
	private scr = 0;
	private divisor = 0x0c;

	constructor(vm: qemu_vm, dev: number) {
		this.vm = vm;
		this.dev = dev;
	}

	receive(bytes: Uint8Array): void {
		this.input.push(...bytes);
	}

	read(reg: number): number {
		const dlab = (this.lcr & LCR_DLAB) !== 0;

		switch (reg) {
		case 0:
			return dlab ? this.divisor & 0xff : this.input.shift() ?? 0;
		case 1:
			return dlab ? this.divisor >> 8 : this.ier;
		case 2:
			return 1;
		case 3:
			return this.lcr;
		case 4:
			return this.mcr;
		case 5:
			return LSR_THRE | LSR_TEMT | (this.input.length > 0 ? LSR_DR : 0);
		case 6:
			return MSR_LINE;
		default:
			return this.scr;
		}
	}

	write(reg: number, x: number): void {
		const dlab = (this.lcr & LCR_DLAB) !== 0;

		switch (reg) {
		case 0:
			if (dlab)
				this.divisor = (this.divisor & 0xff00) | x;
			else
				this.vm.io.write(this.dev, Uint8Array.of(x));
			return;
		case 1:
			if (dlab)
				this.divisor = (this.divisor & 0xff) | (x << 8);
			else
				this.ier = x & 0x0f;
			return;
		case 3:
			this.lcr = x;
			return;
		case 4:
			this.mcr = x & 0x1f;
			return;
		case 7:
			this.scr = x;
		}
	}
}
