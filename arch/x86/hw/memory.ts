// SPDX-License-Identifier: GPL-2.0
/*
 * Physical memory: installed by size, committed when touched.
 *
 * Port-only. Memory is cut into chunks of 1 GiB, each a lazily committed ArrayBuffer made when the
 * first access reaches it, so that installed but untouched memory costs nothing. Three ways to
 * name a place:
 *
 *	word	physical address / 8, for page table entries (ptep_t)
 *	pfn	frame number, with a byte offset below 4096
 *	hpa	physical address in bytes
 *
 * Each frame has a state byte. FRAME_USED is set by whatever may write to the frame and never
 * cleared, so a frame without it is known to be zero. FRAME_META says that lines of the frame have
 * metadata (KeyID, poison): accesses then go through mem_meta_ops, and no TLB caches the frame for
 * direct access. Without such frames the hook costs nothing.
 *
 * The chunk at 4 GiB, which the kernel uses first where there is one, is "home", one object for
 * good: its place and its views are constants, so that what lies there costs a compare and a load.
 * Installing memory anew clears what was used.
 *
 * An address outside installed memory is an error of the caller and throws (but not in home).
 */
import type { hpa_t, pfn_nr } from "#asm-generic/types.ts";

export const PAGE_BYTES		= 4096;

/* written out, as is what masks them: V8 takes constants of a module's for what they are */
const CHUNK_SHIFT		= 30;
const CHUNK_BYTES		= 0x40000000;
const CHUNK_FRAME_SHIFT		= 18;
const CHUNK_FRAME_MASK		= 0x3ffff;
const CHUNK_WORD_SHIFT		= 27;
const CHUNK_WORD_MASK		= 0x7ffffff;
const CHUNK_BYTE_MASK		= 0x3fffffff;
const CHUNK_FRAMES		= 0x40000;
const CHUNK_WORDS		= 0x8000000;
/* first frame and first word of home */
const HOME_FRAME		= 0x100000;
const HOME_WORD			= 0x20000000;
/* an entry for whatever a frame number of 31 bits can name, so that look-ups need no bound */
const MAX_CHUNKS		= 2 ** (31 - CHUNK_FRAME_SHIFT);
const INV_CHUNK_WORDS		= 2 ** -CHUNK_WORD_SHIFT;
const INV_CHUNK_BYTES		= 2 ** -CHUNK_SHIFT;

export const FRAME_USED		= 1;
export const FRAME_META		= 2;

/* low memory ends below the PCI hole; the rest starts at 4 GiB */
const LOWMEM_END		= 3 * 2 ** 30;
const HIGHMEM_START		= 4 * 2 ** 30;

export const E820_TYPE_RAM	= 1;
export const E820_TYPE_RESERVED	= 2;

export interface e820_range {
	readonly addr: number;
	readonly size: number;
	readonly type: number;
}

/**
 * Accesses to frames marked FRAME_META; @off and @n stay within the frame. False: they met poison,
 * and ended there.
 */
export interface mem_meta_ops {
	read(pfn: pfn_nr, off: number, to: Uint8Array): boolean;
	write(pfn: pfn_nr, off: number, from: Uint8Array): boolean;
	clear(pfn: pfn_nr): boolean;
}

class chunk {
	readonly i32: Int32Array;
	readonly u8: Uint8Array;
	readonly i64: BigInt64Array;
	/** One FRAME_* byte per frame. */
	readonly state: Uint8Array;
	/** Number of frames with FRAME_META. */
	nr_meta = 0;
	constructor() {
		const buffer = new ArrayBuffer(CHUNK_BYTES);
		this.i32 = new Int32Array(buffer);
		this.u8 = new Uint8Array(buffer);
		this.i64 = new BigInt64Array(buffer);
		this.state = new Uint8Array(1 << CHUNK_FRAME_SHIFT);
	}
}

const home = new chunk();
const home_i32 = home.i32;
const home_i64 = home.i64;
const home_u8 = home.u8;
const home_state = home.state;
/* V8 would look fill() up by name at every call */
const u8_fill = Uint8Array.prototype.fill;

let map: e820_range[] = [];
let end_pfn = 0;
/* without holes and never another array, so that a look-up is a load and two compares */
const no_chunks = <T>(): (T | null | undefined)[] => Array.from({ length: MAX_CHUNKS }, () => null);
const chunks = no_chunks<chunk>();
/* chunks[i].i32, one indirection less for page tables and user accesses */
const words = no_chunks<Int32Array>();
let meta_ops: mem_meta_ops | null = null;
/* views of whole frames, direct-mapped by frame number */
const NR_VIEWS = 4096;
let view_pfn = new Int32Array(NR_VIEWS).fill(-1);
let views: (Uint8Array | null)[] = [];

/**
 * Installs @bytes (a multiple of a page) of zeroed memory; drops whatever was there. Frame numbers
 * have 31 bits.
 */
export function memory_install(bytes: number): void {
	if (bytes <= 0x100000 || bytes % PAGE_BYTES !== 0 ||
	    bytes > 2 ** 43 - (HIGHMEM_START - LOWMEM_END))
		throw new Error(`machine: memory: cannot install ${bytes} bytes`);
	const low = Math.min(bytes, LOWMEM_END);
	const ebda = 0x9fc00;

	map = [
		{ addr: 0, size: ebda, type: E820_TYPE_RAM },
		{ addr: ebda, size: 0x100000 - ebda, type: E820_TYPE_RESERVED },
		{ addr: 0x100000, size: low - 0x100000, type: E820_TYPE_RAM },
	];
	end_pfn = low / PAGE_BYTES;
	if (bytes > low) {
		map.push({ addr: HIGHMEM_START, size: bytes - low, type: E820_TYPE_RAM });
		end_pfn = (HIGHMEM_START + bytes - low) / PAGE_BYTES;
	}
	chunks.fill(null);
	words.fill(null);
	home_clear();
	if (end_pfn > HOME_FRAME) {
		chunks[HOME_FRAME / CHUNK_FRAMES] = home;
		words[HOME_FRAME / CHUNK_FRAMES] = home_i32;
	}
	view_pfn = new Int32Array(NR_VIEWS).fill(-1);
	views = new Array<Uint8Array | null>(NR_VIEWS).fill(null);
	meta_ops = null;
}

/** As no frame was ever used. */
function home_clear(): void {
	for (let f = 0; f < home_state.length; f++)
		if (home_state[f] !== 0)
			home_u8.fill(0, f << 12, (f + 1) << 12);
	home_state.fill(0);
	home.nr_meta = 0;
}

/** What firmware reports. */
export function memory_map(): readonly e820_range[] {
	return map;
}

/** First frame number behind installed memory. */
export function memory_end_pfn(): number {
	return end_pfn;
}

/** True if @pfn is a frame of installed memory (low reserved ranges included). */
export function memory_has_frame(pfn: number): boolean {
	return pfn >= 0 && pfn < end_pfn &&
		(pfn < LOWMEM_END / PAGE_BYTES || pfn >= HIGHMEM_START / PAGE_BYTES);
}

/** Bytes committed so far, as an upper bound: chunks made times their size. */
export function memory_chunks(): number {
	let n = 0;
	for (const c of chunks)
		n += c && (c !== home || home_state.some((x) => x !== 0)) ? 1 : 0;
	return n;
}

/** Frames that were ever written or handed out, counted the slow way. */
export function memory_frames_used(): number {
	let n = 0;
	for (const c of chunks) {
		if (!c)
			continue;
		for (let i = 0; i < c.state.length; i++)
			n += c.state[i]! & FRAME_USED;
	}
	return n;
}

export function memory_set_meta_ops(ops: mem_meta_ops | null): void {
	meta_ops = ops;
}

function chunk_make(index: number): chunk {
	if (!memory_has_frame(index * 2 ** CHUNK_FRAME_SHIFT))
		throw new Error(`machine: memory: no memory at chunk ${index}`);
	const c = new chunk();
	chunks[index] = c;
	words[index] = c.i32;
	return c;
}

function chunk_of_frame(pfn: number): chunk {
	const i = pfn >>> CHUNK_FRAME_SHIFT;
	const c = chunks[i];
	return c !== null && c !== undefined ? c : chunk_make(i);
}

function chunk_of_word(word: number): chunk {
	const i = word <= 0x7fffffff ? word >> CHUNK_WORD_SHIFT : (word * INV_CHUNK_WORDS) | 0;
	const c = chunks[i];
	return c !== null && c !== undefined ? c : chunk_make(i);
}

/* where it need not be quick, and outside home */
function words_of_frame(pfn: number): Int32Array {
	const i = pfn >>> CHUNK_FRAME_SHIFT;
	const w = words[i];
	return w !== null && w !== undefined ? w : chunk_make(i).i32;
}

function words_of(word: number): Int32Array {
	const i = word <= 0x7fffffff ? word >> CHUNK_WORD_SHIFT : (word * INV_CHUNK_WORDS) | 0;
	const w = words[i];
	return w !== null && w !== undefined ? w : chunk_make(i).i32;
}

function chunk_of_hpa(hpa: number): chunk {
	const i = (hpa * INV_CHUNK_BYTES) | 0;
	const c = chunks[i];
	return c !== null && c !== undefined ? c : chunk_make(i);
}

/* Words of page tables. */

/* (>>> alone would take a word above 32 bits for another) */
const in_home = (word: number): boolean =>
	word <= 0x7fffffff && (word - HOME_WORD) >>> 0 < CHUNK_WORDS;

export function mem_lo(word: number): number {
	return in_home(word) ? home_i32[(word - HOME_WORD) << 1]! :
		words_of(word)[(word & CHUNK_WORD_MASK) << 1]!;
}

export function mem_hi(word: number): number {
	return in_home(word) ? home_i32[(word - HOME_WORD) << 1 | 1]! :
		words_of(word)[(word & CHUNK_WORD_MASK) << 1 | 1]!;
}

/* (to V8 what is stored might be a double, if it does not see that it is not) */
export function mem_write64(word: number, lo: number, hi: number): void {
	if (in_home(word)) {
		const w = (word - HOME_WORD) << 1;
		home_i32[w] = lo | 0;
		home_i32[w | 1] = hi | 0;
		home_state[w >>> 10]! |= FRAME_USED;
		return;
	}
	const w = (word & CHUNK_WORD_MASK) << 1;
	const c = chunk_of_word(word);
	c.i32[w] = lo;
	c.i32[w | 1] = hi;
	c.state[w >>> 10]! |= FRAME_USED;
}

/** Atomic or of @bits into the low half. */
export function mem_or_lo(word: number, bits: number): void {
	words_of(word)[(word & CHUNK_WORD_MASK) << 1]! |= bits;
}

/** Atomic and of @mask into the low half. */
export function mem_and_lo(word: number, mask: number): void {
	words_of(word)[(word & CHUNK_WORD_MASK) << 1]! &= mask;
}

/** True if the word was (@oldlo, @oldhi) and is now (@lo, @hi). */
export function mem_cmpxchg64(word: number, oldlo: number, oldhi: number, lo: number,
	hi: number): boolean {
	if (mem_lo(word) !== (oldlo | 0) || mem_hi(word) !== (oldhi | 0))
		return false;
	mem_write64(word, lo, hi);
	return true;
}

/** High half of what the last mem_xchg64() found. */
export let mem_xchg_hi = 0;

/** Writes (@lo, @hi); returns the old low half, mem_xchg_hi holds the high one. */
export function mem_xchg64(word: number, lo: number, hi: number): number {
	const old = mem_lo(word);

	mem_xchg_hi = mem_hi(word);
	mem_write64(word, lo, hi);
	return old;
}

/* Frames, as the walker, the TLB and user accesses name them: pfn and offset are int32. */

/** The state byte of a frame. */
export function frame_state(pfn: number): number {
	const f = pfn - HOME_FRAME;

	return f >>> 0 < CHUNK_FRAMES ? home_state[f]! :
		chunk_of_frame(pfn).state[pfn & CHUNK_FRAME_MASK]!;
}

/** To be called before anything may write to the frame behind this file's back. */
export function frame_mark_used(pfn: number): void {
	const f = pfn - HOME_FRAME;

	if (f >>> 0 < CHUNK_FRAMES)
		home_state[f]! |= FRAME_USED;
	else
		chunk_of_frame(pfn).state[pfn & CHUNK_FRAME_MASK]! |= FRAME_USED;
}

/** The same for the @n frames of a large page (a power of two up to a chunk, aligned). */
export function frames_mark_used(pfn: number, n: number): void {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;

	if (c.nr_meta === 0) {
		c.state.fill(FRAME_USED, f, f + n);
		return;
	}
	for (let i = f; i < f + n; i++)
		c.state[i]! |= FRAME_USED;
}

/** True if any of @n frames, as above, has metadata. */
export function frames_have_meta(pfn: number, n: number): boolean {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;

	if (c.nr_meta === 0)
		return false;
	for (let i = f; i < f + n; i++)
		if ((c.state[i]! & FRAME_META) !== 0)
			return true;
	return false;
}

/** Turns metadata of a frame on or off; TLBs that map it must be flushed. */
export function frame_set_meta(pfn: number, on: boolean): void {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;
	const state = c.state[f]!;

	if (((state & FRAME_META) !== 0) === on)
		return;
	c.state[f] = state ^ FRAME_META;
	c.nr_meta += on ? 1 : -1;
}

/** 32 bits at a 4-byte aligned offset (below 4096), signed. */
export function frame_get32(pfn: number, off: number): number {
	const f = pfn - HOME_FRAME, at = off >> 2;

	return f >>> 0 < CHUNK_FRAMES ? home_i32[f << 10 | at]! :
		words_of_frame(pfn)[(pfn & CHUNK_FRAME_MASK) << 10 | at]!;
}

export function frame_put32(pfn: number, off: number, x: number): void {
	const f = pfn - HOME_FRAME, at = off >> 2;

	if (f >>> 0 < CHUNK_FRAMES)
		home_i32[f << 10 | at] = x;
	else
		words_of_frame(pfn)[(pfn & CHUNK_FRAME_MASK) << 10 | at] = x;
}

export function frame_get8(pfn: number, off: number): number {
	const f = pfn - HOME_FRAME, at = off & 0xfff;

	return f >>> 0 < CHUNK_FRAMES ? home_u8[f << 12 | at]! :
		chunk_of_frame(pfn).u8[(pfn & CHUNK_FRAME_MASK) << 12 | at]!;
}

export function frame_put8(pfn: number, off: number, x: number): void {
	chunk_of_frame(pfn).u8[((pfn & CHUNK_FRAME_MASK) << 12) + off] = x;
}

/** 64 bits at an 8-byte aligned offset. */
export function frame_get64(pfn: number, off: number): bigint {
	const f = pfn - HOME_FRAME, at = (off & 0xff8) >> 3;

	return f >>> 0 < CHUNK_FRAMES ? home_i64[f << 9 | at]! :
		chunk_of_frame(pfn).i64[(pfn & CHUNK_FRAME_MASK) << 9 | at]!;
}

export function frame_put64(pfn: number, off: number, x: bigint): void {
	const f = pfn - HOME_FRAME, at = (off & 0xff8) >> 3;

	if (f >>> 0 < CHUNK_FRAMES)
		home_i64[f << 9 | at] = x;
	else
		chunk_of_frame(pfn).i64[(pfn & CHUNK_FRAME_MASK) << 9 | at] = x;
}

/* the same as a number, rounded above 2^53; as two halves */

export function frame_get64n(pfn: number, off: number): number {
	return (frame_get32(pfn, off) >>> 0) + (frame_get32(pfn, off + 4) >>> 0) * 2 ** 32;
}

export function frame_put64n(pfn: number, off: number, lo: number, hi: number): void {
	frame_put32(pfn, off, lo);
	frame_put32(pfn, off + 4, hi);
}

/* frame_get32() for the walker: entry @index (below 512) of table @pfn */
export function table_lo(pfn: number, index: number): number {
	const f = pfn - HOME_FRAME;

	return f >>> 0 < CHUNK_FRAMES ? home_i32[f << 10 | index << 1]! :
		words_of_frame(pfn)[(pfn & CHUNK_FRAME_MASK) << 10 | index << 1]!;
}

export function table_hi(pfn: number, index: number): number {
	const f = pfn - HOME_FRAME;

	return f >>> 0 < CHUNK_FRAMES ? home_i32[f << 10 | index << 1 | 1]! :
		words_of_frame(pfn)[(pfn & CHUNK_FRAME_MASK) << 10 | index << 1 | 1]!;
}

export function table_or_lo(pfn: number, index: number, bits: number): void {
	words_of_frame(pfn)[(pfn & CHUNK_FRAME_MASK) << 10 | index << 1]! |= bits;
}

/**
 * The 4096 bytes of a frame, writable. A view stays right as long as memory is installed, but
 * bypasses metadata.
 */
export function frame_bytes(pfn: pfn_nr): Uint8Array {
	const slot = pfn & (NR_VIEWS - 1);

	if (view_pfn[slot] === pfn)
		return views[slot]!;
	const c = chunk_of_frame(pfn);
	const at = (pfn & CHUNK_FRAME_MASK) << 12;
	const view = c.u8.subarray(at, at + PAGE_BYTES);
	c.state[pfn & CHUNK_FRAME_MASK]! |= FRAME_USED;
	view_pfn[slot] = pfn;
	views[slot] = view;
	return view;
}

/** The frame's bytes as 1024 words, for the processor's own structures; as frame_bytes(). */
export function frame_words(pfn: number): Int32Array {
	const view = frame_bytes(pfn as pfn_nr);
	return new Int32Array(view.buffer, view.byteOffset, PAGE_BYTES / 4);
}

/*
 * The functions below return false when the access met poison. Whoever made it then takes a machine
 * check (mce.ts).
 */

/** Fills the frame with zero; free of cost for a frame never used. */
export function clear_frame(pfn: pfn_nr): boolean {
	const f = pfn - HOME_FRAME;
	if (f >>> 0 >= CHUNK_FRAMES)
		return clear_frame_in(chunk_of_frame(pfn), pfn);
	const state = home_state[f]!;

	home_state[f] = state | FRAME_USED;
	if ((state & FRAME_USED) === 0)
		return true;
	if ((state & FRAME_META) !== 0 && meta_ops !== null)
		return meta_ops.clear(pfn);
	u8_fill.call(home_u8, 0, f << 12, (f + 1) << 12);
	return true;
}

function clear_frame_in(c: chunk, pfn: pfn_nr): boolean {
	const f = pfn & CHUNK_FRAME_MASK;
	const state = c.state[f]!;

	c.state[f] = state | FRAME_USED;
	if ((state & FRAME_USED) === 0)
		return true;
	if ((state & FRAME_META) !== 0 && meta_ops !== null)
		return meta_ops.clear(pfn);
	c.u8.fill(0, f << 12, (f + 1) << 12);
	return true;
}

/** A copy that fails may have met poison on either side: copy_failed_reading. */
export function copy_frame(dst: pfn_nr, src: pfn_nr): boolean {
	const c = chunk_of_frame(dst);
	const s = chunk_of_frame(src);
	const f = dst & CHUNK_FRAME_MASK, g = src & CHUNK_FRAME_MASK;

	if (((c.state[f]! | s.state[g]!) & FRAME_META) !== 0) {
		const buf = new Uint8Array(PAGE_BYTES);
		copy_failed_reading = !frame_read(src, 0, buf, 0, PAGE_BYTES);
		return !copy_failed_reading && frame_write(dst, 0, buf, 0, PAGE_BYTES);
	}
	/* of a huge page most are not used */
	if ((s.state[g]! & FRAME_USED) === 0)
		return clear_frame(dst);
	c.state[f]! |= FRAME_USED;
	if (c === s)
		c.u8.copyWithin(f << 12, g << 12, (g + 1) << 12);
	else
		c.u8.set(s.u8.subarray(g << 12, (g + 1) << 12), f << 12);
	return true;
}

/** The copy_frame() that failed met poison at its source. */
export let copy_failed_reading = false;

/* below this, a loop beats the engine's bulk copy */
const SMALL_COPY = 48;

/** Bytes [@off, @off + @n) of one frame to @to[@at...]. */
export function frame_read(pfn: pfn_nr, off: number, to: Uint8Array, at: number,
	n: number): boolean {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;
	const base = (f << 12) + off;

	if ((c.state[f]! & FRAME_META) !== 0 && meta_ops !== null)
		return meta_ops.read(pfn, off, to.subarray(at, at + n));
	if (n <= SMALL_COPY) {
		const u8 = c.u8;
		for (let i = 0; i < n; i++)
			to[at + i] = u8[base + i]!;
	} else {
		to.set(c.u8.subarray(base, base + n), at);
	}
	return true;
}

/** @from[@at...] to bytes [@off, @off + @n) of one frame. */
export function frame_write(pfn: pfn_nr, off: number, from: Uint8Array, at: number,
	n: number): boolean {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;
	const base = (f << 12) + off;

	c.state[f]! |= FRAME_USED;
	if ((c.state[f]! & FRAME_META) !== 0 && meta_ops !== null)
		return meta_ops.write(pfn, off, from.subarray(at, at + n));
	if (n <= SMALL_COPY) {
		const u8 = c.u8;
		for (let i = 0; i < n; i++)
			u8[base + i] = from[at + i]!;
	} else {
		c.u8.set(at === 0 && n === from.length ? from : from.subarray(at, at + n), base);
	}
	return true;
}

/** Fills bytes [@off, @off + @n) of one frame. */
export function frame_fill(pfn: pfn_nr, off: number, byte: number, n: number): boolean {
	const c = chunk_of_frame(pfn);
	const f = pfn & CHUNK_FRAME_MASK;
	const base = (f << 12) + off;

	if ((c.state[f]! & FRAME_META) !== 0 && meta_ops !== null)
		return meta_ops.write(pfn, off, new Uint8Array(n).fill(byte));
	c.state[f]! |= FRAME_USED;
	c.u8.fill(byte, base, base + n);
	return true;
}

/* Bytes at any physical address, any length. */

const frame_of = (hpa: number): pfn_nr => Math.floor(hpa / PAGE_BYTES) as pfn_nr;

export function mem_read(hpa: hpa_t, to: Uint8Array): void {
	for (let done = 0; done < to.length;) {
		const off = (hpa + done) & (PAGE_BYTES - 1);
		const n = Math.min(PAGE_BYTES - off, to.length - done);
		frame_read(frame_of(hpa + done), off, to, done, n);
		done += n;
	}
}

export function mem_write(hpa: hpa_t, from: Uint8Array): void {
	for (let done = 0; done < from.length;) {
		const off = (hpa + done) & (PAGE_BYTES - 1);
		const n = Math.min(PAGE_BYTES - off, from.length - done);
		frame_write(frame_of(hpa + done), off, from, done, n);
		done += n;
	}
}

const scratch = new Uint8Array(8);
const scratch_view = new DataView(scratch.buffer);

export function mem_read8(hpa: hpa_t): number {
	return chunk_of_hpa(hpa).u8[hpa & CHUNK_BYTE_MASK]!;
}

export function mem_read16(hpa: hpa_t): number {
	mem_read(hpa, scratch.subarray(0, 2));
	return scratch_view.getUint16(0, true);
}

export function mem_read32(hpa: hpa_t): number {
	if ((hpa & 3) === 0)
		return chunk_of_hpa(hpa).i32[(hpa & CHUNK_BYTE_MASK) >> 2]! >>> 0;
	mem_read(hpa, scratch.subarray(0, 4));
	return scratch_view.getUint32(0, true);
}

export function mem_read64(hpa: hpa_t): bigint {
	mem_read(hpa, scratch);
	return scratch_view.getBigUint64(0, true);
}

export function mem_write8(hpa: hpa_t, x: number): void {
	scratch[0] = x;
	mem_write(hpa, scratch.subarray(0, 1));
}

export function mem_write16(hpa: hpa_t, x: number): void {
	scratch_view.setUint16(0, x, true);
	mem_write(hpa, scratch.subarray(0, 2));
}

export function mem_write32(hpa: hpa_t, x: number): void {
	scratch_view.setUint32(0, x, true);
	mem_write(hpa, scratch.subarray(0, 4));
}

export function mem_write_u64(hpa: hpa_t, x: bigint): void {
	scratch_view.setBigUint64(0, x, true);
	mem_write(hpa, scratch);
}
