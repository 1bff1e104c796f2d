// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs: a thread each, which runs its guest until there is something for the VMM to do.
 *
 * Port-only; after QEMU's accel/kvm/kvm-all.c and kvm-accel-ops.c. A vCPU stops when it is told to
 * and kicked: SIG_IPI makes KVM_RUN return, and immediate_exit a KVM_RUN that is about to begin.
 */
import { EAGAIN, EINTR } from "#uapi/asm-generic/errno-base.ts";
import { SIGUSR1 } from "#uapi/asm-generic/signal.ts";
import {
	KVM_CREATE_VCPU, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_HYPERCALL, KVM_EXIT_INTERNAL_ERROR,
	KVM_EXIT_IO, KVM_EXIT_MEMORY_FAULT, KVM_EXIT_MMIO, KVM_EXIT_SHUTDOWN,
	KVM_EXIT_SYSTEM_EVENT, KVM_EXIT_TDX, KVM_EXIT_UNKNOWN, KVM_GET_VCPU_MMAP_SIZE,
	KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_RUN, KVM_SYSTEM_EVENT_CRASH, KVM_SYSTEM_EVENT_RESET,
	KVM_SYSTEM_EVENT_SHUTDOWN, struct_kvm_run,
} from "#uapi/linux/kvm.ts";
import { MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import {
	errno, exit, ioctl_wait, mmap, peek, poke, pthread_create, pthread_kill, sem_init,
	sem_post, sem_t, sem_wait, strerror, user_struct, type pthread,
} from "#tools/include/nolibc/nolibc.ts";
import { error_printf, error_report, qemu_error, qemu_exit } from
	"#tools/qemu/util/error-report.ts";
import { memory_region_at } from "#tools/qemu/system/memory.ts";
import { qemu_system_guest_panicked, qemu_system_reset_request, qemu_system_shutdown_request,
	vm_stop } from "#tools/qemu/system/runstate.ts";
import { hex, type qemu_vm } from "#tools/qemu/system/vm.ts";
import { cpu_dump_state } from "#tools/qemu/target/i386/cpu-dump.ts";
import { kvm_arch_handle_hypercall, kvm_arch_init_vcpu } from "#tools/qemu/target/i386/kvm.ts";
import { tdx_handle_exit } from "#tools/qemu/target/i386/tdx.ts";
import { port_read, port_write } from "#tools/qemu/hw/i386/ports.ts";
import { kvm_convert_memory, kvm_ioctl } from "./kvm-all.ts";

export const SIG_IPI = SIGUSR1;

type kvm_run = ReturnType<typeof user_struct<typeof struct_kvm_run.members>>;

export interface cpu_state {
	readonly index: number;
	readonly fd: number;
	/** struct kvm_run: its address, and a view */
	readonly run_at: number;
	readonly run: kvm_run;
	thread: pthread | null;
	/** Told to stop; has stopped; the program ends. */
	stop: boolean;
	stopped: boolean;
	exit: boolean;
	/** What it sleeps on while stopped. */
	readonly wake: sem_t;
	/** Registers at reset. */
	reset_state: Uint8Array[];
	/** Ended by an error: not to be run again. */
	crashed: boolean;
}

/** accel/kvm/kvm-all.c:kvm_init_vcpu() */
export function kvm_init_vcpu(vm: qemu_vm, index: number): cpu_state {
	const s = vm.kvm!;
	const fd = kvm_ioctl(s.vmfd, KVM_CREATE_VCPU, index);

	if (fd < 0)
		throw new qemu_error(`kvm_init_vcpu: kvm_get_vcpu failed (${index}): ${strerror(-fd)}`);
	const size = kvm_ioctl(s.fd, KVM_GET_VCPU_MMAP_SIZE);
	const run_at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run_at < 0)
		throw new qemu_error(`kvm_init_vcpu: mmap'ing vcpu state failed (${index}): ` +
			strerror(errno()));
	vm.trace("kvm_init_vcpu", `index: ${index} id: ${index}`);
	const cpu: cpu_state = { index, fd, run_at, run: user_struct(struct_kvm_run, run_at),
		thread: null, stop: false, stopped: true, exit: false, wake: new sem_t(),
		reset_state: [], crashed: false };
	sem_init(cpu.wake, 0, 0);
	kvm_arch_init_vcpu(vm, cpu);
	return cpu;
}

/** softmmu/cpus.c:qemu_cpu_kick() */
export function qemu_cpu_kick(cpu: cpu_state): void {
	if (cpu.stopped)
		sem_post(cpu.wake);
	else if (cpu.thread !== null && !cpu.thread.done)
		pthread_kill(cpu.thread, SIG_IPI);
}

const number_of = (b: Uint8Array): bigint => {
	let x = 0n;
	for (let i = b.length - 1; i >= 0; i--)
		x = (x << 8n) | BigInt(b[i]!);
	return x;
};

function bytes_of(x: bigint, n: number): Uint8Array {
	const b = new Uint8Array(n);

	for (let i = 0; i < n; i++)
		b[i] = Number((x >> BigInt(8 * i)) & 0xffn);
	return b;
}

/** accel/kvm/kvm-all.c:kvm_handle_io() */
function handle_io(vm: qemu_vm, cpu: cpu_state): number {
	const { direction, size, port, count, data_offset } = cpu.run.io;
	const at = cpu.run_at + Number(data_offset);

	for (let i = 0; i < count; i++) {
		if (direction !== 0)
			port_write(vm, port, size, Number(number_of(peek(at + i * size, size))));
		else
			poke(at + i * size, bytes_of(BigInt(port_read(vm, port, size)), size));
	}
	return 0;
}

/** address_space_rw() of an MMIO exit; nothing there reads as ones. */
function handle_mmio(vm: qemu_vm, cpu: cpu_state): number {
	const { mmio } = cpu.run;
	const gpa = Number(mmio.phys_addr), n = mmio.len;
	const mr = memory_region_at(vm, gpa);

	if (mmio.is_write !== 0)
		mr?.ops?.write(gpa - mr.start, n, number_of(mmio.data.subarray(0, n)));
	else
		poke(cpu.run_at + 40, bytes_of(mr?.ops?.read(gpa - mr.start, n) ??
			(1n << BigInt(8 * n)) - 1n, n));
	vm.trace(mmio.is_write !== 0 ? "memory_region_ops_write" : "memory_region_ops_read",
		`cpu ${cpu.index} mr ${mr?.name ?? "unassigned"} addr ${hex(gpa)} size ${n}`);
	return 0;
}

function handle_memory_fault(vm: qemu_vm, cpu: cpu_state): number {
	const { flags, gpa, size } = cpu.run.memory;

	vm.trace("kvm_memory_fault", `gpa ${hex(gpa)} size ${hex(size)} flags ${hex(flags)}`);
	if ((flags & ~KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0) {
		error_report(`KVM_EXIT_MEMORY_FAULT: Unknown flag ${hex(flags)}`);
		return -1;
	}
	vm.counts.implicit++;
	return kvm_convert_memory(vm, Number(gpa), Number(size),
		(flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0);
}

function handle_system_event(vm: qemu_vm, cpu: cpu_state): number {
	switch (cpu.run.system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		qemu_system_shutdown_request(vm, "guest-shutdown");
		return 1;
	case KVM_SYSTEM_EVENT_RESET:
		qemu_system_reset_request(vm, "guest-reset");
		return 1;
	case KVM_SYSTEM_EVENT_CRASH:
		qemu_system_guest_panicked(vm, "");
		return 1;
	default:
		error_printf(`KVM: unknown system event ${cpu.run.system_event.type}\n`);
		return -1;
	}
}

function internal_error(cpu: cpu_state): number {
	const { suberror, ndata, data } = cpu.run.internal;

	error_printf(`KVM internal error. Suberror: ${suberror}\n`);
	for (let i = 0; i < Math.min(ndata, 16); i++)
		error_printf(`extra data[${i}]: 0x${data[i]!.toString(16).padStart(16, "0")}\n`);
	return -1;
}

const EXIT_NAMES: Record<number, string> = {
	[KVM_EXIT_IO]: "io", [KVM_EXIT_MMIO]: "mmio", [KVM_EXIT_HYPERCALL]: "hypercall",
	[KVM_EXIT_MEMORY_FAULT]: "memory-fault", [KVM_EXIT_SHUTDOWN]: "shutdown",
	[KVM_EXIT_SYSTEM_EVENT]: "system-event", [KVM_EXIT_INTERNAL_ERROR]: "internal-error",
	[KVM_EXIT_FAIL_ENTRY]: "fail-entry", [KVM_EXIT_TDX]: "tdx", [KVM_EXIT_UNKNOWN]: "unknown",
};

function count_exit(vm: qemu_vm, name: string): void {
	vm.counts.exits.set(name, (vm.counts.exits.get(name) ?? 0) + 1);
}

/** 0: run again; above: look for what was asked of this vCPU; below: it cannot go on. */
function handle_exit(vm: qemu_vm, cpu: cpu_state): number {
	const reason = cpu.run.exit_reason;

	count_exit(vm, EXIT_NAMES[reason] ?? `reason ${reason}`);
	vm.trace("kvm_run_exit", `cpu_index ${cpu.index}, reason ${reason}`);
	switch (reason) {
	case KVM_EXIT_IO:
		return handle_io(vm, cpu);
	case KVM_EXIT_MMIO:
		return handle_mmio(vm, cpu);
	case KVM_EXIT_MEMORY_FAULT:
		return handle_memory_fault(vm, cpu);
	case KVM_EXIT_HYPERCALL:
		return kvm_arch_handle_hypercall(vm, cpu);
	case KVM_EXIT_TDX:
		return tdx_handle_exit(vm, cpu);
	case KVM_EXIT_SHUTDOWN:
		qemu_system_reset_request(vm, "guest-reset");
		return 1;
	case KVM_EXIT_SYSTEM_EVENT:
		return handle_system_event(vm, cpu);
	case KVM_EXIT_INTERNAL_ERROR:
		return internal_error(cpu);
	case KVM_EXIT_FAIL_ENTRY:
		error_printf("KVM: entry failed, hardware error 0x" +
			`${cpu.run.fail_entry.hardware_entry_failure_reason.toString(16)}\n`);
		return -1;
	case KVM_EXIT_UNKNOWN:
		error_printf("KVM: unknown exit, hardware reason " +
			`${cpu.run.hw.hardware_exit_reason.toString(16)}\n`);
		return -1;
	default:
		error_printf(`KVM: unknown exit reason ${reason}\n`);
		return -1;
	}
}

/** accel/kvm/kvm-all.c:kvm_cpu_exec() */
function* kvm_cpu_exec(vm: qemu_vm, cpu: cpu_state): Generator<void, void, void> {
	let ret = 0;

	while (ret === 0 && !cpu.stop && !cpu.exit) {
		const r = yield* ioctl_wait(cpu.fd, KVM_RUN);
		if (r < 0 && (errno() === EINTR || errno() === EAGAIN)) {
			cpu.run.immediate_exit = 0;
			count_exit(vm, "intr");
			ret = 1;
		} else if (r < 0) {
			error_printf(`error: kvm run failed ${strerror(errno())}\n`);
			ret = -1;
		} else {
			ret = handle_exit(vm, cpu);
		}
	}
	if (ret >= 0)
		return;
	cpu.crashed = true;
	error_printf(cpu_dump_state(vm, cpu));
	vm_stop(vm, "internal-error");
}

const can_run = (vm: qemu_vm, cpu: cpu_state): boolean =>
	!cpu.stop && !cpu.stopped && !cpu.crashed && vm.state === "running";

/** softmmu/cpus.c:qemu_wait_io_event(): stops if that was asked, and sleeps until it may go on. */
function* wait_io_event(vm: qemu_vm, cpu: cpu_state): Generator<void, void, void> {
	while (!cpu.exit && !can_run(vm, cpu)) {
		cpu.stop = false;
		cpu.stopped = true;
		sem_post(vm.main);
		yield* sem_wait(cpu.wake);
		if (!cpu.exit && vm.state === "running" && !cpu.crashed)
			cpu.stopped = false;
	}
}

/** accel/kvm/kvm-accel-ops.c:kvm_vcpu_thread_fn() */
function* vcpu_thread(vm: qemu_vm, cpu: cpu_state): Generator<void, number, void> {
	try {
		while (!cpu.exit) {
			yield* wait_io_event(vm, cpu);
			if (!cpu.exit)
				yield* kvm_cpu_exec(vm, cpu);
		}
	} catch (e) {
		if (!(e instanceof qemu_exit))
			throw e;
		exit(e.status);
	}
	return 0;
}

export function kvm_start_vcpu_thread(vm: qemu_vm, cpu: cpu_state): void {
	cpu.thread = pthread_create(() => vcpu_thread(vm, cpu));
}
