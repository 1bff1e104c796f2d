// SPDX-License-Identifier: GPL-2.0
/*
 * What monitors can ask for, whichever language they speak.
 *
 * Port-only; after QEMU's qapi/{run-state,machine,misc}.json.
 */
import type { qapi_object } from "#tools/qemu/qapi/visitor.ts";
import { QEMU_VERSION } from "#tools/qemu/system/help.ts";
import { pause_all_vcpus, qemu_system_reset_request, qemu_system_shutdown_request, resume_all_vcpus,
	vm_start, vm_stop } from "#tools/qemu/system/runstate.ts";
import type { qemu_vm } from "#tools/qemu/system/vm.ts";
import { qemu_error } from "#tools/qemu/util/error-report.ts";

export interface status_info {
	running: boolean;
	singlestep: boolean;
	status: string;
}

export function qmp_query_status(vm: qemu_vm): status_info {
	return { running: vm.state === "running", singlestep: false, status: vm.state };
}

export interface memory_device_info {
	type: string;
	data: Record<string, unknown>;
}

/** No memory devices are ever plugged: there is no -device. */
export function qmp_query_memory_devices(_vm: qemu_vm): memory_device_info[] {
	return [];
}

export interface memdev {
	id: string;
	size: number;
	merge: boolean;
	dump: boolean;
	prealloc: boolean;
	share: boolean;
	reserve: boolean;
	policy: string;
	"host-nodes": number[];
}

/** Memory backends. */
export function qmp_query_memdev(vm: qemu_vm): memdev[] {
	const flag = (props: qapi_object, name: string, fallback: boolean): boolean =>
		(props[name] as boolean | undefined) ?? fallback;

	return vm.blocks.filter((b) => b.idstr !== "pc.bios").map((b) => {
		const props = vm.options.objects.find((o) => o.id === b.idstr)?.props ?? {};
		return { id: b.idstr, size: b.length, merge: flag(props, "merge", true),
			dump: flag(props, "dump", true), prealloc: flag(props, "prealloc", false),
			share: b.shared, reserve: flag(props, "reserve", b.private_fd < 0),
			policy: String(props["policy"] ?? "default"), "host-nodes": [] };
	});
}

export function qmp_cont(vm: qemu_vm): void {
	if (vm.state === "internal-error" || vm.state === "shutdown" || vm.state === "guest-panicked")
		throw new qemu_error("Resetting the Virtual Machine is required");
	vm_start(vm);
}

export function* qmp_stop(vm: qemu_vm): Generator<void, void, void> {
	if (vm.state === "running")
		vm_stop(vm, "paused");
	yield* pause_all_vcpus(vm);
}

/** What @look sees while no vCPU runs. */
export function* with_vcpus_paused<T>(vm: qemu_vm, look: () => T): Generator<void, T, void> {
	yield* pause_all_vcpus(vm);
	const seen = look();
	if (vm.state === "running")
		resume_all_vcpus(vm);
	return seen;
}

export function qmp_quit(vm: qemu_vm): void {
	qemu_system_shutdown_request(vm, "host-qmp-quit");
}

export function qmp_system_reset(vm: qemu_vm): void {
	qemu_system_reset_request(vm, "host-qmp-system-reset");
}

export const version_text = `${QEMU_VERSION.major}.${QEMU_VERSION.minor}.${QEMU_VERSION.micro}`;
