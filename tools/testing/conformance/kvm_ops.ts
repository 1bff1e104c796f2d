// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of recorded steps on KVM's descriptors, and the guest that runs recorded programs.
 *
 * Port-only. The guest's tables and text lie in the slot that guest_setup makes; the recorded
 * operations never touch that.
 */
import { guest_text_alloc, hlt, inb, inl, inw, ld16, ld32, ld64, ld8, outb, outl, outw, st16, st32, st64, st8, type guest_program } from "#hw/isa_guest.ts";
import * as uapi from "#uapi/linux/kvm.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import { O_CLOEXEC, O_RDWR } from "#uapi/linux/fcntl.ts";
import { GUEST_DATA_BASE, GUEST_TABLES_BYTES, KVM_RUN_BYTES, guest_map_run, guest_sregs,
	guest_start, guest_tables } from "#tools/include/nolibc/kvm_guest.ts";
import * as libc from "#tools/include/nolibc/nolibc.ts";
import { add_constants, integer, num, type outcome, type step } from "./format.ts";
import { add_ops, addr_of, bind_fd, fd_of, result, type process_state } from "./ops.ts";

/* of later kernels; the base knows neither it nor its struct */
const KVM_SET_USER_MEMORY_REGION2 = 0x40a0ae49;
const KVM_CAP_USER_MEMORY2 = 231;
/** what userspace answers to MMIO reads and IN */
const ANSWER		= 0x77;

/** A guest operation as recorded. */
interface guest_step {
	op: "read" | "write" | "out" | "in" | "hlt";
	gpa?: number | string;
	size?: 1 | 2 | 4 | 8;
	port?: number;
	value?: number | string;
}

interface guest_result {
	val?: number | string;
	exits?: outcome[];
	err?: string;
	ok?: boolean;
}

/** A vCPU as its guest code and the process that runs it see it. */
class guest_state {
	prog: guest_step[] = [];
	results: guest_result[] = [];
	/** the operation that runs; prog.length when all have */
	at = 0;
}

function* access(o: guest_step): Generator<number, bigint | null, void> {
	const gva = GUEST_DATA_BASE + Number(num(o.gpa!));
	const value = num(o.value ?? 0);

	if (o.op === "read") {
		switch (o.size!) {
		case 1: return BigInt(yield* ld8(gva));
		case 2: return BigInt(yield* ld16(gva));
		case 4: return BigInt(yield* ld32(gva));
		case 8: return yield* ld64(gva);
		}
	}
	switch (o.size!) {
	case 1: yield* st8(gva, Number(value)); break;
	case 2: yield* st16(gva, Number(value)); break;
	case 4: yield* st32(gva, Number(value)); break;
	case 8: yield* st64(gva, value); break;
	}
	return null;
}

function* port_io(o: guest_step): Generator<number, bigint | null, void> {
	const port = o.port!, value = Number(num(o.value ?? 0));

	if (o.op === "in")
		return BigInt(o.size === 1 ? yield* inb(port) : o.size === 2 ? yield* inw(port) :
			yield* inl(port));
	if (o.size === 1)
		yield* outb(port, value);
	else if (o.size === 2)
		yield* outw(port, value);
	else
		yield* outl(port, value);
	return null;
}

function* guest_main(g: guest_state): guest_program {
	for (g.at = 0; g.at < g.prog.length; g.at++) {
		const o = g.prog[g.at]!;
		let val: bigint | null = null;

		g.results.push({});
		if (o.op === "hlt")
			yield* hlt();
		else
			val = o.op === "read" || o.op === "write" ? yield* access(o) :
				yield* port_io(o);
		if (val !== null)
			g.results[g.at]!.val = integer(val);
	}
	yield* hlt();
}

/* what a process knows of its vCPUs: by descriptor, as guest_setup found them */
class vcpu_info {
	readonly state = new guest_state();
	readonly entry: number;
	readonly run: number;

	constructor(run: number) {
		const state = this.state;
		this.run = run;
		this.entry = guest_text_alloc(() => guest_main(state));
	}
}

const vcpus = new Map<string, vcpu_info>();

const vcpu_key = (fd: number): string => `${libc.getpid()}:${fd}`;

function set_memory_region(p: process_state, s: step, req: number, hva: bigint): outcome {
	const mem = uapi.struct_kvm_userspace_memory_region.alloc();

	mem.slot = Number(BigInt.asUintN(32, num(s["slot"])));
	mem.flags = Number(BigInt.asUintN(32, num(s["flags"] ?? 0)));
	mem.guest_phys_addr = BigInt.asUintN(64, num(s["gpa"]));
	mem.memory_size = BigInt.asUintN(64, num(s["size"]));
	mem.userspace_addr = BigInt.asUintN(64, hva);
	return result(libc.ioctl(fd_of(p, s["vm"]), req, mem.bytes));
}

function op_guest_setup(p: process_state, s: step): outcome {
	const fd = fd_of(p, s["vcpu"]);
	const gpa = Number(num(s["gpa"]));
	const hva = libc.mmap(0, GUEST_TABLES_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const out = set_memory_region(p, { ...s, flags: 0, size: GUEST_TABLES_BYTES },
		uapi.KVM_SET_USER_MEMORY_REGION, BigInt(hva));

	if (out.ret !== 0)
		return out;
	guest_tables(hva, gpa);
	const run = guest_map_run(fd);
	if (run < 0 || guest_sregs(fd, gpa) < 0)
		return result(-1);
	vcpus.set(vcpu_key(fd), new vcpu_info(run));
	return out;
}

const names = new Map<number, string>();

function exit_name(reason: number): string {
	if (names.size === 0)
		for (const [name, value] of Object.entries(uapi))
			if (name.startsWith("KVM_EXIT_") && typeof value === "number" &&
			    !/^KVM_EXIT_(IO_|HYPERV_|XEN_|S390_)/.test(name))
				names.set(value, name);
	return names.get(reason) ?? String(reason);
}

const hex = (bytes: Uint8Array): string =>
	Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** The exit that kvm_run describes, as recorded; answers reads. */
function take_exit(at: number): outcome {
	const shared = libc.peek(at, KVM_RUN_BYTES);
	const run = uapi.struct_kvm_run.of(shared);
	const exit = exit_name(run.exit_reason);

	if (exit === "KVM_EXIT_MMIO") {
		const m = run.mmio;
		const out: outcome = { exit, phys_addr: integer(m.phys_addr), len: m.len,
			is_write: m.is_write };
		if (m.is_write)
			return { ...out, data: hex(m.data.subarray(0, m.len)) };
		m.data.fill(ANSWER, 0, m.len);
		libc.poke(at + (m.data.byteOffset - shared.byteOffset), m.data);
		return out;
	}
	if (exit === "KVM_EXIT_IO") {
		const io = run.io;
		const where = Number(io.data_offset);
		const data = shared.subarray(where, where + io.size * io.count);
		const out: outcome = { exit, direction: io.direction === 0 ? "in" : "out",
			size: io.size, port: io.port, count: io.count };
		if (io.direction !== 0)
			return { ...out, data: hex(data) };
		libc.poke(at + where, data.fill(ANSWER));
		return out;
	}
	return { exit };
}

function* op_guest_run(p: process_state, s: step): Generator<void, outcome, void> {
	const fd = fd_of(p, s["vcpu"]);
	const v = vcpus.get(vcpu_key(fd));

	if (v === undefined)
		return { skipped: true };
	const g = v.state;
	g.prog = s["prog"];
	g.results = [];
	if (guest_start(fd, v.entry) < 0)
		return result(-1);
	for (;;) {
		const r = yield* libc.ioctl_wait(fd, uapi.KVM_RUN);

		if (r < 0) {
			g.results[g.at]!.err = libc.errno_name(libc.errno());
			break;
		}
		const exit = take_exit(v.run);
		if (g.at === g.prog.length)
			break;
		(g.results[g.at]!.exits ??= []).push(exit);
		if (exit["exit"] !== "KVM_EXIT_MMIO" && exit["exit"] !== "KVM_EXIT_IO" &&
		    exit["exit"] !== "KVM_EXIT_HLT")
			break;
	}
	for (const x of g.results)
		if (Object.keys(x).length === 0)
			x.ok = true;
	return { results: g.results };
}

function* op_kvm_run(p: process_state, s: step): Generator<void, outcome, void> {
	const fd = fd_of(p, s["vcpu"]);
	const at = guest_map_run(fd);

	const immediate_exit = (on: number): void => {
		if (at >= 0)
			libc.user_store8(at + uapi.struct_kvm_run.offsets.immediate_exit, on);
	};
	immediate_exit(s["immediate_exit"] === true ? 1 : 0);
	const r = yield* libc.ioctl_wait(fd, uapi.KVM_RUN, num(s["arg"] ?? 0));
	immediate_exit(0);
	const out = result(r);
	if (r === 0 && at >= 0)
		out["exit"] = take_exit(at)["exit"];
	return out;
}

/** Set bits of the first @npages (rounded up to 64) of a bitmap. */
function op_get_dirty_log(p: process_state, s: step): outcome {
	const bytes = Math.ceil(Number(num(s["npages"] ?? 64)) / 64) * 8;
	const raw = s["bitmap"] !== undefined;
	const buf = libc.malloc(bytes);
	const log = uapi.struct_kvm_dirty_log.alloc();

	libc.poke(buf, new Uint8Array(bytes));
	log.slot = Number(BigInt.asUintN(32, num(s["slot"])));
	log.dirty_bitmap = raw ? BigInt.asUintN(64, addr_of(p, s["bitmap"])) : BigInt(buf);
	const out = result(libc.ioctl(fd_of(p, s["vm"]), uapi.KVM_GET_DIRTY_LOG, log.bytes));
	if (out.err === undefined && !raw) {
		const map = libc.peek(buf, bytes);
		out["pages"] = Array.from({ length: bytes * 8 }, (_, i) => i)
			.filter((i) => (map[i >> 3]! >> (i & 7)) & 1);
	}
	libc.free(buf);
	return out;
}

function op_clear_dirty_log(p: process_state, s: step): outcome {
	const first = num(s["first_page"]);
	const pages = s["pages"] as number[];
	const bytes = Math.max(8, Math.ceil(Number(num(s["num_pages"])) / 64) * 8);
	const map = new Uint8Array(Math.min(bytes, 1 << 20));
	const log = uapi.struct_kvm_clear_dirty_log.alloc();

	for (const page of pages) {
		const i = page - Number(first);
		map[i >> 3]! |= 1 << (i & 7);
	}
	const buf = libc.malloc(map.length);
	libc.poke(buf, map);
	log.slot = Number(BigInt.asUintN(32, num(s["slot"])));
	log.num_pages = Number(BigInt.asUintN(32, num(s["num_pages"])));
	log.first_page = BigInt.asUintN(64, first);
	log.dirty_bitmap = BigInt(buf);
	const out = result(libc.ioctl(fd_of(p, s["vm"]), uapi.KVM_CLEAR_DIRTY_LOG, log.bytes));
	libc.free(buf);
	return out;
}

function op_enable_cap(p: process_state, s: step): outcome {
	const cap = uapi.struct_kvm_enable_cap.alloc();

	cap.cap = Number(num(s["cap"]));
	cap.flags = Number(num(s["flags"] ?? 0));
	for (const [i, x] of ((s["args"] ?? []) as (number | string)[]).entries())
		cap.args[i] = BigInt.asUintN(64, num(x));
	return result(libc.ioctl(fd_of(p, s["fd"]), uapi.KVM_ENABLE_CAP, cap.bytes));
}

const region = (req: number) => (p: process_state, s: step): outcome =>
	set_memory_region(p, s, req, addr_of(p, s["hva"]));

/** Made known to the replay. */
export function add_kvm_ops(): void {
	add_constants(uapi);
	add_constants({ KVM_CAP_USER_MEMORY2 });
	add_ops({
		open_kvm: (p, s) => bind_fd(p, s, libc.open("/dev/kvm",
			Number(num(s["flags"] ?? O_RDWR | O_CLOEXEC)))),
		kvm_create_vm: (p, s) => bind_fd(p, s, libc.ioctl(fd_of(p, s["fd"]),
			uapi.KVM_CREATE_VM, num(s["type"]))),
		kvm_check_extension: (p, s) => result(libc.ioctl(fd_of(p, s["fd"]),
			uapi.KVM_CHECK_EXTENSION, num(s["cap"]))),
		kvm_create_vcpu: (p, s) => bind_fd(p, s, libc.ioctl(fd_of(p, s["vm"]),
			uapi.KVM_CREATE_VCPU, num(s["id"]))),
		kvm_set_memory_region: region(uapi.KVM_SET_USER_MEMORY_REGION),
		kvm_set_memory_region2: region(KVM_SET_USER_MEMORY_REGION2),
		kvm_get_dirty_log: op_get_dirty_log,
		kvm_clear_dirty_log: op_clear_dirty_log,
		kvm_enable_cap: op_enable_cap,
		guest_setup: op_guest_setup,
		guest_run: op_guest_run,
		kvm_run: op_kvm_run,
	});
}
