// SPDX-License-Identifier: GPL-2.0
/*
 * Starting, stopping, resetting and ending the machine.
 *
 * Port-only; after QEMU's softmmu/runstate.c and cpus.c. Requests come from vCPUs and monitors; the
 * main loop does them.
 */
import { nanosleep, sem_post } from "#tools/include/nolibc/nolibc.ts";
import { qemu_cpu_kick } from "#tools/qemu/accel/kvm/kvm-cpus.ts";
import type { qemu_vm, run_state, shutdown_cause } from "./vm.ts";

/* of the host's clock: how soon to look whether vCPUs have stopped */
const PAUSE_NS = 50_000;

function event(vm: qemu_vm, name: string, data: Record<string, unknown> | null = null): void {
	for (const f of vm.listeners)
		f(name, data);
}

/** softmmu/cpus.c:vm_stop(): vCPUs come to rest when they next can. */
export function vm_stop(vm: qemu_vm, state: run_state): void {
	if (vm.state === "running" || vm.state === "prelaunch") {
		const was = vm.state;
		vm.state = state;
		for (const cpu of vm.cpus) {
			cpu.stop = true;
			if (!cpu.stopped)
				qemu_cpu_kick(cpu);
		}
		if (was === "running")
			event(vm, "STOP");
	} else {
		vm.state = state;
	}
	sem_post(vm.main);
}

export const all_vcpus_paused = (vm: qemu_vm): boolean => vm.cpus.every((c) => c.stopped);

/** softmmu/cpus.c:pause_all_vcpus(): tells them to stop, and waits until they have. */
export function* pause_all_vcpus(vm: qemu_vm): Generator<void, void, void> {
	while (!all_vcpus_paused(vm)) {
		for (const cpu of vm.cpus) {
			if (cpu.stopped)
				continue;
			cpu.stop = true;
			qemu_cpu_kick(cpu);
		}
		yield* nanosleep(PAUSE_NS);
	}
}

/** softmmu/cpus.c:resume_all_vcpus() */
export function resume_all_vcpus(vm: qemu_vm): void {
	for (const cpu of vm.cpus) {
		cpu.stop = false;
		if (cpu.stopped)
			qemu_cpu_kick(cpu);
	}
}

/** softmmu/cpus.c:vm_start() */
export function vm_start(vm: qemu_vm): void {
	if (vm.state === "running")
		return;
	vm.state = "running";
	event(vm, "RESUME");
	resume_all_vcpus(vm);
}

const by_guest = (cause: shutdown_cause): boolean => cause.startsWith("guest");

export function qemu_system_shutdown_request(vm: qemu_vm, cause: shutdown_cause): void {
	vm.shutdown ??= cause;
	for (const cpu of vm.cpus)
		cpu.stop = true;
	sem_post(vm.main);
}

/** -no-reboot makes a shutdown of it. */
export function qemu_system_reset_request(vm: qemu_vm, cause: shutdown_cause): void {
	if (vm.options.no_reboot && cause !== "host-qmp-system-reset") {
		qemu_system_shutdown_request(vm, cause);
		return;
	}
	vm.reset ??= cause;
	for (const cpu of vm.cpus)
		cpu.stop = true;
	sem_post(vm.main);
}

export function qemu_system_guest_panicked(vm: qemu_vm, message: string): void {
	event(vm, "GUEST_PANICKED", { action: "pause", info: { type: "tdx", message } });
	vm.io.stderr(`Guest crashed${message === "" ? "" : `: ${message}`}\n`);
	vm_stop(vm, "guest-panicked");
	qemu_system_shutdown_request(vm, "guest-panic");
}

export function report_shutdown(vm: qemu_vm, cause: shutdown_cause): void {
	event(vm, "SHUTDOWN", { guest: by_guest(cause), reason: cause });
}

export function report_reset(vm: qemu_vm, cause: shutdown_cause): void {
	event(vm, "RESET", { guest: by_guest(cause), reason: cause });
}
