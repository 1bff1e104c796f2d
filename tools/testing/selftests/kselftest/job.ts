// SPDX-License-Identifier: GPL-2.0
/*
 * One test program, started as a process of its own.
 *
 * Port-only. Standard output and error go to one file, so that their order is kept; whoever shows
 * them reads the file as it grows.
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** What timeout(1) exits with when it had to end its command. */
export const timeout_rc = 124;
const GRACE_MS = 2000;

export interface job_spec {
	readonly argv: readonly string[];
	readonly cwd: string;
	readonly env: NodeJS.ProcessEnv;
	readonly log: string;
	/** 0: no limit. */
	readonly timeout_ms: number;
}

export interface job {
	/** How long it took; somebody may ask for the result later. */
	ms: number;
	/** Exit status as a shell sees it. */
	readonly done: Promise<number>;
	rc: number | null;
	kill(): void;
	/** Output since the last call. */
	read(): Buffer;
}

function signal_rc(signal: NodeJS.Signals | null): number {
	return 128 + (signal === null ? 0 : os.constants.signals[signal]);
}

function wait(child: ChildProcess, timeout_ms: number): Promise<number> {
	let timed_out = false;
	const timer = timeout_ms === 0 ? null : setTimeout(() => {
		timed_out = true;
		child.kill("SIGTERM");
		setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
	}, timeout_ms);
	return new Promise((resolve) => {
		const end = (rc: number): void => {
			if (timer !== null)
				clearTimeout(timer);
			resolve(timed_out ? timeout_rc : rc);
		};
		child.on("error", () => end(127));
		child.on("exit", (code, signal) => end(code ?? signal_rc(signal)));
	});
}

export function start_job(spec: job_spec): job {
	fs.mkdirSync(path.dirname(spec.log), { recursive: true });
	const fd = fs.openSync(spec.log, "w+");
	const append = fs.openSync(spec.log, "a");
	const child = spawn(process.execPath, spec.argv,
		{ cwd: spec.cwd, env: spec.env, stdio: ["ignore", append, append] });
	fs.closeSync(append);
	let at = 0;
	const read = (): Buffer => {
		const size = fs.fstatSync(fd).size;
		const out = Buffer.alloc(Math.max(0, size - at));
		at += fs.readSync(fd, out, 0, out.length, at);
		return out;
	};
	const started = performance.now();
	const done = wait(child, spec.timeout_ms).then((rc) => {
		it.ms = performance.now() - started;
		return it.rc = rc;
	});
	const it: job = { ms: 0, rc: null, kill: () => child.kill("SIGKILL"), read, done };
	return it;
}
