// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine made by hand, on either vendor, for tests of the guest CPU without a kernel.
 *
 * Port-only. Guest memory is whatever gpa_map() maps; the guest runs in 64-bit mode at CPL 0 on
 * page tables of its own at guest frame 0x100 onwards.
 */
import { clear_frame, frame_bytes, frame_put32, mem_hi, mem_lo, mem_write64,
	memory_install } from "#hw/memory.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { X86_VENDOR_AMD, X86_VENDOR_INTEL, cpus, cpus_install, set_cpu_vendor, set_this_cpu } from
	"#hw/cpu.ts";
import { guest_run, struct_guest_cpu } from "#hw/guest.ts";
import { GUEST_TEXT_BASE, GUEST_TEXT_SIZE, guest_text_alloc, guest_text_image, type guest_fn } from
	"#hw/isa_guest.ts";
import { VMCS_REVISION_ID, VMX_ENTRY_MUST, VMX_EXIT_MUST, VMX_PROCBASED_MUST } from "#hw/msr.ts";
import { invept, vmclear, vmptrld, vmread64, vmreadn, vmwrite64, vmwriten, vmx_enter, vmxon } from
	"#hw/vmx.ts";
import { svm_enter, vmload } from "#hw/svm.ts";
import * as v from "#hw/vmx_defs.ts";
import * as s from "#hw/svm_defs.ts";

export const INTEL = X86_VENDOR_INTEL, AMD = X86_VENDOR_AMD;

export const P = 1, W = 2, U = 4, A = 32, D = 64, PS = 128;
export const NX = 1 << 31;

export const PGD_GFN	= 0x100;
export const GDT_GPA	= 0x200000;
export const TSS_GPA	= 0x201000;
export const IDT_GPA	= 0x202000;
export const STACK_TOP	= 0x300000;
const KERNEL_CS = 0x08, KERNEL_DS = 0x10, USER_CS = 0x1b, USER_DS = 0x23, TSS = 0x28;

/** An exit, in one vocabulary for both vendors. */
export interface vm_exit {
	code: number;
	/** exit qualification, or exit_info_1 */
	qual: bigint;
	/** guest physical address, or exit_info_2 */
	gpa: number;
	rip: number;
	/** where the instruction ends, 0 if it is no instruction's */
	next: number;
	vectoring: number;
}

export class vm {
	readonly vendor: number;
	readonly guest = new struct_guest_cpu();
	readonly regs = new BigUint64Array(17);
	/** Top table of EPT or NPT. */
	root = 0;
	vmc = 0;
	launched = false;
	next_frame = 0x1000;
	next_gfn = PGD_GFN + 1;
	readonly frames = new Map<number, number>();
	ept_flags = 7 | (6 << 3);
	/** Nothing of guest physical memory is mapped for a test to map it. */
	constructor(vendor: number, ncpus = 1) {
		this.vendor = vendor;
		memory_install(2 ** 31);
		set_cpu_vendor(vendor);
		cpus_install(ncpus);
		this.root = this.new_frame();
		this.vmc = this.new_frame();
		this.gpa_map(PGD_GFN);
		for (let page = 0; page < GUEST_TEXT_SIZE; page += 4096) {
			const pfn = this.identity(GUEST_TEXT_BASE + page);
			for (let i = 0; i < 4096; i += 256)
				frame_bytes(pfn as pfn_nr).set(guest_text_image(), i);
		}
		for (let at = STACK_TOP - 0x4000; at < STACK_TOP; at += 4096)
			this.identity(at);
		for (const at of [GDT_GPA, TSS_GPA, IDT_GPA])
			this.identity(at);
		/* null, kernel code and data, user code and data */
		[0n, 0x00af9b000000ffffn, 0x00cf93000000ffffn, 0x00affb000000ffffn,
			0x00cff3000000ffffn]
			.forEach((d, i) => this.put64(GDT_GPA + i * 8, d));
		this.put64(TSS_GPA + 4, BigInt(STACK_TOP - 0x1000));
		if (vendor === INTEL)
			this.setup_vmx();
		else
			this.setup_svm();
	}

	new_frame(): number {
		const pfn = this.next_frame++;
		clear_frame(pfn as pfn_nr);
		return pfn;
	}

	/** Word of the second dimension's entry for a guest frame. */
	nested_entry(gfn: number, level = 1): number {
		let table = this.root;
		for (let l = 4; l > level; l--) {
			const word = table * 512 + Math.floor(gfn / 512 ** (l - 1)) % 512;
			if (mem_lo(word) === 0)
				mem_write64(word, (this.new_frame() << 12) | 7, 0);
			table = mem_lo(word) >>> 12;
		}
		return table * 512 + Math.floor(gfn / 512 ** (level - 1)) % 512;
	}

	/** Maps a guest frame, to a new frame unless told which; returns that. */
	gpa_map(gfn: number, flags?: number, to?: number): number {
		const pfn = to ?? this.frames.get(gfn) ?? this.new_frame();
		this.frames.set(gfn, pfn);
		mem_write64(this.nested_entry(gfn), (pfn << 12) |
			(flags ?? (this.vendor === INTEL ? this.ept_flags : P | W | U)), 0);
		return pfn;
	}

	gpa_unmap(gfn: number): void {
		mem_write64(this.nested_entry(gfn), 0, 0);
	}

	/** Frame of a guest frame that is mapped. */
	frame(gpa: number): number {
		return this.frames.get(Math.floor(gpa / 4096))!;
	}

	bytes(gpa: number): Uint8Array {
		return frame_bytes(this.frame(gpa) as pfn_nr).subarray(gpa & 0xfff);
	}

	put64(gpa: number, x: bigint): void {
		const b = this.bytes(gpa);
		new DataView(b.buffer, b.byteOffset).setBigUint64(0, x, true);
	}

	get64(gpa: number): bigint {
		const b = this.bytes(gpa);
		return new DataView(b.buffer, b.byteOffset).getBigUint64(0, true);
	}

	/** Word (of the machine's memory) of the guest's page table entry for @gva. */
	guest_entry(gva: number, level = 1, rights = P | W | U): number {
		let gfn = PGD_GFN;
		for (let l = 4; l > level; l--) {
			const word = this.frames.get(gfn)! * 512 +
				((Math.floor(gva / 2 ** (12 + 9 * (l - 1))) % 512) + 512) % 512;
			if (mem_lo(word) === 0) {
				this.gpa_map(this.next_gfn);
				mem_write64(word, (this.next_gfn++ << 12) | rights, 0);
			}
			gfn = mem_lo(word) >>> 12;
		}
		return this.frames.get(gfn)! * 512 +
			((Math.floor(gva / 2 ** (12 + 9 * (level - 1))) % 512) + 512) % 512;
	}

	/** Maps @gva to @gpa in the guest's tables. */
	gva_map(gva: number, gpa: number, flags = P | W, hi = 0, level = 1): number {
		const word = this.guest_entry(gva, level);
		mem_write64(word, (gpa - (gpa & 0xfff)) | flags, hi);
		return word;
	}

	/** Guest memory at @gpa, seen there too. */
	identity(gpa: number, flags = P | W): number {
		const pfn = this.gpa_map(Math.floor(gpa / 4096));
		this.gva_map(gpa, gpa, flags);
		return pfn;
	}

	/** Sets an interrupt gate to a program. */
	gate(vector: number, fn: guest_fn, ist = 0, dpl = 0): void {
		const at = IDT_GPA + vector * 16, rip = BigInt(guest_text_alloc(fn));
		this.put64(at, (rip & 0xffffn) | (BigInt(KERNEL_CS) << 16n) | (BigInt(ist) << 32n) |
			(BigInt(0x8e | (dpl << 5)) << 40n) | ((rip >> 16n & 0xffffn) << 48n));
		this.put64(at + 8, rip >> 32n);
	}

	setup_vmx(): void {
		for (const cpu of cpus) {
			set_this_cpu(cpu);
			const region = this.new_frame();
			frame_put32(region, 0, VMCS_REVISION_ID);
			vmxon(region);
		}
		set_this_cpu(cpus[0]!);
		frame_put32(this.vmc, 0, VMCS_REVISION_ID);
		vmclear(this.vmc);
		vmptrld(this.vmc);
		vmwriten(v.PIN_BASED_VM_EXEC_CONTROL, 0x16 | v.PIN_BASED_EXT_INTR_MASK |
			v.PIN_BASED_NMI_EXITING | v.PIN_BASED_VIRTUAL_NMIS);
		vmwriten(v.CPU_BASED_VM_EXEC_CONTROL, (VMX_PROCBASED_MUST |
			v.CPU_BASED_HLT_EXITING | v.CPU_BASED_UNCOND_IO_EXITING |
			v.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) >>> 0);
		vmwriten(v.SECONDARY_VM_EXEC_CONTROL, v.SECONDARY_EXEC_ENABLE_EPT |
			v.SECONDARY_EXEC_ENABLE_VPID | v.SECONDARY_EXEC_UNRESTRICTED_GUEST);
		vmwriten(v.VM_EXIT_CONTROLS, VMX_EXIT_MUST | v.VM_EXIT_HOST_ADDR_SPACE_SIZE |
			v.VM_EXIT_ACK_INTR_ON_EXIT | v.VM_EXIT_SAVE_IA32_EFER);
		vmwriten(v.VM_ENTRY_CONTROLS, VMX_ENTRY_MUST | v.VM_ENTRY_IA32E_MODE |
			v.VM_ENTRY_LOAD_IA32_EFER);
		vmwriten(v.VIRTUAL_PROCESSOR_ID, 1);
		vmwriten(v.EPT_POINTER, this.root * 4096 + 0x1e);
		vmwrite64(v.VMCS_LINK_POINTER, 0xffffffffffffffffn);
		vmwriten(v.GUEST_CR0, 0x80050033);
		vmwriten(v.GUEST_CR3, PGD_GFN * 4096);
		vmwriten(v.GUEST_CR4, 0x2620);
		vmwriten(v.GUEST_IA32_EFER, 0xd01);
		vmwriten(v.GUEST_RFLAGS, 2);
		vmwriten(v.GUEST_RSP, STACK_TOP);
		this.vmx_segments(0);
		vmwriten(v.GUEST_GDTR_BASE, GDT_GPA);
		vmwriten(v.GUEST_GDTR_LIMIT, 0x2f);
		vmwriten(v.GUEST_IDTR_BASE, IDT_GPA);
		vmwriten(v.GUEST_IDTR_LIMIT, 0xfff);
		vmwriten(v.GUEST_TR_SELECTOR, TSS);
		vmwriten(v.GUEST_TR_BASE, TSS_GPA);
		vmwriten(v.GUEST_TR_LIMIT, 0x67);
		vmwriten(v.GUEST_TR_AR_BYTES, 0x8b);
	}

	vmx_segments(cpl: number): void {
		vmwriten(v.GUEST_CS_SELECTOR, cpl === 0 ? KERNEL_CS : USER_CS);
		vmwriten(v.GUEST_CS_AR_BYTES, 0xa09b | (cpl << 5));
		vmwriten(v.GUEST_CS_LIMIT, 0xffffffff);
		vmwriten(v.GUEST_SS_SELECTOR, cpl === 0 ? KERNEL_DS : USER_DS);
		vmwriten(v.GUEST_SS_AR_BYTES, 0xc093 | (cpl << 5));
		vmwriten(v.GUEST_SS_LIMIT, 0xffffffff);
	}

	vmcb(): s.vmcb {
		return s.struct_vmcb.of(frame_bytes(this.vmc as pfn_nr));
	}

	setup_svm(): void {
		const { control, save } = this.vmcb();
		this.intercept(s.INTERCEPT_VMRUN);
		this.intercept(s.INTERCEPT_INTR);
		this.intercept(s.INTERCEPT_HLT);
		this.intercept(s.INTERCEPT_CPUID);
		this.intercept(s.INTERCEPT_VMMCALL);
		this.intercept(s.INTERCEPT_SHUTDOWN);
		this.intercept(s.INTERCEPT_IOIO_PROT);
		this.intercept(s.INTERCEPT_MSR_PROT);
		/* three pages of ports, two of MSRs, all ones */
		const maps = this.next_frame;
		for (let i = 0; i < 5; i++)
			frame_bytes(this.new_frame() as pfn_nr).fill(0xff);
		control.iopm_base_pa = BigInt(maps * 4096);
		control.msrpm_base_pa = BigInt((maps + 3) * 4096);
		control.asid = 1;
		control.nested_ctl = BigInt(s.SVM_NESTED_CTL_NP_ENABLE);
		control.nested_cr3 = BigInt(this.root * 4096);
		save.cr0 = 0x80050033n;
		save.cr3 = BigInt(PGD_GFN * 4096);
		save.cr4 = 0x620n;
		save.efer = 0x1d01n;
		save.rflags = 2n;
		save.rsp = BigInt(STACK_TOP);
		this.svm_segments(0);
		Object.assign(save.gdtr, { base: BigInt(GDT_GPA), limit: 0x2f });
		Object.assign(save.idtr, { base: BigInt(IDT_GPA), limit: 0xfff });
		Object.assign(save.tr, { selector: TSS, attrib: 0x8b, limit: 0x67,
			base: BigInt(TSS_GPA) });
	}

	svm_segments(cpl: number): void {
		const { save } = this.vmcb();
		save.cpl = cpl;
		Object.assign(save.cs, { selector: cpl === 0 ? KERNEL_CS : USER_CS,
			attrib: 0xa9b | (cpl << 5), limit: 0xffffffff });
		Object.assign(save.ss, { selector: cpl === 0 ? KERNEL_DS : USER_DS,
			attrib: 0xc93 | (cpl << 5), limit: 0xffffffff });
	}

	intercept(bit: number, on = true): void {
		const { intercepts } = this.vmcb().control;
		intercepts[bit >> 5] = on ? (intercepts[bit >> 5]! | (1 << (bit & 31))) >>> 0 :
			(intercepts[bit >> 5]! & ~(1 << (bit & 31))) >>> 0;
	}

	/* What tests change, for either vendor. */

	set_cpl(cpl: number): void {
		if (this.vendor === INTEL)
			this.vmx_segments(cpl);
		else
			this.svm_segments(cpl);
	}

	set(name: "rip" | "rsp" | "rflags" | "cr0" | "cr3" | "cr4", x: number): void {
		if (this.vendor === AMD)
			this.vmcb().save[name] = BigInt.asUintN(64, BigInt(x));
		else
			vmwriten(v[`GUEST_${name.toUpperCase()}` as "GUEST_RIP"],
				name === "cr4" ? x | 0x2000 : x);
	}

	get(name: "rip" | "rsp" | "rflags" | "cr0" | "cr3" | "cr4"): number {
		if (this.vendor === AMD)
			return Number(BigInt.asIntN(64, this.vmcb().save[name]));
		return Number(BigInt.asIntN(64,
			vmread64(v[`GUEST_${name.toUpperCase()}` as "GUEST_RIP"])));
	}

	exec(bits: number, on = true): void {
		const x = vmreadn(v.CPU_BASED_VM_EXEC_CONTROL);
		vmwriten(v.CPU_BASED_VM_EXEC_CONTROL, (on ? x | bits : x & ~bits) >>> 0);
	}

	/** Exceptions go to the kernel. */
	exceptions(mask: number): void {
		if (this.vendor === INTEL)
			vmwriten(v.EXCEPTION_BITMAP, mask);
		else
			this.vmcb().control.intercepts[s.INTERCEPT_EXCEPTION] = mask;
	}

	/** MSRs are the guest's own. */
	msrs_pass(): void {
		if (this.vendor === INTEL) {
			vmwriten(v.MSR_BITMAP, this.new_frame() * 4096);
			this.exec(v.CPU_BASED_USE_MSR_BITMAPS);
			return;
		}
		this.intercept(s.INTERCEPT_MSR_PROT, false);
		vmload(this.vmc);
	}

	inject(info: number, error = 0): void {
		if (this.vendor === INTEL) {
			vmwriten(v.VM_ENTRY_INTR_INFO_FIELD, info);
			vmwriten(v.VM_ENTRY_EXCEPTION_ERROR_CODE, error);
			return;
		}
		this.vmcb().control.event_inj = info;
		this.vmcb().control.event_inj_err = error;
	}

	/** RAX, wherever it is while the guest is out. */
	get rax(): bigint {
		return this.vendor === INTEL ? this.regs[0]! : this.vmcb().save.rax;
	}

	set rax(x: bigint) {
		if (this.vendor === INTEL)
			this.regs[0] = x;
		else
			this.vmcb().save.rax = x;
	}

	/** INVEPT, or a flush of the ASID at the next entry. */
	flush(): void {
		if (this.vendor === INTEL)
			invept(v.VMX_EPT_EXTENT_CONTEXT, this.root * 4096 + 0x1e);
		else
			this.vmcb().control.tlb_ctl = s.TLB_CONTROL_FLUSH_ASID;
	}

	start(fn: guest_fn): void {
		this.set("rip", guest_text_alloc(fn));
	}

	enter(): void {
		if (this.vendor === AMD) {
			svm_enter(this.guest, this.regs, this.vmc);
			this.vmcb().control.tlb_ctl = 0;
			return;
		}
		const error = vmx_enter(this.guest, this.regs, this.launched);
		if (error !== 0)
			throw new Error(`VM entry failed: ${error}`);
		this.launched ||= this.guest.in_guest;
	}

	/** Runs to the next exit. */
	run(steps = 1000000): vm_exit {
		this.enter();
		if (!guest_run(this.guest, steps))
			throw new Error("the guest does not exit");
		return this.exit();
	}

	exit(): vm_exit {
		const rip = this.get("rip");
		if (this.vendor === AMD) {
			const { control } = this.vmcb();
			return { code: control.exit_code, qual: control.exit_info_1,
				gpa: Number(control.exit_info_2), rip,
				next: Number(control.next_rip), vectoring: control.exit_int_info };
		}
		const len = vmreadn(v.VM_EXIT_INSTRUCTION_LEN);
		return { code: vmreadn(v.VM_EXIT_REASON), qual: vmread64(v.EXIT_QUALIFICATION),
			gpa: vmreadn(v.GUEST_PHYSICAL_ADDRESS), rip,
			next: len === 0 ? 0 : rip + len,
			vectoring: vmreadn(v.IDT_VECTORING_INFO_FIELD) };
	}

	/** Past the instruction that exited. */
	skip(e: vm_exit): void {
		this.set("rip", e.next);
	}

	is(e: vm_exit, reason: number, code: number): boolean {
		return e.code === (this.vendor === INTEL ? reason : code);
	}
}

/** Bits of an entry, low and high half. */
export function entry(word: number): [number, number] {
	return [mem_lo(word), mem_hi(word)];
}
