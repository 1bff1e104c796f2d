// SPDX-License-Identifier: GPL-2.0
/*
 * What the module knows: of itself, of TDs and of their virtual CPUs.
 *
 * Port-only. TDR, TDCS and TDVPS are objects here; their pages in memory carry KeyID, owner bits
 * and perhaps poison, and are looked at (access.ts) whenever a leaf uses what they stand for. Only
 * secure EPT and the TD VMCS have their contents in their pages.
 *
 *	TDR	pages of the root, under the global KeyID: key, life cycle, count of pages
 *	TDCS	TDCX pages, under the TD's key: controls, measurements, TLB tracking, EPT root
 *	TDVPS	TDVPR and TDVPX pages: a virtual CPU
 */
import { SYSINIT_PENDING, TD_HKID_ASSIGNED, VCPU_UNINITIALIZED, OP_STATE_UNINITIALIZED } from
	"./defs.ts";
import { seam_regs } from "./regs.ts";
import type { sha384 } from "./sha384.ts";
import { struct_guest_cpu } from "../guest_types.ts";

export interface tdx_range {
	readonly base: number;
	readonly size: number;
}

/** A TD memory region, as TDH.SYS.CONFIG was told. */
export class struct_tdmr {
	base = 0;
	size = 0;
	/** By level: the arrays of PAMT entries of 4 KiB, 2 MiB and 1 GiB pages. */
	readonly pamt: { base: number; size: number }[] = [];
	reserved: tdx_range[] = [];
	/** TDH.SYS.TDMR.INIT has come so far. */
	next = 0;
}

/** Exit information that #VE hands to the guest. */
export class struct_ve_info {
	valid = false;
	exit_reason = 0;
	exit_qualification = 0;
	/** a linear address, signed */
	gla = 0;
	gpa = 0;
	instruction_length = 0;
	instruction_info = 0;
}

export class struct_tdcs {
	op_state = OP_STATE_UNINITIALIZED;
	attributes = 0n;
	debug = false;
	sept_ve_disable = false;
	xfam = 0n;
	max_vcpus = 0;
	num_vcpus = 0;
	num_assoc_vcpus = 0;
	/** 48 or 52: guest physical addresses have so many bits, the top one is SHARED. */
	gpaw = 48;
	/** Levels of secure EPT, and the frame of its root: 4 or 5. */
	sept_levels = 4;
	sept_root = -1;
	eptp_controls = 0n;
	/** in 25 MHz */
	tsc_frequency = 0;
	tsc_offset = 0n;
	/** CPUID_VALUES: EAX, EBX, ECX, EDX of each configurable leaf. */
	cpuid = new Uint32Array(0);
	/* TLB tracking: entries since the last TDH.MEM.TRACK but one that have not exited yet */
	epoch = 1;
	readonly refcount = new Int32Array(2);
	/* measurements */
	mrtd_context: sha384 | null = null;
	mrtd: Uint8Array = new Uint8Array(48);
	mrconfigid: Uint8Array = new Uint8Array(48);
	mrowner: Uint8Array = new Uint8Array(48);
	mrownerconfig: Uint8Array = new Uint8Array(48);
	readonly rtmr: Uint8Array[] = [];
	readonly vcpus: struct_tdvps[] = [];
}

export class struct_tdr {
	/** Frame of the TDR page, which names the TD. */
	readonly pfn: number;
	readonly hkid: number;
	lifecycle = TD_HKID_ASSIGNED;
	fatal = false;
	/** Pages, of 4 KiB, that belong to it, but for this one. */
	chldcnt = 0;
	/** Packages that have the key, a bit each. */
	pkg_config = 0;
	/** Frames of TDCX pages. */
	readonly tdcx: number[] = [];
	tdcs = new struct_tdcs();
	constructor(pfn: number, hkid: number) {
		this.pfn = pfn;
		this.hkid = hkid;
	}
}

export class struct_tdvps {
	/** Frame of the TDVPR page, which names the VCPU. */
	readonly pfn: number;
	readonly tdr: struct_tdr;
	readonly tdvpx: number[] = [];
	state = VCPU_UNINITIALIZED;
	index = -1;
	/** CPU that may have its state cached, -1 for none; and the last one that had. */
	lp = -1;
	last_lp = -1;
	/** Epoch of the entry whose translations may be in a TLB; 0: none. */
	epoch = 0;
	running = false;
	/** The host changed the TD VMCS: what entry does not load every time is loaded again. */
	vmcs_dirty = false;
	/** The last entry found a state that no processor can have. */
	bad_state = false;
	/** Time stamp of the last exit. */
	last_tsc = 0;
	/** The last exit was TDG.VP.VMCALL: registers to take over from the host, bit by bit. */
	vmcall_mask = 0;
	readonly ve = new struct_ve_info();
	/** #VE for every CPUID: bit 0 in supervisor mode, bit 1 in user mode. */
	cpuidve = 0;
	pend_nmi = false;
	/** Frame of the shared EPT's root, -1 while the host has set none; the field's value. */
	shared_root = -1;
	shared_eptp = 0n;
	/** The host may post interrupts; the vector it tells of them with, and its descriptor. */
	posted_intr = false;
	posted_intr_nv = 0;
	posted_intr_desc = 0n;
	/** Virtual APIC: task priority, interrupts that wait, and those in service. */
	vtpr = 0;
	readonly virr = new Uint32Array(8);
	readonly visr = new Uint32Array(8);
	/** Registers of the guest, and the processor that runs it; while it runs, the host's. */
	readonly regs = new BigUint64Array(17);
	readonly seam = new seam_regs(this.regs);
	host: seam_regs | null = null;
	/** MSRs that the module keeps for it. */
	readonly msrs = new Map<number, bigint>();
	readonly guest = new struct_guest_cpu();
	constructor(pfn: number, tdr: struct_tdr) {
		this.pfn = pfn;
		this.tdr = tdr;
	}
}

/** How the machine's TDX is built. */
export interface tdx_config {
	/** Sockets, each with its own memory controller and keys; CPUs are dealt out in runs. */
	readonly packages: number;
	/** Firmware has set a range aside for the module ... */
	readonly seamrr: boolean;
	/** ... and loaded it. */
	readonly loaded: boolean;
}

/** What the module meets outside itself: a source of entropy, interrupts. */
export class tdx_environment {
	/** So many requests for a random number fail. */
	no_entropy = 0;
	/** So many PCONFIGs find that the key they generated is bad. */
	bad_keys = 0;
	/** After so many interruptible steps an interrupt is pending, once. Negative: none. */
	interrupt_after = -1;
}

/** True if an interrupt is pending: a leaf that takes long should let the host take it. */
export function interrupt_pending(env: tdx_environment): boolean {
	if (env.interrupt_after < 0)
		return false;
	return env.interrupt_after-- === 0;
}

export class tdx_module {
	readonly config: tdx_config;
	state = SYSINIT_PENDING;
	/** An unbreakable shutdown in SEAM mode: no SEAMCALL until reset. */
	disabled = false;
	/** By CPU: TDH.SYS.LP.INIT done; TDH.SYS.LP.SHUTDOWN done. */
	readonly lp_init: boolean[] = [];
	readonly lp_shutdown: boolean[] = [];
	/** By CPU: the TD VCPU it runs. */
	readonly lp_vcpu: (struct_tdvps | null)[] = [];
	cmrs: tdx_range[] = [];
	readonly tdmrs: struct_tdmr[] = [];
	global_hkid = 0;
	/** Packages that have the global key, a bit each. */
	pkg_config = 0;
	/** By frame of the page. */
	readonly tdrs = new Map<number, struct_tdr>();
	readonly tdvpss = new Map<number, struct_tdvps>();
	readonly env = new tdx_environment();
	/** What reports are authenticated with. */
	readonly report_key = new Uint8Array(48);
	constructor(config: tdx_config) {
		this.config = config;
	}
}

export let tdx = new tdx_module({ packages: 1, seamrr: false, loaded: false });

/** Reset of the platform, as far as the module goes. */
export function module_reset(config: tdx_config): void {
	tdx = new tdx_module(config);
}
