// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on hosts of their own, a line of TAP for each: what it said, what its kernel logged, how
 * both ended.
 *
 * Port-only.
 */
import { host_options, host_print, kconfig_forced, run_hosts, type host_end, type host_spec } from
	"#tools/testing/host/hosts.ts";
import { KSFT_SKIP } from "#tools/testing/selftests/kselftest.ts";

/** Without it KVM takes private memory from userspace_addr, as it did before the series. */
export const BEFORE_THE_SERIES = "HAVE_KVM_PRIVATE_MEM=n";

export interface host_outcome {
	/** In words, for the result line. */
	readonly says: string;
	/** What the kernel's log has to match, all of it, and what not. */
	readonly log: readonly RegExp[];
	readonly log_not?: RegExp;
	/** What the program has said, all of it but lines with "#". */
	readonly console: readonly string[];
	/** The program's exit status; null: the host is gone. */
	readonly status: number | null;
	/** What ends the host, or what its runner complains of. */
	readonly problems?: readonly RegExp[];
}

export interface host_row {
	/** The left part of the result line. */
	readonly what: string;
	readonly spec: host_spec;
	readonly want: host_outcome;
	/** Shows what the host said, under this heading. */
	readonly shown?: string;
}

function differences(end: host_end, want: host_outcome): string[] {
	const said = end.console.split("\n").filter((l) => l !== "" && !l.startsWith("#"));
	const out = want.log.filter((re) => !re.test(end.log)).map((re) => `log lacks ${re}`);
	const problems = want.problems ?? [];

	if (want.log_not?.test(end.log))
		out.push(`log has ${want.log_not}`);
	if (said.join("\n") !== want.console.join("\n"))
		out.push(`said ${JSON.stringify(said)}`);
	if (end.status !== (want.status ?? -1))
		out.push(`status ${end.status}`);
	if (end.problems.length !== problems.length ||
	    problems.some((re, i) => !re.test(end.problems[i]!)))
		out.push(`problems ${JSON.stringify(end.problems)}`);
	return out;
}

const comment = (text: string): void =>
	host_print(`${text.trimEnd().replace(/^/gm, "# ")}\n`);

/** What the kernel said of the matter. */
function last_words(log: string): string {
	return log.split("\n").filter((l) => /mce: |panic|Memory failure|kvm: tdx|clear/.test(l))
		.slice(-12).join("\n");
}

/** Runs them, for a test on Intel hosts: the program's exit status. */
export async function run_host_rows(rows: readonly host_row[]): Promise<number> {
	let failed = 0;

	if (/vendor=amd/.test(host_options()) || kconfig_forced(BEFORE_THE_SERIES)) {
		host_print("1..0 # SKIP - wants TDX, and a kernel with the series\n");
		return KSFT_SKIP;
	}
	host_print(`TAP version 13\n1..${rows.length}\n`);
	await run_hosts(rows.map(({ spec }) => ({ ...spec,
		host: `memory=1G cpus=2 ${host_options()} tdx=on ${spec.host}` })), (end, i) => {
		const { what, want, shown } = rows[i]!, wrong = differences(end, want);
		if (shown !== undefined)
			comment(shown);
		if (shown !== undefined || wrong.length > 0)
			comment(`${end.console}${last_words(end.log)}`);
		host_print(`${wrong.length > 0 ? "not ok" : "ok"} ${i + 1} ${what} ${want.says}\n`);
		wrong.forEach(comment);
		failed += Number(wrong.length > 0);
	});
	return failed > 0 ? 1 : 0;
}
