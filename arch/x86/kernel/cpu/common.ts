// SPDX-License-Identifier: GPL-2.0
/*
 * What CPU the kernel runs on.
 *
 * Upstream: arch/x86/kernel/cpu/common.c, feat_ctl.c; what amd.c and intel.c add to the features of
 * leaves. Left out: microcode, mitigations (the model has none of the bugs), caches, topology,
 * options that clear features.
 */
import { NBUGINTS, NCAPINTS, X86_FEATURE_CONSTANT_TSC, X86_FEATURE_LFENCE_RDTSC,
	X86_FEATURE_MSR_IA32_FEAT_CTL, X86_FEATURE_VMX, X86_FEATURE_XMM2 } from
	"#asm/cpufeatures.ts";
import { CPUID_1_ECX, CPUID_1_EDX, CPUID_6_EAX, CPUID_7_0_EBX, CPUID_7_1_EAX, CPUID_7_ECX,
	CPUID_7_EDX, CPUID_8000_0001_ECX, CPUID_8000_0001_EDX, CPUID_8000_0007_EBX,
	CPUID_8000_0008_EBX, CPUID_8000_000A_EDX, CPUID_8000_001F_EAX, CPUID_D_1_EAX,
	set_cpu_cap } from "#asm/cpufeature.ts";
import { x86_family, x86_model, x86_stepping } from "#asm/cpu.ts";
import { cpuid, cpuid_count, cpuid_eax, cpuid_edx } from "#asm/cpuid.ts";
import { pr_err } from "#linux/printk.ts";
import { init_intel } from "#arch/x86/kernel/cpu/cpu.h.ts";
import { X86_VENDOR_AMD, X86_VENDOR_INTEL, cpu_vendor } from "#hw/cpu.ts";

export class struct_cpuinfo_x86 {
	x86 = 0;		/* family */
	x86_vendor = 0;
	x86_model = 0;
	x86_stepping = 0;
	x86_virt_bits = 0;
	x86_phys_bits = 0;
	x86_cache_bits = 0;
	extended_cpuid_level = 0;
	cpuid_level = -1;
	x86_capability = new Uint32Array(NCAPINTS + NBUGINTS);
	x86_vendor_id = "";
	x86_power = 0;
}

export let boot_cpu_data = new struct_cpuinfo_x86();

const str = (...regs: number[]): string =>
	regs.map((r) => String.fromCharCode(r & 0xff, r >> 8 & 0xff, r >> 16 & 0xff, r >>> 24))
		.join("");

/** arch/x86/kernel/cpu/common.c:get_cpu_vendor() */
function get_cpu_vendor(c: struct_cpuinfo_x86): void {
	const v = c.x86_vendor_id;

	if (v === "GenuineIntel") {
		c.x86_vendor = X86_VENDOR_INTEL;
		return;
	}
	if (v === "AuthenticAMD") {
		c.x86_vendor = X86_VENDOR_AMD;
		return;
	}

	pr_err("CPU: vendor_id '%s' unknown, using generic init.\n" +
		"CPU: Your system may be unstable.\n", v);
	c.x86_vendor = cpu_vendor;
}

/** arch/x86/kernel/cpu/common.c:cpu_detect() */
export function cpu_detect(c: struct_cpuinfo_x86): void {
	const leaf0 = cpuid(0x00000000);

	c.cpuid_level = leaf0.eax;
	c.x86_vendor_id = str(leaf0.ebx, leaf0.edx, leaf0.ecx);

	c.x86 = 4;
	if (c.cpuid_level >= 0x00000001) {
		const tfms = cpuid_eax(0x00000001);

		c.x86 = x86_family(tfms);
		c.x86_model = x86_model(tfms);
		c.x86_stepping = x86_stepping(tfms);
	}
}

/** arch/x86/kernel/cpu/common.c:get_cpu_cap() */
export function get_cpu_cap(c: struct_cpuinfo_x86): void {
	if (c.cpuid_level >= 0x00000001) {
		const { ecx, edx } = cpuid(0x00000001);

		c.x86_capability[CPUID_1_ECX] = ecx;
		c.x86_capability[CPUID_1_EDX] = edx;
	}

	if (c.cpuid_level >= 0x00000006)
		c.x86_capability[CPUID_6_EAX] = cpuid_eax(0x00000006);

	if (c.cpuid_level >= 0x00000007) {
		const { eax, ebx, ecx, edx } = cpuid_count(0x00000007, 0);

		c.x86_capability[CPUID_7_0_EBX] = ebx;
		c.x86_capability[CPUID_7_ECX] = ecx;
		c.x86_capability[CPUID_7_EDX] = edx;

		if (eax >= 1)
			c.x86_capability[CPUID_7_1_EAX] = cpuid_count(0x00000007, 1).eax;
	}

	if (c.cpuid_level >= 0x0000000d)
		c.x86_capability[CPUID_D_1_EAX] = cpuid_count(0x0000000d, 1).eax;

	c.extended_cpuid_level = cpuid_eax(0x80000000);

	if (c.extended_cpuid_level >= 0x80000001) {
		const { ecx, edx } = cpuid(0x80000001);

		c.x86_capability[CPUID_8000_0001_ECX] = ecx;
		c.x86_capability[CPUID_8000_0001_EDX] = edx;
	}

	if (c.extended_cpuid_level >= 0x80000007) {
		const { ebx, edx } = cpuid(0x80000007);

		c.x86_capability[CPUID_8000_0007_EBX] = ebx;
		c.x86_power = edx;
	}

	if (c.extended_cpuid_level >= 0x80000008)
		c.x86_capability[CPUID_8000_0008_EBX] = cpuid(0x80000008).ebx;

	if (c.extended_cpuid_level >= 0x8000000a)
		c.x86_capability[CPUID_8000_000A_EDX] = cpuid_edx(0x8000000a);

	if (c.extended_cpuid_level >= 0x8000001f)
		c.x86_capability[CPUID_8000_001F_EAX] = cpuid_eax(0x8000001f);
}

/** arch/x86/kernel/cpu/common.c:get_cpu_address_sizes() */
export function get_cpu_address_sizes(c: struct_cpuinfo_x86): void {
	if (c.extended_cpuid_level >= 0x80000008) {
		const { eax } = cpuid(0x80000008);

		c.x86_virt_bits = (eax >> 8) & 0xff;
		c.x86_phys_bits = eax & 0xff;
	}
	c.x86_cache_bits = c.x86_phys_bits;
}

/** arch/x86/kernel/cpu/common.c:early_identify_cpu() */
function early_identify_cpu(c: struct_cpuinfo_x86): void {
	c.x86_capability.fill(0);
	c.extended_cpuid_level = 0;

	cpu_detect(c);
	get_cpu_vendor(c);
	get_cpu_cap(c);
	get_cpu_address_sizes(c);

	/* early_init_intel(), early_init_amd(): the TSC does not stop or change its pace */
	if (c.x86_power & (1 << 8))
		set_cpu_cap(c, X86_FEATURE_CONSTANT_TSC);
}

/** arch/x86/kernel/cpu/common.c:early_cpu_init() */
export function early_cpu_init(): void {
	boot_cpu_data = new struct_cpuinfo_x86();
	early_identify_cpu(boot_cpu_data);
}

/** arch/x86/kernel/cpu/common.c:identify_cpu(), the features that intel.c and amd.c add. */
export function identify_boot_cpu(): void {
	const c = boot_cpu_data;

	if (c.x86_capability[X86_FEATURE_XMM2 >> 5]! & 1 << (X86_FEATURE_XMM2 & 31))
		set_cpu_cap(c, X86_FEATURE_LFENCE_RDTSC);
	/* feat_ctl.c:init_ia32_feat_ctl(): firmware has locked the MSR with VMX enabled */
	if (c.x86_capability[X86_FEATURE_VMX >> 5]! & 1 << (X86_FEATURE_VMX & 31))
		set_cpu_cap(c, X86_FEATURE_MSR_IA32_FEAT_CTL);
	if (c.x86_vendor === X86_VENDOR_INTEL)
		init_intel(c);
}
