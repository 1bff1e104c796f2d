// SPDX-License-Identifier: GPL-2.0
/*
 * memset, memcpy, memcmp on user memory.
 *
 * Port-only in form.
 */
import { peek, poke, user_fill } from "./arch.ts";

const CHUNK = 1 << 16;

export function memset(dst: number, c: number, n: number): number {
	user_fill(dst, c, n);
	return dst;
}

export function memcpy(dst: number, src: number, n: number): number {
	for (let at = 0; at < n; at += CHUNK)
		poke(dst + at, peek(src + at, Math.min(CHUNK, n - at)));
	return dst;
}

export function memcmp(a: number, b: number, n: number): number {
	for (let at = 0; at < n; at += CHUNK) {
		const x = peek(a + at, Math.min(CHUNK, n - at));
		const y = peek(b + at, x.length);
		for (let i = 0; i < x.length; i++) {
			if (x[i] !== y[i])
				return x[i]! - y[i]!;
		}
	}
	return 0;
}
