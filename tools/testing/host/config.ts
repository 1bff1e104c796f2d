// SPDX-License-Identifier: GPL-2.0
/*
 * Description of a host: the machine, the kernel's command line, what is set before the program.
 *
 * Port-only.
 */
import type { machine_config } from "#arch/x86/entry/boot.ts";
import type { tme_config } from "#hw/tme.ts";

export interface host_config extends Partial<machine_config> {
	/** pool of 2 MiB pages */
	nr_hugepages?: number;
	/** .../transparent_hugepage/enabled and shmem_enabled */
	thp?: string;
	shmem_enabled?: string;
	/** module parameters: "kvm.private_mem_testing=bitmap ..." */
	module_params?: string;
	/** KeyIDs for TDs, on Intel; the options below are of account only with it */
	tdx?: boolean;
	integrity?: "li" | "ci";
	pw_erratum?: boolean;
	emca2?: boolean;
	seam_nr?: boolean;
	lmce?: boolean;
}

const GIB = 2 ** 30;
const SUFFIX: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: GIB, T: 2 ** 40 };

/** "512M" in bytes. */
export function parse_size(text: string): number {
	const m = /^(\d+)([KMGT]?)$/.exec(text);
	if (m === null)
		throw new Error(`${text}: not a size`);
	return Number(m[1]) * (SUFFIX[m[2]!] ?? 1);
}

/** "vendor=amd cpus=4 memory=8G nr_hugepages=16"; blanks between, any order. */
export function parse_host(text: string): host_config {
	const config: host_config = {};
	for (const word of text.split(/\s+/).filter((w) => w !== "")) {
		const at = word.indexOf("=");
		const name = word.slice(0, at), value = word.slice(at + 1);
		switch (name) {
		case "vendor":
			if (value !== "intel" && value !== "amd")
				throw new Error(`vendor=${value}: intel or amd`);
			config.vendor = value;
			break;
		case "memory":
			config.memory = parse_size(value);
			break;
		case "cpus":
		case "seed":
		case "packages":
		case "nr_hugepages":
			if (!/^\d+$/.test(value))
				throw new Error(`${word}: not a number`);
			config[name] = Number(value);
			break;
		case "tdx":
		case "pw_erratum":
		case "emca2":
		case "seam_nr":
		case "lmce":
		case "tdx_module":
			if (value !== "on" && value !== "off")
				throw new Error(`${word}: on or off`);
			config[name] = value === "on";
			break;
		case "integrity":
			if (value !== "li" && value !== "ci")
				throw new Error(`${word}: li or ci`);
			config.integrity = value;
			break;
		case "thp":
		case "shmem_enabled":
			config[name] = value;
			break;
		default:
			throw new Error(`${word}: unknown host option`);
		}
	}
	return config;
}

/** @config with everything that was left open. */
export function complete(config: host_config): machine_config & host_config {
	const cmdline = [config.cmdline ?? "", config.module_params ?? ""].join(" ").trim();
	return {
		memory: 16 * GIB, cpus: 4, vendor: "intel", seed: 1, ...config, cmdline,
		...config.tdx === true && config.vendor !== "amd" ? { tme: tme_of(config) } : {},
	};
}

/** What is left open is as on the platforms of 2022: KeyIDs 16 to 63 are private. */
function tme_of(config: host_config): tme_config {
	return {
		integrity: config.integrity ?? "ci", keyid_bits: 6, tdx_keyid_bits: 2,
		pw_erratum: config.pw_erratum ?? true, emca2: config.emca2 ?? true,
		seam_nr: config.seam_nr ?? false, lmce: config.lmce ?? true,
	};
}

const THP = "/sys/kernel/mm/transparent_hugepage";

/** Files of the host that process 1 writes before the program starts, and the text. */
export function knobs(config: host_config): [string, string][] {
	const list: [string, string | number | undefined][] = [
		["/proc/sys/vm/nr_hugepages", config.nr_hugepages],
		[`${THP}/enabled`, config.thp],
		[`${THP}/shmem_enabled`, config.shmem_enabled],
	];
	return list.filter(([, x]) => x !== undefined).map(([path, x]) => [path, `${x}\n`]);
}
