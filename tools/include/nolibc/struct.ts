// SPDX-License-Identifier: GPL-2.0
/*
 * Structs in user memory.
 *
 * Port-only. A user_struct() looks like a view of the layout's bytes (asm-generic/struct.ts), but
 * every member access is a load or a store of the program. Array members come as copies; they are
 * written by assigning the whole member.
 */
import type { bytes_view, kind_of, layout, members, view_of } from "#asm-generic/struct.ts";
import { user_read } from "#hw/isa.ts";
import { peek, poke } from "./arch.ts";

type maker = new (addr: number) => object;
const makers = new WeakMap<object, maker>();

function is_struct(kind: object): kind is layout<members> {
	return "members" in kind;
}

function bytes_of(x: unknown): Uint8Array {
	return x instanceof Uint8Array ? x : (x as bytes_view).bytes;
}

function getter(kind: kind_of<unknown>, at: number): (this: { addr: number }) => unknown {
	if (is_struct(kind))
		return function () {
			return user_struct(kind, this.addr + at);
		};
	if (kind.window === true)
		return function () {
			return kind.get(new DataView(peek(this.addr + at, kind.size).buffer), 0);
		};
	/* a scalar leaves nothing behind in the bytes that it is read from */
	const bytes = new Uint8Array(kind.size), view = new DataView(bytes.buffer);
	return function () {
		user_read(this.addr + at, bytes);
		return kind.get(view, 0);
	};
}

function define(proto: object, name: string, kind: kind_of<unknown>, at: number): void {
	Object.defineProperty(proto, name, {
		enumerable: true,
		get: getter(kind, at),
		set(this: { addr: number }, x: unknown) {
			if (kind.set === undefined || kind.window === true) {
				poke(this.addr + at, bytes_of(x).subarray(0, kind.size));
				return;
			}
			const bytes = kind.bits === undefined ? new Uint8Array(kind.size) :
				peek(this.addr + at, kind.size);
			kind.set(new DataView(bytes.buffer), 0, x);
			poke(this.addr + at, bytes);
		},
	});
}

/** The struct at @addr; `.bytes` is a copy of all of it. */
export function user_struct<M extends members>(l: layout<M>, addr: number): view_of<M> {
	let ctor = makers.get(l);
	if (ctor === undefined) {
		class user_view {
			readonly addr: number;
			constructor(addr: number) {
				this.addr = addr;
			}
			get bytes(): Uint8Array {
				return peek(this.addr, l.size);
			}
		}
		for (const [name, kind] of Object.entries(l.members))
			define(user_view.prototype, name, kind as kind_of<unknown>,
				(l.offsets as Record<string, number>)[name]!);
		ctor = user_view;
		makers.set(l, ctor);
	}
	return new ctor(addr) as view_of<M>;
}
