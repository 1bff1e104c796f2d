// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of an operation failed in turn, through /proc/self/fail-nth.
 *
 * Port-only; memfd/memfd_fail_nth_test.ts does the same for files and memory. A round is a process
 * of its own: it prepares, arms fail-nth, does the operation. That either fails as it may, and then
 * has changed nothing, or gets along without the allocation. After the round the kernel's counts
 * are what they were. The first round that uses up less than its n is the last. All is done twice:
 * the second time more allocations fail after the nth.
 */
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { MAP_ANONYMOUS, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import {
	errno, errno_name, exit, fork, mmap, open, pread, printf, pwrite, read_file, user_load8,
	user_store8, waitpid, WEXITSTATUS, WIFEXITED, write_file, WTERMSIG,
} from "#tools/include/nolibc/nolibc.ts";
import type { fail_nth_op } from "../include/fail_nth.ts";
import type { wait } from "../include/kvm_util_base.ts";

const STATE = "/sys/kernel/debug/privmem/state";
const DEBUG = "/sys/kernel/debug";
const ATTRS = [`${DEBUG}/failslab`, `${DEBUG}/fail_page_alloc`];
const ROUNDS_MAX = 400;
const MORE = 8;

/** What the kernel has: slots, attributes, objects, pages. Reading it changes none of it. */
export function privmem_state(): string {
	read_file(STATE);
	return read_file(STATE) ?? "";
}

/** Lines that went and lines that came; "" for none. */
export function state_difference(before: string, after: string): string {
	const was = before.split("\n"), is = after.split("\n");

	return [...was.filter((l) => !is.includes(l)).map((l) => `-${l}`),
		...is.filter((l) => !was.includes(l)).map((l) => `+${l}`)].join(", ");
}

function must(r: number, what: string): number {
	if (r < 0) {
		printf("# %s: %m\n", what);
		exit(2);
	}
	return r;
}

/* files that stay open and text that is not copied on write: arming allocates nothing */
class control {
	readonly text: number;
	readonly fail_nth = must(open("/proc/self/fail-nth", O_RDWR), "fail-nth");
	readonly attrs = ATTRS.map((dir) => ({
		times: must(open(`${dir}/times`, O_RDWR), dir),
		probability: must(open(`${dir}/probability`, O_RDWR), dir),
	}));

	constructor() {
		this.text = must(mmap(0, 4096, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0), "mmap");
		user_store8(this.text, 0);
	}

	put(fd: number, n: number): void {
		const digits = String(n);

		for (let i = 0; i < digits.length; i++)
			user_store8(this.text + i, digits.charCodeAt(i));
		must(pwrite(fd, this.text, digits.length, 0), "arming");
	}

	/** The @nth allocation from now on fails, and @more slab and page allocations after it. */
	arm(nth: number, more: number): void {
		if (more !== 0)
			for (const { times } of this.attrs)
				this.put(times, more + 1);
		this.put(this.fail_nth, nth);
		if (more !== 0)
			for (const { probability } of this.attrs)
				this.put(probability, 100);
	}

	/** What was left of n. */
	disarm(): number {
		let left = 0;

		for (const { probability } of this.attrs)
			this.put(probability, 0);
		const len = must(pread(this.fail_nth, this.text, 16, 0), "fail-nth");
		for (let i = 0; i < len - 1; i++)
			left = left * 10 + user_load8(this.text + i) - 48;
		this.put(this.fail_nth, 0);
		return left;
	}
}

/* what a round's process tells its parent, through the variables that they share */
class outcome {
	/** the n that was not used up, 0: an allocation failed */
	left = -1;
	r = 0;
	errno = 0;
	complaint = "";
}

/* this process's own, to disarm with */
let knobs: control | null = null;

function* call<T>(x: T | wait<T>): wait<T> {
	if (typeof x === "object" && x !== null && Symbol.iterator in x)
		return yield* x;
	return x as T;
}

function* round<C>(o: fail_nth_op<C>, n: number, more: number, out: outcome): wait {
	const ctl = new control();
	const c = o.setup();
	const before = privmem_state();

	ctl.arm(n, more);
	out.r = yield* call(o.op(c));
	out.errno = out.r < 0 ? errno() : 0;
	out.left = ctl.disarm();

	if (out.r < 0 && !o.partial) {
		const kept = (state: string): string => o.ignore === undefined ? state :
			state.split("\n").filter((l) => !o.ignore!.test(l)).join("\n");
		const difference = state_difference(kept(before), kept(privmem_state()));
		if (difference !== "")
			out.complaint = `the failed call left ${difference}`;
	}
	if (out.r < 0 && o.again) {
		const r = yield* call(o.op(c));
		if (r < 0)
			out.complaint ||= `a second time: ${errno_name(errno())}`;
	}
	if ((out.r >= 0 || o.again) && o.after)
		yield* call(o.after(c));
	exit(0);
}

function* run_round<C>(o: fail_nth_op<C>, n: number, more: number): wait<outcome> {
	const out = new outcome();
	const pid = must(fork(() => round(o, n, more, out)), "fork");
	const { status } = yield* waitpid(pid, 0);

	/* in case it did not come to that */
	for (const { probability } of knobs!.attrs)
		knobs!.put(probability, 0);
	if (!WIFEXITED(status))
		out.complaint ||= `killed by signal ${WTERMSIG(status)}`;
	else if (WEXITSTATUS(status) !== 0)
		out.complaint ||= `exit status ${WEXITSTATUS(status)}`;
	else if (out.r < 0 && n === 0)
		out.complaint ||= `${errno_name(out.errno)} without any failure`;
	else if (out.r < 0 && out.left === 0 && !o.errnos.includes(out.errno))
		out.complaint ||= `failed with ${errno_name(out.errno)}`;
	return out;
}

/* rounds of an operation */
class tally {
	failed = 0;
	absorbed = 0;
	bad = 0;
}

function* run_rounds<C>(o: fail_nth_op<C>, more: number): wait<tally> {
	const t = new tally();
	let before = privmem_state();

	for (let n = 1; ; n++) {
		const out = yield* run_round(o, n, more);
		const after = privmem_state();

		if (after !== before)
			out.complaint ||= `leaked ${state_difference(before, after)}`;
		if (n === ROUNDS_MAX)
			out.complaint ||= "no end of it";
		if (out.complaint !== "") {
			printf("# %s: allocation %d%s: %s\n", o.name, n, more ? " and more" : "",
				out.complaint);
			t.bad++;
			before = after;
		}
		if (out.left !== 0 || n === ROUNDS_MAX)
			return t;
		if (out.r < 0)
			t.failed++;
		else
			t.absorbed++;
	}
}

function knob(path: string, text: string): void {
	must(write_file(path, text), path);
}

/** True if all went as it should; how it went is printed as a comment. */
export function* fail_nth_run<C>(o: fail_nth_op<C>): wait<boolean> {
	for (const dir of ATTRS) {
		knob(`${dir}/ignore-gfp-wait`, "N\n");
		knob(`${dir}/verbose`, "0\n");
	}
	knob(`${DEBUG}/fail_page_alloc/ignore-gfp-highmem`, "N\n");
	knob(`${DEBUG}/fail_page_alloc/min-order`, "0\n");

	knobs ??= new control();
	/* what is made once and kept is made now */
	const cold = yield* run_round(o, 0, 0);
	if (cold.complaint !== "") {
		printf("# %s: %s\n", o.name, cold.complaint);
		return false;
	}
	const one = yield* run_rounds(o, 0), burst = yield* run_rounds(o, MORE);
	printf("# %s: %d allocations, %d fail the call, %d with more\n", o.name,
		one.failed + one.absorbed, one.failed, burst.failed);
	return one.bad + burst.bad === 0;
}
