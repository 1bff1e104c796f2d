// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the series is for. A VMM has memory of its TD mapped and writes one byte there; the TD reads
 * it. Before the series that is the end of the host, or of the VMM, or of the TD alone, as the
 * machine is made. With it the same program gets no such mapping, whatever it calls, and its byte
 * is in shared memory.
 *
 * Port-only. Each line of the result is a host of its own, with another VM on it.
 */
import { host_print, host_options, kconfig_forced, run_hosts, type host_end, type host_spec } from
	"#tools/testing/host/hosts.ts";
import { KSFT_SKIP } from "#tools/testing/selftests/kselftest.ts";
import { crash_main } from "./tdx_host_crash.ts";

/* without it KVM takes private memory from userspace_addr, as it did before the series */
const BEFORE = "HAVE_KVM_PRIVATE_MEM=n";

interface outcome {
	/** In words. */
	readonly says: string;
	/** What the host's log has to match, all of it, and what not. */
	readonly log: readonly RegExp[];
	readonly log_not?: RegExp;
	/** What the program has said by the end of the host. */
	readonly console: readonly string[];
	/** Its exit status; null: the host is gone. */
	readonly status: number | null;
}

const LOAD = /mce: \[Hardware Error\]: Machine check: Data load in unrecoverable area of kernel$/m;
const TRIED = ["other VM: runs", "VMM: has the TD's memory mapped", "VMM: reads zeros there",
	"VMM: writes one byte, and hears nothing"];
const HOST_LIVES = ["other VM: goes on", "another TD: runs"];

/** The host has panicked: nobody says anything after the VMM's write. */
function panic(text: string): outcome {
	return {
		says: `host: panic, ${text}; all VMs are gone`,
		log: [LOAD, new RegExp(`Kernel panic - not syncing: ${text}$`, "m")],
		console: TRIED, status: null,
	};
}

const sigbus: outcome = {
	says: "VMM: SIGBUS, its page is out of use; host and other VMs live",
	log: [/Memory failure: 0x[0-9a-f]+: recovery action for .*: (Recovered|Delayed)$/m],
	log_not: /panic/,
	console: [...TRIED, "VMM: killed by signal 7", "HardwareCorrupted: 4 kB", ...HOST_LIVES], status: 0,
};

const marked: outcome = {
	says: "TD: FATAL, its page is out of use; VMM, host and other VMs live",
	log: [/Machine Check Exception: 100f Bank 1: bd80000000000134/], log_not: /panic/,
	console: [...TRIED, "TD: dead, 0x6000000500000006", "VMM: exits with status 3",
		"HardwareCorrupted: 0 kB", ...HOST_LIVES],
	status: 0,
};

const nothing: outcome = {
	says: "no mapping to be had; TD, VMM, host and other VMs live",
	log: [], log_not: /panic|[Mm]achine [Cc]heck|Memory failure/,
	console: ["other VM: runs", "VMM: KVM wants no mapped memory for a TD",
		"VMM: no call leads to the TD's memory", "VMM: writes one byte, and hears nothing",
		"TD: its memory is as it was", "VMM: exits with status 0", "HardwareCorrupted: 0 kB",
		...HOST_LIVES],
	status: 0,
};

const LOCAL = "Fatal local machine check";

/* machine options; the first line is the platform of 2022 */
const before: readonly (readonly [string, outcome])[] = [
	["emca2=on  seam_nr=off integrity=ci pw_erratum=on  lmce=on", panic(LOCAL)],
	["emca2=on  seam_nr=off integrity=li pw_erratum=on  lmce=on", panic(LOCAL)],
	["emca2=on  seam_nr=off integrity=ci pw_erratum=off lmce=on", panic(LOCAL)],
	["emca2=on  seam_nr=off integrity=ci pw_erratum=on  lmce=off", panic("Fatal machine check")],
	["emca2=on  seam_nr=on  integrity=ci pw_erratum=on  lmce=on", marked],
	["emca2=off seam_nr=off integrity=ci pw_erratum=on  lmce=on", sigbus],
	["emca2=off seam_nr=off integrity=li pw_erratum=off lmce=off", sigbus],
	["emca2=off seam_nr=on  integrity=ci pw_erratum=on  lmce=on", sigbus],
];
const after: typeof before = [before[0]!, before[3]!, before[6]!]
	.map(([machine]): [string, outcome] => [machine, nothing]);

/** What is not as it should be. */
function differences(end: host_end, want: outcome): string[] {
	const said = end.console.trimEnd().split("\n").filter((l) => !l.startsWith("#"));
	const out = want.log.filter((re) => !re.test(end.log)).map((re) => `log lacks ${re}`);

	if (want.log_not?.test(end.log))
		out.push(`log has ${want.log_not}`);
	if (said.join("\n") !== want.console.join("\n"))
		out.push(`said ${JSON.stringify(said)}`);
	if (end.status !== (want.status ?? -1))
		out.push(`status ${end.status}`);
	if (want.status !== null)
		out.push(...end.problems);
	return out;
}

const comment = (text: string): void =>
	host_print(text.trimEnd().replace(/^/gm, "# ") + "\n");

/** Why the kernel thought that it was to die, in its words. */
function last_words(log: string): string {
	return log.split("\n").filter((l) => /mce: |panic|Memory failure|kvm: tdx/.test(l))
		.slice(-12).join("\n");
}

export async function hosts(_argv: string[]): Promise<number> {
	if (/vendor=amd/.test(host_options()) || kconfig_forced(BEFORE)) {
		host_print("1..0 # SKIP - wants TDX, and a kernel with the series\n");
		return KSFT_SKIP;
	}
	const rows = [...before, ...after];
	/* a large page that lost a small one is lost as a whole when it is used next */
	const specs = rows.map(([machine], i): host_spec => ({
		host: `memory=1G cpus=2 thp=never ${host_options()} tdx=on ${machine.replace(/ +/g, " ")}`,
		kconfig: i < before.length ? BEFORE : "", program: import.meta.url,
	}));
	let failed = 0;

	host_print(`TAP version 13\n1..${rows.length}\n`);
	await run_hosts(specs, (end, i) => {
		const [machine, want] = rows[i]!, wrong = differences(end, want);
		if (i === before.length)
			comment("With the series: the platform of 2022, of which the program says");
		if (i === 0)
			comment("Before the series: the platform of 2022, of which is heard");
		if (i === 0 || i === before.length || wrong.length > 0)
			comment(`${end.console}${last_words(end.log)}`);
		failed += Number(wrong.length > 0);
		host_print(`${wrong.length > 0 ? "not ok" : "ok"} ${i + 1} ` +
			`${i < before.length ? "before the series" : "with the series  "}  ${
				machine.padEnd(62)} ${want.says}\n`);
		wrong.forEach(comment);
	});
	return failed > 0 ? 1 : 0;
}

export { crash_main as main };
