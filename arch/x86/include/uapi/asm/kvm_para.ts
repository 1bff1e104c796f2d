// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What a guest knows of KVM on x86: CPUID leaves, MSRs, memory shared with the host.
 *
 * Upstream: arch/x86/include/uapi/asm/kvm_para.h.
 */
import { __array, __bytes, __s64, __struct, __u32, __u64, __u8, type struct_view } from
	"#asm-generic/struct.ts";

/* CPUID leaf that names the hypervisor, in ebx, ecx and edx */
export const KVM_CPUID_SIGNATURE	= 0x40000000;
export const KVM_SIGNATURE		= "KVMKVMKVM\0\0\0";

/* CPUID leaf of features, bit numbers in eax; hints are in edx */
export const KVM_CPUID_FEATURES			= 0x40000001;
export const KVM_FEATURE_CLOCKSOURCE		= 0;
export const KVM_FEATURE_NOP_IO_DELAY		= 1;
export const KVM_FEATURE_MMU_OP			= 2;
export const KVM_FEATURE_CLOCKSOURCE2		= 3;
export const KVM_FEATURE_ASYNC_PF		= 4;
export const KVM_FEATURE_STEAL_TIME		= 5;
export const KVM_FEATURE_PV_EOI			= 6;
export const KVM_FEATURE_PV_UNHALT		= 7;
export const KVM_FEATURE_PV_TLB_FLUSH		= 9;
export const KVM_FEATURE_ASYNC_PF_VMEXIT	= 10;
export const KVM_FEATURE_PV_SEND_IPI		= 11;
export const KVM_FEATURE_POLL_CONTROL		= 12;
export const KVM_FEATURE_PV_SCHED_YIELD		= 13;
export const KVM_FEATURE_ASYNC_PF_INT		= 14;
export const KVM_FEATURE_MSI_EXT_DEST_ID	= 15;
export const KVM_FEATURE_HC_MAP_GPA_RANGE	= 16;
export const KVM_FEATURE_MIGRATION_CONTROL	= 17;

/* a bit of edx */
export const KVM_HINTS_REALTIME	= 0;

export const KVM_FEATURE_CLOCKSOURCE_STABLE_BIT	= 24;

/* MSRs; the first two are the older place of the clocks */
export const MSR_KVM_WALL_CLOCK		= 0x11;
export const MSR_KVM_SYSTEM_TIME	= 0x12;

export const KVM_MSR_ENABLED		= 1;
export const MSR_KVM_WALL_CLOCK_NEW	= 0x4b564d00;
export const MSR_KVM_SYSTEM_TIME_NEW	= 0x4b564d01;
export const MSR_KVM_ASYNC_PF_EN	= 0x4b564d02;
export const MSR_KVM_STEAL_TIME		= 0x4b564d03;
export const MSR_KVM_PV_EOI_EN		= 0x4b564d04;
export const MSR_KVM_POLL_CONTROL	= 0x4b564d05;
export const MSR_KVM_ASYNC_PF_INT	= 0x4b564d06;
export const MSR_KVM_ASYNC_PF_ACK	= 0x4b564d07;
export const MSR_KVM_MIGRATION_CONTROL	= 0x4b564d08;

export const struct_kvm_steal_time = __struct({
	steal:		__u64,
	version:	__u32,
	flags:		__u32,
	preempted:	__u8,
	u8_pad:		__bytes(3),
	pad:		__array(__u32, 11),
});
export type struct_kvm_steal_time = struct_view<typeof struct_kvm_steal_time>;

/* kvm_steal_time.preempted */
export const KVM_VCPU_PREEMPTED	= 1 << 0;
export const KVM_VCPU_FLUSH_TLB	= 1 << 1;

export const KVM_CLOCK_PAIRING_WALLCLOCK	= 0;

export const struct_kvm_clock_pairing = __struct({
	sec:	__s64,
	nsec:	__s64,
	tsc:	__u64,
	flags:	__u32,
	pad:	__array(__u32, 9),
});
export type struct_kvm_clock_pairing = struct_view<typeof struct_kvm_clock_pairing>;

export const KVM_STEAL_ALIGNMENT_BITS	= 5;
export const KVM_STEAL_VALID_BITS	= 0xffffffffffffffc0n;
export const KVM_STEAL_RESERVED_MASK	= ((1 << KVM_STEAL_ALIGNMENT_BITS) - 1) << 1;

export const KVM_MAX_MMU_OP_BATCH	= 32;

/* MSR_KVM_ASYNC_PF_EN, below the address */
export const KVM_ASYNC_PF_ENABLED		= 1 << 0;
export const KVM_ASYNC_PF_SEND_ALWAYS		= 1 << 1;
export const KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT	= 1 << 2;
export const KVM_ASYNC_PF_DELIVERY_AS_INT	= 1 << 3;

/* MSR_KVM_ASYNC_PF_INT */
export const KVM_ASYNC_PF_VEC_MASK	= 0xff;

/* MSR_KVM_MIGRATION_CONTROL */
export const KVM_MIGRATION_READY	= 1 << 0;

/* third argument of KVM_HC_MAP_GPA_RANGE */
export const KVM_MAP_GPA_RANGE_PAGE_SZ_4K	= 0;
export const KVM_MAP_GPA_RANGE_PAGE_SZ_2M	= 1 << 0;
export const KVM_MAP_GPA_RANGE_PAGE_SZ_1G	= 1 << 1;
export const KVM_MAP_GPA_RANGE_ENC_STAT = (n: number): number => n << 4;
export const KVM_MAP_GPA_RANGE_ENCRYPTED	= KVM_MAP_GPA_RANGE_ENC_STAT(1);
export const KVM_MAP_GPA_RANGE_DECRYPTED	= KVM_MAP_GPA_RANGE_ENC_STAT(0);
/* KVM_PRIVATE_MEM_TESTING_BITMAP: accesses become private, or shared, and userspace is not told */
export const KVM_MARK_GPA_RANGE_ENC_ACCESS	= 1 << 8;
export const KVM_CLR_GPA_RANGE_ENC_ACCESS	= 1 << 9;

/* KVM_HC_MMU_OP, long gone, and what it took */
export const KVM_MMU_OP_WRITE_PTE	= 1;
export const KVM_MMU_OP_FLUSH_TLB	= 2;
export const KVM_MMU_OP_RELEASE_PT	= 3;

export const struct_kvm_mmu_op_header = __struct({
	op:	__u32,
	pad:	__u32,
});
export type struct_kvm_mmu_op_header = struct_view<typeof struct_kvm_mmu_op_header>;

export const struct_kvm_mmu_op_write_pte = __struct({
	header:		struct_kvm_mmu_op_header,
	pte_phys:	__u64,
	pte_val:	__u64,
});
export type struct_kvm_mmu_op_write_pte = struct_view<typeof struct_kvm_mmu_op_write_pte>;

export const struct_kvm_mmu_op_flush_tlb = __struct({
	header:	struct_kvm_mmu_op_header,
});
export type struct_kvm_mmu_op_flush_tlb = struct_view<typeof struct_kvm_mmu_op_flush_tlb>;

export const struct_kvm_mmu_op_release_pt = __struct({
	header:		struct_kvm_mmu_op_header,
	pt_phys:	__u64,
});
export type struct_kvm_mmu_op_release_pt = struct_view<typeof struct_kvm_mmu_op_release_pt>;

/* kvm_vcpu_pv_apf_data.flags */
export const KVM_PV_REASON_PAGE_NOT_PRESENT	= 1;
export const KVM_PV_REASON_PAGE_READY		= 2;

export const struct_kvm_vcpu_pv_apf_data = __struct({
	flags:		__u32,
	token:		__u32,
	pad:		__bytes(56),
	enabled:	__u32,
});
export type struct_kvm_vcpu_pv_apf_data = struct_view<typeof struct_kvm_vcpu_pv_apf_data>;

export const KVM_PV_EOI_BIT		= 0;
export const KVM_PV_EOI_MASK		= 0x1 << KVM_PV_EOI_BIT;
export const KVM_PV_EOI_ENABLED		= KVM_PV_EOI_MASK;
export const KVM_PV_EOI_DISABLED	= 0x0;
