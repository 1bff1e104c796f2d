// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is hurt when a VMM and its TD use the same memory: the module, the kernel on behalf of the
 * VMM, the VMM. Before the series, but for the last lines.
 *
 * Port-only. Each line of the result is a host of its own. Documentation/x86/tdx.rst says which
 * other tests belong to this.
 */
import { BEFORE_THE_SERIES, run_host_rows, type host_outcome, type host_row } from
	"../lib/host_rows.ts";
import { scenario_main } from "./tdx_scenarios.ts";

const PANIC = "Fatal local machine check";

/** The program has said @console, and nothing is the matter. */
function fine(says: string, ...console: string[]): host_outcome {
	return { says, log: [], log_not: /panic|[Mm]achine [Cc]heck|Memory failure/, console, status: 0 };
}

/** The page is out of use, and the host lives. */
function offline(says: string, ...console: string[]): host_outcome {
	return { says, log: [/Memory failure: 0x[0-9a-f]+: recovery action for/], log_not: /panic/,
		console, status: 0 };
}

const shutdown: host_outcome = {
	says: "shutdown without a word", log: [], log_not: /panic|Oops|[Mm]achine [Cc]heck/,
	console: ["wrote"], status: null,
	problems: [/unbreakable shutdown: poison at 0x[0-9a-f]+ consumed in SEAM root mode/],
};

/** The kernel has met poison in @symbol. */
function panic(symbol: string): host_outcome {
	return {
		says: `panic, ${PANIC}`, console: ["wrote"], status: null,
		log: [/Machine check: Data load in unrecoverable area of kernel$/m,
			new RegExp(`RIP 10:<[0-9a-f]+> \\{${symbol}\\}`),
			new RegExp(`Kernel panic - not syncing: ${PANIC}$`, "m")],
		problems: [new RegExp(`^kernel panic: ${PANIC}$`)],
	};
}

const sigbus = offline("SIGBUS for the VMM", "wrote", "SIGBUS, code 4, at 0");
const own_word = fine("the VMM has what it wrote", "wrote", "loads 0x88");

/** PAGE_METADATA_INCORRECT; KVM takes that for a fault of its own, and gives the second TD up. */
function first_one(...console: string[]): host_outcome {
	return { says: "for the first one", log: [/TDH_MEM_PAGE_ADD failed: 0xc000030000000008/],
		log_not: /panic/, console, status: 0, problems: [/^kernel: 1 warnings$/] };
}

/* scenario, host, kernel's command line, outcome */
const before: readonly (readonly [string, string, string, string, host_outcome])[] = [
	["a VMM reads memory of its TD", "read", "integrity=li", "",
		fine("zeros, and nobody dies", "zeros", "TD: 1")],
	["it overwrites a page, with the TD's own bytes", "fill", "", "",
		panic("tdx_vcpu_enter_exit")],
	["it writes there, and the module reads it", "report", "", "", shutdown],
	["MOVNTI there, and it is another TD's source", "source", "", "", shutdown],
	["MOVNTI there, and the VMM loads it", "movnti", "", "", sigbus],
	["... without the erratum", "movnti", "pw_erratum=off", "", own_word],
	["MOVNTI there, and write(2) of it", "movnti_write", "", "",
		offline("EFAULT", "wrote", "write: EFAULT")],
	["MOVNTI there, and pread(2) of the file", "movnti_pread", "", "",
		panic("memcpy_from_page")],
	["MOVNTI to what the TD gave back", "given_back", "", "clear_on_drop=1", own_word],
	["... without clearing it", "given_back", "", "clear_on_drop=0", sigbus],
	["... nor the erratum", "given_back", "pw_erratum=off", "clear_on_drop=0", own_word],
	["one page for two TDs", "two_tds", "", "clear_on_drop=0",
		first_one("second TD: refused", "TD: 1", "next TD: 1")],
];
const after: typeof before = [
	["the VMM writes while the TD takes memory back", "take_back", "", "",
		fine("zeros, every time", "8 rounds")],
	["... without clearing what is dropped", "take_back", "", "clear_on_drop=0", {
		...fine("zeros, every time", "8 rounds"),
		log: [/virt\/tdx: pages freed with owner bits or poison: 1$/m],
	}],
	["one file for two TDs", "two_tds_file", "", "", first_one("second TD: refused", "TD: 1")],
];

function row([what, name, host, params, want]: typeof before[0], kconfig: string): host_row {
	return { what: `${kconfig === "" ? "with the series  " : "before the series"}  ${
		what.padEnd(46)}`, want,
	spec: { host: `thp=never ${host}`, params, kconfig, args: [name], program: import.meta.url } };
}

export async function hosts(_argv: string[]): Promise<number> {
	return run_host_rows([...before.map((b) => row(b, BEFORE_THE_SERIES)),
		...after.map((a) => row(a, ""))]);
}

export { scenario_main as main };
