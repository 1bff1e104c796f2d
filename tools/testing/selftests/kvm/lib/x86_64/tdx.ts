// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDs for tests; see include/x86_64/tdx.ts.
 *
 * Port-only.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { GUEST_TEXT_BASE, GUEST_TEXT_SIZE, GUEST_TEXT_WINDOW, guest_text_alloc, guest_text_image
} from "#hw/isa_guest.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { O_RDWR } from "#uapi/linux/fcntl.ts";
import { KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_VM_TYPES, KVM_CHECK_EXTENSION, KVM_CREATE_VCPU,
	KVM_CREATE_VM, KVM_ENABLE_CAP, KVM_EXIT_IO, KVM_EXIT_IO_OUT, KVM_EXIT_MEMORY_FAULT,
	KVM_EXIT_TDX, KVM_GET_SUPPORTED_CPUID, KVM_GET_VCPU_MMAP_SIZE, KVM_MEM_PRIVATE,
	KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_REG_REGION, KVM_MEMORY_ENCRYPT_UNREG_REGION,
	KVM_MEMORY_EXIT_FLAG_PRIVATE, KVM_RUN, KVM_SET_CPUID2, KVM_SET_USER_MEMORY_REGION,
	struct_kvm_enable_cap, struct_kvm_enc_region, struct_kvm_run,
	struct_kvm_userspace_memory_region_ext } from "#uapi/linux/kvm.ts";
import {
	KVM_TDX_FINALIZE_VM, KVM_TDX_INIT_MEM_REGION, KVM_TDX_INIT_VCPU, KVM_TDX_INIT_VM,
	KVM_TDX_MEASURE_MEMORY_REGION, KVM_X86_TDX_VM, struct_kvm_cpuid2, struct_kvm_cpuid_entry2,
	struct_kvm_tdx_cmd, struct_kvm_tdx_init_mem_region, struct_kvm_tdx_init_vm,
} from "#uapi-asm/kvm.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { close, dup, errno, fallocate, ftruncate, ioctl, ioctl_wait, memfd_create, mmap, munmap,
	open, peek, poke, strerror, user_struct } from "#tools/include/nolibc/nolibc.ts";
import type { guest_fn } from "../../include/guest.ts";
import type { wait } from "../../include/kvm_util_base.ts";
import { __TEST_REQUIRE, TEST_ASSERT } from "../../include/test_util.ts";
import {
	td_chooser, TD_GDT, TD_IDT, TD_MEM_SIZE, TD_PDPT, TD_PDPT_SHARED, TD_PML4, TD_REPORT_PORT,
	TD_RESET_PAGE, TD_SHARED_BIT, TD_SHARED_BIT_WIDE, TD_STACK_TOP, TDVMCALL_SUCCESS,
} from "../../include/x86_64/tdx.ts";

const PAGE = 4096, HPAGE = 2 ** 21;
const NENT = 64;

export interface td_options {
	/** ATTRIBUTES */
	attributes?: bigint;
	/** interrupt handlers by vector */
	handlers?: Record<number, guest_fn>;
	/** private memory comes from user space's mapping, as before the series */
	mapped?: boolean;
	/** bytes of memory from gpa 0 on; TD_MEM_SIZE */
	memory?: number;
	/** guest physical addresses have 52 bits */
	wide?: boolean;
	/** user space's mapping of that size, if there is one; who made it unmaps it */
	hva?: number;
	/** private memory's file, a page longer, if there is one */
	private_fd?: number;
}

export class struct_td_vcpu {
	fd = -1;
	run_hva = 0;
	run!: struct_kvm_run;
}

export class struct_td {
	kvm = -1;
	fd = -1;
	/** Private memory's file; -1: none. */
	private_fd = -1;
	/** User space's mapping: shared memory, at the gpa's offset. */
	hva = 0;
	map_hva = 0;
	mem_size = TD_MEM_SIZE;
	/** TD_SHARED_BIT, or another one. */
	shared_bit = TD_SHARED_BIT;
	reset_hva = 0;
	scratch = 0;
	readonly vcpus: struct_td_vcpu[] = [];
	/** Private memory stays in its file while it is shared. */
	in_place = false;
	/** Exits that td_run_until_report() has dealt with. */
	memory_faults = 0;
	map_gpas = 0;
}

/** Skips the test on hosts without TDX. */
export function td_require(): void {
	const kvm = open("/dev/kvm", O_RDWR);
	const types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);

	close(kvm);
	__TEST_REQUIRE((types & 1 << KVM_X86_TDX_VM) !== 0, "KVM_X86_TDX_VM not available");
}

/** A command: what the ioctl returned, errno then, and the module's completion code. */
export function td_cmd(fd: number, id: number, data: bigint | number = 0n, flags = 0):
	{ r: number; status: bigint } {
	const cmd = struct_kvm_tdx_cmd.alloc();

	cmd.id = id;
	cmd.flags = flags;
	cmd.data = BigInt(data);
	const r = ioctl(fd, KVM_MEMORY_ENCRYPT_OP, cmd.bytes);
	return { r, status: cmd.error };
}

/** A command; -1 with errno. */
export function td_ioctl(fd: number, id: number, data: bigint | number = 0n, flags = 0): number {
	return td_cmd(fd, id, data, flags).r;
}

function ok(r: number, what: string): number {
	TEST_ASSERT(r >= 0, "%s failed, rc: %i errno: %i (%s)", what, r, errno(), strerror(errno()));
	return r;
}

function anonymous(len: number): number {
	const at = mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TEST_ASSERT(at > 0, "mmap() failed");
	return at;
}

/* user memory for what a command points to */
function user_bytes(bytes: Uint8Array): number {
	const at = anonymous(Math.ceil(bytes.length / PAGE) * PAGE);

	poke(at, bytes);
	return at;
}

function supported_cpuid(kvm: number): Uint8Array {
	const cpuid = struct_kvm_cpuid2.alloc(NENT * struct_kvm_cpuid_entry2.size);

	cpuid.nent = NENT;
	ok(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid.bytes), "KVM_GET_SUPPORTED_CPUID");
	return cpuid.bytes;
}

function set_gpa_bits(cpuid: Uint8Array, bits: number): void {
	const { size } = struct_kvm_cpuid_entry2;

	for (let at = struct_kvm_cpuid2.size; at < cpuid.length; at += size) {
		const e = struct_kvm_cpuid_entry2.of(cpuid, at);
		if (e.function === 0x80000008)
			e.eax = (e.eax & ~0xff) | bits;
	}
}

/** KVM_TDX_INIT_VM: what the ioctl returned, and the module's completion code. */
export function td_init_vm(kvm: number, vm: number, attributes: bigint, gpa_bits = 0):
	{ r: number; status: bigint } {
	const init = struct_kvm_tdx_init_vm.alloc(), cpuid = supported_cpuid(kvm);

	if (gpa_bits !== 0)
		set_gpa_bits(cpuid, gpa_bits);
	init.attributes = attributes;
	init.reserved.set(cpuid);
	const at = user_bytes(init.bytes);
	const ret = td_cmd(vm, KVM_TDX_INIT_VM, at);
	munmap(at, sizeof(struct_kvm_tdx_init_vm));
	return ret;
}

/** A slot; private too, from the offset on, if the TD has a file for that. */
export function td_set_slot(td: struct_td, slot: number, gpa: number, size: number, hva: number,
	offset: number): void {
	const r = struct_kvm_userspace_memory_region_ext.alloc();

	r.region.slot = slot;
	r.region.guest_phys_addr = BigInt(gpa);
	r.region.memory_size = BigInt(size);
	r.region.userspace_addr = BigInt(hva);
	if (td.private_fd >= 0) {
		r.region.flags = KVM_MEM_PRIVATE;
		r.private_fd = td.private_fd;
		r.private_offset = BigInt(offset);
	}
	ok(ioctl(td.fd, KVM_SET_USER_MEMORY_REGION, r.bytes), "KVM_SET_USER_MEMORY_REGION");
}

/** User space's memory, td.mem_size of it, aligned as guest memory is, for large pages. */
export function td_map_memory(td: struct_td): void {
	td.map_hva = anonymous(td.mem_size + HPAGE);
	td.hva = Math.ceil(td.map_hva / HPAGE) * HPAGE;
}

function add_memory(td: struct_td, { mapped, hva, private_fd }: td_options): void {
	if (hva === undefined)
		td_map_memory(td);
	else
		td.hva = hva;
	td.reset_hva = anonymous(PAGE);
	if (private_fd !== undefined) {
		td.private_fd = ok(dup(private_fd), "dup()");
	} else if (mapped !== true) {
		td.private_fd = ok(memfd_create("td", MFD_INACCESSIBLE), "memfd_create()");
		ok(ftruncate(td.private_fd, td.mem_size + PAGE), "ftruncate()");
	}
	td_set_slot(td, 0, 0, td.mem_size, td.hva, 0);
	td_set_slot(td, 1, TD_RESET_PAGE, PAGE, td.reset_hva, td.mem_size);
}

/** A vCPU that is not initialised. */
export function td_new_vcpu(td: struct_td): struct_td_vcpu {
	const vcpu = new struct_td_vcpu();
	const size = ok(ioctl(td.kvm, KVM_GET_VCPU_MMAP_SIZE), "KVM_GET_VCPU_MMAP_SIZE");

	vcpu.fd = ok(ioctl(td.fd, KVM_CREATE_VCPU, td.vcpus.length), "KVM_CREATE_VCPU");
	ok(ioctl(vcpu.fd, KVM_SET_CPUID2, supported_cpuid(td.kvm)), "KVM_SET_CPUID2");
	vcpu.run_hva = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	vcpu.run = user_struct(struct_kvm_run, vcpu.run_hva) as unknown as struct_kvm_run;
	td.vcpus.push(vcpu);
	return vcpu;
}

function add_vcpu(td: struct_td): void {
	ok(td_ioctl(td_new_vcpu(td).fd, KVM_TDX_INIT_VCPU, 0xabc000), "KVM_TDX_INIT_VCPU");
}

/** The page at @gpa, added to the TD, if that works; its bytes are at @source. */
export function td_add_page_from(td: struct_td, gpa: number, source: number, measure = true):
	{ r: number; status: bigint } {
	const region = struct_kvm_tdx_init_mem_region.alloc();

	region.source_addr = BigInt(source);
	region.gpa = BigInt(gpa);
	region.nr_pages = 1n;
	poke(td.scratch + PAGE, region.bytes);
	return td_cmd(td.fd, KVM_TDX_INIT_MEM_REGION, td.scratch + PAGE,
		measure ? KVM_TDX_MEASURE_MEMORY_REGION : 0);
}

/** The same of @bytes. */
export function td_add_page(td: struct_td, gpa: number, bytes: Uint8Array, measure = true):
	{ r: number; status: bigint } {
	const page = new Uint8Array(PAGE);

	page.set(bytes);
	poke(td.scratch, page);
	return td_add_page_from(td, gpa, td.scratch, measure);
}

function add_page(td: struct_td, gpa: number, bytes: Uint8Array): void {
	ok(td_add_page(td, gpa, bytes).r, "KVM_TDX_INIT_MEM_REGION");
}

function add_words(td: struct_td, gpa: number, words: readonly [number, bigint][]): void {
	const page = new Uint8Array(PAGE), v = new DataView(page.buffer);

	for (const [i, x] of words)
		v.setBigUint64(i * 8, x, true);
	add_page(td, gpa, page);
}

const gate_offset = (at: number): bigint => BigInt(at & 0xffff) | BigInt(at >>> 16) << 48n;

/** Tables, text and the reset vector. */
function add_image(td: struct_td, scripts: readonly guest_fn[], handlers: Record<number, guest_fn>):
	void {
	const pages = [0, 1, 2, 3].map((i): [number, bigint] => [i, BigInt(i) * 2n ** 30n | 0xe7n]);
	const starts = scripts.map((fn) => Number(guest_text_alloc(fn)));
	const first = starts.length === 1 ? starts[0]! :
		Number(guest_text_alloc(td_chooser(starts)));

	add_words(td, TD_PML4, [[0, BigInt(TD_PDPT) | 7n], [1, BigInt(TD_PDPT_SHARED) | 7n]]);
	add_words(td, TD_PDPT, pages);
	add_words(td, TD_PDPT_SHARED, pages.map(([i, x]) => [i, x | BigInt(td.shared_bit)]));
	add_words(td, TD_GDT, [[1, 0x00af9b000000ffffn], [2, 0x00cf93000000ffffn]]);
	add_words(td, TD_IDT, Object.entries(handlers).map(([vector, fn]) => [Number(vector) * 2,
		0x8e00n << 32n | 8n << 16n | gate_offset(Number(guest_text_alloc(fn)))]));
	add_page(td, TD_STACK_TOP - PAGE, new Uint8Array(0));
	for (let at = 0; at < GUEST_TEXT_SIZE; at += PAGE) {
		const text = new Uint8Array(PAGE);
		for (let i = 0; i < PAGE; i += GUEST_TEXT_WINDOW)
			text.set(guest_text_image(), i);
		add_page(td, GUEST_TEXT_BASE + at, text);
	}
	/* JMP */
	const reset = new Uint8Array(PAGE);
	reset[0xff0] = 0xe9;
	new DataView(reset.buffer).setInt32(0xff1, first - 0xfffffff5, true);
	add_page(td, TD_RESET_PAGE, reset);
}

/** A VM that is to be a TD, and memory for what commands point to. */
export function td_new_vm(): struct_td {
	const td = new struct_td(), cap = struct_kvm_enable_cap.alloc();

	td.kvm = ok(open("/dev/kvm", O_RDWR), "open()");
	td.fd = ok(ioctl(td.kvm, KVM_CREATE_VM, KVM_X86_TDX_VM), "KVM_CREATE_VM");
	cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	cap.args[0] = 24n;
	ok(ioctl(td.fd, KVM_ENABLE_CAP, cap.bytes), "KVM_CAP_SPLIT_IRQCHIP");
	td.scratch = anonymous(2 * PAGE);
	return td;
}

/** A TD with @vcpus vCPUs, and nothing in its memory. */
export function td_create_empty(vcpus: number, o: td_options = {}): struct_td {
	const td = td_new_vm();

	if (o.wide === true)
		td.shared_bit = TD_SHARED_BIT_WIDE;
	ok(td_init_vm(td.kvm, td.fd, o.attributes ?? 0n, o.wide === true ? 52 : 0).r,
		"KVM_TDX_INIT_VM");
	td.mem_size = o.memory ?? TD_MEM_SIZE;
	add_memory(td, o);
	for (let i = 0; i < vcpus; i++)
		add_vcpu(td);
	return td;
}

/** The error that a TD gets whose memory user space has mapped; 0 if KVM takes such memory. */
export function td_mapped_errno(): number {
	const td = td_create_empty(1, { mapped: true });
	const error = td_add_page(td, 0, new Uint8Array(0)).r === 0 ? 0 : errno();

	td_free(td);
	return error;
}

/** A TD that is ready to run: a vCPU for each script. */
export function td_create(scripts: readonly guest_fn[], o: td_options = {}): struct_td {
	const td = td_create_empty(scripts.length, o);

	add_image(td, scripts, o.handlers ?? {});
	ok(td_ioctl(td.fd, KVM_TDX_FINALIZE_VM), "KVM_TDX_FINALIZE_VM");
	return td;
}

export function td_free(td: struct_td): void {
	for (const vcpu of td.vcpus) {
		munmap(vcpu.run_hva, 3 * PAGE);
		close(vcpu.fd);
	}
	close(td.fd);
	close(td.kvm);
	if (td.private_fd >= 0)
		close(td.private_fd);
	if (td.map_hva !== 0)
		munmap(td.map_hva, td.mem_size + HPAGE);
	munmap(td.reset_hva, PAGE);
	munmap(td.scratch, 2 * PAGE);
}

/** KVM_RUN, once. 0, or -1 with errno. */
export function* td_run(td: struct_td, vcpu = 0): wait<number> {
	return yield* ioctl_wait(td.vcpus[vcpu]!.fd, KVM_RUN);
}

/**
 * What a VMM does when the guest wants [@gpa, @gpa + @size) private, or shared: KVM's attributes,
 * and memory on the one side instead of the other.
 */
export function td_convert(td: struct_td, gpa: number, size: number, to_private: boolean): void {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	ok(ioctl(td.fd, to_private ? KVM_MEMORY_ENCRYPT_REG_REGION :
		KVM_MEMORY_ENCRYPT_UNREG_REGION, region.bytes),
	"KVM_MEMORY_ENCRYPT_(UN)REG_REGION");
	if (td.in_place)
		return;
	ok(to_private ? fallocate(td.private_fd, 0, gpa, size) :
		fallocate(td.private_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, gpa, size),
	"fallocate()");
}

/** Runs the vCPU, dealing with conversions of either kind, until its script reports: the number. */
export function* td_run_until_report(td: struct_td, vcpu = 0): wait<number> {
	for (;;) {
		const v = td.vcpus[vcpu]!, { run } = v;
		ok(yield* td_run(td, vcpu), "KVM_RUN");
		switch (run.exit_reason) {
		case KVM_EXIT_IO: {
			TEST_ASSERT(run.io.direction === KVM_EXIT_IO_OUT &&
				run.io.port === TD_REPORT_PORT && run.io.size === 4,
			"unexpected port 0x%x", run.io.port);
			const bytes = peek(v.run_hva + Number(run.io.data_offset), 4);
			return new DataView(bytes.buffer).getUint32(0, true);
		}
		case KVM_EXIT_MEMORY_FAULT:
			td.memory_faults++;
			td_convert(td, Number(run.memory.gpa), Number(run.memory.size),
				(run.memory.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) !== 0);
			break;
		case KVM_EXIT_TDX: {
			const { vmcall } = run.tdx.u, gpa = Number(vmcall.in_r12);
			td.map_gpas++;
			td_convert(td, gpa % td.shared_bit, Number(vmcall.in_r13),
				gpa < td.shared_bit);
			vmcall.status_code = TDVMCALL_SUCCESS;
			break;
		}
		default:
			TEST_ASSERT(false, "unexpected exit %d", run.exit_reason);
		}
	}
}
