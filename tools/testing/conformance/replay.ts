// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a case: a fresh process runs its steps in order, helped by the processes it forks.
 *
 * Port-only. Results go back through JavaScript variables; only the turns are taken over pipes, so
 * that every process runs its own steps in its own address space.
 */
import * as libc from "#tools/include/nolibc/nolibc.ts";
import { same, type outcome, type recorded_case, type step } from "./format.ts";
import { process_state, run_op } from "./ops.ts";

export interface difference {
	step: number;
	expected: outcome;
	got: outcome;
}

export interface case_result {
	id: string;
	differences: difference[];
	/** how the case's process ended, when it did not by itself */
	died: string | null;
}

/* a forked process that waits for steps */
class helper {
	pid = 0;
	dead = false;
	go: [number, number];
	done: [number, number];
	step: step | null = null;
	out: outcome = {};

	constructor(go: [number, number], done: [number, number]) {
		this.go = go;
		this.done = done;
	}
}

function* helper_main(h: helper, p: process_state): Generator<void, void, void> {
	libc.close(h.go[1]);
	libc.close(h.done[0]);
	for (;;) {
		const buf = libc.alloca(1);
		const n = yield* libc.read_wait(h.go[0], buf, 1);
		libc.release(buf);
		if (n !== 1 || h.step === null)
			return;
		h.out = yield* run_op(p, h.step);
		libc.write_bytes(h.done[1], new Uint8Array(1));
	}
}

function* run_in(h: helper, s: step | null): Generator<void, outcome, void> {
	h.step = s;
	h.out = {};
	if (h.dead)
		return { helper: "dead" };
	libc.write_bytes(h.go[1], new Uint8Array(1));
	if (s === null) {
		yield* libc.waitpid(h.pid, 0);
		return { ret: 0 };
	}
	const buf = libc.alloca(1);
	h.dead = (yield* libc.read_wait(h.done[0], buf, 1)) !== 1;
	libc.release(buf);
	return h.dead ? { helper: "died" } : h.out;
}

function fork_helper(helpers: Map<string, helper>, p: process_state, name: string): outcome {
	const h = new helper(libc.pipe()!, libc.pipe()!);
	const copy = p.copy();
	h.pid = libc.fork(() => helper_main(h, copy));
	/* so that its end is seen */
	libc.close(h.go[0]);
	libc.close(h.done[1]);
	helpers.set(name, h);
	return { ret: `@${name}` };
}

/** What step @i answered on kernel @kernel ("6.1": the kernel of record). */
export function expected(c: recorded_case, i: number, kernel: string): outcome {
	return c.differs?.[kernel]?.[String(i)] ?? c.steps[i]!.out;
}

/** The body of a case's process. */
function* case_main(c: recorded_case, kernel: string, r: case_result):
	Generator<void, number, void> {
	const p = new process_state();
	const helpers = new Map<string, helper>();
	for (const [i, s] of c.steps.entries()) {
		const want = expected(c, i, kernel);
		let got: outcome;
		if (s.proc !== undefined) {
			const h = helpers.get(s.proc);
			got = h === undefined ? { skipped: true } :
				yield* run_in(h, s.op === "exit" ? null : s);
		} else if (s.op === "fork") {
			got = fork_helper(helpers, p, s.as!);
		} else {
			got = yield* run_op(p, s);
		}
		if (!same(want, got))
			r.differences.push({ step: i, expected: want, got });
	}
	return 0;
}

/** Replays @c in a child of the caller. */
export function* replay(c: recorded_case, kernel: string): Generator<void, case_result, void> {
	const r: case_result = { id: c.id, differences: [], died: "did not start" };
	const pid = libc.fork(function* () {
		yield* case_main(c, kernel, r);
		r.died = null;
	});
	if (pid < 0)
		return r;
	r.died = "ended early";
	const { status } = yield* libc.waitpid(pid, 0);
	if (libc.WIFSIGNALED(status))
		r.died = `killed by signal ${libc.WTERMSIG(status)}`;
	return r;
}
