// SPDX-License-Identifier: GPL-2.0
/*
 * Properties of the machine, memory sizes and CPU topology.
 *
 * Port-only; after QEMU's hw/core/machine.c, machine-smp.c and hw/i386/pc.c.
 */
import { QERR_INVALID_PARAMETER_TYPE, QERR_INVALID_PARAMETER_VALUE, qemu_error, warn_report } from
	"#tools/qemu/util/error-report.ts";
import { is_dict, type keyval, type keyval_dict } from "#tools/qemu/util/keyval.ts";
import { type object_options, is_memory_backend } from "#tools/qemu/qom/object_interfaces.ts";
import { type qapi_object, type schema, visit } from "#tools/qemu/qapi/visitor.ts";

export const MACHINE_NAME	= "pc-q35-7.1";
export const MACHINE_TYPE	= `${MACHINE_NAME}-machine`;
export const MAX_CPUS		= 288;
export const DEFAULT_RAM_SIZE	= 128n << 20n;
export const DEFAULT_RAM_ID	= "pc.ram";

export type on_off_auto = "on" | "off" | "auto";

export interface smp_config {
	cpus: number;
	max_cpus: number;
	sockets: number;
	dies: number;
	cores: number;
	threads: number;
}

export interface machine_state {
	ram_size: bigint;
	/** -m said how much */
	custom_ram_size: boolean;
	smp: smp_config;
	smm: on_off_auto;
	pic: on_off_auto;
	/** null: what the machine's default is */
	kernel_irqchip: "on" | "off" | "split" | null;
	memory_backend: string | null;
	cgs: object_options | null;
	firmware: string | null;
	kernel: string | null;
	append: string | null;
}

/* hw/core/machine-smp.c */

const SMP: schema = Object.fromEntries(["cpus", "drawers", "books", "sockets", "dies", "clusters",
	"cores", "threads", "maxcpus"].map((n) => [n, { type: "int" as const }]));

function topology_fits(t: smp_config): void {
	const text = `sockets (${t.sockets}) * dies (${t.dies}) * cores (${t.cores}) * ` +
		`threads (${t.threads})`;

	if (t.sockets * t.dies * t.cores * t.threads !== t.max_cpus)
		throw new qemu_error("Invalid CPU topology: product of the hierarchy must match " +
			`maxcpus: ${text} != maxcpus (${t.max_cpus})`);
	if (t.max_cpus < t.cpus)
		throw new qemu_error("Invalid CPU topology: maxcpus must be equal to or greater than " +
			`smp: ${text} == maxcpus (${t.max_cpus}) < smp_cpus (${t.cpus})`);
	if (t.max_cpus > MAX_CPUS)
		throw new qemu_error(`Invalid SMP CPUs ${t.max_cpus}. The max CPUs supported by ` +
			`machine '${MACHINE_NAME}' is ${MAX_CPUS}`);
}

/** hw/core/machine-smp.c:machine_parse_smp_config() */
export function machine_parse_smp_config(from: keyval_dict): smp_config {
	const given = visit(SMP, from, "keyval", "smp.");
	const n = (name: string): number => Number(given[name] ?? 0n);

	if (Object.values(given).includes(0n))
		warn_report("Deprecated CPU topology (considered invalid): " +
			"CPU topology parameters must be greater than zero");
	for (const what of ["clusters", "books", "drawers"])
		if (n(what) > 1)
			throw new qemu_error(`${what} not supported by this machine's CPU topology`);
	let max_cpus = n("maxcpus") || n("cpus");
	let sockets = n("sockets"), cores = n("cores"), threads = n("threads");
	const dies = n("dies") || 1;
	if (max_cpus === 0) {
		sockets ||= 1;
		cores ||= 1;
		threads ||= 1;
	} else if (cores === 0) {
		sockets ||= 1;
		threads ||= 1;
		cores = Math.floor(max_cpus / (sockets * dies * threads));
	} else if (sockets === 0) {
		threads ||= 1;
		sockets = Math.floor(max_cpus / (dies * cores * threads));
	}
	if (threads === 0)
		threads = Math.floor(max_cpus / (sockets * dies * cores));
	max_cpus ||= sockets * dies * cores * threads;
	const t = { cpus: n("cpus") || max_cpus, max_cpus, sockets, dies, cores, threads };
	topology_fits(t);
	return t;
}

/* hw/core/machine.c */

const MEMORY: schema = {
	size: { type: "size" }, "max-size": { type: "size" }, slots: { type: "int" },
};

function set_mem(m: machine_state, x: keyval): void {
	const mem: qapi_object = visit(MEMORY, is_dict(x) ? x : { size: x }, "keyval", "memory.");
	const hex = (n: bigint): string => `0x${n.toString(16)}`;
	const max = mem["max-size"] as bigint | undefined;
	let size = (mem["size"] as bigint | undefined) ?? DEFAULT_RAM_SIZE;

	m.custom_ram_size = mem["size"] !== undefined;
	size = (size + 8191n) / 8192n * 8192n;
	if (size >= 2n ** 64n)
		throw new qemu_error("ram size too large");
	if (max === undefined && mem["slots"] !== undefined)
		throw new qemu_error("slots specified but no max-size");
	if (max !== undefined && max < size)
		throw new qemu_error(`invalid value of maxmem: maximum memory size (${hex(max)}) must be ` +
			`at least the initial memory size (${hex(size)})`);
	if (max === size && Number(mem["slots"] ?? 0) > 0)
		throw new qemu_error("invalid value of maxmem: memory slots were specified but maximum " +
			`memory size (${hex(max)}) is equal to the initial memory size (${hex(size)})`);
	m.ram_size = size;
}

function text(name: string, x: keyval): string {
	if (typeof x !== "string")
		throw new qemu_error(QERR_INVALID_PARAMETER_TYPE(name, "string"));
	return x;
}

function one_of<T extends string>(name: string, x: keyval, names: readonly T[]): T {
	if (!names.includes(text(name, x) as T))
		throw new qemu_error(`Parameter '${name}' does not accept value '${text(name, x)}'`);
	return x as T;
}

/* properties that take on and off and change nothing here */
const SWITCHES = ["dump-guest-core", "mem-merge", "graphics", "usb", "hpet", "sata", "smbus",
	"i8042", "nvdimm", "vmport", "acpi", "default-bus-bypass-iommu", "suppress-vmdesc"];

function link_cgs(id: string, objects: readonly object_options[]): object_options {
	const found = objects.find((o) => o.id === id);

	if (found === undefined)
		throw new qemu_error(`Device '${id}' not found`);
	if (found.type !== "tdx-guest")
		throw new qemu_error(QERR_INVALID_PARAMETER_TYPE("confidential-guest-support",
			"confidential-guest-support"));
	return found;
}

function set_prop(m: machine_state, name: string, x: keyval,
	early: readonly object_options[]): void {
	switch (name) {
	case "memory":
		set_mem(m, x);
		return;
	case "smp":
		m.smp = machine_parse_smp_config(x as keyval_dict);
		return;
	case "smm":
	case "pic":
		m[name] = one_of<on_off_auto>(name, x, ["on", "off", "auto"]);
		return;
	case "kernel-irqchip":
		m.kernel_irqchip = one_of<"on" | "off" | "split">(name, x, ["on", "off", "split"]);
		return;
	case "confidential-guest-support":
		m.cgs = link_cgs(text(name, x), early);
		return;
	case "memory-backend":
		m.memory_backend = text(name, x);
		return;
	case "firmware":
	case "kernel":
	case "append":
		m[name] = text(name, x);
		return;
	default:
		if (!SWITCHES.includes(name))
			throw new qemu_error(`Property '${MACHINE_TYPE}.${name}' not found`);
		if (text(name, x) !== "on" && x !== "off" && !(name === "vmport" && x === "auto"))
			throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "'on' or 'off'"));
	}
}

/** system/vl.c:keyval_dashify() */
export function keyval_dashify(dict: keyval_dict): void {
	for (const [k, v] of Object.entries(dict)) {
		const dashed = k.replaceAll("_", "-");
		if (dashed === k)
			continue;
		if (dict[dashed] !== undefined)
			throw new qemu_error(`Conflict between '${k}' and '${dashed}'`);
		dict[dashed] = v;
		delete dict[k];
	}
}

/** The machine as its options, merged, describe it. */
export function machine_apply(opts: keyval_dict,
	objects: readonly object_options[]): machine_state {
	const m: machine_state = {
		ram_size: DEFAULT_RAM_SIZE, custom_ram_size: false,
		smp: { cpus: 1, max_cpus: 1, sockets: 1, dies: 1, cores: 1, threads: 1 },
		smm: "auto", pic: "auto", kernel_irqchip: null, memory_backend: null, cgs: null,
		firmware: null, kernel: null, append: null,
	};
	/* backends are made after the machine */
	const early = objects.filter((o) => !is_memory_backend(o));

	for (const [name, x] of Object.entries(opts))
		set_prop(m, name, x, early);
	return m;
}
