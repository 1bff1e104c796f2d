// SPDX-License-Identifier: GPL-2.0
/*
 * SHA-384 and its HMAC against published answers, and against another implementation.
 */
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { hmac_sha384, sha384, sha384_digest } from "#hw/tdx/sha384.ts";
import { prng } from "#tools/testing/kunit/lib/prng.ts";

const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");
const ascii = (s: string): Uint8Array => new TextEncoder().encode(s);

test("the standard's examples", () => {
	expect(hex(sha384_digest(ascii("abc")))).toBe(
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
		"8086072ba1e7cc2358baeca134c825a7");
	expect(hex(sha384_digest())).toBe(
		"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da" +
		"274edebfe76f65fbd51ad2f14898b95b");
	expect(hex(sha384_digest(ascii("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn" +
		"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")))).toBe(
		"09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712" +
		"fcc7c71a557e2db966c3e9fa91746039");
});

test("every length, in pieces of any size", () => {
	const rnd = new prng(1);
	for (let n = 0; n < 400; n++) {
		const bytes = Uint8Array.from({ length: n }, () => rnd.below(256));
		const s = new sha384();
		for (let at = 0; at < n;) {
			const piece = 1 + rnd.below(150);
			s.update(bytes.subarray(at, at + piece));
			at += piece;
		}
		expect(hex(s.final())).toBe(createHash("sha384").update(bytes).digest("hex"));
	}
});

test("HMAC with short and long keys", () => {
	for (const n of [0, 1, 48, 128, 129, 300]) {
		const key = new Uint8Array(n).fill(0xaa);
		expect(hex(hmac_sha384(key, ascii("what TDX reports")))).toBe(
			createHmac("sha384", key).update("what TDX reports").digest("hex"));
	}
});
