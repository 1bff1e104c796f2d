// SPDX-License-Identifier: GPL-2.0
/*
 * Scratch stack of a thread, and a small heap: where arguments in memory stand.
 *
 * Port-only.
 */
import { __NR_mmap, __NR_munmap } from "#uapi-asm/unistd_64.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { peek, poke, STACK_SIZE, syscall, thread } from "./arch.ts";

const RW = PROT_READ | PROT_WRITE;

function map_anonymous(len: number): number {
	return syscall(__NR_mmap, 0, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/** @n bytes of scratch stack, 16-byte aligned; give them back with release(). */
export function alloca(n: number): number {
	const t = thread();
	if (t.sp === 0) {
		t.stack_lo = map_anonymous(STACK_SIZE);
		if (t.stack_lo < 0)
			throw new Error(`nolibc: no memory for a stack: ${t.stack_lo}`);
		t.sp = t.stack_lo;
		t.stack_hi = t.stack_lo + STACK_SIZE;
	}
	const p = t.sp;
	if (p + n > t.stack_hi)
		throw new Error(`nolibc: stack overflow: ${n} bytes`);
	t.sp = p + ((n + 15) & ~15);
	return p;
}

/** Frees everything from @p up. */
export function release(p: number): void {
	thread().sp = p;
}

/** Calls @f with @bytes in scratch memory; what is there afterwards goes back to @bytes. */
export function with_bytes<T>(bytes: Uint8Array, f: (p: number) => T): T {
	const p = alloca(bytes.length);
	poke(p, bytes);
	const r = f(p);
	bytes.set(peek(p, bytes.length));
	release(p);
	return r;
}

/** As with_bytes(), for input only. */
export function with_input<T>(bytes: Uint8Array, f: (p: number) => T): T {
	const p = alloca(bytes.length);
	poke(p, bytes);
	const r = f(p);
	release(p);
	return r;
}

/** UTF-8 bytes of @s and a NUL. */
export function c_string(s: string): Uint8Array {
	return new TextEncoder().encode(s + "\0");
}

/** Calls @f with a NUL-terminated copy of @s. */
export function with_string<T>(s: string, f: (p: number) => T): T {
	return with_input(c_string(s), f);
}

const sizes = new Map<number, number>();

/** Zeroed memory, page aligned; 0 when there is none. */
export function malloc(n: number): number {
	const p = map_anonymous(Math.max(n, 1));
	if (p < 0)
		return 0;
	sizes.set(p, Math.max(n, 1));
	return p;
}

export function free(p: number): void {
	const n = sizes.get(p);
	if (n === undefined)
		return;
	sizes.delete(p);
	syscall(__NR_munmap, p, n);
}
