// SPDX-License-Identifier: GPL-2.0
/*
 * Threads, joins and semaphores.
 *
 * Port-only in form. Waiting is done in rt_sigtimedwait() for a signal that the C library keeps
 * for itself; who ends the wait sends it.
 */
import * as nr from "#uapi-asm/unistd_64.ts";
import { EAGAIN, EINTR } from "#uapi/asm-generic/errno-base.ts";
import { ETIMEDOUT } from "#uapi/asm-generic/errno.ts";
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM } from
	"#uapi/linux/sched.ts";
import { peek, poke, ret, set_errno, syscall, syscall_wait, type user_code } from "./arch.ts";
import { clock_gettime, clone, timespec_bytes } from "./process.ts";
import { getpid, gettid, sigblock, sigmask_of } from "./signal.ts";
import { alloca, release } from "./stack.ts";

/** First of the two signals below SIGRTMIN that programs do not see. */
const SIG_WAKE = 32;
const WAKE_MASK = sigmask_of(SIG_WAKE);
const CLOCK_MONOTONIC = 1;

class waiter {
	readonly tid = gettid();
	woken = false;
}

/** False: @ns nanoseconds went by, and nobody woke this thread (null: no limit). */
function* wait_in(queue: waiter[], ns: number | null): Generator<void, boolean, void> {
	const w = new waiter();
	const end = ns === null ? 0 : clock_gettime(CLOCK_MONOTONIC) + ns;
	const p = alloca(32);

	sigblock(WAKE_MASK);
	queue.push(w);
	for (;;) {
		const left = ns === null ? 0 : Math.max(0, end - clock_gettime(CLOCK_MONOTONIC));
		const set = new Uint8Array(8);

		new DataView(set.buffer).setBigUint64(0, WAKE_MASK, true);
		poke(p, set);
		poke(p + 16, timespec_bytes(w.woken ? 0 : left));
		const timed = ns !== null || w.woken;
		const r = yield* syscall_wait(nr.__NR_rt_sigtimedwait, p, 0, timed ? p + 16 : 0, 8);
		if (r === SIG_WAKE && w.woken)
			break;
		if (r !== SIG_WAKE && r !== -EAGAIN && r !== -EINTR)
			throw new Error(`nolibc: rt_sigtimedwait: ${r}`);
		if (r === -EAGAIN && !w.woken) {
			queue.splice(queue.indexOf(w), 1);
			break;
		}
	}
	release(p);
	return w.woken;
}

function wake_one(queue: waiter[]): void {
	const w = queue.shift();
	if (w === undefined)
		return;
	w.woken = true;
	syscall(nr.__NR_tgkill, getpid(), w.tid, SIG_WAKE);
}

/* a joinable thread */
export class pthread {
	tid = 0;
	done = false;
	result = 0;
	readonly joiners: waiter[] = [];
}

/** Starts @code as a thread of this process. */
export function pthread_create(code: () => user_code): pthread {
	const t = new pthread();
	function* body(): user_code {
		t.result = (yield* code()) ?? 0;
		t.done = true;
		while (t.joiners.length > 0)
			wake_one(t.joiners);
		return 0;
	}
	t.tid = clone(body, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD);
	return t;
}

/** Waits for the thread's end; its result. */
export function* pthread_join(t: pthread): Generator<void, number, void> {
	while (!t.done)
		yield* wait_in(t.joiners, null);
	return t.result;
}

export function pthread_kill(t: pthread, signo: number): number {
	return -syscall(nr.__NR_tgkill, getpid(), t.tid, signo);
}

/** Of the threads of one process: JavaScript variables are what they share. */
export class sem_t {
	value = 0;
	readonly waiters: waiter[] = [];
}

export function sem_init(sem: sem_t, _pshared: number, value: number): number {
	sem.value = value;
	return 0;
}

export function sem_destroy(_sem: sem_t): number {
	return 0;
}

export function sem_getvalue(sem: sem_t): number {
	return sem.value;
}

export function sem_post(sem: sem_t): number {
	sem.value++;
	wake_one(sem.waiters);
	return 0;
}

export function sem_trywait(sem: sem_t): number {
	if (sem.value === 0) {
		set_errno(EAGAIN);
		return -1;
	}
	sem.value--;
	return 0;
}

export function* sem_wait(sem: sem_t): Generator<void, number, void> {
	while (sem.value === 0)
		yield* wait_in(sem.waiters, null);
	sem.value--;
	return 0;
}

/** @abs nanoseconds of CLOCK_REALTIME. */
export function* sem_timedwait(sem: sem_t, abs: number): Generator<void, number, void> {
	while (sem.value === 0) {
		const left = abs - clock_gettime(0);
		if (left <= 0 || !(yield* wait_in(sem.waiters, left))) {
			if (sem.value !== 0)
				break;
			set_errno(ETIMEDOUT);
			return -1;
		}
	}
	sem.value--;
	return 0;
}

/** The CPUs that thread @tid (0: this one) may run on, or null with errno. */
export function sched_getaffinity(tid: number): number[] | null {
	const p = alloca(128);
	const n = ret(syscall(nr.__NR_sched_getaffinity, tid, 128, p));
	const mask = n < 0 ? null : peek_mask(p, n);
	release(p);
	return mask;
}

function peek_mask(p: number, n: number): number[] {
	const cpus: number[] = [];
	const bytes = peek(p, n);
	for (let i = 0; i < n * 8; i++) {
		if ((bytes[i >> 3]! & (1 << (i & 7))) !== 0)
			cpus.push(i);
	}
	return cpus;
}

/** 0, or -1 with errno. */
export function sched_setaffinity(tid: number, cpus: readonly number[]): number {
	const mask = new Uint8Array(128);
	for (const cpu of cpus)
		mask[cpu >> 3]! |= 1 << (cpu & 7);
	const p = alloca(128);
	poke(p, mask);
	const r = ret(syscall(nr.__NR_sched_setaffinity, tid, 128, p));
	release(p);
	return r;
}
