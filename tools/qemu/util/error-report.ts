// SPDX-License-Identifier: GPL-2.0
/*
 * Errors as QEMU prints them: "qemu-system-x86_64: -object foo: what".
 *
 * Port-only; after QEMU's util/error-report.c and util/error.c. What QEMU gives to an Error ** is
 * thrown here as a qemu_error; whoever knows the option's place on the command line reports it and
 * ends the program. A hint is printed as it is, below the error.
 */
export const PROGNAME = "qemu-system-x86_64";

/** error_setg() */
export class qemu_error extends Error {
	readonly hint: string;
	constructor(message: string, hint = "") {
		super(message);
		this.hint = hint;
	}
}

/** exit() */
export class qemu_exit extends Error {
	readonly status: number;
	constructor(status: number) {
		super(`exit(${status})`);
		this.status = status;
	}
}

let sink: (text: string) => void = () => {};
/** The option being looked at, as it was typed; "" for none. */
let location = "";

/** Where errors go. */
export function set_error_sink(to: (text: string) => void): void {
	sink = to;
}

export function error_printf(text: string): void {
	sink(text);
}

function report(kind: string, message: string): void {
	const at = location === "" ? "" : ` ${location}:`;
	sink(`${PROGNAME}:${at} ${kind}${message}\n`);
}

export function error_report(message: string): void {
	report("", message);
}

export function warn_report(message: string): void {
	report("warning: ", message);
}

export function info_report(message: string): void {
	report("info: ", message);
}

export function error_report_err(e: qemu_error): void {
	error_report(e.message);
	sink(e.hint);
}

/** Calls @f, in which errors are the command line option's @words; they end the program. */
export function with_location<T>(words: string, f: () => T): T {
	const outer = location;

	location = words;
	try {
		return f();
	} catch (e) {
		if (!(e instanceof qemu_error))
			throw e;
		error_report_err(e);
		throw new qemu_exit(1);
	} finally {
		location = outer;
	}
}

/* include/qapi/qmp/qerror.h */
export const QERR_INVALID_PARAMETER = (name: string): string => `Invalid parameter '${name}'`;
export const QERR_INVALID_PARAMETER_TYPE = (name: string, want: string): string =>
	`Invalid parameter type for '${name}', expected: ${want}`;
export const QERR_INVALID_PARAMETER_VALUE = (name: string, want: string): string =>
	`Parameter '${name}' expects ${want}`;
export const QERR_MISSING_PARAMETER = (name: string): string => `Parameter '${name}' is missing`;
