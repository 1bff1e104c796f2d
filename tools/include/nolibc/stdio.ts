// SPDX-License-Identifier: GPL-2.0
/*
 * printf and friends, unbuffered.
 *
 * Port-only in form. Integers may be numbers or bigints; %p and %lx take either.
 */
import { errno } from "./arch.ts";
import { strerror } from "./errno.ts";
import { write_bytes } from "./sys.ts";

export type printf_arg = number | bigint | string | null;
export const stdout = 1;
export const stderr = 2;

const SPEC = /%([-0+ #]*)(\d*)(?:\.(\d+))?(?:hh|h|ll|l|z|t|j)?([diuxXopscm%])/g;

function pad(s: string, flags: string, width: number): string {
	if (s.length >= width)
		return s;
	if (flags.includes("-"))
		return s.padEnd(width);
	if (!flags.includes("0"))
		return s.padStart(width);
	const sign = /^[-+]|^0x/.exec(s)?.[0] ?? "";
	return sign + s.slice(sign.length).padStart(width - sign.length, "0");
}

function integer(conv: string, flags: string, x: number | bigint): string {
	const alt = flags.includes("#");
	switch (conv) {
	case "d":
	case "i":
		return (flags.includes("+") && x >= 0 ? "+" : "") + x.toString();
	case "x":
		return (alt ? "0x" : "") + x.toString(16);
	case "X":
		return (alt ? "0X" : "") + x.toString(16).toUpperCase();
	case "o":
		return (alt ? "0" : "") + x.toString(8);
	case "p":
		return Number(x) === 0 ? "(nil)" : "0x" + x.toString(16);
	default:
		return x.toString();
	}
}

/** C's sprintf(), returning the string. */
export function sprintf(fmt: string, ...args: printf_arg[]): string {
	let i = 0;
	return fmt.replace(SPEC, (_, flags: string, width: string, prec: string | undefined,
		conv: string) => {
		if (conv === "%")
			return "%";
		if (conv === "m")
			return strerror(errno());
		const arg = args[i++] ?? (conv === "s" ? "(null)" : 0);
		let s: string;
		if (conv === "s")
			s = prec === undefined ? String(arg) : String(arg).slice(0, Number(prec));
		else if (conv === "c")
			s = typeof arg === "string" ? arg : String.fromCharCode(Number(arg));
		else
			s = integer(conv, flags, typeof arg === "string" ? BigInt(arg) : arg);
		return pad(s, flags, Number(width));
	});
}

export function fputs(s: string, fd: number): number {
	return write_bytes(fd, new TextEncoder().encode(s));
}

export function printf(fmt: string, ...args: printf_arg[]): number {
	return fputs(sprintf(fmt, ...args), stdout);
}

export function fprintf(fd: number, fmt: string, ...args: printf_arg[]): number {
	return fputs(sprintf(fmt, ...args), fd);
}

export function puts(s: string): number {
	return fputs(s + "\n", stdout);
}

export function perror(s: string): void {
	fputs(`${s}: ${strerror(errno())}\n`, stderr);
}
