// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own accesses to memory, in SEAM root mode.
 *
 * Port-only. Addresses are without KeyID, which stands beside them. Poison that the module consumes
 * ends the CPU in an unbreakable shutdown, and TDX with it until the platform is reset: nothing
 * returns from that. A page whose lines are all sound is accessed in place.
 */
import { this_cpu } from "../cpu.ts";
import { frame_put32, table_hi, table_lo } from "../memory.ts";
import { mce_seam_root } from "../mce.ts";
import { TME_POISON, tme_clear_page, tme_direct, tme_movdir64b, tme_read, tme_write,
	tme_write_line } from "../tme.ts";
import { tdx } from "./state.ts";

const LINE = 64;
const PAGE = 4096;

function consume_poison(hpa: number): never {
	tdx.disabled = true;
	return mce_seam_root(this_cpu, hpa);
}

const line = new Uint8Array(LINE);

function check_line(hpa: number, keyid: number): void {
	if (tme_read(hpa, keyid, 8, line) === TME_POISON)
		consume_poison(hpa);
}

/** The module looks at a control structure in this page. */
export function seam_check_page(pfn: number, keyid: number): void {
	if (tme_direct(pfn * PAGE, keyid, false))
		return;
	for (let off = 0; off < PAGE; off += LINE)
		check_line(pfn * PAGE + off, keyid);
}

/** The module looks at 8 bytes, aligned. */
export function seam_check_word(hpa: number, keyid: number): void {
	if (!tme_direct(hpa - hpa % PAGE, keyid, false))
		check_line(hpa, keyid);
}

/** Fills @to. */
export function seam_read(hpa: number, keyid: number, to: Uint8Array): void {
	for (let done = 0; done < to.length;) {
		const at = hpa + done, n = Math.min(LINE - at % LINE, to.length - done);
		if (tme_read(at, keyid, n, to.subarray(done, done + n)) === TME_POISON)
			consume_poison(at);
		done += n;
	}
}

/** Through the caches: a line that is not written whole is read first. */
export function seam_write(hpa: number, keyid: number, from: Uint8Array): void {
	for (let done = 0; done < from.length;) {
		const at = hpa + done, n = Math.min(LINE - at % LINE, from.length - done);
		const part = from.subarray(done, done + n);
		if (n === LINE)
			tme_write_line(at, keyid, part);
		else if (tme_write(at, keyid, part, "wb") === TME_POISON)
			consume_poison(at);
		done += n;
	}
}

/** Zeros, with MOVDIR64B: whatever was there. */
export function seam_clear_page(pfn: number, keyid: number): void {
	tme_clear_page(pfn * PAGE, keyid);
}

/** A page's copy under another KeyID, with MOVDIR64B. */
export function seam_copy_page(pfn: number, keyid: number, from: number, from_keyid: number): void {
	for (let off = 0; off < PAGE; off += LINE) {
		if (tme_read(from + off, from_keyid, LINE, line) === TME_POISON)
			consume_poison(from + off);
		tme_movdir64b(pfn * PAGE + off, keyid, line);
	}
}

/* Secure EPT: entry @index of the table in frame @pfn. */

/** To be called before the entry's halves are looked at with table_lo() and table_hi(). */
export function seam_check_entry(pfn: number, keyid: number, index: number): void {
	seam_check_word(pfn * PAGE + index * 8, keyid);
}

const entry_bytes = new Uint8Array(8);
const entry_view = new DataView(entry_bytes.buffer);

export function seam_write_entry(pfn: number, keyid: number, index: number, lo: number,
	hi: number): void {
	if (tme_direct(pfn * PAGE, keyid, true)) {
		frame_put32(pfn, index * 8, lo);
		frame_put32(pfn, index * 8 + 4, hi);
		return;
	}
	entry_view.setInt32(0, lo, true);
	entry_view.setInt32(4, hi, true);
	seam_write(pfn * PAGE + index * 8, keyid, entry_bytes);
}

export { table_hi, table_lo };
