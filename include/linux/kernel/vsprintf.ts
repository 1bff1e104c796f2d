// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's printf.
 *
 * Upstream: lib/vsprintf.c. Kept: flags, width, precision, the integer and string conversions;
 * %p and %px print numbers in hex and objects by their class, %pS and %ps print strings as they
 * are. Length modifiers decide how a negative number looks in hex (32 or 64 bits).
 */

const SPEC = /%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?(hh|h|ll|l|L|z|t|Z)?(p[a-zA-Z]*|[a-zA-Z%])/g;

function is_wide(len: string | undefined): boolean {
	return len === "l" || len === "ll" || len === "L" || len === "z" || len === "Z" ||
		len === "t";
}

function to_bigint(x: unknown, wide: boolean, signed: boolean): bigint {
	let v: bigint;
	if (typeof x === "bigint")
		v = x;
	else if (typeof x === "boolean")
		v = x ? 1n : 0n;
	else
		v = Number.isFinite(Number(x)) ? BigInt(Math.trunc(Number(x))) : 0n;
	/* a number that does not fit 32 bits was an unsigned long, whatever the format says */
	const bits = wide || typeof x === "bigint" || v > 0xffffffffn || v < -0x80000000n ? 64 : 32;
	if (signed)
		return BigInt.asIntN(bits, v);
	return BigInt.asUintN(bits, v);
}

function pointer(x: unknown): string {
	if (x === null || x === undefined)
		return "0000000000000000";
	if (typeof x === "number" || typeof x === "bigint")
		return BigInt.asUintN(64, BigInt(x)).toString(16).padStart(16, "0");
	if (typeof x === "string")
		return x;
	if (typeof x === "function")
		return x.name;
	return x.constructor.name;
}

function pad(s: string, flags: string, width: number, zero: boolean): string {
	if (s.length >= width)
		return s;
	if (flags.includes("-"))
		return s.padEnd(width);
	if (!zero)
		return s.padStart(width);
	const sign = /^(?:[-+ ]|0x)/.exec(s)?.[0] ?? "";
	return sign + s.slice(sign.length).padStart(width - sign.length, "0");
}

function integer(conv: string, flags: string, prec: number | undefined, wide: boolean,
	x: unknown): string {
	const signed = conv === "d" || conv === "i";
	const v = to_bigint(x, wide, signed);
	const radix = conv === "x" || conv === "X" ? 16 : conv === "o" ? 8 : 10;
	let digits = (v < 0n ? -v : v).toString(radix);
	if (conv === "X")
		digits = digits.toUpperCase();
	if (prec !== undefined)
		digits = digits.padStart(prec, "0");
	if (flags.includes("#") && radix === 16)
		digits = (conv === "X" ? "0X" : "0x") + digits;
	if (v < 0n)
		return "-" + digits;
	if (signed && flags.includes("+"))
		return "+" + digits;
	return signed && flags.includes(" ") ? " " + digits : digits;
}

/** lib/vsprintf.c:vsnprintf() */
export function sprintf(fmt: string, ...args: unknown[]): string {
	return vsprintf(fmt, args);
}

export function vsprintf(fmt: string, args: readonly unknown[]): string {
	if (!fmt.includes("%"))
		return fmt;
	let at = 0;
	return fmt.replace(SPEC, (_all, flags: string, w: string | undefined, p: string | undefined,
		len: string | undefined, conv: string) => {
		if (conv === "%")
			return "%";
		if (w === "*") {
			const star = Number(args[at++]);
			w = String(Math.abs(star));
			if (star < 0)
				flags += "-";
		}
		const width = w === undefined ? 0 : Number(w);
		if (p === "*")
			p = String(args[at++]);
		const prec = p === undefined ? undefined : Number(p);
		const x = args[at++];

		switch (conv) {
		case "s": {
			const s = x === null || x === undefined ? "(null)" : String(x as string);
			return pad(prec === undefined ? s : s.slice(0, prec), flags, width, false);
		}
		case "c":
			return pad(typeof x === "number" ? String.fromCharCode(x) :
				String(x as string),
				flags, width, false);
		case "d": case "i": case "u": case "x": case "X": case "o":
			return pad(integer(conv, flags, prec, is_wide(len), x), flags, width,
				flags.includes("0") && prec === undefined);
		default:
			return pad(pointer(x), flags, width, false);
		}
	});
}
