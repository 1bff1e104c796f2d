// SPDX-License-Identifier: GPL-2.0
/*
 * -cpu.
 *
 * Port-only; after QEMU's cpu.c and target/i386/cpu.c. The only model is the host's, as KVM reports
 * it.
 */
import { QERR_INVALID_PARAMETER_VALUE, error_report, qemu_error, qemu_exit } from
	"#tools/qemu/util/error-report.ts";
import { qemu_strtosz } from "#tools/qemu/util/cutils.ts";

export interface cpu_options {
	/** kHz; 0: the host's */
	tsc_khz: number;
	pmu: boolean;
}

const SWITCHES = ["migratable", "host-phys-bits", "kvm", "hypervisor", "enforce", "check", "x2apic",
	"host-cache-info", "l3-cache"];

function on_off(name: string, value: string): boolean {
	if (value !== "on" && value !== "off")
		throw new qemu_error(QERR_INVALID_PARAMETER_VALUE(name, "'on' or 'off'"));
	return value === "on";
}

/** cpu.c:parse_cpu_option() */
export function parse_cpu_option(text: string): cpu_options {
	const [model, ...props] = text.split(",");
	const cpu: cpu_options = { tsc_khz: 0, pmu: false };

	if (model !== "host") {
		error_report(`unable to find CPU model '${model}'`);
		throw new qemu_exit(1);
	}
	for (const prop of props) {
		const at = prop.indexOf("=");
		const name = (at < 0 ? prop : prop.slice(0, at)).replaceAll("_", "-");
		const value = at < 0 ? "on" : prop.slice(at + 1);
		if (name === "tsc-freq" || name === "tsc-frequency") {
			const hz = qemu_strtosz(value);
			if (typeof hz === "string")
				throw new qemu_error(`bad numerical value ${value}`);
			cpu.tsc_khz = Number(hz / 1000n);
		} else if (name === "pmu") {
			cpu.pmu = on_off(name, value);
		} else if (SWITCHES.includes(name)) {
			on_off(name, value);
		} else {
			throw new qemu_error(`Property 'host-x86_64-cpu.${name}' not found`);
		}
	}
	return cpu;
}
