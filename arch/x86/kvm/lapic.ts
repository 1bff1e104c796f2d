// SPDX-License-Identifier: GPL-2.0
/*
 * Local APICs in the kernel: IDs, priorities, interrupts to be served, and IPIs between vCPUs.
 *
 * Upstream: arch/x86/kvm/lapic.c. Left out: the timer (its registers are kept, but it does not
 * count, so a guest that programs it gets no interrupt), posted interrupts, the I/O APIC's part of
 * destinations (dest_map) and of EOI, Hyper-V's virtual APIC.
 *
 * kvm->arch.apic_map_lock
 *   apic_map is replaced under it; read under RCU
 */
import { IS_ALIGNED, __fls } from "#asm-generic/bits.ts";
import { gpa_t, ref, u32 } from "#asm-generic/types.ts";
import { atomic_cmpxchg, atomic_dec, atomic_inc, atomic_read,
	atomic_read_acquire, atomic_set, atomic_set_release } from "#linux/atomic.ts";
import { hweight16, hweight32, ffs } from "#linux/bitops.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE, WARN_ONCE } from "#linux/bug.ts";
import { smp_load_acquire, smp_rmb, smp_wmb } from "#linux/compiler.ts";
import { EINVAL, ENOMEM, EOPNOTSUPP } from "#linux/errno.ts";
import { find_next_bit } from "#linux/find.ts";
import { GFP_KERNEL_ACCOUNT, __GFP_ZERO } from "#linux/gfp_types.ts";
import { __free_page, alloc_page } from "#linux/gfp.ts";
import { DEFINE_STATIC_KEY_FALSE, static_branch_dec, static_branch_inc,
	static_branch_unlikely } from "#linux/jump_label.ts";
import { KVM_BUG_ON, kvm_for_each_vcpu, kvm_gfn_to_hva_cache_init, kvm_make_request,
	kvm_read_guest_cached, kvm_vcpu_kick, kvm_write_guest_cached, type struct_kvm,
	type struct_kvm_io_device, type struct_kvm_io_device_ops, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { lockdep_is_held } from "#linux/lockdep.ts";
import { mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { KERN_ERR, KERN_INFO, printk } from "#linux/printk.ts";
import { call_rcu, rcu_assign_pointer, rcu_dereference, rcu_dereference_protected, rcu_read_lock,
	rcu_read_unlock, type struct_callback_head } from "#linux/rcupdate.ts";
import { container_of } from "#asm-generic/owner.ts";
import { kfree, kvfree, kzalloc } from "#linux/slab.ts";
import { APIC_ARBPRI, APIC_BASE_MSR, APIC_DEFAULT_PHYS_BASE, APIC_DEST_ALLBUT, APIC_DEST_ALLINC,
	APIC_DEST_PHYSICAL, APIC_DEST_SELF, APIC_DFR, APIC_DFR_CLUSTER, APIC_DFR_FLAT,
	APIC_DM_EXTINT, APIC_DM_FIXED, APIC_DM_INIT, APIC_DM_LOWEST, APIC_DM_NMI, APIC_DM_REMRD,
	APIC_DM_SMI, APIC_DM_STARTUP, APIC_EOI, APIC_ESR, APIC_ICR, APIC_ICR2, APIC_ICR_BUSY,
	APIC_ID, APIC_INPUT_POLARITY, APIC_INT_ASSERT, APIC_INT_LEVELTRIG, APIC_IRR, APIC_ISR,
	APIC_ISR_NR, APIC_LDR, APIC_LDR_MASK, APIC_LVR, APIC_LVR_DIRECTED_EOI, APIC_LVT0,
	APIC_LVT1, APIC_LVTCMCI, APIC_LVTERR, APIC_LVTPC, APIC_LVTT, APIC_LVTTHMR,
	APIC_LVT_LEVEL_TRIGGER, APIC_LVT_MASKED, APIC_LVT_REMOTE_IRR, APIC_LVT_TIMER_TSCDEADLINE,
	APIC_MODE_EXTINT, APIC_MODE_MASK, APIC_PROCPRI, APIC_SELF_IPI, APIC_SEND_PENDING,
	APIC_SPIV, APIC_SPIV_APIC_ENABLED, APIC_SPIV_DIRECTED_EOI, APIC_TASKPRI, APIC_TDCR,
	APIC_TMCCT, APIC_TMICT, APIC_TMR, APIC_VECTOR_MASK, GET_APIC_DELIVERY_MODE,
	GET_APIC_LOGICAL_ID, GET_XAPIC_DEST_FIELD, SET_APIC_DELIVERY_MODE, X2APIC_ENABLE } from
	"#asm/apicdef.ts";
import { X86_FEATURE_X2APIC } from "#asm/cpufeatures.ts";
import { APICV_INHIBIT_REASON_APIC_BASE_MODIFIED, APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
	KVM_APIC_CHECK_VAPIC, KVM_APIC_MODE_X2APIC, KVM_APIC_MODE_XAPIC_CLUSTER,
	KVM_APIC_MODE_XAPIC_FLAT, KVM_APIC_PV_EOI_PENDING, KVM_REQ_APF_READY, KVM_REQ_EVENT,
	KVM_REQ_IOAPIC_EOI_EXIT, KVM_REQ_REPORT_TPR_ACCESS, KVM_REQ_SMI } from
	"#asm/kvm_host.const.ts";
import { kvm_inject_nmi, kvm_make_scan_ioapic_request, kvm_set_apicv_inhibit, kvm_vcpu_is_bsp,
	kvm_vcpu_is_reset_bsp, kvm_vcpu_reset, kvm_vcpu_update_apicv, kvm_x86_ops,
	struct_kvm_apic_map, struct_kvm_lapic_irq } from "#asm/kvm_host.ts";
import { MCG_CMCI_P } from "#asm/mce.ts";
import { MSR_IA32_APICBASE_BASE, MSR_IA32_APICBASE_BSP, MSR_IA32_APICBASE_ENABLE } from
	"#asm/msr-index.ts";
import { page_bytes } from "#asm/page.ts";
import { KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_RUNNABLE } from "#uapi/linux/kvm.ts";
import { KVM_EINVAL } from "#uapi/linux/kvm_para.ts";
import { KVM_APIC_REG_SIZE, KVM_X86_QUIRK_LAPIC_MMIO_HOLE, KVM_X86_QUIRK_LINT0_REENABLED,
	type struct_kvm_lapic_state } from "#uapi-asm/kvm.ts";
import { KVM_MSR_ENABLED, KVM_PV_EOI_DISABLED, KVM_PV_EOI_ENABLED } from "#uapi-asm/kvm_para.ts";
import { guest_cpuid_has, kvm_update_cpuid_runtime } from "#arch/x86/kvm/cpuid.h.ts";
import { ioapic_in_kernel, irqchip_in_kernel, irqchip_split, kvm_irq_delivery_to_apic } from
	"#arch/x86/kvm/irq.h.ts";
import { kvm_rip_read } from "#arch/x86/kvm/kvm_cache_regs.h.ts";
import { APIC_BROADCAST, APIC_DEST_MASK, APIC_DEST_NOSHORT, APIC_SHORT_MASK, KVM_APIC_INIT,
	KVM_APIC_MAX_NR_LVT_ENTRIES, KVM_APIC_SIPI, LVT_CMCI, LVT_ERROR, LVT_LINT0, LVT_LINT1,
	LVT_PERFORMANCE_COUNTER, LVT_THERMAL_MONITOR, LVT_TIMER, X2APIC_BROADCAST } from
	"#arch/x86/kvm/lapic_const.h.ts";
import { APIC_LVTx, REG_POS, VEC_POS, apic_x2apic_mode, kvm_apic_hw_enabled, kvm_apic_present,
	kvm_apic_sw_enabled, kvm_lapic_clear_vector, kvm_lapic_get_reg, kvm_lapic_set_vector,
	kvm_lowest_prio_delivery, kvm_xapic_id, lapic_in_kernel, struct_kvm_lapic } from
	"#arch/x86/kvm/lapic.h.ts";
import { trace_kvm_apic_accept_irq, trace_kvm_apic_ipi, trace_kvm_apic_read, trace_kvm_apic_write,
	trace_kvm_eoi, trace_kvm_pv_eoi } from "#arch/x86/kvm/trace.h.ts";
import { kvm_check_has_quirk, kvm_vcpu_latch_init, kvm_vector_hashing_enabled } from
	"#arch/x86/kvm/x86.h.ts";

const APIC_VERSION		= 0x14;
const LAPIC_MMIO_LENGTH		= 1 << 12;
const MAX_APIC_VECTOR		= 256;
const APIC_VECTORS_PER_REG	= 32;

function kvm_lapic_set_reg(apic: struct_kvm_lapic, reg_off: number, val: number): void {
	apic.regs32[reg_off >> 2] = val;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_get_reg64(); of ICR only, in x2APIC mode. */
function kvm_lapic_get_reg64(apic: struct_kvm_lapic, reg: number): bigint {
	return BigInt(apic.regs32[reg >> 2]!) | BigInt(apic.regs32[(reg >> 2) + 1]!) << 32n;
}

function kvm_lapic_set_reg64(apic: struct_kvm_lapic, reg: number, val: bigint): void {
	apic.regs32[reg >> 2] = Number(val & 0xffffffffn);
	apic.regs32[(reg >> 2) + 1] = Number(val >> 32n & 0xffffffffn);
}

/** @base APIC_IRR, APIC_ISR or APIC_TMR */
function apic_test_vector(vec: number, apic: struct_kvm_lapic, base: number): boolean {
	return (apic.regs32[(base + REG_POS(vec)) >> 2]! & 1 << VEC_POS(vec)) !== 0;
}

/** arch/x86/kvm/lapic.c:kvm_apic_pending_eoi() */
export function kvm_apic_pending_eoi(vcpu: struct_kvm_vcpu, vector: number): boolean {
	const apic = vcpu.arch.apic!;

	return apic_test_vector(vector, apic, APIC_ISR) || apic_test_vector(vector, apic, APIC_IRR);
}

function __apic_test_and_set_vector(vec: number, apic: struct_kvm_lapic, base: number): boolean {
	const old = apic_test_vector(vec, apic, base);

	kvm_lapic_set_vector(vec, apic, base);
	return old;
}

function __apic_test_and_clear_vector(vec: number, apic: struct_kvm_lapic, base: number): boolean {
	const old = apic_test_vector(vec, apic, base);

	kvm_lapic_clear_vector(vec, apic, base);
	return old;
}

/* how many APICs are: so that most questions need not look at any */
export const apic_hw_disabled = DEFINE_STATIC_KEY_FALSE();
export const apic_sw_disabled = DEFINE_STATIC_KEY_FALSE();

function apic_enabled(apic: struct_kvm_lapic): boolean {
	return kvm_apic_sw_enabled(apic) && kvm_apic_hw_enabled(apic);
}

const LVT_MASK	= APIC_LVT_MASKED | APIC_SEND_PENDING | APIC_VECTOR_MASK;

const LINT_MASK	= LVT_MASK | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_REMOTE_IRR |
	APIC_LVT_LEVEL_TRIGGER;

function kvm_x2apic_id(apic: struct_kvm_lapic): number {
	return apic.vcpu.vcpu_id;
}

/** APICs that an interrupt may go to: those of @list from @first, one for each bit of @bitmap. */
class apic_dest {
	list: (struct_kvm_lapic | null)[] = [];
	first = 0;
	bitmap = 0;

	at(i: number): struct_kvm_lapic | null {
		return this.list[this.first + i] ?? null;
	}
}

/** arch/x86/kvm/lapic.c:kvm_apic_map_get_logical_dest(): false if it has to be searched for. */
function kvm_apic_map_get_logical_dest(map: struct_kvm_apic_map, dest_id: number,
	dst: apic_dest): boolean {
	switch (map.mode) {
	case KVM_APIC_MODE_X2APIC: {
		const offset = (dest_id >>> 16) * 16;
		const max_apic_id = map.max_apic_id;

		if (offset <= max_apic_id) {
			const cluster_size = Math.min(max_apic_id - offset + 1, 16);

			dst.list = map.phys_map;
			dst.first = offset;
			dst.bitmap = dest_id & (0xffff >> (16 - cluster_size));
		} else {
			dst.bitmap = 0;
		}

		return true;
	}
	case KVM_APIC_MODE_XAPIC_FLAT:
		dst.list = map.xapic_flat_map;
		dst.first = 0;
		dst.bitmap = dest_id & 0xff;
		return true;
	case KVM_APIC_MODE_XAPIC_CLUSTER:
		dst.list = map.xapic_cluster_map[(dest_id >> 4) & 0xf]!;
		dst.first = 0;
		dst.bitmap = dest_id & 0xf;
		return true;
	default:
		/* none, or several modes at once */
		return false;
	}
}

function kvm_apic_map_free(rcu: struct_callback_head): void {
	const map = container_of(rcu, struct_kvm_apic_map, "rcu");

	kvfree(map);
}

/* kvm.arch.apic_map_dirty: to DIRTY without a lock, between the others under apic_map_lock */
const CLEAN			= 0;
const UPDATE_IN_PROGRESS	= 1;
const DIRTY			= 2;

/** arch/x86/kvm/lapic.c:kvm_recalculate_apic_map() */
export function kvm_recalculate_apic_map(kvm: struct_kvm): void {
	let max_id = 255;	/* any xAPIC ID */

	/* before kvm.arch.apic_map is */
	if (atomic_read_acquire(kvm.arch.apic_map_dirty) === CLEAN)
		return;

	WARN_ONCE(!irqchip_in_kernel(kvm),
		"Dirty APIC map without an in-kernel local APIC");

	mutex_lock(kvm.arch.apic_map_lock);
	/* first this, then the map if it is clean, or what the APICs hold if it is not */
	if (atomic_cmpxchg(kvm.arch.apic_map_dirty, DIRTY, UPDATE_IN_PROGRESS) === CLEAN) {
		/* somebody else did it */
		mutex_unlock(kvm.arch.apic_map_lock);
		return;
	}

	for (const vcpu of kvm_for_each_vcpu(kvm))
		if (kvm_apic_present(vcpu))
			max_id = Math.max(max_id, kvm_x2apic_id(vcpu.arch.apic!));

	const new_ = kzalloc(struct_kvm_apic_map, GFP_KERNEL_ACCOUNT);

	out: {
		if (new_ === null)
			break out;

		new_.phys_map = new Array<struct_kvm_lapic | null>(max_id + 1).fill(null);
		new_.max_apic_id = max_id;

		for (const vcpu of kvm_for_each_vcpu(kvm)) {
			const apic = vcpu.arch.apic!;
			const cluster = new apic_dest();

			if (!kvm_apic_present(vcpu))
				continue;

			const xapic_id = kvm_xapic_id(apic);
			const x2apic_id = kvm_x2apic_id(apic);

			/* see kvm_apic_match_physical_addr() ... */
			if ((apic_x2apic_mode(apic) || x2apic_id > 0xff) &&
			    x2apic_id <= new_.max_apic_id)
				new_.phys_map[x2apic_id] = apic;
			/*
			 * ... whose rule gives an ID above 0xff no xAPIC ID, so its low bits
			 * must not hide the vCPU that has those
			 */
			if (!apic_x2apic_mode(apic) && new_.phys_map[xapic_id] === null)
				new_.phys_map[xapic_id] = apic;

			if (!kvm_apic_sw_enabled(apic))
				continue;

			let ldr = kvm_lapic_get_reg(apic, APIC_LDR);

			if (apic_x2apic_mode(apic)) {
				new_.mode |= KVM_APIC_MODE_X2APIC;
			} else if (ldr !== 0) {
				ldr = GET_APIC_LOGICAL_ID(ldr);
				if (kvm_lapic_get_reg(apic, APIC_DFR) === APIC_DFR_FLAT)
					new_.mode |= KVM_APIC_MODE_XAPIC_FLAT;
				else
					new_.mode |= KVM_APIC_MODE_XAPIC_CLUSTER;
			}

			if (!kvm_apic_map_get_logical_dest(new_, ldr, cluster))
				continue;

			if (cluster.bitmap !== 0)
				cluster.list[cluster.first + ffs(cluster.bitmap) - 1] = apic;
		}
	}
	const old = rcu_dereference_protected(kvm.arch.apic_map,
		lockdep_is_held(kvm.arch.apic_map_lock));
	kvm.arch.apic_map = rcu_assign_pointer(new_);
	/* after kvm.arch.apic_map was written; it stays dirty if another change has come in */
	atomic_cmpxchg(kvm.arch.apic_map_dirty, UPDATE_IN_PROGRESS, CLEAN);
	mutex_unlock(kvm.arch.apic_map_lock);

	if (old !== null)
		call_rcu(old.rcu, kvm_apic_map_free);

	kvm_make_scan_ioapic_request(kvm);
}

function apic_set_spiv(apic: struct_kvm_lapic, val: number): void {
	const enabled = (val & APIC_SPIV_APIC_ENABLED) !== 0;

	kvm_lapic_set_reg(apic, APIC_SPIV, val);

	if (enabled !== apic.sw_enabled) {
		apic.sw_enabled = enabled;
		if (enabled)
			static_branch_dec(apic_sw_disabled);
		else
			static_branch_inc(apic_sw_disabled);

		atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
	}

	/* pages may have become ready meanwhile */
	if (enabled)
		kvm_make_request(KVM_REQ_APF_READY, apic.vcpu);
}

function kvm_apic_set_xapic_id(apic: struct_kvm_lapic, id: number): void {
	kvm_lapic_set_reg(apic, APIC_ID, id << 24);
	atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
}

function kvm_apic_set_ldr(apic: struct_kvm_lapic, id: number): void {
	kvm_lapic_set_reg(apic, APIC_LDR, id);
	atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
}

function kvm_apic_set_dfr(apic: struct_kvm_lapic, val: number): void {
	kvm_lapic_set_reg(apic, APIC_DFR, val);
	atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
}

function kvm_apic_calc_x2apic_ldr(id: number): number {
	return u32(((id >>> 4) << 16) | (1 << (id & 0xf)));
}

function kvm_apic_set_x2apic_id(apic: struct_kvm_lapic, id: number): void {
	const ldr = kvm_apic_calc_x2apic_ldr(id);

	WARN_ON_ONCE(id !== apic.vcpu.vcpu_id);

	kvm_lapic_set_reg(apic, APIC_ID, id);
	kvm_lapic_set_reg(apic, APIC_LDR, ldr);
	atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
}

function apic_lvt_enabled(apic: struct_kvm_lapic, lvt_type: number): boolean {
	return (kvm_lapic_get_reg(apic, lvt_type) & APIC_LVT_MASKED) === 0;
}

function apic_lvtt_tscdeadline(apic: struct_kvm_lapic): boolean {
	return apic.lapic_timer.timer_mode === APIC_LVT_TIMER_TSCDEADLINE;
}

function apic_lvt_nmi_mode(lvt_val: number): boolean {
	return (lvt_val & (APIC_MODE_MASK | APIC_LVT_MASKED)) === APIC_DM_NMI;
}

function kvm_lapic_lvt_supported(apic: struct_kvm_lapic, lvt_index: number): boolean {
	return apic.nr_lvt_entries > lvt_index;
}

function kvm_apic_calc_nr_lvt_entries(vcpu: struct_kvm_vcpu): number {
	return KVM_APIC_MAX_NR_LVT_ENTRIES - ((vcpu.arch.mcg_cap & MCG_CMCI_P) === 0n ? 1 : 0);
}

/** arch/x86/kvm/lapic.c:kvm_apic_set_version() */
export function kvm_apic_set_version(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic!;
	let v = 0;

	if (!lapic_in_kernel(vcpu))
		return;

	v = APIC_VERSION | ((apic.nr_lvt_entries - 1) << 16);

	/*
	 * guests that stop EOI broadcasts need an I/O APIC with an EOI register; the kernel's has
	 * none
	 */
	if (guest_cpuid_has(vcpu, X86_FEATURE_X2APIC) && !ioapic_in_kernel(vcpu.kvm))
		v |= APIC_LVR_DIRECTED_EOI;
	kvm_lapic_set_reg(apic, APIC_LVR, v);
}

/** arch/x86/kvm/lapic.c:kvm_apic_after_set_mcg_cap() */
export function kvm_apic_after_set_mcg_cap(vcpu: struct_kvm_vcpu): void {
	const nr_lvt_entries = kvm_apic_calc_nr_lvt_entries(vcpu);
	const apic = vcpu.arch.apic!;

	if (!lapic_in_kernel(vcpu) || nr_lvt_entries === apic.nr_lvt_entries)
		return;

	for (let i = apic.nr_lvt_entries; i < nr_lvt_entries; i++)
		kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);

	apic.nr_lvt_entries = nr_lvt_entries;

	/* their number stands in the version register */
	kvm_apic_set_version(vcpu);
}

const apic_lvt_mask: readonly number[] = ((): number[] => {
	const t = new Array<number>(KVM_APIC_MAX_NR_LVT_ENTRIES).fill(0);

	t[LVT_TIMER]			= LVT_MASK;	/* and the timer's modes */
	t[LVT_THERMAL_MONITOR]		= LVT_MASK | APIC_MODE_MASK;
	t[LVT_PERFORMANCE_COUNTER]	= LVT_MASK | APIC_MODE_MASK;
	t[LVT_LINT0]			= LINT_MASK;
	t[LVT_LINT1]			= LINT_MASK;
	t[LVT_ERROR]			= LVT_MASK;
	t[LVT_CMCI]			= LVT_MASK | APIC_MODE_MASK;
	return t;
})();

function find_highest_vector(apic: struct_kvm_lapic, base: number): number {
	for (let vec = MAX_APIC_VECTOR - APIC_VECTORS_PER_REG; vec >= 0;
	     vec -= APIC_VECTORS_PER_REG) {
		const reg = kvm_lapic_get_reg(apic, base + REG_POS(vec));
		if (reg !== 0)
			return __fls(reg) + vec;
	}

	return -1;
}

function count_vectors(apic: struct_kvm_lapic, base: number): number {
	let count = 0;

	for (let vec = 0; vec < MAX_APIC_VECTOR; vec += APIC_VECTORS_PER_REG)
		count += hweight32(kvm_lapic_get_reg(apic, base + REG_POS(vec)));

	return count;
}

function apic_search_irr(apic: struct_kvm_lapic): number {
	return find_highest_vector(apic, APIC_IRR);
}

function apic_find_highest_irr(apic: struct_kvm_lapic): number {
	/* only a hint: always true where hardware delivers interrupts */
	if (!apic.irr_pending)
		return -1;

	return apic_search_irr(apic);
}

function apic_clear_irr(vec: number, apic: struct_kvm_lapic): void {
	if (apic.apicv_active) {
		kvm_lapic_clear_vector(vec, apic, APIC_IRR);
		if (kvm_x86_ops.hwapic_irr_update !== null)
			kvm_x86_ops.hwapic_irr_update(apic.vcpu, apic_find_highest_irr(apic));
	} else {
		apic.irr_pending = false;
		kvm_lapic_clear_vector(vec, apic, APIC_IRR);
		if (apic_search_irr(apic) !== -1)
			apic.irr_pending = true;
	}
}

/** arch/x86/kvm/lapic.c:kvm_apic_clear_irr() */
export function kvm_apic_clear_irr(vcpu: struct_kvm_vcpu, vec: number): void {
	apic_clear_irr(vec, vcpu.arch.apic!);
}

function apic_set_isr(vec: number, apic: struct_kvm_lapic): void {
	if (__apic_test_and_set_vector(vec, apic, APIC_ISR))
		return;

	if (apic.apicv_active) {
		if (kvm_x86_ops.hwapic_isr_update !== null)
			kvm_x86_ops.hwapic_isr_update(vec);
	} else {
		++apic.isr_count;
		BUG_ON(apic.isr_count > MAX_APIC_VECTOR);
		/* only the highest vector is ever injected, so what was set last is the highest */
		apic.highest_isr_cache = vec;
	}
}

function apic_find_highest_isr(apic: struct_kvm_lapic): number {
	/* with hardware's help the count is always 1 and nothing is cached */
	if (apic.isr_count === 0)
		return -1;
	if (apic.highest_isr_cache !== -1)
		return apic.highest_isr_cache;

	return find_highest_vector(apic, APIC_ISR);
}

function apic_clear_isr(vec: number, apic: struct_kvm_lapic): void {
	if (!__apic_test_and_clear_vector(vec, apic, APIC_ISR))
		return;

	if (apic.apicv_active) {
		if (kvm_x86_ops.hwapic_isr_update !== null)
			kvm_x86_ops.hwapic_isr_update(apic_find_highest_isr(apic));
	} else {
		--apic.isr_count;
		BUG_ON(apic.isr_count < 0);
		apic.highest_isr_cache = -1;
	}
}

/**
 * arch/x86/kvm/lapic.c:kvm_lapic_find_highest_irr(). May be out of date at once; whoever raises
 * another kicks the vCPU, which then looks again.
 */
export function kvm_lapic_find_highest_irr(vcpu: struct_kvm_vcpu): number {
	return apic_find_highest_irr(vcpu.arch.apic!);
}

/** arch/x86/kvm/lapic.c:kvm_apic_set_irq() */
export function kvm_apic_set_irq(vcpu: struct_kvm_vcpu, irq: struct_kvm_lapic_irq,
	_dest_map: null): number {
	const apic = vcpu.arch.apic!;

	return __apic_accept_irq(apic, irq.delivery_mode, irq.vector, irq.level, irq.trig_mode);
}

/** arch/x86/kvm/lapic.c:__pv_send_ipi() */
function __pv_send_ipi(ipi_bitmap: bigint, map: struct_kvm_apic_map, irq: struct_kvm_lapic_irq,
	min: number): number {
	let count = 0;

	if (min > map.max_apic_id)
		return 0;

	const n = Math.min(64, map.max_apic_id - min + 1);
	for (let i = 0; i < n; i++) {
		if ((ipi_bitmap >> BigInt(i) & 1n) === 0n)
			continue;
		const target = map.phys_map[min + i] ?? null;
		if (target !== null)
			count += kvm_apic_set_irq(target.vcpu, irq, null);
	}

	return count;
}

/** arch/x86/kvm/lapic.c:kvm_pv_send_ipi(): KVM_HC_SEND_IPI */
export function kvm_pv_send_ipi(kvm: struct_kvm, ipi_bitmap_low: bigint, ipi_bitmap_high: bigint,
	min: number, icr_: bigint, op_64_bit: boolean): number {
	const irq = new struct_kvm_lapic_irq();
	const cluster_size = op_64_bit ? 64 : 32;
	const icr = Number(icr_ & 0xffffffffn);
	let count: number;

	if (icr & (APIC_DEST_MASK | APIC_SHORT_MASK))
		return -KVM_EINVAL;

	irq.vector = icr & APIC_VECTOR_MASK;
	irq.delivery_mode = icr & APIC_MODE_MASK;
	irq.level = (icr & APIC_INT_ASSERT) !== 0;
	irq.trig_mode = icr & APIC_INT_LEVELTRIG;

	rcu_read_lock();
	const map = rcu_dereference(kvm.arch.apic_map);

	count = -EOPNOTSUPP;
	if (map !== null) {
		count = __pv_send_ipi(ipi_bitmap_low, map, irq, min);
		min = u32(min + cluster_size);
		count += __pv_send_ipi(ipi_bitmap_high, map, irq, min);
	}

	rcu_read_unlock();
	return count;
}

function pv_eoi_put_user(vcpu: struct_kvm_vcpu, val: number): number {
	return kvm_write_guest_cached(vcpu.kvm, vcpu.arch.pv_eoi.data, Uint8Array.of(val), 1);
}

function pv_eoi_get_user(vcpu: struct_kvm_vcpu, val: Uint8Array): number {
	return kvm_read_guest_cached(vcpu.kvm, vcpu.arch.pv_eoi.data, val, 1);
}

function pv_eoi_enabled(vcpu: struct_kvm_vcpu): boolean {
	return (vcpu.arch.pv_eoi.msr_val & BigInt(KVM_MSR_ENABLED)) !== 0n;
}

function pv_eoi_set_pending(vcpu: struct_kvm_vcpu): void {
	if (pv_eoi_put_user(vcpu, KVM_PV_EOI_ENABLED) < 0)
		return;

	vcpu.arch.apic_attention |= 1 << KVM_APIC_PV_EOI_PENDING;
}

function pv_eoi_test_and_clr_pending(vcpu: struct_kvm_vcpu): boolean {
	const val = new Uint8Array(1);

	if (pv_eoi_get_user(vcpu, val) < 0)
		return false;

	const enabled = (val[0]! & KVM_PV_EOI_ENABLED) !== 0;

	if (enabled && pv_eoi_put_user(vcpu, KVM_PV_EOI_DISABLED) < 0)
		return false;

	/* in any case: the next entry sets it again when it is safe to */
	vcpu.arch.apic_attention &= ~(1 << KVM_APIC_PV_EOI_PENDING);

	return enabled;
}

function apic_has_interrupt_for_ppr(apic: struct_kvm_lapic, ppr: number): number {
	let highest_irr: number;

	if (kvm_x86_ops.sync_pir_to_irr !== null)
		highest_irr = kvm_x86_ops.sync_pir_to_irr(apic.vcpu);
	else
		highest_irr = apic_find_highest_irr(apic);
	if (highest_irr === -1 || (highest_irr & 0xf0) <= ppr)
		return -1;
	return highest_irr;
}

/** arch/x86/kvm/lapic.c:__apic_update_ppr(); C: *new_ppr, which is what PROCPRI holds then. */
function __apic_update_ppr(apic: struct_kvm_lapic): boolean {
	const old_ppr = kvm_lapic_get_reg(apic, APIC_PROCPRI);
	const tpr = kvm_lapic_get_reg(apic, APIC_TASKPRI);
	const isr = apic_find_highest_isr(apic);
	const isrv = (isr !== -1) ? isr : 0;
	let ppr: number;

	if ((tpr & 0xf0) >= (isrv & 0xf0))
		ppr = tpr & 0xff;
	else
		ppr = isrv & 0xf0;

	if (old_ppr !== ppr)
		kvm_lapic_set_reg(apic, APIC_PROCPRI, ppr);

	return ppr < old_ppr;
}

function apic_update_ppr(apic: struct_kvm_lapic): void {
	if (__apic_update_ppr(apic) &&
	    apic_has_interrupt_for_ppr(apic, kvm_lapic_get_reg(apic, APIC_PROCPRI)) !== -1)
		kvm_make_request(KVM_REQ_EVENT, apic.vcpu);
}

/** arch/x86/kvm/lapic.c:kvm_apic_update_ppr() */
export function kvm_apic_update_ppr(vcpu: struct_kvm_vcpu): void {
	apic_update_ppr(vcpu.arch.apic!);
}

function apic_set_tpr(apic: struct_kvm_lapic, tpr: number): void {
	kvm_lapic_set_reg(apic, APIC_TASKPRI, tpr);
	apic_update_ppr(apic);
}

function kvm_apic_broadcast(apic: struct_kvm_lapic, mda: number): boolean {
	return mda === (apic_x2apic_mode(apic) ? X2APIC_BROADCAST : APIC_BROADCAST);
}

function kvm_apic_match_physical_addr(apic: struct_kvm_lapic, mda: number): boolean {
	if (kvm_apic_broadcast(apic, mda))
		return true;

	/*
	 * An ID that no xAPIC can have names the vCPU even while that is in xAPIC mode, as a vCPU
	 * that was plugged in starts in. Only such an ID: an xAPIC ID can be written, so one below
	 * 0xff need not be the vCPU's.
	 */
	if (apic_x2apic_mode(apic) || mda > 0xff)
		return mda === kvm_x2apic_id(apic);

	return mda === kvm_xapic_id(apic);
}

function kvm_apic_match_logical_addr(apic: struct_kvm_lapic, mda: number): boolean {
	if (kvm_apic_broadcast(apic, mda))
		return true;

	let logical_id = kvm_lapic_get_reg(apic, APIC_LDR);

	if (apic_x2apic_mode(apic))
		return ((logical_id >>> 16) === (mda >>> 16)) &&
		       (logical_id & mda & 0xffff) !== 0;

	logical_id = GET_APIC_LOGICAL_ID(logical_id);

	switch (kvm_lapic_get_reg(apic, APIC_DFR)) {
	case APIC_DFR_FLAT:
		return (logical_id & mda) !== 0;
	case APIC_DFR_CLUSTER:
		return ((logical_id >> 4) === (mda >>> 4)) &&
		       (logical_id & mda & 0xf) !== 0;
	default:
		return false;
	}
}

/**
 * arch/x86/kvm/lapic.c:kvm_apic_mda(). What is no IPI comes from devices that know no x2APIC, so
 * their broadcast is made an x2APIC's; KVM_CAP_X2APIC_API turns that off.
 */
function kvm_apic_mda(vcpu: struct_kvm_vcpu, dest_id: number, source: struct_kvm_lapic | null,
	target: struct_kvm_lapic): number {
	const ipi = source !== null;

	if (!vcpu.kvm.arch.x2apic_broadcast_quirk_disabled &&
	    !ipi && dest_id === APIC_BROADCAST && apic_x2apic_mode(target))
		return X2APIC_BROADCAST;

	return dest_id;
}

/** arch/x86/kvm/lapic.c:kvm_apic_match_dest() */
export function kvm_apic_match_dest(vcpu: struct_kvm_vcpu, source: struct_kvm_lapic | null,
	shorthand: number, dest: number, dest_mode: number): boolean {
	const target = vcpu.arch.apic!;
	const mda = kvm_apic_mda(vcpu, dest, source, target);

	switch (shorthand) {
	case APIC_DEST_NOSHORT:
		if (dest_mode === APIC_DEST_PHYSICAL)
			return kvm_apic_match_physical_addr(target, mda);
		else
			return kvm_apic_match_logical_addr(target, mda);
	case APIC_DEST_SELF:
		return target === source;
	case APIC_DEST_ALLINC:
		return true;
	case APIC_DEST_ALLBUT:
		return target !== source;
	default:
		return false;
	}
}

/** arch/x86/kvm/lapic.c:kvm_vector_to_index() */
export function kvm_vector_to_index(vector: number, dest_vcpus: number, bitmap: Uint8Array,
	bitmap_size: number): number {
	let idx = -1;

	const mod = vector % dest_vcpus;

	for (let i = 0; i <= mod; i++) {
		idx = find_next_bit(bitmap, bitmap_size, idx + 1);
		BUG_ON(idx === bitmap_size);
	}

	return idx;
}

function kvm_apic_disabled_lapic_found(kvm: struct_kvm): void {
	if (!kvm.arch.disabled_lapic_found) {
		kvm.arch.disabled_lapic_found = true;
		printk(KERN_INFO + "Disabled LAPIC found during irq injection\n");
	}
}

function kvm_apic_is_broadcast_dest(kvm: struct_kvm, src: struct_kvm_lapic | null,
	irq: struct_kvm_lapic_irq, map: struct_kvm_apic_map): boolean {
	if (kvm.arch.x2apic_broadcast_quirk_disabled) {
		if (irq.dest_id === APIC_BROADCAST && map.mode !== KVM_APIC_MODE_X2APIC)
			return true;
		if (irq.dest_id === X2APIC_BROADCAST)
			return true;
	} else {
		const x2apic_ipi = src !== null && apic_x2apic_mode(src);
		if (irq.dest_id === (x2apic_ipi ? X2APIC_BROADCAST : APIC_BROADCAST))
			return true;
	}

	return false;
}

/**
 * arch/x86/kvm/lapic.c:kvm_apic_map_get_dest_lapic(). True: @dst says where the interrupt goes
 * (nowhere, if its bitmap is 0). False: the vCPUs have to be asked one by one.
 */
function kvm_apic_map_get_dest_lapic(kvm: struct_kvm, src: struct_kvm_lapic | null,
	irq: struct_kvm_lapic_irq, map: struct_kvm_apic_map | null, dst: apic_dest): boolean {
	let lowest: number;

	if (irq.shorthand === APIC_DEST_SELF && src !== null) {
		dst.list = [src];
		dst.first = 0;
		dst.bitmap = 1;
		return true;
	} else if (irq.shorthand !== 0)
		return false;

	if (map === null || kvm_apic_is_broadcast_dest(kvm, src, irq, map))
		return false;

	if (irq.dest_mode === APIC_DEST_PHYSICAL) {
		if (irq.dest_id > map.max_apic_id) {
			dst.bitmap = 0;
		} else {
			dst.list = map.phys_map;
			dst.first = irq.dest_id;
			dst.bitmap = 1;
		}
		return true;
	}

	dst.bitmap = 0;
	if (!kvm_apic_map_get_logical_dest(map, irq.dest_id, dst))
		return false;

	if (!kvm_lowest_prio_delivery(irq))
		return true;

	if (!kvm_vector_hashing_enabled()) {
		lowest = -1;
		for (let i = 0; i < 16; i++) {
			if ((dst.bitmap & 1 << i) === 0 || dst.at(i) === null)
				continue;
			if (lowest < 0)
				lowest = i;
			else if (kvm_apic_compare_prio(dst.at(i)!.vcpu, dst.at(lowest)!.vcpu) < 0)
				lowest = i;
		}
	} else {
		if (dst.bitmap === 0)
			return true;

		lowest = kvm_vector_to_index(irq.vector, hweight16(dst.bitmap),
			Uint8Array.of(dst.bitmap & 0xff, dst.bitmap >> 8), 16);

		if (dst.at(lowest) === null) {
			kvm_apic_disabled_lapic_found(kvm);
			dst.bitmap = 0;
			return true;
		}
	}

	dst.bitmap = (lowest >= 0) ? 1 << lowest : 0;

	return true;
}

/** arch/x86/kvm/lapic.c:kvm_irq_delivery_to_apic_fast() */
export function kvm_irq_delivery_to_apic_fast(kvm: struct_kvm, src: struct_kvm_lapic | null,
	irq: struct_kvm_lapic_irq, r: ref<number>, dest_map: null): boolean {
	const dst = new apic_dest();

	r.v = -1;

	if (irq.shorthand === APIC_DEST_SELF) {
		if (KVM_BUG_ON(src === null, kvm)) {
			r.v = 0;
			return true;
		}
		r.v = kvm_apic_set_irq(src!.vcpu, irq, dest_map);
		return true;
	}

	rcu_read_lock();
	const map = rcu_dereference(kvm.arch.apic_map);

	const ret = kvm_apic_map_get_dest_lapic(kvm, src, irq, map, dst);
	if (ret) {
		r.v = 0;
		for (let i = 0; i < 16; i++) {
			const target = (dst.bitmap & 1 << i) === 0 ? null : dst.at(i);
			if (target === null)
				continue;
			r.v += kvm_apic_set_irq(target.vcpu, irq, dest_map);
		}
	}

	rcu_read_unlock();
	return ret;
}

/** arch/x86/kvm/lapic.c:kvm_intr_is_single_vcpu_fast() */
export function kvm_intr_is_single_vcpu_fast(kvm: struct_kvm, irq: struct_kvm_lapic_irq,
	dest_vcpu: ref<struct_kvm_vcpu | null>): boolean {
	const dst = new apic_dest();
	let ret = false;

	if (irq.shorthand)
		return false;

	rcu_read_lock();
	const map = rcu_dereference(kvm.arch.apic_map);

	if (kvm_apic_map_get_dest_lapic(kvm, null, irq, map, dst) && hweight16(dst.bitmap) === 1) {
		const target = dst.at(ffs(dst.bitmap) - 1);

		if (target !== null) {
			dest_vcpu.v = target.vcpu;
			ret = true;
		}
	}

	rcu_read_unlock();
	return ret;
}

/** arch/x86/kvm/lapic.c:__apic_accept_irq(): 1 if the interrupt was taken, 0 if it was dropped. */
function __apic_accept_irq(apic: struct_kvm_lapic, delivery_mode: number, vector: number,
	level: boolean, trig_mode: number): number {
	const vcpu = apic.vcpu;
	let result = 0;

	trace_kvm_apic_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
	switch (delivery_mode) {
	case APIC_DM_LOWEST:
		vcpu.arch.apic_arb_prio++;
		/* fallthrough */
	case APIC_DM_FIXED:
		if (trig_mode !== 0 && !level)
			break;

		if (!apic_enabled(apic))
			break;

		result = 1;

		if (apic_test_vector(vector, apic, APIC_TMR) !== (trig_mode !== 0)) {
			if (trig_mode !== 0)
				kvm_lapic_set_vector(vector, apic, APIC_TMR);
			else
				kvm_lapic_clear_vector(vector, apic, APIC_TMR);
		}

		kvm_x86_ops.deliver_interrupt(apic, delivery_mode, trig_mode, vector);
		break;

	case APIC_DM_REMRD:
		result = 1;
		vcpu.arch.pv.pv_unhalted = true;
		kvm_make_request(KVM_REQ_EVENT, vcpu);
		kvm_vcpu_kick(vcpu);
		break;

	case APIC_DM_SMI:
		result = 1;
		kvm_make_request(KVM_REQ_SMI, vcpu);
		kvm_vcpu_kick(vcpu);
		break;

	case APIC_DM_NMI:
		result = 1;
		kvm_inject_nmi(vcpu);
		kvm_vcpu_kick(vcpu);
		break;

	case APIC_DM_INIT:
		if (trig_mode === 0 || level) {
			result = 1;
			/* there are only two kinds of events, and INIT undoes a SIPI before it */
			apic.pending_events = 1 << KVM_APIC_INIT;
			kvm_make_request(KVM_REQ_EVENT, vcpu);
			kvm_vcpu_kick(vcpu);
		}
		break;

	case APIC_DM_STARTUP:
		result = 1;
		apic.sipi_vector = vector;
		/* before the event */
		smp_wmb();
		apic.pending_events |= 1 << KVM_APIC_SIPI;
		kvm_make_request(KVM_REQ_EVENT, vcpu);
		kvm_vcpu_kick(vcpu);
		break;

	case APIC_DM_EXTINT:
		/* LVT0's: see kvm_apic_accept_pic_intr() */
		break;

	default:
		printk(KERN_ERR + "TODO: unsupported delivery mode %x\n", delivery_mode);
		break;
	}
	return result;
}

/** arch/x86/kvm/lapic.c:kvm_apic_compare_prio() */
export function kvm_apic_compare_prio(vcpu1: struct_kvm_vcpu, vcpu2: struct_kvm_vcpu): number {
	return vcpu1.arch.apic_arb_prio - vcpu2.arch.apic_arb_prio;
}

function kvm_ioapic_handles_vector(apic: struct_kvm_lapic, vector: number): boolean {
	return (apic.vcpu.arch.ioapic_handled_vectors[vector >> 3]! & 1 << (vector & 7)) !== 0;
}

/** arch/x86/kvm/lapic.c:kvm_ioapic_send_eoi(), to user space's; the kernel has none. */
function kvm_ioapic_send_eoi(apic: struct_kvm_lapic, vector: number): void {
	if (!kvm_ioapic_handles_vector(apic, vector))
		return;

	if (irqchip_split(apic.vcpu.kvm)) {
		apic.vcpu.arch.pending_ioapic_eoi = vector;
		kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, apic.vcpu);
		return;
	}
}

function apic_set_eoi(apic: struct_kvm_lapic): number {
	const vector = apic_find_highest_isr(apic);

	trace_kvm_eoi(apic, vector);

	/* an EOI that ends nothing is no error */
	if (vector === -1)
		return vector;

	apic_clear_isr(vector, apic);
	apic_update_ppr(apic);

	kvm_ioapic_send_eoi(apic, vector);
	kvm_make_request(KVM_REQ_EVENT, apic.vcpu);
	return vector;
}

/** arch/x86/kvm/lapic.c:kvm_apic_send_ipi() */
export function kvm_apic_send_ipi(apic: struct_kvm_lapic, icr_low: number, icr_high: number): void {
	const irq = new struct_kvm_lapic_irq();

	/* sent at once, so the guest never sees it pending */
	WARN_ON_ONCE((icr_low & APIC_ICR_BUSY) !== 0);

	irq.vector = icr_low & APIC_VECTOR_MASK;
	irq.delivery_mode = icr_low & APIC_MODE_MASK;
	irq.dest_mode = icr_low & APIC_DEST_MASK;
	irq.level = (icr_low & APIC_INT_ASSERT) !== 0;
	irq.trig_mode = icr_low & APIC_INT_LEVELTRIG;
	irq.shorthand = icr_low & APIC_SHORT_MASK;
	irq.msi_redir_hint = false;
	if (apic_x2apic_mode(apic))
		irq.dest_id = icr_high;
	else
		irq.dest_id = GET_XAPIC_DEST_FIELD(icr_high);

	trace_kvm_apic_ipi(icr_low, irq.dest_id);

	kvm_irq_delivery_to_apic(apic.vcpu.kvm, apic, irq, null);
}

function __report_tpr_access(apic: struct_kvm_lapic, write: boolean): void {
	const vcpu = apic.vcpu;
	const run = vcpu.run!;

	kvm_make_request(KVM_REQ_REPORT_TPR_ACCESS, vcpu);
	run.tpr_access.rip = kvm_rip_read(vcpu);
	run.tpr_access.is_write = write ? 1 : 0;
}

function report_tpr_access(apic: struct_kvm_lapic, write: boolean): void {
	if (apic.vcpu.arch.tpr_access_reporting)
		__report_tpr_access(apic, write);
}

function __apic_read(apic: struct_kvm_lapic, offset: number): number {
	let val = 0;

	if (offset >= LAPIC_MMIO_LENGTH)
		return 0;

	switch (offset) {
	case APIC_ARBPRI:
		break;

	case APIC_TMCCT:
		/* the timer stands still at its end */
		break;
	case APIC_PROCPRI:
		apic_update_ppr(apic);
		val = kvm_lapic_get_reg(apic, offset);
		break;
	case APIC_TASKPRI:
		report_tpr_access(apic, false);
		/* fallthrough */
	default:
		val = kvm_lapic_get_reg(apic, offset);
		break;
	}

	return val;
}

function to_lapic(dev: struct_kvm_io_device): struct_kvm_lapic {
	return container_of(dev, struct_kvm_lapic, "dev");
}

/** C tests a mask with a bit for each register. */
function apic_reg_readable(apic: struct_kvm_lapic, offset: number): boolean {
	const reg = offset & ~0xf;

	switch (reg) {
	case APIC_ID:
	case APIC_LVR:
	case APIC_TASKPRI:
	case APIC_PROCPRI:
	case APIC_LDR:
	case APIC_DFR:
	case APIC_SPIV:
	case APIC_ESR:
	case APIC_ICR:
	case APIC_LVTT:
	case APIC_LVTTHMR:
	case APIC_LVTPC:
	case APIC_LVT0:
	case APIC_LVT1:
	case APIC_LVTERR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		return true;
	case APIC_LVTCMCI:
		return kvm_lapic_lvt_supported(apic, LVT_CMCI);
	case APIC_ARBPRI:
	case APIC_ICR2:
		return !apic_x2apic_mode(apic);
	default:
		return reg >= APIC_ISR && reg < APIC_IRR + APIC_ISR_NR * 0x10;
	}
}

/** arch/x86/kvm/lapic.c:kvm_lapic_reg_read() */
function kvm_lapic_reg_read(apic: struct_kvm_lapic, offset: number, len: number,
	data: Uint8Array): number {
	const alignment = offset & 0xf;

	/* in x2APIC mode ICR has 64 bits, and the caller deals with it */
	WARN_ON_ONCE(apic_x2apic_mode(apic) && offset === APIC_ICR);

	if (alignment + len > 4)
		return 1;

	if (offset > 0x3f0 || !apic_reg_readable(apic, offset))
		return 1;

	const result = __apic_read(apic, offset & ~0xf);

	trace_kvm_apic_read(offset, result);

	switch (len) {
	case 1:
	case 2:
	case 4:
		for (let i = 0; i < len; i++)
			data[i] = result >>> (alignment + i) * 8;
		break;
	default:
		printk(KERN_ERR + "Local APIC read with len = %x, " +
			"should be 1,2, or 4 instead\n", len);
		break;
	}
	return 0;
}

function apic_mmio_in_range(apic: struct_kvm_lapic, addr: gpa_t): boolean {
	return addr >= apic.base_address && addr < apic.base_address + LAPIC_MMIO_LENGTH;
}

/** arch/x86/kvm/lapic.c:apic_mmio_read() */
function apic_mmio_read(vcpu: struct_kvm_vcpu, this_: struct_kvm_io_device, address: gpa_t,
	len: number, data: Uint8Array): number {
	const apic = to_lapic(this_);
	const offset = address - apic.base_address;

	if (!apic_mmio_in_range(apic, address))
		return -EOPNOTSUPP;

	if (!kvm_apic_hw_enabled(apic) || apic_x2apic_mode(apic)) {
		if (!kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE))
			return -EOPNOTSUPP;

		data.fill(0xff, 0, len);
		return 0;
	}

	kvm_lapic_reg_read(apic, offset, len, data);

	return 0;
}

function update_divide_count(apic: struct_kvm_lapic): void {
	const tdcr = kvm_lapic_get_reg(apic, APIC_TDCR);
	const tmp1 = tdcr & 0xf;
	const tmp2 = ((tmp1 & 0x3) | ((tmp1 & 0x8) >> 1)) + 1;
	apic.divide_count = 0x1 << (tmp2 & 0x7);
}

function cancel_apic_timer(apic: struct_kvm_lapic): void {
	atomic_set(apic.lapic_timer.pending, 0);
}

function apic_update_lvtt(apic: struct_kvm_lapic): void {
	const timer_mode = kvm_lapic_get_reg(apic, APIC_LVTT) & apic.lapic_timer.timer_mode_mask;

	if (apic.lapic_timer.timer_mode !== timer_mode) {
		if (apic_lvtt_tscdeadline(apic) !== (timer_mode === APIC_LVT_TIMER_TSCDEADLINE)) {
			cancel_apic_timer(apic);
			kvm_lapic_set_reg(apic, APIC_TMICT, 0);
			apic.lapic_timer.tscdeadline = 0n;
		}
		apic.lapic_timer.timer_mode = timer_mode;
	}
}

function apic_manage_nmi_watchdog(apic: struct_kvm_lapic, lvt0_val: number): void {
	const lvt0_in_nmi_mode = apic_lvt_nmi_mode(lvt0_val);

	if (apic.lvt0_in_nmi_mode !== lvt0_in_nmi_mode) {
		apic.lvt0_in_nmi_mode = lvt0_in_nmi_mode;
		if (lvt0_in_nmi_mode) {
			atomic_inc(apic.vcpu.kvm.arch.vapics_in_nmi_mode);
		} else
			atomic_dec(apic.vcpu.kvm.arch.vapics_in_nmi_mode);
	}
}

function kvm_lapic_xapic_id_updated(apic: struct_kvm_lapic): void {
	const kvm = apic.vcpu.kvm;

	if (KVM_BUG_ON(apic_x2apic_mode(apic), kvm))
		return;

	if (kvm_xapic_id(apic) === apic.vcpu.vcpu_id)
		return;

	kvm_set_apicv_inhibit(apic.vcpu.kvm, APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
}

function get_lvt_index(reg: number): number {
	if (reg === APIC_LVTCMCI)
		return LVT_CMCI;
	if (reg < APIC_LVTT || reg > APIC_LVTERR)
		return -1;
	return (reg - APIC_LVTT) >> 4;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_reg_write(): 1 if there is no such register. */
function kvm_lapic_reg_write(apic: struct_kvm_lapic, reg: number, val: number): number {
	let ret = 0;

	trace_kvm_apic_write(reg, val);

	switch (reg) {
	case APIC_ID:
		if (!apic_x2apic_mode(apic)) {
			kvm_apic_set_xapic_id(apic, val >>> 24);
			kvm_lapic_xapic_id_updated(apic);
		} else {
			ret = 1;
		}
		break;

	case APIC_TASKPRI:
		report_tpr_access(apic, true);
		apic_set_tpr(apic, val & 0xff);
		break;

	case APIC_EOI:
		apic_set_eoi(apic);
		break;

	case APIC_LDR:
		if (!apic_x2apic_mode(apic))
			kvm_apic_set_ldr(apic, val & APIC_LDR_MASK);
		else
			ret = 1;
		break;

	case APIC_DFR:
		if (!apic_x2apic_mode(apic))
			kvm_apic_set_dfr(apic, val | 0x0fffffff);
		else
			ret = 1;
		break;

	case APIC_SPIV: {
		let mask = 0x3ff;
		if (kvm_lapic_get_reg(apic, APIC_LVR) & APIC_LVR_DIRECTED_EOI)
			mask |= APIC_SPIV_DIRECTED_EOI;
		apic_set_spiv(apic, val & mask);
		if ((val & APIC_SPIV_APIC_ENABLED) === 0) {
			for (let i = 0; i < apic.nr_lvt_entries; i++) {
				kvm_lapic_set_reg(apic, APIC_LVTx(i),
					kvm_lapic_get_reg(apic, APIC_LVTx(i)) | APIC_LVT_MASKED);
			}
			apic_update_lvtt(apic);
			atomic_set(apic.lapic_timer.pending, 0);
		}
		break;
	}
	case APIC_ICR:
		WARN_ON_ONCE(apic_x2apic_mode(apic));

		/* sent without delay */
		val &= ~APIC_ICR_BUSY;
		kvm_apic_send_ipi(apic, u32(val), kvm_lapic_get_reg(apic, APIC_ICR2));
		kvm_lapic_set_reg(apic, APIC_ICR, val);
		break;
	case APIC_ICR2:
		if (apic_x2apic_mode(apic))
			ret = 1;
		else
			kvm_lapic_set_reg(apic, APIC_ICR2, val & 0xff000000);
		break;

	case APIC_LVT0:
		apic_manage_nmi_watchdog(apic, val);
		/* fallthrough */
	case APIC_LVTTHMR:
	case APIC_LVTPC:
	case APIC_LVT1:
	case APIC_LVTERR:
	case APIC_LVTCMCI: {
		const index = get_lvt_index(reg);
		if (!kvm_lapic_lvt_supported(apic, index)) {
			ret = 1;
			break;
		}
		if (!kvm_apic_sw_enabled(apic))
			val |= APIC_LVT_MASKED;
		val &= apic_lvt_mask[index]!;
		kvm_lapic_set_reg(apic, reg, val);
		break;
	}

	case APIC_LVTT:
		if (!kvm_apic_sw_enabled(apic))
			val |= APIC_LVT_MASKED;
		val &= (apic_lvt_mask[0]! | apic.lapic_timer.timer_mode_mask);
		kvm_lapic_set_reg(apic, APIC_LVTT, val);
		apic_update_lvtt(apic);
		break;

	case APIC_TMICT:
		if (apic_lvtt_tscdeadline(apic))
			break;

		cancel_apic_timer(apic);
		kvm_lapic_set_reg(apic, APIC_TMICT, val);
		break;

	case APIC_TDCR:
		kvm_lapic_set_reg(apic, APIC_TDCR, val & 0xb);
		update_divide_count(apic);
		break;
	case APIC_ESR:
		if (apic_x2apic_mode(apic) && val !== 0)
			ret = 1;
		break;

	case APIC_SELF_IPI:
		if (apic_x2apic_mode(apic))
			kvm_apic_send_ipi(apic, APIC_DEST_SELF | (val & APIC_VECTOR_MASK), 0);
		else
			ret = 1;
		break;
	default:
		ret = 1;
		break;
	}

	/* does nothing unless one of the above marked the map dirty */
	kvm_recalculate_apic_map(apic.vcpu.kvm);

	return ret;
}

/** arch/x86/kvm/lapic.c:apic_mmio_write() */
function apic_mmio_write(vcpu: struct_kvm_vcpu, this_: struct_kvm_io_device, address: gpa_t,
	len: number, data: Uint8Array): number {
	const apic = to_lapic(this_);
	const offset = address - apic.base_address;

	if (!apic_mmio_in_range(apic, address))
		return -EOPNOTSUPP;

	if (!kvm_apic_hw_enabled(apic) || apic_x2apic_mode(apic)) {
		if (!kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE))
			return -EOPNOTSUPP;

		return 0;
	}

	/* registers stand 16 bytes apart and are accessed by 32 bits */
	if (len !== 4 || (offset & 0xf) !== 0)
		return 0;

	const val = u32(data[0]! | data[1]! << 8 | data[2]! << 16 | data[3]! << 24);

	kvm_lapic_reg_write(apic, offset & 0xff0, val);

	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_set_eoi() */
export function kvm_lapic_set_eoi(vcpu: struct_kvm_vcpu): void {
	kvm_lapic_reg_write(vcpu.arch.apic!, APIC_EOI, 0);
}

/** arch/x86/kvm/lapic.c:kvm_apic_write_nodecode(): the value is in the page already. */
export function kvm_apic_write_nodecode(vcpu: struct_kvm_vcpu, offset: number): void {
	const apic = vcpu.arch.apic!;
	const val = new ref(0n);

	if (apic_x2apic_mode(apic)) {
		if (KVM_BUG_ON(kvm_lapic_msr_read(apic, offset, val) !== 0, vcpu.kvm))
			return;
	} else {
		val.v = BigInt(kvm_lapic_get_reg(apic, offset));
	}

	/* an x2APIC's ICR is one register; an xAPIC's takes its upper half from ICR2 */
	if (apic_x2apic_mode(apic) && offset === APIC_ICR) {
		kvm_apic_send_ipi(apic, Number(val.v & 0xffffffffn), Number(val.v >> 32n));
		trace_kvm_apic_write(APIC_ICR, Number(val.v));
	} else {
		kvm_lapic_reg_write(apic, offset, Number(val.v & 0xffffffffn));
	}
}

/** arch/x86/kvm/lapic.c:kvm_free_lapic() */
export function kvm_free_lapic(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic;

	if (apic === null)
		return;

	if ((vcpu.arch.apic_base & MSR_IA32_APICBASE_ENABLE) === 0n)
		static_branch_dec(apic_hw_disabled);

	if (!apic.sw_enabled)
		static_branch_dec(apic_sw_disabled);

	if (apic.regs_page !== null)
		__free_page(apic.regs_page);

	kfree(apic);
}

/** arch/x86/kvm/lapic.c:kvm_get_lapic_tscdeadline_msr() */
export function kvm_get_lapic_tscdeadline_msr(vcpu: struct_kvm_vcpu): bigint {
	const apic = vcpu.arch.apic!;

	if (!kvm_apic_present(vcpu) || !apic_lvtt_tscdeadline(apic))
		return 0n;

	return apic.lapic_timer.tscdeadline;
}

/** arch/x86/kvm/lapic.c:kvm_set_lapic_tscdeadline_msr() */
export function kvm_set_lapic_tscdeadline_msr(vcpu: struct_kvm_vcpu, data: bigint): void {
	const apic = vcpu.arch.apic!;

	if (!kvm_apic_present(vcpu) || !apic_lvtt_tscdeadline(apic))
		return;

	apic.lapic_timer.tscdeadline = data;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_set_tpr() */
export function kvm_lapic_set_tpr(vcpu: struct_kvm_vcpu, cr8: number): void {
	apic_set_tpr(vcpu.arch.apic!, (cr8 & 0x0f) << 4);
}

/** arch/x86/kvm/lapic.c:kvm_lapic_get_cr8() */
export function kvm_lapic_get_cr8(vcpu: struct_kvm_vcpu): number {
	const tpr = kvm_lapic_get_reg(vcpu.arch.apic!, APIC_TASKPRI);

	return (tpr & 0xf0) >> 4;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_set_base() */
export function kvm_lapic_set_base(vcpu: struct_kvm_vcpu, value: bigint): void {
	const old_value = vcpu.arch.apic_base;
	const apic = vcpu.arch.apic;
	const changed = old_value ^ value, x2apic = BigInt(X2APIC_ENABLE);

	vcpu.arch.apic_base = value;

	if (changed & MSR_IA32_APICBASE_ENABLE)
		kvm_update_cpuid_runtime(vcpu);

	if (apic === null)
		return;

	if (changed & MSR_IA32_APICBASE_ENABLE) {
		if (value & MSR_IA32_APICBASE_ENABLE) {
			kvm_apic_set_xapic_id(apic, vcpu.vcpu_id);
			static_branch_dec(apic_hw_disabled);
			/* pages may have become ready meanwhile */
			kvm_make_request(KVM_REQ_APF_READY, vcpu);
		} else {
			static_branch_inc(apic_hw_disabled);
			atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
		}
	}

	if ((changed & x2apic) && (value & x2apic))
		kvm_apic_set_x2apic_id(apic, vcpu.vcpu_id);

	if (changed & (MSR_IA32_APICBASE_ENABLE | x2apic)) {
		kvm_vcpu_update_apicv(vcpu);
		if (kvm_x86_ops.set_virtual_apic_mode !== null)
			kvm_x86_ops.set_virtual_apic_mode(vcpu);
	}

	apic.base_address = Number(apic.vcpu.arch.apic_base & MSR_IA32_APICBASE_BASE);

	if ((value & MSR_IA32_APICBASE_ENABLE) &&
	    apic.base_address !== APIC_DEFAULT_PHYS_BASE) {
		kvm_set_apicv_inhibit(apic.vcpu.kvm, APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);
	}
}

/** arch/x86/kvm/lapic.c:kvm_apic_update_apicv() */
export function kvm_apic_update_apicv(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic!;

	if (apic.apicv_active) {
		apic.irr_pending = true;
		apic.isr_count = 1;
	} else {
		/* irr_pending stays: hardware may still be at it, and injecting puts it right */
		apic.isr_count = count_vectors(apic, APIC_ISR);
	}
}

/** arch/x86/kvm/lapic.c:kvm_lapic_reset() */
export function kvm_lapic_reset(vcpu: struct_kvm_vcpu, init_event: boolean): void {
	const apic = vcpu.arch.apic;

	if (!init_event) {
		let msr_val = BigInt(APIC_DEFAULT_PHYS_BASE) | MSR_IA32_APICBASE_ENABLE;
		if (kvm_vcpu_is_reset_bsp(vcpu))
			msr_val |= MSR_IA32_APICBASE_BSP;
		kvm_lapic_set_base(vcpu, msr_val);
	}

	if (apic === null)
		return;

	/* even if the APIC was enabled all along */
	if (!init_event)
		kvm_apic_set_xapic_id(apic, vcpu.vcpu_id);
	kvm_apic_set_version(apic.vcpu);

	for (let i = 0; i < apic.nr_lvt_entries; i++)
		kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);
	apic_update_lvtt(apic);
	if (kvm_vcpu_is_reset_bsp(vcpu) &&
	    kvm_check_has_quirk(vcpu.kvm, KVM_X86_QUIRK_LINT0_REENABLED))
		kvm_lapic_set_reg(apic, APIC_LVT0, SET_APIC_DELIVERY_MODE(0, APIC_MODE_EXTINT));
	apic_manage_nmi_watchdog(apic, kvm_lapic_get_reg(apic, APIC_LVT0));

	kvm_apic_set_dfr(apic, 0xffffffff);
	apic_set_spiv(apic, 0xff);
	kvm_lapic_set_reg(apic, APIC_TASKPRI, 0);
	if (!apic_x2apic_mode(apic))
		kvm_apic_set_ldr(apic, 0);
	kvm_lapic_set_reg(apic, APIC_ESR, 0);
	if (!apic_x2apic_mode(apic)) {
		kvm_lapic_set_reg(apic, APIC_ICR, 0);
		kvm_lapic_set_reg(apic, APIC_ICR2, 0);
	} else {
		kvm_lapic_set_reg64(apic, APIC_ICR, 0n);
	}
	kvm_lapic_set_reg(apic, APIC_TDCR, 0);
	kvm_lapic_set_reg(apic, APIC_TMICT, 0);
	for (let i = 0; i < 8; i++) {
		kvm_lapic_set_reg(apic, APIC_IRR + 0x10 * i, 0);
		kvm_lapic_set_reg(apic, APIC_ISR + 0x10 * i, 0);
		kvm_lapic_set_reg(apic, APIC_TMR + 0x10 * i, 0);
	}
	kvm_apic_update_apicv(vcpu);
	apic.highest_isr_cache = -1;
	update_divide_count(apic);
	atomic_set(apic.lapic_timer.pending, 0);

	vcpu.arch.pv_eoi.msr_val = 0n;
	apic_update_ppr(apic);
	if (apic.apicv_active) {
		if (kvm_x86_ops.apicv_post_state_restore !== null)
			kvm_x86_ops.apicv_post_state_restore(vcpu);
		if (kvm_x86_ops.hwapic_irr_update !== null)
			kvm_x86_ops.hwapic_irr_update(vcpu, -1);
		if (kvm_x86_ops.hwapic_isr_update !== null)
			kvm_x86_ops.hwapic_isr_update(-1);
	}

	vcpu.arch.apic_arb_prio = 0;
	vcpu.arch.apic_attention = 0;

	kvm_recalculate_apic_map(vcpu.kvm);
}

/** arch/x86/kvm/lapic.c:apic_has_pending_timer() */
export function apic_has_pending_timer(vcpu: struct_kvm_vcpu): number {
	const apic = vcpu.arch.apic!;

	if (apic_enabled(apic) && apic_lvt_enabled(apic, APIC_LVTT))
		return atomic_read(apic.lapic_timer.pending);

	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_apic_local_deliver() */
export function kvm_apic_local_deliver(apic: struct_kvm_lapic, lvt_type: number): number {
	const reg = kvm_lapic_get_reg(apic, lvt_type);

	if (kvm_apic_hw_enabled(apic) && (reg & APIC_LVT_MASKED) === 0) {
		const vector = reg & APIC_VECTOR_MASK;
		const mode = reg & APIC_MODE_MASK;
		const trig_mode = reg & APIC_LVT_LEVEL_TRIGGER;
		return __apic_accept_irq(apic, mode, vector, true, trig_mode);
	}
	return 0;
}

const apic_mmio_ops: struct_kvm_io_device_ops = {
	read: apic_mmio_read,
	write: apic_mmio_write,
};

/** arch/x86/kvm/lapic.c:kvm_create_lapic() */
export function kvm_create_lapic(vcpu: struct_kvm_vcpu, _timer_advance_ns: number): number {
	const apic = kzalloc(struct_kvm_lapic, GFP_KERNEL_ACCOUNT);

	nomem: {
		if (apic === null)
			break nomem;

		vcpu.arch.apic = apic;

		nomem_free_apic: {
			const page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
			if (page === null) {
				printk(KERN_ERR + "malloc apic regs error for vcpu %x\n",
					vcpu.vcpu_id);
				break nomem_free_apic;
			}
			apic.regs_page = page;
			apic.regs = page_bytes(page);
			apic.regs32 = new Uint32Array(apic.regs.buffer, apic.regs.byteOffset,
				apic.regs.length / 4);
			apic.vcpu = vcpu;

			apic.nr_lvt_entries = kvm_apic_calc_nr_lvt_entries(vcpu);

			/* rather than to count it as disabled until kvm_lapic_reset() has run */
			vcpu.arch.apic_base = MSR_IA32_APICBASE_ENABLE;
			static_branch_inc(apic_sw_disabled);	/* as it is after a reset */
			apic.dev.ops = apic_mmio_ops;

			return 0;
		}
		kfree(apic);
		vcpu.arch.apic = null;
	}
	return -ENOMEM;
}

/** arch/x86/kvm/lapic.c:kvm_apic_has_interrupt(): its vector, or -1. */
export function kvm_apic_has_interrupt(vcpu: struct_kvm_vcpu): number {
	const apic = vcpu.arch.apic!;

	if (!kvm_apic_present(vcpu))
		return -1;

	if (apic.guest_apic_protected)
		return -1;

	__apic_update_ppr(apic);
	return apic_has_interrupt_for_ppr(apic, kvm_lapic_get_reg(apic, APIC_PROCPRI));
}

/** arch/x86/kvm/lapic.c:kvm_apic_accept_pic_intr() */
export function kvm_apic_accept_pic_intr(vcpu: struct_kvm_vcpu): boolean {
	const lvt0 = kvm_lapic_get_reg(vcpu.arch.apic!, APIC_LVT0);

	if (!kvm_apic_hw_enabled(vcpu.arch.apic!))
		return true;
	if ((lvt0 & APIC_LVT_MASKED) === 0 &&
	    GET_APIC_DELIVERY_MODE(lvt0) === APIC_MODE_EXTINT)
		return true;
	return false;
}

/** arch/x86/kvm/lapic.c:kvm_inject_apic_timer_irqs() */
export function kvm_inject_apic_timer_irqs(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic!;

	if (atomic_read(apic.lapic_timer.pending) > 0) {
		kvm_apic_local_deliver(apic, APIC_LVTT);
		atomic_set(apic.lapic_timer.pending, 0);
	}
}

/**
 * arch/x86/kvm/lapic.c:kvm_get_apic_interrupt(): the vector, which is in service from here on, or
 * -1.
 */
export function kvm_get_apic_interrupt(vcpu: struct_kvm_vcpu): number {
	const vector = kvm_apic_has_interrupt(vcpu);
	const apic = vcpu.arch.apic!;

	if (vector === -1)
		return -1;

	apic_clear_irr(vector, apic);
	/*
	 * PPR rises with it, so nothing that is pending can come before it; and whatever is raised
	 * from now on makes KVM_REQ_EVENT itself.
	 */
	apic_set_isr(vector, apic);
	__apic_update_ppr(apic);

	return vector;
}

const word = (regs: Uint8Array, off: number): number =>
	u32(regs[off]! | regs[off + 1]! << 8 | regs[off + 2]! << 16 | regs[off + 3]! << 24);

function put_word(regs: Uint8Array, off: number, val: number): void {
	regs[off] = val;
	regs[off + 1] = val >>> 8;
	regs[off + 2] = val >>> 16;
	regs[off + 3] = val >>> 24;
}

/** arch/x86/kvm/lapic.c:kvm_apic_state_fixup(): user space's form of ID and ICR, or back. */
function kvm_apic_state_fixup(vcpu: struct_kvm_vcpu, s: struct_kvm_lapic_state,
	set: boolean): number {
	if (apic_x2apic_mode(vcpu.arch.apic!)) {
		const id = word(s.regs, APIC_ID);

		if (vcpu.kvm.arch.x2apic_format) {
			if (id !== vcpu.vcpu_id)
				return -EINVAL;
		} else {
			if (set)
				put_word(s.regs, APIC_ID, id >>> 24);
			else
				put_word(s.regs, APIC_ID, id << 24);
		}

		/* LDR follows from the ID; ICR's upper half is where an xAPIC has it */
		if (set) {
			put_word(s.regs, APIC_LDR, kvm_apic_calc_x2apic_ldr(word(s.regs, APIC_ID)));

			put_word(s.regs, APIC_ICR + 4, word(s.regs, APIC_ICR2));
		} else {
			put_word(s.regs, APIC_ICR2, word(s.regs, APIC_ICR + 4));
		}
	} else {
		kvm_lapic_xapic_id_updated(vcpu.arch.apic!);
	}

	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_apic_get_state() */
export function kvm_apic_get_state(vcpu: struct_kvm_vcpu, s: struct_kvm_lapic_state): number {
	s.regs.set(vcpu.arch.apic!.regs.subarray(0, KVM_APIC_REG_SIZE));

	put_word(s.regs, APIC_TMCCT, __apic_read(vcpu.arch.apic!, APIC_TMCCT));

	return kvm_apic_state_fixup(vcpu, s, false);
}

/** arch/x86/kvm/lapic.c:kvm_apic_set_state() */
export function kvm_apic_set_state(vcpu: struct_kvm_vcpu, s: struct_kvm_lapic_state): number {
	const apic = vcpu.arch.apic!;

	kvm_lapic_set_base(vcpu, vcpu.arch.apic_base);
	/* on its own, because it counts APICs that are disabled */
	apic_set_spiv(apic, word(s.regs, APIC_SPIV));

	const r = kvm_apic_state_fixup(vcpu, s, true);
	if (r) {
		kvm_recalculate_apic_map(vcpu.kvm);
		return r;
	}
	vcpu.arch.apic!.regs.set(s.regs.subarray(0, KVM_APIC_REG_SIZE));

	atomic_set_release(apic.vcpu.kvm.arch.apic_map_dirty, DIRTY);
	kvm_recalculate_apic_map(vcpu.kvm);
	kvm_apic_set_version(vcpu);

	apic_update_ppr(apic);
	cancel_apic_timer(apic);
	apic_update_lvtt(apic);
	apic_manage_nmi_watchdog(apic, kvm_lapic_get_reg(apic, APIC_LVT0));
	update_divide_count(apic);
	kvm_lapic_set_reg(apic, APIC_TMCCT, 0);
	kvm_apic_update_apicv(vcpu);
	apic.highest_isr_cache = -1;
	if (apic.apicv_active) {
		if (kvm_x86_ops.apicv_post_state_restore !== null)
			kvm_x86_ops.apicv_post_state_restore(vcpu);
		if (kvm_x86_ops.hwapic_irr_update !== null)
			kvm_x86_ops.hwapic_irr_update(vcpu, apic_find_highest_irr(apic));
		if (kvm_x86_ops.hwapic_isr_update !== null)
			kvm_x86_ops.hwapic_isr_update(apic_find_highest_isr(apic));
	}
	kvm_make_request(KVM_REQ_EVENT, vcpu);

	vcpu.arch.apic_arb_prio = 0;

	return 0;
}

/**
 * arch/x86/kvm/lapic.c:apic_sync_pv_eoi_from_guest(). KVM_APIC_PV_EOI_PENDING is set: the guest may
 * clear KVM_PV_EOI_ENABLED in its memory instead of writing EOI. Still set there: it has not.
 */
function apic_sync_pv_eoi_from_guest(vcpu: struct_kvm_vcpu, apic: struct_kvm_lapic): void {
	BUG_ON(!pv_eoi_enabled(vcpu));

	if (pv_eoi_test_and_clr_pending(vcpu))
		return;
	const vector = apic_set_eoi(apic);
	trace_kvm_pv_eoi(apic, vector);
}

/** arch/x86/kvm/lapic.c:kvm_lapic_sync_from_vapic() */
export function kvm_lapic_sync_from_vapic(vcpu: struct_kvm_vcpu): void {
	const data = new Uint8Array(4);

	if (vcpu.arch.apic_attention & 1 << KVM_APIC_PV_EOI_PENDING)
		apic_sync_pv_eoi_from_guest(vcpu, vcpu.arch.apic!);

	if ((vcpu.arch.apic_attention & 1 << KVM_APIC_CHECK_VAPIC) === 0)
		return;

	if (kvm_read_guest_cached(vcpu.kvm, vcpu.arch.apic!.vapic_cache, data, 4))
		return;

	apic_set_tpr(vcpu.arch.apic!, data[0]!);
}

/** arch/x86/kvm/lapic.c:apic_sync_pv_eoi_to_guest() */
function apic_sync_pv_eoi_to_guest(vcpu: struct_kvm_vcpu, apic: struct_kvm_lapic): void {
	if (!pv_eoi_enabled(vcpu) ||
	    /* interrupts may nest */
	    apic.irr_pending ||
	    /* it would be safe, but rarely */
	    apic.highest_isr_cache === -1 ||
	    /* the I/O APIC has to hear of the EOI */
	    kvm_ioapic_handles_vector(apic, apic.highest_isr_cache)) {
		/* apic_sync_pv_eoi_from_guest() turned it off */
		return;
	}

	pv_eoi_set_pending(apic.vcpu);
}

/** arch/x86/kvm/lapic.c:kvm_lapic_sync_to_vapic() */
export function kvm_lapic_sync_to_vapic(vcpu: struct_kvm_vcpu): void {
	const apic = vcpu.arch.apic!;
	const data = new Uint8Array(4);

	apic_sync_pv_eoi_to_guest(vcpu, apic);

	if ((vcpu.arch.apic_attention & 1 << KVM_APIC_CHECK_VAPIC) === 0)
		return;

	const tpr = kvm_lapic_get_reg(apic, APIC_TASKPRI) & 0xff;
	let max_irr = apic_find_highest_irr(apic);
	if (max_irr < 0)
		max_irr = 0;
	let max_isr = apic_find_highest_isr(apic);
	if (max_isr < 0)
		max_isr = 0;
	put_word(data, 0, (tpr & 0xff) | ((max_isr & 0xf0) << 8) | (max_irr << 24));

	kvm_write_guest_cached(vcpu.kvm, vcpu.arch.apic!.vapic_cache, data, 4);
}

/** arch/x86/kvm/lapic.c:kvm_lapic_set_vapic_addr() */
export function kvm_lapic_set_vapic_addr(vcpu: struct_kvm_vcpu, vapic_addr: gpa_t): number {
	if (vapic_addr !== 0) {
		if (kvm_gfn_to_hva_cache_init(vcpu.kvm, vcpu.arch.apic!.vapic_cache, vapic_addr, 4))
			return -EINVAL;
		vcpu.arch.apic_attention |= 1 << KVM_APIC_CHECK_VAPIC;
	} else {
		vcpu.arch.apic_attention &= ~(1 << KVM_APIC_CHECK_VAPIC);
	}

	vcpu.arch.apic!.vapic_addr = vapic_addr;
	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_x2apic_icr_write() */
export function kvm_x2apic_icr_write(apic: struct_kvm_lapic, data: bigint): number {
	data &= ~BigInt(APIC_ICR_BUSY);

	kvm_apic_send_ipi(apic, Number(data & 0xffffffffn), Number(data >> 32n));
	kvm_lapic_set_reg64(apic, APIC_ICR, data);
	trace_kvm_apic_write(APIC_ICR, Number(data));
	return 0;
}

function kvm_lapic_msr_read(apic: struct_kvm_lapic, reg: number, data: ref<bigint>): number {
	const low = new Uint8Array(4);

	if (reg === APIC_ICR) {
		data.v = kvm_lapic_get_reg64(apic, APIC_ICR);
		return 0;
	}

	if (kvm_lapic_reg_read(apic, reg, 4, low))
		return 1;

	data.v = BigInt(word(low, 0));

	return 0;
}

function kvm_lapic_msr_write(apic: struct_kvm_lapic, reg: number, data: bigint): number {
	/* the only register of 64 bits */
	if (reg === APIC_ICR)
		return kvm_x2apic_icr_write(apic, data);

	return kvm_lapic_reg_write(apic, reg, Number(data & 0xffffffffn));
}

/** arch/x86/kvm/lapic.c:kvm_x2apic_msr_write() */
export function kvm_x2apic_msr_write(vcpu: struct_kvm_vcpu, msr: number, data: bigint): number {
	const apic = vcpu.arch.apic!;
	const reg = (msr - APIC_BASE_MSR) << 4;

	if (!lapic_in_kernel(vcpu) || !apic_x2apic_mode(apic))
		return 1;

	return kvm_lapic_msr_write(apic, reg, data);
}

/** arch/x86/kvm/lapic.c:kvm_x2apic_msr_read() */
export function kvm_x2apic_msr_read(vcpu: struct_kvm_vcpu, msr: number, data: ref<bigint>): number {
	const apic = vcpu.arch.apic!;
	const reg = (msr - APIC_BASE_MSR) << 4;

	if (!lapic_in_kernel(vcpu) || !apic_x2apic_mode(apic))
		return 1;

	if (reg === APIC_DFR)
		return 1;

	return kvm_lapic_msr_read(apic, reg, data);
}

/** arch/x86/kvm/lapic.c:kvm_lapic_set_pv_eoi() */
export function kvm_lapic_set_pv_eoi(vcpu: struct_kvm_vcpu, data: bigint, len: number): number {
	const addr = Number(data & ~BigInt(KVM_MSR_ENABLED));
	const ghc = vcpu.arch.pv_eoi.data;

	if (!IS_ALIGNED(addr, 4))
		return 1;

	if ((data & BigInt(KVM_MSR_ENABLED)) !== 0n) {
		let new_len: number;

		if (addr === ghc.gpa && len <= ghc.len)
			new_len = ghc.len;
		else
			new_len = len;

		const ret = kvm_gfn_to_hva_cache_init(vcpu.kvm, ghc, gpa_t(addr), new_len);
		if (ret)
			return ret;
	}

	vcpu.arch.pv_eoi.msr_val = data;

	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_apic_accept_events() */
export function kvm_apic_accept_events(vcpu: struct_kvm_vcpu): number {
	const apic = vcpu.arch.apic!;

	if (!lapic_in_kernel(vcpu))
		return 0;

	const pe = smp_load_acquire(apic.pending_events);
	if (pe === 0)
		return 0;

	/*
	 * INIT waits while the CPU is in system management mode. That cannot be right after an INIT
	 * was taken, so a SIPI is lost and the INIT stays.
	 */
	if (kvm_vcpu_latch_init(vcpu)) {
		WARN_ON_ONCE(vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED);
		if (pe & 1 << KVM_APIC_SIPI)
			apic.pending_events &= ~(1 << KVM_APIC_SIPI);
		return 0;
	}

	if (pe & 1 << KVM_APIC_INIT) {
		apic.pending_events &= ~(1 << KVM_APIC_INIT);
		kvm_vcpu_reset(vcpu, true);
		if (kvm_vcpu_is_bsp(apic.vcpu))
			vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
		else
			vcpu.arch.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	}
	if (pe & 1 << KVM_APIC_SIPI) {
		apic.pending_events &= ~(1 << KVM_APIC_SIPI);
		if (vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED) {
			/* after pending_events */
			smp_rmb();
			const sipi_vector = apic.sipi_vector;
			kvm_x86_ops.vcpu_deliver_sipi_vector(vcpu, sipi_vector);
			vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
		}
	}
	return 0;
}

/** arch/x86/kvm/lapic.c:kvm_lapic_exit() */
export function kvm_lapic_exit(): void {
	WARN_ON(static_branch_unlikely(apic_hw_disabled));
	WARN_ON(static_branch_unlikely(apic_sw_disabled));
}
