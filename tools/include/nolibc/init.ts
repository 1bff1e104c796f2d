// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 of a host: sets it up, runs the program, looks for leaks.
 *
 * Port-only.
 */
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { SIGKILL } from "#uapi/asm-generic/signal.ts";
import { run_thread, struct_thread, type user_code } from "./arch.ts";
import { exit, fork, waitpid, WEXITSTATUS, WIFEXITED, WTERMSIG } from "./process.ts";
import { kill } from "./signal.ts";
import { dup, open, read_file, write_file } from "./sys.ts";

/* what process 1 tells whoever booted the host */
export interface init_report {
	/** exit status of the program, 128 + n when signal n killed it */
	status: number;
	leaks: string[];
}

const STATE = "/sys/kernel/debug/privmem/state";

/** Runs @code as a child and waits for it; a shell's status. */
function* run_child(code: () => user_code): Generator<void, number, void> {
	const pid = fork(code);
	if (pid < 0)
		return 127;
	const { status } = yield* waitpid(pid, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/** Ends and reaps everything that is still there. */
function* reap(): Generator<void, void, void> {
	kill(-1, SIGKILL);
	for (;;) {
		const { pid } = yield* waitpid(-1, 0);
		if (pid < 0)
			return;
	}
}

/** Lines of the kernel's counts that differ. */
function compare(before: string, after: string): string[] {
	const was = new Set(before.split("\n"));
	return after.split("\n").filter((l) => !was.has(l)).map((l) => {
		const name = l.slice(0, l.lastIndexOf(" ") + 1);
		const old = before.split("\n").find((b) => b.startsWith(name)) ?? `${name}0`;
		return `leak: ${l} (was ${old.slice(name.length)})`;
	});
}

function* init(knobs: readonly [string, string][], program: () => user_code,
	report: init_report): user_code {
	open("/dev/console", O_RDWR);
	dup(0);
	dup(0);
	for (const [path, text] of knobs)
		write_file(path, text);
	/* what is made once and kept is made now */
	yield* run_child(function* () {
		exit(0);
	});
	yield* reap();
	read_file(STATE);
	const before = read_file(STATE) ?? "";
	report.status = yield* run_child(program);
	yield* reap();
	/* the huge zero page stays until somebody asks for memory back */
	write_file("/proc/sys/vm/drop_caches", "2\n");
	const after = read_file(STATE) ?? "";
	report.leaks = compare(before, after);
	return report.status;
}

/** The context of process 1. @knobs: files and what is written to them before the program. */
export function init_main(knobs: readonly [string, string][], program: () => user_code,
	report: init_report): Generator<void, number, void> {
	return run_thread(new struct_thread(), init(knobs, program, report));
}
