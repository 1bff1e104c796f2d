// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's main(): builds the machine on the host it runs on, and looks after it until it ends.
 *
 * Port-only; after QEMU's softmmu/vl.c, runstate.c and main-loop.c. A program of a modelled host:
 * all it has of the outside is @io.
 */
import { exit, nanosleep, pthread_join, sem_init, sem_t, sem_trywait, sigaction } from
	"#tools/include/nolibc/nolibc.ts";
import { kvm_init, kvm_irqchip_create, kvm_set_phys_mem } from
	"#tools/qemu/accel/kvm/kvm-all.ts";
import { SIG_IPI, kvm_init_vcpu, kvm_start_vcpu_thread, qemu_cpu_kick } from
	"#tools/qemu/accel/kvm/kvm-cpus.ts";
import { create_memory_backends, find_firmware, load_kernel, machine_ram, pc_memory_init } from
	"#tools/qemu/hw/i386/pc.ts";
import { type board_ports, ports_init } from "#tools/qemu/hw/i386/ports.ts";
import { hmp_monitor } from "#tools/qemu/monitor/hmp.ts";
import { qmp_monitor } from "#tools/qemu/monitor/qmp.ts";
import { kvm_arch_init, kvm_arch_reset_vcpu } from "#tools/qemu/target/i386/kvm.ts";
import { kvm_get_vm_type, tdx_finalize_vm, tdx_kvm_init, tdx_pre_create_vcpu } from
	"#tools/qemu/target/i386/tdx.ts";
import { error_report, error_report_err, qemu_error, qemu_exit } from
	"#tools/qemu/util/error-report.ts";
import { all_vcpus_paused, pause_all_vcpus, report_reset, report_shutdown, vm_start, vm_stop } from
	"./runstate.ts";
import { summary } from "./summary.ts";
import { qemu_vm, type io_event, type vm_io } from "./vm.ts";
import type { vm_options } from "./vl.ts";

/* of the host's clock: how often input is looked for */
const TICK_NS	= 5_000_000;
/* real time that an idle tick takes, so that a guest that waits costs little */
const IDLE_MS	= 2;

type monitor = hmp_monitor | qmp_monitor;
type task = Generator<void, void, void>;

/** Which monitor or serial port a device's input is for. */
class frontends {
	readonly monitors = new Map<number, monitor>();
	readonly board: board_ports;
	readonly serials: readonly number[];
	/** shared devices that the monitor has for now */
	readonly focus = new Set<number>();

	constructor(vm: qemu_vm, board: board_ports) {
		this.board = board;
		this.serials = vm.options.serials.map((d) => d.index);
		for (const { dev, qmp } of vm.options.monitors) {
			const write = (text: string): void =>
				vm.io.write(dev.index, new TextEncoder().encode(text));
			this.monitors.set(dev.index, qmp ? new qmp_monitor(vm, write) :
				new hmp_monitor(vm, write));
			if (dev.kind === "stdio" && !dev.mux)
				this.monitors.get(dev.index)!.open();
		}
	}

	get any(): boolean {
		return this.monitors.size > 0 || this.serials.length > 0;
	}

	*handle(vm: qemu_vm, e: io_event): task {
		if (e.kind === "signal") {
			error_report(`terminating on signal ${e.signo}`);
			vm.shutdown ??= "host-signal";
			return;
		}
		if (e.kind === "opened")
			this.monitors.get(e.dev)?.open();
		if (e.kind === "input")
			yield* this.input(vm, e.dev, e.bytes);
	}

	private *input(vm: qemu_vm, dev: number, bytes: Uint8Array): task {
		const serial = this.serials.indexOf(dev), monitor = this.monitors.get(dev);

		if (serial < 0 || monitor === undefined) {
			if (serial >= 0)
				this.board.serials[serial]!.receive(bytes);
			if (monitor !== undefined)
				yield* monitor.input(bytes);
			return;
		}
		for (const b of bytes)
			yield* this.mux(vm, dev, b, serial, monitor);
	}

	private escaped = false;

	/** chardev/char-mux.c: Ctrl-a c switches, Ctrl-a x quits, Ctrl-a Ctrl-a is Ctrl-a. */
	private *mux(vm: qemu_vm, dev: number, b: number, serial: number, monitor: monitor): task {
		if (this.escaped) {
			this.escaped = false;
			if (b === 0x63 /* c */) {
				if (this.focus.delete(dev))
					return;
				this.focus.add(dev);
				monitor.open();
				return;
			}
			if (b === 0x78 /* x */) {
				vm.io.stderr("QEMU: Terminated\n");
				vm.shutdown ??= "host-ui";
				return;
			}
		} else if (b === 1) {
			this.escaped = true;
			return;
		}
		if (this.focus.has(dev))
			yield* monitor.input(Uint8Array.of(b));
		else
			this.board.serials[serial]!.receive(Uint8Array.of(b));
	}
}

function build(vm: qemu_vm): board_ports {
	const { machine } = vm.options;

	vm.kvm = kvm_init(vm, (s) => kvm_get_vm_type(vm, s));
	tdx_kvm_init(vm, vm.kvm);
	kvm_arch_init(vm);
	kvm_irqchip_create(vm.kvm, machine.kernel_irqchip ?? (vm.tdx === null ? "on" : "split"));
	create_memory_backends(vm);
	const ram = machine_ram(vm), rom = find_firmware(vm), kernel = load_kernel(vm);
	pc_memory_init(vm, ram, rom);
	const board = ports_init(vm, kernel);
	kvm_set_phys_mem(vm, vm.kvm);
	tdx_pre_create_vcpu(vm);
	for (let i = 0; i < machine.smp.cpus; i++)
		vm.cpus.push(kvm_init_vcpu(vm, i));
	reset_cpus(vm);
	tdx_finalize_vm(vm);
	return board;
}

function reset_cpus(vm: qemu_vm): void {
	if (vm.tdx !== null)
		return;
	for (const cpu of vm.cpus) {
		kvm_arch_reset_vcpu(cpu);
		cpu.crashed = false;
	}
}

/** softmmu/runstate.c:qemu_system_reset() */
function* system_reset(vm: qemu_vm): Generator<void, void, void> {
	const cause = vm.reset!, resume = vm.state === "running";

	yield* pause_all_vcpus(vm);
	vm.reset = null;
	if (vm.tdx !== null) {
		error_report("cpus are not resettable, terminating");
		vm.shutdown = cause;
		return;
	}
	report_reset(vm, cause);
	reset_cpus(vm);
	vm.state = "prelaunch";
	if (resume || cause === "guest-reset")
		vm_start(vm);
}

/** softmmu/runstate.c:main_loop_should_exit() */
function* should_exit(vm: qemu_vm): Generator<void, boolean, void> {
	if (vm.shutdown !== null) {
		const cause = vm.shutdown;
		yield* pause_all_vcpus(vm);
		report_shutdown(vm, cause);
		if (!vm.options.no_shutdown || cause.startsWith("host"))
			return true;
		vm.shutdown = null;
		vm_stop(vm, "shutdown");
	}
	if (vm.reset !== null)
		yield* system_reset(vm);
	return false;
}

const exits = (vm: qemu_vm): number => [...vm.counts.exits.values()].reduce((a, b) => a + b, 0);

/** softmmu/runstate.c:qemu_main_loop() */
function* main_loop(vm: qemu_vm, front: frontends): Generator<void, void, void> {
	let seen = 0;

	while (!(yield* should_exit(vm))) {
		const events = vm.io.poll();
		for (const e of events)
			yield* front.handle(vm, e);
		if (events.length !== 0 || vm.shutdown !== null || vm.reset !== null)
			continue;
		const n = exits(vm);
		if (all_vcpus_paused(vm) && vm.state !== "running")
			vm.io.wait(Infinity);
		else if (n === seen)
			vm.io.wait(IDLE_MS);
		seen = n;
		if (sem_trywait(vm.main) < 0)
			yield* nanosleep(TICK_NS);
	}
}

function* finish(vm: qemu_vm): Generator<void, void, void> {
	for (const cpu of vm.cpus) {
		cpu.exit = true;
		qemu_cpu_kick(cpu);
	}
	for (const cpu of vm.cpus)
		if (cpu.thread !== null)
			yield* pthread_join(cpu.thread);
	vm.io.stderr(summary(vm));
}

function* run(vm: qemu_vm): Generator<void, number, void> {
	sigaction(SIG_IPI, () => {
		for (const cpu of vm.cpus)
			if (cpu.stop || cpu.exit)
				cpu.run.immediate_exit = 1;
	});
	const front = new frontends(vm, build(vm));
	for (const cpu of vm.cpus)
		kvm_start_vcpu_thread(vm, cpu);
	if (vm.options.autostart)
		vm_start(vm);
	yield* main_loop(vm, front);
	yield* finish(vm);
	return vm.exit_status;
}

/** The program; its exit status. */
export function* qemu_main(options: vm_options, io: vm_io): Generator<void, number, void> {
	const main = new sem_t();

	sem_init(main, 0, 0);
	try {
		return yield* run(new qemu_vm(options, io, main));
	} catch (e) {
		if (e instanceof qemu_error)
			error_report_err(e);
		else if (!(e instanceof qemu_exit))
			throw e;
		exit(e instanceof qemu_exit ? e.status : 1);
	}
}
