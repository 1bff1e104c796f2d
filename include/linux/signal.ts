// SPDX-License-Identifier: GPL-2.0
/*
 * Signal sets, and what the kernel does by default.
 *
 * Upstream: include/linux/signal.h.
 */
import { SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP, SIGTSTP,
	SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, SIGABRT, SIGQUIT, SIGXCPU, SIGXFSZ, SIGKILL } from
	"#uapi/asm-generic/signal.ts";
import { list_empty } from "#linux/list.ts";
import { type sigset_t, type struct_sigpending } from "#linux/signal_types.ts";

export * from "#linux/signal_types.ts";
export * from "#uapi/asm-generic/signal.ts";
export { calculate_sigpending, dequeue_signal, do_send_sig_info, do_sigaction,
	flush_signal_handlers, flush_sigqueue, force_sig_info, get_signal, group_send_sig_info,
	ignore_signals, kill_pid_info, next_signal, set_current_blocked, sigprocmask,
	signals_init, signal_delivered, copy_siginfo_to_user, siginfo_layout, get_user_sigset,
	put_user_sigset } from "#linux/signal/signal.ts";

export function sigaddset(set: sigset_t, sig: number): void {
	if (sig <= 32)
		set.lo |= 1 << (sig - 1);
	else
		set.hi |= 1 << (sig - 33);
}

export function sigdelset(set: sigset_t, sig: number): void {
	if (sig <= 32)
		set.lo &= ~(1 << (sig - 1));
	else
		set.hi &= ~(1 << (sig - 33));
}

export function sigismember(set: sigset_t, sig: number): boolean {
	return sig <= 32 ? (set.lo & (1 << (sig - 1))) !== 0 : (set.hi & (1 << (sig - 33))) !== 0;
}

export function sigemptyset(set: sigset_t): void {
	set.lo = 0;
	set.hi = 0;
}

export function sigfillset(set: sigset_t): void {
	set.lo = -1;
	set.hi = -1;
}

export function sigisemptyset(set: sigset_t): boolean {
	return (set.lo | set.hi) === 0;
}

export function sigequalsets(a: sigset_t, b: sigset_t): boolean {
	return a.lo === b.lo && a.hi === b.hi;
}

export function sigcopyset(dst: sigset_t, src: sigset_t): void {
	dst.lo = src.lo;
	dst.hi = src.hi;
}

export function sigorsets(r: sigset_t, a: sigset_t, b: sigset_t): void {
	r.lo = a.lo | b.lo;
	r.hi = a.hi | b.hi;
}

export function sigandsets(r: sigset_t, a: sigset_t, b: sigset_t): void {
	r.lo = a.lo & b.lo;
	r.hi = a.hi & b.hi;
}

/** a and not b */
export function sigandnsets(r: sigset_t, a: sigset_t, b: sigset_t): void {
	r.lo = a.lo & ~b.lo;
	r.hi = a.hi & ~b.hi;
}

export function signotset(set: sigset_t): void {
	set.lo = ~set.lo;
	set.hi = ~set.hi;
}

/** @mask: signals 1 to 32 */
export function siginitset(set: sigset_t, mask: number): void {
	set.lo = mask | 0;
	set.hi = 0;
}

export function siginitsetinv(set: sigset_t, mask: number): void {
	set.lo = ~mask;
	set.hi = -1;
}

export function sigaddsetmask(set: sigset_t, mask: number): void {
	set.lo |= mask;
}

export function sigdelsetmask(set: sigset_t, mask: number): void {
	set.lo &= ~mask;
}

export function sigmask(sig: number): number {
	return 1 << (sig - 1);
}

export function valid_signal(sig: number): boolean {
	return sig >= 0 && sig <= 64;
}

export function init_sigpending(sig: struct_sigpending): void {
	sigemptyset(sig.signal);
	sig.list.next = sig.list;
	sig.list.prev = sig.list;
}

export function sigpending_empty(sig: struct_sigpending): boolean {
	return list_empty(sig.list);
}

const bit = (sig: number): number => 1 << (sig - 1);

export const SIG_KERNEL_ONLY_MASK	= bit(SIGKILL) | bit(SIGSTOP);
export const SIG_KERNEL_STOP_MASK	= bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
export const SIG_KERNEL_COREDUMP_MASK	= bit(SIGQUIT) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGABRT) |
	bit(SIGFPE) | bit(SIGSEGV) | bit(SIGBUS) | bit(SIGSYS) | bit(SIGXCPU) | bit(SIGXFSZ);
export const SIG_KERNEL_IGNORE_MASK	= bit(SIGCONT) | bit(SIGCHLD) | bit(SIGWINCH) | bit(SIGURG);
export const SYNCHRONOUS_MASK		= bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) |
	bit(SIGFPE) | bit(SIGSYS);

function siginmask(sig: number, mask: number): boolean {
	return sig > 0 && sig <= 32 && (mask & (1 << (sig - 1))) !== 0;
}

export function sig_kernel_only(sig: number): boolean {
	return siginmask(sig, SIG_KERNEL_ONLY_MASK);
}

export function sig_kernel_coredump(sig: number): boolean {
	return siginmask(sig, SIG_KERNEL_COREDUMP_MASK);
}

export function sig_kernel_ignore(sig: number): boolean {
	return siginmask(sig, SIG_KERNEL_IGNORE_MASK);
}

export function sig_kernel_stop(sig: number): boolean {
	return siginmask(sig, SIG_KERNEL_STOP_MASK);
}
