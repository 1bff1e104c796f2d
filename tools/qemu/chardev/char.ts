// SPDX-License-Identifier: GPL-2.0
/*
 * Character devices, as -serial, -monitor and -qmp name them.
 *
 * Port-only; after QEMU's chardev/char.c. Only what an option says is found out here; backends are
 * opened by whoever starts the host (chardev/backend.ts).
 */
import { qemu_error } from "#tools/qemu/util/error-report.ts";
import { type opts_list, opt_bool, qemu_opts_parse } from "#tools/qemu/util/qemu-option.ts";

export interface chardev {
	readonly kind: "stdio" | "null" | "file" | "unix";
	readonly path: string;
	/** mon: a monitor shares it, Ctrl-a c switches */
	readonly mux: boolean;
	readonly server: boolean;
	/** Do not start before somebody connects. */
	readonly wait: boolean;
	/** 0, 1, ... in the order of the options */
	readonly index: number;
}

const SOCKET: opts_list = { name: "chardev", implied: "path", desc: { path: "string",
	server: "bool", wait: "bool", reconnect: "number", telnet: "bool", mux: "bool",
	logfile: "string", abstract: "bool", tight: "bool" } };

let stdio_taken = false;
let next = 0;

/** Forgets what earlier command lines used. */
export function chardevs_claim_stdio(): void {
	stdio_taken = false;
	next = 0;
}

function plain(kind: chardev["kind"], path: string, mux: boolean): chardev {
	return { kind, path, mux, server: false, wait: false, index: next++ };
}

function unix(text: string): chardev {
	const opts = qemu_opts_parse(SOCKET, text);
	const server = opt_bool(opts.get("server"), false);
	const path = opts.get("path") ?? "";

	if (path === "")
		throw new qemu_error("chardev: socket: no host or path given");
	if (!server && opts.has("wait"))
		throw new qemu_error("'wait' option is incompatible with socket in client connect mode");
	return { kind: "unix", path, mux: false, server, wait: server && opt_bool(opts.get("wait"), true),
		index: next++ };
}

/** chardev/char.c:qemu_chr_parse_compat() */
export function chardev_parse(text: string, permit_mux: boolean): chardev {
	const mux = text.startsWith("mon:");
	const name = mux ? text.slice(4) : text;

	if (mux && !permit_mux)
		throw new qemu_error("mon: isn't supported in this context");
	if (name === "null")
		return plain("null", "", mux);
	if (name === "stdio") {
		if (stdio_taken)
			throw new qemu_error("cannot use stdio by multiple character devices");
		stdio_taken = true;
		return plain("stdio", "", mux);
	}
	if (name.startsWith("file:"))
		return plain("file", name.slice(5), mux);
	if (name.startsWith("unix:"))
		return unix(name.slice(5));
	throw new qemu_error(`'${name}' is not a valid char driver`);
}
