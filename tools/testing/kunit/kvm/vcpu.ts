// SPDX-License-Identifier: GPL-2.0
/*
 * A guest, from user space to VMX or SVM and back: every exit that a script can cause, what passes
 * through without one, injected events, dirty pages. Tests for vmx.test.ts and svm.test.ts, which
 * import the kernel.
 *
 * Port-only.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { boot } from "#arch/x86/entry/boot.ts";
import * as isa from "#hw/isa_guest.ts";
import type { guest_fn, guest_program } from "#hw/isa_guest.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { task_exited } from "#linux/sched/exit.ts";
import { kernel_run } from "#linux/init/main.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { EINTR } from "#uapi/asm-generic/errno-base.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { SIGUSR1 } from "#uapi/asm-generic/signal.ts";
import {
	KVM_CREATE_IRQCHIP, KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_EXIT_DEBUG, KVM_EXIT_HLT,
	KVM_EXIT_IO, KVM_EXIT_IO_IN, KVM_EXIT_IO_OUT, KVM_EXIT_IRQ_WINDOW_OPEN, KVM_EXIT_MMIO,
	KVM_EXIT_SHUTDOWN, KVM_GET_DIRTY_LOG, KVM_GET_MSRS, KVM_GET_REGS, KVM_GET_SREGS,
	KVM_GET_SUPPORTED_CPUID, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_INTERRUPT,
	KVM_MEM_LOG_DIRTY_PAGES, KVM_NMI, KVM_RUN, KVM_SET_CPUID2, KVM_SET_GUEST_DEBUG,
	KVM_SET_MP_STATE, KVM_SET_MSRS, KVM_SET_REGS, KVM_SET_SREGS, KVM_SET_USER_MEMORY_REGION,
	struct_kvm_dirty_log, struct_kvm_guest_debug, struct_kvm_interrupt, struct_kvm_mp_state,
	struct_kvm_run, struct_kvm_userspace_memory_region,
} from "#uapi/linux/kvm.ts";
import { struct_kvm_cpuid2, struct_kvm_cpuid_entry2, struct_kvm_msr_entry, struct_kvm_msrs,
	struct_kvm_regs, struct_kvm_sregs } from "#uapi-asm/kvm.ts";
import { errno, peek, poke, run_thread, struct_thread, type user_code } from
	"#tools/include/nolibc/arch.ts";
import { GUEST_DATA_BASE, guest_map_run, guest_sregs, guest_start, guest_tables } from
	"#tools/include/nolibc/kvm_guest.ts";
import { mmap, munmap } from "#tools/include/nolibc/mman.ts";
import { nanosleep } from "#tools/include/nolibc/process.ts";
import { pthread_create, pthread_join, pthread_kill } from "#tools/include/nolibc/pthread.ts";
import { sigaction } from "#tools/include/nolibc/signal.ts";
import { close, ioctl, ioctl_wait, open, read_file } from "#tools/include/nolibc/sys.ts";

const MEM	= 32 * 2 ** 20;
/* guest physical: behind the tables of guest_tables() */
const GDT = 0x8000, IDT = 0x9000, STACK_TOP = 0x20000, FREE = 0x100000;
const KERNEL_CS = 8;
const DATA	= GUEST_DATA_BASE;
const MSR_EFER = 0xc0000080, MSR_FS_BASE = 0xc0000100, MSR_KERNEL_GS_BASE = 0xc0000102,
	MSR_LSTAR = 0xc0000082, MSR_IA32_SYSENTER_EIP = 0x176, MSR_IA32_CR_PAT = 0x277;

export type kvm_run = ReturnType<typeof struct_kvm_run.of>;
type code = Generator<void, void, void>;

export class guest {
	kvm = -1;
	vm = -1;
	vcpu = -1;
	/** where kvm_run and guest memory are mapped */
	run = 0;
	mem = 0;
	/** another vCPU of a VM that has one */
	readonly first: guest | null;

	constructor(flags: number, first: guest | null = null, irqchip = false) {
		this.first = first;
		if (first !== null) {
			this.kvm = first.kvm;
			this.vm = first.vm;
			this.mem = first.mem;
			this.add_vcpu(1);
			const runnable = struct_kvm_mp_state.alloc();
			expect(ioctl(this.vcpu, KVM_SET_MP_STATE, runnable.bytes)).toBe(0);
			return;
		}
		this.kvm = open("/dev/kvm", O_RDWR);
		expect(this.kvm).toBeGreaterThanOrEqual(0);
		this.vm = ioctl(this.kvm, KVM_CREATE_VM, 0);
		expect(this.vm).toBeGreaterThan(this.kvm);
		if (irqchip)
			expect(ioctl(this.vm, KVM_CREATE_IRQCHIP, 0)).toBe(0);
		this.mem = mmap(0, MEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		this.slot(flags);
		guest_tables(this.mem, 0);
		this.add_vcpu(0);
	}
	add_vcpu(id: number): void {
		this.vcpu = ioctl(this.vm, KVM_CREATE_VCPU, id);
		expect(this.vcpu).toBeGreaterThan(this.vm);
		const cpuid = struct_kvm_cpuid2.alloc(64 * struct_kvm_cpuid_entry2.size);
		cpuid.nent = 64;
		expect(ioctl(this.kvm, KVM_GET_SUPPORTED_CPUID, cpuid.bytes)).toBe(0);
		expect(ioctl(this.vcpu, KVM_SET_CPUID2, cpuid.bytes)).toBe(0);
		this.run = guest_map_run(this.vcpu);
		expect(guest_sregs(this.vcpu, 0)).toBe(0);
	}
	slot(flags: number): void {
		const r = struct_kvm_userspace_memory_region.alloc();
		r.flags = flags;
		r.memory_size = BigInt(MEM);
		r.userspace_addr = BigInt(this.mem);
		expect(ioctl(this.vm, KVM_SET_USER_MEMORY_REGION, r.bytes)).toBe(0);
	}
	close(): void {
		munmap(this.run, 8192);
		close(this.vcpu);
		if (this.first !== null)
			return;
		close(this.vm);
		close(this.kvm);
		munmap(this.mem, MEM);
	}
	/** From the start of @fn. */
	start(fn: guest_fn): void {
		expect(guest_start(this.vcpu, isa.guest_text_alloc(fn))).toBe(0);
	}
	*enter(): Generator<void, kvm_run, void> {
		expect(yield* ioctl_wait(this.vcpu, KVM_RUN)).toBe(0);
		return struct_kvm_run.of(peek(this.run, 4096).slice());
	}
	/** Runs to the next OUT of 4 bytes to port 1: the value. */
	*report(): Generator<void, number, void> {
		const r = yield* this.enter();
		expect([r.exit_reason, r.io.direction, r.io.size, r.io.port, r.io.count]).toEqual(
			[KVM_EXIT_IO, KVM_EXIT_IO_OUT, 4, 1, 1]);
		return this.pio(r).getUint32(0, true);
	}
	pio(r: kvm_run): DataView {
		const b = peek(this.run + Number(r.io.data_offset), r.io.size * r.io.count);
		return new DataView(b.slice().buffer);
	}
	put(gpa: number, x: bigint): void {
		const b = new DataView(new ArrayBuffer(8));
		b.setBigUint64(0, x, true);
		poke(this.mem + gpa, new Uint8Array(b.buffer));
	}
	get(gpa: number): bigint {
		return new DataView(peek(this.mem + gpa, 8).slice().buffer).getBigUint64(0, true);
	}
	regs(): ReturnType<typeof struct_kvm_regs.of> {
		const regs = struct_kvm_regs.alloc();
		expect(ioctl(this.vcpu, KVM_GET_REGS, regs.bytes)).toBe(0);
		return regs;
	}
	msr(index: number, value: bigint | null = null): bigint {
		const msrs = struct_kvm_msrs.alloc(struct_kvm_msr_entry.size);
		msrs.nmsrs = 1;
		msrs.entries[0]!.index = index;
		if (value !== null)
			msrs.entries[0]!.data = value;
		expect(ioctl(this.vcpu, value !== null ? KVM_SET_MSRS : KVM_GET_MSRS, msrs.bytes))
			.toBe(1);
		return msrs.entries[0]!.data;
	}
	/** GDT, IDT with @handlers by vector, a stack. */
	tables(handlers: Record<number, guest_fn>): void {
		this.put(GDT + KERNEL_CS, 0x00af9b000000ffffn);
		this.put(GDT + 16, 0x00cf93000000ffffn);
		for (const [vector, fn] of Object.entries(handlers)) {
			const at = BigInt(isa.guest_text_alloc(fn));
			this.put(IDT + 16 * Number(vector), (at & 0xffffn) |
				(BigInt(KERNEL_CS) << 16n) | (0x8e00n << 32n) |
				((at >> 16n & 0xffffn) << 48n));
			this.put(IDT + 16 * Number(vector) + 8, at >> 32n);
		}
		const sregs = struct_kvm_sregs.alloc();
		expect(ioctl(this.vcpu, KVM_GET_SREGS, sregs.bytes)).toBe(0);
		sregs.gdt.base = BigInt(DATA + GDT);
		sregs.gdt.limit = 23;
		sregs.idt.base = BigInt(DATA + IDT);
		sregs.idt.limit = 0xfff;
		expect(ioctl(this.vcpu, KVM_SET_SREGS, sregs.bytes)).toBe(0);
	}
	stack(): void {
		const regs = this.regs();
		regs.rsp = BigInt(DATA + STACK_TOP);
		expect(ioctl(this.vcpu, KVM_SET_REGS, regs.bytes)).toBe(0);
	}
}

/** Runs @body as a program; its exceptions are the test's. */
export function in_task(body: () => code): void {
	let thrown: unknown = null;

	function* main(): user_code {
		try {
			yield* body();
		} catch (e) {
			if (e instanceof task_exited)
				throw e;
			thrown = e;
		}
		return 0;
	}
	log_buf_clear();
	const status = kernel_run(run_thread(new struct_thread(), main()), "kunit");
	const log = kmsg_text();
	if (thrown !== null) {
		console.log(log.join("\n"));
		throw thrown;
	}
	expect(log.filter((l) => /WARNING|BUG|Oops|INFO:|unhandled|unexpected/.test(l)))
		.toEqual([]);
	expect(status).toBe(0);
}

export function with_guest(body: (g: guest) => code, flags = 0, irqchip = false): void {
	in_task(function* () {
		const g = new guest(flags, null, irqchip);
		yield* body(g);
		g.close();
	});
}

export const state = (): string => {
	let text = "";
	in_task(function* () {
		text = read_file("/sys/kernel/debug/privmem/state") ?? "";
		yield;
	});
	return text;
};

/* registers of the local APIC, through the guest's window on physical memory */
const APIC = DATA + 0xfee00000, APIC_ID = APIC + 0x20, APIC_TPR = APIC + 0x80,
	APIC_EOI = APIC + 0xb0, APIC_SPIV = APIC + 0xf0, APIC_ICR = APIC + 0x300,
	APIC_ICR2 = APIC + 0x310;

/** The suites, each on one boot of a host by @vendor. */
export function vcpu_tests(vendor: "intel" | "amd"): void {
	beforeAll(() => {
		boot({ memory: 2 ** 30, cpus: 2, vendor, seed: 1, cmdline: "" });
	});

	describe("exits", () => {
		test("stores and loads, OUT", () => with_guest(function* (g) {
			g.put(FREE, 0x1122334455667788n);
			g.start(function* () {
				yield* isa.outl(1, yield* isa.ld32(DATA + FREE + 4));
				yield* isa.st64(DATA + FREE + 8, 0xdeadbeefn);
				yield* isa.st8(DATA + MEM - 1, 0x5a);
				yield* isa.outw(0x3f8, 0xabcd);
			});
			expect(yield* g.report()).toBe(0x11223344);
			const r = yield* g.enter();
			expect([r.exit_reason, r.io.direction, r.io.size, r.io.port]).toEqual(
				[KVM_EXIT_IO, KVM_EXIT_IO_OUT, 2, 0x3f8]);
			expect(g.pio(r).getUint16(0, true)).toBe(0xabcd);
			expect(g.get(FREE + 8)).toBe(0xdeadbeefn);
			expect(g.get(MEM - 8) >> 56n).toBe(0x5an);
		}));
		test("IN gets what user space put there", () => with_guest(function* (g) {
			g.start(function* () {
				const x = yield* isa.inl(0x60);
				yield* isa.outl(1, x + (yield* isa.inb(0x61)));
			});
			const r = yield* g.enter();
			const io = r.io;
			expect([r.exit_reason, io.direction, io.size, io.port, io.count]).toEqual(
				[KVM_EXIT_IO, KVM_EXIT_IO_IN, 4, 0x60, 1]);
			poke(g.run + Number(r.io.data_offset), new Uint8Array([0, 1, 2, 3]));
			const b = yield* g.enter();
			expect([b.io.size, b.io.port]).toEqual([1, 0x61]);
			poke(g.run + Number(b.io.data_offset), new Uint8Array([9]));
			expect(yield* g.report()).toBe(0x03020109);
		}));
		test("strings of port I/O", () => with_guest(function* (g) {
			g.put(FREE + 4092, 0x6867666564636261n);
			g.start(function* () {
				yield* isa.rep_outs(0x10, DATA + FREE + 4092, 1, 8);
				yield* isa.rep_ins(0x11, DATA + FREE + 8192 - 4, 4, 3);
				yield* isa.outl(1, yield* isa.ld32(DATA + FREE + 8192 + 4));
			});
			let sent = "", r = yield* g.enter();
			while (r.io.port === 0x10) {
				expect([r.exit_reason, r.io.direction, r.io.size]).toEqual(
					[KVM_EXIT_IO, KVM_EXIT_IO_OUT, 1]);
				sent += new TextDecoder().decode(g.pio(r));
				r = yield* g.enter();
			}
			expect(sent).toBe("abcdefgh");
			let n = 0;
			while (r.io.port === 0x11) {
				expect([r.exit_reason, r.io.direction, r.io.size]).toEqual(
					[KVM_EXIT_IO, KVM_EXIT_IO_IN, 4]);
				for (let i = 0; i < r.io.count; i++)
					poke(g.run + Number(r.io.data_offset) + 4 * i,
						new Uint8Array([++n, 0, 0, 0]));
				r = yield* g.enter();
			}
			expect(n).toBe(3);
			expect(r.io.port).toBe(1);
			expect(g.pio(r).getUint32(0, true)).toBe(3);
			expect(g.get(FREE + 8192 - 4)).toBe(0x200000001n);
		}));
		test("HLT", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.hlt();
				yield* isa.outl(1, 3);
			});
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_HLT);
			expect(yield* g.report()).toBe(3);
		}));
		test("MMIO", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.st32(DATA + MEM + 0x10, 0x12345678);
				const x = yield* isa.ld64(DATA + 0xf0000008);
				yield* isa.outl(1, Number(x & 0xffffffffn));
				yield* isa.outl(1, yield* isa.ld8(DATA + 0xf0000008));
			});
			const w = yield* g.enter();
			const mmio = w.mmio;
			expect([w.exit_reason, mmio.phys_addr, mmio.len, mmio.is_write]).toEqual(
				[KVM_EXIT_MMIO, BigInt(MEM + 0x10), 4, 1]);
			expect([...w.mmio.data.subarray(0, 4)]).toEqual([0x78, 0x56, 0x34, 0x12]);
			for (const len of [8, 1]) {
				const r = yield* g.enter();
				const m = r.mmio;
				expect([r.exit_reason, m.phys_addr, m.len, m.is_write])
					.toEqual([KVM_EXIT_MMIO, 0xf0000008n, len, 0]);
				const at = r.mmio.data.byteOffset - r.bytes.byteOffset;
				poke(g.run + at, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
					.subarray(0, len));
				expect(yield* g.report()).toBe(len === 8 ? 0x04030201 : 1);
			}
		}));
		test("CPUID", () => with_guest(function* (g) {
			g.start(function* () {
				const { eax, ebx } = yield* isa.cpuid(0);
				yield* isa.outl(1, eax);
				yield* isa.outl(1, ebx);
				yield* isa.outl(1, (yield* isa.cpuid(1)).ecx);
				yield* isa.outl(1, (yield* isa.cpuid(0x40000000)).ebx);
			});
			expect(yield* g.report()).toBe(0xd);
			expect(yield* g.report()).toBe(vendor === "intel" ? 0x756e6547 : 0x68747541);
			/* VMX is not for guests */
			expect((yield* g.report()) & 1 << 5).toBe(0);
			expect(yield* g.report()).toBe(0x4b4d564b);
		}));
		test("hypercalls", () => with_guest(function* (g) {
			g.start(function* () {
				const r = yield* isa.vmcall(0x7fffn);
				yield* isa.outl(1, Number(BigInt.asUintN(32, r)));
			});
			expect((yield* g.report()) | 0).toBe(-1000);
		}));
		test("triple fault", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.ld8(0x7000000);
			});
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_SHUTDOWN);
		}));
	});

	describe("registers", () => {
		test("RIP, RSP and flags in both directions", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.set_reg(isa.REG_RBX, 77n);
				yield* isa.outl(1, 1);
				const r12 = yield* isa.get_reg(isa.REG_R12);
				yield* isa.outl(1, Number(r12 & 0xffffn));
				const rsp = yield* isa.get_reg(isa.REG_RSP);
				yield* isa.outl(1, Number(rsp & 0xffffffffn));
			});
			yield* g.report();
			const regs = g.regs();
			expect(regs.rbx).toBe(77n);
			regs.r12 = 0x1234n;
			regs.rsp = 0x8888n;
			expect(ioctl(g.vcpu, KVM_SET_REGS, regs.bytes)).toBe(0);
			expect(yield* g.report()).toBe(0x1234);
			expect(yield* g.report()).toBe(0x8888);
		}));
		test("MSRs that pass through, and those that do not", () => with_guest(function* (g) {
			g.msr(MSR_KERNEL_GS_BASE, 0x1111n);
			g.msr(MSR_LSTAR, 0x2222n);
			g.start(function* () {
				yield* isa.outl(1, Number(yield* isa.rdmsr(MSR_KERNEL_GS_BASE)));
				yield* isa.outl(1, Number(yield* isa.rdmsr(MSR_LSTAR)));
				yield* isa.wrmsr(MSR_KERNEL_GS_BASE, 0x3333n);
				yield* isa.wrmsr(MSR_LSTAR, 0x4444n);
				yield* isa.wrmsr(MSR_FS_BASE, 0x5555n);
				yield* isa.wrmsr(MSR_IA32_SYSENTER_EIP, 0x6666n);
				yield* isa.wrmsr(MSR_IA32_CR_PAT, 0x0606060606060606n);
				yield* isa.outl(1, Number(yield* isa.rdmsr(MSR_EFER)));
				yield* isa.outl(1, Number(yield* isa.rdmsr(MSR_FS_BASE)));
			});
			expect(yield* g.report()).toBe(0x1111);
			expect(yield* g.report()).toBe(0x2222);
			expect(yield* g.report()).toBe(0xd00);
			expect(yield* g.report()).toBe(0x5555);
			expect(g.msr(MSR_KERNEL_GS_BASE)).toBe(0x3333n);
			expect(g.msr(MSR_LSTAR)).toBe(0x4444n);
			/* KVM on AMD does not know this one */
			if (vendor === "intel")
				expect(g.msr(MSR_FS_BASE)).toBe(0x5555n);
			expect(g.msr(MSR_IA32_SYSENTER_EIP)).toBe(0x6666n);
			expect(g.msr(MSR_IA32_CR_PAT)).toBe(0x0606060606060606n);
			const sregs = struct_kvm_sregs.alloc();
			expect(ioctl(g.vcpu, KVM_GET_SREGS, sregs.bytes)).toBe(0);
			expect([sregs.fs.base, sregs.efer]).toEqual([0x5555n, 0xd00n]);
		}));
		test("control registers: those the guest owns, and those KVM sees", () =>
			with_guest(function* (g) {
				g.start(function* () {
					const cr4: bigint = yield* isa.read_cr(4);
					/* PGE: the guest's own; MCE: exits */
					yield* isa.write_cr(4, cr4 | 0x80n);
					yield* isa.write_cr(4, cr4 | 0x80n | 0x40n);
					yield* isa.write_cr(3, yield* isa.read_cr(3));
					yield* isa.write_cr(0, (yield* isa.read_cr(0)) | 0x10000n);
					yield* isa.outl(1, Number(yield* isa.read_cr(4)));
					yield* isa.outl(1, Number(yield* isa.read_cr(0)));
				});
				expect(yield* g.report()).toBe(0x2e0);
				expect(yield* g.report()).toBe(0x80010031);
				const sregs = struct_kvm_sregs.alloc();
				expect(ioctl(g.vcpu, KVM_GET_SREGS, sregs.bytes)).toBe(0);
				expect([sregs.cr0, sregs.cr3, sregs.cr4]).toEqual(
					[0x80010031n, 0n, 0x2e0n]);
			}));
	});

	describe("events", () => {
		test("exceptions through the guest's IDT", () => with_guest(function* (g) {
			g.tables({
				6: function* () {
					yield* isa.outl(1, 6);
					yield* isa.hlt();
				},
			});
			g.start(function* () {
				yield* isa.ud2();
			});
			g.stack();
			expect(yield* g.report()).toBe(6);
		}));
		test("an interrupt waits for its window", () => with_guest(function* (g) {
			g.tables({
				0x30: function* () {
					yield* isa.outl(1, 0x30);
					yield* isa.iret();
				},
			});
			g.start(function* () {
				yield* isa.outl(1, 1);
				yield* isa.sti();
				yield* isa.nop();
				yield* isa.nop();
				yield* isa.outl(1, 2);
			});
			g.stack();
			expect(yield* g.report()).toBe(1);
			poke(g.run, new Uint8Array([1]));	/* request_interrupt_window */
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_IRQ_WINDOW_OPEN);
			poke(g.run, new Uint8Array([0]));
			const irq = struct_kvm_interrupt.alloc();
			irq.irq = 0x30;
			expect(ioctl(g.vcpu, KVM_INTERRUPT, irq.bytes)).toBe(0);
			expect(yield* g.report()).toBe(0x30);
			expect(yield* g.report()).toBe(2);
		}));
		test("user space steps, and the guest does not see it", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.nop();
				yield* isa.nop();
				yield* isa.cpuid(0);
				yield* isa.outl(1, 2);
				yield* isa.outl(1, 3);
			});
			const debug = struct_kvm_guest_debug.alloc();
			debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
			expect(ioctl(g.vcpu, KVM_SET_GUEST_DEBUG, debug.bytes)).toBe(0);
			let steps = 0, r = yield* g.enter();
			for (; r.exit_reason === KVM_EXIT_DEBUG; r = yield* g.enter()) {
				const { arch } = r.debug, regs = g.regs();
				steps++;
				expect([arch.exception, arch.dr6 & 0x4000n]).toEqual([1, 0x4000n]);
				expect([regs.rflags & 0x100n, regs.rip]).toEqual([0n, arch.pc]);
			}
			expect(r.exit_reason).toBe(KVM_EXIT_IO);
			expect(g.pio(r).getUint32(0, true)).toBe(2);
			expect(steps).toBeGreaterThanOrEqual(3);
			debug.control = 0;
			expect(ioctl(g.vcpu, KVM_SET_GUEST_DEBUG, debug.bytes)).toBe(0);
			expect(yield* g.report()).toBe(3);
		}));
		test("an NMI, and the next after IRET", () => with_guest(function* (g) {
			g.tables({
				2: function* () {
					yield* isa.outl(1, 0x22);
					yield* isa.outl(1, 0x23);
					yield* isa.iret();
				},
			});
			g.start(function* () {
				yield* isa.outl(1, 1);
				yield* isa.outl(1, 2);
			});
			g.stack();
			expect(yield* g.report()).toBe(1);
			expect(ioctl(g.vcpu, KVM_NMI, 0)).toBe(0);
			expect(yield* g.report()).toBe(0x22);
			expect(ioctl(g.vcpu, KVM_NMI, 0)).toBe(0);
			expect(yield* g.report()).toBe(0x23);
			expect(yield* g.report()).toBe(0x22);
			expect(yield* g.report()).toBe(0x23);
			expect(yield* g.report()).toBe(2);
		}));
	});

	describe("local APICs", () => {
		test("an IPI wakes a vCPU from HLT", () => with_guest(function* (g) {
			const ap = new guest(0, g);
			ap.tables({
				0x41: function* () {
					const n = yield* isa.ld64(DATA + FREE);
					yield* isa.st64(DATA + FREE, n + 1n);
					yield* isa.st32(APIC_EOI, 0);
					yield* isa.iret();
				},
			});
			ap.start(function* () {
				yield* isa.st32(APIC_SPIV, 0x1ff);
				yield* isa.outl(1, (yield* isa.ld32(APIC_ID)) >>> 24);
				for (;;) {
					yield* isa.sti();
					yield* isa.hlt();
					yield* isa.cli();
					const n: bigint = yield* isa.ld64(DATA + FREE);
					yield* isa.st64(DATA + FREE + 8, n);
					yield* isa.outl(1, Number(n));
				}
			});
			const regs = ap.regs();
			regs.rsp = BigInt(DATA + STACK_TOP);
			expect(ioctl(ap.vcpu, KVM_SET_REGS, regs.bytes)).toBe(0);
			g.start(function* () {
				yield* isa.st32(APIC_SPIV, 0x1ff);
				for (let n = 1n; n <= 20n; n++) {
					yield* isa.st32(APIC_ICR2, 1 << 24);
					yield* isa.st32(APIC_ICR, 0x4041);
					while ((yield* isa.ld64(DATA + FREE + 8)) !== n)
						yield* isa.pause();
				}
				yield* isa.outl(1, 99);
			});
			const seen: number[] = [];
			expect(yield* ap.report()).toBe(1);
			const thread = pthread_create(function* () {
				while (seen.length < 20)
					seen.push(yield* ap.report());
			});
			expect(yield* g.report()).toBe(99);
			yield* pthread_join(thread);
			expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
			ap.close();
		}, 0, true));
		test("CR8 is the APIC's TPR", () => with_guest(function* (g) {
			g.start(function* () {
				yield* isa.st32(APIC_SPIV, 0x1ff);
				yield* isa.write_cr(8, 5n);
				yield* isa.outl(1, yield* isa.ld32(APIC_TPR));
				yield* isa.st32(APIC_TPR, 0x70);
				yield* isa.outl(1, Number(yield* isa.read_cr(8)));
			});
			expect(yield* g.report()).toBe(0x50);
			expect(yield* g.report()).toBe(7);
		}, 0, true));
	});

	describe("preemption", () => {
		test("a guest on either CPU finds what it left", () => with_guest(function* (g) {
			let stop = false;
			const busy = [1, 2, 3].map(() => pthread_create(function* () {
				while (!stop)
					yield;
			}));
			const second = new guest(0, g);
			const script = (own: bigint) => function* (): guest_program {
				yield* isa.wrmsr(MSR_KERNEL_GS_BASE, own);
				yield* isa.wrmsr(MSR_FS_BASE, own + 1n);
				yield* isa.wrmsr(MSR_LSTAR, own + 2n);
				yield* isa.set_reg(isa.REG_R15, own + 3n);
				for (let i = 0; i < 20000; i++) {
					if (((yield* isa.rdmsr(MSR_KERNEL_GS_BASE)) !== own) ||
					    ((yield* isa.rdmsr(MSR_FS_BASE)) !== own + 1n) ||
					    ((yield* isa.rdmsr(MSR_LSTAR)) !== own + 2n) ||
					    ((yield* isa.get_reg(isa.REG_R15)) !== own + 3n))
						yield* isa.outl(1, 7);
					yield* isa.pause();
				}
				yield* isa.outl(1, 8);
			};
			g.start(script(0x1000n));
			second.start(script(0x2000n));
			const other = pthread_create(function* () {
				expect(yield* second.report()).toBe(8);
			});
			expect(yield* g.report()).toBe(8);
			yield* pthread_join(other);
			stop = true;
			for (const thread of busy)
				yield* pthread_join(thread);
			second.close();
		}, 0, true));
	});

	describe("signals", () => {
		test("end a guest that does not exit", () => with_guest(function* (g) {
			let caught = 0, answer: unknown = null;
			/* long, but so that a host that does not care ends the test as well */
			g.start(function* () {
				for (let i = 0; i < 50000; i++)
					yield* isa.pause();
				yield* isa.outl(1, 1);
			});
			sigaction(SIGUSR1, () => {
				caught++;
			});
			const thread = pthread_create(function* () {
				const r = yield* ioctl_wait(g.vcpu, KVM_RUN);
				answer = [r, errno()];
			});
			yield* nanosleep(1e6);
			expect(answer).toBe(null);
			pthread_kill(thread, SIGUSR1);
			yield* pthread_join(thread);
			expect([caught, answer]).toEqual([1, [-1, EINTR]]);
		}));
	});

	describe("memory", () => {
		test("the dirty log", () => with_guest(function* (g) {
			const PAGES = 1100;
			g.start(function* () {
				for (let round = 0; round < 3; round++) {
					yield* isa.stride_store64(DATA + FREE, 4096,
						round === 1 ? 7 : PAGES, 1n);
					yield* isa.outl(1, round);
				}
			});
			const dirty = (): number => {
				const bytes = MEM / 4096 / 8;
				const at = mmap(0, bytes, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
				const log = struct_kvm_dirty_log.alloc();
				log.dirty_bitmap = BigInt(at);
				expect(ioctl(g.vm, KVM_GET_DIRTY_LOG, log.bytes)).toBe(0);
				const bitmap = peek(at, bytes).slice();
				munmap(at, bytes);
				let n = 0;
				for (let i = FREE / 4096; i < FREE / 4096 + PAGES; i++)
					n += bitmap[i >> 3]! >> (i & 7) & 1;
				return n;
			};
			expect(yield* g.report()).toBe(0);
			expect(dirty()).toBe(PAGES);
			expect(dirty()).toBe(0);
			expect(yield* g.report()).toBe(1);
			expect(dirty()).toBe(7);
			expect(yield* g.report()).toBe(2);
			expect(dirty()).toBe(PAGES);
		}, KVM_MEM_LOG_DIRTY_PAGES));
		test("what user space takes away is gone for the guest", () => with_guest(function* (g) {
			g.put(FREE, 5n);
			g.start(function* () {
				for (;;)
					yield* isa.outl(1, yield* isa.ld32(DATA + FREE));
			});
			expect(yield* g.report()).toBe(5);
			expect(munmap(g.mem + FREE, 4096)).toBe(0);
			expect(mmap(g.mem + FREE, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | 0x10, -1, 0)).toBe(g.mem + FREE);
			expect(yield* g.report()).toBe(0);
			g.put(FREE, 6n);
			expect(yield* g.report()).toBe(6);
		}));
		test("nothing is left", () => {
			with_guest(function* (g) {
				g.start(function* () {
					yield* isa.outl(1, 1);
				});
				yield* g.report();
			});
			const before = state();
			with_guest(function* (g) {
				g.start(function* () {
					yield* isa.memset(DATA + FREE, 1, 2 ** 20);
					yield* isa.outl(1, 1);
				});
				yield* g.report();
			});
			expect(state()).toBe(before);
		});
	});
}
