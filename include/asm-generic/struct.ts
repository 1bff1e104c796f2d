// SPDX-License-Identifier: GPL-2.0
/*
 * Struct layouts: what userspace sees, down to the byte.
 *
 * Port-only. __struct({...}) computes offsets by the x86-64 ABI and gives sizeof, offsetof and
 * views with typed access to little-endian bytes. 64-bit members are bigints, shorter ones numbers,
 * nested structs and arrays are views into the same bytes. A pointer is a __u64.
 */

export interface kind_of<T> {
	readonly size: number;
	readonly align: number;
	get(view: DataView, at: number): T;
	/** Absent for members that are views (structs, arrays): they are written through. */
	set?(view: DataView, at: number, value: T): void;
	/** What get() gives is a window on the bytes, so that one serves for ever. */
	readonly window?: boolean;
	/** Reaches to the end of the bytes given, beyond its size: C's `name[]`, or ends in one. */
	readonly flex?: boolean;
	/** Of an array: what it is made of. */
	readonly element?: kind_of<T extends { readonly [i: number]: infer E } ? E : never>;
	/** The accessors of a member at @at, where the kind has its own. */
	member?(at: number): member_accessors<T>;
	/** Of a bit-field: lowest bit, number of bits. */
	readonly bits?: readonly [number, number];
}

/** What a struct's member is reached by, on the struct's view. */
export interface member_accessors<T> {
	get(this: { readonly dv: DataView }): T;
	set(this: { readonly dv: DataView }, x: T): void;
}

export type value_of<K> = K extends kind_of<infer T> ? T : never;

/** The bytes behind a view of a struct or an array. */
export interface bytes_view {
	readonly bytes: Uint8Array;
}

const scalar = <T>(size: number, get: (v: DataView, at: number) => T,
	set: (v: DataView, at: number, x: T) => void,
	member: (at: number) => member_accessors<T>): kind_of<T> =>
	({ size, align: size, get, set, member });

/* each with accessors of its own: what is shared by all kinds is fast for none */
export const __u8 = scalar<number>(1, (v, at) => v.getUint8(at), (v, at, x) => v.setUint8(at, x),
	(at) => ({
		get() { return this.dv.getUint8(at); },
		set(x) { this.dv.setUint8(at, x); },
	}));
export const __s8 = scalar<number>(1, (v, at) => v.getInt8(at), (v, at, x) => v.setInt8(at, x),
	(at) => ({
		get() { return this.dv.getInt8(at); },
		set(x) { this.dv.setInt8(at, x); },
	}));
export const __u16 = scalar<number>(2, (v, at) => v.getUint16(at, true),
	(v, at, x) => v.setUint16(at, x, true), (at) => ({
		get() { return this.dv.getUint16(at, true); },
		set(x) { this.dv.setUint16(at, x, true); },
	}));
export const __s16 = scalar<number>(2, (v, at) => v.getInt16(at, true),
	(v, at, x) => v.setInt16(at, x, true), (at) => ({
		get() { return this.dv.getInt16(at, true); },
		set(x) { this.dv.setInt16(at, x, true); },
	}));
export const __u32 = scalar<number>(4, (v, at) => v.getUint32(at, true),
	(v, at, x) => v.setUint32(at, x, true), (at) => ({
		get() { return this.dv.getUint32(at, true); },
		set(x) { this.dv.setUint32(at, x, true); },
	}));
export const __s32 = scalar<number>(4, (v, at) => v.getInt32(at, true),
	(v, at, x) => v.setInt32(at, x, true), (at) => ({
		get() { return this.dv.getInt32(at, true); },
		set(x) { this.dv.setInt32(at, x, true); },
	}));
/* compiled code stores into an array of bigints, but calls a function for a DataView */
const quad = new BigUint64Array(1);
const quad32 = new Uint32Array(quad.buffer);
export const __u64 = scalar<bigint>(8, (v, at) => v.getBigUint64(at, true),
	(v, at, x) => v.setBigUint64(at, x, true), (at) => ({
		get() { return this.dv.getBigUint64(at, true); },
		set(x) {
			const { dv } = this;
			quad[0] = x;
			dv.setUint32(at, quad32[0]!, true);
			dv.setUint32(at + 4, quad32[1]!, true);
		},
	}));
export const __s64 = scalar<bigint>(8, (v, at) => v.getBigInt64(at, true),
	(v, at, x) => v.setBigInt64(at, x, true), (at) => ({
		get() { return this.dv.getBigInt64(at, true); },
		set(x) { this.dv.setBigInt64(at, x, true); },
	}));

/** Array member: `view[i]` reads and writes, `view.length`, `view.bytes`. */
export interface array_view<T> extends bytes_view {
	readonly length: number;
	[i: number]: T;
}

type array_maker = new (bytes: Uint8Array) => bytes_view;

/** The class of arrays of @kind; its accessors are made up to the longest array seen. */
function array_class<T>(kind: kind_of<T>): array_maker {
	let known = 0;
	class array_bytes implements bytes_view {
		readonly bytes: Uint8Array;
		readonly length: number;
		readonly dv: DataView;
		constructor(bytes: Uint8Array) {
			this.bytes = bytes;
			this.length = Math.floor(bytes.length / kind.size);
			this.dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
			for (; known < this.length; known++)
				accessor(known);
			/* a write beyond the end throws */
			Object.preventExtensions(this);
		}
	}
	const accessor = (i: number): void => {
		Object.defineProperty(array_bytes.prototype, i, {
			get(this: array_bytes) {
				return i < this.length ? kind.get(this.dv, i * kind.size) :
					undefined;
			},
			set(this: array_bytes, x: T) {
				put(kind, this.dv, i * kind.size, x);
			},
		});
	};
	return array_bytes;
}

function put<T>(kind: kind_of<T>, view: DataView, at: number, x: T): void {
	if (kind.set) {
		kind.set(view, at, x);
		return;
	}
	if (at + kind.size > view.byteLength)
		throw new RangeError("beyond the end of the struct");
	const src = (x as bytes_view).bytes;
	const dst = new Uint8Array(view.buffer, view.byteOffset + at, kind.size);
	dst.set(src.subarray(0, kind.size));
}

function array_of<T>(kind: kind_of<T>, n: number, flex: boolean): kind_of<array_view<T>> {
	const size = kind.size * n;
	let make_array: array_maker | null = null;
	return {
		size,
		align: kind.align,
		window: true,
		flex,
		element: kind,
		get(view, at) {
			make_array ??= array_class(kind);
			return new make_array(new Uint8Array(view.buffer, view.byteOffset + at,
				flex ? view.byteLength - at : size)) as array_view<T>;
		},
	};
}

/** C's `kind name[n]`. Byte arrays are plain Uint8Arrays. */
export function __array<T>(kind: kind_of<T>, n: number): kind_of<array_view<T>> {
	return array_of(kind, n, false);
}

/** C's `kind name[]`: as many as there are bytes behind the struct; see alloc(). */
export function __flex<T>(kind: kind_of<T>): kind_of<array_view<T>> {
	return array_of(kind, 0, true);
}

/** C's `__u8 name[n]`. */
export function __bytes(n: number): kind_of<Uint8Array> {
	return {
		size: n,
		align: 1,
		window: true,
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
	/** A zeroed struct, with @extra bytes behind it for the elements of a flexible array. */
	alloc(extra?: number): view_of<M>;
	/** A view of the struct at @at in @bytes; a flexible array takes what follows. */
	of(bytes: Uint8Array, at?: number): view_of<M>;
}

/** A struct or union without a name: its members are those of what it stands in. */
export interface anon<M extends members> extends kind_of<unknown> {
	readonly anon: layout<M>;
}

type anon_keys<M> =
	{ [K in keyof M]: M[K] extends { readonly anon: unknown } ? K : never }[keyof M];
type inner<K> = K extends anon<infer N> ? N : never;
type all_of<U> =
	(U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never;
type merged<T> = { [K in keyof T]: T[K] extends members[string] ? T[K] : never };
/** @M's members as C sees them. */
export type flat<M extends members> = [anon_keys<M>] extends [never] ? M :
	merged<Omit<M, anon_keys<M>> & all_of<inner<M[anon_keys<M>]>>>;

/** View type of a layout: `type kvm_regs = struct_view<typeof struct_kvm_regs>`. */
export type struct_view<L> = L extends layout<infer M> ? view_of<M> : never;

/** Where @given's members are, those of anonymous ones among them. */
function hoist(given: members, at: Record<string, number>, flat_members: members,
	offsets: Record<string, number>): void {
	for (const [name, kind] of Object.entries(given)) {
		const inside = (kind as Partial<anon<members>>).anon;
		if (!inside) {
			flat_members[name] = kind;
			offsets[name] = at[name]!;
			continue;
		}
		for (const [deep, deep_kind] of Object.entries(inside.members)) {
			flat_members[deep] = deep_kind;
			offsets[deep] = at[name]! + inside.offsets[deep]!;
		}
	}
}

/*
 * Structs are cut from one buffer, and keep it: a buffer each costs a microsecond. What was cut is
 * not cut again, so it is zero.
 */
const POOL_BYTES = 16384;
let pool = new ArrayBuffer(POOL_BYTES), pool_used = 0;

function zeroed(n: number): Uint8Array {
	const bytes = (n + 7) & ~7;

	if (bytes > POOL_BYTES / 16)
		return new Uint8Array(n);
	if (bytes > POOL_BYTES - pool_used) {
		pool = new ArrayBuffer(POOL_BYTES);
		pool_used = 0;
	}
	pool_used += bytes;
	return new Uint8Array(pool, pool_used - bytes, n);
}

function make<M extends members>(given: M, place: (m: M) => { offsets: Record<string, number>;
	size: number; align: number; }): layout<flat<M>> {
	const { offsets: placed, size, align } = place(given);
	const members: members = {}, offsets: Record<string, number> = {};
	const flex = Object.values(given).some((kind) => kind.flex);
	let windows = 0;

	hoist(given, placed, members, offsets);
	/* declared only: what is not written is not initialized twice */
	class view {
		declare readonly bytes: Uint8Array;
		declare readonly dv: DataView;
		/** Members that are windows, once somebody asked for them. */
		declare windows: unknown[] | null;
		constructor(bytes: Uint8Array) {
			this.bytes = bytes;
			this.dv = new DataView(bytes.buffer, bytes.byteOffset,
				flex ? bytes.length : size);
			this.windows = null;
		}
	}
	for (const [name, kind] of Object.entries(members)) {
		const at = offsets[name]!, slot = kind.window ? windows++ : 0;
		Object.defineProperty(view.prototype, name, kind.member ? {
			enumerable: true,
			...kind.member(at),
		} : {
			enumerable: true,
			get: kind.window ? function (this: view) {
				this.windows ??= new Array<unknown>(windows).fill(null);
				return this.windows[slot] ??= kind.get(this.dv, at);
			} : function (this: view) {
				return kind.get(this.dv, at);
			},
			set(this: view, x: unknown) {
				put(kind, this.dv, at, x);
			},
		});
	}
	const view_on = (bytes: Uint8Array): view_of<flat<M>> =>
		new view(bytes) as unknown as view_of<flat<M>>;
	return {
		members: members as flat<M>,
		offsets: offsets as { [K in keyof flat<M>]: number },
		size,
		align,
		window: true,
		flex,
		alloc: (extra = 0) => view_on(zeroed(flex ? size + extra : size)),
		of: (bytes, at = 0) =>
			view_on(bytes.subarray(at, flex ? bytes.length : at + size)),
		get: (v, at) => view_on(new Uint8Array(v.buffer, v.byteOffset + at,
			flex ? v.byteLength - at : size)),
	};
}

const up = (x: number, a: number): number => Math.ceil(x / a) * a;

/** A C struct, members in order, padded as the x86-64 ABI does (or packed). */
export function __struct<M extends members>(members: M, packed = false): layout<flat<M>> {
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
export function __union<M extends members>(members: M): layout<flat<M>> {
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

/** An anonymous struct or union; the name it is a member by is of no account. */
export function __anon<M extends members>(inside: layout<M>): anon<M> {
	const { size, align, flex, get } = inside;
	return { size, align, flex, get, anon: inside };
}

/** Bit-fields in one @unit, lowest first: C's `__u8 a:3; __u8 b:1;`. */
export function __bits<W extends Record<string, number>>(unit: kind_of<number>, widths: W):
	anon<{ [K in keyof W]: kind_of<number> }> {
	const fields: Record<string, kind_of<number>> = {};
	let low = 0;
	for (const [name, width] of Object.entries(widths)) {
		const shift = low, mask = 2 ** width - 1;
		fields[name] = {
			size: unit.size,
			align: unit.align,
			bits: [shift, width],
			get: (view, at) => unit.get(view, at) >>> shift & mask,
			set: (view, at, x) => unit.set!(view, at,
				unit.get(view, at) & ~(mask << shift) | (x & mask) << shift),
		};
		low += width;
	}
	return __anon(__union(fields)) as unknown as anon<{ [K in keyof W]: kind_of<number> }>;
}

export function sizeof(l: { readonly size: number }): number {
	return l.size;
}

export function offsetof<M extends members, K extends keyof M>(l: layout<M>, member: K): number {
	return l.offsets[member];
}

export function sizeof_field<M extends members, K extends keyof M>(l: layout<M>,
	member: K): number {
	return l.members[member]!.size;
}
