// SPDX-License-Identifier: GPL-2.0
/*
 * Marked accesses and barriers.
 *
 * Upstream: include/linux/compiler.h, include/asm-generic/rwonce.h, barrier.h. Kernel code is
 * atomic between its yields, so that they are identities; they stand where upstream has them, for
 * the reader and for an instrumented build. A marked store reads `x.f = WRITE_ONCE(v)`.
 */

export function READ_ONCE<T>(x: T): T {
	return x;
}

export function WRITE_ONCE<T>(x: T): T {
	return x;
}

export function data_race<T>(x: T): T {
	return x;
}

/** `v = smp_load_acquire(x.f)` */
export function smp_load_acquire<T>(x: T): T {
	return x;
}

/** `x.f = smp_store_release(v)` */
export function smp_store_release<T>(x: T): T {
	return x;
}

export function likely(x: boolean): boolean {
	return x;
}

export function unlikely(x: boolean): boolean {
	return x;
}

export function barrier(): void {}
export function mb(): void {}
export function rmb(): void {}
export function wmb(): void {}
export function smp_mb(): void {}
export function smp_rmb(): void {}
export function smp_wmb(): void {}
export function smp_mb__before_atomic(): void {}
export function smp_mb__after_atomic(): void {}
export function smp_mb__after_spinlock(): void {}
export function smp_acquire__after_ctrl_dep(): void {}
export function smp_read_barrier_depends(): void {}
export function prefetch(_x: unknown): void {}
export function prefetchw(_x: unknown): void {}

/** Statically true in C; here checked when the module is loaded or the function runs. */
export function BUILD_BUG_ON(condition: boolean): void {
	if (condition)
		throw new Error("BUILD_BUG_ON failed");
}

export function BUILD_BUG_ON_NOT_POWER_OF_2(n: number): void {
	BUILD_BUG_ON(n === 0 || (n & (n - 1)) !== 0);
}

export function static_assert(condition: boolean, msg = "static_assert failed"): void {
	if (!condition)
		throw new Error(msg);
}
