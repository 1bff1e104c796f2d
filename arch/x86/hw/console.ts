// SPDX-License-Identifier: GPL-2.0
/*
 * The serial line: bytes that the machine sends to whoever watches it.
 *
 * Port-only. It carries what programs print; the kernel's log has consoles of its own.
 */

/** Takes the bytes of a line, at once. */
export type serial_sink = (bytes: Uint8Array) => void;

let sink: serial_sink | null = null;

/** Connects @to, or nothing. */
export function serial_connect(to: serial_sink | null): void {
	sink = to;
}

/** Sends @bytes; they are copied before the call returns, or lost. */
export function serial_write(bytes: Uint8Array): void {
	sink?.(bytes);
}
