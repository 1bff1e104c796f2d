// SPDX-License-Identifier: GPL-2.0
/*
 * TDs: the tdx-guest object, how a TD is put together, and what it asks the VMM for.
 *
 * Port-only; after QEMU's target/i386/kvm/tdx.c as it was in 2022. Order: the VM's type, INIT_VM
 * before the first vCPU, and when the machine is done the HOB list, INIT_VCPU of each vCPU, the
 * firmware's sections, FINALIZE_VM.
 */
import { offsetof, sizeof } from "#asm-generic/struct.ts";
import { E2BIG, EAGAIN, EINVAL } from "#uapi/asm-generic/errno-base.ts";
import { KVM_CAP_MAX_VCPUS, KVM_CAP_VM_TYPES, KVM_EXIT_TDX_VMCALL, KVM_MEMORY_ENCRYPT_OP,
	KVM_SET_TSC_KHZ } from "#uapi/linux/kvm.ts";
import {
	KVM_TDX_CAPABILITIES, KVM_TDX_FINALIZE_VM, KVM_TDX_INIT_MEM_REGION, KVM_TDX_INIT_VCPU,
	KVM_TDX_INIT_VM, KVM_TDX_MEASURE_MEMORY_REGION, KVM_X86_DEFAULT_VM, KVM_X86_TDX_VM,
	struct_kvm_tdx_capabilities, struct_kvm_tdx_cmd, struct_kvm_tdx_cpuid_config,
	struct_kvm_tdx_init_mem_region, struct_kvm_tdx_init_vm,
} from "#uapi-asm/kvm.ts";
import { free, malloc, peek, poke } from "#tools/include/nolibc/nolibc.ts";
import { error_report, qemu_error, qemu_exit, warn_report } from
	"#tools/qemu/util/error-report.ts";
import { error_errno } from "#tools/qemu/backends/hostmem.ts";
import { kvm_check_extension, kvm_convert_memory, kvm_init_failed, kvm_ioctl, kvm_vm_enable_cap,
	type kvm_state } from "#tools/qemu/accel/kvm/kvm-all.ts";
import type { cpu_state } from "#tools/qemu/accel/kvm/kvm-cpus.ts";
import { TDVF_SECTION_ATTRIBUTES_MR_EXTEND, TDVF_SECTION_TYPE_BFV, TDVF_SECTION_TYPE_CFV,
	TDVF_SECTION_TYPE_TD_HOB, tdvf_hob_section, tdvf_parse_metadata, type tdvf_section } from
	"#tools/qemu/hw/i386/tdvf.ts";
import { tdvf_hob_create, tdx_accept_ram_range, type tdx_ram_entry } from
	"#tools/qemu/hw/i386/tdvf-hob.ts";
import type { qapi_object } from "#tools/qemu/qapi/visitor.ts";
import { PAGE, errno_text, ram_block_discard_range, type ram_block } from
	"#tools/qemu/system/physmem.ts";
import { qemu_system_guest_panicked } from "#tools/qemu/system/runstate.ts";
import { hex, type qemu_vm } from "#tools/qemu/system/vm.ts";
import { kvm_supported_cpuid } from "./kvm.ts";

const TDX_TD_ATTRIBUTES_DEBUG		= 1n << 0n;
const TDX_TD_ATTRIBUTES_SEPT_VE_DISABLE	= 1n << 28n;
const TDX_TD_ATTRIBUTES_PERFMON		= 1n << 63n;

const TDX_MIN_TSC_FREQUENCY_KHZ	= 100 * 1000;
const TDX_MAX_TSC_FREQUENCY_KHZ	= 10 * 1000 * 1000;
const TDX_TSC_UNIT_KHZ		= 25 * 1000;
const SHA384_DIGEST_SIZE	= 48;
/* what the first generation reports */
const NR_CPUID_CONFIGS		= 6;
const CPUID_CONFIGS_MAX		= 256;
/* guests have 48 bits of physical address: the uppermost is SHARED */
const TDX_PHYS_BITS		= 48;
const TDX_SHARED_BIT		= 1n << 47n;

const TDG_VP_VMCALL_MAP_GPA				= 0x10001n;
const TDG_VP_VMCALL_GET_QUOTE				= 0x10002n;
const TDG_VP_VMCALL_REPORT_FATAL_ERROR			= 0x10003n;
const TDG_VP_VMCALL_SETUP_EVENT_NOTIFY_INTERRUPT	= 0x10004n;

const TDG_VP_VMCALL_SUCCESS		= 0n;
const TDG_VP_VMCALL_RETRY		= 1n;
const TDG_VP_VMCALL_INVALID_OPERAND	= 0x8000000000000000n;
const TDG_VP_VMCALL_ALIGN_ERROR		= 0x8000000000000002n;

export interface tdx_guest {
	attributes: bigint;
	attrs_fixed0: bigint;
	attrs_fixed1: bigint;
	initialized: boolean;
	image: Uint8Array;
	sections: tdvf_section[];
	bios: ram_block | null;
}

function props_attributes(props: qapi_object): bigint {
	return (props["debug"] === true ? TDX_TD_ATTRIBUTES_DEBUG : 0n) |
		(props["sept-ve-disable"] === true ? TDX_TD_ATTRIBUTES_SEPT_VE_DISABLE : 0n);
}

/** KVM_MEMORY_ENCRYPT_OP on /dev/kvm, the VM or a vCPU; -errno. @data: a pointer, or a value. */
function tdx_ioctl(fd: number, id: number, flags: number, data: number): number {
	const cmd = struct_kvm_tdx_cmd.alloc();

	cmd.id = id;
	cmd.flags = flags;
	cmd.data = BigInt(data);
	const r = kvm_ioctl(fd, KVM_MEMORY_ENCRYPT_OP, cmd.bytes);
	if (r < 0 && cmd.error !== 0n)
		error_report(`TDX module: ${hex(cmd.error)}`);
	return r;
}

/** target/i386/kvm/kvm.c:kvm_get_vm_type() */
export function kvm_get_vm_type(vm: qemu_vm, s: kvm_state): number {
	if (vm.options.machine.cgs === null)
		return KVM_X86_DEFAULT_VM;
	if ((kvm_check_extension(s, KVM_CAP_VM_TYPES) & (1 << KVM_X86_TDX_VM)) === 0) {
		error_report("vm-type TDX not supported by KVM");
		throw new qemu_exit(1);
	}
	return KVM_X86_TDX_VM;
}

/** target/i386/kvm/tdx.c:get_tdx_capabilities() */
function get_tdx_capabilities(s: kvm_state, tdx: tdx_guest): number {
	for (let n = NR_CPUID_CONFIGS; ; n *= 2) {
		const size = sizeof(struct_kvm_tdx_capabilities) +
			n * sizeof(struct_kvm_tdx_cpuid_config);
		const at = malloc(size);
		poke(at + offsetof(struct_kvm_tdx_capabilities, "nr_cpuid_configs"), Uint8Array.of(n));
		const r = tdx_ioctl(s.fd, KVM_TDX_CAPABILITIES, 0, at);
		const view = new DataView(peek(at, size).buffer);
		free(at);
		if (r === -E2BIG && n * 2 <= CPUID_CONFIGS_MAX)
			continue;
		if (r === -E2BIG) {
			error_report("get_tdx_capabilities: KVM TDX seems broken that number of CPUID entries in " +
				`kvm_tdx_capabilities exceeds limit ${CPUID_CONFIGS_MAX}`);
			return r;
		}
		if (r < 0) {
			error_report(`get_tdx_capabilities: KVM_TDX_CAPABILITIES failed: ${errno_text(r)}`);
			return r;
		}
		tdx.attrs_fixed0 = view.getBigUint64(0, true);
		tdx.attrs_fixed1 = view.getBigUint64(8, true);
		return 0;
	}
}

/** target/i386/kvm/tdx.c:tdx_kvm_init(), once the VM exists. */
export function tdx_kvm_init(vm: qemu_vm, s: kvm_state): void {
	const { machine } = vm.options, { cgs } = machine;

	if (cgs === null)
		return;
	const tdx: tdx_guest = { attributes: props_attributes(cgs.props), attrs_fixed0: 0n,
		attrs_fixed1: 0n, initialized: false, image: new Uint8Array(0), sections: [],
		bios: null };
	const refuse = (message: string): never => {
		error_report(message);
		return kvm_init_failed("", EINVAL);
	};
	if (machine.smm === "on")
		refuse("TDX VM doesn't support SMM");
	if (machine.pic === "on")
		refuse("TDX VM doesn't support PIC");
	if (machine.kernel_irqchip !== null && machine.kernel_irqchip !== "split")
		refuse("kernel-irqchip must be split");
	const r = get_tdx_capabilities(s, tdx);
	if (r < 0)
		kvm_init_failed("", r);
	/* private memory cannot be read-only */
	s.readonly_mem = false;
	vm.tdx = tdx;
}

function measurement(props: qapi_object, name: string): Uint8Array {
	const text = (props[name] as string | undefined) ?? "";

	if (text === "")
		return new Uint8Array(SHA384_DIGEST_SIZE);
	if (!/^[0-9a-fA-F]*$/.test(text) || text.length !== 2 * SHA384_DIGEST_SIZE)
		throw new qemu_error(`TDX: failed to decode ${name}`);
	return Uint8Array.from(text.match(/../g)!, (x) => parseInt(x, 16));
}

function validate_attributes(tdx: tdx_guest): void {
	if (((tdx.attributes & tdx.attrs_fixed0) | tdx.attrs_fixed1) !== tdx.attributes)
		throw new qemu_error(`Invalid attributes ${hex(tdx.attributes)} for TDX VM ` +
			`(fixed0 ${hex(tdx.attrs_fixed0)}, fixed1 ${hex(tdx.attrs_fixed1)})`);
}

/** What -cpu says of the TSC, for TDs; 0 is the host's frequency. */
export function tdx_check_tsc(khz: number): void {
	if (khz !== 0 && (khz < TDX_MIN_TSC_FREQUENCY_KHZ || khz > TDX_MAX_TSC_FREQUENCY_KHZ))
		throw new qemu_error(`Invalid TSC ${khz} KHz, must specify cpu_frequency between ` +
			`[${TDX_MIN_TSC_FREQUENCY_KHZ}, ${TDX_MAX_TSC_FREQUENCY_KHZ}] kHz`);
	if (khz % TDX_TSC_UNIT_KHZ !== 0)
		throw new qemu_error(`Invalid TSC ${khz} KHz, it must be multiple of 25MHz`);
}

/** target/i386/kvm/tdx.c:tdx_pre_create_vcpu() */
export function tdx_pre_create_vcpu(vm: qemu_vm): void {
	const { tdx } = vm, s = vm.kvm!;

	if (tdx === null || tdx.initialized)
		return;
	const { props } = vm.options.machine.cgs!, { cpu, machine } = vm.options;
	const init = struct_kvm_tdx_init_vm.alloc();
	for (const name of ["mrconfigid", "mrowner", "mrownerconfig"] as const)
		init[name] = measurement(props, name);
	let r = kvm_vm_enable_cap(s, KVM_CAP_MAX_VCPUS, machine.smp.cpus);
	if (r < 0)
		throw new qemu_error(`Unable to set MAX VCPUS to ${machine.smp.cpus}`);
	tdx_check_tsc(cpu.tsc_khz);
	r = kvm_ioctl(s.vmfd, KVM_SET_TSC_KHZ, cpu.tsc_khz);
	if (r < 0)
		throw new qemu_error(`Unable to set TSC frequency to ${cpu.tsc_khz} kHz: ${errno_text(r)}`);
	if (cpu.pmu)
		tdx.attributes |= TDX_TD_ATTRIBUTES_PERFMON;
	validate_attributes(tdx);
	init.attributes = tdx.attributes;
	init.bytes.set(kvm_supported_cpuid(vm), offsetof(struct_kvm_tdx_init_vm, "cpuid"));
	const at = malloc(init.bytes.length);
	poke(at, init.bytes);
	do
		r = tdx_ioctl(s.vmfd, KVM_TDX_INIT_VM, 0, at);
	while (r === -EAGAIN);
	free(at);
	if (r < 0)
		throw new qemu_error(`KVM_TDX_INIT_VM failed: ${errno_text(r)}`);
	tdx.initialized = true;
}

/** hw/i386/tdvf.c:load_tdvf(): what of the firmware the TD starts with. */
export function tdx_parse_tdvf(vm: qemu_vm, image: Uint8Array, bios: ram_block): void {
	const ram = (name: string): number => vm.regions.filter((mr) => mr.name === name)
		.reduce((n, mr) => n + mr.size, 0);

	vm.tdx!.image = image;
	vm.tdx!.bios = bios;
	vm.tdx!.sections = tdvf_parse_metadata(image, ram("ram-below-4g"), ram("ram-above-4g"));
}

function ioctl_or_exit(what: string, r: number): void {
	if (r >= 0)
		return;
	error_report(`${what} failed ${errno_text(r)}`);
	throw new qemu_exit(1);
}

/** KVM_TDX_INIT_MEM_REGION: @bytes, padded with zeros, become private memory of the TD. */
function init_mem_region(vm: qemu_vm, s: tdvf_section, bytes: Uint8Array): void {
	const region = struct_kvm_tdx_init_mem_region.alloc();
	const source = malloc(s.size), at = malloc(region.bytes.length);

	if (source === 0 || at === 0)
		throw error_errno("failed to allocate memory for TDVF");
	poke(source, bytes);
	region.source_addr = BigInt(source);
	region.gpa = BigInt(s.address);
	region.nr_pages = BigInt(s.size / PAGE);
	poke(at, region.bytes);
	const measured = (s.attributes & TDVF_SECTION_ATTRIBUTES_MR_EXTEND) !== 0;
	vm.trace("kvm_tdx_init_mem_region", `type ${s.type} attributes ${hex(s.attributes)} ` +
		`gpa ${hex(s.address)} nr_pages ${s.size / PAGE}`);
	let r;
	do
		r = tdx_ioctl(vm.kvm!.vmfd, KVM_TDX_INIT_MEM_REGION,
			measured ? KVM_TDX_MEASURE_MEMORY_REGION : 0, at);
	while (r === -EAGAIN);
	free(at);
	free(source);
	ioctl_or_exit("KVM_TDX_INIT_MEM_REGION", r);
}

function hob_list(vm: qemu_vm, sections: readonly tdvf_section[]): Uint8Array {
	const entries: tdx_ram_entry[] = vm.regions.filter((mr) => mr.kind === "ram" && mr.alias)
		.map((mr) => ({ address: mr.start, length: mr.size, added: false }));
	const hob = tdvf_hob_section(sections);

	for (const s of sections)
		if (s.type !== TDVF_SECTION_TYPE_BFV && s.type !== TDVF_SECTION_TYPE_CFV)
			tdx_accept_ram_range(entries, s.address, s.size);
	entries.sort((a, b) => a.address - b.address);
	return tdvf_hob_create(entries, hob.address, hob.size);
}

/** target/i386/kvm/tdx.c:tdx_finalize_vm(), when the machine is done. */
export function tdx_finalize_vm(vm: qemu_vm): void {
	const tdx = vm.tdx;

	if (tdx === null)
		return;
	const { image, sections } = tdx;
	const hob = tdvf_hob_section(sections), list = hob_list(vm, sections);
	for (const cpu of vm.cpus)
		ioctl_or_exit("KVM_TDX_INIT_VCPU", tdx_ioctl(cpu.fd, KVM_TDX_INIT_VCPU, 0, hob.address));
	for (const s of sections)
		init_mem_region(vm, s, s.type === TDVF_SECTION_TYPE_TD_HOB ? list :
			image.subarray(s.data_offset, s.data_offset + s.data_len));
	/* the image is in the TD; its shared copy is of no more use */
	ram_block_discard_range(tdx.bios!, 0, tdx.bios!.length);
	ioctl_or_exit("KVM_TDX_FINALIZE_VM", tdx_ioctl(vm.kvm!.vmfd, KVM_TDX_FINALIZE_VM, 0, 0));
}

/* What a TD asks for. */

type vmcall = cpu_state["run"]["tdx"]["u"]["vmcall"];

/** target/i386/kvm/tdx.c:tdx_handle_map_gpa() */
function handle_map_gpa(vm: qemu_vm, call: vmcall): void {
	const raw = call.in_r12, size = call.in_r13;
	const gpa = raw & ~TDX_SHARED_BIT, to_private = (raw & TDX_SHARED_BIT) === 0n;

	vm.trace("tdx_handle_map_gpa", `gpa ${hex(gpa)} size ${hex(size)} ` +
		(to_private ? "private" : "shared"));
	if (gpa % BigInt(PAGE) !== 0n || size % BigInt(PAGE) !== 0n) {
		call.status_code = TDG_VP_VMCALL_ALIGN_ERROR;
		return;
	}
	if (gpa + size >= 1n << BigInt(TDX_PHYS_BITS))
		return;
	if (size === 0n || kvm_convert_memory(vm, Number(gpa), Number(size), to_private) === 0)
		call.status_code = TDG_VP_VMCALL_SUCCESS;
}

/** The guest's last words, in the order of registers that the GHCI gives. */
function handle_fatal_error(vm: qemu_vm, call: vmcall): void {
	const words = [call.in_r14, call.in_r15, call.in_rbx, call.in_rdi, call.in_rsi, call.in_r8,
		call.in_r9, call.in_rdx];
	const bytes = new Uint8Array(8 * words.length);

	if ((call.in_r12 & 0xffffn) !== 0n) {
		error_report("invalid error code of TDG.VP.VMCALL<REPORT_FATAL_ERROR>");
		throw new qemu_exit(1);
	}
	words.forEach((w, i) => new DataView(bytes.buffer).setBigUint64(8 * i, w, true));
	const end = bytes.indexOf(0);
	const message = new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
	qemu_system_guest_panicked(vm, `TDX guest reports fatal error:"${message}" error code: ` +
		`${hex(call.in_r12)} gpa page: ${hex(call.in_r13)}`);
}

/** target/i386/kvm/tdx.c:tdx_handle_vmcall() */
function handle_vmcall(vm: qemu_vm, call: vmcall): number {
	call.status_code = TDG_VP_VMCALL_INVALID_OPERAND;
	const unknown = (): void => warn_report(
		`unknown tdg.vp.vmcall type ${hex(call.type)} subfunction ${hex(call.subfunction)}`);

	if (call.type !== 0n) {
		unknown();
		return 0;
	}
	switch (call.subfunction) {
	case TDG_VP_VMCALL_MAP_GPA:
		handle_map_gpa(vm, call);
		return 0;
	case TDG_VP_VMCALL_REPORT_FATAL_ERROR:
		handle_fatal_error(vm, call);
		return 1;
	case TDG_VP_VMCALL_GET_QUOTE:
		/* nobody signs quotes here, as when no service was named */
		call.status_code = TDG_VP_VMCALL_RETRY;
		return 0;
	case TDG_VP_VMCALL_SETUP_EVENT_NOTIFY_INTERRUPT:
		if (call.in_r12 >= 32n && call.in_r12 <= 255n)
			call.status_code = TDG_VP_VMCALL_SUCCESS;
		return 0;
	default:
		unknown();
		return 0;
	}
}

/** target/i386/kvm/tdx.c:tdx_handle_exit() */
export function tdx_handle_exit(vm: qemu_vm, cpu: cpu_state): number {
	const { tdx } = cpu.run;

	if (tdx.type === KVM_EXIT_TDX_VMCALL)
		return handle_vmcall(vm, tdx.u.vmcall);
	warn_report(`unknown tdx exit type ${hex(tdx.type)}`);
	return 0;
}
