// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers, sizes and identifiers in text.
 *
 * Port-only; after QEMU's util/cutils.c and util/id.c. A size is a decimal number, with a fraction
 * if a suffix scales it, or a hexadecimal one; suffixes count by 1024, and "e" is exa-, never an
 * exponent.
 */
const U64_END = 2n ** 64n;
const SUFFIX = "BKMGTPE";

export type strtosz_error = "ERANGE" | "EINVAL";

function scale_of(suffix: string): bigint | null {
	const i = SUFFIX.indexOf(suffix.toUpperCase());
	return suffix === "" || i < 0 ? null : 1n << BigInt(10 * i);
}

/** Digits behind the point times @scale, rounded half up; EINVAL for half a byte. */
function fraction(digits: string, scale: bigint): bigint | null {
	const den = 10n ** BigInt(digits.length);
	const num = BigInt(digits === "" ? "0" : digits);

	if (num !== 0n && scale === 1n)
		return null;
	return (2n * num * scale + den) / (2n * den);
}

/** util/cutils.c:qemu_strtosz(), and _MiB with @default_suffix "M". */
export function qemu_strtosz(text: string, default_suffix = "B"): bigint | strtosz_error {
	const hex = /^\s*\+?0[xX]([0-9a-fA-F]+)$/.exec(text);

	if (hex !== null) {
		const x = BigInt(`0x${hex[1]!}`);
		return x >= U64_END ? "ERANGE" : x;
	}
	if (/^\s*-\d/.test(text))
		return "ERANGE";
	const m = /^\s*\+?(\d*)(\.(\d*))?([bkmgtpeBKMGTPE]?)$/.exec(text);
	if (m === null || (m[1] === "" && (m[3] ?? "") === ""))
		return "EINVAL";
	const scale = scale_of(m[4]!) ?? scale_of(default_suffix)!;
	const part = fraction(m[3] ?? "", scale);
	if (part === null)
		return "EINVAL";
	const x = BigInt(m[1] === "" ? "0" : m[1]!) * scale + part;
	return x >= U64_END ? "ERANGE" : x;
}

/** util/cutils.c:qemu_strtou64() with base 0, of the whole text. */
export function qemu_strtou64(text: string): bigint | strtosz_error {
	const m = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);

	if (m === null)
		return "EINVAL";
	const octal = /^0\d+$/.test(m[2]!);
	if (octal && /[89]/.test(m[2]!))
		return "EINVAL";
	const x = BigInt(octal ? `0o${m[2]!.slice(1)}` : m[2]!);
	if (x >= U64_END)
		return "ERANGE";
	return m[1] === "-" ? BigInt.asUintN(64, -x) : x;
}

/** util/id.c:id_wellformed() */
export function id_wellformed(id: string): boolean {
	return /^[A-Za-z][-A-Za-z0-9._]*$/.test(id);
}

export const ID_HINT = "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.\n";
