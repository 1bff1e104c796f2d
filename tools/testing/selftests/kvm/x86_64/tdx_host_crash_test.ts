// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the series is for. A VMM has memory of its TD mapped and writes one byte there; the TD reads
 * it. Before the series that is the end of the host, or of the VMM, or of the TD alone, as the
 * machine is made. With it the same program gets no such mapping, whatever it calls, and its byte
 * is in shared memory.
 *
 * Port-only. Each line of the result is a host of its own, with another VM on it.
 */
import { BEFORE_THE_SERIES, run_host_rows, type host_outcome, type host_row } from
	"../lib/host_rows.ts";
import { crash_main } from "./tdx_host_crash.ts";

const LOAD = /mce: \[Hardware Error\]: Machine check: Data load in unrecoverable area of kernel$/m;
const TRIED = ["other VM: runs", "VMM: has the TD's memory mapped", "VMM: reads zeros there",
	"VMM: writes one byte, and hears nothing"];
const HOST_LIVES = ["other VM: goes on", "another TD: runs"];

/** The host has panicked: nobody says anything after the VMM's write. */
function panic(text: string): host_outcome {
	return {
		says: `host: panic, ${text}; all VMs are gone`,
		log: [LOAD, new RegExp(`Kernel panic - not syncing: ${text}$`, "m")],
		console: TRIED, status: null, problems: [new RegExp(`^kernel panic: ${text}$`)],
	};
}

const sigbus: host_outcome = {
	says: "VMM: SIGBUS, its page is out of use; host and other VMs live",
	log: [/Memory failure: 0x[0-9a-f]+: recovery action for .*: (Recovered|Delayed)$/m],
	log_not: /panic/,
	console: [...TRIED, "VMM: killed by signal 7", "HardwareCorrupted: 4 kB", ...HOST_LIVES], status: 0,
};

const marked: host_outcome = {
	says: "TD: FATAL, its page is out of use; VMM, host and other VMs live",
	log: [/Machine Check Exception: 100f Bank 1: bd80000000000134/], log_not: /panic/,
	console: [...TRIED, "TD: dead, 0x6000000500000006", "VMM: exits with status 3",
		"HardwareCorrupted: 0 kB", ...HOST_LIVES],
	status: 0,
};

const nothing: host_outcome = {
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
const before: readonly (readonly [string, host_outcome])[] = [
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
	.map(([machine]): [string, host_outcome] => [machine, nothing]);

function row(machine: string, want: host_outcome, when: "before" | "with", shown?: string): host_row {
	return {
		what: `${`${when} the series`.padEnd(17)}  ${machine.padEnd(62)}`, want,
		/* a large page that lost a small one is lost as a whole when it is used next */
		spec: { host: `thp=never ${machine.replace(/ +/g, " ")}`, program: import.meta.url,
			kconfig: when === "before" ? BEFORE_THE_SERIES : "" },
		...shown === undefined ? {} : { shown },
	};
}

export async function hosts(_argv: string[]): Promise<number> {
	return run_host_rows([
		...before.map(([machine, want], i) => row(machine, want, "before",
			i === 0 ? "before the series, the platform of 2022" : undefined)),
		...after.map(([machine, want], i) => row(machine, want, "with",
			i === 0 ? "with the series, the platform of 2022" : undefined)),
	]);
}

export { crash_main as main };
