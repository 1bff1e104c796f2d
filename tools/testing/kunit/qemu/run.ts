// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the VMM as a user does: as a program of its own, with the command line given.
 *
 * Port-only.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const PROGRAM = path.resolve(here, "../../../qemu/main.js");
const LIMIT_MS = 55_000;

export interface outcome {
	status: number | null;
	out: string;
	err: string;
}

const environment = (vendor: string): NodeJS.ProcessEnv =>
	({ ...process.env, PRIVMEM_HOST: `vendor=${vendor}` });

export function qemu(vendor: string, ...argv: string[]): outcome {
	const r = spawnSync(process.execPath, [PROGRAM, ...argv],
		{ env: environment(vendor), encoding: "utf8", timeout: LIMIT_MS, input: "" });
	return { status: r.status, out: r.stdout, err: r.stderr };
}

/** One whose standard input and output are a monitor. */
export class talk {
	readonly child: ChildProcessWithoutNullStreams;
	private text = "";
	private err = "";
	private wake: () => void = () => {};

	constructor(vendor: string, ...argv: string[]) {
		this.child = spawn(process.execPath, [PROGRAM, ...argv],
			{ env: environment(vendor) });
		this.child.stdout.setEncoding("utf8").on("data", (more: string) => {
			this.text += more;
			this.wake();
		});
		this.child.stderr.setEncoding("utf8").on("data", (s: string) => {
			this.err += s;
		});
		this.child.on("close", () => this.wake());
	}

	/** Output up to and with what @want matches; it is consumed. */
	async until(want: RegExp): Promise<string> {
		for (;;) {
			const found = want.exec(this.text);
			if (found !== null) {
				const end = found.index + found[0].length;
				const seen = this.text.slice(0, end);
				this.text = this.text.slice(end);
				return seen;
			}
			if (this.child.exitCode !== null)
				throw new Error(`ended before ${want}: ${this.text}${this.err}`);
			await new Promise<void>((resolve) => {
				this.wake = resolve;
			});
		}
	}

	send(text: string): void {
		this.child.stdin.write(text);
	}

	/** What is left of the output, and the exit status. */
	async end(): Promise<outcome> {
		while (this.child.exitCode === null)
			await new Promise<void>((resolve) => {
				this.wake = resolve;
			});
		return { status: this.child.exitCode, out: this.text, err: this.err };
	}
}
