// SPDX-License-Identifier: GPL-2.0
/*
 * SHA-384, and HMAC with it: what TDX measures with.
 *
 * Port-only. FIPS 180-4, in 32-bit halves; synchronous, incremental. A digest is 48 bytes.
 */

export const SHA384_BYTES	= 48;
const BLOCK			= 128;

/* 64 bits of the fractional parts of cube roots of the first 80 primes: high, low */
const K = new Uint32Array([
	0x428a2f98, 0xd728ae22, 0x71374491, 0x23ef65cd, 0xb5c0fbcf, 0xec4d3b2f,
	0xe9b5dba5, 0x8189dbbc, 0x3956c25b, 0xf348b538, 0x59f111f1, 0xb605d019,
	0x923f82a4, 0xaf194f9b, 0xab1c5ed5, 0xda6d8118, 0xd807aa98, 0xa3030242,
	0x12835b01, 0x45706fbe, 0x243185be, 0x4ee4b28c, 0x550c7dc3, 0xd5ffb4e2,
	0x72be5d74, 0xf27b896f, 0x80deb1fe, 0x3b1696b1, 0x9bdc06a7, 0x25c71235,
	0xc19bf174, 0xcf692694, 0xe49b69c1, 0x9ef14ad2, 0xefbe4786, 0x384f25e3,
	0x0fc19dc6, 0x8b8cd5b5, 0x240ca1cc, 0x77ac9c65, 0x2de92c6f, 0x592b0275,
	0x4a7484aa, 0x6ea6e483, 0x5cb0a9dc, 0xbd41fbd4, 0x76f988da, 0x831153b5,
	0x983e5152, 0xee66dfab, 0xa831c66d, 0x2db43210, 0xb00327c8, 0x98fb213f,
	0xbf597fc7, 0xbeef0ee4, 0xc6e00bf3, 0x3da88fc2, 0xd5a79147, 0x930aa725,
	0x06ca6351, 0xe003826f, 0x14292967, 0x0a0e6e70, 0x27b70a85, 0x46d22ffc,
	0x2e1b2138, 0x5c26c926, 0x4d2c6dfc, 0x5ac42aed, 0x53380d13, 0x9d95b3df,
	0x650a7354, 0x8baf63de, 0x766a0abb, 0x3c77b2a8, 0x81c2c92e, 0x47edaee6,
	0x92722c85, 0x1482353b, 0xa2bfe8a1, 0x4cf10364, 0xa81a664b, 0xbc423001,
	0xc24b8b70, 0xd0f89791, 0xc76c51a3, 0x0654be30, 0xd192e819, 0xd6ef5218,
	0xd6990624, 0x5565a910, 0xf40e3585, 0x5771202a, 0x106aa070, 0x32bbd1b8,
	0x19a4c116, 0xb8d2d0c8, 0x1e376c08, 0x5141ab53, 0x2748774c, 0xdf8eeb99,
	0x34b0bcb5, 0xe19b48a8, 0x391c0cb3, 0xc5c95a63, 0x4ed8aa4a, 0xe3418acb,
	0x5b9cca4f, 0x7763e373, 0x682e6ff3, 0xd6b2b8a3, 0x748f82ee, 0x5defb2fc,
	0x78a5636f, 0x43172f60, 0x84c87814, 0xa1f0ab72, 0x8cc70208, 0x1a6439ec,
	0x90befffa, 0x23631e28, 0xa4506ceb, 0xde82bde9, 0xbef9a3f7, 0xb2c67915,
	0xc67178f2, 0xe372532b, 0xca273ece, 0xea26619c, 0xd186b8c7, 0x21c0c207,
	0xeada7dd6, 0xcde0eb1e, 0xf57d4f7f, 0xee6ed178, 0x06f067aa, 0x72176fba,
	0x0a637dc5, 0xa2c898a6, 0x113f9804, 0xbef90dae, 0x1b710b35, 0x131c471b,
	0x28db77f5, 0x23047d84, 0x32caab7b, 0x40c72493, 0x3c9ebe0a, 0x15c9bebc,
	0x431d67c4, 0x9c100d4c, 0x4cc5d4be, 0xcb3e42b6, 0x597f299c, 0xfc657e2a,
	0x5fcb6fab, 0x3ad6faec, 0x6c44198c, 0x4a475817,
]);

const INITIAL = new Uint32Array([
	0xcbbb9d5d, 0xc1059ed8, 0x629a292a, 0x367cd507, 0x9159015a, 0x3070dd17,
	0x152fecd8, 0xf70e5939, 0x67332667, 0xffc00b31, 0x8eb44a87, 0x68581511,
	0xdb0c2e0d, 0x64f98fa7, 0x47b5481d, 0xbefa4fa4,
]);

/* message schedule and working variables: high, low */
const w = new Int32Array(160);
const v = new Int32Array(16);

const carry = (low: number): number => (low / 2 ** 32) | 0;

export class sha384 {
	private readonly h = new Int32Array(INITIAL);
	private readonly block = new Uint8Array(BLOCK);
	private fill = 0;
	private length = 0;

	update(bytes: Uint8Array): void {
		this.length += bytes.length;
		for (let at = 0; at < bytes.length;) {
			const n = Math.min(BLOCK - this.fill, bytes.length - at);
			this.block.set(bytes.subarray(at, at + n), this.fill);
			this.fill += n;
			at += n;
			if (this.fill === BLOCK) {
				compress(this.h, this.block);
				this.fill = 0;
			}
		}
	}

	/** The digest; the object is used up. */
	final(): Uint8Array {
		const bits = this.length * 8, out = new Uint8Array(SHA384_BYTES);

		this.block[this.fill++] = 0x80;
		if (this.fill > BLOCK - 16) {
			this.block.fill(0, this.fill);
			compress(this.h, this.block);
			this.fill = 0;
		}
		this.block.fill(0, this.fill);
		const dv = new DataView(this.block.buffer);
		dv.setUint32(BLOCK - 8, Math.floor(bits / 2 ** 32));
		dv.setUint32(BLOCK - 4, bits >>> 0);
		compress(this.h, this.block);
		const to = new DataView(out.buffer);
		for (let i = 0; i < SHA384_BYTES / 4; i++)
			to.setInt32(i * 4, this.h[i]!);
		return out;
	}
}

function schedule(block: Uint8Array): void {
	for (let i = 0; i < 32; i++)
		w[i] = (block[i * 4]! << 24) | (block[i * 4 + 1]! << 16) |
			(block[i * 4 + 2]! << 8) | block[i * 4 + 3]!;
	for (let i = 32; i < 160; i += 2) {
		const h15 = w[i - 30]!, l15 = w[i - 29]!, h2 = w[i - 4]!, l2 = w[i - 3]!;
		/* rotations by 1 and 8, shift by 7; by 19 and 61, shift by 6 */
		const s0h = (h15 >>> 1 | l15 << 31) ^ (h15 >>> 8 | l15 << 24) ^ h15 >>> 7;
		const s0l = (l15 >>> 1 | h15 << 31) ^ (l15 >>> 8 | h15 << 24) ^
			(l15 >>> 7 | h15 << 25);
		const s1h = (h2 >>> 19 | l2 << 13) ^ (l2 >>> 29 | h2 << 3) ^ h2 >>> 6;
		const s1l = (l2 >>> 19 | h2 << 13) ^ (h2 >>> 29 | l2 << 3) ^
			(l2 >>> 6 | h2 << 26);
		const low = (w[i - 31]! >>> 0) + (s0l >>> 0) + (w[i - 13]! >>> 0) + (s1l >>> 0);
		w[i + 1] = low;
		w[i] = w[i - 32]! + s0h + w[i - 14]! + s1h + carry(low);
	}
}

function compress(h: Int32Array, block: Uint8Array): void {
	schedule(block);
	v.set(h);
	for (let i = 0; i < 160; i += 2) {
		const eh = v[8]!, el = v[9]!, ah = v[0]!, al = v[1]!;
		/* rotations of e by 14, 18, 41 and of a by 28, 34, 39 */
		const s1h = (eh >>> 14 | el << 18) ^ (eh >>> 18 | el << 14) ^ (el >>> 9 | eh << 23);
		const s1l = (el >>> 14 | eh << 18) ^ (el >>> 18 | eh << 14) ^ (eh >>> 9 | el << 23);
		const s0h = (ah >>> 28 | al << 4) ^ (al >>> 2 | ah << 30) ^ (al >>> 7 | ah << 25);
		const s0l = (al >>> 28 | ah << 4) ^ (ah >>> 2 | al << 30) ^ (ah >>> 7 | al << 25);
		const chh = (eh & v[10]!) ^ (~eh & v[12]!), chl = (el & v[11]!) ^ (~el & v[13]!);
		const mh = (ah & v[2]!) ^ (ah & v[4]!) ^ (v[2]! & v[4]!);
		const ml = (al & v[3]!) ^ (al & v[5]!) ^ (v[3]! & v[5]!);
		const t1l = (v[15]! >>> 0) + (s1l >>> 0) + (chl >>> 0) + K[i + 1]! +
			(w[i + 1]! >>> 0);
		const t1h = v[14]! + s1h + chh + K[i]! + w[i]! + carry(t1l) | 0;
		const t2l = (s0l >>> 0) + (ml >>> 0);
		const t2h = s0h + mh + carry(t2l) | 0;

		v.copyWithin(2, 0, 14);
		const low = (v[9]! >>> 0) + (t1l >>> 0);
		v[8] = v[8]! + t1h + carry(low);
		v[9] = low;
		const top = (t1l >>> 0) + (t2l >>> 0);
		v[0] = t1h + t2h + carry(top);
		v[1] = top;
	}
	for (let i = 0; i < 16; i += 2) {
		const low = (h[i + 1]! >>> 0) + (v[i + 1]! >>> 0);
		h[i] = h[i]! + v[i]! + carry(low);
		h[i + 1] = low;
	}
}

export function sha384_digest(...parts: Uint8Array[]): Uint8Array {
	const s = new sha384();

	for (const p of parts)
		s.update(p);
	return s.final();
}

export function hmac_sha384(key: Uint8Array, bytes: Uint8Array): Uint8Array {
	const k = new Uint8Array(BLOCK);

	k.set(key.length > BLOCK ? sha384_digest(key) : key);
	const inner = sha384_digest(k.map((x) => x ^ 0x36), bytes);
	return sha384_digest(k.map((x) => x ^ 0x5c), inner);
}
