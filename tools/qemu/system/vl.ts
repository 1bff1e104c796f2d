// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: from argv to what is to be built.
 *
 * Port-only; after QEMU 7.1's softmmu/vl.c. Errors come in QEMU's order: options one by one as they
 * are typed, then what needs all of them. Nothing here needs a host; Documentation/port/qemu.md has
 * the options and where they deviate.
 */
import {
	QERR_MISSING_PARAMETER, error_report, qemu_error, qemu_exit,
	with_location,
} from "#tools/qemu/util/error-report.ts";
import { is_dict, type keyval_dict, keyval_merge, keyval_parse, new_dict } from
	"#tools/qemu/util/keyval.ts";
import { type opts_list, type qemu_opts, qemu_opts_parse } from
	"#tools/qemu/util/qemu-option.ts";
import { qobject_from_json, visit } from "#tools/qemu/qapi/visitor.ts";
import {
	type object_options, user_creatable_parse_str,
} from "#tools/qemu/qom/object_interfaces.ts";
import { MACHINE_NAME, keyval_dashify, machine_apply, type machine_state } from
	"#tools/qemu/hw/core/machine.ts";
import { type chardev, chardev_parse, chardevs_claim_stdio } from "#tools/qemu/chardev/char.ts";
import { type cpu_options, parse_cpu_option } from "#tools/qemu/target/i386/cpu-options.ts";
import { HELP, VERSION } from "./help.ts";

export interface vm_options {
	machine: machine_state;
	objects: object_options[];
	cpu: cpu_options;
	/** -name guest= */
	name: string | null;
	serials: chardev[];
	monitors: { dev: chardev; qmp: boolean }[];
	/** patterns, "-" in front of those to switch off */
	trace: string[];
	logfile: string | null;
	/** -S */
	autostart: boolean;
	no_reboot: boolean;
	no_shutdown: boolean;
}

/** What the options said, before it is looked at as a whole. */
class command_line {
	readonly machine_opts = new_dict();
	readonly objects: object_options[] = [];
	readonly memory: qemu_opts = new Map();
	memory_at = "";
	readonly accels: { opts: qemu_opts; where: string }[] = [];
	readonly serial: { arg: string; where: string }[] = [];
	readonly monitor: { arg: string; qmp: boolean; where: string }[] = [];
	readonly name: qemu_opts = new Map();
	cpu: string | null = null;
	trace: string[] = [];
	logfile: string | null = null;
	nographic = false;
	nodefaults = false;
	autostart = true;
	no_reboot = false;
	no_shutdown = false;
}

const MEMORY: opts_list = { name: "memory", implied: "size",
	desc: { size: "size", slots: "number", maxmem: "size" } };
const ACCEL: opts_list = { name: "accel", implied: "accel", desc: null };
const NAME: opts_list = { name: "name", implied: "guest",
	desc: { guest: "string", process: "string", "debug-threads": "bool" } };
const TRACE: opts_list = { name: "trace", implied: "enable",
	desc: { enable: "string", file: "string" } };

function help(text: string): never {
	print(text);
	throw new qemu_exit(0);
}

let print: (text: string) => void = () => {};

function opt_machine(c: command_line, arg: string): void {
	const { dict, help: wanted } = keyval_parse(arg, "type");

	if (wanted)
		help(`Supported machines are:\nq35                  Standard PC (Q35 + ICH9, 2009) ` +
			`(alias of ${MACHINE_NAME})\n${MACHINE_NAME.padEnd(21)}` +
			"Standard PC (Q35 + ICH9, 2009)\n");
	keyval_merge(c.machine_opts, dict);
}

function opt_smp(c: command_line, arg: string): void {
	const dict = new_dict();

	dict["smp"] = keyval_parse(arg, "cpus").dict;
	keyval_merge(c.machine_opts, dict);
}

function opt_display(arg: string): void {
	const kinds = ["none", "egl-headless", "gtk", "sdl", "curses", "vnc"] as const;
	const from = arg.startsWith("{") ? qobject_from_json(arg) as keyval_dict :
		keyval_parse(arg, "type").dict;
	const { type, ...rest } = from;

	visit({ type: { type: kinds, required: true } }, type === undefined ? {} : { type }, "keyval");
	visit({ "full-screen": { type: "bool" }, "window-close": { type: "bool" },
		"show-cursor": { type: "bool" }, gl: { type: ["off", "on", "core", "es"] } }, rest, "keyval");
	if (type !== "none")
		throw new qemu_error(`Display '${String(type)}' is not available, please recompile with it enabled`);
}

function opt_trace(c: command_line, arg: string): void {
	const opts = qemu_opts_parse(TRACE, arg);
	const enable = opts.get("enable");

	if (enable !== undefined)
		c.trace.push(enable);
	c.logfile = opts.get("file") ?? c.logfile;
}

function opt_accel(c: command_line, arg: string, where: string): void {
	const opts = qemu_opts_parse(ACCEL, arg);
	const accel = opts.get("accel");

	if (accel === undefined || accel === "help" || accel === "?")
		help("Accelerators supported in QEMU binary:\nkvm\n");
	c.accels.push({ opts, where });
}

function opt_object(c: command_line, arg: string, where: string): void {
	const o = user_creatable_parse_str(arg, where);

	if (typeof o === "string")
		help(o);
	c.objects.push(o);
}

type handler = (c: command_line, arg: string, where: string) => void;

/** Options with an argument. */
const WITH_ARG: Record<string, handler> = {
	machine: opt_machine,
	M: opt_machine,
	m: (c, arg, where) => {
		c.memory_at = where;
		qemu_opts_parse(MEMORY, arg, c.memory);
	},
	smp: opt_smp,
	cpu: (c, arg) => {
		if (arg === "help" || arg === "?")
			help("Available CPUs:\nx86 host                  processor with all supported host " +
				"features\n");
		c.cpu = arg;
	},
	accel: opt_accel,
	object: opt_object,
	display: (_c, arg) => opt_display(arg),
	vga: (_c, arg) => {
		if (arg !== "none")
			throw new qemu_error(`unknown vga type: ${arg}`);
	},
	name: (c, arg) => {
		qemu_opts_parse(NAME, arg, c.name);
	},
	bios: (c, arg) => {
		c.machine_opts["firmware"] = arg;
	},
	kernel: (c, arg) => {
		c.machine_opts["kernel"] = arg;
	},
	append: (c, arg) => {
		c.machine_opts["append"] = arg;
	},
	serial: (c, arg, where) => {
		c.serial.push({ arg, where });
	},
	monitor: (c, arg, where) => {
		c.monitor.push({ arg, qmp: false, where });
	},
	qmp: (c, arg, where) => {
		c.monitor.push({ arg, qmp: true, where });
	},
	trace: opt_trace,
	D: (c, arg) => {
		c.logfile = arg;
	},
};

/** Options without. */
const FLAGS: Record<string, (c: command_line) => void> = {
	nographic: (c) => {
		c.nographic = true;
	},
	nodefaults: (c) => {
		c.nodefaults = true;
	},
	"no-reboot": (c) => {
		c.no_reboot = true;
	},
	"no-shutdown": (c) => {
		c.no_shutdown = true;
	},
	"enable-kvm": (c) => {
		c.accels.push({ opts: new Map([["accel", "kvm"]]), where: "-enable-kvm" });
	},
	S: (c) => {
		c.autostart = false;
	},
	h: () => help(HELP),
	help: () => help(HELP),
	version: () => help(VERSION),
};

function parse_argv(c: command_line, argv: readonly string[]): void {
	for (let i = 0; i < argv.length; i++) {
		const word = argv[i]!;
		const name = word.replace(/^--?/, "");
		const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name]! : null;
		const handler = Object.hasOwn(WITH_ARG, name) ? WITH_ARG[name]! : null;

		with_location(word, () => {
			if (!word.startsWith("-") || (flag === null && handler === null))
				throw new qemu_error("invalid option");
			if (handler !== null && i + 1 === argv.length)
				throw new qemu_error("requires an argument");
			flag?.(c);
		});
		if (handler === null)
			continue;
		const arg = argv[++i]!, where = `${word} ${arg}`;
		with_location(where, () => handler(c, arg, where));
	}
}

/** softmmu/vl.c:parse_memory_options(): -m becomes machine.memory; a bare number is in MiB. */
function parse_memory_options(c: command_line): void {
	const dict = new_dict(), mem = new_dict();
	const size = c.memory.get("size");

	if (size !== undefined && !/^0*$/.test(size))
		mem["size"] = /\d$/.test(size) ? `${size}M` : size;
	if (c.memory.has("maxmem"))
		mem["max-size"] = c.memory.get("maxmem")!;
	if (c.memory.has("slots"))
		mem["slots"] = c.memory.get("slots")!;
	if (Object.keys(mem).length === 0)
		return;
	dict["memory"] = mem;
	with_location(c.memory_at, () => keyval_merge(c.machine_opts, dict));
}

function select_machine(opts: keyval_dict): void {
	const type = opts["type"];

	delete opts["type"];
	if (type !== undefined && type !== "q35" && type !== MACHINE_NAME)
		throw new qemu_error("unsupported machine type",
			"Use -machine help to list supported machines\n");
}

const IRQCHIP = ["on", "off", "split"] as const;

function accel_props(opts: qemu_opts, m: machine_state): void {
	for (const [name, value] of opts) {
		if (name === "accel" || name === "id")
			continue;
		if (name !== "kernel-irqchip")
			throw new qemu_error(`Property 'kvm-accel.${name}' not found`);
		const mode = IRQCHIP.find((x) => x === value);
		if (mode === undefined)
			throw new qemu_error(`Parameter 'kernel-irqchip' does not accept value '${value}'`);
		m.kernel_irqchip = mode;
	}
}

/** softmmu/vl.c:configure_accelerators(), up to where KVM is opened; KVM is all there is. */
function choose_accel(c: command_line, machine_accel: string | null, m: machine_state): void {
	if (machine_accel !== null && c.accels.length !== 0) {
		error_report("The -accel and \"-machine accel=\" options are incompatible");
		throw new qemu_exit(1);
	}
	for (const name of machine_accel?.split(":") ?? []) {
		if (name === "kvm")
			c.accels.push({ opts: new Map([["accel", "kvm"]]), where: "" });
		else
			error_report(`invalid accelerator ${name}`);
	}
	if (c.accels.length === 0) {
		if (machine_accel === null)
			return;
		error_report("no accelerator found");
		throw new qemu_exit(1);
	}
	for (const { opts, where } of c.accels) {
		if (opts.get("accel") === "kvm") {
			with_location(where, () => accel_props(opts, m));
			return;
		}
		with_location(where, () => error_report(`invalid accelerator ${opts.get("accel")}`));
	}
	throw new qemu_exit(1);
}

function check_duplicates(objects: readonly object_options[]): void {
	const seen = new Set<string>();

	for (const o of objects) {
		if (seen.has(o.id))
			with_location(o.where, () => {
				throw new qemu_error(`attempt to add duplicate property '${o.id}' to object ` +
					"(type 'container')");
			});
		seen.add(o.id);
	}
}

/** Which character devices there are when the options leave it open. */
function default_devices(c: command_line): void {
	if (c.serial.length !== 0 || c.monitor.some((x) => x.arg === "stdio") ||
	    (c.nodefaults && !c.nographic))
		return;
	const arg = c.nographic && c.monitor.length === 0 ? "mon:stdio" : "stdio";
	c.serial.push({ arg, where: "" });
}

function devices(c: command_line): Pick<vm_options, "serials" | "monitors"> {
	const serials: chardev[] = [], monitors: vm_options["monitors"] = [];

	default_devices(c);
	chardevs_claim_stdio();
	for (const { arg, qmp, where } of c.monitor) {
		if (arg === "none")
			continue;
		monitors.push({ qmp, dev: with_location(where, () => chardev_parse(arg, false)) });
	}
	for (const { arg, where } of c.serial) {
		if (arg === "none")
			continue;
		with_location(where, () => {
			try {
				serials.push(chardev_parse(arg, true));
			} catch (e) {
				if (!(e instanceof qemu_error))
					throw e;
				error_report(e.message);
				throw new qemu_error(
					`could not connect serial device to character backend '${arg}'`);
			}
		});
	}
	for (const dev of serials)
		if (dev.mux)
			monitors.push({ dev, qmp: false });
	return { serials, monitors };
}

function build(c: command_line): vm_options {
	const opts = c.machine_opts;

	if (opts["kernel"] === undefined && opts["append"] !== undefined) {
		error_report("-append only allowed with -kernel option");
		throw new qemu_exit(1);
	}
	parse_memory_options(c);
	select_machine(opts);
	check_duplicates(c.objects);
	keyval_dashify(opts);
	const accel = opts["accel"];
	if (accel !== undefined && (is_dict(accel) || Array.isArray(accel)))
		throw new qemu_error(QERR_MISSING_PARAMETER("accel"));
	delete opts["accel"];
	const machine = machine_apply(opts, c.objects);
	choose_accel(c, accel ?? null, machine);
	const chars = devices(c);
	return {
		machine, objects: c.objects, ...chars,
		cpu: parse_cpu_option(c.cpu ?? "host"),
		name: c.name.get("guest") ?? null,
		trace: c.trace, logfile: c.logfile, autostart: c.autostart,
		no_reboot: c.no_reboot, no_shutdown: c.no_shutdown,
	};
}

/**
 * softmmu/vl.c:qemu_init(), as far as it needs no host. Throws qemu_exit; errors have been reported
 * then. @out takes what help options print.
 */
export function parse_command_line(argv: readonly string[],
	out: (text: string) => void): vm_options {
	const c = new command_line();

	print = out;
	parse_argv(c, argv);
	return with_location("", () => build(c));
}
