// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 of a host: sets it up, runs the program, looks for leaks.
 *
 * Port-only.
 */
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { SIGKILL } from "#uapi/asm-generic/signal.ts";
import {
	dup, exit, fork, kill, open, read_file, type user_code, waitpid, WEXITSTATUS, WIFEXITED,
	WTERMSIG, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import type { host_config } from "./config.ts";

export interface init_report {
	status: number;
	leaks: string[];
}

const STATE = "/sys/kernel/debug/privmem/state";
const THP = "/sys/kernel/mm/transparent_hugepage";

function set_up(config: host_config): void {
	if (config.nr_hugepages !== undefined)
		write_file("/proc/sys/vm/nr_hugepages", `${config.nr_hugepages}\n`);
	if (config.thp !== undefined)
		write_file(`${THP}/enabled`, `${config.thp}\n`);
	if (config.shmem_enabled !== undefined)
		write_file(`${THP}/shmem_enabled`, `${config.shmem_enabled}\n`);
}

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

export function* init_main(config: host_config, program: () => user_code,
	report: init_report): user_code {
	open("/dev/console", O_RDWR);
	dup(0);
	dup(0);
	set_up(config);
	/* what is made once and kept is made now */
	yield* run_child(function* () {
		exit(0);
	});
	yield* reap();
	read_file(STATE);
	const before = read_file(STATE) ?? "";
	report.status = yield* run_child(program);
	yield* reap();
	const after = read_file(STATE) ?? "";
	report.leaks = compare(before, after);
	return report.status;
}
