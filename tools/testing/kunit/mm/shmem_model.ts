// SPDX-License-Identifier: GPL-2.0
/*
 * A tmpfs file as an array of bytes and a state for each page: the oracle of shmem.test.ts.
 *
 * A page is a hole; or allocated by fallocate and not written yet (counts in st_blocks, reads as
 * zeros, no data to lseek); or data.
 */

export const PAGE = 4096;
export type page_state = "hole" | "falloc" | "data";

export class shmem_model {
	size = 0;
	readonly bytes: Uint8Array;
	readonly pages: page_state[];

	constructor(nr_pages: number) {
		this.bytes = new Uint8Array(nr_pages * PAGE);
		this.pages = new Array<page_state>(nr_pages).fill("hole");
	}
	clone(): shmem_model {
		const m = new shmem_model(this.pages.length);
		m.assign(this);
		return m;
	}
	assign(o: shmem_model): void {
		this.size = o.size;
		this.bytes.set(o.bytes);
		this.pages.splice(0, this.pages.length, ...o.pages);
	}
	/** 512-byte units */
	blocks(): number {
		return this.pages.filter((p) => p !== "hole").length * 8;
	}
	write(pos: number, data: Uint8Array): void {
		if (data.length === 0)
			return;
		this.bytes.set(data, pos);
		this.make_data(pos, data.length);
		this.size = Math.max(this.size, pos + data.length);
	}
	read(pos: number, len: number): Uint8Array {
		return this.bytes.slice(Math.min(pos, this.size), Math.min(pos + len, this.size));
	}
	/** An access through a mapping; only within the pages of the file. */
	touch(pos: number, data: Uint8Array | null): void {
		if (data)
			this.bytes.set(data, pos);
		this.make_data(pos, data ? data.length : 1);
	}
	private make_data(pos: number, len: number): void {
		for (let p = Math.floor(pos / PAGE); p * PAGE < pos + len; p++)
			this.pages[p] = "data";
	}
	/** Pages that an earlier fallocate left are made data. */
	fallocate(off: number, len: number, keep_size: boolean): void {
		for (let p = Math.floor(off / PAGE); p * PAGE < off + len; p++)
			this.pages[p] = this.pages[p] === "hole" ? "falloc" : "data";
		if (!keep_size)
			this.size = Math.max(this.size, off + len);
	}
	punch(off: number, len: number): void {
		this.bytes.fill(0, off, off + len);
		for (let p = Math.ceil(off / PAGE); (p + 1) * PAGE <= off + len; p++)
			this.pages[p] = "hole";
	}
	truncate(size: number): void {
		if (size <= this.size) {
			this.bytes.fill(0, size);
			for (let p = Math.ceil(size / PAGE); p < this.pages.length; p++)
				this.pages[p] = "hole";
		}
		this.size = size;
	}
	/** lseek(SEEK_DATA or SEEK_HOLE): the offset, or -1 for ENXIO. */
	seek(off: number, data: boolean): number {
		if (off >= this.size)
			return -1;
		for (let at = off; at < this.size; at = (Math.floor(at / PAGE) + 1) * PAGE) {
			if ((this.pages[Math.floor(at / PAGE)] === "data") === data)
				return at;
		}
		return data ? -1 : this.size;
	}
}
