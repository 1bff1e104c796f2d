// SPDX-License-Identifier: GPL-2.0
/*
 * Struct layouts: what userspace sees, down to the byte.
 *
 * Port-only. __struct({...}) computes offsets by the x86-64 ABI and gives sizeof, offsetof and
 * views with typed access to little-endian bytes. 64-bit members are bigints, shorter ones numbers,
 * nested structs and arrays are views into the same bytes.
 */

export interface kind_of<T> {
	readonly size: number;
	readonly align: number;
	get(view: DataView, at: number): T;
	/** Absent for members that are views (structs, arrays): they are written through. */
	set?(view: DataView, at: number, value: T): void;
}

export type value_of<K> = K extends kind_of<infer T> ? T : never;

/** The bytes behind a view of a struct or an array. */
export interface bytes_view {
	readonly bytes: Uint8Array;
}

const scalar = <T>(size: number, get: (v: DataView, at: number) => T,
	set: (v: DataView, at: number, x: T) => void): kind_of<T> => ({ size, align: size, get, set });

export const __u8 = scalar(1, (v, at) => v.getUint8(at), (v, at, x) => v.setUint8(at, x));
export const __s8 = scalar(1, (v, at) => v.getInt8(at), (v, at, x) => v.setInt8(at, x));
export const __u16 = scalar(2, (v, at) => v.getUint16(at, true),
	(v, at, x) => v.setUint16(at, x, true));
export const __s16 = scalar(2, (v, at) => v.getInt16(at, true),
	(v, at, x) => v.setInt16(at, x, true));
export const __u32 = scalar(4, (v, at) => v.getUint32(at, true),
	(v, at, x) => v.setUint32(at, x, true));
export const __s32 = scalar(4, (v, at) => v.getInt32(at, true),
	(v, at, x) => v.setInt32(at, x, true));
export const __u64 = scalar<bigint>(8, (v, at) => v.getBigUint64(at, true),
	(v, at, x) => v.setBigUint64(at, x, true));
export const __s64 = scalar<bigint>(8, (v, at) => v.getBigInt64(at, true),
	(v, at, x) => v.setBigInt64(at, x, true));

/** Array member: `view[i]` reads and writes, `view.length`, `view.bytes`. */
export interface array_view<T> extends bytes_view {
	readonly length: number;
	[i: number]: T;
}

class array_bytes<T> implements bytes_view {
	readonly bytes: Uint8Array;
	readonly length: number;
	constructor(kind: kind_of<T>, n: number, view: DataView, at: number) {
		this.bytes = new Uint8Array(view.buffer, view.byteOffset + at, kind.size * n);
		this.length = n;
		for (let i = 0; i < n; i++) {
			Object.defineProperty(this, i, {
				enumerable: true,
				get: () => kind.get(view, at + i * kind.size),
				set: (x: T) => put(kind, view, at + i * kind.size, x),
			});
		}
	}
}

function put<T>(kind: kind_of<T>, view: DataView, at: number, x: T): void {
	if (kind.set) {
		kind.set(view, at, x);
		return;
	}
	const src = (x as bytes_view).bytes;
	new Uint8Array(view.buffer, view.byteOffset + at, kind.size).set(src.subarray(0, kind.size));
}

/** C's `kind name[n]`. Byte arrays are plain Uint8Arrays. */
export function __array(kind: kind_of<number>, n: number): kind_of<array_view<number>>;
export function __array<T>(kind: kind_of<T>, n: number): kind_of<array_view<T>>;
export function __array<T>(kind: kind_of<T>, n: number): kind_of<array_view<T>> {
	return {
		size: kind.size * n,
		align: kind.align,
		get: (view, at) => new array_bytes(kind, n, view, at) as unknown as array_view<T>,
	};
}

/** C's `__u8 name[n]`. */
export function __bytes(n: number): kind_of<Uint8Array> {
	return {
		size: n,
		align: 1,
		get: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, n),
		set: (view, at, x) => new Uint8Array(view.buffer, view.byteOffset + at, n).set(x),
	};
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type members = Record<string, kind_of<any>>;
export type view_of<M extends members> = { [K in keyof M]: value_of<M[K]> } & bytes_view;

export interface layout<M extends members> extends kind_of<view_of<M>> {
	readonly members: M;
	readonly offsets: { readonly [K in keyof M]: number };
	/** A zeroed struct. */
	alloc(): view_of<M>;
	/** A view of the struct at @at in @bytes. */
	of(bytes: Uint8Array, at?: number): view_of<M>;
}

/** View type of a layout: `type kvm_regs = struct_view<typeof struct_kvm_regs>`. */
export type struct_view<L> = L extends layout<infer M> ? view_of<M> : never;

function make<M extends members>(members: M, place: (m: M) => { offsets: Record<string, number>;
	size: number; align: number; }): layout<M> {
	const { offsets, size, align } = place(members);
	class view {
		readonly bytes: Uint8Array;
		readonly dv: DataView;
		constructor(bytes: Uint8Array) {
			this.bytes = bytes;
			this.dv = new DataView(bytes.buffer, bytes.byteOffset, size);
		}
	}
	for (const [name, kind] of Object.entries(members)) {
		const at = offsets[name]!;
		Object.defineProperty(view.prototype, name, {
			enumerable: true,
			get(this: view) {
				return kind.get(this.dv, at);
			},
			set(this: view, x: unknown) {
				put(kind, this.dv, at, x);
			},
		});
	}
	const of = (bytes: Uint8Array, at = 0): view_of<M> =>
		new view(bytes.subarray(at, at + size)) as unknown as view_of<M>;
	return {
		members,
		offsets: offsets as { [K in keyof M]: number },
		size,
		align,
		alloc: () => of(new Uint8Array(size)),
		of,
		get: (v, at) => of(new Uint8Array(v.buffer, v.byteOffset + at, size)),
	};
}

const up = (x: number, a: number): number => Math.ceil(x / a) * a;

/** A C struct, members in order, padded as the x86-64 ABI does (or packed). */
export function __struct<M extends members>(members: M, packed = false): layout<M> {
	return make(members, (m) => {
		const offsets: Record<string, number> = {};
		let at = 0, align = 1;
		for (const [name, kind] of Object.entries(m)) {
			const a = packed ? 1 : kind.align;
			at = up(at, a);
			offsets[name] = at;
			at += kind.size;
			align = Math.max(align, a);
		}
		return { offsets, size: up(at, align), align };
	});
}

/** A C union. */
export function __union<M extends members>(members: M): layout<M> {
	return make(members, (m) => {
		const kinds = Object.values(m);
		const align = Math.max(...kinds.map((k) => k.align));
		return {
			offsets: Object.fromEntries(Object.keys(m).map((k) => [k, 0])),
			size: up(Math.max(...kinds.map((k) => k.size)), align),
			align,
		};
	});
}

export function sizeof(l: { readonly size: number }): number {
	return l.size;
}

export function offsetof<M extends members, K extends keyof M>(l: layout<M>, member: K): number {
	return l.offsets[member];
}

export function sizeof_field<M extends members, K extends keyof M>(l: layout<M>, member: K): number {
	return l.members[member]!.size;
}
